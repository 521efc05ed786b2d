//! Facts for tests: a small database and the entries of a registry for it.

use std::collections::BTreeMap;

use crate::domain::catalog::{
    BuildRight, Builder, CatalogFacts, ColumnDefinition, ColumnStatistics, Definition, IndexFacts,
    IndexFlags, Persistence, RelationKind, ServerFigures, TableFacts, Uniqueness,
};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::{BackendId, Digest, EntryKey, IndexName, Oid, Pid, QualifiedName, RunId, SqlState};
use crate::domain::registry::{IndexEntry, Origin};
use crate::domain::target::{Environment, Power, RunSettings, Standing, Target, TargetIdentity, Transport};
use crate::domain::unit::{Bytes, Rows};
use crate::sql::parse_create_index;

use super::{Plan, PlanItem, make};

pub(crate) const LEADS: Oid = Oid(16_400);
pub(crate) const CALLS: Oid = Oid(16_500);
pub(crate) const KEY: &str = "public.idx_leads_status";

pub(crate) fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> jiff::Timestamp {
    at("2026-03-01T12:00:00Z")
}

pub(crate) fn identity() -> TargetIdentity {
    TargetIdentity {
        system_identifier: 7_300_000_000_000_000_001,
        database_oid: Oid(16_384),
        database: "app".to_owned(),
        timeline: Some(1),
        standing: Standing::Primary,
        version_num: 150_018,
        started: at("2026-02-01T00:00:00Z"),
    }
}

pub(crate) fn target() -> Target {
    Target {
        identity: identity(),
        address: "db1.example:5432".to_owned(),
        environment: Environment::Prod,
        version: "PostgreSQL 15.18".to_owned(),
        role: "app_owner".to_owned(),
        power: Power::Ordinary,
        transport: Transport::Tls,
    }
}

pub(crate) fn request(sql: &str) -> IndexEntry {
    let shape = parse_create_index(sql).unwrap();
    let name = shape.name.clone().unwrap();
    let schema = shape.table.schema.clone().unwrap_or_else(|| "public".to_owned());
    IndexEntry {
        key: QualifiedName::new(schema.clone(), name.clone()).key(),
        name: IndexName(name),
        table: QualifiedName::new(schema, shape.table.name.clone()),
        domain: "leads_crm".to_owned(),
        critical: false,
        description: "Lead list by status".to_owned(),
        origin: Origin { file: "registry.toml".to_owned(), line: 1 },
        shape,
        queries: Vec::new(),
    }
}

pub(crate) fn leads_status() -> IndexEntry {
    request("CREATE INDEX CONCURRENTLY idx_leads_status ON leads (status)")
}

pub(crate) fn column(text: &str, opclass: &str) -> ColumnDefinition {
    ColumnDefinition {
        text: text.to_owned(),
        opclass: format!("pg_catalog.{opclass}"),
        collation: if opclass == "text_ops" { "pg_catalog.\"default\"".to_owned() } else { String::new() },
        option: 0,
    }
}

pub(crate) fn definition(columns: Vec<ColumnDefinition>) -> Definition {
    Definition {
        method: "btree".to_owned(),
        unique: Uniqueness::No,
        key_count: u16::try_from(columns.len()).unwrap(),
        columns,
        predicate: None,
        options: Vec::new(),
        tablespace: None,
    }
}

pub(crate) fn status_definition() -> Definition {
    definition(vec![column("status", "text_ops")])
}

pub(crate) const USABLE: IndexFlags = IndexFlags { valid: true, ready: true, live: true };

pub(crate) fn index(name: &str, definition: Definition) -> IndexFacts {
    IndexFacts {
        oid: Oid(20_000),
        name: QualifiedName::new("public", name),
        table_oid: LEADS,
        table: QualifiedName::new("public", "leads"),
        flags: USABLE,
        definition,
        display: format!("CREATE INDEX {name} ON public.leads USING btree (…)"),
        size: Bytes(7 << 20),
        ties: Vec::new(),
    }
}

pub(crate) fn statistics(width: f32, null_fraction: f32, distinct: f32) -> ColumnStatistics {
    ColumnStatistics { width: Some(width), null_fraction, distinct }
}

pub(crate) fn table(oid: Oid, name: &str) -> TableFacts {
    let columns = [
        ("id", statistics(8.0, 0.0, -1.0)),
        ("tenant_id", statistics(4.0, 0.0, 1000.0)),
        ("status", statistics(8.0, 0.0, 6.0)),
        ("email", statistics(44.0, 0.0, -1.0)),
        ("created_at", statistics(8.0, 0.0, -0.9)),
        ("tags", statistics(60.0, 0.2, -0.5)),
    ];
    TableFacts {
        oid,
        name: QualifiedName::new("public", name),
        kind: RelationKind::Table,
        persistence: Persistence::Permanent,
        rows: Some(Rows(1_000_000)),
        size: Bytes(225 << 20),
        owner: "app_owner".to_owned(),
        right: BuildRight::Granted,
        frozen_age: 1000,
        columns: columns.into_iter().map(|(name, it)| (name.to_owned(), it)).collect(),
    }
}

/// Two ordinary tables, and the server accepts `leads_status`.
pub(crate) fn facts() -> CatalogFacts {
    CatalogFacts {
        at: noon(),
        tables: [table(LEADS, "leads"), table(CALLS, "calls")]
            .into_iter()
            .map(|it| (it.name.key(), it))
            .collect(),
        indexes: Vec::new(),
        taken_names: BTreeMap::new(),
        expected: [(EntryKey::from(KEY), Ok(status_definition()))].into_iter().collect(),
        builders: Vec::new(),
        server: ServerFigures { maintenance_work_mem_kb: 65_536, parallel_workers: 2, free_connections: 90 },
    }
}

pub(crate) fn edit<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}

pub(crate) fn backend(pid: i32) -> BackendId {
    BackendId { pid: Pid(pid), started: at("2026-03-01T11:00:00Z") }
}

pub(crate) fn builder(application: &str, index_oid: Option<Oid>) -> Builder {
    Builder {
        backend: backend(4711),
        application: application.to_owned(),
        user: "jane".to_owned(),
        table_oid: Some(LEADS),
        index_oid,
        command: "CREATE INDEX CONCURRENTLY".to_owned(),
        item_lock: None,
    }
}

pub(crate) fn failure(class: FailureClass, sqlstate: &str, message: &str) -> Failure {
    Failure { class, sqlstate: Some(SqlState(sqlstate.to_owned())), message: message.to_owned() }
}

pub(crate) fn plan_of(entries: &[IndexEntry], facts: &CatalogFacts) -> Plan {
    make(
        entries,
        Digest::of(b"registry"),
        &identity(),
        facts,
        &RunSettings::default(),
        Some(&RunId::from("r1")),
    )
}

/// The item of `leads_status` under `facts`.
pub(crate) fn item(facts: &CatalogFacts) -> PlanItem {
    plan_of(&[leads_status()], facts).items.remove(0)
}
