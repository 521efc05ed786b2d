//! The twin and the drawn screen say the same.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::domain::sample::{Link, Samples};
use crate::domain::target::Mode;

use super::super::console::Console;
use super::super::render::render;
use super::super::testdata::{Script, Texts, operator};
use super::super::{Charset, Inbound, Theme, UiOptions};
use super::*;

fn options() -> UiOptions {
    UiOptions {
        theme: Theme::Mono,
        charset: Charset::Ascii,
        title: "db1:5432/app".to_owned(),
        ..UiOptions::default()
    }
}

fn scripts(texts: Texts) -> Vec<(Script, Samples)> {
    let mut all = vec![(Script::new(texts, Mode::Live), Samples::default())];
    for script in [
        Script::gate(texts, Mode::Live),
        Script::confirm(texts, Mode::DryRun),
        Script::to_sign(texts, Mode::Rehearsal),
        Script::whole(texts, Mode::Live),
    ] {
        let samples = script.quiet();
        all.push((script, samples));
    }
    let building = Script::building(texts, Mode::Live);
    let lost = Link::Lost { since: building.now(), tries: 3, why: "reset by peer".to_owned() };
    let samples = building.samples();
    all.push((Script::building(texts, Mode::Live), Samples { link: lost, ..samples.clone() }));
    all.push((building, samples));
    all
}

/// A console of a size that looks at a screen.
fn console(script: &Script, samples: &Samples, screen: Screen, size: (u16, u16)) -> Console {
    let mut console = Console::new(operator(), options());
    console.resize(size);
    for event in &script.events {
        console.inbound(Inbound::Event(event.clone()), script.now());
    }
    console.read(samples.clone(), script.now());
    console.look_only_at(screen);
    console
}

fn drawn(console: &Console, now: jiff::Timestamp, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            render(&console.view(now), Theme::Mono, frame.buffer_mut());
        })
        .unwrap();
    terminal.backend().to_string()
}

/// Whether a piece of a screen is one of its lines, bars and marks, or says which part of a list has room on it.
fn is_furniture(word: &str) -> bool {
    let range = |word: &str| {
        word.split_once('-').is_some_and(|(a, b)| [a, b].iter().all(|it| it.parse::<u32>().is_ok()))
    };
    ["(j/k", "scroll,"].contains(&word)
        || range(word)
        || word.chars().all(|char| "-+|[]#.>\"()=_".contains(char))
}

/// What the twin of a screen lacks of the words that are drawn.
fn missing(screen: &str, twin: &Twin) -> Vec<String> {
    let hints: Vec<String> = twin.keys.iter().map(|key| key.key.clone()).collect();
    let said = twin.lines().join("\n");
    let whole: Vec<&str> = said.split_whitespace().collect();
    let mut missing = Vec::new();
    let rows: Vec<&str> = screen.lines().collect();
    // Titles of log and help count lines as they are broken on that screen; the last line has the keys that it has room for.
    let counts = |line: &str| line.contains("-- log  ") || line.contains("-- keys of ");
    for line in rows[..rows.len() - 1].iter().filter(|line| !counts(line)) {
        for word in line.trim_matches('"').split_whitespace() {
            let word = word.trim_matches('-').trim_start_matches('>');
            // What a screen cuts, and how it marks that, is its own affair: the beginning has to be the same.
            let found = match word.split_once("..") {
                Some((head, _)) => whole.iter().any(|said| said.contains(head)),
                None => whole.iter().any(|said| said.contains(word)),
            };
            if !is_furniture(word) && !found && !hints.iter().any(|key| key == word) {
                missing.push(word.to_owned());
            }
        }
    }
    missing
}

#[test]
fn every_word_of_every_screen_is_in_its_twin() {
    for (script, samples) in scripts(Texts::Ordinary) {
        for screen in Screen::ALL {
            for size in [(80, 24), (120, 40), (200, 60)] {
                let small = console(&script, &samples, screen, size);
                let picture = drawn(&small, script.now(), size);
                let whole = console(&script, &samples, screen, WHOLE);
                let twin = twin(&whole.scene(script.now()));
                let missing = missing(&picture, &twin);
                assert!(
                    missing.is_empty(),
                    "{screen:?} {size:?}: {missing:?}\n{picture}\n{}",
                    twin.lines().join("\n")
                );
            }
        }
    }
}

#[test]
fn state_words_and_status_are_those_of_the_screen_row_by_row() {
    for (script, samples) in scripts(Texts::Ordinary) {
        for screen in Screen::ALL {
            let small = console(&script, &samples, screen, (200, 60));
            let whole = console(&script, &samples, screen, WHOLE);
            let twin = twin(&whole.scene(script.now()));
            let Shape::Full(full) = small.view(script.now()).shape else { panic!("200x60 is too small") };
            assert_eq!(twin.status, status_of(&full.status), "{screen:?}");
            let drawn: Vec<&str> = full
                .body
                .iter()
                .flat_map(|block| match block {
                    Block::Table(table) => table.rows.iter().map(|row| row.word.text()).collect(),
                    Block::Heading(..) | Block::Gap | Block::Pane(_) => Vec::new(),
                })
                .collect();
            let said: Vec<&str> =
                twin.table.iter().flat_map(|table| &table.rows).map(|row| row.state).collect();
            assert_eq!(said, drawn, "{screen:?}");
        }
    }
}

#[test]
fn a_twin_has_every_row_and_cuts_nothing() {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    let whole = console(&script, &script.samples(), Screen::Builds, WHOLE);
    let twin = twin(&whole.scene(script.now()));
    assert_eq!(twin.table.as_ref().unwrap().rows.len(), super::super::testdata::NAMES.len());
    let lines = twin.lines();
    assert!(
        lines.iter().any(|line| line.contains("UPDATE leads SET status='won' WHERE id = $1")),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.contains("..") || line.contains("[#")), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("row 2: RUN  idx_calls_parent_sid;") && line.contains("DONE 33%")),
        "{lines:#?}"
    );
}

#[test]
fn hostile_texts_become_no_control_character_of_a_line_and_no_second_line() {
    for (script, samples) in scripts(Texts::Hostile) {
        for screen in Screen::ALL {
            let whole = console(&script, &samples, screen, WHOLE);
            for line in twin(&whole.scene(script.now())).lines() {
                assert!(!line.contains(|char: char| char.is_control()), "{screen:?}: {line:?}");
                assert!(line.is_ascii(), "{screen:?}: {line:?}");
            }
        }
    }
}

#[test]
fn the_twin_as_json_is_what_the_document_says() {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    let mut whole = console(&script, &script.samples(), Screen::Builds, WHOLE);
    let value = serde_json::to_value(twin(&whole.scene(script.now()))).unwrap();
    let row = serde_json::json!({ "state": "RUN", "cursor": false, "cells": {
        "INDEX": "idx_calls_parent_sid", "TABLE": "call_log", "WHERE": "2/9 scan table", "TIME": "00:00:43",
        "DONE": "33%", "LEFT": "~00:02:00", "TRY": "1/3",
    }});
    assert_eq!(value["table"]["rows"][1], row);
    assert_eq!((&value["screen"], &value["format"]), (&"builds".into(), &1.into()));
    assert_eq!(value["status"]["word"], "WAIT");
    assert_eq!(value["bar"]["freshness"], "fresh");
    let key = &value["keys"][0];
    assert_eq!((&key["key"], &key["level"]), (&"s".into(), &"go".into()), "{key}");
    assert!(key["disabled"].as_str().unwrap().contains("at work"), "{key}");
    whole.look_only_at(Screen::Help);
    let help = twin(&whole.scene(script.now()));
    assert!(help.keys.iter().any(|key| key.disabled.is_some()), "a key says why it cannot act");
    // Members that a reader of the document looks for.
    let document =
        fs_err::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/output.md"))
            .unwrap();
    for member in value.as_object().unwrap().keys() {
        assert!(document.contains(&format!("`{member}`")), "docs/output.md says nothing of {member}");
    }
}
