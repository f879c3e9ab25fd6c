//! Functions that fit on a screen.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Source, rust};

/// Nineteen of twenty functions are not longer, signature and closing brace included.
const LINES: usize = 45;

/// Longer functions are the exception, and the compiler's lint asks for a reason.
const LINES_LONG: usize = 70;

/// The share of functions that may be longer than [`LINES_LONG`], in thousandths.
const LONG_PER_THOUSAND: usize = 15;

pub(super) fn long_functions(sources: &[Source]) -> Vec<String> {
    let mut lengths: Vec<(usize, String)> =
        rust(sources).flat_map(|(path, text)| lengths_of(path, text)).collect();
    lengths.sort();
    let over = |limit| lengths.iter().filter(|(length, _)| *length > limit).count();
    let (count, moderate, long) = (lengths.len(), over(LINES), over(LINES_LONG));
    let longest = || lengths.iter().rev().map(|(length, place)| format!("{place} ({length} lines)"));
    let mut complaints = Vec::new();
    if moderate * 20 > count {
        complaints
            .push(format!("{moderate} of {count} functions are longer than {LINES} lines; split some of:"));
        complaints.extend(longest().take(moderate));
    }
    if long * 1_000 > count * LONG_PER_THOUSAND {
        complaints.push(format!("{long} of {count} functions are longer than {LINES_LONG} lines:"));
        complaints.extend(longest().take(long));
    }
    complaints
}

fn lengths_of(path: &str, text: &str) -> Vec<(usize, String)> {
    let Ok(file) = syn::parse_file(text) else { return Vec::new() };
    let mut measure = Measure { path, found: Vec::new() };
    measure.visit_file(&file);
    measure.found
}

struct Measure<'a> {
    path: &'a str,
    found: Vec<(usize, String)>,
}

impl Measure<'_> {
    fn take(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (begin, end) = (signature.span().start().line, block.span().end().line);
        let place = format!("{}:{begin}: {}", self.path, signature.ident);
        self.found.push((end + 1 - begin, place));
    }
}

impl<'ast> Visit<'ast> for Measure<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.take(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.take(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_length_counts_the_signature_and_the_brace() {
        let text =
            "/// Not this line.\nfn one(\n    a: u8,\n) {\n    drop(a);\n}\n\nimpl A {\n    fn two() {}\n}\n";
        assert_eq!(lengths_of("a.rs", text), [(5, "a.rs:2: one".to_owned()), (1, "a.rs:9: two".to_owned())]);
    }

    #[test]
    fn too_many_long_functions_are_seen_and_named() {
        let short = "fn f() {}\n".repeat(60);
        let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(70));
        let complaints = long_functions(&[made_up("a.rs", &format!("{short}{long}"))]);
        assert_eq!(complaints, ["1 of 61 functions are longer than 70 lines:", "a.rs:61: long (72 lines)"],);
        let many = "fn f() {}\n".repeat(70);
        assert_eq!(long_functions(&[made_up("a.rs", &format!("{many}{long}"))]), [""; 0]);
    }

    #[test]
    fn too_many_moderate_functions_are_seen() {
        let moderate = format!("fn moderate() {{\n{}}}\n", "    step();\n".repeat(44));
        let complaints = long_functions(&[made_up("a.rs", &format!("fn f() {{}}\n{moderate}"))]);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
    }
}
