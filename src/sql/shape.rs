//! What one CREATE INDEX says, apart from how it was written.

use serde::{Deserialize, Serialize};

use super::ident::{quote_ident, quote_qualified};

/// A table as a statement names it; both parts folded and unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableRef {
    /// Schema, when the statement gives one.
    pub schema: Option<String>,
    /// Name of the table.
    pub name: String,
}

/// What a key of an index is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// A column of the table, folded and unquoted.
    Column(String),
    /// Anything computed. PostgreSQL keeps such an index away from concurrent builds on other tables (14 and later).
    Expression,
}

/// `ASC` or `DESC`, when written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// `ASC`
    Asc,
    /// `DESC`
    Desc,
}

/// `NULLS FIRST` or `NULLS LAST`, when written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullsOrder {
    /// `NULLS FIRST`
    First,
    /// `NULLS LAST`
    Last,
}

/// One key of an index with its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// As it must stand in SQL, quoted and in parentheses where needed, without comments.
    pub text: String,
    /// Column or expression.
    pub kind: KeyKind,
    /// Collation as it must stand in SQL.
    pub collation: Option<String>,
    /// Operator class as it must stand in SQL, with its parameters.
    pub opclass: Option<String>,
    /// Sort order, when written.
    pub order: Option<SortOrder>,
    /// Place of NULLs, when written.
    pub nulls: Option<NullsOrder>,
}

/// What one `CREATE INDEX` says. Names are folded and unquoted; texts are as they must stand in SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is the presence of a keyword, read as data and never passed around"
)]
pub struct IndexShape {
    /// `UNIQUE` was written.
    pub unique: bool,
    /// `CONCURRENTLY` was written; [`super::parse_create_index`] accepts nothing else.
    pub concurrently: bool,
    /// `IF NOT EXISTS` was written. Never rendered: it would take any relation of that name for the index.
    pub if_not_exists: bool,
    /// `ON ONLY` was written.
    pub only: bool,
    /// Name of the index. `None` when the statement leaves it to the server.
    pub name: Option<String>,
    /// The table.
    pub table: TableRef,
    /// Access method; `btree` when not written.
    pub method: String,
    /// The keys, in order.
    pub keys: Vec<IndexKey>,
    /// Columns of `INCLUDE`, in order.
    pub include: Vec<String>,
    /// `NULLS NOT DISTINCT` was written (PostgreSQL 15 and later).
    pub nulls_not_distinct: bool,
    /// Storage parameters: name and value as they must stand in SQL.
    pub with: Vec<(String, Option<String>)>,
    /// Tablespace.
    pub tablespace: Option<String>,
    /// Expression of `WHERE` as it must stand in SQL, without comments.
    pub predicate: Option<String>,
}

impl IndexShape {
    /// The statement that builds this index on `schema.table` under `name`, all three folded and unquoted.
    ///
    /// Always `CONCURRENTLY`, always schema-qualified, never `IF NOT EXISTS`. One line, unless a string literal
    /// holds a line break.
    pub fn render_concurrently(&self, name: &str, schema: &str, table: &str) -> String {
        let only = if self.only { "ONLY " } else { "" };
        let on = quote_qualified(schema, table);
        self.render("INDEX CONCURRENTLY", name, &format!("{only}{on}"))
    }

    /// The same index on an empty temporary copy of the table, from which the server's own words for it are read.
    ///
    /// Not concurrent: nobody else sees a temporary table.
    pub fn render_on_clone(&self, name: &str, table: &str) -> String {
        self.render("INDEX", name, &format!("pg_temp.{}", quote_ident(table)))
    }

    /// Whether only some rows are indexed.
    pub fn is_partial(&self) -> bool {
        self.predicate.is_some()
    }

    /// Whether any key is computed.
    pub fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.kind == KeyKind::Expression)
    }

    /// The plain columns among the keys, in order, folded and unquoted.
    pub fn key_columns(&self) -> Vec<&str> {
        self.keys
            .iter()
            .filter_map(|key| match &key.kind {
                KeyKind::Column(name) => Some(name.as_str()),
                KeyKind::Expression => None,
            })
            .collect()
    }

    fn render(&self, what: &str, name: &str, on: &str) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let mut sql = format!(
            "CREATE {unique}{what} {} ON {on} USING {} ({})",
            quote_ident(name),
            quote_ident(&self.method),
            join(self.keys.iter().map(IndexKey::render)),
        );
        if !self.include.is_empty() {
            push(
                &mut sql,
                &[" INCLUDE (", &join(self.include.iter().map(|column| quote_ident(column))), ")"],
            );
        }
        if self.nulls_not_distinct {
            sql.push_str(" NULLS NOT DISTINCT");
        }
        if !self.with.is_empty() {
            push(&mut sql, &[" WITH (", &join(self.with.iter().map(render_parameter)), ")"]);
        }
        if let Some(tablespace) = &self.tablespace {
            push(&mut sql, &[" TABLESPACE ", &quote_ident(tablespace)]);
        }
        if let Some(predicate) = &self.predicate {
            push(&mut sql, &[" WHERE ", predicate]);
        }
        sql
    }
}

impl IndexKey {
    /// The key with its options, in the order of PostgreSQL's grammar.
    pub fn render(&self) -> String {
        let mut sql = self.text.clone();
        if let Some(collation) = &self.collation {
            sql.push_str(" COLLATE ");
            sql.push_str(collation);
        }
        if let Some(opclass) = &self.opclass {
            sql.push(' ');
            sql.push_str(opclass);
        }
        sql.push_str(match self.order {
            Some(SortOrder::Asc) => " ASC",
            Some(SortOrder::Desc) => " DESC",
            None => "",
        });
        sql.push_str(match self.nulls {
            Some(NullsOrder::First) => " NULLS FIRST",
            Some(NullsOrder::Last) => " NULLS LAST",
            None => "",
        });
        sql
    }
}

/// `DROP INDEX CONCURRENTLY schema.index`, never `IF EXISTS`, never `CASCADE`, one name (PostgreSQL takes no more).
pub fn drop_concurrently(schema: &str, index: &str) -> String {
    format!("DROP INDEX CONCURRENTLY {}", quote_qualified(schema, index))
}

fn render_parameter((name, value): &(String, Option<String>)) -> String {
    match value {
        Some(value) => format!("{name} = {value}"),
        None => name.clone(),
    }
}

fn push(sql: &mut String, parts: &[&str]) {
    sql.extend(parts.iter().copied());
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
