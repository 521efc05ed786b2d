//! JavaScript, TypeScript, Go and Java.

use super::super::{Direction, Language, Marker, PLACEHOLDER, Transaction, Use, extract};
use super::{executed, only, read, sql};

const JS: Language = Language::JavaScript;
const TS: Language = Language::TypeScript;
const GO: Language = Language::Go;
const JAVA: Language = Language::Java;

/// A Java class with this in a method.
fn java(body: &str) -> String {
    format!(
        "class V1 extends BaseJavaMigration {{\n  public void migrate(Context c) throws Exception {{\n    {body}\n  }}\n}}\n"
    )
}

#[test]
fn a_statement_is_put_together_as_the_language_would() {
    let table = [
        (JS, "knex.raw('CREATE INDEX i ON t (a)')".to_owned(), "CREATE INDEX i ON t (a)"),
        (JS, "knex.raw(`CREATE INDEX i\n  ON t (\\`a\\`)`)".to_owned(), "CREATE INDEX i\n  ON t (`a`)"),
        (JS, "const T = 't';\ndb.query(`CREATE INDEX i ON ${T} (a)`)".to_owned(), "CREATE INDEX i ON t (a)"),
        (JS, "db.query('CREATE INDEX i ' +\n 'ON t (a)')".to_owned(), "CREATE INDEX i ON t (a)"),
        (JS, "db.query('CREATE INDEX \\x69 ON t (\\u0061)')".to_owned(), "CREATE INDEX i ON t (a)"),
        (
            TS,
            "await queryRunner.query(`CREATE INDEX \"i\" ON \"t\" (\"a\")`);".to_owned(),
            "CREATE INDEX \"i\" ON \"t\" (\"a\")",
        ),
        (TS, "const x = sql`CREATE INDEX i ON t (a)`;".to_owned(), "CREATE INDEX i ON t (a)"),
        (
            TS,
            "const x: string = ('CREATE INDEX i ON t (a)') as string;".to_owned(),
            "CREATE INDEX i ON t (a)",
        ),
        (
            Language::Tsx,
            "const x = 'CREATE INDEX i ON t (a)'; const y = <a>{x}</a>;".to_owned(),
            "CREATE INDEX i ON t (a)",
        ),
        (
            GO,
            "package m\nconst s = `CREATE INDEX i ON t (\"\\n\")`\n".to_owned(),
            "CREATE INDEX i ON t (\"\\n\")",
        ),
        (
            GO,
            "package m\nfunc f() { tx.Exec(\"CREATE INDEX i \" + \"ON t (\\\"a\\\")\") }\n".to_owned(),
            "CREATE INDEX i ON t (\"a\")",
        ),
        (
            GO,
            "package m\nconst t = \"t\"\nvar s = \"CREATE INDEX i ON \" + t + \" (a)\"\n".to_owned(),
            "CREATE INDEX i ON t (a)",
        ),
        (JAVA, java("s.execute(\"CREATE INDEX i \" + \"ON t (a)\");"), "CREATE INDEX i ON t (a)"),
        (
            JAVA,
            java("s.execute(\"\"\"\n      CREATE INDEX i\n        ON t (\"a\")\"\"\");"),
            "CREATE INDEX i\n  ON t (\"a\")",
        ),
    ];
    for (language, text, wanted) in table {
        assert_eq!(sql(language, &text), [wanted], "{text}");
    }
}

#[test]
fn a_part_that_is_not_constant_is_a_hole() {
    let table = [
        (JS, "db.query(`CREATE INDEX ${name} ON t (a)`)".to_owned()),
        (JS, "db.query('CREATE INDEX ' + name + ' ON t (a)')".to_owned()),
        (TS, "db.query(`CREATE INDEX ${this.name()} ON t (a)`)".to_owned()),
        (GO, "package m\nfunc f() { db.Exec(fmt.Sprintf(\"CREATE INDEX %s ON t (a)\", name)) }\n".to_owned()),
        (GO, "package m\nfunc f(n string) { db.Exec(\"CREATE INDEX \" + n + \" ON t (a)\") }\n".to_owned()),
        (JAVA, java("s.execute(String.format(\"CREATE INDEX %s ON t (a)\", name));")),
        (JAVA, java("s.execute(\"CREATE INDEX %s ON t (a)\".formatted(name));")),
        (JAVA, java("s.execute(\"CREATE INDEX \" + name + \" ON t (a)\");")),
    ];
    for (language, text) in table {
        let fragment = only(language, &text);
        assert_eq!(fragment.sql.text(), format!("CREATE INDEX {PLACEHOLDER} ON t (a)"), "{text}");
        assert_eq!(fragment.sql.holes().len(), 1, "{text}");
        assert!(matches!(fragment.used, Use::Executed(_)), "{text}: {:?}", fragment.used);
    }
}

#[test]
fn what_people_read_is_no_sql() {
    let table = [
        (JS, "console.log('CREATE INDEX i ON t (a)')".to_owned()),
        (JS, "throw new Error('CREATE INDEX i ON t (a)')".to_owned()),
        (JS, "'CREATE INDEX i ON t (a)';".to_owned()),
        (JS, "// CREATE INDEX i ON t (a)\n/CREATE INDEX i ON t (a)/.test(x)".to_owned()),
        (TS, "expect(x).toContain('CREATE INDEX i ON t (a)')".to_owned()),
        (GO, "package m\nfunc f() { log.Printf(\"CREATE INDEX i ON t (a)\") }\n".to_owned()),
        (GO, "package m\nfunc f() error { return errors.New(\"CREATE INDEX i ON t (a)\") }\n".to_owned()),
        (JAVA, java("log.info(\"CREATE INDEX i ON t (a)\");")),
        (JAVA, java("throw new IllegalStateException(\"CREATE INDEX i ON t (a)\");")),
    ];
    for (language, text) in table {
        assert_eq!(sql(language, &text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn forward_and_back_and_the_transaction_are_told() {
    let text = "export class A implements MigrationInterface {\n  transaction = false as const;\n  name = 'A';\n  public async \
                up(q: QueryRunner): Promise<void> {\n    await q.query(`DROP INDEX a`);\n  }\n  public async down(q: \
                QueryRunner): Promise<void> {\n    await q.query(`DROP INDEX b`);\n  }\n}\n";
    let found = read(TS, &text.replace(" as const", ""));
    let told: Vec<_> = found.fragments.iter().map(|fragment| fragment.direction).collect();
    assert_eq!(told, [Direction::Up, Direction::Down]);
    assert_eq!(found.transaction, Transaction::Outside(Marker::TransactionFalse));
    let table = [
        (JS, "exports.up = (knex) => knex.raw('DROP INDEX a');", Direction::Up, Transaction::Inside),
        (JS, "exports.up = knex => knex.raw('DROP INDEX a');", Direction::Up, Transaction::Inside),
        (
            JS,
            "module.exports = { async up(knex) { await knex.raw('DROP INDEX a'); } };",
            Direction::Up,
            Transaction::Inside,
        ),
        (
            JS,
            "export async function up(pgm) { pgm.sql('DROP INDEX a'); }",
            Direction::Up,
            Transaction::Inside,
        ),
        (
            TS,
            "class A implements MigrationInterface { public async down(conn: QueryRunner): Promise<void> { await \
             conn.query('DROP INDEX a'); } }",
            Direction::Down,
            Transaction::Inside,
        ),
        (
            TS,
            "export async function up(db: Knex) { await db.raw('DROP INDEX a'); }",
            Direction::Up,
            Transaction::Inside,
        ),
        (
            JS,
            "function help(knex) { return knex.raw('DROP INDEX a'); }",
            Direction::Unsaid,
            Transaction::Unsaid,
        ),
        (
            JS,
            "exports.config = { transaction: false };\nexports.down = function (knex) { return knex.raw('DROP INDEX a') };",
            Direction::Down,
            Transaction::Outside(Marker::TransactionFalse),
        ),
        (
            JS,
            "module.exports = { down: async (queryInterface) => { await queryInterface.sequelize.query('DROP INDEX a'); } };",
            Direction::Down,
            Transaction::Unsaid,
        ),
        (
            TS,
            "export const up = (pgm) => { pgm.noTransaction(); pgm.sql('DROP INDEX a'); };",
            Direction::Up,
            Transaction::Outside(Marker::NoTransaction),
        ),
        (
            GO,
            "package m\nfunc init() { goose.AddMigrationNoTxContext(up1, down1) }\nfunc down1(ctx context.Context, db *sql.DB) \
             error {\n_, err := db.ExecContext(ctx, \"DROP INDEX a\")\nreturn err }\n",
            Direction::Down,
            Transaction::Outside(Marker::GooseNoTx),
        ),
        (
            JAVA,
            "class A { public boolean canExecuteInTransaction() { return false; }\nvoid m() { statement.execute(\"DROP INDEX \
             a\"); } }",
            Direction::Unsaid,
            Transaction::Outside(Marker::FlywayOutside),
        ),
    ];
    for (language, text, direction, transaction) in table {
        let fragment = only(language, text);
        assert_eq!((fragment.direction, fragment.transaction), (direction, transaction), "{text}");
        assert!(matches!(fragment.used, Use::Executed(_)), "{text}: {:?}", fragment.used);
    }
    assert_eq!(only(JS, "knex.raw('DROP INDEX a')").used, executed("knex.raw"));
}

#[test]
fn a_file_that_does_not_parse_is_told_and_the_rest_stays() {
    let table = [
        (JS, "db.query('DROP INDEX a');\nfunction ( {\n"),
        (TS, "db.query('DROP INDEX a');\nlet x: = 1;\n"),
        (GO, "package m\nvar s = \"DROP INDEX a\"\nfunc f( {\n"),
        (JAVA, "class A { String s = \"DROP INDEX a\"; void f( { }\n"),
    ];
    for (language, text) in table {
        let found = extract(language, text);
        assert!(!found.problems.is_empty(), "{text}");
        assert_eq!(found.fragments.len(), 1, "{text}");
    }
}
