//! What a terminal understands, by the family of its name.
//!
//! Terminals are not asked: an answer may never come, and until it does the first frame would have to wait. Terminfo is not
//! read either: it is missing on slim hosts, and it does not know the newer modes. The name tells the family, and for
//! each family only what all of its members take is written.

/// What can be shown on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Lines that are appended, without a single control sequence.
    Lines,
    /// A screen.
    Screen(Dialect),
}

/// Which control sequences a terminal is spoken to with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whose sequences it knows.
    pub family: Family,
    /// Which colours it has.
    pub palette: Palette,
    /// Whether it is known to show what `OSC 9` says.
    pub notices: Notices,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { family: Family::Xterm, palette: Palette::Sixteen, notices: Notices::Unsure }
    }
}

/// Whether a terminal shows notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    /// Those of this name do.
    Known,
    /// Nobody knows.
    Unsure,
}

/// Terminals that know the same sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// xterm and everything that takes after it. A private mode that one of them does not know it leaves alone.
    Xterm,
    /// tmux: as xterm; what is meant for the terminal itself is wrapped.
    Tmux,
    /// GNU screen: as xterm, but it shows no frame at once, and sends nothing on that it does not know itself.
    Screen,
    /// The console of the Linux kernel: no alternate screen, no marked pastes. It reads `OSC P` and `OSC R` as a change of
    /// its palette without an end, and an end that it does not wait for would be printed.
    Linux,
    /// The VT100 and its successors: ASCII, bold, underline, reverse. Its only private modes are those that the VT100 has;
    /// what later ones do with others was never written down.
    Vt100,
}

/// Colours of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// None.
    None,
    /// Eight, brighter in bold: SGR 30 to 37.
    Eight,
    /// Sixteen: SGR 90 to 97 as well.
    Sixteen,
}

impl Ability {
    /// What a terminal of this name (`TERM`) can show. A name that nobody knows is taken for a careful xterm; a terminal
    /// without a name, and one that says that it has no cursor to move, gets lines. `COLORTERM` only ever adds colours.
    pub fn of(term: &str, colorterm: Option<&str>) -> Self {
        let name = term.trim().to_ascii_lowercase();
        let stem = name.split(['-', '.', '+']).next().unwrap_or_default();
        if matches!(stem, "" | "dumb" | "vt52" | "tty33" | "lpr" | "printer" | "emacs") {
            return Self::Lines;
        }
        let family = match stem {
            "tmux" => Family::Tmux,
            "screen" => Family::Screen,
            "linux" | "con80x25" => Family::Linux,
            _ if is_digital(stem) => Family::Vt100,
            _ => Family::Xterm,
        };
        let notices = if shows_notices(family, &name) { Notices::Known } else { Notices::Unsure };
        Self::Screen(Dialect { family, palette: palette(family, &name, stem, colorterm), notices })
    }
}

/// Terminals that turn `OSC 9` into a notification. Many name themselves after xterm, and not all of those do.
fn shows_notices(family: Family, name: &str) -> bool {
    let stem = name.strip_prefix("xterm-").unwrap_or(name).split(['-', '.', '+']).next().unwrap_or_default();
    family == Family::Xterm && matches!(stem, "foot" | "ghostty" | "iterm" | "iterm2" | "kitty" | "wezterm")
}

/// `vt100`, `vt220`, `vt320` and so on.
fn is_digital(stem: &str) -> bool {
    stem.strip_prefix("vt")
        .is_some_and(|model| model.len() == 3 && model.bytes().all(|byte| byte.is_ascii_digit()))
}

fn palette(family: Family, name: &str, stem: &str, colorterm: Option<&str>) -> Palette {
    // Of no use to a terminal that has none, whatever a forgotten variable says.
    if family == Family::Vt100 || name.ends_with("-mono") || name.ends_with("-m") {
        return Palette::None;
    }
    if family == Family::Linux {
        return Palette::Eight;
    }
    let known = matches!(
        stem,
        "alacritty"
            | "contour"
            | "foot"
            | "ghostty"
            | "iterm"
            | "iterm2"
            | "kitty"
            | "konsole"
            | "mlterm"
            | "rio"
            | "wezterm"
    );
    let many =
        ["256color", "16color", "88color", "direct", "kitty", "ghostty"].iter().any(|it| name.contains(it));
    if known || many || colorterm.is_some_and(|it| !it.is_empty()) {
        Palette::Sixteen
    } else {
        Palette::Eight
    }
}

impl Family {
    /// Whether it has a second screen that leaves the shell's alone, a cursor that can be hidden, and says which keys were
    /// pasted.
    pub(super) fn has_private_modes(self) -> bool {
        match self {
            Self::Xterm | Self::Tmux | Self::Screen => true,
            Self::Linux | Self::Vt100 => false,
        }
    }

    /// Whether the cursor can be hidden.
    pub(super) fn hides_cursor(self) -> bool {
        self != Self::Vt100
    }

    /// Whether it can be told to show a frame at once.
    pub(super) fn synchronizes(self) -> bool {
        match self {
            Self::Xterm | Self::Tmux => true,
            Self::Screen | Self::Linux | Self::Vt100 => false,
        }
    }

    /// Whether it takes operating system commands: clipboard, notifications.
    pub(super) fn takes_osc(self) -> bool {
        self.has_private_modes()
    }

    /// Whether it has a mouse that it can tell of.
    pub(super) fn has_mouse(self) -> bool {
        self.has_private_modes()
    }

    /// Whether it can show any character of a name. The Linux console's fonts have 512 at most: two names that differ in
    /// the others would look alike.
    pub fn shows_unicode(self) -> bool {
        match self {
            Self::Xterm | Self::Tmux | Self::Screen => true,
            Self::Linux | Self::Vt100 => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(family: Family, palette: Palette) -> Ability {
        Ability::Screen(Dialect { family, palette, notices: Notices::Unsure })
    }

    #[test]
    fn a_terminal_that_shows_notifications_is_known_by_its_own_name_alone() {
        for (term, expected) in [
            ("xterm-kitty", Notices::Known),
            ("xterm-ghostty", Notices::Known),
            ("foot-extra", Notices::Known),
            ("wezterm", Notices::Known),
            ("xterm-256color", Notices::Unsure),
            ("screen.kitty", Notices::Unsure),
            ("tmux-256color", Notices::Unsure),
            ("linux", Notices::Unsure),
        ] {
            let Ability::Screen(dialect) = Ability::of(term, None) else { panic!("{term}") };
            assert_eq!(dialect.notices, expected, "{term}");
        }
    }

    #[test]
    fn a_terminal_is_told_by_the_family_of_its_name() {
        use Palette::{Eight, None as Without, Sixteen};
        for (term, expected) in [
            ("xterm-256color", screen(Family::Xterm, Sixteen)),
            ("xterm", screen(Family::Xterm, Eight)),
            ("xterm-mono", screen(Family::Xterm, Without)),
            ("alacritty", screen(Family::Xterm, Sixteen)),
            ("xterm-direct", screen(Family::Xterm, Sixteen)),
            ("rxvt-unicode-256color", screen(Family::Xterm, Sixteen)),
            ("screen", screen(Family::Screen, Eight)),
            ("screen.xterm-256color", screen(Family::Screen, Sixteen)),
            ("screen-256color", screen(Family::Screen, Sixteen)),
            ("tmux-256color", screen(Family::Tmux, Sixteen)),
            ("tmux", screen(Family::Tmux, Eight)),
            ("linux", screen(Family::Linux, Eight)),
            ("linux-16color", screen(Family::Linux, Eight)),
            ("vt100", screen(Family::Vt100, Without)),
            ("vt220-8bit", screen(Family::Vt100, Without)),
            ("vt340", screen(Family::Vt100, Without)),
            ("vte-256color", screen(Family::Xterm, Sixteen)),
            ("no-such-terminal", screen(Family::Xterm, Eight)),
            ("unknown", screen(Family::Xterm, Eight)),
            ("dumb", Ability::Lines),
            ("dumb-emacs-ansi", Ability::Lines),
            ("", Ability::Lines),
            ("vt52", Ability::Lines),
        ] {
            assert_eq!(Ability::of(term, None), expected, "{term}");
        }
    }

    #[test]
    fn a_word_of_the_environment_adds_colours_but_not_to_a_terminal_without_any() {
        let of = |term| Ability::of(term, Some("truecolor"));
        assert_eq!(of("xterm"), screen(Family::Xterm, Palette::Sixteen));
        assert_eq!(of("no-such-terminal"), screen(Family::Xterm, Palette::Sixteen));
        assert_eq!(of("vt100"), screen(Family::Vt100, Palette::None));
        assert_eq!(of("linux"), screen(Family::Linux, Palette::Eight));
        assert_eq!(of("dumb"), Ability::Lines);
        assert_eq!(Ability::of("xterm", Some("")), screen(Family::Xterm, Palette::Eight));
    }
}
