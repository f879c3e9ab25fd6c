//! The queue beside a naive one: a list that is searched.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Random acts, each compared with a naive queue: a list that is searched.
    #[test]
    fn the_queue_does_what_a_list_does(acts in prop::collection::vec(act(), 1..150), limit in 1.0..40.0) {
        let mut world = World::new(limit);
        for act in acts {
            world.act(act)?;
        }
        world.drain()?;
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Take(Group),
    Wait(Group, bool),
    Dispatch,
    Release(usize),
    Poll(usize),
    Abandon(usize),
    Limit(u8),
    Pass(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let group = || prop::sample::select(&Group::ALL[1..]);
    prop_oneof![
        group().prop_map(Act::Take),
        (group(), any::<bool>()).prop_map(|(group, calm)| Act::Wait(group, calm)),
        Just(Act::Dispatch),
        any::<usize>().prop_map(Act::Release),
        any::<usize>().prop_map(Act::Poll),
        any::<usize>().prop_map(Act::Abandon),
        (1_u8..40).prop_map(Act::Limit),
        (0_u8..30).prop_map(Act::Pass),
    ]
}

/// One who waits, as the naive list knows it.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    place: Place,
    group: Group,
    patient: bool,
    since: Instant,
    granted: bool,
}

/// The slots beside the naive list.
struct World {
    slots: Slots,
    now: Instant,
    held: Vec<Group>,
    waiters: Vec<Waiter>,
}

impl World {
    fn new(limit: f64) -> Self {
        let slots = Slots::new(128);
        slots.set_limit(limit, Instant::ORIGIN, &mut |_| {});
        Self { slots, now: Instant::ORIGIN, held: Vec::new(), waiters: Vec::new() }
    }

    fn act(&mut self, act: Act) -> Result<(), TestCaseError> {
        let late = Instant::from_secs(60);
        match act {
            Act::Take(group) => {
                if self.slots.try_acquire(group, self.now) {
                    self.held.push(group);
                }
            }
            Act::Wait(group, calm) => {
                if let Ok(place) = self.slots.enqueue(group, calm, self.now, late) {
                    let patient = calm || group == Group::Known;
                    self.waiters.push(Waiter { place, group, patient, since: self.now, granted: false });
                }
                self.dispatched(|slots, now, wake| slots.dispatch(now, &mut |place| wake(place)))?;
            }
            Act::Dispatch => {
                self.dispatched(|slots, now, wake| slots.dispatch(now, &mut |place| wake(place)))?
            }
            Act::Release(which) if !self.held.is_empty() => {
                let group = self.held.swap_remove(which % self.held.len());
                self.dispatched(|slots, now, wake| slots.release(group, now, &mut |place| wake(place)))?;
            }
            Act::Poll(which) if !self.waiters.is_empty() => self.poll(which % self.waiters.len())?,
            Act::Abandon(which) if !self.waiters.is_empty() => {
                let waiter = self.waiters.remove(which % self.waiters.len());
                // Leaving frees a slot only if one was granted meanwhile; else nobody is served.
                if waiter.granted {
                    self.dispatched(|slots, now, wake| {
                        slots.abandon(waiter.place, now, &mut |place| wake(place))
                    })?;
                } else {
                    self.slots.abandon(waiter.place, self.now, &mut |_| panic!("nothing was freed"));
                }
            }
            Act::Limit(limit) => {
                self.dispatched(|slots, now, wake| {
                    slots.set_limit(f64::from(limit), now, &mut |place| wake(place))
                })?;
            }
            Act::Pass(millis) => self.now = self.now + Duration::from_millis(millis.into()),
            Act::Release(_) | Act::Poll(_) | Act::Abandon(_) => {}
        }
        let granted = self.waiters.iter().filter(|waiter| waiter.granted).count();
        prop_assert_eq!(self.slots.total() as usize, self.held.len() + granted);
        Ok(())
    }

    fn poll(&mut self, which: usize) -> Result<(), TestCaseError> {
        let waiter = self.waiters[which];
        let expired = waiter.place.expires() <= self.now;
        let progress = self.slots.poll(&waiter.place, self.now);
        match (waiter.granted, expired) {
            (true, _) => prop_assert_eq!(progress, Progress::Granted),
            (false, true) => prop_assert_eq!(progress, Progress::Expired),
            (false, false) => prop_assert_eq!(progress, Progress::Waiting),
        }
        if progress != Progress::Waiting {
            self.waiters.remove(which);
            prop_assert_eq!(self.slots.poll(&waiter.place, self.now), Progress::Expired, "once only");
        }
        if progress == Progress::Granted {
            self.held.push(waiter.group);
        }
        Ok(())
    }

    /// Runs something that dispatches, and compares whom it served with whom the list would have served.
    fn dispatched(
        &mut self,
        run: impl FnOnce(&Slots, Instant, &mut dyn FnMut(Place)),
    ) -> Result<(), TestCaseError> {
        let mut woken = Vec::new();
        run(&self.slots, self.now, &mut |place| woken.push(place));
        let late = |waiters: &[Waiter], place: &Place, now| {
            waiters.iter().any(|waiter| waiter.place == *place && !waiter.granted && place.expires() <= now)
        };
        woken.retain(|place| !late(&self.waiters, place, self.now));
        let mut expected = Vec::new();
        while let Some(which) = self.best() {
            self.waiters[which].granted = true;
            expected.push(self.waiters[which].place);
        }
        prop_assert_eq!(woken, expected);
        Ok(())
    }

    /// Whom the list serves next.
    fn best(&self) -> Option<usize> {
        let (counts, limit) = (self.counts(), self.slots.limit());
        let shares =
            Shares { counts, admins: 0, limit, login_share: LOGIN_SHARE, only_tickets: false, now: self.now };
        ORDER.into_iter().filter(|&(group, claim)| shares.allow(group, claim)).find_map(|(group, _)| {
            let live = |waiter: &&Waiter| {
                waiter.group == group && !waiter.granted && waiter.place.expires() > self.now
            };
            let oldest = self.waiters.iter().position(|waiter| live(&waiter))?;
            let late = !self.waiters[oldest].patient
                && self.now.since(self.waiters[oldest].since).as_millis() > u128::from(TARGET_MILLIS);
            if late { self.waiters.iter().rposition(|waiter| live(&waiter)) } else { Some(oldest) }
        })
    }

    fn counts(&self) -> Counts {
        let granted = self.waiters.iter().filter(|waiter| waiter.granted).map(|waiter| waiter.group);
        let all = self.held.iter().copied().chain(granted);
        all.fold(Counts(0), |counts, group| counts.plus(group).unwrap())
    }

    /// In the end everybody leaves, and nothing is left over.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        for waiter in std::mem::take(&mut self.waiters) {
            self.slots.abandon(waiter.place, self.now, &mut |_| {});
        }
        for group in std::mem::take(&mut self.held) {
            self.slots.release(group, self.now, &mut |_| {});
        }
        prop_assert_eq!(self.slots.total(), 0);
        prop_assert_eq!(Group::ALL.map(|group| self.slots.waiting(group)), [0; 5]);
        let rings = [&self.slots.known, &self.slots.login, &self.slots.ticket, &self.slots.unknown];
        prop_assert_eq!(rings.map(Ring::taken), [0; 4]);
        Ok(())
    }
}
