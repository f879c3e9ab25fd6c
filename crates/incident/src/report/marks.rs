//! Reports where Markdown is not read: in feeds and in mail.

/// A published report for those who read it as it is: without marks, and without tables, which only pages show.
pub fn without_marks(report: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in report.lines() {
        let line = if line.starts_with('|') { TABLE } else { line };
        let heading = ["## ", "# "].iter().find_map(|mark| line.strip_prefix(mark));
        let line = heading.unwrap_or(line).replace("**", "");
        if line != TABLE || lines.last().is_none_or(|last| last != TABLE) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

const TABLE: &str = "(A table: see the page.)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_without_its_marks_too() {
        let report = "# Report\n\n## Impact\n\n- **All** of it. (#4)\n\n| Time | What |\n| --- | --- |\n| 14:33 | it began |\n\nPlain.";
        let plain = "Report\n\nImpact\n\n- All of it. (#4)\n\n(A table: see the page.)\n\nPlain.";
        assert_eq!(without_marks(report), plain);
    }
}
