//! Who uses API servers, as the operator says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A network from which somebody uses an API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedConsumer {
    pub name: String,
    pub vpc_id: String,
    /// One vSwitch of it, or all where none is named.
    pub v_switch_id: Option<String>,
}

/// By cluster or mesh id.
pub type NamedConsumers = BTreeMap<String, Vec<NamedConsumer>>;
