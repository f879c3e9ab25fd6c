//! Tells what happens, in words that a shop owner understands.

use demo::{Kind, Moment, Phase};
use model::{Challenge, Level};

use crate::lines::wrapped;

use super::showing::{ALL_GROUPS, News, RuleNews};

/// Speaks, or is quiet.
pub(super) struct Teller {
    pub(super) quiet: bool,
}

impl Teller {
    /// Says something in lines that fit a terminal.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            text.split('\n').for_each(|paragraph| show!("{}", wrapped("", 0, paragraph)));
        }
    }

    /// Says what matters more than a line of figures.
    pub(super) fn note(&self, mark: &str, text: &str) {
        if !self.quiet {
            show!("{}", noted(mark, text));
        }
    }

    pub(super) fn news(&self, news: &News) {
        if let Some(text) = sentence(news) {
            self.note(">>", &text);
        }
    }

    /// A line every five seconds.
    pub(super) fn second(&self, phase: Phase, second: u64, moment: &Moment) {
        if phase == Phase::Aftermath && second == 1 {
            self.say("  The attack is over.");
        }
        if second == 1 || second.is_multiple_of(5) {
            self.say(&line(second, moment));
        }
    }
}

fn noted(mark: &str, text: &str) -> String {
    wrapped(&format!("  {mark} "), 5, text)
}

/// What was counted in one second.
fn line(second: u64, moment: &Moment) -> String {
    let share = |kind| format!("{} of {}", moment.ok(kind), moment.tried(kind));
    let visitors = |kind| moment.ok(kind) + moment.ok(Kind::Patient);
    let tried = moment.tried(Kind::Visitor) + moment.tried(Kind::Patient);
    let logins = match moment.tried(Kind::Login) {
        0 => String::new(),
        _ => format!(", signed in {}", share(Kind::Login)),
    };
    let attack = match moment.attack_sent {
        0 => String::new(),
        sent => format!(" | attack {sent}, got {}", moment.attack_ok),
    };
    format!(
        " {second:>3} s: customers {}, visitors {} of {tried}{logins}{attack}",
        share(Kind::Customer),
        visitors(Kind::Visitor),
    )
}

fn sentence(news: &News) -> Option<String> {
    Some(match news {
        News::Level(before, after) => level(*before, *after)?,
        News::Challenge(Challenge::Off) => "New visitors are asked for nothing any more.".to_owned(),
        News::Challenge(Challenge::Cookie) => {
            "New visitors must come back with a cookie; browsers do that by themselves.".to_owned()
        }
        News::Challenge(Challenge::Waiting) => {
            "New visitors get a page that waits a moment and then lets them in, without JavaScript; who does not wait stays out."
                .to_owned()
        }
        News::Found(RuleNews { id, text, calm, known, coverage }) => format!(
            "The flood gave itself away. Rule {id}: {text}. It covers {:.0} % of what is too much, and would hit at most {:.2} % of what strangers do in calm and {:.2} % of what customers do. First it is only counted, for some seconds.",
            coverage.get() * 100.0,
            calm.get() * 100.0,
            known.get() * 100.0,
        ),
        News::Armed(id, text) => format!("Rule {id} did what was forecast and acts now: {text}."),
        News::Changed(id, text) => format!("Rule {id} is now: {text}."),
        News::Gone(id, why) => format!("Rule {id} is gone: {why}."),
        News::Groups(groups @ (0 | ALL_GROUPS)) => {
            let who = if *groups == 0 { "No group" } else { "Every group" };
            format!("{who} of new visitors may come in without a ticket.")
        }
        News::Groups(groups) => format!("{groups} of {ALL_GROUPS} groups of new visitors may come in."),
    })
}

fn level(before: Level, after: Level) -> Option<String> {
    let text = match after {
        Level::Filtering => "Level filtering: rules act against what is unusual.",
        Level::Limiting => "Level limiting: nobody may ask for more than people usually do.",
        Level::Challenging => "Level challenging: new visitors must show that they are people.",
        Level::CustomersFirst => {
            "Level customers-first: the gate comes down. Known customers go first, new visitors are asked to come back in a minute; signing in stays open."
        }
        Level::Reopening => {
            "Level reopening: there is room beside the customers. The gate lets in as many new visitors as the shop can take, step by step."
        }
        Level::Calm if before != Level::Calm => "Level calm: the gate is fully open again.",
        Level::Calm => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use model::Finite;

    use super::*;

    #[test]
    fn what_happens_is_told_in_whole_sentences() {
        let rule = RuleNews {
            id: 1,
            text: "refuse GET `/event/*` with a user agent not seen in calm".to_owned(),
            calm: Finite::new(0.0018),
            known: Finite::new(0.0006),
            coverage: Finite::new(0.987),
        };
        let text = rule.text.clone();
        let levels = Level::ALL.map(|after| News::Level(Level::Calm, after));
        let news = [
            News::Level(Level::Reopening, Level::Calm),
            News::Challenge(Challenge::Cookie),
            News::Challenge(Challenge::Waiting),
            News::Challenge(Challenge::Off),
            News::Found(rule),
            News::Armed(1, text.clone()),
            News::Changed(1, text),
            News::Gone(1, "nothing matches it any more"),
            News::Groups(0),
            News::Groups(48),
            News::Groups(ALL_GROUPS),
        ];
        let told = levels.iter().chain(&news).filter_map(sentence);
        let told: String = told.map(|text| noted(">>", &text)).collect();
        insta::assert_snapshot!(told);
    }
}
