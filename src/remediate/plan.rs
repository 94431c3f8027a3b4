//! A plan as it is carried out: checked and approved by whoever read the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Action, CloudTime};
use crate::model::AccountId;

/// How many changes may be made. 0 means none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub per_run: u32,
    /// Per account and day.
    pub per_day: u32,
    /// Per environment and day; one that is not named may have none.
    pub per_environment: BTreeMap<String, u32>,
}

/// Who stands by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Attended,
    Automatic,
}

/// Actions in their order, and what holds for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub id: String,
    pub account: AccountId,
    pub not_before: CloudTime,
    pub expires: CloudTime,
    pub mode: Mode,
    pub limits: Limits,
    pub actions: Vec<Arc<Action>>,
}

/// Which actions of a plan are meant. There is no empty way to say *all*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    Whole,
    Intents(BTreeSet<String>),
}

impl Selection {
    pub fn picks(&self, action: &Action) -> bool {
        match self {
            Self::Whole => true,
            Self::Intents(intents) => intents.contains(&action.intent),
        }
    }
}
