//! Who gets which rows of a body: log gives way first, then detail, then old rows.

use super::line::{Align, Block, Column, Line, Pane, Row, Table};

/// So many rows and cells have no end: nothing gives way to anything.
pub(super) const ENDLESS: usize = 60_000;

/// A table that may have more rows than fit.
pub(super) struct Source<'a> {
    pub(super) state_width: usize,
    pub(super) columns: Vec<Column>,
    /// Rows in all.
    pub(super) total: usize,
    /// Row of the cursor.
    pub(super) at: usize,
    /// Makes one row.
    pub(super) row: Box<dyn Fn(usize) -> Row + 'a>,
    pub(super) empty: String,
}

/// A pane and how much of it is worth showing.
pub(super) struct Wish {
    pub(super) pane: Pane,
    /// Fewer lines than this are not worth their rule.
    pub(super) least: usize,
    /// As many lines as it takes before the table has all it needs.
    pub(super) first: usize,
    /// Which of its lines stay when there is no room for all.
    pub(super) keep: Keep,
}

/// Which lines stay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The first ones: they were put in order of weight.
    First,
    /// The last ones: they are the newest.
    Last,
}

impl Wish {
    /// A detail pane: all its lines are worth showing.
    pub(super) fn detail(title: impl Into<String>, lines: Vec<Line>) -> Self {
        let first = lines.len();
        Self { pane: Pane::new(title, lines), least: first.min(2), first, keep: Keep::First }
    }

    /// A pane that takes what is left.
    pub(super) fn filler(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { pane: Pane::new(title, lines), least: 2, first: 4, keep: Keep::First }
    }

    /// A pane whose newest lines are at its end.
    pub(super) fn tail(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { keep: Keep::Last, ..Self::filler(title, lines) }
    }
}

/// Puts a body together. Panes come in order of importance and are shown in that order.
pub(super) fn stack(
    height: usize,
    heading: (Line, Line),
    source: &Source<'_>,
    wishes: Vec<Wish>,
) -> Vec<Block> {
    let airy = height >= 15;
    let fixed = 2 + usize::from(airy);
    let room = height.saturating_sub(fixed);
    let table_least = source.total.max(1).min((room * 2 / 5).max(1));
    let mut left = room.saturating_sub(table_least);
    // Each pane first gets what makes it worth having.
    let mut given: Vec<usize> = Vec::with_capacity(wishes.len());
    for wish in &wishes {
        let lines = wish.pane.lines.len();
        let want = wish.first.min(lines).min(left.saturating_sub(1));
        let enough = want > 0 && want >= wish.least.min(lines);
        given.push(if enough { want } else { 0 });
        if enough {
            left -= want + 1;
        }
    }
    // Then the table takes what it needs, then the panes take what is left.
    let more = left.min(source.total.saturating_sub(table_least));
    let table_rows = table_least + more;
    left -= more;
    for (wish, given) in wishes.iter().zip(&mut given) {
        if *given == 0 {
            continue;
        }
        let more = left.min(wish.pane.lines.len() - *given);
        *given += more;
        left -= more;
    }

    let first = window(source.total, source.at, table_rows);
    let shown = source.total.min(table_rows);
    let rows = (first..first + shown).map(|index| (source.row)(index)).collect();
    let mut right = heading.1;
    if source.total > shown {
        right = right
            .then(super::line::Tone::Dim, format!("  {}-{} of {}", first + 1, first + shown, source.total));
    }
    let mut blocks = vec![Block::Heading(heading.0, right)];
    if airy {
        blocks.push(Block::Gap);
    }
    blocks.push(Block::Table(Table {
        state_width: source.state_width,
        columns: source.columns.clone(),
        rows,
        empty: source.empty.clone(),
    }));
    // The panes stand at the bottom, so that they do not jump when the table grows by a row.
    let used =
        shown.max(1) + fixed + given.iter().map(|lines| lines + usize::from(*lines > 0)).sum::<usize>();
    if height < ENDLESS {
        blocks.extend(std::iter::repeat_n(Block::Gap, height.saturating_sub(used)));
    }
    for (wish, lines) in wishes.into_iter().zip(given) {
        if lines > 0 {
            let mut pane = wish.pane;
            match wish.keep {
                Keep::First => pane.lines.truncate(lines),
                Keep::Last => drop(pane.lines.drain(..pane.lines.len() - lines)),
            }
            blocks.push(Block::Pane(pane));
        }
    }
    blocks
}

/// Columns that take exactly `width` cells together with mark and state: column `flexible` takes what is left. On lines
/// without an end each takes what it needs.
pub(super) fn columns(
    width: usize,
    state_width: usize,
    flexible: usize,
    mut columns: Vec<Column>,
) -> Vec<Column> {
    if width >= ENDLESS {
        for column in &mut columns {
            column.width = ENDLESS;
        }
        return columns;
    }
    let others: usize = columns
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != flexible)
        .map(|(_, column)| column.width)
        .sum();
    // Three cells of mark, and one between any two columns.
    let fixed = 3 + state_width + columns.len() + others;
    if let Some(column) = columns.get_mut(flexible) {
        column.width = width.saturating_sub(fixed).max(4);
    }
    columns
}

/// A column of words.
pub(super) fn words(title: &'static str, width: usize) -> Column {
    Column { title, width, align: Align::Left }
}

/// A column of numbers.
pub(super) fn numbers(title: &'static str, width: usize) -> Column {
    Column { title, width, align: Align::Right }
}

/// First row of a window of `rows` that holds row `at`, in the middle where possible.
pub(super) fn window(total: usize, at: usize, rows: usize) -> usize {
    at.saturating_sub(rows / 2).min(total.saturating_sub(rows))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::{Chosen, Word};
    use super::*;

    fn blocks(height: usize, total: usize, at: usize, panes: &[usize]) -> Vec<Block> {
        let source = Source {
            state_width: 5,
            columns: Vec::new(),
            total,
            at,
            row: Box::new(|index| Row {
                chosen: Chosen::No,
                word: Word::Todo,
                cells: vec![index.to_string()],
            }),
            empty: String::new(),
        };
        let wishes = panes.iter().map(|lines| Wish::detail("pane", vec![Line::plain("x"); *lines])).collect();
        stack(height, (Line::default(), Line::default()), &source, wishes)
    }

    fn height(blocks: &[Block]) -> usize {
        blocks
            .iter()
            .map(|block| match block {
                Block::Heading(..) | Block::Gap => 1,
                Block::Table(table) => 1 + table.rows.len().max(1),
                Block::Pane(pane) => 1 + pane.lines.len(),
            })
            .sum()
    }

    proptest! {
        #[test]
        fn a_body_never_outgrows_its_room_and_always_shows_the_cursor(
            room in 3_usize..60, total in 0_usize..200, at in 0_usize..200, panes in proptest::collection::vec(0_usize..20, 0..4),
        ) {
            let at = at.min(total.saturating_sub(1));
            let blocks = blocks(room, total, at, &panes);
            prop_assert!(height(&blocks) <= room.max(3), "{} > {room}", height(&blocks));
            let shown = blocks.iter().any(|block| matches!(block, Block::Table(table)
                if total == 0 || table.rows.iter().any(|row| row.cells == [at.to_string()])));
            prop_assert!(shown);
        }
    }

    #[test]
    fn detail_goes_before_rows_do_when_there_is_little_room() {
        let roomy = blocks(17, 30, 0, &[4, 4]);
        assert_eq!(roomy.iter().filter(|block| matches!(block, Block::Pane(_))).count(), 2);
        let tight = blocks(7, 30, 0, &[4, 4]);
        assert!(tight.iter().filter(|block| matches!(block, Block::Pane(_))).count() <= 1);
    }
}
