//! Somebody who tells of one incident after the other, and knows what was acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::world::World;

/// Acts that an incident consists of.
const ACTS: u64 = 6;

#[derive(Default)]
pub(crate) struct Teller {
    /// Numbers of acts that the gate said to be done.
    pub(crate) acknowledged: Vec<u64>,
    /// Of the next act.
    number: u64,
    /// How far the incident is that goes on; 0: none does.
    step: u64,
    /// What the gate listed last.
    seen: Value,
}

impl Teller {
    /// The next act; whether it was acknowledged.
    pub(crate) fn tell(&mut self, world: &World) -> bool {
        let number = self.number;
        self.number += 1;
        let text = format!("Act number {number:06}.");
        let (title, update) = (format!("Case {number}"), ["incident", "update", "--text", &text, "--stage"]);
        let words = match self.step {
            0 => vec!["incident", "open", &title, "--text", &text, "--component", "Phone=major-outage"],
            step if step + 1 < ACTS => [&update[..], &["identified"]].concat(),
            _ => [&update[..], &["resolved", "--reason", "tested"]].concat(),
        };
        let is_done = world.gate.control(&words).is_ok_and(|(is_done, _)| is_done);
        if is_done {
            self.acknowledged.push(number);
            self.step = (self.step + 1) % ACTS;
        }
        is_done
    }

    /// The next act over the control socket itself, without a program that has to end: `then` is done at the moment of the answer.
    pub(crate) fn tell_at_once(&mut self, world: &World, then: impl FnOnce()) {
        let number = self.number;
        self.number += 1;
        let text = format!("Act number {number:06}.");
        let command = if self.step == 0 {
            let title = format!("Case {number}");
            json!({ "command": "page", "act": "open", "title": title, "stage": "investigating", "text": text })
        } else {
            json!({ "command": "page", "act": "update", "stage": "identified", "text": text })
        };
        let mut answer = String::new();
        let mut stream =
            UnixStream::connect(world.gate.folder().join("state/ctl/portcullis.sock")).expect("it listens");
        stream.write_all(format!("{command}\n").as_bytes()).expect("it reads");
        BufReader::new(stream).read_line(&mut answer).expect("it answers");
        then();
        let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
        assert_eq!(answer["ok"], true, "{answer}\nbefore it: {}\n{}", self.seen, world.gate.log());
        self.acknowledged.push(number);
        self.step = self.step.max(1);
    }

    /// Looks how far things are: whether the last act was done before the cut, nobody has said.
    pub(crate) fn look(&mut self, world: &World) {
        let list = world.gate.tell(&["incident", "list", "--json"]).expect("it is shown");
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        let incidents = list["data"]["incidents"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {list}\n{}", world.gate.log()));
        let is_a_persons = |of: &&Value| of["title"].as_str().is_some_and(|title| title.starts_with("Case "));
        let half: Vec<_> = incidents.iter().filter(is_a_persons).filter(|of| of["stage"].is_null()).collect();
        assert!(half.is_empty(), "half of an act was kept: {half:?}");
        let is_open = incidents.iter().any(|incident| incident["open"] == true);
        self.step = if is_open { self.step.max(1) } else { 0 };
        self.seen = list;
    }
}
