//! Parts of lists, tuples, dictionaries and structures that are written out: `item["name"]`, `item.name`, `item[0]`.

use tree_sitter::Node;

use super::word::{number_of, text_of};
use super::{Bound, eval};
use crate::audit::host::call::{Call, pair};
use crate::audit::host::language::Language;
use crate::audit::host::tree::{Source, children_of};

/// Which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Key {
    /// By its place, from the end when it is negative.
    At(i64),
    /// By its name, as dictionaries have them.
    Name(String),
    /// By its name, as structures have them.
    Field(String),
}

impl Key {
    fn is<'t>(&self, source: &Source<'t>, key: &Bound<'t>) -> bool {
        match self {
            Self::At(at) => number_of(source, key) == Some(*at),
            Self::Name(name) | Self::Field(name) => text_of(source, key).as_ref() == Some(name),
        }
    }
}

/// Whether an expression may take a part of something.
pub(in super::super) fn is_member(source: &Source<'_>, node: Node<'_>) -> bool {
    match (source.language, node.kind()) {
        (Language::Python, "subscript" | "attribute")
        | (Language::Ruby, "element_reference")
        | (
            Language::JavaScript | Language::TypeScript | Language::Tsx,
            "subscript_expression" | "member_expression",
        )
        | (Language::Go, "selector_expression" | "index_expression")
        | (Language::Java, "array_access" | "field_access") => true,
        (Language::Ruby, "call") => {
            node.child_by_field_name("receiver").is_some() && node.child_by_field_name("block").is_none()
        }
        (Language::Java, "method_invocation") => node.child_by_field_name("object").is_some(),
        _ => false,
    }
}

/// What an expression takes a part of, and which.
fn parts<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(Node<'t>, Key)> {
    let field = |name: &str| node.child_by_field_name(name);
    let named = |node: Node<'t>| Key::Field(source.of(node).to_owned());
    Some(match (source.language, node.kind()) {
        (Language::Python, "subscript") => (field("value")?, key(source, field("subscript")?)?),
        (Language::Python, "attribute") => (field("object")?, named(field("attribute")?)),
        (Language::Ruby, "element_reference") => {
            let children = children_of(node);
            let [object, inner] = children.as_slice() else { return None };
            (*object, key(source, *inner)?)
        }
        (Language::Ruby, "call") => {
            let call = Call::of(source, node)?;
            let key = match (call.name(), call.positional.as_slice()) {
                ("first", []) => Key::At(0),
                ("last", []) => Key::At(-1),
                ("fetch" | "dig", [inner]) => key(source, *inner)?,
                _ => return None,
            };
            (call.receiver?, key)
        }
        (_, "subscript_expression") => (field("object")?, key(source, field("index")?)?),
        (_, "member_expression") => (field("object")?, named(field("property")?)),
        (_, "selector_expression") => (field("operand")?, named(field("field")?)),
        (_, "index_expression") => (field("operand")?, key(source, field("index")?)?),
        (_, "array_access") => (field("array")?, key(source, field("index")?)?),
        (_, "field_access") => (field("object")?, named(field("field")?)),
        (Language::Java, "method_invocation") => {
            let call = Call::of(source, node)?;
            let key = match (call.name(), call.positional.as_slice()) {
                ("getKey", []) => Key::At(0),
                ("getValue", []) => Key::At(1),
                ("get", [inner]) => key(source, *inner)?,
                (name, []) => Key::Field(name.to_owned()),
                _ => return None,
            };
            (call.receiver?, key)
        }
        _ => return None,
    })
}

fn key<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Key> {
    let bound = eval(source, node);
    number_of(source, &bound).map(Key::At).or_else(|| text_of(source, &bound).map(Key::Name))
}

/// The part that an expression takes, when what it is taken of is written out.
pub(super) fn value<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Bound<'t>> {
    if !is_member(source, node) {
        return None;
    }
    source.turns.deeper(|| {
        let (of, key) = parts(source, node)?;
        let root = root(of);
        let known = matches!(root.kind(), "identifier" | "constant")
            && (source.bound(root).is_some() || source.constant(root).is_some());
        if !known {
            return None;
        }
        element(source, &eval(source, of), &key)
    })
}

/// The name at the start of a path.
fn root(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    for _ in 0..super::DEEPEST {
        let fields = ["object", "operand", "value", "receiver", "array"];
        let next = fields.iter().find_map(|field| at.child_by_field_name(field));
        let next = if at.kind() == "element_reference" { at.named_child(0) } else { next };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// A part of a value; `None` when it has no such part, or is nothing that is written out.
pub(in super::super) fn element<'t>(source: &Source<'t>, bound: &Bound<'t>, key: &Key) -> Option<Bound<'t>> {
    match (bound, key) {
        (Bound::List(items), Key::At(at)) => items.get(place(*at, items.len())?).cloned(),
        (Bound::Map(pairs), key) => {
            pairs.iter().rfind(|(is, _)| key.is(source, is)).map(|(_, value)| value.clone())
        }
        (Bound::Node(node), key) => of_node(source, *node, key).map(|value| eval(source, value)),
        _ => None,
    }
}

fn place(at: i64, length: usize) -> Option<usize> {
    if at < 0 {
        length.checked_sub(usize::try_from(at.unsigned_abs()).ok()?)
    } else {
        usize::try_from(at).ok()
    }
}

fn of_node<'t>(source: &Source<'t>, node: Node<'t>, key: &Key) -> Option<Node<'t>> {
    if source.turns.change_of(node).is_some() {
        return None;
    }
    let node = if node.kind() == "composite_literal" { node.child_by_field_name("body")? } else { node };
    match (node.kind(), key) {
        (
            "list" | "tuple" | "array" | "expression_list" | "string_array" | "symbol_array"
            | "array_initializer",
            Key::At(at),
        ) => nth(&children_of(node), *at),
        ("literal_value", key) => of_literal(source, node, key),
        ("dictionary" | "hash", Key::Field(_)) => None,
        ("dictionary" | "hash" | "object", key) => of_map(source, node, key),
        // `Index(name="a")` has it as a member, `dict(name="a")` under a key.
        ("call", Key::Field(name) | Key::Name(name)) if source.language == Language::Python => {
            let call = Call::of(source, node)?;
            let by_key = matches!(key, Key::Name(_));
            call.keyword(name).filter(|_| by_key == (call.name() == "dict"))
        }
        ("object_creation_expression", Key::Field(name)) => {
            let call = Call::of(source, node)?;
            let names = record(source, call.name())?;
            call.positional.get(names.iter().position(|is| is == name)?).copied()
        }
        _ => None,
    }
}

fn nth<'t>(items: &[Node<'t>], at: i64) -> Option<Node<'t>> {
    let spread = items.iter().any(|item| item.kind().contains("splat") || item.kind() == "spread_element");
    if spread { None } else { items.get(place(at, items.len())?).copied() }
}

/// The key and the value of a pair, whatever the key is.
pub(super) fn pair_of<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(Bound<'t>, Node<'t>)> {
    match node.kind() {
        "pair" => {
            let key = node.child_by_field_name("key")?;
            let key = if key.kind() == "computed_property_name" { key.named_child(0)? } else { key };
            Some((eval_key(source, key), node.child_by_field_name("value")?))
        }
        "keyed_element" => {
            let children = children_of(node);
            let [key, value] = children.as_slice() else { return None };
            Some((eval_key(source, key.named_child(0).unwrap_or(*key)), *value))
        }
        "shorthand_property_identifier" => Some((Bound::Node(node), node)),
        _ => None,
    }
}

/// Keys that are words are no names.
fn eval_key<'t>(source: &Source<'t>, key: Node<'t>) -> Bound<'t> {
    if matches!(key.kind(), "hash_key_symbol" | "property_identifier") {
        Bound::Node(key)
    } else {
        eval(source, key)
    }
}

fn of_map<'t>(source: &Source<'t>, node: Node<'t>, key: &Key) -> Option<Node<'t>> {
    let pairs: Vec<_> =
        children_of(node).into_iter().map(|item| pair_of(source, item)).collect::<Option<_>>()?;
    pairs.into_iter().rfind(|(is, _)| key.is(source, is)).map(|(_, value)| value)
}

/// A field of a structure of Go, an item of a slice, or the value of a key of a map.
fn of_literal<'t>(source: &Source<'t>, node: Node<'t>, key: &Key) -> Option<Node<'t>> {
    let items = children_of(node);
    let keyed = items.iter().any(|item| item.kind() == "keyed_element");
    if !keyed {
        let at = match key {
            Key::At(at) => *at,
            Key::Name(name) | Key::Field(name) => {
                let names = fields(source, node)?;
                i64::try_from(names.iter().position(|is| is == name)?).ok()?
            }
        };
        return nth(&items, at);
    }
    items.into_iter().find_map(|item| {
        let same = match (key, pair(source, item)) {
            (Key::Field(name), Some((word, _))) => word == name,
            _ => key.is(source, &pair_of(source, item)?.0),
        };
        same.then(|| children_of(item).get(1).copied())?
    })
}

/// The names of the fields of the structure that a literal of Go is a value of, in their order.
fn fields<'t>(source: &Source<'t>, literal: Node<'t>) -> Option<Vec<&'t str>> {
    let mut at = literal.parent()?;
    if at.kind() == "literal_element" {
        at = at.parent()?.parent()?;
    }
    let mut kind = at.child_by_field_name("type")?;
    for _ in 0..super::DEEPEST {
        kind = match kind.kind() {
            "slice_type" | "array_type" => kind.child_by_field_name("element")?,
            "map_type" => kind.child_by_field_name("value")?,
            "implicit_length_array_type" | "pointer_type" => kind.named_child(0)?,
            "type_identifier" => defined(source, source.of(kind))?,
            _ => break,
        };
    }
    let list = children_of(kind).into_iter().find(|child| child.kind() == "field_declaration_list")?;
    let mut names = Vec::new();
    for field in children_of(list) {
        let mut cursor = field.walk();
        names.extend(field.children_by_field_name("name", &mut cursor).map(|name| source.of(name)));
    }
    Some(names)
}

/// The type of a name that the file gives one, in it or in one of its functions.
fn defined<'t>(source: &Source<'t>, name: &str) -> Option<Node<'t>> {
    let spec = source.definitions().get(name).copied()?;
    spec.child_by_field_name("type")
}

/// The names of the components of a record of Java, in their order.
fn record<'t>(source: &Source<'t>, name: &str) -> Option<Vec<&'t str>> {
    let record = source.definitions().get(name).copied()?;
    let parameters = children_of(record.child_by_field_name("parameters")?);
    parameters
        .into_iter()
        .map(|parameter| parameter.child_by_field_name("name").map(|name| source.of(name)))
        .collect()
}
