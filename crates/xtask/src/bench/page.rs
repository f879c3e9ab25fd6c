//! The status page under a flood, beside nginx serving the same bytes from files: processor time of one pinned process a request.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use lab::load::{Answered, Load, LoadError};
use lab::origin::{Origin, plain};
use lab::{Gate, GateError, Missing, Placement, Running, cpu, free_address, web};

use crate::release;

use super::result::{Benchmark, Ratio, Row};
use super::subject::{GENERATOR_CORE, SUBJECT_CORE, SubjectError, filled, nginx_command, start};

/// What is asked for: the page that people see, and what programs read.
pub(super) const TASKS: [(&str, &str, &str); 2] =
    [("page", "/", "index.html"), ("summary", "/api/v2/summary.json", "api/v2/summary.json")];

/// Connections of the generator.
const CONNECTIONS: u32 = 64;

/// Components of the page: as many as are promised to fit.
const COMPONENTS: usize = 20;

/// Components of the page before which a build is put to work.
const COMPONENTS_TRAINED: usize = 7;

/// Answers below which a run says nothing.
const REQUESTS_MIN: u64 = 500;

const UNIT: &str = "us_cpu_per_request";
const OURS: &str = "portcullis";
const PEER: &str = "nginx";

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("cannot prepare the page: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0} did not serve `{1}`: of {2} answers {3} had a status of 400 or more, {4} broke")]
    Wrong(&'static str, &'static str, u64, u64, u64),
}

/// Where one of the two serves, and by which process.
#[derive(Clone, Copy)]
struct Server {
    name: &'static str,
    address: SocketAddr,
    process: u32,
}

/// A gate with its page.
struct Ours {
    server: Server,
    _gate: Gate,
    _app: Origin,
}

/// It, and nginx with copies of the files.
struct Pair {
    servers: [Server; 2],
    _ours: Ours,
    _nginx: Running,
    _folder: tempfile::TempDir,
}

/// Puts a build of the gate to work at both tasks, before a page that is not the measured one, and ends it as an operator would.
pub(super) fn train(binary: &Path, seconds: u64) -> Result<(), PageError> {
    let ours = Ours::start(binary, COMPONENTS_TRAINED)?;
    for (_, path, _) in TASKS {
        run_once(&ours.server, path, seconds)?;
    }
    Ok(())
}

/// Both at both tasks, `rounds` times, one after the other.
pub(super) fn measure(rounds: u32, seconds: u64, only: Option<&str>) -> Result<Benchmark, PageError> {
    let mut benchmark = Benchmark::default();
    let pair = Pair::start()?;
    for (task, path, _) in TASKS.into_iter().filter(|(task, ..)| only.is_none_or(|only| only == *task)) {
        let mut figures = [Vec::new(), Vec::new()];
        for server in &pair.servers {
            run_once(server, path, 1)?;
        }
        for round in 0..rounds as usize {
            // Each round begins with the other: nobody always runs on the warmest core.
            for place in [round % 2, (round + 1) % 2] {
                figures[place].push(run_once(&pair.servers[place], path, seconds)?);
            }
            eprintln!("{task} round {} of {rounds}", round + 1);
        }
        for (server, figures) in pair.servers.iter().zip(&figures) {
            benchmark.rows.push(Row::of(task, server.name, UNIT, figures));
        }
        benchmark.ratios.push(Ratio::of(task, (OURS, &figures[0]), (PEER, &figures[1])));
    }
    Ok(benchmark)
}

impl Ours {
    fn start(binary: &Path, components: usize) -> Result<Self, PageError> {
        let binary = binary.to_owned();
        if !binary.is_file() {
            return Err(Missing::Gate { path: binary }.into());
        }
        let (app, page) = (Origin::start(|_| plain("200 OK", "", "yes"))?, free_address());
        let components: String = (0..components)
            .map(|number| format!("[[status.component]]\nname = \"Part {number} of the shop\"\n"))
            .collect();
        let table = format!(
            "[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Shop\"\n{components}"
        );
        let config = format!("{}{table}", Gate::CONFIG.replace("{origin}", &app.url()));
        let mut gate =
            Gate::start_placed(&config, &Placement { binary: Some(binary), core: Some(SUBJECT_CORE) })?;
        let server = Server { name: OURS, address: page, process: gate.process().id() };
        Ok(Self { server, _gate: gate, _app: app })
    }
}

impl Pair {
    fn start() -> Result<Self, PageError> {
        let ours = Ours::start(&release::binary(), COMPONENTS)?;
        let page = ours.server.address;
        let (folder, nginx) = (tempfile::tempdir()?, free_address());
        for (_, path, place) in TASKS {
            let file = folder.path().join("root").join(place);
            fs::create_dir_all(file.parent().unwrap_or(&file))?;
            fs::write(&file, web::get(page, path, &[])?.body)?;
        }
        let root = folder.path().join("root").display().to_string();
        let config =
            filled("page.nginx.conf", &folder, &[("{listen}", nginx.to_string()), ("{root}", root)])?;
        let running = start(&mut nginx_command(&config, &folder, SUBJECT_CORE)?, &folder, nginx)?;
        let peer = Server { name: PEER, address: nginx, process: running.id() };
        Ok(Self { servers: [ours.server, peer], _ours: ours, _nginx: running, _folder: folder })
    }
}

/// Microseconds of processor time for each request.
fn run_once(server: &Server, path: &'static str, seconds: u64) -> Result<f64, PageError> {
    let load = Load {
        path: path.to_owned(),
        headers: vec!["Host: status.shop.example".to_owned()],
        connections: CONNECTIONS,
        seconds,
        core: Some(GENERATOR_CORE),
        tls: false,
    };
    let before = cpu::time_of(server.process);
    let Answered { requests, refused, broken, .. } = load.run(server.address)?;
    let spent = cpu::time_of(server.process).saturating_sub(before);
    if refused > 0 || broken * 1_000 > requests || requests < REQUESTS_MIN {
        return Err(PageError::Wrong(server.name, path, requests, refused, broken));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few million requests")]
    let requests = requests as f64;
    Ok(spent.as_secs_f64() * 1e6 / requests)
}
