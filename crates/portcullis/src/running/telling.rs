//! Those who are told what follows from the record, and those who ask for it.

use std::sync::Arc;

use edge_io::{Clock, Consents};
use journal_io::journal::{Journal, Loaded};
use journal_io::keys::Keys;
use journal_io::logs::Events;
use notify::{ConsentKey, ConsentLinks};
use status_io::{Publisher, Reception};

use crate::consent::Counter;
use crate::gate::Plan;
use crate::running::SITE;
use crate::subscribing;
use crate::truth::{Outlet, Page, Ready, Told, Truth};

/// Those who are told what follows from the record.
pub(super) fn told(
    plan: &mut Plan,
    keys: &Keys,
    loaded: &Loaded,
    journal: &Arc<Journal>,
    events: &Arc<Events>,
    clock: Clock,
    is_paused: bool,
) -> std::io::Result<Told> {
    let links = plan.consent_place.clone().map(|place| ConsentLinks { place, key: consent_key(keys) });
    let alerts = std::mem::take(&mut plan.alerts).asking(links);
    let courier = alerts.start(loaded, journal.clone(), events.clone(), clock, is_paused)?.map(Arc::new);
    let around =
        subscribing::Around { keys, loaded, journal, events, clock, is_paused, courier: courier.clone() };
    let mailing = plan.subscribing.as_ref().map(|subscribing| subscribing.start(around)).transpose()?;
    let elsewhere = std::mem::take(&mut plan.elsewhere);
    let pages = elsewhere.start(loaded, journal.clone(), events.clone(), clock, is_paused)?.map(Arc::new);
    Ok(Told { courier, pages, mailing })
}

/// What links of alerts are signed with.
fn consent_key(keys: &Keys) -> ConsentKey {
    ConsentKey::new(&keys.consent_key(SITE))
}

/// Who answers links of alerts.
pub(super) fn consents(
    plan: &Plan,
    keys: &Keys,
    truth: &Arc<Truth>,
    clock: Clock,
) -> Option<Arc<dyn Consents>> {
    plan.consent_place.as_ref()?;
    Some(Arc::new(Counter::new(truth.clone(), consent_key(keys), clock)))
}

/// Serves and exports the page from now on.
pub(super) fn open_page(
    plan: &Plan,
    page: &mut Page,
    told: &Told,
) -> std::io::Result<(Option<Outlet>, Option<Arc<Publisher>>)> {
    let reception = reception(plan, page, told);
    let ready = page.outlet.take().map(|ready| Ready { reception, ..ready });
    Ok((ready.map(Outlet::start).transpose()?, page.folders.take()))
}

/// Who answers those who ask for mail.
fn reception(plan: &Plan, page: &Page, told: &Told) -> Option<Arc<dyn Reception>> {
    let (subscribing, mailing) = (plan.subscribing.as_ref()?, told.mailing.clone()?);
    let fronts = subscribing.fronts().to_vec();
    Some(Arc::new(subscribing::Desk { mailing, forms: page.forms.clone(), fronts }))
}
