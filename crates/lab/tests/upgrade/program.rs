//! The gate's binary as an installer puts it: a copy that a test may replace while it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::{Gate, Missing};

/// What lies where the gate was started from.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    built: PathBuf,
}

impl Program {
    /// A copy of what was built, in this folder.
    pub(crate) fn install(folder: &Path) -> Result<Self, Missing> {
        let program = Self { path: folder.join("portcullis"), built: Gate::binary()? };
        program.renew();
        Ok(program)
    }

    /// Another copy in its place.
    pub(crate) fn renew(&self) {
        self.put(&self.built, "755");
    }

    /// A file with this text in its place.
    pub(crate) fn spoil(&self, text: &str, mode: &str) {
        let bad = self.path.with_extension("bad");
        fs::write(&bad, text).expect("there is room");
        self.put(&bad, mode);
    }

    /// Whether a process runs the very file that lies there now: one that was replaced has no name any more.
    pub(crate) fn is_run_by(&self, process: u32) -> bool {
        let there = self.path.canonicalize().expect("it was put there");
        fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|running| running == there)
    }

    /// Under another name first, then at once in its place, so that nobody ever finds half of it.
    fn put(&self, from: &Path, mode: &str) {
        let fresh = self.path.with_extension("fresh");
        // Not written by this process: whatever another test starts meanwhile could hold the file open for writing a moment
        // longer, and the kernel runs no such file.
        let copied = Command::new("install").args(["-m", mode]).arg(from).arg(&fresh).status();
        assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
        fs::rename(&fresh, &self.path).expect("it is in the same folder");
    }
}
