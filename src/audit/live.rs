//! Indexes of a database: what each says as a statement, and which say the same as others.

use crate::domain::catalog::{Definition, Uniqueness};
use crate::domain::live::{Level, LiveIndex};
use crate::sql::{IndexShape, parse_create_index};

/// The statement that makes an index like this one, read into its parts.
///
/// The server's own text says all of it but the tablespace.
///
/// # Errors
///
/// Why the text cannot be read.
pub fn shape(index: &LiveIndex) -> Result<IndexShape, String> {
    let facts = &index.facts;
    let text = ["CREATE UNIQUE INDEX ", "CREATE INDEX "]
        .iter()
        .find_map(|form| Some(format!("{form}CONCURRENTLY {}", facts.display.strip_prefix(form)?)))
        .ok_or_else(|| "the server's text is no CREATE INDEX".to_owned())?;
    let shape = parse_create_index(&text)
        .map_err(|problems| problems.iter().map(|it| it.kind.to_string()).collect::<Vec<_>>().join("; "))?;
    let same = shape.name.as_deref() == Some(&facts.name.name)
        && shape.table.schema.as_deref() == Some(&facts.table.schema)
        && shape.table.name == facts.table.name;
    if !same {
        return Err("the server's text would be read as another index".to_owned());
    }
    Ok(IndexShape { tablespace: facts.definition.tablespace.clone(), ..shape })
}

/// Which others say what an index says, by position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlap {
    /// The same.
    pub duplicates: Vec<usize>,
    /// At least as much.
    pub covered_by: Vec<usize>,
}

/// For each index the others of its table that make it superfluous, judged by the server's own words. Parts of a partitioned
/// table's index are left to that index, and an index that is not valid makes none superfluous.
pub fn overlaps(indexes: &[LiveIndex]) -> Vec<Overlap> {
    let mut found = vec![Overlap::default(); indexes.len()];
    let mut by_table: std::collections::BTreeMap<_, Vec<usize>> = std::collections::BTreeMap::new();
    for (position, index) in indexes.iter().enumerate().filter(|(_, it)| it.part_of.is_none()) {
        by_table.entry(index.facts.table_oid).or_default().push(position);
    }
    for positions in by_table.values() {
        for left in positions {
            for right in positions.iter().filter(|it| *it != left && stands(&indexes[**it])) {
                let (one, two) = (&indexes[*left], &indexes[*right]);
                if one.facts.definition.serves_like(&two.facts.definition) {
                    found[*left].duplicates.push(*right);
                } else if one.backs.is_none() && covers(&two.facts.definition, &one.facts.definition) {
                    found[*left].covered_by.push(*right);
                }
            }
        }
    }
    found
}

/// A partitioned table's index is not valid until each partition has its part.
fn stands(index: &LiveIndex) -> bool {
    index.facts.flags.usable() || index.level == Level::Partitioned
}

/// Whether a B-tree serves everything that another one does: its leading keys are the other's, under the same condition.
fn covers(large: &Definition, small: &Definition) -> bool {
    let (keys, of_large) = (usize::from(small.key_count), usize::from(large.key_count));
    small.method == "btree"
        && large.method == "btree"
        && small.unique == Uniqueness::No
        && small.predicate == large.predicate
        && keys <= of_large
        && small.columns.get(..keys) == large.columns.get(..keys)
        && small
            .columns
            .iter()
            .skip(keys)
            .all(|column| large.columns.iter().any(|other| other.text == column.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{ColumnDefinition, IndexFacts, IndexFlags, RelationKind};
    use crate::domain::id::{Oid, QualifiedName};
    use crate::domain::live::Backing;
    use crate::domain::unit::Bytes;

    fn column(text: &str) -> ColumnDefinition {
        let (text, option) = text.strip_suffix(" desc").map_or((text, 0), |text| (text, 3));
        ColumnDefinition {
            text: text.to_owned(),
            opclass: "pg_catalog.int4_ops".to_owned(),
            collation: String::new(),
            option,
        }
    }

    fn index(name: &str, keys: &[&str], include: &[&str]) -> LiveIndex {
        let plain = |text: &&str| ColumnDefinition { opclass: String::new(), ..column(text) };
        LiveIndex {
            facts: IndexFacts {
                oid: Oid(1),
                name: QualifiedName::new("public", name),
                table_oid: Oid(7),
                table: QualifiedName::new("public", "t"),
                flags: IndexFlags { valid: true, ready: true, live: true },
                definition: Definition {
                    method: "btree".to_owned(),
                    unique: Uniqueness::No,
                    key_count: u16::try_from(keys.len()).unwrap(),
                    columns: keys.iter().map(|it| column(it)).chain(include.iter().map(plain)).collect(),
                    predicate: None,
                    options: Vec::new(),
                    tablespace: None,
                },
                display: format!("CREATE INDEX {name} ON public.t USING btree ({})", keys.join(", ")),
                size: Bytes(0),
                ties: Vec::new(),
            },
            table_kind: RelationKind::Table,
            backs: None,
            level: Level::Index,
            part_of: None,
        }
    }

    #[test]
    fn what_makes_an_index_superfluous_is_told_and_a_constraint_is_never_covered() {
        let mut all = [
            index("a", &["a"], &[]),
            index("b", &["a", "b"], &[]),
            index("c", &["a", "b"], &[]),
            index("d", &["a desc", "b"], &[]),
            index("e", &["a"], &["c"]),
            index("f", &["a", "c"], &[]),
            index("u", &["a"], &[]),
            index("x", &["a", "b"], &[]),
        ];
        all[6].backs = Some(Backing::PrimaryKey);
        all[6].facts.definition.unique = Uniqueness::Unique;
        all[7].facts.flags.valid = false;
        let found = overlaps(&all);
        let names = |positions: &[usize]| {
            positions.iter().map(|it| all[*it].facts.name.name.as_str()).collect::<Vec<_>>().concat()
        };
        let told: Vec<(String, String)> =
            found.iter().map(|it| (names(&it.duplicates), names(&it.covered_by))).collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(one, two)| (one.as_str(), two.as_str())).collect();
        assert_eq!(
            told,
            [("", "bcefu"), ("c", ""), ("b", ""), ("", ""), ("", "f"), ("", ""), ("", ""), ("bc", "")]
        );
    }

    #[test]
    fn the_servers_text_is_read_with_the_tablespace_that_it_leaves_out() {
        let mut one = index("i", &["a"], &[]);
        one.facts.definition.tablespace = Some("fast disk".to_owned());
        assert_eq!(
            shape(&one).unwrap().render_concurrently("i", "public", "t"),
            "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a) TABLESPACE \"fast disk\""
        );
        one.facts.display = "CREATE INDEX other ON public.t USING btree (a)".to_owned();
        assert!(shape(&one).is_err());
        one.facts.display = "DROP INDEX i".to_owned();
        assert!(shape(&one).is_err());
    }
}
