//! Keys and what they do: one table, from which hints and help are made.

use std::borrow::Cow;

use super::input::Key;
use super::ui_state::Screen;

/// How dangerous an action is, and so how it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Looks: one key, at any time.
    Look,
    /// Holds: one key, at once.
    Hold,
    /// Goes on, or stops own work: a panel and a typed word.
    Go,
    /// Removes, or touches others: ARMED, a panel, and the typed name of the thing.
    Remove,
}

impl Level {
    /// For the help screen.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Hold => "hold",
            Self::Go => "go",
            Self::Remove => "armed",
        }
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Moves the cursor.
    Move(Motion),
    /// Shows something else.
    See(See),
    /// Wants something of the engine.
    Do(Deed),
    /// Leaves the screen.
    Way(Way),
}

/// Movement of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Motion {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// The first row.
    First,
    /// The last row.
    Last,
}

/// Something else to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum See {
    /// The next pane.
    NextPane,
    /// Detail of the row.
    Detail,
    /// One level back.
    Back,
    /// Help for this screen.
    Help,
    /// Narrows the list.
    Filter,
    /// The command line.
    Command,
    /// A phase of the playbook, from 1.
    Phase(u8),
    /// The playbook.
    Playbook,
    /// Wherever the run is.
    Follow,
    /// A picture that stands still.
    Freeze,
    /// The plan with its estimates.
    Plan,
    /// The full log.
    Log,
    /// Who holds builds up.
    Blockers,
    /// The next row that the filter means.
    NextHit,
    /// The one before.
    PreviousHit,
    /// Times in UTC, in the operator's zone, or as ages.
    Times,
    /// A longer time between two pictures.
    Slower,
    /// A shorter one.
    Faster,
    /// The statement of the row, to the clipboard and as plain text.
    CopyRow,
    /// All of the screen likewise.
    CopyPane,
    /// The report of the run as it is now.
    Report,
    /// The same, written anew.
    Repaint,
}

/// A wish for the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Deed {
    /// Plan and checks anew.
    Recheck,
    /// Pauses the queue; resumes it by a panel.
    Pause,
    /// The forward step.
    Forward,
    /// Stops an own build.
    Stop,
    /// Drops what this run made.
    Undo,
    /// Goes on although a check does not pass.
    Waive,
    /// Cancels or ends somebody's session.
    EndSession,
    /// Leaves an entry out.
    Skip,
    /// Another attempt.
    Retry,
}

/// Off the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// Leaves.
    Leave,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    /// Keys; none for what the command line alone does.
    pub(super) keys: Cow<'static, [Key]>,
    /// How they are written.
    pub(super) shown: Cow<'static, str>,
    /// What they do.
    pub(super) action: Action,
    /// How dangerous that is; `allowed::level` says what is so now.
    pub(super) level: Level,
    /// Two dots at the end of the hint: a panel opens.
    pub(super) hint: Option<&'static str>,
    /// For the help screen.
    pub(super) what: &'static str,
    /// Where; empty for everywhere.
    pub(super) screens: &'static [Screen],
}

/// A rollback drops while its step waits for a signature.
const STOPPABLE: &[Screen] = &[Screen::Builds, Screen::Blockers, Screen::Verify];
const RUN: &[Screen] = &[Screen::Steps, Screen::Builds, Screen::Blockers, Screen::Verify];

macro_rules! bind {
    ($keys:expr, $shown:literal, $action:expr, $level:ident, $hint:expr, $what:literal, $screens:expr) => {
        Binding {
            keys: Cow::Borrowed($keys),
            shown: Cow::Borrowed($shown),
            action: $action,
            level: Level::$level,
            hint: $hint,
            what: $what,
            screens: $screens,
        }
    };
}

/// The table as it is shipped. Hints are shown in this order as far as there is room.
pub(super) const BINDINGS: &[Binding] = &[
    bind!(
        &[Key::Char('s')],
        "s",
        Action::Do(Deed::Forward),
        Go,
        Some("go.."),
        "the forward step: go at a held step, or sign off",
        &[]
    ),
    bind!(
        &[Key::Char('b')],
        "b",
        Action::See(See::Blockers),
        Look,
        Some("blockers"),
        "who holds builds up, now and later",
        RUN
    ),
    bind!(
        &[Key::Char('K')],
        "K",
        Action::Do(Deed::EndSession),
        Remove,
        Some("end session.."),
        "cancel the statement of this session, or end it",
        &[Screen::Blockers]
    ),
    bind!(
        &[Key::Char('w')],
        "w",
        Action::Do(Deed::Waive),
        Remove,
        Some("waive.."),
        "go on although the check under the cursor does not pass",
        &[Screen::Preflight]
    ),
    bind!(
        &[Key::Char('r')],
        "r",
        Action::Do(Deed::Recheck),
        Look,
        Some("recheck"),
        "plan and checks anew (reads only)",
        &[]
    ),
    bind!(
        &[Key::Char('p')],
        "p",
        Action::Do(Deed::Pause),
        Hold,
        Some("pause"),
        "nothing new starts; again: a panel to go on",
        &[]
    ),
    bind!(
        &[Key::Char('x')],
        "x",
        Action::Do(Deed::Stop),
        Go,
        Some("stop.."),
        "stop the own build or drop under the cursor",
        STOPPABLE
    ),
    bind!(
        &[Key::Char('u')],
        "u",
        Action::Do(Deed::Undo),
        Remove,
        Some("undo.."),
        "drop what this run made: this entry, or all of it",
        RUN
    ),
    bind!(&[], ":skip", Action::Do(Deed::Skip), Go, None, "leave the entry under the cursor out", &[]),
    bind!(
        &[],
        ":retry",
        Action::Do(Deed::Retry),
        Go,
        None,
        "another attempt at the entry under the cursor",
        &[]
    ),
    bind!(
        &[Key::Char(':')],
        ":",
        Action::See(See::Command),
        Look,
        Some("command"),
        "command line; Tab completes, Up and Down recall",
        &[]
    ),
    bind!(&[Key::Char('/')], "/", Action::See(See::Filter), Look, Some("filter"), "narrow the list", &[]),
    bind!(
        &[Key::Char('i')],
        "i",
        Action::See(See::Plan),
        Look,
        Some("plan"),
        "the plan: what would be built, and what that costs",
        &[]
    ),
    bind!(&[Key::Char('l')], "l", Action::See(See::Log), Look, Some("log"), "the full log", &[]),
    bind!(
        &[Key::Enter],
        "Enter",
        Action::See(See::Detail),
        Look,
        Some("detail"),
        "detail of the row; never starts anything",
        &[]
    ),
    bind!(
        &[Key::Char('y')],
        "y",
        Action::See(See::CopyRow),
        Look,
        Some("copy"),
        "copy the statement of the row: clipboard and plain text",
        &[]
    ),
    bind!(
        &[Key::Char('e')],
        "e",
        Action::See(See::Report),
        Look,
        Some("report"),
        "write the report now",
        &[]
    ),
    bind!(&[Key::Char('?'), Key::F(1)], "? F1", Action::See(See::Help), Look, Some("help"), "this help", &[]),
    bind!(
        &[Key::Char('q')],
        "q",
        Action::Way(Way::Leave),
        Look,
        Some("leave"),
        "leave; with a live run it asks first",
        &[]
    ),
    bind!(
        &[Key::Char('j'), Key::Down],
        "j Down",
        Action::Move(Motion::Down),
        Look,
        None,
        "one row down",
        &[]
    ),
    bind!(&[Key::Char('k'), Key::Up], "k Up", Action::Move(Motion::Up), Look, None, "one row up", &[]),
    bind!(&[Key::PageDown], "PgDn", Action::Move(Motion::PageDown), Look, None, "a page down", &[]),
    bind!(&[Key::PageUp], "PgUp", Action::Move(Motion::PageUp), Look, None, "a page up", &[]),
    bind!(
        &[Key::Char('g'), Key::Home],
        "g Home",
        Action::Move(Motion::First),
        Look,
        None,
        "the first row",
        &[]
    ),
    bind!(&[Key::Char('G'), Key::End], "G End", Action::Move(Motion::Last), Look, None, "the last row", &[]),
    bind!(
        &[Key::Tab, Key::BackTab],
        "Tab S-Tab",
        Action::See(See::NextPane),
        Look,
        None,
        "list or detail takes the movement keys",
        &[]
    ),
    bind!(
        &[Key::Esc],
        "Esc",
        Action::See(See::Back),
        Look,
        None,
        "one level back; never leaves, never cancels",
        &[]
    ),
    bind!(&[Key::Char('0')], "0", Action::See(See::Playbook), Look, None, "look at the playbook", &[]),
    bind!(
        &[],
        "1 - 9",
        Action::See(See::Phase(1)),
        Look,
        None,
        "look at that phase; the run does not move",
        &[]
    ),
    bind!(&[Key::Char('.')], ".", Action::See(See::Follow), Look, None, "follow the run again", &[]),
    bind!(
        &[Key::Char('f')],
        "f",
        Action::See(See::Freeze),
        Look,
        None,
        "freeze or unfreeze the picture",
        &[]
    ),
    bind!(
        &[Key::Char('n')],
        "n",
        Action::See(See::NextHit),
        Look,
        None,
        "the next row that the filter means",
        &[]
    ),
    bind!(
        &[Key::Char('N')],
        "N",
        Action::See(See::PreviousHit),
        Look,
        None,
        "the row before that the filter means",
        &[]
    ),
    bind!(
        &[Key::Char('t')],
        "t",
        Action::See(See::Times),
        Look,
        None,
        "times in UTC, in your zone, or as ages",
        &[]
    ),
    bind!(
        &[Key::Char('Y')],
        "Y",
        Action::See(See::CopyPane),
        Look,
        None,
        "copy the whole pane, rows that do not fit included",
        &[]
    ),
    bind!(
        &[Key::Char('+')],
        "+",
        Action::See(See::Slower),
        Look,
        None,
        "refresh less often, up to every 10 s",
        &[]
    ),
    bind!(
        &[Key::Char('-')],
        "-",
        Action::See(See::Faster),
        Look,
        None,
        "refresh more often, down to every 0.5 s",
        &[]
    ),
    bind!(&[Key::Ctrl('l')], "Ctrl-L", Action::See(See::Repaint), Look, None, "write the screen anew", &[]),
    bind!(
        &[Key::Ctrl('c')],
        "Ctrl-C",
        Action::Way(Way::Interrupt),
        Look,
        None,
        "twice: leaves at once and the run goes on; cancels no build",
        &[]
    ),
    bind!(
        &[Key::Ctrl('z')],
        "Ctrl-Z",
        Action::Way(Way::Suspend),
        Look,
        None,
        "suspend, and fg comes back; after 15 s it counts as gone",
        &[]
    ),
];

/// The table that is in force: the shipped one, or one with looks and holds on other keys
/// ([`Keymap::rebound`]). What goes on, stops or removes is on its shipped keys in every table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap(Cow<'static, [Binding]>);

impl Default for Keymap {
    fn default() -> Self {
        Self(Cow::Borrowed(BINDINGS))
    }
}

impl Keymap {
    /// A table of ones own. What it may hold is known to [`Keymap::rebound`] alone.
    pub(super) fn of(bindings: Vec<Binding>) -> Self {
        Self(Cow::Owned(bindings))
    }

    /// Its rows.
    pub(super) fn bindings(&self) -> &[Binding] {
        &self.0
    }

    /// What a key does on a screen; none when it is bound to nothing there.
    pub(super) fn action(&self, key: Key, screen: Screen) -> Option<Action> {
        if let Key::Char(digit @ '1'..='9') = key {
            return digit
                .to_digit(10)
                .and_then(|digit| u8::try_from(digit).ok())
                .map(|phase| Action::See(See::Phase(phase)));
        }
        self.0
            .iter()
            .find(|binding| binding.keys.contains(&key) && binding.on(screen))
            .map(|binding| binding.action)
    }

    /// How the first key of an action is written, for sentences that name it.
    pub(super) fn key(&self, action: Action) -> &str {
        self.0.iter().find(|binding| binding.action == action).map_or("", Binding::key)
    }
}

impl Binding {
    /// How its first key is written.
    pub(super) fn key(&self) -> &str {
        if self.keys.is_empty() { &self.shown } else { self.shown.split(' ').next().unwrap_or(&self.shown) }
    }

    /// Whether it is bound on a screen.
    pub(super) fn on(&self, screen: Screen) -> bool {
        self.screens.is_empty() || self.screens.contains(&screen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a binding is asked for, in the words of the document.
    fn asked(level: Level) -> &'static str {
        match level {
            Level::Look => "one key",
            Level::Hold => "one key, at once, shown in the log",
            Level::Go => "a panel, and the word it shows",
            Level::Remove => "`:arm`, a panel, and the name of the thing",
        }
    }

    fn place(screen: Screen) -> &'static str {
        match screen {
            Screen::Preflight => "pre-flight",
            Screen::Plan => "plan",
            Screen::Steps => "playbook",
            Screen::Builds => "builds",
            Screen::Blockers => "blockers",
            Screen::Verify => "verification",
            Screen::Log => "log",
            Screen::Help => "help",
        }
    }

    /// The document of keys and commands, from the two tables.
    fn document() -> String {
        let mut text = "# Keys of the console\n\nGenerated from the console's own tables by `make bless`; `?` shows the same for the \
            screen in view, with the\nreason beside every key that cannot act now. Letters are text while a panel or a prompt is open.\n\n\
            | key | what it does | how it is asked for | where | name in `[keys]` |\n|---|---|---|---|---|\n"
            .to_owned();
        let rows = BINDINGS.iter().map(|binding| {
            let keys: Vec<String> = if binding.keys.is_empty() {
                vec![format!("`{}`", binding.shown)]
            } else {
                binding.shown.split(' ').map(|key| format!("`{key}`")).collect()
            };
            let places: Vec<&str> = binding.screens.iter().map(|screen| place(*screen)).collect();
            let places = if places.is_empty() { "everywhere".to_owned() } else { places.join(", ") };
            let name =
                super::super::rebind::movable(binding).map_or("-".to_owned(), |name| format!("`{name}`"));
            let (keys, asked) = (keys.join(" "), asked(binding.level));
            format!("| {keys} | {} | {asked} | {places} | {name} |\n", binding.what)
        });
        text.extend(rows);
        text += "\n`p` asks with a panel when it lets a paused queue go on, and `s` asks like a removal when it signs off.\n\n\
            | command | what it does |\n|---|---|\n";
        let commands = super::super::command_line::COMMANDS.iter();
        text.extend(commands.map(|(command, what)| format!("| `:{}` | {what} |\n", command.trim_end())));
        text
    }

    #[expect(clippy::disallowed_methods, reason = "a test may ask whether to rewrite what it compares with")]
    #[test]
    fn the_committed_table_of_keys_is_that_of_the_code() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
        let text = document();
        if std::env::var_os("CICERONE_BLESS").is_some() {
            fs_err::write(&path, &text).unwrap();
        }
        let committed = fs_err::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "docs/keys.md is stale: `make bless`, look at it, commit it");
    }

    #[test]
    fn no_key_means_two_things_on_one_screen() {
        for screen in Screen::ALL {
            let mut seen = std::collections::HashSet::new();
            let bound = BINDINGS.iter().filter(|binding| binding.on(screen));
            for key in bound.flat_map(|binding| binding.keys.iter()) {
                assert!(seen.insert(key), "{key:?} twice on {screen:?}");
            }
        }
    }

    #[test]
    fn nothing_that_acts_is_on_a_key_that_a_torn_sequence_ends_in() {
        for binding in BINDINGS.iter().filter(|binding| binding.level >= Level::Hold) {
            for key in binding.keys.iter() {
                let Key::Char(char) = key else { panic!("{key:?} acts") };
                assert!(!"ABCDFHIMOPQRSZ~[ \r".contains(*char), "{char:?} ends key sequences");
            }
        }
    }

    #[test]
    fn what_opens_a_panel_says_so_in_its_hint() {
        for binding in BINDINGS {
            let panel = binding.level >= Level::Go;
            assert!(
                binding.hint.is_none_or(|hint| hint.ends_with("..") == panel),
                "{}: two dots exactly when a panel opens",
                binding.shown
            );
        }
    }

    #[test]
    fn help_names_every_key() {
        for binding in BINDINGS.iter().filter(|binding| !binding.keys.is_empty()) {
            let named = binding.keys.iter().any(|key| match key {
                Key::Char(char) => binding.shown.split(' ').any(|word| word == char.to_string()),
                Key::Ctrl(_)
                | Key::Enter
                | Key::Esc
                | Key::Tab
                | Key::BackTab
                | Key::Backspace
                | Key::Delete
                | Key::Up
                | Key::Down
                | Key::Left
                | Key::Right
                | Key::Home
                | Key::End
                | Key::PageUp
                | Key::PageDown
                | Key::F(_)
                | Key::Other => true,
            });
            assert!(named && !binding.what.is_empty(), "{}", binding.shown);
            assert!(binding.what.len() <= 61, "{} is cut on 80 columns", binding.what);
        }
    }

    #[test]
    fn the_screens_own_keys_do_nothing_elsewhere() {
        let keymap = Keymap::default();
        assert_eq!(keymap.action(Key::Char('K'), Screen::Blockers), Some(Action::Do(Deed::EndSession)));
        assert_eq!(keymap.action(Key::Char('K'), Screen::Builds), None);
        assert_eq!(keymap.action(Key::Char('w'), Screen::Builds), None);
        assert_eq!(keymap.action(Key::Char('4'), Screen::Log), Some(Action::See(See::Phase(4))));
        assert_eq!(keymap.action(Key::Other, Screen::Builds), None);
    }
}
