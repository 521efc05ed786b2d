//! Reading one CREATE INDEX CONCURRENTLY.

use std::ops::Range;

use squawk_line_index::TextRange;
use squawk_syntax::ast::{self, AstNode, Expr, Stmt};
use squawk_syntax::quote::is_reserved_word;
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

use super::ident::{MAX_IDENT_BYTES, fold, quote_ident, unescaped};
use super::nesting::measure;
use super::problem::{SqlProblem, SqlProblemKind};
use super::render::{comment_residue, is_trivia, one_line, tokens};
use super::shape::{IndexKey, IndexShape, KeyKind, NullsOrder, SortOrder, TableRef};

/// Statements of up to this many tokens are parsed on the caller's stack: measured, a debug build needs under
/// 1 MiB for the worst of them.
const INLINE_TOKENS: usize = 200;
/// Stack for the others: a base, and what one level of recursion may cost in a debug build (measured under 8 KiB).
const STACK_BASE: usize = 4 << 20;
const STACK_PER_TOKEN: usize = 16 << 10;
/// More syntax errors than this are echoes of the first ones.
const MAX_SYNTAX_ERRORS: usize = 3;

/// Reads a text that holds exactly one `CREATE [UNIQUE] INDEX CONCURRENTLY`; comments and a closing `;` may be there.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the text.
pub fn parse_create_index(text: &str) -> Result<IndexShape, Vec<SqlProblem>> {
    let load = measure(text).map_err(|problem| vec![problem])?;
    if load.tokens <= INLINE_TOKENS {
        return read(text);
    }
    let stack = STACK_BASE + load.tokens * STACK_PER_TOKEN;
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, || read(text));
        match reader.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(vec![SqlProblem { span: 0..0, kind: SqlProblemKind::ParserFailed }]),
        }
    })
}

/// The keys of a text that stands between the parentheses of a CREATE INDEX; `None` when it cannot stand there.
pub(crate) fn read_keys(text: &str) -> Option<Vec<IndexKey>> {
    let shape = parse_create_index(&format!("CREATE INDEX CONCURRENTLY i ON t (\n{text}\n)")).ok()?;
    // A text that closes the parenthesis by itself goes on as something else.
    let bare = shape.predicate.is_none() && shape.include.is_empty() && shape.with.is_empty();
    (bare && shape.tablespace.is_none() && !shape.nulls_not_distinct).then_some(shape.keys)
}

/// What a CREATE INDEX of a larger text says, and everything that [`parse_create_index`] would refuse about it. Bytes
/// count in the text that was parsed. There is no shape when a part that every index has is missing.
///
/// The tree must be without syntax errors.
pub(crate) fn read_create_index(create: &ast::CreateIndex) -> (Option<IndexShape>, Vec<SqlProblem>) {
    let mut reader = Reader { problems: Vec::new() };
    let shape = reader.create_index(create);
    (shape, reader.problems)
}

/// One key of an index, an exclusion constraint's too.
pub(crate) fn read_key_expression(expr: &Expr) -> (String, KeyKind) {
    match column_of(expr) {
        Some(column) => (quote_ident(&column), KeyKind::Column(column)),
        None => (one_line(expr.syntax()), KeyKind::Expression),
    }
}

fn read(text: &str) -> Result<IndexShape, Vec<SqlProblem>> {
    let parsed = SourceFile::parse(text);
    let mut reader = Reader { problems: Vec::new() };
    let file = parsed.tree();
    let statements: Vec<Stmt> = file.stmts().filter(|stmt| !matches!(stmt, Stmt::EmptyStmt(_))).collect();
    let shape = match statements.as_slice() {
        [Stmt::CreateIndex(create)] => {
            let errors = parsed.errors();
            for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
                let kind = SqlProblemKind::Syntax { message: error.message().to_owned() };
                reader.problems.push(SqlProblem { span: span_of_range(error.range()), kind });
            }
            // A tree with holes would only repeat the syntax error in other words.
            if errors.is_empty() { reader.create_index(create) } else { None }
        }
        others => {
            reader.not_one_create_index(text, others, &parsed.errors());
            None
        }
    };
    reader.problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    match shape {
        Some(shape) if reader.problems.is_empty() => Ok(shape),
        Some(_) | None => Err(reader.problems),
    }
}

/// Collects problems while a tree is read.
struct Reader {
    problems: Vec<SqlProblem>,
}

impl Reader {
    fn report(&mut self, span: Range<usize>, kind: SqlProblemKind) {
        self.problems.push(SqlProblem { span, kind });
    }

    fn not_one_create_index(
        &mut self,
        text: &str,
        statements: &[Stmt],
        errors: &[squawk_syntax::syntax_error::SyntaxError],
    ) {
        let control = statements.iter().find(|stmt| is_transaction_control(stmt));
        match (statements, control) {
            (_, Some(control)) => self.report(span_of(control.syntax()), SqlProblemKind::TransactionControl),
            ([], None) if errors.is_empty() => self.report(0..0, SqlProblemKind::Empty),
            ([], None) => {
                for error in errors.iter().take(1) {
                    let kind = SqlProblemKind::Syntax { message: error.message().to_owned() };
                    self.report(span_of_range(error.range()), kind);
                }
            }
            ([only], None) => {
                let found = first_words(only.syntax());
                self.report(span_of(only.syntax()), SqlProblemKind::NotCreateIndex { found });
            }
            ([_, second, ..], None) => {
                let span = span_of(second.syntax()).start..text.trim_end().len();
                self.report(span, SqlProblemKind::SeveralStatements { count: statements.len() });
            }
        }
    }

    fn create_index(&mut self, create: &ast::CreateIndex) -> Option<IndexShape> {
        self.check_tokens(create.syntax());
        let concurrently = create.concurrently_token().is_some();
        if !concurrently {
            let span = create.index_token().map_or(0..0, |token| span_of_range(token.text_range()));
            self.report(span, SqlProblemKind::NotConcurrently);
        }
        let name = self.index_name(create);
        let relation = create.table_relation_name()?;
        let table = self.table(&relation)?;
        let method = create
            .using_method()
            .and_then(|using| using.access_method_ref())
            .and_then(|method| only_name(method.syntax()))
            .unwrap_or_else(|| "btree".to_owned());
        let keys =
            create.partition_item_list()?.partition_items().filter_map(|item| self.key(&item)).collect();
        let include = create
            .index_include_clause()
            .and_then(|clause| clause.partition_item_list())
            .map(|list| list.partition_items().filter_map(|item| self.include_column(&item)).collect())
            .unwrap_or_default();
        let nulls_not_distinct =
            matches!(create.nulls_distinct_option(), Some(ast::NullsDistinctOption::NullsNotDistinct(_)));
        let with = create
            .with_params()
            .and_then(|params| params.attribute_list())
            .map(|list| list.attribute_options().filter_map(|option| parameter(&option)).collect())
            .unwrap_or_default();
        let tablespace = create
            .tablespace_clause()
            .and_then(|clause| clause.tablespace_ref())
            .and_then(|tablespace| only_name(tablespace.syntax()));
        let predicate =
            create.where_clause().and_then(|clause| clause.expr()).map(|expr| one_line(expr.syntax()));
        Some(IndexShape {
            unique: create.unique_token().is_some(),
            concurrently,
            if_not_exists: create.if_not_exists().is_some(),
            only: relation.only_token().is_some(),
            name,
            table,
            method,
            keys,
            include,
            nulls_not_distinct,
            with,
            tablespace,
            predicate,
        })
    }

    /// What every token of the statement must satisfy, wherever it stands.
    fn check_tokens(&mut self, node: &SyntaxNode) {
        for token in tokens(node) {
            let span = span_of_range(token.text_range());
            if token.kind() == SyntaxKind::POSITIONAL_PARAM {
                self.report(span, SqlProblemKind::Parameter);
            } else if token.kind() == SyntaxKind::IDENT {
                self.check_identifier(token.text(), span);
            }
        }
        if let Some(span) = comment_residue(node) {
            self.report(span, SqlProblemKind::LooksLikeComment);
        }
    }

    fn check_identifier(&mut self, token: &str, span: Range<usize>) {
        if token.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("u&\"")) {
            self.report(span, SqlProblemKind::UnicodeEscapedName);
            return;
        }
        let name = fold(token);
        if name.is_empty() {
            self.report(span, SqlProblemKind::EmptyName);
        } else if name.len() > MAX_IDENT_BYTES {
            let bytes = name.len();
            self.report(span, SqlProblemKind::NameTooLong { name: name.into_owned(), bytes });
        }
    }

    fn index_name(&mut self, create: &ast::CreateIndex) -> Option<String> {
        let Some(index) = create.index() else {
            let at = create.on_token().map_or(0, |token| usize::from(token.text_range().start()));
            self.report(at..at, SqlProblemKind::Unnamed);
            return None;
        };
        let mut parts = name_parts(index.syntax());
        if parts.len() > 1 {
            self.report(span_of(index.syntax()), SqlProblemKind::QualifiedIndexName);
        }
        parts.pop()
    }

    fn table(&mut self, relation: &ast::TableRelationName) -> Option<TableRef> {
        let named = relation.table_name_ref()?;
        let mut parts = name_parts(named.syntax());
        if parts.len() > 2 {
            self.report(span_of(named.syntax()), SqlProblemKind::TableNameParts);
        }
        let name = parts.pop()?;
        Some(TableRef { schema: parts.pop(), name })
    }

    fn key(&mut self, item: &ast::PartitionItem) -> Option<IndexKey> {
        // `a COLLATE "C"` is one expression to the parser and a key with an option to PostgreSQL.
        let written = item.expr()?;
        let (expr, collate) = if let Expr::Collate(collate) = written {
            (collate.expr()?, Some(collate))
        } else {
            (written, item.collate())
        };
        let (text, kind) = self.key_text(&expr)?;
        let opclass = item.op_class_ref().map(|class| {
            let name = qualified(class.syntax());
            match item.attribute_list() {
                Some(parameters) => format!("{name} {}", one_line(parameters.syntax())),
                None => name,
            }
        });
        let order = match item.sort_order() {
            Some(ast::SortOrder::SortAsc(_)) => Some(SortOrder::Asc),
            Some(ast::SortOrder::SortDesc(_)) => Some(SortOrder::Desc),
            Some(ast::SortOrder::SortUsing(using)) => {
                self.report(span_of(using.syntax()), SqlProblemKind::SortUsing);
                None
            }
            None => None,
        };
        let nulls = item.nulls_order().map(|nulls| match nulls {
            ast::NullsOrder::NullsFirst(_) => NullsOrder::First,
            ast::NullsOrder::NullsLast(_) => NullsOrder::Last,
        });
        let collation =
            collate.and_then(|collate| collate.collation_ref()).map(|name| qualified(name.syntax()));
        Some(IndexKey { text, kind, collation, opclass, order, nulls })
    }

    fn key_text(&mut self, expr: &Expr) -> Option<(String, KeyKind)> {
        if let Some(column) = column_of(expr) {
            return Some((quote_ident(&column), KeyKind::Column(column)));
        }
        let bare = match expr {
            Expr::ParenExpr(_) | Expr::NameRef(_) => true,
            Expr::CallExpr(call) => call.over_clause().is_none() && call.filter_clause().is_none(),
            Expr::CastExpr(cast) => {
                cast.syntax().first_token().is_some_and(|it| it.kind() == SyntaxKind::CAST_KW)
            }
            Expr::ArrayExpr(_)
            | Expr::BetweenExpr(_)
            | Expr::BinExpr(_)
            | Expr::CaseExpr(_)
            | Expr::Collate(_)
            | Expr::FieldExpr(_)
            | Expr::IndexExpr(_)
            | Expr::Literal(_)
            | Expr::PostfixExpr(_)
            | Expr::PrefixExpr(_)
            | Expr::SliceExpr(_)
            | Expr::TupleExpr(_) => false,
        };
        if !bare {
            self.report(span_of(expr.syntax()), SqlProblemKind::ExpressionWithoutParentheses);
            return None;
        }
        Some((one_line(expr.syntax()), KeyKind::Expression))
    }

    fn include_column(&mut self, item: &ast::PartitionItem) -> Option<String> {
        let bare = item.collate().is_none()
            && item.op_class_ref().is_none()
            && item.attribute_list().is_none()
            && item.sort_order().is_none()
            && item.nulls_order().is_none();
        let column = item.expr().filter(|expr| matches!(expr, Expr::NameRef(_))).as_ref().and_then(column_of);
        if !bare || column.is_none() {
            self.report(span_of(item.syntax()), SqlProblemKind::IncludeNotColumn);
        }
        column
    }
}

/// The column that an expression is nothing but, parentheses around it aside: PostgreSQL too takes `(a)` for the
/// column `a`.
fn column_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::NameRef(name) => {
            let token = significant(name.syntax()).next()?;
            // Bare reserved words here are functions without parentheses, such as CURRENT_DATE.
            (token.kind() == SyntaxKind::IDENT || !is_reserved_word(token.text()))
                .then(|| fold(token.text()).into_owned())
        }
        Expr::ParenExpr(inner) => column_of(&inner.expr()?),
        Expr::ArrayExpr(_)
        | Expr::BetweenExpr(_)
        | Expr::BinExpr(_)
        | Expr::CallExpr(_)
        | Expr::CaseExpr(_)
        | Expr::CastExpr(_)
        | Expr::Collate(_)
        | Expr::FieldExpr(_)
        | Expr::IndexExpr(_)
        | Expr::Literal(_)
        | Expr::PostfixExpr(_)
        | Expr::PrefixExpr(_)
        | Expr::SliceExpr(_)
        | Expr::TupleExpr(_) => None,
    }
}

fn parameter(option: &ast::AttributeOption) -> Option<(String, Option<String>)> {
    let name = only_name(option.name()?.syntax())?;
    let name = match option.namespace().and_then(|space| only_name(space.syntax())) {
        Some(space) => format!("{}.{}", quote_ident(&space), quote_ident(&name)),
        None => quote_ident(&name),
    };
    Some((name, option.attribute_value().map(|value| one_line(value.syntax()))))
}

fn is_transaction_control(stmt: &Stmt) -> bool {
    let first = stmt.syntax().first_token();
    first.is_some_and(|token| {
        matches!(
            token.kind(),
            SyntaxKind::BEGIN_KW
                | SyntaxKind::COMMIT_KW
                | SyntaxKind::ROLLBACK_KW
                | SyntaxKind::START_KW
                | SyntaxKind::END_KW
                | SyntaxKind::ABORT_KW
                | SyntaxKind::SAVEPOINT_KW
        )
    })
}

/// Up to three leading words of a statement, e.g. `DROP INDEX CONCURRENTLY`.
pub(crate) fn first_words(node: &SyntaxNode) -> String {
    let words: Vec<String> = significant(node)
        .take_while(|token| token.kind().is_keyword())
        .take(3)
        .map(|token| token.text().to_ascii_uppercase())
        .collect();
    if words.is_empty() { "something else".to_owned() } else { words.join(" ") }
}

pub(crate) fn significant(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    tokens(node).filter(|token| !is_trivia(token.kind()))
}

/// The parts of a dotted name, folded.
pub(crate) fn name_parts(node: &SyntaxNode) -> Vec<String> {
    let mut parts = Vec::new();
    let mut tokens = significant(node).filter(|token| token.kind() != SyntaxKind::DOT).peekable();
    while let Some(token) = tokens.next() {
        let other = tokens.next_if(|next| next.text().eq_ignore_ascii_case("uescape"));
        let escape = other.and_then(|_| tokens.next()).and_then(|it| it.text().chars().nth(1));
        parts.push(
            unescaped(token.text(), escape.unwrap_or('\\'))
                .unwrap_or_else(|| fold(token.text()).into_owned()),
        );
    }
    parts
}

pub(crate) fn only_name(node: &SyntaxNode) -> Option<String> {
    name_parts(node).into_iter().next()
}

fn qualified(node: &SyntaxNode) -> String {
    name_parts(node).iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join(".")
}

/// Bytes of a node without the white space and comments around it.
pub(crate) fn span_of(node: &SyntaxNode) -> Range<usize> {
    let mut inside = significant(node).map(|token| span_of_range(token.text_range()));
    match inside.next() {
        Some(first) => {
            let end = inside.last().map_or(first.end, |last| last.end);
            first.start..end
        }
        None => span_of_range(node.text_range()),
    }
}

fn span_of_range(range: TextRange) -> Range<usize> {
    usize::from(range.start())..usize::from(range.end())
}

#[cfg(test)]
mod tests;
