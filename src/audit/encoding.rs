//! Bytes of a file as text. Lines and columns stay what they are in the file.

use std::borrow::Cow;

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a mark at the beginning.
    Utf8,
    /// UTF-16 with a mark at the beginning.
    Utf16,
    /// None of these: taken byte for byte as Latin-1.
    Latin1,
}

/// The text of a file, without a byte order mark. A byte of Latin-1 is one character, so that columns stay.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, Encoding) {
    let wide = match bytes {
        [0xFF, 0xFE, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xFE, 0xFF, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((rest, unit)) = wide {
        let units = rest.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
        let text = char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        return (Cow::Owned(text), Encoding::Utf16);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), Encoding::Utf8),
        Err(_) => (Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()), Encoding::Latin1),
    }
}

/// The same without a second copy of a text that needs no change.
pub fn text_of(bytes: Vec<u8>) -> String {
    // Either mark of UTF-16 is no UTF-8.
    match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with('\u{feff}') => text,
        Ok(text) => decode(text.as_bytes()).0.into_owned(),
        Err(other) => decode(other.as_bytes()).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_any_bytes_become_text() {
        assert_eq!(decode(b"\xEF\xBB\xBFa"), (Cow::Borrowed("a"), Encoding::Utf8));
        assert_eq!(decode(b"\xFF\xFEa\0\xE4\0"), (Cow::Owned("a\u{e4}".to_owned()), Encoding::Utf16));
        assert_eq!(decode(b"\xFE\xFF\0a"), (Cow::Owned("a".to_owned()), Encoding::Utf16));
        assert_eq!(decode(b"gr\xFC\xDFe"), (Cow::Owned("grüße".to_owned()), Encoding::Latin1));
    }
}
