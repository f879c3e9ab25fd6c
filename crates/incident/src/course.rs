//! What came while an incident went on, and how much of their time people were served, as charts: minute by minute for colleagues, in
//! whole five minutes, two digits and bands for everybody else, half an hour after it was over (status-contracts, section 0.2).

use std::time::Duration;

use model::{Level, Timestamp};

use crate::case::Case;
use crate::chart::{self, Chart, Curve, For, Point, SEVERITY, Step, Unit};
use crate::load::{PeopleTime, Tally};
use crate::served::{Band, Users, is_blind, unit_of_two_digits};
use crate::settings::DISCLOSED_AFTER;
use crate::state::State;

/// For colleagues.
pub(crate) fn exact(case: &Case, state: &State) -> Vec<Chart> {
    let levels = chart::levels(case, "Level of the gate", &SEVERITY.map(Level::label));
    let pieces: Vec<Piece> = case.tallies.iter().map(|(seq, tally)| Piece::of(*seq, tally)).collect();
    let shares = Users::ALL.into_iter().filter_map(|users| shares(case, state, users, &pieces));
    let title = "Requests a second, and the level of the gate";
    [load(case, title, levels, &pieces, |count| count)].into_iter().flatten().chain(shares).collect()
}

/// For everybody.
pub(crate) fn coarse(case: &Case, readers: For<'_>) -> Vec<Chart> {
    let levels = chart::levels(case, "What we did", &SEVERITY.map(done)).filter(|_| readers.done);
    let pieces = in_pieces(&case.tallies);
    let bands = Users::ALL.into_iter().filter(|_| readers.figures);
    let bands = bands.filter_map(|users| bands_of(case, readers.state, users, &pieces));
    let title = if readers.done { "Requests a second, and what we did" } else { "Requests a second" };
    [load(case, title, levels, &pieces, two_digits)].into_iter().flatten().chain(bands).collect()
}

/// What the public may see of an incident on its page: nothing before an attacker learns nothing from it any more, and what the gate did
/// once people have published their report.
pub(crate) fn shown(case: &Case, state: &State, has_figures: bool, now: Timestamp) -> Vec<Chart> {
    let Some(at) = case.disclosed_at().filter(|at| case.is_own() && now >= *at) else { return Vec::new() };
    // What began before that may be the same attacker, who would read of the one what the gate does against the other.
    let goes_on = |other: &Case| other.disclosed_at().is_none_or(|over| now < over);
    let hides = |other: &Case| other.is_own() && !other.said.is_empty() && other.since < at && goes_on(other);
    if state.cases.iter().any(|other| other.number > case.number && hides(other)) {
        return Vec::new();
    }
    let mut charts = chart::charts(
        case,
        For {
            state,
            colleagues: false,
            all_is_told: true,
            done: !case.report.is_empty(),
            figures: has_figures,
        },
    );
    for chart in &mut charts {
        chart.steps.iter_mut().for_each(|step| step.entry = 0);
        let points = chart.curves.iter_mut().flat_map(|curve| &mut curve.points);
        points.for_each(|point| point.entry = 0);
    }
    charts
}

impl Case {
    /// From when on everybody may know what the gate did; `None`: it goes on.
    pub(crate) fn disclosed_at(&self) -> Option<Timestamp> {
        self.is_told_over().then(|| chart::ended(self)).flatten().map(|at| at + DISCLOSED_AFTER)
    }
}

/// What is drawn as one.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The first entry that it rests on.
    entry: u64,
    from: Timestamp,
    until: Timestamp,
    millis: u64,
    offered: u64,
    refused: u64,
    people: [PeopleTime; 2],
}

impl Piece {
    fn of(entry: u64, tally: &Tally) -> Self {
        Self {
            entry,
            from: tally.begin(),
            until: tally.until(),
            millis: tally.millis,
            offered: tally.offered,
            refused: tally.refused(),
            people: tally.people,
        }
    }

    fn and(self, later: Self) -> Self {
        Self {
            until: later.until.max(self.until),
            millis: self.millis.saturating_add(later.millis),
            offered: self.offered.saturating_add(later.offered),
            refused: self.refused.saturating_add(later.refused),
            people: std::array::from_fn(|place| self.people[place].and(later.people[place])),
            ..self
        }
    }

    fn point(&self, value: Option<u64>) -> Point {
        Point { from: self.from, until: self.until, value, entry: self.entry }
    }
}

/// Tallies that begin in the same five minutes of the wall clock as one; in more, where there would be too many.
fn in_pieces(tallies: &[(u64, Tally)]) -> Vec<Piece> {
    let first = tallies.first().map_or(0, |(_, tally)| tally.from);
    let last = tallies.last().map_or(0, |(_, tally)| tally.from);
    let windows = last.saturating_sub(first) / WINDOW_MILLIS + 2;
    let width = WINDOW_MILLIS * windows.div_ceil(PIECES_MAX);
    let mut pieces: Vec<(u64, Piece)> = Vec::new();
    for (seq, tally) in tallies {
        let (window, piece) = (tally.from / width, Piece::of(*seq, tally));
        match pieces.last_mut().filter(|(last, _)| *last == window) {
            Some((_, last)) => *last = last.and(piece),
            None => pieces.push((window, piece)),
        }
    }
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

/// When most came first, in whole five minutes at least and two digits: the entry, from when, until when, and the requests a second that came
/// and that were turned away.
pub(crate) fn busiest(case: &Case) -> Option<(u64, [Timestamp; 2], [u64; 2])> {
    let of = |piece: &Piece| [piece.offered, piece.refused].map(|count| a_second(count, piece.millis));
    let most = in_pieces(&case.tallies).into_iter().rev().max_by_key(|piece| of(piece)[0])?;
    Some((most.entry, [most.from, most.until], of(&most).map(two_digits)))
}

/// What came and what was turned away, above what the gate did.
fn load(
    case: &Case,
    title: &str,
    levels: Option<Chart>,
    pieces: &[Piece],
    rounded: fn(u64) -> u64,
) -> Option<Chart> {
    if pieces.is_empty() {
        return levels;
    }
    let curve = |name: &str, of: fn(&Piece) -> u64| {
        let value = |piece: &Piece| rounded(a_second(of(piece), piece.millis));
        let points = pieces.iter().map(|piece| piece.point(Some(value(piece)))).collect();
        Curve { name: name.to_owned(), unit: Unit::ASecond, points }
    };
    let curves = vec![curve("Came", |piece| piece.offered), curve("Turned away", |piece| piece.refused)];
    let (values, steps) = levels.map(|levels| (levels.values, levels.steps)).unwrap_or_default();
    Some(Chart { title: title.to_owned(), curves, values, steps, until: chart::ended(case) })
}

/// The share of their time in which people were served; `None`: there were never enough.
fn shares(case: &Case, state: &State, users: Users, pieces: &[Piece]) -> Option<Chart> {
    let share = |piece: &Piece| share_of(piece, users, state).map(u64::from);
    let points: Vec<Point> = pieces.iter().map(|piece| piece.point(share(piece))).collect();
    points.iter().any(|point| point.value.is_some()).then(|| Chart {
        title: availability(users),
        curves: vec![Curve { name: "Served".to_owned(), unit: Unit::Share, points }],
        values: Vec::new(),
        steps: Vec::new(),
        until: chart::ended(case),
    })
}

/// The share of their time in which people were served while something was counted, for colleagues; `None`: there were not enough.
pub(crate) fn share(tally: &Tally, users: Users, state: &State) -> Option<u16> {
    share_of(&Piece::of(0, tally), users, state)
}

fn share_of(piece: &Piece, users: Users, state: &State) -> Option<u16> {
    let share = piece.people[users.index()].share(LEAST_OF_A_MINUTE)?;
    (!is_blind(state, piece.from, piece.until)).then_some(share)
}

/// The same in bands.
fn bands_of(case: &Case, state: &State, users: Users, pieces: &[Piece]) -> Option<Chart> {
    let band = |piece: &Piece| {
        let people = piece.people[users.index()];
        let share = people.share(LEAST).filter(|_| people.there >= LEAST_PEOPLE);
        let share = share.filter(|_| !is_blind(state, piece.from, piece.until))?;
        Band::ALL.iter().position(|band| *band == Band::of(share))
    };
    let none = Band::ALL.len();
    let step =
        |piece: &Piece| Step { at: piece.from, value: band(piece).unwrap_or(none), entry: piece.entry };
    let mut steps: Vec<Step> = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        steps.push(step(piece));
        // What nobody counted is in no band: the gate was started again, or it was over and is back.
        let next = pieces.get(place + 1).map(|next| next.from).or_else(|| chart::ended(case));
        if next.is_none_or(|next| next.since(piece.until) > APART) {
            steps.push(Step { at: piece.until, value: none, entry: piece.entry });
        }
    }
    let is_known = steps.iter().any(|step| step.value != none);
    let values: Vec<&str> = Band::ALL.iter().map(|band| band.label()).chain(["not enough data"]).collect();
    is_known.then(|| chart::chart(case, availability(users), &values, steps)).flatten()
}

fn availability(users: Users) -> String {
    format!("{}: share of their time in which they were served", users.label())
}

impl Users {
    /// Its place in [`Users::ALL`].
    const fn index(self) -> usize {
        match self {
            Self::Known => 0,
            Self::Returning => 1,
        }
    }
}

/// What the gate did, in a few words for everybody.
const fn done(level: Level) -> &'static str {
    match level {
        Level::Calm => "nothing",
        Level::Filtering => "refused what stood out",
        Level::Limiting => "limited each visitor",
        Level::Challenging => "asked new visitors",
        Level::CustomersFirst => "customers first",
        Level::Reopening => "let new visitors in",
    }
}

/// `1,234` is 1,200: how much exactly the gate bears is the company's business.
fn two_digits(count: u64) -> u64 {
    let unit = unit_of_two_digits(count, 1);
    count / unit * unit
}

/// Of so many in so many milliseconds.
pub(crate) fn a_second(count: u64, millis: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000 / u128::from(millis.max(1))).unwrap_or(u64::MAX)
}

/// The finest that the public reads (status-contracts, section 0.2).
const WINDOW_MILLIS: u64 = 300_000;
/// Pieces of a chart for the public at most.
const PIECES_MAX: u64 = 96;
/// Between two tallies nobody counted if there is more than this.
const APART: Duration = Duration::from_secs(10);
/// Of less time of theirs colleagues are told nothing: two people for a minute.
const LEAST_OF_A_MINUTE: Duration = Duration::from_secs(120);
/// Of less time, or fewer people, the public is told nothing.
const LEAST: Duration = Duration::from_secs(600);
/// See [`LEAST`].
const LEAST_PEOPLE: u64 = 20;
