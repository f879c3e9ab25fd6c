use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use model::PassId;
use serde_json::{Value, json};

use super::listener::{CONNECTIONS_MAX, encode, serve};
use super::{
    ClientName, Command, CtlError, Hint, Imported, LINE_BYTES_MAX, REPLY_BYTES_MAX, Reply, Socket,
    SocketError, call, export, group_id, import,
};
use crate::desk::Desk;
use crate::{Console, ConsoleError, ConsoleSettings, ControlPlane};

/// A gate with some known clients that remembers what it was asked.
#[derive(Default)]
struct Gate {
    clients: u128,
    heard: Mutex<Vec<(Option<u32>, Command)>>,
}

impl ControlPlane for Gate {
    fn command(&self, uid: Option<u32>, command: Command) -> Reply {
        self.heard.lock().unwrap().push((uid, command.clone()));
        if let Command::Clients { after, limit } = command {
            let after = match after {
                Some(ClientName::Pass(pass)) => pass.0,
                Some(ClientName::Account(_) | ClientName::Name(_)) | None => 0,
            };
            let page = (after + 1..=self.clients).take(limit as usize);
            let page = page.map(|n| json!({ "pass": format!("{:?}", PassId(n)) }));
            return Reply::done("", page.collect::<Value>());
        }
        if let Command::Import { hints } = command {
            return Reply::done("", json!(hints.len()));
        }
        assert!(command != Command::Recordings, "a gate with a fault");
        Reply::done("so be it\u{1b}[2J", json!({ "n": 1 }))
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn is_healthy(&self) -> bool {
        true
    }

    fn moment(&self) -> incident::Moment {
        incident::Moment {
            now: model::Instant::from_secs(60),
            wall: model::Timestamp::from_secs(1_795_876_200),
        }
    }
}

/// A console with a control socket only, in a folder of its own.
struct Stage {
    gate: Arc<Gate>,
    path: PathBuf,
    console: Console,
    folder: tempfile::TempDir,
}

fn stage(clients: u128) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctl/portcullis.sock");
    let gate = Arc::new(Gate { clients, ..Gate::default() });
    let console = start(&path, gate.clone()).unwrap();
    Stage { gate, path, console, folder }
}

fn start(path: &Path, gate: Arc<Gate>) -> Result<Console, ConsoleError> {
    let settings = ConsoleSettings { socket: Some(path.to_owned()), ..ConsoleSettings::default() };
    Console::start(settings, None, gate)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_command_reaches_the_gate_with_its_users_number_and_one_that_cannot_be_meant_does_not() {
    let stage = stage(0);
    let reply = call(&stage.path, &Command::Bypass { on: true }).unwrap();
    assert_eq!((reply.ok, reply.text.as_str()), (true, "so be it\\u{1b}[2J"), "a terminal is not steered");
    let error = call(&stage.path, &Command::Enforce { percent: 3 }).unwrap_err();
    assert!(error.to_string().contains("5 to 100"), "{error}");
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(*stage.gate.heard.lock().unwrap(), [(Some(user), Command::Bypass { on: true })]);
    assert_eq!((mode(&stage.path), mode(stage.path.parent().unwrap())), (0o660, 0o750));
    stage.console.stop();
    assert!(!stage.path.exists());
    assert!(matches!(call(&stage.path, &Command::Status), Err(CtlError::NoGate(_))));
}

#[test]
fn a_command_that_fails_inside_the_gate_costs_nobody_else_an_answer() {
    let stage = stage(0);
    let failed = call(&stage.path, &Command::Recordings).unwrap();
    assert!(!failed.ok && failed.text.contains("its log says more"), "{}", failed.text);
    assert!(call(&stage.path, &Command::Status).unwrap().ok);
}

#[test]
fn what_is_no_command_is_answered_with_its_fault() {
    use std::io::{BufRead, BufReader, Write};
    let stage = stage(0);
    let mut stream = UnixStream::connect(&stage.path).unwrap();
    // Two requests on one connection, the second without a line end.
    stream.write_all(b"{\"command\":\"dance\"}\n{\"command\":\"enforce\",\"percent\":1}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let replies: Vec<Reply> =
        BufReader::new(stream).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let texts: Vec<_> = replies.iter().map(|reply| (reply.ok, reply.text.as_str())).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(!texts[0].0 && texts[0].1.contains("unknown variant `dance`"), "{}", texts[0].1);
    assert!(!texts[1].0 && texts[1].1.contains("5 to 100"), "{}", texts[1].1);
    assert!(stage.gate.heard.lock().unwrap().is_empty());
}

#[test]
fn a_socket_is_not_put_where_others_could_reach_it_nor_over_another_gates() {
    let stage = stage(0);
    let refused = start(&stage.path, Arc::default()).err().expect("the place is taken");
    assert!(matches!(refused, ConsoleError::Socket(SocketError::Taken(_))), "{refused}");
    let open = stage.folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = start(&open.join("sock"), Arc::default()).err().expect("the folder is open");
    assert!(refused.to_string().contains("chmod 0750"), "{refused}");
    assert_eq!(mode(&open), 0o755, "a folder that others may need is left as it is");
    let plain = stage.path.with_file_name("plain");
    std::fs::write(&plain, "").unwrap();
    let refused = start(&plain, Arc::default()).err().expect("a file is there");
    assert!(matches!(refused, ConsoleError::Socket(SocketError::NoSocket(_))), "{refused}");
}

#[test]
fn a_socket_that_a_killed_gate_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctl/portcullis.sock");
    drop(start(&path, Arc::default()).unwrap());
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let console = start(&path, Arc::default()).unwrap();
    assert!(call(&path, &Command::Status).unwrap().ok);
    console.stop();
}

#[test]
fn without_its_group_the_socket_is_for_the_gates_user_and_root() {
    let folder = tempfile::tempdir().unwrap();
    let user = rustix::process::geteuid().as_raw();
    let (alone, _listener) = Socket::open(&folder.path().join("a/sock"), None, false).unwrap();
    assert_eq!([user, 0, 54_321].map(|user| alone.admits(user)), [true, true, false]);
    let group = rustix::process::getegid().as_raw();
    let (shared, _listener) = Socket::open(&folder.path().join("b/sock"), Some(group), false).unwrap();
    assert!(shared.admits(54_321));
    assert_eq!(group_id("root:x:0:\nportcullis:x:987:ann,bo\n", "portcullis"), Some(987));
    assert_eq!(group_id("portcullis2:x:5:\nportcullis:x\n", "portcullis"), None);
}

/// Serves one connection whose other end does what `act` says, with a clock that jumps whenever nothing happens.
fn serve_one(act: impl FnOnce(UnixStream)) -> Arc<Gate> {
    let folder = tempfile::tempdir().unwrap();
    let (socket, _listener) = Socket::open(&folder.path().join("ctl/sock"), None, false).unwrap();
    let gate = Arc::new(Gate::default());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        act(theirs.try_clone().unwrap());
        let stream = tokio::net::UnixStream::from_std(ours).unwrap();
        serve(stream, &socket, &Rc::new(Desk::new(gate.clone()))).await;
        drop(theirs);
    });
    gate
}

#[test]
fn a_client_that_says_nothing_is_left_after_a_while() {
    // It ends at all: the other end stays open and silent.
    let gate = serve_one(drop);
    assert!(gate.heard.lock().unwrap().is_empty());
}

#[test]
fn a_request_longer_than_a_line_may_be_is_not_read_to_its_end() {
    use std::io::Write;
    let gate = serve_one(|mut stream| stream.write_all(&vec![b'x'; LINE_BYTES_MAX]).unwrap());
    assert!(gate.heard.lock().unwrap().is_empty());
}

#[test]
fn more_clients_than_there_are_seats_are_turned_away_at_once() {
    let stage = stage(0);
    let seated: Vec<_> = (0..CONNECTIONS_MAX).map(|_| UnixStream::connect(&stage.path).unwrap()).collect();
    assert!(matches!(call(&stage.path, &Command::Status), Err(CtlError::Closed(_))));
    // A seat is free as soon as its holder is gone, if not at once.
    drop(seated);
    let replies = std::iter::repeat_with(|| call(&stage.path, &Command::Status)).take(10_000);
    assert!(replies.flatten().any(|reply| reply.ok));
}

#[test]
fn a_reply_that_is_too_long_is_cut_and_says_so() {
    let text = "ü\n".repeat(REPLY_BYTES_MAX);
    let bytes = encode(&Reply::done(text, json!({ "more": 1 })));
    assert!(bytes.len() <= REPLY_BYTES_MAX && bytes.ends_with(b"\n"), "{}", bytes.len());
    let reply: Reply = serde_json::from_slice(&bytes).unwrap();
    assert!(
        reply.ok && reply.text.starts_with("ü\nü") && reply.text.contains("is cut here"),
        "{}",
        reply.text.len()
    );
}

#[test]
fn an_export_holds_every_client_once_in_a_file_for_its_owner_alone() {
    let stage = stage(250);
    let file = stage.folder.path().join("clients.jsonl");
    assert_eq!(export(&stage.path, &file).unwrap(), 250);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    assert_eq!((text.lines().count(), lines.len(), mode(&file)), (250, 250, 0o600));
    let again = export(&stage.path, &file).unwrap_err().to_string();
    assert!(again.contains("cannot make") && again.contains("clients.jsonl"), "{again}");
}

#[test]
fn an_import_goes_in_portions_that_tear_no_network_apart() {
    let stage = stage(0);
    // 9 networks of 100 addresses, mixed up, and one of 600.
    let mixed = (0..100_u8).flat_map(|host| (0..9).map(move |net| hint([198, 51, net, host].into())));
    let mut hints: Vec<Hint> = mixed.collect();
    hints.extend((0..600_u16).map(|n| hint(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into())));
    assert_eq!(import(&stage.path, hints).unwrap(), Imported { taken: 1_500, addresses: 1_500 });
    let heard = stage.gate.heard.lock().unwrap();
    let sizes = heard.iter().map(|(_, command)| {
        let Command::Import { hints } = command else { return 0 };
        hints.len()
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [500, 400, 500, 100]);
}

fn hint(address: std::net::IpAddr) -> Hint {
    Hint { address, accounts: 1, failures: 0 }
}
