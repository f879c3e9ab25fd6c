//! Machines elsewhere: an ssh server with a folder, and a store that speaks S3. Both are on loopback.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Missing, Peer, Running, free_address, web};

/// A machine that is reached over ssh, with a key that opens it.
pub(crate) struct Machine {
    listen: SocketAddr,
    folder: tempfile::TempDir,
    user: String,
    running: Option<Running>,
}

impl Machine {
    /// With a server that takes one key, and a folder that is empty.
    pub(crate) fn start() -> Result<Self, Missing> {
        for program in ["sshd", "sftp", "rsync", "ssh-keygen"] {
            Peer::find(program)?;
        }
        let folder = tempfile::Builder::new().prefix("mirror").tempdir().expect("there is room");
        for key in ["host", "client"] {
            let mut command = Peer::find("ssh-keygen")?.command();
            command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(key));
            said(&mut command);
        }
        fs::create_dir(folder.path().join("srv")).expect("there is room");
        let user = said(Command::new("id").arg("-un")).trim().to_owned();
        if user == "root" {
            // Where sshd locks itself in before it knows somebody; a system makes the folder when it starts sshd.
            fs::create_dir_all("/run/sshd").expect("root may");
        }
        let (listen, path) = (free_address(), folder.path().display());
        let configuration = format!(
            "Port {}\nListenAddress {}\nHostKey {path}/host\nAuthorizedKeysFile {path}/client.pub\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n",
            listen.port(),
            listen.ip()
        );
        fs::write(folder.path().join("sshd.conf"), configuration).expect("there is room");
        let mut machine = Self { listen, folder, user, running: None };
        machine.switch_on();
        Ok(machine)
    }

    /// Lets the server begin, again.
    pub(crate) fn switch_on(&mut self) {
        let mut command = Peer::find("sshd").expect("it was there").command();
        command.args(["-D", "-e", "-f"]).arg(self.folder.path().join("sshd.conf"));
        let log = self.folder.path().join("sshd.log");
        let started = Running::start_and_wait(&mut command, &log, SOON, || web::accepts(self.listen));
        self.running = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends the server.
    pub(crate) fn switch_off(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// The table of a mirror on it, in a folder of its own.
    pub(crate) fn table(&self, scheme: &str, folder: &str, host_key: &str) -> String {
        fs::create_dir_all(self.at(folder)).expect("there is room");
        let (user, listen, path) = (&self.user, self.listen, self.folder.path().display());
        format!(
            "[[status.ssh]]\nto = \"{scheme}://{user}@{listen}{}\"\nhost_key = \"{host_key}\"\nkey_file = \"{path}/client\"\n",
            self.at(folder).display()
        )
    }

    /// Where its server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    /// Its key.
    pub(crate) fn host_key(&self) -> String {
        self.key("host.pub")
    }

    /// A key of somebody else.
    pub(crate) fn other_key(&self) -> String {
        self.key("client.pub")
    }

    /// A folder on it.
    pub(crate) fn at(&self, folder: &str) -> PathBuf {
        self.folder.path().join("srv").join(folder)
    }

    /// What its server said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("sshd.log")).unwrap_or_default()
    }

    fn key(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("it was made").trim().to_owned()
    }
}

/// A store with a bucket, and a key that may write below a prefix of it.
pub(crate) struct Store {
    listen: SocketAddr,
    folder: tempfile::TempDir,
    key: [String; 2],
    _running: Running,
}

impl Store {
    pub(crate) fn start() -> Result<Self, Missing> {
        let python = Peer::stores()?;
        let (listen, folder) = (free_address(), tempfile::tempdir().expect("there is room"));
        let log = folder.path().join("store.log");
        let mut command = python.command();
        command.arg(STORE).args(["serve", &listen.port().to_string()]);
        let running = Running::start(&mut command, &log).unwrap_or_else(|error| panic!("{error}"));
        let key = wait_for(SOON, || {
            let text = running.log();
            let mut words = text.lines().find_map(|line| line.strip_prefix("key "))?.split(' ');
            Some([words.next()?.to_owned(), words.next()?.to_owned()])
        });
        let key = key.unwrap_or_else(|| panic!("{}", running.log()));
        fs::write(folder.path().join("secret"), format!("{}\n", key[1])).expect("there is room");
        Ok(Self { listen, folder, key, _running: running })
    }

    /// The table of a mirror in it.
    pub(crate) fn table(&self) -> String {
        let (listen, [key, _], secret) = (self.listen, &self.key, self.folder.path().join("secret"));
        format!(
            "[[status.bucket]]\nendpoint = \"http://{listen}\"\nregion = \"eu-central-1\"\nbucket = \"status-shop-example\"\n\
             prefix = \"shop\"\naccess_key = \"{key}\"\nsecret_file = \"{}\"\n",
            secret.display()
        )
    }

    /// The page in it, in a folder, as Amazon's own client reads it; nothing before there is one.
    pub(crate) fn fetch(&self) -> Option<tempfile::TempDir> {
        let folder = tempfile::tempdir().expect("there is room");
        let mut command = Peer::stores().expect("it was there").command();
        command.args([STORE, "fetch", &format!("http://{}", self.listen)]).args(&self.key).arg(folder.path());
        command.output().expect("it runs").status.success().then_some(folder)
    }
}

/// A gate with a page on these mirrors, whose tables are given, and an app that is well.
pub(crate) struct World {
    pub(crate) gate: Gate,
    _app: Origin,
}

impl World {
    pub(crate) fn start(mirrors: &str) -> Self {
        let app = Origin::start(|_| plain("200 OK", "", "yes")).expect("loopback has a port");
        let table = format!(
            "[status]\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\n{mirrors}[[status.component]]\nname = \"Phone\"\n\
             watches = \"nothing\"\n"
        );
        let config = format!("{}{table}", Gate::CONFIG.replace("{origin}", &app.url()));
        Self { gate: Gate::start(&config).expect("the gate starts"), _app: app }
    }

    /// A person tells of something.
    pub(crate) fn tell(&self, title: &str) {
        let told =
            ["incident", "open", title, "--text", "We look into it.", "--component", "Phone=major-outage"];
        self.gate.tell(&told).expect("it is told");
    }

    /// `portcullis status …`, with what it says.
    pub(crate) fn status(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(Gate::binary().expect("it was there"));
        let output =
            command.arg("status").args(words).current_dir(self.gate.folder()).output().expect("it runs");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    }

    /// The key that pages are signed with.
    pub(crate) fn key(&self) -> String {
        let (_, text) = self.status(&["key"]);
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// `portcullis status verify` of a folder.
    pub(crate) fn verify(&self, folder: &Path) -> (bool, String) {
        self.status(&["verify", &folder.display().to_string(), "--key", &self.key()])
    }
}

/// What a program says that must succeed.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mirrors/store.py");
pub(crate) const SOON: Duration = Duration::from_secs(20);
