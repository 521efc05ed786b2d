//! Draws a view model. Pure: no state, no clock, no I/O.
//!
//! ```text
//!  PROD  db1:5432/app  primary  PG16.4      [SAFE]  03:21:10Z  1s   bar      target, safety, clock, age
//!  run a7f3   1 ok  >2 BUILD 2/6   3 VERIFY                         bar      strip of phases
//! -- 00:07:06 -- left ~00:29:00 + the wait -- undo 2: :arm [u] ---   glance   in a rule (from 16 rows on)
//!  INDEXES  2 OK  1 WAIT  3 TODO  0 FAIL                            body     heading
//!
//!    STATE  INDEX                WHERE            TIME   DONE  LEFT  table
//!    OK     idx_orders_ref       valid, 1.1 GiB   00:04  100%  -
//!  > WAIT   idx_leads_status     4/9 wait writers 00:05   58%  ..
//! -- idx_leads_status  pid 4711  try 1 of 3 ---------------------   body     panes, each with its rule
//!  WAITING FOR pid 1234, idle in transaction 00:12:03, app=..
//! -- not now: SAFE: type :arm first -----------------------------   footer   rule, with a message in it
//!  WAIT 00:02:31  pid 1234 billing-worker holds up ..               footer   what is so
//!  sql 03:15:14Z  CREATE INDEX CONCURRENTLY ..              running footer   last statement that changed something
//!  [b] blockers  [p] pause  [x] stop..  [?] help  [q] leave         footer   keys, or the `:` and `/` prompt
//! ```
//!
//! An open panel lies over the body (`dialog`). Below 60x12 there are only lines (`lines`).

mod bar;
mod body;
mod dialog;
mod footer;
mod paint;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::Theme;
use super::view_model::{Full, Shape, Top, ViewModel};
use paint::Paint;

/// Draws everything into a buffer of the view's size, and says where the text cursor stands.
pub(super) fn render(view: &ViewModel, theme: Theme, buffer: &mut Buffer) -> Option<Position> {
    let area = buffer.area.intersection(Rect::new(0, 0, view.size.0, view.size.1));
    let mut paint = Paint { buffer, area, theme, charset: view.charset };
    match &view.shape {
        Shape::Small(lines) => {
            for (y, line) in (0..area.height).zip(lines) {
                paint.line(0, y, line, area.width);
            }
            None
        }
        Shape::Full(full) => render_full(full, &mut paint),
    }
}

/// A frame of its own.
pub(super) fn frame(view: &ViewModel, theme: Theme) -> (Buffer, Option<Position>) {
    let mut buffer = Buffer::empty(Rect::new(0, 0, view.size.0, view.size.1));
    let cursor = render(view, theme, &mut buffer);
    (buffer, cursor)
}

fn render_full(full: &Full, paint: &mut Paint<'_>) -> Option<Position> {
    let height = paint.area.height;
    bar::render(&full.bar, &full.strip, paint);
    let body_top = match &full.top {
        Top::Ruled(glance) => {
            paint.glance(2, glance);
            3
        }
        Top::Plain => 2,
    };
    let body_bottom = height.saturating_sub(4);
    body::render(&full.body, body_top, body_bottom, paint);
    let cursor = footer::render(full, body_bottom, paint);
    match &full.dialog {
        Some(dialog) => dialog::render(dialog, body_top, height.saturating_sub(3), paint),
        None => cursor,
    }
}
