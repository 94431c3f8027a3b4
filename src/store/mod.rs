//! Runs on disk: history and snapshots.
