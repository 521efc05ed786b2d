//! Plan and pre-flight on real servers: every state of an entry, every verdict that a server can bring about.

mod preflight;
mod states;

use cicerone::domain::diagnostic::Source;
use cicerone::domain::id::RunId;
use cicerone::domain::plan::{self, ItemState, Plan};
use cicerone::domain::registry::{self, Registry};
use cicerone::domain::target::RunSettings;
use cicerone::pg::{Link, PgCatalog};
use cicerone::ports::{Catalog, EntryRequest};

/// A registry with one entry for each statement.
pub(crate) fn registry_of(statements: &[&str]) -> Registry {
    let entry = |sql: &&str| {
        let shape = cicerone::sql::parse_create_index(sql).unwrap();
        let (name, table) = (shape.name.unwrap(), shape.table.name);
        format!("[[index]]\nname = \"{name}\"\ndomain = \"test\"\ntable = \"{table}\"\nsql = '''{sql}'''\n")
    };
    let entries: Vec<String> = statements.iter().map(entry).collect();
    let text = format!("version = 1\n\n[defaults]\nschema = \"public\"\n\n{}", entries.join("\n"));
    let source = Source { path: "registry.toml".to_owned(), text };
    registry::load(&[source]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The plan for a registry, as `link` sees its database.
pub(crate) async fn plan_of(registry: &Registry, link: Link) -> Plan {
    let catalog = PgCatalog::new(link);
    let target = catalog.target().await.unwrap();
    let requests: Vec<EntryRequest> = registry.entries.iter().map(EntryRequest::from).collect();
    let facts = catalog.facts(&requests).await.unwrap();
    let run = RunId::from("test");
    let settings = RunSettings::default();
    plan::make(&registry.entries, registry.digest.clone(), &target.identity, &facts, &settings, Some(&run))
}

/// The state of the entry with this index name.
pub(crate) fn state<'a>(plan: &'a Plan, name: &str) -> &'a ItemState {
    let item = plan.items.iter().find(|item| item.name.as_str() == name);
    &item.unwrap_or_else(|| panic!("no entry {name}")).state
}
