//! What the names of a file stand for.
//!
//! A name stands for a text where every run of the program gives it the same one: it is bound once in the function or the
//! file that it belongs to, or each time in one block, one statement after the other, so that the last one before its use
//! counts. Whatever is added to it there (`+=`, `append`) belongs to it. All else is not known.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use super::language::Language;
use super::tree::children_of;

/// Most functions around a place whose names are looked up.
const DEEPEST_SCOPE: usize = 64;
/// Most steps of one name that are kept.
const MOST_STEPS: usize = 256;

/// What a statement does to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Gives it a value.
    Set,
    /// Adds to the text that it has.
    Append,
    /// Something whose result is not known.
    Lost,
}

/// One thing that is done to a name.
#[derive(Debug, Clone)]
pub(super) struct Step<'t> {
    pub(super) act: Act,
    /// The value; nothing for a declaration without one.
    pub(super) value: Option<Node<'t>>,
    /// Its value's first byte, or its own: what it is known by.
    pub(super) key: usize,
    /// From where on it is done, in bytes.
    pub(super) done: usize,
    /// The block whose statement it is, in bytes.
    pub(super) block: Range<usize>,
}

/// All that is done to a name of one function, or of the file.
#[derive(Debug, Default)]
struct Binding<'t> {
    steps: Vec<Step<'t>>,
    /// Whether it is declared here, and not only given a value.
    declared: bool,
    lost: bool,
}

struct Scope {
    range: Range<usize>,
    parent: Option<usize>,
}

/// The names of a file.
#[derive(Default)]
pub(super) struct Bindings<'t> {
    scopes: Vec<Scope>,
    open: Vec<usize>,
    names: HashMap<(Option<usize>, &'t str), Binding<'t>>,
}

/// Whether a node is a function with names of its own.
pub(super) fn is_scope(kind: &str) -> bool {
    matches!(
        kind,
        "function_definition"
            | "lambda"
            | "method"
            | "singleton_method"
            | "function_declaration"
            | "generator_function_declaration"
            | "function_expression"
            | "generator_function"
            | "arrow_function"
            | "method_definition"
            | "method_declaration"
            | "func_literal"
            | "constructor_declaration"
            | "lambda_expression"
    )
}

impl<'t> Bindings<'t> {
    /// Goes into a function.
    pub(super) fn enter(&mut self, range: Range<usize>) {
        self.scopes.push(Scope { range, parent: self.open.last().copied() });
        self.open.push(self.scopes.len() - 1);
    }

    /// Comes out of it.
    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Notes a declaration, or a value that is given in languages where that declares.
    pub(super) fn declare(&mut self, name: &'t str, step: Step<'t>) {
        let scope = self.open.last().copied();
        self.note(scope, name, step, true);
    }

    /// Notes a value that is given to a name which may be declared further out.
    pub(super) fn give(&mut self, name: &'t str, step: Step<'t>) {
        let scope = self.open.last().copied();
        for outer in
            self.open.iter().rev().skip(1).take(DEEPEST_SCOPE).map(|scope| Some(*scope)).chain([None])
        {
            if outer != scope {
                self.names.entry((outer, name)).or_default().lost = true;
            }
        }
        self.note(scope, name, step, false);
    }

    /// Notes a name of the whole file, wherever that is done.
    pub(super) fn declare_in_file(&mut self, name: &'t str, step: Step<'t>) {
        self.note(None, name, step, true);
    }

    fn note(&mut self, scope: Option<usize>, name: &'t str, step: Step<'t>, declared: bool) {
        let binding = self.names.entry((scope, name)).or_default();
        binding.declared |= declared;
        binding.lost |= step.act == Act::Lost || binding.steps.len() >= MOST_STEPS;
        if !binding.lost {
            binding.steps.push(step);
        }
    }

    /// The innermost function around a byte.
    fn scope_at(&self, at: usize) -> Option<usize> {
        let mut scope = self.scopes.partition_point(|scope| scope.range.start <= at).checked_sub(1);
        while let Some(index) = scope {
            let found = self.scopes.get(index)?;
            if at < found.range.end {
                return scope;
            }
            scope = found.parent;
        }
        None
    }

    fn binding(&self, name: &'t str, at: usize) -> Option<(&Binding<'t>, bool)> {
        let inner = self.scope_at(at);
        let mut scope = inner;
        for _ in 0..DEEPEST_SCOPE {
            if let Some(binding) = self.names.get(&(scope, name)) {
                return Some((binding, scope == inner));
            }
            scope = self.scopes.get(scope?)?.parent;
        }
        None
    }

    /// The values that make up what a name stands for where it is used: one, or one with what is added to it.
    pub(super) fn value(&self, name: &'t str, mention: Node<'_>) -> Option<Vec<Node<'t>>> {
        let at = mention.start_byte();
        let (binding, own) = self.binding(name, at)?;
        if binding.lost || !binding.declared {
            return None;
        }
        let known = |steps: &[Step<'t>]| {
            let values: Vec<Node<'t>> = steps.iter().filter_map(|step| step.value).collect();
            Some(values).filter(|values| !values.is_empty())
        };
        let (first, rest) = binding.steps.split_first()?;
        let settled = rest.iter().all(|step| step.act == Act::Append && step.block == first.block);
        if settled && first.act == Act::Set && (rest.is_empty() || !own || !first.block.contains(&at)) {
            return known(&binding.steps);
        }
        if !own {
            return None;
        }
        // The last value given before the use counts where each way to the use leads through it.
        let before = binding.steps.partition_point(|step| step.done <= at);
        let set = binding.steps.get(..before)?.iter().rposition(|step| step.act == Act::Set)?;
        let last = binding.steps.get(set)?;
        let between = binding.steps.get(set + 1..before)?;
        let inner = |step: &Step<'t>| {
            step.block != last.block
                && last.block.start <= step.block.start
                && step.block.end <= last.block.end
        };
        let sure = last.block.contains(&at)
            && between.iter().all(|step| step.block == last.block)
            && (!binding.steps.get(before..)?.iter().any(inner) || !comes_again(mention, &last.block));
        sure.then(|| known(binding.steps.get(set..before)?))?
    }

    /// Every value that a name is ever given where it is used: one of them it stands for.
    pub(super) fn candidates(&self, name: &'t str, at: usize) -> Vec<Node<'t>> {
        let steps = self.binding(name, at).map(|(binding, _)| binding.steps.iter());
        let set = steps.into_iter().flatten().filter(|step| step.act == Act::Set);
        set.filter_map(|step| step.value).collect()
    }

    /// What is added to a value that a name is given: the nodes, in order, and whether that is all.
    pub(super) fn added(&self, name: &'t str, at: usize) -> (Vec<Node<'t>>, bool) {
        let nothing = (Vec::new(), true);
        let Some((binding, _)) = self.binding(name, at) else { return nothing };
        let Some(which) = binding.steps.iter().position(|step| step.key == at) else { return nothing };
        let Some(this) = binding.steps.get(which) else { return nothing };
        let rest = binding.steps.iter().skip(which + 1).take_while(|step| step.act != Act::Set);
        let mut parts = Vec::new();
        for step in rest {
            if step.block != this.block {
                return (parts, false);
            }
            parts.extend(step.value);
        }
        let all = !binding.lost || parts.is_empty();
        (parts, all)
    }

    /// Whether what is done at a place adds to a value that is noted with all that is added to it.
    pub(super) fn belongs(&self, name: &'t str, at: usize) -> bool {
        let Some((binding, _)) = self.binding(name, at) else { return false };
        let Some(which) = binding.steps.iter().position(|step| step.key == at) else { return false };
        let Some(this) = binding.steps.get(which) else { return false };
        this.act == Act::Append
            && binding
                .steps
                .get(..which)
                .and_then(|before| before.iter().rfind(|step| step.act == Act::Set))
                .is_some_and(|set| set.block == this.block && set.value.is_some())
    }
}

/// Whether something between a place and a block around it may lead to the place once more.
fn comes_again(mention: Node<'_>, block: &Range<usize>) -> bool {
    let mut at = mention;
    for _ in 0..DEEPEST_SCOPE {
        let Some(parent) = at.parent() else { return false };
        if parent.start_byte() <= block.start && block.end <= parent.end_byte() {
            return false;
        }
        let again = ["for", "while", "until", "loop", "do", "comprehension", "generator"];
        if again.iter().any(|word| parent.kind().contains(word)) {
            return true;
        }
        at = parent;
    }
    true
}

/// What a mention of a name does to it; `None` when it only uses it. `above` are the nodes around it, the outermost first.
pub(super) fn step<'t>(
    language: Language,
    field: Option<&str>,
    node: Node<'t>,
    above: &[Node<'t>],
    text: &'t str,
) -> Option<(Step<'t>, Kind)> {
    let parent = *above.last()?;
    let (act, value, kind) = done(language, field, parent, above, text)?;
    let block = block_of(above);
    let (key, done) =
        value.map_or((node.start_byte(), node.end_byte()), |value| (value.start_byte(), value.end_byte()));
    Some((Step { act, value, key, done, block }, kind))
}

/// Whether a step makes the name, or may change one that is made further out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Declares,
    Gives,
}

/// The block of the statement that a node is in: what is two levels above where statements are wrapped.
fn block_of(above: &[Node<'_>]) -> Range<usize> {
    let block = above.iter().rev().find(|node| {
        matches!(
            node.kind(),
            "module"
                | "block"
                | "program"
                | "statement_block"
                | "body_statement"
                | "do_block"
                | "then"
                | "else"
                | "ensure"
                | "source_file"
                | "class_body"
                | "switch_case"
                | "switch_default"
                | "switch_block_statement_group"
                | "expression_case"
                | "default_case"
                | "constructor_body"
                | "interface_body"
        )
    });
    block.map_or(0..usize::MAX, Node::byte_range)
}

type Done<'t> = (Act, Option<Node<'t>>, Kind);

fn done<'t>(
    language: Language,
    field: Option<&str>,
    parent: Node<'t>,
    above: &[Node<'t>],
    text: &'t str,
) -> Option<Done<'t>> {
    let child = |name: &str| parent.child_by_field_name(name);
    let plus = |node: Node<'t>| {
        node.child_by_field_name("operator")
            .is_some_and(|operator| text.get(operator.byte_range()) == Some("+="))
    };
    // Python and Ruby declare a local by giving it a value.
    let giving =
        if matches!(language, Language::Python | Language::Ruby) { Kind::Declares } else { Kind::Gives };
    let unknown = Some((Act::Lost, None, Kind::Declares));
    match (parent.kind(), field) {
        ("assignment", Some("left")) => Some((Act::Set, child("right"), Kind::Declares)),
        ("assignment_expression", Some("left")) => {
            // Java has one node for all of its assignments.
            let operator = child("operator").and_then(|operator| text.get(operator.byte_range()));
            match operator {
                None | Some("=") => Some((Act::Set, child("right"), Kind::Gives)),
                Some("+=") => Some((Act::Append, child("right"), Kind::Gives)),
                Some(_) => Some((Act::Lost, None, Kind::Gives)),
            }
        }
        (
            "augmented_assignment" | "operator_assignment" | "augmented_assignment_expression",
            Some("left"),
        ) => {
            let act = if plus(parent) { Act::Append } else { Act::Lost };
            Some((act, child("right").filter(|_| act == Act::Append), giving))
        }
        ("variable_declarator", Some("name")) => Some((Act::Set, child("value"), Kind::Declares)),
        ("const_spec" | "var_spec", Some("name")) => {
            Some((Act::Set, child("value").and_then(only_child), Kind::Declares))
        }
        ("expression_list", _) => listed(parent, *above.get(above.len().checked_sub(2)?)?, text),
        (
            "for_statement" | "for_in_clause" | "for_in_statement" | "for" | "range_clause",
            Some("left" | "pattern"),
        )
        | (
            "enhanced_for_statement" | "named_expression" | "default_parameter" | "typed_default_parameter",
            Some("name"),
        )
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
            | "lambda_parameters"
            | "update_expression"
            | "typed_parameter",
            _,
        ) => unknown,
        (parameters, _) if parameters.contains("parameter") => unknown,
        ("arrow_function", Some("parameter")) => unknown,
        ("dotted_name", _) => {
            let import = above.get(above.len().checked_sub(2)?)?.kind();
            if import.contains("import") { unknown } else { None }
        }
        _ => appended(field, parent, above, text),
    }
}

/// Go's assignments and short declarations, whose names and values are lists.
fn listed<'t>(names: Node<'t>, list: Node<'t>, text: &'t str) -> Option<Done<'t>> {
    let kind = match list.kind() {
        // What a loop goes over gives the values.
        "short_var_declaration" | "range_clause" => Kind::Declares,
        "assignment_statement" => Kind::Gives,
        _ => return None,
    };
    if list.child_by_field_name("left").is_none_or(|left| left.id() != names.id()) {
        return None;
    }
    if list.kind() == "range_clause" {
        return Some((Act::Lost, None, kind));
    }
    let value = only_child(names).and_then(|_| list.child_by_field_name("right")).and_then(only_child);
    let operator = list.child_by_field_name("operator").and_then(|operator| text.get(operator.byte_range()));
    match (value, operator) {
        (Some(value), Some("+=")) => Some((Act::Append, Some(value), kind)),
        (Some(value), None | Some("=" | ":=")) => Some((Act::Set, Some(value), kind)),
        _ => Some((Act::Lost, None, kind)),
    }
}

/// `text << "..."` of Ruby, `builder.append("...")` of Java, `builder.WriteString("...")` of Go, as statements.
fn appended<'t>(
    field: Option<&str>,
    parent: Node<'t>,
    above: &[Node<'t>],
    text: &'t str,
) -> Option<Done<'t>> {
    let child = |node: Node<'t>, name: &str| node.child_by_field_name(name);
    let is = |node: Option<Node<'t>>, wanted: &str| {
        node.is_some_and(|node| text.get(node.byte_range()) == Some(wanted))
    };
    match (parent.kind(), field) {
        ("binary", Some("left")) if is(child(parent, "operator"), "<<") => {
            Some((Act::Append, child(parent, "right"), Kind::Declares))
        }
        ("method_invocation", Some("object")) if is(child(parent, "name"), "append") => {
            // One call only: a chain of them on a name is not followed.
            let statement = above.get(above.len().checked_sub(2)?)?;
            let value = child(parent, "arguments").and_then(only_child);
            let act = if statement.kind() == "expression_statement" { Act::Append } else { Act::Lost };
            Some((act, value.filter(|_| act == Act::Append), Kind::Gives))
        }
        ("selector_expression", Some("operand")) if is(child(parent, "field"), "WriteString") => {
            let call = *above.get(above.len().checked_sub(2)?)?;
            let statement = above.get(above.len().checked_sub(3)?)?;
            let value = child(call, "arguments").and_then(only_child);
            let act = if statement.kind() == "expression_statement" { Act::Append } else { Act::Lost };
            Some((act, value.filter(|_| act == Act::Append), Kind::Gives))
        }
        _ => None,
    }
}

/// The child of a node that has exactly one.
fn only_child(node: Node<'_>) -> Option<Node<'_>> {
    match children_of(node).as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}
