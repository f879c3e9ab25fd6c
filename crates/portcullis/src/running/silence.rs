//! Says once that nothing is decided any more, and once that it is again.

use std::sync::PoisonError;
use std::time::Duration;

use journal_io::logs::Events;

use super::Running;
use crate::situation::silence;

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct Silence {
    is_told: bool,
    panic_is_told: bool,
}

/// A line for the log.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Error(String),
    Info(&'static str),
}

impl Silence {
    /// Looks once a second: for how long nothing was decided, if that is longer than a decision lives, and the last words of the
    /// thread that should, if it has panicked.
    fn look(&mut self, silent_for: Option<Duration>, panic: Option<&str>) -> Vec<Said> {
        let mut said = Vec::new();
        if let Some(words) = panic.filter(|_| !self.panic_is_told) {
            self.panic_is_told = true;
            said.push(Said::Error(format!(
                "the thread that decides has panicked and does not come back before a restart: {words}"
            )));
        }
        match (silent_for, self.is_told) {
            (Some(time), false) => said.push(Said::Error(silence(time))),
            (None, true) => said.push(Said::Info("decisions come again, and are obeyed as a whole")),
            (Some(_), true) | (None, false) => {}
        }
        self.is_told = silent_for.is_some();
        said
    }
}

impl Running {
    pub(super) fn say_silence(&self) {
        let (now, shared) = (self.clock.now(), self.edge.shared());
        let age = self.site.is_undecided(now).then(|| self.site.decision_age(now));
        let mut silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        silence.look(age, shared.ticker_panic()).iter().for_each(|said| said.log(&self.events));
    }
}

impl Said {
    fn log(&self, events: &Events) {
        match self {
            Self::Error(line) => events.error(format_args!("{line}")),
            Self::Info(line) => events.info(format_args!("{line}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_its_end_are_said_once_each() {
        let mut silence = Silence::default();
        let mut look = |seconds: Option<u64>, panic| {
            let said = silence.look(seconds.map(Duration::from_secs), panic);
            let is_error = |line: &Said| matches!(line, Said::Error(_));
            (said.iter().filter(|line| is_error(line)).count(), said.len())
        };
        assert_eq!(look(None, None), (0, 0));
        assert_eq!(look(Some(11), None), (1, 1));
        assert_eq!(look(Some(12), None), (0, 0));
        assert_eq!(look(None, None), (0, 1), "that it is over");
        assert_eq!(look(None, None), (0, 0));
        assert_eq!(look(None, Some("index out of bounds")), (1, 1));
        assert_eq!(look(Some(11), Some("index out of bounds")), (1, 1), "the panic is known");
        assert_eq!(look(Some(12), Some("index out of bounds")), (0, 0));
    }
}
