//! Over a real socket on loopback.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web_io::Connection;

use super::*;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

#[test]
fn a_file_comes_with_everything_that_browsers_and_caches_need() {
    with_server(async |address, _| {
        let answer = ask(address, "GET", "/", &[]).await;
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"<p>well 1"[..]));
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", crate::DEFAULT_CACHE_CONTROL),
            ("etag", "\"page-1\""),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "a page is nobody's data");
        let queried = ask(address, "GET", "/?tz=Europe/Berlin", &[]).await;
        assert_eq!(queried.status(), StatusCode::OK);
    });
}

#[test]
fn programs_on_other_pages_may_read_data_feeds_and_the_badge() {
    with_server(async |address, _| {
        for path in ["/api/v2/status.json", "/status.txt", "/badge.svg", "/history.atom"] {
            let answer = ask(address, "GET", path, &[("origin", "https://shop.example")]).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        }
        let asked = [("origin", "https://shop.example"), ("access-control-request-method", "GET")];
        let answer = ask(address, "OPTIONS", "/api/v2/status.json", &asked).await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::NO_CONTENT, 0));
        assert_eq!(answer.headers()["access-control-allow-methods"], "GET, HEAD");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    });
}

#[test]
fn who_has_the_file_is_not_sent_it_again_until_it_changes() {
    with_server(async |address, site| {
        for value in ["\"page-1\"", "W/\"page-1\"", "\"old\", \"page-1\"", "*"] {
            let answer = ask(address, "GET", "/", &[("if-none-match", value)]).await;
            assert_eq!((answer.status(), answer.body().len()), (StatusCode::NOT_MODIFIED, 0), "{value}");
            assert_eq!(answer.headers()["etag"], "\"page-1\"");
            assert!(answer.headers().contains_key("cache-control"));
            assert!(!answer.headers().contains_key("content-type"));
        }
        let two_lines = [("if-none-match", "\"old\""), ("if-none-match", "\"page-1\"")];
        assert_eq!(ask(address, "HEAD", "/", &two_lines).await.status(), StatusCode::NOT_MODIFIED);
        site.publish(&page(2));
        let answer = ask(address, "GET", "/", &[("if-none-match", "\"page-1\"")]).await;
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"<p>well 2"[..]));
    });
}

#[test]
fn what_is_not_there_is_a_real_404_with_the_page_for_it() {
    with_server(async |address, site| {
        for path in [
            "/nothing",
            "/nothing/index.html",
            "/.html",
            "//",
            "/api/v2/",
            "/%2e%2e/etc/passwd",
            "/api/v2/status.json/",
        ] {
            let answer = ask(address, "GET", path, &[("if-none-match", "*")]).await;
            assert_eq!(
                (answer.status(), &answer.body()[..]),
                (StatusCode::NOT_FOUND, &b"<p>gone"[..]),
                "{path}"
            );
            assert_eq!(answer.headers()["x-frame-options"], "DENY");
            assert!(!answer.headers().contains_key("etag"));
        }
        site.publish(&Files::new(3));
        assert_eq!(ask(address, "GET", "/", &[]).await.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_page_is_asked_for_with_or_without_its_ending() {
    with_server(async |address, _site| {
        for path in ["/i/inc1b5t8y3ef", "/i/inc1b5t8y3ef.html"] {
            assert_eq!(&ask(address, "GET", path, &[]).await.body()[..], b"<p>incident", "{path}");
        }
        assert_eq!(&ask(address, "GET", "/index.html", &[]).await.body()[..], b"<p>well 1");
    });
}

#[test]
fn other_methods_are_refused_and_told_which_are_not() {
    with_server(async |address, _| {
        for (method, path, allowed) in [
            ("POST", "/", "GET, HEAD"),
            ("DELETE", "/nothing", "GET, HEAD"),
            ("OPTIONS", "/", "GET, HEAD"),
            ("PUT", "/api/v2/status.json", "GET, HEAD, OPTIONS"),
        ] {
            let answer = ask(address, method, path, &[]).await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.headers()["allow"], allowed);
            assert_eq!(answer.headers()["cache-control"], "no-store");
        }
    });
}

#[test]
fn a_head_tells_the_length_and_sends_nothing_of_it() {
    with_server(async |address, _| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-length: 9\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    });
}

#[test]
fn before_the_first_page_readers_are_asked_to_come_back() {
    let site = Site::new(POLICY).unwrap();
    let answer = site.answer(&Request::get("/").body(Bytes::new()).unwrap());
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&answer.headers()["retry-after"], &answer.headers()["cache-control"]),
        (&"5".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert!(Site::new("default-src\n").is_err());
}

#[test]
fn readers_beyond_the_limit_are_turned_away_and_silent_ones_let_go() {
    let limits = ServerLimits { connections: 2, ..server_limits() };
    with_limits(limits, async |address, _| {
        let mut silent =
            [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let mut third = TcpStream::connect(address).await.unwrap();
        assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0, "there is no place");
        for stream in &mut silent {
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0, "the idle time is over");
        }
        assert_eq!(ask(address, "GET", "/", &[]).await.status(), StatusCode::OK);
    });
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
    let mut request = Request::builder().method(method).uri(path).header("host", "status.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    connection.send(request.body(Bytes::new()).unwrap(), 1 << 20).await.unwrap()
}

/// Runs readers against a server of page 1.
fn with_server<F: Future<Output = ()>>(readers: impl FnOnce(SocketAddr, Site) -> F) {
    with_limits(server_limits(), readers);
}

fn with_limits<F: Future<Output = ()>>(limits: ServerLimits, readers: impl FnOnce(SocketAddr, Site) -> F) {
    // Time jumps to the next deadline while nothing can be read or written.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let site = Site::new(POLICY).unwrap();
        site.publish(&page(1));
        let (done, stop) = tokio::sync::oneshot::channel::<()>();
        let serving = serve(listener, limits, site.clone(), None, async { stop.await.unwrap_or_default() });
        let reading = async {
            readers(address, site).await;
            drop(done);
        };
        tokio::join!(serving, reading);
    });
}

fn page(number: u64) -> Files {
    let mut files = Files::new(number);
    for (path, text, kind) in [
        ("/", format!("<p>well {number}"), "text/html; charset=utf-8"),
        ("/404.html", "<p>gone".into(), "text/html; charset=utf-8"),
        ("/i/inc1b5t8y3ef.html", "<p>incident".into(), "text/html; charset=utf-8"),
        ("/api/v2/status.json", "{}".into(), "application/json"),
        ("/badge.svg", "<svg/>".into(), "image/svg+xml"),
        ("/history.atom", "<feed/>".into(), "application/atom+xml"),
        ("/status.txt", "ok\n".into(), "text/plain"),
    ] {
        let etag = if path == "/" { format!("\"page-{number}\"") } else { format!("\"{}\"", path.len()) };
        files.insert(path, Served::new(text, kind, etag)).unwrap();
    }
    files
}
