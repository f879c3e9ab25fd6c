//! Apps that write down what they saw: Node.js, Python, and both nginx and HAProxy before Node.js.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::clock::wait_for;
use lab::{Missing, Peer, Running, free_address, web};

/// A running app with its record.
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    record: PathBuf,
    read: usize,
    _running: Vec<Running>,
    _folder: tempfile::TempDir,
}

impl App {
    pub(crate) fn python() -> Result<Self, Missing> {
        let python = Peer::python()?;
        Self::start("Python", |folder, address| {
            vec![program(&python, "app.py", include_str!("app.py"), folder, address)]
        })
    }

    pub(crate) fn node() -> Result<Self, Missing> {
        let node = Peer::node()?;
        Self::start("Node.js", |folder, address| {
            vec![program(&node, "app.js", include_str!("app.js"), folder, address)]
        })
    }

    pub(crate) fn nginx() -> Result<Self, Missing> {
        let (nginx, node) = (Peer::find("nginx")?, Peer::node()?);
        Self::start("nginx", |folder, address| {
            let behind = free_address();
            let app = program(&node, "app.js", include_str!("app.js"), folder, behind);
            let at = folder.display();
            let config = format!(
                "daemon off; pid {at}/pid; error_log {at}/error.log; events {{}}
http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
large_client_header_buffers 8 64k; underscores_in_headers on;
server {{ listen {address}; location / {{ proxy_pass http://{behind}; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}"
            );
            let file = folder.join("nginx.conf");
            fs::write(&file, config).expect("there is room");
            let mut command = nginx.command();
            command.arg("-c").arg(&file).arg("-p").arg(folder).arg("-e").arg(folder.join("error.log"));
            vec![app, running(&mut command, folder, address)]
        })
    }

    pub(crate) fn haproxy() -> Result<Self, Missing> {
        let (haproxy, node) = (Peer::find("haproxy")?, Peer::node()?);
        Self::start("HAProxy", |folder, address| {
            let behind = free_address();
            let app = program(&node, "app.js", include_str!("app.js"), folder, behind);
            let config = format!(
                "global\n  tune.bufsize 65536\n  tune.http.maxhdr 256\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
                 frontend in\n  bind {address}\n  default_backend app\nbackend app\n  server one {behind}\n"
            );
            let file = folder.join("haproxy.cfg");
            fs::write(&file, config).expect("there is room");
            let mut command = haproxy.command();
            command.arg("-db").arg("-f").arg(&file);
            vec![app, running(&mut command, folder, address)]
        })
    }

    fn start(
        name: &'static str,
        programs: impl FnOnce(&Path, SocketAddr) -> Vec<Running>,
    ) -> Result<Self, Missing> {
        let folder = tempfile::tempdir().expect("there is room");
        let (address, record) = (free_address(), folder.path().join(RECORD));
        fs::write(&record, "").expect("there is room");
        let running = programs(folder.path(), address);
        Ok(Self { name, address, record, read: 0, _running: running, _folder: folder })
    }

    /// What it saw since the last call, once that is as many requests as `count`.
    pub(crate) fn saw(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let complete = wait_for(Duration::from_secs(2), || {
            let text = fs::read_to_string(&self.record).unwrap_or_default();
            lines = text.lines().skip(self.read).map(str::to_owned).collect();
            (lines.len() >= count).then_some(())
        });
        let _fewer = complete.is_none();
        self.read += lines.len();
        lines
    }
}

fn program(peer: &Peer, name: &str, text: &str, folder: &Path, address: SocketAddr) -> Running {
    let file = folder.join(name);
    fs::write(&file, text).expect("there is room");
    let mut command = peer.command();
    command.arg(&file).arg(address.port().to_string()).arg(folder.join(RECORD));
    running(&mut command, folder, address)
}

fn running(command: &mut std::process::Command, folder: &Path, address: SocketAddr) -> Running {
    let ready = || web::get(address, "/ready", &[]).is_ok_and(|answer| answer.status == 200);
    let log = folder.join(format!("{}.log", address.port()));
    Running::start_and_wait(command, &log, Duration::from_secs(20), ready).expect("it starts")
}

const RECORD: &str = "seen";
