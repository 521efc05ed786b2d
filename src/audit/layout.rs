//! How migration tools lay out their files: which come first, which parts only undo, which run outside of a transaction.

use std::cmp::Ordering;
use std::ops::Range;

use serde::Serialize;

/// A file that belongs to a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The tool whose layout it has.
    pub tool: Tool,
    /// What the whole file does.
    pub direction: Direction,
}

/// Tools whose layouts are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// `…/up.sql`, `…/down.sql`
    Diesel,
    /// `N_name.up.sql`, `N_name.down.sql`: sqlx and golang-migrate.
    UpDown,
    /// `V1__name.sql`, `R__name.sql`, `U1__name.sql`
    Flyway,
    /// `…/migration.sql`
    Prisma,
    /// `-- migrate:up`, `-- migrate:down`
    Dbmate,
    /// `-- +goose Up`, `-- +goose Down`
    Goose,
    /// Anything else.
    Plain,
    /// A program: its own words say how it is run.
    Program,
}

/// What a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Leads on.
    Up,
    /// Undoes: not part of the series.
    Down,
}

/// The layout of one file, by its path (with `/`), its text and the names beside it.
pub fn place(path: &str, text: &str, beside: impl Fn(&str) -> bool) -> Place {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let sibling =
        |name: &str| beside(&if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") });
    let lower = name.to_ascii_lowercase();
    let (tool, direction) = if lower == "up.sql" {
        (Tool::Diesel, Direction::Up)
    } else if lower == "down.sql" && sibling("up.sql") {
        (Tool::Diesel, Direction::Down)
    } else if lower.ends_with(".up.sql") {
        (Tool::UpDown, Direction::Up)
    } else if lower.ends_with(".down.sql") {
        (Tool::UpDown, Direction::Down)
    } else if lower == "migration.sql" {
        (Tool::Prisma, Direction::Up)
    } else if lower == "down.sql" && sibling("migration.sql") {
        (Tool::Prisma, Direction::Down)
    } else if let Some((letter, _)) = flyway(name) {
        (Tool::Flyway, if letter == 'U' { Direction::Down } else { Direction::Up })
    } else if marker(text, "-- migrate:up") {
        (Tool::Dbmate, Direction::Up)
    } else if marker(text, "-- +goose up") {
        (Tool::Goose, Direction::Up)
    } else {
        (Tool::Plain, Direction::Up)
    };
    Place { tool, direction }
}

/// Bytes of `text` that only undo.
pub fn undoing(tool: Tool, text: &str) -> Vec<Range<usize>> {
    let (up, down) = match tool {
        Tool::Dbmate => ("-- migrate:up", "-- migrate:down"),
        Tool::Goose => ("-- +goose up", "-- +goose down"),
        Tool::Diesel | Tool::UpDown | Tool::Flyway | Tool::Prisma | Tool::Plain | Tool::Program => {
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    let (mut at, mut since) = (0, None);
    for line in text.split_inclusive('\n') {
        if begins(line, down) {
            since.get_or_insert(at);
        } else if begins(line, up)
            && let Some(start) = since.take()
        {
            found.push(start..at);
        }
        at += line.len();
    }
    found.extend(since.map(|start| start..text.len()));
    found
}

/// Whether a file says that it is run outside of a transaction. `metadata` is the text of the settings file beside it,
/// Diesel's `metadata.toml` or Flyway's `….sql.conf`.
pub fn runs_outside(tool: Tool, text: &str, metadata: Option<&str>) -> bool {
    let says = |key: &str| {
        metadata.is_some_and(|it| {
            it.lines().any(|line| {
                line.split_once('=').is_some_and(|(name, value)| {
                    name.trim().eq_ignore_ascii_case(key) && value.trim().eq_ignore_ascii_case("false")
                })
            })
        })
    };
    match tool {
        Tool::Diesel => says("run_in_transaction"),
        Tool::Flyway => says("executeInTransaction"),
        Tool::UpDown => marker(text, "-- no-transaction"),
        Tool::Dbmate => {
            text.lines().any(|line| begins(line, "-- migrate:up") && line.contains("transaction:false"))
        }
        Tool::Goose => marker(text, "-- +goose no transaction"),
        Tool::Prisma | Tool::Plain | Tool::Program => false,
    }
}

/// The order in which a tool runs its files: numbers as numbers, what Flyway repeats after what it runs once.
pub fn order(one: &str, two: &str) -> Ordering {
    let repeated =
        |path: &str| flyway(path.rsplit('/').next().unwrap_or(path)).is_some_and(|(letter, _)| letter == 'R');
    let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    if folder(one) == folder(two) && repeated(one) != repeated(two) {
        return repeated(one).cmp(&repeated(two));
    }
    natural(one, two)
}

/// `V1_2__name.sql`: the letter and the version.
fn flyway(name: &str) -> Option<(char, &str)> {
    let stem = name.strip_suffix(".sql").or_else(|| name.strip_suffix(".SQL"))?;
    let letter = stem.chars().next().filter(|it| matches!(it, 'V' | 'U' | 'R' | 'B'))?;
    let (version, _) = stem[1..].split_once("__")?;
    let counted = version.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'_'));
    let fits = if letter == 'R' { version.is_empty() } else { counted && !version.is_empty() };
    fits.then_some((letter, version))
}

fn marker(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| begins(line, wanted))
}

fn begins(line: &str, wanted: &str) -> bool {
    let line = line.trim_start();
    line.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

fn natural(one: &str, two: &str) -> Ordering {
    let (mut left, mut right) = (one.as_bytes(), two.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (None, None) => return one.cmp(two),
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (x, y) = (digits(left), digits(right));
                let (bare_x, bare_y) = (without_zeros(x), without_zeros(y));
                let order = bare_x.len().cmp(&bare_y.len()).then_with(|| bare_x.cmp(bare_y));
                if order != Ordering::Equal {
                    return order;
                }
                left = &left[x.len()..];
                right = &right[y.len()..];
            }
            (Some(a), Some(b)) if a == b => {
                left = &left[1..];
                right = &right[1..];
            }
            // A folder ends before its neighbour's name goes on.
            (None | Some(b'/'), Some(_)) => return Ordering::Less,
            (Some(_), None | Some(b'/')) => return Ordering::Greater,
            (Some(a), Some(b)) => return a.cmp(b),
        }
    }
}

fn digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|it| !it.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn without_zeros(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|it| *it != b'0').unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_known_by_its_files() {
        let beside = |path: &str| matches!(path, "m/1_a/up.sql" | "p/1/migration.sql");
        for (path, text, tool, direction) in [
            ("m/1_a/up.sql", "", Tool::Diesel, Direction::Up),
            ("m/1_a/down.sql", "", Tool::Diesel, Direction::Down),
            ("other/down.sql", "", Tool::Plain, Direction::Up),
            ("3_x.up.sql", "", Tool::UpDown, Direction::Up),
            ("3_x.down.sql", "", Tool::UpDown, Direction::Down),
            ("V1_2__x.sql", "", Tool::Flyway, Direction::Up),
            ("U1.2__x.sql", "", Tool::Flyway, Direction::Down),
            ("R__x.sql", "", Tool::Flyway, Direction::Up),
            ("Views__x.sql", "", Tool::Plain, Direction::Up),
            ("p/1/migration.sql", "", Tool::Prisma, Direction::Up),
            ("d/1.sql", "-- migrate:up\n", Tool::Dbmate, Direction::Up),
            ("d/1.sql", "\n-- +goose Up\n", Tool::Goose, Direction::Up),
        ] {
            assert_eq!(place(path, text, beside), Place { tool, direction }, "{path}");
        }
    }

    #[test]
    fn files_come_in_the_order_of_their_numbers() {
        let mut paths =
            ["m/10_a.sql", "m/9_b.sql", "m/R__v.sql", "m/V10__a.sql", "m/V2__a.sql", "m/009_a.sql"];
        paths.sort_by(|one, two| order(one, two));
        assert_eq!(
            paths,
            ["m/009_a.sql", "m/9_b.sql", "m/10_a.sql", "m/V2__a.sql", "m/V10__a.sql", "m/R__v.sql"]
        );
        assert_eq!(order("m/1_a/up.sql", "m/1_a_b/up.sql"), Ordering::Less);
    }

    #[test]
    fn parts_that_undo_and_files_outside_of_a_transaction_are_told() {
        let text = "-- migrate:up transaction:false\na;\n-- migrate:down\nb;\n";
        let undone: Vec<&str> = undoing(Tool::Dbmate, text).into_iter().map(|it| &text[it]).collect();
        assert_eq!(undone, ["-- migrate:down\nb;\n"]);
        assert!(runs_outside(Tool::Dbmate, text, None));
        assert!(runs_outside(Tool::Diesel, "", Some("run_in_transaction = false\n")));
        assert!(!runs_outside(Tool::Diesel, "", Some("run_in_transaction = true\n")));
        assert!(runs_outside(Tool::Flyway, "", Some("executeInTransaction=false")));
        assert!(runs_outside(Tool::UpDown, "-- no-transaction\n", None));
    }
}
