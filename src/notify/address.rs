//! Where a message may go: each chat service has its own hosts, and a message about holes in a cloud goes nowhere else.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::Channel;
use crate::cloud::endpoint::is_loopback_host;

/// An address that a channel's messages may go to. Whoever has it can write to the room, so it is a secret.
pub(super) struct Address {
    url: SecretString,
    loopback: bool,
}

/// Why an address is not used. Nothing of the address is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("its address is no URL")]
    NoUrl,
    #[error("its address has a user name, a password or a fragment, which would not be sent")]
    Decorated,
    #[error("its address is not https; plain http is for this machine only")]
    Plain,
    #[error("its address does not lead to {0}: another host would get the message")]
    Host(&'static str),
}

impl Address {
    /// Checks an address against the channel's hosts. This machine is always one of them, so that a relay or a test
    /// can stand in.
    pub(super) fn check(channel: Channel, text: &SecretString) -> Result<Self, BadAddress> {
        let url = Url::parse(text.expose_secret()).map_err(|_| BadAddress::NoUrl)?;
        let host = url.host_str().ok_or(BadAddress::NoUrl)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(BadAddress::Decorated);
        }
        let loopback = is_loopback_host(host);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(BadAddress::Plain),
            _ => return Err(BadAddress::NoUrl),
        }
        let hosts = hosts(channel);
        // A port of its own would be a host of its own.
        let pinned = hosts.is_empty() || (hosts.contains(&host) && url.port().is_none());
        if !loopback && !pinned {
            return Err(BadAddress::Host(hosts_in_words(channel)));
        }
        Ok(Self { url: SecretString::from(url.as_str()), loopback })
    }

    /// The address with more behind its query; `more` is encoded already.
    pub(super) fn with_query(&self, more: &str) -> String {
        let url = self.url.expose_secret();
        let join = if url.contains('?') { '&' } else { '?' };
        format!("{url}{join}{more}")
    }

    /// The address as it stands.
    pub(super) fn as_text(&self) -> String {
        self.url.expose_secret().to_owned()
    }

    /// True if it leads to this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// The channel's own hosts; none where the receiver is the operator's.
fn hosts(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::DingTalk => &["oapi.dingtalk.com"],
        Channel::Feishu => &["open.feishu.cn", "open.larksuite.com"],
        Channel::Slack => &["hooks.slack.com"],
        Channel::Webhook => &[],
    }
}

fn hosts_in_words(channel: Channel) -> &'static str {
    match channel {
        Channel::DingTalk => "oapi.dingtalk.com",
        Channel::Feishu => "open.feishu.cn or open.larksuite.com",
        Channel::Slack => "hooks.slack.com",
        Channel::Webhook => "any host",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channel: Channel, text: &str) -> Result<String, BadAddress> {
        Address::check(channel, &text.into()).map(|address| address.as_text())
    }

    #[test]
    fn messages_go_to_the_channel_s_own_hosts_and_to_this_machine() {
        for (channel, text) in [
            (Channel::DingTalk, "https://oapi.dingtalk.com/robot/send?access_token=t"),
            (Channel::Feishu, "https://open.feishu.cn/open-apis/bot/v2/hook/t"),
            (Channel::Feishu, "https://open.larksuite.com/open-apis/bot/v2/hook/t"),
            (Channel::Slack, "https://hooks.slack.com/services/T/B/x"),
            (Channel::Webhook, "https://receiver.example.com:8443/x?y=z"),
            (Channel::Webhook, "http://127.0.0.1:8080/x"),
            (Channel::Slack, "http://[::1]:8080/x"),
            (Channel::DingTalk, "http://localhost:8080/x"),
        ] {
            assert_eq!(check(channel, text).as_deref(), Ok(text), "{channel}");
        }
    }

    #[test]
    fn every_other_address_is_refused_without_a_word_of_it() {
        for (channel, text, why) in [
            (Channel::DingTalk, "https://oapi.dingtalk.com.evil.example/x", BadAddress::Host("oapi.dingtalk.com")),
            (Channel::DingTalk, "https://oapi.dingtalk.com:8443/x", BadAddress::Host("oapi.dingtalk.com")),
            (Channel::Slack, "https://evil.example/?hooks.slack.com", BadAddress::Host("hooks.slack.com")),
            (Channel::Slack, "https://hooks.slack.com@evil.example/x", BadAddress::Decorated),
            (Channel::Slack, "https://me:pw@hooks.slack.com/x", BadAddress::Decorated),
            (Channel::Slack, "https://hooks.slack.com/x#y", BadAddress::Decorated),
            (Channel::Webhook, "http://receiver.example.com/x", BadAddress::Plain),
            (Channel::Webhook, "http://169.254.169.254/x", BadAddress::Plain),
            (Channel::Webhook, "ftp://127.0.0.1/x", BadAddress::NoUrl),
            (Channel::Webhook, "file:///etc/passwd", BadAddress::NoUrl),
            (Channel::Webhook, "receiver.example.com", BadAddress::NoUrl),
            (Channel::Feishu, "http://open.feishu.cn/x", BadAddress::Plain),
        ] {
            assert_eq!(check(channel, text), Err(why), "{channel} {text}");
            assert!(!why.to_string().contains("evil"), "{why}");
        }
    }

    #[test]
    fn more_goes_behind_the_query_there_is() {
        let address = |text: &str| Address::check(Channel::Webhook, &text.into()).expect("an address");
        assert_eq!(address("https://a.example/x").with_query("b=c"), "https://a.example/x?b=c");
        assert_eq!(address("https://a.example/x?y=z").with_query("b=c"), "https://a.example/x?y=z&b=c");
        assert_eq!(address("https://A.example").as_text(), "https://a.example/");
    }
}
