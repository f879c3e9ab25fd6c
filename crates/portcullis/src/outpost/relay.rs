//! Makes the files of the outpost's page: the gate's, or what the outpost itself has to say.

use std::sync::Arc;
use std::time::Duration;

use incident::View;
use model::Timestamp;
use probe::{Report, Seen as SeenWord, SpellSeen, Verdict};
use status::{Bundle, Manifest};
use status_io::{FileError, Files, Publisher, Served};

use super::held::{Held, Shown, Signed};
use crate::truth::{Press, Seal, collected, sign};

/// The page that is made again with every change.
pub(super) struct Relay {
    /// What the outpost's own page is called and where it is.
    pub(super) page: status::Page,
    /// Signs what is not the gate's page to the byte.
    pub(super) seal: Seal,
    pub(super) site: status_io::Site,
    pub(super) publisher: Arc<Publisher>,
    pub(super) held: Arc<Held>,
    /// Of the last page.
    pub(super) seq: u64,
    /// What folders were given last, and when.
    pub(super) exported: (View, Timestamp),
}

impl Press for Relay {
    fn publish(&mut self, own: View, now: Timestamp, _has_changed: bool) -> Result<(), FileError> {
        // Larger than any of an earlier process, unless the wall clock was set back; then at least larger than the last.
        self.seq = now.as_millis().max(self.seq + 1);
        let mut shown = self.held.shown(&own, &self.page, now);
        let files = loop {
            match self.files(&own, &shown, now) {
                // Rather the newest alone than none.
                Err(FileError::TooLarge | FileError::TooMany) if shown.view.incidents.len() > 1 => {
                    shown.view.incidents.truncate(shown.view.incidents.len() / 2);
                }
                made => break Arc::new(made?),
            }
        };
        self.site.publish(&files);
        // Each export is written through to the disk: not whenever the gate says that nothing has changed.
        let is_old = now.since(self.exported.1) >= EXPORT_EVERY || now < self.exported.1;
        if is_old || self.exported.0 != shown.view {
            self.exported = (shown.view, now);
            self.publisher.publish(files);
        }
        Ok(())
    }
}

impl Relay {
    /// The files of the page, and what the gate is told.
    fn files(&mut self, own: &View, shown: &Shown, now: Timestamp) -> Result<Files, FileError> {
        let mut bundle = status::render(&shown.view, &shown.page, shown.at);
        let signed = shown.gate.as_ref().and_then(|gate| gate.signed.as_ref());
        match signed.filter(|signed| is_as_signed(&bundle, &signed.manifest)) {
            Some(Signed { bytes, signature, .. }) => bundle.put_signed(bytes, signature),
            None => sign(&mut bundle, &shown.page, shown.at, self.seq, &mut self.seal),
        }
        let mut files = collected(&bundle, self.seq)?;
        let report = self.report(own, now).to_bytes();
        let report = Served::new(report, "application/json; charset=utf-8", format!("\"{}\"", self.seq));
        files.insert(Report::PATH, Served { cache_control: "no-store".into(), ..report })?;
        Ok(files)
    }

    /// What the gate is told when it asks.
    fn report(&self, own: &View, now: Timestamp) -> Report {
        let public = self.held.seen().public;
        let newest = own.outside.len().saturating_sub(Report::SPELLS_MAX);
        let spells = own.outside[newest..].iter().map(|spell| SpellSeen {
            id: spell.id.to_string(),
            from: spell.from.as_millis(),
            until: spell.until.map(Timestamp::as_millis),
        });
        Report {
            format: Report::FORMAT,
            at: now.as_millis(),
            public: SeenWord {
                verdict: public.verdict.name().to_owned(),
                since: public.since.as_millis(),
                is_answered: public.verdict == Verdict::Down && public.can_be_reached(),
            },
            spells: spells.collect(),
        }
    }
}

/// Whether every file is as the gate has signed it: another version of this program could make others.
fn is_as_signed(bundle: &Bundle, manifest: &Manifest) -> bool {
    let is_same = |path| bundle.get(path).is_some_and(|file| manifest.check_file(path, &file.bytes).is_ok());
    manifest.paths().all(is_same)
}

/// A copy is called old after 15 minutes.
const EXPORT_EVERY: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
