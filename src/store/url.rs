//! Where runs are kept, as people write it: `sqlite:PATH` or `postgres://USER@HOST:PORT/DATABASE`.
//! Read by hand and strictly: a word that is not understood could be meant as protection. No
//! message repeats any of it, since it may hold a password.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

/// The place of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// One file.
    Sqlite(PathBuf),
    /// A server for several runners.
    Postgres(Box<PostgresUrl>),
}

/// A PostgreSQL server, the database on it, and the schema within that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresUrl {
    pub(super) host: PostgresHost,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) database: String,
    /// Our tables live in a schema of their own.
    pub(super) schema: String,
    pub(super) tls: Tls,
    pub(super) connect_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PostgresHost {
    Name(String),
    /// The folder of the server's socket.
    Socket(PathBuf),
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Off,
    /// The server's certificate is checked, its name too. `None`: against the system's certificates.
    Verified(Option<PathBuf>),
}

/// The password of a role. It is never printed.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Password {}

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_SCHEMA: &str = "portcullis";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest name that the server keeps whole.
const NAME_LIMIT: usize = 63;

impl StoreUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, to be read after its name.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            // `sqlite:///var/x.db` and `sqlite:/var/x.db` mean the same file.
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path.is_empty() {
                true => Err("names no file: write `sqlite:PATH`"),
                false => Ok(Self::Sqlite(path.into())),
            };
        }
        match url.strip_prefix("postgres:").or_else(|| url.strip_prefix("postgresql:")) {
            Some(rest) => PostgresUrl::parse(rest).map(|url| Self::Postgres(Box::new(url))),
            None => Err("names no store: write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"),
        }
    }

    /// The same place, with relative paths taken from `folder`.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            Self::Postgres(mut url) => {
                if let Tls::Verified(Some(roots)) = &mut url.tls {
                    *roots = folder.join(&*roots);
                }
                Self::Postgres(url)
            }
        }
    }

    /// True where the password stands in the URL itself.
    pub fn has_password(&self) -> bool {
        matches!(self, Self::Postgres(url) if url.password.is_some())
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// Host, database and schema: enough to find it, and nothing secret.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            PostgresHost::Name(name) if name.contains(':') => write!(f, "postgres://[{name}]:{}", self.port)?,
            PostgresHost::Name(name) => write!(f, "postgres://{}:{}", name.escape_debug(), self.port)?,
            PostgresHost::Socket(folder) => {
                write!(f, "postgres on the socket in {}, port {}, ", folder.display(), self.port)?
            }
        }
        write!(f, "/{} (schema {})", self.database.escape_debug(), self.schema)
    }
}

impl PostgresUrl {
    fn parse(rest: &str) -> Result<Self, &'static str> {
        let rest = rest.strip_prefix("//").ok_or("names no host: write `postgres://USER@HOST/DATABASE`")?;
        if rest.contains('#') {
            return Err("has a `#`: write `%23` for one in a name or password");
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let (user, password) = login.map_or((None, None), |login| match login.split_once(':') {
            Some((user, password)) => (Some(user), Some(password)),
            None => (Some(login), None),
        });
        let (host, port) = host_and_port(host)?;
        if database.is_empty() || database.contains('/') {
            return Err("names no database: write `postgres://USER@HOST/DATABASE`");
        }
        let mut url = Self {
            tls: if host.is_local() { Tls::Off } else { Tls::Verified(None) },
            host,
            port,
            user: user.filter(|user| !user.is_empty()).map(decoded).transpose()?,
            password: password.map(decoded).transpose()?.map(Password::new),
            database: decoded(database)?,
            schema: DEFAULT_SCHEMA.to_owned(),
            connect_timeout: DEFAULT_TIMEOUT,
        };
        url.query(query)?;
        Ok(url)
    }

    fn query(&mut self, query: &str) -> Result<(), &'static str> {
        let mut mode = None;
        let mut roots = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or("has an option without a value")?;
            let value = decoded(value)?;
            match key {
                "sslmode" => mode = Some(value),
                "sslrootcert" => roots = Some(PathBuf::from(value)),
                "schema" => self.schema = schema(value)?,
                "connect_timeout" => self.connect_timeout = seconds(&value)?,
                "password" => return Err("has a password among its options: give it in PGPASSWORD"),
                _ => return Err("has an unknown option: sslmode, sslrootcert, schema and connect_timeout are known"),
            }
        }
        self.tls = match (mode.as_deref(), roots) {
            (Some("require" | "verify-full"), roots) => Tls::Verified(roots),
            (None, Some(roots)) => Tls::Verified(Some(roots)),
            (Some("disable"), Some(_)) => return Err("has an `sslrootcert` that `sslmode=disable` would ignore"),
            (Some("disable"), None) => Tls::Off,
            (None, None) => return Ok(()),
            (Some(_), _) => {
                return Err("has an unknown `sslmode`: write require (the certificate is checked) or disable");
            }
        };
        Ok(())
    }
}

impl PostgresHost {
    /// True where what is sent does not leave the machine.
    fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Name(name) => {
                name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

fn host_and_port(text: &str) -> Result<(PostgresHost, u16), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("has a host with `[` and without `]`")?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| "has no IPv6 address between `[` and `]`")?;
            (address, after.strip_prefix(':'))
        }
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None | Some("") => DEFAULT_PORT,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is no number up to 65535")?,
    };
    let host = decoded(host)?;
    match host.as_str() {
        "" => Err("names no host: write `postgres://USER@HOST/DATABASE`"),
        path if path.starts_with('/') => Ok((PostgresHost::Socket(host.into()), port)),
        name if name.contains([',', ' ', '@']) => Err("names several hosts, or none: give one"),
        _ => Ok((PostgresHost::Name(host), port)),
    }
}

/// Percent-encoded text.
fn decoded(text: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| "is not UTF-8 behind its percent signs")?;
    match text.contains('\0') {
        true => Err("holds a zero byte"),
        false => Ok(text.into_owned()),
    }
}

/// A plain name, so that it means the same with and without quotes.
fn schema(name: String) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    match starts && name.len() <= NAME_LIMIT && name.bytes().all(plain) && !name.starts_with("pg_") {
        true => Ok(name),
        false => Err("has a `schema` that is no plain name: lower-case letters, digits and `_`"),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (1..=600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or("has a `connect_timeout` that is no number of seconds from 1 to 600")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> PostgresUrl {
        match StoreUrl::parse(url) {
            Ok(StoreUrl::Postgres(url)) => *url,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn every_part_is_read() {
        let url = postgres("postgres://me:p%40ss@db.example:6432/runs?sslmode=require&schema=audit&connect_timeout=3");
        assert_eq!(url.host, PostgresHost::Name("db.example".to_owned()));
        assert_eq!((url.port, url.user.as_deref(), &*url.database, &*url.schema), (6432, Some("me"), "runs", "audit"));
        assert_eq!((url.password, url.connect_timeout), (Some(Password::new("p@ss")), Duration::from_secs(3)));
        let socket = postgres("postgresql://me@%2Fvar%2Frun%2Fpostgresql/runs");
        assert_eq!((socket.host, socket.port), (PostgresHost::Socket("/var/run/postgresql".into()), 5432));
        assert_eq!(postgres("postgres://me@[::1]:5433/runs").host, PostgresHost::Name("::1".to_owned()));
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_it_is_said_not_to_be() {
        for (url, tls) in [
            ("postgres://me@db.example/runs", Tls::Verified(None)),
            ("postgres://me@192.0.2.1/runs", Tls::Verified(None)),
            ("postgres://me@localhost.example/runs", Tls::Verified(None)),
            ("postgres://me@db.example/runs?sslmode=disable", Tls::Off),
            ("postgres://me@db.example/runs?sslrootcert=ca.pem", Tls::Verified(Some("ca.pem".into()))),
            ("postgres://me@localhost/runs", Tls::Off),
            ("postgres://me@127.0.0.1/runs", Tls::Off),
            ("postgres://me@[::1]/runs", Tls::Off),
            ("postgres://me@%2Ftmp/runs", Tls::Off),
            ("postgres://me@localhost/runs?sslmode=require", Tls::Verified(None)),
        ] {
            assert_eq!(postgres(url).tls, tls, "{url}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for url in [
            "",
            "runs.db",
            "sqlite:",
            "mysql://me@host/db",
            "postgres:me@host/db",
            "postgres:///runs",
            "postgres://host",
            "postgres://host/",
            "postgres://host/a/b",
            "postgres://one,two/db",
            "postgres://host:0/db",
            "postgres://host:70000/db",
            "postgres://[::1/db",
            "postgres://[host]/db",
            "postgres://me:se#cret@host/db",
            "postgres://host/db?sslmode=prefer",
            "postgres://host/db?sslmode=disable&sslrootcert=x",
            "postgres://host/db?password=secret",
            "postgres://host/db?options=-c",
            "postgres://host/db?schema=pg_catalog",
            "postgres://host/db?schema=a\"b",
            "postgres://host/db?connect_timeout=0",
            "postgres://host/%00",
            "postgres://host/%ff",
        ] {
            let Err(why) = StoreUrl::parse(url) else { panic!("{url} was taken") };
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let url = StoreUrl::parse("postgres://me:hush@db.example/runs").expect("a URL");
        assert!(url.has_password());
        assert!(!format!("{url} {url:?}").contains("hush"));
        assert_eq!(url.to_string(), "postgres://db.example:5432/runs (schema portcullis)");
    }
}
