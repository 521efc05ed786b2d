//! A parsed file: its text, its tree, and what one pass over the tree collects.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::binding::{self, Bindings, Kind, is_scope};
use super::change;
use super::fact::{Problem, ProblemKind, Unknown};
use super::language::Language;
use super::literal::is_literal;
use super::operation::Operations;
use super::reach::Reach;
use super::turn::Turns;
use super::walk::way;
use crate::audit::{Lines, Place};

/// Most problems that one file reports; what follows a broken spot is rarely news.
const MOST_PROBLEMS: usize = 50;
/// Calls back of the parser that a file may take, before its length counts. The parser calls back every hundred steps.
const FREE_CALLS: usize = 2_000;
/// Most values that are looked at for one change of a list.
const MOST_ALIASES: usize = 32;
/// Longest text that constants may be resolved to in one file, as a multiple of its length.
const TEXT_GROWTH: usize = 16;

/// Parses a text within bounds.
pub(super) fn parse(language: Language, text: &str) -> Result<Tree, ProblemKind> {
    if text.len() > super::MAX_BYTES {
        return Err(ProblemKind::TooLong { bytes: text.len() });
    }
    let mut parser = Parser::new();
    if parser.set_language(&language.grammar()).is_err() {
        return Err(ProblemKind::TooMuchWork);
    }
    let mut left = FREE_CALLS + text.len();
    let mut progress = |_: &tree_sitter::ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    parser
        .parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(ParseOptions::new().progress_callback(&mut progress)),
        )
        .ok_or(ProblemKind::TooMuchWork)
}

/// A parsed file.
pub(super) struct Source<'t> {
    /// Its language.
    pub(super) language: Language,
    /// Its text.
    pub(super) text: &'t str,
    /// The tree's root.
    pub(super) root: Node<'t>,
    /// What is wrong with it.
    pub(super) problems: RefCell<Vec<Problem>>,
    /// Which way its functions are gone.
    pub(super) reach: Reach<'t>,
    /// Bytes that resolved constants may still add.
    pub(super) growth: Cell<usize>,
    /// End of the last error: those inside of it are the same one.
    broken_to: usize,
    lines: Lines,
    /// The last place that was asked for.
    counted: Cell<(usize, Place)>,
    /// What names stand for in the turns of loops.
    pub(super) turns: Turns<'t>,
    bindings: Bindings<'t>,
    operations: Operations<'t>,
    heredocs: HashMap<usize, Node<'t>>,
    definitions: HashMap<&'t str, Node<'t>>,
    /// Names whose lists are changed, and by what.
    changes: Vec<(Node<'t>, Range<usize>)>,
}

impl<'t> Source<'t> {
    /// Looks over the tree once.
    pub(super) fn new(language: Language, text: &'t str, tree: &'t Tree) -> Self {
        let mut source = Self {
            language,
            text,
            root: tree.root_node(),
            problems: RefCell::default(),
            reach: Reach::default(),
            growth: Cell::new(text.len() * TEXT_GROWTH + 64 * 1024),
            broken_to: 0,
            lines: Lines::of(text),
            counted: Cell::new((0, Place { line: 1, column: 1 })),
            turns: Turns::default(),
            bindings: Bindings::default(),
            operations: Operations::default(),
            heredocs: HashMap::new(),
            definitions: HashMap::new(),
            changes: Vec::new(),
        };
        source.look_over();
        source.note_changes();
        source.reach = Reach::of(&source, |name| way(language, name));
        source
    }

    /// Whether the file has a function of this name.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.reach.defines(name)
    }

    /// Which of alembic's operations a call by this path means, the last name first.
    pub(super) fn operation(&self, path: &[&'t str]) -> Option<&'t str> {
        self.operations.meant(path)
    }

    /// The text of a node.
    pub(super) fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// Where a byte is.
    pub(super) fn place(&self, at: usize) -> Place {
        let (from, place) = self.counted.get();
        let place = match self.text.as_bytes().get(from..at) {
            // Nearly every question is about a place behind the last one: counting on from there keeps a file that is one
            // long line from taking the square of its length.
            Some(between) if !between.contains(&b'\n') => {
                let column = place.column + between.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
                Place { line: place.line, column }
            }
            _ => self.lines.place(self.text, at),
        };
        self.counted.set((at.min(self.text.len()), place));
        place
    }

    /// A node whose value is not known.
    pub(super) fn unknown(&self, node: Node<'_>) -> Unknown {
        Unknown { range: node.byte_range(), place: self.place(node.start_byte()) }
    }

    /// Notes a problem, up to the most that are told.
    pub(super) fn problem(&self, range: Range<usize>, kind: ProblemKind) {
        let mut problems = self.problems.borrow_mut();
        let told = problems.iter().any(|it| it.range == range && it.kind == kind);
        if !told && problems.len() < MOST_PROBLEMS {
            problems.push(Problem { place: self.place(range.start), range, kind });
        }
    }

    /// The value that a name stands for where it is used.
    pub(super) fn constant(&self, name: Node<'_>) -> Option<Node<'t>> {
        self.values(name).and_then(|values| if let [value] = values.as_slice() { Some(*value) } else { None })
    }

    /// The texts that make up what a name stands for where it is used.
    pub(super) fn values(&self, name: Node<'_>) -> Option<Vec<Node<'t>>> {
        let values = self.bindings.value(self.of(name), name)?;
        let later = |value: &Node<'t>| self.turns.is_of_last_turn(value.byte_range(), name.start_byte());
        (!values.iter().any(later)).then_some(values)
    }

    /// The types of Go and the records of Java that the file describes, by their names.
    pub(super) fn definitions(&self) -> &HashMap<&'t str, Node<'t>> {
        &self.definitions
    }

    /// Every value that a name may stand for where it is used.
    pub(super) fn candidates(&self, name: Node<'_>) -> Vec<Node<'t>> {
        self.bindings.candidates(self.of(name), name.start_byte())
    }

    /// What is added to a value that is given to a name, and whether that is all.
    pub(super) fn added(&self, name: Node<'_>, value: Node<'_>) -> (Vec<Node<'t>>, bool) {
        self.bindings.added(self.of(name), value.start_byte())
    }

    /// Whether a value that is added to a name was noted with the text that it is added to.
    pub(super) fn belongs(&self, name: Node<'_>, value: Node<'_>) -> bool {
        self.bindings.belongs(self.of(name), value.start_byte())
    }

    /// The body of a heredoc, by its beginning.
    pub(super) fn heredoc(&self, beginning: Node<'_>) -> Option<Node<'t>> {
        self.heredocs.get(&beginning.start_byte()).copied()
    }

    fn look_over(&mut self) {
        let mut cursor = self.root.walk();
        let mut above: Vec<Node<'t>> = Vec::new();
        let mut begun: Vec<(&'t str, usize)> = Vec::new();
        loop {
            let node = cursor.node();
            self.look_at(node, cursor.field_name(), &above, &mut begun);
            if cursor.goto_first_child() {
                above.push(node);
                if is_scope(node.kind()) {
                    self.bindings.enter(node.byte_range());
                }
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return self.unclosed(&begun);
                }
                if above.pop().is_some_and(|node| is_scope(node.kind())) {
                    self.bindings.leave();
                }
            }
        }
    }

    /// Marks the lists that something changes after they are written out, whatever name it uses for them.
    fn note_changes(&mut self) {
        for (name, by) in std::mem::take(&mut self.changes) {
            let mut work = self.candidates(name);
            let mut left = MOST_ALIASES;
            while let Some(value) = work.pop()
                && left > 0
            {
                left -= 1;
                match value.kind() {
                    "identifier" | "constant" => work.extend(self.candidates(value)),
                    _ if is_literal(value) => {}
                    _ => self.turns.note_change(value, by.clone()),
                }
            }
        }
    }

    /// The grammar takes a heredoc that nothing ends for one that ends with the file.
    fn unclosed(&self, begun: &[(&'t str, usize)]) {
        for (name, at) in begun {
            let kind =
                ProblemKind::Missing { language: self.language.name(), what: format!("the line {name}") };
            self.problem(*at..*at, kind);
        }
    }

    fn look_at(
        &mut self,
        node: Node<'t>,
        field: Option<&str>,
        above: &[Node<'t>],
        begun: &mut Vec<(&'t str, usize)>,
    ) {
        let language = self.language.name();
        if node.is_missing() {
            self.problem(node.byte_range(), ProblemKind::Missing { language, what: node.kind().to_owned() });
        } else if node.is_error() && node.end_byte() > self.broken_to {
            self.broken_to = node.end_byte();
            self.problem(first_line(node, self.text), ProblemKind::Syntax { language });
        }
        match node.kind() {
            "identifier" | "constant" => {
                if let Some(by) = change::changes(node, above, self.text) {
                    self.changes.push((node, by));
                }
                if let Some((step, kind)) = binding::step(self.language, field, node, above, self.text) {
                    let name = self.of(node);
                    match kind {
                        // Ruby's constants belong to a class, whatever method uses them.
                        _ if node.kind() == "constant" => self.bindings.declare_in_file(name, step),
                        Kind::Declares => self.bindings.declare(name, step),
                        Kind::Gives => self.bindings.give(name, step),
                    }
                }
            }
            "import_from_statement" | "import_statement" if self.language == Language::Python => {
                self.operations.import(node, self.text);
            }
            "type_spec" | "record_declaration" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.definitions.insert(self.of(name), node);
                }
            }
            "heredoc_beginning" => {
                let name = self.of(node).trim_start_matches(['<', '-', '~']).trim_matches(['"', '\'', '`']);
                begun.push((name, node.start_byte()));
            }
            "heredoc_body" => {
                let end =
                    node.child(node.child_count().saturating_sub(1)).map_or("", |last| self.of(last).trim());
                if let Some(which) = begun.iter().position(|(name, _)| *name == end) {
                    let (_, beginning) = begun.remove(which);
                    self.heredocs.insert(beginning, node);
                }
            }
            _ => {}
        }
    }
}

/// Comments that speak to this program. Hardly any file has one, so that the tree is walked only where the mark is.
pub(super) fn comments(text: &str, tree: &tree_sitter::Tree) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(text.as_bytes(), b"cicerone:") {
        let node = tree.root_node().descendant_for_byte_range(at, at + 1);
        let comment = node.filter(|node| node.kind().contains("comment")).map(|node| node.byte_range());
        if let Some(range) = comment
            && found.last() != Some(&range)
        {
            found.push(range);
        }
    }
    found
}

/// The named children of a node, comments left out.
pub(super) fn children_of(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.is_extra() || child.kind() == "heredoc_body")
        .collect()
}

/// The part of an error on its first line: the rest of the file is often in it.
fn first_line(node: Node<'_>, text: &str) -> Range<usize> {
    let range = node.byte_range();
    let broken = text.get(range.clone()).unwrap_or_default();
    let blank = broken.len() - broken.trim_start().len();
    let start = if blank == broken.len() { range.start } else { range.start + blank };
    let line = text.get(start..range.end).and_then(|rest| rest.find('\n'));
    start..line.map_or(range.end, |line| start + line)
}
