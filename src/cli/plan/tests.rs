use super::*;
use crate::domain::catalog::{CatalogFacts, IndexFlags, Uniqueness};
use crate::domain::id::Oid;
use crate::domain::plan::fixture::{
    CALLS, builder, column, definition, edit, facts, index, leads_status, plan_of, request,
    status_definition, table as table_facts, target,
};
use crate::domain::registry::IndexEntry;

fn entry(sql: &str, domain: &str) -> IndexEntry {
    edit(request(sql), |it| it.domain = domain.to_owned())
}

/// One entry in each state.
fn every_state() -> Plan {
    let hostile = "CREATE INDEX CONCURRENTLY \"idx\u{1b}[31m\u{202e}\" ON leads (tenant_id)";
    let entries = [
        edit(leads_status(), |it| it.critical = true),
        entry(
            "CREATE INDEX CONCURRENTLY idx_leads_email_lower ON leads (lower(email)) WHERE id > 100",
            "leads_crm",
        ),
        entry("CREATE UNIQUE INDEX CONCURRENTLY idx_leads_email ON leads (email)", "leads_crm"),
        entry("CREATE INDEX CONCURRENTLY idx_leads_created ON leads (created_at DESC)", "leads_crm"),
        entry("CREATE INDEX CONCURRENTLY idx_calls_tenant ON calls (tenant_id)", "telephony"),
        entry("CREATE INDEX CONCURRENTLY idx_nowhere ON nowhere (id)", "telephony"),
        entry("CREATE INDEX CONCURRENTLY idx_leads_tags ON leads USING gin (tags)", "leads_crm"),
        entry(hostile, "leads_crm"),
    ];
    plan_of(&entries, &edit(facts(), |it| fill(it, &entries)))
}

fn fill(facts: &mut CatalogFacts, entries: &[IndexEntry]) {
    let email = definition(vec![column("email", "text_ops")]);
    let tenant = definition(vec![column("tenant_id", "int4_ops")]);
    let created =
        edit(definition(vec![column("created_at", "timestamptz_ops")]), |it| it.columns[0].option = 3);
    let unique = |it: &mut crate::domain::catalog::IndexFacts| it.definition.unique = Uniqueness::Unique;
    for (at, expected) in [(2, email.clone()), (3, created.clone()), (4, tenant.clone()), (7, tenant.clone())]
    {
        facts.expected.insert(entries[at].key.clone(), Ok(expected));
    }
    let expected = edit(email.clone(), |it| it.unique = Uniqueness::Unique);
    facts.expected.insert(entries[2].key.clone(), Ok(expected));
    facts.indexes.push(edit(index("idx_leads_email", email), |it| {
        unique(it);
        it.oid = Oid(20_001);
        it.flags = IndexFlags { valid: false, ready: true, live: true };
    }));
    facts.indexes.push(edit(index("idx_leads_created", created), |it| {
        it.oid = Oid(20_002);
        it.definition.columns[0].option = 0;
    }));
    facts.indexes.push(edit(index("calls_tenant_id_idx", tenant), |it| {
        it.oid = Oid(20_003);
        it.table_oid = CALLS;
        it.table = table_facts(CALLS, "calls").name;
    }));
    facts.builders.push(edit(builder("psql\u{1b}]0;x\u{7}", None), |it| {
        it.item_lock = Some(entries[6].key.clone());
    }));
    facts.indexes.push(edit(index("status_elsewhere", status_definition()), |it| it.flags.valid = false));
}

fn text(plan: &Plan, width: usize) -> String {
    let mut out = Vec::new();
    print_plan(plan, &target(), &mut out, Output::Plain, width).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_plan_with_every_state_at_80_columns() {
    insta::assert_snapshot!(text(&every_state(), 80));
}

#[test]
fn a_plan_with_every_state_at_140_columns() {
    let text = text(&every_state(), 140);
    let table: Vec<&str> = text.lines().skip(4).take_while(|line| !line.is_empty()).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn no_line_of_the_table_is_wider_than_asked_for() {
    for width in [80, 100, 120, 200] {
        let text = text(&every_state(), width);
        for line in text.lines().skip(4).take_while(|line| !line.is_empty()) {
            assert!(crate::text::cell_width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn nothing_in_a_plan_reaches_the_terminal_raw() {
    let text = text(&every_state(), 100);
    assert!(text.chars().all(|it| it == '\n' || !it.is_control()), "{text:?}");
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn the_json_form_is_versioned_and_holds_the_whole_plan() {
    let plan = every_state();
    let mut out = Vec::new();
    print_plan(&plan, &target(), &mut out, Output::Json, 80).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&answer["version"], &answer["kind"]), (&1.into(), &"plan".into()));
    let read: Plan = serde_json::from_value(answer["plan"].clone()).unwrap();
    assert_eq!(read, plan);
    assert_eq!(answer["counts"]["leftover"], 1);
}
