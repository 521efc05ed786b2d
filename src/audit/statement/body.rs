//! Statements inside of DO blocks and routines, and inside of the strings that these execute.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the grammar has hundreds of kinds, of which a few bear on indexes"
)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use squawk_line_index::TextSize;
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode, BinOp, Expr, Stmt};
use squawk_syntax::decoded_text::DecodedText;
use squawk_syntax::plpgsql::Plpgsql;
use squawk_syntax::sql_body::SqlBody;

use super::super::lexis::{Kind, lexeme};
use super::read::{Frame, Reader, parse};
use super::{Nesting, Repeat, StatementKind, Why, change, load};
use crate::sql::{fold, is_bare_name, name_parts, only_name, span_of};

/// Strings that execute strings are followed this far.
const LEVELS: usize = 8;
/// What stands for a part that is known at run time only. It must read as a name.
const HOLE: &str = "__known_at_run_time__";
/// How such a part is shown.
const SHOWN: &str = "…";

/// The variables of a body.
#[derive(Default)]
struct Variables {
    /// What is assigned to each.
    assigned: HashMap<String, Vec<Expr>>,
    /// Those that a query gives values to.
    filled: HashSet<String>,
}

impl Variables {
    /// The one literal that a variable ever is.
    fn constant(&self, name: &str) -> Option<&ast::Literal> {
        match self.assigned.get(name)?.as_slice() {
            [Expr::Literal(only)] if !self.filled.contains(name) => Some(only),
            _ => None,
        }
    }
}

/// A text put together from literals, with the bytes that each of its own came from.
struct Template<'v> {
    text: DecodedText,
    holes: usize,
    literals: usize,
    variables: &'v Variables,
}

/// How a part of a text is put into it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// As it is.
    Bare,
    /// As a name: `%I`, `quote_ident`.
    Name,
    /// As a string: `%L`, `quote_literal`.
    Text,
}

impl Reader<'_> {
    pub(super) fn do_block(&mut self, block: &ast::Do, frame: &Frame<'_>) {
        let nesting = frame.nesting.max(Nesting::Block);
        if let Some(body) = block.plpgsql() {
            self.plpgsql(&body, &Frame { nesting, ..*frame });
        } else {
            let at = (frame.map)(span_of(block.syntax()).start);
            let language = block.do_language().and_then(|it| name_parts(it.syntax()).pop());
            self.unread(at, Why::Language(language.unwrap_or_else(|| "another language".to_owned())));
        }
    }

    pub(super) fn routine(&mut self, plpgsql: Option<Plpgsql>, sql: Option<SqlBody>, frame: &Frame<'_>) {
        let frame = Frame { nesting: Nesting::Routine, ..*frame };
        if let Some(body) = plpgsql {
            self.plpgsql(&body, &frame);
        }
        if let Some(body) = sql {
            let map = |at: usize| (frame.map)(source_of(&body, at));
            let inner = Frame { map: &map, level: frame.level + 1, ..frame };
            for stmt in body.tree().stmts() {
                self.statement(&stmt, &inner);
            }
        }
    }

    fn plpgsql(&mut self, body: &Plpgsql, frame: &Frame<'_>) {
        if frame.level >= LEVELS || !load::bearable(body.text()) {
            self.unread((frame.map)(source_of(body, 0)), Why::TooDeep);
            return;
        }
        let errors = body.errors();
        for error in errors.iter().take(1) {
            let at = (frame.map)(usize::from(error.range().start()));
            let why = Why::Syntax { statement: "a body".to_owned(), message: error.message().to_owned() };
            self.unread(at, why);
        }
        let map = |at: usize| (frame.map)(source_of(body, at));
        let inner = Frame { map: &map, level: frame.level + 1, ..*frame };
        let root = body.syntax();
        // As it is written: the tree may be without what its grammar does not know.
        let text =
            self.text.get(map(0)..map(body.text().len().saturating_sub(1))).unwrap_or_else(|| body.text());
        let variables = variables(&root, text);
        for node in root.descendants() {
            self.inside(&node, &variables, &inner);
        }
    }

    /// A node of a body as a statement.
    fn part(&mut self, node: &SyntaxNode, kind: StatementKind, frame: &Frame<'_>) {
        let span = span_of(node);
        let at = (frame.map)(span.start);
        let end = (frame.map)(span.end.saturating_sub(1)).max(at) + 1;
        self.push(at..end, kind, frame.nesting);
    }

    fn inside(&mut self, node: &SyntaxNode, variables: &Variables, frame: &Frame<'_>) {
        let frame = &Frame { repeat: frame.repeat.max(change::repeat_of(node)), ..*frame };
        self.query(node, frame);
        let query = if let Some(it) = ast::PlpgsqlExecSqlStmt::cast(node.clone()) {
            if let Some(stmt) = it.stmt() {
                self.statement(&stmt, frame);
            }
            return;
        } else if let Some(it) = ast::PlpgsqlDoStmt::cast(node.clone()) {
            if let Some(block) = it.do_() {
                self.statement(&Stmt::Do(block), frame);
            }
            return;
        } else if ast::PlpgsqlCommitStmt::can_cast(node.kind()) {
            self.part(node, StatementKind::Commit, frame);
            return;
        } else if let Some(it) = ast::PlpgsqlDynExecuteStmt::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlForDynStmt::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlReturnQueryExecuteStmt::cast(node.clone()) {
            it.query()
        } else {
            return;
        };
        let Some(expr) = query.and_then(|it| only_expression(&it)) else { return };
        let assigned = match &expr {
            Expr::NameRef(name) => only_name(name.syntax()).and_then(|name| variables.assigned.get(&name)),
            _ => None,
        };
        match assigned {
            Some(values) => values.iter().for_each(|value| self.executed(value, variables, frame)),
            None => self.executed(&expr, variables, frame),
        }
    }

    /// Queries and expressions of a body that no statement stands for, as far as they change something.
    fn query(&mut self, node: &SyntaxNode, frame: &Frame<'_>) {
        let query = if let Some(it) = ast::PlpgsqlForQueryStmt::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlReturnQueryStmt::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlOpenQuery::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlCursorDecl::cast(node.clone()) {
            it.query()
        } else if let Some(it) = ast::PlpgsqlCallStmt::cast(node.clone()) {
            it.call().map(Stmt::Call)
        } else {
            let called = (ast::PlpgsqlPerformStmt::can_cast(node.kind())
                || ast::PlpgsqlExpr::can_cast(node.kind()))
            .then(|| change::called_in(node, frame.repeat));
            if let Some(call) = called.flatten() {
                self.part(node, StatementKind::Call(call), frame);
            }
            return;
        };
        let Some(query) = query else { return };
        let kind = match change::change(&query, frame.repeat) {
            Some(change) => StatementKind::Dml(Box::new(change)),
            None => match change::called(&query, frame.repeat) {
                Some(call) => StatementKind::Call(call),
                None => return,
            },
        };
        self.part(query.syntax(), kind, frame);
    }

    /// What a query returns is executed: `\gexec`.
    pub(super) fn returned(&mut self, root: &SyntaxNode, frame: &Frame<'_>) {
        let frame = Frame { nesting: Nesting::Block, repeat: Repeat::Loop, ..*frame };
        for target in root.descendants().filter_map(ast::TargetList::cast).take(1).flat_map(|it| it.targets())
        {
            if let Some(expr) = target.expr() {
                self.executed(&expr, &Variables::default(), &frame);
            }
        }
    }

    /// Reads the text that `expr` makes.
    fn executed(&mut self, expr: &Expr, variables: &Variables, frame: &Frame<'_>) {
        let at = span_of(expr.syntax()).start;
        let text = DecodedText::new(size(at));
        let mut template = Template { text, holes: 0, literals: 0, variables };
        template.add(expr);
        if template.literals == 0 || frame.level >= LEVELS || !load::bearable(template.text.text()) {
            self.unread((frame.map)(at), Why::RunTime);
            return;
        }
        let map = |at: usize| (frame.map)(usize::from(template.text.source_pos(size(at))));
        let nesting = if template.holes > 0 { frame.nesting.max(Nesting::Dynamic) } else { frame.nesting };
        let inner = Frame { map: &map, level: frame.level + 1, nesting, ..*frame };
        let before = self.reading.statements.len();
        self.source(&parse(template.text.text()), &inner);
        if template.holes > 0 {
            self.reading.statements.iter_mut().skip(before).for_each(|it| show_holes(&mut it.kind));
        }
    }
}

impl Template<'_> {
    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(literal) => match literal.decoded_value() {
                Some(value) => {
                    self.literals += 1;
                    self.copy(&value, 0..value.text().len());
                }
                None => self.hole(expr.syntax(), HOLE),
            },
            Expr::ParenExpr(inner) => self.maybe(inner.expr(), expr.syntax()),
            Expr::CastExpr(cast) => self.maybe(cast.expr(), expr.syntax()),
            Expr::BinExpr(binary) if concatenates(binary) => {
                self.maybe(binary.lhs(), expr.syntax());
                self.maybe(binary.rhs(), expr.syntax());
            }
            Expr::CallExpr(call) => self.call(call),
            Expr::NameRef(_) if self.literal(expr).is_some() => self.quoted(expr, Quoting::Bare),
            _ => self.hole(expr.syntax(), HOLE),
        }
    }

    /// The literal that an expression is, or that the variable of this name always is.
    fn literal(&self, expr: &Expr) -> Option<DecodedText> {
        match expr {
            Expr::Literal(literal) => literal.decoded_value(),
            Expr::NameRef(name) => self.variables.constant(&only_name(name.syntax())?)?.decoded_value(),
            Expr::ParenExpr(inner) => self.literal(&inner.expr()?),
            Expr::CastExpr(cast) => self.literal(&cast.expr()?),
            _ => None,
        }
    }

    /// A literal, in quotes where it takes some. A part that is not known is a name or a string of its own.
    fn quoted(&mut self, expr: &Expr, quoting: Quoting) {
        let Some(value) = self.literal(expr) else {
            let with = if quoting == Quoting::Text { format!("'{HOLE}'") } else { HOLE.to_owned() };
            return self.hole(expr.syntax(), &with);
        };
        let quote = match quoting {
            Quoting::Name if !is_bare_name(value.text()) => Some('"'),
            Quoting::Text => Some('\''),
            Quoting::Name | Quoting::Bare => None,
        };
        // The whole of it comes from where it is named.
        let at = size(span_of(expr.syntax()).start);
        let known = matches!(expr, Expr::Literal(_));
        let text = value.text().to_owned();
        self.text.push_str(quote.map(String::from).unwrap_or_default().as_str(), at);
        for (offset, letter) in text.char_indices() {
            let from = if known { value.source_pos(size(offset)) } else { at };
            self.text.push_char(letter, from);
            if Some(letter) == quote {
                self.text.push_char(letter, from);
            }
        }
        self.text.push_str(quote.map(String::from).unwrap_or_default().as_str(), at);
    }

    fn maybe(&mut self, expr: Option<Expr>, node: &SyntaxNode) {
        match expr {
            Some(expr) => self.add(&expr),
            None => self.hole(node, HOLE),
        }
    }

    fn hole(&mut self, node: &SyntaxNode, with: &str) {
        self.holes += 1;
        self.text.push_str(with, size(span_of(node).start));
    }

    fn copy(&mut self, from: &DecodedText, range: std::ops::Range<usize>) {
        let Some(text) = from.text().get(range.clone()) else { return };
        for (offset, letter) in text.char_indices() {
            self.text.push_char(letter, from.source_pos(size(range.start + offset)));
        }
    }

    fn call(&mut self, call: &ast::CallExpr) {
        let name = call.expr().and_then(|it| name_parts(it.syntax()).pop()).unwrap_or_default();
        let arguments: Vec<Expr> = call
            .arg_list()
            .map(|list| {
                list.args().filter_map(|it| Expr::cast(it.func_arg_expr()?.syntax().clone())).collect()
            })
            .unwrap_or_default();
        match (name.as_str(), arguments.as_slice()) {
            ("format", [Expr::Literal(literal), rest @ ..]) => self.format(literal, rest, call.syntax()),
            ("concat", parts) => parts.iter().for_each(|it| self.add(it)),
            ("quote_ident", [name]) => self.quoted(name, Quoting::Name),
            ("quote_literal", [text]) => self.quoted(text, Quoting::Text),
            _ => self.hole(call.syntax(), HOLE),
        }
    }

    /// `format(…)`: `%I`, `%s` and `%L` with their arguments where these are literals.
    fn format(&mut self, literal: &ast::Literal, arguments: &[Expr], node: &SyntaxNode) {
        let Some(value) = literal.decoded_value() else { return self.hole(node, HOLE) };
        self.literals += 1;
        let text = value.text().to_owned();
        let (mut from, mut next) = (0, 0_usize);
        while let Some(found) = text[from..].find('%').map(|found| from + found) {
            self.copy(&value, from..found);
            let rest = &text[found + 1..];
            let width = rest.find(|it: char| !matches!(it, '0'..='9' | '$' | '-')).unwrap_or(rest.len());
            let kind = rest[width..].chars().next().unwrap_or('%');
            from = (found + 1 + width + kind.len_utf8()).min(text.len());
            if kind == '%' {
                self.copy(&value, found..found + 1);
                continue;
            }
            if let Some((position, _)) = rest[..width].split_once('$') {
                next = position.parse::<usize>().unwrap_or(1).saturating_sub(1);
            }
            let argument = arguments.get(next);
            next += 1;
            match (kind, argument) {
                ('I', Some(argument)) => self.quoted(argument, Quoting::Name),
                ('L', Some(argument)) => self.quoted(argument, Quoting::Text),
                (_, Some(argument)) => self.add(argument),
                (_, None) => self.hole(node, HOLE),
            }
        }
        self.copy(&value, from..text.len());
    }
}

fn concatenates(binary: &ast::BinExpr) -> bool {
    match binary.op() {
        Some(BinOp::CustomOp(op)) => crate::sql::one_line(op.syntax()).replace(' ', "") == "||",
        _ => false,
    }
}

/// What a variable of the body is set to, in the order of the text.
fn variables(root: &SyntaxNode, text: &str) -> Variables {
    let mut found = Variables { filled: filled(text), ..Variables::default() };
    for node in root.descendants() {
        let pair = if let Some(it) = ast::PlpgsqlVarDecl::cast(node.clone()) {
            it.name()
                .zip(it.init().and_then(|init| init.expr()))
                .map(|(name, value)| (name.syntax().clone(), value))
        } else if let Some(it) = ast::PlpgsqlAssignStmt::cast(node) {
            assigned(&it)
        } else {
            None
        };
        let Some((name, value)) = pair else { continue };
        if let (Some(name), Some(expr)) = (only_name(&name), only_expression(&value)) {
            found.assigned.entry(name).or_default().push(expr);
        }
    }
    found
}

/// The names that queries and loops give values to: behind INTO and FOR.
fn filled(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let (mut expected, mut listed) = (false, false);
    let mut at = 0;
    while at < text.len() {
        let this = lexeme(text.as_bytes(), at);
        let word = text.get(at..this.end).unwrap_or_default();
        at = this.end;
        if matches!(this.kind, Kind::Space | Kind::Comment) {
            continue;
        }
        let begins = ["into", "for", "foreach"].iter().any(|begin| word.eq_ignore_ascii_case(begin));
        if begins || (expected && word.eq_ignore_ascii_case("strict")) {
            (expected, listed) = (true, false);
        } else if expected {
            found.insert(fold(word).into_owned());
            (expected, listed) = (false, true);
        } else {
            expected = listed && word == ",";
            listed = false;
        }
    }
    found
}

fn assigned(stmt: &ast::PlpgsqlAssignStmt) -> Option<(SyntaxNode, ast::PlpgsqlExpr)> {
    let target = stmt.syntax().children().find_map(ast::PlpgsqlAssignTarget::cast)?;
    let value = stmt.syntax().children().find_map(ast::PlpgsqlExpr::cast)?;
    Some((target.syntax().clone(), value))
}

fn only_expression(expr: &ast::PlpgsqlExpr) -> Option<Expr> {
    expr.target_list()?.targets().next()?.expr()
}

fn source_of<T: squawk_syntax::body::BodyLanguage>(body: &squawk_syntax::body::Body<T>, at: usize) -> usize {
    usize::from(body.source_range(squawk_line_index::TextRange::empty(size(at))).start())
}

fn size(at: usize) -> TextSize {
    TextSize::try_from(at).unwrap_or_default()
}

/// Writes `…` where a part is not known.
fn show_holes(kind: &mut StatementKind) {
    show_unknown(kind, HOLE);
}

/// Writes `…` for `hole`, which stands for a part that is known at run time only.
pub(in crate::audit) fn show_unknown(kind: &mut StatementKind, hole: &str) {
    let show = |text: &mut String| *text = text.replace(hole, SHOWN);
    let show_table = |table: &mut crate::sql::TableRef| {
        show(&mut table.name);
        table.schema.iter_mut().for_each(show);
    };
    match kind {
        StatementKind::CreateIndex(index) => {
            let shape = Arc::make_mut(&mut index.shape);
            shape.name.iter_mut().for_each(show);
            show_table(&mut shape.table);
            shape.predicate.iter_mut().for_each(show);
            for key in &mut shape.keys {
                show(&mut key.text);
                if let crate::sql::KeyKind::Column(name) = &mut key.kind {
                    show(name);
                }
            }
        }
        StatementKind::DropIndex { names, .. } | StatementKind::DropTable(names) => {
            names.iter_mut().for_each(show_table);
        }
        StatementKind::AlterTable { table, .. } => show_table(table),
        StatementKind::CreateTable(table) => show_table(&mut table.table),
        StatementKind::Dml(change) => show_change(change, &show_table),
        _ => {}
    }
}

fn show_change(change: &mut super::Change, show: &impl Fn(&mut crate::sql::TableRef)) {
    change.tables.iter_mut().chain(&mut change.reads).for_each(show);
    change.within.iter_mut().for_each(|it| show_change(it, show));
}
