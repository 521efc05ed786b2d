//! Fields of models, as far as they make indexes.

use std::ops::Range;

use tree_sitter::Node;

use super::super::call::Call;
use super::super::fact::{Direction, Known, Transaction};
use super::super::tree::Source;
use super::super::value::{is_none, items, resolved, text, truth};
use crate::audit::Place;

/// A change of a model that a migration makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChange {
    /// The model's name, as written.
    pub model: String,
    /// What is changed.
    pub act: ModelAct,
    /// Whether anything is sent for it.
    pub sent: Sent,
    /// Forward or back.
    pub direction: Direction,
    /// Whether it runs in a transaction.
    pub transaction: Transaction,
    /// The operation, in bytes of the file.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
}

/// Whether a change is sent to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is.
    Yes,
    /// It only tells Django what is there.
    StateOnly,
}

/// What is changed of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelAct {
    /// It is made.
    Create(Box<NewModel>),
    /// It is taken away.
    Delete,
    /// It has another name.
    Rename(String),
    /// It is kept in another table: the one that Django derives when none is given.
    Table(Option<Known<String>>),
    /// It has a field more.
    AddField(ModelField),
    /// A field is another one.
    AlterField(ModelField),
    /// It has a field less.
    RemoveField(String),
    /// A field has another name.
    RenameField {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// Its lists of fields that are unique together.
    UniqueTogether(Vec<Vec<String>>),
    /// Its lists of fields that are indexed together.
    IndexTogether(Vec<Vec<String>>),
}

/// A model that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// Its `db_table`, when one is given.
    pub table: Option<Known<String>>,
    /// Whether it has a table that Django makes: proxies and models that are not managed have none.
    pub keeping: Keeping,
    /// Its fields, in order.
    pub fields: Vec<ModelField>,
    /// Lists of fields that are unique together.
    pub unique_together: Vec<Vec<String>>,
    /// Lists of fields that are indexed together.
    pub index_together: Vec<Vec<String>>,
}

/// Who looks after the table of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Django does.
    Managed,
    /// Nobody: `managed = False`, `proxy = True`.
    Elsewhere,
}

/// A field of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelField {
    /// Its name.
    pub name: String,
    /// Its `db_column`, when one is given.
    pub column: Option<Known<String>>,
    /// What it holds.
    pub sort: FieldSort,
    /// `db_index`, also by default.
    pub indexed: bool,
    /// `unique`, also by default or as the primary key.
    pub unique: bool,
    /// `primary_key`
    pub primary: bool,
    /// The model that it leads to, `app.model` or `model`.
    pub to: Option<String>,
    /// The field of that model, when it is not its primary key.
    pub to_field: Option<String>,
    /// The table of a relation of many to many, when one is given.
    pub table: Option<Known<String>>,
    /// Whether the text alone says what makes indexes.
    pub certainty: Certainty,
    /// The field in the file, in bytes.
    pub range: Range<usize>,
    /// Its first token.
    pub place: Place,
}

/// Whether `db_index`, `unique` and `primary_key` are what running the program would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// They are.
    Said,
    /// Only running the program would say: no index is told.
    AtRunTime,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldSort {
    /// `varchar`
    Varchar,
    /// `text`
    Text,
    /// The key of another model, in a column of its own.
    Relation,
    /// Many to many, in a table of its own that Django makes.
    Many,
    /// No column: a relation through another model.
    Virtual,
    /// Anything else.
    Other,
}

/// Reads `models.CharField(...)`; `None` for what is no call.
pub(super) fn field<'t>(
    source: &Source<'t>,
    name: Node<'t>,
    said: Node<'t>,
    at: Node<'t>,
) -> Option<ModelField> {
    let name = text(source, name).get()?.clone();
    let call = Call::of(source, resolved(source, said))?;
    let class = call.name();
    let sort = sort_of(class, &call);
    let keyword = |key: &str| call.keyword(key).filter(|node| !is_none(source, *node));
    let one = class.ends_with("OneToOneField");
    let flag = |key: &str, default: bool| match keyword(key) {
        None => Known::Known(default),
        node => truth(source, node),
    };
    let primary = flag("primary_key", false);
    let unique = flag("unique", one);
    let indexed = flag("db_index", sort == FieldSort::Relation || class == "SlugField");
    let certain =
        [&primary, &unique, &indexed].iter().all(|flag| flag.get().is_some()) && call.spread.is_none();
    let is = |flag: &Known<bool>| flag.get().copied().unwrap_or_default();
    Some(ModelField {
        column: keyword("db_column").map(|node| text(source, node)),
        sort,
        indexed: is(&indexed),
        unique: is(&unique) || is(&primary),
        primary: is(&primary),
        to: call.argument(0, "to").and_then(|node| text(source, node).get().cloned()),
        to_field: keyword("to_field").and_then(|node| text(source, node).get().cloned()),
        table: keyword("db_table").map(|node| text(source, node)),
        certainty: if certain { Certainty::Said } else { Certainty::AtRunTime },
        range: at.byte_range(),
        place: source.place(at.start_byte()),
        name,
    })
}

fn sort_of(class: &str, call: &Call<'_>) -> FieldSort {
    let relation = ["ForeignKey", "OneToOneField", "ParentalKey"].iter().any(|end| class.ends_with(end));
    match class {
        "CharField"
        | "SlugField"
        | "EmailField"
        | "URLField"
        | "FileField"
        | "ImageField"
        | "FilePathField"
        | "CommaSeparatedIntegerField" => FieldSort::Varchar,
        "TextField" => FieldSort::Text,
        "GenericForeignKey" | "GenericRelation" | "TaggableManager" => FieldSort::Virtual,
        _ if relation => FieldSort::Relation,
        _ if class.ends_with("ManyToManyField") => {
            if call.keyword("through").is_some() {
                FieldSort::Virtual
            } else {
                FieldSort::Many
            }
        }
        _ => FieldSort::Other,
    }
}

/// `{("a", "b"), ...}`, `[["a", "b"]]` or `("a", "b")`: lists of fields.
pub(super) fn together<'t>(source: &Source<'t>, node: Node<'t>) -> Vec<Vec<String>> {
    let value = resolved(source, node);
    // `set()` and `{}` say none.
    let outer = match Call::of(source, value) {
        Some(call) => call.positional.first().and_then(|inner| items(source, *inner)).unwrap_or_default(),
        None => items(source, value).unwrap_or_default(),
    };
    let names = |list: &[Node<'t>]| -> Vec<String> {
        list.iter().filter_map(|item| text(source, *item).get().cloned()).collect()
    };
    if outer.iter().any(|item| items(source, *item).is_none()) {
        let names = names(&outer);
        return if names.is_empty() { Vec::new() } else { vec![names] };
    }
    let lists = outer.iter().filter_map(|item| items(source, *item)).map(|list| names(&list));
    lists.filter(|list| !list.is_empty()).collect()
}
