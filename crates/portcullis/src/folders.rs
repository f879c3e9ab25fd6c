//! Whether folders outside the state folder can be written by whoever asks.

use std::path::{Path, PathBuf};

use config::{Config, OutpostConfig};
use rustix::fs::{Access, access};
use rustix::io::Errno;

/// Folders of a gate that cannot be written, a sentence for each.
pub(crate) fn of_gate(config: &Config) -> Vec<String> {
    let exports = config.status.iter().flat_map(|status| &status.export);
    unwritable(config.log.dir.as_deref(), exports)
}

/// The same of an outpost.
pub(crate) fn of_outpost(config: &OutpostConfig) -> Vec<String> {
    let exports = config.page.iter().flat_map(|page| &page.export);
    unwritable(config.log.dir.as_deref(), exports)
}

fn unwritable<'a>(log: Option<&Path>, exports: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    let sentence = |key: &str, folder: &Path| {
        let why = refusal(folder)?;
        Some(format!(
            "{key}: this user cannot write to {}: {why}; give the folder to the user that it runs as, and name it in \
             ReadWritePaths= of a systemd unit",
            folder.display()
        ))
    };
    let log = log.and_then(|folder| sentence("[log] dir", folder));
    log.into_iter().chain(exports.filter_map(|folder| sentence("export", folder))).collect()
}

/// Why nothing can be written to a folder; one that is not there yet is made if the folder around it allows that. Nothing is tried.
fn refusal(folder: &Path) -> Option<std::io::Error> {
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if folder.is_dir() => None,
        Ok(()) => Some(Errno::NOTDIR.into()),
        Err(Errno::NOENT) => match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => refusal(parent),
            None => refusal(Path::new(".")).filter(|_| folder != Path::new(".")),
        },
        Err(error) => Some(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let said = |log: Option<&str>, export: &str| {
            let exports = [PathBuf::from(export)];
            unwritable(log.map(Path::new), exports.iter())
        };
        let good = folder.path().join("new/deeper");
        assert_eq!(said(None, folder.path().to_str().unwrap()), [""; 0]);
        assert_eq!(said(good.to_str(), good.to_str().unwrap()), [""; 0], "it can be made");
        // Where there is a file, nobody can: root may write to most other places.
        let both = said(file.to_str(), file.join("page").to_str().unwrap());
        assert_eq!(both.len(), 2, "{both:?}");
        let expected = format!("[log] dir: this user cannot write to {}: ", file.display());
        assert!(both[0].starts_with(&expected), "{}", both[0]);
        assert!(both[1].starts_with("export: ") && both[1].contains("ReadWritePaths="), "{}", both[1]);
    }

    #[test]
    fn the_units_may_write_where_the_manual_has_them_write_and_are_tried_again_for_ever() {
        let units = [
            include_str!("../../../packaging/portcullis.service"),
            include_str!("../../../packaging/portcullis-outpost.service"),
        ];
        let manual = [include_str!("../../../docs/status.md"), include_str!("../../../docs/outpost.md")];
        assert!(manual.iter().all(|text| text.contains(r#"export = ["/srv/status"]"#)));
        for unit in units {
            let has = |line: &str| unit.lines().any(|there| there == line);
            assert!(has("ProtectSystem=strict") && has("ReadWritePaths=-/srv/status"), "{unit}");
            assert!(has("LogsDirectory=portcullis") && has("StateDirectory=portcullis"), "{unit}");
            let (before, service) = unit.split_once("\n[Service]\n").unwrap();
            assert!(before.lines().any(|line| line == "StartLimitIntervalSec=0"), "{unit}");
            assert!(service.lines().any(|line| line == "User=portcullis"), "{unit}");
            let command = before.lines().find(|line| line.contains("useradd --system")).unwrap();
            let first_day = include_str!("../../../docs/first-day.md");
            assert!(first_day.contains(command.split_once(": ").unwrap().1), "{command}");
        }
    }
}
