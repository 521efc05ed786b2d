//! What a line means: a key by its name, a command, a filter, a row by its number.

use super::super::command_line::COMMANDS;
use super::super::input::Key;
use super::super::keymap::{Action, See};
use super::super::scene::Scene;
use super::tell::RowKey;

/// Longest filter or command, in characters.
const LONGEST: usize = 80;
/// A movement is repeated at most so often.
const MOST: usize = 1_000;

/// What a line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Keys to press, one after the other.
    pub(super) keys: Vec<Key>,
    /// A row to put the cursor on.
    pub(super) row: Option<RowKey>,
    /// What is to be said of it.
    pub(super) show: Show,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Show {
    /// What changes by itself.
    Changes,
    /// How it stands, in a few lines.
    Standing,
    /// The row under the cursor and its detail.
    Row,
    /// All of the screen.
    Screen,
}

impl Meaning {
    fn keys(keys: Vec<Key>, show: Show) -> Self {
        Self { keys, row: None, show }
    }
}

/// What a line means outside of a panel. `numbered`: rows by the numbers that were said last.
pub(super) fn understood(line: &str, scene: &Scene<'_>, numbered: &[RowKey]) -> Result<Meaning, String> {
    if line.is_empty() {
        return Ok(Meaning::keys(Vec::new(), Show::Standing));
    }
    if let Some(number) = line.parse::<usize>().ok().filter(|number| *number > 0) {
        let row = numbered.get(number - 1).cloned();
        let none = || format!("no row {number} was shown here: . shows the rows with their numbers");
        return Ok(Meaning { keys: Vec::new(), row: Some(row.ok_or_else(none)?), show: Show::Row });
    }
    if let Some(text) = line.strip_prefix('/') {
        return prompt('/', text, Show::Screen);
    }
    if let Some(text) = line.strip_prefix(':') {
        return command(text.trim());
    }
    if line == "." {
        return Ok(Meaning::keys(follow(scene).into_iter().collect(), Show::Screen));
    }
    if let Some(meaning) = key(line, scene) {
        return meaning;
    }
    let known = |text: &str| {
        let word = text.split(' ').next().unwrap_or(text);
        word == "quit" || COMMANDS.iter().any(|(command, _)| command.split(' ').next() == Some(word))
    };
    if known(line) {
        return command(line);
    }
    Err(format!("not understood: {line}. ? lists keys and commands"))
}

/// The key that follows the run: a line with a dot is one of this console's own words, wherever the key was put.
fn follow(scene: &Scene<'_>) -> Option<Key> {
    let bindings = scene.options.keys.bindings();
    bindings.iter().find(|binding| binding.action == Action::See(See::Follow))?.keys.first().copied()
}

fn prompt(mark: char, text: &str, show: Show) -> Result<Meaning, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("at most {LONGEST} characters can be taken after {mark}"));
    }
    let keys = [Key::Char(mark)].into_iter().chain(text.chars().map(Key::Char)).chain([Key::Enter]);
    Ok(Meaning::keys(keys.collect(), show))
}

fn command(text: &str) -> Result<Meaning, String> {
    if text.is_empty() {
        return Err("type the command behind the colon, such as :arm. ? lists them".to_owned());
    }
    let word = text.split(' ').next().unwrap_or(text);
    let show = if ["goto", "blockers", "log", "plan", "help"].contains(&word) {
        Show::Screen
    } else {
        Show::Changes
    };
    prompt(':', text, show)
}

/// A key by its name, a movement with a count behind it where one is wanted.
fn key(line: &str, scene: &Scene<'_>) -> Option<Result<Meaning, String>> {
    let (name, count) = match line.split_once(' ') {
        Some((name, count)) => (name, Some(count.trim().parse::<usize>().ok()?)),
        None => (line, None),
    };
    let bindings = scene.options.keys.bindings();
    let screen = scene.screen();
    let named = bindings.iter().filter(|binding| binding.on(screen)).flat_map(|binding| {
        binding.shown.split(' ').zip(binding.keys.iter()).map(move |(name, key)| (name, *key, binding.action))
    });
    // A letter is itself; a word may be written as it comes.
    let is = |known: &str| known == name || (known.len() > 1 && known.eq_ignore_ascii_case(name));
    let mut found = named.filter(|(known, _, _)| is(known));
    let (_, key, action) = found.next()?;
    let times = match (count, action) {
        (None, _) => 1,
        (Some(count), Action::Move(_) | Action::See(See::NextHit | See::PreviousHit)) => count.min(MOST),
        (Some(_), _) => return Some(Err(format!("{name} takes no number"))),
    };
    Some(match action {
        Action::See(See::Filter) => prompt('/', "", Show::Screen),
        Action::See(See::Command) => command(""),
        // All of it is said at once: there is nothing to scroll, and no pane to change to.
        Action::See(See::Detail | See::NextPane) => Ok(Meaning::keys(Vec::new(), Show::Row)),
        Action::Move(_) | Action::See(See::NextHit | See::PreviousHit) => {
            Ok(Meaning::keys(vec![key; times], Show::Row))
        }
        Action::See(
            See::Back
            | See::Help
            | See::Phase(_)
            | See::Playbook
            | See::Follow
            | See::Freeze
            | See::Log
            | See::Plan
            | See::Blockers
            | See::Repaint,
        ) => Ok(Meaning::keys(vec![key], Show::Screen)),
        Action::See(See::Times | See::Slower | See::Faster | See::CopyRow | See::CopyPane | See::Report)
        | Action::Do(_)
        | Action::Way(_) => Ok(Meaning::keys(vec![key], Show::Changes)),
    })
}
