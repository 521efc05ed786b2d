//! Settings that a new session of the role inherits.

use crate::domain::estimate::Need;
use crate::domain::survey::{Observed, SurveySetting};
use crate::domain::target::RunSettings;
use crate::text;

use super::finding::{Finding, some_of};
use super::{CheckResult, Question, Verdict};

/// What an inherited setting does to a build, unless the build session overrides it. It overrides all of these.
const OVERRIDDEN: [(&str, &str); 8] = [
    ("lock_timeout", "cuts every wait of a build, the last one included, and leaves an invalid index"),
    ("statement_timeout", "cuts the build wherever it is and leaves an invalid index"),
    ("transaction_timeout", "ends the session in the middle of a build"),
    ("idle_in_transaction_session_timeout", "ends sessions of ours between statements"),
    ("idle_session_timeout", "ends a build's session between two probes of the lock, and the observer's"),
    ("client_connection_check_interval", "ends a build whose client died, instead of letting it finish"),
    ("default_transaction_read_only", "refuses every build"),
    ("search_path", "may lead unqualified names in expressions elsewhere"),
];

/// Whether inherited settings would hurt, and whether any of them cannot be overridden.
pub fn session_settings(
    survey: &Observed<Vec<SurveySetting>>,
    settings: &RunSettings,
    need: &Need,
) -> CheckResult {
    let all = &survey.value;
    let mut details = Vec::new();
    let mut overridden = Vec::new();
    for (name, harm) in OVERRIDDEN {
        let Some(it) = get(all, name).filter(|it| is_set(it)) else { continue };
        details.push(format!("{}: {harm}; overridden on our sessions", line(it)));
        // What this program's own connection asks for is no surprise.
        if it.source != "client" {
            overridden.push(name.to_owned());
        }
    }
    let mut stops = Vec::new();
    stops.extend(deadlock_timeout(all, settings));
    stops.extend(temp_file_limit(all, need));
    let finding = if !stops.is_empty() {
        let (found, advice): (Vec<String>, Vec<String>) = stops.into_iter().unzip();
        Finding::new(Verdict::Stop, found.join("; "), "none that cuts a build").advice(advice.join("; "))
    } else if overridden.is_empty() {
        Finding::pass("none set", "none that cuts a build")
    } else {
        Finding::new(Verdict::Warn, format!("overridden: {}", some_of(&overridden)), "none that cuts a build")
            .advice(
                "nothing to do here: our sessions override them. Other tools of this role are hit by them",
            )
    };
    finding.details(details).on(Question::SessionSettings, survey.evidence.clone())
}

/// Below `deadlock_timeout` a lock probe fails before an autovacuum worker on the table is told to go (13, 18).
fn deadlock_timeout(all: &[SurveySetting], settings: &RunSettings) -> Option<(String, String)> {
    let setting = get(all, "deadlock_timeout")?;
    let millis: u64 = setting.setting.parse().ok()?;
    (settings.lock_probe.0 <= millis).then(|| {
        (
            format!("{} is not below the lock probe of {}", line(setting), text::span(settings.lock_probe.0)),
            "make the lock probe longer than deadlock_timeout, or autovacuum never gives way to it"
                .to_owned(),
        )
    })
}

/// A build that sorts more than this into files fails with 53400.
fn temp_file_limit(all: &[SurveySetting], need: &Need) -> Option<(String, String)> {
    let setting = get(all, "temp_file_limit")?;
    let limit = u64::try_from(setting.setting.parse::<i64>().ok()?).ok()?.saturating_mul(1024);
    let largest = need.largest_temp.likely.0;
    (largest > limit).then(|| {
        (
            format!("{} is below {} of sort files", line(setting), text::bytes(largest)),
            "raise temp_file_limit for the role, or give builds more maintenance_work_mem".to_owned(),
        )
    })
}

pub(super) fn get<'a>(all: &'a [SurveySetting], name: &str) -> Option<&'a SurveySetting> {
    all.iter().find(|it| it.name == name)
}

fn is_set(setting: &SurveySetting) -> bool {
    match setting.name.as_str() {
        "search_path" => setting.source != "default" && setting.setting != "\"$user\", public",
        "default_transaction_read_only" => setting.setting == "on",
        _ => setting.setting != "0",
    }
}

fn line(setting: &SurveySetting) -> String {
    let unit = setting.unit.as_deref().unwrap_or("");
    let space = if unit.is_empty() { "" } else { " " };
    format!("{} = {}{space}{unit} ({})", setting.name, setting.setting, setting.source)
}
