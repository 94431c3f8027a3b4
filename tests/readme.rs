//! Every console block of README.md runs, against simulated clouds, and prints what it says.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use portcullis::{
    sandbox::{Behaviour, Server, World},
    seal::SigningKey,
};

/// Where README's reader has started the simulated cloud that is changed.
const ADDRESS: &str = "http://127.0.0.1:8124";

/// How much faster its time runs.
const TIME_SCALE: u32 = 3600;

#[test]
fn console_blocks() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    // What is told as changed is so since the runs of this time, and not of an earlier one.
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder of the last time can go");
    }
    let home = folder.join("home");
    fs::create_dir_all(&home).expect("a folder");
    let world = World::named("demo").expect("a shipped world");
    let world = world.with_behaviour(Behaviour { time_scale: TIME_SCALE, ..Behaviour::default() });
    let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).expect("a port");
    // The blocks run in a copy of what stands beside them.
    let readme = folder.join("README.md");
    let text = fs::read_to_string("README.md").expect("it is there").replace(ADDRESS, &server.url());
    fs::write(&readme, text).expect("a file");
    let beside = folder.join("README.in");
    copy(Path::new("docs/examples"), &beside.join("docs/examples")).expect("the examples");
    fs::create_dir_all(folder.join("README.out")).expect("a folder");
    operator(&beside).expect("a key and a configuration");
    let home = home.to_str().expect("the folder has a plain name");
    trycmd::TestCases::new()
        .env("HOME", home)
        .env("XDG_DATA_HOME", home)
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")
        .case(readme);
}

/// What README's reader has: two keys that may approve, and a configuration that names them.
fn operator(folder: &Path) -> io::Result<()> {
    let mut config = fs::read_to_string("docs/examples/remediation.yaml")?;
    for name in ["alice", "carol"] {
        let (key, pem) = SigningKey::generate().map_err(io::Error::other)?;
        private(&folder.join(format!("{name}.pem")), &pem)?;
        let named = format!("name: {name}, public_key: \"");
        let (before, rest) = config.split_once(&named).expect("the example names them");
        let (_, after) = rest.split_once('"').expect("the key ends");
        config = format!("{before}{named}{}\"{after}", key.public_key());
    }
    fs::write(folder.join("remediation.yaml"), config)
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
