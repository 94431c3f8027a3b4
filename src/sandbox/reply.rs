//! Replies before they are bytes on a connection, and the vendor's error bodies.

use std::borrow::Cow;

use serde_json::json;

/// How a product shapes its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// RPC gateways: `{"Code", "Message", "RequestId", "HostId", "Recommend"}`.
    Rpc,
    /// The container service: `{"code", "message", "requestId"}`.
    Roa,
    /// The log service: `{"errorCode", "errorMessage"}`.
    Log,
}

/// An error as the vendor's API reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
    /// Sent as `x-acs-retry-after`, in milliseconds.
    pub(super) retry_after_ms: Option<u64>,
}

impl ApiError {
    /// An error with a code of the vendor.
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after_ms: None }
    }

    /// A parameter that the operation needs and that is not where the vendor reads it.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(
            400,
            "MissingParameter",
            format!("The input parameter {parameter} that is mandatory for processing this request is not supplied."),
        )
    }

    /// A parameter whose value the operation refuses.
    pub(super) fn invalid(parameter: &str, why: &str) -> Self {
        Self::new(
            400,
            format!("InvalidParameter.{parameter}"),
            format!("The specified parameter {parameter} is not valid: {why}."),
        )
    }

    /// The body, in the product's shape.
    pub(super) fn body(&self, shape: ErrorShape, request_id: &str, host: &str) -> String {
        match shape {
            ErrorShape::Log => json!({"errorCode": self.code, "errorMessage": self.message}),
            ErrorShape::Roa => json!({"code": self.code, "message": self.message, "requestId": request_id}),
            ErrorShape::Rpc if self.code == "Forbidden.RAM" => json!({
                "RequestId": request_id, "HostId": host, "Code": self.code, "Message": self.message,
                "Recommend": recommend(&self.code),
                "AccessDeniedDetail": {"PolicyType": "AccountLevelIdentityBasedPolicy", "NoPermissionType": "ImplicitDeny"},
            }),
            ErrorShape::Rpc => json!({
                "RequestId": request_id, "HostId": host, "Code": self.code, "Message": self.message,
                "Recommend": recommend(&self.code),
            }),
        }
        .to_string()
    }
}

fn recommend(code: &str) -> String {
    format!("https://api.aliyun.com/troubleshoot?q={code}")
}

/// What happens on the connection.
#[derive(Debug)]
pub(super) enum Reply {
    /// A body with headers.
    Answer(Answer),
    /// The connection is reset before any header.
    Reset,
    /// Nothing, until the caller gives up.
    Silence,
    /// Headers and half of the promised body, then a reset.
    ResetMidBody(Answer),
}

/// A complete HTTP reply.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What the vendor's gateways send.
pub(super) const JSON: &str = "application/json;charset=utf-8";

impl Answer {
    /// A JSON reply.
    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: body.into() }
    }
}
