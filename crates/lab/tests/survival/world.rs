//! One app with moods, one gate before it, and clients on many loopback addresses.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::web::{self, Answer};
use lab::{Gate, Missing, Peer, Running, free_address};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// Generous on a busy machine; nothing here measures speed.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The app answers.
pub(crate) const WELL: u8 = 0;
/// The app accepts and says nothing.
pub(crate) const HANGING: u8 = 1;
/// The app answers with what is no HTTP.
pub(crate) const GARBLED: u8 = 2;
/// The app closes each connection at once.
pub(crate) const DYING: u8 = 3;

/// An app whose answers confirm `session=NAME` as the login of NAME and show the tier that the gate named.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    mood: Arc<AtomicU8>,
}

impl App {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let mood = Arc::new(AtomicU8::new(WELL));
        let shared = Arc::clone(&mood);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mood = shared.load(Ordering::Relaxed);
                std::thread::spawn(move || answer(stream, mood));
            }
        });
        Self { address, mood }
    }

    pub(crate) fn feel(&self, mood: u8) {
        self.mood.store(mood, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, mood: u8) -> io::Result<()> {
    stream.set_read_timeout(Some(SOON))?;
    if mood == DYING {
        return Ok(());
    }
    let mut head = Vec::new();
    let mut piece = [0_u8; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < 65_536 {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    if mood == HANGING {
        pause(SOON);
        return Ok(());
    }
    if mood == GARBLED {
        return stream.write_all(b"\x00\xff this is not HTTP\r\n\r\n");
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let value = |begin: &str| {
        let (_, after) = head.split_once(begin)?;
        Some(after.split(|end: char| end == ';' || end.is_whitespace()).next().unwrap_or("").to_owned())
    };
    let login = value("session=").map(|name| format!("Portcullis-Login: {name}\r\n")).unwrap_or_default();
    let tier = value("portcullis-tier: ").unwrap_or_default();
    let body = head.lines().next().unwrap_or("").to_owned();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\n{login}Seen: tier={tier}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// `portcullis protect` before an app.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) gate: Running,
    pub(crate) listen: SocketAddr,
    // Dropped after the gate and before the folder that it is mounted in.
    disk: Option<SmallDisk>,
    folder: tempfile::TempDir,
    before: Vec<String>,
    options: Vec<String>,
}

impl World {
    /// `before` is a command that starts the gate, such as `prlimit …`; `options` are further ones of `protect`.
    pub(crate) fn start(before: &[&str], options: &[&str]) -> Result<Self, Missing> {
        Self::start_on(|_| Ok(None), before, options)
    }

    /// As [`World::start`], with a state folder on a disk of its own that is soon full.
    pub(crate) fn start_on_small_disk() -> Result<Self, Missing> {
        Self::start_on(|state| SmallDisk::mount(state).map(Some), &[], &[])
    }

    fn start_on(
        disk: impl FnOnce(PathBuf) -> Result<Option<SmallDisk>, Missing>,
        before: &[&str],
        options: &[&str],
    ) -> Result<Self, Missing> {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let (before, options) = (owned(before), owned(options));
        let (app, listen) = (App::start(), free_address());
        let folder = tempfile::tempdir().expect("a folder for state");
        let disk = disk(folder.path().join("state"))?;
        let gate = launch(&before, &options, app.address, listen, folder.path())?;
        Ok(Self { app, gate, listen, disk, folder, before, options })
    }

    /// A power cut, then a start with the same folder.
    pub(crate) fn cut_and_restart(&mut self) {
        self.gate.kill();
        self.gate = launch(&self.before, &self.options, self.app.address, self.listen, self.folder.path())
            .expect("the binary is still there");
    }

    /// The disk of a world that was started on a small one.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("this world has a small disk")
    }

    pub(crate) fn get(&self, headers: &[&str]) -> io::Result<Answer> {
        web::get(self.listen, "/", headers)
    }

    /// Signs in and gives the `Cookie` line with the pass.
    pub(crate) fn sign_in(&self, name: &str) -> String {
        let session = format!("Cookie: session={name}");
        wait_for(SOON, || self.get(&[&session]).ok().and_then(|answer| pass_in(&answer)))
            .unwrap_or_else(|| panic!("{name} gets no pass; the gate said:\n{}", self.gate.log()))
    }

    /// The tier that the app sees for these headers, within a generous time.
    pub(crate) fn tier(&self, headers: &[&str]) -> String {
        wait_for(SOON, || {
            self.get(headers)
                .ok()
                .filter(|answer| answer.status == 200)
                .and_then(|answer| answer.header("Seen").map(str::to_owned))
        })
        .unwrap_or_else(|| panic!("nobody is served; the gate said:\n{}", self.gate.log()))
    }

    /// What `portcullis ctl` prints, once it says yes.
    pub(crate) fn tell(&self, words: &[&str]) -> String {
        let binary = Gate::binary().expect("it was started from there");
        let told = wait_for(SOON, || {
            let state = self.folder.path().join("state");
            let output =
                Command::new(&binary).arg("ctl").args(words).arg("--state").arg(state).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        });
        told.unwrap_or_else(|| panic!("`ctl {words:?}` never said yes:\n{}", self.gate.log()))
    }

    /// The gate still runs and nothing in it panicked.
    pub(crate) fn check_unharmed(&mut self) {
        assert!(self.gate.ended().is_none(), "the gate ended:\n{}", self.gate.log());
        assert!(!self.gate.log().contains("panicked"), "{}", self.gate.log());
    }
}

/// A file system of 192 MiB in memory, so that a test can fill it.
pub(crate) struct SmallDisk {
    pub(crate) folder: PathBuf,
}

impl SmallDisk {
    fn mount(folder: PathBuf) -> Result<Self, Missing> {
        let mount = Peer::find("mount")?;
        std::fs::create_dir(&folder).expect("the folder is fresh");
        let words = ["-t", "tmpfs", "-o", "size=192m,mode=0700", "portcullis-test"];
        let done = Command::new(mount.path()).args(words).arg(&folder).output();
        if done.is_ok_and(|output| output.status.success()) {
            Ok(Self { folder })
        } else {
            Err(Missing::Privilege { name: "mount a file system".to_owned() })
        }
    }

    /// Takes every free byte; true when there was one.
    pub(crate) fn fill(&self) -> bool {
        let path = self.folder.join("filler");
        let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(path) else {
            return false;
        };
        let piece = vec![1_u8; 65_536];
        let mut has_taken = false;
        // Bounded by the size of the disk.
        while matches!(file.write(&piece), Ok(1..)) {
            has_taken = true;
        }
        has_taken
    }

    /// Gives back what [`SmallDisk::fill`] took.
    pub(crate) fn empty(&self) {
        std::fs::remove_file(self.folder.join("filler")).expect("the filler was written");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A mount that stays behind would only take memory until the machine stops.
        let _unheard = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

/// The `Cookie` line with the pass that an answer sets.
pub(crate) fn pass_in(answer: &Answer) -> Option<String> {
    let (_, after) = answer.head.split_once("portcullis=")?;
    Some(format!("Cookie: portcullis={}", after.split([';', '\r']).next()?))
}

fn launch(
    before: &[String],
    options: &[String],
    app: SocketAddr,
    listen: SocketAddr,
    folder: &Path,
) -> Result<Running, Missing> {
    let binary = Gate::binary()?.display().to_string();
    let mut words = before.to_vec();
    words.push(binary);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["protect", &format!("http://{app}"), "--listen", &listen.to_string()]);
    command.args(["--console", &free_address().to_string(), "--login", "/login", "--no-status", "--state"]);
    command.arg(folder.join("state")).args(options);
    let ready = || web::get(listen, "/", &[]).is_ok_and(|answer| answer.status == 200);
    let log = folder.join("gate.log");
    Ok(Running::start_and_wait(&mut command, &log, SOON, ready).unwrap_or_else(|error| panic!("{error}")))
}

/// A connection from a chosen loopback address.
pub(crate) fn connect_from(source: Ipv4Addr, target: SocketAddr) -> io::Result<TcpStream> {
    let made = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&made, &SocketAddrV4::new(source, 0))?;
    connect(&made, &target)?;
    let stream = TcpStream::from(made);
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// One request from a chosen loopback address: the whole answer as text.
pub(crate) fn get_from(source: Ipv4Addr, target: SocketAddr, header: &str) -> io::Result<String> {
    let mut stream = connect_from(source, target)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: shop.example\r\n{header}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
