//! What the grammar of Python reads and its compiler refuses: indentation, the statements of Python 2, and the like.

use tree_sitter::Node;

use super::fact::ProblemKind;
use super::tree::{Source, children_of};

/// Notes what does not compile.
pub(super) fn check<'t>(source: &Source<'t>) {
    let mut cursor = source.root.walk();
    // Functions and loops around the place, as (node kind) of those that matter.
    let mut above: Vec<&'t str> = Vec::new();
    loop {
        let node = cursor.node();
        node_check(source, node, &above);
        if cursor.goto_first_child() {
            above.push(node.kind());
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            above.pop();
        }
    }
}

fn node_check<'t>(source: &Source<'t>, node: Node<'t>, above: &[&str]) {
    let refuse = |why: &'static str| source.problem(node.byte_range(), ProblemKind::DoesNotCompile(why));
    match node.kind() {
        // `print >> stream, text` compares, for the compiler.
        "print_statement" if node.named_child(0).is_none_or(|first| first.kind() != "chevron") => {
            refuse("print is a function: its arguments need parentheses");
        }
        "exec_statement" => refuse("exec is a function: its arguments need parentheses"),
        "<>" => refuse("<> was taken out of the language; it is !="),
        "integer" => number(source, node),
        "module" => indentation(source, node, Some("")),
        "block" => block(source, node),
        "if_statement" | "for_statement" | "while_statement" | "try_statement" | "decorated_definition" => {
            let line = blanks(source, node.start_byte());
            let clause = |child: &Node<'_>| {
                child.kind().ends_with("_clause")
                    || matches!(child.kind(), "function_definition" | "class_definition")
            };
            if line.is_some() {
                aligned(source, children_of(node).into_iter().filter(clause), line);
            }
        }
        "return_statement" if !enclosed(above, &["function_definition"], &["class_definition"]) => {
            refuse("return stands outside of a function");
        }
        "break_statement" | "continue_statement"
            if !enclosed(
                above,
                &["for_statement", "while_statement"],
                &["function_definition", "class_definition"],
            ) =>
        {
            refuse("break or continue stands outside of a loop");
        }
        "assignment" => target(source, node),
        "argument_list" => arguments(source, node),
        "string" => quotes(source, node),
        _ => {}
    }
}

/// Whether one of the wanted is around, nearer than any of the barriers.
fn enclosed(above: &[&str], wanted: &[&str], barriers: &[&str]) -> bool {
    above
        .iter()
        .rev()
        .find(|kind| wanted.contains(kind) || barriers.contains(kind))
        .is_some_and(|kind| wanted.contains(kind))
}

fn number<'t>(source: &Source<'t>, node: Node<'t>) {
    let text = source.of(node);
    let old = text.ends_with(['l', 'L']);
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let zero = digits && text.starts_with('0') && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if old || zero {
        let why = "numbers take no leading zero and no L; octal ones are written 0o17";
        source.problem(node.byte_range(), ProblemKind::DoesNotCompile(why));
    }
}

/// A block has statements, and they stand further in than what it belongs to.
fn block<'t>(source: &Source<'t>, node: Node<'t>) {
    if children_of(node).is_empty() {
        let why = "an indented block has to follow the colon";
        source.problem(node.byte_range(), ProblemKind::DoesNotCompile(why));
        return;
    }
    indentation(source, node, None);
}

/// The statements of a block start with the same blanks, which `wanted` says when something does, and each on a line of
/// its own or behind a semicolon.
fn indentation<'t>(source: &Source<'t>, node: Node<'t>, wanted: Option<&str>) {
    let statements = children_of(node);
    for pair in statements.windows(2) {
        let [one, other] = pair else { continue };
        let between = source.text.get(one.end_byte()..other.start_byte()).unwrap_or_default();
        let ended = source.of(*one).ends_with('\n') || between.contains(['\n', '\r', ';']);
        if !ended && !one.is_error() && !other.is_error() {
            let why = "a second statement on a line stands behind a semicolon";
            source.problem(other.start_byte()..other.start_byte(), ProblemKind::DoesNotCompile(why));
        }
    }
    aligned(source, statements.into_iter(), wanted);
}

/// The blanks that a line starts with; `None` when something else is before the place, or the line goes on from the one
/// above.
fn blanks<'t>(source: &Source<'t>, at: usize) -> Option<&'t str> {
    let line = source.text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
    let before = source.text.get(line..at)?.trim_start_matches(['\u{feff}', '\u{c}']);
    let continued = source.text.get(..line)?.trim_end_matches(['\r', '\n']).ends_with('\\');
    (before.trim_start_matches([' ', '\t', '\u{c}']).is_empty() && !continued).then_some(before)
}

/// Nodes that start a line start it with the same blanks.
fn aligned<'t>(source: &Source<'t>, nodes: impl Iterator<Item = Node<'t>>, wanted: Option<&str>) {
    let mut first = wanted;
    for node in nodes {
        let Some(before) = blanks(source, node.start_byte()).filter(|_| !node.is_error()) else { continue };
        match first {
            None => first = Some(before),
            Some(first) if first != before => {
                let why = "the indentation fits no line before it";
                source.problem(node.start_byte()..node.start_byte(), ProblemKind::DoesNotCompile(why));
                return;
            }
            Some(_) => {}
        }
    }
}

/// Calls, numbers and strings take no value.
fn target<'t>(source: &Source<'t>, node: Node<'t>) {
    let Some(left) = node.child_by_field_name("left") else { return };
    if matches!(
        left.kind(),
        "call" | "string" | "integer" | "float" | "true" | "false" | "none" | "binary_operator"
    ) {
        let why = "a value cannot be given to this";
        source.problem(left.byte_range(), ProblemKind::DoesNotCompile(why));
    }
}

/// Named arguments come last and once each.
fn arguments<'t>(source: &Source<'t>, node: Node<'t>) {
    let mut named = std::collections::HashSet::new();
    for child in children_of(node) {
        let why = match child.kind() {
            "keyword_argument" => {
                let Some(name) = child.child_by_field_name("name") else { continue };
                if named.insert(source.of(name)) {
                    continue;
                }
                "an argument is named twice"
            }
            "list_splat" | "dictionary_splat" | "parenthesized_list_splat" | "ERROR" => continue,
            _ if named.is_empty() => continue,
            _ => "an argument without a name follows one that has one",
        };
        source.problem(child.byte_range(), ProblemKind::DoesNotCompile(why));
    }
}

/// A string between single quotes ends on its line; some prefixes are of Python 2.
fn quotes<'t>(source: &Source<'t>, node: Node<'t>) {
    let Some(start) = node.child(0).filter(|start| start.kind() == "string_start") else { return };
    let prefix = source.of(start).trim_end_matches(['"', '\'']).to_ascii_lowercase();
    if prefix.len() > 2 || matches!(prefix.as_str(), "ur" | "ub" | "bu" | "uf" | "fu" | "bf" | "fb") {
        let why = "strings have no such prefix";
        source.problem(start.byte_range(), ProblemKind::DoesNotCompile(why));
    }
}
