use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use admission::site::Entry;
use journal_io::Now;
use journal_io::journal::{Journal, JournalSettings};
use journal_io::logs::LogSettings;
use model::{Instant, Mode, Timestamp};

use super::Orders;
use crate::gate::{self, Plan};
use crate::secrets::Secrets;

/// Begins a gate's life on a folder at a second, lets it act, and gives back what is in force then.
fn live(folder: &Path, second: u64, act: impl FnOnce(&Orders)) -> String {
    let site = gate::site(&Plan::new(Mode::Auto, vec![]), &Secrets::ephemeral().unwrap());
    let (journal, loaded) = Journal::open(folder, JournalSettings::default()).unwrap();
    let wall = Timestamp::from_secs(second);
    let log = LogSettings::new(&folder.join("log"));
    let events = log.start_own(&(Arc::new(move || Now { instant: Instant::ORIGIN, wall }) as _)).unwrap();
    let orders = Orders::resume(site, Arc::new(journal), &loaded, wall, &events);
    act(&orders);
    orders.keep();
    assert!(orders.journal.settle(Duration::from_secs(10)));
    orders.text()
}

#[test]
fn orders_outlive_a_restart_until_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |prefix: &str, until: Option<u64>| Entry {
        prefix: prefix.parse().unwrap(),
        until: until.map(Timestamp::from_secs),
    };
    let given = live(folder.path(), 1_000, |orders| {
        orders.site.set_bypass(true);
        orders.enforce(20);
        orders.site.denied().add(entry("192.0.2.0/24", Some(2_000))).unwrap();
        orders.site.denied().add(entry("2001:db8::/32", None)).unwrap();
        orders.site.allowed().add(entry("198.51.100.0/24", Some(3_000))).unwrap();
    });
    insta::assert_snapshot!(given);
    assert_eq!(live(folder.path(), 1_500, |_| {}), given);
    let later = live(folder.path(), 2_500, |orders| orders.site.set_bypass(false));
    assert_eq!(later, "enforce 20\nallow 198.51.100.0/24 3000\ndeny 2001:db8::/32");
    let last = live(folder.path(), 9_000, |orders| {
        orders.enforce(100);
        orders.site.denied().remove("2001:db8::/32".parse().unwrap());
    });
    assert_eq!((last.as_str(), live(folder.path(), 9_001, |_| {}).as_str()), ("", ""));
}
