//! Incidents: what was judged, probed and done in; a record of what happened and what the public is told out.
//!
//! It is *not* where pages are made (`status`), kept (`journal-io`) or sent (`status-io`, `notify-io`): time is an argument, and
//! everything that is said is an entry of a record that is only ever added to. The main types are [`Engine`], [`Sight`], [`Act`],
//! [`Record`] and [`View`].
//!
//! ```text
//!  Sight ─▶ services (settled over seconds) ─▶ opened │ explained │ fared │ level │ planned ─▶ published ─▶ View
//!  Act ──────────────────────────────────────────────────────────────────────────────────────▶ published ─▶ View
//! ```

mod act;
mod acting;
mod availability;
mod case;
mod chart;
mod civil;
mod consent;
mod course;
mod engine;
mod inside;
mod load;
mod outside;
mod preview;
mod publish;
mod record;
mod report;
mod served;
mod settings;
mod sight;
mod signals;
mod speaking;
mod state;
mod telling;
#[cfg(test)]
mod tests;
mod texts;
mod view;
mod visible;
mod words;

pub use act::{About, Act, ActError};
pub use availability::{Availability, Figures, Measure};
pub use chart::{Chart, Curve, Point, Step, Unit};
pub use civil::Civil;
pub use engine::{Engine, Moment};
pub use inside::{DraftKept, Event, Inside, Standing};
pub use load::{Load, PeopleTime, Tally};
pub use outside::Spell;
pub use preview::{Preview, preview};
pub use record::{Entry, LevelName, Record, RecordError};
pub use report::{Beside, Call, Deed, Draft, Readers, is_left_to_people, without_marks};
pub use served::{Band, Measured, Served, Stretch, Users, percent};
pub use settings::{ComponentSetting, Consent, Pace, Settings, Stages, Watches};
pub use sight::{Cause, Counts, Door, Outside, Services, Sight};
pub use signals::{Alert, Heeded, SignalSetting, preview_signals};
pub use view::{Component, Incident, Maintenance, Progress, Trouble, Update, View};
pub use visible::visible;
pub use words::{Audience, Impact, NoId, NoStage, NoStatus, PublicId, Service, Stage, Status};
