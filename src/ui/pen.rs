//! From what is on the screen to what shall be, in as few bytes as there is a way.
//!
//! ratatui's own writer gives every colour by its number of 256 (`38;5;N`), which the Linux console and a VT100 do not know,
//! and moves by absolute positions alone. This one writes SGR 30 to 37 and 90 to 97, moves by whichever way is the
//! shortest, and keeps to what the terminal's family knows.

use std::borrow::Cow;
use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::text::cell_width;

use super::ability::{Dialect, Family, Palette};

/// Blanks up to the end of a row are erased from so many on.
const WORTH_ERASING: u16 = 4;
/// Steps back that are taken one by one, and rows down.
const SMALL_STEPS: u16 = 4;

/// A look as the terminal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// Of the 16; none is the terminal's own.
    ink: Option<u8>,
    modifiers: Modifier,
}

impl Look {
    const PLAIN: Self = Self { ink: None, modifiers: Modifier::empty() };

    fn of(cell: &Cell, dialect: Dialect) -> Self {
        let known = Modifier::BOLD | Modifier::DIM | Modifier::UNDERLINED | Modifier::REVERSED;
        let mut modifiers = cell.modifier & known;
        if matches!(dialect.family, Family::Vt100 | Family::Linux) {
            // A VT100 has none, and the console shows it as bright black.
            modifiers.remove(Modifier::DIM);
        }
        let ink = match (dialect.palette, ink(cell.fg)) {
            (Palette::None | Palette::Eight, Some(bright @ 8..)) => {
                modifiers.insert(Modifier::BOLD);
                (dialect.palette == Palette::Eight).then_some(bright - 8)
            }
            (Palette::None, _) => None,
            (Palette::Eight | Palette::Sixteen, ink) => ink,
        };
        if modifiers.contains(Modifier::BOLD) {
            // What both at once look like, terminals do not agree on.
            modifiers.remove(Modifier::DIM);
        }
        Self { ink, modifiers }
    }

    fn ink_code(self) -> u8 {
        match self.ink {
            None => 39,
            Some(ink @ 0..8) => 30 + ink,
            Some(bright) => 82 + bright,
        }
    }
}

/// The number of a colour among the 16.
fn ink(color: Color) -> Option<u8> {
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    named.iter().position(|it| *it == color).and_then(|index| u8::try_from(index).ok())
}

/// Writes what leads from one picture to the next of the same size. The look is plain before and after; where the cursor
/// was does not matter, and where it is then is not known.
pub(super) fn write_changes(dialect: Dialect, old: &Buffer, new: &Buffer, bytes: &mut Vec<u8>) {
    let (old, new) = (&*within(dialect, old), &*within(dialect, new));
    let mut pen = Pen { dialect, old, new, bytes, at: None, look: Look::PLAIN };
    for y in 0..new.area.height {
        pen.row(y);
    }
    pen.turn(Look::PLAIN);
}

/// A picture without a wide character whose second half is the last cell of a VT100, which is never written.
fn within(dialect: Dialect, picture: &Buffer) -> Cow<'_, Buffer> {
    let area = picture.area;
    if dialect.family == Family::Vt100
        && let (Some(x), Some(y)) = (area.width.checked_sub(2), area.height.checked_sub(1))
        && cell_width(picture[(x, y)].symbol()) > 1
    {
        let mut picture = picture.clone();
        picture[(x, y)].reset();
        return Cow::Owned(picture);
    }
    Cow::Borrowed(picture)
}

/// Writes a move to a place from anywhere.
pub(super) fn write_move(x: u16, y: u16, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&absolute(x, y));
}

struct Pen<'a> {
    dialect: Dialect,
    old: &'a Buffer,
    new: &'a Buffer,
    bytes: &'a mut Vec<u8>,
    /// Column and row of the cursor, while that is certain.
    at: Option<(u16, u16)>,
    look: Look,
}

impl Pen<'_> {
    fn row(&mut self, y: u16) {
        let mut width = self.new.area.width;
        if self.dialect.family == Family::Vt100 && y + 1 == self.new.area.height {
            // Some of them scroll when their last cell is written.
            width = width.saturating_sub(1);
        }
        // Where a terminal may think otherwise of a width, everything right of it is in doubt.
        let doubt = (0..width).find(|x| {
            let (before, after) = (&self.old[(*x, y)], &self.new[(*x, y)]);
            self.differs(*x, y) && !(has_sure_width(before.symbol()) && has_sure_width(after.symbol()))
        });
        let blank_from = self.blank_from(y, width);
        let mut x = 0;
        while x < width {
            let cell = &self.new[(x, y)];
            let cells = u16::try_from(cell_width(cell.symbol())).unwrap_or(1).max(1);
            if !self.differs(x, y) && doubt.is_none_or(|from| x < from) {
                x += cells;
                continue;
            }
            let rest = (x..width).filter(|x| doubt.is_some() || self.differs(*x, y)).count();
            if x >= blank_from && rest >= usize::from(WORTH_ERASING) {
                self.go(x, y);
                self.turn(Look::PLAIN);
                self.bytes.extend_from_slice(b"\x1b[K");
                return;
            }
            self.go(x, y);
            self.turn(Look::of(cell, self.dialect));
            self.put(cell, x, y, cells);
            x += cells;
        }
    }

    fn put(&mut self, cell: &Cell, x: u16, y: u16, cells: u16) {
        self.bytes.extend_from_slice(cell.symbol().as_bytes());
        let sure = has_sure_width(cell.symbol()) && x + cells < self.new.area.width;
        self.at = sure.then_some((x + cells, y));
    }

    fn differs(&self, x: u16, y: u16) -> bool {
        let (before, after) = (&self.old[(x, y)], &self.new[(x, y)]);
        before.symbol() != after.symbol() || Look::of(before, self.dialect) != Look::of(after, self.dialect)
    }

    /// The column from which on a row is empty.
    fn blank_from(&self, y: u16, width: u16) -> u16 {
        let last = (0..width).rev().find(|x| {
            let cell = &self.new[(*x, y)];
            cell.symbol() != " " || Look::of(cell, self.dialect) != Look::PLAIN
        });
        last.map_or(0, |x| x + u16::try_from(cell_width(self.new[(x, y)].symbol())).unwrap_or(1).max(1))
    }

    /// Moves there.
    fn go(&mut self, x: u16, y: u16) {
        if self.at != Some((x, y)) {
            let mut best = absolute(x, y);
            if let Some(from) = self.at {
                for way in self.ways(from, (x, y)) {
                    if way.len() < best.len() {
                        best = way;
                    }
                }
            }
            self.bytes.extend_from_slice(&best);
        }
        self.at = Some((x, y));
    }

    /// Ways from where the cursor is.
    fn ways(&self, (from_x, from_y): (u16, u16), (x, y): (u16, u16)) -> Vec<Vec<u8>> {
        let mut ways = Vec::new();
        if y == from_y && x > from_x {
            ways.push(forward(x - from_x));
            ways.extend(self.over(from_x, x, y));
        }
        if y == from_y && x < from_x && from_x - x <= SMALL_STEPS {
            ways.push(vec![b'\x08'; usize::from(from_x - x)]);
        }
        if y >= from_y && y - from_y <= SMALL_STEPS {
            // The terminal is raw: a line end alone keeps the column, so the first one is asked for.
            let mut way = vec![b'\r'];
            way.resize(1 + usize::from(y - from_y), b'\n');
            if x > 0 {
                way.extend(forward(x));
            }
            ways.push(way);
        }
        ways
    }

    /// What stands between two columns, written once more, where it has the look of now.
    fn over(&self, from: u16, to: u16, y: u16) -> Option<Vec<u8>> {
        if to - from > SMALL_STEPS {
            return None;
        }
        let mut way = Vec::new();
        for x in from..to {
            let cell = &self.new[(x, y)];
            if !matches!(cell.symbol().as_bytes(), [b' '..=b'~']) || Look::of(cell, self.dialect) != self.look
            {
                return None;
            }
            way.extend_from_slice(cell.symbol().as_bytes());
        }
        Some(way)
    }

    /// Takes another look.
    fn turn(&mut self, to: Look) {
        if to == self.look {
            return;
        }
        let anew = codes(&all_of(to));
        let change = self.change(to).map(|change| codes(&change)).filter(|change| change.len() < anew.len());
        self.bytes.extend_from_slice(&change.unwrap_or(anew));
        self.look = to;
    }

    /// The codes that lead from look to look without beginning anew, where there are any.
    fn change(&self, to: Look) -> Option<Vec<u8>> {
        let gone = self.look.modifiers - to.modifiers;
        let mut come = to.modifiers - self.look.modifiers;
        if self.dialect.family == Family::Vt100 && !gone.is_empty() {
            // It takes nothing back but all.
            return None;
        }
        let mut change = Vec::new();
        if gone.intersects(Modifier::BOLD | Modifier::DIM) {
            // One code for both.
            change.push(22);
            come |= to.modifiers & (Modifier::BOLD | Modifier::DIM);
        }
        for (modifier, off) in [(Modifier::UNDERLINED, 24), (Modifier::REVERSED, 27)] {
            if gone.contains(modifier) {
                change.push(off);
            }
        }
        change.extend(on(come));
        if to.ink != self.look.ink {
            change.push(to.ink_code());
        }
        Some(change)
    }
}

/// Whether every terminal takes a cell's text to be as wide as we do: one character of ASCII, or a line or a block.
fn has_sure_width(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    matches!((chars.next(), chars.next()), (Some(' '..='~' | '\u{2500}'..='\u{259f}' | '·'), None))
}

fn absolute(x: u16, y: u16) -> Vec<u8> {
    let mut way = Vec::with_capacity(8);
    // Into a vector: cannot fail.
    let _ = match (x, y) {
        (0, 0) => write!(way, "\x1b[H"),
        (0, _) => write!(way, "\x1b[{}H", y + 1),
        _ => write!(way, "\x1b[{};{}H", y + 1, x + 1),
    };
    way
}

fn forward(columns: u16) -> Vec<u8> {
    if columns == 1 { b"\x1b[C".to_vec() } else { format!("\x1b[{columns}C").into_bytes() }
}

fn on(modifiers: Modifier) -> impl Iterator<Item = u8> {
    let codes = [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)];
    codes.into_iter().filter(move |(modifier, _)| modifiers.contains(*modifier)).map(|(_, code)| code)
}

fn all_of(look: Look) -> Vec<u8> {
    let mut codes = vec![0];
    codes.extend(on(look.modifiers));
    if look.ink.is_some() {
        codes.push(look.ink_code());
    }
    codes
}

fn codes(codes: &[u8]) -> Vec<u8> {
    if codes == [0] {
        return b"\x1b[m".to_vec();
    }
    let joined: Vec<String> = codes.iter().map(u8::to_string).collect();
    format!("\x1b[{}m", joined.join(";")).into_bytes()
}

#[cfg(test)]
mod tests;
