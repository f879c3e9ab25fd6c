//! The automatic texts, shown before anything happens.

use std::time::Duration;

use model::Timestamp;

use crate::case::Lost;
use crate::engine::subject;
use crate::settings::{Settings, cadence};
use crate::sight::Services;
use crate::texts::{Occasion, body, title};
use crate::words::{Impact, Service, Stage};

/// One text that may be published without a person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Preview {
    /// When it is published.
    pub occasion: &'static str,
    /// The stage that it says.
    pub stage: Stage,
    /// The title of its incident.
    pub title: String,
    /// The text.
    pub body: String,
}

/// The texts of an incident that began half an hour before `now`, one for each occasion.
pub fn preview(settings: &Settings, now: Timestamp) -> Vec<Preview> {
    let what = subject(settings);
    let services = |known, new| Services { audiences: [known, new], login: Service::Good };
    let down = services(Service::Down, Service::Down);
    let newcomers = services(Service::Good, Service::Part);
    let good = Services::default();
    let occasions = [
        ("the first notice, before the cause is known", Stage::Investigating, false, down),
        ("the first notice, or a later one, once the cause is known", Stage::Identified, false, down),
        (UNREACHED, Stage::Investigating, false, down),
        ("customers are served again, newcomers not yet", Stage::Identified, true, newcomers),
        (UNCHANGED, Stage::Identified, true, newcomers),
        (PERHAPS, Stage::Identified, true, good),
        ("everybody has been served for a minute", Stage::Monitoring, false, good),
        (BACK, Stage::Identified, false, down),
        ("everybody has been served for ten minutes and nothing is unusual", Stage::Resolved, false, good),
    ];
    let ago = |minutes: u64| now.before(Duration::from_secs(60 * minutes));
    let lost = |down: u64, part: u64| {
        let [down, part] = [down, part].map(|minutes| Duration::from_secs(60 * minutes));
        Lost { down, part, delayed: Duration::ZERO }
    };
    let text = |(occasion, stage, is_same_stage, services)| {
        let impact = if services == down { Impact::Critical } else { Impact::Major };
        let of = Occasion {
            stage,
            is_same_stage,
            back_since: (occasion == BACK).then(|| ago(1)),
            what: &what,
            services,
            unchanged_since: (occasion == UNCHANGED).then(|| ago(20)),
            may_be_well: occasion == PERHAPS,
            serves_logins: true,
            lost: [lost(8, 0), lost(20, 5)],
            since: ago(30),
            now,
            until: ago(1),
            next: now + cadence(impact),
            is_unreached: occasion == UNREACHED,
        };
        Preview { occasion, stage, title: title(&what), body: body(&of) }
    };
    occasions.map(text).into()
}

const UNREACHED: &str = "probes from elsewhere cannot reach it";
const UNCHANGED: &str = "nothing has changed for as long as was promised";
const PERHAPS: &str = "all looks well when words are due, and it was back before";
const BACK: &str = "it is back while it was watched, or within an hour after it was over";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_automatic_text_can_be_read_beforehand() {
        let settings = crate::tests::settings(Duration::ZERO);
        let texts = preview(&settings, Timestamp::from_secs(1_795_876_200));
        let shown = texts.iter().map(|text| format!("# {} ({})\n{}\n", text.occasion, text.stage, text.body));
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    }
}
