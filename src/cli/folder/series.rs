//! The order of migrations that say themselves what they follow.

use std::collections::{BTreeMap, BTreeSet};

use super::File;

/// Puts alembic's migrations of each folder in the order of their chain, in the places that they hold by name.
pub(super) fn settle(files: &mut Vec<File>) {
    let mut folders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, file) in files.iter().enumerate() {
        if file.revision.is_some() {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder.to_owned()).or_default().push(position);
        }
    }
    let mut order: Vec<usize> = (0..files.len()).collect();
    for positions in folders.values() {
        for (place, position) in positions.iter().zip(chained(files, positions)) {
            order[*place] = position;
        }
    }
    let mut slots: Vec<Option<File>> = std::mem::take(files).into_iter().map(Some).collect();
    files.extend(order.into_iter().filter_map(|position| slots.get_mut(position)?.take()));
}

/// The positions in the order of the chain. Of those that could come next, the one that comes first by name does; what
/// is left of a ring or of a chain whose beginning is elsewhere keeps its order by name.
fn chained(files: &[File], positions: &[usize]) -> Vec<usize> {
    let revision = |position: &usize| files.get(*position).and_then(|file| file.revision.as_ref());
    let here: BTreeSet<&str> = positions.iter().filter_map(revision).map(|it| it.id.as_str()).collect();
    let mut waits: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    for position in positions {
        let follows: Vec<&str> = revision(position)
            .map(|it| it.follows.iter().map(String::as_str).filter(|id| here.contains(id)).collect())
            .unwrap_or_default();
        open.insert(*position, follows.len());
        for id in follows {
            waits.entry(id).or_default().push(*position);
        }
    }
    let mut ready: BTreeSet<usize> = open.iter().filter(|(_, left)| **left == 0).map(|(at, _)| *at).collect();
    let mut done = Vec::with_capacity(positions.len());
    while let Some(position) = ready.pop_first().or_else(|| open.keys().next().copied()) {
        open.remove(&position);
        done.push(position);
        let followers = revision(&position).and_then(|it| waits.remove(it.id.as_str())).unwrap_or_default();
        for follower in followers {
            if let Some(left) = open.get_mut(&follower) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.insert(follower);
                }
            }
        }
    }
    done
}
