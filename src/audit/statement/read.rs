//! From the parser's tree to statements.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the grammar has hundreds of kinds, of which a few bear on indexes"
)]

use std::ops::Range;
use std::sync::Arc;

use squawk_syntax::ast::{self, AstNode, Stmt};
use squawk_syntax::syntax_error::SyntaxError;
use squawk_syntax::{SourceFile, SyntaxNode};

use super::super::parameter;
use super::super::place::Lines;
use super::super::prepass::{Piece, Sent};
use super::constraint::{constraint, merged, table_arguments};
use super::{
    Attachment, IndexStatement, Nesting, Reading, Reindexed, Repeat, Rows, Statement, StatementKind,
    TableAction, TableStatement, TableTraits, Unread, Why, Wording, change, dump, figure, load, rewrite,
    setting,
};
use crate::sql::{
    KeyKind, TableRef, first_words, name_parts, only_name, read_create_index, significant, span_of,
};

/// Collects what a text says.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    lines: &'a Lines,
    pub(super) reading: Reading,
}

/// Where a tree stands: how its bytes become the file's, and whether it is run.
#[derive(Clone, Copy)]
pub(super) struct Frame<'m> {
    pub(super) map: &'m dyn Fn(usize) -> usize,
    pub(super) nesting: Nesting,
    pub(super) level: usize,
    pub(super) repeat: Repeat,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, lines: &'a Lines) -> Self {
        Self { text, lines, reading: Reading::default() }
    }

    pub(super) fn piece(&mut self, piece: &Piece) {
        if self.of_dump(piece).is_none() {
            self.parsed(piece);
        }
    }

    /// Reads a statement of one of the shapes that dumps have.
    pub(super) fn of_dump(&mut self, piece: &Piece) -> Option<()> {
        let text = self.text.get(piece.range.clone()).filter(|_| piece.sent == Sent::Semicolon)?;
        let start = piece.range.start;
        let kind = dump::read(text, &|at| (start + at, self.place_of(start + at)))?;
        self.push(piece.range.clone(), kind, Nesting::Direct);
        Some(())
    }

    /// Reads a statement of any shape.
    pub(super) fn parsed(&mut self, piece: &Piece) {
        let start = piece.range.start;
        let Some(text) = self.text.get(piece.range.clone()) else { return };
        if !load::bearable(text) {
            self.unread(start, Why::TooDeep);
            return;
        }
        let map = move |at: usize| start + at;
        let frame = Frame { map: &map, nesting: Nesting::Direct, level: 0, repeat: Repeat::Once };
        let mut tree = parse(text);
        // A file of queries for a driver has its parameters.
        if !tree.errors.is_empty() && text.contains("%(") {
            tree = parse(&parameter::written_over(text));
        }
        if !tree.errors.is_empty()
            && let Some(text) = parameter::shaped(text)
        {
            let again = parse(&text);
            if again.errors.len() < tree.errors.len() {
                tree = again;
            }
        }
        self.source(&tree, &frame);
        if piece.sent == Sent::Gexec {
            self.returned(tree.file.syntax(), &frame);
        }
        if piece.data.as_deref().is_some_and(Range::is_empty)
            && let Some(StatementKind::Dml(copy)) = self.reading.statements.last_mut().map(|it| &mut it.kind)
        {
            copy.rows = Rows::None;
        }
    }

    pub(super) fn unread(&mut self, at: usize, why: Why) {
        let place = self.lines.place(self.text, at);
        self.reading.unread.push(Unread { place, at, why });
    }

    /// All statements of a tree. One with an error is unread as a whole.
    pub(super) fn source(&mut self, tree: &Tree, frame: &Frame<'_>) {
        let Tree { file, errors } = tree;
        let statements: Vec<Stmt> = file.stmts().filter(|stmt| !matches!(stmt, Stmt::EmptyStmt(_))).collect();
        let mut blamed = vec![false; errors.len()];
        for stmt in &statements {
            let span = span_of(stmt.syntax());
            let mut first = None;
            for (error, blamed) in errors.iter().zip(&mut blamed) {
                let at = usize::from(error.range().start());
                if statements.len() == 1 || (span.start..=span.end).contains(&at) {
                    *blamed = true;
                    first.get_or_insert((at, error.message()));
                }
            }
            match first {
                Some((at, message)) => self.broken(at, first_words(stmt.syntax()), message, frame),
                None => self.statement(stmt, frame),
            }
        }
        // What follows a broken spot is rarely news.
        let known = blamed.contains(&true);
        let others = errors.iter().zip(blamed).filter(|(_, blamed)| !blamed && !known);
        for (error, _) in others.take(1) {
            let at = usize::from(error.range().start());
            self.broken(at, "what stands here".to_owned(), error.message(), frame);
        }
        if statements.is_empty() && errors.is_empty() && significant(file.syntax()).next().is_some() {
            self.broken(0, "what stands here".to_owned(), "no statement", frame);
        }
    }

    fn broken(&mut self, at: usize, statement: String, message: &str, frame: &Frame<'_>) {
        let why = if frame.nesting == Nesting::Dynamic {
            Why::RunTime
        } else {
            Why::Syntax { statement, message: message.to_owned() }
        };
        self.unread((frame.map)(at), why);
    }

    pub(super) fn statement(&mut self, stmt: &Stmt, frame: &Frame<'_>) {
        let span = span_of(stmt.syntax());
        let at = (frame.map)(span.start);
        // The byte behind the last one, which alone is sure to come from this statement.
        let end = (frame.map)(span.end.saturating_sub(1)).max(at) + 1;
        let kind = self.kind(stmt, frame).unwrap_or_else(|| StatementKind::Other(first_words(stmt.syntax())));
        self.push(at..end, kind, frame.nesting);
        match stmt {
            Stmt::Do(block) => self.do_block(block, frame),
            Stmt::CreateFunction(routine) => {
                self.routine(routine.plpgsql(), routine.sql_body(), frame);
            }
            Stmt::CreateProcedure(routine) => {
                self.routine(routine.plpgsql(), routine.sql_body(), frame);
            }
            Stmt::CreateSchema(schema) => self.schema(schema, frame),
            _ => {}
        }
    }

    /// CREATE SCHEMA with what is made in it.
    fn schema(&mut self, create: &ast::CreateSchema, frame: &Frame<'_>) {
        let from = self.reading.statements.len();
        for element in create.schema_elements() {
            if let Some(stmt) = Stmt::cast(element.syntax().clone()) {
                self.statement(&stmt, frame);
            }
        }
        // Without a name of its own it is called after its owner.
        let target = create.create_schema_target();
        let Some(schema) =
            target.and_then(|it| significant(it.syntax()).find(|it| !is_authorization(it.text())))
        else {
            return;
        };
        let schema = crate::sql::fold(schema.text()).into_owned();
        for statement in self.reading.statements.iter_mut().skip(from) {
            let within = match &mut statement.kind {
                StatementKind::CreateTable(it) => &mut it.table.schema,
                StatementKind::CreateIndex(it) => &mut Arc::make_mut(&mut it.shape).table.schema,
                StatementKind::CreateRelation(it) => &mut it.schema,
                _ => continue,
            };
            within.get_or_insert_with(|| schema.clone());
        }
    }

    pub(super) fn push(&mut self, span: Range<usize>, kind: StatementKind, nesting: Nesting) {
        let Range { start: at, end } = span;
        let place = self.lines.place(self.text, at);
        self.reading.statements.push(Statement { place, at, end, part: 0, nesting, to_fill_in: false, kind });
    }

    pub(super) fn place_of(&self, at: usize) -> super::Place {
        self.lines.place(self.text, at)
    }

    fn kind(&self, stmt: &Stmt, frame: &Frame<'_>) -> Option<StatementKind> {
        Some(match stmt {
            Stmt::CreateIndex(create) => create_index(create)?,
            Stmt::DropIndex(drop) => StatementKind::DropIndex {
                names: drop.index_refs().filter_map(|it| named(it.syntax())).collect(),
                concurrently: drop.concurrently_token().is_some(),
                cascade: matches!(drop.drop_behavior(), Some(ast::DropBehavior::Cascade(_))),
            },
            Stmt::AlterIndex(alter) => alter_index(alter)?,
            Stmt::CreateTable(create) => self.create_table(create, frame)?,
            Stmt::CreateTableAs(create) => {
                let traits = TableTraits {
                    if_not_exists: create.if_not_exists().is_some(),
                    temporary: is_temporary(create.persistence().as_ref()),
                    partitioned: false,
                };
                StatementKind::CreateTable(Box::new(bare_table(
                    named(create.table_name()?.syntax())?,
                    traits,
                )))
            }
            Stmt::CreateForeignTable(create) => {
                StatementKind::CreateRelation(named(create.table_name()?.syntax())?)
            }
            Stmt::CreateView(create) => StatementKind::CreateRelation(named(create.view()?.syntax())?),
            Stmt::CreateMaterializedView(create) => {
                StatementKind::CreateRelation(named(create.view()?.syntax())?)
            }
            Stmt::CreateSequence(create) => {
                StatementKind::CreateRelation(named(create.sequence()?.syntax())?)
            }
            Stmt::AlterTable(alter) => self.alter_table(alter, frame)?,
            Stmt::DropTable(drop) => {
                StatementKind::DropTable(drop.table_name_refs().filter_map(|it| named(it.syntax())).collect())
            }
            Stmt::DropView(drop) => {
                StatementKind::DropTable(drop.view_refs().filter_map(|it| named(it.syntax())).collect())
            }
            Stmt::DropMaterializedView(drop) => {
                StatementKind::DropTable(drop.view_refs().filter_map(|it| named(it.syntax())).collect())
            }
            Stmt::DropSchema(drop) => StatementKind::DropSchema(
                drop.schema_refs().filter_map(|it| only_name(it.syntax())).collect(),
            ),
            Stmt::AlterSchema(alter) => {
                let Some(ast::AlterSchemaAction::SchemaRenameTo(to)) = alter.action() else { return None };
                StatementKind::RenameSchema {
                    from: only_name(alter.schema_ref()?.syntax())?,
                    to: only_name(to.schema()?.syntax())?,
                }
            }
            Stmt::AlterMaterializedView(alter) => alter_view(alter)?,
            Stmt::Set(set) => setting::set(set.syntax())?,
            Stmt::Reset(reset) => setting::reset(reset.syntax())?,
            Stmt::Begin(_) => StatementKind::Begin,
            // AND CHAIN opens the next transaction at once; a savepoint leaves the transaction open.
            Stmt::Commit(commit) if !setting::goes_on(commit.syntax()) => StatementKind::Commit,
            Stmt::Rollback(rollback) if !setting::goes_on(rollback.syntax()) => StatementKind::Rollback,
            Stmt::Reindex(reindex) => StatementKind::Reindex {
                concurrently: reindex.is_concurrently(),
                target: reindexed(&reindex.reindex_target()?)?,
            },
            Stmt::Analyze(analyze) => StatementKind::Analyze(tables(analyze.table_and_columns_list())),
            Stmt::Vacuum(vacuum) if setting::says(vacuum.syntax(), "analyze") => {
                StatementKind::Analyze(tables(vacuum.table_and_columns_list()))
            }
            Stmt::SelectInto(select) => into_table(select)?,
            Stmt::Do(_) => StatementKind::Do,
            Stmt::CreateFunction(it) => StatementKind::Routine(named(it.name()?.syntax())?),
            Stmt::CreateProcedure(it) => StatementKind::Routine(named(it.name()?.syntax())?),
            other => return changed(other, frame.repeat),
        })
    }

    fn create_table(&self, create: &ast::CreateTable, frame: &Frame<'_>) -> Option<StatementKind> {
        let traits = TableTraits {
            if_not_exists: create.if_not_exists().is_some(),
            temporary: is_temporary(create.persistence().as_ref()),
            partitioned: create.partition_by().is_some(),
        };
        let mut table = bare_table(named(create.table_name()?.syntax())?, traits);
        table.partition_of = create.partition_of().and_then(|it| named(it.table_name_ref()?.syntax()));
        if let Some(list) = create.table_arg_list() {
            table_arguments(self, &list, &mut table, frame);
        }
        Some(StatementKind::CreateTable(Box::new(table)))
    }

    fn alter_table(&self, alter: &ast::AlterTable, frame: &Frame<'_>) -> Option<StatementKind> {
        use ast::AlterTableAction as Action;
        let relation = alter.table_relation_name()?;
        let table = named(relation.table_name_ref()?.syntax())?;
        let only = relation.only_token().is_some();
        let mut actions = Vec::new();
        for action in alter.actions() {
            let read = match &action {
                Action::AddConstraint(add) => add
                    .constraint()
                    .and_then(|it| constraint(self, it.syntax(), None, frame))
                    .map(|it| TableAction::Add(Box::new(it))),
                Action::AddColumn(add) => {
                    let column = add.column_name().and_then(|it| only_name(it.syntax()));
                    let made = add.constraints();
                    let made = made
                        .filter_map(|it| constraint(self, it.syntax(), column.as_deref(), frame))
                        .collect();
                    actions.extend(merged(made).into_iter().map(|it| TableAction::Add(Box::new(it))));
                    None
                }
                _ => table_action(&action),
            };
            actions.extend(read);
        }
        // Dumps add the constraint of each partition on its own.
        for action in &mut actions {
            if let TableAction::Add(constraint) = action {
                Arc::make_mut(&mut constraint.shape).only = only;
            }
        }
        Some(StatementKind::AlterTable { table, actions })
    }
}

/// A text as the parser sees it. The errors are found by going through the whole tree, once.
pub(super) struct Tree {
    file: SourceFile,
    errors: Vec<SyntaxError>,
}

impl Tree {
    fn of(text: &str) -> Self {
        let parsed = SourceFile::parse(text);
        Self { file: parsed.tree(), errors: parsed.errors() }
    }

    /// Errors of a text that has bodies in dollar quotes, those of the bodies too.
    fn broken(&self) -> usize {
        self.errors.len() + broken_bodies(&self.file)
    }
}

/// Parses a text. Where a body cannot be read for what the grammar does not know, without it.
pub(super) fn parse(text: &str) -> Tree {
    let mut tree = Tree::of(text);
    let mut errors = tree.broken();
    let mut text = std::borrow::Cow::Borrowed(text);
    for rewrite in [rewrite::without_variables, rewrite::without_into] {
        if errors == 0 {
            break;
        }
        let Some(rewritten) = rewrite(&text) else { continue };
        let again = Tree::of(&rewritten);
        let left = again.broken();
        if left < errors {
            (tree, errors, text) = (again, left, rewritten.into());
        }
    }
    tree
}

/// Bodies in PL/pgSQL with errors.
fn broken_bodies(file: &SourceFile) -> usize {
    let bodies = file.stmts().filter_map(|stmt| match stmt {
        Stmt::Do(block) => block.plpgsql(),
        Stmt::CreateFunction(routine) => routine.plpgsql(),
        Stmt::CreateProcedure(routine) => routine.plpgsql(),
        _ => None,
    });
    bodies.filter(|body| !body.errors().is_empty()).count()
}

fn alter_view(alter: &ast::AlterMaterializedView) -> Option<StatementKind> {
    let table = named(alter.view_ref()?.syntax())?;
    let actions = alter.action().filter_map(|action| match action {
        ast::AlterMaterializedViewAction::ViewRenameTo(to) => {
            Some(TableAction::Rename(named(to.view()?.syntax())?.name))
        }
        ast::AlterMaterializedViewAction::SetSchema(to) => {
            Some(TableAction::SetSchema(only_name(to.schema_ref()?.syntax())?))
        }
        _ => None,
    });
    Some(StatementKind::AlterTable { table, actions: actions.collect() })
}

fn table_action(action: &ast::AlterTableAction) -> Option<TableAction> {
    use ast::AlterTableAction as Action;
    Some(match action {
        Action::DropConstraint(it) => {
            TableAction::DropConstraint(only_name(it.constraint_name_ref()?.syntax())?)
        }
        Action::RenameConstraint(it) => TableAction::RenameConstraint(
            only_name(it.constraint_name_ref()?.syntax())?,
            only_name(it.constraint_name()?.syntax())?,
        ),
        Action::DropColumn(it) => TableAction::DropColumn(only_name(it.column_name_ref()?.syntax())?),
        Action::RenameColumn(it) => TableAction::RenameColumn(
            only_name(it.column_name_ref()?.syntax())?,
            only_name(it.column_name()?.syntax())?,
        ),
        Action::TableRenameTo(it) => TableAction::Rename(named(it.table_name()?.syntax())?.name),
        Action::SetSchema(it) => TableAction::SetSchema(only_name(it.schema_ref()?.syntax())?),
        Action::AttachPartition(it) => TableAction::Attach(named(it.table_name_ref()?.syntax())?),
        Action::DetachPartition(it) => TableAction::Detach(named(it.table_name_ref()?.syntax())?),
        _ => return None,
    })
}

fn create_index(create: &ast::CreateIndex) -> Option<StatementKind> {
    let (shape, problems) = read_create_index(create);
    let shape = shape?;
    let keys = create.partition_item_list()?;
    let words = keys
        .partition_items()
        .zip(&shape.keys)
        .filter(|(_, key)| key.kind == KeyKind::Expression)
        .filter_map(|(item, _)| item.expr())
        .map(|expr| figure::word(&expr))
        .collect();
    let problems = problems
        .iter()
        .filter(|problem| !is_a_matter_of_course(&problem.kind))
        .map(|problem| problem.kind.to_string())
        .collect();
    Some(StatementKind::CreateIndex(Box::new(IndexStatement {
        shape: Arc::new(shape),
        words,
        problems,
        wording: Wording::Said,
    })))
}

/// What a registry refuses and a migration may well say.
fn is_a_matter_of_course(kind: &crate::sql::SqlProblemKind) -> bool {
    use crate::sql::SqlProblemKind as Kind;
    matches!(
        kind,
        Kind::NotConcurrently | Kind::Unnamed | Kind::NameTooLong { .. } | Kind::UnicodeEscapedName
    )
}

fn alter_index(alter: &ast::AlterIndex) -> Option<StatementKind> {
    let index = named(alter.index_ref()?.syntax())?;
    match alter.action()? {
        ast::AlterIndexAction::IndexRenameTo(to) => {
            Some(StatementKind::RenameIndex { index, to: named(to.index()?.syntax())?.name })
        }
        ast::AlterIndexAction::AttachIndexPartition(child) => {
            let child = named(child.index_ref()?.syntax())?;
            Some(StatementKind::AttachIndex(Box::new(Attachment { parent: index, child })))
        }
        _ => None,
    }
}

pub(super) fn named(node: &SyntaxNode) -> Option<TableRef> {
    let mut parts = name_parts(node);
    let name = parts.pop()?;
    Some(TableRef { schema: parts.pop(), name })
}

fn bare_table(table: TableRef, traits: TableTraits) -> TableStatement {
    TableStatement {
        table,
        traits,
        partition_of: None,
        constraints: Vec::new(),
        sequences: Vec::new(),
        like: Vec::new(),
    }
}

fn is_temporary(persistence: Option<&ast::Persistence>) -> bool {
    matches!(persistence, Some(ast::Persistence::Temp(_)))
}

fn is_authorization(word: &str) -> bool {
    word.eq_ignore_ascii_case("authorization")
}

fn reindexed(target: &ast::ReindexTarget) -> Option<Reindexed> {
    use ast::ReindexTarget as Target;
    Some(match target {
        Target::ReindexTargetIndex(it) => Reindexed::Index(named(it.index_ref()?.syntax())?),
        Target::ReindexTargetTable(it) => Reindexed::Table(named(it.table_name_ref()?.syntax())?),
        Target::ReindexTargetSchema(_) => Reindexed::Many("SCHEMA"),
        Target::ReindexTargetDatabase(_) => Reindexed::Many("DATABASE"),
        Target::ReindexTargetSystem(_) => Reindexed::Many("SYSTEM"),
    })
}

fn tables(list: Option<ast::TableAndColumnsList>) -> Vec<TableRef> {
    let each = list.into_iter().flat_map(|list| list.table_and_columnss().collect::<Vec<_>>());
    each.filter_map(|it| named(it.table_relation_name()?.table_name_ref()?.syntax())).collect()
}

/// `SELECT … INTO table`
fn into_table(select: &ast::SelectInto) -> Option<StatementKind> {
    let into = select.into_clause()?;
    let traits = TableTraits { temporary: setting::says(into.syntax(), "temp"), ..TableTraits::default() };
    let table = named(into.table_name()?.syntax())?;
    Some(StatementKind::CreateTable(Box::new(bare_table(table, traits))))
}

/// Changes of data; `SELECT pg_catalog.set_config('search_path', …)`, as dumps have it; calls of routines.
fn changed(stmt: &Stmt, repeat: Repeat) -> Option<StatementKind> {
    if let Some(change) = change::change(stmt, repeat) {
        return Some(StatementKind::Dml(Box::new(change)));
    }
    let set = if matches!(stmt, Stmt::Select(_)) { setting::set_config(stmt.syntax()) } else { None };
    set.or_else(|| change::called(stmt, repeat).map(StatementKind::Call))
}
