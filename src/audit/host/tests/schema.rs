//! Schema builders of JavaScript and TypeScript.

use super::super::{Cause, Direction, Language, ProblemKind, extract};
use super::{lines, read};

const JS: Language = Language::JavaScript;
const TS: Language = Language::TypeScript;

/// Compares what each body declares inside of `exports.up`.
fn declares(table: &[(&str, &[&str])]) {
    for (body, wanted) in table {
        for language in [JS, TS] {
            let text = format!(
                "exports.up = async function (knex, queryInterface, queryRunner, pgm) {{\n  {body}\n}};\n"
            );
            assert_eq!(lines(&read(language, &text)), *wanted, "{body}");
        }
    }
}

#[test]
fn knex_tables_declare_indexes_and_constraints() {
    declares(&[
        (
            "await knex.schema.alterTable('orders', table => { table.index(['a', 'b'], 'i'); });",
            &["create i on orders (a,b)"],
        ),
        (
            "return knex.schema.createTable('Order-Lines', function (t) { t.index('A'); t.unique(['b']); })",
            &[
                "create (order_lines_a_index) on order-lines (a)",
                "create (order_lines_b_unique) on order-lines (b) unique backing",
            ],
        ),
        (
            "knex.schema.table('t', (t) => { t.index(['a'], null, 'gin'); t.index(['b'], 'j', { storageEngineIndexType: \
             'hash', predicate: knex.whereNotNull('b'), indexType: 'unique' }); })",
            &[
                "create (t_a_index) on t (a) using gin",
                "create j on t (b) unique using hash where knex.whereNotNull('b')",
            ],
        ),
        (
            "knex.schema.table('t', (t) => { t.unique(['a'], 'u'); t.unique('b', { indexName: 'v' }); t.unique(['c'], { \
             useConstraint: false }); t.unique(['d'], { predicate: knex.whereNull('x') }); })",
            &[
                "create u on t (a) unique backing",
                "create v on t (b) unique backing",
                "create (t_c_unique) on t (c) unique",
                "create (t_d_unique) on t (d) unique where knex.whereNull('x')",
            ],
        ),
        (
            "knex.schema.createTable('t', t => { t.increments('id').unique(); t.string('a').notNullable().index(); \
             t.uuid('b').unique().references('x.y'); t.text('c').index('i'); })",
            &[
                "create (t_a_index) on t (a)",
                "create (t_b_unique) on t (b) unique backing",
                "create i on t (c)",
            ],
        ),
        (
            "knex.schema.withSchema('s').alterTable('t', t => { t.dropIndex(['a', 'b']); t.dropIndex([], 'i'); \
             t.dropUnique('c'); })",
            &[
                "drop (t_a_b_index) on t () schema s",
                "drop i on t () schema s",
                "drop (t_c_unique) on t () schema s backing",
            ],
        ),
        (
            "knex.schema.table('t', t => { t.index(knex.raw('lower(a)'), 'i'); })",
            &["create i on t (<lower(a)>)"],
        ),
        (
            "knex.schema.table(name, t => { t.index(['a']); t.index(columns, 'i'); })",
            &["create ? on ? (a)", "create i on ? (?)"],
        ),
        ("other.index(['a'], 'i'); knex.schema.table('t', t => { u.index(['a'], 'i'); })", &[]),
    ]);
}

#[test]
fn a_column_option_of_knex_is_told_from_an_index_of_its_own() {
    let text = "knex.schema.table('t', t => { t.text('a').index(); t.index('b'); })";
    let causes: Vec<_> = read(JS, text).declared.iter().map(|index| index.cause).collect();
    assert_eq!(causes, [Cause::Option, Cause::Said]);
}

#[test]
fn the_query_runner_declares_indexes() {
    declares(&[
        (
            "await queryRunner.createIndex('orders', new TableIndex({ name: 'i', columnNames: ['a', 'b'], isUnique: true, \
             where: '\"a\" IS NULL' }));",
            &["create i on orders (a,b) unique where \"a\" IS NULL"],
        ),
        (
            "const index = new TableIndex({ name: 'i', columnNames: ['a'], isSpatial: true });\nawait \
             queryRunner.createIndex('t', index); await queryRunner.dropIndex('t', index); await queryRunner.dropIndex('t', 'j');",
            &["create i on t (a) using gist", "drop i on t ()", "drop j on t ()"],
        ),
        (
            "await queryRunner.createIndices('t', [new TableIndex({ name: 'i', columnNames: ['a'] }), new TableIndex({ \
             columnNames: ['b'] })]);",
            &["create i on t (a)", "create ? on t (b)"],
        ),
        (
            "await queryRunner.createTable(new Table({ name: 't', columns: [{ name: 'a', type: 'int', isUnique: true }, new \
             TableColumn({ name: 'z', type: 'int' })], indices: [{ name: 'i', columnNames: ['b'] }], uniques: [new \
             TableUnique({ name: 'u', columnNames: ['c'] })] }), true);",
            &["create ? on t (a) unique backing", "create i on t (b)", "create u on t (c) unique backing"],
        ),
        (
            "await queryRunner.createUniqueConstraint('t', new TableUnique({ name: 'u', columnNames: ['a'] }))",
            &["create u on t (a) unique backing"],
        ),
        ("await queryRunner.createIndex('t', build())", &["create ? on t (?)"]),
    ]);
}

#[test]
fn the_query_interface_declares_indexes() {
    declares(&[
        (
            "await queryInterface.addIndex('Users', ['firstName', 'b'], { unique: true, concurrently: true, where: { a: 1 } });",
            &["create (users_first_name_b) on users (firstname,b) unique concurrently where { a: 1 }"],
        ),
        (
            "await queryInterface.addIndex({ tableName: 't', schema: 's' }, { fields: [{ name: 'a', order: 'DESC' }, 'b'], \
             name: 'i', using: 'gin', operator: 'x_ops' });",
            &["create i on t (a x_ops desc,b x_ops) using gin schema s"],
        ),
        (
            "await queryInterface.addIndex('t', [Sequelize.fn('lower', Sequelize.col('a'))], { name: 'i', type: 'UNIQUE' })",
            &["create i on t (<sequelize.fn('lower', sequelize.col('a'))>) unique"],
        ),
        (
            "await queryInterface.removeIndex('t', 'i'); await queryInterface.removeIndex('t', ['a', 'bC']);",
            &["drop i on t () if exists", "drop (t_a_b_c) on t () if exists"],
        ),
        (
            "await queryInterface.addConstraint('t', { fields: ['a', 'b'], type: 'unique' }); await \
             queryInterface.addConstraint('t', ['c'], { type: 'unique', name: 'u' }); await queryInterface.addConstraint('t', \
             { fields: ['d'], type: 'check' })",
            &["create (t_a_b_uk) on t (a,b) unique backing", "create u on t (c) unique backing"],
        ),
        (
            "await queryInterface.createTable('t', { a: { type: X, unique: true }, b: { type: X }, c: { field: 'd', unique: \
             'compound' } })",
            &["create - on t (a) unique backing", "create - on t (d) unique backing"],
        ),
    ]);
}

#[test]
fn node_pg_migrate_and_others_declare_indexes() {
    declares(&[
        (
            "pgm.createIndex('t', ['a', { name: 'b', sort: 'DESC', opclass: { name: 'x_ops' } }], { unique: true, \
             concurrently: true, ifNotExists: true, where: 'c > 1', method: 'btree', include: 'd' });",
            &[
                "create (t_a_b_unique_index) on t (a,b x_ops desc) unique concurrently if exists using btree include d where c > 1",
            ],
        ),
        (
            "pgm.createIndex({ schema: 's', name: 't' }, 'a'); pgm.addIndex('t', 'lower(a)', { name: 'i' }); \
             pgm.dropIndex('t', ['a'], { ifExists: true }); pgm.dropIndex('t', [], { name: 'j' });",
            &[
                "create (t_a_index) on t (a) schema s",
                "create i on t (<lower(a)>)",
                "drop (t_a_index) on t () if exists",
                "drop j on t ()",
            ],
        ),
        (
            "pgm.addConstraint('t', 'u', { unique: ['a', 'b'] }); pgm.addConstraint('t', 'v', { check: 'a > 1' }); \
             pgm.createTable('t', { id: 'id', c: { type: 'text', unique: true } });",
            &["create u on t (a,b) unique backing", "create - on t (c) unique backing"],
        ),
        (
            "await db.schema.createIndex('i').ifNotExists().on('t').unique().columns(['a', 'b desc']).using('gin').execute(); \
             await db.schema.createIndex('j').on('t').expression(sql`lower(a)`).where('b', 'is', null).execute(); await \
             db.schema.dropIndex('k').ifExists().execute();",
            &[
                "create i on t (a,b desc) unique if exists using gin",
                "create j on t (<lower(a)>) where ('b', 'is', null)",
                "drop k on - () if exists",
            ],
        ),
        (
            "db.addIndex('t', 'i', ['a'], true, callback); db.removeIndex('t', 'j', callback);",
            &["create i on t (a) unique", "drop j on t ()"],
        ),
    ]);
}

#[test]
fn the_place_and_the_direction_of_a_declaration_are_told() {
    let text = "export async function up(knex) {\n  await knex.schema.table('t', t => {\n    t.index(['a'], 'i');\n  \
                });\n}\nexport const down = async (knex) => {\n  await knex.schema.table('t', t => t.dropIndex([], 'i'));\n};\n";
    let found = read(TS, text);
    let told: Vec<_> =
        found.declared.iter().map(|index| (index.place.line, index.place.column, index.direction)).collect();
    assert_eq!(told, [(3, 5, Direction::Up), (7, 37, Direction::Down)]);
}

#[test]
fn a_call_that_is_said_to_make_an_index_and_is_not_known_is_told() {
    let text =
        "exports.up = async ({ schema: { createIndex } }) => {\n  await createIndex('t', ['a']);\n};\n";
    let found = extract(JS, text);
    assert_eq!(found.problems.len(), 1);
    assert_eq!((found.problems[0].place.line, found.problems[0].place.column), (2, 9));
    assert_eq!(found.problems[0].kind, ProblemKind::UnknownCall("createIndex".to_owned()));
    for other in [
        "exports.up = async (db) => { await db.collection('t').createIndex({ a: 1 }); };",
        "function start() { createIndex('t', ['a']); }",
    ] {
        assert_eq!(extract(JS, other).problems, [], "{other}");
    }
}
