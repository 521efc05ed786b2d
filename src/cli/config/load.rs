//! One file: every value with its place, or everything that is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use crate::domain::diagnostic::{Code, Diagnostic, Source};
use crate::domain::document::{self, Document, Table, Text};
use crate::text::nearest;

use super::setting::{CONNECTION, Kind, SETTINGS, Section};

/// Largest file that is read.
const MAX_FILE_BYTES: usize = 256 << 10;

/// Keys of a target that people try, and that are refused.
const SECRETS: [&str; 4] = ["password", "passwd", "pgpassword", "sslpassword"];
/// Whole connection strings.
const STRINGS: [&str; 4] = ["dsn", "conninfo", "url", "uri"];

const NO_SECRETS: &str =
    "a password belongs into ~/.pgpass (mode 600), a passfile, a service file or PGPASSWORD";

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Path of the file, as in [`Source::path`].
    pub(super) file: String,
    /// From 1.
    pub(super) line: u32,
    /// From 1.
    pub(super) column: u32,
    /// Bytes of the file.
    pub(super) span: Range<usize>,
}

impl Place {
    fn of(document: &Document<'_>, span: Range<usize>) -> Self {
        let (line, column) = document.place(span.start);
        Self { file: document.path().to_owned(), line, column, span }
    }

    /// A mistake there.
    pub(super) fn mistake(&self, code: Code, message: String, hint: String) -> Diagnostic {
        Diagnostic {
            severity: code.severity(),
            code,
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            span: self.span.clone(),
            message,
            hint: Some(hint),
        }
    }

    /// `file:line`.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A value as its flag would take it; several words for a flag that may be given several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) words: Vec<String>,
    pub(super) place: Place,
}

/// Values by what they are called, see [`Part`].
pub(super) type Values = BTreeMap<&'static str, Value>;

/// A target, or what one file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Its header.
    pub(super) place: Place,
    /// By libpq's word.
    pub(super) connection: Values,
    /// By the argument that says the same.
    pub(super) values: Values,
}

/// An action on other keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    /// Of the action's name.
    pub(super) place: Place,
    /// Names of keys, each with its place.
    pub(super) keys: Vec<(String, Place)>,
}

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// By the argument that says the same.
    pub(super) values: Values,
    /// By name.
    pub(super) targets: BTreeMap<String, Target>,
    /// By action.
    pub(super) keys: BTreeMap<String, Moved>,
}

/// Reads a file. `command` knows the parser of every flag.
pub(super) fn load(source: &Source, command: &clap::Command) -> (Part, Vec<Diagnostic>) {
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    let reader = Reader { folder, command };
    let (part, found) = document::read(source, MAX_FILE_BYTES, |top| reader.file(&top));
    (part.unwrap_or_default(), found)
}

struct Reader<'a> {
    folder: &'a Path,
    command: &'a clap::Command,
}

impl Reader<'_> {
    fn file(&self, top: &Table<'_>) -> Part {
        let mut known = keys(Section::Top);
        known.extend(["console", "keys", "targets"]);
        top.only(&known);
        let mut part = Part { values: self.values(top, Section::Top), ..Part::default() };
        if let Some(console) = top.table("console", "[console]") {
            console.only(&keys(Section::Console));
            part.values.append(&mut self.values(&console, Section::Console));
        }
        if let Some(keys) = top.table("keys", "[keys]") {
            for action in keys.names() {
                let place = Place::of(keys.document, action.span.clone());
                let named = keys.one_or_more(action.value).into_iter();
                let named =
                    named.map(|key| (key.value.to_owned(), Place::of(keys.document, key.span))).collect();
                part.keys.insert(action.value.to_owned(), Moved { place, keys: named });
            }
        }
        if let Some(targets) = top.table("targets", "[targets]") {
            for name in targets.names() {
                let Some(table) = targets.table(name.value, "[targets.NAME]") else { continue };
                part.targets.insert(name.value.to_owned(), self.target(&name, &table));
            }
        }
        part
    }

    fn target(&self, name: &Text<'_>, table: &Table<'_>) -> Target {
        let mut known: Vec<&str> = CONNECTION.iter().map(|part| part.key).collect();
        known.extend(keys(Section::Target));
        let beside: Vec<&str> = SECRETS.iter().chain(&STRINGS).copied().collect();
        table.only_beside(&known, &beside);
        for key in table.names() {
            if SECRETS.contains(&key.value) {
                let message = format!("`{}` is a secret, and this file keeps none", key.value);
                table.document.report(key.span, Code::Secret, message, NO_SECRETS);
            } else if STRINGS.contains(&key.value) {
                let message = format!("`{}` is unknown: a target is no connection string", key.value);
                let hint = format!("write host, port, database and user, or service; {NO_SECRETS}");
                table.document.report(key.span, Code::UnknownKey, message, hint);
            }
        }
        let mut connection = Values::new();
        for part in CONNECTION {
            let place = Place::of(table.document, table.value_span(part.key));
            let words: Vec<String> = self.written(table, part.key, part.kind);
            if words.iter().any(|word| has_secret(word)) {
                let message = format!("`{}` is a connection string, or has a password in it", part.key);
                let hint = format!("write host, port, database and user apart; {NO_SECRETS}");
                table.document.report(place.span, Code::Secret, message, hint);
            } else if !words.is_empty() {
                connection.insert(part.word, Value { words, place });
            }
        }
        let values = self.values(table, Section::Target);
        Target { place: Place::of(table.document, name.span.clone()), connection, values }
    }

    /// The values of a table that have a flag of their own.
    fn values(&self, table: &Table<'_>, section: Section) -> Values {
        let mut values = Values::new();
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            let words = self.written(table, setting.key, setting.kind);
            if words.is_empty() {
                continue;
            }
            let place = Place::of(table.document, table.value_span(setting.key));
            match words.iter().find_map(|word| self.refused(setting.key, setting.arg, word)) {
                Some((message, hint)) => {
                    table.document.report(place.span, Code::UnknownValue, message, hint);
                }
                None => {
                    values.insert(setting.arg, Value { words, place });
                }
            }
        }
        values
    }

    /// The words of a value; none when it is not there, or of another type, which is reported.
    fn written(&self, table: &Table<'_>, key: &str, kind: Kind) -> Vec<String> {
        match kind {
            Kind::Text => table.filled_text(key).into_iter().map(|it| it.value.to_owned()).collect(),
            Kind::Number => table.number(key, 0..=u32::MAX).into_iter().map(|it| it.to_string()).collect(),
            Kind::Switch => table.flag(key).into_iter().map(|it| it.to_string()).collect(),
            Kind::Path => table.filled_text(key).into_iter().map(|it| self.path(it.value)).collect(),
            Kind::Paths => {
                let texts = table.one_or_more(key).into_iter();
                texts.filter_map(|it| table.not_blank(key, it)).map(|it| self.path(it.value)).collect()
            }
        }
    }

    /// A path from the file's own folder. `system` is libpq's word for the operating system's authorities.
    fn path(&self, text: &str) -> String {
        if text == "system" {
            return text.to_owned();
        }
        self.folder.join(text).to_string_lossy().into_owned()
    }

    /// What the parser of an argument has against a word: message and hint.
    fn refused(&self, key: &str, arg: &str, word: &str) -> Option<(String, String)> {
        let arg = self.command.get_arguments().find(|it| it.get_id().as_str() == arg)?;
        let alone = clap::Command::new("value").no_binary_name(true).arg(arg.clone());
        let words = [format!("--{}={word}", arg.get_long()?)];
        let error = alone.try_get_matches_from(words).err()?;
        let possible = arg.get_possible_values();
        let names: Vec<&str> = possible.iter().map(clap::builder::PossibleValue::get_name).collect();
        if names.is_empty() {
            let hint = std::error::Error::source(&error).map(ToString::to_string);
            let hint = hint.unwrap_or_else(|| "see docs/config.md".to_owned());
            return Some((format!("`{word}` cannot be `{key}`"), hint));
        }
        let valid = format!("valid are: {}", names.join(", "));
        let hint = match nearest(word, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? {valid}"),
            None => valid,
        };
        Some((format!("`{word}` is no {key} that this program knows"), hint))
    }
}

fn keys(section: Section) -> Vec<&'static str> {
    SETTINGS.iter().filter(|setting| setting.section == section).map(|setting| setting.key).collect()
}

fn has_secret(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.contains("://") || word.contains("password=")
}
