use std::time::Duration;

use journal_io::keys::PageKey;

use incident::{ComponentSetting, Engine, Moment, Settings, Sight, Watches};
use model::Instant;
use status::{MANIFEST, Page, PageData, SIGNATURE};

use super::super::held::GatePage;
use super::*;

const AT: Timestamp = Timestamp::from_secs(1_795_886_641);

fn engine(name: &str) -> Engine {
    let component = ComponentSetting {
        name: name.to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Site,
    };
    Engine::new(Settings::new(vec![component], Duration::ZERO))
}

/// A view after so many seconds of the same.
fn seen(engine: &mut Engine, seconds: u64, sight: &Sight) -> View {
    let moment = |second: u64| {
        let since = Duration::from_secs(second);
        Moment { now: Instant::from_secs(5_000) + since, wall: AT + since }
    };
    (0..seconds).for_each(|second| drop(engine.see(sight, moment(second))));
    engine.view(AT + Duration::from_secs(seconds))
}

fn seal() -> Seal {
    let folder = tempfile::tempdir().unwrap();
    Seal::new(PageKey::load_or_create(folder.path()).unwrap())
}

/// An outpost that holds a gate's page, and that page as the gate serves it.
fn relay() -> (Relay, Bundle) {
    let gate_page = Page::new("Example Shop", "https://status.shop.example").unwrap();
    let view = seen(&mut engine("Shop"), 10, &Sight::default());
    let (mut bundle, mut gate_seal) = (status::render(&view, &gate_page, AT), seal());
    sign(&mut bundle, &gate_page, AT, 7, &mut gate_seal);
    let bytes = |path| bundle.get(path).unwrap().bytes.clone();
    let (manifest, signature) = (bytes(MANIFEST), bytes(SIGNATURE));
    let signed = Signed {
        manifest: Manifest::open(&manifest, &signature, &gate_seal.public()).unwrap(),
        bytes: manifest.into(),
        signature: signature.into(),
    };
    let held = Arc::new(Held::default());
    held.hold(GatePage { data: PageData::read(&bytes(PageData::PATH)).unwrap(), signed: Some(signed) });
    let (publisher, _work) = Publisher::new(Vec::new(), Arc::new(|| AT));
    let relay = Relay {
        page: Page::new("Outpost", "https://outpost.shop.example").unwrap(),
        seal: seal(),
        site: status_io::Site::new("default-src 'none'").unwrap(),
        publisher: Arc::new(publisher),
        held,
        seq: 0,
        exported: (View::default(), AT),
    };
    (relay, bundle)
}

fn read(relay: &Relay, path: &str) -> String {
    let request = http::Request::get(path).body(web_io::Bytes::new()).unwrap();
    let answer = relay.site.answer(&request);
    assert_eq!(answer.status(), 200, "{path}");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

#[test]
fn as_long_as_the_gate_tells_all_its_page_is_shown_to_the_byte() {
    let (mut relay, bundle) = relay();
    relay.publish(View::default(), AT + Duration::from_secs(60), true).unwrap();
    for (path, file) in bundle.files().filter(|(path, _)| *path != "404.html") {
        let path = if path == "index.html" { "" } else { path };
        assert_eq!(read(&relay, &format!("/{path}")).as_bytes(), file.bytes, "{path}");
    }
}

#[test]
fn what_only_the_outpost_knows_is_on_the_gates_page_and_in_the_report() {
    let (mut relay, _) = relay();
    let unreached = Sight { outside: incident::Outside::Unreached { since: AT }, ..Sight::default() };
    let own = seen(&mut engine("Website"), 60, &unreached);
    relay.publish(own.clone(), AT + Duration::from_secs(60), true).unwrap();
    let text = read(&relay, "/status.txt");
    assert!(text.starts_with("Example Shop: Major outage"), "{text}");
    assert!(text.contains("Nobody outside has been able to reach"), "{text}");
    assert!(text.contains("Shop: Major outage"), "{text}");
    let report = Report::read(read(&relay, Report::PATH).as_bytes(), AT + Duration::from_secs(60)).unwrap();
    let id = own.incidents[0].id.to_string();
    let (manifest, signature) = (read(&relay, "/manifest.json"), read(&relay, "/manifest.json.sig"));
    let own_key = relay.seal.public();
    assert!(
        Manifest::open(manifest.as_bytes(), signature.as_bytes(), &own_key).is_ok(),
        "signed by the outpost"
    );
    assert_eq!(report.spells, [SpellSeen { id, from: AT.as_millis(), until: None }]);
}

#[test]
fn what_goes_on_is_the_gates_to_say_once_it_has_had_time_to() {
    let (mut relay, bundle) = relay();
    let unreached = Sight { outside: incident::Outside::Unreached { since: AT }, ..Sight::default() };
    let own = seen(&mut engine("Website"), 60, &unreached);
    relay.held.see(super::super::held::Seen { is_handed_over: true, ..Default::default() });
    relay.publish(own, AT + Duration::from_secs(60), true).unwrap();
    assert_eq!(read(&relay, "/status.txt").as_bytes(), bundle.get("status.txt").unwrap().bytes);
}

#[test]
fn of_a_page_that_is_too_large_the_newest_is_shown() {
    let (mut relay, _) = relay();
    let unreached = Sight { outside: incident::Outside::Unreached { since: AT }, ..Sight::default() };
    let own = seen(&mut engine("Website"), 60, &unreached);
    let mut view = own.clone();
    // Each incident has a page of its own.
    for number in 0_u32..5_000 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        view.incidents
            .push(incident::Incident { id: incident::PublicId::of(&bytes), ..own.incidents[0].clone() });
    }
    let data = PageData { page: relay.page.clone(), at: AT, view: View { outside: Vec::new(), ..view } };
    relay.held.hold(GatePage { data, signed: None });
    relay.publish(own, AT + Duration::from_secs(60), true).unwrap();
    assert!(read(&relay, "/status.txt").contains("Nobody outside has been able to reach"));
    assert!(read(&relay, Report::PATH).contains("\"spells\":[{"));
}
