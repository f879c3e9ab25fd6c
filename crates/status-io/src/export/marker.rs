//! The file that says that a folder is an export's, and what in it is.

use std::collections::BTreeSet;

use super::error::ExportError;
use super::hand::{Folder, Hand};
use crate::files::{Files, is_place};

/// The file by which a folder of exports is known.
pub const MARKER: &str = ".portcullis-status";

/// Places that exports have put files at, or are about to.
pub(super) type Places = BTreeSet<String>;

/// The places that are an export's own; none in a new folder.
///
/// # Errors
/// [`ExportError::Foreign`] for a folder that holds something and has no marker.
pub(super) fn read(root: &Folder) -> Result<Places, ExportError> {
    let Some(bytes) = root.read(MARKER, BYTES_MAX)? else {
        // The root of a file system has a folder of its own; the marker's copy is what a crash may leave.
        let foreign = root.entries()?.into_iter().find(|(name, _)| name != "lost+found" && name != COPY);
        return match foreign {
            Some((name, _)) => {
                let name = name.escape_debug().take(SHOWN_CHARS).collect();
                Err(ExportError::Foreign { path: root.path().to_owned(), name })
            }
            None => Ok(Places::new()),
        };
    };
    // What a damaged marker does not name stays where it is; a last line without its end may be half of a name.
    let text = String::from_utf8_lossy(&bytes);
    let (text, _) = text.rsplit_once('\n').unwrap_or_default();
    let places = text.lines().skip(1).filter(|line| is_place(line));
    Ok(places.take(PLACES_MAX).map(str::to_owned).collect())
}

/// Replaces the marker.
pub(super) fn write(hand: &mut Hand<'_>, root: &Folder, places: &Places) -> Result<(), ExportError> {
    let mut text = HEAD.to_owned();
    for place in places {
        text.push_str(place);
        text.push('\n');
    }
    hand.remove(root, COPY)?;
    hand.write(root, COPY, text.as_bytes())?;
    hand.rename((root, COPY), (root, MARKER))?;
    hand.sync(root)
}

const HEAD: &str = "Portcullis exports a status page into this folder. These files are replaced, and removed when they end:\n";
const COPY: &str = ".portcullis-status.tmp";
/// Places of two pages, or of more of which some failed: files beyond stay where they are.
const PLACES_MAX: usize = 2 * Files::FILES_MAX;
/// So many places with one page more, each as long as it may be.
const BYTES_MAX: u64 = 4 << 20;
const SHOWN_CHARS: usize = 80;
