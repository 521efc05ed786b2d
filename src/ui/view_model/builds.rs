//! (c) Builds: state, place, time and what is left of each.

use crate::domain::event::Origin;
use crate::domain::failure::FailureClass;
use crate::domain::plan::{BlockedReason, BuilderKind, ItemState, LeftoverHarm, PlanItem};
use crate::domain::progress::{Eta, Phase};
use crate::domain::sample::BuildSample;
use crate::domain::state::{BuildRecord, BuildStatus, Left, Stage};
use crate::domain::unit::Millis;
use crate::text::cut;

use super::super::Charset;
use super::super::scene::Scene;
use super::super::show::{about, clock, size};
use super::line::{Block, Chosen, Column, Line, Row, Tone, Word};
use super::stack::{self, Source, Wish, numbers, stack, words};
use super::{VERY_WIDE, WIDE, blockers, build_detail, log_pane, pane_title, scrolled, server, side_by_side};

/// Title of the list of those who hold builds up.
const HOLDERS: &str = "who holds builds up";
/// Cells of `UNKNOWN`.
const STATE_WIDTH: usize = 7;

/// The screen.
pub(super) fn body(scene: &Scene<'_>, width: usize, height: usize) -> Vec<Block> {
    let entries = scene.entries();
    let chosen = scene.entry();
    let at = entries.iter().position(|item| chosen.is_some_and(|chosen| chosen.key == item.key));
    let columns = columns(width);
    let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let wide = width >= WIDE;
    let beside_each_other = width >= VERY_WIDE && !scene.is_whole();
    let source = Source {
        state_width: STATE_WIDTH,
        columns,
        total: entries.len(),
        at: at.unwrap_or(0),
        row: Box::new(|index| row(scene, entries[index], at == Some(index), &widths, wide)),
        empty: if scene.ui.filter.is_empty() {
            "no plan yet".to_owned()
        } else {
            "no entry matches the filter".to_owned()
        },
    };
    let mut wishes = Vec::new();
    if let Some(item) = chosen {
        let title = pane_title(scene, build_detail::title(scene, item));
        // On a very wide screen the server stands beside the detail.
        let (room, right) =
            if beside_each_other { (width * 3 / 5, beside(scene)) } else { (width, Vec::new()) };
        let lines = scrolled(scene, build_detail::lines(scene, item, room));
        let lines = side_by_side(scene, lines, room, right);
        let mut wish = Wish::detail(title, lines);
        wish.first = wish.first.min((height * 2 / 5).max(2));
        wishes.push(wish);
    }
    if wide && (!beside_each_other || chosen.is_none()) {
        wishes.extend(server::pane(scene));
    }
    if scene.is_whole() {
        wishes.push(Wish::detail(HOLDERS, blockers::in_short(scene)));
    }
    wishes.push(log_pane(scene, width, height));
    stack(height, heading(scene), &source, wishes)
}

/// The server, and everybody who holds something up now or later.
fn beside(scene: &Scene<'_>) -> Vec<Line> {
    let mut lines = vec![Line::of(Tone::Strong, " server")];
    lines.extend(server::lines(scene));
    lines.push(Line::of(Tone::Strong, format!(" {HOLDERS}")));
    lines.extend(blockers::in_short(scene));
    lines
}

fn columns(width: usize) -> Vec<Column> {
    let columns = if width >= VERY_WIDE {
        vec![
            words("INDEX", 0),
            words("TABLE", 30),
            words("WHERE", 30),
            numbers("TIME", 8),
            words("DONE", 27),
            numbers("LEFT", 9),
            words("TRY", 3),
        ]
    } else if width >= WIDE {
        vec![
            words("INDEX", 0),
            words("TABLE", 16),
            words("WHERE", 22),
            numbers("TIME", 8),
            words("DONE", 17),
            numbers("LEFT", 9),
            words("TRY", 3),
        ]
    } else {
        vec![
            words("INDEX", 0),
            words("WHERE", 18),
            numbers("TIME", 8),
            numbers("DONE", 4),
            numbers("LEFT", 9),
        ]
    };
    stack::columns(width, STATE_WIDTH, 0, columns)
}

fn heading(scene: &Scene<'_>) -> (Line, Line) {
    let tally = scene.picture.run.tally();
    let waiting = scene
        .running()
        .iter()
        .filter(|key| scene.sample(key).is_some_and(|sample| sample.phase.wait().is_some()))
        .count();
    let running = usize::try_from(tally.running).unwrap_or(usize::MAX).saturating_sub(waiting);
    let mut line = Line::of(Tone::Strong, " INDEXES ");
    for (count, word) in [
        (tally.verified as usize, Word::Ok),
        (running, Word::Run),
        (waiting, Word::Wait),
        (tally.waiting as usize, Word::Todo),
        (tally.skipped as usize + tally.rolled_back as usize, Word::Skip),
        (tally.unknown as usize, Word::Unknown),
        (tally.failed as usize, Word::Fail),
    ] {
        let always = matches!(word, Word::Ok | Word::Todo | Word::Fail);
        if count > 0 || always {
            let tone = if count == 0 { Tone::Plain } else { word.tone() };
            line = line.then(tone, format!(" {count} {} ", word.text()));
        }
    }
    if tally.leftovers > 0 {
        line = line.then(Tone::Bad, format!(" {} leftover ", tally.leftovers));
    }
    (line, super::matches(scene))
}

fn row(scene: &Scene<'_>, item: &PlanItem, chosen: bool, widths: &[usize], wide: bool) -> Row {
    let show = scene.show();
    let record = scene.build(&item.key);
    let sample = scene.sample(&item.key);
    let name = show.name(item.name.as_str(), widths.first().copied().unwrap_or(20));
    let took = record.and_then(|record| took(record, scene.now)).map_or_else(|| "-".to_owned(), clock);
    let left = left(record, sample, item);
    let percent = percent(record, sample);
    let place = place(scene, item);
    let texts = if wide {
        let tries = record.filter(|record| record.attempts > 0).map_or_else(
            || "-".to_owned(),
            |record| {
                let most = scene.picture.run.run.as_ref().map_or(1, |run| run.settings.attempts);
                format!("{}/{most}", record.attempts)
            },
        );
        let table = show.name(&item.table.name, widths.get(1).copied().unwrap_or(16));
        let cells = if widths.get(4).copied().unwrap_or(0) >= 27 { 20 } else { 10 };
        let done = match percent {
            Some(percent) if scene.is_whole() || scene.options.calm() => format!("{percent}%"),
            percent => bar(scene.options.charset, percent, cells),
        };
        vec![name, table, place, took, done, left, tries]
    } else {
        let percent = percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"));
        vec![name, place, took, percent, left]
    };
    Row {
        chosen: if chosen { Chosen::Yes } else { Chosen::No },
        word: word(scene, item),
        cells: texts.iter().zip(widths).map(|(text, width)| cut(text, *width)).collect(),
    }
}

/// Time of the newest attempt, once its statement was sent.
pub(super) fn took(record: &BuildRecord, now: jiff::Timestamp) -> Option<Millis> {
    let intent = record.intent.as_ref()?;
    Some(Millis::between(intent.at, record.finished_at.unwrap_or(now)))
}

/// The state word of an entry.
pub(super) fn word(scene: &Scene<'_>, item: &PlanItem) -> Word {
    if scene.picture.run.drops.get(&item.key).is_some_and(|drop| drop.conclusion.is_none()) {
        return Word::Run;
    }
    let Some(record) = scene.build(&item.key) else { return planned_word(&item.state) };
    match &record.status {
        BuildStatus::Running { .. } => {
            let waits = match scene.sample(&item.key) {
                Some(sample) => sample.phase.wait().is_some(),
                None => record.phases.last().is_some_and(|(phase, _)| phase.wait().is_some()),
            };
            if waits { Word::Wait } else { Word::Run }
        }
        BuildStatus::Retrying { .. } if record.attempts == 0 => Word::Todo,
        BuildStatus::Retrying { .. } | BuildStatus::Cleaning { .. } => Word::Wait,
        BuildStatus::Verified { .. } => Word::Ok,
        BuildStatus::Failed { left: Left::Leftover, .. } => Word::Bad,
        BuildStatus::Failed { left: Left::Nothing, .. } => Word::Fail,
        BuildStatus::Skipped { .. } | BuildStatus::RolledBack => Word::Skip,
        BuildStatus::Unknown { .. } => Word::Unknown,
    }
}

fn planned_word(state: &ItemState) -> Word {
    match state {
        ItemState::ToBuild => Word::Todo,
        ItemState::Present { .. } => Word::Ok,
        ItemState::Leftover { .. } | ItemState::Drift { .. } => Word::Bad,
        ItemState::Building { .. } => Word::Wait,
        ItemState::Blocked { .. } => Word::Fail,
        ItemState::Duplicate { .. } => Word::Skip,
    }
}

/// Where an entry is, in a few words.
fn place(scene: &Scene<'_>, item: &PlanItem) -> String {
    if let Some(drop) = scene.picture.run.drops.get(&item.key).filter(|drop| drop.conclusion.is_none()) {
        return if drop.blockers.is_empty() { "drop".to_owned() } else { "drop waits".to_owned() };
    }
    let Some(record) = scene.build(&item.key) else { return plan_words(scene, item) };
    match &record.status {
        BuildStatus::Running { stage, stopping, .. } => {
            if stopping.is_some() {
                return "stopping".to_owned();
            }
            let seen = scene.sample(&item.key).map(|sample| sample.phase);
            let phase = seen.or(record.phases.last().map(|(phase, _)| *phase));
            match (stage, phase) {
                (Stage::Preparing, _) => "taking the lock".to_owned(),
                (Stage::Reading, _) => "reading back".to_owned(),
                (Stage::Sent | Stage::Watched, Some(phase)) => phase_words(phase),
                (Stage::Sent | Stage::Watched, None) => "sent".to_owned(),
            }
        }
        BuildStatus::Retrying { not_before } if record.attempts > 0 => {
            let left = Millis::between(scene.now, *not_before);
            if left.0 == 0 {
                "next try waits".to_owned()
            } else {
                format!("next try {}", scene.time(*not_before))
            }
        }
        BuildStatus::Retrying { .. } => plan_words(scene, item),
        BuildStatus::Cleaning { .. } => "drop leftover".to_owned(),
        BuildStatus::Verified { origin: Origin::Ours } => {
            record.size.map_or_else(|| "valid".to_owned(), |bytes| format!("valid, {}", size(bytes)))
        }
        BuildStatus::Verified { origin: Origin::Presumed } => "valid, likely ours".to_owned(),
        BuildStatus::Verified { origin: Origin::NotOurs } => "was there, same".to_owned(),
        BuildStatus::Failed { sentence, .. } => {
            let class = record.failure.as_ref().map(|failure| failure.class);
            class.map_or_else(|| scene.show().whole(sentence), |class| failure_words(class).to_owned())
        }
        BuildStatus::Skipped { reason } => scene.show().whole(reason),
        BuildStatus::Unknown { .. } => "not known".to_owned(),
        BuildStatus::RolledBack => "rolled back".to_owned(),
    }
}

pub(super) fn failure_words(class: FailureClass) -> &'static str {
    match class {
        FailureClass::LockTimeout => "no lock in time",
        FailureClass::Cancelled => "cancelled",
        FailureClass::Terminated => "session ended",
        FailureClass::ServerRestart => "server restart",
        FailureClass::ConnectionLost => "connection lost",
        FailureClass::Deadlock => "deadlock",
        FailureClass::UniqueViolation => "duplicate rows",
        FailureClass::DiskFull => "disk full",
        FailureClass::ConfiguredLimit => "server limit",
        FailureClass::OutOfMemory => "out of memory",
        FailureClass::TooManyConnections => "no connection",
        FailureClass::Privilege => "no right",
        FailureClass::Missing => "missing object",
        FailureClass::NameTaken => "name taken",
        FailureClass::ReadOnly => "read-only",
        FailureClass::TooLarge => "row too large",
        FailureClass::BadData => "bad data",
        FailureClass::Invalid => "bad statement",
        FailureClass::InUse => "in use",
        FailureClass::Refused => "not sent",
        FailureClass::Other => "server refused",
    }
}

/// `4/9 load tree`.
pub(super) fn phase_words(phase: Phase) -> String {
    match phase.number() {
        0 => phase.words().to_owned(),
        number => format!("{number}/{} {}", Phase::LAST_NUMBER, phase.words()),
    }
}

/// What the plan says of an entry, in a few words.
pub(super) fn plan_words(scene: &Scene<'_>, item: &PlanItem) -> String {
    let show = scene.show();
    match &item.state {
        ItemState::ToBuild => "to build".to_owned(),
        ItemState::Present { .. } => "was there, same".to_owned(),
        ItemState::Leftover { harm, .. } => match harm {
            LeftoverHarm::RejectsWrites => "leftover that REJECTS WRITES".to_owned(),
            LeftoverHarm::CostsWrites => "leftover that costs writes".to_owned(),
            LeftoverHarm::TakesSpace => "leftover".to_owned(),
        },
        ItemState::Building { builder, backend, .. } => match builder {
            BuilderKind::Ours => format!("our pid {} builds it", backend.pid),
            BuilderKind::OtherRun { .. } => format!("another run (pid {}) builds it", backend.pid),
            BuilderKind::Stranger { application, .. } => {
                format!("pid {} {} builds it", backend.pid, show.name(application, 20))
            }
        },
        ItemState::Drift { .. } => "drift: same name, other index".to_owned(),
        ItemState::Blocked { reason } => blocked_words(scene, reason),
        ItemState::Duplicate { of, .. } => format!("same as {}", show.name(&of.name, 40)),
    }
}

fn blocked_words(scene: &Scene<'_>, reason: &BlockedReason) -> String {
    let show = scene.show();
    match reason {
        BlockedReason::NoTable => "no such table".to_owned(),
        BlockedReason::ServerRefuses { message, .. } => show.whole(&format!("server refuses: {message}")),
        BlockedReason::PartitionedTable => "partitioned parent".to_owned(),
        BlockedReason::NotATable { kind } => format!("not a table: {}", show.whole(kind)),
        BlockedReason::NameTaken { kind } => format!("name taken by a {}", show.whole(kind)),
        BlockedReason::NoRight { why } => format!("no right: {}", show.whole(why)),
        BlockedReason::CannotCompare { why } => format!("cannot compare: {}", show.whole(why)),
    }
}

fn percent(record: Option<&BuildRecord>, sample: Option<&BuildSample>) -> Option<u8> {
    match record.map(|record| &record.status) {
        Some(BuildStatus::Verified { .. }) => Some(100),
        // Only a verified index is done.
        Some(BuildStatus::Running { .. }) => {
            sample.map(|sample| (sample.fraction.clamp(0.0, 0.99) * 100.0) as u8)
        }
        Some(
            BuildStatus::Retrying { .. }
            | BuildStatus::Cleaning { .. }
            | BuildStatus::Failed { .. }
            | BuildStatus::Skipped { .. }
            | BuildStatus::Unknown { .. }
            | BuildStatus::RolledBack,
        )
        | None => None,
    }
}

/// `[######....]  58%`
fn bar(charset: Charset, percent: Option<u8>, cells: usize) -> String {
    let Some(percent) = percent else { return "-".to_owned() };
    let (full, empty) = match charset {
        Charset::Ascii => ("#", "."),
        Charset::Unicode => ("█", "·"),
    };
    let done = usize::from(percent) * cells / 100;
    format!("[{}{}] {percent:>3}%", full.repeat(done), empty.repeat(cells - done))
}

fn left(record: Option<&BuildRecord>, sample: Option<&BuildSample>, item: &PlanItem) -> String {
    let running = record.is_some_and(|record| matches!(record.status, BuildStatus::Running { .. }));
    match (running, sample.map(|sample| sample.eta)) {
        (true, Some(Eta::Left(band))) => about(band.likely),
        (true, Some(Eta::Waiting { .. })) => "unknown".to_owned(),
        (true, Some(Eta::NoGround) | None) => "-".to_owned(),
        (false, _) => {
            let todo = record.is_none_or(|record| matches!(record.status, BuildStatus::Retrying { .. }))
                && item.state == ItemState::ToBuild;
            let predicted = item.estimate.filter(|_| todo).map(|estimate| estimate.time.likely);
            predicted.map_or_else(|| "-".to_owned(), about)
        }
    }
}
