//! Quantities as people read them, and text that fits a column of cells.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A size in binary units, e.g. `1.1 GiB`.
pub fn bytes(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// Elapsed seconds as `HH:MM:SS`; hours grow beyond two digits.
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A span of milliseconds in its two largest units: `0.4 s`, `59.9 s`, `2 m 05 s`, `1 h 02 m`, `3 d 04 h`.
pub fn span(millis: u64) -> String {
    let tenths = millis / 100;
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{}.{} s", tenths / 10, tenths % 10),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        86_400.. => format!("{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Milliseconds of a span as PostgreSQL's settings write it: a whole number and a unit, `500ms`, `10 s`, `30min`,
/// `2h` or `1d`. `None` for anything else, a bare number included.
pub fn parse_span(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit())?);
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(millis)
}

/// A count with at most five digits: `9999`, `41.2 k`, `41.2 M`, `1.3 G`.
pub fn count(count: u64) -> String {
    if count < 10_000 {
        return count.to_string();
    }
    let mut divisor = 1_000_u64;
    for unit in ["k", "M", "G", "T", "P"] {
        // Rounded to tenths first, so that 999 950 becomes 1.0 M and not 1000.0 k.
        let tenths = (u128::from(count) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
        if tenths < 10_000 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        divisor = divisor.saturating_mul(1_000);
    }
    format!("{} E", count / 1_000_000_000_000_000_000)
}

/// `1 index`, `3 indexes`.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Cells that a text takes on a terminal.
pub fn cell_width(text: &str) -> usize {
    text.width()
}

/// A text of at most `width` cells, its loss shown by `..` at the end.
///
/// For words of our own. Names lose their identity in it: they go through
/// [`super::Untrusted::display_safe`] with a limit.
pub fn cut(text: &str, width: usize) -> String {
    if cell_width(text) <= width {
        return text.to_owned();
    }
    let mark = if width >= 4 { ".." } else { "" };
    let mut kept = prefix(text, width - mark.len());
    kept.push_str(mark);
    kept
}

/// A text in exactly `width` cells, at the left.
pub fn fit_left(text: &str, width: usize) -> String {
    let mut cell = cut(text, width);
    cell.extend(std::iter::repeat_n(' ', width.saturating_sub(cell_width(&cell))));
    cell
}

/// A text in exactly `width` cells, at the right.
pub fn fit_right(text: &str, width: usize) -> String {
    let kept = cut(text, width);
    let mut cell = " ".repeat(width.saturating_sub(cell_width(&kept)));
    cell.push_str(&kept);
    cell
}

fn prefix(text: &str, width: usize) -> String {
    let mut kept = String::new();
    for cluster in text.graphemes(true) {
        if cell_width(&kept) + cell_width(cluster) > width {
            break;
        }
        kept.push_str(cluster);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        for (value, text) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_181_116_006, "1.1 GiB")] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn clocks_count_hours_beyond_a_day() {
        for (value, text) in [(0, "00:00:00"), (3_725, "01:02:05"), (360_000, "100:00:00")] {
            assert_eq!(clock(value), text);
        }
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        for (value, text) in [
            (0, "0.0 s"),
            (1_249, "1.2 s"),
            (59_999, "59.9 s"),
            (125_000, "2 m 05 s"),
            (3_599_999, "59 m 59 s"),
            (3_720_000, "1 h 02 m"),
            (273_600_000, "3 d 04 h"),
        ] {
            assert_eq!(span(value), text);
        }
    }

    #[test]
    fn spans_are_read_with_their_unit_only() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("10 s", Some(10_000)),
            (" 30min ", Some(1_800_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("10", None),
            ("", None),
            ("min", None),
            ("1.5h", None),
            ("-1s", None),
            ("1m", None),
            ("99999999999999999999s", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(parse_span(text), millis, "{text}");
        }
    }

    #[test]
    fn counts_round_into_the_next_unit() {
        for (value, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0 k"),
            (999_949, "999.9 k"),
            (999_950, "1.0 M"),
            (41_234_567, "41.2 M"),
            (1_300_000_000, "1.3 G"),
            (u64::MAX, "18 E"),
        ] {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(plural(0, "index", "indexes"), "0 indexes");
        assert_eq!(plural(1, "index", "indexes"), "1 index");
    }

    #[test]
    fn a_fitted_cell_has_exactly_its_width() {
        for text in ["", "a", "idx_leads_created", "日本語のテーブル", "e\u{301}e\u{301}e\u{301}e\u{301}"]
        {
            for width in 0..12 {
                assert_eq!(cell_width(&fit_left(text, width)), width, "{text:?} {width}");
                assert_eq!(cell_width(&fit_right(text, width)), width, "{text:?} {width}");
            }
        }
        assert_eq!(fit_left("idx_leads_created", 8), "idx_le..");
        assert_eq!(fit_right("42", 4), "  42");
        assert_eq!(fit_left("日本語", 5), "日.. ");
    }
}
