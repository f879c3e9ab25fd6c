//! The admin's listener and the control socket.
//!
//! Both run on a thread of their own, so that they answer while the data plane is busy; what a command does is up to
//! whoever implements [`ControlPlane`]. It is *not* a place for decisions or state, and the status page lives elsewhere.
//! Its main types are [`Console`], [`ControlPlane`] and [`ctl::Command`].

mod console;
pub mod ctl;
mod desk;
mod http;
pub mod metrics;

pub use console::{Console, ConsoleError, ConsoleSettings};

/// What became of alerts of another system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// They are kept as far as they are news, in the words of the text.
    Taken(String),
    /// There is no room for all of them, and there will be none in a moment.
    TooMany(String),
    /// They are not kept now, and should be sent again.
    Later,
    /// Nobody here takes alerts.
    NotHere,
}

/// What the console commands and asks.
pub trait ControlPlane: Send + Sync {
    /// Does what an admin asks; `uid` is the user of the control socket's peer.
    fn command(&self, uid: Option<u32>, command: ctl::Command) -> ctl::Reply;

    /// All metrics as OpenMetrics text.
    fn metrics(&self) -> String;

    /// Whether the gate serves.
    fn is_healthy(&self) -> bool;

    /// The moment on both clocks, for sessions of people.
    fn moment(&self) -> incident::Moment;

    /// All that the pages for people are made of; nothing where there are none, or not in time.
    fn known(&self) -> Option<admin::Known> {
        None
    }

    /// What the public would read if this were done now.
    ///
    /// # Errors
    /// A reply that says why it cannot be done.
    fn foresee(&self, command: ctl::PageCommand) -> Result<incident::View, ctl::Reply> {
        let _nobody = command;
        Err(ctl::Reply::failed("this is no gate, and publishes nothing that people write"))
    }

    /// Takes alerts of another system.
    fn heed(&self, alerts: Vec<incident::Alert>) -> Heard {
        let _nobody = alerts;
        Heard::NotHere
    }

    /// What the record knows for a report about an incident.
    fn report_draft(&self, id: incident::PublicId) -> Option<admin::ReportDraft> {
        let _unknown = id;
        None
    }
}
