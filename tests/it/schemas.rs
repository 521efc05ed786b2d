//! The committed JSON Schemas are those of the code, and every shipped file satisfies them.

use std::path::Path;

use cicerone::domain::{playbook, registry};
use serde_json::Value;

fn in_sync(file: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "a test may ask whether to rewrite what it compares with")]
    if std::env::var_os("CICERONE_BLESS").is_some() {
        fs_err::write(&path, &text).unwrap();
    }
    let committed = fs_err::read_to_string(&path).unwrap();
    assert_eq!(committed, text, "{file} is stale: run this test with CICERONE_BLESS=1 and commit the file");
}

fn errors(schema: &Value, toml: &str) -> Vec<String> {
    let value: Value = toml::from_str(toml).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_committed_registry_schema_is_that_of_the_code() {
    in_sync("registry.schema.json", &registry::json_schema());
}

#[test]
fn the_committed_playbook_schema_is_that_of_the_code() {
    in_sync("playbook.schema.json", &playbook::json_schema());
}

#[test]
fn shipped_files_satisfy_their_schema() {
    assert_eq!(errors(&registry::json_schema(), include_str!("../../registry.toml")), [""; 0]);
    for text in
        [include_str!("../../playbooks/index-rollout.toml"), include_str!("../../playbooks/rehearsal.toml")]
    {
        assert_eq!(errors(&playbook::json_schema(), text), [""; 0]);
    }
}

#[test]
fn the_schemas_refuse_what_the_loaders_refuse() {
    let entry = "[[index]]\nname = \"i\"\ndomain = \"d\"\ntable = \"t\"\nsql = \"x\"\n";
    for (schema, text) in [
        (registry::json_schema(), format!("version = 2\n{entry}")),
        (registry::json_schema(), format!("version = 1\n{entry}tabel = 1\n")),
        (registry::json_schema(), "version = 1\n[[index]]\nname = \"i\"\n".to_owned()),
        (playbook::json_schema(), "version = 1\nname = \"p\"\nphase = []\n".to_owned()),
        (
            playbook::json_schema(),
            "version = 1\nname = \"p\"\n[[phase]]\nname = \"a\"\n[[phase.step]]\nname = \"s\"\nkind = \"command\"\n"
                .to_owned(),
        ),
        (
            playbook::json_schema(),
            "version = 1\nname = \"p\"\n[[phase]]\nname = \"a\"\n[[phase.step]]\nname = \"s\"\nkind = \"verify\"\njobs = 2\n"
                .to_owned(),
        ),
    ] {
        assert_ne!(errors(&schema, &text), [""; 0], "{text}");
    }
}
