//! Every index of a database.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::types::Type;

use super::{PgCatalog, identity, index, table};
use crate::domain::failure::Failure;
use crate::domain::id::{Oid, QualifiedName};
use crate::domain::live::{Backing, Level, LiveIndex, LiveIndexes, Owner};
use crate::pg::error::PgError;
use crate::pg::raw_text::RawText;
use crate::pg::session::{Parameter, Row, Session};

/// Indexes whose definitions are read at a time: planning that query takes 4 to 9 ms, and a reader's statement has ten
/// seconds.
const BATCH: usize = 500;

/// Settings that decide how the server writes constants down. With these the text means the same to every session.
const FORMS: [(&str, &str); 6] = [
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("quote_all_identifiers", "off"),
];

impl PgCatalog {
    /// Every index outside of the system's schemas, without those of extensions and of temporary tables. Reads the
    /// catalogs only, and takes no lock on any table.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses to answer.
    pub async fn live(&self) -> Result<LiveIndexes, Failure> {
        let session = self.link.reader("indexes").await?;
        let (names, values): (Vec<&str>, Vec<&str>) = FORMS.iter().copied().unzip();
        let forms: [Parameter<'_>; 2] = [(&names, Type::TEXT_ARRAY), (&values, Type::TEXT_ARRAY)];
        session.rows("set_configs", include_str!("../queries/set_configs.sql"), &forms).await?;
        let identity = identity::read(&session).await?.identity;
        let tables = relations(&session).await?;
        let (mut wanted, mut others) = (HashMap::new(), BTreeMap::new());
        for row in session.rows("inventory", include_str!("../queries/inventory.sql"), &[]).await? {
            match owner(row.get::<Option<String>>("owner")?.as_deref()) {
                Some(owner) => *others.entry(owner).or_default() += 1,
                None => {
                    wanted.insert(Oid(row.get("oid")?), Belonging::of(&row)?);
                }
            }
        }
        let mut oids: Vec<Oid> = wanted.keys().copied().collect();
        oids.sort_unstable();
        let mut indexes = Vec::with_capacity(oids.len());
        for batch in oids.chunks(BATCH) {
            for facts in index::listed(&session, batch).await? {
                if let Some(Belonging { table_kind, backs, level, part_of }) = wanted.remove(&facts.oid) {
                    indexes.push(LiveIndex { facts, table_kind, backs, level, part_of });
                }
            }
        }
        indexes.sort_by(|one, two| one.facts.name.cmp(&two.facts.name));
        Ok(LiveIndexes { identity, indexes, tables, others })
    }
}

/// What `pg_index` does not say of an index.
struct Belonging {
    table_kind: crate::domain::catalog::RelationKind,
    backs: Option<Backing>,
    level: Level,
    part_of: Option<QualifiedName>,
}

impl Belonging {
    fn of(row: &Row) -> Result<Self, PgError> {
        let name = |column| Ok::<_, PgError>(row.get::<Option<RawText>>(column)?.map(|text| text.0));
        let part_of = match (name("parent_schema")?, name("parent_name")?) {
            (Some(schema), Some(name)) => Some(QualifiedName { schema, name }),
            _ => None,
        };
        Ok(Self {
            table_kind: table::kind(&row.get::<String>("table_kind")?),
            backs: match row.get::<Option<String>>("backs")?.as_deref() {
                Some("p") => Some(Backing::PrimaryKey),
                Some("u") => Some(Backing::Unique),
                Some(_) => Some(Backing::Exclude),
                None => None,
            },
            level: if row.get("partitioned")? { Level::Partitioned } else { Level::Index },
            part_of,
        })
    }
}

fn owner(word: Option<&str>) -> Option<Owner> {
    match word? {
        "temporary" => Some(Owner::Temporary),
        "extension" => Some(Owner::Extension),
        _ => Some(Owner::System),
    }
}

async fn relations(session: &Session) -> Result<Vec<QualifiedName>, PgError> {
    let rows = session.rows("relations", include_str!("../queries/relations.sql"), &[]).await?;
    let name =
        |row: &Row| Ok(QualifiedName::new(row.get::<RawText>("schema")?.0, row.get::<RawText>("name")?.0));
    rows.iter().map(name).collect()
}
