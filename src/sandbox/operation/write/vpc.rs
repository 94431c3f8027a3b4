//! Elastic IPs: protection against release, tags, and the release that the protection is against.

use serde_json::{Value, json};

use super::{Call, Plan, answered_before, busy_eip, remember, taken};
use crate::sandbox::{
    binding::Eip,
    collection::at,
    draft::{set, text_at},
    kind::Kind,
    reply::ApiError,
};

pub(in crate::sandbox::operation) fn deletion_protection(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let id = call.required("InstanceId")?.to_owned();
    if !call.required("Type")?.eq_ignore_ascii_case("EIP") {
        return Err(refused("TypeNotSupport", "The resource is not support."));
    }
    let enable = call.boolean("ProtectionEnable")?.ok_or_else(|| ApiError::missing("ProtectionEnable"))?;
    let token = call.param("ClientToken");
    let parameters = format!("{id} {enable}");
    if let Some(reply) = answered_before(call, token, &parameters)? {
        return Ok(reply);
    }
    let eip = here(call, &id).ok_or_else(|| refused("ResourceNotExist", "The resource is not exist."))?;
    if eip.is_prepaid {
        return Err(refused("PrePaidNotSupport", "The prepaid resource is not support."));
    }
    match (enable, eip.is_protected) {
        (true, true) => return Err(refused("AlreadyEnabled", "The resource deletion protection is already enabled.")),
        (false, false) => {
            return Err(refused("AlreadyDisabled", "The resource deletion protection is already disabled."));
        }
        _ => {}
    }
    let reply = taken(call);
    remember(call, plan, token, &parameters, &reply);
    plan.now(move |draft| {
        draft.edit(Kind::Eip, &id, |value| set(value, "DeletionProtection", json!(enable)));
        draft.note(&id, if enable { "protected" } else { "unprotected" });
    });
    Ok(reply)
}

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::new(400, format!("DeletionProtection.{code}"), message)
}

/// An EIP of the call's region.
fn here(call: &Call<'_>, id: &str) -> Option<Eip> {
    call.account.collection(Kind::Eip).find(id, call.scope()).next()?;
    Eip::of(call.account, id)
}

/// Most tags of one EIP, and of one call.
const MOST_TAGS: usize = 20;
/// Most EIPs of one call.
const MOST_RESOURCES: usize = 50;

pub(in crate::sandbox::operation) fn tag(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let ids = resources(call)?;
    let tags: Vec<(String, String)> = (1..=MOST_TAGS)
        .filter_map(|number| {
            let key = call.param(&format!("Tag.{number}.Key"))?;
            Some((key.to_owned(), call.param(&format!("Tag.{number}.Value")).unwrap_or_default().to_owned()))
        })
        .collect();
    if tags.is_empty() {
        return Err(ApiError::missing("Tag.1.Key"));
    }
    if tags.iter().any(|(key, _)| key.starts_with("aliyun") || key.starts_with("acs:") || key.len() > 128) {
        return Err(ApiError::invalid("Tag.Key", "it is too long, or begins with aliyun or acs:"));
    }
    for id in &ids {
        let mut all = tags_of(call, id);
        put(&mut all, &tags);
        if all.len() > MOST_TAGS {
            return Err(ApiError::invalid("Tag", "an EIP has at most 20 tags"));
        }
    }
    change_tags(plan, ids, "tagged", move |all| put(all, &tags));
    Ok(taken(call))
}

pub(in crate::sandbox::operation) fn untag(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let ids = resources(call)?;
    let (keys, takes_all) = (call.numbered("TagKey"), call.boolean("All")?.unwrap_or(false));
    // Without a key nothing is taken off, unless everything is asked for.
    change_tags(plan, ids, "untagged", move |all| {
        all.retain(|tag| if keys.is_empty() { !takes_all } else { !keys.contains(&text_at(tag, "Key")) });
    });
    Ok(taken(call))
}

fn resources(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    if !call.required("ResourceType")?.eq_ignore_ascii_case("EIP") {
        return Err(ApiError::invalid("ResourceType", "the simulated cloud tags EIPs only"));
    }
    let ids = call.numbered("ResourceId");
    if ids.is_empty() {
        return Err(ApiError::missing("ResourceId.1"));
    }
    if ids.len() > MOST_RESOURCES {
        return Err(ApiError::invalid("ResourceId", "at most 50 are allowed"));
    }
    match ids.iter().find(|id| here(call, id).is_none()) {
        Some(unknown) => Err(call.operation.gone(unknown)),
        None => Ok(ids),
    }
}

fn tags_of(call: &Call<'_>, id: &str) -> Vec<Value> {
    let eip = call.account.collection(Kind::Eip).find(id, None).next().map(|item| item.whole());
    eip.map(|eip| tags_in(&eip)).unwrap_or_default()
}

fn tags_in(eip: &Value) -> Vec<Value> {
    at(eip, "Tags.Tag").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn put(all: &mut Vec<Value>, tags: &[(String, String)]) {
    for (key, new) in tags {
        all.retain(|tag| text_at(tag, "Key") != *key);
        all.push(json!({"Key": key, "Value": new}));
    }
}

fn change_tags(
    plan: &mut Plan,
    ids: Vec<String>,
    what: &'static str,
    change: impl Fn(&mut Vec<Value>) + Send + 'static,
) {
    plan.now(move |draft| {
        for id in &ids {
            draft.edit(Kind::Eip, id, |value| {
                let mut all = tags_in(value);
                change(&mut all);
                set(value, "Tags.Tag", Value::Array(all));
            });
            draft.note(id, what);
        }
    });
}

pub(in crate::sandbox::operation) fn release(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let id = call.required("AllocationId")?;
    let eip = here(call, id).ok_or_else(|| call.operation.gone(id))?;
    if eip.is_protected {
        let message = "The instance cannot delete because of deletion protection.";
        return Err(ApiError::new(400, "InvalidOperation.DeletionProtection", message));
    }
    if eip.is_prepaid {
        return Err(ApiError::new(400, "Forbidden.ChargeTypeIsPrepaid", "It is forbidden to release a prepaid EIP."));
    }
    if eip.status != "Available" {
        return Err(busy_eip());
    }
    plan.release(id);
    Ok(taken(call))
}
