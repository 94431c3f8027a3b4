//! What can go wrong before the simulated cloud serves.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a world could not be read or served. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Neither a shipped world nor a file.
    #[error(
        "there is no world \"{name}\": shipped worlds are {known}; anything else must be the path of a world file, or generated:meshes=10,clusters=20,…"
    )]
    UnknownWorld { name: String, known: String },
    /// The world file cannot be read. Check the path and its permissions.
    #[error("failed to read world file {}", path.display())]
    ReadWorld { path: PathBuf, source: io::Error },
    /// The world is not JSON at all.
    #[error("{origin} is not JSON")]
    NotJson { origin: String, source: serde_json::Error },
    /// The world is JSON and not a world. Every problem is named with its place in the document.
    #[error("{origin} is not a world document: {}", problems.join("; "))]
    Invalid { origin: String, problems: Vec<String> },
    /// The text behind `generated:` is wrong.
    #[error("cannot generate a world from \"{text}\": {problem}")]
    Generate { text: String, problem: String },
    /// The simulated cloud hands out test credentials over plain HTTP, so nobody else may reach it.
    #[error(
        "refusing to listen on {address}: the simulated cloud serves loopback addresses only, for example 127.0.0.1:0"
    )]
    NotLoopback { address: SocketAddr },
    /// The address is taken or not ours. Choose another port; port 0 lets the system choose.
    #[error("failed to listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    /// The journal cannot be written.
    #[error("failed to open journal {}", path.display())]
    Journal { path: PathBuf, source: io::Error },
    /// The system refused a thread or an event queue, or the output is closed.
    #[error("failed to {doing}")]
    Io { doing: &'static str, source: io::Error },
}
