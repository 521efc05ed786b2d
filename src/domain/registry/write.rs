//! Entries added to the text of a registry.
//!
//! What is there stays as it is, byte for byte: new entries come behind it. Nothing is added that the reader would refuse or
//! warn of, so the result is in order whenever the text was.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::load::{MAX_ENTRIES, MAX_FILE_BYTES, definition, load};
use super::{IndexEntry, Registry};
use crate::domain::diagnostic::{Code, Diagnostic, Severity, Source};
use crate::domain::id::{EntryKey, QualifiedName};
use crate::sql::{IndexShape, quote_qualified};
use crate::text::Untrusted;

/// An entry that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Schema and name of the index.
    pub index: QualifiedName,
    /// Its table.
    pub table: QualifiedName,
    /// What it says.
    pub shape: IndexShape,
    /// Part of the product that it serves.
    pub domain: String,
    /// Where it comes from: the comment above it.
    pub comment: String,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is in the text now.
    Added,
    /// An entry of that name says the same.
    Present,
    /// An entry of that name says something else, and stays. Both as statements.
    Differs {
        /// The entry's.
        registry: String,
        /// The draft's.
        found: String,
    },
    /// An entry of another name has its definition: one is enough.
    SameAs(EntryKey),
    /// The reader would refuse it, for these reasons.
    Refused(Vec<String>),
}

/// The text with what was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The whole text.
    pub text: String,
    /// What became of each draft, in the order of tables and names.
    pub fates: Vec<(Draft, Fate)>,
}

impl Addition {
    /// Drafts that were added.
    pub fn added(&self) -> usize {
        self.fates.iter().filter(|(_, fate)| *fate == Fate::Added).count()
    }
}

/// Why nothing can be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The registry has mistakes already.
    #[error("the registry is not in order")]
    NotInOrder(Vec<Diagnostic>),
    /// More than a registry can hold.
    #[error(
        "{entries} entries in {bytes} bytes are more than one file may hold ({MAX_ENTRIES} and {MAX_FILE_BYTES})"
    )]
    TooMuch {
        /// Entries of all files.
        entries: usize,
        /// Bytes of this one.
        bytes: usize,
    },
    /// Behind this text an entry would not be one.
    #[error("entries cannot be put behind what is there: {0}")]
    NoPlace(String),
}

/// Begin of a file that was not there.
const HEAD: &str = "# Indexes that should exist. Each entry is yours to edit: its domain, what it is for, its queries.\nversion = 1\n";

/// Adds `drafts` to the text of `target`; an empty text is a file that is not there yet. Entries of `others`, the rest of
/// the registry, count as present.
///
/// # Errors
///
/// The registry has mistakes, would be too large, or has a form that nothing can be put behind.
pub fn add(target: &Source, others: &[Source], drafts: &[Draft]) -> Result<Addition, AddError> {
    let mut sources = vec![target.clone()];
    sources.extend(others.iter().filter(|other| other.path != target.path).cloned());
    let before = existing(&sources)?;
    let (mut by_key, mut by_definition) = (HashMap::new(), HashMap::new());
    for entry in &before.entries {
        by_key.entry(entry.key.clone()).or_insert(entry);
        by_definition.entry(definition(&entry.shape, &entry.table)).or_insert_with(|| entry.key.clone());
    }
    let mut drafts: Vec<&Draft> = drafts.iter().collect();
    drafts.sort_by(|one, two| (&one.table, &one.index).cmp(&(&two.table, &two.index)));
    let mut fates: Vec<(Draft, Fate)> = Vec::with_capacity(drafts.len());
    let mut added: HashMap<EntryKey, &Draft> = HashMap::new();
    let mut text = String::new();
    for draft in drafts {
        let key = draft.index.key();
        let fate = match (by_key.get(&key), added.get(&key)) {
            (Some(entry), _) => compare(draft, &entry.shape, &entry.table),
            (None, Some(other)) => compare(draft, &other.shape, &other.table),
            (None, None) => {
                let says = definition(&draft.shape, &draft.table);
                match (by_definition.get(&says), problems(draft)) {
                    (Some(other), _) => Fate::SameAs(other.clone()),
                    (None, found) if !found.is_empty() => Fate::Refused(found),
                    (None, _) => {
                        by_definition.insert(says, key.clone());
                        added.insert(key, draft);
                        text.push_str(&entry(draft));
                        Fate::Added
                    }
                }
            }
        };
        fates.push((draft.clone(), fate));
    }
    let text = behind(&target.text, &text);
    check(Source { path: target.path.clone(), text: text.clone() }, &sources, &before, added.len())?;
    Ok(Addition { text, fates })
}

/// The registry as it is; one without any entry is none that is wrong here.
fn existing(sources: &[Source]) -> Result<Registry, AddError> {
    let there: Vec<Source> = sources.iter().filter(|it| !it.text.is_empty()).cloned().collect();
    match load(&there) {
        Ok(registry) => Ok(registry),
        Err(found) => {
            let wrong = found.iter().any(|it| it.severity == Severity::Error && it.code != Code::Nothing);
            if wrong { Err(AddError::NotInOrder(found)) } else { Ok(empty()) }
        }
    }
}

fn empty() -> Registry {
    Registry {
        entries: Vec::new(),
        backfills: Vec::new(),
        digest: crate::domain::id::Digest::of(b""),
        warnings: Vec::new(),
    }
}

fn compare(draft: &Draft, shape: &IndexShape, table: &QualifiedName) -> Fate {
    if definition(&draft.shape, &draft.table) == definition(shape, table) {
        return Fate::Present;
    }
    let name = &draft.index.name;
    Fate::Differs {
        registry: shape.render_concurrently(name, &table.schema, &table.name),
        found: statement(draft),
    }
}

fn statement(draft: &Draft) -> String {
    draft.shape.render_concurrently(&draft.index.name, &draft.table.schema, &draft.table.name)
}

/// What the reader would say of the entry.
fn problems(draft: &Draft) -> Vec<String> {
    if draft.shape.only {
        return vec!["ON ONLY is for partitioned tables".to_owned()];
    }
    let whole = Source { path: String::new(), text: format!("{HEAD}{}", entry(draft)) };
    match load(&[whole]) {
        Ok(registry) => {
            let same = |it: &IndexEntry| {
                it.key == draft.index.key()
                    && it.table == draft.table
                    && definition(&it.shape, &it.table) == definition(&draft.shape, &draft.table)
            };
            if registry.entries.iter().any(same) {
                Vec::new()
            } else {
                vec!["it would be read as another index than was meant".to_owned()]
            }
        }
        Err(found) => found.into_iter().map(|it| it.message).collect(),
    }
}

fn entry(draft: &Draft) -> String {
    let mut text = String::new();
    for line in draft.comment.lines() {
        // A comment of TOML may hold no control characters.
        let _ = write!(text, "\n# {}", Untrusted::from(line).display_safe(None));
    }
    let _ = write!(
        text,
        "\n[[index]]\nname = {}\ndomain = {}\ntable = {}\nsql = {}\n",
        string(&draft.index.name),
        string(&draft.domain),
        string(&quote_qualified(&draft.table.schema, &draft.table.name)),
        string(&statement(draft)),
    );
    text
}

/// A string of TOML on one line.
fn string(text: &str) -> String {
    let plain = |c: char| c != '\'' && !c.is_control();
    if text.contains('"') && text.chars().all(plain) {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Marks that turn the direction of a line stand written out, so that an editor shows what is there.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `entries` behind `text`, with the ends of lines that it has.
fn behind(text: &str, entries: &str) -> String {
    let mut whole = if text.is_empty() { HEAD.to_owned() } else { text.to_owned() };
    if entries.is_empty() {
        return whole;
    }
    let end = if whole.contains("\r\n") { "\r\n" } else { "\n" };
    if !whole.ends_with('\n') {
        whole.push_str(end);
    }
    whole.push_str(&entries.replace('\n', end));
    whole
}

/// That the result is in order, as the reader sees it, and says nothing that was not said before.
fn check(whole: Source, sources: &[Source], before: &Registry, added: usize) -> Result<(), AddError> {
    let entries = before.entries.len() + before.backfills.len() + added;
    if whole.text.len() > MAX_FILE_BYTES || entries > MAX_ENTRIES {
        return Err(AddError::TooMuch { entries, bytes: whole.text.len() });
    }
    if added == 0 {
        return Ok(());
    }
    let mut sources: Vec<Source> = sources[1..].to_vec();
    sources.insert(0, whole);
    match load(&sources) {
        Ok(after)
            if after.entries.len() == before.entries.len() + added
                && after.warnings.len() == before.warnings.len() =>
        {
            Ok(())
        }
        Ok(_) => Err(AddError::NoPlace("they would be read as something else".to_owned())),
        Err(found) => Err(AddError::NoPlace(
            found
                .into_iter()
                .find(|it| it.severity == Severity::Error)
                .map_or_else(String::new, |it| it.message),
        )),
    }
}

#[cfg(test)]
mod tests;
