//! Names that Django makes of tables and columns, which end in a digest of them.
//!
//! As Django 1.11 to 5.2 do for PostgreSQL: table, columns and the first eight figures of an MD5 of both, with a suffix; one
//! over 63 characters keeps as much of the table as of the columns.

use std::fmt::Write as _;

/// Longest name.
const LONGEST: usize = 63;
/// Figures of the digest.
const FIGURES: usize = 8;

/// The name of an index or a constraint on a table's columns.
pub(super) fn name(table: &str, columns: &[String], suffix: &str) -> String {
    let table = table.rsplit_once("\".\"").map_or(table, |(_, name)| name).trim_matches('"');
    let joined = columns.join("_");
    let mut ending: String =
        hexadecimal(&format!("{table}{}", columns.concat())).chars().take(FIGURES).collect();
    ending.push_str(suffix);
    let whole = format!("{table}_{joined}_{ending}");
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let ending: String =
        if ending.len() > LONGEST / 3 { ending.chars().take(LONGEST / 3).collect() } else { ending };
    let each = (LONGEST - ending.len()) / 2 - 1;
    let cut = |text: &str| text.chars().take(each).collect::<String>();
    let short = format!("{}_{}_{ending}", cut(table), cut(&joined));
    if short.starts_with(|char: char| char == '_' || char.is_ascii_digit()) {
        let mut kept: Vec<char> = short.chars().collect();
        kept.pop();
        return format!("D{}", kept.into_iter().collect::<String>());
    }
    short
}

/// The table of a relation of many to many: the model's and the field's, cut to 63 characters with four figures at the end.
pub(super) fn many_to_many(table: &str, field: &str) -> String {
    let whole = format!("{table}_{field}");
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let ending: String = hexadecimal(&whole).chars().take(4).collect();
    let kept: String = whole.chars().take(LONGEST - ending.len()).collect();
    format!("{kept}{ending}")
}

/// The MD5 of a text (RFC 1321), in hexadecimal. It stands in names here and keeps no secret.
fn hexadecimal(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let bits = (bytes.len() as u64).wrapping_mul(8);
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(bits.to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in bytes.chunks_exact(64) {
        let words: Vec<u32> = block
            .chunks_exact(4)
            .map(|word| word.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte)))
            .collect();
        rounds(&mut state, &words);
    }
    let mut figures = String::new();
    for byte in state.iter().flat_map(|word| word.to_le_bytes()) {
        let _ = write!(figures, "{byte:02x}");
    }
    figures
}

/// The four rounds of one block.
fn rounds(state: &mut [u32; 4], words: &[u32]) {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let [mut a, mut b, mut c, mut d] = *state;
    for (step, sine) in sines().into_iter().enumerate() {
        let (mixed, word) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
            2 => (b ^ c ^ d, (3 * step + 5) % 16),
            _ => (c ^ (b | !d), (7 * step) % 16),
        };
        let word = words.get(word).copied().unwrap_or_default();
        let shift = SHIFTS.get(step / 16).and_then(|row| row.get(step % 4)).copied().unwrap_or_default();
        let turned = a.wrapping_add(mixed).wrapping_add(sine).wrapping_add(word).rotate_left(shift);
        (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
    }
    for (value, add) in state.iter_mut().zip([a, b, c, d]) {
        *value = value.wrapping_add(add);
    }
}

/// The constants of the steps: the whole part of 2^32 times the sine of each number from 1 to 64.
fn sines() -> [u32; 64] {
    let mut sines = [0; 64];
    for (step, sine) in (1_u32..).zip(sines.iter_mut()) {
        let scaled = (f64::from(step).sin().abs() * 4_294_967_296.0).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, not negative and below 2^32"
        )]
        {
            *sine = scaled as u32;
        }
    }
    sines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_rfc_1321() {
        for (text, wanted) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(hexadecimal(text), wanted);
        }
    }
}
