//! A customer who listens to server-sent events.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;

use lab::web;

use crate::app::App;
use crate::world::{Customer, SOON};

/// The numbers of all events until the app ends the stream. The app is told of each as soon as it is there.
pub(crate) fn hear(listen: SocketAddr, customer: &Customer, app: &App) -> io::Result<Vec<u32>> {
    let mut stream = web::connect_from(customer.from, listen, SOON)?;
    let head = format!(
        "GET /events HTTP/1.1\r\nHost: shop.example\r\n{}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n",
        customer.pass
    );
    stream.write_all(head.as_bytes())?;
    let mut heard = Vec::new();
    // The lines between them are those of the head, and of the pieces that the body comes in.
    for line in BufReader::new(stream).lines() {
        if let Some(number) = line?.strip_prefix("data: ").and_then(|number| number.parse().ok()) {
            heard.push(number);
            app.was_heard(number);
        }
    }
    Ok(heard)
}
