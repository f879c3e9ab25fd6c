use super::*;

#[test]
fn the_commented_default_parses_and_equals_the_default() {
    let text = Config::default_commented();
    let (config, _) = Config::parse("default.toml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config, Config::default());
}
