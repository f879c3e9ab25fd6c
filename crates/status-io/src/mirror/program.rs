//! Programs of the system: fixed arguments, no shell, an environment of two words, and an end in time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use model::Untrusted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::PushError;

/// One program that is run.
pub(super) struct Program<'a> {
    /// Its name; it is looked for where systems have their programs.
    pub(super) name: &'static str,
    /// After its name.
    pub(super) arguments: &'a [&'a str],
    /// Where it runs.
    pub(super) folder: &'a Path,
    /// What it reads.
    pub(super) input: Vec<u8>,
}

/// Runs it to its end.
///
/// # Errors
/// [`PushError::Program`], [`PushError::Late`], and [`PushError::Refused`] when it says that it failed.
pub(super) async fn run(program: Program<'_>) -> Result<(), PushError> {
    let name = program.name;
    let missing = |source| PushError::Program { program: name, source };
    let mut child = Command::new(name)
        .args(program.arguments)
        .current_dir(program.folder)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    let talked = tokio::time::timeout(WITHIN, talk(&mut child, &program.input)).await;
    let late = |_| PushError::Late { program: name, seconds: WITHIN.as_secs() };
    let (status, said) = talked.map_err(late)?;
    if status.map_err(missing)?.success() {
        return Ok(());
    }
    Err(PushError::Refused { program: name, cure: cure(&said), said: last_words(&said) })
}

/// Gives it what it reads, and takes its last words.
async fn talk(child: &mut Child, input: &[u8]) -> (std::io::Result<std::process::ExitStatus>, Vec<u8>) {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let give = async {
        if let Some(mut stdin) = stdin {
            // A program that does not listen says why by its end.
            let _given = stdin.write_all(input).await;
        }
    };
    let hear = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _heard = stderr.take(SAID_BYTES_MAX).read_to_end(&mut said).await;
        }
        said
    };
    let ((), said) = tokio::join!(give, hear);
    (child.wait().await, said)
}

/// What to do, by words that ssh, sftp and rsync have used for decades.
fn cure(said: &[u8]) -> &'static str {
    let said = String::from_utf8_lossy(said);
    let cures = [
        (
            "Host key verification failed",
            "the mirror shows another key than `host_key`: if its owner says that it was changed, write the new one",
        ),
        (
            "Permission denied (",
            "the mirror does not let `key_file` in: add its public half to authorized_keys there",
        ),
        ("UNPROTECTED PRIVATE KEY", "ssh refuses `key_file`, which others may read: run chmod 600 on it"),
        (
            "No such file or directory",
            "something is not there: make the mirror's folder, and look whether `key_file` exists",
        ),
        ("Permission denied", "the user may not write into the mirror's folder: give it to that user"),
        (
            "command not found",
            "the mirror's machine has no rsync: install it there, or write sftp:// instead of rsync://",
        ),
        ("No space left", "the mirror's disk is full: make room there"),
        ("Could not resolve", "the mirror's name is not known: look at `to` and at the name servers"),
        ("Connection refused", "nothing listens there for ssh: look at `to`, and whether the mirror runs"),
        ("timed out", "the mirror does not answer: it, or the way to it, is down"),
    ];
    let found = cures.iter().find(|(words, _)| said.contains(words));
    found.map_or("the mirror could not be written", |(_, cure)| cure)
}

/// The end of what it said, on one line.
fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join(" / ");
    let begin = (last.len().saturating_sub(Untrusted::BYTES_MAX)..).find(|at| last.is_char_boundary(*at));
    Untrusted::from(&last[begin.unwrap_or_default()..]).to_string()
}

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// A page of 64 MiB needs 9 Mbit/s.
const WITHIN: Duration = Duration::from_secs(60);
/// More than this it need not say.
const SAID_BYTES_MAX: u64 = 16 * 1024;
const LINES_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_missing_or_fails_says_what_to_do() {
        let run = async |name, arguments: &[&str]| {
            let folder = Path::new("/");
            run(Program { name, arguments, folder, input: Vec::new() }).await.unwrap_err().to_string()
        };
        let missing = run("no-such-program", &[]).await;
        assert!(missing.ends_with("install it on this machine"), "{missing}");
        let refused = run("ls", &["--", "/nothing-is-here"]).await;
        assert!(
            refused.starts_with("something is not there: ") && refused.contains("`ls` said: "),
            "{refused}"
        );
    }

    #[test]
    fn last_words_are_few_and_have_no_control_characters() {
        let said = format!("Banner\n\n{}\x1b[31mno\u{202e}\r\nend\n", "é".repeat(400));
        let words = last_words(said.as_bytes());
        assert!(words.ends_with(" / end") && !words.contains(['\x1b', '\u{202e}', '\n']), "{words}");
        assert!(words.len() < 1_024);
    }
}
