use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use admission::site::Entry;
use journal_io::Now;
use journal_io::journal::{Journal, JournalSettings};
use journal_io::logs::LogSettings;
use model::{Instant, Mode, Prefix, Timestamp};

use super::Orders;
use crate::gate::{self, Plan};
use crate::secrets::Secrets;

/// Begins a gate's life on a folder at a second.
fn begin(folder: &Path, second: u64) -> Orders {
    let site = gate::site(&Plan::new(Mode::Auto, vec![]), &Secrets::ephemeral().unwrap());
    let (journal, loaded) = Journal::open(folder, JournalSettings::default()).unwrap();
    let wall = Timestamp::from_secs(second);
    let log = LogSettings::new(&folder.join("log"));
    let events = log.start_own(&(Arc::new(move || Now { instant: Instant::ORIGIN, wall }) as _)).unwrap();
    Orders::resume(site, Arc::new(journal), &loaded, wall, &events)
}

/// The same, lets it act, keeps that, ends it, and gives back what was in force then.
fn live(folder: &Path, second: u64, act: impl FnOnce(&Orders)) -> String {
    let orders = begin(folder, second);
    act(&orders);
    orders.change().keep();
    end(&orders)
}

/// Lets the journal write, and gives back what is in force.
fn end(orders: &Orders) -> String {
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

#[test]
fn a_yes_is_kept_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(live(folder.path(), 1_000, |orders| orders.note_allowed(true)), "assist yes");
    let later = live(folder.path(), 1_001, |orders| {
        assert!(orders.is_allowed());
        orders.note_allowed(true);
        orders.note_allowed(false);
    });
    assert_eq!(later, "");
    live(folder.path(), 1_002, |orders| assert!(!orders.is_allowed()));
}

#[test]
fn what_several_admins_list_at_the_same_time_is_all_there_and_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let orders = begin(folder.path(), 1_000);
    std::thread::scope(|scope| {
        for admin in 0..8 {
            let orders = &orders;
            scope.spawn(move || {
                let list = if admin % 2 == 0 { orders.site.allowed() } else { orders.site.denied() };
                for network in 0..40 {
                    let prefix: Prefix = format!("10.{admin}.{network}.0/24").parse().unwrap();
                    let entry = Entry { prefix, until: None };
                    let change = orders.change();
                    list.add(entry).unwrap();
                    change.keep_listed(list, prefix, Some(entry));
                }
            });
        }
    });
    let text = end(&orders);
    assert_eq!(text.lines().count(), 8 * 40, "{text}");
    drop(orders);
    assert_eq!(begin(folder.path(), 1_001).text(), text, "the last that was kept is what is in force");
}

#[test]
fn a_change_waits_until_the_one_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let orders = begin(folder.path(), 1_000);
    let (sender, order) = std::sync::mpsc::sync_channel(4);
    std::thread::scope(|scope| {
        let first = orders.change();
        let (orders, second) = (&orders, sender.clone());
        scope.spawn(move || {
            second.send("asked").unwrap();
            let _change = orders.change();
            second.send("second").unwrap();
        });
        assert_eq!(order.recv(), Ok("asked"));
        // Time enough for the other to go on, if it could.
        (0..10_000).for_each(|_| std::thread::yield_now());
        sender.send("first").unwrap();
        drop(first);
    });
    assert_eq!([order.recv(), order.recv()], [Ok("first"), Ok("second")]);
}

#[test]
fn a_change_that_a_step_of_the_gate_undid_is_made_again_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let prefix: Prefix = "192.0.2.0/24".parse().unwrap();
    let entry = Entry { prefix, until: Some(Timestamp::from_secs(9_000)) };
    let orders = begin(folder.path(), 1_000);
    // As if the step had written the list as it was before the network was put there.
    orders.change().keep_listed(orders.site.denied(), prefix, Some(entry));
    assert_eq!(orders.site.denied().entries(), [entry]);
    assert_eq!(end(&orders), "deny 192.0.2.0/24 9000");
    drop(orders);
    let orders = begin(folder.path(), 1_001);
    assert_eq!(orders.text(), "deny 192.0.2.0/24 9000");
    // And here, before it was taken off.
    orders.change().keep_listed(orders.site.denied(), prefix, None);
    assert_eq!((orders.site.denied().entries(), end(&orders)), (vec![], String::new()));
    drop(orders);
    assert_eq!(begin(folder.path(), 1_002).text(), "");
}

#[test]
fn a_command_that_panics_keeps_no_other_from_its_change() {
    let folder = tempfile::tempdir().unwrap();
    let orders = begin(folder.path(), 1_000);
    let broken: std::thread::Result<()> = std::thread::scope(|scope| {
        let broken = scope.spawn(|| {
            let _change = orders.change();
            panic!("a command with a fault");
        });
        broken.join()
    });
    assert!(broken.is_err());
    orders.enforce(20);
    orders.change().keep();
    assert_eq!(end(&orders), "enforce 20");
}
