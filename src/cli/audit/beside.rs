//! Where migrations, registry and database differ, line by line for any page.

use crate::audit::reconcile::Reconciled;

use super::answer::Answer;

/// What was compared, as a heading.
pub(super) fn title(answer: &Answer<'_>) -> &'static str {
    match (answer.files.is_empty(), answer.with_registry, answer.live.is_some()) {
        (false, true, true) => "Migrations, registry and database",
        (false, false, true) => "Migrations and database",
        (true, true, true) => "Registry and database",
        _ => "Registry",
    }
}

/// How many agree.
pub(super) fn agreement(answer: &Answer<'_>, it: &Reconciled) -> String {
    let where_ = if answer.live.is_some() && answer.with_registry && !answer.files.is_empty() {
        "wherever they belong"
    } else {
        "in both"
    };
    format!("{} the same {where_}", it.same)
}

/// What differs and what an index is missing from: a word and an index each.
pub(super) fn lines(it: &Reconciled) -> Vec<(&'static str, &str)> {
    let lists: [(&'static str, &Vec<String>); 6] = [
        ("in migrations only", &it.migrations_only),
        ("in the registry only", &it.registry_only),
        ("in the database only", &it.live_only),
        ("not in the database", &it.not_live),
        ("not in the registry", &it.not_in_registry),
        ("not in the migrations, which is no fault", &it.not_in_migrations),
    ];
    lists.into_iter().flat_map(|(word, names)| names.iter().map(move |name| (word, name.as_str()))).collect()
}

/// One index with several definitions: who says what, and what differs.
pub(super) fn definitions(it: &crate::audit::reconcile::Difference) -> Vec<(&'static str, &str)> {
    let sides = [("migrations", &it.migrations), ("registry", &it.registry), ("database", &it.live)];
    let sides = sides.into_iter().filter_map(|(side, text)| Some((side, text.as_deref()?)));
    sides.chain(it.what.iter().map(|line| ("differs in", line.as_str()))).collect()
}
