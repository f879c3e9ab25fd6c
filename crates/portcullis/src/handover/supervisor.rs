//! What systemd hears (`sd_notify(3)`). Without one nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

/// systemd that started this process, if one did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supervisor {
    /// How long it may hear nothing before it starts the service anew.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// As the environment says.
    pub(crate) fn of_environment() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// This process serves, and is the one to look after.
    pub(crate) fn ready(self) {
        say(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
    }

    /// It ends on purpose.
    pub(crate) fn stopping(self) {
        say(&[NotifyState::Stopping]);
    }

    /// Called once a second: everything has done its rounds within `stuck_for`.
    pub(crate) fn alive(self, stuck_for: Duration) {
        if self.watchdog.is_some_and(|within| stuck_for < within / 2) {
            say(&[NotifyState::Watchdog]);
        }
    }
}

fn say(state: &[NotifyState<'_>]) {
    // Without systemd there is no socket; one that does not listen cannot be helped.
    let _said = sd_notify::notify(state);
}
