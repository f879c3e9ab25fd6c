//! What a status page is made of: its address, its components and their groups, and the folders it is exported to.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::names::{Choice, is_host, port_of};
use super::networks::has_credentials;
use super::paths::parse_file;
use super::{Bad, Text, quoted};
use crate::settings::Watches;

/// The public address of a page: `https://HOST` or `https://HOST:PORT`, nothing behind it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PageUrl(String);

impl PageUrl {
    /// The address, without a slash at its end.
    pub const fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host, and port if it is written.
    pub fn authority(&self) -> &str {
        self.0.trim_start_matches(SCHEME)
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a component stands among the groups of a page, the outermost first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct GroupPath(Vec<String>);

impl GroupPath {
    /// Groups within one another, at most.
    pub const LEVELS_MAX: usize = 4;

    /// The names of the groups, the outermost first; at least one.
    pub fn levels(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for GroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(SEPARATOR))
    }
}

/// The public address of a page.
pub(crate) const PAGE_URL: Text<PageUrl> = Text::new(
    "the public https address of a page",
    r"^[Hh][Tt][Tt][Pp][Ss]://[^/?#@\s]+$",
    "https://status.shop.example",
    parse_url,
)
.hiding(has_credentials);

/// The name of a component.
pub(crate) const COMPONENT: Text<String> =
    Text::new("a name", "^.{1,80}$", "Website", |text| parse_name(text, "a component"));

/// The group of a component, perhaps within others.
pub(crate) const GROUP: Text<GroupPath> =
    Text::new("the name of a group", "^.{1,329}$", "Shop / Checkout", parse_group);

/// A folder, with its whole path.
pub(crate) const FOLDER: Text<PathBuf> =
    Text::new("the whole path of a folder", "^/[^\\u0000]*$", "/srv/status", parse_folder);

/// What the colour of a component follows.
pub(crate) const WATCHES: Choice<Watches> = Choice {
    words: &["site", "login", "nothing"],
    choose: |word| match word {
        "site" => Some(Watches::Site),
        "login" => Some(Watches::Login),
        "nothing" => Some(Watches::Nothing),
        _ => None,
    },
    needless: &[],
};

fn parse_url(text: &str) -> Result<PageUrl, Bad> {
    if has_credentials(text) {
        let what = "the public address of a page holds neither user nor password";
        return Err(Bad::new(what, "write https://HOST"));
    }
    let shown = quoted(text);
    let lower = text.to_ascii_lowercase();
    let (is_https, rest) = match (lower.strip_prefix(SCHEME), lower.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => (false, lower.as_str()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_authority = match port_of(authority) {
        Some((host, port)) => is_host(host) && port.parse().is_ok_and(|port: u16| port != 0),
        None => is_host(authority),
    };
    if !is_authority {
        let cure = "write https://HOST, such as \"https://status.shop.example\"";
        return Err(Bad::new(format!("{shown} is not the address of a page"), cure));
    }
    let url = format!("{SCHEME}{authority}");
    if !is_https {
        let cure = format!("write \"{url}\": readers must be able to trust what they are told");
        return Err(Bad::new(format!("{shown} is no https address"), cure));
    }
    if rest == authority {
        Ok(PageUrl(url))
    } else {
        let cure = format!("write \"{url}\": the page has a host name of its own, and nothing behind it");
        Err(Bad::new(format!("{shown} is more than scheme and host"), cure))
    }
}

fn parse_name(text: &str, of: &str) -> Result<String, Bad> {
    let is_plain = !text.chars().any(char::is_control) && text.trim() == text;
    if !is_plain || !(1..=NAME_BYTES_MAX).contains(&text.len()) {
        let what = format!("{} cannot be the name of {of}", quoted(text));
        let cure = format!("write 1 to {NAME_BYTES_MAX} bytes of printable text, no space at either end");
        return Err(Bad::new(what, cure));
    }
    if text.contains(SEPARATOR) {
        let what = format!("{} looks like a name within a group", quoted(text));
        return Err(Bad::new(what, "write what stands before the last ` / ` in `group`, and the rest here"));
    }
    Ok(text.to_owned())
}

fn parse_group(text: &str) -> Result<GroupPath, Bad> {
    let levels: Result<Vec<_>, _> = text.split(SEPARATOR).map(|level| parse_name(level, "a group")).collect();
    let levels = levels?;
    if levels.len() > GroupPath::LEVELS_MAX {
        let what = format!("{} groups within one another are too many to read", levels.len());
        return Err(Bad::new(what, format!("write at most {}", GroupPath::LEVELS_MAX)));
    }
    Ok(GroupPath(levels))
}

fn parse_folder(text: &str) -> Result<PathBuf, Bad> {
    let folder = parse_file(text)?;
    let is_whole = folder.is_absolute()
        && Path::new(text).components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if is_whole && folder.parent().is_some() {
        return Ok(folder);
    }
    let what = format!("{} is not the whole path of a folder", quoted(text));
    Err(Bad::new(what, "write one that begins with `/` and has no `..`, such as \"/srv/status\""))
}

const SCHEME: &str = "https://";
/// Between the names of groups within one another.
const SEPARATOR: &str = " / ";
const NAME_BYTES_MAX: usize = 80;
