//! Pictures of screens for the documentation: what the console draws, as SVG, compared with the committed files.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::domain::target::{Environment, Mode};

use super::console::Console;
use super::render::frame;
use super::testdata::{Script, Texts, operator};
use super::{Charset, Inbound, Theme, UiOptions};

/// A character cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// Around the screen, in pixels.
const MARGIN: f64 = 10.0;
/// Colours of a terminal on a dark background.
const INK: &str = "#d8dee9";
const PAPER: &str = "#1b1f27";
const FAINT: &str = "#7b8494";

fn hex(color: Color) -> &'static str {
    let named = [
        (Color::Green, "#8fc878"),
        (Color::LightMagenta, "#e29bf0"),
        (Color::LightRed, "#ff7b85"),
        (Color::Cyan, "#6cc7d9"),
    ];
    named.into_iter().find(|(name, _)| *name == color).map_or(INK, |(_, hex)| hex)
}

/// Text of one style in one row: column, text, width in cells, and the cell whose style it has.
struct Span<'a> {
    column: u16,
    text: String,
    width: u16,
    style: &'a Cell,
}

fn spans(buffer: &Buffer, row: u16) -> Vec<Span<'_>> {
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut column = 0;
    while column < buffer.area.width {
        let cell = &buffer[(column, row)];
        let width = u16::try_from(crate::text::cell_width(cell.symbol()).max(1)).unwrap();
        match spans.last_mut() {
            Some(last) if last.style.style() == cell.style() => {
                last.text.push_str(cell.symbol());
                last.width += width;
            }
            Some(_) | None => {
                spans.push(Span { column, text: cell.symbol().to_owned(), width, style: cell });
            }
        }
        column += width;
    }
    spans
}

fn svg(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, \
         SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n<title>{title}</title>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    for row in 0..buffer.area.height {
        for span in spans(buffer, row) {
            draw(&mut out, row, &span);
        }
    }
    out + "</svg>\n"
}

fn draw(out: &mut String, row: u16, span: &Span<'_>) {
    let left = MARGIN + f64::from(span.column) * CELL.0;
    let top = MARGIN + f64::from(row) * CELL.1;
    let faint = span.style.modifier.contains(Modifier::DIM);
    let mut ink = if faint { FAINT } else { hex(span.style.fg) };
    if span.style.modifier.contains(Modifier::REVERSED) {
        let width = f64::from(span.width) * CELL.0;
        writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{ink}\"/>",
            CELL.1
        )
        .unwrap();
        ink = PAPER;
    }
    let weight = if span.style.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    // Words, not whole lines: whatever font shows it, every word begins in its own column.
    let mut column = 0.0;
    for word in span.text.split_inclusive("  ") {
        let text = word.trim_end();
        let indent = text.len() - text.trim_start().len();
        let text = text.trim_start();
        if !text.is_empty() {
            let x = left + (column + indent as f64) * CELL.0;
            let length = crate::text::cell_width(text) as f64 * CELL.0;
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.0}\" textLength=\"{length:.1}\" fill=\"{ink}\"{weight}>{escaped}</text>",
                top + 13.5
            )
            .unwrap();
        }
        column += crate::text::cell_width(word) as f64;
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may ask whether to rewrite what it compares with")]
fn in_sync(file: &str, picture: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screens").join(file);
    if std::env::var_os("CICERONE_BLESS").is_some() {
        fs_err::write(&path, picture).unwrap();
    }
    let committed = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(committed == picture, "{} is stale: `make bless`, look at it, commit it", path.display());
}

#[test]
fn the_picture_of_the_builds_is_what_the_console_draws() {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    let options = UiOptions {
        theme: Theme::Default,
        charset: Charset::Unicode,
        environment: Environment::Prod,
        ..UiOptions::default()
    };
    let mut console = Console::new(operator(), options);
    for event in &script.events {
        console.inbound(Inbound::Event(event.clone()), script.now());
    }
    console.read(script.samples(), script.now());
    console.resize((120, 34));
    let (buffer, _) = frame(&console.view(script.now()), Theme::Default);
    in_sync("builds.svg", &svg(&buffer, "Cicerone during the builds"));
}
