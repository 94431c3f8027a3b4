//! A simulated cloud on loopback. Shares no type with `cloud`.
