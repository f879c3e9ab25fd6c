//! The key file's text.

use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::{KeyError, Keys, Secret};

const FIRST_LINE: &str = "portcullis-keys 1";

const NAMES: [&str; 4] = ["pass", "account", "reference", "tables"];

const COMMENT: &str = "\
# The gate's secrets. Keep this file to its owner (mode 600) and out of ordinary backups.
# Another gate that is given a copy accepts this gate's passes.
# After a leak write the output of `openssl rand -hex 32` behind `pass`: all passes end, and people log in again.
# Never change `account` without need: all accounts would count as new ones.
";

/// The whole text of a key file.
pub(super) fn render(keys: &Keys) -> String {
    let mut text = format!("{FIRST_LINE}\n{COMMENT}");
    for (name, secret) in NAMES.iter().zip([&keys.pass, &keys.account, &keys.reference, &keys.tables]) {
        text.push_str(name);
        text.push(' ');
        text.push_str(&HEXLOWER_PERMISSIVE.encode(&secret.0));
        text.push('\n');
    }
    text
}

/// Reads what [`render`] wrote; comments and empty lines are skipped, every secret must be there once.
pub(super) fn parse(path: &Path, text: &str) -> Result<Keys, KeyError> {
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some(FIRST_LINE) {
        return Err(KeyError::Version { path: path.to_owned(), expected: FIRST_LINE });
    }
    let mut found: [Option<Secret>; 4] = [None, None, None, None];
    for (index, line) in lines.enumerate().filter(|(_, line)| !is_skipped(line)) {
        let unknown = || KeyError::Line { path: path.to_owned(), line: index + 2 };
        let (name, secret) = line.trim().split_once(' ').ok_or_else(unknown)?;
        let place = NAMES.iter().position(|known| *known == name).ok_or_else(unknown)?;
        let secret = secret_of(secret.trim()).ok_or_else(unknown)?;
        if found[place].replace(secret).is_some() {
            return Err(unknown());
        }
    }
    let [pass, account, reference, tables] = found;
    let missing = |place: usize| move || KeyError::Missing { path: path.to_owned(), name: NAMES[place] };
    Ok(Keys {
        pass: pass.ok_or_else(missing(0))?,
        account: account.ok_or_else(missing(1))?,
        reference: reference.ok_or_else(missing(2))?,
        tables: tables.ok_or_else(missing(3))?,
    })
}

fn is_skipped(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

fn secret_of(hex: &str) -> Option<Secret> {
    let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
    bytes.try_into().ok().map(Secret)
}
