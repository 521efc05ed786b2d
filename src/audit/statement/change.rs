//! Changes of data: of which tables, which rows, and where the rows come from. Beside them the routines that a query calls.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the grammar has hundreds of kinds, of which a few change data"
)]

use std::collections::BTreeSet;

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode, Stmt};

use super::read::named;
use super::{Call, Caller, Change, Dml, Repeat, Rows};
use crate::sql::{TableRef, name_parts, only_name, significant};

/// Functions that take written values apart. Their rows are as many as are written.
const UNFOLD: [&str; 14] = [
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_populate_recordset",
    "json_to_recordset",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_populate_recordset",
    "jsonb_to_recordset",
    "string_to_table",
    "unnest",
];
/// Functions that make rows out of a number.
const GROW: [&str; 2] = ["generate_series", "generate_subscripts"];

/// Names of WITH whose rows are written out.
type Written = BTreeSet<String>;

/// The change that a statement makes; `None` when it changes no data.
pub(super) fn change(stmt: &Stmt, repeat: Repeat) -> Option<Change> {
    let mut found = changing(stmt.syntax(), &Written::new(), repeat)?;
    if let Stmt::Truncate(truncate) = stmt {
        found.tables = truncate
            .table_list()?
            .table_relation_names()
            .filter_map(|it| named(it.table_name_ref()?.syntax()))
            .collect();
    }
    Some(found)
}

/// The same for any node that can be a statement. `known` are the names of a WITH around it.
fn changing(node: &SyntaxNode, known: &Written, repeat: Repeat) -> Option<Change> {
    let mut known = known.clone();
    let mut within = Vec::new();
    for table in node.children().filter_map(ast::WithClause::cast).flat_map(|it| it.with_tables()) {
        let (Some(name), Some(query)) = (table.name().and_then(|it| only_name(it.syntax())), table.query())
        else {
            continue;
        };
        let made = changing(query.syntax(), &known, repeat);
        let written = made.as_ref().map_or_else(
            || written_rows(query.syntax(), &mut known.clone(), &mut Vec::new()),
            |made| made.rows == Rows::Written,
        );
        if written {
            known.insert(name);
        }
        within.extend(made);
    }
    let made = |dml: Dml, table: Option<TableRef>, rows: Rows| Change {
        dml,
        tables: table.into_iter().collect(),
        rows,
        reads: Vec::new(),
        repeat,
        within: Vec::new(),
    };
    let found = match Stmt::cast(node.clone()) {
        Some(Stmt::Insert(it)) => Some(insert(&it, &known, made)),
        Some(Stmt::Update(it)) => {
            Some(made(Dml::Update, relation(it.relation_name()), rows(it.where_clause_or_current_of())))
        }
        Some(Stmt::Delete(it)) => {
            Some(made(Dml::Delete, relation(it.relation_name()), rows(it.where_clause_or_current_of())))
        }
        Some(Stmt::Merge(it)) => {
            let table = it.table_relation_name().and_then(|it| named(it.table_name_ref()?.syntax()));
            let mut reads = Vec::new();
            if let Some(using) = it.using_on_clause() {
                written_rows(using.syntax(), &mut known, &mut reads);
            }
            Some(Change { reads, ..made(Dml::Merge, table, Rows::Chosen) })
        }
        Some(Stmt::Truncate(_)) => Some(made(Dml::Truncate, None, Rows::All)),
        Some(Stmt::Copy(it)) => match it.copy_direction() {
            Some(ast::CopyDirection::CopyFrom(_)) => {
                let table = it.copy_table().and_then(|it| named(it.table_name_ref()?.syntax()));
                Some(made(Dml::CopyFrom, table, Rows::Loaded))
            }
            _ => it.copy_query()?.syntax().children().find_map(|inner| changing(&inner, &known, repeat)),
        },
        Some(Stmt::Explain(it)) if runs(&it) => changing(it.explain_stmt()?.syntax(), &known, repeat),
        Some(Stmt::Prepare(it)) => changing(it.stmt()?.syntax(), &known, repeat),
        _ => None,
    };
    match found {
        Some(found) => Some(Change { within: [within, found.within].concat(), ..found }),
        None if within.is_empty() => None,
        None => Some(Change { within, ..made(Dml::ModifyingWith, None, Rows::Chosen) }),
    }
}

fn insert(
    insert: &ast::Insert,
    known: &Written,
    made: impl Fn(Dml, Option<TableRef>, Rows) -> Change,
) -> Change {
    let table = insert.relation_name_ref().and_then(|it| named(it.syntax()));
    match insert.insert_source() {
        Some(
            ast::InsertSource::DefaultValues(_)
            | ast::InsertSource::SelectVariant(ast::SelectVariant::Values(_)),
        ) => made(Dml::InsertValues, table, Rows::Written),
        Some(source) => {
            let mut reads = Vec::new();
            let written = written_rows(source.syntax(), &mut known.clone(), &mut reads);
            let rows = if written { Rows::Written } else { Rows::Chosen };
            Change { reads, ..made(Dml::InsertSelect, table, rows) }
        }
        None => made(Dml::InsertSelect, table, Rows::Chosen),
    }
}

fn relation(name: Option<ast::RelationName>) -> Option<TableRef> {
    named(name?.relation_name_ref()?.syntax())
}

fn rows(condition: Option<ast::WhereClauseOrCurrentOf>) -> Rows {
    match condition {
        None => Rows::All,
        Some(ast::WhereClauseOrCurrentOf::WhereCurrentOf(_)) => Rows::Chosen,
        Some(ast::WhereClauseOrCurrentOf::WhereClause(it)) => {
            let words: Vec<String> = significant(it.syntax())
                .skip(1)
                .take(4)
                .map(|token| token.text().to_ascii_lowercase())
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if matches!(words.as_slice(), ["true"] | ["1", "=", "1"]) { Rows::All } else { Rows::Chosen }
        }
    }
}

/// EXPLAIN runs what it explains with ANALYZE only.
fn runs(explain: &ast::Explain) -> bool {
    let mut words = significant(explain.syntax())
        .take_while(|token| {
            let text = token.text();
            !["insert", "update", "delete", "merge", "with", "select"]
                .iter()
                .any(|it| text.eq_ignore_ascii_case(it))
        })
        .map(|token| token.text().to_ascii_lowercase())
        .skip_while(|it| !matches!(it.as_str(), "analyze" | "analyse"));
    words.next().is_some() && !matches!(words.next().as_deref(), Some("false" | "off" | "0"))
}

/// Whether the rows of a query are as many as are written there: VALUES, and SELECT without a table. Adds the tables that it reads to
/// `reads`.
fn written_rows(query: &SyntaxNode, known: &mut Written, reads: &mut Vec<TableRef>) -> bool {
    let mut written = true;
    // Conditions and targets choose among rows and make none, but for functions that grow.
    let mut open = vec![query.clone()];
    while let Some(node) = open.pop() {
        if ast::WhereClause::can_cast(node.kind())
            || ast::OnClause::can_cast(node.kind())
            || ast::HavingClause::can_cast(node.kind())
            || ast::GroupByClause::can_cast(node.kind())
            || ast::WindowClause::can_cast(node.kind())
            || ast::SelectTailClause::can_cast(node.kind())
            || ast::Values::can_cast(node.kind())
        {
            continue;
        }
        if let Some(with) = ast::WithClause::cast(node.clone()) {
            for table in with.with_tables() {
                let (Some(name), Some(query)) =
                    (table.name().and_then(|it| only_name(it.syntax())), table.query())
                else {
                    continue;
                };
                if written_rows(query.syntax(), &mut known.clone(), reads) {
                    known.insert(name);
                }
            }
            continue;
        }
        if let Some(targets) = ast::TargetList::cast(node.clone()) {
            written &= !calls(targets.syntax()).iter().any(|it| GROW.contains(&it.name.as_str()));
            continue;
        }
        let table = if let Some(item) = ast::RelationFromItem::cast(node.clone()) {
            item.relation_name_ref().and_then(|it| named(it.syntax()))
        } else if let Some(table) = ast::Table::cast(node.clone()) {
            relation(table.relation_name())
        } else if let Some(call) = ast::CallExpr::cast(node.clone()) {
            let name = call.expr().and_then(|it| name_parts(it.syntax()).pop()).unwrap_or_default();
            let names = call
                .arg_list()
                .is_some_and(|it| it.syntax().descendants().any(|it| ast::NameRef::can_cast(it.kind())));
            written &= UNFOLD.contains(&name.as_str()) && !names;
            continue;
        } else {
            // WITH first: what it names is used behind it, and before it in the order of a stack.
            let (with, others): (Vec<_>, Vec<_>) =
                node.children().partition(|it| ast::WithClause::can_cast(it.kind()));
            open.extend(others);
            open.extend(with);
            continue;
        };
        match table {
            Some(table) if table.schema.is_none() && known.contains(&table.name) => {}
            Some(table) => {
                written = false;
                reads.push(table);
            }
            None => written = false,
        }
    }
    written
}

/// The routines that a statement calls; `None` when it calls none.
pub(super) fn called(stmt: &Stmt, repeat: Repeat) -> Option<Call> {
    match stmt {
        Stmt::Call(call) => {
            let routine = named(call.procedure_name_ref()?.syntax())?;
            Some(Call { caller: Caller::Call, routines: vec![routine], repeat })
        }
        Stmt::Select(_)
        | Stmt::CompoundSelect(_)
        | Stmt::ParenSelect(_)
        | Stmt::SelectInto(_)
        | Stmt::Values(_) => called_in(stmt.syntax(), repeat),
        _ => None,
    }
}

/// The same for a part of a body.
pub(super) fn called_in(node: &SyntaxNode, repeat: Repeat) -> Option<Call> {
    let routines = calls(node);
    (!routines.is_empty()).then_some(Call { caller: Caller::Query, routines, repeat })
}

fn calls(node: &SyntaxNode) -> Vec<TableRef> {
    let mut found: Vec<TableRef> = Vec::new();
    for call in node.descendants().filter_map(ast::CallExpr::cast) {
        if let Some(name) = call.expr().and_then(|it| named(it.syntax()))
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found
}

/// Whether a statement of a body is run again and again: it stands in a loop, other than one over a written list.
pub(super) fn repeat_of(node: &SyntaxNode) -> Repeat {
    let repeated = node.ancestors().skip(1).any(|it| {
        if let Some(list) = ast::PlpgsqlForEachStmt::cast(it.clone()) {
            return list
                .array()
                .is_none_or(|it| it.syntax().descendants().any(|it| ast::NameRef::can_cast(it.kind())));
        }
        ast::PlpgsqlLoopStmt::can_cast(it.kind())
            || ast::PlpgsqlWhileStmt::can_cast(it.kind())
            || ast::PlpgsqlForIStmt::can_cast(it.kind())
            || ast::PlpgsqlForQueryStmt::can_cast(it.kind())
            || ast::PlpgsqlForDynStmt::can_cast(it.kind())
            || ast::PlpgsqlForCursorStmt::can_cast(it.kind())
    });
    if repeated { Repeat::Loop } else { Repeat::Once }
}
