//! What other machines take from this one.

use std::time::{Duration, Instant};

/// Processor time that other machines took, from /proc/stat.
pub(super) struct Steal {
    stolen: u64,
    all: u64,
}

impl Steal {
    pub(super) fn now() -> Self {
        let [stolen, all] = processors().first().copied().unwrap_or_default();
        Self { stolen, all }
    }

    /// The share since then.
    pub(super) fn share(&self) -> f64 {
        let now = Self::now();
        #[expect(clippy::cast_precision_loss, reason = "ticks of one run are far below 2^53")]
        let share =
            now.stolen.saturating_sub(self.stolen) as f64 / now.all.saturating_sub(self.all).max(1) as f64;
        share
    }
}

/// Looks every second how long this machine, or one of its processors, stood still in it.
pub(super) struct Absence {
    looked: Instant,
    stolen: Vec<u64>,
}

impl Absence {
    pub(super) fn new() -> Self {
        Self { looked: clock(), stolen: stolen() }
    }

    /// Since the last look, which was to be a second ago: what one processor had to give away, or by how much this look is late.
    pub(super) fn look(&mut self) -> Duration {
        let (now, stolen) = (clock(), stolen());
        let late = now.duration_since(self.looked).saturating_sub(Duration::from_secs(1));
        let taken = most_taken(&self.stolen, &stolen);
        (self.looked, self.stolen) = (now, stolen);
        taken.max(late)
    }
}

/// Of the processor of which the most was taken.
fn most_taken(before: &[u64], after: &[u64]) -> Duration {
    let ticks = before.iter().zip(after).map(|(before, after)| after.saturating_sub(*before));
    Duration::from_millis(ticks.max().unwrap_or(0).saturating_mul(TICK_MILLIS))
}

/// Of each processor.
fn stolen() -> Vec<u64> {
    processors().iter().skip(1).map(|&[stolen, _]| stolen).collect()
}

/// Ticks stolen and ticks in all: first of all processors together, then of each.
fn processors() -> Vec<[u64; 2]> {
    read(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

fn read(text: &str) -> Vec<[u64; 2]> {
    let of = |line: &str| {
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).take(8).collect();
        [ticks.get(7).copied().unwrap_or(0), ticks.iter().sum()]
    };
    text.lines().take_while(|line| line.starts_with("cpu")).map(of).collect()
}

#[expect(clippy::disallowed_methods, reason = "how long the machine itself was away")]
fn clock() -> Instant {
    Instant::now()
}

/// The unit of /proc/stat (proc_stat(5), `USER_HZ`).
const TICK_MILLIS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_processors_the_one_counts_of_which_more_was_taken() {
        let before = read(
            "cpu  10 0 20 70 0 0 0 5 0 0\ncpu0 5 0 10 35 0 0 0 2 9 9\ncpu1 5 0 10 35 0 0 0 3 9 9\nintr 7 8\n",
        );
        assert_eq!(before, [[5, 105], [2, 52], [3, 53]]);
        assert_eq!(most_taken(&[2, 3], &[4, 110]), Duration::from_millis(1_070));
        assert_eq!(most_taken(&[2, 3], &[2, 3]), Duration::ZERO);
    }

    #[test]
    fn without_such_a_file_nothing_was_taken() {
        assert_eq!(read(""), Vec::<[u64; 2]>::new());
        assert_eq!(most_taken(&[], &[]), Duration::ZERO);
    }
}
