//! What must not end the service: power cuts, a sick app, too many connections, a stolen pass.

mod clock_jumps;
mod disk;
mod incident;
mod world;

use std::net::Ipv4Addr;

use lab::clock::{pause, wait_for};
use lab::web::{self, Request};
use lab::{Gate, Peer, need};
use std::time::Duration;
use world::{App, DYING, GARBLED, HANGING, SOON, WELL, World, connect_from, get_from, pass_in};

#[test]
fn a_login_older_than_a_second_outlives_a_power_cut_under_load() {
    let mut world = need!(World::start(&[], &[]));
    let passes: Vec<String> = (0..20).map(|person| world.sign_in(&format!("person{person}"))).collect();
    pause(Duration::from_millis(1_100));
    let listen = world.listen;
    let load = std::thread::spawn(move || {
        (0..400_u16).filter(|_| get_from(Ipv4Addr::new(127, 9, 0, 1), listen, "X-Load: 1").is_ok()).count()
    });
    pause(Duration::from_millis(100));
    world.cut_and_restart();
    let served = load.join().expect("the load only counts");
    assert!(served < 400, "the load was over before the cut");
    // A pass is valid by its MAC alone, so the rows are counted before any pass is shown again.
    let rows = world.tell(&["clients", "list"]);
    assert!(rows.starts_with("20 known clients"), "{rows}");
    for pass in &passes {
        assert_eq!(world.tier(&[pass]), "tier=t2");
    }
    world.check_unharmed();
}

#[test]
fn a_sick_app_is_an_error_of_the_app_and_is_served_again_when_well() {
    need!(Gate::binary());
    let app = App::start();
    let config = Gate::CONFIG
        .replace("{origin}", &format!("http://{}", app.address))
        .replace("[state]", "answer_timeout = \"1s\"\n[state]");
    let mut gate = Gate::start(&config).expect("the gate starts");
    let get = || web::send(gate.listen(), &Request { within: SOON, ..Request::get("/") }).ok();
    for (mood, expected) in [(DYING, 502), (GARBLED, 502), (HANGING, 504)] {
        app.feel(mood);
        let status = get().map(|answer| answer.status);
        assert_eq!(status, Some(expected), "mood {mood}\n{}", gate.log());
        app.feel(WELL);
        let again = wait_for(SOON, || get().filter(|answer| answer.status == 200));
        assert!(again.is_some(), "mood {mood}: not served again\n{}", gate.log());
    }
    assert!(gate.process().ended().is_none() && !gate.log().contains("panicked"), "{}", gate.log());
}

#[test]
fn one_app_that_hangs_leaves_customers_to_the_other() {
    need!(Gate::binary());
    let apps = [App::start(), App::start()];
    let origin = |app: &App| {
        format!(
            "[[site.origin]]\nurl = \"http://{}\"\nconfirms_logins = true\nanswer_timeout = \"1s\"\n",
            app.address
        )
    };
    let config = Gate::CONFIG
        .replace("[[site.origin]]\nurl = \"{origin}\"\n", &apps.each_ref().map(origin).join("\n"));
    let mut gate = Gate::start(&config).expect("the gate starts");
    let signing_in = web::get(gate.listen(), "/", &["Cookie: session=owner"]).expect("both apps are well");
    let pass = pass_in(&signing_in).unwrap_or_else(|| panic!("no pass: {}", signing_in.head));
    apps[0].feel(HANGING);
    let statuses: Vec<u16> = (0..100)
        .filter_map(|_| {
            let headers = [pass.as_str()];
            let request = Request { headers: &headers, within: SOON, ..Request::get("/") };
            Some(web::send(gate.listen(), &request).ok()?.status)
        })
        .collect();
    assert_eq!(statuses.len(), 100, "{statuses:?}\n{}", gate.log());
    let late = statuses.iter().filter(|&&status| status == 504).count();
    let served = statuses.iter().filter(|&&status| status == 200).count();
    assert!(late <= 5 && served == 100 - late, "{statuses:?}\n{}", gate.log());
    assert!(statuses[20..].iter().all(|&status| status == 200), "{statuses:?}\n{}", gate.log());
    assert!(gate.process().ended().is_none() && !gate.log().contains("panicked"), "{}", gate.log());
}

#[test]
fn a_newcomer_is_served_when_idle_connections_hold_every_descriptor() {
    need!(Gate::binary());
    let prlimit = need!(Peer::find("prlimit"));
    let path = prlimit.path().display().to_string();
    let mut world = need!(World::start(&[&path, "--nofile=256:256"], &[]));
    let idle: Vec<_> = (0..500_u16)
        .filter_map(|at| {
            let [high, low] = at.to_be_bytes();
            connect_from(Ipv4Addr::new(127, 20 + high, low, 1), world.listen).ok()
        })
        .collect();
    assert!(idle.len() > 200, "only {} connections", idle.len());
    assert!(world.tier(&[]).starts_with("tier="));
    world.check_unharmed();
}

#[test]
fn a_stolen_pass_harms_the_thieves_alone() {
    let mut world = need!(World::start(&[], &[]));
    let (stolen, other) = (world.sign_in("owner"), world.sign_in("neighbour"));
    let thieves: Vec<String> = (0..4_u8)
        .flat_map(|block| (0..250_u8).map(move |at| Ipv4Addr::new(127, 40 + block, at, 1)))
        .filter_map(|thief| get_from(thief, world.listen, &stolen).ok())
        .collect();
    assert_eq!(thieves.len(), 1_000);
    let late = thieves[150..].iter().filter(|answer| answer.contains("tier=t5")).count();
    assert_eq!(late, 850, "a thief after the eighth prefix is more than unknown: {}", thieves[999]);
    assert_eq!(world.tier(&[&stolen]), "tier=t2", "the owner, at home");
    assert_eq!(world.tier(&[&other]), "tier=t2", "another customer, in the same prefix");
    world.tell(&["level", "pin", "customers-first"]);
    let elsewhere = Ipv4Addr::new(127, 43, 249, 1);
    let shut = wait_for(SOON, || {
        let answer = get_from(elsewhere, world.listen, &stolen).ok()?;
        answer.starts_with("HTTP/1.1 503").then_some(answer)
    });
    assert!(shut.is_some(), "a thief is served while only customers are");
    assert_eq!(world.tier(&[&stolen]), "tier=t2", "the owner, at home, while only customers are served");
    assert_eq!(world.tier(&[&other]), "tier=t2", "another customer, meanwhile");
    world.check_unharmed();
}

#[test]
fn observing_changes_no_answer() {
    let mut world = need!(World::start(&[], &["--observe"]));
    for at in 0..300_u16 {
        let path = format!("/page/{at}");
        let direct = web::get(world.app.address, &path, &[]).expect("the app answers");
        let through = web::get(world.listen, &path, &[]).expect("the gate answers");
        assert_eq!(
            (direct.status, &direct.body),
            (through.status, &through.body),
            "request {at}: {}",
            through.head
        );
    }
    world.check_unharmed();
}
