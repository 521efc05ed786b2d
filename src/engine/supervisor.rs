//! Every task of the engine is spawned here, joined, and a panic in it becomes a fact.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

use crate::domain::effect::EffectKey;

/// A task that ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What it was at work on; absent for tasks that live as long as the engine.
    pub(super) key: Option<EffectKey>,
    /// Its name.
    pub(super) name: String,
    /// Its panic's message, when it panicked.
    pub(super) panic: Option<String>,
}

/// Owner of all tasks. Dropping it aborts them; a statement on the server goes on all the same.
#[derive(Default)]
pub(super) struct Supervisor {
    tasks: JoinSet<()>,
    names: HashMap<Id, (Option<EffectKey>, String)>,
}

impl Supervisor {
    /// Starts a task.
    pub(super) fn spawn(
        &mut self,
        key: Option<EffectKey>,
        name: impl Into<String>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), (key, name.into()));
    }

    /// The next task that ends; pending for ever when there is none, so that it can stand in a `select!`.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => self.describe(id, None),
            Some(Err(error)) => {
                let id = error.id();
                let panic = if error.is_panic() { Some(words(error.into_panic().as_ref())) } else { None };
                self.describe(id, panic)
            }
        }
    }

    fn describe(&mut self, id: Id, panic: Option<String>) -> Ended {
        let (key, name) = self.names.remove(&id).unwrap_or((None, "unnamed task".to_owned()));
        Ended { key, name, panic }
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}
