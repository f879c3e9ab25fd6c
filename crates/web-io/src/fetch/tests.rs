//! Against servers under TLS whose authority exists for the test alone.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server that answers one request with this text, and the file of its authority.
async fn server(folder: &Path, name: &str, answer: &'static [u8]) -> (String, PathBuf) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = folder.join(format!("{name}.pem"));
    std::fs::write(&authority, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
        let mut head = vec![0; 4_096];
        let _read = stream.read(&mut head).await.unwrap();
        stream.write_all(answer).await.unwrap();
        // Whoever wants an answer that never comes waits for it.
        let _closed = stream.read(&mut head).await;
    });
    (address, authority)
}

async fn get(client: &Client, url: &str) -> Result<Response<Bytes>, FetchError> {
    client.send(Request::get(url).body(Bytes::new()).unwrap()).await
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_server_is_believed_if_its_authority_is() {
    let folder = tempfile::tempdir().unwrap();
    let (address, authority) = server(folder.path(), "ours", GOOD).await;
    let client = Client::new(Some(&authority), SOON, 100).unwrap();
    let answer = get(&client, &format!("https://{address}/keys")).await.unwrap();
    assert_eq!(answer.body(), "hello");

    let (address, _) = server(folder.path(), "others", GOOD).await;
    let refused = get(&client, &format!("https://{address}/keys")).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Connect { .. }), "{refused}");
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let (address, authority) = server(folder.path(), "long", GOOD).await;
    let client = Client::new(Some(&authority), SOON, 4).unwrap();
    let error = get(&client, &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Answer { error: ClientError::TooLarge(4), .. }), "{error}");

    let (address, authority) = server(folder.path(), "mute", b"").await;
    let client = Client::new(Some(&authority), Duration::from_millis(300), 4).unwrap();
    let error = get(&client, &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Late { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_web_address_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (_, authority) = server(folder.path(), "any", GOOD).await;
    let client = Client::new(Some(&authority), SOON, 4).unwrap();
    for url in ["/path", "ftp://localhost/"] {
        assert!(matches!(get(&client, url).await, Err(FetchError::Address(_))), "{url}");
    }
    let error = Client::new(Some(&folder.path().join("none.pem")), SOON, 4).err().unwrap();
    assert!(error.to_string().contains("none.pem"), "{error}");
}

#[tokio::test]
async fn a_client_without_authorities_believes_no_server_under_tls_and_hears_those_without() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _authority) = server(folder.path(), "ours", GOOD).await;
    let client = Client::without_tls(SOON, 100);
    let refused = get(&client, &format!("https://{address}/")).await;
    assert!(matches!(refused, Err(FetchError::Connect { .. })), "{refused:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _read = stream.read(&mut [0; 4_096]).await.unwrap();
        stream.write_all(GOOD).await.unwrap();
    });
    let answer = get(&client, &format!("http://{address}/")).await.unwrap();
    assert_eq!(answer.body().as_ref(), b"hello");
}

/// The status has said it all: neither a body that is too large nor one that never comes makes a request be sent again.
#[tokio::test]
async fn whoever_asks_for_the_status_gets_it_whatever_the_body_is_like() {
    const ENDLESS: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nhello";
    for (bytes_max, beginning) in [(3, &b"hel"[..]), (100, &b"hello"[..])] {
        let folder = tempfile::tempdir().unwrap();
        let (address, authority) = server(folder.path(), "ours", ENDLESS).await;
        let client = Client::new(Some(&authority), SOON, bytes_max).unwrap();
        let request = Request::get(format!("https://{address}/")).body(Bytes::new()).unwrap();
        let answer = client.send_briefly(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (202, beginning));
    }
}
