//! Tells what happens, in words that a shop owner understands.

use std::net::SocketAddr;
use std::path::Path;

use demo::{Kind, Moment, Phase};
use incident::{Draft, Stage};
use model::{Challenge, Level};

use crate::lines::{together, wrapped};

use super::page::{FIRST_NOTICE, Notice, RESOLVED_AFTER};
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

    /// Says what a person needs also when figures alone are printed: then beside them.
    pub(super) fn aside(&self, text: &str) {
        if self.quiet {
            text.split('\n').for_each(|paragraph| eprint!("{}", wrapped("", 0, paragraph)));
        } else {
            self.say(text);
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

    /// Where the status page is.
    pub(super) fn page(&self, address: SocketAddr) {
        self.say(&format!("Its status page, which the gate writes by itself: http://{address}/"));
        self.say(&format!(
            "Here it is in a hurry: a notice waits {} s for somebody to say no, and an end is believed after {} s; otherwise that is two and ten minutes.",
            FIRST_NOTICE.as_secs(),
            RESOLVED_AFTER.as_secs()
        ));
    }

    /// What the status page says now.
    pub(super) fn notice(&self, notice: &Notice) {
        self.note("==", &told(notice));
    }

    /// What the record knows in short, and where the rest is.
    pub(super) fn report(&self, draft: &Draft, file: Option<&Path>) {
        self.say("\nThe draft of the report about it is made already; `#12` is the entry of the record that a sentence rests on:");
        for fact in facts(&draft.text) {
            self.note("==", fact);
        }
        self.say(&match file {
            Some(file) => format!("All of it is in {}.", file.display()),
            None => "`try --report FILE` writes all of it; a gate that you run prints it with `portcullis ctl incident draft`.".to_owned(),
        });
    }

    /// Prints lines that are made.
    fn figures(&self, lines: &str) {
        if !self.quiet {
            show!("{lines}");
        }
    }

    /// A line every five seconds.
    pub(super) fn second(&self, phase: Phase, second: u64, moment: &Moment) {
        if phase == Phase::Aftermath && second == 1 {
            self.say("  The attack is over.");
        }
        if second == 1 || second.is_multiple_of(5) {
            self.figures(&line(second, moment));
        }
    }
}

/// A notice on one line, without the promise at its end.
fn told(Notice { stage, is_same_stage, body }: &Notice) -> String {
    let label = if *is_same_stage { "Update" } else { stage.label() };
    let lines = body.lines().filter(|line| !line.is_empty() && !line.starts_with("Next update by"));
    let words = lines.collect::<Vec<_>>().join(" ");
    let proof = match stage {
        Stage::Resolved => format!(
            " The gate says so by itself, because nothing was unusual and nothing in force any more for {} s.",
            RESOLVED_AFTER.as_secs()
        ),
        Stage::Investigating | Stage::Identified | Stage::Monitoring | Stage::Postmortem => String::new(),
    };
    format!("Status page, {label}: {words}{proof}")
}

/// The first facts of a draft: how long it was, and for whom.
fn facts(draft: &str) -> impl Iterator<Item = &str> {
    let facts =
        draft.lines().skip_while(|line| *line != "## Summary").filter_map(|line| line.strip_prefix("- "));
    facts.filter(|fact| !fact.starts_with("**")).take(FACTS)
}

fn noted(mark: &str, text: &str) -> String {
    wrapped(&format!("  {mark} "), 5, text)
}

/// What was counted in one second.
fn line(second: u64, moment: &Moment) -> String {
    let share = |kind| format!("{}/{}", moment.ok(kind), moment.tried(kind));
    let visitors = |kind| moment.ok(kind) + moment.ok(Kind::Patient);
    let tried = moment.tried(Kind::Visitor) + moment.tried(Kind::Patient);
    let mut parts = vec![
        format!("customers {}", share(Kind::Customer)),
        format!("visitors {}/{tried}", visitors(Kind::Visitor)),
    ];
    if moment.tried(Kind::Login) > 0 {
        parts.push(format!("logins {}", share(Kind::Login)));
    }
    if moment.attack_sent > 0 {
        parts.push(format!("attack {} (got {})", moment.attack_sent, moment.attack_ok));
    }
    together(&format!(" {second:>3} s: "), LINE_INDENT, &parts)
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
        News::Saw(..) => return None,
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

/// Of what does not fit behind the second.
const LINE_INDENT: usize = 8;
/// How long it was, for how long customers and new visitors were not served, and what it did at its worst.
const FACTS: usize = 4;

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

    #[test]
    fn what_the_public_is_told_fits_beside_the_rest() {
        let notice = |stage, is_same_stage, body: &str| {
            noted("==", &told(&Notice { stage, is_same_stage, body: body.to_owned() }))
        };
        let first = notice(
            Stage::Investigating,
            false,
            "There has been a disruption.\n\nAt the moment:\nNew visitors: some have to wait.\n\nNext update by 17:24 UTC.",
        );
        let more = notice(Stage::Investigating, true, "The disruption goes on.");
        let over = notice(Stage::Resolved, false, "This is over.");
        insta::assert_snapshot!(first + &more + &over, @"
          == Status page, Investigating: There has been a disruption. At the moment: New
             visitors: some have to wait.
          == Status page, Update: The disruption goes on.
          == Status page, Resolved: This is over. The gate says so by itself, because
             nothing was unusual and nothing in force any more for 20 s.
        ");
        let draft = "# Report\n\n- **TODO** a\n\n## Summary\n\n- It was down. (#1)\n- **TODO** Why?\n\n## Impact\n\n- Customers: fine. (#2)\n";
        assert_eq!(facts(draft).collect::<Vec<_>>(), ["It was down. (#1)", "Customers: fine. (#2)"]);
    }

    #[test]
    fn a_second_is_told_without_breaking_a_figure() {
        let mut moment = Moment::default();
        assert_eq!(line(5, &moment), "   5 s: customers 0/0, visitors 0/0\n");
        (moment.attack_sent, moment.attack_ok) = (7_800, 12);
        assert_eq!(line(60, &moment), "  60 s: customers 0/0, visitors 0/0, attack 7800 (got 12)\n");
    }
}
