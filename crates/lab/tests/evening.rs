//! What everybody sees first: one run of `try`, with its scoreboard, the draft of the report, the recording and the exit code.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lab::clock::wait_for;
use lab::{Gate, need};
use serde_json::Value;

/// The shortest attacks are over before much is known of them; the longest aftermath is three minutes.
const SECONDS: &str = "15";
/// Three attacks, at most 100 s and 180 s after two of them, a minute for the most patient, and time to spare on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(700);

#[test]
fn an_evening_keeps_customers_served_and_reports_what_happened_with_the_gate_alone() {
    let binary = need!(Gate::binary());
    let mut board = play(&binary);
    if stood_still(&board) || was_too_busy(&board) {
        // It says nothing about the gate. Whatever comes of it the second time is judged as any evening.
        board = play(&binary);
    }
    check_customers(&board);
}

/// One evening, and all that holds however busy the machine is. What it showed.
fn play(binary: &Path) -> Value {
    let folder = tempfile::tempdir().expect("there is room");
    let [report, recording] = ["report.html", "evening.recording"].map(|name| folder.path().join(name));
    let mut command = Command::new(binary);
    command.args(["try", "--json", "--seconds", SECONDS]);
    command.arg("--report").arg(&report).arg("--record").arg(&recording);
    let mut evening =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the gate's program starts");
    // Both files are there before anything is played.
    let is_there = || (report.exists() && recording.exists()).then_some(());
    assert!(wait_for(Duration::from_secs(10), is_there).is_some(), "no file was made at the start");
    let ended = wait_for(ENDS_WITHIN, || evening.try_wait().expect("it can be asked"));
    if ended.is_none() {
        evening.kill().expect("it can be ended");
    }
    let output = evening.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(ended.is_some(), "it did not end within {ENDS_WITHIN:?}: {said}");
    let board: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stdout)));

    let promises = board["promises"].as_array().expect("promises are listed");
    let broken: Vec<_> = promises.iter().filter(|promise| promise["kept"] != true).collect();
    // Figures of time suffer on a machine that others keep busy; those are said, and the exit code says it too.
    eprintln!(
        "promises that were broken: {broken:?}; processor taken by others: {}, away for {} s",
        board["steal"], board["away_seconds"]
    );
    assert_eq!(output.status.code(), Some(i32::from(!broken.is_empty())), "{broken:?}\n{said}");
    for attack in ["with_gate", "second_attack"] {
        let figures = &board[attack];
        assert!(figures["known_attempts"].as_u64() > Some(100), "{attack}: {figures}");
    }
    let [first, _, without] = served(&board);
    assert!(first >= without, "{first} of them with the gate, {without} without it");
    let report = std::fs::read_to_string(&report).expect("the report is written");
    assert!(report.contains("New visitors"), "{report}");
    // Where people have gone home between two acts, or go around the gate, nothing is missing that should be there.
    assert_eq!(report.lines().find(|line| line.contains("traffic is missing")), None);
    let replayed = Command::new(binary).arg("replay").arg(&recording).output().expect("it runs");
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
    board
}

/// Known customers are served in both attacks, and without the gate they are not: where this machine, which plays both sides, had the
/// time for what it was to play. Otherwise nobody can say whose fault it was, and only what [`play`] looks at is left.
fn check_customers(board: &Value) {
    if was_too_busy(board) {
        return;
    }
    let [first, second, without] = served(board);
    assert!(first >= 0.999 && second >= 0.999, "served {first} and {second}: {board}");
    assert!(without < 0.5, "that was no attack: {board}");
}

/// Whether the attack could not be sent, or pages were late before there was one.
fn was_too_busy(board: &Value) -> bool {
    let sent = board["with_gate"]["attack_requests"].as_f64().expect("it is counted");
    let capacity = board["capacity"].as_f64().expect("it was measured");
    let due = FACTOR * capacity * board["attack_seconds"].as_f64().expect("it is known");
    let calm_ms = board["with_gate"]["calm_p99_ms"].as_f64().expect("customers came in calm");
    let is_busy = sent < PLAYED * due || calm_ms > CALM_MS_MOST;
    if is_busy {
        let served = served(board);
        eprintln!(
            "the machine was too busy to play it: {sent} of {due:.0} requests were sent, calm pages took {calm_ms} ms; served with the \
             gate, in the second attack and without it: {served:?}"
        );
    }
    is_busy
}

/// Whether the machine did nothing for a while in the middle of an attack.
fn stood_still(board: &Value) -> bool {
    let away = board["away_seconds"].as_f64().expect("it was looked at");
    if away > AWAY_SECONDS_MOST {
        eprintln!("the machine stood still for {away} s");
    }
    away > AWAY_SECONDS_MOST
}

/// Shares of customers: with the gate, in the second attack, without the gate.
fn served(board: &Value) -> [f64; 3] {
    let served = |world: &str| board[world]["known_success"].as_f64().expect("customers came");
    ["with_gate", "second_attack", "without_gate"].map(served)
}

/// The first attack's requests over what the shop can serve.
const FACTOR: f64 = 20.0;
/// The share of the attack that has to be sent.
const PLAYED: f64 = 0.9;
/// On a machine with time to spare the slowest hundredth takes about 100 ms.
const CALM_MS_MOST: f64 = 150.0;
/// Whoever waits for a slot gives up after a second: a gate that is held still for that long has to refuse some.
const AWAY_SECONDS_MOST: f64 = 0.25;
