//! A mirror that is written over ssh, by the system's `rsync` or `sftp`.
//!
//! The host's key is pinned, there are no passwords and no agent, and nothing of the user's own ssh configuration is read. `rsync`
//! sends what differs in one go; `sftp` asks less of the mirror (no rsync there, and its user can be kept to one folder), and takes a
//! few round trips for each file that changed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::known::{Known, replace};
use super::program::{Program, run};
use super::{PushError, blocking};
use crate::files::{Files, turn};

/// Which program speaks to a mirror.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SshProgram {
    /// rsync, which must be there, too.
    Rsync,
    /// sftp.
    Sftp,
}

/// A folder on a machine that is reached over ssh. Texts come from the gate's own configuration, which has checked them: none of them
/// has a quote, a line end or a percent sign.
#[derive(Clone, Debug)]
pub struct SshMirror {
    /// What writes it.
    pub program: SshProgram,
    /// The user there, who may write to this folder and need not be able to do anything else.
    pub user: String,
    /// Its name or address; an address of IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The folder there, which exists; begins with a slash and does not end with one.
    pub folder: String,
    /// The key of the host: its kind and the key, as in a file of known hosts.
    pub host_key: String,
    /// The file with the private key that opens the mirror.
    pub key_file: PathBuf,
    /// A folder of this machine, of this mirror alone, where pages are made ready.
    pub work: PathBuf,
}

impl SshMirror {
    pub(super) fn name(&self) -> String {
        let scheme = match self.program {
            SshProgram::Rsync => "rsync",
            SshProgram::Sftp => "sftp",
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = if self.port == SSH_PORT { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{host}{port}{}", self.folder)
    }

    /// What ssh is told (ssh_config(5)): each option that matters, so that no file of the system or the user does.
    fn configuration(&self) -> String {
        let options = [
            ("HostName", self.host.clone()),
            ("Port", self.port.to_string()),
            ("User", self.user.clone()),
            ("IdentityFile", format!("\"{}\"", self.key_file.display())),
            ("IdentitiesOnly", "yes".to_owned()),
            ("IdentityAgent", "none".to_owned()),
            ("PreferredAuthentications", "publickey".to_owned()),
            ("BatchMode", "yes".to_owned()),
            ("StrictHostKeyChecking", "yes".to_owned()),
            ("HostKeyAlias", HOST.to_owned()),
            ("UserKnownHostsFile", KNOWN_HOSTS.to_owned()),
            ("GlobalKnownHostsFile", "none".to_owned()),
            ("UpdateHostKeys", "no".to_owned()),
            ("ClearAllForwardings", "yes".to_owned()),
            ("ForwardAgent", "no".to_owned()),
            ("RequestTTY", "no".to_owned()),
            ("PermitLocalCommand", "no".to_owned()),
            ("ControlMaster", "no".to_owned()),
            ("ConnectTimeout", "10".to_owned()),
            ("ServerAliveInterval", "5".to_owned()),
            ("ServerAliveCountMax", "3".to_owned()),
            ("LogLevel", "ERROR".to_owned()),
        ];
        let lines = options.iter().map(|(name, value)| format!("  {name} {value}\n"));
        format!("Host {HOST}\n{}", lines.collect::<String>())
    }
}

/// One mirror, and what lies there.
pub(super) struct Desk {
    mirror: SshMirror,
    known: Option<Known>,
}

impl Desk {
    pub(super) fn new(mirror: SshMirror) -> Self {
        Self { mirror, known: None }
    }

    pub(super) async fn push(&mut self, files: Arc<Files>) -> Result<(), PushError> {
        let (mirror, known, laid) = (self.mirror.clone(), self.known.take(), files.clone());
        // Whatever goes wrong, the note on the disk says what may be there.
        let known = blocking(move || {
            let mut known = known.unwrap_or_else(|| Known::read(mirror.work.join(PLACES)));
            lay_ready(&mirror, &laid)?;
            known.expect(&laid)?;
            Ok(known)
        })
        .await?;
        match self.mirror.program {
            SshProgram::Rsync => self.rsync(&files, &known).await?,
            SshProgram::Sftp => self.sftp(&files, &known).await?,
        }
        let settle = move || {
            let mut known = known;
            known.settle(&files).map(|()| known)
        };
        self.known = Some(blocking(settle).await?);
        Ok(())
    }

    /// All data and pages at once, then the manifest and the index, then what ended goes. Of each step the files appear when all of
    /// them have arrived.
    async fn rsync(&self, files: &Files, known: &Known) -> Result<(), PushError> {
        let (later, first): (Vec<&str>, Vec<&str>) =
            files.placed().map(|(place, _)| place).partition(|place| turn(place) >= LATER);
        for places in [first, later].iter().filter(|places| !places.is_empty()) {
            let arguments =
                ["--files-from=-", "--checksum", "--perms", "--chmod=D755,F644", "--delay-updates"];
            self.rsync_with(&arguments, listed(places.iter().copied())).await?;
        }
        let ended = known.ended(files);
        if ended.is_empty() {
            return Ok(());
        }
        // Of what is named, what is not here is removed there; what is not named is left out, and so is left alone.
        let arguments = ["--recursive", "--include-from=-", "--exclude=*", "--delete"];
        self.rsync_with(&arguments, listed(named(&ended).iter().map(String::as_str))).await
    }

    async fn rsync_with(&self, own: &[&str], input: Vec<u8>) -> Result<(), PushError> {
        let to = format!("{HOST}:{}/", self.mirror.folder);
        // A list is read when its option is, so what says how it ends comes first.
        let mut arguments = vec!["--from0", "--timeout=20", "--rsh=ssh -F ssh.conf"];
        arguments.extend(own);
        arguments.extend(["--", PAGE, &to]);
        run(Program { name: "rsync", arguments: &arguments, folder: &self.mirror.work, input }).await
    }

    /// Every file that changed goes beside its place and then into it, in one step where the server knows how (OpenSSH's does).
    async fn sftp(&self, files: &Files, known: &Known) -> Result<(), PushError> {
        let input = batch(&self.mirror.folder, files, known).into_bytes();
        let arguments = ["-F", SSH_CONFIGURATION, "-b", "-", HOST];
        run(Program { name: "sftp", arguments: &arguments, folder: &self.mirror.work, input }).await
    }
}

/// Texts as rsync reads them from its input.
fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u8> {
    texts.flat_map(|text| text.bytes().chain([0])).collect()
}

/// Patterns that match these places, and the folders above them, without which rsync does not look at them. Places have no letter that
/// means more in a pattern.
fn named(places: &[String]) -> BTreeSet<String> {
    let mut patterns = BTreeSet::new();
    for place in places {
        patterns.insert(format!("/{place}"));
        patterns.extend(place.match_indices('/').map(|(end, _)| format!("/{}/", &place[..end])));
    }
    patterns
}

/// The commands for sftp. A line that begins with `-` may fail.
fn batch(folder: &str, files: &Files, known: &Known) -> String {
    let mut changed: Vec<&str> = files
        .placed()
        .filter(|(place, file)| !known.has(place, &file.etag))
        .map(|(place, _)| place)
        .collect();
    changed.sort_by_key(|place| turn(place));
    let around =
        |place: &'_ str| place.match_indices('/').map(|(at, _)| place[..at].to_owned()).collect::<Vec<_>>();
    let folders: BTreeSet<String> = changed.iter().flat_map(|place| around(place)).collect();
    let mut text: String = folders.iter().map(|inner| format!("-mkdir \"{folder}/{inner}\"\n")).collect();
    for (turn_now, word) in
        (0..=LAST_TURN).flat_map(|turn_now| [(turn_now, Word::Put), (turn_now, Word::Rename)])
    {
        for place in changed.iter().filter(|place| turn(place) == turn_now) {
            // A `String` takes everything.
            let _never_fails = match word {
                Word::Put => writeln!(text, "put \"{PAGE}{place}\" \"{folder}/{place}{BESIDE}\""),
                Word::Rename => writeln!(text, "rename \"{folder}/{place}{BESIDE}\" \"{folder}/{place}\""),
            };
        }
    }
    text.extend(known.ended(files).iter().map(|place| format!("-rm \"{folder}/{place}\"\n")));
    text
}

#[derive(Clone, Copy)]
enum Word {
    Put,
    Rename,
}

/// Writes what ssh is told, and the page, into the work folder.
fn lay_ready(mirror: &SshMirror, files: &Files) -> Result<(), PushError> {
    make_folder(&mirror.work, 0o700)?;
    replace(&mirror.work.join(SSH_CONFIGURATION), mirror.configuration().as_bytes())?;
    replace(&mirror.work.join(KNOWN_HOSTS), format!("{HOST} {}\n", mirror.host_key).as_bytes())?;
    let page = mirror.work.join(PAGE);
    let failed = |path: &Path, source| PushError::Work { path: path.to_owned(), source };
    match fs::remove_dir_all(&page) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&page, error)),
        _ => {}
    }
    for (place, file) in files.placed() {
        let path = page.join(place);
        make_folder(path.parent().unwrap_or(&page), 0o755)?;
        fs::write(&path, &file.bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn make_folder(path: &Path, mode: u32) -> Result<(), PushError> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| PushError::Work { path: path.to_owned(), source })
}

const SSH_PORT: u16 = 22;
/// What the mirror is called in what ssh is told.
const HOST: &str = "mirror";
const SSH_CONFIGURATION: &str = "ssh.conf";
/// In the folder where ssh runs.
const KNOWN_HOSTS: &str = "known_hosts";
const PLACES: &str = "places";
/// The page in the work folder.
const PAGE: &str = "page/";
/// Behind the name of a file that is not whole yet.
const BESIDE: &str = ".new";
/// The manifest, its signature and the index come after all else.
const LATER: u8 = 2;
const LAST_TURN: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Served;

    #[test]
    fn ssh_is_told_everything_that_matters() {
        insta::assert_snapshot!(mirror(SshProgram::Sftp).configuration());
        assert_eq!(mirror(SshProgram::Sftp).name(), "sftp://mirror.example:2222/srv/status");
        let plain = SshMirror { port: 22, host: "2001:db8::1".to_owned(), ..mirror(SshProgram::Rsync) };
        assert_eq!(plain.name(), "rsync://[2001:db8::1]/srv/status");
    }

    #[test]
    fn sftp_puts_data_before_pages_and_the_index_last_and_removes_what_ended() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("places");
        fs::write(&note, "i/old.html\nindex.html\n").unwrap();
        let mut known = Known::read(note);
        insta::assert_snapshot!(batch("/srv/status", &page("1"), &known));
        known.settle(&page("1")).unwrap();
        assert_eq!(batch("/srv/status", &page("1"), &known), "", "nothing has changed");
    }

    #[test]
    fn rsync_is_told_of_what_ended_and_the_folders_above_it_alone() {
        let ended = ["api/v2/incidents/a.json".to_owned(), "i/old.html".to_owned()];
        let named: Vec<String> = named(&ended).into_iter().collect();
        let all =
            ["/api/", "/api/v2/", "/api/v2/incidents/", "/api/v2/incidents/a.json", "/i/", "/i/old.html"];
        assert_eq!(named, all);
        assert_eq!(listed(["/i/", "/i/old.html"].into_iter()), b"/i/\0/i/old.html\0");
    }

    fn mirror(program: SshProgram) -> SshMirror {
        SshMirror {
            program,
            user: "status".to_owned(),
            host: "mirror.example".to_owned(),
            port: 2_222,
            folder: "/srv/status".to_owned(),
            host_key: "ssh-ed25519 AAAA".to_owned(),
            key_file: "/etc/portcullis/mirror.key".into(),
            work: "/var/lib/portcullis/mirrors/one".into(),
        }
    }

    fn page(text: &str) -> Files {
        let mut files = Files::new(1);
        for path in [
            "/",
            "/404.html",
            "/i/a.html",
            "/manifest.json",
            "/manifest.json.sig",
            "/status.txt",
            "/api/v2/status.json",
        ] {
            files.insert(path, Served::new(text.to_owned(), "text/html", format!("\"{text}\""))).unwrap();
        }
        files
    }
}
