//! A page written into a folder, so that whoever reads there never finds a half of it.
//!
//! ```text
//!   mark the folder ─▶ b/SEQ.tmp ─▶ b/SEQ ─▶ b/SEQ.top.tmp ─▶ data, pages, manifest, index ─▶ what ended, old SEQs
//!                      all files    rename   all files again   rename one by one               remove
//! ```
//!
//! All room is taken before the first name changes hands: a disk that is full leaves readers the page as it was. A crash leaves
//! each file whole, old or new; the index is new only when everything else is, and nothing that an old index names is gone before.

mod error;
mod hand;
mod marker;

pub use error::ExportError;
pub use marker::MARKER;

use std::collections::BTreeSet;
use std::path::Path;

use hand::{Folder, Hand};
use marker::Places;

use crate::files::{Files, INDEX, turn};

/// Whole pages that stay in `b` of a folder: the newest, and two from before.
pub const GENERATIONS_KEPT: usize = 3;

/// Writes a page into a folder: whole into `b/SEQ`, and file by file into the folder itself.
///
/// The folder is made if it is not there; the one around it is not. It is readable for everybody, whoever the gate runs as. It
/// waits for disks: not for a thread that serves.
///
/// # Errors
/// See [`ExportError`]; readers find the page that was there, and another attempt goes on from whatever was reached.
pub fn export(folder: &Path, files: &Files) -> Result<(), ExportError> {
    export_with(folder, files, Hand::new(&mut || Ok(()), true))
}

fn export_with(folder: &Path, files: &Files, mut hand: Hand<'_>) -> Result<(), ExportError> {
    let root = hand.root(folder)?;
    let owned = marker::read(&root)?;
    let new: Places = files.places().map(|(place, _)| place.to_owned()).collect();
    marker::write(&mut hand, &root, &owned.union(&new).cloned().collect())?;
    let generations = hand.folder(&root, GENERATIONS)?;
    let written = write(&mut hand, &root, &generations, files);
    if written.is_err() {
        // Room that was taken in vain; what cannot be removed now is removed by the next export.
        clear(&mut hand, &generations).ok();
    }
    written?;
    tidy(&mut hand, &root, &generations, owned.difference(&new))?;
    marker::write(&mut hand, &root, &new)?;
    forget(&mut hand, &generations, files.seq())
}

fn write(hand: &mut Hand<'_>, root: &Folder, generations: &Folder, files: &Files) -> Result<(), ExportError> {
    clear(hand, generations)?;
    let (seq, whole, top) = names(files.seq());
    write_tree(hand, generations, &whole, files)?;
    write_tree(hand, generations, &top, files)?;
    if generations.open(&seq)?.is_some() {
        hand.exchange(generations, &whole, &seq)?;
        hand.remove_tree(generations, &whole)?;
    } else {
        hand.rename((generations, &whole), (generations, &seq))?;
    }
    hand.sync(generations)?;
    switch(hand, root, generations, &top, files)
}

/// Writes all files of a page below a new folder, through to the disk.
fn write_tree(
    hand: &mut Hand<'_>,
    generations: &Folder,
    name: &str,
    files: &Files,
) -> Result<(), ExportError> {
    let tree = hand.folder(generations, name)?;
    for (place, bytes) in files.places() {
        let (folder, name) = hand.descend(&tree, place)?;
        hand.write(&folder, name, bytes)?;
    }
    sync_folders(hand, &tree, files.places().map(|(place, _)| place))
}

/// Puts the files of a tree where readers look, the index last.
fn switch(
    hand: &mut Hand<'_>,
    root: &Folder,
    generations: &Folder,
    top: &str,
    files: &Files,
) -> Result<(), ExportError> {
    let tree = hand.folder(generations, top)?;
    let mut places: Vec<&str> = files.places().map(|(place, _)| place).collect();
    places.sort_by_key(|place| turn(place));
    // What can be in the way is found, and folders take their room, before the first file changes hands.
    for place in &places {
        let (folder, name) = hand.descend(root, place)?;
        folder.refuse_folder(name)?;
    }
    let (index, others): (Vec<&str>, Vec<&str>) = places.into_iter().partition(|place| *place == INDEX);
    for part in [others, index] {
        for place in &part {
            let (from, to) = (hand.descend(&tree, place)?, hand.descend(root, place)?);
            hand.rename((&from.0, from.1), (&to.0, to.1))?;
        }
        // The index must not be on the disk before what it leads to.
        sync_folders(hand, root, part.into_iter())?;
    }
    Ok(())
}

/// Removes what the page had and has no more, and what was only written to be moved.
fn tidy<'p>(
    hand: &mut Hand<'_>,
    root: &Folder,
    generations: &Folder,
    ended: impl Iterator<Item = &'p String>,
) -> Result<(), ExportError> {
    clear(hand, generations)?;
    for place in ended {
        match remove(hand, root, place) {
            // Somebody has put something else there since: it is not ours.
            Err(ExportError::Obstacle { .. }) => {}
            removed => removed?,
        }
    }
    Ok(())
}

/// Removes a file, and the folders around it that are empty then.
fn remove(hand: &mut Hand<'_>, root: &Folder, place: &str) -> Result<(), ExportError> {
    let Some((folder, name)) = find(root, place)? else { return Ok(()) };
    hand.remove(&folder, name)?;
    let mut place = place;
    while let Some((folders, _)) = place.rsplit_once('/') {
        if let Some((around, name)) = find(root, folders)? {
            hand.remove_empty(&around, name)?;
        }
        place = folders;
    }
    Ok(())
}

/// Removes whole pages but this one and the newest others.
fn forget(hand: &mut Hand<'_>, generations: &Folder, seq: u64) -> Result<(), ExportError> {
    let names = generations.entries()?.into_iter().map(|(name, _)| name);
    let mut others: Vec<u64> =
        names.filter_map(|name| name.parse().ok()).filter(|other| *other != seq).collect();
    others.sort_unstable_by(|one, other| other.cmp(one));
    for other in others.into_iter().skip(GENERATIONS_KEPT - 1) {
        hand.remove_tree(generations, &other.to_string())?;
    }
    Ok(())
}

/// Removes what an export left that did not come to its end.
fn clear(hand: &mut Hand<'_>, generations: &Folder) -> Result<(), ExportError> {
    for (name, _) in generations.entries()? {
        let is_undone =
            |(seq, rest): (&str, &str)| seq.parse::<u64>().is_ok() && (rest == UNDONE || rest == UNDONE_TOP);
        if name.split_once('.').is_some_and(is_undone) {
            hand.remove_tree(generations, &name)?;
        }
    }
    Ok(())
}

/// Syncs the folders that these places lie in, the innermost first, and the tree itself.
fn sync_folders<'p>(
    hand: &mut Hand<'_>,
    tree: &Folder,
    places: impl Iterator<Item = &'p str>,
) -> Result<(), ExportError> {
    let around = |place: &'p str| place.match_indices('/').map(move |(at, _)| &place[..at]);
    let folders: BTreeSet<&str> = places.flat_map(around).collect();
    for folder in folders.into_iter().rev() {
        let (around, name) = hand.descend(tree, folder)?;
        let folder = hand.folder(&around, name)?;
        hand.sync(&folder)?;
    }
    hand.sync(tree)
}

/// The folder that a place lies in, if it is there, and the name in it.
fn find<'p>(root: &Folder, place: &'p str) -> Result<Option<(Folder, &'p str)>, ExportError> {
    let Some((folders, name)) = place.rsplit_once('/') else {
        return Ok(root.open(".")?.map(|root| (root, place)));
    };
    let mut folder = None;
    for inner in folders.split('/') {
        folder = folder.as_ref().unwrap_or(root).open(inner)?;
        if folder.is_none() {
            return Ok(None);
        }
    }
    Ok(folder.map(|folder| (folder, name)))
}

/// A whole page, the same while it is written, and the copy whose files are moved.
fn names(seq: u64) -> (String, String, String) {
    (seq.to_string(), format!("{seq}.{UNDONE}"), format!("{seq}.{UNDONE_TOP}"))
}

const GENERATIONS: &str = "b";
const UNDONE: &str = "tmp";
const UNDONE_TOP: &str = "top.tmp";

#[cfg(test)]
mod tests;
