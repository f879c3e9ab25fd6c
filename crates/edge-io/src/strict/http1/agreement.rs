//! What the HTTP library makes of the bytes that the strict reading passes on. Tests and the fuzz target share this file.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Http1, Length, Piece};

/// Both readings of a stream find the same messages, or the library ends the connection.
pub(super) fn check(stream: &[u8]) {
    let (passed, sizes) = passed_on(stream);
    let (found, refused) = library(&passed);
    // What the library refuses ends the connection: that is no disagreement about a border.
    let text = String::from_utf8_lossy(&passed);
    assert!(refused || found.len() == sizes.len(), "{sizes:?} {found:?} in {text:?}");
    for (found, size) in found.iter().zip(&sizes) {
        assert!(size.is_none_or(|size| size == *found), "{sizes:?} {found:?} in {text:?}");
    }
}

/// The bytes of complete messages that are passed on, and the sizes of their decoded bodies where these are counted.
fn passed_on(stream: &[u8]) -> (Vec<u8>, Vec<Option<u64>>) {
    let (mut http1, mut at, mut passed, mut complete) = (Http1::default(), 0, Vec::new(), Vec::new());
    let mut sizes = Vec::new();
    let mut size = None;
    loop {
        match http1.read(&stream[at..]) {
            Ok(Piece::Skip(taken)) => at += taken,
            Ok(Piece::Head(taken, head)) => {
                passed.extend_from_slice(&stream[at..at + taken]);
                at += taken;
                size = match head.length {
                    Length::None => Some(0),
                    Length::Bytes(bytes) => Some(bytes),
                    Length::Chunked => None,
                };
                if head.websocket {
                    break;
                }
                if head.length == Length::None {
                    sizes.push(size);
                    complete.clone_from(&passed);
                }
            }
            Ok(Piece::Body(taken, ends)) => {
                passed.extend_from_slice(&stream[at..at + taken]);
                at += taken;
                if ends {
                    sizes.push(size);
                    complete.clone_from(&passed);
                }
            }
            Ok(Piece::Incomplete | Piece::Nothing) | Err(_) => break,
        }
    }
    (complete, sizes)
}

/// The sizes of the bodies of the requests that the library finds; whether it found fault with one.
fn library(bytes: &[u8]) -> (Vec<u64>, bool) {
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let record = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let record = record.clone();
        async move {
            if let Ok(body) = request.into_body().collect().await {
                record.lock().unwrap().push(body.to_bytes().len() as u64);
            }
            Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new()))
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let served = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service)
            .await;
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        served.is_err() || answers.contains(" 400 ")
    });
    (Arc::try_unwrap(seen).unwrap().into_inner().unwrap(), refused)
}
