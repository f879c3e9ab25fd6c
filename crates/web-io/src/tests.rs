use http::{Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Runs `client` against a server that echoes path and body length.
fn with_server<F: Future<Output = ()>>(limits: ServerLimits, client: impl FnOnce(std::net::SocketAddr) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, stop) = tokio::sync::oneshot::channel::<()>();
        let handler = |request: Request<Bytes>, _peer| async move {
            Response::new(Bytes::from(format!("{} {}", request.uri().path(), request.body().len())))
        };
        let serving = serve(listener, limits, handler, async { stop.await.unwrap_or_default() });
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
