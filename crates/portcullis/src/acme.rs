//! Certificates by ACME, joined to the listeners that use and prove them.

use std::sync::{Arc, Mutex, PoisonError};

use acme_io::{Agent, FileError, Files, News, Now, Prover, Settings};
use edge_io::{CertificateFiles, Challenges, Clock};
use jiff::Timestamp;
use journal_io::logs::Events;

/// What is needed before the listeners open, and the agent once the gate serves.
pub(crate) struct Acme {
    settings: Settings,
    files: Files,
    challenges: Arc<Challenges>,
    agent: Mutex<Option<Agent>>,
}

impl Acme {
    /// Makes sure that there is a file for each host.
    pub(crate) fn prepare(settings: Settings) -> Result<Self, FileError> {
        let files = acme_io::prepare(&settings)?;
        Ok(Self { settings, files, challenges: Arc::default(), agent: Mutex::default() })
    }

    /// The files of all hosts.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = CertificateFiles> {
        self.settings.hosts.iter().map(|host| {
            let file = self.files.certificate(host);
            CertificateFiles { chain: file.clone(), key: file, ocsp: None }
        })
    }

    /// Where the listeners find proofs.
    pub(crate) fn challenges(&self) -> Arc<Challenges> {
        self.challenges.clone()
    }

    /// From now on certificates are had and renewed.
    pub(crate) fn start(&self, events: Arc<Events>, clock: Clock) -> std::io::Result<()> {
        let prover = Arc::new(Proofs(self.challenges.clone()));
        let tell = move |news| say(&events, &news);
        let now = move || Now { instant: clock.now(), wall: clock.wall() };
        let agent = Agent::start(self.settings.clone(), self.files.clone(), prover, now, tell)?;
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
        Ok(())
    }

    /// Somebody else sees to them from now on.
    pub(crate) fn stop(&self) {
        drop(self.agent.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

struct Proofs(Arc<Challenges>);

impl Prover for Proofs {
    fn answer_http(&self, token: &str, text: &str) {
        self.0.answer_http(token, text);
    }

    fn answer_tls(&self, host: &str, certificate: &[u8], key: &[u8]) {
        self.0.answer_tls(host, certificate, key);
    }

    fn forget(&self) {
        self.0.forget();
    }
}

fn say(events: &Events, news: &News) {
    match news {
        News::Issued { host, not_after } => {
            let until = i64::try_from(*not_after).ok().and_then(|second| Timestamp::from_second(second).ok());
            let until = until.map_or("an unknown time".to_owned(), |until| until.to_string());
            events.info(format_args!("acme: there is a certificate for {host}, valid until {until}"));
        }
        News::Failed { host, error, again_in } => events.error(format_args!(
            "acme: no certificate for {host}: {error}; trying again in {} min",
            again_in.as_secs().div_ceil(60)
        )),
    }
}
