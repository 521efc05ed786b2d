//! Ruby and Rails.

use super::super::{Cause, Direction, Home, Language, Marker, PLACEHOLDER, Transaction, extract};
use super::{executed, lines, only, read, sql, tables};

const RUBY: Language = Language::Ruby;

/// A migration with this body.
fn migration(body: &str) -> String {
    format!("class AddThem < ActiveRecord::Migration[7.0]\n{body}\nend\n")
}

#[test]
fn a_statement_is_put_together_as_ruby_would() {
    let table = [
        ("execute 'CREATE INDEX i ON t (a)'", "CREATE INDEX i ON t (a)"),
        (r#"execute("CREATE INDEX i ON t (\"a\")")"#, r#"CREATE INDEX i ON t ("a")"#),
        (r"execute 'CREATE INDEX i ON t (a) WHERE b = ''\n'''.to_s", r"CREATE INDEX i ON t (a) WHERE b = \n"),
        ("execute <<~SQL\n    CREATE INDEX i\n      ON t (a)\nSQL\n", "CREATE INDEX i\n  ON t (a)\n"),
        ("execute(<<-SQL)\n    CREATE INDEX i ON t (a)\n  SQL\n", "    CREATE INDEX i ON t (a)\n"),
        ("execute <<~SQL.squish\n    CREATE INDEX i\n      ON t (a)\nSQL\n", "CREATE INDEX i ON t (a)"),
        (
            "execute <<~'SQL'\n  CREATE INDEX i ON t (a) WHERE b = '\\n#{x}'\nSQL\n",
            "CREATE INDEX i ON t (a) WHERE b = '\\n#{x}'\n",
        ),
        ("execute \"CREATE INDEX i \" \\\n  'ON t (a)'", "CREATE INDEX i ON t (a)"),
        ("execute 'CREATE INDEX i ' + 'ON t (a)'", "CREATE INDEX i ON t (a)"),
        ("execute %q{CREATE INDEX i ON t (a)}", "CREATE INDEX i ON t (a)"),
        ("execute %(CREATE INDEX i ON t (a))", "CREATE INDEX i ON t (a)"),
        ("T = 't'.freeze\nexecute \"CREATE INDEX i ON #{T} (a)\"", "CREATE INDEX i ON t (a)"),
    ];
    for (text, wanted) in table {
        assert_eq!(sql(RUBY, text), [wanted], "{text}");
    }
    for text in [
        "execute \"CREATE INDEX #{name} ON t (a)\"",
        "execute('CREATE INDEX %s ON t (a)' % name)",
        "execute(format('CREATE INDEX %<name>s ON t (a)', name: name))",
        "execute 'CREATE INDEX ' + name + ' ON t (a)'",
    ] {
        assert_eq!(sql(RUBY, text), [format!("CREATE INDEX {PLACEHOLDER} ON t (a)")], "{text}");
    }
}

#[test]
fn two_heredocs_on_one_line_keep_their_bodies() {
    let text = "run(<<~ONE, <<~TWO)\n  CREATE INDEX i ON t (a)\nONE\n  CREATE INDEX j ON t (b)\nTWO\n";
    assert_eq!(sql(RUBY, text), ["CREATE INDEX i ON t (a)\n", "CREATE INDEX j ON t (b)\n"]);
}

#[test]
fn what_people_read_is_no_sql() {
    for text in [
        "puts 'CREATE INDEX i ON t (a)'",
        "raise 'CREATE INDEX i ON t (a)'",
        "Rails.logger.info(\"CREATE INDEX i ON t (a)\")",
        "say_with_time 'CREATE INDEX i ON t (a)' do\n  1\nend",
        "# CREATE INDEX i ON t (a)",
        "x =~ /CREATE INDEX i ON t (a)/",
        "=begin\nCREATE INDEX i ON t (a)\n=end\n",
    ] {
        assert_eq!(sql(RUBY, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn migrations_declare_indexes() {
    let table = [
        ("add_index :t, :a", "create (index_t_on_a) on t (a)"),
        ("add_index(:t, [:a, 'b'], unique: true)", "create (index_t_on_a_and_b) on t (a,b) unique"),
        ("add_index \"t\", %w[a b], name: 'i'", "create i on t (a,b)"),
        ("add_index :t, %i[a b], :name => :i, :unique => false", "create i on t (a,b)"),
        (
            "add_index :t, :a, algorithm: :concurrently, if_not_exists: true, where: 'b IS NULL', using: :gin, \
             opclass: :gin_trgm_ops",
            "create (index_t_on_a) on t (a gin_trgm_ops) concurrently if exists using gin where b IS NULL",
        ),
        (
            "add_index :t, [:a, :b], order: { b: :desc }, include: [:c], nulls_not_distinct: true, name: 'i'",
            "create i on t (a,b desc) nulls not distinct include c",
        ),
        ("add_index :t, 'lower(email)'", "create (index_t_on_lower_email) on t (<lower(email)>)"),
        ("add_index :t, columns", "create ? on t (?)"),
        ("add_index table, :a", "create ? on ? (a)"),
        ("add_index :t, :a, name: \"i_#{x}\"", "create ? on t (a)"),
        ("add_index :t, :a, **options", "create ? on t (a) unique? concurrently?"),
        ("remove_index :t, :a", "drop (index_t_on_a) on t (a)"),
        ("remove_index :t, column: [:a, :b]", "drop (index_t_on_a_and_b) on t (a,b)"),
        ("remove_index :t, name: :i, algorithm: :concurrently", "drop i on t () concurrently"),
        ("rename_index :t, 'a', 'b'", "rename a on t () to b"),
        ("add_reference :t, :user", "create (index_t_on_user_id) on t (user_id)"),
        ("add_reference :t, :user, index: { unique: true, name: 'i' }", "create i on t (user_id) unique"),
        (
            "add_belongs_to :t, :owner, polymorphic: true",
            "create (index_t_on_owner) on t (owner_type,owner_id)",
        ),
        ("create_table :t do |t|\n t.index [:a, :b]\nend", "create (index_t_on_a_and_b) on t (a,b)"),
        (
            "create_table :t do |t|\n t.string :a, index: { unique: true }\nend",
            "create (index_t_on_a) on t (a) unique",
        ),
        ("create_table :t do |x|\n x.column :a, :text, index: true\nend", "create (index_t_on_a) on t (a)"),
        (
            "change_table(:t) { |t| t.references :user, foreign_key: true }",
            "create (index_t_on_user_id) on t (user_id)",
        ),
        ("create_join_table :b, :a do |t|\n t.index :a_id\nend", "create (index_a_b_on_a_id) on a_b (a_id)"),
        ("COLUMNS = %i[a b].freeze\nadd_index :t, COLUMNS", "create (index_t_on_a_and_b) on t (a,b)"),
    ];
    for (body, wanted) in table {
        let text = migration(&format!("def change\n{body}\nend"));
        assert_eq!(lines(&read(RUBY, &text)), [wanted.to_owned()], "{body}");
    }
    let none =
        ["add_reference :t, :user, index: false", "create_table :t do |t|\n t.string :a\nend", "t.index :a"];
    for body in none {
        assert_eq!(lines(&read(RUBY, &migration(body))), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_reference_has_an_index_only_since_rails_5() {
    let old = "class A < ActiveRecord::Migration[4.2]\ndef change\nadd_reference :t, :user\nend\nend";
    assert_eq!(lines(&read(RUBY, old)), Vec::<String>::new());
    let six = "class A < ActiveRecord::Migration[6.0]\ndef change\nadd_reference :t, :o, polymorphic: true\nend\nend";
    assert_eq!(lines(&read(RUBY, six)), ["create (index_t_on_o_type_and_o_id) on t (o_type,o_id)"]);
}

#[test]
fn a_derived_name_that_is_too_long_is_not_guessed() {
    let long = "a".repeat(60);
    assert_eq!(lines(&read(RUBY, &format!("add_index :t, :{long}"))), [format!("create ? on t ({long})")]);
}

#[test]
fn schema_rb_declares_indexes() {
    let text = "ActiveRecord::Schema[7.0].define(version: 1) do\n  create_table \"t\", force: :cascade do |t|\n    t.string \
                \"a\"\n    t.index [\"a\"], name: \"i\", unique: true, where: \"(a IS NOT NULL)\"\n    t.index \"lower(a)\", \
                name: \"j\"\n  end\nend\n";
    assert_eq!(
        lines(&read(RUBY, text)),
        ["create i on t (a) unique where (a IS NOT NULL)", "create j on t (<lower(a)>)"]
    );
}

#[test]
fn rails_tells_forward_from_back_and_inside_from_outside() {
    let text = migration(
        "disable_ddl_transaction!\ndef up\nexecute 'DROP INDEX a'\nend\ndef down\nadd_index :t, :a\nend\ndef \
         change\nreversible do |dir|\ndir.up { execute 'DROP INDEX b' }\ndir.down do\nexecute 'DROP INDEX c'\nend\nend\nend",
    );
    let found = read(RUBY, &text);
    let told: Vec<_> =
        found.fragments.iter().map(|fragment| (fragment.sql.text(), fragment.direction)).collect();
    assert_eq!(
        told,
        [("DROP INDEX a", Direction::Up), ("DROP INDEX b", Direction::Up), ("DROP INDEX c", Direction::Down),]
    );
    assert_eq!(lines(&found), ["create (index_t_on_a) on t (a) outside down"]);
    assert_eq!(found.transaction, Transaction::Outside(Marker::DisableDdlTransaction));
    let inside = read(RUBY, &migration("def change\nexecute 'DROP INDEX a'\nend"));
    assert_eq!(inside.transaction, Transaction::Inside);
    assert_eq!(only(RUBY, &migration("def change\nexecute 'DROP INDEX a'\nend")).used, executed("execute"));
}

#[test]
fn ruby_that_does_not_parse_is_told_with_its_place() {
    for text in ["def f(\n", "add_index :t, [:a\n", "class A\n", "x = <<~SQL\n  DROP INDEX i\n"] {
        let found = extract(RUBY, text);
        assert!(!found.problems.is_empty(), "{text}");
    }
}

/// A migration that is written for a version of Rails.
fn versioned(version: &str, body: &str) -> String {
    format!("class AddThem < ActiveRecord::Migration[{version}]\ndef change\n{body}\nend\nend\n")
}

#[test]
fn since_7_1_a_name_that_is_too_long_is_cut_and_ends_in_a_digest() {
    let body = "add_index :a_very_long_table_name_indeed, [:first_long_column, :second_long_column]";
    let keys = "on a_very_long_table_name_indeed (first_long_column,second_long_column)";
    for (version, name) in [
        ("7.1", "(idx_on_first_long_column_second_long_column_8ba0b6c523)"),
        ("8.0", "(idx_on_first_long_column_second_long_column_8ba0b6c523)"),
        ("7.0", "?"),
        ("5.2", "?"),
    ] {
        assert_eq!(lines(&read(RUBY, &versioned(version, body))), [format!("create {name} {keys}")]);
    }
}

#[test]
fn constraints_and_tables_of_rails_are_told() {
    let table = [
        (
            "add_unique_constraint :t, [:a, :b], name: 'u', deferrable: :deferred",
            vec!["create u on t (a,b) unique backing"],
        ),
        ("add_unique_constraint :t, [:a]", vec!["create (uniq_rails_9c83d122dd) on t (a) unique backing"]),
        ("add_unique_constraint :t, using_index: :i", vec![]),
        (
            "add_exclusion_constraint :t, 'a WITH =, b WITH &&', using: :gist, name: 'e'",
            vec!["create e on t (<a with =, b with &&>) using gist backing"],
        ),
        ("remove_unique_constraint :t, name: 'u'", vec!["drop u on t () backing"]),
        (
            "create_table :t do |t|\n t.text :a\n t.unique_constraint [:a], name: 'u'\nend",
            vec!["create u on t (a) unique backing"],
        ),
        (
            "change_table :t, bulk: true do |t|\n t.index :a\n t.remove_index :b\nend",
            vec!["create (index_t_on_a) on t (a)", "drop (index_t_on_b) on t (b)"],
        ),
        ("add_index 's.t', :a", vec!["create (index_s.t_on_a) on s.t (a)"]),
        ("revert { add_index :t, :a }", vec!["create (index_t_on_a) on t (a) down"]),
        ("other.add_index :t, :a", vec![]),
    ];
    for (body, wanted) in table {
        assert_eq!(lines(&read(RUBY, &versioned("7.1", body))), wanted, "{body}");
    }
}

#[test]
fn what_is_done_to_tables_of_rails_is_told() {
    let table = [
        ("create_table(:t) { |t| t.text :a }", vec!["t create"]),
        ("create_join_table :b, :a", vec!["a_b create"]),
        ("drop_table :t", vec!["t drop"]),
        ("rename_table :t, :u", vec!["t rename to u"]),
        ("remove_column :t, :a, :text", vec!["t drop column a"]),
        ("remove_columns :t, :a, :b", vec!["t drop column a", "t drop column b"]),
        ("rename_column :t, :a, :b", vec!["t rename column a to b"]),
        ("remove_reference :t, :u, polymorphic: true", vec!["t drop column u_id", "t drop column u_type"]),
        (
            "change_table :t do |t|\n t.remove :a\n t.rename :b, :c\nend",
            vec!["t drop column a", "t rename column b to c"],
        ),
    ];
    for (body, wanted) in table {
        assert_eq!(tables(&read(RUBY, &versioned("7.1", body))), wanted, "{body}");
    }
}

#[test]
fn a_picture_of_the_schema_is_told_from_migrations() {
    let text = "ActiveRecord::Schema[7.1].define(version: 1) do\n  create_table \"t\" do |t|\n    t.index [\"a\"], name: \
                \"i\"\n  end\nend\n";
    let found = read(RUBY, text);
    assert_eq!(found.declared[0].home, Home::Snapshot);
    assert_eq!(tables(&found), Vec::<String>::new());
    let found = read(RUBY, &versioned("7.1", "add_index :t, :a"));
    assert_eq!(found.declared[0].home, Home::Operation);
}

#[test]
fn an_index_that_a_reference_brings_along_is_told_from_one_of_its_own() {
    let body = "add_reference :t, :u\nadd_reference :t, :v, index: true\nadd_index :t, :w";
    let causes: Vec<_> =
        read(RUBY, &versioned("7.1", body)).declared.iter().map(|index| index.cause).collect();
    assert_eq!(causes, [Cause::Habit, Cause::Option, Cause::Said]);
}

#[test]
fn a_method_that_is_said_to_make_an_index_and_is_not_known_is_told() {
    let found = extract(RUBY, &versioned("7.1", "prepare_async_index :t, :a"));
    assert_eq!(found.problems.len(), 1);
    assert_eq!((found.problems[0].place.line, found.problems[0].place.column), (3, 1));
    let own = "class A < ActiveRecord::Migration[7.1]\ndef change\nadd_my_index :t\nend\ndef add_my_index(t)\nadd_index t, \
               :a\nend\nend\n";
    assert_eq!(extract(RUBY, own).problems, []);
}

#[test]
fn a_method_that_only_down_calls_goes_back() {
    let text = "class A < ActiveRecord::Migration[7.1]\ndef up\nboth\nend\ndef down\nback\nboth\nend\ndef back\nexecute 'DROP \
                INDEX i'\nend\ndef both\nexecute 'DROP INDEX j'\nend\nend\n";
    let directions: Vec<_> = read(RUBY, text).fragments.iter().map(|fragment| fragment.direction).collect();
    assert_eq!(directions, [Direction::Down, Direction::Up]);
}
