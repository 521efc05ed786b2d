//! A real socket, real consoles, and what each of them is told.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::*;
use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::{Event, EventKind, RunEvent};
use crate::domain::id::{Person, Seq};
use crate::domain::sample::Samples;

const LIMIT: Duration = Duration::from_secs(20);

struct House {
    hub: Hub,
    knocks: mpsc::UnboundedReceiver<Knock>,
    samples: watch::Sender<Samples>,
    socket: PathBuf,
    door: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.door.abort();
    }
}

fn facts() -> Facts {
    Facts { build: "1.0.0".to_owned(), run: "r1".into(), alone: "it holds".to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "ended by drop")]
async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let (hub, knocks) = Hub::new();
    let (samples, newest) = watch::channel(Samples::default());
    let door = Door::open(&socket, facts(), hub.clone(), newest).await.unwrap();
    let door = tokio::spawn(door.run(std::future::pending()));
    House { hub, knocks, samples, socket, door, _folder: folder }
}

fn hello(person: &str, wants: Role) -> Hello {
    Hello { protocol: PROTOCOL, build: "1.0.0".to_owned(), person: person.into(), wants }
}

fn event(seq: u64, text: &str) -> Event {
    let kind = EventKind::Run(RunEvent::AbortRequested { by: "ana".into(), reason: text.to_owned() });
    Event { seq: Seq(seq), at: jiff::Timestamp::UNIX_EPOCH, kind }
}

async fn hear(visit: &mut Visit) -> Option<FromEngine> {
    tokio::time::timeout(LIMIT, visit.ears.hear()).await.expect("something is said")
}

/// Facts up to and with "that is all", then nothing but facts and leases.
async fn until_caught_up(visit: &mut Visit) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let message = hear(visit).await.expect("still there");
        if message == FromEngine::CaughtUp {
            return events;
        }
        let FromEngine::Event(event) = message else { panic!("{message:?}") };
        events.push(event);
    }
}

/// The next message that is no reading.
async fn news(visit: &mut Visit) -> Option<FromEngine> {
    loop {
        match hear(visit).await {
            Some(FromEngine::Samples(_)) => {}
            other => return other,
        }
    }
}

async fn knock(house: &mut House) -> Knock {
    tokio::time::timeout(LIMIT, house.knocks.recv()).await.expect("a knock").expect("an open door")
}

fn pause() -> Command {
    Command { by: Person("ana".to_owned()), verb: Verb::Pause }
}

#[tokio::test]
async fn whoever_comes_late_is_told_everything_and_then_what_is_new() {
    let mut house = house().await;
    let past: Vec<Event> = (1..=600).map(|seq| event(seq, "before")).collect();
    for event in &past {
        house.hub.event(event);
    }
    let mut first = visit(&house.socket, hello("ana", Role::Controller)).await.unwrap();
    assert_eq!((first.welcome.role, first.welcome.events), (Role::Controller, 600));
    assert_eq!(until_caught_up(&mut first).await, past);
    assert_eq!(knock(&mut house).await, Knock::InHand("ana".into()));
    house.hub.event(&event(601, "after"));
    assert_eq!(news(&mut first).await, Some(FromEngine::Event(event(601, "after"))));
    house.samples.send_modify(|it| it.at = Some(jiff::Timestamp::UNIX_EPOCH));
    loop {
        if let Some(FromEngine::Samples(samples)) = hear(&mut first).await
            && samples.at.is_some()
        {
            break;
        }
    }
}

#[tokio::test]
async fn one_has_the_run_in_hand_and_the_others_watch() {
    let mut house = house().await;
    let mut ana = visit(&house.socket, hello("ana", Role::Controller)).await.unwrap();
    until_caught_up(&mut ana).await;
    knock(&mut house).await;
    let mut bea = visit(&house.socket, hello("bea", Role::Controller)).await.unwrap();
    until_caught_up(&mut bea).await;
    assert_eq!((bea.welcome.role, bea.welcome.holder.clone()), (Role::Observer, Some("ana".into())));
    bea.mouth.say(&ToEngine::Command(pause())).await.unwrap();
    let refusal = Refusal::NotInControl { who: "ana".to_owned() };
    assert_eq!(news(&mut bea).await, Some(FromEngine::Refused { verb: Verb::Pause, refusal }));
    ana.mouth.say(&ToEngine::Command(pause())).await.unwrap();
    assert!(matches!(knock(&mut house).await, Knock::Command(_, command) if command == pause()));
    // It is asked for, and both learn of it.
    bea.mouth.say(&ToEngine::Take).await.unwrap();
    assert_eq!(knock(&mut house).await, Knock::InHand("bea".into()));
    let lease = |role| FromEngine::Lease { holder: Some("bea".into()), role };
    assert_eq!(news(&mut bea).await, Some(lease(Role::Controller)));
    assert_eq!(news(&mut ana).await, Some(lease(Role::Observer)));
}

#[tokio::test]
async fn a_controller_who_goes_leaves_the_run_in_nobodys_hands() {
    let mut house = house().await;
    let mut watcher = visit(&house.socket, hello("bea", Role::Observer)).await.unwrap();
    until_caught_up(&mut watcher).await;
    assert_eq!(watcher.welcome.holder, None);
    let mut ana = visit(&house.socket, hello("ana", Role::Controller)).await.unwrap();
    until_caught_up(&mut ana).await;
    knock(&mut house).await;
    drop(ana);
    let Knock::OutOfHand { by, .. } = knock(&mut house).await else { panic!("nobody noticed") };
    assert_eq!(by, "ana".into());
    let held = FromEngine::Lease { holder: Some("ana".into()), role: Role::Observer };
    let free = FromEngine::Lease { holder: None, role: Role::Observer };
    assert_eq!(news(&mut watcher).await, Some(held));
    assert_eq!(news(&mut watcher).await, Some(free));
}

#[tokio::test]
async fn another_protocol_is_told_so_and_another_version_only_watches() {
    let house = house().await;
    let later = Hello { protocol: PROTOCOL + 1, ..hello("ana", Role::Controller) };
    let error = visit(&house.socket, later).await.err().expect("not let in");
    assert_eq!(error.to_string(), "the engine is version 1.0.0 and speaks protocol 1, not 2");
    let other = Hello { build: "1.0.1".to_owned(), ..hello("ana", Role::Controller) };
    let mut other = visit(&house.socket, other).await.unwrap();
    assert_eq!(other.welcome.role, Role::Observer);
    until_caught_up(&mut other).await;
    other.mouth.say(&ToEngine::Take).await.unwrap();
    other.mouth.say(&ToEngine::Command(pause())).await.unwrap();
    assert!(matches!(news(&mut other).await, Some(FromEngine::Refused { .. })));
}

#[tokio::test]
async fn a_console_that_takes_nothing_is_shown_out_and_nobody_waits_for_it() {
    let mut house = house().await;
    let mut stalled = visit(&house.socket, hello("ana", Role::Controller)).await.unwrap();
    knock(&mut house).await;
    let mut awake = visit(&house.socket, hello("bea", Role::Observer)).await.unwrap();
    until_caught_up(&mut awake).await;
    let long = "x".repeat(20_000);
    let before = tokio::time::Instant::now();
    for seq in 1..=3_000 {
        house.hub.event(&event(seq, &long));
        // The other one keeps up, and learns when the first is shown out.
        let told = news(&mut awake).await;
        if told != Some(FromEngine::Event(event(seq, &long))) {
            assert_eq!(told, Some(FromEngine::Lease { holder: None, role: Role::Observer }));
            assert!(before.elapsed() < LIMIT);
            assert!(matches!(knock(&mut house).await, Knock::OutOfHand { .. }));
            // What it was told until then is still there to be read; then it is over.
            while hear(&mut stalled).await.is_some() {}
            return;
        }
    }
    panic!("it is still there");
}

#[tokio::test(start_paused = true)]
async fn a_silent_controller_loses_the_run() {
    let (hub, mut knocks) = Hub::new();
    let joined = hub.join(&"ana".into(), Role::Controller, Role::Controller).unwrap();
    assert_eq!(knocks.try_recv(), Ok(Knock::InHand("ana".into())));
    tokio::time::advance(LEASE.mul_f32(0.9)).await;
    hub.heard(joined.id);
    tokio::time::advance(LEASE).await;
    hub.expire();
    assert!(knocks.try_recv().is_err(), "heard in time");
    tokio::time::advance(Duration::from_secs(1)).await;
    hub.expire();
    assert!(matches!(knocks.try_recv(), Ok(Knock::OutOfHand { .. })));
    hub.expire();
    assert!(knocks.try_recv().is_err(), "once");
}

#[tokio::test]
async fn a_socket_that_answers_is_not_taken_and_a_dead_one_is() {
    use std::os::unix::fs::PermissionsExt;

    let house = house().await;
    let mode = std::fs::metadata(&house.socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let (hub, _knocks) = Hub::new();
    let samples = watch::channel(Samples::default()).1;
    let second = Door::open(&house.socket, facts(), hub.clone(), samples.clone()).await;
    assert!(matches!(second, Err(DoorError::Taken { .. })));
    let dead = house.socket.with_file_name("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let door = Door::open(&dead, facts(), hub, samples).await.unwrap();
    assert!(dead.exists());
    drop(door);
    assert!(!dead.exists());
}

#[tokio::test]
async fn whoever_is_there_at_the_end_hears_the_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let (hub, _knocks) = Hub::new();
    let samples = watch::channel(Samples::default()).1;
    let door = Door::open(&socket, facts(), hub.clone(), samples).await.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "joined below")]
    let door = tokio::spawn(door.run(async move {
        let _ = ended.await;
    }));
    let mut ana = visit(&socket, hello("ana", Role::Controller)).await.unwrap();
    until_caught_up(&mut ana).await;
    let words = FromEngine::Ended { words: vec!["report".to_owned()], after: Vec::new(), exit: 0 };
    hub.tell(&words);
    hub.close();
    end.send(()).unwrap();
    assert_eq!(news(&mut ana).await, Some(words));
    assert_eq!(news(&mut ana).await, None);
    tokio::time::timeout(LIMIT, door).await.expect("it ends").unwrap();
}
