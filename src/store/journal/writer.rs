//! The one writer of a journal.

use std::marker::PhantomData;

use serde::Serialize;

use super::AppendError;
use super::line;
use crate::domain::id::{Digest, Seq};
use crate::store::file::{DiskFile, LogFile};

/// How safe a record has to be before [`Journal::append`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk: survives a loss of power. For everything that something is done because of.
    Synced,
    /// With the operating system: survives the death of this process, and is on disk with the next synced record.
    Buffered,
}

/// Where a record went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub seq: Seq,
    /// Its hash, the chain's new head.
    pub hash: Digest,
}

/// A journal opened for writing. Dropping it frees the lock.
#[derive(Debug)]
pub struct Journal<B, F: LogFile = DiskFile> {
    file: F,
    last: Seq,
    head: Digest,
    seal: Seal,
    body: PhantomData<fn(B)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seal {
    Open,
    Sealed,
}

impl<B: Serialize, F: LogFile> Journal<B, F> {
    /// Goes on behind the record `last`, whose hash is `head`.
    pub(super) fn resume(file: F, last: Seq, head: Digest) -> Self {
        Self { file, last, head, seal: Seal::Open, body: PhantomData }
    }

    /// Appends one record. `Ok` with [`Durability::Synced`] means that it is on disk.
    ///
    /// A failed write or sync is never tried again: after a failed fsync the system may report success for pages
    /// that never reached the disk. The journal is sealed instead and each later append fails.
    pub fn append(&mut self, body: &B, durability: Durability) -> Result<Appended, AppendError> {
        if self.seal == Seal::Sealed {
            return Err(AppendError::Sealed);
        }
        let body = serde_json::to_vec(body).map_err(AppendError::Encode)?;
        let seq = Seq(self.last.0 + 1);
        let hash = line::chain(&self.head, &body);
        // Sealed until proved otherwise, so that not even a panic inside the file layer leaves a usable journal.
        self.seal = Seal::Sealed;
        self.file.append(&line::encode(seq, &hash, &body)).map_err(AppendError::Write)?;
        if durability == Durability::Synced {
            self.file.sync().map_err(AppendError::Sync)?;
        }
        self.seal = Seal::Open;
        self.last = seq;
        self.head = hash.clone();
        Ok(Appended { seq, hash })
    }

    /// Number of the last record; 0 when there is none.
    pub fn last_seq(&self) -> Seq {
        self.last
    }

    /// Hash of the last record.
    pub fn head(&self) -> &Digest {
        &self.head
    }

    /// Whether an error has ended this journal.
    pub fn is_sealed(&self) -> bool {
        self.seal == Seal::Sealed
    }
}
