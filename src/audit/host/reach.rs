//! Which way the functions of a file are gone: `upgrade` and `downgrade` may leave their work to others.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use super::binding::is_scope;
use super::fact::Direction;
use super::language::Language;
use super::tree::Source;

/// The ways of functions whose own names do not say them.
#[derive(Default)]
pub(super) struct Reach<'t> {
    ways: HashMap<&'t str, Direction>,
    names: HashSet<&'t str>,
}

impl<'t> Reach<'t> {
    /// The way that a function is only gone; [`Direction::Unsaid`] when nothing says.
    pub(super) fn way(&self, name: &str) -> Direction {
        self.ways.get(name).copied().unwrap_or_default()
    }

    /// Whether the file has a function of this name.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Looks at who mentions whom. `directed` says the way of a function by its name.
    pub(super) fn of(source: &Source<'t>, directed: impl Fn(&str) -> Direction) -> Self {
        let names = functions(source);
        let mentions = mentions(source, &names);
        let mut found: HashMap<&'t str, HashSet<Direction>> = HashMap::new();
        for direction in [Direction::Up, Direction::Down, Direction::Change] {
            let mut work: Vec<&'t str> =
                names.iter().copied().filter(|name| directed(name) == direction).collect();
            let mut seen = HashSet::new();
            while let Some(at) = work.pop() {
                for next in mentions.get(at).into_iter().flatten() {
                    if directed(next) == Direction::Unsaid && seen.insert(*next) {
                        found.entry(next).or_default().insert(direction);
                        work.push(next);
                    }
                }
            }
        }
        let only = |ways: HashSet<Direction>| match ways.len() {
            1 => ways.into_iter().next().unwrap_or_default(),
            // Whatever is gone both ways is gone forward.
            _ => Direction::Up,
        };
        let ways = found.into_iter().map(|(name, ways)| (name, only(ways))).collect();
        Self { ways, names }
    }
}

/// The name of a function: its own, or that of what it is bound to.
pub(super) fn name_of<'t>(source: &Source<'t>, node: Node<'t>, parent: Option<Node<'t>>) -> Option<&'t str> {
    if let Some(name) = node.child_by_field_name("name") {
        return Some(source.of(name));
    }
    let parent = parent?;
    let bound = match parent.kind() {
        "variable_declarator" | "public_field_definition" => parent.child_by_field_name("name"),
        "field_definition" => parent.child_by_field_name("property"),
        "pair" => parent.child_by_field_name("key"),
        "assignment_expression" => {
            let left = parent.child_by_field_name("left")?;
            left.child_by_field_name("property").or(Some(left))
        }
        _ => None,
    };
    bound.map(|name| source.of(name))
}

/// Calls `with` for each node with the names of the functions around it, the outermost first.
fn each<'t>(source: &Source<'t>, mut with: impl FnMut(Node<'t>, &[Option<&'t str>])) {
    let mut cursor = source.root.walk();
    let mut above: Vec<Node<'t>> = Vec::new();
    let mut within: Vec<Option<&'t str>> = Vec::new();
    loop {
        let node = cursor.node();
        with(node, &within);
        if cursor.goto_first_child() {
            if is_scope(node.kind()) {
                within.push(name_of(source, node, above.last().copied()));
            }
            above.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            if above.pop().is_some_and(|node| is_scope(node.kind())) {
                within.pop();
            }
        }
    }
}

fn functions<'t>(source: &Source<'t>) -> HashSet<&'t str> {
    let mut names = HashSet::new();
    if source.language == Language::Java {
        return names;
    }
    let mut last: Vec<Node<'t>> = Vec::new();
    let mut cursor = source.root.walk();
    loop {
        let node = cursor.node();
        if is_scope(node.kind()) {
            names.extend(name_of(source, node, last.last().copied()));
        }
        if cursor.goto_first_child() {
            last.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return names;
            }
            last.pop();
        }
    }
}

/// By function, the functions of the file that it mentions.
fn mentions<'t>(source: &Source<'t>, names: &HashSet<&'t str>) -> HashMap<&'t str, HashSet<&'t str>> {
    let mut mentions: HashMap<&'t str, HashSet<&'t str>> = HashMap::new();
    if names.is_empty() {
        return mentions;
    }
    each(source, |node, within| {
        if !matches!(node.kind(), "identifier" | "property_identifier" | "field_identifier") {
            return;
        }
        let Some(name) = names.get(source.of(node)) else { return };
        // A function within another one is a part of it.
        if let Some(around) = within.iter().flatten().next_back().filter(|around| *around != name) {
            mentions.entry(around).or_default().insert(name);
        }
    });
    mentions
}
