use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A tally in which each peer brings so many requests for so many clients.
fn tally(peers: &[(&str, u64, u32)]) -> Tally {
    let mut tally = Tally::default();
    for &(peer, requests, clients) in peers {
        for n in 0..requests {
            tally.note(address(peer), format!("198.51.100.{}", n % u64::from(clients)).as_bytes());
        }
    }
    tally
}

#[test]
fn most_requests_for_many_clients_by_one_address_are_a_front() {
    let front = tally(&[("127.0.0.1", 60, 40)]).judge(100, false).unwrap();
    assert_eq!(front, UndeclaredFront { addresses: vec![address("127.0.0.1")], is_local: true });
}

#[test]
fn half_of_them_are_none_but_what_was_one_stays_so_whatever_others_bring() {
    let half = tally(&[("10.0.0.7", 50, 40)]);
    assert_eq!(half.judge(100, false), None);
    assert!(half.judge(100, true).is_some(), "it was one");
    assert!(half.judge(100_000, true).is_some(), "whoever goes around it cannot talk it away");
    assert_eq!(tally(&[("10.0.0.7", 7, 7)]).judge(100, true), None, "no longer");
}

#[test]
fn a_neighbour_of_the_proxy_who_sends_the_header_is_not_named_with_it() {
    let front =
        tally(&[("127.0.0.1", 900, 40), ("10.0.0.9", 1, 1), ("10.0.0.8", 50, 20)]).judge(1_000, false);
    assert_eq!(front.unwrap().addresses, [address("127.0.0.1")]);
}

#[test]
fn few_clients_are_no_front() {
    assert_eq!(tally(&[("10.0.0.7", 100, 4)]).judge(100, false), None, "a health check, or an office");
}

#[test]
fn on_the_internet_it_is_said_and_nothing_done() {
    let front = tally(&[("192.0.2.1", 40, 40), ("192.0.2.2", 30, 30)]).judge(100, false).unwrap();
    assert_eq!(front.addresses, [address("192.0.2.1"), address("192.0.2.2")]);
    assert!(!front.is_local, "whoever floods from there could say so of himself");
}

#[test]
fn nobody_on_the_internet_crowds_out_the_proxy_on_this_machine() {
    let mut crowded = Tally::default();
    for n in 0..1_000 {
        let peer = format!("203.0.113.{}", n % 250);
        crowded.note(address(&peer), n.to_string().as_bytes());
    }
    for n in 0..2_000 {
        crowded.note(address("::1"), n.to_string().as_bytes());
    }
    let front = crowded.judge(3_000, false).unwrap();
    assert_eq!(front.addresses, [address("::1")]);
    assert!(crowded.others.0.len() <= PEERS_MAX, "whoever comes");
}

#[test]
fn what_many_addresses_bring_is_no_front() {
    let mut flood = Tally::default();
    for n in 0..10_000_u64 {
        let peer = format!("203.0.113.{}", n % 250);
        flood.note(address(&peer), n.to_string().as_bytes());
    }
    assert_eq!(flood.judge(10_000, false), None);
}

#[test]
fn what_workers_saw_is_judged_together() {
    let undeclared = Undeclared::new(2);
    for n in 0..64_u64 {
        let worker = usize::try_from(n % 2).unwrap();
        undeclared.note(worker, address("10.1.2.3"), n.to_string().as_bytes());
    }
    let all = undeclared.take();
    assert!(all.judge(64, false).is_some());
    assert!(undeclared.take().judge(64, false).is_none(), "it was taken");
    assert!(!undeclared.is(address("10.1.2.3")), "nothing is found yet");
    undeclared.found.store(all.judge(64, false).map(Arc::new));
    assert!(undeclared.is(address("10.1.2.3")));
    assert!(!undeclared.is(address("10.1.2.4")));
}

#[test]
fn private_networks_are_those_that_nobody_on_the_internet_has() {
    for local in [
        "127.0.0.1",
        "10.9.8.7",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "::1",
        "fd00::1",
        "fe80::1",
    ] {
        assert!(is_local(address(local)), "{local}");
    }
    for other in
        ["172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.2.1", "8.8.8.8", "2001:db8::1", "fb00::1"]
    {
        assert!(!is_local(address(other)), "{other}");
    }
}
