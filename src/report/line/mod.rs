//! An event in one line of words: subject, state word, what happened.

mod build;
mod rest;

use crate::domain::event::{Event, EventKind};
use crate::domain::id::{Digest, EntryKey};
use crate::domain::state::RunState;
use crate::text::Untrusted;

use super::word::Word;

pub(super) use build::{described, failed, held_up};
pub(super) use rest::{ending_words, mode_word, planned_item, verdict_word};

/// One line about one thing. All text in it is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it is about: `build public.idx_a`.
    pub(super) subject: String,
    /// The state.
    pub(super) word: Word,
    /// What happened.
    pub(super) text: String,
}

impl Line {
    fn new(subject: impl Into<String>, word: Word, text: impl Into<String>) -> Self {
        Self { subject: subject.into(), word, text: text.into() }
    }
}

/// Lines of an event that `state` has already taken in; the first one is the event itself.
pub(super) fn of(event: &Event, state: &RunState) -> Vec<Line> {
    match &event.kind {
        EventKind::Run(e) => rest::run(e, state),
        EventKind::Step(e) => vec![rest::step(e, state)],
        EventKind::Check(e) => vec![rest::check(e, state)],
        EventKind::Build(e) => vec![build::build(e, state, event.at)],
        EventKind::Drop(e) => vec![build::drop(e, event.at)],
        EventKind::Verify(e) => vec![build::verify(e)],
        EventKind::Rollback(e) => vec![rest::rollback(e)],
        EventKind::Session(e) => vec![rest::session(e)],
    }
}

/// Most cells that one foreign text may take in a line.
const LIMIT: usize = 240;

/// Foreign text, visible and bounded.
pub(super) fn safe(text: &str) -> String {
    Untrusted::from(text).display_safe(Some(LIMIT)).into()
}

/// An entry's name. Names are at most 63 + 63 bytes, so that none is cut here.
pub(super) fn name(key: &EntryKey) -> String {
    safe(key.as_str())
}

/// The first digits of a hash: enough to tell two apart by eye.
pub(super) fn short(digest: &Digest) -> &str {
    digest.as_str().get(..12).unwrap_or(digest.as_str())
}
