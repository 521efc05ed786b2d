//! The word that an index key adds to a name the server has to invent.
//!
//! The rules are those of `FigureIndexColname` and `ChooseIndexColumnNames` in PostgreSQL: a function gives its name, a
//! cast the type's internal name unless what is cast has a better one, and what has none is `expr`.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode, BinOp, Expr};

use crate::sql::{name_parts, significant};

/// How good a name is: one that a cast or a CASE gives yields to what is inside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Weak,
    Strong,
}

/// The word for `expr`.
pub(super) fn word(expr: &Expr) -> String {
    figure(expr).map_or_else(|| "expr".to_owned(), |(name, _)| name)
}

fn strong(name: &str) -> (String, Strength) {
    (name.to_owned(), Strength::Strong)
}

fn figure(expr: &Expr) -> Option<(String, Strength)> {
    match expr {
        Expr::NameRef(name) => Some(strong(name_parts(name.syntax()).last()?)),
        Expr::FieldExpr(field) => Some(strong(name_parts(field.field()?.syntax()).last()?)),
        Expr::ParenExpr(inner) => figure(&inner.expr()?),
        Expr::Collate(inner) => figure(&inner.expr()?),
        Expr::IndexExpr(inner) => figure(&inner.base()?),
        Expr::SliceExpr(inner) => figure(&inner.base()?),
        Expr::CallExpr(call) => Some(strong(&called(call)?)),
        Expr::CastExpr(cast) => {
            let inner = cast.expr().and_then(|inner| figure(&inner));
            match inner {
                Some((name, Strength::Strong)) => Some(strong(&name)),
                Some(_) | None => Some((internal_type(cast.ty()?.syntax())?, Strength::Weak)),
            }
        }
        Expr::CaseExpr(case) => {
            let otherwise = case.else_clause().and_then(|clause| clause.expr()).and_then(|it| figure(&it));
            match otherwise {
                Some((name, Strength::Strong)) => Some(strong(&name)),
                Some(_) | None => Some(("case".to_owned(), Strength::Weak)),
            }
        }
        Expr::ArrayExpr(_) => Some(strong("array")),
        Expr::TupleExpr(_) => Some(strong("row")),
        Expr::BinExpr(binary) => {
            if matches!(binary.op(), Some(BinOp::AtTimeZone(_))) {
                Some(strong("timezone"))
            } else {
                None
            }
        }
        Expr::BetweenExpr(_) | Expr::Literal(_) | Expr::PostfixExpr(_) | Expr::PrefixExpr(_) => None,
    }
}

fn called(call: &ast::CallExpr) -> Option<String> {
    if let Some(expr) = call.expr() {
        return name_parts(expr.syntax()).pop();
    }
    // The special forms begin with their name; TRIM is one of three functions.
    let words: Vec<String> =
        significant(call.syntax()).take(3).map(|token| token.text().to_ascii_lowercase()).collect();
    let name = match (words.first()?.as_str(), words.get(2).map(String::as_str)) {
        ("trim", Some("leading")) => "ltrim",
        ("trim", Some("trailing")) => "rtrim",
        ("trim", _) => "btrim",
        ("collation", _) => "pg_collation_for",
        (name, _) => name,
    };
    Some(name.to_owned())
}

/// The type's name in `pg_type`, which is not always the word that SQL has for it.
fn internal_type(ty: &SyntaxNode) -> Option<String> {
    let words: Vec<String> = significant(ty)
        .map(|token| crate::sql::fold(token.text()).into_owned())
        .take_while(|word| word != "(" && word != "[")
        .collect();
    let with_zone = significant(ty).any(|token| token.text().eq_ignore_ascii_case("with"));
    let varying = words.iter().any(|word| word == "varying");
    let name = match words.first()?.as_str() {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "real" => "float4",
        "float" | "double" => "float8",
        "decimal" | "dec" => "numeric",
        "boolean" => "bool",
        "char" | "character" | "nchar" | "national" => {
            if varying {
                "varchar"
            } else {
                "bpchar"
            }
        }
        "bit" if varying => "varbit",
        "timestamp" if with_zone => "timestamptz",
        "time" if with_zone => "timetz",
        _ => return words.into_iter().rfind(|word| word != "."),
    };
    Some(name.to_owned())
}
