//! A new binary and a new configuration, again and again, while clients of all kinds are at work: nobody notices.

mod program;
mod service;
mod sockets;

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::certificate::Authority;
use lab::clock::{pause, wait_for};
use lab::{Gate, Missing, Peer, Placement, Running, free_address, need, web};
use program::Program;

/// A gate on http and https before an app of Node.js, run from a copy of the binary of its own.
struct World {
    gate: Gate,
    program: Program,
    https: SocketAddr,
    authority: Authority,
    folder: tempfile::TempDir,
    _app: Running,
}

impl World {
    fn start() -> Result<Self, Missing> {
        let node = Peer::node()?;
        let folder = tempfile::tempdir().expect("there is room");
        let program = Program::install(folder.path())?;
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed =
            authority.sign(folder.path(), "shop", &["shop.example", "localhost"]).expect("keys can be made");
        let (app, https) = (free_address(), free_address());
        let mut command = node.command();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/upgrade/app.js");
        command.arg(script).arg(app.port().to_string());
        let log = folder.path().join("app.log");
        let running =
            Running::start_and_wait(&mut command, &log, SOON, || web::accepts(app)).expect("the app starts");
        let tls = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
        let config = Gate::CONFIG
            .replace("[[site]]", &tls)
            .replace("[state]", "max_connections = 2_000\n[[site.route]]\npath = \"/up\"\nbody = \"300 MiB\"\n[[site.route]]\npath = \"/live\"\nwebsocket = true\n[limits]\ndrain = \"5s\"\n[state]")
            .replace("{origin}", &format!("http://{app}"));
        let placement = Placement { binary: Some(program.path.clone()), core: None };
        let gate = Gate::start_placed(&config, &placement).expect("the gate starts");
        Ok(Self { gate, program, https, authority, folder, _app: running })
    }

    /// Another configuration, every second time another binary too, and a process that takes over with them.
    fn swap(&mut self, number: u32, config: &str) {
        let drain = format!("\"{}s\"", 4 + number % 3);
        self.gate.write_config(&config.replace("\"5s\"", &drain)).expect("there is room");
        if number.is_multiple_of(2) {
            self.program.renew();
        }
        assert!(self.gate.hand_over(), "swap {number}: {}", self.gate.log());
        assert!(self.program.is_run_by(self.gate.id()), "swap {number}: an old binary serves");
    }

    fn serves(&self) -> bool {
        web::get(self.gate.listen(), "/", &[]).is_ok_and(|answer| answer.status == 200)
    }

    /// Nothing takes over, the gate says why, and serves.
    fn check_refusal(&mut self, why: &str) {
        let told = self.gate.log().len();
        let took_over = self.gate.hand_over();
        let said = self.gate.log().split_off(told);
        assert!(!took_over, "{why}: {said}");
        assert!(
            said.contains("error: the new process cannot take over") && said.contains(why),
            "{why}: {said}"
        );
        assert!(self.serves() && self.gate.processes() == 1, "{why}: {}", self.gate.log());
    }

    /// curl, asking for every number up to `count` over some connections at once.
    fn curl(&self, count: u32) -> Result<Command, Missing> {
        let mut command = Peer::find("curl")?.command();
        command
            .args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--http2",
                "--parallel",
                "--parallel-max",
                "20",
            ])
            .args(["--max-time", "100", "--output", "/dev/null", "--write-out", "%{http_code}\n", "--cacert"])
            .arg(&self.authority.file)
            .arg("--resolve")
            .arg(format!("shop.example:{}:127.0.0.1", self.https.port()))
            .arg(format!("https://shop.example:{}/page/[1-{count}]", self.https.port()));
        Ok(command)
    }

    /// An upload at a tenth of its size a second or so.
    fn upload(&self, bytes: u64) -> Result<Command, Missing> {
        let body = self.folder.path().join("body");
        File::create(&body).and_then(|file| file.set_len(bytes)).expect("there is room");
        let mut command = Peer::find("curl")?.command();
        command
            .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "100", "--limit-rate"])
            .arg((bytes / 20).to_string())
            .arg("--upload-file")
            .arg(body)
            .arg(format!("http://{}/up", self.gate.listen()));
        Ok(command)
    }
}

fn h2load(target: &str, seconds: u32) -> Result<Command, Missing> {
    let mut command = Peer::find("h2load")?.command();
    command.args(["--h1", "--clients", "2", "--max-concurrent-streams", "1", "--duration"]);
    command.arg(seconds.to_string()).arg(target);
    Ok(command)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn twenty_swaps_under_load_fail_no_request_and_cut_no_upload() {
    let mut world = need!(World::start());
    let plain = need!(h2load(&format!("http://{}/", world.gate.listen()), 25));
    let secured = need!(h2load(&format!("https://{}/", world.https), 25));
    let (pages, upload) = (need!(world.curl(PAGES)), need!(world.upload(UPLOAD_BYTES)));
    let stop = AtomicBool::new(false);
    let config = world.gate.config().expect("it was written");
    std::thread::scope(|scope| {
        let run = |mut command: Command| {
            scope.spawn(move || command.stdin(Stdio::null()).output().expect("it runs"))
        };
        let (plain, secured, pages, upload) = (run(plain), run(secured), run(pages), run(upload));
        let listen = world.gate.listen();
        let stop = &stop;
        let sockets = scope.spawn(move || sockets::play(listen, WEBSOCKETS, stop));
        pause(Duration::from_secs(1));
        for swap in 0..SWAPS {
            world.swap(swap, &config);
        }
        for load in [plain, secured] {
            let said = text(&load.join().expect("it ends"));
            assert!(said.contains(" 0 failed, 0 errored, 0 timeout"), "{said}");
            eprintln!("{}", said.lines().find(|line| line.starts_with("requests:")).unwrap_or_default());
        }
        // Whoever was not looked at since the last swaps is, however fast those followed each other.
        stop.store(true, Relaxed);
        let said = text(&upload.join().expect("it ends"));
        assert_eq!(said, UPLOAD_BYTES.to_string(), "the upload was cut");
        let said = String::from_utf8_lossy(&pages.join().expect("it ends").stdout).into_owned();
        eprintln!("curl over HTTP/2: {} pages", said.lines().count());
        let good = said.lines().filter(|line| *line == "200").count();
        assert_eq!((good, said.lines().count()), (PAGES as usize, PAGES as usize));
        let tally = sockets.join().expect("it ends");
        eprintln!("{tally:?}");
        assert_eq!(tally.lost, 0, "{tally:?}");
        assert!(tally.moved >= WEBSOCKETS && tally.closed_at_once < WEBSOCKETS / 2, "{tally:?}");
    });
    let left = wait_for(SOON, || (world.gate.processes() == 1).then_some(()));
    assert!(left.is_some(), "processes are left: {}", world.gate.log());
}

#[test]
fn a_bad_configuration_or_binary_is_refused_and_the_old_one_stays() {
    let mut world = need!(World::start());
    let config = world.gate.config().expect("it was written");
    let refused = [
        (config.replace("\"5s\"", "\"soon\""), "drain"),
        (config.replace("shop.pem", "nothing.pem"), "nothing.pem"),
        (config.replace(&world.https.to_string(), "192.0.2.1:443"), "cannot listen on 192.0.2.1:443"),
        (config.replace("dir = \"", "dir = \"/proc/no"), "state folder"),
    ];
    for (bad, why) in refused {
        assert!(bad != config, "{why}: nothing is bad in it");
        world.gate.write_config(&bad).expect("there is room");
        world.check_refusal(why);
    }
    world.gate.write_config(&config).expect("there is room");
    for (text, mode, why) in BAD_BINARIES {
        world.program.spoil(text, mode);
        world.check_refusal(why);
    }
    world.program.renew();
    assert!(world.gate.hand_over(), "{}", world.gate.log());
    assert!(world.serves() && world.program.is_run_by(world.gate.id()), "{}", world.gate.log());
}

#[test]
fn what_was_decided_holds_in_the_new_process() {
    let mut world = need!(World::start());
    world.gate.tell(&["level", "pin", "customers-first"]).expect("it is told");
    let level = |world: &World| {
        let metrics = world.gate.metrics();
        metrics
            .unwrap_or_default()
            .lines()
            .find(|line| line.starts_with("portcullis_gate_level"))
            .map(str::to_owned)
    };
    let pinned = wait_for(SOON, || level(&world).filter(|line| line.ends_with(" 4.0")));
    assert!(pinned.is_some(), "{:?}", level(&world));
    assert!(world.gate.hand_over(), "{}", world.gate.log());
    // The old process may say that it has been followed before the new one has written what it took over.
    let took_over = "took over from the process before; the level is customers-first";
    let said = wait_for(SOON, || world.gate.log().contains(took_over).then_some(()));
    assert!(said.is_some(), "{}", world.gate.log());
    assert_eq!(level(&world), pinned);
    world.gate.tell(&["level", "unpin"]).expect("the control socket is the new process's");
}

#[test]
fn a_process_with_another_number_of_threads_takes_all_sockets_over() {
    let mut world = need!(World::start());
    let taskset = need!(Peer::find("taskset"));
    let pin = |cores: &str, process: u32| {
        let output = taskset
            .command()
            .args(["--all-tasks", "--cpu-list", "--pid", cores, &process.to_string()])
            .output();
        assert!(output.expect("taskset runs").status.success());
    };
    // On a machine of one processor the number does not change, and the rest still holds.
    let all = format!("0-{}", std::thread::available_parallelism().map_or(1, usize::from) - 1);
    for cores in ["0", all.as_str()] {
        pin(cores, world.gate.id());
        assert!(world.gate.hand_over(), "{}", world.gate.log());
        // A socket that nobody listens on any more would leave some of these without an answer.
        for _ in 0..60 {
            assert!(web::get(world.gate.listen(), "/", &[]).is_ok_and(|answer| answer.status == 200));
        }
    }
}

/// What is no program, what ends by itself, and what nobody may run: their mode, and what the gate says of them.
const BAD_BINARIES: [(&str, &str, &str); 3] = [
    ("\0this is no program", "755", "cannot start"),
    ("#!/bin/sh\nexit 1\n", "755", "the other process has ended"),
    ("#!/bin/sh\nexit 1\n", "644", "cannot start"),
];
const SOON: Duration = Duration::from_secs(20);
const SWAPS: u32 = 20;
const WEBSOCKETS: u32 = 500;
const PAGES: u32 = 10_000;
const UPLOAD_BYTES: u64 = 200 << 20;
