//! Programs that look at the page for others: Atlassian's widget in a page elsewhere, a feed reader on a terminal, Prometheus.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::Origin;
use lab::{Browser, Peer, Running, free_address, need, web};
use serde_json::Value;

use crate::readers::{TITLE, awkward, output};
use crate::{SOON, World};

#[test]
fn the_widget_of_statuspage_shows_the_state_in_a_page_of_another_site() {
    need!(lab::Gate::binary());
    let (browser, script) = (need!(Browser::start("Mozilla/5.0 (a customer)")), need!(Peer::widget()));
    let script = fs::read_to_string(script).expect("it was there a moment ago");
    let world = World::start("30m");
    world.until("All systems operational");
    let elements = ["", " appearance=\"badge\""]
        .map(|more| format!("<statuspage-widget src=\"http://{}\"{more}></statuspage-widget>", world.page));
    let page =
        format!("<!doctype html><title>Shop</title>{}<script src=\"/w.js\"></script>", elements.concat());
    let shop = Origin::start(move |head| {
        let is_script = head.starts_with("GET /w.js ");
        let (kind, body) = if is_script { ("text/javascript", &script) } else { ("text/html", &page) };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    })
    .expect("loopback has a port");
    let shows = |text: &str, indicator: &str| {
        let wanted = serde_json::json!([[text, indicator], ["system status", indicator]]);
        // A browser may show what it has for ten seconds, and once more while it asks.
        let seen = wait_for(SOON, || {
            browser.open(&shop.url());
            let is_drawn = || Some(browser.run(WIDGETS)).filter(|seen| seen[0].is_array());
            wait_for(DRAWN_WITHIN, is_drawn).filter(|seen| *seen == wanted)
        });
        assert!(seen.is_some(), "{}, wanted: {wanted}", browser.run(WIDGETS));
    };
    shows("All Systems Operational", "none");
    let open =
        ["incident", "open", TITLE, "--text", "So it is.", "--component", "Phone support=partial-outage"];
    world.gate.tell(&open).expect("it is told");
    world.until(TITLE);
    shows("Partial System Outage", "major");
}

const DRAWN_WITHIN: Duration = Duration::from_secs(2);

/// What each widget shows: its words, and the class that gives it its colour.
const WIDGETS: &str = "return [...document.querySelectorAll('statuspage-widget')].map((widget) => {
    const light = widget.shadowRoot && widget.shadowRoot.querySelector('.status-indicator');
    if (!light) return null;
    const text = widget.shadowRoot.querySelector('.status-text') || light;
    return [text.textContent.trim(), light.className.replace('status-indicator', '').trim()];
})";

#[test]
fn newsboat_takes_the_feed_and_notices_what_is_new() {
    need!(lab::Gate::binary());
    let (newsboat, python) = (need!(Peer::find("newsboat")), need!(Peer::readers()));
    let world = awkward();
    let folder = tempfile::tempdir().expect("there is room");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("urls"), format!("http://{}/history.atom\n", world.page)).expect("there is room");
    fs::write(at("config"), "error-log errors\n").expect("there is room");
    let run = |words: &[&str]| {
        let mut command = newsboat.command();
        command.arg("-u").arg(at("urls")).arg("-c").arg(at("cache")).arg("-C").arg(at("config")).arg("-x");
        output(command.args(words).env("HOME", folder.path()).current_dir(folder.path()))
    };
    run(&["reload"]);
    assert_eq!(run(&["print-unread"]), "2 unread articles\n", "{:?}", fs::read_to_string(at("errors")));
    let open = ["incident", "open", "Parcels are late", "--text", "By a day.", "--component"];
    world.gate.tell(&[&open[..], &["Phone support=degraded-performance"]].concat()).expect("it is told");
    world.until("Parcels are late");
    run(&["reload"]);
    assert_eq!(run(&["print-unread"]), "3 unread articles\n", "{:?}", fs::read_to_string(at("errors")));
    let kept = output(python.command().args(["-c", KEPT]).arg(at("cache")));
    let (feed, entries) = kept.split_once('\n').expect("a line for the feed");
    assert_eq!(feed, "Example Shop Status - Incident History https://status.shop.example/");
    let entries: Vec<&str> = entries.lines().collect();
    assert_eq!(entries.len(), 3, "{kept}");
    let is_there = |title: &str, text: &str| {
        let found =
            entries.iter().find(|entry| entry.starts_with(&format!("{title} https://status.shop.example/")));
        assert!(found.is_some_and(|entry| entry.contains(text)), "{title}: {kept}");
    };
    is_there(TITLE, "<strong>Investigating</strong> - Is 1 &lt; 2 &amp;&amp;");
    is_there("Parcels are late", "<strong>Investigating</strong> - By a day.");
    is_there("New database", "It takes an hour.");
}

/// Prints what newsboat has kept: a line for the feed, and one for each entry.
const KEPT: &str = "import sqlite3, sys
kept = sqlite3.connect(sys.argv[1])
print(*kept.execute('select title, url from rss_feed').fetchone())
for row in kept.execute('select title, url, content from rss_item order by pubDate'):
    print(*(str(cell).replace(chr(10), ' ') for cell in row))";

#[test]
fn prometheus_scrapes_the_gate_and_what_an_exporter_makes_of_the_page() {
    need!(lab::Gate::binary());
    let (prometheus, python) = (need!(Peer::find("prometheus")), need!(Peer::readers()));
    let (promtool, curl) = (need!(Peer::find("promtool")), need!(Peer::find("curl")));
    let world = awkward();
    let folder = tempfile::tempdir().expect("there is room");
    let exporter = Exporter::start(&python, &world, folder.path());
    let token = world.gate.folder().join("state/console.token");
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - {{job_name: gate, authorization: {{credentials_file: '{}'}}, static_configs: [{{targets: ['{}']}}]}}\n\
         - {{job_name: page, static_configs: [{{targets: ['{}']}}]}}\n",
        token.display(),
        world.gate.console(),
        exporter.listen,
    );
    let path = folder.path().join("prometheus.yml");
    fs::write(&path, config).expect("there is room");
    output(promtool.command().args(["check", "config"]).arg(&path));
    let listen = free_address();
    let mut command = prometheus.command();
    command.arg(format!("--config.file={}", path.display())).arg(format!("--web.listen-address={listen}"));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    let ready = || web::get(listen, "/-/ready", &[]).is_ok_and(|answer| answer.status == 200);
    let log = folder.path().join("prometheus.log");
    let running =
        Running::start_and_wait(&mut command, &log, SOON, ready).unwrap_or_else(|error| panic!("{error}"));
    let asked = |query: &str| {
        let query = query.bytes().fold(String::new(), |mut out, byte| {
            write!(out, "%{byte:02x}").expect("a string takes any text");
            out
        });
        let answer = web::get(listen, &format!("/api/v1/query?query={query}"), &[]).ok()?;
        let said: Value = serde_json::from_str(&answer.body).ok()?;
        let value = said["data"]["result"][0]["value"][1].as_str()?;
        value.parse::<f64>().ok()
    };
    let is = |query: &str, wanted: f64| {
        let found = wait_for(SOON, || asked(query).filter(|value| value.total_cmp(&wanted).is_eq()));
        assert!(found.is_some(), "{query}: {:?}, not {wanted}\n{}", asked(query), running.log());
    };
    is("up{job='gate'}", 1.0);
    is("up{job='page'}", 1.0);
    is("portcullis_incident_open", 1.0);
    is("count(statuspage_incident_info{affected_components='Phone support'})", 1.0);
    is("count(statuspage_maintenance_info{affected_components='Website'})", 1.0);
    is("statuspage_probe_check", 1.0);
    let visited = || {
        let _whatever = web::get(world.gate.listen(), "/", &[]);
        asked("sum(portcullis_requests_total)").filter(|count| *count > 0.0)
    };
    assert!(wait_for(SOON, visited).is_some(), "{}", running.log());
    // A type that it could not read would be "unknown".
    let kinds = output(curl.command().args(["-sS", &format!("http://{listen}/api/v1/metadata")]));
    let kinds: Value = serde_json::from_str(&kinds).expect("it is JSON");
    let ours: Vec<_> = kinds["data"]
        .as_object()
        .expect("a table")
        .iter()
        .filter(|(name, _)| name.starts_with("portcullis_"))
        .collect();
    assert!(ours.len() > 20, "{kinds:#}");
    for (name, said) in ours {
        assert_ne!(said[0]["type"], "unknown", "{name}");
        assert!(said[0]["help"].as_str().is_some_and(|help| !help.is_empty()), "{name}: {said}");
    }
}

#[test]
fn promtool_finds_nothing_in_the_metrics() {
    need!(lab::Gate::binary());
    let promtool = need!(Peer::find("promtool"));
    let world = World::start("30m");
    world.until("All systems operational");
    let metrics = world.gate.metrics_as("text/plain").expect("the console answers");
    let mut command = promtool.command();
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("it starts");
    let mut stdin = running.stdin.take().expect("it is piped");
    stdin.write_all(metrics.as_bytes()).expect("it reads");
    drop(stdin);
    let said = running.wait_with_output().expect("it ends");
    let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(said, "", "{metrics}");
}

/// The exporter as somebody runs it for a page of Statuspage.
struct Exporter {
    listen: std::net::SocketAddr,
    _running: Running,
}

impl Exporter {
    fn start(python: &Peer, world: &World, folder: &Path) -> Self {
        let (services, listen) = (folder.join("services.json"), free_address());
        let service =
            format!(r#"{{"shop":{{"url":"http://{}/api/v2/summary.json","name":"Shop"}}}}"#, world.page);
        fs::write(&services, service).expect("there is room");
        let mut command = Command::new(python.path().with_file_name("statuspage-prometheus-exporter"));
        command.env("SERVICES_JSON_PATH", &services).env("METRICS_PORT", listen.port().to_string());
        command.current_dir(folder);
        let ready =
            || web::get(listen, "/metrics", &[]).is_ok_and(|answer| answer.body.contains("statuspage_"));
        let running = Running::start_and_wait(&mut command, &folder.join("exporter.log"), SOON, ready);
        Self { listen, _running: running.unwrap_or_else(|error| panic!("{error}")) }
    }
}
