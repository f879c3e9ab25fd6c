//! Processor time: of a process with its children, and of the kernel's interrupt work.

use std::fs;
use std::time::Duration;

/// The kernel's unit in `/proc`: `USER_HZ`, 100 on every Linux that Debian builds.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process and its children, all threads, since each began.
///
/// A process that is gone counts as zero.
pub fn time_of(process: u32) -> Duration {
    let own = ticks_of(process).unwrap_or(0);
    let own = TICK.saturating_mul(u32::try_from(own).unwrap_or(u32::MAX));
    children_of(process).into_iter().map(time_of).fold(own, Duration::saturating_add)
}

/// Time that the whole machine spent in soft interrupts (network packets, mostly) since it was started.
pub fn softirq() -> Duration {
    let ticks = fs::read_to_string("/proc/stat").ok().and_then(|text| softirq_ticks(&text)).unwrap_or(0);
    TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// `proc(5)`: fields 14 and 15 of `/proc/PID/stat`, counted after the command's closing parenthesis.
fn ticks_of(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    process_ticks(&text)
}

fn process_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// `proc(5)`: the seventh number of the first line of `/proc/stat`.
fn softirq_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    line.split_ascii_whitespace().nth(7)?.parse().ok()
}

/// Processes that a process has started and that are still there.
pub(crate) fn children_of(process: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 0 0";
        assert_eq!(process_ticks(stat), Some(12));
    }

    #[test]
    fn soft_interrupts_are_the_seventh_number() {
        assert_eq!(softirq_ticks("cpu  10 20 30 40 50 60 70 80 0 0\ncpu0 1 2 3\n"), Some(70));
    }

    #[test]
    fn busy_work_is_seen_in_the_own_process() {
        let before = time_of(std::process::id());
        let mut sum = 0_u64;
        let mut rounds = 0_u32;
        while time_of(std::process::id()) < before + TICK * 2 && rounds < 100_000 {
            sum = (0..200_000_u64).fold(sum, |sum, step| sum.wrapping_add(std::hint::black_box(step)));
            rounds += 1;
        }
        assert!(time_of(std::process::id()) >= before + TICK * 2, "sum {sum}");
    }
}
