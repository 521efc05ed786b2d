//! Pictures of every screen for the documentation: what the console draws of scripted states, as SVG, compared with the
//! committed files.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::super::Hand;
use super::super::render::frame;
use super::super::ui_state::Screen;
use super::*;

/// A character cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// Around the screen, in pixels.
const MARGIN: f64 = 10.0;
/// What a terminal makes of the 16 colours.
struct Palette {
    ink: &'static str,
    paper: &'static str,
    faint: &'static str,
    named: [(Color, &'static str); 6],
}

const DARK: Palette = Palette {
    ink: "#d8dee9",
    paper: "#1b1f27",
    faint: "#7b8494",
    named: [
        (Color::Green, "#8fc878"),
        (Color::LightMagenta, "#e29bf0"),
        (Color::LightRed, "#ff7b85"),
        (Color::Cyan, "#6cc7d9"),
        (Color::LightBlue, "#7fb0ff"),
        (Color::Yellow, "#e5c06c"),
    ],
};

const LIGHT: Palette = Palette {
    ink: "#24292f",
    paper: "#ffffff",
    faint: "#8a919a",
    named: [
        (Color::Green, "#2f7d32"),
        (Color::LightMagenta, "#b026c4"),
        (Color::LightRed, "#d3232f"),
        (Color::Cyan, "#1b7c8c"),
        (Color::LightBlue, "#1f5fd0"),
        (Color::Yellow, "#8f6a00"),
    ],
};

impl Palette {
    fn hex(&self, color: Color) -> &'static str {
        self.named.iter().find(|(name, _)| *name == color).map_or(self.ink, |(_, hex)| hex)
    }
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

fn svg(buffer: &Buffer, title: &str, palette: &Palette) -> String {
    let paper = palette.paper;
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, \
         SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n<title>{title}</title>\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\" fill=\"{paper}\"/>\n"
    );
    for row in 0..buffer.area.height {
        for span in spans(buffer, row) {
            draw(&mut out, row, &span, palette);
        }
    }
    out + "</svg>\n"
}

fn draw(out: &mut String, row: u16, span: &Span<'_>, palette: &Palette) {
    let left = MARGIN + f64::from(span.column) * CELL.0;
    let top = MARGIN + f64::from(row) * CELL.1;
    let faint = span.style.modifier.contains(Modifier::DIM);
    let mut ink = if faint { palette.faint } else { palette.hex(span.style.fg) };
    if span.style.modifier.contains(Modifier::REVERSED) {
        let width = f64::from(span.width) * CELL.0;
        writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{ink}\"/>",
            CELL.1
        )
        .unwrap();
        ink = palette.paper;
    }
    let modifier = span.style.modifier;
    let weight = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let line = if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
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
                "<text x=\"{x:.1}\" y=\"{:.0}\" textLength=\"{length:.1}\" fill=\"{ink}\"{weight}{line}>{escaped}</text>",
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
    assert!(committed == picture, "{} is stale: `make screenshots`, look at it, commit it", path.display());
}

/// Draws what is before the operator into a file of the documentation.
fn shot(file: &str, title: &str, mut desk: Desk, size: (u16, u16), palette: &Palette) {
    desk.console.resize(size);
    let (buffer, _) = frame(&desk.console.view(desk.now), desk.console.theme());
    in_sync(&format!("{file}.svg"), &svg(&buffer, title, palette));
}

fn at(script: &Script, samples: Samples) -> Desk {
    let mut desk = Desk::with(Theme::Default, Charset::Unicode);
    desk.follow(script, samples);
    desk.see();
    desk
}

/// In the middle of the builds, with five minutes of readings behind it.
fn building(theme: Theme) -> Desk {
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    let end = Some("2026-11-20T05:00:00Z".parse().unwrap());
    script.push(EventKind::Run(RunEvent::WindowSet { by: operator(), end }));
    let mut desk = Desk::with(theme, Charset::Unicode);
    desk.follow(&script, Samples::default());
    let mut blocks = 0;
    for second in (0..300_u64).rev() {
        let mut samples = script.samples();
        samples.at = Some(desk.now - jiff::SignedDuration::from_secs(i64::try_from(second).unwrap()));
        // Faster and slower, as a busy disk is.
        blocks += 120 + (second * second / 7) % 140 + (second % 40) * 3;
        if let Some(seen) = samples.builds.get_mut(&script.key(4)).and_then(|sample| sample.seen.as_mut()) {
            seen.blocks.done = blocks;
        }
        samples.server.wal_per_second =
            Some(crate::domain::unit::Bytes(20_000_000 + (second * 977 % 31) * 900_000));
        desk.console.read(samples, desk.now);
    }
    desk.see();
    desk
}

fn armed(keys: &[&str]) -> Desk {
    let mut desk = building(Theme::Default);
    desk.arm();
    for text in keys {
        desk.see().keys(text);
    }
    desk.see();
    desk
}

fn looking(mut desk: Desk, keys: &str) -> Desk {
    desk.keys(keys).see();
    desk
}

#[test]
fn pictures_before_the_builds() {
    let script = Script::gate(Texts::Ordinary, Mode::Live);
    shot("preflight", "Pre-flight with a closed gate", at(&script, script.quiet()), (80, 24), &DARK);
    shot("plan", "The plan and its estimates", looking(at(&script, script.quiet()), "i"), (120, 34), &DARK);
    let mut script = Script::confirm(Texts::Ordinary, Mode::Live);
    let end = Some("2026-11-20T05:00:00Z".parse().unwrap());
    script.push(EventKind::Run(RunEvent::WindowSet { by: operator(), end }));
    shot("playbook", "The playbook waits for a person", at(&script, script.quiet()), (80, 24), &DARK);
    shot(
        "go",
        "A step begins when its word was typed",
        looking(at(&script, script.quiet()), "s"),
        (80, 24),
        &DARK,
    );
}

#[test]
fn pictures_of_the_builds() {
    let desk = || building(Theme::Default);
    let on = |key: &str| looking(desk(), key);
    shot("builds", "Builds, one of them held up", looking(desk(), "j"), (120, 36), &DARK);
    shot("builds-80x24", "The same on a small terminal", desk(), (80, 24), &DARK);
    shot("builds-wide", "The same on a very wide one", desk(), (200, 50), &DARK);
    shot("builds-tiny", "The same on a phone", desk(), (44, 8), &DARK);
    shot("builds-light", "The same on a light background", desk(), (80, 24), &LIGHT);
    shot("high-contrast", "Theme high-contrast", building(Theme::HighContrast), (80, 24), &DARK);
    shot("colour-blind", "Theme colour-blind", building(Theme::ColourBlind), (80, 24), &DARK);
    shot("blockers", "Who holds builds up, now and later", on("b"), (80, 24), &DARK);
    shot("help", "Help, with the reason why a key cannot act", on("?"), (80, 24), &DARK);
    shot("log", "The whole log", on("l"), (80, 24), &DARK);
    let mut watching = desk();
    let holder = Some(Person("ana".to_owned()));
    watching.console.inbound(Inbound::Hand(Hand::Theirs { holder }), watching.now);
    shot("watching", "A second console only watches", watching, (120, 24), &DARK);
    let mut lost = desk();
    let mut samples = lost.console.samples.clone();
    samples.link = Link::Lost { since: lost.now, tries: 3, why: "connection reset by peer".to_owned() };
    lost.console.read(samples, lost.now);
    lost.pass(12_000);
    shot("link-lost", "The link is lost: the last picture stays", lost, (80, 24), &DARK);
}

#[test]
fn pictures_of_panels_and_of_the_end() {
    shot(
        "undo",
        "Undo: cost, who would hold it up, and a typed name",
        armed(&["u", "idx_leads"]),
        (80, 24),
        &DARK,
    );
    let end = armed(&["b", "K", "terminate\n1234 b"]);
    shot("end-session", "Ending a session is the last resort", end, (80, 24), &DARK);
    let script = Script::to_sign(Texts::Ordinary, Mode::Live);
    shot("verify", "Verified, with plans before and after", at(&script, script.quiet()), (120, 34), &DARK);
    let script = Script::whole(Texts::Ordinary, Mode::Live);
    let mut desk = at(&script, script.quiet());
    let words = vec!["report /var/lib/cicerone/runs/20261120-025625-a7f3/report.md".to_owned()];
    desk.console.inbound(Inbound::EngineEnded { words }, desk.now);
    shot("end", "The end of a run", desk, (80, 24), &DARK);
}

#[test]
fn every_screen_has_its_picture_and_no_picture_is_left_over() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/console.md");
    let text = fs_err::read_to_string(page).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screens");
    for entry in fs_err::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("screens/{name}")), "docs/console.md does not show {name}");
    }
    for screen in Screen::ALL {
        let file = if screen == Screen::Steps { "playbook" } else { screen.name() };
        assert!(text.contains(&format!("screens/{file}.svg")), "docs/console.md does not show {file}");
    }
}
