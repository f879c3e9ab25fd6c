//! What systemd gives and hears: `sd_listen_fds(3)`, `sd_notify(3)`.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lab::clock::wait_for;
use lab::{Gate, Peer, Running, free_address, need, web};

/// Does what systemd does: opens the socket, connects as a client that waits, and becomes the gate.
const SYSTEMD: &str = "
import os, socket, sys
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
if server.fileno() == 3:
    os.set_inheritable(3, True)
else:
    os.dup2(server.fileno(), 3)
waiting = socket.create_connection(server.getsockname())
waiting.sendall(b'GET /.well-known/portcullis/health HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
if os.fork() == 0:
    os.close(3)
    answer = waiting.makefile('rb').readline()
    open(sys.argv[2], 'wb').write(answer)
    os._exit(0)
waiting.close()
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), WATCHDOG_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
";

#[test]
fn a_socket_that_was_open_before_is_served_and_systemd_hears_of_it() {
    let (python, binary) = (need!(Peer::find("python3")), need!(Gate::binary()));
    let folder = tempfile::tempdir().expect("there is room");
    let (listen, console, app) = (free_address(), free_address(), free_address());
    let config = Gate::CONFIG
        .replace("{listen}", &listen.to_string())
        .replace("{console}", &console.to_string())
        .replace("{state}", &folder.path().join("state").display().to_string())
        .replace("{origin}", &format!("http://{app}"));
    let file = folder.path().join("portcullis.toml");
    std::fs::write(&file, config).expect("there is room");
    let notify = folder.path().join("notify");
    let heard = UnixDatagram::bind(&notify).expect("a socket can be made");
    heard.set_read_timeout(Some(Duration::from_secs(20))).expect("it is open");
    let mut command = python.command();
    command
        .args(["-c", SYSTEMD, &listen.port().to_string()])
        .arg(folder.path().join("answer"))
        .arg(binary)
        .args(["run", "--config"])
        .arg(&file)
        .env("NOTIFY_SOCKET", &notify)
        .env("WATCHDOG_USEC", "4000000");
    let mut gate = Running::start(&mut command, &folder.path().join("log")).expect("it starts");
    let hears = |wanted: &str| {
        let mut text = [0; 256];
        (0..20).any(|_| {
            let length = heard.recv(&mut text).unwrap_or(0);
            String::from_utf8_lossy(&text[..length]).lines().any(|line| line == wanted)
        })
    };
    assert!(hears("READY=1"), "{}", gate.log());
    let answer = wait_for(Duration::from_secs(20), || {
        std::fs::read_to_string(folder.path().join("answer")).ok().filter(|answer| !answer.is_empty())
    });
    assert_eq!(
        answer.as_deref().map(str::trim_end),
        Some("HTTP/1.1 200 OK"),
        "it had connected before the gate was there"
    );
    assert!(web::accepts(listen));
    assert!(hears("WATCHDOG=1"), "{}", gate.log());
    let _ended = gate.stop();
    assert!(hears("STOPPING=1"), "{}", gate.log());
}
