//! How the folders and mirrors of the status page are doing, for admins.

use std::fmt::Write;

use incident::Civil;
use serde_json::{Value, json};
use status_io::TargetHealth;

/// A line for each; nothing where there are none.
pub(super) fn said(targets: &[TargetHealth]) -> String {
    targets.iter().fold(String::new(), |mut text, target| {
        // A `String` takes everything.
        let _never_fails = write!(text, "\nthe page in {}: {}", target.name, state(target));
        text
    })
}

/// The same for programs.
pub(super) fn values(targets: &[TargetHealth]) -> Vec<Value> {
    targets
        .iter()
        .map(|target| {
            json!({
                "name": target.name,
                "page": target.exported,
                "last_success": target.last_success.map(|at| Civil::of(at).rfc3339()),
                "behind_seconds": target.behind.map(|behind| behind.as_secs()),
                "failures": target.failure.as_ref().map_or(0, |failure| failure.count),
                "failure": target.failure.as_ref().map(|failure| &failure.text),
            })
        })
        .collect()
}

fn state(target: &TargetHealth) -> String {
    match (&target.failure, target.behind) {
        (Some(failure), behind) => {
            let behind = behind.unwrap_or_default().as_secs();
            format!("behind by {behind} s, {} attempts failed: {}", failure.count, failure.text)
        }
        (None, Some(behind)) => format!("on its way for {} s", behind.as_secs()),
        (None, None) if target.exported.is_some() => "the newest is there".to_owned(),
        (None, None) => "nothing yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Timestamp;
    use status_io::Failure;

    use super::*;

    #[test]
    fn each_mirror_has_a_line_that_says_whether_it_is_behind_and_why() {
        let good = TargetHealth {
            name: "/srv/status".to_owned(),
            exported: Some(7),
            last_success: Some(Timestamp::from_secs(1_795_886_641)),
            age: Some(Duration::from_secs(3)),
            behind: None,
            failure: None,
        };
        let late = TargetHealth { behind: Some(Duration::from_secs(2)), ..good.clone() };
        let failure = Failure {
            at: Timestamp::from_secs(1_795_886_641),
            count: 3,
            text: "nothing listens there for ssh: look at `to`, and whether the mirror runs".to_owned(),
        };
        let bad = TargetHealth {
            name: "sftp://mirror.example/srv/status".to_owned(),
            exported: None,
            last_success: None,
            age: None,
            behind: Some(Duration::from_secs(40)),
            failure: Some(failure),
        };
        let new = TargetHealth { behind: None, failure: None, ..bad.clone() };
        insta::assert_snapshot!(said(&[good, late, bad.clone(), new]));
        insta::assert_snapshot!(values(&[bad])[0].to_string());
        assert_eq!(said(&[]), "");
    }
}
