//! The report as people read it.

use std::fmt;

use model::{Reason, Tier};

use super::{Group, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}.",
            looked_back(self.hours),
            counted(self.logins, "login was confirmed", "logins were confirmed")
        )?;
        if self.all() == 0 {
            writeln!(f, "No request was refused, and none would have been.")?;
        } else {
            self.summary(f)?;
        }
        for (title, groups, name) in [
            (
                "By reason: how many, and how many of them were mistakes",
                &self.by_reason,
                reason_name as fn(&Group) -> String,
            ),
            ("By kind of client", &self.by_client, client_name),
            ("By path", &self.by_path, plain_name),
            ("By network", &self.by_network, plain_name),
        ] {
            section(f, title, groups, name)?;
        }
        self.mistakes(f)?;
        let word = if self.verdict.safe { "yes" } else { "no" };
        writeln!(f, "\nSafe to switch on: {word}, because {}.", self.verdict.because)
    }
}

impl Report {
    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "About {} requests were refused. About {} more were only observed: they passed, but a step would have refused them.",
            self.refused, self.would_be_refused
        )?;
        if self.of_known_customers > 0 {
            writeln!(f, "Known customers sent {} of all these.", self.of_known_customers)?;
        }
        if self.undecided > 0 {
            writeln!(
                f,
                "About {} are less than a day old: whoever sent them may yet sign in and turn out to be a customer.",
                self.undecided
            )?;
        }
        Ok(())
    }

    fn mistakes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mistakes = self.by_reason.iter().filter(|group| group.mistaken > 0).peekable();
        if mistakes.peek().is_none() {
            return Ok(());
        }
        writeln!(f, "\nMistakes: requests of people who signed in within 24 hours, and what cures them")?;
        for group in mistakes {
            writeln!(f, "  about {} {}\n    cure: {}", group.mistaken, step(group.reason), group.cure)?;
        }
        Ok(())
    }
}

/// What became of requests at a step, as the end of a sentence: "3 requests that …".
pub(super) fn step(reason: Reason) -> &'static str {
    match reason {
        Reason::Threshold => "had to make room for customers",
        Reason::QueueFull => "found the app busy and the queue full",
        Reason::QueueTimeout => "waited too long for the app",
        Reason::PassLimit => "were beyond the limit of a known device",
        Reason::AccountLimit => "were beyond the limit of an account",
        Reason::AddressLimit => "were beyond the limit of an address",
        Reason::NetworkLimit => "were beyond the limit of a network",
        Reason::WideLimit => "were beyond the limit of a wider network",
        Reason::LoginLimit => "were beyond the limit of login attempts",
        Reason::AccountLoginLimit => "were beyond the limit of login attempts for an account",
        Reason::BodyTooLarge => "had too large a body",
        Reason::ConnectionLimit => "came over too many connections of one network",
        Reason::StreamLimit => "were beyond the limit of open streams",
        Reason::Denied => "came from a denied address",
        Reason::LaneFull => "found the way to the login full",
        Reason::BufferBudget => "found the memory for bodies used up",
        Reason::Rule => "looked like an attack",
        Reason::CookieChallenge | Reason::WaitingChallenge => "were asked to come back and did not",
    }
}

/// Whose requests they are.
fn client(tier: &str) -> &'static str {
    match Tier::ALL.into_iter().find(|known| known.label() == tier) {
        Some(Tier::T0) => "admins and monitors",
        Some(Tier::T1) => "known customers",
        Some(Tier::T2) => "customers known for less than a day, partners",
        Some(Tier::T3) => "people signing in",
        Some(Tier::T4) => "visitors with a ticket, crawlers",
        Some(Tier::T5) => "unknown clients",
        Some(Tier::T6) | None => "demoted clients",
    }
}

fn section(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    groups: &[Group],
    name: fn(&Group) -> String,
) -> fmt::Result {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for group in groups.iter().take(SHOWN) {
        let kind = if group.would_be { "would be" } else { "refused" };
        let name = name(group);
        write!(f, "  {name:<46} {:<20} {kind:<9} {:>9}", group.reason.label(), group.refused)?;
        if group.mistaken > 0 { writeln!(f, "  mistakes {:>7}", group.mistaken) } else { writeln!(f) }?;
    }
    if let Some(more) = groups.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(f, "  and {more} more (all with --json)")?;
    }
    Ok(())
}

fn reason_name(group: &Group) -> String {
    step(group.reason).to_owned()
}

fn client_name(group: &Group) -> String {
    client(&group.name).to_owned()
}

fn plain_name(group: &Group) -> String {
    if group.name.is_empty() { "others".to_owned() } else { group.name.clone() }
}

fn looked_back(hours: u64) -> String {
    match hours {
        1 => "The last hour".to_owned(),
        hours if hours > 24 && hours.is_multiple_of(24) => format!("The last {} days", hours / 24),
        hours => format!("The last {hours} hours"),
    }
}

/// A number with its noun and verb.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Rows of each table; the rest is in the JSON.
const SHOWN: usize = 10;
