//! What Django makes for a field, and for fields that belong together.

use super::super::declared::{
    Act, Backing, Cause, DeclaredIndex, Framework, Home, IndexName, Key, KeyKind, TableName,
};
use super::super::fact::Known;
use super::super::table::{DeclaredTable, TableAct};
use super::digest;
use super::field::{Certainty, FieldSort, Keeping, ModelChange, ModelField, Sent};
use super::series::{Held, Kinds, State, column_of, label, many_table};

/// Most keys that lead to each other until one is no key of another model.
const DEEPEST_KEY: usize = 6;

/// What is told at a place.
pub(super) struct Out<'a> {
    pub(super) change: &'a ModelChange,
    pub(super) declared: Vec<DeclaredIndex>,
    pub(super) tables: Vec<DeclaredTable>,
}

impl Out<'_> {
    /// Whether nothing is sent.
    pub(super) fn quiet(&self, state: Option<&State>) -> bool {
        self.change.sent == Sent::StateOnly || state.is_some_and(|state| state.keeping == Keeping::Elsewhere)
    }

    /// An index of a field or of the whole model, whose keys are not told yet.
    pub(super) fn index(
        &mut self,
        at: Option<&ModelField>,
        act: Act,
        table: &str,
        name: IndexName,
    ) -> &mut DeclaredIndex {
        let (range, place) =
            at.map_or((&self.change.range, self.change.place), |field| (&field.range, field.place));
        let at = self.declared.len();
        self.declared.push(DeclaredIndex {
            framework: Framework::Django,
            act,
            name,
            renamed: None,
            table: TableName::Given(table.to_owned()),
            schema: None,
            keys: Known::Known(Vec::new()),
            unique: Known::Known(false),
            method: None,
            predicate: None,
            include: Known::Known(Vec::new()),
            concurrently: Known::Known(false),
            if_exists: Known::Known(false),
            nulls_not_distinct: Known::Known(false),
            backing: Backing::Plain,
            home: Home::Operation,
            cause: Cause::Option,
            model: Some(self.change.model.clone()),
            fragment: None,
            direction: self.change.direction,
            transaction: self.change.transaction,
            turn: None,
            range: range.clone(),
            place,
        });
        let last = at.min(self.declared.len().saturating_sub(1));
        &mut self.declared[last]
    }

    /// An index on columns, with the name that Django makes of them.
    pub(super) fn on(
        &mut self,
        at: Option<&ModelField>,
        table: &str,
        columns: &[String],
        suffix: &str,
    ) -> &mut DeclaredIndex {
        let name = IndexName::Derived(digest::name(table, columns, suffix));
        let index = self.index(at, Act::Create, table, name);
        let key = |column: &String| Key::plain(KeyKind::Column, Known::Known(column.clone()));
        index.keys = Known::Known(columns.iter().map(key).collect());
        index
    }

    /// Something that is done to a table.
    pub(super) fn table(&mut self, at: Option<&ModelField>, table: &str, act: TableAct) {
        let (range, place) =
            at.map_or((&self.change.range, self.change.place), |field| (&field.range, field.place));
        self.tables.push(DeclaredTable {
            framework: Framework::Django,
            act,
            table: TableName::Given(table.to_owned()),
            schema: None,
            direction: self.change.direction,
            transaction: self.change.transaction,
            turn: None,
            names: None,
            range: range.clone(),
            place,
        });
    }
}

/// The operator class of the second index of a field; `None` when it has none.
pub(super) fn pattern(kinds: &Kinds, app: &str, field: &ModelField, depth: usize) -> Option<&'static str> {
    match field.sort {
        FieldSort::Varchar => Some("varchar_pattern_ops"),
        FieldSort::Text => Some("text_pattern_ops"),
        FieldSort::Relation => {
            let left = depth.checked_sub(1)?;
            let to = label(app, field.to.as_ref()?);
            let fields = kinds.get(&to)?;
            let target = fields.iter().find(|other| match &field.to_field {
                Some(name) => other.name == *name,
                None => other.primary,
            })?;
            pattern(kinds, &to.0, target, left)
        }
        FieldSort::Many | FieldSort::Virtual | FieldSort::Other => None,
    }
}

/// The second index of a text.
pub(super) fn like(kinds: &Kinds, app: &str, table: &str, held: &mut Held, out: &mut Out<'_>) {
    let Some(class) = pattern(kinds, app, &held.field, DEEPEST_KEY) else { return };
    let field = held.field.clone();
    let index = out.on(Some(&field), table, std::slice::from_ref(&held.column), "_like");
    index.cause = Cause::Companion;
    if let Known::Known(keys) = &mut index.keys {
        for key in keys {
            key.opclass = Some(Known::Known(class.to_owned()));
        }
    }
    held.note(index);
}

/// A field that is there from now on, with what Django makes for it.
pub(super) fn make(
    kinds: &Kinds,
    app: &str,
    model: &str,
    state: &State,
    field: &ModelField,
    out: &mut Out<'_>,
) -> Held {
    let mut held = Held { field: field.clone(), column: column_of(field), indexes: Vec::new() };
    if out.quiet(Some(state)) || field.sort == FieldSort::Virtual || field.certainty == Certainty::AtRunTime {
        return held;
    }
    if let Some(table) = many_table(&state.table, &held) {
        many(kinds, app, model, &table, field, out);
        return held;
    }
    if field.unique && !field.primary {
        let index = out.index(Some(field), Act::Create, &state.table, IndexName::Unsaid);
        let key = Key::plain(KeyKind::Column, Known::Known(held.column.clone()));
        index.keys = Known::Known(vec![key]);
        (index.unique, index.backing) = (Known::Known(true), Backing::UniqueConstraint);
        // The server calls it so.
        let name = format!("{}_{}_key", state.table, held.column);
        held.indexes.push((name, Backing::UniqueConstraint, Cause::Option));
    }
    if field.indexed && !field.unique {
        let index = out.on(Some(field), &state.table, std::slice::from_ref(&held.column), "");
        index.cause = if field.sort == FieldSort::Relation { Cause::Habit } else { Cause::Option };
        held.note(index);
    }
    if field.indexed || field.unique {
        like(kinds, app, &state.table, &mut held, out);
    }
    held
}

/// The table of a relation of many to many: both columns are foreign keys, and unique together.
pub(super) fn many(
    kinds: &Kinds,
    app: &str,
    model: &str,
    table: &str,
    field: &ModelField,
    out: &mut Out<'_>,
) {
    let Some(to) = &field.to else { return };
    let target = if to == "self" { (app.to_owned(), model.to_owned()) } else { label(app, to) };
    let own = (app.to_owned(), model.to_owned());
    let columns = if target == own {
        [format!("from_{model}_id"), format!("to_{model}_id")]
    } else {
        [format!("{model}_id"), format!("{}_id", target.1)]
    };
    out.table(Some(field), table, TableAct::Create);
    let index = out.on(Some(field), table, &columns, "_uniq");
    (index.unique, index.backing, index.cause) =
        (Known::Known(true), Backing::UniqueConstraint, Cause::Habit);
    for (column, to) in columns.iter().zip([&own, &target]) {
        let index = out.on(Some(field), table, std::slice::from_ref(column), "");
        index.cause = Cause::Habit;
        let key = ModelField {
            sort: FieldSort::Relation,
            to: Some(format!("{}.{}", to.0, to.1)),
            to_field: None,
            ..field.clone()
        };
        let mut held = Held { field: key, column: column.clone(), indexes: Vec::new() };
        like(kinds, app, table, &mut held, out);
    }
}

/// What is new among lists of fields that belong together, and what is gone.
pub(super) fn together(
    state: &State,
    old: &[Vec<String>],
    new: &[Vec<String>],
    suffix: &str,
    out: &mut Out<'_>,
) {
    if out.quiet(Some(state)) {
        return;
    }
    let unique = suffix == "_uniq";
    for list in old.iter().filter(|list| !new.contains(list)) {
        let name = digest::name(&state.table, &state.columns(list), suffix);
        let index = out.index(None, Act::Drop, &state.table, IndexName::Derived(name));
        index.backing = if unique { Backing::UniqueConstraint } else { Backing::Plain };
    }
    for list in new.iter().filter(|list| !old.contains(list)) {
        let index = out.on(None, &state.table, &state.columns(list), suffix);
        index.unique = Known::Known(unique);
        index.backing = if unique { Backing::UniqueConstraint } else { Backing::Plain };
    }
}
