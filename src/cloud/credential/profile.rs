//! A profile of the vendor's command-line tool, `~/.aliyun/config.json`.
//!
//! Every mode either gives keys or says that it cannot, by name: a profile that is not understood must not make the
//! program act as somebody else. Modes are compared without case, as the tool does. Fields that play no part are ignored,
//! and the tool's own legacy fields with them.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    CredentialError, Credentials,
    oidc::sts_region,
    source::{Keys, Look, OidcRole, RoleToAssume, Source, failed, flag, printable, variable},
    stored::{Exchange, LogIn, Service},
    temporary::{instant, secret},
    uri,
};
use crate::cloud::{
    context::Context,
    endpoint::{BadEndpoint, Network},
    json,
    request::TopLevel,
};

const DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
const FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
pub(super) const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
const NO_PROGRAMS: &str = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
/// Longer chains of profiles are a mistake.
const LONGEST_CHAIN: usize = 8;

/// The tool's file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<Profile>,
}

/// One profile, of any mode.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    name: Option<String>,
    mode: Option<String>,
    access_key_id: Option<String>,
    #[serde(deserialize_with = "secret")]
    access_key_secret: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    sts_token: Option<SecretString>,
    /// Seconds since 1970, for sessions that the tool stored.
    sts_expiration: Option<i64>,
    /// RFC 3339, from external programs.
    expiration: Option<String>,
    sts_region: Option<String>,
    ram_role_name: Option<String>,
    ram_role_arn: Option<String>,
    ram_session_name: Option<String>,
    role_session_name: Option<String>,
    expired_seconds: Option<u32>,
    policy: Option<String>,
    external_id: Option<String>,
    source_profile: Option<String>,
    oidc_provider_arn: Option<String>,
    oidc_token_file: Option<String>,
    credentials_uri: Option<String>,
    process_command: Option<String>,
    region_id: Option<String>,
    /// `vpc`: every product is asked at its host within the VPC.
    endpoint_type: Option<String>,
    /// The same for the token service alone.
    enable_vpc: Option<bool>,
    cloud_sso_sign_in_url: Option<String>,
    cloud_sso_account_id: Option<String>,
    cloud_sso_access_config: Option<String>,
    #[serde(deserialize_with = "secret")]
    access_token: Option<SecretString>,
    /// Seconds since 1970.
    cloud_sso_access_token_expire: Option<i64>,
    /// `CN` or `INTL`.
    oauth_site_type: Option<String>,
    #[serde(deserialize_with = "secret")]
    oauth_access_token: Option<SecretString>,
    /// Seconds since 1970.
    oauth_access_token_expire: Option<i64>,
}

/// Looks for a profile. An explicit one must be there; else the environment or the file itself says which is meant.
pub(super) fn look(context: &Context, explicit: Option<&str>) -> Result<Look, CredentialError> {
    let source_name = "the profile of the vendor's command-line tool";
    if explicit.is_none() && flag(context, DISABLED) {
        return Ok(Look::Absent(format!("{source_name}: {DISABLED} is set")));
    }
    let named = explicit.map(str::to_owned).or_else(|| variable(context, PROFILE));
    let chosen = variable(context, FILE);
    let Some(path) = File::place(context) else {
        return Ok(Look::Absent(format!("{source_name}: the home directory is not known")));
    };
    let file = match File::read(context, &path) {
        Ok(file) => file,
        Err(Unread::Missing) if explicit.is_none() && chosen.is_none() => {
            return Ok(Look::Absent(format!("{source_name}: there is no {}", path.display())));
        }
        Err(unread) => {
            let name = explicit.map_or_else(|| source_name.to_owned(), quoted);
            return Err(failed(name, format!("{}: {unread}", path.display())));
        }
    };
    let name = file.choice(named.clone());
    if named.is_none() && file.find(&name).is_none_or(Profile::is_blank) {
        return Ok(Look::Absent(format!("{source_name}: {} holds no keys in {}", quoted(&name), path.display())));
    }
    let source = file.source(context, &path, &name, &mut Vec::new()).map_err(|reason| failed(quoted(&name), reason))?;
    Ok(Look::Found { name: quoted(&name), source })
}

/// The network that a profile asks for, and the region that it is at home in. The profile that would be used counts; one
/// that cannot be read is told where its keys are wanted.
pub(super) fn network(context: &Context, explicit: Option<&str>) -> Result<(Network, Option<String>), BadEndpoint> {
    let Some((name, profile)) = chosen(context, explicit) else { return Ok((Network::Public, None)) };
    let source_name = format!("`endpoint_type` in {}", quoted(&name));
    let all = Network::from_word(profile.endpoint_type.as_deref().unwrap_or_default(), &source_name)?;
    let tokens = if profile.enable_vpc == Some(true) { Network::VpcForTokens } else { Network::Public };
    Ok((all.max(tokens), filled(&profile.sts_region).or_else(|| filled(&profile.region_id))))
}

fn chosen(context: &Context, explicit: Option<&str>) -> Option<(String, Profile)> {
    if explicit.is_none() && flag(context, DISABLED) {
        return None;
    }
    let file = File::read(context, &File::place(context)?).ok()?;
    let name = file.choice(explicit.map(str::to_owned).or_else(|| variable(context, PROFILE)));
    let profile = file.profiles.into_iter().find(|profile| profile.name.as_deref() == Some(&name))?;
    Some((name, profile))
}

/// How messages name a profile.
fn quoted(name: &str) -> String {
    format!("profile \"{}\"", printable(name))
}

/// Why the file gives no profiles. Reads after the file's path.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("there is no such file; make it with `aliyun configure`")]
    Missing,
    #[error("cannot be read: {0}")]
    Io(String),
    #[error("is no configuration of the vendor's command-line tool: {0}")]
    Malformed(String),
}

impl File {
    /// Where the file is: where the environment says, else in the home directory.
    fn place(context: &Context) -> Option<PathBuf> {
        let chosen = variable(context, FILE).map(PathBuf::from);
        chosen.or_else(|| context.env.home().map(|home| home.join(".aliyun/config.json")))
    }

    /// The profile that counts: the named one, else the file's current one.
    fn choice(&self, named: Option<String>) -> String {
        let current = || self.current.clone().filter(|name| !name.is_empty());
        named.or_else(current).unwrap_or_else(|| "default".to_owned())
    }

    fn read(context: &Context, path: &Path) -> Result<Self, Unread> {
        let bytes = context.files.read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Unread::Missing,
            _ => Unread::Io(error.to_string()),
        })?;
        let bytes = Zeroizing::new(bytes);
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        json::check(text, Some(TopLevel::Object))
            .map_err(|problem| Unread::Malformed(problem.to_string().replace("the reply", "it")))?;
        // serde's own message would quote the value it stumbled over, which may be a secret.
        serde_json::from_slice(text).map_err(|error| {
            Unread::Malformed(format!(
                "line {}, column {}: a field of an unexpected type",
                error.line(),
                error.column()
            ))
        })
    }

    fn find(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name.as_deref() == Some(name))
    }

    /// What the profile `name` says; `seen` are the profiles on the way to it.
    fn source(&self, context: &Context, path: &Path, name: &str, seen: &mut Vec<String>) -> Result<Source, String> {
        if seen.iter().any(|known| known == name) {
            seen.push(name.to_owned());
            return Err(format!("its source profiles form a circle: {}", printable(&seen.join(" → "))));
        }
        seen.push(name.to_owned());
        if seen.len() > LONGEST_CHAIN {
            return Err(format!("its source profiles form a chain of more than {LONGEST_CHAIN}"));
        }
        let profile = self.find(name).ok_or_else(|| self.not_found(path, name))?;
        let mode = profile.mode.as_deref().unwrap_or_default();
        let source = match mode.to_ascii_lowercase().as_str() {
            "ak" => Source::Keys(profile.keys(false)?),
            "ststoken" => Source::Keys(profile.keys(true)?),
            "ramrolearn" => {
                let base = Source::Keys(profile.keys(false)?);
                Source::Role { base: Box::new(base), role: profile.role(context)? }
            }
            "ecsramrole" => Source::EcsRole { role: filled(&profile.ram_role_name) },
            "ramrolearnwithrolename" => {
                let base = Source::EcsRole { role: filled(&profile.ram_role_name) };
                Source::Role { base: Box::new(base), role: profile.role(context)? }
            }
            "chainableramrolearn" => {
                let base = filled(&profile.source_profile).ok_or("it has no `source_profile`")?;
                let role = profile.role(context)?;
                let base = self.source(context, path, &base, seen)?;
                Source::Role { base: Box::new(base), role }
            }
            "oidc" => Source::Oidc(OidcRole {
                provider_arn: filled(&profile.oidc_provider_arn).ok_or("it has no `oidc_provider_arn`")?,
                token_file: filled(&profile.oidc_token_file).ok_or("it has no `oidc_token_file`")?.into(),
                role: profile.role(context)?,
            }),
            "credentialsuri" => {
                let uri = filled(&profile.credentials_uri).ok_or("it has no `credentials_uri`")?;
                uri::check(&uri).map_err(|reason| format!("its `credentials_uri` {reason}"))?;
                Source::Uri(uri)
            }
            "external" => {
                if flag(context, NO_PROGRAMS) {
                    return Err(format!("its mode is External, and {NO_PROGRAMS} forbids to run programs"));
                }
                Source::Program(filled(&profile.process_command).ok_or("it has no `process_command`")?)
            }
            "cloudsso" | "oauth" => Source::Stored { file: path.to_owned(), profile: name.to_owned() },
            "" => return Err("it has no `mode`; make it again with `aliyun configure`".to_owned()),
            _ => {
                return Err(format!(
                    "its mode {} is not supported; use a profile of the mode AK, StsToken, RamRoleArn, ChainableRamRoleArn, EcsRamRole, OIDC, CredentialsURI, External, CloudSSO or OAuth",
                    printable(mode)
                ));
            }
        };
        Ok(source)
    }

    fn not_found(&self, path: &Path, name: &str) -> String {
        let known: Vec<&str> = self.profiles.iter().filter_map(|profile| profile.name.as_deref()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { printable(&known.join(", ")) };
        let ini = format!("set {DISABLED}=true if it is meant to come from the ini file");
        format!("{} has no profile \"{}\" (it has {known}); {ini}", path.display(), printable(name))
    }
}

impl Profile {
    /// True for the placeholder that the tool writes before anybody configured it.
    fn is_blank(&self) -> bool {
        let ak = self.mode.as_deref().is_none_or(|mode| mode.is_empty() || mode.eq_ignore_ascii_case("ak"));
        ak && filled(&self.access_key_id).is_none() && self.access_key_secret.is_none()
    }

    fn keys(&self, token_is_due: bool) -> Result<Keys, String> {
        let id = filled(&self.access_key_id).ok_or("it has no `access_key_id`")?;
        let secret = self.access_key_secret.clone().ok_or("it has no `access_key_secret`")?;
        if token_is_due && self.sts_token.is_none() {
            return Err("it has no `sts_token`".to_owned());
        }
        // A token left over from an earlier mode must not be sent with long-lived keys.
        let temporary = token_is_due || id.starts_with("STS.");
        let token = self.sts_token.clone().filter(|_| temporary);
        Ok(Keys { id, secret, token, expiration: self.end().filter(|_| temporary) })
    }

    /// When the session ends, where the profile says.
    fn end(&self) -> Option<DateTime<Utc>> {
        since_1970(self.sts_expiration).or_else(|| instant(self.expiration.as_deref()?))
    }

    fn role(&self, context: &Context) -> Result<RoleToAssume, String> {
        let mut role = RoleToAssume::new(filled(&self.ram_role_arn).ok_or("it has no `ram_role_arn`")?);
        if let Some(name) = filled(&self.ram_session_name).or_else(|| filled(&self.role_session_name)) {
            role.session_name = name;
        }
        role.external_id = filled(&self.external_id);
        role.policy = filled(&self.policy);
        if let Some(seconds) = self.expired_seconds.filter(|seconds| *seconds > 0) {
            role.duration_seconds = seconds;
        }
        role.sts_region = filled(&self.sts_region).unwrap_or_else(|| sts_region(context));
        role.check()?;
        Ok(role)
    }

    /// What the tool stored of a log-in.
    fn log_in(&self) -> LogIn {
        let mode = self.mode.clone().unwrap_or_default();
        let name = printable(self.name.as_deref().unwrap_or_default());
        LogIn {
            command: format!("aliyun configure --mode {} --profile {name}", printable(&mode)),
            session: self.keys(true).ok(),
            exchange: if mode.eq_ignore_ascii_case("oauth") { self.oauth() } else { self.cloud_sso() },
            mode,
        }
    }

    fn cloud_sso(&self) -> Result<Exchange, String> {
        let needed = |field: &Option<String>, name: &str| filled(field).ok_or(format!("it has no `{name}`"));
        let service = Service::CloudSso {
            sign_in_url: needed(&self.cloud_sso_sign_in_url, "cloud_sso_sign_in_url")?,
            account_id: needed(&self.cloud_sso_account_id, "cloud_sso_account_id")?,
            access_configuration: needed(&self.cloud_sso_access_config, "cloud_sso_access_config")?,
        };
        let token = self.access_token.clone().ok_or("it has no `access_token`")?;
        let ends = since_1970(self.cloud_sso_access_token_expire).ok_or("it has no `cloud_sso_access_token_expire`")?;
        Ok(Exchange { service, token, ends })
    }

    fn oauth(&self) -> Result<Exchange, String> {
        let host = match self.oauth_site_type.as_deref() {
            Some("CN") => "oauth.aliyun.com",
            Some("INTL") => "oauth.alibabacloud.com",
            _ => return Err("its `oauth_site_type` is neither CN nor INTL".to_owned()),
        };
        let token = self.oauth_access_token.clone().ok_or("it has no `oauth_access_token`")?;
        let ends = since_1970(self.oauth_access_token_expire).ok_or("it has no `oauth_access_token_expire`")?;
        Ok(Exchange { service: Service::OAuth { host }, token, ends })
    }
}

/// A time in seconds since 1970; 0 says nothing.
fn since_1970(seconds: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds.filter(|seconds| *seconds > 0)?, 0)
}

/// Text that is there and not empty.
fn filled(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What a profile of an interactive mode keeps of a log-in, read from the file as it is now.
pub(super) fn log_in(context: &Context, path: &Path, name: &str) -> Result<LogIn, String> {
    let file = File::read(context, path).map_err(|unread| format!("{}: {unread}", path.display()))?;
    let profile = file.find(name).ok_or_else(|| file.not_found(path, name))?;
    Ok(profile.log_in())
}

/// Keys in what an external program printed: a profile of the mode AK or StsToken. The reason quotes none of it.
pub(super) fn from_program(output: &[u8]) -> Result<Credentials, String> {
    json::check(output, Some(TopLevel::Object))
        .map_err(|problem| problem.to_string().replace("the reply", "its output"))?;
    let profile: Profile =
        serde_json::from_slice(output).map_err(|_| "its output has a field of an unexpected type".to_owned())?;
    let mode = profile.mode.as_deref().unwrap_or_default();
    let keys = match mode.to_ascii_lowercase().as_str() {
        "ak" => profile.keys(false),
        "ststoken" => profile.keys(true),
        _ => return Err("its output has a `mode` other than AK and StsToken".to_owned()),
    };
    let keys = keys.map_err(|reason| reason.replacen("it has", "its output has", 1))?;
    debug_assert!(!keys.secret.expose_secret().is_empty());
    Ok(keys.into())
}
