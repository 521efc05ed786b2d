//! The alphabet of every screen: words, lines, tables, panes. Plain text that is already safe.

use super::super::Hue;

/// What a piece of text says by its look. Colour is a second voice: the words are complete without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Tone {
    /// As it is.
    Plain,
    /// Less important, or not possible now.
    Dim,
    /// To be read first.
    Strong,
    /// As wanted.
    Good,
    /// Not as wanted, but no harm.
    Warn,
    /// Harm.
    Bad,
    /// At work.
    Busy,
    /// A colour that the operator gave to a place, read first as well.
    Hue(Hue),
}

/// The state words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Word {
    /// As wanted.
    Ok,
    /// Not as wanted, no reason to stop.
    Warn,
    /// Failed.
    Fail,
    /// Waits for a session of somebody else, or for its time.
    Wait,
    /// Waits for a person.
    Hold,
    /// At work.
    Run,
    /// Not begun.
    Todo,
    /// Ended as wanted.
    Done,
    /// Left out.
    Skip,
    /// On the server and harmful.
    Bad,
    /// Could not be seen.
    Unknown,
    /// A person goes on all the same.
    Waived,
}

impl Word {
    /// The word.
    pub(in crate::ui) fn text(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Wait => "WAIT",
            Self::Hold => "HOLD",
            Self::Run => "RUN",
            Self::Todo => "TODO",
            Self::Done => "DONE",
            Self::Skip => "SKIP",
            Self::Bad => "BAD",
            Self::Unknown => "UNKNOWN",
            Self::Waived => "WAIVED",
        }
    }

    /// Its look.
    pub(in crate::ui) fn tone(self) -> Tone {
        match self {
            Self::Ok | Self::Done => Tone::Good,
            Self::Warn | Self::Wait | Self::Hold | Self::Waived => Tone::Warn,
            Self::Fail | Self::Bad | Self::Unknown => Tone::Bad,
            Self::Run => Tone::Busy,
            Self::Todo | Self::Skip => Tone::Dim,
        }
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Span {
    /// Safe text.
    pub(in crate::ui) text: String,
    /// Its look.
    pub(in crate::ui) tone: Tone,
}

/// One line; what does not fit is cut at the right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::ui) struct Line(pub(in crate::ui) Vec<Span>);

impl Line {
    /// A line of one tone.
    pub(in crate::ui) fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().then(tone, text)
    }

    /// A plain line.
    pub(in crate::ui) fn plain(text: impl Into<String>) -> Self {
        Self::of(Tone::Plain, text)
    }

    /// With one more piece.
    pub(in crate::ui) fn then(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push(Span { text: text.into(), tone });
        self
    }

    /// With a state word.
    pub(in crate::ui) fn word(self, word: Word) -> Self {
        self.then(word.tone(), word.text())
    }

    /// Without what does not fit into so many cells.
    pub(in crate::ui) fn cut(mut self, cells: usize) -> Self {
        let mut left = cells;
        self.0.retain_mut(|span| {
            span.text = crate::text::cut(&span.text, left);
            left = left.saturating_sub(crate::text::cell_width(&span.text));
            !span.text.is_empty()
        });
        self
    }

    /// The text alone.
    pub(in crate::ui) fn text(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }

    /// Cells that it takes.
    pub(in crate::ui) fn width(&self) -> usize {
        self.0.iter().map(|span| crate::text::cell_width(&span.text)).sum()
    }
}

/// At which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) struct Column {
    /// Heading.
    pub(in crate::ui) title: &'static str,
    /// Cells.
    pub(in crate::ui) width: usize,
    /// Side.
    pub(in crate::ui) align: Align,
}

/// Whether the cursor is on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Chosen {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Row {
    /// The cursor.
    pub(in crate::ui) chosen: Chosen,
    /// Its state.
    pub(in crate::ui) word: Word,
    /// One text per column.
    pub(in crate::ui) cells: Vec<String>,
}

/// A table of state words and columns; only the rows that are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Table {
    /// Cells of the state column.
    pub(in crate::ui) state_width: usize,
    /// All others.
    pub(in crate::ui) columns: Vec<Column>,
    /// Rows in view.
    pub(in crate::ui) rows: Vec<Row>,
    /// What to say when there is no row.
    pub(in crate::ui) empty: String,
}

/// A titled group of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Pane {
    /// In the rule above it.
    pub(in crate::ui) title: String,
    /// Its lines.
    pub(in crate::ui) lines: Vec<Line>,
}

impl Pane {
    /// A pane.
    pub(in crate::ui) fn new(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { title: title.into(), lines }
    }
}

/// Parts of a body from top to bottom; their heights add up to the body's or less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum Block {
    /// The heading: a line, and one at the right.
    Heading(Line, Line),
    /// An empty line.
    Gap,
    /// A table.
    Table(Table),
    /// A pane with its rule.
    Pane(Pane),
}
