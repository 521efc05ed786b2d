//! Operator classes that need not be written: the list beside what a server makes of each on every type that takes it.

use std::collections::BTreeSet;

use cicerone::sql::needless_opclasses;

use crate::support::cluster::database;

/// For every operator class that is a default, and every type that it could be for: whether an index with it shows it, which
/// it does where it is not that type's own default.
const TRY_ALL: &str = "
    CREATE TYPE an_enum AS ENUM ('a');
    CREATE TYPE a_row AS (a int);
    CREATE DOMAIN a_domain AS text;
    CREATE TABLE tried (method text, opclass text, shown bool);
    DO $$
    DECLARE class record; type record; definition text;
    BEGIN
        FOR class IN
            SELECT a.amname, o.opcname, o.opcintype FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod WHERE o.opcdefault
        LOOP
            FOR type IN
                SELECT format_type(t.oid, NULL) AS name FROM pg_type t
                WHERE t.typname IN ('an_enum', 'a_row', 'a_domain')
                   OR t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typisdefined
                      AND (t.oid = class.opcintype OR class.opcintype::regtype::text LIKE 'any%' OR EXISTS (
                          SELECT FROM pg_cast c WHERE c.castsource = t.oid AND c.casttarget = class.opcintype
                                                  AND c.castmethod = 'b' AND c.castcontext = 'i'))
            LOOP
                BEGIN
                    EXECUTE format('CREATE TABLE one (c %s)', type.name);
                    EXECUTE format('CREATE INDEX one_c ON one USING %I (c pg_catalog.%I)', class.amname, class.opcname);
                    definition := pg_get_indexdef('one_c'::regclass);
                    DROP TABLE one;
                    INSERT INTO tried VALUES (class.amname, class.opcname, definition LIKE '%(c ' || class.opcname || ')');
                EXCEPTION WHEN datatype_mismatch OR undefined_object OR feature_not_supported OR invalid_table_definition OR undefined_function THEN
                    NULL;
                END;
            END LOOP;
        END LOOP;
    END $$;";

const ALWAYS_DEFAULT: &str = "SELECT method, opclass FROM tried GROUP BY 1, 2 HAVING NOT bool_or(shown)";
const KNOWN: &str = "SELECT DISTINCT method, opclass FROM tried";

async fn the_list_is_the_servers(major: u32) {
    let session = database(major).await.connect().await;
    session.batch_execute(TRY_ALL).await.unwrap();
    let read = async |query: &str| -> BTreeSet<(String, String)> {
        session.query(query, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let (always, known) = (read(ALWAYS_DEFAULT).await, read(KNOWN).await);
    let said: BTreeSet<(String, String)> =
        needless_opclasses().map(|(method, name)| (method.to_owned(), name.to_owned())).collect();
    let said_here: BTreeSet<_> = said.intersection(&known).cloned().collect();
    assert!(known.len() > 80, "{}", known.len());
    assert_eq!(said_here, always);
}

#[tokio::test]
async fn operator_classes_that_need_not_be_written_are_the_servers_own_on_12() {
    the_list_is_the_servers(12).await;
}

#[tokio::test]
async fn operator_classes_that_need_not_be_written_are_the_servers_own_on_15() {
    the_list_is_the_servers(15).await;
}

#[tokio::test]
async fn operator_classes_that_need_not_be_written_are_the_servers_own_on_18() {
    the_list_is_the_servers(18).await;
}
