//! `docs/preflight.md` lists exactly the questions that are asked.

use cicerone::domain::check::{Question, Waivable};

#[test]
fn the_page_lists_every_check_in_order_and_who_may_waive_it() {
    let page = include_str!("../../docs/preflight.md");
    let listed: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        })
        .collect();
    let asked: Vec<(&str, &str)> = Question::ALL
        .iter()
        .map(|it| {
            let waivable = if it.waivable() == Waivable::Never { "never" } else { "yes" };
            (it.name(), waivable)
        })
        .collect();
    assert_eq!(listed, asked);
}
