//! Network load balancers, version 2022-04-30: RPC with its parameters in the query, flat lists,
//! tokens with a total.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Body, Call, Listing, Operation};
use crate::sandbox::{host::Product, kind::Kind, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Nlb, "ListLoadBalancers", load_balancers).not_found("ResourceNotFound.loadBalancer", 404),
    Operation::new(Product::Nlb, "GetLoadBalancerAttribute", load_balancer)
        .not_found("ResourceNotFound.loadBalancer", 404),
    Operation::list(Product::Nlb, "ListListeners", Listing::by_token(Kind::NlbListener, "Listeners", 100, 20))
        .not_found("ResourceNotFound.listener", 404),
];

fn load_balancers(call: &Call<'_>) -> Result<String, ApiError> {
    let listing = Listing::by_token(Kind::Nlb, "LoadBalancers", 100, 20);
    listing.answer_with(call, Vec::new(), |text| with_tags(text, "Key", "Value"))
}

fn load_balancer(call: &Call<'_>) -> Result<String, ApiError> {
    let balancer = call.item(Kind::Nlb, "LoadBalancerId")?;
    let mut body = Body::new(call.request_id);
    body.fields_of(&with_tags(balancer.detail(), "TagKey", "TagValue"));
    Ok(body.finish())
}

/// The list call and the attribute call name the parts of a tag differently.
fn with_tags<'a>(object: &'a str, key: &str, value: &str) -> Cow<'a, str> {
    if !object.contains("\"Tags\"") {
        return Cow::Borrowed(object);
    }
    let mut balancer: Value = serde_json::from_str(object).unwrap_or_default();
    for tag in balancer.get_mut("Tags").and_then(Value::as_array_mut).into_iter().flatten() {
        let part = |names: [&str; 2]| names.iter().find_map(|name| tag.get(*name)).cloned().unwrap_or_default();
        *tag = json!({key: part(["TagKey", "Key"]), value: part(["TagValue", "Value"])});
    }
    Cow::Owned(balancer.to_string())
}
