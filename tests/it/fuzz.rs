//! A bounded run of what `tests/fuzz` runs without a bound: the fixtures, changed at random in the same way each time.

use std::ops::Range;

use cicerone::audit::host::Language;

#[path = "../fuzz/property.rs"]
mod property;

/// Texts of SQL that the changes begin with.
const SCRIPTS: [&str; 4] = [
    include_str!("../fixtures/audit/shapes.sql"),
    include_str!("../fixtures/audit/dump.sql"),
    "\\set name t\ncreate index :name on :\"schema\".t (a[1:2], :'b') \\g\n\\i other.sql\nselect 'create index x on t (y)' \\gexec\n\
     copy t from stdin;\n1\t2\n\\.\nselect 1 \\; select 2;\n${a} {{ b }} %(c)s -- cicerone:allow x: y\n",
    "do $$ begin execute 'create index a on t (b)'; execute format('create index %I on t (%s)', 'x' || y, 'b'); end $$;\n\
     create function f() returns int language sql begin atomic select case when a then 1 end; end;\n\
     create procedure p() language plpgsql as $x$ begin for r in execute $q$ select 1 $q$ loop commit; end loop; end $x$;\n\
     alter table t rename to u; alter index i rename to j; drop schema s cascade; alter table u set schema s2;\n\
     create table p (a int) partition by list (a); create table p1 partition of p for values in (1);\n\
     create index on p (a); create table l (like p including all); alter table l drop column a;\n",
];

/// What means something to one of the readers.
const WORDS: [&str; 64] = [
    "'",
    "\"",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    ";",
    "(",
    ")",
    "[",
    "]",
    "\\",
    "\\;",
    "\\.\n",
    "\\g\n",
    "\\gexec\n",
    ":a",
    ":'a'",
    ":\"a\"",
    "::",
    "${",
    "}",
    "{{",
    "}}",
    "%(",
    "%s",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "ß",
    "e'\\'",
    "U&'",
    "begin",
    "end",
    "case",
    "atomic",
    "create",
    "index",
    "table",
    "unique",
    "copy",
    "from",
    "stdin",
    "do",
    "execute",
    "format(",
    "concurrently",
    "if not exists",
    "only",
    "on",
    "using",
    "where",
    "alter",
    "drop",
    "rename to",
    "partition of",
    "like",
    "including all",
    "insert into",
    "values",
    "set search_path =",
    "create index i on t (a);",
];

/// A small program of each language.
const PROGRAMS: [(Language, &str); 7] = [
    (
        Language::Python,
        "from alembic import op\nrevision = 'a'\nSQL = 'CREATE INDEX a ' f\"ON {t} (b)\"\ndef upgrade():\n    with op.get_context().autocommit_block():\n        op.execute(SQL + ' WHERE c')\n    op.create_index('i', 't', ['a', sa.text('lower(b)')], unique=True)\nclass Migration(migrations.Migration):\n    atomic = False\n    operations = [migrations.AddIndex('M', models.Index(fields=['-a'], name='n')), migrations.RunSQL(\"\"\"create index x on y (z)\"\"\", 'drop index x')]\n",
    ),
    (
        Language::Ruby,
        "class A < ActiveRecord::Migration[7.0]\n  disable_ddl_transaction!\n  def change\n    add_index :t, [:a, :b], algorithm: :concurrently, where: \"c\"\n    create_table :u do |t|\n      t.index 'lower(x)', name: \"n_#{y}\"\n    end\n    execute <<~SQL\n      CREATE INDEX z ON t (a)\n    SQL\n  end\nend\n",
    ),
    (
        Language::JavaScript,
        "exports.up = k => k.raw(`create index a on ${t} (b)` + ' where c'); // cicerone:allow x: y\nawait q('drop index a');\n",
    ),
    (
        Language::TypeScript,
        "export class A implements M { async up(r: R): Promise<void> { await r.query(`CREATE INDEX \"a\" ON t (b)`); } }\n",
    ),
    (Language::Tsx, "const q = <T,>(x: T) => <div>{sql`create index a on t (b)`}</div>;\n"),
    (
        Language::Go,
        "package m\nconst q = `create index a on t (b)` + \" where c\"\nfunc up() { db.Exec(fmt.Sprintf(\"create index %s on t (b)\", n)) }\n",
    ),
    (
        Language::Java,
        "class V1 { void m(Context c) { s.execute(\"create index a \" + \"on t (b)\"); String t = \"\"\"\n  create index b on t (c)\n  \"\"\"; } }\n",
    ),
];

/// A text with a few changes: something taken out, doubled, put in, taken from elsewhere, exchanged, cut off.
fn changed(text: &str, others: &[&str], chance: &mut fastrand::Rng) -> String {
    let mut text = text.to_owned();
    for _ in 0..chance.usize(1..6) {
        let range = part(&text, chance);
        let word = WORDS[chance.usize(0..WORDS.len())];
        match chance.u8(0..16) {
            0..3 => text.replace_range(range, ""),
            3..5 => {
                let twice = text[range.clone()].repeat(2);
                text.replace_range(range, &twice);
            }
            5..11 => text.insert_str(range.start, word),
            11..13 => {
                let other = others[chance.usize(0..others.len())];
                text.insert_str(range.start, &other[part(other, chance)]);
            }
            13..15 => text.replace_range(range, word),
            _ => text.truncate(range.end),
        }
    }
    text
}

/// At most 80 bytes of a text.
fn part(text: &str, chance: &mut fastrand::Rng) -> Range<usize> {
    let from = boundary(text, chance.usize(0..=text.len()));
    from..boundary(text, from + chance.usize(0..80)).max(from)
}

/// The character that `at` is in, or the end.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Some statements in a row, so that a round is short.
fn excerpt<'a>(text: &'a str, chance: &mut fastrand::Rng) -> &'a str {
    let at = boundary(text, chance.usize(0..=text.len()));
    let from = text[..at].rfind(";\n").map_or(0, |end| end + 2);
    &text[from..boundary(text, from + 1_200)]
}

/// Calls `check` with so many changed texts. A failure shows the text.
fn rounds(seed: u64, count: usize, check: impl Fn(&str) + Send + Sync + std::panic::RefUnwindSafe) {
    property::with_stack(|| {
        let mut chance = fastrand::Rng::with_seed(seed);
        for text in SCRIPTS {
            check(text);
        }
        for _ in 0..count {
            let script = SCRIPTS[chance.usize(0..SCRIPTS.len())];
            let text = changed(excerpt(script, &mut chance), &SCRIPTS, &mut chance);
            shown(&text, &check);
        }
    });
}

fn shown(text: &str, check: impl Fn(&str) + std::panic::RefUnwindSafe) {
    if let Err(panic) = std::panic::catch_unwind(|| check(text)) {
        let said = panic.downcast_ref::<String>().map_or("a panic", String::as_str);
        panic!("{said}\nof {text:?}");
    }
}

#[test]
fn any_bytes_become_a_text_with_the_lines_of_the_file() {
    let mut chance = fastrand::Rng::with_seed(1);
    for _ in 0..2_000 {
        let script = SCRIPTS[chance.usize(0..SCRIPTS.len())];
        let mut bytes = changed(excerpt(script, &mut chance), &SCRIPTS, &mut chance).into_bytes();
        for _ in 0..chance.usize(0..4) {
            let at = chance.usize(0..=bytes.len());
            bytes.insert(at, chance.u8(..));
        }
        let mark: &[u8] = [&b""[..], b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"][chance.usize(0..4)];
        property::encoding(&[mark, &bytes].concat());
    }
}

#[test]
fn any_script_has_its_pieces_in_order_and_nothing_moves() {
    rounds(2, 3_000, property::prepass);
}

#[test]
fn any_statement_is_where_it_is_said_to_be_and_says_the_same_alone() {
    rounds(3, 400, property::statement);
}

#[test]
fn any_series_leaves_one_index_for_each_name() {
    rounds(4, 400, property::inventory);
}

#[test]
fn any_program_is_read_within_its_text() {
    property::with_stack(|| {
        let mut chance = fastrand::Rng::with_seed(5);
        let texts = PROGRAMS.map(|(_, text)| text);
        for (language, text) in PROGRAMS {
            property::host(language, text);
            for _ in 0..100 {
                let text = changed(text, &texts, &mut chance);
                shown(&text, |text| property::host(language, text));
            }
        }
    });
}
