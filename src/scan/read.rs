//! What one planned read brought, and how it failed.

use crate::{
    cloud::error::{CallError, Class},
    model::{Gap, Unit, UnitState},
};

/// What was read, and what went wrong. Both at once where a reply was partly readable: its
/// positive signs count although its unit failed.
#[derive(Clone, Debug)]
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) failure: Option<Failure>,
}

impl<T> Read<T> {
    /// A read that succeeded.
    pub(super) fn whole(value: T) -> Self {
        Self { value, failure: None }
    }

    /// A read that brought nothing.
    pub(super) fn nothing(failure: Failure) -> Self
    where
        T: Default,
    {
        Self { value: T::default(), failure: Some(failure) }
    }

    /// The same failure, another value.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        Read { value: change(self.value), failure: self.failure }
    }
}

/// Why a unit was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) state: UnitState,
    /// The vendor's code, or one of ours in lower case.
    pub(super) code: String,
    /// For people; the same for the same failure.
    pub(super) message: String,
    pub(super) request_id: String,
    /// The class of the failed call; `None` where the call succeeded and its reply would not do.
    pub(super) class: Option<Class>,
}

impl Failure {
    /// A failure of ours.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            state: UnitState::Failed,
            code: code.to_owned(),
            message: message.into(),
            request_id: String::new(),
            class: None,
        }
    }

    /// A reply whose fields are not as documented.
    pub(super) fn schema(summary: String) -> Self {
        Self::new("schema", format!("the reply differs from the documented one: {summary}"))
    }

    /// A reply that speaks of another region than the one asked.
    pub(super) fn wrong_region(seen: &str) -> Self {
        Self::new("wrong-region", format!("the reply speaks of the region \"{seen}\", not of the one that was asked"))
    }

    /// The scan was cut short.
    pub(super) fn interrupted() -> Self {
        Self::new("interrupted", "the scan was interrupted before this was read; run it again")
    }

    /// A failed call about a whole region or account. Only there a documented code can mean that
    /// the product does not serve the region.
    pub(super) fn of_list(error: &CallError) -> Self {
        let state = match error.class {
            Class::Denied => UnitState::Denied,
            Class::NotServed => UnitState::NotServed,
            _ => UnitState::Failed,
        };
        Self { state, ..Self::of_resource(error) }
    }

    /// A failed call about a resource.
    pub(super) fn of_resource(error: &CallError) -> Self {
        let state = if error.class == Class::Denied { UnitState::Denied } else { UnitState::Failed };
        let mut message = error.reason.clone();
        if !error.advice.is_empty() {
            message.push_str("; ");
            message.push_str(&error.advice);
        }
        Self {
            state,
            code: error.code.clone(),
            message,
            request_id: error.request_id.clone(),
            class: Some(error.class),
        }
    }

    /// True if the resource does not exist, by a documented code.
    pub(super) fn is_not_found(&self) -> bool {
        self.class == Some(Class::NotFound)
    }

    /// True if the failure may be about one of several resources of the call, so that asking for
    /// each alone may bring the others.
    pub(super) fn may_be_about_one(&self) -> bool {
        match self.class {
            None => self.code == "schema",
            Some(class) => matches!(class, Class::NotFound | Class::Denied | Class::Schema | Class::Rejected),
        }
    }

    /// The ledger's entry.
    pub(super) fn gap(&self, unit: Unit) -> Gap {
        Gap {
            unit,
            state: self.state,
            code: self.code.clone(),
            message: self.message.clone(),
            request_id: self.request_id.clone(),
        }
    }
}
