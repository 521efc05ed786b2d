//! What a loop goes over: lists that are written out, and what the languages make of them.

use tree_sitter::Node;

use super::member::pair_of;
use super::repeat::comprehension;
use super::word::{number_of, text_of};
use super::{Bound, MOST_TURNS, Repeat, Trouble, eval, worth};
use crate::audit::host::call::Call;
use crate::audit::host::language::Language;
use crate::audit::host::literal::is_literal;
use crate::audit::host::tree::{Source, children_of};

/// What it costs to look at a list, and at each thing in it.
const LIST: usize = 16;
const ITEM: usize = 8;

type Found<'t> = Result<Vec<Bound<'t>>, Trouble<'t>>;

/// What is in something, in the order in which a loop comes to it.
pub(in super::super) fn elements<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    let found = source.turns.deeper(|| Some(of(source, node))).unwrap_or(Err(Trouble::Unknown(node)))?;
    let paid = source.turns.charge(LIST + found.len() * ITEM);
    if found.len() > MOST_TURNS || !paid { Err(Trouble::TooMany) } else { Ok(found) }
}

/// Whether it can be told how many there are.
pub(in super::super) fn countable<'t>(source: &Source<'t>, node: Node<'t>) -> bool {
    match maker(source, node) {
        Some((repeat, _)) => repeat.over().is_some_and(|over| elements(source, over).is_ok()),
        None => elements(source, node).is_ok(),
    }
}

fn of<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    let named = matches!(node.kind(), "identifier" | "constant");
    match eval(source, node) {
        Bound::List(items) => Ok(items.to_vec()),
        Bound::Map(pairs) if source.language == Language::Python => {
            Ok(pairs.iter().map(|(key, _)| key.clone()).collect())
        }
        Bound::Map(pairs) => Ok(entries(pairs.to_vec())),
        Bound::Node(value) if named && value.id() == node.id() => {
            // A name of something that is changed after it was written out.
            let change = source.constant(node).and_then(|value| source.turns.change_of(value));
            Err(change.map_or(Trouble::Unknown(node), Trouble::Changed))
        }
        Bound::Node(value) => written(source, value),
        Bound::Text(..) | Bound::Number(_) | Bound::Unknown(_) => Err(Trouble::Unknown(node)),
    }
}

/// An expression that is written out.
fn written<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    if let Some(change) = source.turns.change_of(node) {
        return Err(Trouble::Changed(change));
    }
    match node.kind() {
        "list" | "tuple" | "array" | "string_array" | "symbol_array" | "set" | "expression_list"
        | "array_initializer" => items(source, node),
        "literal_value" => Ok(pairs(source, node).map_or_else(
            |_| children_of(node).into_iter().map(|item| eval(source, item)).collect(),
            |pairs| pairs.into_iter().map(|(key, _)| key).collect(),
        )),
        "composite_literal" => match node.child_by_field_name("body") {
            Some(body) => written(source, body),
            None => Err(Trouble::Unknown(node)),
        },
        "array_creation_expression" => match node.child_by_field_name("value") {
            Some(values) => items(source, values),
            None => Err(Trouble::Unknown(node)),
        },
        "dictionary" => Ok(pairs(source, node)?.into_iter().map(|(key, _)| key).collect()),
        "dictionary_comprehension" => Ok(made_map(source, node)?.into_iter().map(|(key, _)| key).collect()),
        "hash" => Ok(entries(pairs(source, node)?)),
        "range" => range(source, node),
        "binary_operator" | "binary" => sum(source, node),
        _ if maker(source, node).is_some() => made(source, node),
        "call"
        | "call_expression"
        | "method_invocation"
        | "new_expression"
        | "object_creation_expression" => match Call::of(source, node) {
            Some(call) => called(source, &call),
            None => Err(Trouble::Unknown(node)),
        },
        _ => Err(Trouble::Unknown(node)),
    }
}

fn items<'t>(source: &Source<'t>, list: Node<'t>) -> Found<'t> {
    let mut found = Vec::new();
    for item in children_of(list) {
        if item.kind().contains("splat") || item.kind() == "spread_element" {
            let inner = item.named_child(0).ok_or(Trouble::Unknown(item))?;
            found.extend(elements(source, inner)?);
        } else {
            found.push(eval(source, item));
        }
    }
    Ok(found)
}

/// The pairs of a dictionary, a hash, an object or a map.
pub(super) fn pairs<'t>(
    source: &Source<'t>,
    node: Node<'t>,
) -> Result<Vec<(Bound<'t>, Bound<'t>)>, Trouble<'t>> {
    let mut found: Vec<(Bound<'t>, Bound<'t>)> = Vec::new();
    for item in children_of(node) {
        if item.kind().contains("splat") || item.kind() == "spread_element" {
            let inner = item.named_child(0).ok_or(Trouble::Unknown(item))?;
            found.extend(map(source, inner)?);
            continue;
        }
        let (key, value) = pair_of(source, item).ok_or(Trouble::Unknown(item))?;
        found.push((key, eval(source, value)));
    }
    Ok(found)
}

/// The pairs of what an expression stands for.
fn map<'t>(source: &Source<'t>, node: Node<'t>) -> Result<Vec<(Bound<'t>, Bound<'t>)>, Trouble<'t>> {
    match eval(source, node) {
        Bound::Map(found) => Ok(found.to_vec()),
        Bound::Node(value) => {
            if let Some(change) = source.turns.change_of(value) {
                return Err(Trouble::Changed(change));
            }
            match value.kind() {
                "dictionary" | "hash" | "object" => pairs(source, value),
                "dictionary_comprehension" => made_map(source, value),
                "composite_literal" => {
                    let body = value.child_by_field_name("body").ok_or(Trouble::Unknown(node))?;
                    pairs(source, body)
                }
                _ => called_map(source, value).ok_or_else(|| {
                    let change = source.constant(node).and_then(|value| source.turns.change_of(value));
                    change.map_or(Trouble::Unknown(node), Trouble::Changed)
                }),
            }
        }
        Bound::List(_) | Bound::Text(..) | Bound::Number(_) | Bound::Unknown(_) => {
            Err(Trouble::Unknown(node))
        }
    }
}

/// `dict(a=1)`, `OrderedDict([("a", 1)])`, `Map.of("a", "b")`, `Map.ofEntries(Map.entry("a", "b"))`, `new Map([["a", "b"]])`.
fn called_map<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Vec<(Bound<'t>, Bound<'t>)>> {
    let call = Call::of(source, node)?;
    if call.spread.is_some() {
        return None;
    }
    let of_lists = |lists: Vec<Bound<'t>>| -> Option<Vec<(Bound<'t>, Bound<'t>)>> {
        let part = |list: &Bound<'t>, at| super::element(source, list, &super::Key::At(at));
        lists.iter().map(|list| Some((part(list, 0)?, part(list, 1)?))).collect()
    };
    match (source.language, call.name(), call.positional.as_slice()) {
        (Language::Python, "dict" | "OrderedDict", []) => {
            // The names of arguments are texts that no node stands for by itself.
            let key = |value: &Node<'t>| value.parent()?.child_by_field_name("name");
            let pair = |(_, value): &(&str, Node<'t>)| {
                let name = key(value)?;
                let mut text = super::Composed::default();
                text.verbatim(source.of(name), name.start_byte());
                Some((Bound::Text(std::rc::Rc::new(text), name), eval(source, *value)))
            };
            call.named.iter().map(pair).collect()
        }
        (Language::Python, "dict" | "OrderedDict", [only]) if call.named.is_empty() => {
            map(source, *only).ok().or_else(|| of_lists(elements(source, *only).ok()?))
        }
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "Map", [only]) => {
            of_lists(elements(source, *only).ok()?)
        }
        (Language::Java, "of", flat) if matches!(call.object(), "Map" | "ImmutableMap") => {
            Some(flat.chunks_exact(2).map(|pair| (eval(source, pair[0]), eval(source, pair[1]))).collect())
        }
        (Language::Java, "ofEntries", entries) => entries
            .iter()
            .map(|entry| {
                let call = Call::of(source, *entry).filter(|call| call.name() == "entry")?;
                let [key, value] = call.positional.as_slice() else { return None };
                Some((eval(source, *key), eval(source, *value)))
            })
            .collect(),
        (Language::Java, "LinkedHashMap" | "TreeMap" | "HashMap" | "copyOf", [only]) => {
            map(source, *only).ok()
        }
        _ => None,
    }
}

fn entries<'t>(pairs: Vec<(Bound<'t>, Bound<'t>)>) -> Vec<Bound<'t>> {
    pairs.into_iter().map(|(key, value)| Bound::List([key, value].into())).collect()
}

/// `1..3` of Ruby
fn range<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    let bound = |name: &str| {
        let node = node.child_by_field_name(name)?;
        number_of(source, &eval(source, node))
    };
    let open = node.child_by_field_name("operator").is_some_and(|operator| source.of(operator) == "...");
    match bound("begin").zip(bound("end")) {
        Some((first, last)) => numbers(first, if open { last } else { last.saturating_add(1) }, 1),
        None => Err(Trouble::Unknown(node)),
    }
}

fn numbers<'t>(first: i64, end: i64, step: i64) -> Found<'t> {
    let mut found = Vec::new();
    let mut at = first;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if found.len() > MOST_TURNS {
            return Err(Trouble::TooMany);
        }
        found.push(Bound::Number(at));
        at = at.saturating_add(step);
    }
    Ok(found)
}

/// `A + B`
fn sum<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    let side = |name: &str| node.child_by_field_name(name).ok_or(Trouble::Unknown(node));
    let operator = node.child_by_field_name("operator").map_or("", |operator| source.of(operator));
    if !matches!(operator, "+" | "|") {
        return Err(Trouble::Unknown(node));
    }
    let mut found = elements(source, side("left")?)?;
    found.extend(elements(source, side("right")?)?);
    Ok(found)
}

/// What makes a list item by item, and the expression of an item.
fn maker<'t>(source: &Source<'t>, node: Node<'t>) -> Option<(Repeat<'t>, Node<'t>)> {
    if let Some(repeat) = comprehension(node) {
        let body = *repeat.bodies.first()?;
        return (node.kind() != "dictionary_comprehension").then_some((repeat, body));
    }
    let name = match node.kind() {
        "call" => node.child_by_field_name("method"),
        "call_expression" => node.child_by_field_name("function")?.child_by_field_name("property"),
        "method_invocation" => node.child_by_field_name("name"),
        _ => None,
    };
    if !matches!(source.of(name?), "map" | "collect") {
        return None;
    }
    let repeat = super::repeat(source, node)?;
    let mut body = *repeat.bodies.first()?;
    // A block or function of nothing but the expression.
    while matches!(
        body.kind(),
        "body_statement" | "block_body" | "statement_block" | "return_statement" | "block"
    ) {
        let children = children_of(body);
        let [only] = children.as_slice() else { return None };
        body = *only;
    }
    Some((repeat, body))
}

/// What a comprehension of a dictionary makes.
fn made_map<'t>(source: &Source<'t>, node: Node<'t>) -> Result<Vec<(Bound<'t>, Bound<'t>)>, Trouble<'t>> {
    let repeat = comprehension(node).ok_or(Trouble::Unknown(node))?;
    let body = *repeat.bodies.first().ok_or(Trouble::Unknown(node))?;
    let part = |name| body.child_by_field_name(name).ok_or(Trouble::Unknown(body));
    let (key, value) = (part("key")?, part("value")?);
    in_each_round(source, node, &repeat, body, || (worth(source, key), worth(source, value)))
}

/// What a comprehension, or `map`, makes.
fn made<'t>(source: &Source<'t>, node: Node<'t>) -> Found<'t> {
    let (repeat, body) = maker(source, node).ok_or(Trouble::Unknown(node))?;
    in_each_round(source, node, &repeat, body, || worth(source, body))
}

/// What `make` says in each round of the loop in `node`, with the names of that round.
fn in_each_round<'t, R>(
    source: &Source<'t>,
    node: Node<'t>,
    repeat: &Repeat<'t>,
    body: Node<'t>,
    make: impl Fn() -> R,
) -> Result<Vec<R>, Trouble<'t>> {
    let mut found = Vec::new();
    for round in repeat.rounds(source)? {
        if round.doubt.is_some() {
            return Err(Trouble::Unknown(node));
        }
        if !source.turns.charge(body.byte_range().len()) {
            return Err(Trouble::TooMany);
        }
        found.push(source.turns.with(repeat.range.clone(), round.names, &make));
    }
    Ok(found)
}

fn called<'t>(source: &Source<'t>, call: &Call<'t>) -> Found<'t> {
    if call.spread.is_some() && !matches!(call.name(), "zip" | "chain") {
        return Err(Trouble::Unknown(call.node));
    }
    match source.language {
        Language::Python => python(source, call),
        Language::Ruby => ruby(source, call),
        Language::JavaScript | Language::TypeScript | Language::Tsx => script(source, call),
        Language::Go => Err(Trouble::Unknown(call.node)),
        Language::Java => java(source, call),
    }
}

fn zipped<'t>(lists: &[Vec<Bound<'t>>]) -> Vec<Bound<'t>> {
    let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
    (0..shortest)
        .map(|at| Bound::List(lists.iter().filter_map(|list| list.get(at).cloned()).collect()))
        .collect()
}

fn product<'t>(lists: &[Vec<Bound<'t>>]) -> Found<'t> {
    let mut rows: Vec<Vec<Bound<'t>>> = vec![Vec::new()];
    for list in lists {
        let mut next = Vec::new();
        for row in &rows {
            for item in list {
                let mut longer = row.clone();
                longer.push(item.clone());
                next.push(longer);
            }
            if next.len() > MOST_TURNS {
                return Err(Trouble::TooMany);
            }
        }
        rows = next;
    }
    Ok(rows.into_iter().map(|row| Bound::List(row.into())).collect())
}

fn numbered(items: Vec<Bound<'_>>, first: i64) -> impl Iterator<Item = (Bound<'_>, Bound<'_>)> {
    (first..).map(Bound::Number).zip(items)
}

/// In the order of their texts; as they are where one of them has none.
fn sorted<'t>(source: &Source<'t>, mut items: Vec<Bound<'t>>) -> Vec<Bound<'t>> {
    let first = |item: &Bound<'t>| {
        text_of(source, item).or_else(|| {
            let key = super::element(source, item, &super::Key::At(0))?;
            text_of(source, &key)
        })
    };
    if items.iter().all(|item| first(item).is_some()) {
        items.sort_by_cached_key(first);
    }
    items
}

/// Each text once, as a set holds it.
fn distinct<'t>(source: &Source<'t>, items: Vec<Bound<'t>>) -> Vec<Bound<'t>> {
    let mut seen = std::collections::HashSet::new();
    items.into_iter().filter(|item| text_of(source, item).is_none_or(|text| seen.insert(text))).collect()
}

fn all_elements<'t>(source: &Source<'t>, nodes: &[Node<'t>]) -> Result<Vec<Vec<Bound<'t>>>, Trouble<'t>> {
    nodes.iter().map(|node| elements(source, *node)).collect()
}

/// The words of a text that is taken apart at blanks, or at a separator.
fn split<'t>(source: &Source<'t>, text: Node<'t>, separator: Option<Node<'t>>) -> Option<Vec<Bound<'t>>> {
    let composed = super::compose(source, text)?.text;
    let whole = composed.constant()?.to_owned();
    let separator = match separator {
        Some(separator) => Some(text_of(source, &eval(source, separator))?).filter(|it| !it.is_empty()),
        None => None,
    };
    let words: Vec<&str> = match &separator {
        Some(separator) if separator != " " || source.language == Language::Python => {
            whole.split(separator.as_str()).collect()
        }
        _ => whole.split_whitespace().collect(),
    };
    let word = |word: &str| {
        let start = word.as_ptr() as usize - whole.as_ptr() as usize;
        let mut part = super::Composed::default();
        part.append(&composed, &(start..start + word.len()));
        Bound::Text(std::rc::Rc::new(part), text)
    };
    Some(words.into_iter().map(word).collect())
}

fn python<'t>(source: &Source<'t>, call: &Call<'t>) -> Found<'t> {
    let unknown = || Trouble::Unknown(call.node);
    let number = |node: &Node<'t>| number_of(source, &eval(source, *node)).ok_or_else(unknown);
    let reversed = call.keyword("reverse").is_some_and(|node| source.of(node) != "False");
    // Methods of a module (`itertools.chain`) read like those of a value.
    let module = matches!(call.object(), "itertools" | "collections" | "builtins" | "types");
    match (call.name(), call.positional.as_slice(), call.receiver.filter(|_| !module)) {
        ("items", [], Some(of)) => Ok(entries(map(source, of)?)),
        ("keys", [], Some(of)) => Ok(map(source, of)?.into_iter().map(|(key, _)| key).collect()),
        ("values", [], Some(of)) => Ok(map(source, of)?.into_iter().map(|(_, value)| value).collect()),
        ("copy", [], Some(of)) => elements(source, of),
        ("split", rest, Some(of)) if rest.len() < 2 && call.named.is_empty() => {
            split(source, of, rest.first().copied()).ok_or_else(unknown)
        }
        ("splitlines", [], Some(of)) => {
            let lines = split(source, of, None).ok_or_else(unknown)?;
            // Only where no line has a blank in it are these its lines.
            let text = super::compose(source, of).map(|it| it.text);
            let plain = text.is_some_and(|text| text.text().lines().all(|line| !line.trim().contains(' ')));
            if plain { Ok(lines) } else { Err(unknown()) }
        }
        ("enumerate", [of, rest @ ..], None) => {
            let first = match rest.first().copied().or(call.keyword("start")) {
                Some(first) => number(&first)?,
                None => 0,
            };
            let pair = |(at, item)| Bound::List([at, item].into());
            Ok(numbered(elements(source, *of)?, first).map(pair).collect())
        }
        ("zip", lists, None) if !lists.is_empty() && call.spread.is_none() => {
            Ok(zipped(&all_elements(source, lists)?))
        }
        ("product", lists, None) if !lists.is_empty() && call.named.is_empty() => {
            product(&all_elements(source, lists)?)
        }
        ("chain", lists, None) if !lists.is_empty() && call.spread.is_none() => {
            Ok(all_elements(source, lists)?.into_iter().flatten().collect())
        }
        ("sorted", [of], None) => {
            let mut found = elements(source, *of)?;
            if call.keyword("key").is_none() {
                found = sorted(source, found);
            }
            if reversed {
                found.reverse();
            }
            Ok(found)
        }
        ("reversed", [of], None) => {
            let mut found = elements(source, *of)?;
            found.reverse();
            Ok(found)
        }
        ("list" | "tuple" | "iter" | "MappingProxyType" | "deque", [of], None) => elements(source, *of),
        ("set" | "frozenset", [of], None) => Ok(distinct(source, elements(source, *of)?)),
        ("range", [end], None) => numbers(0, number(end)?, 1),
        ("range", [first, end], None) => numbers(number(first)?, number(end)?, 1),
        ("range", [first, end, step], None) => numbers(number(first)?, number(end)?, number(step)?),
        ("dict" | "OrderedDict", _, None) => {
            let pairs = called_map(source, call.node).ok_or_else(unknown)?;
            Ok(pairs.into_iter().map(|(key, _)| key).collect())
        }
        _ => Err(unknown()),
    }
}

fn ruby<'t>(source: &Source<'t>, call: &Call<'t>) -> Found<'t> {
    let unknown = || Trouble::Unknown(call.node);
    let Some(of) = call.receiver else { return Err(unknown()) };
    // What has a block of its own may give anything, but for what only goes through it.
    let goes = ["each", "each_pair", "each_with_index", "with_index", "times", "upto", "reverse_each"];
    if call.block.is_some() && !goes.contains(&call.name()) {
        return Err(unknown());
    }
    match (call.name(), call.positional.as_slice()) {
        ("keys", []) => Ok(map(source, of)?.into_iter().map(|(key, _)| key).collect()),
        ("values", []) => Ok(map(source, of)?.into_iter().map(|(_, value)| value).collect()),
        ("each_with_index" | "with_index", rest) if rest.len() < 2 => {
            let first = rest.first().map_or(Some(0), |node| number_of(source, &eval(source, *node)));
            let pair = |(at, item)| Bound::List([item, at].into());
            Ok(numbered(elements(source, of)?, first.ok_or_else(unknown)?).map(pair).collect())
        }
        ("sort", []) => Ok(sorted(source, elements(source, of)?)),
        ("uniq" | "to_set", []) => Ok(distinct(source, elements(source, of)?)),
        ("reverse" | "reverse_each", []) => {
            let mut found = elements(source, of)?;
            found.reverse();
            Ok(found)
        }
        ("zip", lists) if !lists.is_empty() => {
            let mut all = vec![elements(source, of)?];
            all.extend(all_elements(source, lists)?);
            Ok(zipped(&all))
        }
        ("product", lists) if !lists.is_empty() => {
            let mut all = vec![elements(source, of)?];
            all.extend(all_elements(source, lists)?);
            product(&all)
        }
        ("split", rest) if rest.len() < 2 => split(source, of, rest.first().copied()).ok_or_else(unknown),
        ("times", []) => numbers(0, number_of(source, &eval(source, of)).ok_or_else(unknown)?, 1),
        ("upto", [end]) => {
            let number = |node| number_of(source, &eval(source, node)).ok_or_else(unknown);
            numbers(number(of)?, number(*end)?.saturating_add(1), 1)
        }
        // `%w[a b].map(&:to_sym)`: the block is an argument of its own, and the texts stay the same.
        ("map" | "collect", []) => {
            let arguments = call.node.child_by_field_name("arguments").map_or("", |it| source.of(it));
            let same = matches!(arguments, "(&:to_s)" | "(&:to_sym)" | "(&:freeze)");
            if same { elements(source, of) } else { Err(unknown()) }
        }
        ("each" | "each_pair" | "to_a" | "entries" | "to_h" | "dup" | "each_entry" | "lazy", []) => {
            elements(source, of)
        }
        _ => Err(unknown()),
    }
}

fn script<'t>(source: &Source<'t>, call: &Call<'t>) -> Found<'t> {
    let unknown = || Trouble::Unknown(call.node);
    match (call.object(), call.name(), call.positional.as_slice(), call.receiver) {
        ("Object", "entries", [of], _) => Ok(entries(map(source, *of)?)),
        ("Object", "keys", [of], _) => Ok(map(source, *of)?.into_iter().map(|(key, _)| key).collect()),
        ("Object", "values", [of], _) => Ok(map(source, *of)?.into_iter().map(|(_, value)| value).collect()),
        ("Object", "freeze", [of], _) | ("Array", "from", [of], _) => elements(source, *of),
        ("Array", "of", items, _) => Ok(items.iter().map(|item| eval(source, *item)).collect()),
        (_, "Set", [of], None) => Ok(distinct(source, elements(source, *of)?)),
        (_, "Map", [_], None) => Ok(entries(called_map(source, call.node).ok_or_else(unknown)?)),
        (_, "entries", [], Some(of)) => {
            if let Ok(pairs) = map(source, of) {
                return Ok(entries(pairs));
            }
            let pair = |(at, item)| Bound::List([at, item].into());
            Ok(numbered(elements(source, of)?, 0).map(pair).collect())
        }
        (_, "values" | "slice", [], Some(of)) => elements(source, of),
        (_, "reverse" | "toReversed", [], Some(of)) => {
            let mut found = elements(source, of)?;
            found.reverse();
            Ok(found)
        }
        (_, "sort" | "toSorted", [], Some(of)) => Ok(sorted(source, elements(source, of)?)),
        (_, "concat", lists, Some(of)) => {
            let mut found = elements(source, of)?;
            for list in lists {
                found.extend(elements(source, *list)?);
            }
            Ok(found)
        }
        (_, "split", [separator], Some(of)) => split(source, of, Some(*separator)).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn java<'t>(source: &Source<'t>, call: &Call<'t>) -> Found<'t> {
    let unknown = || Trouble::Unknown(call.node);
    let lists = ["List", "Set", "ImmutableList", "ImmutableSet", "Stream", "Arrays", "Lists", "Sets"];
    match (call.name(), call.positional.as_slice(), call.receiver) {
        ("of" | "asList" | "newArrayList" | "newHashSet", arguments, _) if lists.contains(&call.object()) => {
            match arguments {
                // An array in the place of its items.
                [only] if !is_literal(*only) && elements(source, *only).is_ok() => elements(source, *only),
                items => Ok(items.iter().map(|item| eval(source, *item)).collect()),
            }
        }
        ("entrySet", [], Some(of)) => Ok(entries(map(source, of)?)),
        ("keySet", [], Some(of)) => Ok(map(source, of)?.into_iter().map(|(key, _)| key).collect()),
        ("values", [], Some(of)) => Ok(map(source, of)?.into_iter().map(|(_, value)| value).collect()),
        ("stream", [of], Some(_)) if call.object() == "Arrays" => elements(source, *of),
        ("stream" | "toList" | "iterator" | "sorted" | "sequential", [], Some(of)) => elements(source, of),
        ("unmodifiableList" | "unmodifiableSet" | "copyOf", [of], _)
        | ("ArrayList" | "LinkedList" | "LinkedHashSet" | "HashSet" | "TreeSet", [of], None) => {
            elements(source, *of)
        }
        ("split", [separator], Some(of)) => split(source, of, Some(*separator)).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}
