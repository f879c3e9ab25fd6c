//! Replays every corpus on the stable toolchain, with a few thousand bounded mutations of each entry.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};

/// Mutations of each entry. The draw is fixed: equal trees, equal runs.
const MUTATIONS: usize = 1_500;

/// Mutated inputs do not grow beyond this.
const BYTES_MAX: usize = 4_096;

#[test]
fn every_target_survives_its_corpus() {
    for (name, target) in TARGETS {
        let entries = corpus(name);
        assert!(!entries.is_empty(), "fuzz/corpus/{name} is empty; every target begins with examples");
        for (path, bytes) in &entries {
            run(target, bytes, &path.display().to_string());
        }
        println!("{name}: {} entries", entries.len());
    }
}

#[test]
fn every_target_survives_mutations_of_its_corpus() {
    for (name, target) in TARGETS {
        let entries = corpus(name);
        let mut dice = Dice(0x5EED);
        for (path, bytes) in &entries {
            for number in 0..MUTATIONS {
                let other = &entries[dice.below(entries.len())].1;
                let mutated = mutate(bytes, other, &mut dice);
                run(target, &mutated, &format!("{}, mutation {number}", path.display()));
            }
        }
    }
}

#[test]
fn every_corpus_and_program_belongs_to_a_target() {
    for folder in ["corpus", "fuzz_targets"] {
        let mut found: Vec<String> = entries_of(&root().join(folder))
            .iter()
            .map(|path| path.file_stem().expect("entries have names").to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found, TARGETS.map(|(name, _)| name.to_owned()), "in fuzz/{folder}");
    }
}

#[test]
fn the_corpora_hold_inputs_that_are_accepted() {
    let keys = admission::pass::PassKeys::new(&[(1, [7; 32])]);
    let valid = fs::read(root().join("corpus/pass/valid")).expect("the corpus is committed");
    assert!(keys.open(&valid).is_ok(), "the pass of the corpus no longer opens: the format has changed");
    let reference =
        fs::read_to_string(root().join("corpus/reference/valid-v6-as-typed")).expect("it is committed");
    assert!(admission::reference::ReferenceKey::new(&[7; 32]).open(&reference).is_ok());
    let link = fs::read_to_string(root().join("corpus/pass_link/valid")).expect("it is committed");
    let links = admission::pass::LinkKeys::new(&[(1, [7; 32])]);
    let token = admission::pass::link_token(&link).expect("it is the path of a link");
    assert!(
        links.open(token, model::Timestamp::from_secs(1_800_000_000)).is_ok(),
        "the format of links has changed"
    );
    let asked = fs::read_to_string(root().join("corpus/consent_link/valid")).expect("it is committed");
    let key = notify::ConsentKey::new(&[7; 32]);
    assert_eq!(
        key.open(&asked),
        Some(notify::Asked { number: 3, seq: 12 }),
        "the format of links has changed"
    );
    for ticket in ["lane", "place", "cookie", "wait", "passed", "visit"] {
        let ticket = fs::read(root().join("corpus/ticket").join(format!("valid-{ticket}")));
        assert!(fuzz::opens_ticket(&ticket.expect("it is committed")), "the format of tickets has changed");
    }
    let token = fs::read(root().join("corpus/jwt/valid")).expect("it is committed");
    let keys = fs::read(root().join("corpus/jwks/three-kinds")).expect("it is committed");
    let keys = edge_io::KeySet::parse(&keys).expect("the set of keys of the corpus is whole");
    assert_eq!(keys.count(), 3);
    let rules = edge_io::JwtRules {
        issuer: "https://login.example".to_owned(),
        audience: "shop".to_owned(),
        account_claim: "sub".to_owned(),
    };
    let wall = model::Timestamp::from_secs(1_800_000_000);
    let proved = edge_io::Unproved::read(&token, &keys, &rules, wall).and_then(|token| token.prove(&keys));
    assert!(proved.is_ok(), "the token of the corpus is not believed: {proved:?}");
    let hello = fs::read(root().join("corpus/client_hello/in-two-records")).expect("it is committed");
    assert!(
        matches!(edge_io::decode_client_hello(&hello), Ok(Some(_))),
        "the ClientHello of the corpus is not read"
    );
    let whole = fs::read(root().join("corpus/recording/whole")).expect("it is committed");
    let steps =
        recording::Pieces::new(&whole[1..]).filter(|piece| matches!(piece, Ok(recording::Piece::Steps(_))));
    assert_eq!(steps.count(), 1, "the recording of the corpus is not read: the format has changed");
    let smallest = fs::read_to_string(root().join("corpus/configuration/smallest")).expect("it is committed");
    assert!(config::Config::parse("smallest", &smallest).is_ok());
}

/// On a panic the test's output names the input and shows its bytes, so that it can be added to the corpus.
fn run(target: Target, bytes: &[u8], place: &str) {
    let outcome = std::panic::catch_unwind(|| target(bytes));
    assert!(outcome.is_ok(), "{place} fails with the input {:?}", String::from_utf8_lossy(bytes));
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = entries_of(&root().join("corpus").join(name));
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a corpus holds files"))).collect()
}

fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("every target has a corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Up to four small changes: a bit, a byte, a cut, a doubled part, a splice with another entry.
fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(mutated.len() + 1);
        match dice.below(6) {
            0 if at < mutated.len() => mutated[at] ^= 1 << dice.below(8),
            1 if at < mutated.len() => mutated[at] = TELLING[dice.below(TELLING.len())],
            2 => mutated.insert(at, TELLING[dice.below(TELLING.len())]),
            3 => mutated.truncate(at),
            4 => {
                let end = at + dice.below(mutated.len() - at + 1);
                let part = mutated[at..end].to_vec();
                mutated.splice(at..at, part);
            }
            _ => {
                mutated.truncate(at);
                mutated.extend_from_slice(&other[dice.below(other.len() + 1)..]);
            }
        }
        mutated.truncate(BYTES_MAX);
    }
    mutated
}

/// Bytes that mean something to one decoder or another.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\n\r\t \"'\\,;:=-+./[]{}()#?%09azAZ";

/// `SplitMix64`: enough to choose places.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let drawn = (mixed ^ (mixed >> 31)) % u64::try_from(limit.max(1)).expect("a length fits");
        usize::try_from(drawn).expect("it is below a length")
    }
}
