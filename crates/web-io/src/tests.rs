use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use super::*;

/// Runs `client` against a server that echoes path and body length, says at `/alone` whether the body has its memory for itself, and panics
/// at `/panic`.
fn with_server<F: Future<Output = ()>>(limits: ServerLimits, client: impl FnOnce(SocketAddr) -> F) {
    with_server_before(seats::is_this_machine, limits, client);
}

/// The same with other fronts.
fn with_server_before<F: Future<Output = ()>>(
    is_front: fn(IpAddr) -> bool,
    limits: ServerLimits,
    client: impl FnOnce(SocketAddr) -> F,
) {
    // Time stands still while anything can be read or written, and jumps to the next deadline otherwise.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, stop) = tokio::sync::oneshot::channel::<()>();
        let handler = |request: Request<Bytes>, _peer| async move {
            let (path, body) = (request.uri().path(), request.body());
            assert_ne!(path, "/panic");
            Response::new(match path {
                "/alone" => body.is_unique().to_string().into(),
                _ => format!("{path} {}", body.len()).into(),
            })
        };
        let stop = async { stop.await.unwrap_or_default() };
        let serving = server::serve_before(is_front, listener, limits, handler, stop);
        let talking = async {
            client(address).await;
            drop(done);
        };
        tokio::join!(serving, talking);
    });
}

fn request(path: &str, body: &'static [u8]) -> Request<Bytes> {
    Request::post(path).header("host", "test").body(Bytes::from_static(body)).unwrap()
}

#[test]
fn requests_follow_one_another_on_a_connection() {
    with_server(ServerLimits::default(), async |address| {
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        for n in 0..5 {
            let answer = connection.send(request(&format!("/{n}"), b"abc"), 100).await.unwrap();
            assert_eq!(answer.body(), format!("/{n} 3").as_bytes());
            assert!(connection.is_open());
        }
    });
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_the_server_lives_on() {
    let limits = ServerLimits { body_bytes: 4, ..ServerLimits::default() };
    with_server(limits, async |address| {
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        let answer = connection.send(request("/", b"12345"), 100).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert_eq!(connection.send(request("/", b"1234"), 100).await.unwrap().status(), StatusCode::OK);
    });
}

#[test]
fn an_answer_beyond_the_limit_is_an_error() {
    with_server(ServerLimits::default(), async |address| {
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        let outcome = connection.send(request("/long/path", b""), 3).await;
        assert!(matches!(outcome, Err(ClientError::TooLarge(3))));
    });
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let limits = ServerLimits { connections: 1, ..ServerLimits::default() };
    with_server(limits, async |address| {
        let mut first = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert!(first.send(request("/", b""), 100).await.is_ok());
        let mut second = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert!(matches!(
            second.send(request("/", b""), 100).await,
            Err(ClientError::Closed | ClientError::Protocol(_))
        ));
        assert!(first.send(request("/", b""), 100).await.is_ok());
    });
}

#[test]
fn an_address_that_opens_many_connections_leaves_room_for_others() {
    let limits = ServerLimits { connections: 70, ..ServerLimits::default() };
    with_server_before(
        |_| false,
        limits,
        async |address| {
            let mut silent = open_many(address, 70).await;
            assert!(!is_served(address, "127.0.0.1").await, "it has its share");
            assert!(is_served(address, "127.0.0.2").await, "another one finds room");
            silent.truncate(60);
            // The server sees their end before the next connection.
            sleep(Duration::from_millis(1)).await;
            assert!(is_served(address, "127.0.0.1").await, "it has less than its share again");
        },
    );
}

#[test]
fn this_machine_is_a_front_and_may_have_all_connections() {
    let limits = ServerLimits { connections: 70, ..ServerLimits::default() };
    with_server(limits, async |address| {
        let _open = open_many(address, 69).await;
        assert!(is_served(address, "127.0.0.1").await);
    });
}

async fn open_many(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(TcpStream::connect(address).await.unwrap());
    }
    open
}

/// Whether one request on a new connection from an address of this machine is answered.
async fn is_served(address: SocketAddr, from: &str) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    let mut connection = Connection::open(socket.connect(address).await.unwrap()).await.unwrap();
    connection.send(request("/", b""), 100).await.is_ok()
}

#[test]
fn a_body_in_chunks_is_refused_when_it_becomes_too_large_and_when_it_is_none() {
    let limits = ServerLimits { body_bytes: 4, ..ServerLimits::default() };
    for (chunks, status) in [
        ("1\r\na\r\n3\r\nbcd\r\n0\r\n\r\n", "200"),
        ("1\r\na\r\n4\r\nbcde\r\n0\r\n\r\n", "413"),
        ("1\r\na\r\nx\r\n", "400"),
    ] {
        with_server(limits, async |address| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for byte in chunks.as_bytes() {
                stream.write_all(&[*byte]).await.unwrap();
            }
            let answer = String::from_utf8(read_to_end(&mut stream).await).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{chunks}: {answer}");
        });
    }
}

#[test]
fn what_was_read_of_a_body_holds_no_buffer_of_the_connection() {
    with_server(ServerLimits::default(), async |address| {
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        let answer = connection.send(request("/alone", b"abc"), 100).await.unwrap();
        assert_eq!(answer.body(), "true");
        assert!(answer.body().is_unique());
    });
}

#[test]
fn a_handler_that_panics_costs_only_its_own_connection() {
    let limits = ServerLimits { connections: 1, ..ServerLimits::default() };
    with_server(limits, async |address| {
        for _ in 0..3 {
            let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
            assert!(connection.send(request("/panic", b""), 100).await.is_err());
            assert!(!connection.is_open());
        }
        let mut connection = Connection::open(TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert!(connection.send(request("/", b""), 100).await.is_ok());
    });
}

#[test]
fn a_head_that_trickles_in_ends_the_connection_in_time() {
    check_deadline(10, async |mut stream: TcpStream| {
        for byte in b"GET / HTTP/1.1\r\nhost: trickle\r\n".iter() {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn a_head_after_a_long_pause_has_its_own_deadline() {
    check_deadline(40 + 10, async |mut stream: TcpStream| {
        sleep(Duration::from_secs(40)).await;
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        read_to_end(&mut stream).await;
    });
}

#[test]
fn a_silent_connection_ends_after_the_idle_time() {
    check_deadline(60, async |mut stream: TcpStream| {
        read_to_end(&mut stream).await;
    });
}

#[test]
fn a_body_that_does_not_come_is_answered_408() {
    check_deadline(10, async |mut stream: TcpStream| {
        stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with(b"HTTP/1.1 408 "));
    });
}

#[test]
fn the_idle_time_begins_anew_with_each_request() {
    check_deadline(3 * 50 + 60, async |mut stream: TcpStream| {
        for _ in 0..3 {
            sleep(Duration::from_secs(50)).await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        }
        read_to_end(&mut stream).await;
    });
}

/// Runs `client` on one connection and compares when the server let go of it.
#[track_caller]
fn check_deadline<F: Future<Output = ()>>(seconds: u64, client: impl FnOnce(TcpStream) -> F) {
    with_server(ServerLimits::default(), async |address| {
        let begin = Instant::now();
        client(TcpStream::connect(address).await.unwrap()).await;
        let lasted = begin.elapsed();
        let wanted = Duration::from_secs(seconds);
        // A write to a closed connection fails only at the second attempt.
        assert!(wanted <= lasted && lasted <= wanted + Duration::from_secs(2), "{lasted:?}");
    });
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is as good an end as an orderly one.
    let _outcome = stream.read_to_end(&mut bytes).await;
    bytes
}
