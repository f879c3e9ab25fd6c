//! Why keys could not be had.

use std::io;
use std::path::PathBuf;

/// Why the key file or the console's token could not be loaded or made. No message ever holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The state folder cannot be made.
    #[error(
        "cannot make the folder `{path}` for the keys: {source}; make it, or choose another with `[state] dir`"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}; it must belong to the user that the gate runs as")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "cannot write `{path}`: {source}; its folder must be writable for the user that the gate runs as"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Group or others may read or write the file.
    #[error(
        "`{path}` is open to other users (mode {mode:03o}), and whoever reads it can pose as a customer or an admin; \
         run `chmod 600 {path}`"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The first line is not that of a key file of this version.
    #[error(
        "`{path}` does not begin with `{expected}`; it is no key file, or a newer Portcullis wrote it: \
         restore it from a copy, or move it away to begin with new secrets (everybody then logs in again)"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The line that was expected.
        expected: &'static str,
    },
    /// A line is none that a key file has. The secret on it is not repeated.
    #[error(
        "`{path}`, line {line}: expected one of pass, account, reference, tables, each once, and 64 hexadecimal digits; \
         restore the line from a copy, or write the output of `openssl rand -hex 32` behind the name"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A secret is not in the file.
    #[error(
        "`{path}` has no line `{name}`; restore it from a copy, or add `{name} ` with the output of \
         `openssl rand -hex 32`"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Which secret.
        name: &'static str,
    },
    /// The token file holds something else than a token.
    #[error(
        "`{path}` is not a token: it must be one line of {min} to {max} visible ASCII characters; delete the file to \
         get a new one"
    )]
    Token {
        /// The file.
        path: PathBuf,
        /// Shortest token in characters.
        min: usize,
        /// Longest token in characters.
        max: usize,
    },
    /// The file of the status page's key holds something else.
    #[error(
        "`{path}` is not the key of a status page; restore it from a copy, or move it away to get a new one (whoever checks \
         copies of the page must then be told the new key)"
    )]
    PageKey {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}; without them no secret can be made")]
    Random(getrandom::Error),
}
