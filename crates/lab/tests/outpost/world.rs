//! Two machines in network namespaces of their own, with one link between them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::clock::wait_for;
use lab::{Gate, Missing, Peer, Running};

/// The gate's machine.
pub(crate) const GATE: &str = "10.77.0.1";
/// A second address of it, by which people reach the site.
pub(crate) const PUBLIC: &str = "10.77.0.3";
/// A third, which stands for everybody else.
pub(crate) const OTHERS: &str = "10.77.0.4";
/// The outpost's machine.
pub(crate) const OUTPOST: &str = "10.77.0.2";
/// The file with what the pager was sent.
const PAGES: &str = "pages";
/// Where pages are served.
const PAGE_PORT: u16 = 8_082;

/// How long a machine takes to start, and how long anything may take that is not measured.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// A machine: a process that holds a network namespace.
pub(crate) struct Machine {
    holder: Running,
    nsenter: Peer,
    curl: Peer,
}

impl Machine {
    fn start(folder: &Path, name: &str) -> Result<Self, Missing> {
        let privilege = || Missing::Privilege { name: "make network namespaces".to_owned() };
        let unshare = Peer::find("unshare")?;
        let may =
            unshare.command().args(["--net", "true"]).output().is_ok_and(|output| output.status.success());
        if !may {
            return Err(privilege());
        }
        let (log, mut hold) = (folder.join(format!("{name}.log")), unshare.command());
        hold.args(["--net", "sleep", "600"]);
        let holder = Running::start(&mut hold, &log).map_err(|_| privilege())?;
        let machine = Self { holder, nsenter: Peer::find("nsenter")?, curl: Peer::find("curl")? };
        // The namespace is there when it is another than ours.
        let ours = std::fs::read_link("/proc/self/ns/net").ok();
        let there = || std::fs::read_link(format!("/proc/{}/ns/net", machine.holder.id())).ok();
        let is_apart = || there().filter(|there| Some(there) != ours.as_ref());
        wait_for(SOON, is_apart).ok_or_else(privilege)?;
        machine.run(&["ip", "link", "set", "lo", "up"]);
        Ok(machine)
    }

    /// A command on this machine.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = self.nsenter.command();
        command.args(["--net", "--target", &self.holder.id().to_string(), program]);
        command
    }

    /// Runs a command to its end; it must succeed.
    pub(crate) fn run(&self, words: &[&str]) {
        let output = self.command(words[0]).args(&words[1..]).output().expect("it starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What a machine answers to this one; empty if nothing.
    pub(crate) fn read(&self, url: &str) -> String {
        let mut command = self.command(&self.curl.path().display().to_string());
        command.args(["--silent", "--fail", "--max-time", "2", url]);
        command
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    }
}

/// The gate with its app on one machine, the outpost on another.
pub(crate) struct World {
    pub(crate) outpost: Running,
    pub(crate) gate: Running,
    _app: Running,
    _pager: Running,
    pub(crate) there: Machine,
    pub(crate) here: Machine,
    binary: PathBuf,
    folder: tempfile::TempDir,
    /// What the gate signs its page with.
    key: String,
}

impl World {
    /// Both run and the outpost shows the gate's page.
    pub(crate) fn start() -> Result<Self, Missing> {
        // There is no third machine: the outpost always answers itself.
        Self::start_with("tcp://127.0.0.1:8083")
    }

    /// The same, with what must answer for the outpost to be believed.
    pub(crate) fn start_with(control: &str) -> Result<Self, Missing> {
        let (binary, python) = (Gate::binary()?, Peer::find("python3")?);
        Peer::find("ip")?;
        let folder = tempfile::tempdir().expect("there is room");
        let at = folder.path();
        let (here, there) = (Machine::start(at, "here")?, Machine::start(at, "there")?);
        link(&here, &there);
        std::fs::create_dir(at.join("app")).expect("there is room");
        std::fs::write(at.join("app/index.html"), "a shop").expect("there is room");
        let mut app = here.command(&python.path().display().to_string());
        app.args(["-m", "http.server", "--bind", "127.0.0.1", "3000", "--directory"]).arg(at.join("app"));
        let app = Running::start_and_wait(&mut app, &at.join("app.log"), SOON, || {
            here.read("http://127.0.0.1:3000/").contains("a shop")
        });
        let app = app.expect("the app starts");
        std::fs::write(at.join("portcullis.toml"), gate_config(at)).expect("there is room");
        let mut gate = here.command(&binary.display().to_string());
        gate.arg("run").arg("--config").arg(at.join("portcullis.toml"));
        let is_up = || here.read(&format!("http://{GATE}:8080/")).contains("a shop");
        let gate =
            Running::start_and_wait(&mut gate, &at.join("gate.log"), SOON, is_up).expect("the gate starts");
        let key = page_key(&binary, at);
        std::fs::write(at.join("outpost.toml"), outpost_config(at, &key, control)).expect("there is room");
        let pager = start_pager(&there, &python, at);
        let outpost = start_outpost(&there, &binary, at);
        let world = Self { outpost, gate, _app: app, _pager: pager, there, here, binary, folder, key };
        world.until("in the beginning", || world.is_handed_back());
        Ok(world)
    }

    /// Starts the outpost anew, as after a power cut.
    pub(crate) fn restart_outpost(&mut self) {
        self.outpost.kill();
        self.outpost = start_outpost(&self.there, &self.binary, self.folder.path());
    }

    /// What the pager beside the outpost was sent, a line for each.
    pub(crate) fn paged(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(PAGES)).unwrap_or_default()
    }

    /// A file of the outpost's page, read on its own machine.
    pub(crate) fn outpost_page(&self, path: &str) -> String {
        self.there.read(&format!("http://{OUTPOST}:{PAGE_PORT}{path}"))
    }

    /// A file of the gate's page, read on its own machine.
    pub(crate) fn gate_page(&self, path: &str) -> String {
        self.here.read(&format!("http://{GATE}:{PAGE_PORT}{path}"))
    }

    /// The outpost shows what the gate shows, to the byte.
    pub(crate) fn is_handed_back(&self) -> bool {
        let gate = self.gate_page("/");
        !gate.is_empty() && gate == self.outpost_page("/")
    }

    /// `portcullis ctl …` to the gate.
    pub(crate) fn control(&self, words: &[&str]) -> String {
        let mut command = Command::new(&self.binary);
        command.arg("ctl").args(words).arg("--state").arg(self.folder.path().join("gate"));
        let output = command.output().expect("it starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// `portcullis provider-report …` of the gate.
    pub(crate) fn provider_report(&self, words: &[&str]) -> String {
        let mut command = Command::new(&self.binary);
        command.arg("provider-report").args(words).arg("--state").arg(self.folder.path().join("gate"));
        let output = command.output().expect("it starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Where a process of this world may write what it says.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// All links of the gate's machine, but for the one to itself.
    pub(crate) fn set_links(&self, state: &str) {
        self.here.run(&["ip", "link", "set", "gate0", state]);
    }

    /// Looks until it is so, or fails with what both said.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let seen = wait_for(SOON, || is_so().then_some(()));
        assert!(
            seen.is_some(),
            "{what}\ngate:\n{}\noutpost:\n{}\npage:\n{}",
            self.gate.log(),
            self.outpost.log(),
            self.outpost_page("/status.txt")
        );
    }
}

fn start_outpost(machine: &Machine, binary: &Path, folder: &Path) -> Running {
    let mut outpost = machine.command(&binary.display().to_string());
    outpost.arg("outpost").arg("--config").arg(folder.join("outpost.toml"));
    let is_up = || !machine.read(&format!("http://{OUTPOST}:{PAGE_PORT}/status.txt")).is_empty();
    let started = Running::start_and_wait(&mut outpost, &folder.join("outpost.log"), SOON, is_up);
    started.expect("the outpost starts")
}

/// Somebody is called by it: on the outpost's side of the link, because the other side cannot be reached when it is needed.
fn start_pager(machine: &Machine, python: &Peer, folder: &Path) -> Running {
    let mut pager = machine.command(&python.path().display().to_string());
    pager.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outpost/pager.py")).arg(folder.join(PAGES));
    let is_up = || machine.read("http://127.0.0.1:9000/").contains("a pager");
    Running::start_and_wait(&mut pager, &folder.join("pager.log"), SOON, is_up).expect("the pager starts")
}

/// As an admin has it printed on the gate's machine.
fn page_key(binary: &Path, folder: &Path) -> String {
    let mut command = Command::new(binary);
    command.args(["status", "key", "--config"]).arg(folder.join("portcullis.toml"));
    let output = command.output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

fn link(here: &Machine, there: &Machine) {
    let other = there.holder.id().to_string();
    here.run(&["ip", "link", "add", "gate0", "type", "veth", "peer", "name", "out0", "netns", &other]);
    for address in [GATE, PUBLIC, OTHERS] {
        here.run(&["ip", "address", "add", &format!("{address}/24"), "dev", "gate0"]);
    }
    there.run(&["ip", "address", "add", &format!("{OUTPOST}/24"), "dev", "out0"]);
    here.run(&["ip", "link", "set", "gate0", "up"]);
    there.run(&["ip", "link", "set", "out0", "up"]);
}

fn gate_config(folder: &Path) -> String {
    let page: SocketAddr = format!("{GATE}:{PAGE_PORT}").parse().expect("it is an address");
    format!(
        r#"
[[listen]]
address = "0.0.0.0:8080"
[[site]]
mode = "auto"
[[site.origin]]
url = "http://127.0.0.1:3000"
[state]
dir = "{state}"
[console]
address = "127.0.0.1:8081"
[status]
listen = "{page}"
url = "https://status.shop.example"
name = "Example Shop"
first_notice = "0s"
[[status.component]]
name = "Shop"
[[status.component]]
name = "Phone support"
watches = "nothing"
[host]
link = "2 Mbit/s"
[outpost]
url = "http://{OUTPOST}:{PAGE_PORT}"
[[probe]]
name = "app"
target = "http://127.0.0.1:3000/"
shows = "app"
contains = "a shop"
"#,
        state = folder.join("gate").display()
    )
}

/// Every duration is the default: what is promised is promised of them.
fn outpost_config(folder: &Path, key: &str, control: &str) -> String {
    format!(
        r#"
[gate]
url = "http://{GATE}:{PAGE_PORT}"
key = "{key}"
[page]
listen = "{OUTPOST}:{PAGE_PORT}"
url = "https://status.shop.example"
name = "Example Shop"
export = ["{export}"]
[[probe]]
name = "front page"
target = "http://{PUBLIC}:8080/"
contains = "a shop"
[[probe]]
name = "control"
target = "{control}"
shows = "control"
[state]
dir = "{state}"
[console]
address = "127.0.0.1:8083"
metrics_allow = ["127.0.0.1"]
[[notify]]
name = "pager"
kind = "slack"
url = "http://127.0.0.1:9000/page"
"#,
        export = folder.join("export").display(),
        state = folder.join("outpost").display()
    )
}

impl World {
    /// What `portcullis status verify` says of the folder that the outpost exports to, with the gate's key.
    pub(crate) fn verified(&self) -> String {
        let mut command = Command::new(&self.binary);
        command.args(["status", "verify"]).arg(self.folder.path().join("export")).args(["--key", &self.key]);
        let output = command.output().expect("it starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// A file of the folder that the outpost exports to.
    pub(crate) fn exported(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("export").join(name)).unwrap_or_default()
    }
}
