//! `ctl subscriber`.

use std::path::PathBuf;

use clap::Subcommand;
use console_io::ctl::{Command, SubscriberCommand};

use super::Task;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum SubscriberAct {
    /// Show how mail to subscribers is going, and who they are, with masked addresses.
    List {
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// The last id of the page before.
        #[arg(long)]
        after: Option<String>,
        /// Show whole addresses; that you did is kept.
        #[arg(long)]
        addresses: bool,
    },
    /// Ask an address to confirm that it wants mail.
    Add {
        /// The address.
        address: String,
        /// A component or group to hear of, such as "Shop / Website"; again for each. Without any, all.
        #[arg(long = "component", value_name = "NAME")]
        components: Vec<String>,
        /// Its owner has agreed elsewhere, and you can prove it: subscribed at once.
        #[arg(long)]
        consented: bool,
    },
    /// Erase a subscriber.
    Remove {
        /// The address, or the id that the list shows.
        subscriber: String,
    },
    /// Write all subscribers with their addresses to a new file that only you can read.
    Export {
        /// The file; it must not exist.
        file: PathBuf,
    },
}

impl SubscriberAct {
    pub(super) fn task(self) -> Task {
        Task::Once(Command::Subscriber(match self {
            Self::List { limit, after, addresses } => SubscriberCommand::List { after, limit, addresses },
            Self::Add { address, components, consented } => {
                SubscriberCommand::Add { address, components, consented }
            }
            Self::Remove { subscriber } => SubscriberCommand::Remove { subscriber },
            Self::Export { file } => return Task::ExportSubscribers(file),
        }))
    }
}
