//! Networks that an admin allowed or denied: shown, added, taken off.

use std::time::Duration;

use admission::site::{ENTRIES_MAX, Entry, List};
use console_io::ctl::Reply;
use model::{Prefix, Timestamp};
use serde_json::{Value, json};

use super::Control;
use crate::lines::{count, span, when, wrapped};

/// What a list is called and does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    name: &'static str,
    does: &'static str,
    /// The other list, and what it means that a network lies on both.
    other: &'static str,
    both: &'static str,
}

pub(super) const ALLOW: Words = Words {
    name: "allow",
    does: "exempt from rules, challenges and client limits",
    other: "deny",
    both: "it stays refused: the deny list wins",
};
pub(super) const DENY: Words = Words {
    name: "deny",
    does: "refused, whatever they do",
    other: "allow",
    both: "it is refused all the same: the deny list wins",
};

impl Control {
    pub(super) fn list(
        &self,
        words: Words,
        prefix: Option<Prefix>,
        minutes: Option<u32>,
        remove: bool,
    ) -> Reply {
        let (allowed, denied) = (self.site.allowed(), self.site.denied());
        let (list, other) = if words.name == ALLOW.name { (allowed, denied) } else { (denied, allowed) };
        let wall = self.clock.wall();
        let Some(prefix) = prefix else { return show(words, &live(list, wall), wall) };
        let until = minutes.map(|minutes| wall + Duration::from_secs(u64::from(minutes) * 60));
        let entry = (!remove).then_some(Entry { prefix, until });
        let change = self.orders.change();
        let reply = match entry {
            Some(entry) => put_on(words, list, &live(other, wall), entry, wall),
            None => take_off(words, list, prefix, wall),
        };
        if reply.ok {
            change.keep_listed(list, prefix, entry);
        }
        reply
    }
}

/// What is on a list whose time is not over.
fn live(list: &List, wall: Timestamp) -> Vec<Entry> {
    let mut entries = list.entries();
    entries.retain(|entry| entry.until.is_none_or(|until| wall < until));
    entries
}

/// `other` is what is on the other list.
fn put_on(words: Words, list: &List, other: &[Entry], entry: Entry, wall: Timestamp) -> Reply {
    let entries = live(list, wall);
    let before = entries.iter().find(|there| there.prefix == entry.prefix);
    if let Err(error) = list.add(entry) {
        return Reply::failed(error.to_string());
    }
    let mut text = format!("{} is on the {} list {}", entry.prefix, words.name, lasts(entry.until, wall));
    if let Some(before) = before {
        text.push_str(&format!("; before, it was there {}", lasts(before.until, wall)));
    }
    if let Some(wider) = entries.iter().find(|there| lies_within(entry.prefix, there.prefix)) {
        text.push_str(&format!("\nit lies within {}, which is there too", wider.prefix));
    }
    let clash =
        other.iter().find(|there| there.prefix == entry.prefix || lies_within(entry.prefix, there.prefix));
    if let Some(clash) = clash {
        text.push_str(&format!("\n{} is on the {} list too: {}", clash.prefix, words.other, words.both));
    }
    Reply::done(text, value(&entry, wall))
}

fn take_off(words: Words, list: &List, prefix: Prefix, wall: Timestamp) -> Reply {
    let entries = live(list, wall);
    let still = entries.iter().find(|there| lies_within(prefix, there.prefix));
    if !list.remove(prefix) {
        let hint = match still {
            Some(wider) => format!("it lies within {}, which is: take that off", wider.prefix),
            None => format!("`ctl {}` shows what is", words.name),
        };
        return Reply::failed(format!("{prefix} is not on the {} list; {hint}", words.name));
    }
    let mut text = format!("{prefix} is off the {} list", words.name);
    if let Some(wider) = still {
        text.push_str(&format!("\nit lies within {}, which is still there", wider.prefix));
    }
    Reply::done(text, json!({ "network": prefix.to_string() }))
}

fn show(words: Words, entries: &[Entry], wall: Timestamp) -> Reply {
    let Words { name, does, .. } = words;
    let networks: Vec<String> = entries.iter().map(|entry| entry.prefix.to_string()).collect();
    let width = networks.iter().map(String::len).max().unwrap_or(0);
    let lines = entries
        .iter()
        .zip(&networks)
        .map(|(entry, network)| format!("{network:<width$}  {}", lasts(entry.until, wall)));
    let lines: Vec<String> = lines.collect();
    let head = match lines.len() {
        0 => format!("nothing is on the {name} list: networks on it are {does}"),
        1 => format!("1 network is on the {name} list: {does}"),
        n => format!("{n} of at most {} networks are on the {name} list: {does}", count(ENTRIES_MAX as u64)),
    };
    let text = format!("{}{}", wrapped("", 2, &head), lines.join("\n"));
    Reply::done(text.trim_end(), entries.iter().map(|entry| value(entry, wall)).collect())
}

fn lasts(until: Option<Timestamp>, wall: Timestamp) -> String {
    match until {
        Some(until) => format!("until {} ({} left)", when(until), span(until.since(wall))),
        None => "until it is taken off".to_owned(),
    }
}

/// Whether one network lies in another, wider one.
fn lies_within(inner: Prefix, outer: Prefix) -> bool {
    outer.length() < inner.length() && outer.contains(inner.addr())
}

/// `until` is in seconds since 1970.
fn value(entry: &Entry, wall: Timestamp) -> Value {
    json!({
        "network": entry.prefix.to_string(),
        "until": entry.until.map(Timestamp::as_secs),
        "seconds_left": entry.until.map(|until| until.since(wall).as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_795_867_200);

    fn add(list: &List, prefix: &str, minutes: Option<u64>) -> Reply {
        let until = minutes.map(|minutes| NOON + Duration::from_secs(60 * minutes));
        put_on(DENY, list, &[], Entry { prefix: prefix.parse().unwrap(), until }, NOON)
    }

    #[test]
    fn a_list_says_what_is_on_it_and_until_when() {
        let list = List::default();
        let shown = |list: &List| {
            let reply = show(DENY, &live(list, NOON), NOON);
            format!("{}\n{}", reply.text, serde_json::to_string_pretty(&reply.data).unwrap())
        };
        let mut told = vec![shown(&list)];
        let one = add(&list, "192.0.2.0/24", Some(90));
        told.push(format!("{}\n{}", one.text, one.data));
        told.push(shown(&list));
        for (prefix, minutes) in [
            ("2001:db8::/32", None),
            ("192.0.2.0/24", None),
            ("192.0.2.128/25", Some(1_440)),
            ("198.51.100.7", Some(0)),
        ] {
            told.push(add(&list, prefix, minutes).text);
        }
        told.push(shown(&list));
        insta::assert_snapshot!(told.join("\n\n"));
    }

    #[test]
    fn a_network_on_both_lists_is_said_to_be_refused() {
        let (allowed, denied) = (List::default(), List::default());
        add(&denied, "192.0.2.0/24", None);
        let entry = |prefix: &str| Entry { prefix: prefix.parse().unwrap(), until: None };
        let put = |words, list: &List, other: &List, prefix: &str| {
            put_on(words, list, &other.entries(), entry(prefix), NOON).text
        };
        let told = [
            put(ALLOW, &allowed, &denied, "192.0.2.0/24"),
            put(ALLOW, &allowed, &denied, "192.0.2.7"),
            put(ALLOW, &allowed, &denied, "198.51.100.0/24"),
            put(DENY, &denied, &allowed, "198.51.100.7"),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_is_not_on_a_list_is_not_taken_off_it() {
        let list = List::default();
        let off = |list: &List, prefix: &str| {
            let reply = take_off(ALLOW, list, prefix.parse().unwrap(), NOON);
            format!("{} {}", reply.ok, reply.text)
        };
        add(&list, "192.0.2.0/24", None);
        add(&list, "192.0.2.0/25", None);
        let told = ["192.0.2.7", "198.51.100.0/24", "192.0.2.0/25", "192.0.2.0/24", "192.0.2.0/24"];
        insta::assert_snapshot!(told.map(|prefix| off(&list, prefix)).join("\n"));
        assert_eq!(list.entries(), []);
    }

    #[test]
    fn a_full_list_says_so_and_takes_nothing_more() {
        let list = List::default();
        for n in 0..u32::try_from(ENTRIES_MAX).unwrap() {
            add(&list, &std::net::Ipv4Addr::from_bits(0x0A00_0000 + n).to_string(), None);
        }
        let reply = add(&list, "192.0.2.0/24", None);
        assert!(!reply.ok && reply.text.contains("1000 networks"), "{}", reply.text);
        assert!(add(&list, "10.0.0.1", Some(5)).ok, "the time of what is on it can be changed");
    }
}
