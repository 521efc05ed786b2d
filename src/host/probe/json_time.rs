//! Times as backup tools write them.

use jiff::Timestamp;
use serde_json::Value;

/// Reads epoch seconds (as number or text), RFC 3339, or a date and time without a zone, which is taken as UTC.
pub(super) fn timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => from_epoch(number.as_f64()?),
        Value::String(text) => from_text(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn from_epoch(seconds: f64) -> Option<Timestamp> {
    // Milliseconds would lie some 50 000 years ahead.
    let seconds = if seconds > 1e11 { seconds / 1000.0 } else { seconds };
    if seconds <= 0.0 {
        return None;
    }
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

fn from_text(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return from_epoch(seconds);
    }
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_spelling_gives_the_same_instant() {
        let at: Timestamp = "2026-11-20T05:43:12Z".parse().unwrap();
        let epoch = at.as_second();
        let spellings = [
            json!(epoch),
            json!(epoch.to_string()),
            json!(epoch * 1000),
            json!("2026-11-20T05:43:12Z"),
            json!("2026-11-20T07:43:12+02:00"),
            json!("2026-11-20 05:43:12"),
            json!("2026-11-20T05:43:12.000000Z"),
            json!("2026-11-20 05:43:12+00:00"),
        ];
        for spelling in spellings {
            assert_eq!(timestamp(&spelling), Some(at), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for value in
            [json!(null), json!("yesterday"), json!(""), json!(-5), json!(0), json!([]), json!("Thu Nov 20")]
        {
            assert_eq!(timestamp(&value), None, "{value}");
        }
    }
}
