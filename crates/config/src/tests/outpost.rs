//! The configuration of an outpost.

use super::*;

const SMALLEST: &str = "[page]\nlisten = \"127.0.0.1:8082\"\nurl = \"https://status.shop.example\"\nname = \"Shop\"\n\
                        [[probe]]\nname = \"control\"\ntarget = \"https://www.example.net/\"\nshows = \"control\"\n\
                        [[probe]]\nname = \"front page\"\ntarget = \"https://shop.example/\"\n";

#[test]
fn every_example_is_a_good_value_and_what_is_left_out_has_a_default() {
    let text = OutpostConfig::default_commented();
    let setting =
        |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned();
    // An address is written or in a file, not both.
    let everything: Vec<String> =
        text.lines().map(setting).filter(|line| !line.starts_with("url_file")).collect();
    let read =
        |text: &str| OutpostConfig::parse("outpost.toml", text).unwrap_or_else(|errors| panic!("{errors}")).0;
    let control =
        "\n[[probe]]\nname = \"control\"\ntarget = \"https://www.example.net/\"\nshows = \"control\"\n";
    let whole = read(&(everything.join("\n") + control));
    let gate = whole.gate.unwrap();
    assert_eq!((gate.url.port(), gate.every.as_secs(), gate.lost_after.as_secs()), (443, 5, 12));
    let smallest = read(SMALLEST);
    assert_eq!(smallest.gate, None);
    assert_eq!(smallest.page.unwrap().as_status().first_notice, std::time::Duration::ZERO);
}

#[test]
fn an_outpost_that_cannot_tell_its_own_fault_is_refused() {
    let (page, probes) = SMALLEST.split_once("[[probe]]").unwrap();
    let (control, public) = probes.split_once("[[probe]]").unwrap();
    let errors = |probes: &[&str]| {
        let text = format!("{page}[[probe]]{}", probes.join("[[probe]]"));
        OutpostConfig::parse("outpost.toml", &text).map(drop).unwrap_err().to_string()
    };
    assert!(errors(&[public]).contains("without a control, an outpost cannot tell"));
    assert!(errors(&[control]).contains("nothing tells whether the site answers"));
    let name = public.replace("https://shop.example/", "dns://shop.example");
    assert!(errors(&[control, &name]).contains("nothing tells whether the site answers"));
    let near = control.replace("www.example.net", "shop.example");
    assert!(errors(&[&near, public]).contains("a control must answer when the site does not"));
}

#[test]
fn what_is_wrong_is_said_at_once() {
    let text = format!(
        "{}{}",
        SMALLEST.replace("listen = \"127.0.0.1:8082\"\n", ""),
        "shows = \"app\"\n[gate]\nurl = \"http://status-origin.shop.example\"\nlost_after = \"6s\"\n\
         [[page.component]]\nname = \"Login\"\nwatches = \"login\"\n"
    );
    insta::assert_snapshot!(OutpostConfig::parse("outpost.toml", &text).unwrap_err().to_string());
    let without = SMALLEST.split_once("[[probe]]").unwrap().1;
    let errors =
        OutpostConfig::parse("outpost.toml", &format!("[[probe]]{without}")).unwrap_err().to_string();
    assert!(errors.contains("there is no [page]"), "{errors}");
}
