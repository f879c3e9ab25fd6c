mod outpost;

use std::path::{Path, PathBuf};

use model::Mode;
use proptest::prelude::*;

use super::*;

#[test]
fn the_commented_default_parses_and_equals_the_default() {
    assert_eq!(parsed(&Config::default_commented()), Config::default());
}

/// Every default that the manual shows is the default: writing it out changes nothing.
#[test]
fn writing_every_default_out_changes_nothing() {
    let text = Config::default_commented();
    let mut optional = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_setting = line.starts_with('#') && line.contains(" = ") && !line.starts_with("# ");
        let is_live = !line.starts_with('#');
        if is_live && line.starts_with('[') {
            optional = false;
        } else if line.starts_with("#[") {
            optional = true;
        }
        let is_example = lines.last().is_some_and(|before: &String| before.contains("Unset by default"));
        lines.push(if is_setting && !optional && !is_example {
            line[1..].to_owned()
        } else {
            line.to_owned()
        });
    }
    let written = lines.join("\n");
    assert!(written.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count() > 30);
    assert_eq!(parsed(&written), Config::default());
}

/// Every example of the manual is a good value; secrets are the exception, or people would keep them.
#[test]
fn every_example_is_a_good_value() {
    let text = everything();
    let settings = text.lines().filter(|line| !line.starts_with("secret ="));
    // A cookie for a domain needs hosts.
    let written = settings.filter(|line| !line.starts_with("cookie_domain"));
    // An address stands in the configuration or in a file.
    let written: Vec<_> = written.filter(|line| !line.starts_with("url_file")).collect();
    let config = parsed(&written.join("\n"));
    assert_eq!(config.front.len() + config.partner.len() + config.monitor.len() + config.network.len(), 4);
    assert!(config.only_site().login.is_some() && config.only_site().known.jwt.is_some());
}

#[test]
fn the_default_is_what_the_manual_says() {
    insta::assert_snapshot!(Config::default_commented());
}

#[test]
fn protect_needs_no_file() {
    let url: OriginUrl = "http://app.internal".parse().unwrap();
    assert_eq!(
        (url.authority(), url.to_string()),
        ("app.internal:80".into(), "http://app.internal:80".into())
    );
    let arguments = ProtectArgs {
        url,
        listen: Some("127.0.0.1:9090".parse().unwrap()),
        console: None,
        state: PathBuf::from("/home/x/portcullis"),
        login: Some("/login".parse().unwrap()),
        observe: false,
    };
    let config = Config::for_protect(arguments);
    let site = config.only_site();
    let login = site.login.as_ref().unwrap();
    assert_eq!(config.listen[0].address.to_string(), "127.0.0.1:9090");
    assert_eq!(config.console.address.to_string(), "127.0.0.1:8081");
    assert_eq!((site.mode, site.origin[0].confirms_logins, login.evidence), (Mode::Auto, true, true));
    assert_eq!(login.submit, ["/login".parse().unwrap()]);
    assert_eq!(site.known.token.as_ref().unwrap().header, "authorization");
}

#[test]
fn a_route_forbids_websockets_only_when_it_says_so() {
    let text = "[[site.route]]\npath = \"/upload\"\nbody = \"50 MiB\"\n[[site.route]]\npath = \"/static\"\nwebsocket = false\n";
    let config = parsed(&format!("{}{text}", smallest()));
    let told: Vec<_> = config.only_site().route.iter().map(|route| route.websocket).collect();
    assert_eq!(told, [true, false]);
}

#[test]
fn a_secret_is_neither_printed_nor_lost() {
    let text = format!(
        "{}{}",
        smallest(),
        "[[monitor]]\nsource = \"192.0.2.1\"\nsecret_header = \"X-Key\"\nsecret = \"0123456789abcdef\"\n"
    );
    let config = parsed(&text);
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
    let monitor = &config.monitor[0];
    assert!(
        matches!(monitor.secret_source(), Some(SecretSource::Text(it)) if it.expose() == "0123456789abcdef")
    );
    assert_eq!(monitor.secret_header, "x-key");
}

#[test]
fn a_text_that_is_too_long_is_not_read() {
    let text = "#".repeat(Config::TEXT_BYTES_MAX + 1);
    let errors = Config::parse("portcullis.toml", &text).unwrap_err();
    assert_eq!(errors.count(), 1);
    assert!(errors.to_string().contains("too many"), "{errors}");
}

#[test]
fn very_many_errors_are_counted_and_some_are_shown() {
    let text: String = (0..5_000).map(|n| format!("wrong{n} = 1\n")).collect();
    let errors = Config::parse("portcullis.toml", &text).unwrap_err();
    assert_eq!((errors.findings().len(), errors.count()), (Errors::KEPT_MAX, 5_002));
    assert!(errors.to_string().ends_with("5002 errors in portcullis.toml; 4802 are not shown"));
}

#[test]
fn the_committed_schema_is_fresh() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    check_document("configuration.schema.json", &text);
}

#[test]
fn the_committed_reference_is_fresh() {
    check_document("configuration.md", &Config::reference());
}

/// A generated document equals the committed one; with `UPDATE_DOCS=1` it is written instead.
#[track_caller]
fn check_document(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/{name} is stale; run the tests of `config` with UPDATE_DOCS=1 and commit it"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_has_errors_in_itself(text in "\\PC{0,200}") {
        check_errors(&text)?;
    }

    #[test]
    fn arbitrary_toml_has_errors_in_itself(lines in proptest::collection::vec(line(), 0..24)) {
        check_errors(&lines.join("\n"))?;
    }

    #[test]
    fn a_damaged_configuration_has_errors_in_itself(damages in proptest::collection::vec(damage(), 1..6)) {
        let mut text = everything();
        for (at, cut, inserted) in damages {
            let at = boundary(&text, at.index(text.len() + 1));
            let end = boundary(&text, (at + cut).min(text.len()));
            text.replace_range(at..end.max(at), &inserted);
        }
        check_errors(&text)?;
    }
}

/// Lines that are mostly TOML, and partly about this configuration.
fn line() -> impl Strategy<Value = String> {
    let header = "\\[{1,2}(site|site\\.origin|site\\.login|limits|listen|front|partner|x)\\]{1,2}";
    let key = "(address|url|hosts|mode|idle_timeout|memory|secret|sources|share|[a-z]{1,6}|a\\.b)";
    let value = r#"("[^"\\\n]{0,12}"|[0-9]{1,20}|-1|1\.5|true|\[\]|\["a", 1\]|\{ a = 1 \}|1979-05-27|nan|é)"#;
    prop_oneof![
        header.prop_map(|text: String| text),
        (key, value).prop_map(|(key, value)| format!("{key} = {value}"))
    ]
}

fn damage() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    (any::<prop::sample::Index>(), 0_usize..40, "[\\PC\\n]{0,6}")
}

/// A configuration with every key.
fn everything() -> String {
    let text = Config::default_commented();
    let setting =
        |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned();
    text.lines().map(setting).collect::<Vec<_>>().join("\n")
}

/// Reading never panics, and whatever it says is about a place that is there.
fn check_errors(text: &str) -> Result<(), TestCaseError> {
    let findings = match Config::parse("x", text) {
        Ok((_, warnings)) => warnings.iter().map(|warning| warning.finding().clone()).collect(),
        Err(errors) => {
            prop_assert!(!errors.findings().is_empty());
            errors.findings().to_vec()
        }
    };
    let lines: Vec<_> = text.split('\n').collect();
    for finding in findings {
        let line = lines.get(finding.line() - 1);
        prop_assert!(line.is_some_and(|line| finding.column() <= line.chars().count() + 1), "{finding}");
        prop_assert!(!finding.what().is_empty() && !finding.cure().is_empty());
        prop_assert_eq!(finding.to_string().lines().count(), 4, "{}", finding);
    }
    Ok(())
}

#[track_caller]
fn parsed(text: &str) -> Config {
    Config::parse("portcullis.toml", text).unwrap_or_else(|errors| panic!("{errors}")).0
}

fn smallest() -> &'static str {
    "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\n[[site.origin]]\nurl = \"http://127.0.0.1:3000\"\n"
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
