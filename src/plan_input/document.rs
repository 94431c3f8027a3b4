//! The shape of `terraform show -json`: its version, the resources that will be there, what becomes of each, and the
//! configuration they come from (<https://developer.hashicorp.com/terraform/internals/json-format>).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::{error::PlanError, kinds::Kind, value::Node};

/// A plan, or a state.
pub(super) struct Document {
    root: Value,
    /// Managed resources that will be there, in the order of the document.
    pub resources: Vec<Resource>,
    /// Where each address is in `resources`.
    by_address: HashMap<String, usize>,
    /// Where the instances of each block are, by module and the block's own address.
    by_block: HashMap<(ModulePath, String), Vec<usize>>,
    /// Every module with something in it, and those that lead to it.
    modules: BTreeSet<ModulePath>,
    /// Where each block is in the list of its module's configuration, by the names of the calls and its own address.
    configured: HashMap<(Vec<String>, String), usize>,
    /// What is wrong with the plan as a whole.
    pub problems: Vec<Problem>,
    /// Types of which a resource goes.
    removed: BTreeSet<String>,
}

/// Something that the plan does not tell although it matters.
pub(super) struct Problem {
    pub kind: String,
    pub address: String,
    pub message: String,
}

/// A managed resource that will be there after apply.
pub(super) struct Resource {
    pub address: String,
    /// Its type: `alicloud_slb_acl`.
    pub kind: String,
    pub module: ModulePath,
    /// Its own address within the module, without an index: as the configuration names it.
    pub block: String,
    /// What stands in brackets behind the block's name: `0`, `"blue"`; empty without `count` and `for_each`.
    pub index: String,
    values: Value,
    unknown: Option<Value>,
    sensitive: Option<Value>,
    before: Option<Value>,
    /// True if it is made anew.
    pub created: bool,
}

/// The calls that lead to a module, each with its index.
pub(super) type ModulePath = Vec<ModuleStep>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ModuleStep {
    pub name: String,
    pub index: String,
}

impl Resource {
    /// Its values, with what is marked in them.
    pub(super) fn values(&self) -> Node<'_> {
        Node::new(&self.values, self.unknown.as_ref(), self.sensitive.as_ref())
    }

    /// Its values before the plan; for a new one there are none.
    pub(super) fn before(&self) -> Option<Node<'_>> {
        self.before.as_ref().map(|before| Node::new(before, None, self.sensitive.as_ref()))
    }
}

/// What `resource_changes` says of a resource.
#[derive(Default)]
struct Change {
    kind: String,
    unknown: Option<Value>,
    sensitive: Option<Value>,
    before: Option<Value>,
    created: bool,
    /// True if it is still there afterwards, as far as Terraform knows.
    stays: bool,
    forgotten: bool,
}

impl Document {
    pub(super) fn read(text: &[u8]) -> Result<Self, PlanError> {
        let root = parse(text)?;
        let Some(fields) = root.as_object() else {
            return Err(PlanError::NotAPlan("it holds no object".to_owned()));
        };
        version(fields)?;
        let is_plan = fields.contains_key("planned_values");
        let mut changes = if is_plan { changes(fields)? } else { BTreeMap::new() };
        let values = match fields.get(if is_plan { "planned_values" } else { "values" }) {
            Some(values) => values,
            None if is_empty_state(fields) => &Value::Null,
            None => {
                return Err(PlanError::NotAPlan("it has neither planned_values nor values".to_owned()));
            }
        };
        let mut found = Vec::new();
        match values {
            Value::Null => {}
            Value::Object(values) => match values.get("root_module") {
                None | Some(Value::Null) => {}
                Some(module) => module_resources(module, "", &ModulePath::new(), &mut found)?,
            },
            _ => return Err(PlanError::shape("planned_values", "it is no object")),
        }
        let mut problems = whole(fields);
        let mut seen = HashSet::new();
        for resource in &mut found {
            if !seen.insert(resource.address.clone()) {
                return Err(PlanError::shape(shown(&resource.address), "it is there twice"));
            }
            let change = changes.remove(&resource.address);
            let is_empty = resource.values.is_null();
            if is_empty {
                match change {
                    Some(change) if !change.stays => {
                        changes.insert(resource.address.clone(), change);
                        continue;
                    }
                    // Terraform leaves out the values where it knows none of them yet.
                    _ => resource.values = Value::Object(Map::new()),
                }
            }
            match change {
                Some(change) => {
                    resource.unknown = change.unknown;
                    resource.sensitive = change.sensitive.or(resource.sensitive.take());
                    resource.before = change.before;
                    resource.created = change.created;
                    if !change.stays {
                        problems.push(resource.problem("the plan holds its values, and says that it goes"));
                    }
                }
                None if is_plan => problems.push(resource.problem("the plan does not say what becomes of it")),
                None if is_empty => problems.push(resource.problem("the state holds no values of it")),
                None => {}
            }
        }
        found.retain(|resource| !resource.values.is_null());
        let removed = changes.values().filter(|change| !change.stays).map(|change| change.kind.clone()).collect();
        problems.extend(lost(changes));
        let by_address = found.iter().enumerate().map(|(at, resource)| (resource.address.clone(), at)).collect();
        let mut by_block: HashMap<(ModulePath, String), Vec<usize>> = HashMap::new();
        let mut modules = BTreeSet::new();
        for (at, resource) in found.iter().enumerate() {
            by_block.entry((resource.module.clone(), resource.block.clone())).or_default().push(at);
            for steps in 0..=resource.module.len() {
                modules.insert(resource.module[..steps].to_vec());
            }
        }
        let mut configured = HashMap::new();
        if let Some(module) = root.get("configuration").and_then(|configuration| configuration.get("root_module")) {
            configured_blocks(module, &mut Vec::new(), &mut configured);
        }
        Ok(Self { root, resources: found, by_address, by_block, modules, configured, problems, removed })
    }

    /// True if a resource of the type goes. What another one has computed from it is then not what it will be.
    pub(super) fn removes(&self, kind: &str) -> bool {
        self.removed.contains(kind)
    }

    pub(super) fn resource(&self, address: &str) -> Option<&Resource> {
        self.resources.get(*self.by_address.get(address)?)
    }

    /// The configuration of the module; `None` where the document has none.
    pub(super) fn module(&self, path: &[ModuleStep]) -> Option<&Value> {
        let root = self.root.get("configuration")?.get("root_module")?;
        path.iter().try_fold(root, |module, step| module.get("module_calls")?.get(&step.name)?.get("module"))
    }

    /// The configuration of the call that the path ends with.
    pub(super) fn call(&self, path: &[ModuleStep]) -> Option<&Value> {
        let (step, before) = path.split_last()?;
        self.module(before)?.get("module_calls")?.get(&step.name)
    }

    /// The configuration of the resource's block.
    pub(super) fn block(&self, resource: &Resource) -> Option<&Value> {
        let names = resource.module.iter().map(|step| step.name.clone()).collect();
        let at = self.configured.get(&(names, resource.block.clone()))?;
        self.module(&resource.module)?.get("resources")?.get(at)
    }

    /// The planned instances of a block of the module.
    pub(super) fn instances(&self, module: &ModulePath, block: &str) -> impl Iterator<Item = &Resource> {
        let found = self.by_block.get(&(module.clone(), block.to_owned()));
        found.into_iter().flatten().filter_map(|at| self.resources.get(*at))
    }

    /// The instances of the module's calls.
    pub(super) fn children(&self, module: &ModulePath) -> impl Iterator<Item = &ModuleStep> {
        let is_child = |path: &&ModulePath| path.len() == module.len() + 1 && path.starts_with(module);
        self.modules.iter().filter(is_child).filter_map(|path| path.last())
    }

    /// The region that the resource's provider is set to, where that is a constant or a variable of the root module.
    pub(super) fn region(&self, resource: &Resource) -> Option<String> {
        let providers = self.root.get("configuration")?.get("provider_config")?.as_object()?;
        let key = self.block(resource)?.get("provider_config_key")?.as_str()?;
        let region = providers.get(key)?.get("expressions")?.get("region")?;
        if let Some(constant) = region.get("constant_value") {
            return constant.as_str().map(str::to_owned);
        }
        let [only] = region.get("references")?.as_array()?.as_slice() else { return None };
        let name = only.as_str()?.strip_prefix("var.")?;
        // In a module's own provider the variable is another one.
        let in_root = !key.contains(':');
        let value = in_root.then(|| self.root.get("variables")?.get(name)?.get("value")?.as_str())??;
        Some(value.to_owned())
    }
}

impl Resource {
    fn problem(&self, message: &str) -> Problem {
        Problem { kind: self.kind.clone(), address: self.address.clone(), message: message.to_owned() }
    }
}

fn parse(text: &[u8]) -> Result<Value, PlanError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(PlanError::Empty);
    }
    if text.starts_with(b"PK\x03\x04") {
        return Err(PlanError::Binary);
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(PlanError::Utf16);
    }
    serde_json::from_slice(text).map_err(|error| {
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match serde_json::from_slice::<Map<String, Value>>(first) {
            Ok(event) if event.contains_key("@level") => PlanError::Events,
            _ => PlanError::NotJson(error.to_string()),
        }
    })
}

/// Minor versions add; a major one may change what is there.
fn version(fields: &Map<String, Value>) -> Result<(), PlanError> {
    if fields.contains_key("lineage") && !fields.contains_key("format_version") {
        return Err(PlanError::NotAPlan("it is a state in Terraform's own form (terraform.tfstate)".to_owned()));
    }
    let Some(version) = fields.get("format_version") else {
        return Err(PlanError::NotAPlan("it has no format_version".to_owned()));
    };
    let Some(version) = version.as_str() else {
        return Err(PlanError::NotAPlan("its format_version is no text".to_owned()));
    };
    match version.split('.').next() {
        Some("1") => Ok(()),
        _ => Err(PlanError::Version(shown(version))),
    }
}

/// True for what `terraform show -json` prints where there is no state yet, or nothing in it: a version and nothing else.
/// Every plan has `planned_values`, and says more besides, so that none that lost them looks like it.
fn is_empty_state(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.get("format_version").is_some_and(|version| version == "1.0")
}

/// Terraform nests as deep as modules do; the parser has refused what is deeper than it can stand.
fn configured_blocks(module: &Value, names: &mut Vec<String>, found: &mut HashMap<(Vec<String>, String), usize>) {
    for (at, block) in module.get("resources").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Some(address) = block.get("address").and_then(Value::as_str) {
            found.entry((names.clone(), address.to_owned())).or_insert(at);
        }
    }
    for (name, call) in module.get("module_calls").and_then(Value::as_object).into_iter().flatten() {
        if let Some(child) = call.get("module") {
            names.push(name.clone());
            configured_blocks(child, names, found);
            names.pop();
        }
    }
}

/// What Terraform says of the plan as a whole.
fn whole(fields: &Map<String, Value>) -> Vec<Problem> {
    let problem =
        |message: &str| Problem { kind: "terraform".to_owned(), address: String::new(), message: message.to_owned() };
    let mut problems = Vec::new();
    if fields.get("errored").is_some_and(|errored| *errored != Value::Bool(false)) {
        problems.push(problem("planning ended with an error, so that the plan holds a part only"));
    }
    if fields.get("complete").is_some_and(|complete| *complete != Value::Bool(true)) {
        problems.push(problem("Terraform says that changes are left for a later plan (targets or deferred changes)"));
    }
    for deferred in fields.get("deferred_changes").and_then(Value::as_array).into_iter().flatten() {
        let change = deferred.get("resource_change");
        let text = |name| change.and_then(|it| it.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("type");
        if Kind::of(&kind).is_some() {
            problems.push(Problem {
                kind,
                address: text("address"),
                message: "Terraform leaves it for a later plan".to_owned(),
            });
        }
    }
    problems
}

/// What becomes of each managed resource, by its address.
fn changes(fields: &Map<String, Value>) -> Result<BTreeMap<String, Change>, PlanError> {
    let list = match fields.get("resource_changes") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(PlanError::shape("resource_changes", "it is no list")),
    };
    let mut changes = BTreeMap::new();
    for item in list {
        let address = required(item, "address", "an item of resource_changes")?;
        // An object that is left from an earlier replacement and only waits to be destroyed.
        if item.get("deposed").is_some_and(|deposed| !deposed.is_null()) {
            continue;
        }
        if required(item, "mode", address)? != "managed" {
            continue;
        }
        let change = item.get("change").filter(|change| change.is_object());
        let change = change.ok_or_else(|| PlanError::shape(shown(address), "its change is no object"))?;
        let actions = change.get("actions").and_then(Value::as_array);
        let actions: Option<Vec<&str>> = actions.and_then(|words| words.iter().map(Value::as_str).collect());
        let actions = actions.filter(|words| !words.is_empty());
        let actions = actions.ok_or_else(|| PlanError::shape(shown(address), "its actions are no list of words"))?;
        let created = actions.contains(&"create");
        let read = Change {
            kind: required(item, "type", address)?.to_owned(),
            unknown: change.get("after_unknown").cloned(),
            sensitive: change.get("after_sensitive").cloned(),
            before: change.get("before").filter(|before| before.is_object() && !created).cloned(),
            created,
            stays: created || actions.iter().any(|word| matches!(*word, "no-op" | "update" | "read")),
            forgotten: actions.contains(&"forget") && !created,
        };
        if changes.insert(address.to_owned(), read).is_some() {
            return Err(PlanError::shape(shown(address), "it is in resource_changes twice"));
        }
    }
    Ok(changes)
}

/// Resources of which the plan says that they stay, and holds no values; and those that stay without Terraform.
fn lost(changes: BTreeMap<String, Change>) -> Vec<Problem> {
    let told = |(address, change): (String, Change)| {
        let message = if change.forgotten {
            "it is removed from the state and not destroyed: what it is like is not in the plan"
        } else if change.stays {
            "it is among the changes, and the plan does not hold its values"
        } else {
            return None;
        };
        Some(Problem { kind: change.kind, address, message: message.to_owned() })
    };
    changes.into_iter().filter_map(told).collect()
}

fn module_resources(
    module: &Value,
    address: &str,
    path: &ModulePath,
    found: &mut Vec<Resource>,
) -> Result<(), PlanError> {
    let place = || if address.is_empty() { "the root module".to_owned() } else { shown(address) };
    let list = |name: &str| match module.get(name) {
        None | Some(Value::Null) => Ok([].as_slice()),
        Some(Value::Array(list)) => Ok(list.as_slice()),
        Some(_) => Err(PlanError::shape(place(), format!("its {name} is no list"))),
    };
    if !module.is_object() {
        return Err(PlanError::shape(place(), "it is no object"));
    }
    for item in list("resources")? {
        let own = required(item, "address", &place())?;
        if required(item, "mode", own)? != "managed" {
            continue;
        }
        let (kind, name) = (required(item, "type", own)?, required(item, "name", own)?);
        let values = match item.get("values") {
            // What is forgotten has none, nor what is known only after apply as a whole.
            None | Some(Value::Null) => Value::Null,
            Some(values @ Value::Object(_)) => values.clone(),
            Some(_) => return Err(PlanError::shape(shown(own), "its values are no object")),
        };
        let block = format!("{kind}.{name}");
        // The rest of the address is the index.
        let inside = own.strip_prefix(address).map_or(own, |rest| rest.strip_prefix('.').unwrap_or(rest));
        let Some(rest) = inside.strip_prefix(&block) else {
            return Err(PlanError::shape(shown(own), "its address does not end with its type and name"));
        };
        found.push(Resource {
            address: own.to_owned(),
            kind: kind.to_owned(),
            module: path.clone(),
            index: rest.trim_start_matches('[').trim_end_matches(']').to_owned(),
            block,
            values,
            unknown: None,
            sensitive: item.get("sensitive_values").cloned(),
            before: None,
            created: false,
        });
    }
    for child in list("child_modules")? {
        let own = required(child, "address", &place())?;
        let step = step(address, own).ok_or_else(|| PlanError::shape(shown(own), "its address names no module"))?;
        let path: ModulePath = path.iter().cloned().chain([step]).collect();
        module_resources(child, own, &path, found)?;
    }
    Ok(())
}

/// `module.a.module.b["x"]` in `module.a` is the call `b` with the index `"x"`.
fn step(parent: &str, address: &str) -> Option<ModuleStep> {
    let inside = address.strip_prefix(parent)?;
    let inside = inside.strip_prefix('.').unwrap_or(inside).strip_prefix("module.")?;
    let (name, index) = match inside.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']')?),
        None => (inside, ""),
    };
    let is_name = !name.is_empty() && !name.contains(['.', '"', ']']);
    is_name.then(|| ModuleStep { name: name.to_owned(), index: index.to_owned() })
}

fn required<'a>(item: &'a Value, name: &str, place: &str) -> Result<&'a str, PlanError> {
    let text = item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| PlanError::shape(shown(place), format!("its {name} is no text")))
}

/// Text of the plan inside of a sentence of ours: control characters escaped, length bounded.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
