//! Loops as they are gone through: turn by turn, with the branches that a turn takes.
//!
//! A loop that cannot be followed is gone through once, with names that stand for nothing known, and that is said where it
//! does something with indexes.

use std::collections::HashSet;

use tree_sitter::Node;

use super::call::Call;
use super::change::is_change;
use super::fact::{ProblemKind, Turn};
use super::tree::children_of;
use super::turn::{
    Bound, FrameKind, Leaving, MOST_TURNS, Round, Trouble, bind, choice, decide, eval, hangs_on_database,
    is_function, leaving, may_not_run, repeat, worth,
};
use super::usage::Role;
use super::walk::{Setting, Sureness, Task, Walk};

/// What a turn costs beside its body.
const TURN: usize = 64;

/// The loops around the place that a walk is at.
#[derive(Default)]
pub(super) struct Loops<'t> {
    open: Vec<Open<'t>>,
    /// Turns that were begun, in all loops.
    count: u32,
    /// Things found that say something of an index.
    said: usize,
    /// Those of them that are not wholly known.
    vague: usize,
    /// Turns of loops that made something.
    turns: usize,
    /// Loops that have too many turns.
    refused: HashSet<usize>,
}

/// One loop that is gone through.
struct Open<'t> {
    node: Node<'t>,
    place: Setting<'t>,
    /// Length of the list of tasks before it.
    tasks: usize,
    turns: usize,
    before: Before,
    trouble: Option<Trouble<'t>>,
    /// Items that are not known.
    items: Vec<Node<'t>>,
    /// Conditions on which a turn hangs.
    doubts: Vec<Node<'t>>,
}

/// How much was found before a loop.
#[derive(Clone, Copy)]
struct Before {
    fragments: usize,
    declared: usize,
    tables: usize,
    models: usize,
    made: usize,
    changes: usize,
    said: usize,
    vague: usize,
    turns: usize,
}

impl Loops<'_> {
    /// The turn that the walk is in.
    pub(super) fn turn(&self) -> Option<Turn> {
        self.open.first().map(|outermost| Turn { start: outermost.node.start_byte(), count: self.count })
    }

    /// Notes that something was found: whether it says something of an index, and whether that is not wholly known.
    pub(super) fn note(&mut self, says: bool, vague: bool) {
        self.said += usize::from(says);
        self.vague += usize::from(vague);
    }
}

impl<'t> Walk<'_, 't> {
    /// Does the next thing.
    pub(super) fn task(&mut self, task: Task<'t>) {
        match task {
            Task::Visit(node, place) => {
                self.source.turns.enter(place.frame);
                self.visit(node, place);
            }
            Task::Repeat(node, place) => {
                self.source.turns.enter(place.frame);
                self.go_through(node, place);
            }
            Task::TurnEnd => self.loops.count += 1,
            Task::LoopEnd => self.loop_end(),
            Task::BranchEnd(condition, said) => {
                if self.loops.said > said {
                    self.source.problem(condition.byte_range(), ProblemKind::UnknownChoice);
                }
            }
        }
    }

    /// Loops, and within them what goes one way or another. False for all else.
    pub(super) fn turning(&mut self, node: Node<'t>, place: Setting<'t>) -> bool {
        if let Some(repeat) = repeat(self.source, node) {
            let role = if matches!(place.role, Role::Executed(_)) { place.role } else { Role::Other };
            let place = Setting { role, ..place };
            self.stack.push(Task::Repeat(node, place));
            self.push(repeat.beside().into_iter(), Setting { role: Role::Other, ..place });
            return true;
        }
        if self.loops.open.is_empty() {
            return self.by_database(node, place);
        }
        if let Some(leaving) = leaving(node) {
            return self.leave(node, leaving, place);
        }
        if let Some(found) = choice(node) {
            self.choose(found, place);
            return true;
        }
        if may_not_run(node) {
            let place = self.branch(node, place);
            let role = if is_function(node) { Role::Other } else { place.role };
            self.push_children(node, Setting { role, ..place });
            return true;
        }
        false
    }

    /// A place that not every turn comes to.
    fn branch(&self, body: Node<'t>, place: Setting<'t>) -> Setting<'t> {
        let frame = self.source.turns.open(body.byte_range(), Vec::new(), FrameKind::Branch);
        Setting { frame: Some(frame), sure: Sureness::Unsure, ..place }
    }

    fn go_through(&mut self, node: Node<'t>, place: Setting<'t>) {
        let Some(repeat) = repeat(self.source, node) else { return };
        let rounds = if self.loops.refused.contains(&node.id()) {
            Err(Trouble::TooMany)
        } else {
            repeat.rounds(self.source).and_then(|rounds| {
                let bytes: usize = repeat.bodies.iter().map(|body| body.byte_range().len()).sum();
                let paid = self.source.turns.charge((bytes + TURN).saturating_mul(rounds.len()));
                if paid { Ok(rounds) } else { Err(Trouble::TooMany) }
            })
        };
        let (rounds, trouble) = match rounds {
            Ok(rounds) => (rounds, None),
            Err(trouble) => (vec![Round { names: repeat.unknown(self.source), doubt: None }], Some(trouble)),
        };
        if self.loops.open.is_empty() {
            self.loops.count += 1;
        }
        let mut open = Open {
            node,
            place,
            tasks: self.stack.len(),
            turns: rounds.len(),
            before: self.before(),
            trouble,
            items: Vec::new(),
            doubts: Vec::new(),
        };
        self.stack.push(Task::LoopEnd);
        let sure = if open.trouble.is_none() { Sureness::Sure } else { Sureness::Unsure };
        for round in rounds.into_iter().rev() {
            open.doubts.extend(round.doubt);
            if open.trouble.is_none() {
                open.items.extend(round.names.iter().filter_map(|(_, value)| unknown_item(value)));
            }
            let frame = self.source.turns.open(repeat.range.clone(), round.names, FrameKind::Turn);
            self.stack.push(Task::TurnEnd);
            let inner = Setting { frame: Some(frame), sure, ..place };
            self.push(repeat.bodies.iter().copied(), inner);
        }
        self.loops.open.push(open);
    }

    fn before(&self) -> Before {
        Before {
            fragments: self.found.fragments.len(),
            declared: self.found.declared.len(),
            tables: self.found.tables.len(),
            models: self.found.models.len(),
            made: self.found.made.len(),
            changes: self.found.changes.len(),
            said: self.loops.said,
            vague: self.loops.vague,
            turns: self.loops.turns,
        }
    }

    fn loop_end(&mut self) {
        let Some(open) = self.loops.open.pop() else { return };
        self.loops.count += 1;
        let (now, before) = (self.before(), open.before);
        let made = now.fragments > before.fragments
            || now.declared > before.declared
            || now.tables > before.tables
            || now.made > before.made;
        if made && open.trouble.is_none() {
            self.loops.turns += open.turns;
            if self.loops.turns > MOST_TURNS {
                return self.refuse(open);
            }
        }
        let source = self.source;
        if now.vague > before.vague {
            let over = repeat(source, open.node).and_then(|repeat| repeat.over()).unwrap_or(open.node);
            match open.trouble {
                Some(Trouble::Unknown(part)) => source.problem(part.byte_range(), ProblemKind::UnknownTurns),
                Some(Trouble::Changed(by)) => source.problem(by, ProblemKind::ChangedTurns),
                Some(Trouble::TooMany) => source.problem(over.byte_range(), ProblemKind::TooManyTurns),
                None => {}
            }
            for item in open.items {
                source.problem(item.byte_range(), ProblemKind::UnknownItem);
            }
        }
        if now.said > before.said {
            for doubt in open.doubts {
                source.problem(doubt.byte_range(), ProblemKind::UnknownChoice);
            }
        }
    }

    /// Takes back what the outermost loop that is followed made, and goes through it once.
    fn refuse(&mut self, last: Open<'t>) {
        let followed = self.loops.open.iter().position(|open| open.trouble.is_none());
        let outermost = match followed {
            Some(at) => self.loops.open.drain(at..).next().unwrap_or(last),
            None => last,
        };
        let before = outermost.before;
        self.stack.truncate(outermost.tasks);
        self.found.fragments.truncate(before.fragments);
        self.found.declared.truncate(before.declared);
        self.found.tables.truncate(before.tables);
        self.found.models.truncate(before.models);
        self.found.made.truncate(before.made);
        self.found.changes.truncate(before.changes);
        self.loops.said = before.said;
        self.loops.vague = before.vague;
        self.loops.turns = before.turns;
        self.loops.refused.insert(outermost.node.id());
        self.stack.push(Task::Repeat(outermost.node, outermost.place));
    }

    /// `continue`, `break`, `return`. False when what is in it is to be looked at first.
    fn leave(&mut self, node: Node<'t>, leaving: Leaving, place: Setting<'t>) -> bool {
        let inside = !children_of(node).is_empty();
        let Some(open) = self.loops.open.last_mut() else { return false };
        let callback = is_function(open.node) || open.node.kind().contains("call") || is_method(open.node);
        let leaving = if leaving == Leaving::Function && callback { Leaving::Turn } else { leaving };
        if open.trouble.is_some() || leaving == Leaving::Function || inside {
            return false;
        }
        if place.sure == Sureness::Unsure {
            return false;
        }
        // What follows of the turn, or of the loop, is not done.
        while let Some(task) = self.stack.last() {
            match task {
                Task::LoopEnd => break,
                Task::TurnEnd if leaving == Leaving::Turn => break,
                Task::Visit(..) | Task::Repeat(..) | Task::BranchEnd(..) | Task::TurnEnd => {
                    self.stack.pop();
                }
            }
        }
        true
    }

    /// A choice by which database the program talks to: what it does for others is none of ours. False for all else.
    fn by_database(&mut self, node: Node<'t>, place: Setting<'t>) -> bool {
        let Some(found) = choice(node) else { return false };
        let arms = found.arms.into_iter().map(|arm| {
            let condition = arm.condition;
            let holds = condition.and_then(|it| hangs_on_database(self.source, it));
            (arm.body, condition, holds.map(|is| is != arm.negated))
        });
        let arms: Vec<_> = arms.collect();
        if arms.iter().all(|(_, _, holds)| holds.is_none()) {
            return false;
        }
        let mut inside = found.before;
        for (body, condition, holds) in arms {
            inside.extend(condition);
            if holds != Some(false) {
                inside.extend(body);
            }
            if holds == Some(true) {
                if body.is_some_and(ends_the_function) {
                    self.forget_behind(node);
                }
                break;
            }
        }
        self.push(inside.into_iter(), Setting { role: Role::Other, ..place });
        true
    }

    /// What stands behind a node in its block is not come to.
    fn forget_behind(&mut self, node: Node<'t>) {
        while let Some(Task::Visit(next, _)) = self.stack.last()
            && next.start_byte() >= node.end_byte()
            && next.parent() == node.parent()
        {
            self.stack.pop();
        }
    }

    /// A choice, as far as the turn decides it.
    fn choose(&mut self, found: super::turn::Choice<'t>, place: Setting<'t>) {
        let other = Setting { role: Role::Other, ..place };
        let mut tasks: Vec<Task<'t>> =
            found.before.into_iter().map(|node| Task::Visit(node, other)).collect();
        let mut doubt = None;
        for arm in found.arms {
            let decided = match arm.condition {
                Some(condition) => {
                    tasks.push(Task::Visit(condition, other));
                    decide(self.source, condition).map(|is| is != arm.negated)
                }
                None => Some(true),
            };
            if decided == Some(false) {
                continue;
            }
            if decided.is_none() {
                doubt = arm.condition.or(doubt);
            }
            if let Some(body) = arm.body {
                match doubt {
                    Some(condition) => {
                        let inner = self.branch(body, other);
                        tasks.push(Task::Visit(body, inner));
                        if self.source.is_of_turn(condition) {
                            tasks.push(Task::BranchEnd(condition, self.loops.said));
                            self.doubt_leaving(body, condition);
                        }
                    }
                    None => tasks.push(Task::Visit(body, other)),
                }
            }
            if decided == Some(true) {
                break;
            }
        }
        self.stack.extend(tasks.into_iter().rev());
    }

    /// Notes a condition on which it hangs whether a turn goes on.
    fn doubt_leaving(&mut self, body: Node<'t>, condition: Node<'t>) {
        let mut work = vec![body];
        while let Some(node) = work.pop() {
            if leaving(node).is_some() {
                if let Some(open) = self.loops.open.last_mut() {
                    open.doubts.push(condition);
                }
                return;
            }
            if matches!(node.kind(), "block" | "statement_block" | "then" | "body_statement" | "else") {
                work.extend(children_of(node));
            }
        }
    }

    /// What is given a value in a turn has it for the rest of it.
    pub(super) fn given(&mut self, node: Node<'t>, place: Setting<'t>) {
        if place.frame.is_none() {
            return;
        }
        let source = self.source;
        let field = |name: &str| node.child_by_field_name(name);
        let left = field("left").or_else(|| field("name"));
        let right = field("right").or_else(|| field("value"));
        let (Some(left), Some(right)) = (left, right) else { return };
        let operator = field("operator").map_or("", |operator| source.of(operator));
        let (left, right) = (only(left), only(right));
        if !matches!(left.kind(), "identifier" | "constant") && !is_pattern(left) {
            // A part of something is given a value.
            return self.lost_part(left);
        }
        let value = match operator {
            "" | "=" | ":=" => worth(source, right),
            "+=" => added(source, left, right),
            _ => Bound::Unknown(node),
        };
        let mut names = Vec::new();
        if left.kind() == "constant" {
            return;
        }
        bind(source, left, &value, node, &mut names);
        for (name, value) in names {
            source.turns.give(name, &value, node);
        }
    }

    /// What a method changes in its place is not known from there on.
    pub(super) fn changed(&mut self, call: &Call<'t>) {
        if self.source.turns.now().is_none() {
            return;
        }
        if let Some(receiver) = call.receiver.filter(|_| is_change(call.name())) {
            self.lost_part(receiver);
        }
    }

    fn lost_part(&mut self, part: Node<'t>) {
        let mut at = part;
        while let Some(inner) = ["object", "value", "operand", "array"]
            .iter()
            .find_map(|field| at.child_by_field_name(field))
            .or_else(|| at.named_child(0).filter(|_| at.kind() == "element_reference"))
        {
            at = inner;
        }
        if at.kind() == "identifier" && self.source.bound(at).is_some() {
            self.source.turns.give(self.source.of(at), &Bound::Unknown(part), part);
        }
    }

    /// Marks the statement that a name of a turn stands for as run here. False when no turn gives it a value.
    pub(super) fn runs_bound(&mut self, node: Node<'t>, place: Setting<'t>) -> bool {
        match self.source.bound(node) {
            Some(Bound::Node(value) | Bound::Text(_, value)) => {
                self.run.entry(value.byte_range()).or_insert(place);
                node.kind() != "call" && node.kind() != "method_invocation"
            }
            Some(Bound::Number(_) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_)) | None => false,
        }
    }
}

fn ends_the_function(body: Node<'_>) -> bool {
    children_of(body).last().and_then(|last| leaving(*last)) == Some(Leaving::Function)
}

fn is_pattern(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "array_pattern"
            | "object_pattern"
            | "left_assignment_list"
    )
}

fn is_method(node: Node<'_>) -> bool {
    node.kind() == "method_invocation"
}

/// What is in a list of one, as Go writes both sides of an assignment.
fn only(node: Node<'_>) -> Node<'_> {
    match children_of(node).as_slice() {
        [only] if node.kind() == "expression_list" => *only,
        _ => node,
    }
}

/// A text with what is added to it.
fn added<'t>(source: &super::tree::Source<'t>, left: Node<'t>, right: Node<'t>) -> Bound<'t> {
    let both = (eval(source, left), worth(source, right));
    let text = |bound: &Bound<'t>| match bound {
        Bound::Text(text, node) => Some(((**text).clone(), *node)),
        Bound::Node(node) => super::compose::compose(source, *node).map(|it| (it.text, *node)),
        Bound::Number(_) | Bound::List(_) | Bound::Map(_) | Bound::Unknown(_) => None,
    };
    match (text(&both.0), text(&both.1)) {
        (Some((mut one, node)), Some((other, _))) => {
            let length = other.text().len();
            one.append(&other, &(0..length));
            Bound::Text(std::rc::Rc::new(one), node)
        }
        _ => Bound::Unknown(right),
    }
}

/// The expression of an item that is neither a text nor something written out.
fn unknown_item<'t>(value: &Bound<'t>) -> Option<Node<'t>> {
    match value {
        Bound::Unknown(node) => Some(*node),
        Bound::Node(node) if matches!(node.kind(), "identifier" | "call" | "call_expression" | "await") => {
            Some(*node)
        }
        Bound::Node(_) | Bound::Text(..) | Bound::Number(_) | Bound::List(_) | Bound::Map(_) => None,
    }
}
