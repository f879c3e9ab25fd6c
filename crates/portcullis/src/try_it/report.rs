//! The file for the draft of the report: there from the start, so that nobody watches for minutes to hear that it cannot be.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::TryError;

/// A new file that is to hold the report. Without a report in it, it goes again.
pub(super) struct ReportFile {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl ReportFile {
    /// Makes it; it must not exist.
    pub(super) fn create(path: &Path) -> Result<Self, TryError> {
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        let file = opened.map_err(|error| TryError::Report { file: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), file, is_written: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the whole report. What was written of it before an error stays.
    pub(super) fn write(&mut self, report: &[u8]) -> Result<(), TryError> {
        self.is_written = true;
        let written = self.file.write_all(report).and_then(|()| self.file.sync_all());
        written.map_err(|error| TryError::Report { file: self.path.clone(), error })
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        if !self.is_written {
            // An empty file is a small loss.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_from_the_start_overwrites_nothing_and_goes_when_there_is_no_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let empty = ReportFile::create(&path).unwrap();
        assert!(path.exists());
        drop(empty);
        assert!(!path.exists(), "there was no report");
        let mut file = ReportFile::create(&path).unwrap();
        file.write(b"<p>It was down.").unwrap();
        drop(file);
        assert_eq!(std::fs::read(&path).unwrap(), b"<p>It was down.");
        let refused = ReportFile::create(&path).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("cannot be written to") && refused.contains("report.html"), "{refused}");
        assert!(path.exists(), "what was there before stays");
        let nowhere = folder.path().join("missing/report.html");
        assert!(ReportFile::create(&nowhere).is_err());
    }
}
