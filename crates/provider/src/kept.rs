//! What outlives a restart: the peaks of the last incidents.

use serde::{Deserialize, Serialize};

use crate::link::Finding;
use crate::measure::Rates;
use crate::ring::Peaks;

/// What was measured in one incident.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct KeptPeaks {
    /// Which.
    pub incident: String,
    /// The most of everything.
    pub peaks: Peaks,
    /// What was usual before.
    pub usual: Option<Rates>,
    /// The worst that was said of the link.
    pub finding: Finding,
    /// When, in milliseconds since the epoch.
    pub finding_at: u64,
}

/// The last incidents, at most [`Kept::INCIDENTS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Kept {
    /// Oldest first.
    incidents: Vec<KeptPeaks>,
}

/// What was kept is not what this version keeps.
#[derive(Debug, thiserror::Error)]
#[error("what was kept of the peaks of incidents cannot be read, and begins anew: {0}")]
pub struct KeptError(#[from] serde_json::Error);

impl Kept {
    /// The newest so many are kept: less than 64 KiB.
    pub const INCIDENTS_MAX: usize = 32;

    /// Reads what was kept.
    ///
    /// # Errors
    /// [`KeptError`], if another version wrote it.
    pub fn read(bytes: &[u8]) -> Result<Self, KeptError> {
        let mut kept: Self = serde_json::from_slice(bytes)?;
        let excess = kept.incidents.len().saturating_sub(Self::INCIDENTS_MAX);
        kept.incidents.drain(..excess);
        Ok(kept)
    }

    /// As it is kept: JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Texts, numbers and lists of them always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was measured in an incident.
    pub fn of(&self, incident: &str) -> Option<&KeptPeaks> {
        self.incidents.iter().find(|kept| kept.incident == incident)
    }

    /// Takes what was measured in an incident so far; whether that changed anything.
    pub fn note(&mut self, new: KeptPeaks) -> bool {
        let Some(kept) = self.incidents.iter_mut().find(|kept| kept.incident == new.incident) else {
            if self.incidents.len() >= Self::INCIDENTS_MAX {
                self.incidents.remove(0);
            }
            self.incidents.push(new);
            return true;
        };
        let before = kept.clone();
        kept.peaks.merge(&new.peaks);
        kept.usual = kept.usual.or(new.usual);
        if new.finding.verdict > kept.finding.verdict {
            (kept.finding, kept.finding_at) = (new.finding, new.finding_at);
        }
        *kept != before
    }
}
