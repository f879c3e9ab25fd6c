//! The pages on which people tell the public of incidents: what is known in, HTML out, and who may see it.
//!
//! It is *not* where anything is decided or done (`incident`), nor where requests come in (`console-io`): time is an argument, and
//! nothing of an address is more than a place in a table. The main types are [`Door`], [`Known`], [`Form`] and [`Letter`].

mod door;
mod form;
mod known;
mod pages;
mod when;

pub use door::{Door, Refused, Session};
pub use form::{Form, FormError};
pub use known::{Component, Known, Work};
pub use pages::{
    Done, Letter, News, ReportDraft, Sheet, Telling, adrift, components, content_security_policy, foreseen,
    front, impaired, incident, is_unfinished, log_in, maintenance, open, plan, report, unfinished,
};
