//! The second line of defence: whatever goes to stderr passes here, and what looks like a secret
//! is masked. The first line is that secrets live in a type that cannot be printed.

use std::borrow::Cow;

/// Names whose value is masked, in lower case, compared without `-` and `_`.
const SECRET_NAMES: [&str; 12] = [
    "signature",
    "authorization",
    "accesstoken",
    "securitytoken",
    "ststoken",
    "xacssecuritytoken",
    "accesskeysecret",
    "secret",
    "sign",
    "password",
    "clientkeydata",
    "token",
];

const MASK: &str = "[redacted]";

/// The text with everything masked that looks like a key, token, signature or certificate.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let text = without_pem(text);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    let mut changed = false;
    // A word is a run of characters that keys and tokens are made of; what is between words decides
    // whether the next one is a value.
    let mut secret_name = false;
    while let Some(first) = rest.chars().next() {
        if !is_word(first) {
            out.push(first);
            secret_name &= matches!(first, ' ' | '=' | ':' | '"' | '\'' | '\\');
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let masked = match word {
            word if secret_name && !is_scheme(word) => Some(MASK.to_owned()),
            word if after.starts_with('…') && is_cut_key(word) => Some(MASK.to_owned()),
            word => mask_shape(word),
        };
        let names = names_a_secret(word) && starts_value(after);
        secret_name = names || (secret_name && is_scheme(word));
        changed |= masked.is_some();
        out.push_str(masked.as_deref().unwrap_or(word));
    }
    if changed { Cow::Owned(out) } else { text }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '.' | '%')
}

fn names_a_secret(word: &str) -> bool {
    let name: String = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&&*name)
}

/// True behind `name` in `name=value`, `name: value` and `"name": "value"`.
fn starts_value(after: &str) -> bool {
    after.trim_start_matches(['"', '\'', '\\']).starts_with(['=', ':'])
}

/// Words between `Authorization:` and the credential itself.
fn is_scheme(word: &str) -> bool {
    matches!(word, "Bearer" | "Basic" | "ACS3-HMAC-SHA256" | "acs" | "Credential")
}

/// True of the first half of what may be a key: whoever cut the text did not know what it was.
fn is_cut_key(word: &str) -> bool {
    let last = word.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    last.len() >= 8 && is_mixed(last)
}

fn is_mixed(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

fn mask_shape(word: &str) -> Option<String> {
    let mixed = is_mixed(word);
    if (word.starts_with("LTAI") || word.starts_with("STS.") || word.starts_with("TMP.")) && word.len() >= 12 {
        return Some(format!("{}…{}", &word[..4], &word[word.len() - 2..]));
    }
    if word.starts_with("eyJ") && word.matches('.').count() >= 2 {
        return Some(MASK.to_owned());
    }
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if mixed && (word.len() == 30 && plain || word.len() >= 100) {
        return Some(MASK.to_owned());
    }
    None
}

fn without_pem(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let Some(start) = text.find(BEGIN) else { return Cow::Borrowed(text) };
    let after = match text[start..].find(END) {
        None => "",
        Some(end) => {
            let last_line = &text[start + end + END.len()..];
            last_line.find("-----").map_or("", |dashes| &last_line[dashes + 5..])
        }
    };
    Cow::Owned(format!("{}{MASK}{}", &text[..start], without_pem(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_masked() {
        for (text, expected) in [
            ("key LTAI5tFakeFakeFakeFakeKd used", "key LTAI…Kd used"),
            ("id=STS.NUFakeFakeFakeFake9x", "id=STS.…9x"),
            ("Signature=abc%2Bdef&x=1", "Signature=[redacted]&x=1"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
            ("\"access_token\": \"zzz\"", "\"access_token\": \"[redacted]\""),
            ("AccessKeySecret=hunter2", "AccessKeySecret=[redacted]"),
            ("x-acs-security-token: CAIS", "x-acs-security-token: [redacted]"),
            ("eyJhbGciOi.eyJzdWIi.c2ln", "[redacted]"),
            ("secret Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3 end", "secret [redacted] end"),
            ("a -----BEGIN KEY-----\nMII\n-----END KEY----- b", "a [redacted] b"),
            ("a -----BEGIN KEY-----\nMII", "a [redacted]"),
            ("text 8Jk2mN4pQr6sTu8vWx0yZa2bC… end", "text [redacted]… end"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "request id 0A1B2C3D-4E5F-6789-ABCD-EF0123456789",
            "v1:f1af21046539a40677f416fbe2f594c61ef06376dc3f8877f655dda64eef681d",
            "1000000000000001/cn-hangzhou/mesh/c08f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1/istio-pilot",
            "the signature was refused, and the token is stale",
            "cs:DescribeClusterDetail failed",
            "c08f1f1f1f1f1f1f1f1f… and names…",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
