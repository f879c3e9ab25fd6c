//! Mirrors of a status page: where they are, and what opens them.

use std::fmt;
use std::path::PathBuf;

use super::names::{is_host, port_of};
use super::paths::parse_file;
use super::{Bad, Text, quoted};

/// A folder that is reached over ssh: `rsync://USER@HOST[:PORT]/FOLDER` or `sftp://…`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SshUrl {
    is_rsync: bool,
    user: String,
    host: String,
    port: u16,
    folder: String,
}

impl SshUrl {
    /// Whether rsync writes it; else sftp does.
    pub const fn is_rsync(&self) -> bool {
        self.is_rsync
    }

    /// The user there.
    pub const fn user(&self) -> &str {
        self.user.as_str()
    }

    /// A name, or an address; one of IPv6 without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The port; 22 unless another is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder there: begins with a slash, does not end with one.
    pub const fn folder(&self) -> &str {
        self.folder.as_str()
    }
}

impl fmt::Display for SshUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_rsync { "rsync" } else { "sftp" };
        write!(f, "{scheme}://{}@{}:{}{}", self.user, self.host, self.port, self.folder)
    }
}

/// Where a mirror is that is reached over ssh.
pub(crate) const SSH_URL: Text<SshUrl> = Text::new(
    "the address of a folder, rsync:// or sftp://",
    r"^(rsync|sftp)://[^@/\s]+@[^@/\s]+/[^\s]+$",
    "rsync://status@mirror.example/srv/status",
    parse_ssh_url,
)
.hiding(has_password);

/// The key of a host, as a file of known hosts has it (sshd(8)).
pub(crate) const HOST_KEY: Text<String> = Text::new(
    "the public key of a host",
    r"^\s*(ssh|ecdsa|sk)-[a-z0-9@.-]+\s+[A-Za-z0-9+/=]+(\s.*)?$",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDXH4k9cGEcdNv6QsdbxWk4IaeRz4R3xVqbGWq0Wbkxs",
    parse_host_key,
);

/// The file with a private key of ssh, with its whole path.
pub(crate) const SSH_KEY: Text<PathBuf> =
    Text::new("the whole path of a file", "^/[^\\u0000]*$", "/etc/portcullis/mirror.key", parse_ssh_key);

/// The address of a store that speaks S3.
pub(crate) const ENDPOINT: Text<String> = Text::new(
    "the https address of a store",
    r"^https?://[^/?#@\s]+$",
    "https://s3.eu-central-1.amazonaws.com",
    parse_endpoint,
);

/// The name of a bucket (Amazon S3 User Guide, "General purpose bucket naming rules").
pub(crate) const BUCKET: Text<String> = Text::new(
    "the name of a bucket",
    "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "status-shop-example",
    parse_bucket,
);

/// What all names in a bucket begin with.
pub(crate) const PREFIX_IN_BUCKET: Text<String> =
    Text::new("names with `/` between them", "^[A-Za-z0-9._~/-]+$", "status/shop", parse_prefix);

/// A region of a store, or the name of a key there.
pub(crate) const WORD: Text<String> = Text::new("a word", "^[!-~]{1,128}$", "eu-central-1", parse_word);

fn parse_ssh_url(text: &str) -> Result<SshUrl, Bad> {
    if has_password(text) {
        let what = "the address of a mirror holds no password: a key opens it";
        return Err(Bad::new(what, "write rsync://USER@HOST/FOLDER, and `key_file`"));
    }
    let shown = quoted(text);
    let cure = "write rsync://USER@HOST/FOLDER, or sftp:// where the mirror has no rsync";
    let bad = |what: &str| Bad::new(format!("{shown} {what}"), cure);
    let (is_rsync, rest) = match (text.strip_prefix("rsync://"), text.strip_prefix("sftp://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(bad("is not the address of a folder on another machine")),
    };
    let (user, rest) = rest.split_once('@').ok_or_else(|| bad("names no user"))?;
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if user.is_empty() || user.starts_with('-') || user.len() > NAME_BYTES_MAX || !user.bytes().all(is_user) {
        return Err(bad("names no user that ssh takes"));
    }
    let at = rest.find('/').ok_or_else(|| bad("names no folder"))?;
    let (authority, folder) = rest.split_at(at);
    let (host, port) = match port_of(authority) {
        None => (authority, SSH_PORT),
        Some((host, port)) => {
            let port = port.parse().ok().filter(|port| *port != 0);
            (host, port.ok_or_else(|| bad("has a port that is none"))?)
        }
    };
    if !is_host(host) {
        return Err(bad("names no host"));
    }
    let folder = folder.trim_end_matches('/');
    let is_folder = folder.len() > 1 && folder[1..].split('/').all(is_plain_name);
    if !is_folder {
        let what = format!("{shown} names no folder of its own");
        return Err(Bad::new(
            what,
            "write its whole path, of letters, digits, `.`, `_` and `-`, such as /srv/status",
        ));
    }
    Ok(SshUrl {
        is_rsync,
        user: user.to_owned(),
        host: host.to_ascii_lowercase(),
        port,
        folder: folder.to_owned(),
    })
}

fn parse_host_key(text: &str) -> Result<String, Bad> {
    let mut words = text.split_ascii_whitespace();
    let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_kind = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start))
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-@.".contains(&byte));
    let is_key = (KEY_LETTERS_MIN..=KEY_LETTERS_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    if is_kind && is_key {
        return Ok(format!("{kind} {key}"));
    }
    let cure = "write what `ssh-keyscan -t ed25519 HOST` prints behind the name, after you compared it with the mirror's own \
                /etc/ssh/ssh_host_ed25519_key.pub";
    Err(Bad::new(format!("{} is not the public key of a host", quoted(text)), cure))
}

fn parse_ssh_key(text: &str) -> Result<PathBuf, Bad> {
    let path = parse_file(text)?;
    // ssh would read these as something else than letters of a name (ssh_config(5), TOKENS).
    let is_plain = !text.contains(['"', '%', '$', '\\']) && !text.chars().any(char::is_control);
    if path.is_absolute() && is_plain {
        return Ok(path);
    }
    let what = format!("{} cannot be the file of a key of ssh", quoted(text));
    Err(Bad::new(
        what,
        "write its whole path, without quotes, `%`, `$` and backslashes, such as \"/etc/portcullis/mirror.key\"",
    ))
}

fn parse_endpoint(text: &str) -> Result<String, Bad> {
    let shown = quoted(text);
    let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => (false, ""),
    };
    let (host, port) = port_of(rest).map_or((rest, None), |(host, port)| (host, Some(port)));
    let is_port = port.is_none_or(|port| port.parse().is_ok_and(|port: u16| port != 0));
    if !is_host(host) || !is_port {
        let cure =
            "write https://HOST, without the bucket, such as \"https://s3.eu-central-1.amazonaws.com\"";
        return Err(Bad::new(format!("{shown} is not the address of a store"), cure));
    }
    let bare = host.trim_matches(['[', ']']);
    let is_here =
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !is_https && !is_here {
        let what = format!("{shown}: over plain http anybody on the way could change the page");
        return Err(Bad::new(what, format!("write \"https://{rest}\"")));
    }
    Ok(text.to_ascii_lowercase())
}

fn parse_bucket(text: &str) -> Result<String, Bad> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (3..=63).contains(&text.len())
        && text.bytes().all(|byte| is_letter(byte) || b".-".contains(&byte))
        && [text.bytes().next(), text.bytes().next_back()].into_iter().flatten().all(is_letter)
        && !text.contains("..");
    if is_name {
        return Ok(text.to_owned());
    }
    let what = format!("{} cannot be the name of a bucket", quoted(text));
    Err(Bad::new(what, "write 3 to 63 small letters, digits, dots and hyphens, as the store shows it"))
}

fn parse_prefix(text: &str) -> Result<String, Bad> {
    if text.len() <= PREFIX_BYTES_MAX && text.split('/').all(is_plain_name) {
        return Ok(text.to_owned());
    }
    let what = format!("{} cannot be what names in a bucket begin with", quoted(text));
    Err(Bad::new(
        what,
        "write names of letters, digits, `.`, `_` and `-` with `/` between them, none at either end",
    ))
}

fn parse_word(text: &str) -> Result<String, Bad> {
    let is_word = (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/,\"".contains(&byte));
    if is_word {
        return Ok(text.to_owned());
    }
    let what = format!("{} is no word that a store uses", quoted(text));
    Err(Bad::new(what, "write it as the store shows it, without spaces and slashes"))
}

/// Whether something stands behind the user (RFC 3986, section 3.2.1).
fn has_password(url: &str) -> bool {
    let before = url.split_once('@').map_or("", |(before, _)| before);
    before.split_once("://").is_some_and(|(_, user)| user.contains(':'))
}

/// A name that programs of other machines take as nothing else.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

const SSH_PORT: u16 = 22;
const NAME_BYTES_MAX: usize = 128;
const PREFIX_BYTES_MAX: usize = 256;
/// A key of Ed25519 has 68.
const KEY_LETTERS_MIN: usize = 64;
const KEY_LETTERS_MAX: usize = 4_096;
