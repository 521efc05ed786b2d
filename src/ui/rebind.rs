//! Keys of ones own: which action may be on which key, and why not on another.
//!
//! Only what looks and what holds may be moved, and what holds onto quiet keys alone. Whatever goes on, stops or removes has one key on every machine: hands
//! that learned it elsewhere must not find something else there, nor it somewhere else.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::text::nearest;

use super::input::Key;
use super::keymap::{Action, BINDINGS, Binding, Deed, Keymap, Level, Motion, See, Way};

/// Bytes that end the sequences of arrows and function keys (`ESC [ C`, `ESC O P`, `ESC [ [ A`, `ESC [ 6 ~`,
/// `ESC [ Z`, `ESC [ I` for the focus, `ESC [ M` for a mouse, `ESC [ < 0;1;1 m` for its button let go), stand in their
/// middle, or end rxvt's own for Shift and Ctrl (`ESC [ c`, `ESC [ 3 $`). Our reader puts torn sequences together again, for as long as it can wait; after
/// that these bytes arrive as keys.
const TORN: &str = "ABCDEFHIMOPQRSZ[~;<acdm$^@";

/// What somebody wants on other keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Name of the action, e.g. `log`.
    pub action: String,
    /// Names of its keys, e.g. `L` or `Ctrl-F`.
    pub keys: Vec<String>,
}

/// A wish that is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which wish.
    pub wish: usize,
    /// Which of its keys, when it is about one.
    pub key: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub hint: String,
}

/// A key and how it is written.
type Named = (Key, String);

/// Name of an action in `[keys]`.
fn name(action: Action) -> &'static str {
    match action {
        Action::Move(motion) => match motion {
            Motion::Up => "up",
            Motion::Down => "down",
            Motion::PageUp => "page_up",
            Motion::PageDown => "page_down",
            Motion::First => "first",
            Motion::Last => "last",
        },
        Action::See(see) => match see {
            See::NextPane => "next_pane",
            See::Detail => "detail",
            See::Back => "back",
            See::Help => "help",
            See::Filter => "filter",
            See::Command => "command",
            See::Phase(_) => "phase",
            See::Playbook => "playbook",
            See::Follow => "follow",
            See::Freeze => "freeze",
            See::Plan => "plan",
            See::Log => "log",
            See::Blockers => "blockers",
            See::NextHit => "next_hit",
            See::PreviousHit => "previous_hit",
            See::Times => "times",
            See::Slower => "slower",
            See::Faster => "faster",
            See::CopyRow => "copy_row",
            See::CopyPane => "copy_pane",
            See::Report => "report",
            See::Repaint => "repaint",
        },
        Action::Do(deed) => match deed {
            Deed::Recheck => "recheck",
            Deed::Pause => "pause",
            Deed::Forward => "go",
            Deed::Stop => "stop",
            Deed::Undo => "undo",
            Deed::Waive => "waive",
            Deed::EndSession => "end_session",
            Deed::Skip => "skip",
            Deed::Retry => "retry",
        },
        Action::Way(way) => match way {
            Way::Leave => "leave",
            Way::Interrupt => "interrupt",
            Way::Suspend => "suspend",
        },
    }
}

/// Why an action stays where it is, if it does.
fn fixed(binding: &Binding) -> Option<&'static str> {
    if binding.level >= Level::Go {
        return Some("what goes on, stops or removes has the same key on every machine");
    }
    match binding.action {
        Action::See(See::Detail | See::Back | See::NextPane) => {
            Some("panels and prompts use its key too, and there it always means the same")
        }
        Action::See(See::Phase(_) | See::Playbook) => Some("digits are the numbers of phases"),
        Action::See(See::Repaint) | Action::Way(Way::Interrupt | Way::Suspend) => {
            Some("it is the same in every program of a terminal")
        }
        Action::See(
            See::Help
            | See::Filter
            | See::Command
            | See::Follow
            | See::Freeze
            | See::Plan
            | See::Log
            | See::Blockers
            | See::NextHit
            | See::PreviousHit
            | See::Times
            | See::Slower
            | See::Faster
            | See::CopyRow
            | See::CopyPane
            | See::Report,
        )
        | Action::Move(_)
        | Action::Do(_)
        | Action::Way(Way::Leave) => None,
    }
}

/// Its name in `[keys]`, when it may be moved.
#[cfg_attr(not(test), expect(dead_code, reason = "for the document of keys"))]
pub(super) fn movable(binding: &Binding) -> Option<&'static str> {
    fixed(binding).is_none().then(|| name(binding.action))
}

/// The key that an action keeps among its others: without it nobody would find the way.
fn kept(action: Action) -> Option<(Key, &'static str)> {
    match action {
        Action::See(See::Help) => Some((Key::Char('?'), "?")),
        Action::See(See::Command) => Some((Key::Char(':'), ":")),
        Action::See(See::Filter) => Some((Key::Char('/'), "/")),
        Action::See(_) | Action::Move(_) | Action::Do(_) | Action::Way(_) => None,
    }
}

/// Keys with a name of their own.
const NAMED: [(&str, Key); 18] = [
    ("Up", Key::Up),
    ("Down", Key::Down),
    ("Left", Key::Left),
    ("Right", Key::Right),
    ("Home", Key::Home),
    ("End", Key::End),
    ("PgUp", Key::PageUp),
    ("PgDn", Key::PageDown),
    ("F1", Key::F(1)),
    ("F2", Key::F(2)),
    ("F3", Key::F(3)),
    ("F4", Key::F(4)),
    ("Enter", Key::Enter),
    ("Esc", Key::Esc),
    ("Tab", Key::Tab),
    ("S-Tab", Key::BackTab),
    ("Backspace", Key::Backspace),
    ("Delete", Key::Delete),
];

/// The key of a name, and how it is written.
fn key(name: &str) -> Option<Named> {
    if name.eq_ignore_ascii_case("space") {
        return Some((Key::Char(' '), "Space".to_owned()));
    }
    if let Some((shown, key)) = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some((*key, (*shown).to_owned()));
    }
    let mut chars = name.chars();
    if let (Some(char), None) = (chars.next(), chars.next()) {
        return Some((Key::Char(char), char.to_string()));
    }
    let (control, letter) = name.split_once('-')?;
    let mut chars = letter.chars();
    let (letter, None) = (chars.next()?, chars.next()) else { return None };
    (control.eq_ignore_ascii_case("ctrl") && letter.is_ascii_alphabetic())
        .then(|| (Key::Ctrl(letter.to_ascii_lowercase()), format!("Ctrl-{}", letter.to_ascii_uppercase())))
}

/// Why nothing is put on a key, if nothing is.
fn unfit(key: Key) -> Option<&'static str> {
    match key {
        Key::Enter | Key::Esc | Key::Tab | Key::BackTab => {
            Some("panels and prompts use it too, and there it always means the same")
        }
        Key::Backspace | Key::Delete => Some("it is pressed to correct what was typed"),
        Key::Char(' ') => Some("it is pressed by accident, and to read on"),
        Key::Char('0'..='9') => Some("digits are the numbers of phases"),
        Key::Char(char) if TORN.contains(char) => {
            Some("terminals send it within arrow and function keys, and a slow link tears those apart")
        }
        Key::Char(char) if !char.is_ascii_graphic() => {
            Some("only letters and signs of ASCII arrive the same way from every keyboard and locale")
        }
        Key::Ctrl('c' | 'z' | 'l') => Some("it is the same in every program of a terminal"),
        Key::Ctrl('d' | 'k' | 'r' | 'x') => {
            Some("elsewhere it ends or deletes something, and hands remember")
        }
        Key::Ctrl('h' | 'i' | 'j' | 'm') => Some("to a terminal it is Backspace, Tab or Enter"),
        Key::Ctrl('q' | 's') => Some("it stops and starts the output of terminals"),
        Key::Other => Some("terminals do not agree on it"),
        Key::Char(_)
        | Key::Ctrl(_)
        | Key::Up
        | Key::Down
        | Key::Left
        | Key::Right
        | Key::Home
        | Key::End
        | Key::PageUp
        | Key::PageDown
        | Key::F(_) => None,
    }
}

/// Why nothing that acts at once is put on a key, if nothing is.
fn restless(key: Key) -> Option<&'static str> {
    match key {
        Key::Char(_)
            if BINDINGS.iter().any(|it| matches!(it.action, Action::Move(_)) && it.keys.contains(&key)) =>
        {
            Some("hands know this one as a key that moves the cursor, and keep it down")
        }
        Key::Char(_) => None,
        Key::Up | Key::Down | Key::Left | Key::Right | Key::Home | Key::End | Key::PageUp | Key::PageDown => {
            Some("this one moves the cursor, and hands keep it down")
        }
        Key::Ctrl(_)
        | Key::Enter
        | Key::Esc
        | Key::Tab
        | Key::BackTab
        | Key::Backspace
        | Key::Delete
        | Key::F(_)
        | Key::Other => Some(
            "this one does something else elsewhere, or comes as a sequence that a slow link tears apart",
        ),
    }
}

impl Keymap {
    /// The shipped table with some actions on other keys. An action loses its shipped keys unless they are named too.
    ///
    /// # Errors
    ///
    /// Every wish that is not granted: then none is.
    pub fn rebound(wishes: &[Wish]) -> Result<Self, Vec<Refused>> {
        let mut bindings = BINDINGS.to_vec();
        let mut refused = Vec::new();
        let mut moved = Vec::new();
        for (index, wish) in wishes.iter().enumerate() {
            match granted(index, wish) {
                Ok((row, keys)) => {
                    // What is there already stays as it is written.
                    if let Some(binding) = bindings.get_mut(row).filter(|it| !same(&keys, it)) {
                        let shown: Vec<String> = keys.iter().map(|(_, shown)| shown.clone()).collect();
                        binding.shown = Cow::Owned(shown.join(" "));
                        binding.keys = keys.into_iter().map(|(key, _)| key).collect();
                        moved.push((index, row));
                    }
                }
                Err(mut why) => refused.append(&mut why),
            }
        }
        for (wish, row) in moved {
            refused.extend(taken(wish, row, &bindings));
        }
        refused.sort_by_key(|it| (it.wish, it.key));
        if refused.is_empty() { Ok(Self::of(bindings)) } else { Err(refused) }
    }
}

/// The row that a wish is about, and its keys.
fn granted(index: usize, wish: &Wish) -> Result<(usize, Vec<Named>), Vec<Refused>> {
    let one = |message, hint| vec![Refused { wish: index, key: None, message, hint }];
    let found = BINDINGS.iter().enumerate().find(|(_, binding)| name(binding.action) == wish.action);
    let Some((row, binding)) = found else {
        let known: Vec<&str> =
            BINDINGS.iter().filter(|it| fixed(it).is_none()).map(|it| name(it.action)).collect();
        let valid = format!("valid names: {}", known.join(", "));
        let hint = match nearest(&wish.action, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? {valid}"),
            None => valid,
        };
        return Err(one(format!("no action has the name `{}`", wish.action), hint));
    };
    let mut keys = Vec::new();
    let mut refused = Vec::new();
    for (place, text) in wish.keys.iter().enumerate() {
        match fit(text, binding) {
            Ok(key) => keys.push(key),
            Err((message, hint)) => refused.push(Refused { wish: index, key: Some(place), message, hint }),
        }
    }
    if let Some(why) = fixed(binding) {
        let stays = keys.len() == wish.keys.len() && same(&keys, binding);
        if !stays {
            let message = format!("`{}` stays on `{}`", wish.action, binding.shown);
            return Err(one(message, format!("remove it: {why}")));
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    if keys.is_empty() && !binding.keys.is_empty() {
        let hint = "name at least one, or remove the line to have it on its shipped keys";
        return Err(one(format!("`{}` would have no key", wish.action), hint.to_owned()));
    }
    if let Some((key, shown)) = kept(binding.action)
        && !keys.iter().any(|(it, _)| *it == key)
    {
        let message = format!("`{}` would lose the key `{shown}`", wish.action);
        return Err(one(message, format!("name `{shown}` among its keys: everybody looks for it there")));
    }
    Ok((row, keys))
}

fn same(keys: &[Named], binding: &Binding) -> bool {
    keys.iter().map(|(key, _)| key).eq(binding.keys.iter())
}

/// A key that may be put on an action, or what is wrong with it and what to do.
fn fit(text: &str, binding: &Binding) -> Result<Named, (String, String)> {
    let Some((key, shown)) = key(text) else {
        let names: Vec<&str> = NAMED.iter().take(12).map(|(name, _)| *name).collect();
        let hint = format!("write one letter or sign, Ctrl-F and the like, or {}", names.join(", "));
        return Err((format!("`{text}` is no key that this program knows"), hint));
    };
    // An action may always have what it is shipped with.
    if binding.keys.contains(&key) {
        return Ok((key, shown));
    }
    if let Some(why) = unfit(key) {
        return Err((format!("nothing can be put on `{shown}`"), format!("take another key: {why}")));
    }
    if binding.level >= Level::Hold
        && let Some(why) = restless(key)
    {
        let message = format!("`{}` cannot be on `{shown}`", name(binding.action));
        return Err((message, format!("take a letter or a sign: it acts at once, and {why}")));
    }
    let owner = BINDINGS.iter().find(|it| it.level >= Level::Go && it.keys.contains(&key));
    if let Some(owner) = owner {
        let message = format!("`{shown}` is the key of `{}` and of nothing else", name(owner.action));
        let hint = "take another key: on a screen without it, a hand that learned it would do something else";
        return Err((message, hint.to_owned()));
    }
    Ok((key, shown))
}

/// Keys of a row that another row has on the same screen, or that it has twice.
fn taken(wish: usize, row: usize, bindings: &[Binding]) -> Vec<Refused> {
    let Some(binding) = bindings.get(row) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut refused = Vec::new();
    for (place, (key, shown)) in binding.keys.iter().zip(binding.shown.split(' ')).enumerate() {
        let other = bindings.iter().enumerate().find(|(at, other)| {
            let meet = binding.screens.is_empty()
                || other.screens.is_empty()
                || binding.screens.iter().any(|screen| other.on(*screen));
            *at != row && meet && other.keys.contains(key)
        });
        let (message, hint) = if let Some((_, other)) = other {
            let name = name(other.action);
            (
                format!("`{shown}` is the key of `{name}` on the same screen"),
                format!("take another key, or put `{name}` elsewhere"),
            )
        } else if seen.insert(shown) {
            continue;
        } else {
            (format!("`{shown}` stands there twice"), "remove one of the two".to_owned())
        };
        refused.push(Refused { wish, key: Some(place), message, hint });
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::super::ui_state::Screen;
    use super::*;

    fn wish(action: &str, keys: &[&str]) -> Wish {
        Wish { action: action.to_owned(), keys: keys.iter().map(|key| (*key).to_owned()).collect() }
    }

    fn refusal(action: &str, keys: &[&str]) -> String {
        let refused = Keymap::rebound(&[wish(action, keys)]).expect_err(&format!("{action} on {keys:?}"));
        let said: Vec<String> = refused.iter().map(|it| format!("{}: {}", it.message, it.hint)).collect();
        said.join("\n")
    }

    #[test]
    fn a_look_moves_to_its_new_key_and_leaves_the_old_one() {
        let keys = Keymap::rebound(&[wish("log", &["L", "ctrl-o"]), wish("page_down", &["PgDn", "Ctrl-F"])]);
        let keys = keys.unwrap();
        assert_eq!(keys.action(Key::Char('L'), Screen::Builds), Some(Action::See(See::Log)));
        assert_eq!(keys.action(Key::Ctrl('o'), Screen::Builds), Some(Action::See(See::Log)));
        assert_eq!(keys.action(Key::Char('l'), Screen::Builds), None);
        assert_eq!(keys.action(Key::Ctrl('f'), Screen::Log), Some(Action::Move(Motion::PageDown)));
        assert_eq!(keys.key(Action::See(See::Log)), "L");
        assert_eq!(keys.bindings().iter().filter(|it| it.shown == "L Ctrl-O").count(), 1);
    }

    #[test]
    fn two_actions_may_change_places() {
        let keys = Keymap::rebound(&[wish("freeze", &["t"]), wish("times", &["f"])]).unwrap();
        assert_eq!(keys.action(Key::Char('t'), Screen::Builds), Some(Action::See(See::Freeze)));
        assert_eq!(keys.action(Key::Char('f'), Screen::Builds), Some(Action::See(See::Times)));
        assert!(refusal("freeze", &["t"]).contains("`t` is the key of `times` on the same screen"));
    }

    #[test]
    fn what_goes_on_stops_or_removes_stays_where_it_is() {
        for binding in BINDINGS.iter().filter(|binding| binding.level >= Level::Go) {
            let name = name(binding.action);
            assert!(refusal(name, &["g"]).contains(&format!("`{name}` stays on `{}`", binding.shown)));
            let shipped: Vec<&str> = binding.shown.split(' ').filter(|_| !binding.keys.is_empty()).collect();
            assert_eq!(Keymap::rebound(&[wish(name, &shipped)]), Ok(Keymap::default()), "{name}");
        }
    }

    #[test]
    fn what_holds_is_never_on_a_key_that_moves_the_cursor_or_comes_as_a_sequence() {
        for binding in BINDINGS.iter().filter(|binding| binding.level == Level::Hold) {
            let name = name(binding.action);
            for key in [
                "Up", "Down", "Left", "Right", "Home", "End", "PgUp", "PgDn", "j", "k", "g", "G", "F2",
                "Ctrl-F",
            ] {
                let said = refusal(name, &[key]);
                assert!(
                    said.contains(&format!("`{name}` cannot be on `{key}`: take a letter or a sign")),
                    "{said}"
                );
            }
            for key in ["Enter", "Space", "Esc", "Tab", "Backspace", "7", "m"] {
                assert!(refusal(name, &[key]).contains("nothing can be put on"), "{key}");
            }
            assert!(Keymap::rebound(&[wish(name, &["v"])]).is_ok());
            // Not even where the movement has moved away.
            let refused = Keymap::rebound(&[wish("down", &["Down"]), wish(name, &["j"])]).unwrap_err();
            assert!(refused[0].message.contains("cannot be on `j`"), "{refused:?}");
        }
    }

    #[test]
    fn nothing_moves_onto_a_key_of_what_acts_on_whatever_screen() {
        for binding in BINDINGS.iter().filter(|binding| binding.level >= Level::Go) {
            for key in binding.keys.iter() {
                let Key::Char(char) = key else { panic!("{key:?}") };
                // Neither the report nor the pre-flight's own keys are on the screen of `K`.
                let said = refusal("report", &[&char.to_string()]);
                assert!(said.contains("and of nothing else"), "{char}: {said}");
            }
        }
    }

    #[test]
    fn dangerous_keys_are_refused_each_with_its_reason() {
        for (key, why) in [
            ("Enter", "panels and prompts"),
            ("Esc", "panels and prompts"),
            ("tab", "panels and prompts"),
            ("S-Tab", "panels and prompts"),
            ("Space", "by accident"),
            (" ", "by accident"),
            ("7", "phases"),
            ("Backspace", "correct"),
            ("Delete", "correct"),
            ("Ctrl-C", "every program"),
            ("Ctrl-z", "every program"),
            ("Ctrl-L", "every program"),
            ("Ctrl-D", "hands remember"),
            ("Ctrl-K", "hands remember"),
            ("Ctrl-R", "hands remember"),
            ("Ctrl-X", "hands remember"),
            ("Ctrl-M", "Enter"),
            ("Ctrl-S", "output"),
            ("ö", "ASCII"),
            ("F9", "no key that this program knows: write one letter"),
            ("", "no key that this program knows"),
        ] {
            let said = refusal("report", &[key]);
            assert!(said.contains(why), "{key}: {said}");
        }
        for char in TORN.chars() {
            assert!(refusal("report", &[&char.to_string()]).contains("tears those apart"), "{char}");
        }
    }

    #[test]
    fn every_byte_that_ends_a_key_of_the_reader_is_refused() {
        use super::super::input::Token;
        use std::time::Duration;
        for last in 0x40..=0x7e_u8 {
            for lead in [&b"\x1b["[..], b"\x1bO", b"\x1b[["] {
                let out = super::super::input::tokens(&[lead, &[last]].concat(), Duration::from_millis(50));
                let known = out.iter().any(|token| *token != Token::Key(Key::Other));
                assert!(!known || TORN.contains(char::from(last)), "{lead:?} {}", char::from(last));
            }
        }
        for last in "Mm".chars() {
            assert!(TORN.contains(last), "a mouse's button, down and up: {last}");
        }
    }

    #[test]
    fn help_filter_and_command_line_keep_their_signs() {
        for (name, sign) in [("help", "?"), ("command", ":"), ("filter", "/")] {
            assert!(refusal(name, &["h"]).contains(&format!("would lose the key `{sign}`")));
            assert!(Keymap::rebound(&[wish(name, &["h", sign])]).is_ok(), "{name}");
        }
        assert!(refusal("log", &["?"]).contains("`?` is the key of `help`"));
        assert!(refusal("log", &[]).contains("would have no key"));
        assert!(refusal("log", &["L", "L"]).contains("twice"));
    }

    #[test]
    fn an_unknown_action_gets_the_nearest_name() {
        assert!(refusal("freze", &["z"]).contains("did you mean `freeze`?"));
    }

    #[test]
    fn names_of_actions_are_unique() {
        let names: BTreeSet<&str> = BINDINGS.iter().map(|binding| name(binding.action)).collect();
        assert_eq!(names.len(), BINDINGS.len());
    }
}
