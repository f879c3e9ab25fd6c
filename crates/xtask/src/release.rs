//! `cargo xtask release`: the binary as it is given away. It is built twice: the first build counts which of its branches are taken
//! while it serves, the second is laid out by that.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lab::{checkout, target_folder};

use crate::bench::train;
use crate::shell::{self, ShellError, run_quietly};

/// Why there is no such binary.
#[derive(Debug, thiserror::Error)]
enum ReleaseError {
    #[error(transparent)]
    Shell(#[from] ShellError),
    #[error("the compiler does not say for which machine it builds: `rustc -vV` printed no `host`")]
    NoHost,
    #[error("{path} is missing; `rustup component add llvm-tools` brings it", path = .0.display())]
    NoTool(PathBuf),
    #[error("cannot use {path}: {error}", path = .path.display())]
    Folder { path: PathBuf, error: io::Error },
    #[error("the build that counts could not be put to work: {0}")]
    Training(Box<dyn Error>),
    #[error("the build that counts left no counts in {path}", path = .0.display())]
    NothingCounted(PathBuf),
}

/// Builds and says where the binary is.
pub(crate) fn run() -> ExitCode {
    match build() {
        Ok(()) => {
            println!("{}", binary().display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the binary stands once it is built.
pub(crate) fn binary() -> PathBuf {
    target_folder().join("distribution").join(PROGRAM)
}

const PROGRAM: &str = "portcullis";

/// Builds it. About a quarter of an hour on two cores; nginx must be installed, which is the app behind the build that counts.
pub(crate) fn build() -> Result<(), Box<dyn Error>> {
    Ok(Builder::new()?.build()?)
}

/// Where and for what is built.
struct Builder {
    host: String,
    merger: PathBuf,
    counts: PathBuf,
}

impl Builder {
    fn new() -> Result<Self, ReleaseError> {
        let host = host()?;
        let sysroot = run_quietly(rustc().args(["--print", "sysroot"]))?;
        let merger = Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("bin/llvm-profdata");
        if !merger.is_file() {
            return Err(ReleaseError::NoTool(merger));
        }
        Ok(Self { host, merger, counts: target_folder().join("counts") })
    }

    fn build(&self) -> Result<(), ReleaseError> {
        emptied(&self.counts)?;
        eprintln!("building the binary that counts which of its branches are taken");
        let counting = self.built("counting", &format!("-Cprofile-generate={}", self.counts.display()))?;
        eprintln!("letting it work");
        train(&counting).map_err(ReleaseError::Training)?;
        let merged = self.merged()?;
        eprintln!("building the binary that is laid out by those counts");
        let built = self.built("counted", &format!("-Cprofile-use={}", merged.display()))?;
        let binary = binary();
        let folder = binary.with_file_name("");
        fs::create_dir_all(&folder).map_err(|error| ReleaseError::Folder { path: folder, error })?;
        fs::copy(built, &binary).map_err(|error| ReleaseError::Folder { path: binary, error })?;
        Ok(())
    }

    /// Builds with `flags` in a folder of its own. The target is named so that the flags are not for what runs while building.
    fn built(&self, folder: &str, flags: &str) -> Result<PathBuf, ReleaseError> {
        let folder = target_folder().join(folder);
        let mut command = shell::cargo();
        command.args(["build", "--quiet", "--locked", "--package", PROGRAM, "--release"]);
        command.args(["--target", &self.host]).arg("--target-dir").arg(&folder).env("RUSTFLAGS", flags);
        run_quietly(&mut command)?;
        Ok(folder.join(&self.host).join("release").join(PROGRAM))
    }

    fn merged(&self) -> Result<PathBuf, ReleaseError> {
        let folder = |error| ReleaseError::Folder { path: self.counts.clone(), error };
        let mut counted = Vec::new();
        for entry in fs::read_dir(&self.counts).map_err(folder)? {
            let path = entry.map_err(folder)?.path();
            if path.extension().is_some_and(|extension| extension == "profraw") {
                counted.push(path);
            }
        }
        if counted.is_empty() {
            return Err(ReleaseError::NothingCounted(self.counts.clone()));
        }
        let merged = self.counts.join("merged.profdata");
        run_quietly(Command::new(&self.merger).arg("merge").arg("-o").arg(&merged).args(counted))?;
        Ok(merged)
    }
}

/// The machine that the compiler builds for when nothing is said.
fn host() -> Result<String, ReleaseError> {
    let said = run_quietly(rustc().arg("-vV"))?;
    said.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or(ReleaseError::NoHost)
}

/// The compiler that Cargo uses here.
fn rustc() -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(checkout());
    command
}

/// Counts of other sources would lay out nothing well.
fn emptied(folder: &Path) -> Result<(), ReleaseError> {
    let wrong = |error| ReleaseError::Folder { path: folder.to_owned(), error };
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(wrong)?;
    }
    fs::create_dir_all(folder).map_err(wrong)
}
