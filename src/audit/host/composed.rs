//! A text put together from pieces of a file, which knows where each byte comes from.

use std::ops::Range;

/// What stands in for a part that is not constant. A plain identifier, so that the text around it still parses.
pub const PLACEHOLDER: &str = "unknown_part";

/// A text with the places that its bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Composed {
    text: String,
    pieces: Vec<Piece>,
    holes: Vec<Hole>,
}

/// A part of the text whose value only running the program would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The placeholder, in bytes of the text.
    pub range: Range<usize>,
    /// The expression, in bytes of the file.
    pub source: Range<usize>,
}

/// A run of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The run, in bytes of the text.
    pub range: Range<usize>,
    /// Where it comes from, in bytes of the file.
    pub source: Range<usize>,
    /// How the one is got from the other.
    pub kind: PieceKind,
}

/// How a run of the text is got from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// Byte by byte the same.
    Verbatim,
    /// An escape sequence, or whitespace that was squeezed.
    Escape,
    /// A placeholder for an expression.
    Hole,
}

/// One step of rewriting a text.
pub(super) enum Edit {
    /// Keep these bytes of it.
    Keep(Range<usize>),
    /// Put a text in the place of these bytes.
    Put(Range<usize>, &'static str),
    /// Put a placeholder in the place of these bytes.
    Hole(Range<usize>),
    /// Put in a text from elsewhere in the file.
    Insert(Composed),
}

impl Composed {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The runs in order; they cover the text without a gap.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The parts that are not constant, in order.
    #[must_use]
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Whether a range of the text touches a part that is not constant.
    #[must_use]
    pub fn is_hole(&self, range: &Range<usize>) -> bool {
        self.holes.iter().any(|hole| hole.range.start < range.end && range.start < hole.range.end)
    }

    /// The byte of the file that a byte of the text comes from: its own for plain text, the start of the escape or
    /// expression otherwise. The end of the text maps behind its last byte. `None` for an empty text, which comes from nowhere.
    #[must_use]
    pub fn locate(&self, offset: usize) -> Option<usize> {
        let after = self.pieces.partition_point(|piece| piece.range.start <= offset);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        if offset >= piece.range.end {
            return Some(piece.source.end);
        }
        Some(match piece.kind {
            PieceKind::Verbatim => piece.source.start + (offset - piece.range.start),
            PieceKind::Escape | PieceKind::Hole => piece.source.start,
        })
    }

    /// The text, when all of it is constant.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        self.holes.is_empty().then_some(self.text.as_str())
    }

    /// Appends bytes of the file as they are.
    pub(super) fn verbatim(&mut self, text: &str, at: usize) {
        if !text.is_empty() {
            self.put(text, at..at + text.len(), PieceKind::Verbatim);
        }
    }

    /// Appends what an escape stands for.
    pub(super) fn escape(&mut self, text: &str, source: Range<usize>) {
        if !text.is_empty() {
            self.put(text, source, PieceKind::Escape);
        }
    }

    /// Appends a placeholder.
    pub(super) fn hole(&mut self, source: Range<usize>) {
        let start = self.text.len();
        self.put(PLACEHOLDER, source.clone(), PieceKind::Hole);
        self.holes.push(Hole { range: start..self.text.len(), source });
    }

    fn put(&mut self, text: &str, source: Range<usize>, kind: PieceKind) {
        let start = self.text.len();
        self.text.push_str(text);
        let range = start..self.text.len();
        if let Some(last) = self.pieces.last_mut()
            && kind == PieceKind::Verbatim
            && last.kind == kind
            && last.source.end == source.start
        {
            last.range.end = range.end;
            last.source.end = source.end;
            return;
        }
        self.pieces.push(Piece { range, source, kind });
    }

    /// Appends a part of another text.
    pub(super) fn append(&mut self, from: &Self, part: &Range<usize>) {
        let first = from.pieces.partition_point(|piece| piece.range.end <= part.start);
        for piece in from.pieces.iter().skip(first).take_while(|piece| piece.range.start < part.end) {
            let start = piece.range.start.max(part.start);
            let end = piece.range.end.min(part.end);
            let Some(text) = from.text.get(start..end) else { continue };
            match piece.kind {
                PieceKind::Verbatim => self.verbatim(text, piece.source.start + (start - piece.range.start)),
                PieceKind::Escape => self.escape(text, piece.source.clone()),
                PieceKind::Hole => self.hole(piece.source.clone()),
            }
        }
    }

    /// The file's bytes that a part of the text comes from, first to last.
    fn source_of(&self, part: &Range<usize>) -> Range<usize> {
        let start = self.locate(part.start).unwrap_or(0);
        let last = self.locate(part.end.saturating_sub(1)).map_or(start, |at| at + 1);
        start..last.max(start)
    }

    /// The text after a list of steps.
    pub(super) fn edited(&self, edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut out = Self::default();
        for edit in edits {
            match edit {
                Edit::Keep(range) => out.append(self, &range),
                Edit::Put(range, text) => out.escape(text, self.source_of(&range)),
                Edit::Hole(range) => out.hole(self.source_of(&range)),
                Edit::Insert(text) => out.append(&text, &(0..text.text.len())),
            }
        }
        out
    }

    /// The text with its constant parts rewritten.
    pub(super) fn rewritten(&self, with: impl Fn(&str) -> String) -> Self {
        let mut out = Self::default();
        for piece in &self.pieces {
            let text = self.text.get(piece.range.clone()).unwrap_or_default();
            match piece.kind {
                PieceKind::Hole => out.hole(piece.source.clone()),
                PieceKind::Verbatim | PieceKind::Escape => {
                    let changed = with(text);
                    if changed == text {
                        out.append(self, &piece.range);
                    } else {
                        out.escape(&changed, piece.source.clone());
                    }
                }
            }
        }
        out
    }

    /// Ruby's `squish`: no space at the ends, one where there were several.
    pub(super) fn squished(&self) -> Self {
        let text = self.text.as_str();
        let mut edits = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                if at > 0 && at + blank < text.len() {
                    edits.push(Edit::Put(at..at + blank, " "));
                }
                at += blank;
            } else {
                let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
                edits.push(Edit::Keep(at..at + word));
                at += word;
            }
        }
        self.edited(edits)
    }

    /// The text without the indentation that all its lines share; lines of nothing but blanks do not count.
    pub(super) fn dedented(&self) -> Self {
        let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let lines = || self.text.split_inclusive('\n');
        let shared = lines().filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or(0);
        let mut edits = Vec::new();
        let mut at = 0;
        for line in lines() {
            edits.push(Edit::Keep(at + shared.min(blanks(line))..at + line.len()));
            at += line.len();
        }
        self.edited(edits)
    }
}
