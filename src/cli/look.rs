//! From flags and environment to how the console looks: what is said by hand is stronger than what is set up.

use crate::domain::unit::Millis;
use crate::ui::{
    Ability, Bandwidth, Charset, Dialect, Family, Home, Motion, Mouse, Multiplexer, Notify, Theme, Times,
    UiOptions,
};

use super::args::{Color, LookArgs, Said};
use super::surrounding::Surrounding;

/// How often the screen is drawn when nobody says otherwise.
const REFRESH: Millis = Millis(1_000);
/// The same on a slow link, and where little is to move.
const SLOW_REFRESH: Millis = Millis(5_000);
/// How long Esc is held back for the rest of a sequence.
const ESC_DELAY: Millis = Millis(50);
/// The same where packets may come apart.
const FAR_ESC_DELAY: Millis = Millis(250);

/// What the terminal of this process can show, if it is one.
pub fn ability(around: &Surrounding) -> Ability {
    let term = around.text("TERM").unwrap_or_default();
    match Ability::of(&term, around.text("COLORTERM").as_deref()) {
        // tmux once called itself screen, and still does where nobody told it otherwise.
        Ability::Screen(dialect) if dialect.family == Family::Screen && around.var("TMUX").is_some() => {
            Ability::Screen(Dialect { family: Family::Tmux, ..dialect })
        }
        ability @ (Ability::Screen(_) | Ability::Lines) => ability,
    }
}

/// Looks of a console on this terminal.
pub fn looks(args: &LookArgs, around: &Surrounding) -> UiOptions {
    let dialect = match ability(around) {
        Ability::Screen(dialect) => dialect,
        Ability::Lines => Dialect::default(),
    };
    let unicode = !args.ascii && around.has_unicode() && dialect.family.shows_unicode();
    let far = around.var("SSH_CONNECTION").is_some();
    let tmux = around.var("TMUX").is_some() || dialect.family == Family::Tmux;
    UiOptions {
        form: around.form(args).unwrap_or_default(),
        theme: theme(&Wanted {
            theme: args.theme.map(Theme::from).filter(|_| args.theme_said == Said::ByHand),
            color: args.color,
            set_up: SetUp {
                theme: args.theme.map(Theme::from).filter(|_| args.theme_said == Said::SetUp),
                no_color: around.var("NO_COLOR").is_some(),
            },
        }),
        charset: if unicode { Charset::Unicode } else { Charset::Ascii },
        dialect,
        motion: if args.reduced_motion { Motion::Reduced } else { Motion::Full },
        bandwidth: if args.low_bandwidth { Bandwidth::Low } else { Bandwidth::Full },
        mouse: if args.mouse { Mouse::On } else { Mouse::Off },
        notify: args.notify.map_or(Notify::Off, Notify::from),
        refresh: args.refresh.unwrap_or(if args.low_bandwidth || args.reduced_motion {
            SLOW_REFRESH
        } else {
            REFRESH
        }),
        esc_delay: args.esc_delay.unwrap_or(if far { FAR_ESC_DELAY } else { ESC_DELAY }),
        times: args.times.map(Times::from).unwrap_or_default(),
        keys: args.keymap.clone(),
        hues: args.hues.clone(),
        zone: jiff::tz::TimeZone::system(),
        multiplexer: if tmux { Multiplexer::Tmux } else { Multiplexer::None },
        home: Home::Apart,
        ..UiOptions::default()
    }
}

/// What was said of colours.
struct Wanted {
    theme: Option<Theme>,
    color: Color,
    set_up: SetUp,
}

/// What files and variables say of colours.
struct SetUp {
    theme: Option<Theme>,
    no_color: bool,
}

/// `--color never`, then `--theme`, then `NO_COLOR`, then `CICERONE_THEME` and config.toml. `--color always` is against `NO_COLOR` only.
fn theme(said: &Wanted) -> Theme {
    let silenced = said.set_up.no_color && said.color == Color::Auto;
    match (said.color, said.theme) {
        (Color::Never, _) => Theme::Mono,
        (Color::Auto | Color::Always, Some(theme)) => theme,
        (Color::Auto | Color::Always, None) if silenced => Theme::Mono,
        (Color::Auto | Color::Always, None) => said.set_up.theme.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(color: Color, flag: Option<Theme>, variable: Option<Theme>, no_color: bool) -> Theme {
        theme(&Wanted { theme: flag, color, set_up: SetUp { theme: variable, no_color } })
    }

    #[test]
    fn a_flag_is_stronger_than_the_environment_and_that_than_nothing() {
        use Theme::{ColourBlind, Default, HighContrast, Mono};
        for (color, flag, variable, no_color, expected) in [
            (Color::Auto, None, None, false, Default),
            (Color::Auto, None, None, true, Mono),
            (Color::Always, None, None, true, Default),
            (Color::Never, None, None, false, Mono),
            (Color::Never, Some(HighContrast), Some(ColourBlind), false, Mono),
            (Color::Auto, Some(HighContrast), Some(ColourBlind), true, HighContrast),
            (Color::Auto, None, Some(ColourBlind), false, ColourBlind),
            (Color::Auto, None, Some(ColourBlind), true, Mono),
            (Color::Always, None, Some(ColourBlind), true, ColourBlind),
        ] {
            assert_eq!(
                chosen(color, flag, variable, no_color),
                expected,
                "{color:?} {flag:?} {variable:?} {no_color}"
            );
        }
    }
}
