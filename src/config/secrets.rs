//! Secrets do not belong into these files. Finds them by key and by shape, and keeps their values out of
//! every message.

use std::ops::Range;

use super::{
    channels::is_variable,
    problem::{Problem, shown},
    yaml::{Key, Node, Value},
};

/// Keys whose values are secrets, without `_`, `-` and case.
const KEYS: &[&str] = &[
    "accesskey",
    "accesskeyid",
    "accesskeysecret",
    "accesssecret",
    "accesstoken",
    "apikey",
    "apitoken",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "credentials",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "ststoken",
    "token",
];

/// True for keys such as `access_key_secret`.
pub(crate) fn is_secret_key(key: &str) -> bool {
    KEYS.contains(&folded(key).as_str())
}

/// A key without `_`, `-` and case.
fn folded(key: &str) -> String {
    key.chars().filter(|character| !matches!(character, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

/// True for text in the shape of an access key's id, an STS key's id, a PEM private key, or a URL with a password.
pub(crate) fn looks_secret(text: &str) -> bool {
    let key_id = |prefix: &str, least: usize| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= least && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    key_id("LTAI", 12) || key_id("STS.", 12) || text.contains("PRIVATE KEY-----") || has_password(text)
}

/// `scheme://user:password@host`, with or without the scheme.
fn has_password(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Reports every secret of the tree, and adds its bytes to what is hidden.
pub(crate) fn in_tree(node: &Node, hidden: &mut Vec<Range<usize>>, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                if is_secret_key(&key.text) {
                    hidden.push(value.at.clone());
                    problems.push(secret_key(key));
                } else {
                    in_tree(value, hidden, problems);
                }
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| in_tree(item, hidden, problems)),
        Value::Scalar { text, .. } if looks_secret(text) => {
            hidden.push(node.at.clone());
            problems.push(
                Problem::new(
                    node.at.clone(),
                    "this value looks like a secret, and secrets do not belong into this file",
                )
                .help(WHERE_INSTEAD),
            );
        }
        Value::Scalar { .. } | Value::Refused => {}
    }
}

const WHERE_INSTEAD: &str = "delete it, and treat it as leaked if the file was shared; credentials come from the environment, a profile of the vendor's CLI, or a role";

fn secret_key(key: &Key) -> Problem {
    Problem::new(key.at.clone(), format!("secrets do not belong into this file: `{}`", shown(&key.text)))
        .help(WHERE_INSTEAD)
}

/// Shorter runs of letters and digits are words, ids and numbers. A key's secret is longer.
const KEY_LENGTH: usize = 20;

/// Where a text holds what may be a key: a long run of the characters that keys are made of, as no
/// word is. Looked for before a text is cut, since half a key does not look like one any more.
pub(crate) fn key_shaped(text: &str) -> Vec<Range<usize>> {
    let is_of_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut found = Vec::new();
    let mut start = 0;
    for run in text.as_bytes().split(|byte| !is_of_key(*byte)) {
        let has = |test: fn(&u8) -> bool| run.iter().any(test);
        let is_mixed = has(u8::is_ascii_digit) || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
        if run.len() >= KEY_LENGTH && is_mixed {
            found.push(start..start + run.len());
        }
        start += run.len() + 1;
    }
    found
}

/// What follows `secret-looking key:` on a line, found without a tree: a file with an error of syntax is
/// drawn too.
pub(crate) fn lexically(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        hidden.extend(secret_in_line(line).map(|at| line_start + at..line_start + line.trim_end().len()));
        line_start += line.len();
    }
    hidden
}

/// The value that a text begins with, without quotes.
fn first_word(text: &str) -> &str {
    let text = text.trim();
    let end = text.find([',', '}', ']', ' ', '\t', '#']).unwrap_or(text.len());
    text[..end].trim_matches(['"', '\''])
}

/// Where on a line the first value after a secret's key begins. Wider than what is refused: to star out a harmless
/// value costs nothing, so a key that only ends like a secret's is enough.
fn secret_in_line(line: &str) -> Option<usize> {
    line.match_indices([':', '=']).find_map(|(colon, _)| {
        let before = line[..colon].trim_end_matches(['"', '\'', '\\', ' ', '\t']);
        let start = before.rfind([' ', '\t', '{', ',', '"', '\'', '[', '?']).map_or(0, |at| at + 1);
        let key = folded(&before[start..]);
        let is_secret = match key.as_str() {
            "secretenv" | "urlenv" => !is_variable(first_word(&line[colon + 1..])),
            key => KEYS.iter().any(|known| key.ends_with(known)),
        };
        is_secret.then_some(colon + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_in_every_spelling() {
        for key in ["access_key_secret", "AccessKeySecret", "access-key-secret", "PASSWORD", "sts_token"] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["public_key", "signing_key", "role_arn", "name", "profile"] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn shapes_are_known() {
        for text in ["LTAI5tFakeFakeFakeFakeFa", "STS.NTfakefakefake12", "postgres://me:pw@db/x", "me:pw@host"] {
            assert!(looks_secret(text), "{text}");
        }
        for text in [
            "LTAI",
            "STS.x",
            "https://host/a:b@c",
            "team@example.com",
            "note: ask me@example.com",
            "sqlite:runs.db",
            "acs:ram::1:role/x",
        ] {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn runs_as_of_keys_are_found() {
        let text = "id LTAI5tExampleKeyId000001,8Jk2mN4pQr6sTu8vWx0yZa2bCd4eFg end";
        let found: Vec<&str> = key_shaped(text).into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["LTAI5tExampleKeyId000001", "8Jk2mN4pQr6sTu8vWx0yZa2bCd4eFg"]);
        for text in ["acs:ram::1000000000000001:role/portcullis-audit", "internationalisation/of/words", ""] {
            assert!(key_shaped(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_line_is_searched_without_a_tree() {
        let text = "a: 1\n  access_key_secret: hush\n";
        let hidden = lexically(text);
        assert_eq!(hidden.len(), 1);
        assert_eq!(&text[hidden[0].clone()], " hush");
        assert_eq!(secret_in_line("{a: 1, \"password\" : x}"), Some(19));
    }
}
