//! Two gates with one key file before one app: each accepts what the other gave out.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use lab::certificate::{Authority, Signed};
use lab::origin::{Origin, plain};
use lab::web::{self, Request};
use lab::{Gate, Peer, free_address, need};

#[test]
fn each_of_two_gates_accepts_the_passes_and_tickets_of_the_other() {
    need!(Gate::binary());
    let openssl = need!(Peer::find("openssl"));
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &["shop.example"]).expect("keys can be made");
    let app = Origin::start(answer).expect("loopback has a port");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (one, one_tls) = start(&app, &first, &signed);
    // The key file is all that the two must have in common.
    fs::create_dir(&second).expect("there is room");
    fs::copy(first.join("keys"), second.join("keys")).expect("the first gate made its keys");
    let (other, other_tls) = start(&app, &second, &signed);

    let signed_in = web::get(one.listen(), "/in/ann", &[]).expect("it answers");
    let cookie = signed_in.headers("set-cookie").find(|cookie| cookie.contains("portcullis"));
    let pass = format!("Cookie: {}", cookie.and_then(|cookie| cookie.split(';').next()).expect("a pass"));
    for gate in [&one, &other] {
        let head = web::get(gate.listen(), "/", &[&pass]).expect("it answers").body.to_lowercase();
        assert!(head.contains("portcullis-tier: t2"), "{head}");
        // From elsewhere: who shares address and program with a customer counts as one for a minute.
        let elsewhere = Request { from: Ipv4Addr::new(127, 0, 66, 1), ..Request::get("/") };
        let nobody = web::send(gate.listen(), &elsewhere).expect("it answers").body.to_lowercase();
        assert!(!nobody.contains("portcullis-tier: t2"), "{nobody}");
    }

    let session = folder.path().join("session");
    let connect = |address: SocketAddr, option: &str| {
        let mut command = openssl.command();
        command.args(["s_client", "-connect", &address.to_string(), "-servername", "shop.example"]);
        command.args(["-no_ign_eof", "-tls1_2", option]).arg(&session);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let output = child.and_then(std::process::Child::wait_with_output).expect("openssl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(connect(one_tls, "-sess_out").contains("New, TLSv1.2"));
    let resumed = connect(other_tls, "-sess_in");
    assert!(resumed.contains("Reused, TLSv1.2"), "{resumed}");
}

fn start(app: &Origin, state: &Path, signed: &Signed) -> (Gate, SocketAddr) {
    let https = free_address();
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG
        .replace("[[site]]", &listen)
        .replace("{origin}", &app.url())
        .replace("[state]", "confirms_logins = true\n[state]\ngates = 2")
        .replace("{state}", &state.display().to_string());
    (Gate::start(&config).expect("the gate starts"), https)
}

/// Signs in whoever asks for `/in/NAME`; otherwise answers with the head that it saw.
fn answer(head: &str) -> String {
    match head.strip_prefix("GET /in/").and_then(|rest| rest.split(' ').next()) {
        Some(name) => plain("200 OK", &format!("Portcullis-Login: {name}\r\n"), "welcome"),
        None => plain("200 OK", "", head),
    }
}
