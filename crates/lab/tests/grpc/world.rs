//! The service in Python, once plain and once under TLS, gates before it, and the caller.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::certificate::{Authority, Signed};
use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Missing, Peer, Running, free_address, web};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) plain: SocketAddr,
    pub(crate) secured: SocketAddr,
    authority: Authority,
    signed: Signed,
    _folder: tempfile::TempDir,
    python: Peer,
    _services: [Running; 2],
}

/// A gate with https before the service.
pub(crate) struct Before {
    pub(crate) gate: Gate,
    pub(crate) https: SocketAddr,
}

impl World {
    pub(crate) fn start() -> Result<Self, Missing> {
        Gate::binary()?;
        let python = Peer::python()?;
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "shop", &["localhost"]).expect("keys can be made");
        let (plain, secured) = (free_address(), free_address());
        let services = [
            serve(&python, plain, None, folder.path()),
            serve(&python, secured, Some(&signed), folder.path()),
        ];
        Ok(Self { plain, secured, authority, signed, _folder: folder, python, _services: services })
    }

    /// The keys of an origin that speaks HTTP/2 with prior knowledge.
    pub(crate) fn plain_origin(&self, grpc: &str) -> String {
        format!("url = \"http://{}\"\ngrpc = \"{grpc}\"\n", self.plain)
    }

    /// The keys of an origin that speaks it under TLS.
    pub(crate) fn secured_origin(&self, grpc: &str) -> String {
        let (port, ca) = (self.secured.port(), self.authority.file.display());
        format!("url = \"https://localhost:{port}\"\nca = \"{ca}\"\ngrpc = \"{grpc}\"\n")
    }

    /// A gate before an origin with these keys.
    pub(crate) fn gate(&self, origin: &str) -> Before {
        self.gate_with(origin, "")
    }

    /// As [`World::gate`], with more tables.
    pub(crate) fn gate_with(&self, origin: &str, tables: &str) -> Before {
        let https = free_address();
        let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", self.signed.tables());
        let config = Gate::CONFIG.replace("[[site]]", &listen).replace("url = \"{origin}\"\n", origin);
        let config = config.replace("[state]", &format!("{tables}[state]"));
        Before { gate: Gate::start(&config).expect("the gate starts"), https }
    }

    /// An app that serves pages.
    pub(crate) fn web() -> Origin {
        Origin::start(|_| plain("200 OK", "", "a page")).expect("loopback has a port")
    }

    /// What every case saw.
    pub(crate) fn play(&self, address: SocketAddr) -> Vec<Value> {
        self.call(address, &[])
    }

    /// What one case saw.
    pub(crate) fn play_case(&self, address: SocketAddr, case: &str) -> Value {
        self.call(address, &[case]).pop().expect("the case exists")
    }

    fn call(&self, address: SocketAddr, cases: &[&str]) -> Vec<Value> {
        let mut command = self.python.command();
        command.arg("-B").arg(script("caller.py")).arg(address.port().to_string()).arg(&self.authority.file);
        let output = command.args(cases).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect()
    }
}

impl Before {
    /// Status and body of a page over the gate's plain listener.
    pub(crate) fn page(&self) -> String {
        let answer = web::get(self.gate.listen(), "/", &[]).expect("it answers");
        format!("{} {}", answer.status, answer.body)
    }

    /// What `portcullis_origin_up` says once it says `wanted`, or after some seconds.
    pub(crate) fn is_up(&self, wanted: bool) -> bool {
        let line = |up: bool| format!("}} {:.1}", f64::from(u8::from(up)));
        let said = wait_for(Duration::from_secs(10), || {
            let metrics = self.gate.metrics().ok()?;
            metrics
                .lines()
                .find(|metric| metric.starts_with("portcullis_origin_up{") && metric.ends_with(&line(wanted)))
                .map(|_| ())
        });
        if said.is_some() { wanted } else { !wanted }
    }
}

fn serve(python: &Peer, address: SocketAddr, signed: Option<&Signed>, folder: &Path) -> Running {
    let mut command = python.command();
    command.arg("-B").arg(script("service.py")).arg(address.port().to_string());
    if let Some(signed) = signed {
        command.arg(&signed.chain).arg(&signed.key);
    }
    let log = folder.join(format!("service-{}.log", address.port()));
    let running =
        Running::start_and_wait(&mut command, &log, Duration::from_secs(20), || web::accepts(address));
    running.unwrap_or_else(|error| panic!("{error}"))
}

fn script(name: &str) -> String {
    format!("{}/tests/grpc/{name}", env!("CARGO_MANIFEST_DIR"))
}
