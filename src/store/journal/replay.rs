//! Reading a journal's bytes: the longest good prefix, its records, and what comes after it.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::line::{self, GENESIS, LineFault};
use crate::domain::id::{Digest, Seq};

/// A journal's records, oldest first, numbered from 1 without gaps.
#[derive(Debug)]
pub struct Replay<B> {
    /// Records of the longest good prefix.
    pub records: Vec<Record<B>>,
    /// Hash of the last record; [`GENESIS`] when there is none.
    pub head: Digest,
    /// What was found behind the last good record.
    pub torn: Option<TornTail>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<B> {
    /// A body that this program understands.
    Known(B),
    /// A body of a kind that a later program wrote. Kept, shown, never guessed at.
    Unknown(serde_json::Value),
}

/// The end of a line that was never wholly written, or a last line that does not fit the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Line number, from 1.
    pub line: u64,
    /// Length of the tail in bytes.
    pub length: u64,
    /// What is wrong with it.
    pub fault: LineFault,
    /// Where the cut bytes were put; `None` when the journal was only read and nothing was cut.
    pub kept_in: Option<PathBuf>,
}

impl<B> Replay<B> {
    /// The records that this program understands, with their numbers.
    pub fn known(&self) -> impl Iterator<Item = (Seq, &B)> {
        (1..).map(Seq).zip(&self.records).filter_map(|(seq, record)| match record {
            Record::Known(body) => Some((seq, body)),
            Record::Unknown(_) => None,
        })
    }

    /// Number of the first record that this program does not understand.
    pub fn first_unknown(&self) -> Option<Seq> {
        let index = self.records.iter().position(|record| matches!(record, Record::Unknown(_)))?;
        Some(Seq(index as u64 + 1))
    }
}

/// The longest good prefix of some bytes.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// Bodies of the good lines.
    pub(super) bodies: Vec<&'a [u8]>,
    /// Hash of the last good line.
    pub(super) head: Digest,
    /// Length of the good prefix in bytes.
    pub(super) good: usize,
    /// What follows it.
    pub(super) end: End,
}

/// What follows the longest good prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: the last line is good.
    Clean,
    /// One bad last line, as a loss of power or a full disk leaves it.
    Torn(LineFault),
    /// A bad line and more behind it, or a line of a later format, which must never be cut.
    Broken(LineFault),
}

/// Follows the chain from the first byte.
pub(super) fn scan(bytes: &[u8]) -> Scan<'_> {
    let mut scan = Scan { bodies: Vec::new(), head: GENESIS.into(), good: 0, end: End::Clean };
    while let Some(rest) = bytes.get(scan.good..).filter(|rest| !rest.is_empty()) {
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            scan.end = End::Torn(LineFault::Unterminated);
            return scan;
        };
        match line::decode(&rest[..length], &scan.head, Seq(scan.bodies.len() as u64 + 1)) {
            Ok((hash, body)) => {
                scan.bodies.push(body);
                scan.head = hash;
                scan.good += length + 1;
            }
            Err(fault) => {
                let last = length + 1 == rest.len();
                let cuttable = last && !matches!(fault, LineFault::Version(_));
                scan.end = if cuttable { End::Torn(fault) } else { End::Broken(fault) };
                return scan;
            }
        }
    }
    scan
}

impl Scan<'_> {
    /// Number of the first line that is not good.
    pub(super) fn bad_line(&self) -> u64 {
        self.bodies.len() as u64 + 1
    }

    /// Bodies as records.
    pub(super) fn records<B: DeserializeOwned>(&self) -> Vec<Record<B>> {
        self.bodies.iter().map(|body| record(body)).collect()
    }
}

/// Reads one body, whose bytes are JSON.
pub(super) fn record<B: DeserializeOwned>(body: &[u8]) -> Record<B> {
    match serde_json::from_slice(body) {
        Ok(known) => Record::Known(known),
        Err(_) => Record::Unknown(serde_json::from_slice(body).unwrap_or_default()),
    }
}
