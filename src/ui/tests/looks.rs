//! Themes, the mouse, calm screens.

use ratatui::style::{Color, Modifier};

use super::super::input::Pointer;
use super::super::ui_state::Focus;
use super::super::view_model::line::{Tone, Word};
use super::super::{Bandwidth, Motion, Mouse};
use super::*;

const WIDE: (u16, u16) = (120, 40);
const THEMES: [Theme; 4] = [Theme::Default, Theme::Mono, Theme::HighContrast, Theme::ColourBlind];
const TONES: [Tone; 7] =
    [Tone::Plain, Tone::Dim, Tone::Strong, Tone::Good, Tone::Warn, Tone::Bad, Tone::Busy];

/// The 16 colours of terminals in use, with the backgrounds that they are used on.
const PALETTES: [(&str, [u32; 16], &[u32]); 6] = [
    (
        "xterm",
        [
            0x00_0000, 0xcd_0000, 0x00_cd00, 0xcd_cd00, 0x00_00ee, 0xcd_00cd, 0x00_cdcd, 0xe5_e5e5,
            0x7f_7f7f, 0xff_0000, 0x00_ff00, 0xff_ff00, 0x5c_5cff, 0xff_00ff, 0x00_ffff, 0xff_ffff,
        ],
        &[0x00_0000, 0xff_ffff],
    ),
    (
        "Linux console",
        [
            0x00_0000, 0xaa_0000, 0x00_aa00, 0xaa_5500, 0x00_00aa, 0xaa_00aa, 0x00_aaaa, 0xaa_aaaa,
            0x55_5555, 0xff_5555, 0x55_ff55, 0xff_ff55, 0x55_55ff, 0xff_55ff, 0x55_ffff, 0xff_ffff,
        ],
        &[0x00_0000],
    ),
    (
        "Tango",
        [
            0x2e_3436, 0xcc_0000, 0x4e_9a06, 0xc4_a000, 0x34_65a4, 0x75_507b, 0x06_989a, 0xd3_d7cf,
            0x55_5753, 0xef_2929, 0x8a_e234, 0xfc_e94f, 0x72_9fcf, 0xad_7fa8, 0x34_e2e2, 0xee_eeec,
        ],
        &[0x00_0000, 0x30_0a24, 0xff_ffff],
    ),
    (
        "Terminal.app",
        [
            0x00_0000, 0x99_0000, 0x00_a600, 0x99_9900, 0x00_00b2, 0xb2_00b2, 0x00_a6b2, 0xbf_bfbf,
            0x66_6666, 0xe5_0000, 0x00_d900, 0xe5_e500, 0x00_00ff, 0xe5_00e5, 0x00_e5e5, 0xe5_e5e5,
        ],
        &[0x00_0000, 0xff_ffff],
    ),
    (
        "Campbell",
        [
            0x0c_0c0c, 0xc5_0f1f, 0x13_a10e, 0xc1_9c00, 0x00_37da, 0x88_1798, 0x3a_96dd, 0xcc_cccc,
            0x76_7676, 0xe7_4856, 0x16_c60c, 0xf9_f1a5, 0x3b_78ff, 0xb4_009e, 0x61_d6d6, 0xf2_f2f2,
        ],
        &[0x0c_0c0c],
    ),
    (
        "Solarized",
        [
            0x07_3642, 0xdc_322f, 0x85_9900, 0xb5_8900, 0x26_8bd2, 0xd3_3682, 0x2a_a198, 0xee_e8d5,
            0x00_2b36, 0xcb_4b16, 0x58_6e75, 0x65_7b83, 0x83_9496, 0x6c_71c4, 0x93_a1a1, 0xfd_f6e3,
        ],
        &[0x00_2b36, 0xfd_f6e3],
    ),
];

/// Relative luminance, as the WCAG has it.
fn luminance(rgb: u32) -> f64 {
    let channel = |shift: u32| {
        let value = f64::from(rgb >> shift & 0xff) / 255.0;
        if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

fn contrast(one: u32, other: u32) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

fn number(ink: Color) -> Option<usize> {
    let measured = [
        (Color::Green, 2),
        (Color::Yellow, 3),
        (Color::Cyan, 6),
        (Color::LightRed, 9),
        (Color::LightBlue, 12),
        (Color::LightMagenta, 13),
    ];
    let found = measured.iter().find(|(name, _)| *name == ink).map(|(_, number)| *number);
    assert!(found.is_some() || ink == Color::Reset, "{ink:?} is not one that was measured");
    found
}

#[test]
fn what_asks_for_a_person_is_readable_in_every_palette_on_light_and_on_dark() {
    for theme in THEMES {
        for tone in TONES {
            let style = theme.style(tone);
            let Some(number) = style.fg.and_then(number) else { continue };
            for (name, palette, backgrounds) in PALETTES {
                for background in backgrounds {
                    let found = contrast(palette[number], *background);
                    let asks = matches!(tone, Tone::Warn | Tone::Bad);
                    let emphatic = style.add_modifier.contains(Modifier::BOLD | Modifier::UNDERLINED);
                    // Colours of what asks for nobody, and of what is underlined besides, may be weak in the one or
                    // the other old palette.
                    let least = if asks && !emphatic { 3.0 } else { 1.7 };
                    assert!(found >= least, "{theme:?} {tone:?} in {name} on {background:06x}: {found:.1}");
                }
            }
        }
    }
}

#[test]
fn no_theme_paints_a_background_and_none_tells_states_by_red_and_green_for_the_colour_blind() {
    for theme in THEMES {
        for tone in TONES {
            let style = theme.style(tone);
            assert_eq!(style.bg, None, "{theme:?} {tone:?}");
            let coloured = style.fg.is_some();
            assert!(!coloured || matches!(theme, Theme::Default | Theme::ColourBlind), "{theme:?} {tone:?}");
            if theme == Theme::ColourBlind {
                assert!(
                    matches!(style.fg, None | Some(Color::LightBlue | Color::Yellow)),
                    "{tone:?} {:?}",
                    style.fg
                );
            }
            if theme == Theme::HighContrast {
                assert!(!style.add_modifier.contains(Modifier::DIM), "{tone:?}");
            }
        }
    }
}

#[test]
fn states_of_different_look_have_different_words_and_stand_out_without_colour_where_a_person_is_asked_for() {
    let words = [
        Word::Ok,
        Word::Warn,
        Word::Fail,
        Word::Wait,
        Word::Hold,
        Word::Run,
        Word::Todo,
        Word::Done,
        Word::Skip,
        Word::Bad,
        Word::Unknown,
        Word::Waived,
    ];
    for one in words {
        for other in words {
            assert_eq!(one.text() == other.text(), one == other, "{one:?} {other:?}");
        }
    }
    for theme in [Theme::Mono, Theme::HighContrast] {
        for tone in [Tone::Warn, Tone::Bad] {
            assert_ne!(theme.style(tone).add_modifier, Modifier::empty(), "{theme:?} {tone:?}");
        }
    }
}

#[test]
fn every_screen_says_the_same_in_every_theme() {
    let mut desk = Desk::building();
    desk.see();
    let screens = THEMES.map(|theme| {
        desk.console.ui.view.theme = theme;
        desk.screen((80, 24))
    });
    assert!(screens.iter().all(|screen| *screen == screens[0]));
}

#[test]
fn a_theme_is_chosen_by_any_of_its_names_and_a_wrong_one_changes_nothing() {
    let mut desk = Desk::building();
    for (word, theme) in [
        ("high-contrast", Theme::HighContrast),
        ("colour-blind", Theme::ColourBlind),
        ("mono", Theme::Mono),
        ("cb", Theme::ColourBlind),
        ("default", Theme::Default),
        ("color-blind", Theme::ColourBlind),
        ("pretty", Theme::ColourBlind),
    ] {
        desk.see().keys(&format!(":theme {word}\n"));
        assert_eq!(desk.console.theme(), theme, "{word}");
    }
    assert!(desk.message().contains("high-contrast"), "{}", desk.message());
}

impl Desk {
    /// The mouse is on, the screen is drawn.
    fn with_mouse(mut self) -> Self {
        self.console.ui.view.mouse = Mouse::On;
        self.draw();
        self
    }

    fn draw(&mut self) {
        self.console.resize(WIDE);
        let view = self.console.view(self.now);
        self.console.shown(self.at);
        self.console.drawn(&view, self.now);
    }

    fn mouse(&mut self, pointer: Pointer) -> &mut Self {
        self.pass(50);
        let timed = Timed { token: Token::Mouse(pointer), at: self.at };
        self.out.extend(self.console.token(&timed, self.now));
        self
    }

    /// The row of the screen that shows a text.
    fn row_of(&mut self, text: &str) -> u16 {
        let screen = self.screen(WIDE);
        let row = screen.lines().position(|line| line.contains(text));
        u16::try_from(row.unwrap_or_else(|| panic!("{text}\n{screen}"))).unwrap()
    }

    fn click(&mut self, text: &str) -> &mut Self {
        let row = self.row_of(text);
        self.mouse(Pointer::Press { row })
    }
}

#[test]
fn a_click_moves_the_cursor_to_what_was_seen_there_and_the_wheel_scrolls() {
    let mut desk = Desk::building().with_mouse();
    for (name, _) in NAMES.iter().filter(|(name, ..)| name.len() < 24) {
        desk.draw();
        desk.click(&format!(" {name} "));
        let key = format!("public.{name}");
        assert_eq!(desk.console.ui.cursor.entry.as_ref().map(|key| key.0.as_str()), Some(key.as_str()));
        let row = desk.row_of(&format!(" {name} "));
        let screen = desk.screen(WIDE);
        assert!(screen.lines().nth(usize::from(row)).unwrap().trim_start().starts_with('>'), "{screen}");
    }
    assert_eq!(desk.console.ui.focus, Focus::List);
    desk.draw();
    desk.click("-- idx_");
    assert_eq!(desk.console.ui.focus, Focus::Detail);
    desk.console.ui.focus = Focus::List;
    let before = desk.console.ui.cursor.entry.clone();
    desk.mouse(Pointer::WheelUp);
    let above = desk.console.ui.cursor.entry.clone();
    assert_ne!(above, before);
    desk.mouse(Pointer::WheelDown);
    assert_ne!(desk.console.ui.cursor.entry, above);
}

#[test]
fn a_click_means_what_was_drawn_although_rows_have_moved_since() {
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    let samples = script.samples();
    let mut desk = Desk::at(&script, samples.clone()).with_mouse();
    let row = desk.row_of(" idx_calls_parent_sid ");
    script.verified(4);
    desk.follow(&script, samples);
    assert_ne!(desk.row_of(" idx_calls_parent_sid "), row, "it has gone down the list");
    desk.mouse(Pointer::Press { row });
    assert_eq!(desk.console.ui.cursor.entry, Some(script.key(4)), "{row} {:?}", desk.console.spots);
}

#[test]
fn nothing_is_done_by_the_mouse_and_no_panel_or_prompt_hears_it() {
    let everywhere = |desk: &mut Desk| {
        for row in 0..WIDE.1 {
            desk.mouse(Pointer::Press { row });
        }
        desk.mouse(Pointer::WheelDown).mouse(Pointer::WheelUp);
    };
    let mut desk = Desk::building();
    desk.see().arm();
    let mut desk = desk.with_mouse();
    everywhere(&mut desk);
    assert!(desk.out.is_empty() && desk.console.ui.panel.is_none(), "{:?}", desk.out);
    desk.keys(":abort\n").see();
    let panel = desk.console.ui.panel.clone();
    let cursor = desk.console.ui.cursor.clone();
    assert!(panel.is_some());
    everywhere(&mut desk);
    assert_eq!((&desk.console.ui.panel, &desk.console.ui.cursor), (&panel, &cursor));
    desk.key(Key::Esc).keys(":undo");
    let prompt = desk.console.ui.prompt.clone();
    everywhere(&mut desk);
    assert_eq!(desk.console.ui.prompt, prompt);
    assert!(desk.out.is_empty(), "{:?}", desk.out);
}

#[test]
fn a_mouse_that_is_off_does_not_even_keep_the_console_armed() {
    let mut desk = Desk::building();
    desk.see().arm();
    assert_eq!(desk.console.ui.view.mouse, Mouse::Off);
    let before = (desk.console.ui.arm.clone(), desk.console.ui.cursor.clone(), desk.console.ui.focus);
    desk.draw();
    let row = desk.row_of(" idx_calls_parent_sid ");
    desk.mouse(Pointer::Press { row }).mouse(Pointer::WheelDown);
    assert_eq!(before, (desk.console.ui.arm.clone(), desk.console.ui.cursor.clone(), desk.console.ui.focus));
    desk.keys(":mouse on\n");
    assert!(matches!(desk.out[..], [Outcome::Mouse(Mouse::On)]), "{:?}", desk.out);
    desk.out.clear();
    desk.keys(":mouse off\n:mouse sideways\n");
    assert!(matches!(desk.out[..], [Outcome::Mouse(Mouse::Off)]), "{:?}", desk.out);
    assert_eq!(desk.message(), "mouse takes on or off");
}

fn calm(motion: Motion, bandwidth: Bandwidth) -> Desk {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    let options = UiOptions { theme: Theme::Mono, motion, bandwidth, ..UiOptions::default() };
    let mut desk = Desk { console: Console::new(operator(), options), ..Desk::new(Charset::Ascii) };
    let samples = script.samples();
    desk.follow(&script, samples);
    desk
}

#[test]
fn a_calm_bar_stands_still_for_a_minute_and_shows_words_for_bars() {
    for (motion, bandwidth) in [(Motion::Reduced, Bandwidth::Full), (Motion::Full, Bandwidth::Low)] {
        let mut desk = calm(motion, bandwidth);
        desk.arm();
        let line = |desk: &mut Desk| desk.screen((120, 40)).lines().next().unwrap().to_owned();
        let before = line(&mut desk);
        let samples = desk.console.samples.clone();
        desk.pass(2_000);
        desk.console.read(Samples { at: Some(desk.now), ..samples }, desk.now);
        assert_eq!(line(&mut desk), before);
        assert!(before.contains("live") && before.contains(" min "), "{before}");
        let screen = desk.screen((120, 40));
        assert!(screen.contains('%') && !screen.contains("##"), "{screen}");
    }
    let mut lively = calm(Motion::Full, Bandwidth::Full);
    assert!(lively.screen((120, 40)).contains("##"));
}

#[test]
fn a_slow_link_is_never_drawn_on_more_than_every_two_seconds() {
    let mut desk = calm(Motion::Full, Bandwidth::Low);
    desk.keys(":rate 0.5\n");
    assert_eq!(desk.console.refresh(), Duration::from_secs(2));
    assert_eq!(desk.message(), "refresh every 2.0 s: no less on a slow link");
    desk.keys(":rate 5\n");
    assert_eq!(desk.message(), "refresh every 5.0 s");
    let mut desk = calm(Motion::Reduced, Bandwidth::Full);
    desk.keys(":rate 0.5\n");
    assert_eq!(desk.console.refresh(), Duration::from_millis(500));
}
