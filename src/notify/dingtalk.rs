//! DingTalk's robots: signed in the query, Markdown, and an answer whose status says nothing: `errcode` does.
//!
//! Source: vendor, "Custom robot security settings" and "Custom robot message types".

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{
    address::Address,
    message::Message,
    send::{Post, Refusal},
    sign::hmac_sha256,
};
use crate::cloud::{context::HttpResponse, sign::encode};

/// What is sent. The time is part of the signature, so every try has its own.
pub(super) fn post(message: &Message<'_>, address: &Address, secret: &SecretString, now: DateTime<Utc>) -> Post {
    let time = now.timestamp_millis();
    let query = format!("timestamp={time}&sign={}", encode(&signature(time, secret.expose_secret())));
    let lines: Vec<String> = message.lines().iter().map(|line| format!("- {}", escape(line))).collect();
    let text = format!("#### {}\n\n{}\n\n{}", escape(&message.title()), escape(&message.head()), lines.join("\n"));
    let body = json!({
        "msgtype": "markdown",
        "markdown": {"title": message.title(), "text": text},
        "at": {"isAtAll": false},
    });
    Post { url: address.with_query(&query), headers: Vec::new(), body: body.to_string() }
}

/// base64(HMAC-SHA256(secret, time + "\n" + secret)).
fn signature(time_millis: i64, secret: &str) -> String {
    BASE64.encode(&hmac_sha256(secret.as_bytes(), format!("{time_millis}\n{secret}").as_bytes()))
}

/// What Markdown gives a meaning within a line.
const MARKUP: &str = r"\`*_{}[]()<>#+!|~$";

/// Text as Markdown shows it; `@` would call people.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if MARKUP.contains(c) {
            out.push('\\');
        }
        out.push(if c == '@' { '＠' } else { c });
    }
    out
}

#[derive(Deserialize)]
struct Answer {
    errcode: i64,
}

/// Taken, only if the body says so.
pub(super) fn read(response: &HttpResponse) -> Result<(), Refusal> {
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| Refusal::NotUnderstood)?;
    match answer.errcode {
        0 => Ok(()),
        code => Err(Refusal::Code { name: "errcode", code, hint: hint(code) }),
    }
}

fn hint(code: i64) -> &'static str {
    match code {
        300_001 => "the token in its address is not known",
        310_000 => "its security settings refuse it: the key, a keyword, or the address range of the sender",
        130_101 | 302_033 => "more than 20 messages in a minute",
        _ => "see the service's list of error codes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_vendor_s() {
        // python3 -c 'import hmac,base64; t="1577262236757"; s="SECf00d"; print(base64.b64encode(hmac.new(s.encode(),
        //   (t+"\n"+s).encode(), "sha256").digest()).decode())'
        assert_eq!(signature(1_577_262_236_757, "SECf00d"), "omY6TzTBE1FTUYb5AZT/iK3Iv06AAyNGXGH8DYzDPdc=");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("[x](y) *b* `c` <d> @all"), r"\[x\]\(y\) \*b\* \`c\` \<d\> ＠all");
        assert_eq!(escape("cn-hangzhou/mesh/c1: open"), "cn-hangzhou/mesh/c1: open");
    }
}
