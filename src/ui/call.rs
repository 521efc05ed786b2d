//! When the terminal calls a person: one is needed, something failed, a build is held up for long, all is done. Each at most
//! once a minute, and never twice for the same.

use crate::domain::event::StepOutcome;
use crate::domain::state::{BuildStatus, StepStatus};
use crate::domain::unit::Millis;

use super::ability::{Dialect, Notices};
use super::console::Console;
use super::scene::Scene;
use super::show::{Room, Show};
use super::{Charset, Multiplexer, Notify, UiOptions};

/// A build that is held up for so long is worth a call.
const LONG: Millis = Millis(120_000);
/// From one call to the next of its kind, in seconds.
const APART: i64 = 60;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The run waits for a person.
    Person,
    /// A check, a build or a step failed.
    Fail,
    /// A build has been held up for long.
    Blocked,
    /// Nothing more will happen.
    Done,
}

impl Reason {
    const ALL: [Self; 4] = [Self::Person, Self::Fail, Self::Blocked, Self::Done];

    fn words(self) -> &'static str {
        match self {
            Self::Person => "a person is needed",
            Self::Fail => "FAIL",
            Self::Blocked => "a build is held up",
            Self::Done => "the run has ended",
        }
    }
}

/// What is so of a run, as far as it is worth a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The step that waits for a person.
    held: Option<String>,
    /// How often something failed.
    fails: usize,
    /// Builds that have been held up for long.
    blocked: Vec<String>,
    over: bool,
}

impl Standing {
    /// What is so now.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let run = &scene.picture.run;
        let checks = scene.check_tally().fail;
        let builds =
            run.builds.values().filter(|record| matches!(record.status, BuildStatus::Failed { .. })).count();
        let steps = run
            .steps
            .values()
            .filter(|record| {
                matches!(&record.status, StepStatus::Finished { outcome: StepOutcome::Failed { .. } })
            })
            .count();
        let mut blocked: Vec<String> = scene
            .samples
            .builds
            .iter()
            .filter(|(_, sample)| {
                sample.phase.wait().is_some() && !sample.blockers.is_empty() && sample.in_phase >= LONG
            })
            .map(|(key, _)| key.0.clone())
            .collect();
        blocked.sort();
        Self {
            held: scene.held().map(|(step, _)| step.id.0.clone()),
            fails: checks + builds + steps,
            blocked,
            over: scene.picture.over(),
        }
    }

    /// Whether this is new since then.
    fn brings(&self, reason: Reason, before: &Self) -> bool {
        match reason {
            Reason::Person => self.held.is_some() && self.held != before.held,
            Reason::Fail => self.fails > before.fails,
            Reason::Blocked => self.blocked.iter().any(|build| !before.blocked.contains(build)),
            Reason::Done => self.over && !before.over,
        }
    }

    /// Whether it is so at all.
    fn has(&self, reason: Reason) -> bool {
        match reason {
            Reason::Person => self.held.is_some(),
            Reason::Fail => self.fails > 0,
            Reason::Blocked => !self.blocked.is_empty(),
            Reason::Done => self.over,
        }
    }
}

/// What was called for, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller {
    /// What was so last; nothing before the first look, which calls nobody: whoever opens a console looks at it.
    before: Option<Standing>,
    due: [bool; 4],
    last: [Option<jiff::Timestamp>; 4],
}

impl Caller {
    /// What to call for now.
    pub(super) fn look(&mut self, standing: &Standing, now: jiff::Timestamp) -> Vec<Reason> {
        let Some(before) = self.before.replace(standing.clone()) else { return Vec::new() };
        let mut calls = Vec::new();
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            // What has passed before its minute was over needs nobody any more.
            self.due[index] = standing.has(reason) && (self.due[index] || standing.brings(reason, &before));
            let long_ago =
                self.last[index].is_none_or(|last| (now.as_second() - last.as_second()).abs() >= APART);
            if self.due[index] && long_ago {
                self.due[index] = false;
                self.last[index] = Some(now);
                calls.push(reason);
            }
        }
        calls
    }
}

impl Console {
    /// What the terminal is to be told to call a person; nothing most of the time.
    pub(super) fn call(&mut self, now: jiff::Timestamp) -> Vec<u8> {
        let live = self.live(now);
        let UiOptions { notify, dialect, multiplexer, environment, .. } = live.options;
        let (how, dialect, multiplexer) = (*notify, *dialect, *multiplexer);
        if how == Notify::Off {
            return Vec::new();
        }
        let whose = match &live.picture.run.target {
            Some(target) => format!("{} {}", target.environment.word(), target.identity.database),
            None => environment.word(),
        };
        let standing = Standing::of(&live);
        let calls = self.caller.look(&standing, now);
        bytes(&calls, how, dialect, multiplexer, &Show(Charset::Ascii, Room::Cells).name(&whose, 60))
    }
}

/// What is written to the terminal for some calls; nothing for none.
pub(super) fn bytes(
    calls: &[Reason],
    how: Notify,
    dialect: Dialect,
    multiplexer: Multiplexer,
    whose: &str,
) -> Vec<u8> {
    if calls.is_empty() {
        return Vec::new();
    }
    match how {
        Notify::Off => Vec::new(),
        Notify::Osc9 if dialect.family.takes_osc() => {
            let words: Vec<&str> = calls.iter().map(|reason| reason.words()).collect();
            let sequence = format!("\x1b]9;cicerone {whose}: {}\x07", words.join(", "));
            let mut out = super::copy::wrapped(&sequence, multiplexer).into_bytes();
            // Whoever does not know the sequence drops it in silence, and so does GNU screen on the way: nobody would come.
            if dialect.notices == Notices::Unsure {
                out.push(0x07);
            }
            out
        }
        Notify::Bell | Notify::Osc9 => vec![0x07],
    }
}

#[cfg(test)]
mod tests {
    use super::super::ability::Ability;
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn held(step: &str) -> Standing {
        Standing { held: Some(step.to_owned()), ..Standing::default() }
    }

    #[test]
    fn a_person_is_called_once_for_each_step_and_at_most_once_a_minute() {
        let mut caller = Caller::default();
        assert_eq!(caller.look(&held("2"), at(0)), [], "whoever opens a console looks at it");
        assert_eq!(caller.look(&Standing::default(), at(1)), []);
        assert_eq!(caller.look(&held("3"), at(2)), [Reason::Person]);
        assert_eq!(caller.look(&held("3"), at(3)), []);
        assert_eq!(caller.look(&held("4"), at(10)), [], "eight seconds after the last");
        assert_eq!(caller.look(&held("4"), at(61)), []);
        assert_eq!(caller.look(&held("4"), at(62)), [Reason::Person], "still needed when the minute is over");
        assert_eq!(caller.look(&held("4"), at(500)), [], "never twice for the same");
    }

    #[test]
    fn what_has_passed_within_the_minute_calls_nobody() {
        let mut caller = Caller::default();
        caller.look(&Standing::default(), at(0));
        assert_eq!(caller.look(&held("2"), at(1)), [Reason::Person]);
        assert_eq!(caller.look(&held("3"), at(5)), []);
        assert_eq!(caller.look(&Standing::default(), at(20)), []);
        assert_eq!(caller.look(&Standing::default(), at(100)), []);
    }

    #[test]
    fn kinds_have_minutes_of_their_own() {
        let mut caller = Caller::default();
        caller.look(&Standing::default(), at(0));
        let failed = Standing { fails: 1, ..Standing::default() };
        assert_eq!(caller.look(&failed, at(1)), [Reason::Fail]);
        let more = Standing { fails: 2, blocked: vec!["a".to_owned()], over: true, held: None };
        assert_eq!(caller.look(&more, at(2)), [Reason::Blocked, Reason::Done]);
        assert_eq!(caller.look(&more, at(61)), [Reason::Fail], "the second one, a minute after the first");
    }

    #[test]
    fn a_call_is_a_bell_wherever_a_notification_may_not_be_seen_and_never_what_the_terminal_does_not_know() {
        let calls = [Reason::Person, Reason::Fail];
        let on = |how, term: &str, multiplexer| {
            let Ability::Screen(dialect) = Ability::of(term, None) else { panic!("{term} has a screen") };
            String::from_utf8(bytes(&calls, how, dialect, multiplexer, "PROD app")).unwrap()
        };
        let notice = "\x1b]9;cicerone PROD app: a person is needed, FAIL\x07";
        assert_eq!(on(Notify::Off, "xterm", Multiplexer::None), "");
        assert_eq!(on(Notify::Bell, "vt100", Multiplexer::None), "\x07");
        assert_eq!(on(Notify::Bell, "xterm-kitty", Multiplexer::None), "\x07");
        assert_eq!(on(Notify::Osc9, "xterm-kitty", Multiplexer::None), notice);
        for term in ["xterm-256color", "screen", "no-such-terminal"] {
            assert_eq!(on(Notify::Osc9, term, Multiplexer::None), format!("{notice}\x07"), "{term}");
        }
        assert_eq!(
            on(Notify::Osc9, "tmux-256color", Multiplexer::Tmux),
            "\x1bPtmux;\x1b\x1b]9;cicerone PROD app: a person is needed, FAIL\x07\x1b\\\x07"
        );
        assert_eq!(on(Notify::Osc9, "linux", Multiplexer::None), "\x07");
        assert_eq!(on(Notify::Osc9, "vt100", Multiplexer::None), "\x07");
        assert!(bytes(&[], Notify::Bell, Dialect::default(), Multiplexer::None, "").is_empty());
    }
}
