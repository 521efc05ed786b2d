//! A parsed file: its text, its tree, and what one pass over the tree collects.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::fact::{Problem, ProblemKind, Unknown};
use super::language::Language;
use crate::audit::{Lines, Place};

/// Most problems that one file reports; what follows a broken spot is rarely news.
const MOST_PROBLEMS: usize = 50;
/// Calls back of the parser that a file may take, before its length counts. The parser calls back every hundred steps.
const FREE_CALLS: usize = 2_000;
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
    /// Bytes that resolved constants may still add.
    pub(super) growth: Cell<usize>,
    /// End of the last error: those inside of it are the same one.
    broken_to: usize,
    lines: Lines,
    /// The last place that was asked for.
    counted: Cell<(usize, Place)>,
    bindings: HashMap<&'t str, Binding<'t>>,
    heredocs: HashMap<usize, Node<'t>>,
}

/// How often a name is bound in a file, and to what the last time.
#[derive(Default)]
struct Binding<'t> {
    count: usize,
    value: Option<Node<'t>>,
}

impl<'t> Source<'t> {
    /// Looks over the tree once.
    pub(super) fn new(language: Language, text: &'t str, tree: &'t Tree) -> Self {
        let mut source = Self {
            language,
            text,
            root: tree.root_node(),
            problems: RefCell::default(),
            growth: Cell::new(text.len() * TEXT_GROWTH + 64 * 1024),
            broken_to: 0,
            lines: Lines::of(text),
            counted: Cell::new((0, Place { line: 1, column: 1 })),
            bindings: HashMap::new(),
            heredocs: HashMap::new(),
        };
        source.look_over();
        source
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
        if problems.len() < MOST_PROBLEMS {
            problems.push(Problem { place: self.place(range.start), range, kind });
        }
    }

    /// The value of a name that the whole file binds once.
    pub(super) fn constant(&self, name: &str) -> Option<Node<'t>> {
        self.bindings.get(name).filter(|binding| binding.count == 1)?.value
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
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return self.unclosed(&begun);
                }
                above.pop();
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
                if let Some((count, value)) = bound(field, above) {
                    let binding = self.bindings.entry(self.of(node)).or_default();
                    binding.count += count;
                    binding.value = value;
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

/// How often a mention of a name binds it, and to what. Twice stands for a value that is never one constant.
fn bound<'t>(field: Option<&str>, above: &[Node<'t>]) -> Option<(usize, Option<Node<'t>>)> {
    let parent = *above.last()?;
    let kind = parent.kind();
    match (kind, field) {
        ("assignment" | "assignment_expression", Some("left")) => {
            Some((1, parent.child_by_field_name("right")))
        }
        ("variable_declarator", Some("name")) => Some((1, parent.child_by_field_name("value"))),
        ("const_spec" | "var_spec", Some("name")) => {
            Some((1, parent.child_by_field_name("value").and_then(only_child)))
        }
        ("expression_list", _) => {
            let list = above.get(above.len().checked_sub(2)?)?;
            let declares = matches!(list.kind(), "short_var_declaration" | "assignment_statement");
            let left = list.child_by_field_name("left").is_some_and(|left| left.id() == parent.id());
            (declares && left).then(|| {
                let single = only_child(parent).is_some();
                (1, list.child_by_field_name("right").filter(|_| single).and_then(only_child))
            })
        }
        (
            "augmented_assignment" | "operator_assignment" | "augmented_assignment_expression",
            Some("left"),
        )
        | ("for_statement" | "for_in_clause" | "for_in_statement" | "for", Some("left" | "pattern"))
        | ("named_expression" | "default_parameter" | "typed_default_parameter", Some("name"))
        | ("aliased_import", Some("alias"))
        | (
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "left_assignment_list"
            | "array_pattern"
            | "object_pattern"
            | "as_pattern_target"
            | "global_statement"
            | "nonlocal_statement"
            | "import_specifier"
            | "import_clause"
            | "range_clause"
            | "lambda_parameters"
            | "typed_parameter",
            _,
        ) => Some((2, None)),
        (parameters, _) if parameters.contains("parameter") => Some((2, None)),
        ("dotted_name", _) => {
            let import = above.get(above.len().checked_sub(2)?)?.kind();
            import.contains("import").then_some((2, None))
        }
        _ => None,
    }
}

/// The child of a node that has exactly one.
fn only_child(node: Node<'_>) -> Option<Node<'_>> {
    node.named_child(0).filter(|_| node.named_child_count() == 1)
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
