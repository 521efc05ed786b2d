//! What notes allow: `cicerone:allow NAME, NAME: reason` for a statement, `cicerone:allow-file NAME: reason` for a file.
//!
//! A name is a rule, a kind of finding, or a command for all of its own. All commands share the names: each asks for its own and leaves
//! those of the others alone, and a name that nobody has is told by all of them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::place::Place;
use super::{Document, Note, PartKind};
use crate::text::nearest;

/// What a note can begin with.
const STATEMENT: &str = "allow";
const FILE: &str = "allow-file";
/// What people write who know the notes of other programs.
const FOREIGN: [&str; 9] =
    ["disable", "ignore", "ignore-file", "nolint", "noqa", "off", "skip", "suppress", "waive"];

/// A note that allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Byte of its `cicerone:`.
    pub at: usize,
    /// Place of its `cicerone:`.
    pub place: Place,
    /// What is allowed; at least one.
    pub names: Vec<String>,
    /// Why.
    pub reason: String,
    /// Bytes of the file that it speaks of.
    pub covers: Vec<Range<usize>>,
}

/// A note that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadNote {
    /// Byte of its `cicerone:`.
    pub at: usize,
    /// Place of its `cicerone:`.
    pub place: Place,
    /// What is wrong with it.
    pub why: NoteProblem,
}

/// What can be wrong with a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteProblem {
    /// No word of ours.
    #[error("`cicerone:{0}` says nothing: write `cicerone:allow NAME: reason`")]
    Verb(String),
    /// Nothing is named.
    #[error("this allows nothing by name: write `cicerone:allow NAME: reason`")]
    NoName,
    /// Nobody says why.
    #[error("this gives no reason: write `cicerone:allow {0}: reason`")]
    NoReason(String),
    /// Nobody has such a name.
    #[error("nothing is called `{name}`{}", .meant.as_ref().map(|it| format!(": `{it}`?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The name that is like it.
        meant: Option<String>,
    },
    /// There is nothing to allow.
    #[error("`{0}` allows nothing: there is no such finding here")]
    Unused(String),
}

/// The notes of a file, and which of them were of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowances {
    allows: Vec<Allow>,
    bad: Vec<BadNote>,
    /// Note and name, by position.
    used: BTreeSet<(usize, usize)>,
}

impl Allowances {
    /// Reads the notes of a file. `text` is what its places count in.
    pub fn read(document: &Document, text: &str) -> Self {
        let mut found = Self::default();
        for note in &document.notes {
            match said(&note.text) {
                Some(Ok((scope, names, reason))) => found.allows.push(Allow {
                    at: note.at,
                    place: note.place,
                    names,
                    reason,
                    covers: match scope {
                        Scope::File => std::iter::once(0..text.len() + 1).collect(),
                        Scope::Statement => covered(document, text, note),
                    },
                }),
                Some(Err(why)) => found.bad.push(BadNote { at: note.at, place: note.place, why }),
                None => {}
            }
        }
        found
    }

    /// Why a finding at byte `at` is allowed under any of `names`; `None` when it is not. Counts the note as used.
    pub fn reason(&mut self, names: &[&str], at: usize) -> Option<&str> {
        let mut found = None;
        for (position, allow) in self.allows.iter().enumerate() {
            if !allow.covers.iter().any(|range| range.contains(&at)) {
                continue;
            }
            for (which, name) in allow.names.iter().enumerate() {
                if names.contains(&name.as_str()) {
                    self.used.insert((position, which));
                    found = found.or(Some(allow.reason.as_str()));
                }
            }
        }
        found
    }

    /// What is wrong with the notes, when everything was asked for: `own` are the names that were asked for, `all` those of all
    /// commands. In the order of the file.
    pub fn complaints(&self, own: &[&str], all: &[&str]) -> Vec<BadNote> {
        let mut found = self.bad.clone();
        for (position, allow) in self.allows.iter().enumerate() {
            for (which, name) in allow.names.iter().enumerate() {
                let why = if own.contains(&name.as_str()) {
                    if self.used.contains(&(position, which)) {
                        continue;
                    }
                    NoteProblem::Unused(name.clone())
                } else if all.contains(&name.as_str()) {
                    continue;
                } else {
                    let meant = nearest(name, all.iter().copied()).map(str::to_owned);
                    NoteProblem::Unknown { name: name.clone(), meant }
                };
                found.push(BadNote { at: allow.at, place: allow.place, why });
            }
        }
        found.sort_by_key(|it| it.at);
        found
    }

    /// The notes that are well-formed.
    pub fn allows(&self) -> &[Allow] {
        &self.allows
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Statement,
    File,
}

/// Scope, names and reason.
type Said = (Scope, Vec<String>, String);

/// What a note says; `None` when it only mentions the program.
fn said(note: &str) -> Option<Result<Said, NoteProblem>> {
    let text = note.trim_start();
    let end =
        text.find(|it: char| !(it.is_ascii_alphabetic() || matches!(it, '-' | '_'))).unwrap_or(text.len());
    let (verb, rest) = text.split_at(end);
    let scope = match verb {
        STATEMENT => Scope::Statement,
        FILE => Scope::File,
        // `image: cicerone:latest` is none of ours.
        _ => {
            let meant = FOREIGN.contains(&verb) || nearest(verb, [STATEMENT, FILE]).is_some();
            return (meant && text.len() == note.len()).then(|| Err(NoteProblem::Verb(verb.to_owned())));
        }
    };
    let (names, reason) = rest.split_once(':').map_or((rest, None), |(names, reason)| (names, Some(reason)));
    let names: Vec<String> = names
        .split(|it: char| it == ',' || it.is_whitespace())
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    let reason = reason.unwrap_or_default().trim();
    Some(if names.is_empty() {
        Err(NoteProblem::NoName)
    } else if reason.chars().any(char::is_alphanumeric) {
        Ok((scope, names, reason.to_owned()))
    } else {
        Err(NoteProblem::NoReason(names.join(", ")))
    })
}

/// The bytes that a note for a statement speaks of: behind code, what stands on its line; on a line of its own, the
/// statement that comes next, or the one around it where none comes.
fn covered(document: &Document, text: &str, note: &Note) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> =
        document.statements.iter().chain(&document.undoing).map(|it| it.at..it.end.max(it.at + 1)).collect();
    items.extend(document.unread.iter().map(|it| it.at..it.at + 1));
    // A program's string is what its statement is to the program.
    let strings: Vec<&Range<usize>> = document
        .parts
        .iter()
        .filter(|part| !matches!(part.kind, PartKind::File(_)))
        .map(|part| &part.range)
        .collect();
    let line = text.get(..note.at).and_then(|it| it.rfind('\n')).map_or(0, |end| end + 1);
    if note.trailing {
        let touches = |it: &Range<usize>| it.start < note.at && it.end > line;
        let mut touching: Vec<Range<usize>> = items.iter().filter(|it| touches(it)).cloned().collect();
        if touching.is_empty() {
            touching.extend(strings.iter().filter(|it| touches(it)).map(|it| (*it).clone()));
        }
        let inner: Vec<Range<usize>> = touching
            .iter()
            .filter(|it| !touching.iter().any(|other| is_inside(other, it)))
            .cloned()
            .collect();
        if !inner.is_empty() {
            return inner;
        }
        // The end of a call whose strings stand above.
        if text
            .get(line..note.at)
            .is_some_and(|code| code.trim_start().starts_with([')', ']', '}', '"', '\'', '`']))
        {
            let above = strings.iter().filter(|it| it.end <= line).max_by_key(|it| it.end);
            return above.map(|it| (*it).clone()).into_iter().collect();
        }
    }
    let around = items.iter().filter(|it| it.contains(&note.at)).min_by_key(|it| it.len());
    let next = items.iter().filter(|it| it.start > note.at).min_by_key(|it| (it.start, usize::MAX - it.end));
    match (around, next) {
        (Some(around), Some(next)) if next.start >= around.end => vec![around.clone()],
        (Some(around), None) => vec![around.clone()],
        (_, Some(next)) => {
            let string = strings.iter().find(|it| it.contains(&next.start) && !it.contains(&note.at));
            vec![string.map_or_else(|| next.clone(), |it| (*it).clone())]
        }
        (None, None) => Vec::new(),
    }
}

fn is_inside(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    inner != outer && inner.start >= outer.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::super::super::host::{Language, extract};
    use super::super::super::layout::Tool;
    use super::super::super::place::Lines;
    use super::super::super::prepass::prepare;
    use super::super::super::statement::read;
    use super::super::{Direction, Halves, of_host, of_sql};
    use super::*;
    use crate::audit::host::Transaction;

    fn sql(text: &str) -> Document {
        let (script, lines) = (prepare(text), Lines::of(text));
        let reading = read(&script, 0..script.pieces.len(), &lines);
        let halves = Halves {
            tool: Tool::Plain,
            direction: Direction::Up,
            undoing: Vec::new(),
            transaction: Transaction::Unsaid,
        };
        of_sql(text, &script, &lines, reading, &halves)
    }

    /// The lines whose first statement or error is allowed under `a`.
    fn allowed(document: &Document, text: &str) -> Vec<usize> {
        let mut notes = Allowances::read(document, text);
        let mut places: Vec<(usize, usize)> =
            document.statements.iter().chain(&document.undoing).map(|it| (it.at, it.place.line)).collect();
        places.extend(document.unread.iter().map(|it| (it.at, it.place.line)));
        places.sort_unstable();
        places
            .into_iter()
            .filter(|(at, _)| notes.reason(&["a"], *at).is_some())
            .map(|(_, line)| line)
            .collect()
    }

    #[test]
    fn a_note_covers_the_next_statement_or_those_of_its_line() {
        for (text, wanted) in [
            ("-- cicerone:allow a: why\nselect 1;\nselect 2;", vec![2]),
            ("select 1;\n\n/* cicerone:allow a: why */\n\n-- more\nselect 2;\nselect 3;", vec![6]),
            ("select 1; -- cicerone:allow a: why\nselect 2;", vec![1]),
            ("select 1; select 2; -- cicerone: allow a : why\nselect 2;", vec![1, 1]),
            ("select\n1 -- cicerone:allow a: why\n;\nselect 2;", vec![1]),
            ("select\n-- cicerone:allow a: why\n1;\nselect 2;", vec![1]),
            ("do $$ begin\n-- cicerone:allow a: why\nselect 1;\nselect 2; end $$;", vec![3]),
            ("do $$ begin\nselect 1; -- cicerone:allow a: why\nselect 2; end $$;", vec![2]),
            ("do $$ begin\nselect 1;\n-- cicerone:allow a: why\nend $$;\nselect 2;", vec![1, 2]),
            ("-- cicerone:allow a: why\ndo $$ begin\nselect 1; end $$;\nselect 2;", vec![2, 3]),
            ("-- cicerone:allow a: why\ncreate index on on t (a);\nselect 2;", vec![2]),
            ("select 1;\nselect 2;\n-- cicerone:allow-file a: why", vec![1, 2]),
            ("-- cicerone:allow b: why\nselect 1;", vec![]),
            ("-- cicerone:allow b, a: why\nselect 1;", vec![2]),
            ("select 'cicerone:allow a: why';", vec![]),
        ] {
            assert_eq!(allowed(&sql(text), text), wanted, "{text}");
        }
    }

    #[test]
    fn a_note_of_a_program_covers_the_string_that_follows_or_that_its_line_ends() {
        for (text, wanted) in [
            (
                "# cicerone:allow a: why\nop.execute(\"select 1; select 2\")\nop.execute(\"select 3\")\n",
                vec![2, 2],
            ),
            ("op.execute(  # cicerone:allow a: why\n  \"select 1\"\n)\nop.execute(\"select 3\")\n", vec![2]),
            (
                "op.execute(\n  '''\nselect 1\n'''\n)  # cicerone:allow a: why\nop.execute(\"select 3\")\n",
                vec![3],
            ),
            ("op.execute('''\nselect 1\n''')  # cicerone:allow a: why\nop.execute(\"select 3\")\n", vec![2]),
            ("op.execute('''\n-- cicerone:allow a: why\nselect 1;\nselect 2''')\n", vec![3]),
        ] {
            let document = of_host(text, &extract(Language::Python, text));
            assert_eq!(allowed(&document, text), wanted, "{text}");
        }
    }

    #[test]
    fn notes_without_a_name_or_a_reason_and_of_no_use_are_told() {
        let text = "-- cicerone:allow a\nselect 1;\n-- cicerone:allow: why\nselect 2;\n-- cicerone:allow a: --\nselect 3;\n\
                    -- cicerone:ignore a: why\n-- cicerone:alow a: why\n-- image cicerone:latest, see cicerone: the tool\n\
                    select 4;\n-- cicerone:allow a, ab, other, wrong: why\nselect 5;\n-- cicerone:allow a: why\nselect 6;";
        let document = sql(text);
        let mut notes = Allowances::read(&document, text);
        let six = document.statements[5].at;
        assert_eq!(notes.reason(&["a", "mine"], six), Some("why"));
        let said: Vec<String> = notes
            .complaints(&["a", "mine"], &["a", "mine", "other", "abc"])
            .iter()
            .map(|it| format!("{} {}", it.place, it.why))
            .collect();
        assert_eq!(
            said,
            [
                "1:4 this gives no reason: write `cicerone:allow a: reason`",
                "3:4 this allows nothing by name: write `cicerone:allow NAME: reason`",
                "5:4 this gives no reason: write `cicerone:allow a: reason`",
                "7:4 `cicerone:ignore` says nothing: write `cicerone:allow NAME: reason`",
                "8:4 `cicerone:alow` says nothing: write `cicerone:allow NAME: reason`",
                "11:4 `a` allows nothing: there is no such finding here",
                "11:4 nothing is called `ab`: `a`?",
                "11:4 nothing is called `wrong`",
            ]
        );
    }
}
