//! https as other people's clients speak it.

mod spoken;
mod world;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use lab::clock::{Stopwatch, wait_for};
use lab::{Peer, need, web};

use world::{SHOP, World};

#[test]
fn curl_speaks_every_version_and_the_app_is_told_of_https() {
    let world = need!(World::start());
    let versions = [
        (&["--http1.1", "--tlsv1.2", "--tls-max", "1.2"][..], "1.1"),
        (&["--http1.1", "--tlsv1.3"], "1.1"),
        (&["--http2", "--tlsv1.2", "--tls-max", "1.2"], "2"),
        (&["--http2", "--tlsv1.3"], "2"),
    ];
    for (arguments, version) in versions {
        let said = world
            .curl(&[arguments, &["--write-out", "\nversion %{http_version} %{http_code}"]].concat(), "/page");
        assert!(said.ends_with(&format!("version {version} 200")), "{arguments:?}: {said}");
        let head = said.to_ascii_lowercase();
        for told in [
            "get /page http/1.1",
            "x-forwarded-proto: https",
            "forwarded: for=127.0.0.1;proto=https",
            "host: shop.example:",
        ] {
            assert!(head.contains(told), "{told} is not told with {arguments:?}: {said}");
        }
    }
}

#[test]
fn a_client_gets_the_certificate_for_the_name_that_it_asks_for() {
    let world = need!(World::start());
    assert!(world.curl_as("a.other.example", &[], "/").contains("GET / HTTP/1.1"));
    assert!(world.curl_as("A.Other.example", &[], "/").contains("GET / HTTP/1.1"));
    // For no name of ours the first certificate is shown, which is for the shop: curl says so.
    let said = world.curl_as("nobody.example", &[], "/");
    assert!(said.contains("no alternative certificate subject name matches"), "{said}");
}

#[test]
fn a_customer_is_known_again_over_https_by_a_cookie_that_never_travels_in_the_clear() {
    let world = need!(World::start());
    let jar = world.folder.path().join("jar").display().to_string();
    for version in ["--http1.1", "--http2"] {
        let signed_in = world.curl(&[version, "--include", "--cookie-jar", &jar], "/in/ann");
        let head = signed_in.to_ascii_lowercase();
        assert!(head.contains("set-cookie: __host-portcullis="), "{signed_in}");
        assert!(head.contains("; secure"), "{signed_in}");
        assert!(head.contains("strict-transport-security: max-age=86400"), "{signed_in}");
        let known = world.curl(&[version, "--cookie", &jar], "/").to_ascii_lowercase();
        assert!(known.contains("portcullis-tier: t2"), "{known}");
    }
}

#[test]
fn cookie_crumbs_and_bodies_of_http2_reach_the_app_as_http1_wants_them() {
    let world = need!(World::start());
    let crumbs = ["--http2", "--header", "Cookie: a=1", "--header", "Cookie: b=2"];
    let seen = world.curl(&crumbs, "/").to_ascii_lowercase();
    assert!(seen.contains("cookie: a=1; b=2\r\n"), "{seen}");
    let file = world.folder.path().join("upload");
    std::fs::write(&file, vec![b'x'; 300_000]).expect("there is room");
    let upload = format!("@{}", file.display());
    let known_length = world.curl(&["--http2", "--data-binary", &upload], "/up").to_ascii_lowercase();
    assert!(known_length.contains("content-length: 300000"), "{known_length}");
}

#[test]
fn certificates_are_read_again_and_open_connections_do_not_notice() {
    let world = need!(World::start());
    let openssl = need!(Peer::find("openssl"));
    let mut command = openssl.command();
    command.args(["s_client", "-quiet", "-connect", &world.https.to_string(), "-servername", SHOP]);
    let open = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut open = open.expect("openssl runs");
    let mut say = open.stdin.take().expect("it is piped");
    write!(say, "GET /first HTTP/1.1\r\nHost: {SHOP}\r\n\r\n").expect("openssl listens");
    let fresh = world.folder.path().join("fresh");
    std::fs::create_dir(&fresh).expect("there is room");
    let next = lab::certificate::Authority::new(&fresh, "next").expect("keys can be made");
    let signed = next.sign(&fresh, "shop", &[SHOP]).expect("keys can be made");
    // The key first: for a moment the pair does not fit together.
    std::fs::copy(&signed.key, &world.signed.key).expect("there is room");
    std::thread::yield_now();
    std::fs::copy(&signed.chain, &world.signed.chain).expect("there is room");
    let authority = next.file.display().to_string();
    let trusts_next = || {
        let said = world.curl(&["--cacert", &authority], "/");
        said.contains("GET / HTTP/1.1").then_some(())
    };
    assert!(wait_for(Duration::from_secs(12), trusts_next).is_some(), "{}", world.gate.log());
    write!(say, "GET /second HTTP/1.1\r\nHost: {SHOP}\r\nConnection: close\r\n\r\n")
        .expect("it is still open");
    let answered = open.wait_with_output().expect("openssl ends");
    let heard = String::from_utf8_lossy(&answered.stdout).into_owned();
    assert!(heard.contains("GET /first HTTP/1.1") && heard.contains("GET /second HTTP/1.1"), "{heard}");
}

#[test]
fn an_app_is_spoken_to_by_https_only_if_its_certificate_is_good() {
    let app = need!(World::start());
    let origin = format!("https://localhost:{}", app.https.port());
    let before = |authority: &std::path::Path| {
        let tables = format!("[[site.origin]]\nca = \"{}\"", authority.display());
        let config = lab::Gate::CONFIG.replace("{origin}", &origin).replace("[[site.origin]]", &tables);
        lab::Gate::start(&config).expect("the gate starts")
    };
    let gate = before(&app.authority.file);
    for _ in 0..3 {
        let answer = web::get(gate.listen(), "/page", &["Cookie: a=1"]).expect("the gate answers");
        assert!(answer.status == 200 && answer.body.contains("GET /page HTTP/1.1"), "{}", answer.body);
    }
    let stranger = lab::certificate::Authority::new(app.folder.path(), "stranger").expect("keys can be made");
    let refused = web::get(before(&stranger.file).listen(), "/page", &[]).expect("the gate answers");
    assert_eq!(refused.status, 502, "a certificate of somebody else's authority is not believed");
}

#[test]
fn plain_http_is_sent_on_to_https_and_told_when_it_comes_to_the_wrong_port() {
    let world = need!(World::start());
    let sent_on =
        web::get(world.redirect, "/page?a=1", &["Host: shop.example:80"]).expect("the gate answers");
    assert_eq!(sent_on.status, 301);
    let place = format!("location: https://shop.example:{}/page?a=1", world.https.port());
    assert!(sent_on.head.to_ascii_lowercase().contains(&place), "{}", sent_on.head);
    let proof = web::get(world.redirect, "/.well-known/acme-challenge/x", &[]).expect("the gate answers");
    assert_eq!(proof.status, 200, "proofs for certificates are forwarded");
    let wrong = web::get(world.https, "/", &[]).expect("the gate answers");
    assert!(wrong.status == 400 && wrong.body.contains("https://"), "{}", wrong.body);
}

#[test]
fn a_session_is_resumed_by_the_next_process() {
    let mut world = need!(World::start());
    let openssl = need!(Peer::find("openssl"));
    let session = world.folder.path().join("session");
    let connect = |world: &World, option: &str| {
        let mut command = openssl.command();
        command.args([
            "s_client",
            "-connect",
            &world.https.to_string(),
            "-servername",
            SHOP,
            "-no_ign_eof",
            "-tls1_2",
            option,
        ]);
        let child =
            command.arg(&session).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let output = child.and_then(std::process::Child::wait_with_output).expect("openssl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let first = connect(&world, "-sess_out");
    assert!(first.contains("New, TLSv1.2"), "{first}");
    world.gate.cut_and_restart().expect("it starts again");
    let second = connect(&world, "-sess_in");
    assert!(second.contains("Reused, TLSv1.2"), "{second}");
}

#[test]
fn who_never_ends_a_handshake_is_hung_up_on() {
    let world = need!(World::start());
    let mut silent = TcpStream::connect(world.https).expect("the gate accepts");
    let mut slow = TcpStream::connect(world.https).expect("the gate accepts");
    slow.write_all(&[22, 3, 1, 2, 0, 1, 0]).expect("the gate reads");
    let watch = Stopwatch::start();
    for stream in [&mut silent, &mut slow] {
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout can be set");
        assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    }
    assert!(watch.elapsed() < Duration::from_secs(14), "it hung on");
    assert!(world.curl(&[], "/").contains("GET / HTTP/1.1"));
}
