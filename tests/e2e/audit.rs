//! Migrations, registry and a real database beside each other.

use serde_json::{Value, json};

use crate::program::{Home, run};
use crate::server;

const MIGRATIONS: &str = "
    CREATE TABLE things (a int PRIMARY KEY, b varchar(9), c text, d int, f boolean);
    CREATE INDEX everywhere ON things (a, c);
    CREATE INDEX words ON things (a) WHERE b IN ('x', 'y') AND d BETWEEN 1 AND 2 AND f;
    CREATE INDEX not_built ON things (b);
    CREATE INDEX only_planned ON things (c, b);
    CREATE UNIQUE INDEX rule ON things (a, d);
    CREATE INDEX differs ON things (a, b);
    CREATE INDEX elsewhere ON things (d);
    CREATE INDEX class ON things (a int4_ops, d my_ops);
    CREATE INDEX refused ON things (missing);
    CREATE TABLE parts (a int) PARTITION BY RANGE (a);
    CREATE INDEX parts_a ON parts (a);
";

const DATABASE: &str = "
    CREATE TABLE things (a int PRIMARY KEY, b varchar(9), c text, d int, f boolean, missing int);
    CREATE TABLE other (d int UNIQUE);
    CREATE OPERATOR CLASS my_ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=,
        OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
    CREATE INDEX everywhere ON things (a, c);
    CREATE INDEX words ON things (a) WHERE b IN ('x', 'y') AND d BETWEEN 1 AND 2 AND f;
    CREATE UNIQUE INDEX rule ON things (a, d);
    CREATE INDEX differs ON things (b, a);
    CREATE INDEX elsewhere ON other (d);
    CREATE INDEX class ON things (a, d my_ops);
    CREATE INDEX refused ON things ((missing + 1));
    ALTER TABLE things DROP COLUMN missing CASCADE;
    CREATE INDEX refused ON things ((d + 1));
    CREATE INDEX rolled_out ON things (d DESC, a);
    CREATE INDEX by_hand ON things (f);
    CREATE TABLE parts (a int) PARTITION BY RANGE (a);
    CREATE TABLE parts_one PARTITION OF parts FOR VALUES FROM (1) TO (9);
    CREATE INDEX parts_a ON parts (a);
";

fn registry(entries: &[(&str, &str)]) -> String {
    let entry = |(name, rest): &(&str, &str)| {
        format!(
            "[[index]]\nname = \"{name}\"\ndomain = \"d\"\ntable = \"things\"\nsql = \"CREATE INDEX CONCURRENTLY {name} ON things {rest}\"\n"
        )
    };
    format!("version = 1\n{}", entries.iter().map(entry).collect::<Vec<_>>().join("\n"))
}

const ENTRIES: [(&str, &str); 5] = [
    ("everywhere", "(a, c text_ops)"),
    ("not_built", "(b)"),
    ("differs", "(a, b)"),
    ("rolled_out", "(d DESC, a)"),
    ("only_wanted", "(f, d)"),
];

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|it| it["index"].as_str().or(it.as_str()).expect("a name"))
        .collect()
}

#[tokio::test]
async fn every_kind_of_difference_between_files_registry_and_database_is_told_once() {
    let (home, database) = (Home::new(), server::small().await);
    database.connect().await.batch_execute(DATABASE).await.expect("a database");
    database.connect().await.batch_execute("DROP TABLE customers, orders").await.expect("dropped");
    home.file("1.sql", MIGRATIONS);
    home.file("registry.toml", &registry(&ENTRIES));
    let before = database.relations().await;
    let dsn = database.conninfo();
    let audit = ["audit", "--live", "--dsn", &dsn, "--registry", "registry.toml", "1.sql"];
    let ended = home.run(&[&audit[..], &["--output", "json"]].concat()).await.with_code(1);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let found = &answer["reconciled"];
    let lists: Vec<(&str, Vec<&str>)> = [
        "migrations_only",
        "registry_only",
        "live_only",
        "not_live",
        "not_in_registry",
        "not_in_migrations",
        "differing",
        "not_compared",
    ]
    .into_iter()
    .map(|list| (list, names(&found[list])))
    .collect();
    assert_eq!(lists[2].1, ["public.by_hand", "public.other_d_key"], "{found:#}");
    assert_eq!(lists[0].1, ["public.only_planned"]);
    assert_eq!(lists[1].1, ["public.only_wanted"]);
    assert_eq!(lists[3].1, ["public.not_built"]);
    assert_eq!(lists[4].1, ["public.class", "public.elsewhere", "public.refused", "public.words"]);
    assert_eq!(lists[5].1, ["public.rolled_out"]);
    assert_eq!(lists[6].1, ["public.differs", "public.elsewhere"], "{found:#}");
    assert_eq!(lists[7].1, ["public.refused"], "{found:#}");
    assert!(
        found["not_compared"][0]["why"].as_str().unwrap().contains("\"missing\" does not exist"),
        "{found:#}"
    );
    let differs = &found["differing"][0];
    assert_eq!(differs["live"], "CREATE INDEX differs ON public.things USING btree (b, a)");
    assert_eq!(differs["registry"], differs["migrations"]);
    assert!(found["differing"][1]["what"][0].as_str().unwrap().starts_with("table: "), "{found:#}");
    // everywhere, the rule, its table's primary key, and the partitioned one.
    assert_eq!(found["same"], 4, "{found:#}");
    let ended = home.run(&audit).await.with_code(1);
    for line in [
        "Migrations, registry and database: 4 the same",
        "in the database only: public.by_hand",
        "differs: public.differs",
    ] {
        assert!(ended.stdout.contains(line), "{line}\n{ended}");
    }
    home.run(&[&audit[..], &["--format", "markdown"]].concat()).await.with_code(1).says("## Database");
    assert_eq!(database.relations().await, before, "nothing was changed");

    // A dry run asks the server nothing that writes: columns are compared all the same, and nothing is guessed of conditions.
    let dry = home.run(&[&audit[..], &["--dry-run", "--output", "json"]].concat()).await.with_code(1);
    let answer: Value = serde_json::from_str(&dry.stdout).expect("JSON");
    assert_eq!(names(&answer["reconciled"]["differing"]), ["public.differs", "public.elsewhere"], "{dry}");
    assert_eq!(
        names(&answer["reconciled"]["not_compared"]),
        ["public.class", "public.refused", "public.words"],
        "{dry}"
    );
    assert!(dry.stdout.contains("read-only"), "{dry}");
}

#[tokio::test]
async fn what_was_imported_and_what_was_migrated_agree_with_the_database_they_came_from() {
    let (home, database) = (Home::new(), server::small().await);
    let sql = include_str!("../fixtures/live.sql");
    database.connect().await.batch_execute(sql).await.expect("a database");
    home.file("1.sql", include_str!("small.sql"));
    home.file("2.sql", sql);
    let dsn = database.conninfo();
    home.run(&["import", "--live", "--dsn", &dsn]).await.with_code(0);
    let ended = home
        .run(&["audit", "--live", "--dsn", &dsn, "--registry", "registry.toml", "--output", "json"])
        .await
        .with_code(1);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let found = &answer["reconciled"];
    // One of two that say the same was left out of the registry; the index that only waits for its partitions is not valid.
    assert_eq!(found["live_only"], json!(["public.twin"]), "{found:#}");
    for list in ["registry_only", "differing", "not_compared"] {
        assert_eq!(found[list], json!([]), "{list} {found:#}");
    }
    assert_eq!(answer["live"]["totals"]["not_valid"], 1);
    let ended = home.run(&["audit", "--live", "--dsn", &dsn, "1.sql", "2.sql", "--output", "json"]).await;
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let found = &answer["reconciled"];
    for list in ["migrations_only", "live_only", "differing"] {
        assert_eq!(found[list], json!([]), "{list} {found:#}");
    }
    // The files leave operators and functions of other schemas to be found; here they say their schemas.
    assert_eq!(found["not_compared"], json!([]), "{found:#}");
}

#[tokio::test]
async fn a_database_alone_is_audited_by_its_servers_own_words() {
    let (home, database) = (Home::new(), server::small().await);
    let session = database.connect().await;
    session
        .batch_execute(
            "CREATE TABLE t (a int PRIMARY KEY, b varchar(9)); CREATE INDEX one ON t (b); CREATE INDEX two ON t (b varchar_ops);
             CREATE INDEX three ON t (b text_ops); CREATE INDEX wide ON t (b, a); INSERT INTO t VALUES (1, 'x'), (2, 'x')",
        )
        .await
        .expect("a table");
    let broken = session.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (b)").await;
    assert!(broken.is_err());
    let dsn = database.conninfo();
    let ended = home.run(&["audit", "--live", "--dsn", &dsn, "--output", "json"]).await.with_code(1);
    let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let row = |name: &str| {
        let name = format!("public.{name}");
        let rows = answer["live"]["indexes"].as_array().expect("rows");
        rows.iter().find(|it| it["index"] == name).cloned().expect("a row")
    };
    assert_eq!(row("one")["duplicates"], json!(["public.three"]));
    assert_eq!(row("three")["covered_by"], json!(["public.wide"]));
    assert_eq!(row("two")["duplicates"], json!([]));
    assert_eq!((&row("broken")["valid"], &row("broken")["class"]), (&json!(false), &json!("functional")));
    assert_eq!(row("t_pkey")["stays_out"], "it backs a PRIMARY KEY, so it belongs to the migrations");
    assert_eq!(answer["reconciled"], Value::Null);
    home.run(&["audit", "--live", "--dsn", &dsn])
        .await
        .with_code(1)
        .says("1 not valid")
        .says("the same as public.one");
    session.batch_execute("DROP INDEX broken").await.expect("dropped");
    home.run(&["audit", "--live", "--dsn", &dsn]).await.with_code(0).says("0 not valid");
}

#[tokio::test]
async fn the_app_of_a_django_migration_is_known_from_wherever_one_stands() {
    let home = Home::new();
    fs_err::create_dir_all(home.path().join("shop/migrations")).expect("folders");
    home.file(
        "shop/migrations/0001_initial.py",
        "class Migration(migrations.Migration):\n    operations = [\n        migrations.CreateModel('Item', [\n            \
         ('slug', models.SlugField()),\n        ]),\n    ]\n",
    );
    for (folder, path) in [
        (".", "shop"),
        ("shop", "."),
        ("shop", "migrations"),
        ("shop/migrations", "."),
        ("shop/migrations", "0001_initial.py"),
    ] {
        let mut command = home.cicerone(&["audit", "--output", "json", path]);
        command.current_dir(home.path().join(folder));
        let ended = run(command).await.with_code(0);
        let answer: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let tables: Vec<&Value> =
            answer["indexes"].as_array().expect("a list").iter().map(|it| &it["table"]).collect();
        assert_eq!(tables, [&json!("shop_item")], "{folder} {path} {ended}");
    }
}
