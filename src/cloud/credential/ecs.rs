//! The role of the ECS instance we run on, from the metadata service.
//!
//! Version 2 of the service wants a token; where it cannot be had, version 1 is asked, unless
//! `ALIBABA_CLOUD_IMDSV1_DISABLED` forbids it. Every request has one second: on a laptop or in a container the
//! address may lead nowhere.

use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::{
    CredentialError, Credentials,
    refresh::Fetch,
    source::{Look, Source, failed, flag, printable, variable},
    temporary,
};
use crate::cloud::context::{Context, HeaderText, HttpError, HttpRequest, HttpResponse, Method};

const NAME: &str = "the ECS instance role";
const BASE: &str = "http://100.100.100.200/latest";
const ROLES: &str = "/meta-data/ram/security-credentials/";
const LIMIT: Duration = Duration::from_secs(1);
/// Six hours, the longest that the service grants. A fresh one is taken at each refresh all the same.
const TOKEN_SECONDS: &str = "21600";

/// True if a variable names the instance's role.
pub(super) fn is_named(context: &Context) -> bool {
    !flag(context, "ALIBABA_CLOUD_ECS_METADATA_DISABLED") && variable(context, "ALIBABA_CLOUD_ECS_METADATA").is_some()
}

/// Looks for an instance role. Without `ALIBABA_CLOUD_ECS_METADATA`, which names one, the service is asked whether
/// there is any: no answer, or no role, means that nobody configured this source.
pub(super) async fn look(context: &Context) -> Result<Look, CredentialError> {
    if flag(context, "ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
        return Ok(Look::Absent("the ECS instance role: ALIBABA_CLOUD_ECS_METADATA_DISABLED is set".to_owned()));
    }
    if let Some(role) = variable(context, "ALIBABA_CLOUD_ECS_METADATA") {
        return Ok(Look::Found { name: NAME.to_owned(), source: Source::EcsRole { role: Some(role) } });
    }
    let service = Metadata::new(context);
    let role = match service.token().await {
        Ok(token) => service.role(token.as_ref()).await,
        Err(failure) => Err(failure),
    };
    match role {
        Ok(role) => Ok(Look::Found { name: NAME.to_owned(), source: Source::EcsRole { role: Some(role) } }),
        Err(Failure::Unreachable) => Ok(Look::Absent("the ECS instance role: no metadata service answers".to_owned())),
        Err(Failure::NoRole) => Ok(Look::Absent("the ECS instance role: the instance has none".to_owned())),
        Err(failure) => Err(failed(NAME, failure)),
    }
}

/// Why the service gave nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no metadata service answers at 100.100.100.200; this works on ECS instances only")]
    Unreachable,
    #[error("the instance has no RAM role; attach one, or name another source")]
    NoRole,
    #[error("the metadata service gives no token ({reason}), and ALIBABA_CLOUD_IMDSV1_DISABLED forbids to go without")]
    NoToken { reason: String },
    #[error("the metadata service answers {path} with status {status}")]
    Status { path: String, status: u16 },
    #[error("the metadata service fails: {0}")]
    Http(HttpError),
    #[error("the metadata service says of the role {role:?}: {reason}")]
    Reply { role: String, reason: String },
    #[error("the metadata service names a role {role:?} that can be none")]
    BadRole { role: String },
}

/// The metadata service.
struct Metadata<'a> {
    context: &'a Context,
    version_1: bool,
}

impl<'a> Metadata<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, version_1: !flag(context, "ALIBABA_CLOUD_IMDSV1_DISABLED") }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: Option<(&'static str, HeaderText)>,
    ) -> Result<HttpResponse, HttpError> {
        let request = HttpRequest {
            method,
            url: format!("{BASE}{path}"),
            headers: header.into_iter().collect(),
            body: Vec::new(),
            deadline: Some(LIMIT),
            is_fresh: false,
        };
        self.context.http.send(request).await
    }

    /// A token of version 2; `None` where version 1 is to be asked without one.
    async fn token(&self) -> Result<Option<SecretString>, Failure> {
        let header = ("x-aliyun-ecs-metadata-token-ttl-seconds", HeaderText::Plain(TOKEN_SECONDS.to_owned()));
        let reason = match self.send(Method::Put, "/api/token", Some(header)).await {
            Ok(reply) if reply.status == 200 => match token_text(&reply.body) {
                Some(token) => return Ok(Some(token)),
                None => "the reply is no token".to_owned(),
            },
            Ok(reply) => format!("status {}", reply.status),
            Err(error) if is_unreachable(&error) => return Err(Failure::Unreachable),
            Err(error) => error.to_string(),
        };
        if self.version_1 { Ok(None) } else { Err(Failure::NoToken { reason }) }
    }

    async fn get(&self, path: &str, token: Option<&SecretString>) -> Result<HttpResponse, Failure> {
        let header = token.map(|token| ("x-aliyun-ecs-metadata-token", HeaderText::Sensitive(token.clone())));
        match self.send(Method::Get, path, header).await {
            Ok(reply) => Ok(reply),
            Err(HttpError::Timeout { .. }) => Err(Failure::Unreachable),
            Err(error) if is_unreachable(&error) => Err(Failure::Unreachable),
            Err(error) => Err(Failure::Http(error)),
        }
    }

    /// The instance's role; where there are several, the first.
    async fn role(&self, token: Option<&SecretString>) -> Result<String, Failure> {
        let reply = self.get(ROLES, token).await?;
        match reply.status {
            200 => {}
            404 => return Err(Failure::NoRole),
            status => return Err(Failure::Status { path: ROLES.to_owned(), status }),
        }
        let text = String::from_utf8_lossy(&reply.body);
        match text.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(role) => checked(role),
            None => Err(Failure::NoRole),
        }
    }

    async fn keys(&self, role: &str, token: Option<&SecretString>) -> Result<Credentials, Failure> {
        let path = format!("{ROLES}{role}");
        let reply = self.get(&path, token).await?;
        match reply.status {
            200 => temporary::read(&reply.body).map_err(|reason| Failure::Reply { role: role.to_owned(), reason }),
            404 => Err(Failure::Reply {
                role: role.to_owned(),
                reason: "there is no such role on this instance".to_owned(),
            }),
            status => Err(Failure::Status { path, status }),
        }
    }
}

/// A role's name may become part of a path only if it is one.
fn checked(role: &str) -> Result<String, Failure> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if role.len() > 64 || role.contains("..") || !role.bytes().all(sound) {
        return Err(Failure::BadRole { role: printable(role) });
    }
    Ok(role.to_owned())
}

fn token_text(body: &[u8]) -> Option<SecretString> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let sound = !text.is_empty() && text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then(|| text.to_owned().into())
}

/// Nobody is there: another request would only wait again.
fn is_unreachable(error: &HttpError) -> bool {
    matches!(error, HttpError::Connect { .. } | HttpError::Timeout { phase: "connect", .. })
}

/// Fetches keys of the instance role.
pub(super) struct EcsFetch {
    pub(super) name: String,
    pub(super) context: Context,
    pub(super) role: Option<String>,
}

impl Fetch for EcsFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let service = Metadata::new(&self.context);
            let keys = async {
                let token = service.token().await?;
                let role = match &self.role {
                    Some(role) => checked(role)?,
                    None => service.role(token.as_ref()).await?,
                };
                service.keys(&role, token.as_ref()).await
            };
            keys.await.map_err(|failure| failed(&self.name, failure))
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}
