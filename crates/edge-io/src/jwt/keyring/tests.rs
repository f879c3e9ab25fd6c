//! Keys over time, on a clock that only the test moves.

use super::*;
use crate::jwt::tests::signer::{Signer, jwks};

#[tokio::test(start_paused = true)]
async fn old_keys_stay_until_new_ones_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let publish = |text: &str| std::fs::write(&file, text).unwrap();
    let (one, two) = (Signer::new("1", "EdDSA"), Signer::new("2", "EdDSA"));
    let keyring = Arc::new(Keyring::default());
    let keeper = tokio::spawn({
        let (keyring, source) = (keyring.clone(), JwksSource::File(file.clone()));
        async move { keyring.keep_fresh(&source).await }
    });
    let after = async |seconds: u64| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        (keyring.keys().0.count(), keyring.news())
    };
    let read = |count| Some(KeysNews::Read { count, ignored: Vec::new() });

    // Without any key it tries every 5 s, and says why once.
    let (count, news) = after(1).await;
    assert!(
        count == 0 && matches!(&news, Some(KeysNews::Failed { count: 0, why }) if why.contains("jwks.json"))
    );
    assert_eq!(after(5).await, (0, None));
    publish(&jwks(&[one.jwk()]));
    assert_eq!(after(5).await, (1, read(1)));

    // A token names a new key: it is fetched, but not within a minute of the last time.
    publish(&jwks(&[one.jwk(), two.jwk()]));
    assert_eq!(after(30).await, (1, None));
    keyring.want();
    assert_eq!(after(20).await, (1, None));
    assert_eq!(after(20).await, (2, read(2)));
    let before = keyring.keys().1;
    for _ in 0..1_000 {
        keyring.want();
    }
    after(300).await;
    assert!(keyring.keys().1 - before <= 2, "one wish, however often it is said");

    // What cannot be read harms nobody; it is said once, and so is that it is over.
    publish("<html>");
    let (count, news) = after(700).await;
    assert!(count == 2 && matches!(news, Some(KeysNews::Failed { count: 2, .. })));
    assert_eq!(after(200).await, (2, None));
    publish(&jwks(&[two.jwk()]));
    assert_eq!(after(61).await, (1, read(1)));

    keyring.stop();
    keeper.await.unwrap();
}

#[tokio::test]
async fn keys_over_plain_http_come_from_private_addresses_only() {
    let from = async |authority: &str| {
        let source = JwksSource::Http { authority: authority.to_owned(), path: "/".to_owned() };
        source.read().await.unwrap_err()
    };
    // Nothing is sent there: it is refused before.
    assert!(matches!(from("192.0.2.1:80").await, JwksError::Public { .. }));
    assert!(matches!(from("[::ffff:192.0.2.1]:80").await, JwksError::Public { .. }));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(from(&closed.to_string()).await, JwksError::Connect { .. }));
    let folder = tempfile::tempdir().unwrap();
    let read = JwksSource::File(folder.path().to_owned()).read().await.unwrap_err();
    assert!(read.to_string().contains("it is no file"), "{read}");
}

#[tokio::test]
async fn keys_over_https_come_from_anywhere_if_the_server_is_who_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(["other.example".to_owned()]).unwrap();
    std::fs::write(&authority, other.self_signed(&key).unwrap().pem()).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let from = async |authorities: Option<std::path::PathBuf>| {
        let (authority, path) = (format!("localhost:{}", closed.port()), "/keys".to_owned());
        JwksSource::Https { authority, path, authorities }.read().await.unwrap_err()
    };
    assert!(matches!(from(Some(authority)).await, JwksError::Fetch(_)));
    assert!(matches!(from(Some(folder.path().join("none.pem"))).await, JwksError::Roots(_)));
}
