//! Slack's incoming webhooks: the address is the only secret, and a message that was taken is answered with `ok`.
//!
//! Source: vendor, "Sending messages using incoming webhooks" and "Formatting text for app surfaces".

use serde_json::json;

use super::{
    address::Address,
    message::Message,
    send::{Post, Refusal},
};
use crate::cloud::context::HttpResponse;

/// What is sent: text without markup, in which no name becomes a link and no link is opened.
pub(super) fn post(message: &Message<'_>, address: &Address) -> Post {
    let mut lines = vec![message.title(), message.head()];
    lines.extend(message.lines().iter().map(|line| format!("• {line}")));
    let body = json!({
        "text": escape(&lines.join("\n")),
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    Post { url: address.as_text(), headers: Vec::new(), body: body.to_string() }
}

/// The three characters that begin something: links, mentions, channels, entities.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Taken, only if the body says so.
pub(super) fn read(response: &HttpResponse) -> Result<(), Refusal> {
    match response.body.trim_ascii() {
        b"ok" => Ok(()),
        other => Err(word(other).map_or(Refusal::NotUnderstood, Refusal::Word)),
    }
}

/// The service's own words for what is wrong, such as `invalid_payload`; anything else is not repeated.
pub(super) fn word(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let plain = (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_links_and_entities_are_text() {
        assert_eq!(escape("<!channel> & <https://x|y> &lt;"), "&lt;!channel&gt; &amp; &lt;https://x|y&gt; &amp;lt;");
    }

    #[test]
    fn only_ok_is_ok() {
        let read = |body: &str| read(&HttpResponse { status: 200, headers: Vec::new(), body: body.into() });
        assert!(read("ok").is_ok());
        assert!(read("ok\n").is_ok());
        assert_eq!(read("no_service"), Err(Refusal::Word("no_service".to_owned())));
        assert_eq!(read("<html>log in</html>"), Err(Refusal::NotUnderstood));
        assert_eq!(read(""), Err(Refusal::NotUnderstood));
    }
}
