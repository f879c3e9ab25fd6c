//! When signing in needs a waiting room, and how many may enter.

/// Opens and closes the waiting room of one lane. Owned by the controller.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    is_open: bool,
    /// Steps in a row that spoke for a change.
    steps: u32,
    /// Entries that are due and not yet given, below one between steps.
    due: f64,
}

impl Turns {
    /// Judges half a second: `demand` and `capacity` in slots of the app. Returns whether there is a waiting room.
    ///
    /// It opens after a second in which more was asked for than the lane can serve, and closes after ten in which it was
    /// clearly less, so that it does not flap; in calm it closes at once.
    pub(crate) fn judge(&mut self, demand: f64, capacity: f64, is_calm: bool) -> bool {
        let speaks_for_change =
            if self.is_open { demand < capacity * CLOSE_BELOW } else { demand > capacity && !is_calm };
        self.steps = if speaks_for_change { self.steps + 1 } else { 0 };
        let enough = if self.is_open { CLOSE_STEPS } else { OPEN_STEPS };
        if self.steps >= enough || self.is_open && is_calm {
            self.is_open = !self.is_open;
            (self.steps, self.due) = (0, 0.0);
        }
        self.is_open
    }

    /// How many may enter after `seconds` more; `journey_seconds` is what one who signs in costs the app.
    pub(crate) fn entries(&mut self, capacity: f64, journey_seconds: f64, seconds: f64) -> u32 {
        if !self.is_open {
            return 0;
        }
        let rate = (capacity / journey_seconds.max(JOURNEY_SECONDS_MIN)).min(ENTRIES_PER_SECOND_MAX);
        self.due = (self.due + rate * seconds).min(rate.max(1.0));
        let whole = self.due.floor();
        self.due -= whole;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 4,096")]
        let entries = whole as u32;
        entries
    }
}

/// Half seconds of too much demand before the room opens.
const OPEN_STEPS: u32 = 2;
/// Half seconds of little demand before it closes.
const CLOSE_STEPS: u32 = 20;
/// The part of the capacity below which demand is little.
const CLOSE_BELOW: f64 = 0.7;
/// All places of the room in one second.
const ENTRIES_PER_SECOND_MAX: f64 = 4_096.0;
const JOURNEY_SECONDS_MIN: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays half seconds of demand against a capacity of two slots; `o` is open.
    #[track_caller]
    fn check(demands: &[(usize, f64)], is_calm: bool, expected: &str) {
        let mut turns = Turns::default();
        let shown: String = demands
            .iter()
            .flat_map(|&(times, demand)| std::iter::repeat_n(demand, times))
            .map(|demand| if turns.judge(demand, 2.0, is_calm) { 'o' } else { '-' })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_room_opens_after_a_second_and_closes_after_ten() {
        check(&[(1, 3.0), (1, 1.0), (4, 3.0)], false, "---ooo");
        check(&[(2, 9.0), (10, 1.9), (21, 1.0)], false, &format!("-{}--", "o".repeat(30)));
        check(&[(5, 99.0)], true, "-----");
    }

    #[test]
    fn entries_follow_the_capacity_and_never_pile_up() {
        let mut turns = Turns::default();
        assert_eq!(turns.entries(2.0, 0.1, 1.0), 0, "nobody waits");
        turns.judge(9.0, 2.0, false);
        turns.judge(9.0, 2.0, false);
        let tenths: u32 = (0..100).map(|_| turns.entries(2.0, 0.16, 0.1)).sum();
        assert!((124..=125).contains(&tenths), "2 slots ÷ 0.16 s × 10 s, and {tenths} were let in");
        assert_eq!(turns.entries(2.0, 0.16, 3_600.0), 12, "a step that came late lets in one second's worth");
    }
}
