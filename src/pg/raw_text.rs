//! Text as the server has it, even when its bytes are no UTF-8.

use std::error::Error;

use tokio_postgres::types::{FromSql, Type};

/// A text value. In a database of encoding SQL_ASCII a name may hold any bytes; what is no UTF-8 is shown as `\xNN`, so
/// that one odd name neither fails a whole query nor looks like another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawText(pub(super) String);

impl<'a> FromSql<'a> for RawText {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(decode(raw)))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::TEXT | Type::NAME | Type::VARCHAR | Type::BPCHAR | Type::UNKNOWN)
    }
}

fn decode(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_utf8_stay_visible_and_distinct() {
        assert_eq!(decode("größe".as_bytes()), "größe");
        assert_eq!(decode(b"gr\xF6\xDFe"), r"gr\xF6\xDFe");
        assert_ne!(decode(b"a\xF6"), decode(b"a\xF5"));
    }
}
