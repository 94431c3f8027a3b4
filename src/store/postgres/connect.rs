//! A connection to the server: TLS as the URL says, and a search path of our own schema.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::AnyError;
use crate::store::{
    Password, PostgresUrl, StoreError,
    url::{PostgresHost, Tls},
};

/// How long the server may leave what was sent without an answer of its network stack, so that a
/// vanished server is noticed.
const VANISHED: Duration = Duration::from_secs(30);

/// How long a statement waits for somebody else's lock. Writers hold it for parts of a second.
const PATIENCE: &str = "60s";

/// Connects; `password` counts where the URL holds none.
pub(super) async fn connect(url: &PostgresUrl, password: Option<&Password>) -> Result<Client, StoreError> {
    match try_connect(url, password).await {
        Ok(client) => Ok(client),
        Err(source) => Err(StoreError::Connect { place: url.to_string(), source }),
    }
}

async fn try_connect(url: &PostgresUrl, password: Option<&Password>) -> Result<Client, AnyError> {
    let config = config(url, password);
    let client = match &url.tls {
        Tls::Off => {
            let (client, connection) = config.connect(NoTls).await?;
            // Its end is seen by the next statement.
            tokio::spawn(connection);
            client
        }
        Tls::Verified(roots) => {
            let tls = MakeRustlsConnect::new(tls(roots.as_deref())?);
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(connection);
            client
        }
    };
    // The name is a plain one: it was checked when the URL was read.
    let settings = format!("SET search_path TO {}; SET lock_timeout TO '{PATIENCE}'", url.schema);
    client.batch_execute(&settings).await?;
    Ok(client)
}

fn config(url: &PostgresUrl, password: Option<&Password>) -> Config {
    let mut config = Config::new();
    match &url.host {
        PostgresHost::Name(name) => config.host(name),
        PostgresHost::Socket(folder) => socket(&mut config, folder),
    };
    config
        .port(url.port)
        .dbname(&url.database)
        .application_name("portcullis")
        .connect_timeout(url.connect_timeout)
        .tcp_user_timeout(VANISHED)
        .keepalives_idle(VANISHED)
        .ssl_mode(if url.tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
    if let Some(user) = &url.user {
        config.user(user);
    }
    if let Some(password) = url.password.as_ref().or(password) {
        config.password(password.expose());
    }
    config
}

#[cfg(unix)]
fn socket<'a>(config: &'a mut Config, folder: &Path) -> &'a mut Config {
    config.host_path(folder)
}

/// Where there are no such sockets, the folder is looked up as a host, and not found.
#[cfg(not(unix))]
fn socket<'a>(config: &'a mut Config, folder: &Path) -> &'a mut Config {
    config.host(folder.display().to_string())
}

/// The certificate is checked, and its name: against the named roots only, else the system's.
fn tls(roots: Option<&Path>) -> Result<ClientConfig, AnyError> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match roots {
        None => builder.with_platform_verifier()?,
        Some(path) => builder.with_root_certificates(read_roots(path)?),
    };
    Ok(builder.with_no_client_auth())
}

fn read_roots(path: &Path) -> Result<RootCertStore, AnyError> {
    let cannot = |why: String| format!("cannot read certificates from {}: {why}", path.display());
    // Looked at before it is opened: a pipe would hold us there, and a device has no end.
    if !fs::metadata(path).map_err(|error| cannot(error.to_string()))?.is_file() {
        return Err(cannot("it is not a regular file".to_owned()).into());
    }
    let pem = fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots
            .add(certificate.map_err(|error| cannot(error.to_string()))?)
            .map_err(|error| cannot(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(cannot("there is none in it".to_owned()).into());
    }
    Ok(roots)
}
