//! The file format as data, from which its JSON Schema is made. Editors complete and check a playbook with it.

use schemars::JsonSchema;

/// Keys of the top level.
pub(super) const FILE_KEYS: [&str; 4] = ["version", "name", "title", "phase"];
/// Keys of `[[phase]]`.
pub(super) const PHASE_KEYS: [&str; 3] = ["name", "title", "step"];
/// Keys that every `[[phase.step]]` has.
pub(super) const STEP_KEYS: [&str; 4] = ["name", "title", "kind", "on_failure"];

/// Words of `kind` with the keys that each adds.
pub(super) const KINDS: [(&str, &[&str]); 5] = [
    ("checks", &["require"]),
    ("confirm", &["prompt"]),
    (
        "build_indexes",
        &["only_domains", "jobs", "attempts", "first_lock", "writers", "old_snapshots", "on_budget"],
    ),
    ("verify", &["explain"]),
    ("signoff", &["prompt"]),
];

/// The JSON Schema (2020-12) of a playbook file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(PlaybookFile).to_value()
}

/// Ordered phases and steps that take a database through a maintenance window.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Cicerone playbook")]
#[expect(dead_code, reason = "only its schema is used")]
struct PlaybookFile {
    /// Version of the format.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// Short name: small letters, digits, `-` and `_`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
    name: String,
    /// For the screen; the name when not given.
    title: Option<String>,
    /// Phases, in order.
    #[schemars(length(min = 1))]
    phase: Vec<Phase>,
}

/// A phase.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Phase {
    /// Short name, unique in the playbook.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
    name: String,
    /// For the screen; the name when not given.
    title: Option<String>,
    /// Steps, in order.
    #[schemars(length(min = 1))]
    step: Vec<Step>,
}

/// A step. `name` is unique in its phase, `title` is for the screen, `on_failure` says what a failure means.
#[derive(JsonSchema)]
#[schemars(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
enum Step {
    /// Plan and pre-flight checks.
    Checks {
        #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
        name: String,
        title: Option<String>,
        on_failure: Option<OnFailure>,
        /// Checks that must pass even where they would only warn.
        #[serde(default)]
        require: Vec<String>,
    },
    /// A person says go.
    Confirm {
        #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
        name: String,
        title: Option<String>,
        on_failure: Option<OnFailure>,
        /// What they are asked.
        #[schemars(length(min = 1))]
        prompt: String,
    },
    /// Build what the plan says.
    BuildIndexes {
        #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
        name: String,
        title: Option<String>,
        on_failure: Option<OnFailure>,
        /// Only these registry domains; all when not given.
        #[schemars(length(min = 1))]
        only_domains: Option<Vec<String>>,
        /// Builds at once.
        #[schemars(range(min = 1, max = 64))]
        jobs: Option<u32>,
        /// Attempts per index, the first one included.
        #[schemars(range(min = 1, max = 100))]
        attempts: Option<u32>,
        /// How long a build may wait for the table's first lock, e.g. `5min`.
        first_lock: Option<String>,
        /// How long a build may wait for writers of the table, e.g. `30min`.
        writers: Option<String>,
        /// How long a build may wait for old snapshots, e.g. `1h`.
        old_snapshots: Option<String>,
        /// What happens then.
        on_budget: Option<OnBudget>,
    },
    /// Read everything again on a fresh connection.
    Verify {
        #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
        name: String,
        title: Option<String>,
        on_failure: Option<OnFailure>,
        /// Ask the planner about each entry's queries.
        #[serde(default)]
        explain: bool,
    },
    /// A person signs.
    #[serde(rename = "signoff")]
    SignOff {
        #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,39}$"))]
        name: String,
        title: Option<String>,
        on_failure: Option<OnFailure>,
        /// What they are asked.
        #[schemars(length(min = 1))]
        prompt: String,
    },
}

/// What a failure means.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum OnFailure {
    /// The run stops there.
    Stop,
    /// Say so and go on.
    Warn,
    /// A person decides.
    Ask,
}

/// What happens when a wait budget is spent.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum OnBudget {
    /// Say so and go on waiting.
    KeepWaiting,
    /// Say so and ask; until somebody answers, go on waiting.
    Ask,
    /// Cancel the build, drop what it left, and try again later within the attempts.
    CancelAndClean,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(schema: &serde_json::Value) -> Vec<String> {
        let mut keys: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    fn sorted<'a>(keys: impl IntoIterator<Item = &'a &'a str>) -> Vec<String> {
        let mut keys: Vec<String> = keys.into_iter().map(|key| (*key).to_owned()).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_has_the_keys_that_the_loader_reads() {
        let schema = json_schema();
        assert_eq!(keys(&schema), sorted(&FILE_KEYS));
        assert_eq!(keys(&schema["$defs"]["Phase"]), sorted(&PHASE_KEYS));
        let variants = schema["$defs"]["Step"]["oneOf"].as_array().unwrap();
        assert_eq!(variants.len(), KINDS.len());
        for (variant, (kind, own)) in variants.iter().zip(KINDS) {
            assert_eq!(variant["properties"]["kind"]["const"], kind);
            assert_eq!(keys(variant), sorted(STEP_KEYS.iter().chain(own)));
            assert_eq!(variant["additionalProperties"], false, "{kind}");
        }
    }
}
