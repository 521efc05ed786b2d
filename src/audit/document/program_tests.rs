//! Programs, from their text to the inventory: the names, tables and places of a run.

use super::super::host::{Language, extract};
use super::super::inventory::{Chapter, take};
use super::{Snapshots, Tables, declare, of_host};

struct Nothing;

impl Tables for Nothing {
    fn of_model(&self, _: &str) -> Option<String> {
        None
    }
}

/// Each index as `line:column name table (keys)`, with what becomes of it, and what could not be read.
fn inventory(language: Language, text: &str) -> Vec<String> {
    let found = extract(language, text);
    let mut document = of_host(text, &found);
    declare(&mut document, &found.declared, Snapshots::Counted, &Nothing);
    let inventory = take(&[Chapter { statements: &document.statements }]);
    let line = |it: &super::super::inventory::Entry| {
        let keys: Vec<&str> = it.shape.keys.iter().map(|key| key.text.as_str()).collect();
        let (schema, gone) = (&it.index.schema, if it.alive.is_some() { "" } else { " gone" });
        let schema = if schema == "public" { String::new() } else { format!("{schema}.") };
        format!("{} {schema}{} {} ({}){gone}", it.spot.place, it.index.name, it.table.name, keys.join(", "))
    };
    let mut lines: Vec<String> = inventory.entries.iter().map(line).collect();
    lines.extend(document.unread.iter().map(|it| format!("{} not read", it.place)));
    lines
}

#[test]
fn a_python_migration_makes_what_a_run_of_it_makes() {
    // What Python itself makes of it, with an `op` that prints.
    let text = r#"from alembic import op

SCOPES = {"orders": ["shop", "day"], "items": ["order_id"]}
OLD = [(f"{table}_old", table) for table in SCOPES] + [("lone_old", "lone")]

def upgrade():
    for name, table in OLD:
        op.execute(f"CREATE INDEX {name} ON {table} (id)")
    for position, (table, columns) in enumerate(SCOPES.items(), start=1):
        name = f"ix_{position}_{table}"
        if len(columns) > 5:
            continue
        op.create_index(name, table, columns)
        for column in columns:
            suffix = "k" if column == "day" else column
            op.execute(
                "CREATE INDEX %s_%s ON %s (%s)" % (table, suffix, table, column)
            )
    for name, table in reversed(OLD):
        op.drop_index(name, table_name=table)
    for schema in ("east", "west"):
        op.execute(f"SET search_path TO {schema}")
        op.execute("CREATE INDEX by_day ON visits (day)")
"#;
    assert_eq!(
        inventory(Language::Python, text),
        [
            "8:22 orders_old orders (id) gone",
            "8:22 items_old items (id) gone",
            "8:22 lone_old lone (id) gone",
            "13:9 ix_1_orders orders (shop, day)",
            "17:18 orders_shop orders (shop)",
            "17:18 orders_k orders (day)",
            "13:9 ix_2_items items (order_id)",
            "17:18 items_order_id items (order_id)",
            "23:21 east.by_day visits (day)",
            "23:21 west.by_day visits (day)",
            "11:12 not read",
        ]
    );
}

#[test]
fn a_ruby_migration_makes_what_a_run_of_it_makes() {
    let text = r##"class AddThem < ActiveRecord::Migration[7.1]
  TABLES = %w[orders items].freeze
  KEYS = { orders: %i[shop day], items: :order_id }.freeze

  def up
    TABLES.each { |table| execute "CREATE INDEX old_#{table} ON #{table} (id)" }
    KEYS.each do |table, columns|
      add_index table, columns
      next if table == :items

      add_index table, :note, name: "#{table}_note"
    end
    TABLES.each_with_index do |table, at|
      remove_index table, name: "old_#{table}"
    end
  end
end
"##;
    assert_eq!(
        inventory(Language::Ruby, text),
        [
            "6:36 old_orders orders (id) gone",
            "6:36 old_items items (id) gone",
            "8:7 index_orders_on_shop_and_day orders (shop, day)",
            "11:7 orders_note orders (note)",
            "8:7 index_items_on_order_id items (order_id)",
        ]
    );
}

#[test]
fn migrations_of_the_other_languages_make_what_a_run_of_them_makes() {
    let script = r"const INDEXES = [
  { table: 'orders', column: 'shop' },
  { table: 'items', column: 'order_id' },
] as const;
export async function up(knex: Knex): Promise<void> {
  for (const { table, column } of INDEXES) {
    const name = `${table}_${column}`;
    await knex.raw(`CREATE INDEX ${name} ON ${table} (${column})`);
  }
  INDEXES.forEach(({ table }, at) => knex.raw(`DROP INDEX ${table}_shop`));
}
";
    assert_eq!(
        inventory(Language::TypeScript, script),
        ["8:21 orders_shop orders (shop) gone", "8:21 items_order_id items (order_id)"]
    );
    let go = r#"package m

type index struct {
	name  string
	table string
}

func up(tx *sql.Tx) error {
	for _, i := range []index{{"a_x", "a"}, {name: "b_x", table: "b"}} {
		if _, err := tx.Exec(fmt.Sprintf("CREATE INDEX %s ON %s (x)", i.name, i.table)); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		"CREATE INDEX c_x ON c (x)",
		`DROP INDEX a_x`,
	} {
		tx.Exec(statement)
	}
	return nil
}
"#;
    assert_eq!(inventory(Language::Go, go), ["10:37 a_x a (x) gone", "10:37 b_x b (x)", "15:4 c_x c (x)"]);
    let java = r#"class V1 {
  record Index(String name, String table) {}
  void migrate(Statement s) throws Exception {
    for (Index i : List.of(new Index("a_x", "a"), new Index("b_x", "b"))) {
      s.execute("CREATE INDEX " + i.name() + " ON " + i.table() + " (x)");
    }
    for (var e : Map.of("c_y", "c").entrySet()) {
      s.execute(String.format("CREATE INDEX %s ON %s (y)", e.getKey(), e.getValue()));
    }
  }
}
"#;
    assert_eq!(inventory(Language::Java, java), ["5:18 a_x a (x)", "5:18 b_x b (x)", "8:32 c_y c (y)"]);
}

#[test]
fn rails_renames_the_indexes_that_it_named_with_their_table_and_columns() {
    let text = r#"class Rename < ActiveRecord::Migration[7.1]
  def change
    add_index :users, :mail
    add_index :users, [:shop_id, :mail], unique: true
    add_index :users, :day, name: "by_day"
    rename_column :users, :mail, :email
    rename_table :users, :people
    change_table(:people) { |t| t.rename :shop_id, :store_id }
    remove_index :people, name: "index_people_on_email"
  end
end
"#;
    let found = extract(Language::Ruby, text);
    let mut document = of_host(text, &found);
    declare(&mut document, &found.declared, Snapshots::Counted, &Nothing);
    let stock = take(&[Chapter { statements: &document.statements }]);
    let standing: Vec<Option<&str>> = stock
        .entries
        .iter()
        .map(|it| it.alive.as_ref().map(|standing| standing.index.name.as_str()))
        .collect();
    assert_eq!(standing, [None, Some("index_people_on_store_id_and_email"), Some("by_day")]);
    // Written for a version that takes no name that is so long.
    let text = "class Rename < ActiveRecord::Migration[6.0]\n  def change\n    add_index :t, :x\n    rename_column :t, :x, :a_column_with_a_name_that_leaves_no_room_at_all_for_more\n  end\nend\n";
    let index = inventory(Language::Ruby, text);
    assert_eq!(index, ["3:5 index_t_on_x t (a_column_with_a_name_that_leaves_no_room_at_all_for_more)"]);
}
