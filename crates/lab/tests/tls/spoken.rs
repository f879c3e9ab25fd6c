//! What is said in a handshake and at the end: certificates of two kinds, their status, denied addresses, goodbyes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lab::certificate::Authority;
use lab::clock::pause;
use lab::origin::{Origin, plain};
use lab::{Gate, Peer, Running, free_address, need, web};

use crate::world::{SHOP, World};

#[test]
fn a_client_gets_the_kind_of_key_that_it_asks_for_and_what_the_authority_says_of_it() {
    let openssl = need!(Peer::find("openssl"));
    need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    make_both_kinds(&openssl, folder.path());
    let app = Origin::start(|head| plain("200 OK", "", head)).expect("loopback has a port");
    let https = free_address();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let pair = |kind: &str, more: &str| {
        format!(
            "[[listen.tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n{more}",
            at(&format!("{kind}.pem")),
            at(&format!("{kind}.key"))
        )
    };
    let listen = format!(
        "[[listen]]\naddress = \"{https}\"\n[listen.tls]\n{}{}[[site]]",
        pair("rsa", ""),
        pair("ec", &format!("ocsp = \"{}\"\n", at("ec.ocsp")))
    );
    let config = Gate::CONFIG.replace("[[site]]", &listen).replace("{origin}", &app.url());
    let _gate = Gate::start(&config).expect("the gate starts");
    let shaken = |words: &[&str]| {
        let mut command = openssl.command();
        command
            .args(["s_client", "-connect", &https.to_string(), "-servername", SHOP, "-status"])
            .args(words);
        let output = command.stdin(Stdio::null()).output().expect("openssl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let modern = shaken(&[]);
    assert!(modern.contains("Peer signature type: ECDSA"), "{modern}");
    assert!(
        modern.contains("OCSP Response Status: successful") && modern.contains("Cert Status: good"),
        "{modern}"
    );
    let old = shaken(&["-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"]);
    assert!(old.contains("Peer signature type: RSA-PSS"), "{old}");
    assert!(old.contains("OCSP response: no response sent"), "{old}");
}

/// `rsa.pem`, `ec.pem`, their keys, and the authority's word on the second one, `ec.ocsp`.
fn make_both_kinds(openssl: &Peer, folder: &Path) {
    let script = format!(
        r#"set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
for kind in rsa ec; do
  if [ $kind = rsa ]; then new="rsa:2048"; else new="ec -pkeyopt ec_paramgen_curve:P-256"; fi
  openssl req -newkey $new -nodes -keyout $kind.key -out $kind.csr -subj /CN={SHOP} -addext subjectAltName=DNS:{SHOP}
  openssl x509 -req -in $kind.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 -out $kind.pem
done
serial=$(openssl x509 -in ec.pem -noout -serial | cut -d= -f2)
printf 'V\t491231235959Z\t\t%s\tunknown\t/CN={SHOP}\n' "$serial" > index.txt
openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert ec.pem -ndays 1 -respout ec.ocsp
"#
    );
    let mut command = Command::new("sh");
    if let Some(beside) = openssl.path().parent() {
        command.env("PATH", format!("{}:/usr/bin:/bin", beside.display()));
    }
    let output = command.args(["-c", &script]).current_dir(folder).output().expect("a shell runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_denied_address_is_turned_away_before_the_handshake_and_others_are_not() {
    let world = need!(World::start());
    let (denied, other) = (Ipv4Addr::new(127, 0, 71, 1), Ipv4Addr::new(127, 0, 71, 2));
    let greets = |from: Ipv4Addr| {
        let mut stream = web::connect_from(from, world.https, Duration::from_secs(10)).expect("it accepts");
        // The begin of a ClientHello; whoever may go on is waited for.
        let sent = stream.write_all(&[22, 3, 1, 2, 0, 1, 0]);
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout can be set");
        let waits = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        sent.is_ok() && stream.read(&mut [0; 16]).is_err_and(waits)
    };
    assert!(greets(denied) && greets(other));
    world.gate.tell(&["deny", "127.0.71.1"]).expect("it is told");
    assert!(!greets(denied), "hung up on at once");
    assert!(greets(other));
}

#[test]
fn a_stop_says_goodbye_to_http2_and_answers_what_was_asked() {
    let nghttp = need!(Peer::find("nghttp"));
    need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &[SHOP]).expect("keys can be made");
    let app = Origin::start(|_| {
        pause(Duration::from_secs(2));
        plain("200 OK", "", "done")
    });
    let (app, https) = (app.expect("loopback has a port"), free_address());
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG.replace("[[site]]", &listen).replace("{origin}", &app.url());
    let mut gate = Gate::start(&config).expect("the gate starts");
    let mut command = nghttp.command();
    command.args(["--verbose", "--timeout=20", "--header", &format!(":authority: {SHOP}")]);
    let asking = command.arg(format!("https://{https}/")).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let asking = asking.expect("nghttp runs");
    assert!(lab::clock::wait_for(Duration::from_secs(10), || (app.requests() > 0).then_some(())).is_some());
    gate.process().stop();
    let output = asking.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("recv GOAWAY frame"), "{said}");
    assert!(said.contains(":status: 200") && said.contains("done"), "{said}");
}

#[test]
fn protect_takes_a_certificate_from_the_command_line() {
    let binary = need!(Gate::binary());
    let curl = need!(Peer::find("curl"));
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &[SHOP]).expect("keys can be made");
    let app = Origin::start(|head| plain("200 OK", "", head)).expect("loopback has a port");
    let (listen, console): (SocketAddr, SocketAddr) = (free_address(), free_address());
    let mut command = Command::new(binary);
    command.arg("protect").arg(app.url()).args([
        "--listen",
        &listen.to_string(),
        "--console",
        &console.to_string(),
        "--no-status",
    ]);
    command.arg("--state").arg(folder.path().join("state"));
    command.arg("--cert").arg(&signed.chain).arg("--key").arg(&signed.key);
    let log = folder.path().join("log");
    let within = Duration::from_secs(20);
    let running = Running::start_and_wait(&mut command, &log, within, || web::accepts(listen));
    let _running = running.unwrap_or_else(|error| panic!("{error}"));
    let mut asking = curl.command();
    asking.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--http2", "--cacert"]);
    asking.arg(&authority.file).args(["--resolve", &format!("{SHOP}:{}:127.0.0.1", listen.port())]);
    let output = asking.arg(format!("https://{SHOP}:{}/page", listen.port())).output().expect("curl runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(
        said.contains("GET /page HTTP/1.1") && said.to_ascii_lowercase().contains("x-forwarded-proto: https"),
        "{said}"
    );
}
