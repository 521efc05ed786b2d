//! Loops, whatever the language writes them like.

use std::ops::Range;

use tree_sitter::Node;

use super::pattern::lost;
use super::sequence::{elements, pairs};
use super::{Bound, MOST_TURNS, Trouble, bind, decide, eval};
use crate::audit::host::call::Call;
use crate::audit::host::language::Language;
use crate::audit::host::tree::{Source, children_of};

/// A loop.
pub(in super::super) struct Repeat<'t> {
    clauses: Vec<Clause<'t>>,
    /// What is done in each turn.
    pub(in super::super) bodies: Vec<Node<'t>>,
    /// What is done once, before it and behind it.
    pub(in super::super) once: Vec<Node<'t>>,
    /// Where its names are those of a turn, in bytes.
    pub(in super::super) range: Range<usize>,
}

/// One level of a loop: comprehensions may have several.
struct Clause<'t> {
    over: Node<'t>,
    /// The names that it gives values, by what they stand for.
    names: Names<'t>,
    conditions: Vec<Node<'t>>,
}

/// How the names of a loop get their values.
enum Names<'t> {
    /// One pattern for each item.
    Item(Node<'t>),
    /// Parameters of a function, which get the item and its position.
    Parameters(Vec<Node<'t>>),
    /// Go's `for key, value := range`.
    Range(Vec<Node<'t>>),
    /// JavaScript's `for (const key in object)`.
    Keys(Node<'t>),
    /// None.
    Nothing,
}

/// One turn.
pub(in super::super) struct Round<'t> {
    /// What its names stand for.
    pub(in super::super) names: Vec<(&'t str, Bound<'t>)>,
    /// A condition on which it hangs, and which only running the program would tell.
    pub(in super::super) doubt: Option<Node<'t>>,
}

/// A node that is a loop over the items of something.
pub(in super::super) fn repeat<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Repeat<'t>> {
    let field = |name: &str| node.child_by_field_name(name);
    match (source.language, node.kind()) {
        (Language::Python, "for_statement") => {
            let body = field("body")?;
            let mut cursor = node.walk();
            let once = node.children_by_field_name("alternative", &mut cursor).collect();
            Some(simple(field("right")?, Names::Item(field("left")?), body, once))
        }
        (_, "for_in_statement") => {
            let left = field("left")?;
            let keys = field("operator").is_some_and(|operator| source.of(operator) == "in");
            let names = if keys { Names::Keys(left) } else { Names::Item(left) };
            Some(simple(field("right")?, names, field("body")?, Vec::new()))
        }
        (Language::Go, "for_statement") => {
            let clause = children_of(node).into_iter().find(|child| child.kind() == "range_clause")?;
            let names = match clause.child_by_field_name("left") {
                Some(left) => Names::Range(children_of(left)),
                None => Names::Nothing,
            };
            Some(simple(clause.child_by_field_name("right")?, names, field("body")?, Vec::new()))
        }
        (Language::Java, "enhanced_for_statement") => {
            Some(simple(field("value")?, Names::Item(field("name")?), field("body")?, Vec::new()))
        }
        (Language::Ruby, "for") => {
            let over = field("value")?;
            let over = if over.kind() == "in" { over.named_child(0)? } else { over };
            Some(simple(over, Names::Item(field("pattern")?), field("body")?, Vec::new()))
        }
        (Language::Ruby, "call") => with_block(source, node),
        (_, "call_expression") | (Language::Java, "method_invocation") => with_callback(source, node),
        _ => comprehension(node),
    }
}

fn simple<'t>(over: Node<'t>, names: Names<'t>, body: Node<'t>, once: Vec<Node<'t>>) -> Repeat<'t> {
    let clause = Clause { over, names, conditions: Vec::new() };
    Repeat { clauses: vec![clause], bodies: vec![body], once, range: body.byte_range() }
}

/// A comprehension of Python.
pub(super) fn comprehension(node: Node<'_>) -> Option<Repeat<'_>> {
    let kinds =
        ["list_comprehension", "generator_expression", "set_comprehension", "dictionary_comprehension"];
    if !kinds.contains(&node.kind()) {
        return None;
    }
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for child in children_of(node) {
        match child.kind() {
            "for_in_clause" => clauses.push(Clause {
                over: child.child_by_field_name("right")?,
                names: Names::Item(child.child_by_field_name("left")?),
                conditions: Vec::new(),
            }),
            "if_clause" => clauses.last_mut()?.conditions.extend(child.named_child(0)),
            _ => {}
        }
    }
    let body = node.child_by_field_name("body")?;
    Some(Repeat { clauses, bodies: vec![body], once: Vec::new(), range: node.byte_range() })
}

/// `list.each do |item| ... end`
fn with_block<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Repeat<'t>> {
    let block = node.child_by_field_name("block")?;
    let method = node.child_by_field_name("method")?;
    let receiver = node.child_by_field_name("receiver")?;
    let name = source.of(method);
    // What gives each item to its block, one after the other; the calls that give more are read as what they go over.
    let over = match name {
        "each" | "map" | "each_pair" | "flat_map" | "collect" | "each_entry" | "filter_map" => receiver,
        "each_with_index" | "with_index" | "times" | "upto" | "reverse_each" | "map_with_index" => node,
        _ => return None,
    };
    let parameters = block.child_by_field_name("parameters");
    let names = match parameters.map(|parameters| children_of(parameters)) {
        None => Names::Nothing,
        Some(all) => match all.as_slice() {
            [only] if only.kind() == "identifier" => Names::Item(*only),
            _ => Names::Item(parameters?),
        },
    };
    let mut once = Vec::new();
    once.extend(node.child_by_field_name("arguments"));
    if over.id() == node.id() {
        once.push(receiver);
    }
    let clause = Clause { over, names, conditions: Vec::new() };
    let body = block.child_by_field_name("body")?;
    Some(Repeat { clauses: vec![clause], bodies: vec![body], once, range: block.byte_range() })
}

/// `list.forEach((item) => ...)`
fn with_callback<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Repeat<'t>> {
    let called = node.child_by_field_name("function");
    let name = called
        .and_then(|called| called.child_by_field_name("property"))
        .or_else(|| node.child_by_field_name("name"))
        .map_or("", |name| source.of(name));
    if !matches!(name, "forEach" | "map" | "flatMap" | "forEachOrdered") {
        return None;
    }
    let call = Call::of(source, node)?;
    let [callback] = call.positional.as_slice() else { return None };
    if !matches!(callback.kind(), "arrow_function" | "function_expression" | "lambda_expression") {
        return None;
    }
    let over = call.receiver?;
    let parameters = match callback.child_by_field_name("parameter") {
        Some(only) => vec![only],
        None => match callback.child_by_field_name("parameters")? {
            only if only.kind() == "identifier" => vec![only],
            list => children_of(list),
        },
    };
    let clause = Clause { over, names: Names::Parameters(parameters), conditions: Vec::new() };
    let body = callback.child_by_field_name("body")?;
    Some(Repeat { clauses: vec![clause], bodies: vec![body], once: Vec::new(), range: callback.byte_range() })
}

impl<'t> Repeat<'t> {
    /// What its outermost level goes over.
    pub(in super::super) fn over(&self) -> Option<Node<'t>> {
        self.clauses.first().map(|clause| clause.over)
    }

    /// All that is evaluated apart from the bodies: what it goes over, its conditions, what is done once.
    pub(in super::super) fn beside(&self) -> Vec<Node<'t>> {
        let mut found = Vec::new();
        for clause in &self.clauses {
            // What goes by its own call (`each_with_index`) has what it is called on among what is done once.
            if clause.over.end_byte() <= self.range.start || clause.over.start_byte() >= self.range.start {
                found.push(clause.over);
            }
            found.extend(clause.conditions.iter().copied());
        }
        found.extend(self.once.iter().copied());
        found
    }

    /// Its names, none of them known.
    pub(in super::super) fn unknown(&self, source: &Source<'t>) -> Vec<(&'t str, Bound<'t>)> {
        let mut names = Vec::new();
        for clause in &self.clauses {
            match &clause.names {
                Names::Item(pattern) | Names::Keys(pattern) => {
                    lost(source, *pattern, clause.over, &mut names);
                }
                Names::Parameters(patterns) | Names::Range(patterns) => {
                    for pattern in patterns {
                        lost(source, *pattern, clause.over, &mut names);
                    }
                }
                Names::Nothing => {}
            }
        }
        names
    }

    /// Its turns, in their order.
    pub(in super::super) fn rounds(&self, source: &Source<'t>) -> Result<Vec<Round<'t>>, Trouble<'t>> {
        let mut rounds = vec![Round { names: Vec::new(), doubt: None }];
        for clause in &self.clauses {
            let mut next = Vec::new();
            for round in rounds {
                let names = round.names.clone();
                let turns = source.turns.with(self.range.clone(), names, || clause.turns(source))?;
                for (own, doubt) in turns {
                    let Some(doubt) = doubt else { continue };
                    let mut names = round.names.clone();
                    names.extend(own);
                    next.push(Round { names, doubt: round.doubt.or(doubt) });
                    if next.len() > MOST_TURNS {
                        return Err(Trouble::TooMany);
                    }
                }
            }
            rounds = next;
        }
        Ok(rounds)
    }
}

/// The names of a turn, and the condition that is not decided; nothing for a turn that a condition leaves out.
type Own<'t> = (Vec<(&'t str, Bound<'t>)>, Option<Option<Node<'t>>>);

impl<'t> Clause<'t> {
    fn turns(&self, source: &Source<'t>) -> Result<Vec<Own<'t>>, Trouble<'t>> {
        let mut found = Vec::new();
        for names in self.bindings(source)? {
            let all = self.over.start_byte()..self.conditions.last().map_or(0, Node::end_byte);
            let passed = source.turns.with(all, names.clone(), || {
                let mut doubt = None;
                for condition in &self.conditions {
                    match decide(source, *condition) {
                        Some(true) => {}
                        Some(false) => return None,
                        None => doubt = Some(*condition),
                    }
                }
                Some(doubt)
            });
            found.push((names, passed));
        }
        Ok(found)
    }

    fn bindings(&self, source: &Source<'t>) -> Result<Vec<Vec<(&'t str, Bound<'t>)>>, Trouble<'t>> {
        let over = self.over;
        let arguments: Vec<Vec<Bound<'t>>> = match &self.names {
            Names::Range(_) => range(source, over)?,
            Names::Keys(_) => keys(source, over)?,
            Names::Item(_) | Names::Parameters(_) | Names::Nothing => {
                let numbered = (0_i64..).zip(elements(source, over)?);
                numbered.map(|(at, item)| vec![item, Bound::Number(at)]).collect()
            }
        };
        let patterns: &[Node<'t>] = match &self.names {
            Names::Item(pattern) | Names::Keys(pattern) => std::slice::from_ref(pattern),
            Names::Parameters(patterns) | Names::Range(patterns) => patterns,
            Names::Nothing => &[],
        };
        let mut found = Vec::new();
        for arguments in arguments {
            let mut names = Vec::new();
            for (at, pattern) in patterns.iter().enumerate() {
                match arguments.get(at) {
                    Some(value) => bind(source, *pattern, value, over, &mut names),
                    None => lost(source, *pattern, over, &mut names),
                }
            }
            found.push(names);
        }
        Ok(found)
    }
}

/// Go's range: position and item of a slice, key and value of a map, and the numbers up to one.
fn range<'t>(source: &Source<'t>, over: Node<'t>) -> Result<Vec<Vec<Bound<'t>>>, Trouble<'t>> {
    let value = eval(source, over);
    if let Bound::Node(node) = value
        && node.kind() == "composite_literal"
        && node.child_by_field_name("type").is_some_and(|kind| kind.kind() == "map_type")
        && source.turns.change_of(node).is_none()
    {
        let body = node.child_by_field_name("body").ok_or(Trouble::Unknown(over))?;
        return Ok(pairs(source, body)?.into_iter().map(|(key, value)| vec![key, value]).collect());
    }
    let items = elements(source, over)?;
    Ok((0_i64..).zip(items).map(|(at, item)| vec![Bound::Number(at), item]).collect())
}

/// JavaScript's `in`: the keys of an object, the positions of a list.
fn keys<'t>(source: &Source<'t>, over: Node<'t>) -> Result<Vec<Vec<Bound<'t>>>, Trouble<'t>> {
    if let Bound::Node(node) = eval(source, over)
        && node.kind() == "object"
        && source.turns.change_of(node).is_none()
    {
        return Ok(pairs(source, node)?.into_iter().map(|(key, _)| vec![key]).collect());
    }
    let count = elements(source, over)?.len();
    Ok((0_i64..).take(count).map(|at| vec![Bound::Number(at)]).collect())
}
