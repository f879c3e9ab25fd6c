//! slowhttptest in all its four ways, with 4,000 connections, and two honest clients meanwhile.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::{Stopwatch, pause};
use lab::web::{self, Request};
use lab::{Gate, Peer, Running, free_address, need};

use crate::PATIENCE;
use crate::world::World;

#[test]
fn slow_headers_take_nothing_from_anybody() {
    check(&["-H", "-i", "2", "-x", "20"]);
}

#[test]
fn slow_bodies_take_nothing_from_anybody() {
    need!(Gate::binary());
    let node = need!(Peer::node());
    let (folder, app) = (tempfile::tempdir().expect("there is room"), free_address());
    // It answers a body only when it has all of it, and has no limit of its own.
    let mut command = node.command();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/upgrade/app.js")).arg(app.port().to_string());
    let _app =
        Running::start_and_wait(&mut command, &folder.path().join("log"), PATIENCE, || web::accepts(app))
            .unwrap_or_else(|error| panic!("{error}"));
    let world = need!(World::start_before(Some(app)));
    check_in(&world, "POST", &["-B", "-i", "2", "-s", "100000", "-x", "20"]);
}

#[test]
fn slow_reading_takes_nothing_from_anybody() {
    check(&["-X", "-w", "1", "-y", "64", "-n", "1", "-z", "8", "-k", "3"]);
}

#[test]
fn overlapping_ranges_take_nothing_from_anybody() {
    check(&["-R", "-a", "10", "-b", "3000"]);
}

fn check(way: &[&str]) {
    check_in(&need!(World::start()), "GET", way);
}

fn check_in(world: &World, method: &str, way: &[&str]) {
    let slowhttptest = need!(Peer::find("slowhttptest"));
    let (known, unknown) = (Ipv4Addr::new(127, 0, 77, 1), Ipv4Addr::new(127, 0, 78, 1));
    // An app that knows nobody makes nobody known.
    let pass = world.customer(known).unwrap_or_else(|| "Cookie: a=b".to_owned());
    let attack = slowhttptest
        .command()
        .args(way)
        .args(["-c", "4000", "-r", "1000", "-l", "12", "-t", method, "-u"])
        .arg(format!("http://{}/large", world.gate.listen()))
        .current_dir(world.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut attack = attack.expect("it starts");
    let stop = AtomicBool::new(false);
    let listen = world.gate.listen();
    let (asked, answered) = std::thread::scope(|scope| {
        let honest = scope.spawn(|| {
            let (mut asked, mut answered) = (0, 0);
            while !stop.load(Relaxed) {
                for (from, headers) in [(known, &[pass.as_str()][..]), (unknown, &[])] {
                    let request = Request { headers, from, ..Request::get("/") };
                    asked += 1;
                    answered +=
                        u32::from(web::send(listen, &request).is_ok_and(|answer| answer.status == 200));
                }
                pause(Duration::from_millis(200));
            }
            (asked, answered)
        });
        let begun = Stopwatch::start();
        while attack.try_wait().is_ok_and(|status| status.is_none()) && begun.elapsed() < PATIENCE {
            pause(Duration::from_millis(100));
        }
        stop.store(true, Relaxed);
        honest.join().expect("it only counts")
    });
    // It may have ended by itself already.
    let _killed = attack.kill();
    let _reaped = attack.wait();
    assert!(asked >= 40, "the attack was over at once: {asked}");
    assert_eq!(answered, asked, "{way:?}: {}", world.gate.log());
}
