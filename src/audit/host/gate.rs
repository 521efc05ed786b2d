//! Whether a string is SQL, by its first words: prose and identifiers that mention an index are not.

use super::composed::{Composed, PLACEHOLDER};

/// How much a string has to look like SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The program runs it: its first word is enough.
    Executed,
    /// Anybody's string: it has to have the shape of a statement.
    Plain,
}

/// Words that a statement can begin with.
const FIRST: [&str; 56] = [
    "ABORT",
    "ALTER",
    "ANALYZE",
    "ANALYSE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WITH",
    "RENAME",
    "IF",
    "REPLACE",
];

/// What can be created, altered and dropped.
const OBJECTS: [&str; 50] = [
    "ACCESS",
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "CONSTRAINT",
    "CONVERSION",
    "DATABASE",
    "DEFAULT",
    "DOMAIN",
    "EVENT",
    "EXTENSION",
    "FOREIGN",
    "FUNCTION",
    "GLOBAL",
    "GROUP",
    "INDEX",
    "LANGUAGE",
    "LARGE",
    "LOCAL",
    "MATERIALIZED",
    "OPERATOR",
    "OR",
    "OWNED",
    "POLICY",
    "PROCEDURE",
    "PROCEDURAL",
    "PUBLICATION",
    "RECURSIVE",
    "ROLE",
    "ROUTINE",
    "RULE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLE",
    "TABLESPACE",
    "TEMP",
    "TEMPORARY",
    "TEXT",
    "TRANSFORM",
    "TRIGGER",
    "TRUSTED",
    "TYPE",
    "UNIQUE",
    "UNLOGGED",
    "USER",
    "VIEW",
];

/// How many words and signs are looked at for a statement's shape.
const FAR: usize = 4_000;

/// Whether a text is SQL.
pub(super) fn is_sql(composed: &Composed, trust: Trust) -> bool {
    let mut words = Words { rest: composed.text() };
    let Some(first) = words.next() else { return false };
    if first == PLACEHOLDER {
        // What comes first is not known: only a call that runs it makes it SQL, and only if there is more.
        return trust == Trust::Executed && words.next().is_some();
    }
    if first == "(" {
        return is_word(words.next(), "SELECT") && has(&mut words, "FROM");
    }
    let known = FIRST.iter().any(|word| first.eq_ignore_ascii_case(word));
    known && (trust == Trust::Executed || shaped(first, words))
}

fn is_word(word: Option<&str>, wanted: &str) -> bool {
    word.is_some_and(|word| word.eq_ignore_ascii_case(wanted))
}

fn has(words: &mut Words<'_>, wanted: &str) -> bool {
    words.take(FAR).any(|word| word.eq_ignore_ascii_case(wanted))
}

/// Whether what follows the first word makes it a statement and not a sentence.
fn shaped(first: &str, mut words: Words<'_>) -> bool {
    let second = words.next();
    match first.to_ascii_uppercase().as_str() {
        "CREATE" => match second.map(str::to_ascii_uppercase).as_deref() {
            Some("INDEX") => index_on(words),
            Some("UNIQUE") => is_word(words.next(), "INDEX") && index_on(words),
            Some("TABLE") => has(&mut words, "("),
            // Whether it is unique is decided when the program runs: `CREATE {unique}INDEX`.
            Some(word) if is_placeholder(word) => {
                (word.ends_with("INDEX") || is_word(words.next(), "INDEX")) && index_on(words)
            }
            Some(object) => OBJECTS.contains(&object) && words.next().is_some(),
            None => false,
        },
        "ALTER" => is_object(second) && words.take(3).count() == 3,
        "DROP" => is_object(second) && drops(words),
        "INSERT" | "MERGE" => is_word(second, "INTO") && words.take(3).count() == 3,
        "DELETE" => is_word(second, "FROM") && deletes(words),
        "UPDATE" => {
            let mut near = words.by_ref().take(8);
            near.any(|word| word.eq_ignore_ascii_case("SET")) && has(&mut words, "=")
        }
        "SELECT" => selects(second, words),
        "WITH" => words.any(|word| word.eq_ignore_ascii_case("AS")) && has(&mut words, "("),
        "DO" => {
            second.is_some_and(|word| word.starts_with(['$', '\'']) || word.eq_ignore_ascii_case("LANGUAGE"))
        }
        "REINDEX" => is_object(second) || second == Some("("),
        "TRUNCATE" | "LOCK" => is_word(second, "TABLE"),
        "COMMENT" => is_word(second, "ON") && has(&mut words, "IS"),
        "GRANT" | "REVOKE" => has(&mut words, "ON"),
        "REFRESH" => is_word(second, "MATERIALIZED"),
        "COPY" => {
            words.take(6).any(|word| ["FROM", "TO"].iter().any(|wanted| word.eq_ignore_ascii_case(wanted)))
        }
        "SET" | "RESET" => second.is_some() && sets(first, words),
        "VACUUM" | "ANALYZE" | "ANALYSE" | "CLUSTER" | "EXPLAIN" => second.is_some() && words.count() < 40,
        "BEGIN" | "COMMIT" | "ROLLBACK" => second == Some(";"),
        _ => false,
    }
}

/// `[CONCURRENTLY] [IF NOT EXISTS] [name] ON [ONLY] table [USING method] (`, or all behind the table put in by the program.
fn index_on(mut words: Words<'_>) -> bool {
    let mut near = words.by_ref().take(16);
    if !near.any(|word| word.eq_ignore_ascii_case("ON")) {
        return false;
    }
    let behind: Vec<&str> = words.take(10).collect();
    behind.contains(&"(") || behind.get(1).is_some_and(|word| is_placeholder(word))
}

/// Whether a word begins with a part that is not known.
fn is_placeholder(word: &str) -> bool {
    word.get(..PLACEHOLDER.len()).is_some_and(|start| start.eq_ignore_ascii_case(PLACEHOLDER))
}

/// Names, commas and CASCADE until the end or a semicolon.
fn drops(words: Words<'_>) -> bool {
    let rest: Vec<&str> = words.take(24).take_while(|word| *word != ";").collect();
    let optional = ["CONCURRENTLY", "IF", "EXISTS", "CASCADE", "RESTRICT", ",", "."];
    let names = rest.iter().filter(|word| !optional.iter().any(|is| word.eq_ignore_ascii_case(is))).count();
    let commas = rest.iter().filter(|word| matches!(**word, "," | ".")).count();
    names > 0
        && (names <= commas + 1 || rest.iter().any(|word| matches!(*word, "(") || is_word(Some(word), "ON")))
}

fn deletes(mut words: Words<'_>) -> bool {
    if words.next().is_none() {
        return false;
    }
    let next = words.find(|word| *word != "." && !word.eq_ignore_ascii_case("ONLY"));
    let after = ["WHERE", "USING", "AS", "RETURNING", ";"];
    next.is_none_or(|word| after.iter().any(|is| word.eq_ignore_ascii_case(is)) || words.next().is_some())
}

fn selects(second: Option<&str>, mut words: Words<'_>) -> bool {
    let Some(second) = second else { return false };
    let lone = second.bytes().all(|byte| byte.is_ascii_digit());
    (lone && words.rest.trim().len() <= 1)
        || words.any(|word| word == "(" || word.eq_ignore_ascii_case("FROM"))
}

/// `SET name = value`, `SET name TO value`, `SET LOCAL ...`.
fn sets(first: &str, words: Words<'_>) -> bool {
    if first.eq_ignore_ascii_case("RESET") {
        return words.count() < 2;
    }
    words.take(4).any(|word| matches!(word, "=" | ":=") || word.eq_ignore_ascii_case("TO"))
}

fn is_object(word: Option<&str>) -> bool {
    word.is_some_and(|word| OBJECTS.iter().any(|object| word.eq_ignore_ascii_case(object)))
}

/// Words and signs of a text; comments, and the insides of literals, are passed over.
#[derive(Clone)]
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn pass(&mut self) {
        loop {
            let text = self.rest.trim_start_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
            self.rest = if text.starts_with("--") {
                text.find('\n').and_then(|at| text.get(at + 1..)).unwrap_or_default()
            } else if text.starts_with("/*") {
                after_comment(text)
            } else {
                self.rest = text;
                return;
            };
        }
    }
}

/// The text behind a block comment, which may hold others.
fn after_comment(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (Some(b'*'), Some(b'/')) => {
                depth = depth.saturating_sub(1);
                at += 2;
                if depth == 0 {
                    return text.get(at..).unwrap_or_default();
                }
            }
            _ => at += 1,
        }
    }
    ""
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.pass();
        let first = self.rest.chars().next()?;
        let wordy = |char: char| char.is_alphanumeric() || char == '_';
        let length = if wordy(first) {
            self.rest.find(|char| !wordy(char) && char != '$').unwrap_or(self.rest.len())
        } else if matches!(first, '"' | '\'') {
            self.rest[1..].find(first).map_or(self.rest.len(), |end| end + 2)
        } else if first == ':' && self.rest.starts_with(":=") {
            2
        } else {
            first.len_utf8()
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(word)
    }
}
