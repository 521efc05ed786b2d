use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::ability::Notices;
use super::*;

const SIZE: (u16, u16) = (24, 5);

const FAMILIES: [Dialect; 5] = [
    Dialect { family: Family::Xterm, palette: Palette::Sixteen, notices: Notices::Unsure },
    Dialect { family: Family::Tmux, palette: Palette::Eight, notices: Notices::Unsure },
    Dialect { family: Family::Screen, palette: Palette::Eight, notices: Notices::Unsure },
    Dialect { family: Family::Linux, palette: Palette::Eight, notices: Notices::Unsure },
    Dialect { family: Family::Vt100, palette: Palette::None, notices: Notices::Unsure },
];

fn blank() -> Buffer {
    Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1))
}

fn parser() -> vt100::Parser {
    let cells = |count| std::num::NonZeroU16::new(count).unwrap();
    vt100::Parser::new(cells(SIZE.1), cells(SIZE.0), 0)
}

fn changes(dialect: Dialect, old: &Buffer, new: &Buffer) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_changes(dialect, old, new, &mut bytes);
    bytes
}

fn text(dialect: Dialect, old: &Buffer, new: &Buffer) -> String {
    String::from_utf8(changes(dialect, old, new)).unwrap()
}

/// Every cell of a terminal, as it looks.
fn cells(parser: &vt100::Parser) -> Vec<String> {
    let screen = parser.screen();
    let places = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    places
        .map(|(x, y)| {
            let cell = screen.cell(y, x).unwrap();
            let text = if cell.contents().is_empty() { " " } else { cell.contents() };
            let text = if cell.is_wide_continuation() { "" } else { text };
            let attributes = (cell.bold(), cell.dim(), cell.underline(), cell.inverse());
            format!("{text} {:?} {attributes:?}", cell.fgcolor())
        })
        .collect()
}

fn piece() -> impl Strategy<Value = (u16, u16, String, Style)> {
    let words = prop::sample::select(vec![
        "a",
        "WAIT",
        "00:12:03",
        "日本",
        "e\u{301}",
        "größe",
        "─────",
        "█",
        " ",
        "        ",
        "x y z",
        "한",
        "c\u{323}\u{302}d",
    ]);
    let inks = prop::sample::select(vec![
        Color::Reset,
        Color::Green,
        Color::Cyan,
        Color::LightRed,
        Color::LightMagenta,
        Color::Yellow,
        Color::LightBlue,
    ]);
    (0..SIZE.0, 0..SIZE.1, words, inks, 0_u16..16).prop_map(|(x, y, word, ink, attributes)| {
        let all = [Modifier::BOLD, Modifier::DIM, Modifier::UNDERLINED, Modifier::REVERSED];
        let chosen = all.into_iter().enumerate().filter(|(bit, _)| attributes & (1 << bit) != 0);
        let modifiers = chosen.fold(Modifier::empty(), |sum, (_, modifier)| sum | modifier);
        (x, y, word.to_owned(), Style::new().fg(ink).add_modifier(modifiers))
    })
}

fn picture() -> impl Strategy<Value = Buffer> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| {
        let mut buffer = blank();
        for (x, y, text, style) in pieces {
            buffer.set_stringn(x, y, text, usize::from(SIZE.0 - x), style);
        }
        buffer
    })
}

proptest! {
    #[test]
    fn changes_of_changes_show_what_a_picture_written_at_once_shows(pictures in prop::collection::vec(picture(), 1..5)) {
        for dialect in FAMILIES {
            let mut step_by_step = parser();
            let mut old = blank();
            for new in &pictures {
                step_by_step.process(&changes(dialect, &old, new));
                let mut at_once = parser();
                at_once.process(&changes(dialect, &blank(), new));
                prop_assert_eq!(cells(&step_by_step), cells(&at_once), "{:?}", dialect);
                // And that is what was drawn.
                let drawn: Vec<String> = (0..SIZE.1).map(|y| row_of(dialect, new, y)).collect();
                let shown: Vec<String> =
                    step_by_step.screen().rows(0, SIZE.0).map(|row| row.trim_end().to_owned()).collect();
                prop_assert_eq!(shown, drawn);
                old.clone_from(new);
            }
        }
    }

    #[test]
    fn no_family_is_told_what_it_does_not_know(old in picture(), new in picture()) {
        for dialect in FAMILIES {
            let bytes = text(dialect, &old, &new);
            prop_assert!(!bytes.contains("38;") && !bytes.contains("48;") && !bytes.contains("[?"), "{bytes:?}");
            for codes in bytes.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')) {
                let Ok(codes) = codes.0.split(';').filter(|it| !it.is_empty()).map(str::parse::<u8>).collect::<Result<Vec<_>, _>>()
                else { continue };
                for code in codes {
                    let known = match (dialect.family, dialect.palette) {
                        (Family::Vt100, _) => matches!(code, 0 | 1 | 4 | 7),
                        (_, Palette::Sixteen) => matches!(code, 0..=2 | 4 | 7 | 22 | 24 | 27 | 30..=37 | 39 | 90..=97),
                        (_, Palette::Eight | Palette::None) => matches!(code, 0..=2 | 4 | 7 | 22 | 24 | 27 | 30..=37 | 39),
                    };
                    prop_assert!(known, "{code} for {dialect:?}: {bytes:?}");
                }
            }
        }
    }
}

fn row_of(dialect: Dialect, buffer: &Buffer, y: u16) -> String {
    let mut row = String::new();
    let mut x = 0;
    let last_is_left_out = dialect.family == Family::Vt100 && y + 1 == SIZE.1;
    let width = if last_is_left_out { SIZE.0 - 1 } else { SIZE.0 };
    while x < width {
        let symbol = buffer[(x, y)].symbol();
        let cells = u16::try_from(cell_width(symbol).max(1)).unwrap();
        // Half of a character would be in the cell that is left out.
        row.push_str(if x + cells > width { " " } else { symbol });
        x += cells;
    }
    row.trim_end().to_owned()
}

fn two(before: &str, after: &str) -> (Buffer, Buffer) {
    let (mut old, mut new) = (blank(), blank());
    old.set_string(0, 1, before, Style::new());
    new.set_string(0, 1, after, Style::new());
    (old, new)
}

#[test]
fn a_clock_that_goes_on_costs_its_digits() {
    let (old, new) = two("up 03:22:09Z", "up 03:22:10Z");
    assert_eq!(text(FAMILIES[0], &old, &new), "\x1b[2;10H10");
    let (old, new) = two("12:00  40%", "13:00  41%");
    assert_eq!(
        text(FAMILIES[0], &old, &new),
        "\x1b[2;2H3\x1b[6C1",
        "the way forward is shorter than the place"
    );
    let (old, new) = two("1a2a3", "4a5a6");
    assert_eq!(text(FAMILIES[0], &old, &new), "\x1b[2H4a5a6", "what stands between is shorter still");
}

#[test]
fn the_rest_of_a_row_is_erased_and_a_row_below_is_one_line_end_away() {
    let (old, new) = two("a long line here", "a");
    assert_eq!(text(FAMILIES[0], &old, &new), "\x1b[2;3H\x1b[K");
    let mut next = blank();
    next.set_string(0, 0, "a", Style::new());
    next.set_string(0, 1, "b", Style::new());
    assert_eq!(text(FAMILIES[0], &blank(), &next), "\x1b[Ha\r\nb");
}

#[test]
fn looks_change_by_what_is_different() {
    let mut new = blank();
    new.set_string(0, 0, "a", Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD));
    new.set_string(1, 0, "b", Style::new().fg(Color::LightRed));
    new.set_string(2, 0, "c", Style::new());
    assert_eq!(text(FAMILIES[0], &blank(), &new), "\x1b[H\x1b[1;91ma\x1b[22mb\x1b[mc");
    assert_eq!(
        text(FAMILIES[3], &blank(), &new),
        "\x1b[H\x1b[1;31mab\x1b[mc",
        "eight colours are brighter in bold"
    );
    assert_eq!(text(FAMILIES[4], &blank(), &new), "\x1b[H\x1b[1mab\x1b[mc");
}

#[test]
fn after_a_text_whose_width_may_be_seen_otherwise_places_are_named() {
    let (old, new) = two("", "日x");
    assert_eq!(text(FAMILIES[0], &old, &new), "\x1b[2H日\x1b[2;3Hx\x1b[K");
    // What a terminal may have made of the old one is written over up to the end of the row.
    let (old, new) = two("日x!", "a x!");
    assert_eq!(text(FAMILIES[0], &old, &new), "\x1b[2Ha x!\x1b[K");
}
