//! Keys in environment variables.

use super::{
    CredentialError,
    source::{Keys, Look, Source, failed, variable},
};
use crate::cloud::context::Context;

const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
const NAME: &str = "the environment";

/// Looks for `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_SECRET` and perhaps `ALIBABA_CLOUD_SECURITY_TOKEN`.
pub(super) fn look(context: &Context) -> Result<Look, CredentialError> {
    let (id, secret, token) = (variable(context, KEY_ID), variable(context, KEY_SECRET), variable(context, TOKEN));
    match (id, secret, token) {
        (Some(id), Some(secret), token) => {
            let keys = Keys {
                id: id.trim().to_owned(),
                secret: secret.trim().to_owned().into(),
                token: token.map(Into::into),
                expiration: None,
            };
            Ok(Look::Found { name: NAME.to_owned(), source: Source::Keys(keys) })
        }
        (None, None, None) => Ok(Look::Absent(format!("the environment: {KEY_ID} is not set"))),
        (None, None, Some(_)) => Err(failed(NAME, format!("{TOKEN} is set, but {KEY_ID} is not; set both or neither"))),
        (Some(_), None, _) => {
            Err(failed(NAME, format!("{KEY_ID} is set, but {KEY_SECRET} is not; set both or neither")))
        }
        (None, Some(_), _) => {
            Err(failed(NAME, format!("{KEY_SECRET} is set, but {KEY_ID} is not; set both or neither")))
        }
    }
}
