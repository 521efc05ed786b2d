//! The end of the maintenance window: nothing new starts after it, and nothing that runs is stopped by it.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::domain::unit::Millis;
use crate::text::parse_span;

/// How the end of a window is written.
pub const HOW_WRITTEN: &str =
    "write a time of day in UTC like 05:00Z, a moment like 2026-11-20T05:00:00Z, or a span like 2h";

/// The end that a person means: a time of day is its next occurrence, a span counts from now. Nothing for what is
/// neither, and for a moment that has passed.
pub fn parse_end(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let time_of_day = text.strip_suffix('Z').filter(|time| !time.contains(['-', 'T', 't', ' ']));
    if let Some(end) = time_of_day.and_then(|time| time.parse::<Time>().ok()) {
        let today = now.to_zoned(TimeZone::UTC).date();
        let at = |date: jiff::civil::Date| {
            date.to_datetime(end).to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp())
        };
        return at(today).filter(|end| *end > now).or_else(|| at(today.tomorrow().ok()?));
    }
    let end = match text.parse::<Timestamp>() {
        Ok(end) => end,
        Err(_) => now.checked_add(std::time::Duration::from_millis(parse_span(text)?)).ok()?,
    };
    (end > now).then_some(end)
}

/// Time left, none once it has closed.
pub fn left(end: Timestamp, now: Timestamp) -> Option<Millis> {
    (end > now).then(|| Millis::between(now, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_of_day_is_its_next_occurrence_and_a_span_counts_from_now() {
        let now = at("2026-11-20T03:10:00Z");
        assert_eq!(parse_end("05:00Z", now), Some(at("2026-11-20T05:00:00Z")));
        assert_eq!(parse_end("03:00Z", now), Some(at("2026-11-21T03:00:00Z")));
        assert_eq!(parse_end("90min", now), Some(at("2026-11-20T04:40:00Z")));
        assert_eq!(parse_end("2026-11-20T06:30:00+01:00", now), Some(at("2026-11-20T05:30:00Z")));
    }

    #[test]
    fn what_has_passed_or_has_no_zone_is_no_end() {
        let now = at("2026-11-20T03:10:00Z");
        for text in ["2026-11-20T03:00:00Z", "05:00", "25:00Z", "soon", "", "0s"] {
            assert_eq!(parse_end(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_window_that_has_closed_has_no_time_left() {
        let end = at("2026-11-20T05:00:00Z");
        assert_eq!(left(end, at("2026-11-20T04:59:00Z")), Some(Millis(60_000)));
        assert_eq!(left(end, end), None);
    }
}
