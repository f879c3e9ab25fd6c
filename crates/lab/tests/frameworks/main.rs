//! Stock web frameworks and a stock browser, unchanged, behind the gate: who becomes known, and who is served when
//! only known clients are.

mod app;
mod known;
mod page;
mod tokens;
mod visitor;

use std::time::Duration;

/// Generous on a busy machine; nothing here measures speed.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The two apps sign people in at the same place.
pub(crate) const LOGIN: &str = r#"
[site.login]
pages = ["/login"]
submit = ["/login"]
"#;
