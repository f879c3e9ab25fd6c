//! An outpost on a machine of its own: what it says when the gate's machine is cut off, and how it hands back.

mod link;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::{Stopwatch, wait_for};
use lab::origin::{Origin, plain};
use lab::{Gate, Running, free_address, need, web};

use world::{SOON, World};

/// The product's bars: the page is right, and somebody is told.
const PAGE_WITHIN: Duration = Duration::from_secs(30);
const ALARM_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_gate_that_is_cut_off_is_spoken_for_and_handed_back_to() {
    let mut world = need!(World::start());
    world.until("the gate's signature is passed on", || world.verified().contains("the copy is good"));
    assert_eq!(world.paged(), "", "nobody is called while all is well");
    world.set_links("down");
    let cut = Stopwatch::start();
    world.until("the page says so", || {
        world.outpost_page("/status.txt").contains("Nobody outside has been able to reach")
    });
    let page = cut.elapsed();
    world.until("the log says so", || {
        world.outpost.log().contains("alarm: the site cannot be reached from outside")
    });
    world.until("somebody is called", || world.paged().lines().any(|line| line.starts_with("/page ")));
    let alarm = cut.elapsed();
    println!("after the cut: page {:.1} s, pager {:.1} s", page.as_secs_f64(), alarm.as_secs_f64());
    assert!(page <= PAGE_WITHIN, "the page took {page:?}");
    assert!(alarm <= ALARM_WITHIN, "the pager took {alarm:?}");
    assert!(world.paged().contains("Disruption of"), "{}", world.paged());
    let text = world.outpost_page("/status.txt");
    assert!(text.starts_with("Example Shop: Major outage"), "{text}");
    assert!(text.contains("Shop: Major outage") && text.contains("Phone support: Operational"), "{text}");
    world.until("the folder has it", || {
        world.exported("status.txt").contains("Nobody outside has been able to reach")
    });
    let verified = world.verified();
    assert!(verified.contains("not signed with this key"), "these are the outpost's words: {verified}");
    let metrics = world.there.read("http://127.0.0.1:8083/metrics");
    for sample in
        ["portcullis_outpost_contact 0", "portcullis_outside_reached 0", "probe_up{probe=\"front page\"} 0"]
    {
        assert!(metrics.contains(sample), "{sample}:\n{metrics}");
    }
    let id = id(&world.outpost_page("/api/v2/incidents.json")).to_owned();

    // A power cut at the outpost: it goes on with the page that it held and with what it said.
    world.restart_outpost();
    world.until("it still says so", || {
        world.outpost_page("/status.txt").contains("Nobody outside has been able to reach")
    });

    world.set_links("up");
    let back = Stopwatch::start();
    let is_told = |page: &str| page.contains("could not be reached from outside");
    world.until("the gate tells of it", || is_told(&world.gate_page("/api/v2/incidents.json")));
    world.until("the page is the gate's", || world.is_handed_back());
    println!("after the link is back: handed back in {:.1} s", back.elapsed().as_secs_f64());
    let told = world.outpost_page("/api/v2/incidents.json");
    assert!(is_told(&told) && self::id(&told) == id, "one incident under one name, {id}:\n{told}");
    assert_eq!(told.matches("\"shortlink\"").count(), 1, "{told}");
    world.until("it is the gate's again", || world.verified().contains("the copy is good"));
    let text = world.outpost_page("/status.txt");
    assert!(text.starts_with("Example Shop: All systems operational"), "{text}");
    let record = world.control(&["incident", "show"]);
    assert!(record.contains("outside could not reach us from"), "{record}");
    assert!(world.gate.ended().is_none() && world.outpost.ended().is_none());
}

#[test]
fn inside_and_outside_disagree_and_the_gate_says_that_it_is_the_network() {
    let world = need!(World::start());
    // Only the way by which people come is gone.
    world.here.run(&["ip", "address", "del", &format!("{}/24", world::PUBLIC), "dev", "gate0"]);
    world.until("the finding", || world.gate.log().contains("it is the network, not the app"));
    world.until("the gate's page", || {
        world.gate_page("/status.txt").contains("Nobody outside has been able to reach")
    });
    world.until("and the outpost shows it", || world.is_handed_back());
    let record = world.control(&["incident", "show"]);
    assert!(record.contains("outside cannot reach us since"), "{record}");
    let status = world.control(&["status"]);
    assert!(
        status.contains("probes: app up, from outside down\nthe site can be reached from inside"),
        "{status}"
    );
    let lost =
        "link not full, but traffic is lost before this machine: nothing on this machine can help (sure)";
    world.until("the carrier is told", || world.provider_report(&[]).contains(lost));
}

#[test]
fn an_outpost_that_nothing_answers_any_more_says_nothing() {
    let world = need!(World::start_with(&format!("tcp://{}:8080", world::OTHERS)));
    world.set_links("down");
    world.until("contact is lost", || world.outpost.log().contains("alarm: contact with the gate is lost"));
    world.until("the site is down", || world.outpost.log().contains("probe `front page`: down"));
    let spoken = wait_for(PAGE_WITHIN, || {
        let log = world.outpost.log();
        log.contains("cannot be reached from outside").then_some(log)
    });
    assert_eq!(spoken, None);
    let text = world.outpost_page("/status.txt");
    assert!(text.starts_with("Example Shop: All systems operational"), "{text}");
}

#[test]
fn without_a_gate_probes_alone_make_a_page() {
    let binary = need!(Gate::binary());
    let fails = Arc::new(AtomicBool::new(false));
    let app = {
        let fails = fails.clone();
        let answer = move |_: &str| {
            let status = if fails.load(Relaxed) { "500 Internal Server Error" } else { "200 OK" };
            plain(status, "", "a shop")
        };
        Origin::start(answer).expect("loopback has a port")
    };
    let called = Arc::new(AtomicBool::new(false));
    let chat = {
        let called = called.clone();
        let answer = move |head: &str| {
            called.fetch_or(head.starts_with("POST /chat "), Relaxed);
            plain("200 OK", "", "ok")
        };
        Origin::start(answer).expect("loopback has a port")
    };
    let (page, console) = (free_address(), free_address());
    let folder = tempfile::tempdir().expect("there is room");
    let config = format!(
        "[page]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\n[[probe]]\nname = \"front page\"\n\
         target = \"{}/\"\nevery = \"1s\"\n[[probe]]\nname = \"control\"\ntarget = \"tcp://localhost:{}\"\nshows = \"control\"\n[state]\ndir = \"{}\"\n[console]\naddress = \"{console}\"\n\
         [[notify]]\nname = \"chat\"\nkind = \"slack\"\nurl = \"{}/chat\"\n",
        app.url(),
        console.port(),
        folder.path().join("state").display(),
        chat.url()
    );
    let file = folder.path().join("outpost.toml");
    std::fs::write(&file, config).expect("there is room");
    let text = || web::get(page, "/status.txt", &[]).map(|answer| answer.body).unwrap_or_default();
    let mut command = std::process::Command::new(binary);
    command.arg("outpost").arg("--config").arg(&file);
    let log = folder.path().join("outpost.log");
    let outpost =
        Running::start_and_wait(&mut command, &log, SOON, || text().contains("All systems operational"));
    let outpost = outpost.expect("it starts");
    fails.store(true, Relaxed);
    let said =
        wait_for(SOON, || Some(text()).filter(|text| text.contains("Incident: Disruption of Website")));
    let said = said.unwrap_or_else(|| panic!("{}", outpost.log()));
    assert!(!said.contains("cannot be reached"), "it answers, only badly:\n{said}");
    assert!(app.requests() < 60, "once a second at most");
    let told = wait_for(SOON, || called.load(Relaxed).then_some(()));
    told.unwrap_or_else(|| panic!("nobody was called:\n{}", outpost.log()));
}

/// The first id in a list of incidents.
fn id(json: &str) -> &str {
    let incidents = json.split_once("\"incidents\":").map_or("", |(_, rest)| rest);
    incidents.split_once("\"id\":\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
}
