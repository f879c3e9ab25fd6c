//! What can be wrong with a recording.

/// Why bytes are no recording that can be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordingError {
    /// Something else.
    #[error("this is no recording of Portcullis; `portcullis ctl recordings export FILE` writes one")]
    Foreign,
    /// Of another version of the format.
    #[error(
        "the recording has format {found}, and this version reads format {known}; use the version that wrote it"
    )]
    Format {
        /// The one that was found.
        found: char,
        /// The one that is known.
        known: char,
    },
    /// Bytes were changed.
    #[error("the recording is damaged at byte {at}: {what}; export or copy it again")]
    Damaged {
        /// Where the block begins.
        at: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// It breaks off.
    #[error("the recording breaks off at byte {at}; export or copy it again")]
    CutShort {
        /// Where the block begins that is not whole.
        at: usize,
    },
    /// Written by a version whose core keeps other things.
    #[error(
        "the snapshot in the recording is of algorithm {theirs}, which this version, with algorithm {ours}, cannot go on from; use the version that wrote it, {version}"
    )]
    Algorithm {
        /// That of the recording.
        theirs: u32,
        /// That of this program.
        ours: u32,
        /// The program that wrote it.
        version: String,
    },
}
