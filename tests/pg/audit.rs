//! The audit beside a real server: what it says of a series is what the catalogs hold once the series has run.

use std::collections::BTreeMap;

use cicerone::audit::Lines;
use cicerone::audit::inventory::{Chapter, Inventory, take};
use cicerone::audit::prepass::prepare;
use cicerone::audit::statement::read;

use crate::adapter::MAJOR;
use crate::support::cluster::database;

/// `schema.index` to its table, whether it is unique, and the number of its columns.
type Indexes = BTreeMap<String, (String, bool, i16)>;

/// All indexes of the database but those that a partitioned index makes on its partitions.
const CATALOG: &str = "
    SELECT n.nspname || '.' || c.relname, tn.nspname || '.' || t.relname, i.indisunique, i.indnatts
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT c.relispartition";

fn inventory(text: &str) -> Inventory {
    let script = prepare(text);
    let reading = read(&script, 0..script.pieces.len(), &Lines::of(text));
    assert_eq!(reading.unread, []);
    take(&[Chapter { statements: &reading.statements }])
}

fn standing(inventory: &Inventory) -> Indexes {
    let entries = inventory.entries.iter().filter_map(|entry| Some((entry, entry.alive.as_ref()?)));
    entries
        .map(|(entry, standing)| {
            let columns = i16::try_from(entry.shape.keys.len() + entry.shape.include.len()).unwrap();
            let table = format!("{}.{}", standing.table.schema, standing.table.name);
            let unique = entry.shape.unique;
            (format!("{}.{}", standing.index.schema, standing.index.name), (table, unique, columns))
        })
        .collect()
}

#[tokio::test]
async fn names_tables_and_uniqueness_are_those_of_a_server_that_ran_the_same_statements() {
    let text = include_str!("../fixtures/audit/shapes.sql");
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute(text).await.unwrap();
    let rows = session.query(CATALOG, &[]).await.unwrap();
    let catalog: Indexes =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    let said = standing(&inventory(text));
    let missing: Vec<_> = catalog.iter().filter(|(name, it)| said.get(*name) != Some(it)).collect();
    let invented: Vec<_> = said.iter().filter(|(name, it)| catalog.get(*name) != Some(it)).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "the server has {missing:#?}\nthe audit has {invented:#?}"
    );
    assert!(catalog.len() > 40, "{}", catalog.len());
}

#[tokio::test]
async fn what_is_copied_moved_renamed_and_taken_back_is_where_a_server_has_it() {
    let text = include_str!("../fixtures/audit/moves.sql");
    let database = database(MAJOR).await;
    let session = database.connect().await;
    // One by one: of statements that are sent together, ROLLBACK takes all of them back.
    for piece in prepare(text).pieces {
        session.batch_execute(&text[piece.range]).await.unwrap();
    }
    let said = standing(&inventory(text));
    let of = async |query: &str| -> Indexes {
        let rows = session.query(query, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect()
    };
    // Those of partitions that a statement made are told, those that came with the parent's are not.
    let (some, every) = (of(CATALOG).await, of(EVERY).await);
    let missing: Vec<_> = some.iter().filter(|(name, it)| said.get(*name) != Some(it)).collect();
    let invented: Vec<_> = said.iter().filter(|(name, it)| every.get(*name) != Some(it)).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "the server has {missing:#?}\nthe audit has {invented:#?}"
    );
    assert!(some.len() > 20, "{}", some.len());
}

/// All indexes, those of partitions too: a dump makes each of them by a statement of its own.
const EVERY: &str = "
    SELECT n.nspname || '.' || c.relname, tn.nspname || '.' || t.relname, i.indisunique, i.indnatts
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'";

#[tokio::test]
async fn a_dump_with_partitions_says_every_index_that_restoring_it_makes() {
    let text = include_str!("../fixtures/audit/partitions_dump.sql");
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute(text).await.unwrap();
    session.batch_execute("RESET ALL").await.unwrap();
    let rows = session.query(EVERY, &[]).await.unwrap();
    let catalog: Indexes =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    assert_eq!(standing(&inventory(text)), catalog);
    assert!(catalog.len() > 15, "{}", catalog.len());
}

/// Indexes that differ from another one in nothing but their name, as the server words them.
const DUPLICATES: &str = "
    SELECT n.nspname || '.' || c.relname
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' AND EXISTS (
        SELECT FROM pg_index o JOIN pg_class oc ON oc.oid = o.indexrelid
        WHERE o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND NOT oc.relispartition AND oc.relam = c.relam
          AND regexp_replace(pg_get_indexdef(o.indexrelid), ' INDEX .* ON ', ' ') =
              regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX .* ON ', ' '))
    ORDER BY 1";

#[tokio::test]
async fn duplicates_are_those_whose_definitions_the_server_words_alike() {
    let text = include_str!("../fixtures/audit/shapes.sql");
    let database = database(MAJOR).await;
    let session = database.connect().await;
    session.batch_execute(text).await.unwrap();
    let catalog: Vec<String> =
        session.query(DUPLICATES, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let found = inventory(text);
    let mut said: Vec<String> = found
        .entries
        .iter()
        .filter(|entry| !entry.duplicates.is_empty())
        .filter_map(|entry| entry.alive.as_ref())
        .map(|it| format!("{}.{}", it.index.schema, it.index.name))
        .collect();
    said.sort();
    assert_eq!(said, catalog);
}
