//! What a write will do, and when: steps that are taken at once, or after one or more transitions of the cloud's own pace.

use serde_json::{Value, json};

use super::{
    binding::Slot,
    draft::{Draft, set},
    kind::Kind,
    world::Account,
};

/// One step of a write.
pub(super) type Step = Box<dyn FnOnce(&mut Draft) + Send>;

/// The steps of one write or of one deed of an outside actor.
#[derive(Default)]
pub(super) struct Plan {
    /// How many transitions later, and what.
    steps: Vec<(u32, Step)>,
}

impl Plan {
    /// At once.
    pub(super) fn now(&mut self, step: impl FnOnce(&mut Draft) + Send + 'static) {
        self.after(0, step);
    }

    /// So many transitions later.
    pub(super) fn after(&mut self, transitions: u32, step: impl FnOnce(&mut Draft) + Send + 'static) {
        self.steps.push((transitions, Box::new(step)));
    }

    /// True if nothing is done.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn into_steps(self) -> Vec<(u32, Step)> {
        self.steps
    }

    /// An EIP leaves a slot; returns how many transitions that takes.
    pub(super) fn unbind(&mut self, slot: &Slot) -> u32 {
        let (begin, finish) = (slot.clone(), slot.clone());
        self.now(move |draft| {
            draft.begin_unbind(&begin);
        });
        self.after(1, move |draft| draft.finish_unbind(&finish));
        1
    }

    /// An EIP comes to a slot, after the one that is there has left; returns how many transitions that takes.
    pub(super) fn bind(&mut self, account: &Account, slot: &Slot, eip: &str) -> u32 {
        let free = if slot.eip(account).is_some() { self.unbind(slot) } else { 0 };
        let (begin, finish) = ((slot.clone(), eip.to_owned()), (slot.clone(), eip.to_owned()));
        self.after(free, move |draft| {
            draft.begin_bind(&begin.0, &begin.1);
        });
        self.after(free + 1, move |draft| draft.finish_bind(&finish.0, &finish.1));
        free + 1
    }

    /// A free EIP is given back; its address is lost.
    pub(super) fn release(&mut self, eip: &str) {
        let (begin, finish) = (eip.to_owned(), eip.to_owned());
        self.now(move |draft| {
            draft.edit(Kind::Eip, &begin, |value| set(value, "Status", json!("Releasing")));
            draft.note(&begin, "eip-releasing");
        });
        self.after(1, move |draft| {
            draft.remove(Kind::Eip, &finish);
            draft.note(&finish, "eip-released");
        });
    }

    /// The API server of a cluster is rolled, with a task to watch it by; `wanted` is what the slot must hold at the end
    /// for the task to have succeeded.
    pub(super) fn roll(&mut self, cluster: &str, task: Option<String>, bound: u32, wanted: Option<String>) {
        let (begin, finish) = ((cluster.to_owned(), task.clone()), (cluster.to_owned(), task));
        self.now(move |draft| {
            set_state(draft, &begin.0, "updating");
            set_task(draft, &begin.0, begin.1.as_deref(), "running");
        });
        self.after(bound + 1, move |draft| {
            let holds = Slot::Cluster(finish.0.clone()).eip(&draft.account);
            let state = if holds == wanted { "success" } else { "fail" };
            set_state(draft, &finish.0, "running");
            set_task(draft, &finish.0, finish.1.as_deref(), state);
        });
    }
}

fn set_state(draft: &mut Draft, cluster: &str, state: &'static str) {
    draft.edit(Kind::Cluster, cluster, |value| set(value, "state", json!(state)));
    draft.note(cluster, state);
}

fn set_task(draft: &mut Draft, cluster: &str, task: Option<&str>, state: &str) {
    let Some(task) = task else { return };
    let value: Value = json!({
        "task_id": task, "cluster_id": cluster, "task_type": "cluster_modify", "state": state,
        "stages": [{"state": state, "message": ""}],
    });
    draft.account.tasks.insert(task.to_owned(), value.to_string().into());
}
