//! The status page of a running gate: what it says while the app fails, and after a crash, a takeover, a person's word.

mod markup;
mod readers;
mod seen;
mod watchers;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Running, free_address, need, web};

/// A gate with a page, before an app that fails when it is told to.
struct World {
    gate: Gate,
    page: SocketAddr,
    export: tempfile::TempDir,
    fails: Arc<AtomicBool>,
    _app: Origin,
}

impl World {
    fn start(first_notice: &str) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let answer = {
            let fails = fails.clone();
            move |_: &str| {
                if fails.load(Relaxed) {
                    plain("500 Internal Server Error", "", "no")
                } else {
                    plain("200 OK", "", "yes")
                }
            }
        };
        let app = Origin::start(answer).expect("loopback has a port");
        let (page, export) = (free_address(), tempfile::tempdir().expect("there is room"));
        let table = format!(
            "[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nfirst_notice = \"{first_notice}\"\nexport = [\"{}\"]\n[[status.component]]\nname = \"Website\"\ngroup = \"Shop\"\n[[status.component]]\nname = \"Phone support\"\nwatches = \"nothing\"\n",
            export.path().display()
        );
        let config = format!("{}{table}", Gate::CONFIG.replace("{origin}", &app.url()));
        let gate = Gate::start(&config).expect("the gate starts");
        Self { gate, page, export, fails, _app: app }
    }

    fn text(&self) -> String {
        web::get(self.page, "/status.txt", &[]).map(|answer| answer.body).unwrap_or_default()
    }

    /// Visitors go on asking until the page says this.
    fn until(&self, said: &str) -> String {
        let asked = || {
            let _whatever = web::get(self.gate.listen(), "/", &[]);
            let text = self.text();
            text.contains(said).then_some(text)
        };
        wait_for(SOON, asked)
            .unwrap_or_else(|| panic!("never said `{said}`:\n{}\n{}", self.text(), self.gate.log()))
    }
}

#[test]
fn an_app_that_fails_is_on_the_page_in_seconds_and_the_record_outlives_a_crash() {
    need!(Gate::binary());
    let mut world = World::start("0s");
    world.until("All systems operational");
    world.fails.store(true, Relaxed);
    let text = world.until("Incident: Disruption of Website");
    assert!(text.contains("Next update by"), "{text}");
    let exported = || std::fs::read_to_string(world.export.path().join("status.txt")).ok();
    let exported = wait_for(SOON, || exported().filter(|text| text.contains("Disruption of Website")));
    assert!(exported.is_some(), "the folder has it too");
    let (_, before) = world.gate.control(&["incident", "show", "--json"]).expect("it runs");
    world.gate.cut_and_restart().expect("it starts again");
    world.until("Incident: Disruption of Website");
    let (_, after) = world.gate.control(&["incident", "show", "--json"]).expect("it runs");
    assert_eq!(id(&before), id(&after), "{}", world.gate.log());
    assert!(!world.gate.log().contains("record of incidents"), "{}", world.gate.log());
}

#[test]
fn a_takeover_goes_on_with_the_same_record_and_keeps_serving_the_page() {
    need!(Gate::binary());
    let mut world = World::start("0s");
    world.fails.store(true, Relaxed);
    world.until("Incident: Disruption of Website");
    for _ in 0..3 {
        assert!(world.gate.hand_over(), "{}", world.gate.log());
        assert!(world.text().contains("Incident: Disruption of Website"));
        let said =
            world.gate.tell(&["incident", "update", "--text", "Still at it.", "--stage", "identified"]);
        let repeated = said.is_err_and(|error| error.to_string().contains("same words"));
        assert!(repeated || world.text().contains("Still at it."), "{}", world.gate.log());
    }
    // A forked or broken chain would be said at the next start.
    world.gate.cut_and_restart().expect("it starts again");
    world.until("Still at it.");
    assert!(!world.gate.log().contains("record of incidents"), "{}", world.gate.log());
}

#[test]
fn a_person_holds_a_notice_back_and_tells_of_what_the_gate_does_not_see() {
    need!(Gate::binary());
    let world = World::start("30m");
    world.fails.store(true, Relaxed);
    let planned = || {
        let _whatever = web::get(world.gate.listen(), "/", &[]);
        world.gate.control(&["incident"]).ok().filter(|(_, text)| text.contains("notice planned"))
    };
    wait_for(SOON, planned).unwrap_or_else(|| panic!("{}", world.gate.log()));
    assert!(world.text().contains("All systems operational"), "{}", world.text());
    world.gate.tell(&["incident", "hold"]).expect("it is held");
    let (_, list) = world.gate.control(&["incident"]).expect("it runs");
    assert!(list.contains("held back"), "{list}");
    let open = ["incident", "open", "Nobody answers the phone", "--text", "Our carrier has a problem."];
    let open = [&open[..], &["--component", "Phone support=major-outage"]].concat();
    world.gate.tell(&open).expect("it is told");
    let said =
        wait_for(SOON, || Some(world.text()).filter(|text| text.contains("Phone support: Major outage")));
    assert!(said.is_some(), "{}", world.text());
    let draft = world.gate.tell(&["incident", "draft"]).expect("a report is drafted");
    assert!(draft.contains("# Report") && draft.contains("TODO"), "{draft}");
}

#[test]
fn a_gate_without_a_configuration_serves_the_page_where_it_is_told_to() {
    let binary = need!(Gate::binary());
    let app = Origin::start(|_: &str| plain("500 Internal Server Error", "", "no"));
    let app = app.expect("loopback has a port");
    let folder = tempfile::tempdir().expect("there is room");
    let page = free_address();
    let (listen, running) = protect(&binary, &app, page, folder.path());
    let get = |path: &str| web::get(page, path, &[]).map(|answer| answer.body).unwrap_or_default();
    let is_told = || running.log().contains(&format!("http://{page}/")).then_some(());
    assert!(wait_for(SOON, is_told).is_some(), "{}", running.log());
    let calm = wait_for(SOON, || Some(get("/status.txt")).filter(|text| text.contains("All systems")));
    assert!(
        calm.is_some_and(|text| text.starts_with("Site: ") && text.contains("Website")),
        "{}",
        running.log()
    );
    assert!(get("/api/v2/summary.json").contains(&format!(r#""url":"http://{page}""#)));
    // The first notice has two minutes, in which a person may hold it; the component follows at once.
    let ctl = |words: &[&str]| {
        let output = Command::new(&binary)
            .arg("ctl")
            .args(words)
            .arg("--state")
            .arg(folder.path().join("state"))
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    let published = || {
        let _whatever = web::get(listen, "/", &[]);
        ctl(&["incident", "publish"]).then_some(())
    };
    assert!(wait_for(SOON, published).is_some(), "{}", running.log());
    let told = || get("/status.txt").contains("Incident: Disruption of Website").then_some(());
    assert!(wait_for(SOON, told).is_some(), "{}\n{}", get("/status.txt"), running.log());
    // What `ctl incident draft` says, without the gate.
    let incidents = get("/api/v2/incidents.json");
    let (_, incidents) = incidents.split_once(r#""incidents":"#).expect("a list of incidents");
    let mut report = Command::new(&binary);
    report.args(["report", "--incident", id(incidents), "--state"]).arg(folder.path().join("state"));
    let report = report.output().expect("it runs");
    let said = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.status.success() && said.contains("# Report") && said.contains("TODO"), "{said}");
}

#[test]
fn a_gate_whose_page_has_no_address_protects_all_the_same() {
    let binary = need!(Gate::binary());
    let app = Origin::start(|_: &str| plain("200 OK", "", "here")).expect("loopback has a port");
    let folder = tempfile::tempdir().expect("there is room");
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let page = taken.local_addr().expect("it is bound");
    let (listen, running) = protect(&binary, &app, page, folder.path());
    assert!(web::get(listen, "/", &[]).is_ok_and(|answer| answer.body.contains("here")), "{}", running.log());
    let said = running.log();
    assert!(
        said.contains(&format!("the status page cannot listen on {page}")) && said.contains("--no-status"),
        "{said}"
    );
}

/// A gate without a configuration before an app, with its page there and its state and log in a folder; where it listens.
fn protect(binary: &Path, app: &Origin, page: SocketAddr, folder: &Path) -> (SocketAddr, Running) {
    let (listen, console) = (free_address(), free_address());
    let mut command = Command::new(binary);
    command.arg("protect").arg(app.url()).arg("--state").arg(folder.join("state"));
    for (option, address) in [("--listen", listen), ("--console", console), ("--status", page)] {
        command.args([option, &address.to_string()]);
    }
    let running = Running::start_and_wait(&mut command, &folder.join("log"), SOON, || web::accepts(listen));
    (listen, running.unwrap_or_else(|error| panic!("{error}")))
}

fn id(json: &str) -> &str {
    json.split_once(r#""id":""#).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
}

const SOON: Duration = Duration::from_secs(20);
