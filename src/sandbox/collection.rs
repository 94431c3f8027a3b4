//! A world's items, indexed once so that a reply is a matter of copying text.
//!
//! Every item is kept as the JSON text that is served (one text per view: a list and a detail call
//! show different fields), with the values its filters look at. Nothing is parsed per request.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value;

use super::kind::{Filter, FilterForm, Spec};

/// One item, as text.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Empty where the world's author left it out, and for listeners, which have none.
    pub(super) id: Box<str>,
    /// `None` is everywhere.
    pub(super) region: Option<Box<str>>,
    /// The object of list replies.
    pub(super) listed: Box<str>,
    /// The object of detail replies, where that differs.
    detail: Option<Box<str>>,
    /// Rules or entries, each an object.
    pub(super) children: Vec<Child>,
    /// For each filter of the kind, what it is compared with.
    values: Box<[Vec<Box<str>>]>,
}

/// One rule or entry of an item.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) json: Box<str>,
    /// True for rules whose `Direction` is `egress`.
    pub(super) is_egress: bool,
}

impl Item {
    fn new(spec: &Spec, mut value: Value, mut children: Vec<Child>, region: Option<Box<str>>) -> Self {
        let id = values_at(&value, spec.id).into_iter().next().unwrap_or_default();
        let values: Box<[Vec<Box<str>>]> = spec.filters.iter().map(|filter| filter.values(&value)).collect();
        children.extend(take_children(&mut value, spec.children));
        for part in spec.parts {
            take_wrapped(&mut value, part.path);
        }
        if !spec.region_is_served {
            remove(&mut value, spec.region);
        }
        let detail = spec.not_in_detail.map(|hidden| without(&value, hidden));
        let listed = without(&value, spec.not_in_list);
        let detail = detail.filter(|detail| *detail != listed);
        Self { id, region, listed, detail, children, values }
    }

    /// True if the item is in a region, or everywhere.
    pub(super) fn is_in(&self, region: Option<&str>) -> bool {
        is_in(self, region)
    }

    /// What both views show, as one value.
    pub(super) fn whole(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.listed).unwrap_or_default();
        if let Some(detail) = &self.detail {
            merge(&mut value, serde_json::from_str(detail).unwrap_or_default());
        }
        value
    }

    /// The object of detail replies.
    pub(super) fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.listed)
    }

    /// The values that the named filter looks at.
    pub(super) fn values(&self, spec: &Spec, parameter: &str) -> &[Box<str>] {
        let position = spec.filters.iter().position(|filter| filter.parameter == parameter);
        position.map_or(&[], |position| &self.values[position])
    }
}

impl Child {
    /// An entry.
    pub(super) fn new(value: &Value) -> Self {
        Self { json: value.to_string().into(), is_egress: false }
    }
}

/// What a request asks of one filter.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Position in the kind's filters.
    pub(super) filter: usize,
    pub(super) values: Vec<String>,
}

/// All items of one kind in one account.
#[derive(Clone, Debug, Default)]
pub(super) struct Collection {
    items: Vec<Item>,
    by_index: HashMap<Box<str>, Vec<u32>>,
    by_region: HashMap<Box<str>, Vec<u32>>,
    everywhere: Vec<u32>,
}

impl Collection {
    /// Adds an item that is in `region`, with `children` beyond those in it.
    pub(super) fn push(&mut self, spec: &Spec, value: Value, children: Vec<Child>, region: Option<Box<str>>) {
        self.insert(Item::new(spec, value, children, region));
    }

    /// Changes the first item that fits, and its children. False if there is none.
    pub(super) fn edit(
        &mut self,
        spec: &Spec,
        is_it: impl Fn(&Item) -> bool,
        edit: impl FnOnce(&mut Value, &mut Vec<Child>),
    ) -> bool {
        let Some(item) = self.items.iter_mut().find(|item| is_it(item)) else { return false };
        let (mut value, mut children) = (item.whole(), std::mem::take(&mut item.children));
        edit(&mut value, &mut children);
        *item = Item::new(spec, value, children, item.region.take());
        self.index_anew();
        true
    }

    /// Removes the items that fit. False if there were none.
    pub(super) fn remove(&mut self, is_it: impl Fn(&Item) -> bool) -> bool {
        let before = self.items.len();
        self.items.retain(|item| !is_it(item));
        self.index_anew();
        self.items.len() < before
    }

    fn index_anew(&mut self) {
        let items = std::mem::take(self).items;
        items.into_iter().for_each(|item| self.insert(item));
    }

    fn insert(&mut self, item: Item) {
        let position = u32::try_from(self.items.len()).expect("a world of four billion items does not fit in memory");
        for key in item.values.first().into_iter().flatten() {
            self.by_index.entry(key.clone()).or_default().push(position);
        }
        match &item.region {
            Some(region) => self.by_region.entry(region.clone()).or_default().push(position),
            None => self.everywhere.push(position),
        }
        self.items.push(item);
    }

    /// The item at a position.
    pub(super) fn get(&self, position: u32) -> &Item {
        &self.items[position as usize]
    }

    /// Every item, wherever it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// Regions that some item names.
    pub(super) fn regions(&self) -> impl Iterator<Item = &str> {
        self.by_region.keys().map(|region| &**region)
    }

    /// The items whose first filter's value is `key`, in a region.
    pub(super) fn find<'a>(&'a self, key: &str, region: Option<&str>) -> impl Iterator<Item = &'a Item> {
        let positions = self.by_index.get(key).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| self.get(*position)).filter(move |item| is_in(item, region))
    }

    /// Positions of the items in a region (`None`: all) that match every filter, in the order of
    /// the document.
    pub(super) fn select(&self, region: Option<&str>, wanted: &[Wanted]) -> Cow<'_, [u32]> {
        let (first, rest) = match wanted {
            [first, rest @ ..] if first.filter == 0 => (Some(first), rest),
            _ => (None, wanted),
        };
        let candidates = match first {
            Some(wanted) => Cow::Owned(self.indexed(&wanted.values, region)),
            None => self.in_region(region),
        };
        if rest.is_empty() {
            return candidates;
        }
        let matches = |position: &u32| rest.iter().all(|wanted| wanted.accepts(self.get(*position)));
        Cow::Owned(candidates.iter().copied().filter(matches).collect())
    }

    fn indexed(&self, keys: &[String], region: Option<&str>) -> Vec<u32> {
        let found = keys.iter().filter_map(|key| self.by_index.get(key.as_str())).flatten().copied();
        let mut found: Vec<u32> = found.filter(|position| is_in(self.get(*position), region)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn in_region(&self, region: Option<&str>) -> Cow<'_, [u32]> {
        let Some(region) = region else {
            return Cow::Owned((0..u32::try_from(self.items.len()).unwrap_or(u32::MAX)).collect());
        };
        let here = self.by_region.get(region).map_or(&[][..], Vec::as_slice);
        if self.everywhere.is_empty() {
            return Cow::Borrowed(here);
        }
        let mut merged = [here, &self.everywhere].concat();
        merged.sort_unstable();
        Cow::Owned(merged)
    }
}

fn is_in(item: &Item, region: Option<&str>) -> bool {
    match (region, item.region.as_deref()) {
        (Some(region), Some(placed)) => region == placed,
        _ => true,
    }
}

impl Wanted {
    fn accepts(&self, item: &Item) -> bool {
        let has = &item.values[self.filter];
        self.values.iter().any(|wanted| has.iter().any(|value| **value == **wanted))
    }
}

impl Filter {
    fn values(&self, item: &Value) -> Vec<Box<str>> {
        if self.form == FilterForm::Tags {
            return self.paths.iter().flat_map(|path| tag_texts(item, path)).collect();
        }
        self.paths.iter().flat_map(|path| values_at(item, path)).collect()
    }
}

/// Texts by which a tag is found: `key` alone and `key=value`, whatever the product calls them.
fn tag_texts(item: &Value, path: &str) -> Vec<Box<str>> {
    let mut texts = Vec::new();
    let Some(Value::Array(tags)) = at(item, path) else { return texts };
    for tag in tags {
        let field = |names: [&str; 3]| names.iter().find_map(|name| tag.get(*name)).and_then(Value::as_str);
        let Some(key) = field(["Key", "TagKey", "key"]) else { continue };
        let value = field(["Value", "TagValue", "value"]).unwrap_or_default();
        texts.push(key.into());
        texts.push(format!("{key}={value}").into());
    }
    texts
}

/// What stands at a path of names.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// The texts at a path; lists on the way and at its end are walked, numbers and booleans are
/// written as JSON does.
pub(super) fn values_at(value: &Value, path: &str) -> Vec<Box<str>> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    collect(value, path.split('.'), &mut found);
    found
}

fn collect<'a>(value: &Value, mut path: impl Iterator<Item = &'a str> + Clone, found: &mut Vec<Box<str>>) {
    if let Value::Array(items) = value {
        for item in items {
            collect(item, path.clone(), found);
        }
        return;
    }
    match (path.next(), value) {
        (Some(name), Value::Object(fields)) => {
            if let Some(value) = fields.get(name) {
                collect(value, path, found);
            }
        }
        (None, Value::String(text)) => found.push(text.as_str().into()),
        (None, Value::Bool(_) | Value::Number(_)) => found.push(value.to_string().into()),
        _ => {}
    }
}

/// Adds the fields that one view of an item has and the other lacks.
fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (name, new) in more {
                match fields.get_mut(&name) {
                    Some(known) => merge(known, new),
                    None => {
                        fields.insert(name, new);
                    }
                }
            }
        }
        (value, more) => *value = more,
    }
}

fn take_children(value: &mut Value, path: &str) -> Vec<Child> {
    if path.is_empty() {
        return Vec::new();
    }
    let Some(Value::Array(children)) = take_wrapped(value, path) else { return Vec::new() };
    let is_rule = path == "Permissions.Permission";
    let child = |mut value: Value| Child {
        is_egress: value
            .get("Direction")
            .and_then(Value::as_str)
            .is_some_and(|text| text.eq_ignore_ascii_case("egress")),
        json: {
            if is_rule {
                complete_rule(&mut value);
            }
            value.to_string().into()
        },
    };
    children.into_iter().map(child).collect()
}

/// Takes a list, and the wrapper that held it: both are served by a call of their own.
fn take_wrapped(value: &mut Value, path: &str) -> Option<Value> {
    let taken = take(value, path);
    if let Some((wrapper, _)) = path.split_once('.') {
        remove(value, wrapper);
    }
    taken
}

/// What a rule does not use the API serves as empty text; a world may leave it out.
fn complete_rule(rule: &mut Value) {
    const FIELDS: [&str; 9] = [
        "PortRange",
        "PortRangeListId",
        "SourceCidrIp",
        "Ipv6SourceCidrIp",
        "SourceGroupId",
        "SourcePrefixListId",
        "SourcePortRange",
        "DestCidrIp",
        "Ipv6DestCidrIp",
    ];
    let Value::Object(fields) = rule else { return };
    for name in FIELDS {
        fields.entry(name).or_insert_with(|| Value::String(String::new()));
    }
}

fn take(value: &mut Value, path: &str) -> Option<Value> {
    match path.split_once('.') {
        Some((name, rest)) => take(value.get_mut(name)?, rest),
        None => value.as_object_mut()?.remove(path),
    }
}

fn remove(value: &mut Value, path: &str) {
    take(value, path);
}

fn without(value: &Value, hidden: &[&str]) -> Box<str> {
    if !hidden.iter().any(|path| at(value, path).is_some()) {
        return value.to_string().into();
    }
    let mut shown = value.clone();
    for path in hidden {
        remove(&mut shown, path);
    }
    shown.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::kind::Kind, *};

    fn eips() -> Collection {
        let mut eips = Collection::default();
        let spec = Kind::Eip.spec();
        for (id, region, lb) in [("eip-1", "a", "lb-1"), ("eip-2", "b", "lb-2"), ("eip-3", "a", "lb-2")] {
            let eip = json!({"AllocationId": id, "RegionId": region, "InstanceId": lb, "Extra": {"kept": true}});
            eips.push(spec, eip, Vec::new(), Some(region.into()));
        }
        eips.push(spec, json!({"AllocationId": "eip-4", "InstanceId": "lb-1"}), Vec::new(), None);
        eips
    }

    fn ids(eips: &Collection, region: Option<&str>, wanted: &[Wanted]) -> Vec<String> {
        eips.select(region, wanted).iter().map(|position| eips.get(*position).id.to_string()).collect()
    }

    #[test]
    fn selects_by_region_index_and_value() {
        let eips = eips();
        let wanted =
            |filter, values: &[&str]| Wanted { filter, values: values.iter().map(|&v| v.to_owned()).collect() };
        assert_eq!(ids(&eips, Some("a"), &[]), ["eip-1", "eip-3", "eip-4"]);
        assert_eq!(ids(&eips, Some("c"), &[]), ["eip-4"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(0, &["eip-3", "eip-2", "eip-1", "eip-3"])]), ["eip-1", "eip-3"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(2, &["lb-1"])]), ["eip-1", "eip-4"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(0, &["eip-3"]), wanted(2, &["lb-1"])]), Vec::<String>::new());
        assert!(eips.get(0).listed.contains("\"kept\":true"));
    }

    #[test]
    fn a_placing_region_is_not_served_and_rules_are_apart() {
        let mut groups = Collection::default();
        let group = json!({"SecurityGroupId": "sg-1", "VpcId": "vpc-1", "SecurityGroupType": "normal", "InnerAccessPolicy": "Drop",
            "Permissions": {"Permission": [{"Direction": "egress"}, {"Direction": "ingress", "New": 1}]}});
        let spec = Kind::SecurityGroup.spec();
        groups.push(spec, group, Vec::new(), Some("a".into()));
        groups.push(spec, json!({"SecurityGroupId": "sg-2", "RegionId": "b"}), Vec::new(), Some("b".into()));
        let group = groups.get(0);
        assert_eq!(&*group.listed, r#"{"SecurityGroupId":"sg-1","SecurityGroupType":"normal","VpcId":"vpc-1"}"#);
        assert_eq!(group.detail(), r#"{"InnerAccessPolicy":"Drop","SecurityGroupId":"sg-1","VpcId":"vpc-1"}"#);
        assert_eq!(group.children.iter().map(|rule| rule.is_egress).collect::<Vec<_>>(), [true, false]);
        assert_eq!(&*groups.get(1).listed, r#"{"SecurityGroupId":"sg-2"}"#);
    }

    #[test]
    fn tags_of_every_product_are_found() {
        assert_eq!(tag_texts(&json!({"Tag": [{"Key": "a", "Value": "b"}]}), "Tag"), ["a".into(), "a=b".into()]);
        assert_eq!(tag_texts(&json!({"T": {"Tag": [{"TagKey": "a"}]}}), "T.Tag"), ["a".into(), "a=".into()]);
    }
}
