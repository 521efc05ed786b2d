//! Constraints that make an index, and what else of a CREATE TABLE takes a name.

use std::sync::Arc;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::read::{Frame, Reader, named};
use super::{Checked, Constraint, ConstraintKind, TableStatement, figure};
use crate::sql::{
    IndexKey, IndexShape, KeyKind, TableRef, name_parts, one_line, only_name, quote_ident,
    read_key_expression, significant, span_of,
};

/// Reads the columns and constraints of a CREATE TABLE into `table`.
pub(super) fn table_arguments(
    reader: &Reader<'_>,
    list: &ast::TableArgList,
    table: &mut TableStatement,
    frame: &Frame<'_>,
) {
    for argument in list.args() {
        match argument {
            ast::TableArg::Column(column) => {
                let Some(name) = column.name().and_then(|it| only_name(it.syntax())) else { continue };
                if takes_sequence(&column) {
                    table.sequences.push(name.clone());
                }
                for clause in column.clauses() {
                    table.constraints.extend(constraint(reader, clause.syntax(), Some(&name), frame));
                }
            }
            ast::TableArg::TableConstraint(it) => {
                table.constraints.extend(constraint(reader, it.syntax(), None, frame));
            }
            ast::TableArg::LikeClause(like) => {
                if copies_indexes(&like) {
                    table.like.extend(like.relation_name_ref().and_then(|it| named(it.syntax())));
                }
            }
        }
    }
    table.constraints = merged(std::mem::take(&mut table.constraints));
}

/// Of several options the last one that speaks of indexes counts.
fn copies_indexes(like: &ast::LikeClause) -> bool {
    let speaks = |property: Option<ast::TableProperty>| {
        matches!(property, Some(ast::TableProperty::PropertyAll(_) | ast::TableProperty::PropertyIndexes(_)))
    };
    like.like_options().fold(false, |copies, option| match option {
        ast::LikeOption::IncludingProperty(it) => copies || speaks(it.table_property()),
        ast::LikeOption::ExcludingProperty(it) => copies && !speaks(it.table_property()),
    })
}

/// What the server makes of constraints that one CREATE TABLE, or one ADD COLUMN, has: those that say the same share one
/// index (`id int PRIMARY KEY UNIQUE`). The primary key comes first and takes the name that another one of them has.
pub(super) fn merged(constraints: Vec<Constraint>) -> Vec<Constraint> {
    let (first, others): (Vec<_>, Vec<_>) =
        constraints.into_iter().partition(|it| it.kind == ConstraintKind::PrimaryKey);
    let mut kept: Vec<Constraint> = Vec::new();
    for constraint in first.into_iter().chain(others) {
        let same = kept.iter_mut().find(|it| {
            let both = it.kind != ConstraintKind::Exclude && constraint.kind != ConstraintKind::Exclude;
            let indexes = it.using_index.is_none() && constraint.using_index.is_none();
            both && indexes && it.shape == constraint.shape && it.checked == constraint.checked
        });
        match same {
            Some(same) => same.name = same.name.take().or(constraint.name),
            None => kept.push(constraint),
        }
    }
    kept
}

fn takes_sequence(column: &ast::Column) -> bool {
    let serial = column.ty().and_then(|ty| name_parts(ty.syntax()).pop()).is_some_and(|ty| {
        matches!(ty.as_str(), "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2")
    });
    serial || column.syntax().descendants().any(|node| ast::GeneratedIdentity::can_cast(node.kind()))
}

/// The constraint at `node`, if it makes an index. `column` is the one that it is written behind.
pub(super) fn constraint(
    reader: &Reader<'_>,
    node: &SyntaxNode,
    column: Option<&str>,
    frame: &Frame<'_>,
) -> Option<Constraint> {
    let at = (frame.map)(span_of(node).start);
    let place = reader.place_of(at);
    let checked = checked(node);
    let made = |kind,
                name: Option<ast::ConstraintNameClause>,
                using: Option<ast::UsingIndexName>,
                shape: IndexShape,
                words| {
        Constraint {
            kind,
            name: name.and_then(|it| only_name(it.constraint_name()?.syntax())),
            place,
            at,
            using_index: using.and_then(|it| named(it.index_ref()?.syntax())).map(|it| it.name),
            shape: Arc::new(shape),
            words,
            checked,
        }
    };
    if let Some(it) = ast::PrimaryKeyConstraint::cast(node.clone()) {
        let shape = of_columns(it.index_parameters(), column);
        return Some(made(
            ConstraintKind::PrimaryKey,
            it.constraint_name_clause(),
            it.using_index(),
            shape,
            Vec::new(),
        ));
    }
    if let Some(it) = ast::UniqueConstraint::cast(node.clone()) {
        let shape = of_columns(it.index_parameters(), column);
        return Some(made(
            ConstraintKind::Unique,
            it.constraint_name_clause(),
            it.using_index(),
            shape,
            Vec::new(),
        ));
    }
    let it = ast::ExcludeConstraint::cast(node.clone())?;
    let (shape, words) = of_exclusion(&it)?;
    Some(made(ConstraintKind::Exclude, it.constraint_name_clause(), None, shape, words))
}

fn checked(constraint: &SyntaxNode) -> Checked {
    let has = |wanted: fn(SyntaxKind) -> bool| constraint.children().any(|it| wanted(it.kind()));
    if has(ast::InitiallyDeferredConstraintOption::can_cast) {
        Checked::Deferred
    } else if has(ast::DeferrableConstraintOption::can_cast) {
        Checked::Deferrable
    } else {
        Checked::AtOnce
    }
}

fn of_columns(parameters: Option<ast::IndexParameters>, column: Option<&str>) -> IndexShape {
    let listed = parameters.as_ref().and_then(ast::IndexParameters::column_list);
    let columns: Vec<String> = match &listed {
        Some(list) => list.column_name_refs().filter_map(|it| only_name(it.syntax())).collect(),
        None => column.map(str::to_owned).into_iter().collect(),
    };
    let include: Vec<String> = parameters
        .as_ref()
        .and_then(ast::IndexParameters::constraint_include_clause)
        .and_then(|clause| clause.column_ref_list())
        .map(|list| significant(list.syntax()).map(|it| it.text().to_owned()).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|it| !matches!(it.as_str(), "(" | ")" | ","))
        .map(|it| crate::sql::fold(&it).into_owned())
        .collect();
    let overlaps = listed.is_some_and(|list| list.without_overlaps().is_some());
    let nulls_not_distinct = matches!(
        parameters.and_then(|it| it.nulls_distinct_option()),
        Some(ast::NullsDistinctOption::NullsNotDistinct(_))
    );
    let shape = of_names(columns);
    let method = if overlaps { "gist".to_owned() } else { shape.method };
    IndexShape { method, include, nulls_not_distinct, ..shape }
}

/// The index of a constraint on these columns.
pub(super) fn of_names(columns: Vec<String>) -> IndexShape {
    unique("btree", columns.into_iter().map(|name| key(quote_ident(&name), KeyKind::Column(name))).collect())
}

fn of_exclusion(it: &ast::ExcludeConstraint) -> Option<(IndexShape, Vec<String>)> {
    let method = it
        .constraint_index_method()
        .and_then(|method| only_name(method.access_method_ref()?.syntax()))
        .unwrap_or_else(|| "btree".to_owned());
    let (mut keys, mut words) = (Vec::new(), Vec::new());
    for exclusion in it.constraint_exclusion_list()?.constraint_exclusions() {
        let expr = exclusion.expr()?;
        let (text, kind) = read_key_expression(&expr);
        if kind == KeyKind::Expression {
            words.push(figure::word(&expr));
        }
        keys.push(key(text, kind));
    }
    let predicate = it.where_condition_clause().and_then(|it| it.expr()).map(|it| one_line(it.syntax()));
    Some((IndexShape { unique: false, predicate, ..unique(&method, keys) }, words))
}

fn key(text: String, kind: KeyKind) -> IndexKey {
    IndexKey { text, kind, collation: None, opclass: None, order: None, nulls: None }
}

fn unique(method: &str, keys: Vec<IndexKey>) -> IndexShape {
    IndexShape {
        unique: true,
        concurrently: false,
        if_not_exists: false,
        only: false,
        name: None,
        table: TableRef { schema: None, name: String::new() },
        method: method.to_owned(),
        keys,
        include: Vec::new(),
        nulls_not_distinct: false,
        with: Vec::new(),
        tablespace: None,
        predicate: None,
    }
}
