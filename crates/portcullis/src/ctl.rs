//! `portcullis ctl …`: commands to a running gate, over its control socket.

mod journal;
mod page;
mod subscriber;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use console_io::ctl::{
    self, ClientName, Command, CtlError, Imported, PageCommand, Reply, SOCKET_NAME, Subject, TransferError,
    call,
};
use edge_io::Clock;
use journal_io::journal::BackupError;
use journal_io::recordings::ExportError;
use model::{Level, Mode, Prefix, Timestamp};
use serde_json::json;

use journal::JournalAct;
use page::{AlertsAct, ComponentAct, IncidentAct, MaintenanceAct, TextError};
use subscriber::SubscriberAct;

use crate::learn::{self, LearnError};
use crate::protect;
use crate::recordings::{self, Span};

/// What was asked for.
#[derive(Debug, Args)]
pub(crate) struct CtlArgs {
    /// The gate's state folder.
    #[arg(long, global = true, default_value = "/var/lib/portcullis")]
    state: PathBuf,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Act,
}

#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Show what the gate does at this moment.
    Status,
    /// Show the mode, or set it: observe, assist, auto.
    Mode {
        /// The new mode.
        mode: Option<Mode>,
    },
    /// Show the level with its reasons, or pin it.
    Level {
        #[command(subcommand)]
        act: Option<LevelAct>,
    },
    /// Forward everything without judging it: on or off.
    Bypass {
        /// on or off.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Apply refusals to a share of unknown clients, such as 20%.
    Enforce {
        /// 5% to 100%.
        #[arg(value_parser = share)]
        percent: u8,
    },
    /// Exempt a network from rules, challenges and client limits until it is removed or as long as --for says, or show the list.
    Allow(ListArgs),
    /// Refuse a network until it is removed or as long as --for says, or show the list.
    Deny(ListArgs),
    /// Known clients.
    Clients {
        #[command(subcommand)]
        act: ClientsAct,
    },
    /// Explain a refusal by its reference, an account or an address.
    Why {
        /// The reference.
        #[arg(required_unless_present_any = ["account", "address"])]
        code: Option<String>,
        /// An account.
        #[arg(long, conflicts_with = "code")]
        account: Option<ClientName>,
        /// An address.
        #[arg(long, conflicts_with_all = ["code", "account"])]
        address: Option<IpAddr>,
    },
    /// Show the rules in force, all about one of them, or take one out of force.
    Rules {
        #[command(subcommand)]
        act: Option<RulesAct>,
    },
    /// Incidents: what happened, and what the public is told.
    Incident {
        #[command(subcommand)]
        act: Option<IncidentAct>,
    },
    /// Those who are alerted.
    Alerts {
        #[command(subcommand)]
        act: Option<AlertsAct>,
    },
    /// Pages elsewhere that say what the status page says: how they do, and what people did there.
    Publish,
    /// Components of the status page.
    Component {
        #[command(subcommand)]
        act: Option<ComponentAct>,
    },
    /// Announced work on the status page.
    Maintenance {
        #[command(subcommand)]
        act: MaintenanceAct,
    },
    /// Readers of the status page who get mail.
    Subscriber {
        #[command(subcommand)]
        act: SubscriberAct,
    },
    /// Recordings of what the gate was told and decided.
    Recordings {
        #[command(subcommand)]
        act: RecordingsAct,
    },
    /// The journal: what the gate remembers over a restart.
    Journal {
        #[command(subcommand)]
        act: JournalAct,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum RecordingsAct {
    /// Show what is on disk, also when no gate runs.
    List,
    /// Write a time of it to a new file that only you can read, for `portcullis replay`.
    Export {
        /// The file; it must not exist.
        file: PathBuf,
        /// How far to look back, such as 10m or 2h.
        #[arg(long, value_parser = recordings::lookback, conflicts_with_all = ["from", "to"])]
        last: Option<Duration>,
        /// From when on, such as 2026-11-28T09:00:00Z.
        #[arg(long, value_parser = recordings::moment)]
        from: Option<Timestamp>,
        /// Until when.
        #[arg(long, value_parser = recordings::moment)]
        to: Option<Timestamp>,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum LevelAct {
    /// Hold the level up, or with --ceiling down, for an hour or as long as --for says.
    Pin {
        /// At least this level.
        level: Option<Level>,
        /// At most this level.
        #[arg(long)]
        ceiling: Option<Level>,
        #[command(flatten)]
        lasting: Lasting,
    },
    /// Let the level move freely again.
    Unpin,
}

#[derive(Clone, Debug, Subcommand)]
enum RulesAct {
    /// Show all about a rule, also if it ended lately.
    Show {
        /// Its number.
        #[arg(value_parser = rule)]
        id: u16,
    },
    /// Take a rule out of force; the same is not tried again for an hour.
    Drop {
        /// Its number.
        #[arg(value_parser = rule)]
        id: u16,
    },
}

/// For how long something holds.
#[derive(Clone, Copy, Debug, Args)]
struct Lasting {
    /// For how long, such as 30m, 2h or 7d.
    #[arg(long = "for", value_name = "TIME", value_parser = minutes, conflicts_with = "minutes")]
    time: Option<u32>,
    /// The same in minutes.
    #[arg(long)]
    minutes: Option<u32>,
}

impl Lasting {
    fn minutes(self) -> Option<u32> {
        self.time.or(self.minutes)
    }
}

#[derive(Clone, Debug, Args)]
struct ListArgs {
    /// A network, such as 192.0.2.0/24.
    network: Option<Prefix>,
    #[command(flatten)]
    lasting: Lasting,
    /// Take it off the list.
    #[arg(long)]
    remove: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum ClientsAct {
    /// Show known clients.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// The last pass of the page before.
        #[arg(long)]
        after: Option<ClientName>,
    },
    /// Take addresses from an access log, an export or a list as hints how many people share a network. Nobody becomes known.
    Import {
        /// The file.
        file: PathBuf,
        /// Where people sign in, if that is not /login or alike: for access logs.
        #[arg(long)]
        login: Option<String>,
    },
    /// Write all known clients to a new file that only you can read.
    Export {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Make passes invalid.
    Revoke {
        /// Whose.
        client: ClientName,
    },
    /// Make a link that lets one browser of an account's owner in, once, within a day or as long as --for says. Send it to nobody else.
    Link {
        /// Whose.
        client: ClientName,
        #[command(flatten)]
        lasting: Lasting,
    },
    /// Erase everything about an account.
    Forget {
        /// Whose.
        client: ClientName,
    },
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The gate.
    #[error(transparent)]
    Ctl(#[from] CtlError),
    /// There is none in this folder; there may be one in that of `protect`.
    #[error("{error}. One that `portcullis protect` has started keeps its state in {0}, so that `--state {0}` finds it", folder.display())]
    NotHere {
        /// The first try.
        error: CtlError,
        /// Where `protect` keeps state.
        folder: PathBuf,
    },
    /// An export or import.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The file to import.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// Recordings.
    #[error(transparent)]
    Recordings(#[from] ExportError),
    /// What is to be said.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] BackupError),
}

impl AskError {
    /// Whether the arguments make a command that cannot be meant, so that asking again would not do.
    pub(crate) const fn is_of_arguments(&self) -> bool {
        matches!(self, Self::Ctl(CtlError::Command(_)))
    }
}

impl CtlArgs {
    /// Asks the gate; whether it did what was asked.
    pub(crate) fn run(self) -> Result<bool, AskError> {
        let elsewhere = protect::default_state().ok().filter(|folder| *folder != self.state);
        self.ask().map_err(|error| match (error, elsewhere) {
            (AskError::Ctl(error @ CtlError::NoGate(_)), Some(folder)) => AskError::NotHere { error, folder },
            (error, _) => error,
        })
    }

    fn ask(self) -> Result<bool, AskError> {
        let socket = self.state.join(SOCKET_NAME);
        let task = self.act.clone().task()?;
        let reply = match task {
            Task::Once(command) => call(&socket, &command)?,
            Task::Export(file) => export(&socket, &file)?,
            Task::ExportSubscribers(file) => export_subscribers(&socket, &file)?,
            Task::Import { file, login } => import(&socket, &file, login.as_deref())?,
            Task::Recordings(act) => self.recordings(&socket, &act)?,
            Task::Journal(act) => act.run(&self.state)?,
        };
        let Reply { ok, text, .. } = &reply;
        if self.json {
            show_line!("{}", serde_json::to_string(&reply).unwrap_or_default());
        } else if *ok {
            show_line!("{text}");
        } else {
            eprintln!("portcullis: {text}");
        }
        Ok(reply.ok)
    }
}

impl CtlArgs {
    /// A gate that runs writes first what waits; without one there is what the last one wrote.
    fn recordings(&self, socket: &Path, act: &RecordingsAct) -> Result<Reply, AskError> {
        let asked = match call(socket, &Command::Recordings) {
            Err(CtlError::NoGate(_)) => None,
            asked => Some(asked?),
        };
        match act {
            RecordingsAct::List => Ok(asked.unwrap_or_else(|| recordings::list(&self.state))),
            RecordingsAct::Export { file, last, from, to } => {
                let span = Span { last: *last, from: *from, to: *to };
                Ok(recordings::export(&self.state, span, file, Clock::start().wall())?)
            }
        }
    }
}

fn export(socket: &Path, file: &Path) -> Result<Reply, AskError> {
    let clients = ctl::export(socket, file)?;
    let text = format!("{clients} known clients are in {}; only you can read it", file.display());
    Ok(Reply::done(text, json!({ "clients": clients })))
}

fn export_subscribers(socket: &Path, file: &Path) -> Result<Reply, AskError> {
    let subscribers = ctl::export_subscribers(socket, file)?;
    let text = format!("{subscribers} subscribers are in {}; only you can read it", file.display());
    Ok(Reply::done(text, json!({ "subscribers": subscribers })))
}

fn import(socket: &Path, file: &Path, login: Option<&str>) -> Result<Reply, AskError> {
    let Imported { taken, addresses } = ctl::import(socket, learn::hints(file, login)?)?;
    let text = format!(
        "{taken} of {addresses} addresses were taken as hints; the others look like somebody who tries passwords, or like many people behind one address"
    );
    Ok(Reply::done(text, json!({ "taken": taken, "addresses": addresses })))
}

/// What is to be sent.
enum Task {
    Once(Command),
    /// As many pages as there are.
    Export(PathBuf),
    /// The same.
    ExportSubscribers(PathBuf),
    /// From the state folder.
    Recordings(RecordingsAct),
    /// From the state folder.
    Journal(JournalAct),
    /// As many portions as it takes.
    Import {
        file: PathBuf,
        login: Option<String>,
    },
}

impl Act {
    fn task(self) -> Result<Task, TextError> {
        Ok(Task::Once(match self {
            Self::Status => Command::Status,
            Self::Mode { mode } => Command::Mode { mode },
            Self::Level { act: None } => Command::Level,
            Self::Level { act: Some(LevelAct::Pin { level, ceiling, lasting }) } => {
                let minutes = lasting.minutes().unwrap_or(Command::PIN_MINUTES);
                Command::Pin { level, ceiling, minutes }
            }
            Self::Level { act: Some(LevelAct::Unpin) } => Command::Unpin,
            Self::Bypass { switch } => Command::Bypass { on: switch == "on" },
            Self::Enforce { percent } => Command::Enforce { percent },
            Self::Allow(ListArgs { network, lasting, remove }) => {
                Command::Allow { prefix: network, minutes: lasting.minutes(), remove }
            }
            Self::Deny(ListArgs { network, lasting, remove }) => {
                Command::Deny { prefix: network, minutes: lasting.minutes(), remove }
            }
            Self::Clients { act } => return Ok(act.task()),
            Self::Why { account: Some(account), .. } => Command::Why(Subject::Account(account)),
            Self::Why { address: Some(address), .. } => Command::Why(Subject::Address(address)),
            Self::Why { code, .. } => Command::Why(Subject::Code(code.unwrap_or_default())),
            Self::Rules { act: None } => Command::Rules,
            Self::Rules { act: Some(RulesAct::Show { id }) } => Command::Rule { rule: id },
            Self::Rules { act: Some(RulesAct::Drop { id }) } => Command::DropRule { rule: id },
            Self::Subscriber { act } => return Ok(act.task()),
            Self::Recordings { act } => return Ok(Task::Recordings(act)),
            Self::Journal { act } => return Ok(Task::Journal(act)),
            Self::Alerts { act } => Command::Page(act.unwrap_or(AlertsAct::List).command()),
            Self::Publish => Command::Page(PageCommand::Elsewhere),
            Self::Incident { act } => Command::Page(act.unwrap_or(IncidentAct::List).command()?),
            Self::Component { act } => Command::Page(act.unwrap_or(ComponentAct::List).command()),
            Self::Maintenance { act } => Command::Page(act.command()?),
        }))
    }
}

impl ClientsAct {
    fn task(self) -> Task {
        match self {
            Self::List { limit, after } => Task::Once(Command::Clients { after, limit }),
            Self::Revoke { client } => Task::Once(Command::Revoke { client }),
            Self::Link { client, lasting } => {
                let minutes = lasting.minutes().unwrap_or(Command::LINK_MINUTES_MAX);
                Task::Once(Command::Link { client, minutes })
            }
            Self::Forget { client } => Task::Once(Command::Forget { client }),
            Self::Export { file } => Task::Export(file),
            Self::Import { file, login } => Task::Import { file, login },
        }
    }
}

/// A share such as `20%`.
fn share(text: &str) -> Result<u8, String> {
    let percent = text.trim_end_matches('%').parse().ok().filter(|percent| (5..=100).contains(percent));
    percent.ok_or_else(|| {
        format!("`{text}` is not a share; write 5% to 100%. To refuse nobody use `mode observe`")
    })
}

/// The number of a rule.
fn rule(text: &str) -> Result<u16, String> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| "a rule has a number, such as 3; `ctl rules` shows them".to_owned())
}

/// A time such as `30m`, `2h` or `7d`, in minutes.
fn minutes(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(['m', 'h', 'd']);
    let unit = match &text[digits.len()..] {
        "m" => Some(1),
        "h" => Some(60),
        "d" => Some(24 * 60),
        _ => None,
    };
    let minutes =
        digits.parse().ok().zip(unit).and_then(|(number, unit): (u32, u32)| number.checked_mul(unit));
    minutes.ok_or_else(|| "a time is written as 30m, 2h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rules_are_read_as_they_are_written() {
        assert_eq!([minutes("30m"), minutes("2h"), minutes("7d")], [Ok(30), Ok(120), Ok(10_080)]);
        for wrong in ["", "30", "h", "-1h", "1.5h", "2hd", "99999999d", "1 h"] {
            assert!(minutes(wrong).unwrap_err().contains("30m, 2h or 7d"), "{wrong}");
        }
        assert_eq!(rule("3"), Ok(3));
        for wrong in ["", "0", "-1", "x", "65536"] {
            assert!(rule(wrong).unwrap_err().contains("ctl rules"), "{wrong}");
        }
    }
}
