//! Reads the cloud into an inventory. Does not judge.
