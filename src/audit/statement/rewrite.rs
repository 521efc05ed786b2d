//! What stands in bodies and the grammar does not know, written over so that all offsets stay.
//!
//! `INTO` of PL/pgSQL, which the grammar knows at one place of a query and PL/pgSQL allows at any: `SELECT … FROM … INTO
//! x`, `INSERT … RETURNING id INTO x`. And variables of templates, which psql leaves alone inside of quotes and other
//! programs do not: `:SCHEMA.jobs`.

use std::ops::Range;

use super::super::lexis::{Kind, begins_name, lexeme};

/// `text` with the targets of `INTO` in its dollar-quoted bodies written over by spaces; `None` when there is none.
pub(super) fn without_into(text: &str) -> Option<String> {
    rewritten(text, into)
}

/// `text` with `:name` in its dollar-quoted bodies written over by a name; `None` when there is none.
pub(super) fn without_variables(text: &str) -> Option<String> {
    rewritten(text, variables)
}

fn rewritten(text: &str, body: impl Fn(&[u8], Range<usize>, &mut [u8]) -> bool) -> Option<String> {
    let mut result = text.as_bytes().to_vec();
    let mut found = false;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let piece = lexeme(bytes, at);
        match piece.kind {
            Kind::Dollar { inside: (start, end), closed: true } => {
                found |= body(bytes, start..end, &mut result);
            }
            Kind::Space
            | Kind::Comment
            | Kind::Word
            | Kind::Text { .. }
            | Kind::Quoted { .. }
            | Kind::Dollar { .. }
            | Kind::Sign(_) => {}
        }
        at = piece.end;
    }
    if found { String::from_utf8(result).ok() } else { None }
}

/// Words that `INTO` follows where it belongs to the statement itself.
const OWN: [&str; 2] = ["insert", "merge"];
/// Statements of PL/pgSQL that have an INTO of their own.
const OTHERS: [&str; 3] = ["fetch", "execute", "move"];

fn variables(bytes: &[u8], range: Range<usize>, result: &mut [u8]) -> bool {
    let inner = &bytes[..range.end];
    let (mut at, mut found, mut last) = (range.start, false, 0_u8);
    while at < inner.len() {
        let piece = lexeme(inner, at);
        if piece.kind == Kind::Sign(b':')
            && last != b':'
            && inner.get(piece.end).is_some_and(|byte| begins_name(*byte))
        {
            result[at] = b'_';
            found = true;
        }
        last = inner[at];
        at = piece.end;
    }
    found
}

fn into(bytes: &[u8], range: Range<usize>, result: &mut [u8]) -> bool {
    let inner = &bytes[..range.end];
    let mut at = range.start;
    let (mut found, mut starts) = (false, true);
    let (mut first, mut last): (&[u8], &[u8]) = (b"", b"");
    while at < inner.len() {
        let piece = lexeme(inner, at);
        match piece.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Sign(b';') => starts = true,
            Kind::Word => {
                let word = &inner[at..piece.end];
                let is =
                    |all: &[&str], word: &[u8]| all.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()));
                if is(&["into"], word) && !is(&OWN, last) && !is(&OTHERS, first) {
                    let end = targets(inner, piece.end);
                    blank(&mut result[at..end]);
                    found = true;
                    at = end;
                    continue;
                }
                if starts {
                    first = word;
                }
                starts = is(&["begin", "then", "else", "loop", "declare"], word);
                last = word;
            }
            Kind::Text { .. } | Kind::Quoted { .. } | Kind::Dollar { .. } | Kind::Sign(_) => {
                starts = false;
                last = b"";
            }
        }
        at = piece.end;
    }
    found
}

/// Line breaks stay, and so do places.
fn blank(bytes: &mut [u8]) {
    for byte in bytes {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// The end of `[STRICT] target [, …]` behind an INTO.
fn targets(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    // Behind the last sign that belongs to the targets.
    let mut end = from;
    let mut wants_name = true;
    while at < bytes.len() {
        let piece = lexeme(bytes, at);
        match piece.kind {
            Kind::Space | Kind::Comment => {}
            Kind::Word if wants_name => {
                wants_name = bytes[at..piece.end].eq_ignore_ascii_case(b"strict");
                end = piece.end;
            }
            Kind::Quoted { .. } if wants_name => {
                wants_name = false;
                end = piece.end;
            }
            Kind::Sign(b'.' | b',') if !wants_name => wants_name = true,
            Kind::Sign(b'[') if !wants_name => {
                let Some(length) = memchr::memchr(b']', &bytes[at..]) else { return end };
                at += length + 1;
                end = at;
                continue;
            }
            Kind::Word | Kind::Quoted { .. } | Kind::Text { .. } | Kind::Dollar { .. } | Kind::Sign(_) => {
                return end;
            }
        }
        at = piece.end;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_templates_become_names() {
        assert_eq!(
            without_variables("do $$ declare j :S.jobs; begin x := y::text; end $$").as_deref(),
            Some("do $$ declare j _S.jobs; begin x := y::text; end $$")
        );
    }

    #[test]
    fn targets_are_written_over_where_they_are_no_part_of_the_query() {
        for (text, wanted) in [
            (
                "do $$ begin select 1 from t into strict a.b, c[1]; end $$",
                "do $$ begin select 1 from t                      ; end $$",
            ),
            (
                "do $$ begin insert into t values (1) returning id into x; end $$",
                "do $$ begin insert into t values (1) returning id       ; end $$",
            ),
        ] {
            assert_eq!(without_into(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "insert into t select 1",
            "do $$ begin insert into t values (1); fetch c into x; execute 'select 1' into x; end $$",
            "do $$ begin raise notice 'x into y'; -- into z\n end $$",
        ] {
            assert_eq!(without_into(text), None, "{text}");
        }
    }
}
