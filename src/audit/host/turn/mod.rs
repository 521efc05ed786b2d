//! What names stand for in each turn of a loop.
//!
//! A loop over a list that the file says is gone through turn by turn, as the program would: [`Repeat`] says what a loop goes
//! over, [`elements`] what is in that, and a [`Frame`] binds the loop's names to it. Whoever asks for the
//! value of a name asks the frames first. All work is charged to budgets, so that no loop makes a file too much to read.

mod choice;
mod condition;
mod database;
mod member;
mod pattern;
mod repeat;
mod sequence;
mod word;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use tree_sitter::Node;

use super::compose::{compose, is_stringy};
use super::composed::Composed;
use super::tree::{Source, children_of};

pub(super) use choice::{Choice, Leaving, choice, is_function, leaving, may_not_run};
pub(super) use condition::{chosen, decide, hangs_on_database};
pub(super) use member::{Key, element, is_member};
pub(super) use pattern::bind;
pub(super) use repeat::{Repeat, Round, repeat};
pub(super) use sequence::{countable, elements};
pub(super) use word::word;

/// Most turns of one loop, and of all loops of a file that make something.
pub(super) const MOST_TURNS: usize = 1_000;
/// Bytes of the bodies of loops that are gone through, in all turns of a file.
const MOST_WORK: usize = 8 * 1024 * 1024;
/// Most values that lead to each other.
const DEEPEST: usize = 12;
/// Most frames around each other that are asked for a name.
const DEEPEST_FRAME: usize = 64;

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Bound<'t> {
    /// An expression of the file.
    Node(Node<'t>),
    /// A text that was put together for this turn, and the expression that it is the value of.
    Text(Rc<Composed>, Node<'t>),
    /// A number that is written nowhere: a position.
    Number(i64),
    /// Values that are not written side by side: a key with its value, an item with its position.
    List(Rc<[Self]>),
    /// Values by their keys, put together for this turn.
    Map(Rc<[(Self, Self)]>),
    /// Only running the program would tell. The expression that says so.
    Unknown(Node<'t>),
}

/// What a loop cannot be followed for.
#[derive(Debug, Clone)]
pub(super) enum Trouble<'t> {
    /// Only running the program would tell what this part is.
    Unknown(Node<'t>),
    /// What it goes over is changed elsewhere: by this.
    Changed(Range<usize>),
    /// It has more turns than are followed.
    TooMany,
}

/// Which names stand for what, at which places.
struct Frame<'t> {
    range: Range<usize>,
    names: HashMap<&'t str, Bound<'t>>,
    kind: FrameKind,
    above: Option<FrameId>,
}

/// Whether what a frame is for surely runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// A turn: what it gives a value has it afterwards.
    Turn,
    /// A branch that is gone or not: what it gives a value may have it afterwards.
    Branch,
}

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameId(usize);

/// The frames of a file, and what they may still cost.
pub(super) struct Turns<'t> {
    frames: RefCell<Vec<Frame<'t>>>,
    now: Cell<Option<FrameId>>,
    work: Cell<usize>,
    depth: Cell<usize>,
    /// Lists and such that something changes where they were written already: by their node, the change.
    changed: HashMap<usize, Range<usize>>,
}

impl Default for Turns<'_> {
    fn default() -> Self {
        Self {
            frames: RefCell::default(),
            now: Cell::new(None),
            work: Cell::new(MOST_WORK),
            depth: Cell::new(0),
            changed: HashMap::new(),
        }
    }
}

impl<'t> Turns<'t> {
    /// Notes that a list is changed at a place.
    pub(super) fn note_change(&mut self, list: Node<'t>, by: Range<usize>) {
        self.changed.entry(list.id()).or_insert(by);
    }

    /// What changes a list.
    pub(super) fn change_of(&self, list: Node<'t>) -> Option<Range<usize>> {
        self.changed.get(&list.id()).cloned()
    }

    /// The frame that names are looked up in from here on.
    pub(super) fn enter(&self, frame: Option<FrameId>) {
        self.now.set(frame);
    }

    /// The frame that names are looked up in.
    pub(super) fn now(&self) -> Option<FrameId> {
        self.now.get()
    }

    /// A new frame inside of the present one.
    pub(super) fn open(
        &self,
        range: Range<usize>,
        names: Vec<(&'t str, Bound<'t>)>,
        kind: FrameKind,
    ) -> FrameId {
        let mut frames = self.frames.borrow_mut();
        // The last value of a name is the one that it has.
        let names = names.into_iter().collect();
        frames.push(Frame { range, names, kind, above: self.now.get() });
        FrameId(frames.len() - 1)
    }

    /// Asks something with these names, which are forgotten again.
    fn with<R>(&self, range: Range<usize>, names: Vec<(&'t str, Bound<'t>)>, ask: impl FnOnce() -> R) -> R {
        let before = self.now.get();
        let frame = self.open(range, names, FrameKind::Turn);
        self.now.set(Some(frame));
        let answer = ask();
        self.now.set(before);
        self.frames.borrow_mut().truncate(frame.0);
        answer
    }

    /// Asks something that may ask itself again, to a depth.
    fn deeper<R>(&self, ask: impl FnOnce() -> Option<R>) -> Option<R> {
        let depth = self.depth.get();
        if depth >= DEEPEST || !self.charge(1) {
            return None;
        }
        self.depth.set(depth + 1);
        let answer = ask();
        self.depth.set(depth);
        answer
    }

    /// Takes from what all turns of the file may cost; false when nothing is left.
    pub(super) fn charge(&self, bytes: usize) -> bool {
        match self.work.get().checked_sub(bytes) {
            Some(left) => {
                self.work.set(left);
                true
            }
            None => false,
        }
    }

    /// What a name stands for at a place, where a turn says it.
    fn look_up(&self, name: &str, at: usize) -> Option<Bound<'t>> {
        let frames = self.frames.borrow();
        let mut next = self.now.get();
        for _ in 0..DEEPEST_FRAME {
            let frame = frames.get(next?.0)?;
            if frame.range.contains(&at)
                && let Some(bound) = frame.names.get(name)
            {
                return Some(bound.clone());
            }
            next = frame.above;
        }
        None
    }

    /// Whether a value is given to its name further down in the turn that a mention of it stands in: there it still has the
    /// one of the turn before.
    pub(super) fn is_of_last_turn(&self, value: Range<usize>, mention: usize) -> bool {
        let frames = self.frames.borrow();
        let mut next = self.now.get().filter(|_| mention < value.start);
        for _ in 0..DEEPEST_FRAME {
            let Some(frame) = next.and_then(|next| frames.get(next.0)) else { return false };
            if frame.kind == FrameKind::Turn
                && frame.range.contains(&mention)
                && frame.range.contains(&value.start)
            {
                return true;
            }
            next = frame.above;
        }
        false
    }

    /// Gives a name a value from here on: in this turn, and in those around it as far as it surely runs.
    pub(super) fn give(&self, name: &'t str, value: &Bound<'t>, by: Node<'t>) {
        let mut frames = self.frames.borrow_mut();
        let mut next = self.now.get();
        let mut value = value.clone();
        for _ in 0..DEEPEST_FRAME {
            let Some(frame) = next.and_then(|next| frames.get_mut(next.0)) else { return };
            frame.names.insert(name, value.clone());
            if frame.kind == FrameKind::Branch {
                value = Bound::Unknown(by);
            }
            next = frame.above;
        }
    }
}

impl<'t> Source<'t> {
    /// What the turn says that a name, or a part of what it stands for, is.
    pub(super) fn bound(&self, node: Node<'t>) -> Option<Bound<'t>> {
        match node.kind() {
            "identifier" | "constant" => self.turns.look_up(self.of(node), node.start_byte()),
            _ if is_member(self, node) => member::value(self, node),
            _ => None,
        }
    }

    /// Whether an expression mentions a name that a turn gives a value.
    pub(super) fn is_of_turn(&self, node: Node<'t>) -> bool {
        if self.turns.now().is_none() {
            return false;
        }
        let mut work = vec![node];
        while let Some(node) = work.pop() {
            if matches!(node.kind(), "identifier" | "constant" | "shorthand_property_identifier") {
                if self.turns.look_up(self.of(node), node.start_byte()).is_some() {
                    return true;
                }
            } else {
                work.extend(children_of(node));
            }
        }
        false
    }
}

/// What an expression stands for: through names, constants of the file, members of what is written out, parentheses.
pub(super) fn eval<'t>(source: &Source<'t>, node: Node<'t>) -> Bound<'t> {
    source.turns.deeper(|| Some(followed(source, node))).unwrap_or(Bound::Node(node))
}

fn followed<'t>(source: &Source<'t>, node: Node<'t>) -> Bound<'t> {
    let mut at = node;
    for _ in 0..DEEPEST {
        let next = match at.kind() {
            "identifier" | "constant" => {
                if let Some(bound) = source.bound(at) {
                    return bound;
                }
                // What is changed after it was written out is no constant.
                source.constant(at).filter(|value| source.turns.change_of(*value).is_none())
            }
            "conditional_expression" | "ternary_expression" | "conditional" => condition::chosen(source, at),
            _ => peeled(source, at),
        };
        match next {
            Some(next) => at = next,
            None => return member::value(source, at).unwrap_or(Bound::Node(at)),
        }
    }
    Bound::Node(at)
}

/// What is in parentheses, frozen, or said to have a type.
fn peeled<'t>(source: &Source<'t>, node: Node<'t>) -> Option<Node<'t>> {
    match node.kind() {
        // Ruby's constants are frozen where they are written.
        "call" if node.child_by_field_name("method").is_some_and(|name| source.of(name) == "freeze") => {
            node.child_by_field_name("receiver")
        }
        "parenthesized_expression" | "parenthesized_statements" => match children_of(node).as_slice() {
            [inner] => Some(*inner),
            _ => None,
        },
        "as_expression" | "satisfies_expression" | "non_null_expression" | "literal_element" => {
            node.named_child(0)
        }
        // `&Index{...}` of Go
        "unary_expression" if source.of(node).starts_with('&') => node.child_by_field_name("operand"),
        _ => None,
    }
}

/// What an expression is worth in this turn, for a name that keeps it beyond: a text is put together now.
pub(super) fn worth<'t>(source: &Source<'t>, node: Node<'t>) -> Bound<'t> {
    source.turns.deeper(|| Some(kept(source, node))).unwrap_or(Bound::Unknown(node))
}

fn kept<'t>(source: &Source<'t>, node: Node<'t>) -> Bound<'t> {
    if !source.is_of_turn(node) {
        return eval(source, node);
    }
    if is_stringy(source, node) {
        return match compose(source, node) {
            Some(composition) => Bound::Text(Rc::new(composition.text), node),
            None => Bound::Unknown(node),
        };
    }
    match node.kind() {
        "list" | "tuple" | "array" | "expression_list" => {
            Bound::List(children_of(node).into_iter().map(|item| worth(source, item)).collect())
        }
        "dictionary" | "hash" | "object" => {
            let pairs = children_of(node).into_iter().map(|item| member::pair_of(source, item));
            match pairs.collect::<Option<Vec<_>>>() {
                Some(pairs) => {
                    Bound::Map(pairs.into_iter().map(|(key, value)| (key, worth(source, value))).collect())
                }
                None => Bound::Unknown(node),
            }
        }
        _ => match eval(source, node) {
            // What is left of it may read otherwise once its names have other values.
            Bound::Node(rest) if source.is_of_turn(rest) => Bound::Unknown(rest),
            bound @ (Bound::Node(_)
            | Bound::Text(..)
            | Bound::Number(_)
            | Bound::List(_)
            | Bound::Map(_)
            | Bound::Unknown(_)) => bound,
        },
    }
}
