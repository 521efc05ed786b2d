//! The journal against failing disks, cut files, flipped bits, second writers and planted links.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::replay::{End, scan};
use super::*;
use crate::domain::id::Seq;
use crate::store::file::{DiskFile, LogFile};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body {
    Intended { item: u32, statement: String },
    Ended { item: u32 },
}

fn intended(item: u32) -> Body {
    Body::Intended { item, statement: format!("CREATE INDEX CONCURRENTLY \"a\nb{item}\" … \u{1b}[0m") }
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    (dir, path)
}

/// A journal of `count` records, closed.
fn written(count: u32) -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = fresh();
    let mut journal = create::<Body>(&path).unwrap();
    for item in 0..count {
        journal.append(&intended(item), Durability::Buffered).unwrap();
    }
    (dir, path)
}

fn writer(opened: Opened<Body>) -> Journal<Body> {
    match opened.access {
        Access::Write(journal) => journal,
        Access::ReadOnly(reason) => panic!("read-only: {reason:?}"),
    }
}

#[test]
fn what_was_appended_is_read_back_and_the_next_writer_goes_on_behind_it() {
    let (_dir, path) = fresh();
    let mut journal = create::<Body>(&path).unwrap();
    assert_eq!(journal.last_seq(), Seq(0));
    let first = journal.append(&intended(1), Durability::Synced).unwrap();
    let second = journal.append(&Body::Ended { item: 1 }, Durability::Buffered).unwrap();
    assert_eq!((first.seq, second.seq), (Seq(1), Seq(2)));
    drop(journal);

    let opened = open::<Body>(&path).unwrap();
    assert_eq!(opened.replay.records, [Record::Known(intended(1)), Record::Known(Body::Ended { item: 1 })]);
    assert_eq!(opened.replay.head, second.hash);
    assert_eq!(opened.replay.torn, None);
    let mut journal = writer(opened);
    let third = journal.append(&Body::Ended { item: 2 }, Durability::Synced).unwrap();
    assert_eq!(third.seq, Seq(3));
    let report = verify(&path).unwrap();
    assert_eq!(report, VerifyReport { records: 3, head: third.hash, problem: None });
    assert_eq!(last_body::<Body>(&path).unwrap(), Some(Record::Known(Body::Ended { item: 2 })));
}

#[test]
fn a_record_is_one_line_whatever_its_text() {
    let (_dir, path) = written(3);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(text.ends_with('\n'));
    assert!(!text.contains('\u{1b}'), "control characters are escaped");
}

#[test]
fn an_empty_journal_is_whole_and_its_head_is_the_genesis() {
    let (_dir, path) = fresh();
    drop(create::<Body>(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), 0, "reserved space must not show as zero bytes");
    assert_eq!(verify(&path).unwrap(), VerifyReport { records: 0, head: GENESIS.into(), problem: None });
    assert_eq!(last_body::<Body>(&path).unwrap(), None);
    assert!(open::<Body>(&path).unwrap().replay.records.is_empty());
}

#[test]
fn a_new_journal_is_private_and_never_replaces_anything() {
    let (dir, path) = written(1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(matches!(create::<Body>(&path), Err(JournalError::Io { doing: "create", .. })));
    assert_eq!(verify(&path).unwrap().records, 1);

    let link = dir.path().join("planted");
    symlink(dir.path().join("victim"), &link).unwrap();
    assert!(create::<Body>(&link).is_err());
    assert!(!dir.path().join("victim").exists());
    let link = dir.path().join("planted2");
    symlink(&path, &link).unwrap();
    assert!(open::<Body>(&link).is_err());
    assert!(read::<Body>(&link).is_err());
    assert!(verify(&link).is_err());
}

#[test]
fn the_second_writer_is_refused_and_learns_who_holds_the_journal() {
    let (_dir, path) = fresh();
    let journal = create::<Body>(&path).unwrap();
    match open::<Body>(&path) {
        Err(JournalError::Busy { holder, .. }) => assert_eq!(holder.pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(journal);
    assert!(open::<Body>(&path).is_ok());
}

#[test]
fn readers_need_no_lock() {
    let (_dir, path) = fresh();
    let mut journal = create::<Body>(&path).unwrap();
    journal.append(&intended(1), Durability::Buffered).unwrap();
    assert_eq!(read::<Body>(&path).unwrap().records.len(), 1);
    assert_eq!(verify(&path).unwrap().records, 1);
}

#[test]
fn cut_at_every_byte_the_longest_good_prefix_comes_back_and_the_rest_is_kept() {
    let (dir, path) = written(4);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
        let good = whole[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        fs::write(&path, &whole[..length]).unwrap();
        let report = verify(&path).unwrap();
        assert_eq!(report.records, lines as u64, "cut at {length}");
        assert_eq!(report.problem.is_some(), good != length, "cut at {length}");

        let opened = open::<Body>(&path).unwrap();
        assert_eq!(opened.replay.records.len(), lines);
        if let Some(torn) = &opened.replay.torn {
            assert_eq!((torn.line, torn.length), (lines as u64 + 1, (length - good) as u64));
            let kept = torn.kept_in.as_ref().unwrap();
            assert_eq!(fs::read(kept).unwrap(), &whole[good..length]);
            fs::remove_file(kept).unwrap();
        } else {
            assert_eq!(good, length);
        }
        assert_eq!(fs::read(&path).unwrap(), &whole[..good]);
        let mut journal = writer(opened);
        journal.append(&Body::Ended { item: 9 }, Durability::Buffered).unwrap();
        assert_eq!(verify(&path).unwrap().records, lines as u64 + 1);
    }
    drop(dir);
}

#[test]
fn kept_tails_never_overwrite_each_other() {
    let (dir, path) = written(1);
    for number in 1..=3 {
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(format!("tail{number}").as_bytes())
            .unwrap();
        let torn = open::<Body>(&path).unwrap().replay.torn.unwrap();
        assert_eq!(torn.kept_in, Some(dir.path().join(format!("torn.{number}"))));
        assert_eq!(fs::read_to_string(torn.kept_in.unwrap()).unwrap(), format!("tail{number}"));
    }
}

#[test]
fn a_tail_of_zeros_is_torn() {
    let (_dir, path) = written(2);
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 4096]).unwrap();
    let opened = open::<Body>(&path).unwrap();
    assert_eq!(opened.replay.records.len(), 2);
    assert_eq!(opened.replay.torn.unwrap().length, 4096);
}

#[test]
fn every_flipped_bit_is_found_at_or_before_its_line() {
    let (_dir, path) = written(12);
    let whole = fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(0xC1C);
    for _ in 0..2000 {
        let bit = random.usize(..whole.len() * 8);
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let line = whole[..bit / 8].split(|byte| *byte == b'\n').count() - 1;
        let scan = scan(&damaged);
        assert_ne!(scan.end, End::Clean, "bit {bit} of byte {}", bit / 8);
        assert!(scan.bodies.len() <= line, "bit {bit}: a damaged record was accepted");
    }
}

#[test]
fn a_damaged_line_in_the_middle_is_refused_and_nothing_is_changed() {
    let (dir, path) = written(5);
    let mut bytes = fs::read(&path).unwrap();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 90;
    bytes[second] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for refused in [open::<Body>(&path).map(drop), read::<Body>(&path).map(drop)] {
        match refused {
            Err(JournalError::Broken { line, .. }) => assert_eq!(line, 2),
            other => panic!("{other:?}"),
        }
    }
    let problem = verify(&path).unwrap().problem.unwrap();
    assert_eq!((problem.line, problem.kind), (2, ProblemKind::Broken));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!dir.path().join("torn.1").exists());
}

#[test]
fn removed_swapped_and_repeated_lines_are_found() {
    let (_dir, path) = written(4);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for order in [vec![0, 2, 3], vec![1, 2, 3], vec![0, 2, 1, 3], vec![0, 1, 1, 2, 3]] {
        let edited: String = order.iter().map(|index| lines[*index]).collect();
        fs::write(&path, edited).unwrap();
        assert!(matches!(open::<Body>(&path), Err(JournalError::Broken { .. })), "{order:?}");
    }
}

#[test]
fn a_line_of_a_later_format_is_never_cut_even_as_the_last() {
    let (_dir, path) = written(2);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"v2 3 whatever comes later\n");
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        open::<Body>(&path),
        Err(JournalError::Broken { line: 3, fault: LineFault::Version(2), .. })
    ));
    assert_eq!(verify(&path).unwrap().problem.unwrap().kind, ProblemKind::LaterFormat);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn an_unknown_kind_is_kept_and_makes_the_journal_read_only() {
    #[derive(Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Later {
        Postponed { until: &'static str },
    }
    let (_dir, path) = fresh();
    drop(create::<Body>(&path).unwrap());
    let file = DiskFile(crate::store::file::open_append(&path).unwrap());
    let mut later = Journal::<Later>::resume(file, Seq(0), GENESIS.into());
    later.append(&Later::Postponed { until: "noon" }, Durability::Synced).unwrap();
    drop(later);
    let before = fs::read(&path).unwrap();

    let opened = open::<Body>(&path).unwrap();
    let raw = serde_json::json!({"type": "postponed", "until": "noon"});
    assert_eq!(opened.replay.records, [Record::Unknown(raw)]);
    assert!(matches!(opened.access, Access::ReadOnly(ReadOnlyReason::UnknownKind(Seq(1)))));
    assert_eq!(verify(&path).unwrap().problem, None);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_last_record_is_found_when_it_is_long() {
    let (_dir, path) = fresh();
    let mut journal = create::<Body>(&path).unwrap();
    let long = Body::Intended { item: 1, statement: "x".repeat(300_000) };
    journal.append(&Body::Ended { item: 0 }, Durability::Buffered).unwrap();
    journal.append(&long, Durability::Buffered).unwrap();
    assert_eq!(last_body::<Body>(&path).unwrap(), Some(Record::Known(long)));
}

/// A disk: what has been written, and how much of it a loss of power would leave.
#[derive(Default)]
struct Disk {
    written: Vec<u8>,
    durable: usize,
    operations: u32,
}

/// Which operation fails, counted over writes and syncs from 1, and how much of a failing write gets through.
#[derive(Clone, Copy)]
struct Failure {
    at: u32,
    written_part: usize,
}

struct FailingFile {
    disk: Arc<Mutex<Disk>>,
    failure: Failure,
}

impl LogFile for FailingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        disk.operations += 1;
        if disk.operations == self.failure.at {
            let part = self.failure.written_part.min(bytes.len());
            disk.written.extend_from_slice(&bytes[..part]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.written.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        disk.operations += 1;
        if disk.operations == self.failure.at {
            return Err(io::Error::other("input/output error"));
        }
        // Operations after the failed one succeed again, as Linux does: retrying would look like success.
        disk.durable = disk.written.len();
        Ok(())
    }
}

#[test]
fn whichever_write_or_sync_fails_no_append_claims_what_is_not_durable() {
    const RECORDS: u32 = 10;
    for at in 1..=2 * RECORDS {
        for written_part in [0, 1, 70, usize::MAX] {
            let disk = Arc::new(Mutex::new(Disk::default()));
            let file = FailingFile { disk: Arc::clone(&disk), failure: Failure { at, written_part } };
            let mut journal = Journal::<Body, _>::resume(file, Seq(0), GENESIS.into());
            let results: Vec<_> =
                (0..RECORDS).map(|item| journal.append(&intended(item), Durability::Synced)).collect();
            assert!(journal.is_sealed());

            let succeeded = results.iter().take_while(|result| result.is_ok()).count();
            assert_eq!(succeeded, (at as usize - 1) / 2, "operation {at}");
            let expected_failure = if at % 2 == 1 { "writing" } else { "durable" };
            assert!(results[succeeded].as_ref().unwrap_err().to_string().contains(expected_failure));
            assert!(results[succeeded + 1..].iter().all(|result| matches!(result, Err(AppendError::Sealed))));

            let disk = disk.lock().unwrap();
            assert_eq!(disk.operations, at, "nothing is tried again after the failure");
            let durable = scan(&disk.written[..disk.durable]);
            assert_eq!((durable.bodies.len(), durable.end), (succeeded, End::Clean));
            let visible = scan(&disk.written);
            assert!(visible.bodies.len() >= succeeded && visible.bodies.len() <= succeeded + 1);
            assert!(!matches!(visible.end, End::Broken(_)), "the next open can recover");
        }
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_without_ending_the_journal() {
    #[derive(Serialize)]
    struct Odd(std::collections::BTreeMap<(u8, u8), u8>);
    let (_dir, path) = fresh();
    let mut journal = create::<Odd>(&path).unwrap();
    let odd = Odd([((1, 2), 3)].into());
    assert!(matches!(journal.append(&odd, Durability::Synced), Err(AppendError::Encode(_))));
    assert!(!journal.is_sealed());
    journal.append(&Odd([].into()), Durability::Synced).unwrap();
    assert_eq!(verify(&path).unwrap().records, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_seals_the_journal() {
    let full = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let mut journal = Journal::<Body>::resume(DiskFile(full), Seq(0), GENESIS.into());
    match journal.append(&intended(1), Durability::Buffered) {
        Err(AppendError::Write(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
    assert!(matches!(journal.append(&intended(2), Durability::Buffered), Err(AppendError::Sealed)));
}

#[test]
fn a_missing_journal_is_an_error_that_names_it() {
    let error = open::<Body>(Path::new("/nonexistent/journal.jsonl")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/journal.jsonl"), "{error}");
}
