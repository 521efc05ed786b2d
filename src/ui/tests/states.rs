//! Every screen in every kind of state, at the sizes that it is made for: nothing known yet, an ordinary run, five
//! thousand entries, and texts that try everything. Monochrome and ASCII; colours are in the pictures of the manual.

use super::super::ui_state::Screen;
use super::*;

/// Entries of a registry that is larger than any that was seen.
const MANY: usize = 5_000;

/// The same run with a plan of [`MANY`] entries.
fn huge() -> Script {
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    for event in &mut script.events {
        if let EventKind::Run(RunEvent::Planned { plan }) = &mut event.kind {
            let model = plan.items[5].clone();
            let more = (plan.items.len()..MANY).map(|number| {
                let mut item = model.clone();
                let name = format!("idx_many_{number:04}");
                item.key = EntryKey(format!("public.{name}"));
                item.name = name.as_str().into();
                item.table.name = format!("many_{:03}", number % 300);
                item.statement =
                    format!("CREATE INDEX CONCURRENTLY {name} ON public.{} (id)", item.table.name);
                item
            });
            let more: Vec<_> = more.collect();
            plan.items.extend(more);
        }
    }
    script
}

fn each(state: &str, desk: impl Fn() -> Desk) {
    for screen in Screen::ALL {
        let mut desk = desk();
        desk.console.look_only_at(screen);
        let sizes = [(40, 10), (80, 24), (120, 40)];
        let text = sizes.map(|size| format!("{size:?}\n{}", desk.screen(size))).concat();
        insta::assert_snapshot!(format!("{state}_{}", screen.name()), text);
    }
}

#[test]
fn every_screen_before_anything_is_known() {
    each("empty", || Desk::new(Charset::Ascii));
}

#[test]
fn every_screen_of_an_ordinary_run() {
    each("ordinary", Desk::building);
}

#[test]
fn every_screen_of_hostile_texts() {
    each("hostile", || {
        let script = Script::building(Texts::Hostile, Mode::Live);
        let samples = script.samples();
        Desk::at(&script, samples)
    });
}

#[test]
fn every_screen_of_five_thousand_entries() {
    let script = huge();
    each("huge", || Desk::at(&script, script.samples()));
}
