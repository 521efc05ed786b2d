//! Byte offsets as lines and columns.

use std::fmt;

use serde::Serialize;

/// A place in a text, as editors count: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// How many lines end before each stretch of a text. A line ends with `\n`; a `\r` before it belongs to the line.
///
/// Where each line begins would be half as much again as a text of short lines; counting those of one stretch costs
/// nothing that could be measured.
#[derive(Debug, Clone)]
pub struct Lines {
    ends: Vec<usize>,
}

/// Bytes of a stretch.
const STRETCH: usize = 1 << 10;

impl Lines {
    /// Counts the lines of `text`.
    pub fn of(text: &str) -> Self {
        let stretches = text.as_bytes().chunks(STRETCH);
        let mut ends = Vec::with_capacity(stretches.len() + 1);
        let mut count = 0;
        ends.push(count);
        for stretch in stretches {
            count += ends_in(stretch);
            ends.push(count);
        }
        Self { ends }
    }

    /// The place of byte `offset` of `text`, which is the text these lines were counted in. An offset behind the end
    /// is the end.
    pub fn place(&self, text: &str, offset: usize) -> Place {
        let offset = offset.min(text.len());
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let stretch = offset / STRETCH;
        let counted = self.ends.get(stretch).copied().unwrap_or(0);
        let line = counted + ends_in(before.get(stretch * STRETCH..).unwrap_or_default()) + 1;
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let before = before.get(start..).unwrap_or_default();
        // The first byte of a character is every byte but those that continue one.
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Place { line, column }
    }
}

fn ends_in(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\r\nß→x\n\nend";
        let lines = Lines::of(text);
        for (offset, line, column) in
            [(0, 1, 1), (2, 1, 3), (3, 2, 1), (5, 2, 2), (8, 2, 3), (10, 3, 1), (11, 4, 1)]
        {
            assert_eq!(lines.place(text, offset), Place { line, column }, "byte {offset}");
        }
        assert_eq!(lines.place(text, 900), Place { line: 4, column: 4 });
    }

    #[test]
    fn places_are_the_same_wherever_the_stretches_of_a_text_begin() {
        let text: String = (0..900).map(|number| "ä".repeat(number % 7) + "\n").collect();
        let lines = Lines::of(&text);
        let (mut line, mut column) = (1, 1);
        for (offset, char) in text.char_indices() {
            assert_eq!(lines.place(&text, offset), Place { line, column }, "byte {offset}");
            (line, column) = if char == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        let text = "x".repeat(3 * STRETCH);
        for offset in [0, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH] {
            assert_eq!(Lines::of(&text).place(&text, offset), Place { line: 1, column: offset + 1 });
        }
        assert_eq!(Lines::of("").place("", 1), Place { line: 1, column: 1 });
    }
}
