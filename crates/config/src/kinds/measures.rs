//! Values with a unit: durations, sizes, shares, rates.

use std::fmt;
use std::time::Duration;

use super::{Bad, Found, Kind, Shape, Text, quoted};
use crate::finding::Problems;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(u64);

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

/// How fast a client may go, sustained and at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Units per second, sustained.
    pub per_second: f64,
    /// Units at once after a quiet spell.
    pub burst: f64,
}

/// How many bits go over a link in a second.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LinkSpeed(u64);

/// A kind of measure between two bounds, both included and written like any value.
pub(crate) struct Between<T: 'static> {
    text: Text<T>,
    least: &'static str,
    most: &'static str,
}

/// A measure between two bounds.
const fn between<T>(text: Text<T>, least: &'static str, most: &'static str) -> Between<T> {
    Between { text, least, most }
}

/// A duration between two bounds.
pub(crate) const fn duration(least: &'static str, most: &'static str) -> Between<Duration> {
    between(DURATION, least, most)
}

/// A size between two bounds.
pub(crate) const fn size(least: &'static str, most: &'static str) -> Between<Size> {
    between(SIZE, least, most)
}

/// A share between two bounds.
pub(crate) const fn share(least: &'static str, most: &'static str) -> Between<Share> {
    between(SHARE, least, most)
}

/// A rate such as `5/s burst 40`.
pub(crate) const RATE: Text<Rate> =
    Text::new("a rate", r"^[0-9]+(\.[0-9]+)? ?/ ?(s|min|h)( burst [0-9]+)?$", "5/s burst 40", parse_rate)
        .meaning(|number| format!("{number}/s"));

/// A speed such as `1 Gbit/s`: from `1 Mbit/s` to `10000 Gbit/s`.
pub(crate) const LINK_SPEED: Text<LinkSpeed> = Text::new(
    "the speed of a link from \"1 Mbit/s\" to \"10000 Gbit/s\"",
    r"^[0-9]+(\.[0-9]+)? ?(Mbit|Gbit)/s$",
    "1 Gbit/s",
    parse_link_speed,
)
.meaning(|number| format!("{number} Mbit/s"));

const DURATION: Text<Duration> =
    Text::new("a duration", "^[0-9]+ ?(ms|s|min|m|h|d)$", "30s", parse_duration).meaning(seconds);
const SIZE: Text<Size> =
    Text::new("a size", "^[0-9]+ ?(B|KiB|MiB|GiB|TiB)$", "64 MiB", parse_size).meaning(bytes);
const SHARE: Text<Share> =
    Text::new("a share", r"^[0-9]+(\.[0-9]+)? ?%$", "8 %", parse_share).meaning(percent);

impl Size {
    /// So many bytes.
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    /// In the largest unit that needs no fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(unit.1);
        match BYTES.names.iter().rev().find(fits) {
            Some((unit, bytes)) => write!(f, "{} {unit}", self.0 / bytes),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl LinkSpeed {
    /// Bits a second.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl Share {
    /// So many hundredths.
    pub fn of_percent(percent: f64) -> Self {
        Self(percent / 100.0)
    }

    /// The part, 0 to 1.
    pub const fn fraction(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 * 100.0)
    }
}

impl<T: PartialOrd> Kind for Between<T> {
    type Value = T;

    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<T> {
        let value = self.text.read(found, problems)?;
        let bound = |text| (self.text.parse)(text).expect("bounds are good values");
        if (bound(self.least)..=bound(self.most)).contains(&value) {
            return Some(value);
        }
        let shown = quoted(found.value.get_ref().as_str().unwrap_or_default());
        let cure = format!("write {} from \"{}\" to \"{}\"", self.text.noun, self.least, self.most);
        problems.error(found.span(), found.path, format!("{shown} is out of range"), cure);
        None
    }

    fn shape(&self) -> Shape {
        let words = format!("{} from {} to {}", self.text.noun, self.least, self.most);
        Shape::Text { words, pattern: self.text.pattern }
    }

    fn toml(&self, plain: &str) -> String {
        self.text.toml(plain)
    }
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, Bad> {
    whole(text, &TIME).map(Duration::from_millis).map_err(|fault| fault.bad(text, &TIME))
}

fn parse_size(text: &str) -> Result<Size, Bad> {
    whole(text, &BYTES).map(Size).map_err(|fault| fault.bad(text, &BYTES))
}

fn parse_share(text: &str) -> Result<Share, Bad> {
    let bad = || Bad::new(format!("{} is not a share", quoted(text)), "write a percentage, such as \"8 %\"");
    let number = text.strip_suffix('%').ok_or_else(bad)?;
    let percent = decimal(number.trim_end_matches(' ')).ok_or_else(bad)?;
    if percent > 100.0 {
        return Err(Bad::new(format!("{} is more than everything", quoted(text)), "write at most \"100 %\""));
    }
    Ok(Share::of_percent(percent))
}

fn parse_rate(text: &str) -> Result<Rate, Bad> {
    let bad = || {
        let cure =
            "write how many in which time, and perhaps how many at once: \"5/s burst 40\" or \"6/min\"";
        Bad::new(format!("{} is not a rate", quoted(text)), cure)
    };
    let (rate, burst) = match text.split_once(" burst ") {
        Some((rate, burst)) => (rate, Some(decimal(burst.trim()).ok_or_else(bad)?)),
        None => (text, None),
    };
    let (count, per) = rate.split_once('/').ok_or_else(bad)?;
    let count = decimal(count.trim()).ok_or_else(bad)?;
    let seconds = match per.trim() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(bad()),
    };
    let rate = Rate { per_second: count / seconds, burst: burst.unwrap_or(count).max(1.0) };
    // 1,000,000 a second and one a day are what a limit can tell apart.
    let sensible = (1.0 / 86_400.0..=1e6).contains(&rate.per_second) && rate.burst <= 1e6;
    let too = || {
        Bad::new(format!("{} is out of range", quoted(text)), "write a rate from \"1/h\" to \"1000000/s\"")
    };
    if sensible { Ok(rate) } else { Err(too()) }
}

fn parse_link_speed(text: &str) -> Result<LinkSpeed, Bad> {
    let bad = || {
        let cure = "write what is paid for, in bits: \"1 Gbit/s\" or \"500 Mbit/s\"";
        Bad::new(format!("{} is no speed of a link", quoted(text)), cure)
    };
    let units = [("Mbit/s", 1e6), ("Gbit/s", 1e9)];
    let found = units.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    let (number, unit) = found.ok_or_else(bad)?;
    let bits = decimal(number.trim_end_matches(' ')).ok_or_else(bad)? * unit;
    if !(1e6..=1e13).contains(&bits) {
        let cure = "write a speed from \"1 Mbit/s\" to \"10000 Gbit/s\"";
        return Err(Bad::new(format!("{} is out of range", quoted(text)), cure));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1e6 to 1e13")]
    let bits = bits as u64;
    Ok(LinkSpeed(bits))
}

/// A family of units.
struct Units {
    /// With its article.
    noun: &'static str,
    /// From small to large: their names, and how many of the smallest they are.
    names: &'static [(&'static str, u64)],
    /// What somebody who wrote a bare number probably means.
    meant: fn(&str) -> String,
    examples: &'static str,
}

/// Why a text is no whole number with a unit.
enum Fault {
    NoUnit,
    Unit,
    Shape,
    TooLarge,
}

impl Fault {
    fn bad(&self, text: &str, units: &Units) -> Bad {
        let Units { noun, names, meant, examples } = units;
        let shown = quoted(text);
        match self {
            Self::NoUnit => {
                let cure = format!("write \"{}\", if that is what you mean", meant(text.trim()));
                Bad::new(format!("{shown} has no unit"), cure)
            }
            Self::Unit => {
                let names = names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                let cure = format!("write one of {names}: {examples}");
                Bad::new(format!("{shown} has a unit that is not known here"), cure)
            }
            Self::Shape => {
                let cure = format!("write a whole number with its unit: {examples}");
                Bad::new(format!("{shown} is not {noun}"), cure)
            }
            Self::TooLarge => {
                Bad::new(format!("{shown} is too large"), format!("write {noun} such as {examples}"))
            }
        }
    }
}

/// A whole number with a unit, in the smallest unit.
fn whole(text: &str, units: &Units) -> Result<u64, Fault> {
    let trimmed = text.trim();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() || unit.starts_with(['.', ',']) {
        return Err(Fault::Shape);
    }
    let unit = unit.trim_start_matches(' ');
    if unit.is_empty() {
        return Err(Fault::NoUnit);
    }
    let (_, factor) = units.names.iter().find(|(name, _)| *name == unit).ok_or(Fault::Unit)?;
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)).ok_or(Fault::TooLarge)
}

fn seconds(number: &str) -> String {
    format!("{number}s")
}

/// Large numbers are bytes, small ones mebibytes.
fn bytes(number: &str) -> String {
    match number.parse() {
        Ok(bytes) if bytes >= 1 << 16 => Size(bytes).to_string(),
        _ => format!("{number} MiB"),
    }
}

/// A number up to 1 is a part of the whole.
fn percent(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(part) if (0.0..=1.0).contains(&part) => Share(part).to_string(),
        _ => format!("{number} %"),
    }
}

/// A number of digits with at most one point: no sign, no exponent, no infinity.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.len() <= 12;
    if plain { text.parse().ok() } else { None }
}

const TIME: Units = Units {
    noun: "a duration",
    names: &[("ms", 1), ("s", 1_000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
    meant: seconds,
    examples: "\"30s\" or \"2h\"",
};
const BYTES: Units = Units {
    noun: "a size",
    names: &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)],
    meant: bytes,
    examples: "\"64 MiB\" or \"512 KiB\"; 1 KiB is 1,024 bytes",
};
