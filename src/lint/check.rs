//! All rules over all files.

use super::allow::{self, ALLOW_RULE, Allowing};
use super::finding::{Finding, Severity};
use super::level::{Level, Levels};
use super::rule::{self, Case, Found, Rule};
use super::series::{File, Series};
use crate::audit::Place;

/// A file that could not be opened, and why.
pub type Unopened = (String, String);

/// What all rules find, in the order of the series. `levels` are those of each file, by its position; what is missing
/// there has the rules' own.
pub fn check(series: &Series<'_>, unopened: &[Unopened], levels: &[Levels]) -> Vec<Finding> {
    let mut all: Vec<Finding> = unopened.iter().map(closed).collect();
    let own = Levels::default();
    for (position, file) in series.files.iter().enumerate() {
        let levels = levels.get(position).unwrap_or(&own);
        let case = Case { series, position, file };
        let mut allowing = Allowing::of(file);
        let mut findings = Vec::new();
        for rule in rule::ALL {
            let mut found = Vec::new();
            (rule.check)(&case, &mut found);
            for it in found {
                let allowed = allowing.allows(rule.id, file, &it);
                // A rule that is off still uses the comments that allow it: they are not idle for that.
                let Level::At(severity) = levels.of(rule) else { continue };
                findings.push(Finding { allowed, ..finding(rule, severity, position, file, it) });
            }
        }
        if let Some(rule) = rule::find(ALLOW_RULE)
            && let Level::At(severity) = levels.of(rule)
        {
            let idle = allowing.problems(file, levels);
            findings.extend(idle.into_iter().map(|it| finding(rule, severity, position, file, it)));
        }
        findings.sort_by(|one, two| {
            (one.place, one.range.end, one.rule).cmp(&(two.place, two.range.end, two.rule))
        });
        all.append(&mut findings);
    }
    all
}

fn finding(
    rule: &'static Rule,
    severity: Severity,
    position: usize,
    file: &File<'_>,
    found: Found,
) -> Finding {
    let place = file.place(found.range.start);
    let end = file.place(found.range.end.max(found.range.start));
    Finding {
        rule: rule.id,
        severity,
        file: Some(position),
        path: file.subject.path.to_owned(),
        range: found.range,
        place,
        end,
        message: found.message,
        help: found.help,
        fix: found.fix,
        allowed: None,
    }
}

/// A file that nobody could look into is never passed over.
fn closed((path, why): &Unopened) -> Finding {
    let place = Place { line: 1, column: 1 };
    Finding {
        rule: allow::UNREADABLE_RULE,
        severity: Severity::Error,
        file: None,
        path: path.clone(),
        range: 0..0,
        place,
        end: place,
        message: format!("this file cannot be read: {why}"),
        help: "make it readable, or leave it out".to_owned(),
        fix: None,
        allowed: None,
    }
}
