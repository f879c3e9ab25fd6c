//! Forwarding, refusing and handshakes: processor time of one pinned worker for each request or connection.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::cpu;
use lab::load::{Answered, Load, Load2, LoadError, handshakes, knocks};

use super::result::{Benchmark, Ratio, Row};
use super::subject::{
    GENERATOR_CORE, Side, Subject, SubjectError, Task, present, start_haproxy, start_nginx, start_origin,
    start_portcullis,
};

/// Connections of the generator: moderate, the same for every subject.
const CONNECTIONS: u32 = 32;

/// Length of the run before the first measurement, in seconds: connections open, caches fill.
const WARM_SECONDS: u64 = 1;

/// Answers below which a run says nothing: a tick of the processor's clock would weigh too much.
const REQUESTS_MIN: u64 = 500;

/// The same for connections, each of which takes ten times as long.
const CONNECTIONS_MIN: u64 = 100;

/// User and system time of the subject's process, divided by its answers.
const PROCESS_UNIT: &str = "us_cpu_per_request";

/// Connections and streams of the generator over HTTP/2: a few browsers.
const CONNECTIONS_2: u32 = 8;
const STREAMS_2: u32 = 10;

/// Time that the whole machine spent in soft interrupts meanwhile, divided by the subject's answers.
const SOFTIRQ_UNIT: &str = "us_softirq_per_request";

/// What the generator says over HTTP/1.1.
struct Words {
    path: &'static str,
    headers: &'static [&'static str],
}

/// What is measured with.
const MEASURED: Words = Words { path: "/", headers: &["Host: shop.example", "User-Agent: bench/1"] };

/// What the build that counts is put to work with: as a browser speaks, so that nothing is laid out by the very bytes that are measured.
const TRAINED: Words = Words {
    path: "/catalogue/lamps?page=2&sort=price",
    headers: &[
        "Host: shop.example",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: de-CH,de;q=0.8,en;q=0.5",
        "Accept-Encoding: identity",
        "Cookie: basket=5f2d1c; theme=dark",
        "Referer: https://shop.example/catalogue",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
    ],
};

/// Length of each task while branches are counted, in seconds: beyond it their shares no longer move.
pub(super) const TRAINING_SECONDS: u64 = 3;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum EdgeError {
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("there is no such task; there are {0}")]
    NoTask(String),
    #[error("nobody to compare: install nginx and haproxy with `cargo xtask test --install-peers`")]
    Nobody,
    #[error("{subject} did not {task}: of {} answers {} had a status of 400 or more, {} broke",
        answered.requests, answered.refused, answered.broken)]
    Wrong { subject: &'static str, task: &'static str, answered: Answered },
}

/// One subject's figures at one task, one of each round, in microseconds per request.
struct Figures {
    task: Task,
    subject: &'static str,
    process: Vec<f64>,
    softirq: Vec<f64>,
}

/// Runs every subject at every task, or at one alone, `rounds` times, one after the other.
pub(super) fn measure(
    binary: &Path,
    rounds: u32,
    seconds: u64,
    only: Option<&str>,
) -> Result<Benchmark, EdgeError> {
    let mut tasks = Task::ALL.to_vec();
    tasks.retain(|task| only.is_none_or(|only| task.name() == only));
    if tasks.is_empty() {
        return Err(EdgeError::NoTask(Task::ALL.map(Task::name).join(", ")));
    }
    let (_origin, _folder, origin) = start_origin()?;
    let started = [start_portcullis(binary, origin), start_nginx(origin), start_haproxy(origin)];
    let subjects: Vec<Subject> = started.into_iter().filter_map(present).collect();
    if subjects.is_empty() {
        return Err(EdgeError::Nobody);
    }
    let mut figures = Vec::new();
    for task in tasks {
        figures.extend(measure_task(task, &subjects, rounds, seconds)?);
    }
    Ok(summarise(&figures))
}

/// Puts a build of the gate to work at every task, one after the other, and ends it as an operator would, which makes it write its counts.
pub(super) fn train(binary: &Path) -> Result<(), EdgeError> {
    let (_origin, _folder, origin) = start_origin()?;
    let subject = start_portcullis(binary, origin)?;
    for task in Task::ALL {
        let answered = generate(subject.does(task), subject.side(task).address, TRAINING_SECONDS, &TRAINED)?;
        if !did(task, answered) {
            return Err(EdgeError::Wrong { subject: subject.name, task: task.name(), answered });
        }
    }
    Ok(())
}

fn measure_task(
    task: Task,
    subjects: &[Subject],
    rounds: u32,
    seconds: u64,
) -> Result<Vec<Figures>, EdgeError> {
    let begin =
        |subject: &Subject| Figures { task, subject: subject.name, process: Vec::new(), softirq: Vec::new() };
    let mut figures: Vec<Figures> = subjects.iter().map(begin).collect();
    for subject in subjects {
        run_once(subject, task, WARM_SECONDS)?;
    }
    for round in 0..rounds as usize {
        for turn in 0..subjects.len() {
            // Each round begins with another subject: nobody always runs on the warmest core.
            let index = (round + turn) % subjects.len();
            let (process, softirq) = run_once(&subjects[index], task, seconds)?;
            figures[index].process.push(process);
            figures[index].softirq.push(softirq);
        }
        eprintln!("{} round {} of {rounds}", task.name(), round + 1);
    }
    Ok(figures)
}

/// One run: microseconds per request or connection, of the process and of soft interrupts.
fn run_once(subject: &Subject, task: Task, seconds: u64) -> Result<(f64, f64), EdgeError> {
    let (Side { address, process }, doing) = (subject.side(task), subject.does(task));
    let before = (cpu::time_of(process), cpu::softirq());
    let answered = generate(doing, address, seconds, &MEASURED)?;
    let after = (cpu::time_of(process), cpu::softirq());
    if !did(doing, answered) {
        return Err(EdgeError::Wrong { subject: subject.name, task: task.name(), answered });
    }
    #[expect(clippy::cast_precision_loss, reason = "a few million requests")]
    let requests = answered.requests as f64;
    let micros = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() * 1e6 / requests;
    Ok((micros(before.0, after.0), micros(before.1, after.1)))
}

fn generate(task: Task, address: SocketAddr, seconds: u64, words: &Words) -> Result<Answered, LoadError> {
    let core = Some(GENERATOR_CORE);
    let mut load = Load {
        path: words.path.to_owned(),
        headers: words.headers.iter().map(|&header| header.to_owned()).collect(),
        connections: CONNECTIONS,
        seconds,
        core,
        tls: false,
    };
    let count = |requests| Answered {
        requests,
        refused: 0,
        broken: 0,
        took: Duration::from_secs(seconds),
        p99: Duration::ZERO,
    };
    match task {
        Task::Forward | Task::Refuse => load.run(address),
        Task::ForwardTls => Load { tls: true, ..load }.run(address),
        Task::Connect => {
            load.headers.push("Connection: close".to_owned());
            Load { tls: true, ..load }.run(address)
        }
        Task::Forward2 | Task::Refuse2 => {
            Load2 { connections: CONNECTIONS_2, streams: STREAMS_2, seconds, core }.run(address)
        }
        Task::Handshake => handshakes(address, seconds, core).map(count),
        Task::BeforeTls => knocks(address, seconds).map(count),
    }
}

/// A figure counts only when the subject did the task: forwarded all, or refused all but the first few.
fn did(task: Task, answered: Answered) -> bool {
    let Answered { requests, refused, broken, .. } = answered;
    let is_new = matches!(task, Task::Handshake | Task::Connect | Task::BeforeTls);
    let min = if is_new { CONNECTIONS_MIN } else { REQUESTS_MIN };
    let whole = requests > min && broken * 1_000 <= requests;
    whole
        && match task {
            Task::Refuse | Task::Refuse2 => refused * 100 >= requests * 98,
            Task::Forward
            | Task::ForwardTls
            | Task::Forward2
            | Task::Handshake
            | Task::Connect
            | Task::BeforeTls => refused == 0,
        }
}

fn summarise(figures: &[Figures]) -> Benchmark {
    let mut benchmark = Benchmark::default();
    for Figures { task, subject, process, softirq } in figures {
        benchmark.rows.push(Row::of(task.name(), subject, PROCESS_UNIT, process));
        benchmark.rows.push(Row::of(task.name(), subject, SOFTIRQ_UNIT, softirq));
    }
    for ours in figures.iter().filter(|figures| figures.subject == "portcullis") {
        let peers = figures.iter().filter(|peer| peer.task == ours.task && peer.subject != ours.subject);
        benchmark.ratios.extend(peers.map(|peer| {
            Ratio::of(ours.task.name(), (ours.subject, &ours.process), (peer.subject, &peer.process))
        }));
    }
    benchmark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_which_the_subject_did_something_else_does_not_count() {
        let time = Duration::from_secs(1);
        let answered =
            |requests, refused, broken| Answered { requests, refused, broken, took: time, p99: time };
        assert!(did(Task::Forward, answered(10_000, 0, 0)));
        assert!(!did(Task::Forward, answered(10_000, 1, 0)), "one refused request is one not forwarded");
        assert!(did(Task::Refuse, answered(10_000, 9_990, 0)));
        assert!(!did(Task::Refuse, answered(10_000, 5_000, 0)), "half of them reached the origin");
        assert!(!did(Task::Refuse, answered(10_000, 10_000, 5_000)), "connections broke");
        assert!(!did(Task::Forward, answered(100, 0, 0)), "too few to mean anything");
    }

    #[test]
    fn ours_is_divided_by_each_peer_at_the_same_task() {
        let figures = |task, subject, value: f64| Figures {
            task,
            subject,
            process: vec![value; 3],
            softirq: vec![0.0; 3],
        };
        let benchmark = summarise(&[
            figures(Task::Forward, "portcullis", 9.0),
            figures(Task::Forward, "nginx", 12.0),
            figures(Task::Refuse, "portcullis", 4.0),
            figures(Task::Refuse, "nginx", 8.0),
            figures(Task::Refuse, "haproxy", 16.0),
        ]);
        let ratios: Vec<_> = benchmark.ratios.iter().map(|r| (r.task, r.peer, r.ratio)).collect();
        let expected = [("forward", "nginx", 0.75), ("refuse", "nginx", 0.5), ("refuse", "haproxy", 0.25)];
        assert_eq!(ratios, expected);
    }
}
