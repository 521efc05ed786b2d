//! The report for people: Markdown that reads well as plain text too.

use std::fmt::Write;

use jiff::Timestamp;

use super::entry::{EntryReport, EntryState, QueryReport};
use super::escape::{Place, code, escaped, prose};
use super::model::{Mark, PhaseTotal, Report, RunReport};
use crate::domain::check::Verdict;
use crate::domain::event::{PlannedQuery, StepOutcome, UsesIndex};
use crate::domain::failure::Failure;
use crate::domain::plan::Importance;
use crate::domain::progress::Phase;
use crate::domain::state::StepStatus;
use crate::domain::target::Power;
use crate::domain::unit::Millis;
use crate::report::line;
use crate::text;

impl Report {
    /// The report as Markdown (GitHub's tables). Whatever names and texts a server or a registry holds, they stay text.
    pub fn to_markdown(&self) -> String {
        let mut page = Page::default();
        page.head(self);
        page.result(self);
        page.target(self);
        page.steps(self);
        page.checks(self);
        page.not_done(self);
        page.entries(self);
        page.timings(self);
        page.blockers(self);
        page.accuracy(self);
        page.queries(self);
        page.moments(self);
        page.rollback(self);
        page.sign_off(self);
        page.journal(self);
        page.0
    }
}

/// A growing page. Writing to a String cannot fail.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.0, "{}", line.as_ref());
    }

    fn section(&mut self, title: &str) {
        self.line(format!("\n## {title}\n"));
    }

    fn table(&mut self, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        self.line(format!("| {} |", columns.join(" | ")));
        self.line(format!("|{}", " --- |".repeat(columns.len())));
        for row in rows {
            self.line(format!("| {} |", row.join(" | ")));
        }
    }

    fn head(&mut self, report: &Report) {
        let title = report.run.as_ref().map_or("Run".to_owned(), |run| prose(&run.playbook_title));
        let mark = match report.mark {
            Some(Mark::Rehearsal) => "REHEARSAL: ",
            Some(Mark::DryRun) => "DRY RUN: ",
            None => "",
        };
        self.line(format!("# {mark}{title}\n"));
        match report.mark {
            Some(Mark::Rehearsal) => self.line(
                "> **REHEARSAL.** This ran on a throwaway server with sample data. It says nothing about any other server.\n",
            ),
            Some(Mark::DryRun) => {
                self.line("> **DRY RUN.** Nothing was written to the server; nothing below was built.\n");
            }
            None => {}
        }
        self.line(format!("**{}**", escaped(&report.result.sentence)));
    }

    fn result(&mut self, report: &Report) {
        self.section("Result");
        let tally = &report.result.tally;
        let mut rows = Vec::new();
        if let Some(run) = &report.run {
            rows.extend(run_rows(run));
        }
        if let Some(plan) = &report.plan {
            let states: Vec<_> =
                plan.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
            rows.push(row(
                "Plan",
                format!("{} of {}", code(plan.id.as_str(), Place::Cell), time(plan.made_at)),
            ));
            rows.push(row("Planned", states.join(", ")));
        }
        rows.push(row("Verified", format!("{} of {}", tally.verified, tally.total)));
        let others = [
            ("Failed", tally.failed),
            ("Left out", tally.skipped),
            ("Not known", tally.unknown),
            ("Running", tally.running),
            ("Not done", tally.waiting),
            ("Rolled back", tally.rolled_back),
            ("Invalid indexes left", tally.leftovers),
        ];
        rows.extend(
            others.iter().filter(|(_, count)| *count > 0).map(|(name, count)| row(name, count.to_string())),
        );
        rows.push(row("Built", text::bytes(report.result.built.0)));
        rows.push(row("Elapsed", span(report.result.elapsed)));
        self.table(&["", ""], rows);
    }

    fn target(&mut self, report: &Report) {
        self.section("Target");
        let Some(TargetFacts { rows, changes }) = report.target.as_ref().map(target_facts) else {
            self.line("No connection was made.");
            return;
        };
        self.table(&["", ""], rows);
        if !changes.is_empty() {
            self.line(format!("\n**The target turned into another one:** {}", prose(&changes.join("; "))));
        }
    }

    fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.section("Steps");
        let rows = report.steps.iter().map(|step| {
            let confirmed = step.confirmed_by.as_ref().map(|by| {
                let with = step.confirmed_with.as_deref().unwrap_or_default();
                format!("{}, {}", prose(by.as_str()), code(with, Place::Cell))
            });
            vec![
                code(step.id.as_str(), Place::Cell),
                prose(&step.title),
                step_status(&step.status),
                time(step.started_at),
                step.took.map(span).unwrap_or_default(),
                confirmed.unwrap_or_default(),
            ]
        });
        self.table(&["Step", "", "State", "Began", "Took", "Confirmed by, with"], rows);
    }

    fn checks(&mut self, report: &Report) {
        if report.checks.is_empty() {
            return;
        }
        self.section("Pre-flight");
        let rows = report.checks.iter().map(|check| {
            let result = &check.result;
            let unseen = if result.verdict == Verdict::Unknown { "not known: " } else { "" };
            let waived =
                check.waiver.as_ref().map(|waiver| format!(", waived by {}", prose(waiver.by.as_str())));
            vec![
                format!("{}{}", line::verdict_word(result.verdict), waived.unwrap_or_default()),
                prose(&result.title),
                format!("{unseen}{}", prose(&result.found)),
                prose(&result.wanted),
                format!("{} {}", code(&result.evidence.source, Place::Cell), time(result.evidence.at)),
            ]
        });
        self.table(&["State", "Check", "Found", "Wanted", "Evidence"], rows);
        if !report.waivers.is_empty() {
            self.line("\n### Waivers\n");
            let rows = report.waivers.iter().map(|waiver| {
                vec![
                    time(waiver.at),
                    code(&waiver.check, Place::Cell),
                    prose(&waiver.by),
                    prose(&waiver.reason),
                    prose(&waiver.found),
                ]
            });
            self.table(&["When", "Check", "By", "Reason", "For the finding"], rows);
        }
    }

    /// What needs a reader's attention, before the long table.
    fn not_done(&mut self, report: &Report) {
        let fine = |entry: &&EntryReport| {
            matches!(entry.state, EntryState::Built | EntryState::Presumed | EntryState::Present)
        };
        let open: Vec<_> = report.entries.iter().filter(|entry| !fine(entry)).collect();
        if open.is_empty() {
            return;
        }
        self.section("Not done");
        for entry in open {
            let detail =
                entry.detail.as_ref().map(|detail| format!(": {}", escaped(detail))).unwrap_or_default();
            self.line(format!("- {} {}{detail}", code(entry.key.as_str(), Place::Text), entry.state.words()));
            for failure in &entry.failures {
                let at = failure.at.map(time).unwrap_or_default();
                self.line(format!("  - {at} {}", escaped(&line::failed(&failure.failure))));
            }
        }
    }

    fn entries(&mut self, report: &Report) {
        if report.entries.is_empty() {
            return;
        }
        self.section("Indexes");
        let rows = report.entries.iter().map(|entry| {
            let critical = match entry.critical {
                Importance::Critical => " (critical)",
                Importance::Normal => "",
            };
            vec![
                format!("{}{critical}", code(entry.key.as_str(), Place::Cell)),
                code(&format!("{}.{}", entry.table.schema, entry.table.name), Place::Cell),
                code(&entry.domain, Place::Cell),
                entry.state.words().to_owned(),
                entry.attempts.to_string(),
                entry.size.map(|size| text::bytes(size.0)).unwrap_or_default(),
                entry.estimate.map(|estimate| span(estimate.time.likely)).unwrap_or_default(),
                entry.working.map(span).unwrap_or_default(),
                entry.waiting.map(span).unwrap_or_default(),
                entry.oid.map(|oid| oid.to_string()).unwrap_or_default(),
            ]
        });
        self.table(
            &["Index", "Table", "Domain", "State", "Tries", "Size", "Predicted", "Worked", "Waited", "OID"],
            rows,
        );
    }

    fn timings(&mut self, report: &Report) {
        if report.phases.is_empty() {
            return;
        }
        self.section("Time by phase");
        self.line("Builds overlap, so the sums may exceed the run's time.\n");
        let rows = report.phases.iter().map(|total| {
            vec![
                total.phase.words().to_owned(),
                if total.waits { "wait" } else { "work" }.to_owned(),
                span(total.sum),
                span(total.longest),
                code(total.longest_of.as_str(), Place::Cell),
            ]
        });
        self.table(&["Phase", "", "All builds", "Longest", "Of"], rows);
        self.line("");
        let shown: Vec<Phase> = report.phases.iter().map(|total: &PhaseTotal| total.phase).collect();
        let built: Vec<_> = report.entries.iter().filter(|entry| !entry.phases.is_empty()).collect();
        let columns: Vec<&str> =
            std::iter::once("Index").chain(shown.iter().map(|phase| phase.words())).collect();
        let rows = built.iter().map(|entry| {
            let time = |phase: &Phase| entry.phases.iter().find(|time| time.phase == *phase);
            let cells = shown.iter().map(|phase| time(phase).map(|time| span(time.time)).unwrap_or_default());
            std::iter::once(code(entry.key.as_str(), Place::Cell)).chain(cells).collect()
        });
        self.table(&columns, rows);
    }

    fn blockers(&mut self, report: &Report) {
        let held: Vec<_> = report.entries.iter().filter(|entry| !entry.blockers.is_empty()).collect();
        if held.is_empty() {
            return;
        }
        self.section("Who held builds up");
        for entry in held {
            self.line(format!("- {}", code(entry.key.as_str(), Place::Text)));
            for blocker in &entry.blockers {
                self.line(format!("  - {}", escaped(blocker)));
            }
        }
    }

    fn accuracy(&mut self, report: &Report) {
        let Some(accuracy) = &report.accuracy else { return };
        self.section("Predicted and actual");
        self.line(format!(
            "Working time of {}: predicted {}, actual {}; median actual/predicted {:.2}; {} within the predicted band. \
             Waiting for others is not in it.",
            text::plural(accuracy.builds as usize, "build", "builds"),
            span(accuracy.predicted),
            span(accuracy.actual),
            accuracy.median_ratio,
            accuracy.within_band
        ));
    }

    fn queries(&mut self, report: &Report) {
        let asked: Vec<_> = report.entries.iter().filter(|entry| !entry.queries.is_empty()).collect();
        if asked.is_empty() {
            return;
        }
        self.section("Queries before and after");
        self.line(
            "What the planner would do, without running anything: node that reads the table, total cost.\n",
        );
        let rows = asked.iter().flat_map(|entry| entry.queries.iter().map(|query| query_row(entry, query)));
        self.table(&["Index", "Query", "Before", "After", "Uses the index"], rows);
    }

    fn moments(&mut self, report: &Report) {
        if report.moments.is_empty() {
            return;
        }
        self.section("Decisions and incidents");
        for moment in &report.moments {
            let (subject, said) = (escaped(&moment.subject), escaped(&moment.text));
            self.line(format!("- {} {subject} **{}** {said}", time(moment.at), moment.word));
        }
    }

    fn rollback(&mut self, report: &Report) {
        self.section("Rollback");
        if report.rollback.is_empty() {
            self.line("Nothing that this run made is on the server: there is nothing to roll back.");
            return;
        }
        let id = report.run.as_ref().map(|run| run.id.as_str()).unwrap_or_default();
        self.line(format!(
            "This run made {}. To drop exactly these, and nothing that was there before:\n",
            text::plural(report.rollback.len(), "index that is still there", "indexes that are still there")
        ));
        self.line(format!("    cicerone rollback --run {}\n", text::Untrusted::from(id).display_safe(None)));
        self.line(
            "By hand: one statement at a time, outside of a transaction, while nobody builds on the table, and only if \
             the name still belongs to the OID (`SELECT 'schema.name'::regclass::oid`). A statement that is not shown \
             has a name that cannot be printed faithfully.\n",
        );
        let rows = report.rollback.iter().map(|item| {
            let printable = String::from(text::Untrusted::from(item.statement.as_str()).display_safe(None))
                == item.statement;
            let statement = if printable { code(&item.statement, Place::Cell) } else { "–".to_owned() };
            vec![code(item.entry.as_str(), Place::Cell), item.oid.to_string(), statement]
        });
        self.table(&["Index", "OID", "Statement"], rows);
    }

    fn sign_off(&mut self, report: &Report) {
        self.section("Sign-off");
        match &report.sign_off {
            Some(signed) => self.line(format!(
                "Signed off by **{}** at {}: {}",
                prose(signed.by.as_str()),
                time(signed.at),
                prose(&signed.reason)
            )),
            None => self.line("Nobody has signed this run off."),
        }
    }

    fn journal(&mut self, report: &Report) {
        self.section("Journal");
        let journal = &report.journal;
        self.line(format!(
            "- {}, {}",
            code(&journal.path, Place::Text),
            text::plural(usize::try_from(journal.records).unwrap_or(usize::MAX), "record", "records",)
        ));
        self.line(format!("- head {}", code(journal.head.as_str(), Place::Text)));
        self.line(
            "\nKeep the head with this report: `cicerone journal verify` shows whether the journal still is the one that \
             this was made from.",
        );
    }
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}

fn run_rows(run: &RunReport) -> Vec<Vec<String>> {
    let operators: Vec<_> = run
        .operators
        .iter()
        .map(|operator| format!("{} on {}", prose(operator.person.as_str()), prose(&operator.host)))
        .collect();
    let closed = run.closed_at.map_or("not closed".to_owned(), time);
    vec![
        row("Run", code(run.id.as_str(), Place::Cell)),
        row("Environment", format!("{}, {}", prose(&run.environment.word()), line::mode_word(run.mode))),
        row("Operator", operators.join("; ")),
        row("Opened", time(run.opened_at)),
        row("Closed", closed),
        row("Cicerone", prose(&run.version)),
        row(
            "Playbook",
            format!(
                "{} {}",
                code(&run.playbook, Place::Cell),
                code(run.playbook_digest.as_str(), Place::Cell)
            ),
        ),
        row(
            "Registry",
            format!(
                "{} {}",
                code(&run.registry_path, Place::Cell),
                code(run.registry_digest.as_str(), Place::Cell)
            ),
        ),
    ]
}

struct TargetFacts<'a> {
    rows: Vec<Vec<String>>,
    changes: &'a [String],
}

fn target_facts(report: &super::model::TargetReport) -> TargetFacts<'_> {
    let (target, identity) = (&report.target, &report.target.identity);
    let power = match target.power {
        Power::Superuser => " (superuser)",
        Power::Ordinary => "",
    };
    let timeline = identity.timeline.map_or("not known".to_owned(), |timeline| timeline.to_string());
    let rows = vec![
        row("Address", format!("{} over {}", code(&target.address, Place::Cell), target.transport.word())),
        row("Database", format!("{} (OID {})", code(&identity.database, Place::Cell), identity.database_oid)),
        row("Server", format!("{}, {}", prose(&target.version), identity.standing.word())),
        row("System identifier", format!("{}, timeline {timeline}", identity.system_identifier)),
        row("Server started", time(identity.started)),
        row("Role", format!("{}{power}", code(&target.role, Place::Cell))),
    ];
    TargetFacts { rows, changes: &report.changes }
}

fn step_status(status: &StepStatus) -> String {
    match status {
        StepStatus::Running => "RUN".to_owned(),
        StepStatus::Held { why } => format!("HOLD {}", prose(why)),
        StepStatus::Finished { outcome } => match outcome {
            StepOutcome::Done => "DONE".to_owned(),
            StepOutcome::Warned { reason } => format!("WARN {}", prose(reason)),
            StepOutcome::Failed { reason } => format!("FAIL {}", prose(reason)),
            StepOutcome::Skipped { reason } => format!("SKIP {}", prose(reason)),
        },
    }
}

fn query_row(entry: &EntryReport, query: &QueryReport) -> Vec<String> {
    let uses = match &query.after {
        Some(Ok(PlannedQuery { uses: UsesIndex::Yes, .. })) => "yes",
        Some(Ok(PlannedQuery { uses: UsesIndex::No, .. })) => "no",
        Some(Err(_)) | None => "not known",
    };
    vec![
        code(entry.key.as_str(), Place::Cell),
        code(&query.query, Place::Cell),
        reading(query.before.as_ref()),
        reading(query.after.as_ref()),
        uses.to_owned(),
    ]
}

fn reading(reading: Option<&Result<PlannedQuery, Failure>>) -> String {
    match reading {
        Some(Ok(plan)) => format!("{}, {:.2}", prose(&plan.node), plan.cost),
        Some(Err(failure)) => escaped(&line::failed(failure)),
        None => "not asked".to_owned(),
    }
}

fn span(time: Millis) -> String {
    text::span(time.0)
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
