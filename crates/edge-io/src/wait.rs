//! Waiting for a slot: the slow way of a request, taken only when the app is busy.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use admission::slots::{CALM_MILLIS, Place, Progress};
use model::{Group, Instant, Reason};

use crate::worker::Worker;

/// Takes a slot, waiting for one if the admission order allows it; returns when it was had.
pub(crate) async fn slot(worker: &Worker, group: Group, now: Instant) -> Result<Instant, Reason> {
    let slots = worker.shared().site.slots();
    if slots.try_acquire(group, now) {
        return Ok(now);
    }
    worker.pool().make_room(group.into(), now);
    let calm = worker.shared().site.is_calm();
    let latest = now + Duration::from_millis(CALM_MILLIS);
    let place = slots.enqueue(group, calm, now, latest).map_err(|_| Reason::QueueFull)?;
    let until = place.expires();
    let waiting = Waiting { worker, place: Some(place) };
    slots.dispatch(now, &mut |place| worker.wake(place));
    let granted = tokio::time::timeout_at(worker.clock().timer(until), waiting.granted()).await;
    let done = worker.now();
    worker.counters().waited(u64::try_from(done.since(now).as_nanos()).unwrap_or(u64::MAX));
    match granted {
        Ok(true) => Ok(done),
        Ok(false) | Err(_) => Err(Reason::QueueTimeout),
    }
}

/// A place in the queue. Dropped without a grant, for instance because the client went away, it is given up, and a
/// slot granted in the same moment goes to the next.
struct Waiting<'a> {
    worker: &'a Worker,
    place: Option<Place>,
}

impl Waiting<'_> {
    /// Resolves to whether a slot was granted.
    async fn granted(mut self) -> bool {
        poll_fn(|cx| {
            let Some(place) = &self.place else { return Poll::Ready(false) };
            let shared = self.worker.shared();
            // Registered before looking: a grant in between wakes this task again.
            shared.wakers[place.index()].register(cx.waker());
            match shared.site.slots().poll(place, self.worker.now()) {
                Progress::Waiting => Poll::Pending,
                Progress::Granted => {
                    self.place = None;
                    Poll::Ready(true)
                }
                Progress::Expired => {
                    self.place = None;
                    Poll::Ready(false)
                }
            }
        })
        .await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let worker = self.worker;
            worker.shared().site.slots().abandon(place, worker.now(), &mut |place| worker.wake(place));
        }
    }
}
