//! The rules as text: for people at a terminal, and as the page `docs/rules.md`.

use std::fmt::Write as _;

use super::rule::{ALL, Example, Rule};

/// All that is to be said of a rule.
pub fn explain(rule: &Rule) -> String {
    let mut out =
        format!("{} ({})\n{}\n\n{}\n", rule.id, rule.severity.word(), rule.summary, wrapped(rule.why));
    for (title, example) in [("Found", rule.bad), ("Not found", rule.good)] {
        for (path, text) in example {
            let _ = write!(out, "\n{title}, in {path}:\n\n");
            for line in unmarked(text).lines() {
                let _ = writeln!(out, "{}", format!("    {line}").trim_end());
            }
        }
    }
    out
}

/// The page of all rules, as it is committed.
pub fn page() -> String {
    let mut out = String::from(
        "# Rules\n\nWhat `cicerone lint` looks for. This page is made from the rules themselves; each example is also a test. How to run it,\n\
         configure it and allow a single finding: [Lint](lint.md).\n\n| rule | by default | |\n|---|---|---|\n",
    );
    for rule in ALL {
        let _ =
            writeln!(out, "| [{}](#{}) | {} | {} |", rule.id, rule.id, rule.severity.word(), rule.summary);
    }
    for rule in ALL {
        let _ = write!(out, "\n## {}\n\n{}.\n\n{}\n", rule.id, capital(rule.summary), wrapped(rule.why));
        for (title, example) in [("Found", rule.bad), ("Not found", rule.good)] {
            let _ = write!(out, "\n{}", fenced(title, example));
        }
    }
    out
}

fn fenced(title: &str, example: Example) -> String {
    let mut out = String::new();
    for (path, text) in example {
        let language = match path.rsplit('.').next() {
            Some("py") => "python",
            Some("rb") => "ruby",
            Some("ts") => "ts",
            Some("toml") => "toml",
            _ => "sql",
        };
        let _ = write!(out, "{title}, in `{path}`:\n\n```{language}\n{}\n```\n", unmarked(text).trim_end());
    }
    out
}

/// An example without the marks of its places.
pub(super) fn unmarked(text: &str) -> String {
    text.replace(['«', '»'], "")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Paragraphs in lines of a bearable length.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut out = String::new();
    for (position, paragraph) in text.split("\n\n").enumerate() {
        if position > 0 {
            out.push_str("\n\n");
        }
        let mut room = WIDTH;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if room < WIDTH && length < room {
                out.push(' ');
                room -= 1;
            } else if room < WIDTH {
                out.push('\n');
                room = WIDTH;
            }
            out.push_str(word);
            room = room.saturating_sub(length);
        }
    }
    out
}
