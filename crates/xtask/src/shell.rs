//! Runs other programs, quietly or with their output passed on line by line.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use lab::checkout;

/// The most of a quiet program's output that is kept to be shown, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShellError {
    /// It could not be started.
    #[error("cannot run {command}: {error}")]
    Start { command: Line, error: io::Error },
    /// It ended with an error.
    #[error("{command} failed:\n{output}")]
    Failed { command: Line, output: String },
}

/// A command line as a person would type it.
#[derive(Debug)]
pub(crate) struct Line(String);

impl Line {
    /// What was attempted, for steps that are no program.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

/// Runs `command`; its output is shown only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String, ShellError> {
    let line = line_of(command);
    match command.stdin(Stdio::null()).output() {
        Err(error) => Err(ShellError::Start { command: line, error }),
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            let bytes = [output.stdout, output.stderr].concat();
            let begin = bytes.len().saturating_sub(OUTPUT_BYTES_MAX);
            let output = String::from_utf8_lossy(&bytes[begin..]).into_owned();
            Err(ShellError::Failed { command: line, output })
        }
    }
}

/// Runs `command`, passes its output on and shows each line of it to `see`.
pub(crate) fn run_aloud(command: &mut Command, see: &mut (dyn FnMut(&str) + Send)) -> Result<(), ShellError> {
    let line = line_of(command);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Err(ShellError::Start { command: line, error }),
    };
    let see = Mutex::new(see);
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| errors.map(|errors| pass_on(errors, io::stderr(), &see)));
        if let Some(output) = output {
            pass_on(output, io::stdout(), &see);
        }
    });
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ShellError::Failed { command: line, output: status.to_string() }),
        Err(error) => Err(ShellError::Start { command: line, error }),
    }
}

/// The Cargo that runs this command, in the checkout, so that the pinned toolchain is kept.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    // Output is passed on through pipes; colours would hide the runner's lines from the tally.
    command.current_dir(checkout()).env("CARGO_TERM_COLOR", "never");
    command
}

fn pass_on(from: impl Read, mut to: impl Write, see: &Mutex<&mut (dyn FnMut(&str) + Send)>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // A reader that left (`| head`) does not end the run.
        let _unheard = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let mut see = see.lock().unwrap_or_else(PoisonError::into_inner);
        see(text.trim_end());
        line.clear();
    }
}

fn line_of(command: &Command) -> Line {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    Line(words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_quoted_with_its_command_line() {
        let mut command = Command::new("sh");
        let error = run_quietly(command.args(["-c", "echo broken; exit 1"])).expect_err("it fails");
        assert_eq!(error.to_string(), "`sh -c echo broken; exit 1` failed:\nbroken\n");
    }

    #[test]
    fn lines_of_both_outputs_are_seen() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2"]);
        run_aloud(&mut command, &mut |line| seen.push(line.to_owned())).expect("it succeeds");
        seen.sort();
        assert_eq!(seen, ["one", "two"]);
    }
}
