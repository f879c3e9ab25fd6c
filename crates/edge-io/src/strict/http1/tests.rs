use proptest::prelude::*;

use super::*;

/// One message as the machine found it, or why it gave up.
#[derive(Debug, Eq, PartialEq)]
enum Found {
    Head(usize, Length),
    Body(usize, bool),
    Fault(Fault),
}

/// Reads a stream that arrives in pieces that end at these places.
fn read(stream: &[u8], ends: &[usize]) -> Vec<Found> {
    let (mut http1, mut found, mut held) = (Http1::default(), Vec::new(), Vec::new());
    let mut begin = 0;
    for &end in ends.iter().chain([&stream.len()]) {
        held.extend_from_slice(&stream[begin..end.max(begin)]);
        begin = end.max(begin);
        while !held.is_empty() {
            let taken = match http1.read(&held) {
                Ok(Piece::Incomplete | Piece::Nothing) => break,
                Ok(Piece::Skip(bytes)) => bytes,
                Ok(Piece::Head(bytes, head)) => {
                    found.push(Found::Head(bytes, head.length));
                    bytes
                }
                Ok(Piece::Body(bytes, ends)) => {
                    match found.last_mut() {
                        Some(Found::Body(before, false)) => {
                            *before += bytes;
                            let joined = *before;
                            found.pop();
                            found.push(Found::Body(joined, ends));
                        }
                        _ => found.push(Found::Body(bytes, ends)),
                    }
                    bytes
                }
                Err(fault) => {
                    // How much of a bad body was taken before it was seen depends on the pieces.
                    if let Some(Found::Body(_, false)) = found.last() {
                        found.pop();
                    }
                    found.push(Found::Fault(fault));
                    return found;
                }
            };
            held.drain(..taken);
        }
    }
    found
}

/// What may stand between two fields, and where the bad things are.
const FIELDS: [&str; 12] = [
    "",
    "",
    "",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: websocket\r\n",
    "X: y\r\n",
    "X_y: z\r\n",
    "X : y\r\n",
    " folded\r\n",
    "Content_Length: 3\r\n",
    "Host: other\r\n",
    "X: y\n",
];

/// Lengths with bodies that fit them, or do not.
const BODIES: [&str; 14] = [
    "\r\n",
    "\r\n",
    "Content-Length: 5\r\n\r\nhello",
    "Content-Length: 0\r\n\r\n",
    "Content-Length: 7\r\n\r\nhello",
    "Content-Length: 5\r\n\r\nhello\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
];

/// One request, more often good than bad.
fn message() -> impl Strategy<Value = String> {
    let lines = [
        "GET /a HTTP/1.1\r\n",
        "POST /b HTTP/1.1\r\n",
        "DELETE /c?d HTTP/1.1\r\n",
        "PUT /e HTTP/1.0\r\n",
        "\r\nGET /f HTTP/1.1\r\n",
    ];
    (
        prop::sample::select(lines.to_vec()),
        prop::sample::select(&FIELDS[..]),
        prop::bool::weighted(0.95),
        prop::sample::select(&FIELDS[..]),
        prop::sample::select(&BODIES[..]),
    )
        .prop_map(|(line, before, host, after, body)| {
            let host = if host { "Host: shop.example\r\n" } else { "" };
            [line, before, host, after, body].concat()
        })
}

/// A connection's worth of them, with a few bytes changed.
pub(super) fn stream() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    (prop::collection::vec(message(), 1..6), changes).prop_map(|(messages, changes)| {
        let mut stream = messages.concat().into_bytes();
        for (at, byte) in changes {
            let length = stream.len();
            stream[at.index(length)] = byte;
        }
        stream
    })
}

proptest! {
    #[test]
    fn however_the_bytes_arrive_the_borders_are_the_same(
        stream in stream(),
        mut ends in prop::collection::vec(0_usize..400, 0..12),
    ) {
        ends.iter_mut().for_each(|end| *end = (*end).min(stream.len()));
        ends.sort_unstable();
        let each: Vec<usize> = (1..stream.len()).collect();
        let whole = read(&stream, &[]);
        prop_assert_eq!(&read(&stream, &ends), &whole);
        prop_assert_eq!(&read(&stream, &each), &whole);
    }

    #[test]
    fn no_bytes_make_it_panic_or_take_more_than_there_is(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut http1 = Http1::default();
        match http1.read(&stream) {
            Ok(Piece::Skip(taken) | Piece::Head(taken, _) | Piece::Body(taken, _)) => prop_assert!(taken <= stream.len()),
            Ok(Piece::Incomplete | Piece::Nothing) | Err(_) => {}
        }
    }
}

#[test]
fn a_head_that_never_ends_is_refused_at_32_kib() {
    let mut stream = b"GET / HTTP/1.1\r\n".to_vec();
    while stream.len() <= HEAD_BYTES_MAX {
        stream.extend_from_slice(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
    }
    assert_eq!(Http1::default().read(&stream), Err(Fault::HeadTooLarge));
    let target = [b"GET /".to_vec(), vec![b'a'; HEAD_BYTES_MAX]].concat();
    assert_eq!(Http1::default().read(&target), Err(Fault::TargetTooLong));
}

#[test]
fn cookies_have_16_kib_in_however_many_fields_they_come() {
    let ask = |name: &str, sizes: &[usize]| {
        let fields = sizes.iter().map(|&size| format!("{name}: {}\r\n", "c".repeat(size)));
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields.collect::<String>());
        Http1::default().read(head.as_bytes()).map(|_| ())
    };
    // Large, and still what a browser may have to send.
    assert_eq!(ask("Cookie", &[15_000]), Ok(()));
    assert_eq!(ask("cookie", &[8_192, 4_096, 4_096]), Ok(()));
    assert_eq!(ask("COOKIE", &[8_192, 4_096, 4_097]), Err(Fault::HeadTooLarge));
    assert_eq!(ask("Cookie", &[16_500]), Err(Fault::HeadTooLarge));
    assert_eq!(ask("Choice", &[8_192, 8_193]), Ok(()), "other fields are not summed");
}

#[test]
fn a_chunk_line_that_never_ends_is_refused() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let stream = [&head[..], b"5;", &[b'x'; 40_000]].concat();
    assert_eq!(read(&stream, &[head.len()]).last(), Some(&Found::Fault(Fault::Chunk)));
}
