//! A PostgreSQL server of a test's own: made by `initdb` in a temporary folder, and ended with its value.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use portcullis::store::{self, Retention, StoreOptions, StoreUrl};

use crate::store_suite::Place;

/// The password of the role `tester`, who may do everything.
pub const PASSWORD: &str = "hunter2-of-the-tests";

pub struct Server {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
    schemas: AtomicUsize,
}

impl Server {
    /// Starts a server that listens on a socket in its folder and on 127.0.0.1, there with a
    /// certificate for `localhost` where `openssl` could make one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::write(folder.path().join("password"), PASSWORD).expect("it writes");
        owned_by_server(folder.path());
        let initdb = as_server_user("initdb")
            .args([
                "--no-sync",
                "--username=tester",
                "--auth-host=scram-sha-256",
                "--auth-local=trust",
                "--encoding=UTF8",
            ])
            .arg("--pwfile")
            .arg(folder.path().join("password"))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .expect("initdb runs: install Debian's `postgresql`");
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        let with_tls = make_certificate(folder.path());
        // Another test may take the port between looking and listening: then the next one is tried.
        for _ in 0..10 {
            let port = free_port();
            if let Some(process) = serve(folder.path(), &data, port, with_tls) {
                return Self { folder, process, port, schemas: AtomicUsize::new(0) };
            }
        }
        panic!("the server does not start");
    }

    /// The URL of a schema, over the socket.
    pub fn url(&self, schema: &str) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://tester@{socket}:{}/postgres?schema={schema}", self.port)
    }

    /// The URL over TCP, with these options, without the password.
    pub fn tcp(&self, host: &str, options: &str) -> String {
        format!("postgres://tester@{host}:{}/postgres?{options}", self.port)
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// The URL of a schema that nobody has used yet.
    pub fn fresh(&self) -> String {
        self.url(&format!("place_{}", self.schemas.fetch_add(1, Ordering::Relaxed)))
    }

    /// A store that nobody has used yet.
    pub fn place(&self) -> Place {
        let url = self.fresh();
        Place::new(move |retention: Retention| {
            let url: StoreUrl = store::parse_url(&url).expect("a URL");
            store::open(&url, StoreOptions { retention, ..StoreOptions::default() }).expect("the store opens")
        })
    }

    /// What SQL says, one row a line and one column a tab, as the server's own client prints it.
    pub fn sql(&self, sql: &str) -> String {
        let output = Command::new(program("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--field-separator=\t",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .args(["--username=tester", "--dbname=postgres", "--port", &self.port.to_string(), "--host"])
            .arg(self.folder.path())
            .args(["--command", sql])
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate shutdown: it takes its shared memory along, as a kill does not.
        let _ = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

fn serve(folder: &Path, data: &Path, port: u16, with_tls: bool) -> Option<Child> {
    let mut command = as_server_user("postgres");
    command.arg("-D").arg(data).arg("-k").arg(folder).args(["-p", &port.to_string()]);
    // Nobody pulls the plug on a test.
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=50"]);
    if with_tls {
        let named = |key: &str, file: &str| format!("{key}={}", folder.join(file).display());
        command.args(["-c", "ssl=on", "-c", &named("ssl_cert_file", "server.crt")]);
        command.args(["-c", &named("ssl_key_file", "server.key")]);
    }
    let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("postgres runs");
    let mut lines = BufReader::new(process.stderr.take().expect("it was piped")).lines();
    let is_ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("ready to accept connections"));
    if !is_ready {
        let _ = process.wait();
        return None;
    }
    // Its log is read to the end, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(process)
}

/// A certificate for `localhost` that signs itself; false where there is no `openssl`.
fn make_certificate(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(folder.join("server.key"))
        .arg("-out")
        .arg(folder.join("server.crt"))
        .output();
    let is_made = made.is_ok_and(|output| output.status.success());
    if is_made {
        owned_by_server(folder);
    }
    is_made
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("it listens").port()
}

/// The newest installed version's program, else the one on the path.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_string_lossy().parse::<u32>().ok());
    versions.sort_by_key(number);
    let found = versions.into_iter().rev().map(|version| version.join("bin").join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| name.into())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout == b"0\n"
}

/// The server refuses to run as root: the user of its package is there wherever it is installed.
fn as_server_user(name: &str) -> Command {
    if !is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program(name));
    command
}

fn owned_by_server(folder: &Path) {
    if is_root() {
        let done = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status().expect("chown runs");
        assert!(done.success());
    }
}
