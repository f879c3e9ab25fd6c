//! Why a page is not where it should be.

use std::io;
use std::path::PathBuf;

use web_io::FetchError;

use crate::export::ExportError;

/// Why a page could not be brought to a place. It is tried again; each message says what to do if that does not help.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// A folder of this machine.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// What lies on the mirror is noted in a file, and pages are laid ready in a folder; that failed.
    #[error("cannot write `{}`, where pages for a mirror are made ready: {source}; it must belong to the gate's user", path.display())]
    Work {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It cannot be written to as it is configured.
    #[error("{why}; mend it and reload the gate")]
    Unusable {
        /// Why.
        why: String,
    },
    /// The program that speaks to the mirror is not there.
    #[error("cannot run `{program}`: {source}; install it on this machine")]
    Program {
        /// Its name.
        program: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// It did not end in time.
    #[error(
        "`{program}` was not done within {seconds} s and was ended: the mirror, or the way to it, is too slow or hangs"
    )]
    Late {
        /// The program.
        program: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It did not do what it was to.
    #[error("{cure} (`{program}` said: {said})")]
    Refused {
        /// The program.
        program: &'static str,
        /// What to do about it.
        cure: &'static str,
        /// Its last words, cut and escaped.
        said: String,
    },
    /// The store takes too long over a whole page.
    #[error("the page was not in the store within {seconds} s: the store, or the way to it, is too slow")]
    Slow {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The store cannot be reached, or answers nothing that can be read.
    #[error("{0}; the store or the way to it is down")]
    Unreachable(#[from] FetchError),
    /// The store does not take a file, or does not let it go.
    #[error("{cure} (the store answered {status} {code} to `{key}`)")]
    Store {
        /// The status of its answer.
        status: u16,
        /// Its own word for it, cut and escaped.
        code: String,
        /// The name of the file there.
        key: String,
        /// What to do about it.
        cure: &'static str,
    },
    /// A task of our own broke off.
    #[error("it broke off: {0}; this is a mistake of Portcullis")]
    Broken(String),
}
