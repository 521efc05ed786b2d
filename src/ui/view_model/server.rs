//! The server as a whole: sessions, log, lag, disk.

use crate::domain::sample::Volume;
use crate::domain::unit::Millis;
use crate::text::{fit_left, plural, span};

use super::super::scene::Scene;
use super::super::show::size;
use super::super::{Bandwidth, Motion};
use super::line::{Line, Tone};
use super::stack::Wish;

/// Cells of a label.
const LABEL: usize = 10;
/// Cells of a sparkline.
const SPARK: usize = 24;
/// Less than this share free is shown as a warning.
const SCARCE_PERCENT: u128 = 10;

/// The pane, once something was read.
pub(super) fn pane(scene: &Scene<'_>) -> Option<Wish> {
    scene.samples.at?;
    Some(Wish::detail("server", lines(scene)))
}

/// Its lines, the most telling first.
pub(super) fn lines(scene: &Scene<'_>) -> Vec<Line> {
    let server = &scene.samples.server;
    let number = |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let time = |value: Option<Millis>| value.map_or_else(|| "?".to_owned(), |value| span(value.0));
    let sessions = format!(
        "{} active of {}, at most {}",
        number(server.active),
        number(server.sessions),
        number(server.max_connections)
    );
    let active = Line::plain(label("sessions")).then(Tone::Plain, sessions);
    let tone = if server.lock_waits.unwrap_or(0) > 0 { Tone::Warn } else { Tone::Plain };
    let waits = Line::plain(label("waits")).then(tone, format!("{} for locks", number(server.lock_waits)));
    let oldest = format!("   oldest transaction {}", time(server.oldest_transaction));
    let mut wal = Line::plain(label("WAL"));
    let rate = server.wal_per_second.map_or_else(|| "?".to_owned(), size);
    wal = wal.then(Tone::Plain, format!("{}  ", fit_left(&format!("{rate}/s"), 12)));
    if moves(scene) {
        wal = wal.then(Tone::Busy, scene.trend.wal().line(scene.options.charset, SPARK));
    }
    let lag = match (server.standbys, server.replication_lag) {
        (Some(0), _) => "no standby".to_owned(),
        // An idle standby has caught up, and the server tells no lag of it.
        (Some(_), None) => {
            format!("{}, no lag told", plural(server.standbys.unwrap_or(0) as usize, "standby", "standbys"))
        }
        (_, lag) => format!("replay lag {}", time(lag)),
    };
    let wal = wal.then(Tone::Plain, format!("  {lag}"));
    let mut lines = vec![active, waits.then(Tone::Plain, oldest), wal];
    lines.extend(scene.samples.volumes.iter().map(|it| volume(scene, it)));
    if scene.samples.volumes.is_empty() {
        lines.push(Line::of(Tone::Dim, format!("{}nothing tells how much is free", label("disk"))));
    }
    lines
}

/// Whether something that moves by itself is wanted.
pub(super) fn moves(scene: &Scene<'_>) -> bool {
    !scene.is_whole() && scene.options.motion == Motion::Full && scene.options.bandwidth == Bandwidth::Full
}

fn label(text: &str) -> String {
    format!(" {}", fit_left(text, LABEL))
}

fn volume(scene: &Scene<'_>, volume: &Volume) -> Line {
    let share = volume
        .total
        .filter(|total| total.0 > 0)
        .map(|total| u128::from(volume.free.0) * 100 / u128::from(total.0));
    let of = match (volume.total, share) {
        (Some(total), Some(share)) => format!(" of {} ({share} %)", size(total)),
        (_, _) => String::new(),
    };
    let scarce = share.is_some_and(|share| share < SCARCE_PERCENT);
    let tone = if scarce { Tone::Warn } else { Tone::Plain };
    let what = scene.show().name(&volume.what, 40);
    let at = scene.time(volume.at);
    Line::plain(label("disk"))
        .then(tone, format!("{} free{of} on {what}", size(volume.free)))
        .then(Tone::Dim, format!("  {at}"))
}
