//! One walk over a tree: strings that are SQL, and calls that a framework knows. It goes by a list of its own, so that no
//! nesting is too deep.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use tree_sitter::Node;

use super::call::{Call, pair};
use super::compose::{Composition, compose, compose_all, is_stringy};
use super::composed::Composed;
use super::declared::DeclaredIndex;
use super::fact::{Direction, Extract, Fragment, Marker, Model, Transaction, Use};
use super::gate::{Trust, is_sql};
use super::language::Language;
use super::shape::summands;
use super::table::DeclaredTable;
use super::tree::{Source, children_of};
use super::turn::FrameId;
use super::unroll::Loops;
use super::usage::{Role, role_of_call, role_of_key};
use super::value::resolved;
use super::{alembic, django, list, made, marker, rails, script};

/// What gives a value to a name.
const ASSIGNS: [&str; 12] = [
    "assignment",
    "augmented_assignment",
    "variable_declarator",
    "operator_assignment",
    "const_spec",
    "var_spec",
    "short_var_declaration",
    "assignment_statement",
    "assignment_expression",
    "augmented_assignment_expression",
    "field_definition",
    "public_field_definition",
];
/// What hands its strings on to what is around it.
const PASSES_ON: [&str; 20] = [
    "return_statement",
    "return",
    "list",
    "array",
    "tuple",
    "conditional_expression",
    "expression_list",
    "argument_list",
    "arguments",
    "set",
    "ternary_expression",
    "conditional",
    "literal_value",
    "literal_element",
    "await",
    "await_expression",
    "array_initializer",
    "element_value_array_initializer",
    "parenthesized_expression",
    "spread_element",
];
/// What compares its strings, or tells them.
const UNRUN: [&str; 8] = [
    "comparison_operator",
    "regex",
    "import_statement",
    "import_declaration",
    "import_from_statement",
    "raise_statement",
    "throw_statement",
    "assert_statement",
];

/// What the walk knows about the place that it is at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'t> {
    /// What becomes of a string here.
    pub(super) role: Role<'t>,
    /// Forward or back.
    pub(super) direction: Direction,
    /// Inside of a transaction of the framework or not.
    pub(super) transaction: Transaction,
    /// What surrounds it in the framework's words.
    pub(super) around: Around<'t>,
    /// What the names of the loops around it stand for.
    pub(super) frame: Option<FrameId>,
    /// Whether each turn of the innermost loop comes here.
    pub(super) sure: Sureness,
}

/// Whether each turn of a loop comes to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sureness {
    /// It does.
    Sure,
    /// That hangs on what only running the program would tell.
    Unsure,
}

/// What is still to be done.
#[derive(Clone, Copy)]
pub(super) enum Task<'t> {
    /// Look at a node.
    Visit(Node<'t>, Setting<'t>),
    /// Go through a loop.
    Repeat(Node<'t>, Setting<'t>),
    /// A turn of the innermost loop is over.
    TurnEnd,
    /// All turns of the innermost loop are.
    LoopEnd,
    /// A branch that hangs on this condition is over; so much was found before it.
    BranchEnd(Node<'t>, usize),
}

/// What surrounds a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around<'t> {
    /// Nothing of note.
    Nothing,
    /// A Django migration.
    DjangoMigration,
    /// Operations that only tell Django what is there: nothing is sent.
    DjangoState,
    /// A block of alembic's `batch_alter_table`: the call's node and the block's variable.
    Batch(Node<'t>, &'t str),
    /// A Rails migration or schema.
    Rails,
    /// A block of `create_table` or `change_table`: the call's node and the block's variable.
    RailsTable(Node<'t>, &'t str, Building),
    /// The callback of knex' `createTable` or `alterTable`: the table's node and the callback's parameter.
    Knex(Node<'t>, Node<'t>, Building),
}

/// Whether a block makes its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Building {
    /// `create_table`
    New,
    /// `change_table`
    Present,
}

/// The walk with what it found.
pub(super) struct Walk<'s, 't> {
    /// The file.
    pub(super) source: &'s Source<'t>,
    /// What was found.
    pub(super) found: Extract,
    /// The version of Rails that the migration is written for.
    pub(super) rails: Option<(u32, u32)>,
    /// Whether the file is a picture of the whole schema.
    pub(super) snapshot: bool,
    /// Constants that are run by name: by their place, how.
    pub(super) run: HashMap<Range<usize>, Setting<'t>>,
    /// Constants whose text is a part of another statement.
    included: HashSet<Range<usize>>,
    pub(super) stack: Vec<Task<'t>>,
    /// The loops around the place that the walk is at.
    pub(super) loops: Loops<'t>,
}

/// Reads a whole file.
pub(super) fn walk(source: &Source<'_>) -> Extract {
    let transaction = marker::of_file(source);
    let place = Setting {
        role: Role::Other,
        direction: Direction::Unsaid,
        transaction,
        around: Around::Nothing,
        frame: None,
        sure: Sureness::Sure,
    };
    let mut walk = Walk {
        source,
        found: Extract { transaction, ..Extract::default() },
        rails: rails::version(source),
        snapshot: source.language == Language::Ruby && rails::is_snapshot(source),
        run: HashMap::new(),
        included: HashSet::new(),
        stack: vec![Task::Visit(source.root, place)],
        loops: Loops::default(),
    };
    while let Some(task) = walk.stack.pop() {
        walk.task(task);
    }
    let Walk { mut found, run, included, .. } = walk;
    // A constant that is a part of others and is run by no place is told with them.
    found
        .fragments
        .retain(|fragment| run.contains_key(&fragment.range) || !included.contains(&fragment.range));
    for fragment in &mut found.fragments {
        // A constant that is run elsewhere runs there, under the conditions of that place.
        if let (Use::Named(_) | Use::Other | Use::Value(_) | Use::Argument(_), Some(place)) =
            (&fragment.used, run.get(&fragment.range))
        {
            fragment.direction = place.direction;
            fragment.transaction = place.transaction;
            if let Some(used) = place.role.used() {
                fragment.used = used;
            }
        }
    }
    if found.transaction == Transaction::Unsaid {
        marker::by_content(&mut found);
    }
    django::resolve(&mut found);
    list::resolve(&mut found);
    found
}

impl<'t> Walk<'_, 't> {
    /// Puts nodes on the list, the first to be visited first.
    pub(super) fn push(&mut self, nodes: impl DoubleEndedIterator<Item = Node<'t>>, place: Setting<'t>) {
        self.stack.extend(nodes.rev().map(|node| Task::Visit(node, place)));
    }

    /// Puts a node on the list.
    pub(super) fn later(&mut self, node: Node<'t>, place: Setting<'t>) {
        self.stack.push(Task::Visit(node, place));
    }

    pub(super) fn push_children(&mut self, node: Node<'t>, place: Setting<'t>) {
        let children = children_of(node);
        self.push(children.into_iter(), place);
    }

    pub(super) fn visit(&mut self, node: Node<'t>, place: Setting<'t>) {
        if self.turning(node, place) {
            return;
        }
        if is_stringy(self.source, node) {
            return self.string(node, place);
        }
        match node.kind() {
            "binary_operator" | "binary_expression" | "binary" => self.operation(node, place),
            "expression_statement" => self.statement(node, place),
            "pair" | "keyword_argument" | "keyed_element" | "element_value_pair" => self.pair(node, place),
            "dictionary" => {
                list::entry(self, node, place);
                self.push_children(node, place);
            }
            "function_definition"
            | "method"
            | "method_definition"
            | "function_declaration"
            | "method_declaration"
            | "singleton_method" => {
                let name = node.child_by_field_name("name").map_or("", |name| self.source.of(name));
                let place = directed(self.source, name, place);
                self.push_children(node, Setting { role: Role::Other, ..place });
            }
            "class_definition" | "class" | "class_declaration" => self.class(node, place),
            "with_statement" => self.with(node, place),
            "call"
            | "call_expression"
            | "method_invocation"
            | "object_creation_expression"
            | "new_expression" => {
                self.call(node, place);
            }
            _ if matches!(place.role, Role::Executed(_)) && self.runs_bound(node, place) => {}
            "identifier" | "constant" if matches!(place.role, Role::Executed(_)) => {
                let values = self.source.candidates(node).into_iter();
                for value in values.map(|value| resolved(self.source, value)).collect::<Vec<_>>() {
                    self.run.entry(value.byte_range()).or_insert(place);
                }
            }
            kind if ASSIGNS.contains(&kind) => self.assignment(node, place),
            kind if PASSES_ON.contains(&kind) => self.push_children(node, place),
            kind if UNRUN.contains(&kind) => {
                self.push_children(node, Setting { role: Role::Ignored, ..place });
            }
            _ => self.push_children(node, Setting { role: Role::Other, ..place }),
        }
    }

    /// The parts of a chain at once: asking each level of it anew would take the square of its length.
    fn operation(&mut self, node: Node<'t>, place: Setting<'t>) {
        let parts = summands(node);
        if parts.len() > 1 {
            self.push(parts.into_iter(), place);
        } else {
            let operator =
                node.child_by_field_name("operator").map_or("", |operator| self.source.of(operator));
            // Ruby's `text << "..."`
            if let ("<<", Some((left, right))) =
                (operator, node.child_by_field_name("left").zip(node.child_by_field_name("right")))
                && self.source.belongs(left, right)
            {
                return self.later(right, Setting { role: Role::Ignored, ..place });
            }
            // A fallback (`||`, `??`) is used like what it stands in for; everything else compares.
            let role = if matches!(operator, "||" | "??" | "or") { place.role } else { Role::Ignored };
            self.push_children(node, Setting { role, ..place });
        }
    }

    /// A string as a statement is a docstring or nothing.
    fn statement(&mut self, node: Node<'t>, place: Setting<'t>) {
        let children = children_of(node);
        for child in children.into_iter().rev() {
            let role = if is_stringy(self.source, child) { Role::Ignored } else { Role::Other };
            self.later(child, Setting { role, ..place });
        }
    }

    fn assignment(&mut self, node: Node<'t>, place: Setting<'t>) {
        let field = |name: &str| node.child_by_field_name(name);
        let left = field("left").or_else(|| field("name")).or_else(|| field("property"));
        let value = field("right").or_else(|| field("value"));
        let name = left.map_or("", |left| {
            super::call::dotted(self.source, left)
                .first()
                .copied()
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| {
                    let text = self.source.of(left);
                    let simple = text.chars().all(|char| char.is_alphanumeric() || char == '_');
                    if simple { text } else { "" }
                })
        });
        let Some(value) = value else { return self.push_children(node, place) };
        if name == "replaces" && place.around == Around::DjangoMigration {
            self.found.replaces = django::replaces(self.source, value);
        }
        self.given(node, place);
        let role = role_of_key(name).unwrap_or(Role::Named(name));
        let place = directed(self.source, name, place);
        let place = Setting { role, ..place };
        let (left, value) = (left.map_or(node, only), only(value));
        if self.source.belongs(left, value) {
            return self.later(value, Setting { role: Role::Ignored, ..place });
        }
        let (added, all) = self.source.added(left, value);
        if (all && added.is_empty()) || !is_stringy(self.source, value) {
            return self.later(value, place);
        }
        let parts: Vec<Node<'t>> = std::iter::once(value).chain(added).collect();
        if let Some(mut composition) = compose_all(self.source, &parts) {
            if !all {
                composition.text.hole(node.byte_range());
            }
            self.composed(value, composition, place);
        }
    }

    fn pair(&mut self, node: Node<'t>, place: Setting<'t>) {
        let Some((key, value)) = pair(self.source, node) else {
            return self.push_children(node, Setting { role: Role::Other, ..place });
        };
        let mut role = role_of_key(key).unwrap_or(Role::Value(key));
        // A keyword of a call that runs SQL is run by it when it is the statement.
        if let Role::Executed(call) = place.role
            && matches!(
                key,
                "sql" | "sqltext" | "reverse_sql" | "query" | "statement" | "text" | "up" | "down"
            )
        {
            role = Role::Executed(call);
        } else if matches!(place.role, Role::Ignored) {
            role = Role::Ignored;
        }
        let mut place = directed(self.source, key, place);
        if key == "reverse_sql" {
            place.direction = Direction::Down;
        } else if key == "state_operations" {
            place.around = Around::DjangoState;
            role = Role::Ignored;
        }
        self.later(value, Setting { role, ..place });
    }

    fn class(&mut self, node: Node<'t>, place: Setting<'t>) {
        let mut place = Setting { role: Role::Other, ..place };
        if let Some((around, transaction)) = marker::of_class(self.source, node) {
            place.around = around;
            place.transaction = transaction;
            self.found.transaction = transaction;
            if around == Around::DjangoMigration {
                place.direction = Direction::Change;
            }
        }
        self.push_children(node, place);
    }

    /// `with op.get_context().autocommit_block():`
    fn with(&mut self, node: Node<'t>, place: Setting<'t>) {
        let body = node.child_by_field_name("body");
        for child in children_of(node).into_iter().rev() {
            let mut inner = Setting { role: Role::Other, ..place };
            if Some(child) == body && marker::is_autocommit(self.source, node) {
                inner.transaction = Transaction::Outside(Marker::AutocommitBlock);
            }
            if let Some((call, variable)) = alembic::batch(self.source, node) {
                inner.around = Around::Batch(call, variable);
            }
            self.later(child, inner);
        }
    }

    fn call(&mut self, node: Node<'t>, place: Setting<'t>) {
        let Some(call) = Call::of(self.source, node) else {
            return self.push_children(node, place);
        };
        let mut place = place;
        self.changed(&call);
        if let Some(added) = self.added_to(&call) {
            return self.later(added, Setting { role: Role::Ignored, ..place });
        }
        if matches!(call.object(), "reversible" | "dir" | "direction") || call.block.is_some() {
            match call.name() {
                "up" | "up_only" => place.direction = Direction::Up,
                "down" => place.direction = Direction::Down,
                "revert" => {
                    let back = place.direction == Direction::Down;
                    place.direction = if back { Direction::Up } else { Direction::Down };
                }
                _ => {}
            }
        }
        made::call(self, &call, place);
        if self.source.language == Language::Python {
            alembic::call(self, &call, place);
            django::call(self, &call, place);
            if matches!(call.name(), "RunSQL") {
                return django::run_sql(self, &call, place);
            }
        }
        if self.source.language == Language::Ruby {
            rails::call(self, &call, place);
        }
        if matches!(self.source.language, Language::JavaScript | Language::TypeScript | Language::Tsx) {
            script::call(self, &call, place);
        }
        self.arguments(&call, place);
    }

    /// What `builder.append("...")` adds to a text that is noted with all that is added to it.
    fn added_to(&self, call: &Call<'t>) -> Option<Node<'t>> {
        let [added] = call.positional.as_slice() else { return None };
        let builder = call.receiver.filter(|receiver| receiver.kind() == "identifier")?;
        let adds = matches!(call.name(), "append" | "WriteString");
        (adds && self.source.belongs(builder, *added)).then_some(*added)
    }

    fn arguments(&mut self, call: &Call<'t>, place: Setting<'t>) {
        let own = role_of_call(call);
        // What runs SQL runs it inside of a message, too.
        let ignored = place.role == Role::Ignored && !matches!(own, Role::Executed(_));
        // `execute(text(STATEMENT))` runs what it wraps.
        let wraps = matches!(call.name(), "text" | "SQL" | "DDL" | "dedent" | "raw");
        let role = match place.role {
            Role::Executed(_) if wraps => place.role,
            _ if ignored => Role::Ignored,
            Role::Executed(_)
            | Role::Argument(_)
            | Role::Named(_)
            | Role::Value(_)
            | Role::Other
            | Role::Ignored => own,
        };
        if let Some(block) = call.block {
            let around = rails::around(self.source, call).unwrap_or(place.around);
            let block_place = Setting { role: Role::Other, around, ..place };
            self.later(block, block_place);
        }
        let Some(arguments) = call.node.child_by_field_name("arguments") else {
            if let Some(receiver) = call.receiver {
                self.later(receiver, Setting { role: Role::Other, ..place });
            }
            return;
        };
        let around = script::around(call).unwrap_or(place.around);
        self.later(arguments, Setting { role, around, ..place });
        let behind = call.receiver.or_else(|| call.node.child_by_field_name("function"));
        if let Some(receiver) = behind {
            // `"CREATE INDEX".lower()`, `"...".join(parts)`: a string that is called on is no statement by itself.
            let role = if is_stringy(self.source, receiver) { Role::Ignored } else { Role::Other };
            self.later(receiver, Setting { role, ..place });
        }
    }

    /// A string: SQL or not. What was not read of it is walked on its own.
    fn string(&mut self, node: Node<'t>, place: Setting<'t>) {
        match compose(self.source, node) {
            Some(composition) => self.composed(node, composition, place),
            None => self.push_children(node, Setting { role: Role::Other, ..place }),
        }
    }

    fn composed(&mut self, node: Node<'t>, composition: Composition<'t>, place: Setting<'t>) {
        let Composition { text, rest, included } = composition;
        self.push(rest.into_iter(), Setting { role: Role::Other, ..place });
        if self.fragment(node, text, place).is_some() {
            self.included.extend(included);
        }
    }

    /// Notes a text as a fragment when it is SQL, and gives its number.
    fn fragment(&mut self, node: Node<'t>, sql: Composed, place: Setting<'t>) -> Option<usize> {
        let used = place.role.used()?;
        let trust = if matches!(used, Use::Executed(_)) { Trust::Executed } else { Trust::Plain };
        if !is_sql(&sql, trust) {
            return None;
        }
        let says = sql.text().to_ascii_lowercase().contains("index");
        self.loops.note(says, says && !sql.holes().is_empty());
        self.found.fragments.push(Fragment {
            sql,
            range: node.byte_range(),
            place: self.source.place(node.start_byte()),
            used,
            direction: place.direction,
            transaction: place.transaction,
            turn: self.loops.turn(),
        });
        Some(self.found.fragments.len() - 1)
    }

    /// Notes a declaration.
    pub(super) fn declare(&mut self, mut index: DeclaredIndex) {
        index.turn = self.loops.turn();
        self.loops.note(true, index.is_vague());
        self.found.declared.push(index);
    }

    /// Notes what is done to a table.
    pub(super) fn table(&mut self, mut table: DeclaredTable) {
        table.turn = self.loops.turn();
        self.found.tables.push(table);
    }

    /// Notes a model's table.
    pub(super) fn model(&mut self, model: Model) {
        self.found.models.push(model);
    }
}

/// Forward or back, by the name of a function.
pub(super) fn way(language: Language, name: &str) -> Direction {
    match (language, name) {
        (Language::Python, "upgrade") => Direction::Up,
        (Language::Python, "downgrade") => Direction::Down,
        (Language::Python | Language::Java, _) => Direction::Unsaid,
        (_, "up") => Direction::Up,
        (_, "down") => Direction::Down,
        (Language::Ruby, "change") => Direction::Change,
        (Language::Go, name) if begins(name, ["up", "Up"]) => Direction::Up,
        (Language::Go, name) if begins(name, ["down", "Down"]) => Direction::Down,
        _ => Direction::Unsaid,
    }
}

/// Whether the first word of a name is one of these: `upAddUsers`, `Up00002`, and not `update`.
fn begins(name: &str, words: [&str; 2]) -> bool {
    let rest = words.iter().find_map(|word| name.strip_prefix(word));
    rest.is_some_and(|rest| !rest.starts_with(|char: char| char.is_lowercase()))
}

/// The setting of what has a name: by it, or by who calls it.
fn directed<'t>(source: &Source<'t>, name: &str, place: Setting<'t>) -> Setting<'t> {
    let direction = way(source.language, name);
    match direction {
        Direction::Unsaid if place.direction == Direction::Unsaid => {
            Setting { direction: source.reach.way(name), ..place }
        }
        Direction::Unsaid => place,
        Direction::Up | Direction::Down | Direction::Change => Setting { direction, ..place },
    }
}

/// What is in a list of one, as Go writes both sides of an assignment.
fn only(node: Node<'_>) -> Node<'_> {
    match children_of(node).as_slice() {
        [only] if node.kind() == "expression_list" => *only,
        _ => node,
    }
}
