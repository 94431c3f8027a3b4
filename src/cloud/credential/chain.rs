//! Which source counts: an explicit profile before everything, else the first that somebody configured.
//!
//! A source that is configured but broken ends the search. Going on would run under another identity, and a clean report
//! about the wrong account is worse than none. Order: environment, OIDC, profile of the vendor's command-line tool, ini
//! file, ECS instance role, credentials URI.

use std::sync::Arc;

use super::{
    CredentialError, Credentials, Provider, StaticProvider,
    assume::RoleFetch,
    ecs, environment,
    external::ProgramFetch,
    ini, oidc, profile,
    refresh::Refreshing,
    session::Session,
    source::{Look, RoleToAssume, Source, failed},
    stored::StoredFetch,
    sts::TokenService,
    uri,
};
use crate::cloud::{
    client::Client,
    context::Context,
    endpoint::{BadEndpoint, Network},
    error::CallError,
};

/// Finds the keys to work with, and makes sure that they can be had: a source that is configured but gives none fails
/// here. `profile` names a profile of the vendor's command-line tool, and then nothing else is looked at.
///
/// # Errors
///
/// Which source failed and why, and what was looked at before; or that nothing is configured, and what to do.
pub async fn chain(client: &Client, profile: Option<&str>) -> Result<Arc<dyn Provider>, CredentialError> {
    let mut passed = Vec::new();
    let found = match profile {
        Some(name) => Some(profile::look(client.context(), Some(name))?),
        None => first_configured(client.context(), &mut passed).await?,
    };
    let Some(Look::Found { name, source }) = found else {
        passed.extend(match found {
            Some(Look::Absent(reason)) => Some(reason),
            _ => None,
        });
        let advice = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, name a profile with --profile, or run where a role is available";
        return Err(failed(
            "the credential chain",
            format!("no source is configured; {advice}. Looked at: {}", passed.join("; ")),
        ));
    };
    let provider = open(client, name, source);
    match provider.credentials().await {
        Ok(_) => Ok(provider),
        Err(error) => Err(after(error, &passed)),
    }
}

/// The network that the profile asks for whose keys [`chain`] would use, and the region that it is at home in.
///
/// # Errors
///
/// A word for a network that is none.
pub fn network(context: &Context, profile: Option<&str>) -> Result<(Network, Option<String>), BadEndpoint> {
    let earlier = [environment::look, oidc::look];
    let profile_counts = profile.is_some() || earlier.iter().all(|look| matches!(look(context), Ok(Look::Absent(_))));
    if profile_counts { profile::network(context, profile) } else { Ok((Network::Public, None)) }
}

/// The role that is there and is not used, because keys that never end come before it in the chain; its name for people.
pub fn role_passed_over(context: &Context) -> Option<&'static str> {
    let never_end = |look: Result<Look, CredentialError>| matches!(look, Ok(Look::Found { source: Source::Keys(keys), .. }) if keys.token.is_none());
    let in_environment = never_end(environment::look(context));
    if in_environment && matches!(oidc::look(context), Ok(Look::Found { .. })) {
        return Some("the role of the service account (ALIBABA_CLOUD_ROLE_ARN)");
    }
    let before_instance = in_environment || never_end(profile::look(context, None)) || never_end(ini::look(context));
    (before_instance && ecs::is_named(context)).then_some("the role of the instance (ALIBABA_CLOUD_ECS_METADATA)")
}

async fn first_configured(context: &Context, passed: &mut Vec<String>) -> Result<Option<Look>, CredentialError> {
    let mut take = |look: Result<Look, CredentialError>| match look {
        Ok(Look::Absent(reason)) => {
            passed.push(reason);
            Ok(None)
        }
        Ok(found) => Ok(Some(found)),
        Err(error) => Err(after(error, passed)),
    };
    // One after the other: what comes first decides, and the later ones may cost a second.
    let cheap = [environment::look, oidc::look, |context: &Context| profile::look(context, None), ini::look];
    for look in cheap {
        if let Some(found) = take(look(context))? {
            return Ok(Some(found));
        }
    }
    if let Some(found) = take(ecs::look(context).await)? {
        return Ok(Some(found));
    }
    take(uri::look(context))
}

/// Adds what was looked at before a failure.
fn after(error: CredentialError, passed: &[String]) -> CredentialError {
    if passed.is_empty() {
        return error;
    }
    let reason = format!(
        "{}. This source is configured, so no later one is tried. Looked at before: {}",
        error.reason.trim_end_matches('.'),
        passed.join("; ")
    );
    CredentialError { reason, ..error }
}

/// A provider for keys of `role`, asked for with the keys of `base`. Nothing is asked yet.
///
/// # Errors
///
/// A role that the token service would refuse as malformed.
pub fn assume_role(
    client: &Client,
    base: Arc<dyn Provider>,
    mut role: RoleToAssume,
) -> Result<Arc<dyn Provider>, CredentialError> {
    if role.sts_region.is_empty() {
        role.sts_region = oidc::sts_region(client.context());
    }
    role.check().map_err(|reason| failed(role.to_string(), reason))?;
    Ok(assumed(client, format!("{role} from {}", base.describe()), base, role))
}

/// Why a session could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// No keys could be had.
    #[error(transparent)]
    Keys(#[from] CredentialError),
    /// The keys are there, but the cloud would not say whose they are.
    #[error("find out whose the keys from {source_name} are: {error}")]
    Identity { source_name: String, error: Box<CallError> },
}

/// Everything in one step: the keys of `profile` or of the chain, the role assumed with them if there is one, and whose
/// they are.
///
/// # Errors
///
/// What failed on the way; nothing else was tried.
pub async fn session(
    client: &Client,
    profile: Option<&str>,
    role: Option<RoleToAssume>,
) -> Result<Arc<Session>, SessionError> {
    let mut provider = chain(client, profile).await?;
    if let Some(role) = role {
        provider = assume_role(client, provider, role)?;
        // Asked for now, so that a role that cannot be assumed is told as such.
        provider.credentials().await?;
    }
    let source_name = provider.describe();
    match Session::open(client, provider, &oidc::sts_region(client.context())).await {
        Ok(session) => Ok(Arc::new(session)),
        Err(error) => Err(SessionError::Identity { source_name, error: Box::new(error) }),
    }
}

fn assumed(client: &Client, name: String, base: Arc<dyn Provider>, role: RoleToAssume) -> Arc<dyn Provider> {
    let service = TokenService::new(client.clone());
    Arc::new(Refreshing::new(client.context().clone(), RoleFetch { name, service, base, role }))
}

/// The provider of a source. Nothing is asked yet.
fn open(client: &Client, name: String, source: Source) -> Arc<dyn Provider> {
    let context = client.context().clone();
    match source {
        Source::Keys(keys) => Arc::new(StaticProvider::new(name, Credentials::from(keys))),
        Source::Stored { file, profile } => {
            let fetch = StoredFetch { name, context: context.clone(), file, profile };
            Arc::new(Refreshing::new(context, fetch))
        }
        Source::EcsRole { role } => Arc::new(Refreshing::new(context.clone(), ecs::EcsFetch { name, context, role })),
        Source::Oidc(oidc) => {
            let service = TokenService::new(client.clone());
            Arc::new(Refreshing::new(context.clone(), oidc::OidcFetch { name, context, service, oidc }))
        }
        Source::Uri(uri) => Arc::new(Refreshing::new(context.clone(), uri::UriFetch { name, context, uri })),
        Source::Program(command) => Arc::new(Refreshing::new(context.clone(), ProgramFetch { name, context, command })),
        Source::Role { base, role } => {
            let base = open(client, format!("{name}, before {role}"), *base);
            assumed(client, name, base, role)
        }
    }
}
