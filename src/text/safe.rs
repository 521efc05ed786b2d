//! Text from a server, a file or a hook, and the only way to show it.
//!
//! Names, comments, query texts and error messages may hold any character. Raw, an ESC drives the terminal, a
//! bidirectional override swaps what the operator reads, and a zero-width character makes two names look the same
//! (terminal libraries drop those in silence, which is no better). So every such character is written out, and the
//! writing is one to one: what looks the same is the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::twin;

/// Combining marks that one base character may carry before they are written out.
const MAX_MARKS: usize = 2;

/// Text that somebody else wrote. It has no `Display`: it is shown through [`Untrusted::display_safe`] only.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

/// Text without any character that could act on a terminal or hide on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Safe(String);

impl Untrusted {
    /// The text as it came: for comparing, hashing and sending, never for a screen, a log or a report.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text with everything invisible or active written out, in at most `max_width` cells.
    ///
    /// - ESC and the other C0 controls become their pictures (`␛`), all else becomes `\u{202e}`.
    /// - A backslash is doubled where it could be taken for the start of such an escape, and a picture that stands in
    ///   the text itself is written out: two texts never give the same result.
    /// - More than two combining marks on one base, a mark without one, and a mark that makes a letter of two characters
    ///   look like a letter of one, are written out; so are characters that pass for others.
    /// - A text that does not fit loses its middle, which is replaced by four hex digits of its SHA-256 between two
    ///   `…`, so that long names that differ only there still look different.
    pub fn display_safe(&self, max_width: Option<usize>) -> Safe {
        Safe(show(&self.0, max_width, Charset::Unicode))
    }

    /// The same in ASCII only, for terminals and files that hold nothing else. A cut is shown by `..`.
    pub fn display_ascii(&self, max_width: Option<usize>) -> Safe {
        Safe(show(&self.0, max_width, Charset::Ascii))
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Safe {
    /// Cells that it takes on a terminal.
    pub fn width(&self) -> usize {
        self.0.width()
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Safe {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Safe> for String {
    fn from(safe: Safe) -> Self {
        safe.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Unicode,
    Ascii,
}

impl Charset {
    /// Stands for what was cut out. Written out where it could be mistaken for that.
    fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "..",
        }
    }
}

fn show(raw: &str, max_width: Option<usize>, charset: Charset) -> String {
    if is_harmless(raw) && max_width.is_none_or(|width| raw.len() <= width) {
        return raw.to_owned();
    }
    let mut units = units(raw, charset);
    guard_backslashes(&mut units);
    guard_ellipses(&mut units, charset);
    let whole = units.concat();
    match max_width {
        Some(width) if whole.width() > width => cut_middle(raw, &units, width, charset),
        Some(_) | None => whole,
    }
}

/// Whether nothing has to be written out: ASCII that is visible, without what escapes and cuts are told by.
pub fn is_harmless(raw: &str) -> bool {
    raw.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') && !raw.contains("..")
}

/// One unit per character with its combining marks; an escape is never split later.
fn units(raw: &str, charset: Charset) -> Vec<String> {
    let mut units: Vec<String> = Vec::with_capacity(raw.len());
    // Marks on the last unit, or none while it cannot carry any.
    let mut marks: Option<usize> = None;
    let chars: Vec<char> = raw.chars().collect();
    for (char, imitates) in chars.iter().copied().zip(twin::imitations(&chars)) {
        let class = if imitates { Class::Hidden } else { class(char, charset) };
        match (class, marks) {
            (Class::Mark, Some(count)) if count < MAX_MARKS => {
                if let Some(base) = units.last_mut() {
                    base.push(char);
                }
                marks = Some(count + 1);
            }
            (Class::Visible, _) => {
                units.push(char.to_string());
                marks = (char != ' ').then_some(0);
            }
            (Class::Mark | Class::Hidden, _) => {
                units.push(write_out(char, charset));
                marks = None;
            }
        }
    }
    units
}

enum Class {
    Visible,
    Mark,
    Hidden,
}

fn class(char: char, charset: Charset) -> Class {
    if char.is_ascii() {
        return if char.is_ascii_control() { Class::Hidden } else { Class::Visible };
    }
    if charset == Charset::Ascii
        || !is_printable(char)
        || is_ignorable(char)
        || is_picture(char)
        || twin::doubles(char)
    {
        return Class::Hidden;
    }
    // The standard library writes out a grapheme extender only where it stands alone.
    let extends = char.escape_debug().count() > 1;
    match (extends, char.width()) {
        // `é` in two characters looks as `é` in one does.
        (true, _) if twin::composes(char) => Class::Hidden,
        (true, _) => Class::Mark,
        (false, Some(0) | None) => Class::Hidden,
        (false, Some(_)) => Class::Visible,
    }
}

/// By the standard library's own table: not Cc, Cf, Cs, Co, Cn, Zl, Zp, and of Zs only the space.
fn is_printable(char: char) -> bool {
    let mut buffer = [b'a'; 5];
    let length = char.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|pair| pair.escape_debug().nth(1) == Some(char))
}

/// Printable by category, yet drawn as nothing: Unicode's Default_Ignorable_Code_Point where not already a control
/// or unassigned, and the empty braille cell.
fn is_ignorable(char: char) -> bool {
    matches!(
        char,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The block that stands for C0 controls.
fn is_picture(char: char) -> bool {
    matches!(char, '\u{2400}'..='\u{2421}')
}

fn write_out(char: char, charset: Charset) -> String {
    let code = u32::from(char);
    let picture = match (charset, code) {
        (Charset::Unicode, 0..=0x1f) => char::from_u32(0x2400 + code),
        (Charset::Unicode, 0x7f) => Some('\u{2421}'),
        _ => None,
    };
    picture.map_or_else(|| format!("\\u{{{code:x}}}"), String::from)
}

/// Doubles each backslash of the text that stands before `\` or `u`: all others cannot be the start of an escape.
fn guard_backslashes(units: &mut [String]) {
    let mut next_starts = false;
    for unit in units.iter_mut().rev() {
        // A backslash with marks on it cannot be one either.
        let starts = unit.starts_with(['\\', 'u']);
        if unit == "\\" && next_starts {
            unit.push('\\');
        }
        next_starts = starts;
    }
}

/// Writes out the sign of a cut where the text itself looks like one: `…hhhh…`.
fn guard_ellipses(units: &mut [String], charset: Charset) {
    let sign = charset.ellipsis();
    let length = sign.chars().count();
    let joined = |range: Option<&[String]>| range.is_some_and(|part| part.concat() == sign);
    for at in 0..units.len() {
        let digits = at + length;
        let is_cut = joined(units.get(at..digits))
            && units.get(digits..digits + 4).is_some_and(|part| part.iter().all(|it| is_hex_digit(it)))
            && joined(units.get(digits + 4..digits + 4 + length));
        if is_cut && let Some(first) = units[at].chars().next() {
            units[at] = format!("\\u{{{:x}}}", u32::from(first));
        }
    }
}

fn is_hex_digit(unit: &str) -> bool {
    matches!(unit.as_bytes(), [b'0'..=b'9' | b'a'..=b'f'])
}

fn cut_middle(raw: &str, units: &[String], width: usize, charset: Charset) -> String {
    let digest = Sha256::digest(raw.as_bytes());
    let sign = charset.ellipsis();
    let middle = format!("{sign}{:02x}{:02x}{sign}", digest[0], digest[1]);
    let Some(room) = width.checked_sub(middle.width()) else {
        // Too narrow even for the mark: as much of the hash as there is room for.
        return middle.chars().skip(sign.chars().count()).take(width.min(4)).collect();
    };
    let head = take(units.iter(), room.div_ceil(2));
    let head_width: usize = head.iter().map(|unit| unit.width()).sum();
    let mut tail = take(units[head.len()..].iter().rev(), room.saturating_sub(head_width));
    tail.reverse();
    [head.concat(), middle, tail.concat()].concat()
}

fn take<'a>(units: impl Iterator<Item = &'a String>, room: usize) -> Vec<&'a str> {
    let mut used = 0;
    units
        .map(String::as_str)
        .take_while(|unit| {
            used += unit.width();
            used <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn safe(text: &str) -> String {
        Untrusted::from(text).display_safe(None).into()
    }

    fn ascii(text: &str) -> String {
        Untrusted::from(text).display_ascii(None).into()
    }

    #[test]
    fn harmless_text_is_shown_as_it_is() {
        for text in [
            "idx_leads_created",
            "größe",
            "日本語",
            "x\u{305}",
            "a b",
            "заказы_по_дате",
            "Ωμέγα",
            "Ελλάδα",
            "заказ",
            "naïve_Straße_łódź",
            "Հայաստան",
            "orders_заказы",
            "latenz_µs",
            r"C:\tmp \d+",
            "שלום",
            "a … b",
            "🙂",
        ] {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn active_and_hidden_characters_are_written_out() {
        for (raw, shown) in [
            ("\u{1b}[31mred", "␛[31mred"),
            ("a\nb\tc\0", "a␊b␉c␀"),
            ("\u{7f}", "␡"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("admin\u{202e}txt", r"admin\u{202e}txt"),
            ("a\u{200b}b\u{feff}", r"a\u{200b}b\u{feff}"),
            ("a\u{ad}b\u{2066}c\u{61c}", r"a\u{ad}b\u{2066}c\u{61c}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
            ("a\u{a0}b\u{3000}", r"a\u{a0}b\u{3000}"),
            ("\u{e000}\u{378}\u{e0041}\u{10ffff}", r"\u{e000}\u{378}\u{e0041}\u{10ffff}"),
            ("a\u{fe0f}\u{3164}\u{2800}", r"a\u{fe0f}\u{3164}\u{2800}"),
            ("👩\u{200d}🚀", r"👩\u{200d}🚀"),
        ] {
            assert_eq!(safe(raw), shown);
        }
    }

    #[test]
    fn text_that_imitates_an_escape_differs_from_it() {
        assert_eq!(safe(r"\u{202e}"), r"\\u{202e}");
        assert_eq!(safe("\\\u{202e}"), r"\\\u{202e}");
        assert_eq!(safe(r"\\u"), r"\\\\u");
        assert_eq!(safe("␛[0m"), r"\u{241b}[0m");
        assert_eq!(safe("…12ab…"), r"\u{2026}12ab…");
        assert_eq!(ascii("..12ab.."), r"\u{2e}.12ab..");
    }

    #[test]
    fn marks_are_capped_and_need_a_base() {
        assert_eq!(safe("e\u{305}\u{30e}\u{310}\u{312}"), "e\u{305}\u{30e}\\u{310}\\u{312}");
        assert_eq!(safe("\u{301}e"), "\\u{301}e");
        assert_eq!(safe(" \u{301}"), " \\u{301}");
        assert_eq!(safe("\u{200b}\u{301}"), "\\u{200b}\\u{301}");
    }

    #[test]
    fn names_that_would_look_alike_do_not() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{1ec7}", "e\u{323}\u{302}"),
            ("が", "か\u{3099}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("K", "\u{212a}"),
            ("Ω", "\u{2126}"),
            ("豈", "\u{f900}"),
            ("orders", "\u{43e}rders"),
            ("idx_coco", "idx_\u{441}\u{43e}\u{441}\u{43e}"),
            ("VI", "\u{2165}"),
            ("a", "\u{1d68a}"),
            ("a b", "a\u{a0}b"),
            ("a b", "a\u{2003}b"),
            ("ab", "a\u{200b}b"),
            ("ab", "a\u{2060}b"),
            ("a-b", "a\u{2011}b"),
        ] {
            assert_ne!(safe(one), safe(other));
            assert_ne!(ascii(one), ascii(other));
            assert!(safe(other).contains("\\u{"), "{other:?}: {}", safe(other));
        }
        assert_eq!(safe("\u{43e}rders"), "\\u{43e}rders");
    }

    #[test]
    fn a_letter_of_another_script_is_written_out_in_whatever_word_it_hides() {
        for (raw, shown) in [
            // Latin beyond ASCII is Latin too.
            ("größ\u{435}", r"größ\u{435}"),
            ("n\u{430}ïve", r"n\u{430}ïve"),
            ("łódź\u{3bf}", r"łódź\u{3bf}"),
            // Latin letters in a word of another script.
            ("з\u{61}каз", r"з\u{61}каз"),
            ("Ελλ\u{e1}δα", r"Ελλ\u{e1}δα"),
            ("Հայա\u{73}տան", r"Հայա\u{73}տան"),
            // Letters that look like no Latin one, and scripts without any Latin.
            ("ordersж", r"orders\u{436}"),
            ("Ελλάδ\u{430}", r"Ελλάδ\u{430}"),
            ("\u{3bf}гонь", r"\u{3bf}гонь"),
            // As many of the one as of the other.
            ("жb", r"\u{436}b"),
            // Each word for itself.
            ("größe_заказ_з\u{61}каз", r"größe_заказ_з\u{61}каз"),
        ] {
            assert_eq!(safe(raw), shown);
        }
    }

    #[test]
    fn the_ascii_form_holds_nothing_else() {
        assert_eq!(ascii("größe\u{1b}"), r"gr\u{f6}\u{df}e\u{1b}");
    }

    #[test]
    fn a_cut_keeps_both_ends_and_tells_names_apart() {
        let one = Untrusted::from("idx_outbound_call_jobs_created_by_tenant_a_at");
        let two = Untrusted::from("idx_outbound_call_jobs_created_by_tenant_b_at");
        let (a, b) = (one.display_safe(Some(20)), two.display_safe(Some(20)));
        assert_ne!(a, b);
        for shown in [&a, &b] {
            assert_eq!(shown.width(), 20);
            assert!(shown.as_ref().starts_with("idx_out") && shown.as_ref().ends_with("_at"), "{shown}");
        }
        assert_eq!(one.display_ascii(Some(20)).width(), 20);
        assert_eq!(one.display_safe(Some(45)).as_ref(), one.raw());
    }

    #[test]
    fn no_width_is_too_narrow() {
        let name = Untrusted::from("日本語のテーブル\u{202e}と索引");
        for width in 0..30 {
            assert!(name.display_safe(Some(width)).width() <= width);
            assert!(name.display_ascii(Some(width)).width() <= width);
        }
    }

    #[test]
    fn every_character_is_shown_visibly() {
        for char in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let shown = safe(&format!("a{char}"));
            assert!(shown.chars().all(is_harmless), "{char:?}: {shown:?}");
            let first = shown.chars().nth(1).unwrap();
            let marks_base = char.escape_debug().count() > 1 && first == char;
            assert!(first.width() != Some(0) || marks_base, "{char:?}: {shown:?}");
            assert!(ascii(&char.to_string()).bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{char:?}");
        }
    }

    fn is_harmless(char: char) -> bool {
        !char.is_control()
            && !matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            && !matches!(char, '\u{feff}' | '\u{ad}' | '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}')
            && u32::from(char) < 0xe_0000
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-c]{1,3}",
            any::<char>().prop_map(String::from),
            prop::sample::select(vec![
                "\\",
                "u",
                "{",
                "}",
                "\\u{202e}",
                "\u{202e}",
                "\u{1b}",
                "␛",
                "…",
                "12ab",
                ".",
                "\u{301}",
                "\u{200b}",
                "日",
                " ",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(raw in hostile(), width in prop::option::of(0_usize..40)) {
            let shown = Untrusted::from(raw).display_safe(width);
            prop_assert!(shown.as_ref().chars().all(is_harmless), "{:?}", shown);
            prop_assert!(width.is_none_or(|width| shown.width() <= width));
        }

        #[test]
        fn distinct_texts_are_shown_distinct(raws in prop::collection::vec(hostile(), 2..200)) {
            for show in [safe, ascii] {
                let mut seen: HashMap<String, &String> = HashMap::new();
                for raw in &raws {
                    if let Some(other) = seen.insert(show(raw), raw) {
                        prop_assert_eq!(other, raw);
                    }
                }
            }
        }

        #[test]
        fn what_was_cut_never_equals_what_was_not(raw in hostile(), width in 12_usize..24) {
            let shown = Untrusted::from(raw.as_str()).display_safe(Some(width));
            let imitation = Untrusted::from(shown.as_ref());
            if imitation.raw() != raw {
                prop_assert_ne!(imitation.display_safe(Some(width)), shown);
            }
        }
    }

    #[test]
    fn all_short_texts_over_the_escape_alphabet_are_shown_distinct() {
        let alphabet = ["\\", "u", "{", "}", "1", "b", "\u{1b}", "␛", "\u{301}", "…", "."];
        let mut texts = vec![String::new()];
        let mut seen = HashMap::new();
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| alphabet.iter().map(move |letter| format!("{text}{letter}")))
                .collect();
            for text in &texts {
                for shown in [safe(text), format!("ascii {}", ascii(text))] {
                    if let Some(other) = seen.insert(shown, text.clone()) {
                        assert_eq!(&other, text);
                    }
                }
            }
        }
    }
}
