//! What notes in files can call the findings of all commands.

use crate::guard;
use crate::lint::{ALLOW_RULE, rule};

/// Every name. A command looks after its own, and leaves those of the others alone.
pub(super) fn of_notes() -> Vec<&'static str> {
    let mut names = guard::NAMES.to_vec();
    names.extend(rule::ALL.iter().map(|it| it.id));
    names.extend([ALLOW_RULE, "unreadable", "lint"]);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things_and_the_rules_know_those_of_the_guard() {
        let rules: Vec<&str> = rule::ALL.iter().map(|it| it.id).collect();
        for name in guard::NAMES {
            assert!(!rules.contains(&name), "{name}");
            assert!(crate::lint::OF_OTHERS.contains(&name), "{name}");
        }
    }
}
