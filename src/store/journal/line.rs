//! One line: `v1 <seq> <hash> <body>`, and the chain that ties it to the line before.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use crate::domain::id::{Digest, Seq};

/// What stands for "the hash of the line before" in the first line: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Version that this program writes.
const VERSION: u32 = 1;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// The file ends before the line does.
    #[error("no line end")]
    Unterminated,
    /// Not of the shape `v<version> <seq> <hash> <body>`.
    #[error("not a journal line")]
    Form,
    /// Written by a later version of the format.
    #[error("written in format v{0}, this program knows up to v{VERSION}")]
    Version(u32),
    /// Numbers run from 1 without gaps.
    #[error("record {found} where {expected} belongs")]
    Sequence {
        /// Number that belongs here.
        expected: u64,
        /// Number that stands here.
        found: u64,
    },
    /// The hash does not follow from the line before and this body: something was changed.
    #[error("the hash does not fit the line before it and its own body")]
    Hash,
    /// The hash fits but the body is no JSON: no version of the program wrote that.
    #[error("the body is not JSON")]
    Json,
}

/// Hash of a line: SHA-256 of the hash before, as its 64 hex digits, followed by the body's bytes.
pub(super) fn chain(before: &Digest, body: &[u8]) -> Digest {
    let hash = Sha256::new().chain_update(before.as_str()).chain_update(body).finalize();
    Digest(hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// The bytes of a line, line end included.
pub(super) fn encode(seq: Seq, hash: &Digest, body: &[u8]) -> Vec<u8> {
    let mut line = format!("v{VERSION} {} {} ", seq.0, hash.as_str()).into_bytes();
    line.extend_from_slice(body);
    line.push(b'\n');
    line
}

/// Checks a line (without its line end) against its place in the chain; gives its hash and body.
pub(super) fn decode<'a>(
    line: &'a [u8],
    before: &Digest,
    expected: Seq,
) -> Result<(Digest, &'a [u8]), LineFault> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let mut next = || parts.next().ok_or(LineFault::Form);
    let (version, seq, hash, body) = (next()?, next()?, next()?, next()?);
    let version = number(version.strip_prefix(b"v").ok_or(LineFault::Form)?).ok_or(LineFault::Form)?;
    if version != u64::from(VERSION) {
        return Err(LineFault::Version(u32::try_from(version).map_err(|_| LineFault::Form)?));
    }
    let found = number(seq).ok_or(LineFault::Form)?;
    if found != expected.0 {
        return Err(LineFault::Sequence { expected: expected.0, found });
    }
    let real = chain(before, body);
    if real.as_str().as_bytes() != hash {
        return Err(LineFault::Hash);
    }
    serde_json::from_slice::<IgnoredAny>(body).map_err(|_| LineFault::Json)?;
    Ok((real, body))
}

/// A number in its one spelling: digits, no sign, no leading zero.
fn number(digits: &[u8]) -> Option<u64> {
    let canonical =
        digits.iter().all(u8::is_ascii_digit) && digits.first().is_some_and(|first| *first != b'0');
    if !canonical {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_what_sha256sum_says() {
        // printf '%064d%s' 0 '{"a":1}' | sha256sum
        assert_eq!(
            chain(&GENESIS.into(), br#"{"a":1}"#).as_str(),
            "fc6cee09194dd2578bd7664604fcb72a539066fd34544cea0009c43eb6cdc289"
        );
    }

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        let body = br#"{"text":"a b c"}"#;
        let hash = chain(&GENESIS.into(), body);
        let line = encode(Seq(1), &hash, body);
        let (found, read) = decode(&line[..line.len() - 1], &GENESIS.into(), Seq(1)).unwrap();
        assert_eq!((found, read), (hash, body.as_slice()));
    }

    #[test]
    fn each_part_of_a_line_is_checked() {
        let fault = |line: &str| decode(line.as_bytes(), &GENESIS.into(), Seq(1)).unwrap_err();
        let hash = chain(&GENESIS.into(), b"{}").0;
        assert_eq!(fault(""), LineFault::Form);
        assert_eq!(fault("v1 1"), LineFault::Form);
        assert_eq!(fault(&format!("1 1 {hash} {{}}")), LineFault::Form);
        assert_eq!(fault(&format!("v01 1 {hash} {{}}")), LineFault::Form);
        assert_eq!(fault(&format!("v1 +1 {hash} {{}}")), LineFault::Form);
        assert_eq!(fault(&format!("v2 1 {hash} {{}}")), LineFault::Version(2));
        assert_eq!(fault(&format!("v1 2 {hash} {{}}")), LineFault::Sequence { expected: 1, found: 2 });
        assert_eq!(fault(&format!("v1 1 {} {{}}", hash.to_uppercase())), LineFault::Hash);
        assert_eq!(fault(&format!("v1 1 {hash} {{ }}")), LineFault::Hash);
        let not_json = chain(&GENESIS.into(), b"{").0;
        assert_eq!(fault(&format!("v1 1 {not_json} {{")), LineFault::Json);
    }
}
