//! Untrusted text made safe, units for people, cell widths.

mod human;
mod nearest;
mod pattern;
mod safe;
mod twin;

pub use human::{bytes, cell_width, clock, count, cut, fit_left, fit_right, parse_span, plural, span};
pub use nearest::nearest;
pub use pattern::matches;
pub use safe::{Safe, Untrusted, is_harmless};
