//! The simulated cloud against the vendor's own client: `tests/conformance/conformance.py` drives it
//! through the official Python SDK in the virtual environment that `tests/conformance/setup.sh` makes.
//! A shape that we misread fails here, whatever our own client thinks of it.
#![cfg(feature = "external-tests")]

use std::{collections::BTreeSet, path::Path, process::Command};

use portcullis::sandbox::{Server, World};

#[test]
fn the_vendors_sdk_understands_the_simulated_cloud() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let world = root.join("tests/conformance/world.json");
    let server = Server::start(
        World::from_file(&world).expect("the world of the conformance test"),
        "127.0.0.1:0".parse().expect("an address"),
        None,
    )
    .expect("a server on loopback");
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "run tests/conformance/setup.sh first: it makes {}", python.display());

    let mut command = Command::new(python);
    command.arg(root.join("tests/conformance/conformance.py")).arg(server.url()).arg(world);
    // The SDK would reach around the simulated cloud, or find somebody's real credentials.
    for name in
        ["NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        command.env_remove(name);
    }
    let output = command.output().expect("Python runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    // Every operation that the simulated cloud serves was asked for, and answered.
    let answered: BTreeSet<String> = server
        .journal()
        .into_iter()
        .filter(|entry| entry.status == 200)
        .map(|entry| format!("{}/{}", entry.product, entry.action))
        .collect();
    let served: BTreeSet<String> = portcullis::sandbox::operations().collect();
    assert_eq!(served, answered);
}
