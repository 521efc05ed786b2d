//! Every statement of a series, judged.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all statements a few are findings")]

use std::collections::HashMap;
use std::ops::Range;

use super::data::{self, NewTables};
use super::finding::{Finding, Kind, Pass};
use super::routine::{Called, Routines};
use super::rules::{Judgement, Rules, same};
use crate::audit::document::Document;
use crate::audit::host;
use crate::audit::inventory::{Class, Entry, Inventory, TableKind};
use crate::audit::statement::{Call, Nesting, Statement, StatementKind, Unread, Wording};
use crate::sql::{IndexKey, TableRef};

/// One file of the series.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// As it is shown.
    pub path: &'a str,
    /// What places count in.
    pub text: &'a str,
    /// What it says.
    pub document: &'a Document,
}

const INDEX: &str = "no rule about the data rests on it";
const INDEX_HELP: &str = "move it into the registry (`cicerone import` writes the entry), so that it is built concurrently and \
    in its own time; if it must stay, say why in a comment before it: cicerone:allow performance-index: REASON";
const DATA_HELP: &str = "change data in batches outside of the migration, as a [[backfill]] of the registry; if it must stay, say why in \
    a comment before it: cicerone:allow data-change: REASON";
const SEED_HELP: &str = "this project seeds elsewhere; if it must stay, say why in a comment before it: cicerone:allow seed: REASON";
const READ_HELP: &str = "put it right: what cannot be read here fails or does something else when it is run";
const REACH_HELP: &str =
    "look at it yourself, and say in a comment before it what you found: cicerone:allow not-judged: REASON";

/// Judges a series. `inventory` is what was taken of the same files. In the order of the files, and of each file's bytes. What notes allow is
/// not looked at here.
pub fn judge(files: &[File<'_>], inventory: &Inventory, rules: &Rules) -> Vec<Finding> {
    let routines = Routines::of(files);
    let mut found = Vec::new();
    for (position, file) in files.iter().enumerate() {
        let mut entries = inventory.entries.iter().filter(|it| it.is_statement() && it.spot.file == position);
        let mut judge = Judge {
            position,
            file,
            rules,
            routines: &routines,
            found: Vec::new(),
            again: HashMap::new(),
            new: NewTables::default(),
        };
        let mut made =
            file.document.made.iter().filter(|it| it.direction != host::Direction::Down).peekable();
        for statement in &file.document.statements {
            while let Some(table) = made.next_if(|it| it.range.start <= statement.at) {
                judge.new.follow_made(table);
            }
            let entry = match &statement.kind {
                StatementKind::CreateIndex(index) if index.wording == Wording::Said => entries.next(),
                _ => None,
            };
            judge.statement(statement, entry);
        }
        for unread in &file.document.unread {
            judge.unread(unread);
        }
        judge.count_turns();
        judge.found.sort_by_key(|it| (it.range.start, it.range.end));
        found.extend(judge.found);
    }
    found
}

struct Judge<'a> {
    position: usize,
    file: &'a File<'a>,
    rules: &'a Rules,
    routines: &'a Routines,
    found: Vec<Finding>,
    /// Findings that the turns of a loop have at one place, by the first one: all of them are told as that.
    again: HashMap<usize, usize>,
    new: NewTables,
}

impl Judge<'_> {
    fn statement(&mut self, statement: &Statement, entry: Option<&Entry>) {
        let runs = statement.nesting != Nesting::Routine;
        if runs {
            self.new.follow(statement);
        }
        match &statement.kind {
            StatementKind::CreateIndex(_) => {
                if let Some(entry) = entry {
                    self.index(statement, entry);
                }
            }
            StatementKind::Dml(change) => {
                let pass = data::pass(change, &self.new);
                // A seed is one only where it is told from other changes.
                let kind = if pass == Some(Pass::Seed) { Kind::Seed } else { Kind::DataChange };
                let help = if kind == Kind::Seed { SEED_HELP } else { DATA_HELP };
                let pass = if runs { self.unless_refused(pass) } else { Some(Pass::Routine) };
                self.add(statement, kind, data::what(change), data::why(change), help, pass);
            }
            StatementKind::Call(call) => self.call(statement, call, runs),
            _ => {}
        }
    }

    fn index(&mut self, statement: &Statement, entry: &Entry) {
        if entry.class() != Class::Performance {
            return;
        }
        let standing = entry.alive.as_ref().map_or(&entry.index, |it| &it.index);
        let named = |name: &crate::audit::inventory::Relation| TableRef {
            schema: Some(name.schema.clone()),
            name: name.name.clone(),
        };
        let (index, table) = (named(standing), named(&entry.table));
        let pass = if statement.nesting == Nesting::Routine {
            Some(Pass::Routine)
        } else if entry.table_kind == TableKind::Temporary || self.new.is_temporary(&entry.shape.table) {
            Some(Pass::Temporary)
        } else if self.rules.keep.iter().any(|it| same(it, &index)) {
            Some(Pass::Kept)
        } else if self.rules.indexes_on_new_tables == Judgement::Allow
            && (self.new.has(&entry.shape.table) || self.new.has(&table))
        {
            Some(Pass::NewTable)
        } else {
            None
        };
        let keys: Vec<String> = entry.shape.keys.iter().map(IndexKey::render).collect();
        let what = format!("CREATE INDEX {} ON {} ({})", entry.index.name, entry.table.name, keys.join(", "));
        self.add(statement, Kind::PerformanceIndex, what, INDEX.to_owned(), INDEX_HELP, pass);
    }

    fn call(&mut self, statement: &Statement, call: &Call, runs: bool) {
        let routine = (!runs).then_some(Pass::Routine);
        let names: Vec<String> = call.routines.iter().map(super::rules::shown).collect();
        match self.routines.judge(call, self.rules) {
            Called::Changes(why) => {
                let what = format!("call of {}", names.join(", "));
                self.add(statement, Kind::DataChange, what, why, DATA_HELP, routine);
            }
            Called::Unknown(name) => {
                let pass = routine.or_else(|| self.unless_refused(Some(Pass::OutOfReach)));
                let what = format!("CALL {}", super::rules::shown(&name));
                let why = "what this procedure does is not said in these files".to_owned();
                self.add(statement, Kind::OutOfReach, what, why, REACH_HELP, pass);
            }
            Called::Harmless => {}
        }
    }

    fn unread(&mut self, unread: &Unread) {
        let (kind, what, help, pass) = if unread.why.is_broken() {
            (Kind::NotRead, "not read", READ_HELP, None)
        } else {
            (Kind::OutOfReach, "not judged", REACH_HELP, self.unless_refused(Some(Pass::OutOfReach)))
        };
        self.found.push(Finding {
            file: Some(self.position),
            path: self.file.path.to_owned(),
            range: unread.at..unread.at,
            place: unread.place,
            kind,
            what: what.to_owned(),
            message: unread.why.to_string(),
            help: help.to_owned(),
            pass,
        });
    }

    fn unless_refused(&self, pass: Option<Pass>) -> Option<Pass> {
        pass.filter(|it| data::lets(it, self.rules) == Judgement::Allow)
    }

    fn add(
        &mut self,
        statement: &Statement,
        kind: Kind,
        what: String,
        message: String,
        help: &str,
        pass: Option<Pass>,
    ) {
        let range = span(statement);
        if self.file.document.part(statement).is_some_and(|part| part.turn.is_some()) {
            let same = |it: &Finding| it.range == range && it.kind == kind && it.pass == pass;
            if let Some(first) = self.found.iter().rposition(same) {
                *self.again.entry(first).or_insert(1) += 1;
                return;
            }
        }
        self.found.push(Finding {
            file: Some(self.position),
            path: self.file.path.to_owned(),
            range,
            place: statement.place,
            kind,
            what,
            message,
            help: help.to_owned(),
            pass,
        });
    }
}

impl Judge<'_> {
    /// Says of what stands for several turns of a loop how many they are.
    fn count_turns(&mut self) {
        for (first, turns) in self.again.drain() {
            if let Some(finding) = self.found.get_mut(first) {
                finding.message = format!("{}; a loop does this {turns} times", finding.message);
            }
        }
    }
}

fn span(statement: &Statement) -> Range<usize> {
    statement.at..statement.end.max(statement.at)
}
