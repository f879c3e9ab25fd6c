use std::net::Ipv4Addr;

use super::*;

const START: Instant = Instant::from_secs(100);

fn connection(front: bool) -> Connection {
    Connection::new(Ipv4Addr::LOCALHOST.into(), front, Security::default(), START)
}

/// Whether a stream that has taken nothing of its answer for so long ends the connection.
fn ends(connection: &Connection, unread: Option<Duration>, seconds: u64) -> bool {
    let minute = Duration::from_secs(60);
    let limits = PhaseLimits {
        handshake: minute,
        head: minute,
        idle: minute,
        idle_known: minute,
        idle_front: minute,
        unread,
    };
    connection.gauge.multiplex();
    let call = connection.new_call();
    connection.begin(&call, START);
    call.enter(Stage::Answering);
    call.hands_on(0, START);
    connection.is_overdue(&limits, START + Duration::from_secs(seconds))
}

#[test]
fn a_stream_that_takes_nothing_ends_the_connection_of_an_unknown_client_while_limits_refuse() {
    let most = Some(Duration::from_secs(60));
    assert!(ends(&connection(false), most, 60));
    assert!(!ends(&connection(false), most, 59));
    assert!(!ends(&connection(false), None, 10_000), "limits only count");
    assert!(!ends(&connection(true), most, 10_000), "a front speaks for many");
}

#[test]
fn unknown_clients_begin_anew_after_a_thousand_requests_and_after_a_hundred_while_some_are_closed_out() {
    let (stranger, front) = (connection(false), connection(true));
    let call = stranger.new_call();
    let mut enough = [None, None];
    for request in 1..=1_000 {
        for connection in [&stranger, &front] {
            connection.begin(&call, START);
            connection.end(&call, START);
        }
        for (lowered, first) in [false, true].into_iter().zip(&mut enough) {
            *first = first.or(stranger.has_had_enough(lowered).then_some(request));
        }
        assert!(!front.has_had_enough(true));
    }
    assert_eq!(enough, [Some(1_000), Some(100)]);
    stranger.known.set(true);
    assert!(!stranger.has_had_enough(true), "a known client may stay");
}

#[test]
fn idle_connections_of_fronts_outlast_those_of_anybody_else() {
    let seconds = Duration::from_secs;
    let limits = PhaseLimits {
        handshake: seconds(10),
        head: seconds(5),
        idle: seconds(2),
        idle_known: seconds(60),
        idle_front: seconds(75),
        unread: None,
    };
    let (stranger, customer, front) = (connection(false), connection(false), connection(true));
    customer.known.set(true);
    let lasts = |connection: &Connection| {
        let call = connection.new_call();
        connection.begin(&call, START);
        connection.end(&call, START);
        (1..100).find(|&second| connection.is_overdue(&limits, START + seconds(second)))
    };
    assert_eq!([&stranger, &customer, &front].map(lasts), [Some(2), Some(60), Some(75)]);
}
