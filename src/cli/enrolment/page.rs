//! What became of everything that was found, for people.

use std::fmt::Write as _;

use super::{Enrolled, LeftOut, NO_DOMAIN};
use crate::cli::table::safe;
use crate::text::plural;

pub(super) fn page(it: &Enrolled) -> String {
    let mut text = String::new();
    if let Some(diff) = &it.diff {
        for line in diff.lines() {
            let _ = writeln!(text, "{}", safe(line, None));
        }
    }
    for entry in &it.added {
        let line =
            format!("added     {}  on {}  [{}]  {}", entry.index, entry.table, entry.domain, entry.from);
        let _ = writeln!(text, "{}", safe(&line, None));
    }
    for differing in &it.differing {
        let line = format!("differs   {}  {}: the entry stays as it is", differing.index, differing.from);
        let _ = writeln!(text, "{}", safe(&line, None));
        let _ = writeln!(text, "          registry  {}", safe(&differing.registry, None));
        let _ = writeln!(text, "          found     {}", safe(&differing.found, None));
    }
    list(&mut text, "refused ", &it.refused);
    list(&mut text, "left out", &it.left_out);
    text.push_str(&sums(it));
    text
}

fn list(text: &mut String, word: &str, indexes: &[LeftOut]) {
    for it in indexes {
        let line = format!("{word}  {}  on {}  {}: {}", it.index, it.table, it.from, it.why);
        let _ = writeln!(text, "{}", safe(&line, None));
    }
}

fn sums(it: &Enrolled) -> String {
    let verb = match it.outcome {
        "shown" => "would be added to",
        _ => "added to",
    };
    let mut sums = format!(
        "{} {verb} {}, {} there already, {} with another definition, {} refused, {} left out\n",
        plural(it.added.len(), "entry", "entries"),
        if it.registry == "-" { "standard output".to_owned() } else { safe(&it.registry, None) },
        it.present.len(),
        it.differing.len(),
        it.refused.len(),
        it.left_out.len(),
    );
    for (whose, count) in &it.others {
        let _ = writeln!(sums, "{} {whose} not looked at", plural(*count, "index", "indexes"));
    }
    let without = it.added.iter().filter(|entry| entry.domain == NO_DOMAIN).count();
    if without > 0 {
        let _ = writeln!(
            sums,
            "{without} of them have no domain and say \"{NO_DOMAIN}\": --domains FILE gives each table one"
        );
    }
    sums
}
