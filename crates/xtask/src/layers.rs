//! Who may depend on whom. The table is the design's "Shape"; the test reads `cargo metadata`.
//!
//! ```text
//!  words    model
//!  cores    admission guard recording shield flow transit probe provider incident status notify config
//!  shells   *-io                                 never on each other, except on web-io
//!  binary   portcullis                           also on the worlds sim and demo
//!  tools    lab xtask                            may depend on anything, nothing else depends on them
//! ```

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Where a crate of ours belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layer {
    Words,
    Core,
    Shell,
    World,
    Binary,
    Tool,
}

/// Crates whose layer their name does not show. A new crate is added here, or ends in `-io`.
const LAYERS: [(&str, Layer); 19] = [
    ("model", Layer::Words),
    ("admin", Layer::Core),
    ("admission", Layer::Core),
    ("guard", Layer::Core),
    ("recording", Layer::Core),
    ("shield", Layer::Core),
    ("flow", Layer::Core),
    ("transit", Layer::Core),
    ("incident", Layer::Core),
    ("probe", Layer::Core),
    ("provider", Layer::Core),
    ("status", Layer::Core),
    ("notify", Layer::Core),
    ("config", Layer::Core),
    ("sim", Layer::World),
    ("demo", Layer::World),
    ("portcullis", Layer::Binary),
    ("lab", Layer::Tool),
    ("xtask", Layer::Tool),
];

/// Libraries from elsewhere that only the named crates of ours may use directly.
const RESERVED: [(&str, &[&str]); 7] = [
    ("hyper", &["edge-io", "web-io"]),
    ("hyper-util", &["edge-io", "web-io"]),
    // The library of ACME has bodies of its own kind.
    ("http-body-util", &["edge-io", "web-io", "acme-io"]),
    ("rusqlite", &["journal-io"]),
    ("getrandom", &["journal-io"]),
    ("aya", &["shield-io"]),
    ("async-nats", &["fleet-io"]),
];

/// What must not even be reached through others from words and cores: they touch nothing.
const WORLDLY: [&str; 8] = ["tokio", "mio", "hyper", "socket2", "rusqlite", "rustls", "async-io", "polling"];

/// What words and cores must not use directly. Others may bring these for uses of their own.
const IMPURE: [&str; 5] = ["rustix", "getrandom", "rand", "jiff", "tempfile"];

/// One crate of ours.
#[derive(Clone, Debug, Default)]
struct Crate {
    /// Names of direct dependencies, and whether only tests use them.
    direct: Vec<(String, bool)>,
    /// Everything that is linked into it, without what only tests use.
    reached: BTreeSet<String>,
}

#[test]
fn the_dependencies_follow_the_design() {
    let metadata = MetadataCommand::new().exec().expect("`cargo metadata` runs in a checkout");
    let found = violations(&crates_of(&metadata));
    assert!(found.is_empty(), "the layers are broken:\n{}", found.join("\n"));
}

#[test]
fn a_shell_may_use_the_words_a_core_and_our_web_server() {
    check("console-io: model admission web-io tokio", "");
}

#[test]
fn a_shell_that_uses_another_is_seen() {
    check("edge-io: model journal-io", "edge-io (Shell) depends on journal-io (Shell)");
}

#[test]
fn a_core_that_uses_a_shell_is_seen() {
    check("admission: model edge-io", "admission (Core) depends on edge-io (Shell)");
}

#[test]
fn a_core_that_reaches_a_runtime_through_others_is_seen() {
    check("config: model toml>tokio", "config (Core) reaches tokio; words and cores touch nothing");
}

#[test]
fn a_core_that_draws_random_numbers_is_seen_but_its_tests_may() {
    check("flow: rand", "flow (Core) uses rand; time and randomness are arguments");
    check("flow: rand@test", "");
}

#[test]
fn the_http_library_in_another_crate_is_seen() {
    check("console-io: hyper", "console-io uses hyper; only edge-io, web-io may");
    check("portcullis: rusqlite", "portcullis uses rusqlite; only journal-io may");
}

#[test]
fn a_product_that_depends_on_a_tool_is_seen() {
    check("portcullis: lab@test", "portcullis (Binary) depends on lab (Tool)");
    check("xtask: lab", "");
}

#[test]
fn a_crate_without_a_layer_is_seen() {
    check("stuff: model", "stuff has no layer; add it to LAYERS or let its name end in `-io`");
}

/// `crate: dependency…`; `a>b` is b reached through a, `a@test` is used by tests only.
#[track_caller]
fn check(script: &str, expected: &str) {
    let (name, words) = script.split_once(": ").expect("a script is `crate: dependency…`");
    let mut ours = Crate::default();
    for word in words.split(' ') {
        let (word, through) = word.split_once('>').unwrap_or((word, ""));
        let (word, only_tests) = word.strip_suffix("@test").map_or((word, false), |word| (word, true));
        ours.direct.push((word.to_owned(), only_tests));
        if !only_tests {
            ours.reached.extend([word, through].map(str::to_owned));
        }
    }
    assert_eq!(violations(&BTreeMap::from([(name.to_owned(), ours)])).join("; "), expected);
}

fn violations(crates: &BTreeMap<String, Crate>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, ours) in crates {
        match layer_of(name) {
            None => found.push(format!("{name} has no layer; add it to LAYERS or let its name end in `-io`")),
            Some(layer) => {
                found.extend(upward(name, layer, ours));
                found.extend(impure(name, layer, ours));
            }
        }
        found.extend(reserved(name, ours));
    }
    found
}

fn upward(name: &str, layer: Layer, ours: &Crate) -> Vec<String> {
    let ours_only = ours.direct.iter().filter_map(|(to, _)| layer_of(to).map(|below| (to, below)));
    ours_only
        .filter(|(to, below)| !may_use(layer, *below, to))
        .map(|(to, below)| format!("{name} ({layer:?}) depends on {to} ({below:?})"))
        .collect()
}

fn may_use(from: Layer, to: Layer, name: &str) -> bool {
    match (from, to) {
        (Layer::Tool, _) | (_, Layer::Words) => true,
        (_, Layer::Tool | Layer::Binary) | (Layer::Words, _) => false,
        // A core may build on another (`config` on those whose settings it composes); Cargo forbids circles.
        (Layer::Core | Layer::Shell | Layer::World | Layer::Binary, Layer::Core) => true,
        (Layer::Shell | Layer::World, Layer::Shell) => name == "web-io",
        (Layer::Binary, Layer::Shell | Layer::World) => true,
        (Layer::Core, Layer::Shell | Layer::World) | (Layer::Shell | Layer::World, Layer::World) => false,
    }
}

fn impure(name: &str, layer: Layer, ours: &Crate) -> Vec<String> {
    if !matches!(layer, Layer::Words | Layer::Core) {
        return Vec::new();
    }
    let reaches = WORLDLY
        .iter()
        .filter(|library| ours.reached.contains(**library))
        .map(|library| format!("{name} ({layer:?}) reaches {library}; words and cores touch nothing"));
    let uses = ours
        .direct
        .iter()
        .filter(|(to, only_tests)| !only_tests && IMPURE.contains(&to.as_str()))
        .map(|(to, _)| format!("{name} ({layer:?}) uses {to}; time and randomness are arguments"));
    reaches.chain(uses).collect()
}

fn reserved(name: &str, ours: &Crate) -> Vec<String> {
    let uses = |library: &str| ours.direct.iter().any(|(to, only_tests)| to == library && !only_tests);
    RESERVED
        .iter()
        .filter(|(library, users)| uses(library) && !users.contains(&name))
        .map(|(library, users)| format!("{name} uses {library}; only {} may", users.join(", ")))
        .collect()
}

fn layer_of(name: &str) -> Option<Layer> {
    let named = LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer);
    // Of other people's crates, `async-io` is the one whose name could mislead.
    named.or_else(|| (name.ends_with("-io") && name != "async-io").then_some(Layer::Shell))
}

fn crates_of(metadata: &Metadata) -> BTreeMap<String, Crate> {
    let resolve = metadata.resolve.as_ref().expect("metadata was asked for with dependencies");
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let normal: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let is_linked = |kind: &cargo_metadata::DepKindInfo| kind.kind == DependencyKind::Normal;
            let linked = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(is_linked));
            (&node.id, linked.map(|dep| &dep.pkg).collect())
        })
        .collect();
    let ours = metadata.workspace_packages();
    ours.into_iter()
        .map(|package| {
            let direct = package.dependencies.iter();
            let direct = direct.map(|to| (to.name.clone(), to.kind == DependencyKind::Development));
            let mut reached = BTreeSet::new();
            let mut open = vec![&package.id];
            while let Some(id) = open.pop() {
                for next in normal.get(id).into_iter().flatten() {
                    if reached.insert(names[*next].clone()) {
                        open.push(next);
                    }
                }
            }
            (package.name.to_string(), Crate { direct: direct.collect(), reached })
        })
        .collect()
}
