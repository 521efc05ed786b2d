//! Routines that change data when they are called.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all statements a few bear on what a routine does")]

use super::data::{NewTables, pass, what};
use super::judge::File;
use super::rules::{Rules, same, shown};
use crate::audit::Place;
use crate::audit::statement::{Call, Caller, Nesting, StatementKind};
use crate::sql::TableRef;

/// Routines of extensions that move rows.
const MOVERS: [&str; 3] = ["partition_data_id", "partition_data_proc", "partition_data_time"];

/// One routine of the series.
#[derive(Debug)]
struct Routine {
    name: TableRef,
    /// The first change in its body: in words, and where.
    changes: Option<String>,
    calls: Vec<TableRef>,
}

/// All routines of the series.
#[derive(Debug, Default)]
pub(super) struct Routines {
    known: Vec<Routine>,
}

/// What a call comes to.
pub(super) enum Called {
    /// It changes data: how that is known.
    Changes(String),
    /// A procedure of which nothing is known.
    Unknown(TableRef),
    /// Nothing that is known to change data.
    Harmless,
}

impl Routines {
    pub(super) fn of(files: &[File<'_>]) -> Self {
        let mut found = Self::default();
        for file in files {
            // The routine that the next statements may stand in.
            let mut open: Option<(usize, usize, NewTables)> = None;
            for statement in &file.document.statements {
                if let StatementKind::Routine(name) = &statement.kind {
                    open = Some((found.known.len(), statement.end, NewTables::default()));
                    found.known.push(Routine { name: name.clone(), changes: None, calls: Vec::new() });
                    continue;
                }
                let Some((position, end, new)) = &mut open else { continue };
                if statement.nesting != Nesting::Routine || statement.at >= *end {
                    continue;
                }
                new.follow(statement);
                let Some(routine) = found.known.get_mut(*position) else { continue };
                match &statement.kind {
                    StatementKind::Dml(change) if pass(change, new).is_none() => {
                        let place = told(file.path, statement.place);
                        routine.changes.get_or_insert_with(|| format!("{}, {place}", what(change)));
                    }
                    StatementKind::Call(call) => routine.calls.extend(call.routines.iter().cloned()),
                    _ => {}
                }
            }
        }
        found.spread();
        found
    }

    /// Whoever calls one that changes data changes data.
    fn spread(&mut self) {
        loop {
            let mut reached = Vec::new();
            for (position, routine) in self.known.iter().enumerate().filter(|(_, it)| it.changes.is_none()) {
                let through = routine.calls.iter().find_map(|called| self.changes(called));
                reached.extend(through.map(|why| (position, why)));
            }
            if reached.is_empty() {
                return;
            }
            for (position, why) in reached {
                self.known[position].changes = Some(why);
            }
        }
    }

    fn changes(&self, name: &TableRef) -> Option<String> {
        self.known.iter().filter(|it| same(&it.name, name)).find_map(|it| it.changes.clone())
    }

    /// What is known of a call.
    pub(super) fn judge(&self, call: &Call, rules: &Rules) -> Called {
        for name in &call.routines {
            if rules.looping_functions.iter().any(|it| same(it, name)) {
                return Called::Changes(format!(
                    "{} is on the list of routines that change data",
                    shown(name)
                ));
            }
            if let Some(why) = self.changes(name) {
                return Called::Changes(format!("{} changes data when it is called ({why})", shown(name)));
            }
            if MOVERS.contains(&name.name.as_str()) {
                return Called::Changes(format!("{} moves rows between tables", shown(name)));
            }
        }
        match (call.caller, call.routines.as_slice()) {
            (Caller::Call, [name]) if !self.known.iter().any(|it| same(&it.name, name)) => {
                Called::Unknown(name.clone())
            }
            _ => Called::Harmless,
        }
    }
}

fn told(path: &str, place: Place) -> String {
    format!("{path}:{place}")
}
