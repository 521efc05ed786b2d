//! Characters that look as others do: two names that differ only in them must not look alike.

/// Whether a combining mark and the letter before it may also be written as one character, as `é` is: the marks that are
/// second in a canonical decomposition (Unicode 14).
pub(super) fn composes(mark: char) -> bool {
    matches!(
        u32::from(mark),
        0x300..=0x304 | 0x306..=0x30c | 0x30f | 0x311 | 0x313..=0x314 | 0x31b | 0x323..=0x328 | 0x32d..=0x32e
            | 0x330..=0x331 | 0x338 | 0x342 | 0x345 | 0x5b4 | 0x5b7..=0x5b9 | 0x5bc | 0x5bf | 0x5c1..=0x5c2
            | 0x653..=0x655 | 0x93c | 0x9bc | 0x9be | 0x9d7 | 0xa3c | 0xb3c | 0xb3e | 0xb56..=0xb57 | 0xbbe | 0xbd7
            | 0xc56 | 0xcc2 | 0xcd5..=0xcd6 | 0xd3e | 0xd57 | 0xdca | 0xdcf | 0xddf | 0xf72 | 0xf74 | 0xf80 | 0xfb5
            | 0xfb7 | 0x102e | 0x1b35 | 0x3099..=0x309a | 0x110ba | 0x11127 | 0x1133e | 0x11357 | 0x114b0 | 0x114ba
            | 0x114bd | 0x115af | 0x11930 | 0x1d165 | 0x1d16e..=0x1d172
    )
}

/// Whether a character is another one under a second number: those with a canonical decomposition into a single one
/// (the Kelvin sign, the Ohm sign, CJK compatibility ideographs), the letters and digits of mathematics, and hyphens and the minus sign that a
/// terminal's font draws as `-`.
pub(super) fn doubles(char: char) -> bool {
    matches!(
        u32::from(char),
        0x340..=0x341 | 0x343 | 0x374 | 0x37e | 0x387 | 0x1f71 | 0x1f73 | 0x1f75 | 0x1f77 | 0x1f79 | 0x1f7b | 0x1f7d
            | 0x1fbb | 0x1fbe | 0x1fc9 | 0x1fcb | 0x1fd3 | 0x1fdb | 0x1fe3 | 0x1feb | 0x1fee..=0x1fef | 0x1ff9
            | 0x1ffb | 0x1ffd | 0x2000..=0x2001 | 0x2010..=0x2012 | 0x2126 | 0x212a..=0x212b | 0x2212 | 0x2329..=0x232a | 0xf900..=0xfa0d | 0xfa10
            | 0xfa12 | 0xfa15..=0xfa1e | 0xfa20 | 0xfa22 | 0xfa25..=0xfa26 | 0xfa2a..=0xfa6d | 0xfa70..=0xfad9
            | 0x1d400..=0x1d7ff | 0x2f800..=0x2fa1d
    )
}

/// For each character whether it passes for a letter of another script where it stands.
///
/// In a word of Latin letters those are the ones that only look Latin, and a word that has nothing but letters that look
/// Latin is taken for Latin: a word of another script nearly always has one that does not. In any other word that mixes
/// scripts with letters of the same shapes, they are those of all scripts but the one that has most of the letters.
pub(super) fn imitations(chars: &[char]) -> Vec<bool> {
    let mut found = vec![false; chars.len()];
    let mut from = 0;
    while from < chars.len() {
        let length = chars[from..].iter().take_while(|char| char.is_alphanumeric()).count();
        let word = from..from + length;
        let strange = strange(&chars[word.clone()]);
        for index in word {
            found[index] = strange(chars[index]);
        }
        from += length.max(1);
    }
    found
}

/// Which letters of a word pass for others.
fn strange(word: &[char]) -> impl Fn(char) -> bool {
    let latin = |char: char| char.is_ascii() || Script::of(char) == Some(Script::Latin) || imitates(char);
    let looks_latin = word.iter().copied().all(latin);
    // The first of those that have most: whatever is as frequent as Latin is the strange one.
    let count = |script: Script| word.iter().filter(|char| Script::of(**char) == Some(script)).count();
    let own = Script::ALL.into_iter().rev().max_by_key(|script| count(*script));
    move |char: char| {
        if looks_latin { imitates(char) } else { Script::of(char).is_some_and(|script| Some(script) != own) }
    }
}

/// Scripts whose letters look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Armenian,
}

impl Script {
    const ALL: [Self; 4] = [Self::Latin, Self::Cyrillic, Self::Greek, Self::Armenian];

    /// By the blocks of Unicode.
    fn of(char: char) -> Option<Self> {
        match u32::from(char) {
            0x41..=0x5a
            | 0x61..=0x7a
            | 0xaa
            | 0xb5
            | 0xba
            | 0xc0..=0xd6
            | 0xd8..=0xf6
            | 0xf8..=0x2af
            | 0x1e00..=0x1eff
            | 0x2c60..=0x2c7f
            | 0xa722..=0xa787
            | 0xa78b..=0xa7ff
            | 0xab30..=0xab64 => Some(Self::Latin),
            0x400..=0x52f | 0x1c80..=0x1c8f | 0xa640..=0xa69f => Some(Self::Cyrillic),
            0x370..=0x3ff | 0x1f00..=0x1fff => Some(Self::Greek),
            0x531..=0x587 => Some(Self::Armenian),
            _ => None,
        }
    }
}

/// Whether a letter has the shape of one of ASCII in most fonts.
fn imitates(char: char) -> bool {
    matches!(
        char,
        // Cyrillic
        'А' | 'В' | 'Е' | 'Ѕ' | 'І' | 'Ј' | 'К' | 'М' | 'Н' | 'О' | 'Р' | 'С' | 'Т' | 'У' | 'Х'
            | 'а' | 'е' | 'о' | 'р' | 'с' | 'у' | 'х' | 'ѕ' | 'і' | 'ј' | 'һ' | 'ӏ' | 'ԁ' | 'ԛ' | 'ԝ'
            // Greek
            | 'Α' | 'Β' | 'Ε' | 'Ζ' | 'Η' | 'Ι' | 'Κ' | 'Μ' | 'Ν' | 'Ο' | 'Ρ' | 'Τ' | 'Υ' | 'Χ' | 'ο' | 'ν' | 'ϲ' | 'ϳ'
            // Armenian
            | 'օ' | 'ս' | 'ո' | 'հ'
            // Latin beyond ASCII, and Roman numerals
            | 'ɑ' | 'ɡ' | 'ǀ' | '\u{2160}'..='\u{217f}'
    )
}
