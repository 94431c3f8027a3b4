//! Feishu's and Lark's robots: signed in the body, rich text, and an answer whose status says nothing: `code` does.
//!
//! Source: vendor, "Custom bot usage guide".

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
use crate::cloud::context::HttpResponse;

/// What is sent. Rich text and not plain text, in which `<at …>` would call people.
pub(super) fn post(
    message: &Message<'_>,
    address: &Address,
    secret: Option<&SecretString>,
    now: DateTime<Utc>,
) -> Post {
    let text = |line: &str| json!([{"tag": "text", "text": escape(line)}]);
    let mut paragraphs = vec![text(&message.head())];
    paragraphs.extend(message.lines().iter().map(|line| text(line)));
    let mut body = json!({
        "msg_type": "post",
        "content": {"post": {"en_us": {"title": escape(&message.title()), "content": paragraphs}}},
    });
    if let Some(secret) = secret {
        let time = now.timestamp();
        body["timestamp"] = time.to_string().into();
        body["sign"] = signature(time, secret.expose_secret()).into();
    }
    Post { url: address.as_text(), headers: Vec::new(), body: body.to_string() }
}

/// base64(HMAC-SHA256(time + "\n" + secret, "")): here the text is the key, and what is signed is empty.
fn signature(time_seconds: i64, secret: &str) -> String {
    BASE64.encode(&hmac_sha256(format!("{time_seconds}\n{secret}").as_bytes(), b""))
}

/// Tags are not read in rich text; should a client read them all the same, there are none.
fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => '＜',
            '>' => '＞',
            _ => c,
        })
        .collect()
}

/// The newer spelling, or the older one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Newer {
        code: i64,
    },
    Older {
        #[serde(rename = "StatusCode")]
        code: i64,
    },
}

/// Taken, only if the body says so.
pub(super) fn read(response: &HttpResponse) -> Result<(), Refusal> {
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| Refusal::NotUnderstood)?;
    match answer {
        Answer::Newer { code: 0 } | Answer::Older { code: 0 } => Ok(()),
        Answer::Newer { code } | Answer::Older { code } => Err(Refusal::Code { name: "code", code, hint: hint(code) }),
    }
}

fn hint(code: i64) -> &'static str {
    match code {
        19_001 => "the token in its address is not known",
        19_021 => "the signature is refused: compare the key, and the clock of this machine",
        19_022 => "its settings do not take messages from this machine's address",
        19_024 => "its settings ask for a keyword that is not in the message",
        11_232 => "too many messages",
        _ => "see the service's list of error codes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_vendor_s() {
        // python3 -c 'import hmac,base64; t="1599360473"; s="f00d"; print(base64.b64encode(hmac.new((t+"\n"+s).encode(),
        //   b"", "sha256").digest()).decode())'
        assert_eq!(signature(1_599_360_473, "f00d"), "QSToLfYTWuyV0c76Z+1nmNEXZhvfdst6HdlNCVrU09U=");
    }

    #[test]
    fn both_spellings_of_the_answer_are_read() {
        let read = |body: &str| read(&HttpResponse { status: 200, headers: Vec::new(), body: body.into() });
        assert!(read(r#"{"code":0,"msg":"success","data":{}}"#).is_ok());
        assert!(read(r#"{"StatusCode":0,"StatusMessage":"success"}"#).is_ok());
        let refused = read(r#"{"code":19021,"msg":"sign match fail"}"#).expect_err("refused");
        assert!(refused.to_string().contains("19021"), "{refused}");
        assert!(read("{}").is_err());
        assert!(read("<html>").is_err());
    }
}
