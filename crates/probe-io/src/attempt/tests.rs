use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const WITHIN: Duration = Duration::from_secs(5);

fn tools() -> Tools {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Tools {
        tls: Arc::new(tls),
        agent: HeaderValue::from_static("portcullis-probe/0 (+https://status.shop.example)"),
    }
}

/// What comes of asking a server that answers this to any request, and the request that it saw.
async fn asked(answer: &[u8], statuses: &[u16], contains: Option<&str>) -> (Result<Answer, Failure>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let how = How::Http {
        is_https: false,
        path: "/health?deep=1".to_owned(),
        statuses: statuses.to_vec(),
        contains: contains.map(str::to_owned),
    };
    let aim = Aim { host: "127.0.0.1".to_owned(), port, how };
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 4_096];
        let length = stream.read(&mut seen).await.unwrap();
        // The client may have read enough.
        let _cut = stream.write_all(answer).await;
        String::from_utf8(seen[..length].to_vec()).unwrap()
    };
    let tools = tools();
    let mut names = Names::default();
    tokio::join!(attempt(&aim, WITHIN, &tools, &mut names), serving)
}

#[tokio::test]
async fn a_page_is_asked_for_by_a_named_agent_and_judged_by_status_and_text() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let (outcome, request) = asked(ok, &[], Some("ell")).await;
    assert_eq!(outcome, Ok(Answer::default()));
    assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("portcullis-probe/0 (+https://status.shop.example)"), "{request}");
    assert_eq!(asked(ok, &[], Some("help")).await.0, Err(Failure::Text));
    assert_eq!(asked(ok, &[204], None).await.0, Err(Failure::Status(200)));
    let failed = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(asked(failed, &[], None).await.0, Err(Failure::Status(503)));
    assert_eq!(asked(failed, &[503], None).await.0, Ok(Answer::default()));
}

#[tokio::test]
async fn a_gate_that_refuses_strangers_is_reached_and_a_proxy_before_it_is_not_it() {
    let answer = |status: &str, header: &str| {
        format!("HTTP/1.1 {status} Whatever\r\n{header}Content-Length: 0\r\n\r\n").into_bytes()
    };
    let gate = "Portcullis-Reference: 0123456789abcdef0123456789abcdef\r\n";
    for status in ["429", "503", "200"] {
        assert_eq!(
            asked(&answer(status, gate), &[], Some("a shop")).await.0,
            Ok(Answer::default()),
            "{status}"
        );
    }
    assert_eq!(asked(&answer("502", gate), &[], None).await.0, Err(Failure::Status(502)), "its app fails");
    assert_eq!(asked(&answer("502", ""), &[], None).await.0, Err(Failure::Gateway(502)));
    assert_eq!(asked(&answer("522", ""), &[], None).await.0, Err(Failure::Gateway(522)));
    assert_eq!(asked(&answer("429", ""), &[], None).await.0, Err(Failure::Status(429)));
}

#[test]
fn what_could_not_be_sent_is_told_from_what_was_not_answered() {
    let is_own = |number| is_own(&io::Error::from_raw_os_error(number));
    // EMFILE, ENETUNREACH, EPERM; then ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT.
    assert!([24, 101, 1].into_iter().all(is_own));
    assert!(![111, 113, 110].into_iter().any(is_own));
}

#[tokio::test]
async fn of_a_page_without_end_only_the_beginning_is_read() {
    let mut endless = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\nhello".to_vec();
    endless.resize(300_000, b'.');
    assert_eq!(asked(&endless, &[], Some("hello")).await.0, Ok(Answer::default()));
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let (outcome, _) = asked(b"220 mail.shop.example ESMTP\r\n", &[], None).await;
    assert!(matches!(outcome, Err(Failure::Answer(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_no_longer_than_the_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let how = How::Http { is_https: false, path: "/".to_owned(), statuses: Vec::new(), contains: None };
    let aim = Aim { host: "127.0.0.1".to_owned(), port, how };
    let outcome = attempt(&aim, WITHIN, &tools(), &mut Names::default()).await;
    assert_eq!(outcome, Err(Failure::Late(WITHIN)));
}

#[tokio::test]
async fn a_closed_port_is_no_connection_and_a_port_without_tls_is_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let aim = |how| Aim { host: "127.0.0.1".to_owned(), port, how };
    assert_eq!(attempt(&aim(How::Tcp), WITHIN, &tools(), &mut Names::default()).await, Ok(Answer::default()));
    let (tools, mut names) = (tools(), Names::default());
    let serving = async {
        // The first is that of the attempt before.
        let _before = listener.accept().await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let _cut = stream.write_all(b"220 mail.shop.example ESMTP\r\n").await;
    };
    let how = aim(How::Tls);
    let (outcome, ()) = tokio::join!(attempt(&how, WITHIN, &tools, &mut names), serving);
    assert!(matches!(outcome, Err(Failure::Tls(_))), "{outcome:?}");
    drop(listener);
    let outcome = attempt(&aim(How::Tcp), WITHIN, &tools, &mut names).await;
    assert!(matches!(outcome, Err(Failure::Connection(_))), "{outcome:?}");
}

/// A server with a certificate for a name that ends at the end of a year, and a client that trusts it.
fn certified(name: &str, year: i32) -> (tokio_rustls::TlsAcceptor, Tools) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (tokio_rustls::TlsAcceptor::from(Arc::new(server)), Tools { tls: Arc::new(client), ..tools() })
}

/// What comes of a handshake with such a server at 127.0.0.1.
async fn shaken(name: &str, year: i32, how: How) -> Result<Answer, Failure> {
    let (acceptor, tools) = certified(name, year);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let aim = Aim { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port(), how };
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not like the certificate hangs up.
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut seen = vec![0; 4_096];
        if stream.read(&mut seen).await.is_ok_and(|length| length > 0) {
            let _cut = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    };
    let mut names = Names::default();
    tokio::join!(attempt(&aim, WITHIN, &tools, &mut names), serving).0
}

#[tokio::test]
async fn a_certificate_must_be_in_order_and_when_it_ends_is_known() {
    let page = How::Http { is_https: true, path: "/".to_owned(), statuses: Vec::new(), contains: None };
    for how in [How::Tls, page] {
        let ends = shaken("127.0.0.1", 2_090, how.clone()).await.unwrap().certificate_ends.unwrap();
        // 31 December 2090.
        assert_eq!(ends, Timestamp::from_secs(3_818_361_600));
        for (name, year) in [("shop.example", 2_090), ("127.0.0.1", 2_001)] {
            let outcome = shaken(name, year, how.clone()).await;
            assert!(matches!(outcome, Err(Failure::Certificate(_))), "{name}, {year}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_name_must_lead_where_it_should() {
    let aim = |leads_to: &str| {
        let leads_to = if leads_to.is_empty() { Vec::new() } else { vec![leads_to.parse().unwrap()] };
        Aim { host: "192.0.2.7".to_owned(), port: 0, how: How::Dns { leads_to } }
    };
    let (tools, mut names) = (tools(), Names::default());
    for there in ["", "192.0.2.0/24"] {
        assert_eq!(attempt(&aim(there), WITHIN, &tools, &mut names).await, Ok(Answer::default()));
    }
    let outcome = attempt(&aim("198.51.100.0/24"), WITHIN, &tools, &mut names).await;
    assert_eq!(outcome, Err(Failure::Elsewhere("192.0.2.7".to_owned())));
}
