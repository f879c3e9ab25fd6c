//! What one worker has read is out of date when it writes: each order of events that threads may meet, made on purpose.

use model::Instant;

use super::{Charge, Rate, Table};

const START: Instant = Instant::from_secs(1);

#[test]
fn a_cell_that_was_charged_meanwhile_is_not_claimed() {
    let (table, rate) = (Table::new(4, [0; 16]), Rate::per_second(1.0, 1.0));
    let (slow, quick) = (table.print(&"slow"), table.print(&"quick"));
    let (cell, paid) = table.bucket(slow).paid_by(START).unwrap();
    assert_eq!(table.charge_print(quick, START, 1_000, rate), Charge::Allowed);
    assert!(!cell.claim(paid, slow, paid + 1), "the other's debt stays");
    assert!(matches!(table.charge_print(quick, START, 1_000, rate), Charge::Refused { .. }));
}

#[test]
fn a_charge_never_lands_on_the_next_owner() {
    let (table, rate) = (Table::new(4, [0; 16]), Rate::per_second(1.0, 2.0));
    let (slow, quick) = (table.print(&"slow"), table.print(&"quick"));
    assert_eq!(table.charge_print(slow, START, 1_000, rate), Charge::Allowed);
    let (cell, paid) = table.bucket(slow).owned_by(slow).unwrap();
    let later = Instant::from_secs(9);
    assert!(cell.claim(paid, quick, later.as_nanos() + 1), "the slow one's debt was paid long ago");
    assert!(!cell.move_to(paid, paid + 1));
    assert!(table.bucket(slow).owned_by(slow).is_none());
    assert_eq!(table.bucket(quick).owned_by(quick).unwrap().1, later.as_nanos() + 1);
}

#[test]
fn a_cell_that_changes_hands_is_nobodys() {
    let table = Table::new(4, [0; 16]);
    let print = table.print(&"key");
    let (cell, paid) = table.bucket(print).paid_by(START).unwrap();
    assert!(cell.move_to(paid, super::CHANGING));
    cell.print.store(print.0, super::Ordering::Release);
    assert!(table.bucket(print).owned_by(print).is_none());
    assert_eq!(table.charge_print(print, START, 1_000, Rate::per_second(1.0, 1.0)), Charge::Allowed);
    assert!(cell.paid.load(super::Ordering::Acquire) == super::CHANGING, "another cell was taken");
}
