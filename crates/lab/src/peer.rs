//! Programs of other people that tests and benchmarks run beside the gate.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{peers_folder, shared_data};

/// Folders searched after `PATH`: Debian puts daemons where people's own `PATH` does not reach.
const DAEMON_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A program that is installed on this machine.
#[derive(Clone, Debug)]
pub struct Peer {
    name: String,
    path: PathBuf,
}

/// Why something that a test needs is not there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Missing {
    /// A program is not installed.
    #[error("`{name}` is not installed; run `cargo xtask test --install-peers`")]
    Program {
        /// The command's name.
        name: String,
    },
    /// The gate's own binary was not built.
    #[error("`{}` does not exist; run `cargo build -p portcullis` (with `--release` for benchmarks)", path.display())]
    Gate {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The data sets beside the checkout are not there.
    #[error("`{name}` is not in the shared data; set PORTCULLIS_DATA to the folder that holds it")]
    Data {
        /// The path inside the data folder.
        name: String,
    },
    /// The tests run as somebody who may not do this.
    #[error("this test must {name}, which needs root (in a container: the capability SYS_ADMIN)")]
    Privilege {
        /// What must be done.
        name: String,
    },
    /// The limit of open files is too low.
    #[error(
        "this test holds {needed} files open, and {allowed} are allowed; raise the hard limit (`ulimit -Hn`)"
    )]
    Files {
        /// Files that one process of the test must have open at once.
        needed: u64,
        /// What the machine allows.
        allowed: u64,
    },
}

impl Missing {
    /// Data sets are not part of a clone, and no test command can give itself privileges or higher limits: tests that need them
    /// may skip everywhere.
    pub fn may_always_skip(&self) -> bool {
        matches!(self, Self::Data { .. } | Self::Privilege { .. } | Self::Files { .. })
    }
}

impl Peer {
    /// Looks for a program: the folders of `PATH`, then those of daemons.
    ///
    /// # Errors
    /// [`Missing::Program`] when it is in none of them.
    pub fn find(name: &str) -> Result<Self, Missing> {
        let search = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&search)
            .chain(DAEMON_FOLDERS.iter().map(PathBuf::from))
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .map(|path| Self { name: name.to_owned(), path })
            .ok_or_else(|| Missing::Program { name: name.to_owned() })
    }

    /// Python with the web frameworks of `peers/requirements.txt`.
    ///
    /// # Errors
    /// [`Missing::Program`] when they were not installed.
    pub fn python() -> Result<Self, Missing> {
        Self::installed("python with its web frameworks", &peers_folder().join("python/bin/python"))
    }

    /// Python with the readers of status pages of `peers/readers.txt`.
    ///
    /// # Errors
    /// [`Missing::Program`] when they were not installed.
    pub fn readers() -> Result<Self, Missing> {
        Self::installed("python with readers of status pages", &peers_folder().join("readers/bin/python"))
    }

    /// Python with the receivers of alerts of `peers/alerts.txt`.
    ///
    /// # Errors
    /// [`Missing::Program`] when they were not installed.
    pub fn alerts() -> Result<Self, Missing> {
        Self::installed("python with receivers of alerts", &peers_folder().join("alerts/bin/python"))
    }

    /// Python with the store of `peers/stores.txt`.
    ///
    /// # Errors
    /// [`Missing::Program`] when it was not installed.
    pub fn stores() -> Result<Self, Missing> {
        Self::installed("python with a store that speaks S3", &peers_folder().join("stores/bin/python"))
    }

    /// Node.js; its packages of `peers/package.json` lie in [`Peer::node_packages`].
    ///
    /// # Errors
    /// [`Missing::Program`] when Node.js or its packages were not installed.
    pub fn node() -> Result<Self, Missing> {
        Self::installed(
            "the packages of peers/package.json",
            &Self::node_packages().join(".package-lock.json"),
        )?;
        Self::find("node")
    }

    /// The folder to give Node.js as `NODE_PATH`.
    pub fn node_packages() -> PathBuf {
        peers_folder().join("node/node_modules")
    }

    /// The script of axe-core, which looks at a page as those see it who cannot see or point.
    ///
    /// # Errors
    /// [`Missing::Program`] when the packages of `peers/package.json` were not installed.
    pub fn axe() -> Result<PathBuf, Missing> {
        let script = Self::node_packages().join("axe-core/axe.min.js");
        Self::installed("axe-core of peers/package.json", &script).map(|found| found.path)
    }

    /// The script that shows a page of Atlassian's on pages of others.
    ///
    /// # Errors
    /// [`Missing::Program`] when the packages of `peers/package.json` were not installed.
    pub fn widget() -> Result<PathBuf, Missing> {
        let script = Self::node_packages().join("@statuspage/status-widget/dist/index.js");
        Self::installed("the widget of peers/package.json", &script).map(|found| found.path)
    }

    /// The program of the Nu Html Checker, which Java runs.
    ///
    /// # Errors
    /// [`Missing::Program`] when the packages of `peers/package.json` were not installed.
    pub fn html_checker() -> Result<PathBuf, Missing> {
        let program = Self::node_packages().join("vnu-jar/build/dist/vnu.jar");
        Self::installed("vnu-jar of peers/package.json", &program).map(|found| found.path)
    }

    /// A file or folder of the shared data sets.
    ///
    /// # Errors
    /// [`Missing::Data`], which tests may always skip.
    pub fn data(name: &str) -> Result<PathBuf, Missing> {
        shared_data()
            .map(|folder| folder.join(name))
            .filter(|path| path.exists())
            .ok_or_else(|| Missing::Data { name: name.to_owned() })
    }

    /// The name it was asked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The program's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// A command that runs it on one core only, if `taskset` is there.
    pub fn command_on_core(&self, core: usize) -> Command {
        match Self::find("taskset") {
            Ok(taskset) => {
                let mut command = taskset.command();
                command.arg("--cpu-list").arg(core.to_string()).arg(&self.path);
                command
            }
            Err(_missing) => self.command(),
        }
    }

    fn installed(name: &str, path: &Path) -> Result<Self, Missing> {
        let missing = || Missing::Program { name: name.to_owned() };
        path.is_file().then(|| Self { name: name.to_owned(), path: path.to_path_buf() }).ok_or_else(missing)
    }
}
