//! The ini file of the vendor's SDKs: `ALIBABA_CLOUD_CREDENTIALS_FILE`, else `~/.alibabacloud/credentials.ini` (Python)
//! or `~/.alibabacloud/credentials` (Go).

use std::{collections::BTreeMap, path::PathBuf};

use zeroize::Zeroizing;

use super::{
    CredentialError,
    oidc::sts_region,
    profile::PROFILE,
    source::{Keys, Look, OidcRole, RoleToAssume, Source, failed, printable, variable},
};
use crate::cloud::context::Context;

const FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";

/// Looks for the file, and in it for the section that `ALIBABA_CLOUD_PROFILE` names, or `default`.
pub(super) fn look(context: &Context) -> Result<Look, CredentialError> {
    let chosen = variable(context, FILE).map(PathBuf::from);
    let candidates: Vec<PathBuf> = match (&chosen, context.env.home()) {
        (Some(path), _) => vec![path.clone()],
        (None, Some(home)) => {
            ["credentials.ini", "credentials"].map(|name| home.join(".alibabacloud").join(name)).to_vec()
        }
        (None, None) => Vec::new(),
    };
    for path in candidates {
        let name = format!("the ini file {}", path.display());
        let bytes = match context.files.read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && chosen.is_none() => continue,
            Err(error) => return Err(failed(name, format!("cannot be read: {error}"))),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| failed(&name, "is not UTF-8 text"))?;
        let sections = sections(text).map_err(|reason| failed(&name, reason))?;
        let named = variable(context, PROFILE);
        let section = named.clone().unwrap_or_else(|| "default".to_owned());
        let Some(fields) = sections.get(section.as_str()) else {
            if named.is_none() && chosen.is_none() {
                return Ok(Look::Absent(format!("{name}: there is no section [default]")));
            }
            return Err(failed(name, format!("there is no section [{}]", printable(&section))));
        };
        if fields.get("enable").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
            return Ok(Look::Absent(format!("{name}: [{}] says enable = false", printable(&section))));
        }
        let source =
            source(context, fields).map_err(|reason| failed(&name, format!("[{}] {reason}", printable(&section))))?;
        return Ok(Look::Found { name, source });
    }
    Ok(Look::Absent(
        "the ini file: there is no ~/.alibabacloud/credentials.ini and no ~/.alibabacloud/credentials".to_owned(),
    ))
}

type Fields<'t> = BTreeMap<&'t str, &'t str>;

/// Sections and their fields. Line comments begin with `#` or `;`; secrets may hold either, so values have none.
fn sections(text: &str) -> Result<BTreeMap<&str, Fields<'_>>, String> {
    let mut sections: BTreeMap<&str, Fields<'_>> = BTreeMap::new();
    let mut current = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or_else(|| format!("line {number}: `[` is not closed"))?.trim();
            if sections.insert(name, Fields::new()).is_some() {
                return Err(format!("line {number}: the section [{}] is there twice", printable(name)));
            }
            current = Some(name);
            continue;
        }
        // The line is not quoted: it may hold a secret.
        let (key, value) =
            line.split_once('=').ok_or_else(|| format!("line {number} is neither a section nor `key = value`"))?;
        let fields = current.and_then(|name| sections.get_mut(name));
        let fields = fields.ok_or_else(|| format!("line {number} stands before the first section"))?;
        if fields.insert(key.trim(), value.trim()).is_some() {
            return Err(format!("line {number}: `{}` is there twice in its section", printable(key.trim())));
        }
    }
    Ok(sections)
}

/// What a section says. The reason reads after the section's name.
fn source(context: &Context, fields: &Fields<'_>) -> Result<Source, String> {
    let text = |key: &str| fields.get(key).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
    let needed = |key: &str| text(key).ok_or_else(|| format!("has no `{key}`"));
    let kind = needed("type")?;
    let keys = |token: Option<String>| {
        let secret = needed("access_key_secret")?.into();
        Ok::<_, String>(Keys { id: needed("access_key_id")?, secret, token: token.map(Into::into), expiration: None })
    };
    let role = || {
        let mut role = RoleToAssume::new(needed("role_arn")?);
        if let Some(name) = text("role_session_name").or_else(|| text("session_name")) {
            role.session_name = name;
        }
        role.policy = text("policy");
        role.external_id = text("external_id");
        role.sts_region = sts_region(context);
        role.check()?;
        Ok::<_, String>(role)
    };
    match kind.as_str() {
        "access_key" => Ok(Source::Keys(keys(None)?)),
        "sts" => Ok(Source::Keys(keys(Some(needed("security_token")?))?)),
        "ecs_ram_role" => Ok(Source::EcsRole { role: text("role_name") }),
        "ram_role_arn" => Ok(Source::Role { base: Box::new(Source::Keys(keys(None)?)), role: role()? }),
        "oidc_role_arn" => Ok(Source::Oidc(OidcRole {
            provider_arn: needed("oidc_provider_arn")?,
            token_file: needed("oidc_token_file_path")?.into(),
            role: role()?,
        })),
        other => Err(format!(
            "has the type {}, which is not supported; use access_key, sts, ecs_ram_role, ram_role_arn or oidc_role_arn",
            printable(other)
        )),
    }
}
