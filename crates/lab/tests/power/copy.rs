//! Looks at the folder of the page while nobody writes into it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::World;

/// Whether some of the files that readers find are older than others; after a cut that may be. Each must be whole, and the newest page
/// that is kept whole must be signed and complete.
pub(crate) fn is_between_two_pages(world: &World) -> bool {
    let folder = world.export.path();
    let generations = folder.join("b");
    let mut whole: Vec<u64> = names(&generations).iter().filter_map(|name| name.parse().ok()).collect();
    whole.sort_unstable();
    let newest = generations.join(whole.last().expect("one was written before the first cut").to_string());
    let (is_good, said) = world.verify(&newest);
    assert!(is_good, "{}: {said}", newest.display());
    let mut is_between = false;
    for place in places(folder, Path::new("")) {
        let bytes = fs::read(folder.join(&place)).expect("it is there");
        let is_of = |seq: &u64| {
            fs::read(generations.join(seq.to_string()).join(&place)).is_ok_and(|kept| kept == bytes)
        };
        assert!(whole.iter().any(is_of), "{} is of no page: {bytes:?}", place.display());
        is_between |= !is_of(whole.last().expect("it was there"));
    }
    is_between
}

/// The files that readers find, by their places.
fn places(folder: &Path, within: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for name in names(&folder.join(within)) {
        let place = within.join(&name);
        if folder.join(&place).is_dir() {
            if place != Path::new("b") {
                places.extend(self::places(folder, &place));
            }
        } else if !name.starts_with(".portcullis-status") {
            places.push(place);
        }
    }
    places
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
