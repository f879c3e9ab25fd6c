//! The Nu Html Checker, which reads pages as the standard wants them and not as browsers forgive them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Missing, Peer};

/// Says what is wrong with pages.
pub struct HtmlChecker {
    java: Peer,
    program: PathBuf,
}

impl HtmlChecker {
    /// With Java and the checker's program.
    ///
    /// # Errors
    /// [`Missing`] when one of them is not installed.
    pub fn find() -> Result<Self, Missing> {
        Ok(Self { java: Peer::find("java")?, program: Peer::html_checker()? })
    }

    /// Everything that it finds in files whose names end in `.html` or `.svg`, errors and warnings, a line each. All at once: it takes
    /// seconds to start.
    ///
    /// # Panics
    /// If there are no such files, or the checker does not say what it found.
    pub fn findings(&self, files: &[PathBuf]) -> String {
        assert!(!files.is_empty(), "nothing to examine");
        let mut command = self.java.command();
        command.arg("-jar").arg(&self.program).args(["--format", "json", "--stdout", "--also-check-svg"]);
        let output = command.args(files).output().expect("it runs");
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stderr)));
        let messages = said["messages"].as_array().unwrap_or_else(|| panic!("no messages: {said}"));
        let mut found = String::new();
        for message in messages {
            let text = |key: &str| message[key].as_str().unwrap_or_default();
            let file = Path::new(text("url")).file_name().unwrap_or_default().display();
            writeln!(found, "{file} line {}: {}: {}", message["lastLine"], text("type"), text("message"))
                .expect("a string takes any text");
        }
        found
    }

    /// The same for pages that are no files yet, each with its name.
    ///
    /// # Panics
    /// As [`HtmlChecker::findings`], and if there is no room for them.
    pub fn findings_in<'a>(&self, pages: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let folder = tempfile::tempdir().expect("there is room");
        let mut files = Vec::new();
        for (name, page) in pages {
            files.push(folder.path().join(name));
            fs::write(&files[files.len() - 1], page).expect("there is room");
        }
        self.findings(&files)
    }
}
