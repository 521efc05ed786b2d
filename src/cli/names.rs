//! What notes in files can call the findings of all commands.

use crate::guard;
use crate::lint::{ALL_RULES, rule};

/// Every name. A command looks after its own, and leaves those of the others alone.
pub(super) fn of_notes() -> Vec<&'static str> {
    let mut names = guard::NAMES.to_vec();
    names.push(ALL_RULES);
    names.extend(rule::ALL.iter().map(|it| it.id));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut names = of_notes();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
