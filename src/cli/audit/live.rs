//! The database beside the files: its indexes, and what its server makes of statements.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::candidate::{Exclusion, Verdict, of_live};
use crate::audit::live::overlaps;
use crate::audit::reconcile::{Question, Sides, Words, questions};
use crate::cli::args::{RunArgs, TargetArgs};
use crate::cli::error::CliError;
use crate::cli::inspect::unreachable;
use crate::cli::surrounding::Surrounding;
use crate::cli::wiring::{self, Reach};
use crate::domain::catalog::Expected;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::EntryKey;
use crate::domain::live::{Level, LiveIndex, LiveIndexes};
use crate::domain::target::Standing;
use crate::pg::PgCatalog;
use crate::pg::connect::Access;
use crate::ports::{Catalog as _, EntryRequest};

/// A database that was read.
pub(super) struct Database {
    pub(super) live: LiveIndexes,
    pub(super) words: Words,
}

/// Reads all indexes on a read-only session, and then has the server try the statements that are to be compared, on
/// temporary copies of their tables in a transaction that is rolled back. A dry run tries nothing.
pub(super) async fn read(
    mut sides: Sides<'_>,
    target: &TargetArgs,
    run: &RunArgs,
    around: &Surrounding,
) -> Result<Database, CliError> {
    let reach = Reach::resolve(target, run, around)?;
    let reader = wiring::reader(&reach, Access::ReadOnly, "cicerone/audit", around)?;
    let live = reader.catalog.live().await.map_err(unreachable)?;
    reader.tasks.close();
    sides.live = Some(&live);
    let (migrations, registry) = questions(sides);
    let access = if run.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let tried = wiring::reader(&reach, access, "cicerone/audit", around)?;
    let words = Words {
        migrations: ask(&tried.catalog, migrations).await?,
        registry: ask(&tried.catalog, registry).await?,
    };
    tried.tasks.close();
    Ok(Database { live, words })
}

/// What the server makes of statements. One that it does not know the table of has no answer.
async fn ask(
    catalog: &PgCatalog,
    questions: Vec<Question>,
) -> Result<BTreeMap<EntryKey, Expected>, CliError> {
    if questions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let requests: Vec<EntryRequest> = questions
        .into_iter()
        .map(|it| EntryRequest {
            key: it.index.key(),
            table: it.table,
            index: it.index.name,
            shape: it.shape,
        })
        .collect();
    let facts = catalog.facts(&requests).await?;
    let mut expected = facts.expected;
    for request in requests {
        expected.entry(request.key).or_insert_with(|| {
            let message = format!("there is no table {}.{}", request.table.schema, request.table.name);
            Err(Failure { class: FailureClass::Missing, sqlstate: None, message })
        });
    }
    Ok(expected)
}

/// The database for itself. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
pub(super) struct LiveAnswer {
    pub(super) database: String,
    /// `primary` or `standby`.
    pub(super) standing: &'static str,
    pub(super) totals: LiveTotals,
    /// Indexes that were not looked at: whose, and how many.
    pub(super) others: BTreeMap<&'static str, usize>,
    pub(super) indexes: Vec<LiveRow>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct LiveTotals {
    pub(super) indexes: usize,
    pub(super) functional: usize,
    pub(super) performance: usize,
    pub(super) not_valid: usize,
    /// Of partitioned tables, and their parts on partitions.
    pub(super) partitioned: usize,
    pub(super) parts: usize,
    pub(super) duplicates: usize,
    pub(super) covered: usize,
}

/// One index of the database.
#[derive(Debug, Serialize)]
pub(super) struct LiveRow {
    pub(super) index: String,
    pub(super) table: String,
    /// In the server's words.
    pub(super) definition: String,
    /// `functional` or `performance`.
    pub(super) class: &'static str,
    /// Why it stays out of a registry; absent when it could be in one.
    pub(super) stays_out: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) valid: bool,
    pub(super) duplicates: Vec<String>,
    pub(super) covered_by: Vec<String>,
}

impl LiveAnswer {
    pub(super) fn of(live: &LiveIndexes, domains: &super::Domains) -> Self {
        let overlaps = overlaps(&live.indexes);
        let name = |index: &LiveIndex| index.facts.name.key().0;
        let names = |positions: &[usize]| positions.iter().map(|it| name(&live.indexes[*it])).collect();
        let indexes: Vec<LiveRow> = of_live(live)
            .into_iter()
            .zip(&overlaps)
            .map(|((index, verdict), overlap)| LiveRow {
                index: name(index),
                table: index.facts.table.key().0,
                definition: index.facts.display.clone(),
                class: match &verdict {
                    Verdict::Out(Exclusion::Unique | Exclusion::Constraint(_)) => "functional",
                    Verdict::Out(_) | Verdict::Entry(_) | Verdict::Unreadable(_) => "performance",
                },
                stays_out: match verdict {
                    Verdict::Entry(_) => None,
                    Verdict::Out(why) => Some(why.to_string()),
                    Verdict::Unreadable(why) => Some(why),
                },
                domain: domains.of(&index.facts.table.schema, &index.facts.table.name).map(str::to_owned),
                valid: is_valid(index),
                duplicates: names(&overlap.duplicates),
                covered_by: names(&overlap.covered_by),
            })
            .collect();
        let count = |wanted: fn(&LiveRow) -> bool| indexes.iter().filter(|it| wanted(it)).count();
        let totals = LiveTotals {
            indexes: indexes.len(),
            functional: count(|it| it.class == "functional"),
            performance: count(|it| it.class == "performance"),
            not_valid: count(|it| !it.valid),
            partitioned: live.indexes.iter().filter(|it| it.level == Level::Partitioned).count(),
            parts: live.indexes.iter().filter(|it| it.part_of.is_some()).count(),
            duplicates: count(|it| !it.duplicates.is_empty()),
            covered: count(|it| !it.covered_by.is_empty()),
        };
        Self {
            database: live.identity.database.clone(),
            standing: match live.identity.standing {
                Standing::Primary => "primary",
                Standing::Standby => "standby",
            },
            totals,
            others: live.others.iter().map(|(owner, count)| (owner.words(), *count)).collect(),
            indexes,
        }
    }

    /// What is remarkable, in words.
    pub(super) fn notes(row: &LiveRow) -> String {
        let mut notes = Vec::new();
        if !row.valid {
            notes.push("not valid".to_owned());
        }
        if !row.duplicates.is_empty() {
            notes.push(format!("the same as {}", row.duplicates.join(", ")));
        }
        if !row.covered_by.is_empty() {
            notes.push(format!("covered by {}", row.covered_by.join(", ")));
        }
        notes.join("; ")
    }

    /// The figures in one sentence.
    pub(super) fn sums(&self) -> String {
        let it = &self.totals;
        let mut text = format!(
            "{} indexes in the database {} ({}): {} functional, {} performance; {} not valid, {} of partitioned tables with {} \
             parts; {} say the same as another, {} are covered.\n",
            it.indexes,
            self.database,
            self.standing,
            it.functional,
            it.performance,
            it.not_valid,
            it.partitioned,
            it.parts,
            it.duplicates,
            it.covered
        );
        if !self.others.is_empty() {
            let others: Vec<String> =
                self.others.iter().map(|(whose, count)| format!("{count} {whose}")).collect();
            text = format!("{text}Not looked at: {}.\n", others.join(", "));
        }
        text
    }
}

/// A partitioned table's index is not valid until each partition has its part, which is no build that failed.
fn is_valid(index: &LiveIndex) -> bool {
    index.facts.flags.usable()
}
