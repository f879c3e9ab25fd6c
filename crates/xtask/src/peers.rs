//! Installs the programs that tests run beside the gate. What is there already is left alone, so a second run is quick.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::{Peer, checkout, peers_folder};

use crate::shell::{Line, ShellError, run_quietly};

/// A Debian package and the command that shows that it is installed.
struct Package {
    name: &'static str,
    command: &'static str,
}

/// What comes from Debian.
const PACKAGES: [Package; 25] = [
    Package { name: "nginx-light", command: "nginx" },
    Package { name: "haproxy", command: "haproxy" },
    Package { name: "wrk", command: "wrk" },
    Package { name: "nghttp2-client", command: "h2load" },
    Package { name: "slowhttptest", command: "slowhttptest" },
    Package { name: "testssl.sh", command: "testssl" },
    Package { name: "pebble", command: "pebble" },
    Package { name: "prometheus-alertmanager", command: "prometheus-alertmanager" },
    Package { name: "prometheus", command: "prometheus" },
    Package { name: "newsboat", command: "newsboat" },
    Package { name: "default-jre-headless", command: "java" },
    Package { name: "curl", command: "curl" },
    Package { name: "lynx", command: "lynx" },
    Package { name: "openssh-client", command: "sftp" },
    Package { name: "openssh-server", command: "sshd" },
    Package { name: "openssl", command: "openssl" },
    Package { name: "util-linux", command: "taskset" },
    Package { name: "iproute2", command: "ip" },
    Package { name: "python3", command: "python3" },
    Package { name: "rsync", command: "rsync" },
    Package { name: "faketime", command: "faketime" },
    Package { name: "nodejs", command: "node" },
    Package { name: "npm", command: "npm" },
    Package { name: "chromium", command: "chromium" },
    Package { name: "chromium-driver", command: "chromedriver" },
];

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Written into a folder of packages when they are all there: the list that they were installed from.
const STAMP: &str = "installed-from";

/// Installs whatever is missing.
pub(crate) fn install() -> Result<(), ShellError> {
    install_debian_packages()?;
    install_python_packages("requirements.txt", "python")?;
    install_python_packages("readers.txt", "readers")?;
    install_python_packages("alerts.txt", "alerts")?;
    install_python_packages("stores.txt", "stores")?;
    install_node_packages()?;
    install_cargo_deny()
}

fn install_debian_packages() -> Result<(), ShellError> {
    let mut wanted: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| Peer::find(package.command).is_err())
        .map(|package| package.name)
        .collect();
    if !peers_folder().join("python").is_dir() && !python_can_make_folders() {
        wanted.push("python3-venv");
    }
    if wanted.is_empty() {
        return Ok(());
    }
    println!("installing {}", wanted.join(" "));
    run_quietly(as_root("apt-get").args(["update", "--quiet"]))?;
    let mut command = as_root("apt-get");
    command.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(wanted);
    run_quietly(&mut command)?;
    Ok(())
}

/// Debian's daemons would start at once with its own configuration; `RUNLEVEL` keeps them from it.
fn as_root(program: &str) -> Command {
    let is_root = run_quietly(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let environment = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", program];
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    command.args(if is_root { &[][..] } else { &["env"][..] }).args(environment);
    command
}

fn python_can_make_folders() -> bool {
    run_quietly(python().args(["-c", "import ensurepip, venv"])).is_ok()
}

/// Debian's own Python where it is there: versions from elsewhere may lack modules.
fn python() -> Command {
    let debian = Path::new("/usr/bin/python3");
    Command::new(if debian.is_file() { debian } else { Path::new("python3") })
}

fn install_python_packages(list: &str, folder: &str) -> Result<(), ShellError> {
    let (list, folder) = (checkout().join("peers").join(list), peers_folder().join(folder));
    if is_installed(&list, &folder) {
        return Ok(());
    }
    println!("installing the packages of {}", list.display());
    run_quietly(python().args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut command = Command::new(folder.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run_quietly(command.arg(&list))?;
    stamp(&list, &folder)
}

fn install_node_packages() -> Result<(), ShellError> {
    let (list, folder) = (checkout().join("peers/package.json"), peers_folder().join("node"));
    if is_installed(&list, &folder) {
        return Ok(());
    }
    println!("installing the packages of peers/package.json");
    fs::create_dir_all(&folder).map_err(|error| file_error("create", &folder, error))?;
    let copy = folder.join("package.json");
    fs::copy(&list, &copy).map_err(|error| file_error("write", &copy, error))?;
    let mut command = Command::new("npm");
    command.args(["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]);
    run_quietly(command.current_dir(&folder))?;
    stamp(&list, &folder)
}

fn install_cargo_deny() -> Result<(), ShellError> {
    let version = run_quietly(Command::new("cargo").args(["deny", "--version"]));
    if version.is_ok_and(|text| text.split_whitespace().last() == Some(CARGO_DENY)) {
        return Ok(());
    }
    println!("installing cargo-deny {CARGO_DENY}");
    let mut command = Command::new("cargo");
    command.args(["install", "--quiet", "--locked", "--force", "cargo-deny", "--version", CARGO_DENY]);
    run_quietly(&mut command)?;
    Ok(())
}

fn is_installed(list: &Path, folder: &Path) -> bool {
    matches!((fs::read(list), fs::read(folder.join(STAMP))), (Ok(wanted), Ok(there)) if wanted == there)
}

fn stamp(list: &Path, folder: &Path) -> Result<(), ShellError> {
    let path: PathBuf = folder.join(STAMP);
    fs::copy(list, &path).map_err(|error| file_error("write", &path, error))?;
    Ok(())
}

fn file_error(act: &str, path: &Path, error: io::Error) -> ShellError {
    ShellError::Start { command: Line::new(format!("{act} {}", path.display())), error }
}
