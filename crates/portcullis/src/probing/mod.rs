//! Probes of a running gate: what is tried from here, what an outpost says, and what both mean together.
//!
//! A thread of its own tries and asks; the ticker only reads what is known.

mod metrics;
mod outside;
mod settings;

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use edge_io::Clock;
use incident::{Outside, Service};
use journal_io::logs::Events;
use model::Instant;
use probe::{Board, Ear, Finding, Reading, Shows, Verdict};
use probe_io::{Now, Prober};
use tokio::sync::watch;

use crate::truth::Truth;
pub(crate) use metrics::probe_metrics;
pub(crate) use settings::{ProbingSettings, agent, jobs};

/// What is known from probes.
pub(crate) struct Probing {
    prober: Prober,
    ear: Mutex<Ear>,
    /// What the outpost reported since the decision core was last told: that nobody reaches the site, and all.
    counts: [AtomicU32; 2],
    /// How often in a row the outpost was asked in vain.
    in_vain: AtomicU32,
    settings: ProbingSettings,
    clock: Clock,
    thread: Mutex<Option<(watch::Sender<bool>, JoinHandle<()>)>>,
}

/// What probes say in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Senses {
    /// How the app itself does.
    pub(crate) app: Reading,
    /// How the site does by its public name, from here.
    pub(crate) here: Reading,
    /// And from an outpost.
    pub(crate) outside: Reading,
}

/// A probe that cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("[[probe]] {name}: {error}")]
pub(crate) struct ProbeError {
    name: String,
    error: web_io::RootsError,
}

/// The prober, if each of its probes can be used.
pub(crate) fn only_usable(
    (prober, unusable): (Prober, Vec<(String, web_io::RootsError)>),
) -> Result<Prober, ProbeError> {
    match unusable.into_iter().next() {
        Some((name, error)) => Err(ProbeError { name, error }),
        None => Ok(prober),
    }
}

impl Probing {
    /// Nothing is tried before [`Probing::begin`]. A probe that cannot be used as it is configured is left out and said: a gate does not
    /// stay down for it.
    pub(crate) fn new(settings: ProbingSettings, clock: Clock, events: &Events) -> Self {
        let (prober, unusable) = Prober::new(settings.jobs.clone(), &settings.agent, probe_clock(clock));
        for (name, error) in unusable {
            events.error(format_args!("probe: {name} is not tried: {error}"));
        }
        let (ear, thread) = (Mutex::default(), Mutex::default());
        Self { prober, ear, counts: Default::default(), in_vain: AtomicU32::new(0), settings, clock, thread }
    }

    /// For `check`, which is strict: the first probe that cannot be used.
    pub(crate) fn check(settings: &ProbingSettings, clock: Clock) -> Result<(), ProbeError> {
        only_usable(Prober::new(settings.jobs.clone(), &settings.agent, probe_clock(clock))).map(drop)
    }

    /// Tries and asks from now on.
    pub(crate) fn begin(self: &Arc<Self>, truth: Arc<Truth>, events: Arc<Events>) -> std::io::Result<()> {
        if self.settings.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let this = self.clone();
        let run = move || {
            runtime.block_on(async {
                tokio::join!(
                    this.probe(&events, ended(stopped.clone())),
                    this.look(&events, ended(stopped.clone())),
                    this.listen(&truth, &events, ended(stopped)),
                )
            });
            // A look-up of a name that hangs is left behind.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("probes".to_owned()).spawn(run)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, thread));
        Ok(())
    }

    /// Tries and asks no more: the gate ends, or another process does it.
    pub(crate) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = thread {
            stop.send_replace(true);
            // Its panic was reported when it happened.
            let _ended = thread.join();
        }
    }

    /// What is known now.
    pub(crate) fn senses(&self, now: Instant) -> Senses {
        Senses {
            app: self.prober.reading(Shows::App),
            here: self.prober.reading(Shows::Public),
            outside: self.ear().reading(now),
        }
    }

    /// What the outpost reported since the last call: that nobody reaches the site, and all.
    pub(crate) fn take_counts(&self) -> [u32; 2] {
        [0, 1].map(|place| self.counts[place].swap(0, Relaxed))
    }

    /// Notes that the outpost has reported something new.
    fn count(&self, reading: Reading) {
        let is_known = u32::from(reading.verdict != Verdict::Unknown);
        let is_unreached = u32::from(is_known == 1 && !reading.can_be_reached());
        self.counts[1].fetch_add(is_known, Relaxed);
        self.counts[0].fetch_add(is_unreached, Relaxed);
    }

    /// What each probe has shown.
    pub(crate) fn board(&self) -> Board {
        self.prober.board()
    }

    /// What probes say, in a line or two for admins; `None` without any.
    pub(crate) fn told(&self, now: Instant) -> Option<String> {
        let board = self.board();
        let each =
            board.rows(now).map(|(target, reading, _)| format!("{} {}", target.name, reading.verdict.name()));
        let outside = self.hears_outpost(now).map(|_| {
            let verdict = self.ear().reading(now).verdict.name();
            format!("from outside {verdict}")
        });
        let all: Vec<String> = each.chain(outside).collect();
        let finding =
            self.senses(now).finding().map(|finding| format!("\n{}", finding.words())).unwrap_or_default();
        (!all.is_empty()).then(|| format!("probes: {}{finding}", all.join(", ")))
    }

    /// Whether an outpost is heard of; `None`: there is none.
    pub(crate) fn hears_outpost(&self, now: Instant) -> Option<bool> {
        self.settings.outpost.as_ref().map(|_| self.ear().is_fresh(now))
    }

    /// What outpost and probes say of the link of this machine.
    pub(crate) fn of_link(&self, now: Instant) -> (provider::Outside, provider::Inside) {
        let senses = self.senses(now);
        let outside = match (self.hears_outpost(now), senses.outside.verdict) {
            (None, _) => provider::Outside::Nobody,
            // What it said last may be from before.
            _ if self.in_vain.load(Relaxed) >= IN_VAIN_TELL => provider::Outside::Silent,
            (_, Verdict::Unknown) => provider::Outside::Unknown,
            (_, Verdict::Up) => provider::Outside::Reached,
            (_, Verdict::Degraded) => provider::Outside::Loses,
            (_, Verdict::Down) if senses.outside.can_be_reached() => provider::Outside::Reached,
            (_, Verdict::Down) => provider::Outside::Unreached,
        };
        // The app is asked without the link; the public name may be asked through it.
        let here = if senses.app.verdict == Verdict::Unknown { senses.here } else { senses.app };
        let inside = match here.verdict {
            Verdict::Unknown => provider::Inside::Unknown,
            Verdict::Up | Verdict::Degraded => provider::Inside::Good,
            Verdict::Down => provider::Inside::Fails,
        };
        (outside, inside)
    }

    fn ear(&self) -> std::sync::MutexGuard<'_, Ear> {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn probe(&self, events: &Events, stop: impl Future<Output = ()>) {
        self.prober.run(|target| say(&self.prober.board(), target, self.clock.now(), events), stop).await;
    }

    /// Says what it means when those who look from different places disagree, once it has been so for a while.
    async fn look(&self, events: &Events, stop: impl Future<Output = ()>) {
        let looking = async {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            let (mut seen, mut seconds, mut said) = (None, 0_u32, None);
            loop {
                second.tick().await;
                let finding = self.senses(self.clock.now()).finding();
                seconds = if finding == seen { seconds.saturating_add(1) } else { 0 };
                seen = finding;
                if finding != said && seconds >= FINDING_SECONDS {
                    said = finding;
                    match finding {
                        Some(finding) => events.error(format_args!("probes: {}", finding.words())),
                        None => events.info(format_args!("probes: inside and outside agree again")),
                    }
                }
            }
        };
        tokio::select! {
            () = looking => {}
            () = stop => {}
        }
    }
}

impl Senses {
    /// What disagreement means.
    pub(crate) fn finding(&self) -> Option<Finding> {
        // What answers an outpost otherwise than it should says nothing of the way.
        let is_odd = self.outside.verdict == Verdict::Down && self.outside.can_be_reached();
        let outside = if is_odd { Verdict::Unknown } else { self.outside.verdict };
        Finding::of(self.app.verdict, self.here.verdict, outside)
    }

    /// How people fare as far as probes from here can tell; `None`: they cannot.
    pub(crate) fn probed(&self) -> Option<Service> {
        // What works from outside is only broken here.
        let here = if self.finding() == Some(Finding::OnlyHere) { None } else { service(self.here) };
        // What answers an outpost otherwise than it should counts as here, where nothing here tries the same.
        let odd = matches!(self.outside.verdict, Verdict::Down) && self.outside.can_be_reached();
        let elsewhere = service(self.outside).filter(|_| odd && self.here.verdict == Verdict::Unknown);
        service(self.app).max(here).max(elsewhere)
    }

    /// Whether the site can be reached from outside.
    pub(crate) const fn outside(&self) -> Outside {
        match self.outside.verdict {
            Verdict::Unknown => Outside::Unknown,
            Verdict::Down if !self.outside.can_be_reached() => {
                Outside::Unreached { since: self.outside.since }
            }
            Verdict::Up | Verdict::Degraded | Verdict::Down => Outside::Reached,
        }
    }
}

/// How people fare where nobody but probes can tell. That answers come late or certificates end does not hurt them yet.
pub(crate) const fn service(reading: Reading) -> Option<Service> {
    match reading.verdict {
        Verdict::Unknown => None,
        Verdict::Down => Some(Service::Down),
        Verdict::Up | Verdict::Degraded if reading.is_partly_down => Some(Service::Part),
        Verdict::Up | Verdict::Degraded => Some(Service::Good),
    }
}

/// Says that a target does otherwise than before, and why.
pub(crate) fn say(board: &Board, target: usize, now: Instant, events: &Events) {
    let Some((what, reading, _)) = board.rows(now).nth(target) else { return };
    let (name, verdict) = (&what.name, reading.verdict.name());
    match (reading.verdict, board.failure(target)) {
        (Verdict::Down, Some(why)) => events.error(format_args!("probe `{name}`: {verdict}: {why}")),
        (_, Some(why)) => events.warning(format_args!("probe `{name}`: {verdict}: {why}")),
        (Verdict::Degraded, None) => events.warning(format_args!(
            "probe `{name}`: {verdict}: not every attempt got an answer, or its certificate ends soon"
        )),
        (_, None) => events.info(format_args!("probe `{name}`: {verdict}")),
    }
}

/// The one clock, as probes read it.
pub(crate) fn probe_clock(clock: Clock) -> probe_io::Clock {
    Arc::new(move || Now { instant: clock.now(), wall: clock.wall() })
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // An error says that whoever could stop it is gone.
    let _ended = stopped.wait_for(|stopped| *stopped).await;
}

/// Disagreement that lasts no longer is only that of two rounds.
const FINDING_SECONDS: u32 = 5;
/// Once or twice a question gets lost.
const IN_VAIN_TELL: u32 = 3;

#[cfg(test)]
mod tests {
    use probe::Answers;

    use super::*;

    fn reading(verdict: Verdict, is_partly_down: bool) -> Reading {
        Reading { verdict, is_partly_down, ..Reading::default() }
    }

    #[test]
    fn a_probe_whose_certificate_nothing_can_verify_is_left_out_and_the_others_are_tried() {
        let text = "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\n[[site.origin]]\nurl = \"http://127.0.0.1:3000\"\n\
                    [[probe]]\nname = \"app\"\ntarget = \"https://127.0.0.1/\"\nca = \"/nonexistent.pem\"\n\
                    [[probe]]\nname = \"page\"\ntarget = \"https://shop.example/\"\n";
        let (config, _warnings) = config::Config::parse("portcullis.toml", text).unwrap();
        let settings = ProbingSettings::of(&config);
        let (prober, unusable) = Prober::new(settings.jobs.clone(), "probe", probe_clock(Clock::start()));
        let names: Vec<_> = unusable.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["app"]);
        assert_eq!(
            prober.board().rows(Instant::ORIGIN).map(|(target, ..)| &target.name[..]).collect::<Vec<_>>(),
            ["page"]
        );
        let strict = Probing::check(&settings, Clock::start()).unwrap_err();
        assert!(strict.to_string().contains("[[probe]] app: "), "{strict}");
    }

    #[test]
    fn people_fare_as_the_worst_that_probes_see_unless_only_this_machine_sees_it() {
        let fare = |app, here, outside| {
            let of = |verdict| reading(verdict, false);
            Senses { app: of(app), here: of(here), outside: of(outside) }.probed()
        };
        use Verdict::{Down, Unknown, Up};
        assert_eq!(fare(Unknown, Unknown, Up), None);
        assert_eq!(fare(Up, Unknown, Unknown), Some(Service::Good));
        assert_eq!(fare(Up, Down, Unknown), Some(Service::Down));
        assert_eq!(fare(Up, Down, Up), Some(Service::Good));
        assert_eq!(service(reading(Verdict::Degraded, true)), Some(Service::Part));
    }

    #[test]
    fn a_site_that_answers_an_outpost_otherwise_than_it_should_is_reached() {
        let outside = Reading { answers: Answers::Site, ..reading(Verdict::Down, false) };
        let here = reading(Verdict::Up, false);
        let senses = Senses { app: here, here, outside };
        assert_eq!((senses.outside(), senses.finding()), (Outside::Reached, None));
        assert_eq!(senses.probed(), Some(Service::Good), "what is tried from here knows better");
        let alone = Senses { here: Reading::default(), ..senses };
        assert_eq!((alone.outside(), alone.probed()), (Outside::Reached, Some(Service::Down)));
        let silent = Senses { outside: reading(Verdict::Down, false), ..senses };
        assert!(matches!(silent.outside(), Outside::Unreached { .. }));
        assert_eq!(silent.finding(), Some(Finding::Network));
    }
}
