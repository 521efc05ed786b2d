//! What says that a file or a part of it runs outside of a transaction.

use tree_sitter::Node;

use super::call::dotted;
use super::declared::Framework;
use super::fact::{Direction, Extract, Marker, Transaction, Use};
use super::language::Language;
use super::tree::{Source, children_of};
use super::walk::Around;

/// What the file as a whole says, in languages whose frameworks mark files.
pub(super) fn of_file(source: &Source<'_>) -> Transaction {
    let found = match source.language {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let marked = script(source);
            if marked.is_none() && is_transacted(source) {
                return Transaction::Inside;
            }
            marked
        }
        Language::Go => mentions(source, |text| {
            text.starts_with("AddMigrationNoTx")
                || text == "AddNamedMigrationNoTx"
                || text.starts_with("AddNamedMigrationNoTx")
        })
        .then_some(Marker::GooseNoTx),
        Language::Java => flyway(source).then_some(Marker::FlywayOutside),
        Language::Python | Language::Ruby => None,
    };
    found.map_or(Transaction::Unsaid, Transaction::Outside)
}

/// What the content says when no marker does: alembic runs `upgrade` and `downgrade` in a transaction.
pub(super) fn by_content(found: &mut Extract) {
    let directed = |direction: Direction| matches!(direction, Direction::Up | Direction::Down);
    let alembic = found.declared.iter().any(|index| index.framework == Framework::Alembic)
        || found.fragments.iter().any(|fragment| {
            directed(fragment.direction)
                && matches!(&fragment.used, Use::Executed(call) if call == "op.execute")
        });
    if !alembic {
        return;
    }
    found.transaction = Transaction::Inside;
    for fragment in found.fragments.iter_mut().filter(|fragment| directed(fragment.direction)) {
        if fragment.transaction == Transaction::Unsaid {
            fragment.transaction = Transaction::Inside;
        }
    }
}

fn each<'t>(source: &Source<'t>, mut with: impl FnMut(Node<'t>) -> bool) -> bool {
    let mut cursor = source.root.walk();
    loop {
        if with(cursor.node()) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

fn mentions(source: &Source<'_>, is: impl Fn(&str) -> bool) -> bool {
    each(source, |node| node.child_count() == 0 && node.kind().ends_with("identifier") && is(source.of(node)))
}

/// `transaction = false` in a class, `{ transaction: false }` in what a file exports, `pgm.noTransaction()`.
fn script(source: &Source<'_>) -> Option<Marker> {
    let mut found = None;
    each(source, |node| {
        let (name, value) = match node.kind() {
            "field_definition" => ("property", "value"),
            "public_field_definition" => ("name", "value"),
            "pair" => ("key", "value"),
            "property_identifier" => {
                if source.of(node) == "noTransaction" {
                    found = Some(Marker::NoTransaction);
                }
                return found.is_some();
            }
            _ => return false,
        };
        let field = |name: &str| node.child_by_field_name(name).map_or("", |child| source.of(child));
        if field(name) == "transaction" && field(value) == "false" {
            found = Some(Marker::TransactionFalse);
        }
        found.is_some()
    });
    found
}

/// What the frameworks that run each migration in a transaction hand to it: knex, node-pg-migrate, TypeORM.
const TRANSACTED: [&str; 3] = ["knex", "pgm", "queryRunner"];
/// Its type, in TypeScript.
const TRANSACTED_TYPES: [&str; 3] = ["Knex", "MigrationBuilder", "QueryRunner"];

/// Whether a file has a function `up` or `down` that one of them calls.
fn is_transacted(source: &Source<'_>) -> bool {
    each(source, |node| {
        let parameter = match node.kind() {
            "method_definition" | "function_declaration" | "function_expression" | "arrow_function" => {
                let listed = node.child_by_field_name("parameters").and_then(|list| list.named_child(0));
                node.child_by_field_name("parameter").or(listed)
            }
            _ => return false,
        };
        let handed = parameter.is_some_and(|it| {
            let name = source.of(it.child_by_field_name("pattern").unwrap_or(it));
            let kind = it.child_by_field_name("type").map_or("", |kind| source.of(kind));
            TRANSACTED.contains(&name) || TRANSACTED_TYPES.contains(&kind.trim_start_matches([':', ' ']))
        });
        handed && is_way(source, node)
    })
}

/// Whether a function is called `up` or `down` where it stands: `exports.up = …`, `async up(…)`, `{ up: … }`.
fn is_way(source: &Source<'_>, function: Node<'_>) -> bool {
    let parent = function.parent();
    let named = |node: Node<'_>, field: &str| node.child_by_field_name(field).map(|it| source.of(it));
    let name = named(function, "name").or_else(|| {
        let fields = ["left", "name", "key"];
        parent.and_then(|parent| fields.iter().find_map(|field| named(parent, field)))
    });
    name.is_some_and(|name| matches!(name.rsplit('.').next(), Some("up" | "down")))
}

/// `canExecuteInTransaction` whose body is `return false`.
fn flyway(source: &Source<'_>) -> bool {
    each(source, |node| {
        node.kind() == "method_declaration"
            && node
                .child_by_field_name("name")
                .is_some_and(|name| source.of(name) == "canExecuteInTransaction")
            && node.child_by_field_name("body").is_some_and(|body| {
                let statements = children_of(body);
                matches!(statements.as_slice(), [only] if only.kind() == "return_statement"
                    && only.named_child(0).is_some_and(|value| source.of(value) == "false"))
            })
    })
}

/// What a class says when it is a migration.
pub(super) fn of_class<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(Around<'t>, Transaction)> {
    match source.language {
        Language::Python => django(source, node).map(|transaction| (Around::DjangoMigration, transaction)),
        Language::Ruby => rails(source, node).map(|transaction| (Around::Rails, transaction)),
        Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Go | Language::Java => None,
    }
}

fn django(source: &Source<'_>, node: Node<'_>) -> Option<Transaction> {
    let bases = node.child_by_field_name("superclasses")?;
    let migration = (0..bases.named_child_count())
        .filter_map(|at| bases.named_child(u32::try_from(at).ok()?))
        .any(|base| source.of(base).ends_with("Migration"));
    if !migration {
        return None;
    }
    let body = node.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let plain = body.named_children(&mut cursor).filter(|child| child.kind() == "expression_statement").any(
        |child| {
            child.named_child(0).is_some_and(|assignment| {
                let field =
                    |name: &str| assignment.child_by_field_name(name).map_or("", |field| source.of(field));
                field("left") == "atomic" && field("right") == "False"
            })
        },
    );
    Some(if plain { Transaction::Outside(Marker::AtomicFalse) } else { Transaction::Inside })
}

fn rails(source: &Source<'_>, node: Node<'_>) -> Option<Transaction> {
    let superclass = source.of(node.child_by_field_name("superclass")?);
    if !superclass.contains("Migration") {
        return None;
    }
    let body = node.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let outside =
        body.named_children(&mut cursor).any(|child| source.of(child).trim() == "disable_ddl_transaction!");
    Some(if outside { Transaction::Outside(Marker::DisableDdlTransaction) } else { Transaction::Inside })
}

/// Whether a `with` statement opens alembic's autocommit block.
pub(super) fn is_autocommit<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    let mut work: Vec<Node<'t>> =
        children_of(node).into_iter().filter(|child| child.kind() == "with_clause").collect();
    while let Some(node) = work.pop() {
        match node.kind() {
            "call" if dotted(source, node).first() == Some(&"autocommit_block") => return true,
            "with_clause" | "with_item" | "as_pattern" | "tuple" => work.extend(children_of(node)),
            _ => {}
        }
    }
    false
}
