//! Network load balancers, version 2022-04-30: RPC with its parameters in the query, flat lists,
//! tokens with a total.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Body, Call, Listing, Operation, Paging, Tokens};
use crate::sandbox::{collection::Kind, host::Product, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Nlb, "ListLoadBalancers", load_balancers).not_found("ResourceNotFound.loadBalancer", 404),
    Operation::new(Product::Nlb, "GetLoadBalancerAttribute", load_balancer)
        .not_found("ResourceNotFound.loadBalancer", 404),
    Operation::new(Product::Nlb, "ListListeners", listeners).not_found("ResourceNotFound.listener", 404),
];

const TOKENS: Paging = Paging::Tokens(Tokens::usual(1, 100, 20).counted());

fn load_balancers(call: &Call<'_>) -> Result<String, ApiError> {
    let listing = Listing::new(Kind::Nlb, "LoadBalancers", TOKENS);
    listing.answer_with(call, Vec::new(), |text| with_tags(text, "Key", "Value"))
}

fn load_balancer(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.required("LoadBalancerId")?;
    let found = call.account.collection(Kind::Nlb).find(id, call.scope()).next();
    let balancer = found.ok_or_else(|| call.operation.gone(id))?;
    let mut body = Body::new(call.request_id);
    body.fields_of(&with_tags(balancer.detail(), "TagKey", "TagValue"));
    Ok(body.finish())
}

fn listeners(call: &Call<'_>) -> Result<String, ApiError> {
    Listing::new(Kind::NlbListener, "Listeners", TOKENS).answer(call)
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
