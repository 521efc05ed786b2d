//! The answers of the pre-flight, printed.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::check::{CheckResult, Verdict, Waivable};
use crate::domain::id::PlanId;
use crate::domain::target::Target;
use crate::domain::unit::Millis;
use crate::text::span;

use super::args::Output;
use super::stream::print_json;
use super::table::{Side, safe, table};

/// The answers as JSON. Fields are only ever added within a version.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: u32,
    kind: &'static str,
    target: &'a Target,
    plan: &'a PlanId,
    gate: &'static str,
    counts: Counts,
    checks: &'a [CheckResult],
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    ok: usize,
    warn: usize,
    unknown: usize,
    fail: usize,
}

/// Whether a run may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing stands in the way.
    Open,
    /// A check stops it, or could not see.
    Closed,
}

/// What the answers together mean when nobody waives any.
pub fn gate(checks: &[CheckResult]) -> Gate {
    if checks.iter().any(|it| it.verdict.blocks()) { Gate::Closed } else { Gate::Open }
}

/// Prints the answers, in text at most `width` cells wide where what was found allows.
pub fn print_checks(
    checks: &[CheckResult],
    plan: &PlanId,
    target: &Target,
    out: &mut dyn Write,
    output: Output,
    width: usize,
) -> io::Result<()> {
    match output {
        Output::Json => {
            let gate = match gate(checks) {
                Gate::Open => "open",
                Gate::Closed => "closed",
            };
            let answer =
                Answer { version: 1, kind: "preflight", target, plan, gate, counts: counts(checks), checks };
            print_json(out, &answer)
        }
        Output::Plain => {
            writeln!(
                out,
                "Pre-flight  {}  {} on {}\n",
                safe(&target.environment.word(), Some(16)),
                safe(&target.identity.database, None),
                safe(&target.address, None)
            )?;
            overview(checks, out, width)?;
            let mut troubled: Vec<&CheckResult> =
                checks.iter().filter(|it| it.verdict != Verdict::Pass).collect();
            troubled.sort_by_key(|it| std::cmp::Reverse(it.verdict));
            for check in troubled {
                detail(check, out)?;
            }
            verdict(checks, out)
        }
    }
}

fn overview(checks: &[CheckResult], out: &mut dyn Write, width: usize) -> io::Result<()> {
    let columns =
        [("STATE", Side::Left), ("CHECK", Side::Left), ("FOUND", Side::Left), ("WANTED", Side::Left)];
    let row = |it: &CheckResult| {
        vec![it.verdict.word().to_owned(), it.title.clone(), safe(&it.found, None), safe(&it.wanted, None)]
    };
    write!(out, "{}", table(&columns, &checks.iter().map(row).collect::<Vec<_>>(), width))
}

fn detail(check: &CheckResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{} {} ({})", check.verdict.word(), check.title, check.id.as_str())?;
    writeln!(out, "  found   {}", safe(&check.found, None))?;
    writeln!(out, "  wanted  {}", safe(&check.wanted, None))?;
    for line in &check.details {
        writeln!(out, "          {}", safe(line, None))?;
    }
    if let Some(advice) = &check.advice {
        writeln!(out, "  do      {}", safe(advice, None))?;
    }
    let evidence = &check.evidence;
    writeln!(
        out,
        "  seen    {} {} in {}",
        evidence.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        safe(&evidence.source, None),
        took(evidence.took)
    )?;
    if let Some(query) = &evidence.query {
        let folded: Vec<&str> = query.lines().map(str::trim).filter(|line| !line.starts_with("--")).collect();
        writeln!(out, "  by      {}", safe(folded.join(" ").trim(), None))?;
    }
    Ok(())
}

fn took(it: Millis) -> String {
    if it.0 < 1000 { format!("{} ms", it.0) } else { span(it.0) }
}

fn verdict(checks: &[CheckResult], out: &mut dyn Write) -> io::Result<()> {
    let Counts { ok, warn, unknown, fail } = counts(checks);
    let word = match gate(checks) {
        Gate::Open => "GATE OPEN",
        Gate::Closed => "GATE CLOSED",
    };
    writeln!(
        out,
        "\n{word}  {ok} OK, {warn} WARN, {unknown} UNKNOWN, {fail} FAIL. Nothing has been changed."
    )?;
    let closing = || checks.iter().filter(|it| it.verdict.blocks());
    let names = |waivable: Waivable| -> Vec<&str> {
        closing().filter(|it| it.waivable == waivable).map(|it| it.id.as_str()).collect()
    };
    let (waivable, never) = (names(Waivable::WithReason), names(Waivable::Never));
    if !never.is_empty() {
        writeln!(out, "Cannot be waived: {}", never.join(", "))?;
    }
    if !waivable.is_empty() {
        writeln!(out, "May be waived with a reason: {}", waivable.join(", "))?;
    }
    Ok(())
}

fn counts(checks: &[CheckResult]) -> Counts {
    let mut counts = Counts::default();
    for check in checks {
        match check.verdict {
            Verdict::Pass => counts.ok += 1,
            Verdict::Warn => counts.warn += 1,
            Verdict::Unknown => counts.unknown += 1,
            Verdict::Stop => counts.fail += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests;
