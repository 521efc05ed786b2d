//! What holds for every text, whatever it is: the properties that fuzzing looks for an exception of. `tests/it` runs them
//! on bounded random changes of the fixtures, the targets beside this file without a bound.

use std::ops::Range;

use cicerone::audit::Lines;
use cicerone::audit::document::of_host;
use cicerone::audit::encoding::{Encoding, decode, text_of};
use cicerone::audit::host::{Language, extract};
use cicerone::audit::inventory::{Chapter, heeds, take};
use cicerone::audit::prepass::{Script, Sent, prepare};
use cicerone::audit::statement::{Nesting, Reading, STACK, Statement, Unread, loose_ends, read};

/// Runs `check` with as much stack as the program gives to its readers.
pub(crate) fn with_stack<T: Send>(check: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, check);
        match thread.expect("a thread").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Any bytes become one text, with the lines of the file.
pub(crate) fn encoding(bytes: &[u8]) {
    let (text, encoding) = decode(bytes);
    assert_eq!(decode(bytes), (text.clone(), encoding));
    assert_eq!(text_of(bytes.to_vec()), text);
    let ends = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
    match encoding {
        Encoding::Utf8 => assert!(bytes.ends_with(text.as_bytes())),
        Encoding::Latin1 => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            assert_eq!(text.chars().count(), bytes.len());
        }
        Encoding::Utf16 => return,
    }
    assert_eq!(ends(text.as_bytes()), ends(bytes));
}

/// The pieces of a text are in order, are inside of it, and nothing moves.
pub(crate) fn prepass(text: &str) {
    let script = prepare(text);
    assert_eq!(script, prepare(text), "read twice");
    assert_eq!(script.text.len(), text.len(), "the length stays");
    let ends = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
    assert_eq!(ends(&script.text), ends(text), "the lines stay");
    let mut behind = 0;
    for piece in &script.pieces {
        let Range { start, end } = piece.range.clone();
        assert!(behind <= start && start < end && end <= text.len(), "{:?} behind {behind}", piece.range);
        assert!(script.text.get(start..end).is_some(), "{:?} cuts a character", piece.range);
        behind = end;
    }
    let inside = |at: &usize| *at < text.len();
    assert!(script.placeholders.iter().all(inside) && script.placeholders.is_sorted());
    assert!(script.includes.iter().all(|(at, _)| inside(at)));
    assert!(script.open.iter().all(|(at, _)| *at <= text.len()));
}

/// Statements are inside of the text, in order and where they are said to be; pieces read alone say what they say together.
pub(crate) fn statement(text: &str) {
    let script = prepare(text);
    let lines = Lines::of(text);
    let count = script.pieces.len();
    let whole = read(&script, 0..count, &lines);
    assert_eq!(whole, read(&script, 0..count, &lines), "read twice");
    placed(text, &lines, &whole.statements, &whole.unread);
    placed(text, &lines, &[], &loose_ends(&script, &lines));
    let direct = whole.statements.iter().filter(|it| it.nesting == Nesting::Direct);
    assert!(direct.map(|it| it.at).is_sorted(), "the order of the text");
    let mut parts = Reading::default();
    for at in 0..count {
        let part = read(&script, at..at + 1, &lines);
        assert!(part.statements.iter().all(|it| within(&script, at, it.at)), "outside of its piece");
        alone(&script, at, &part, &lines);
        parts.statements.extend(part.statements);
        parts.unread.extend(part.unread);
    }
    assert_eq!(whole, parts, "together and one by one");
}

fn within(script: &Script<'_>, piece: usize, at: usize) -> bool {
    script.pieces[piece].range.contains(&at)
}

/// A complete statement says the same with nothing but white space around it.
fn alone(script: &Script<'_>, at: usize, part: &Reading, lines: &Lines) {
    let piece = &script.pieces[at];
    if piece.sent != Sent::Semicolon || !script.text[piece.range.clone()].ends_with(';') {
        return;
    }
    let blank =
        |bytes: &str| bytes.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect::<String>();
    let Range { start, end } = piece.range.clone();
    let text = blank(&script.text[..start]) + &script.text[start..end] + &blank(&script.text[end..]);
    let again = prepare(&text);
    // What is taken for a placeholder once is none a second time, and the other way round.
    if again.pieces.len() == 1 && again.text == text {
        let reading = read(&again, 0..1, lines);
        let said = |reading: &Reading| {
            let statements: Vec<_> =
                reading.statements.iter().map(|it| (it.at, it.end, it.nesting)).collect();
            (statements, reading.unread.len())
        };
        assert_eq!(said(&reading), said(part), "alone: {:?}", &text[start..end]);
    }
}

fn placed(text: &str, lines: &Lines, statements: &[Statement], unread: &[Unread]) {
    for it in statements {
        assert!(it.at < it.end && it.end <= text.len(), "{it:?}");
        assert_eq!(it.place, lines.place(text, it.at), "{it:?}");
    }
    for it in unread {
        assert!(it.at <= text.len(), "{it:?}");
        assert_eq!(it.place, lines.place(text, it.at), "{it:?}");
    }
}

/// What is found in a program is inside of its text.
pub(crate) fn host(language: Language, text: &str) {
    let found = extract(language, text);
    assert_eq!(found, extract(language, text), "read twice");
    let inside = |range: &Range<usize>| range.start <= range.end && range.end <= text.len();
    assert!(found.fragments.iter().all(|it| inside(&it.range)), "{found:?}");
    assert!(found.problems.iter().all(|it| inside(&it.range)), "{found:?}");
    assert!(found.comments.iter().all(|it| inside(it) && text.get(it.clone()).is_some()), "{found:?}");
    let document = of_host(text, &found);
    let lines = Lines::of(text);
    for it in document.statements.iter().chain(&document.undoing) {
        assert!(it.at <= it.end && it.end <= text.len(), "{it:?}");
        assert_eq!(it.place, lines.place(text, it.at), "{it:?}");
        assert!(document.part(it).is_some(), "{it:?}");
    }
    assert!(document.parts.iter().all(|it| inside(&it.range)));
    assert!(document.unread.iter().all(|it| it.at <= text.len()));
}

/// The picture of the catalogs holds no name twice, and what is the same as another knows of it.
pub(crate) fn inventory(text: &str) {
    let script = prepare(text);
    let lines = Lines::of(text);
    let reading = read(&script, 0..script.pieces.len(), &lines);
    let (first, second) = reading.statements.split_at(reading.statements.len() / 2);
    let series = [Chapter { statements: first }, Chapter { statements: second }];
    let found = take(&series);
    assert_eq!(found, take(&series), "taken twice");
    let heeded = |half: &[Statement]| half.iter().filter(|it| heeds(it)).cloned().collect::<Vec<_>>();
    let (first, second) = (heeded(first), heeded(second));
    assert_eq!(
        found,
        take(&[Chapter { statements: &first }, Chapter { statements: &second }]),
        "of those heeded"
    );
    let mut names = std::collections::BTreeSet::new();
    for (at, entry) in found.entries.iter().enumerate() {
        if let Some(standing) = &entry.alive {
            assert!(names.insert(standing.index.clone()), "{:?} stands twice", standing.index);
            assert!(standing.index.name.len() <= 63 && standing.index.schema == standing.table.schema);
        }
        for other in entry.duplicates.iter().chain(&entry.covered_by) {
            let there = found.entries.get(*other).expect("a position");
            assert!(*other != at && there.alive.is_some() && entry.alive.is_some());
        }
        assert!(entry.duplicates.iter().all(|other| found.entries[*other].duplicates.contains(&at)));
    }
}
