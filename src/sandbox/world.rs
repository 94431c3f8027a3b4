//! The document `portcullis.world/v1`: a whole simulated cloud as data.
//!
//! Phases of reading: JSON; every place checked, all problems collected with their path in the
//! document; every item indexed ([`mod@super::collection`]). Everything is optional. Unknown fields
//! of items are kept and served; unknown names of sections and lists are kept as warnings, since
//! they may be from a newer version or a slip of the pen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    actor::{self, Actor},
    binding::{Former, Slot},
    collection::{Child, Collection, at, values_at},
    embedded,
    error::SandboxError,
    fault::{self, Fault},
    generate,
    kind::Kind,
};

/// The version this program reads.
const VERSION: &str = "portcullis.world/v1";

/// A simulated cloud, read and indexed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    accounts: Vec<Arc<Account>>,
    faults: Vec<Fault>,
    actors: Vec<Actor>,
    behaviour: Behaviour,
    warnings: Vec<String>,
}

/// A key pair of the simulated cloud. Worlds are made up, so the secret is not one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccessKey {
    pub access_key_id: String,
    pub access_key_secret: String,
}

/// How the simulated cloud behaves as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// Every reply waits this many milliseconds, without holding up others.
    pub latency_ms: u64,
    /// Up to so many milliseconds more, drawn from `seed` for each request, so that replies arrive
    /// in another order than requests were sent.
    pub jitter_ms: u64,
    /// Pages of paged operations hold at most so many items; 0 is the vendor's maximum.
    pub page_cap: usize,
    /// Calls that an account may make of one operation in one second, over all regions; 0 is no limit.
    pub qps_per_account_api: u32,
    /// How long an EIP takes to leave or to arrive, and the API server of a cluster to roll, in the world's time.
    pub bind_delay_ms: u64,
    /// Divides the waits of remediation, and what the cloud itself takes its time over: transitions of EIPs, tasks,
    /// requests that land late. Dates of requests are held against real time.
    pub time_scale: u32,
    /// Start of every random draw.
    pub seed: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            jitter_ms: 0,
            page_cap: 0,
            qps_per_account_api: 0,
            bind_delay_ms: 0,
            time_scale: 1,
            seed: 1,
        }
    }
}

/// The items of an account, by kind. Versions of an account share those that no write touched.
#[derive(Clone, Debug)]
pub(super) struct Collections([Arc<Collection>; Kind::ALL.len()]);

impl Default for Collections {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Arc::default()))
    }
}

/// One account of the world.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) keys: Vec<AccessKey>,
    pub(super) roles: Vec<String>,
    /// The regions that exist, in the order of the document; the first is the default.
    pub(super) regions: Vec<String>,
    pub(super) collections: Collections,
    /// `servicemesh.clusters`, by mesh.
    pub(super) mesh_clusters: HashMap<String, Vec<Box<str>>>,
    /// `servicemesh.unconnected_clusters`, by mesh.
    pub(super) unconnected_clusters: HashMap<String, Vec<Box<str>>>,
    /// `servicemesh.proxy_status`, by mesh.
    pub(super) proxy_status: HashMap<String, Vec<Box<str>>>,
    /// `servicemesh.additional_status`, by mesh.
    pub(super) additional_status: HashMap<String, Box<str>>,
    /// `cs.resources`, by cluster.
    pub(super) cluster_resources: HashMap<String, Vec<Box<str>>>,
    /// `cs.tasks`, by task id.
    pub(super) tasks: HashMap<String, Box<str>>,
    /// `sls.logs`, by project and logstore: flat records.
    pub(super) logs: Arc<HashMap<String, Vec<Value>>>,
    /// True for an account that manages a resource directory.
    pub(super) has_directory: bool,
    /// What slots showed before their EIPs left.
    pub(super) former: BTreeMap<Slot, Former>,
    /// Client tokens that writes came with: the parameters, and what was answered.
    pub(super) tokens: HashMap<String, (String, String)>,
}

impl Account {
    /// The items of one kind.
    pub(super) fn collection(&self, kind: Kind) -> &Collection {
        &self.collections.0[kind as usize]
    }

    /// The same, to be changed.
    pub(super) fn collection_mut(&mut self, kind: Kind) -> &mut Collection {
        Arc::make_mut(&mut self.collections.0[kind as usize])
    }

    /// Adds an item of a list that list calls serve.
    pub(super) fn push(&mut self, kind: Kind, value: Value) {
        self.push_with_children(kind, value, Vec::new());
    }

    /// Adds such an item with rules or entries beyond those that it holds.
    pub(super) fn push_with_children(&mut self, kind: Kind, value: Value, children: Vec<Child>) {
        let region = self.region_of(kind, &value);
        self.push_placed(kind, value, children, region);
    }

    fn push_placed(&mut self, kind: Kind, value: Value, children: Vec<Child>, region: Option<Box<str>>) {
        let spec = kind.spec();
        for part in spec.parts {
            let elements = at(&value, part.path).and_then(Value::as_array).into_iter().flatten();
            for element in elements.cloned().collect::<Vec<_>>() {
                let element = inherit(element, &value, part.inherits);
                self.push_placed(part.kind, element, Vec::new(), region.clone());
            }
        }
        self.collection_mut(kind).push(spec, value, children, region);
    }

    /// Where an item says it is, else where what places it is.
    fn region_of(&self, kind: Kind, value: &Value) -> Option<Box<str>> {
        let spec = kind.spec();
        let text = |path: &str| values_at(value, path).into_iter().find(|text| !text.is_empty());
        let by_place = || {
            let (placing, path) = spec.placed_by?;
            self.collection(placing).find(&text(path)?, None).find_map(|item| item.region.clone())
        };
        text(spec.region).or_else(by_place)
    }

    /// Without a list of regions an account has those that its items name.
    fn complete_regions(&mut self) {
        if !self.regions.is_empty() {
            return;
        }
        let mut regions: BTreeSet<String> =
            self.collections.0.iter().flat_map(|collection| collection.regions()).map(str::to_owned).collect();
        for mesh in self.collection(Kind::Mesh).iter() {
            let mesh: Value = serde_json::from_str(mesh.detail()).unwrap_or_default();
            regions.extend(values_at(&mesh, "ServiceMeshInfo.RegionId").into_iter().map(String::from));
        }
        self.regions = if regions.is_empty() { vec!["cn-hangzhou".to_owned()] } else { regions.into_iter().collect() };
    }
}

impl World {
    /// A shipped world. [`super::worlds`] lists them.
    pub fn named(name: &str) -> Result<Self, SandboxError> {
        let known = embedded::worlds();
        let Some(world) = known.iter().find(|world| world.name == name) else {
            let known = known.iter().map(|world| world.name).collect::<Vec<_>>().join(", ");
            return Err(SandboxError::UnknownWorld { name: name.to_owned(), known });
        };
        Self::from_json(&format!("world {name}"), world.world_json)
    }

    /// A world file.
    pub fn from_file(path: &Path) -> Result<Self, SandboxError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SandboxError::ReadWorld { path: path.to_owned(), source })?;
        Self::from_json(&format!("world file {}", path.display()), &text)
    }

    /// What a user types: `generated:…`, the name of a shipped world, or the path of a file.
    pub fn open(text: &str) -> Result<Self, SandboxError> {
        if let Some(numbers) = text.strip_prefix("generated:") {
            return Ok(numbers.parse::<generate::Size>()?.world());
        }
        if embedded::worlds().iter().any(|world| world.name == text) {
            return Self::named(text);
        }
        let path = Path::new(text);
        if !path.exists() && !text.contains(['/', '.', '\\']) {
            return Self::named(text);
        }
        Self::from_file(path)
    }

    /// A world from its text; `origin` says in messages where that came from.
    pub fn from_json(origin: &str, text: &str) -> Result<Self, SandboxError> {
        let value: Value =
            serde_json::from_str(text).map_err(|source| SandboxError::NotJson { origin: origin.to_owned(), source })?;
        let mut reader = Reader::default();
        let world = reader.world(value);
        if reader.problems.is_empty() {
            return Ok(Self { warnings: reader.warnings, ..world });
        }
        Err(SandboxError::Invalid { origin: origin.to_owned(), problems: reader.problems })
    }

    /// A world from accounts that are already indexed.
    pub(super) fn from_accounts(mut accounts: Vec<Account>) -> Self {
        accounts.iter_mut().for_each(Account::complete_regions);
        let accounts = accounts.into_iter().map(Arc::new).collect();
        Self { accounts, faults: Vec::new(), actors: Vec::new(), behaviour: Behaviour::default(), warnings: Vec::new() }
    }

    /// The world's first key, which `scan --sandbox` uses.
    pub fn first_access_key(&self) -> Option<&AccessKey> {
        self.accounts.iter().flat_map(|account| &account.keys).next()
    }

    /// What the document holds that this program does not know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How the simulated cloud behaves as a whole.
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Replaces the behaviour of the document.
    #[must_use]
    pub fn with_behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// Adds a fault.
    pub(super) fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds faults, written as the items of the document's `faults`.
    pub fn with_faults(mut self, faults: Value) -> Result<Self, SandboxError> {
        let mut reader = Reader::default();
        self.faults.extend(reader.faults(faults));
        if reader.problems.is_empty() {
            return Ok(self);
        }
        Err(SandboxError::Invalid { origin: "the added faults".to_owned(), problems: reader.problems })
    }

    /// Adds outside actors, written as the items of the document's `actors`.
    pub fn with_actors(mut self, actors: Value) -> Result<Self, SandboxError> {
        let mut reader = Reader::default();
        self.actors.extend(reader.actors(actors));
        if reader.problems.is_empty() {
            return Ok(self);
        }
        Err(SandboxError::Invalid { origin: "the added actors".to_owned(), problems: reader.problems })
    }

    pub(super) fn actors(&self) -> &[Actor] {
        &self.actors
    }

    pub(super) fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// An element of a part, with what it takes over from its parent.
fn inherit(mut element: Value, parent: &Value, inherits: &[(&str, &str)]) -> Value {
    if let Some(fields) = element.as_object_mut() {
        for (from, to) in inherits {
            if let Some(value) = parent.get(from) {
                fields.entry(*to).or_insert_with(|| value.clone());
            }
        }
    }
    element
}

/// The lists of later operations: their place is known, and no operation serves them yet.
const OTHER_LISTS: [(&str, &[&str]); 10] = [
    ("servicemesh", &["multi_cluster_networks"]),
    ("cs", &[]),
    ("vpc", &[]),
    ("vpcpeer", &[]),
    ("cbn", &[]),
    ("privatelink", &[]),
    ("actiontrail", &[]),
    ("sls", &[]),
    ("slb", &[]),
    ("nlb", &[]),
];

/// Reads a document and collects everything that is wrong with it.
#[derive(Debug, Default)]
struct Reader {
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Reader {
    fn world(&mut self, value: Value) -> World {
        let mut document = self.object("the document", value);
        match document.remove("world") {
            None => {}
            Some(Value::String(version)) if version == VERSION => {}
            Some(other) => {
                self.problems.push(format!("world: this program reads \"{VERSION}\", the document says {other}"));
            }
        }
        let accounts = document.remove("accounts").unwrap_or(Value::Array(Vec::new()));
        let accounts: Vec<Account> = self
            .list("accounts", accounts)
            .into_iter()
            .enumerate()
            .map(|(index, account)| self.account(&format!("accounts[{index}]"), account))
            .collect();
        self.check_distinct(&accounts);
        let faults = document.remove("faults").map(|faults| self.faults(faults)).unwrap_or_default();
        let actors = document.remove("actors").map(|actors| self.actors(actors)).unwrap_or_default();
        let behaviour = document.remove("behaviour").map(|value| self.behaviour(value)).unwrap_or_default();
        // What is odd about the world, for whoever opens the file.
        document.remove("about");
        self.warn_of_rest("", &document);
        World { faults, actors, behaviour, ..World::from_accounts(accounts) }
    }

    fn check_distinct(&mut self, accounts: &[Account]) {
        let mut ids = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for (index, account) in accounts.iter().enumerate() {
            if !ids.insert(&account.id) {
                self.problems.push(format!("accounts[{index}].account_id: {} occurs twice", account.id));
            }
            for key in &account.keys {
                if !keys.insert(&key.access_key_id) {
                    self.problems.push(format!("accounts[{index}].access_keys: {} occurs twice", key.access_key_id));
                }
            }
        }
    }

    fn account(&mut self, path: &str, value: Value) -> Account {
        let mut fields = self.object(path, value);
        let mut account = Account {
            id: fields.remove("account_id").map_or_else(String::new, |id| self.text(&format!("{path}.account_id"), id)),
            roles: self.texts(path, &mut fields, "roles"),
            regions: self.texts(path, &mut fields, "regions"),
            has_directory: fields.contains_key(Kind::Member.spec().section),
            ..Account::default()
        };
        if account.id.is_empty() {
            self.problems.push(format!("{path}.account_id: an account needs an id, such as \"1000000000000001\""));
        }
        let keys = fields.remove("access_keys").unwrap_or(Value::Array(Vec::new()));
        account.keys = self.access_keys(&format!("{path}.access_keys"), keys);
        let mut sections = self.sections(path, &mut fields);
        for kind in Kind::ALL {
            let spec = kind.spec();
            let list = sections.get_mut(spec.section).and_then(|section| section.remove(spec.list));
            for item in list
                .map(|list| self.items(&format!("{path}.{}.{}", spec.section, spec.list), list))
                .into_iter()
                .flatten()
            {
                account.push(kind, item);
            }
        }
        self.keyed_lists(path, &mut sections, &mut account);
        for (section, rest) in &sections {
            self.warn_of_rest(&format!("{path}.{section}."), rest);
        }
        self.warn_of_rest(&format!("{path}."), &fields);
        account
    }

    /// The product sections, each an object.
    fn sections(&mut self, path: &str, fields: &mut Map<String, Value>) -> HashMap<&'static str, Map<String, Value>> {
        let known = OTHER_LISTS.iter().map(|(section, _)| *section).chain([Kind::Member.spec().section, "ecs"]);
        let mut sections = HashMap::new();
        for section in known {
            if let Some(value) = fields.remove(section) {
                sections.insert(section, self.object(&format!("{path}.{section}"), value));
            }
        }
        sections
    }

    fn keyed_lists(
        &mut self,
        path: &str,
        sections: &mut HashMap<&'static str, Map<String, Value>>,
        account: &mut Account,
    ) {
        let mut take = |section: &str, list: &str| {
            let value = sections.get_mut(section).and_then(|section| section.remove(list))?;
            Some((format!("{path}.{section}.{list}"), value))
        };
        if let Some((path, value)) = take("servicemesh", "clusters") {
            account.mesh_clusters = self.items_by_key(&path, value);
        }
        if let Some((path, value)) = take("servicemesh", "unconnected_clusters") {
            account.unconnected_clusters = self.items_by_key(&path, value);
        }
        if let Some((path, value)) = take("servicemesh", "proxy_status") {
            account.proxy_status = self.items_by_key(&path, value);
        }
        if let Some((path, value)) = take("servicemesh", "additional_status") {
            let status = self.object(&path, value).into_iter();
            account.additional_status = status.map(|(mesh, status)| (mesh, status.to_string().into())).collect();
        }
        if let Some((path, value)) = take("cs", "resources") {
            account.cluster_resources = self.items_by_key(&path, value);
        }
        if let Some((path, value)) = take("sls", "logs") {
            let logs = self.object(&path, value).into_iter();
            let lists = logs.map(|(name, list)| (name.clone(), self.items(&format!("{path}.{name}"), list)));
            account.logs = Arc::new(lists.collect());
        }
        if let Some((path, value)) = take("cs", "tasks") {
            let tasks = self.items(&path, value).into_iter();
            let id = |task: &Value| values_at(task, "task_id").into_iter().next().map(String::from);
            account.tasks = tasks.filter_map(|task| Some((id(&task)?, task.to_string().into()))).collect();
        }
    }

    fn access_keys(&mut self, path: &str, value: Value) -> Vec<AccessKey> {
        let mut keys = Vec::new();
        for (index, key) in self.list(path, value).into_iter().enumerate() {
            match AccessKey::deserialize(key) {
                Ok(key) => keys.push(key),
                Err(error) => self.problems.push(format!("{path}[{index}]: {error}")),
            }
        }
        keys
    }

    fn faults(&mut self, value: Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, fault) in self.list("faults", value).into_iter().enumerate() {
            let unknown =
                fault.as_object().into_iter().flatten().filter(|(name, _)| !fault::FIELDS.contains(&name.as_str()));
            self.warnings
                .extend(unknown.map(|(name, _)| format!("faults[{index}].{name}: not known to this program, ignored")));
            match Fault::from_value(fault) {
                Ok(fault) => faults.push(fault),
                Err(problem) => self.problems.push(format!("faults[{index}]: {problem}")),
            }
        }
        faults
    }

    fn actors(&mut self, value: Value) -> Vec<Actor> {
        let mut actors = Vec::new();
        for (index, actor) in self.list("actors", value).into_iter().enumerate() {
            match actor::from_value(actor) {
                Ok(actor) => actors.push(actor),
                Err(problem) => self.problems.push(format!("actors[{index}]: {problem}")),
            }
        }
        actors
    }

    fn behaviour(&mut self, value: Value) -> Behaviour {
        Behaviour::deserialize(value).unwrap_or_else(|error| {
            self.problems.push(format!("behaviour: {error}"));
            Behaviour::default()
        })
    }

    /// Lists that a section holds by mesh or cluster.
    fn items_by_key(&mut self, path: &str, value: Value) -> HashMap<String, Vec<Box<str>>> {
        let mut lists = HashMap::new();
        for (key, list) in self.object(path, value) {
            let items = self.list(&format!("{path}.{key}"), list);
            lists.insert(key, items.into_iter().map(|item| item.to_string().into()).collect());
        }
        lists
    }

    /// A list of objects.
    fn items(&mut self, path: &str, value: Value) -> Vec<Value> {
        let items = self.list(path, value);
        for (index, item) in items.iter().enumerate() {
            if !item.is_object() {
                self.problems.push(format!("{path}[{index}]: expected an object, found {}", kind_of(item)));
            }
        }
        items
    }

    fn list(&mut self, path: &str, value: Value) -> Vec<Value> {
        match value {
            Value::Array(items) => items,
            other => {
                self.problems.push(format!("{path}: expected a list, found {}", kind_of(&other)));
                Vec::new()
            }
        }
    }

    fn object(&mut self, path: &str, value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => {
                self.problems.push(format!("{path}: expected an object, found {}", kind_of(&other)));
                Map::new()
            }
        }
    }

    fn texts(&mut self, path: &str, fields: &mut Map<String, Value>, name: &str) -> Vec<String> {
        let Some(value) = fields.remove(name) else { return Vec::new() };
        let path = format!("{path}.{name}");
        let items = self.list(&path, value).into_iter().enumerate();
        items.map(|(index, item)| self.text(&format!("{path}[{index}]"), item)).collect()
    }

    fn text(&mut self, path: &str, value: Value) -> String {
        match value {
            Value::String(text) => text,
            other => {
                self.problems.push(format!("{path}: expected a text in quotes, found {}", kind_of(&other)));
                String::new()
            }
        }
    }

    fn warn_of_rest(&mut self, prefix: &str, rest: &Map<String, Value>) {
        let section = prefix.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let later = OTHER_LISTS.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, lists)| *lists);
        for name in rest.keys().filter(|name| !later.contains(&name.as_str())) {
            self.warnings.push(format!("{prefix}{name}: not known to this program, not served"));
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn problems(text: &str) -> Vec<String> {
        match World::from_json("test", text) {
            Err(SandboxError::Invalid { problems, .. }) => problems,
            other => panic!("expected problems, got {other:?}"),
        }
    }

    #[test]
    fn everything_is_optional() {
        for text in ["{}", r#"{"accounts": []}"#, r#"{"accounts": [{"account_id": "1"}]}"#] {
            let world = World::from_json("test", text).expect("a world");
            assert_eq!(*world.behaviour(), Behaviour::default());
            assert!(world.warnings().is_empty());
        }
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let text = r#"{"world": "portcullis.world/v2", "accounts": [
            {"account_id": 1, "access_keys": [{"access_key_id": "a"}], "regions": "cn-hangzhou"},
            {"account_id": "2", "vpc": {"eips": {}}, "ecs": [], "cs": {"clusters": ["c1"]}}],
            "faults": [{"kind": "thorttle"}, {"kind": "deny", "times": -1}], "behaviour": {"latency_ms": "1"}}"#;
        let problems = problems(text);
        for expected in [
            "world: this program reads",
            "accounts[0].account_id: expected a text in quotes, found a number",
            "accounts[0].access_keys[0]: missing field `access_key_secret`",
            "accounts[0].regions: expected a list, found a text",
            "accounts[1].vpc.eips: expected a list, found an object",
            "accounts[1].ecs: expected an object, found a list",
            "accounts[1].cs.clusters[0]: expected an object, found a text",
            "faults[0]: ",
            "faults[1]: ",
            "behaviour: ",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected} is not in {problems:#?}");
        }
    }

    #[test]
    fn unknown_names_are_warnings() {
        let text = r#"{"note": 1, "accounts": [{"account_id": "1", "vpc": {"eip": [], "route_tables": []}, "cbn": {}, "oss": {}}]}"#;
        let world = World::from_json("test", text).expect("a world");
        let warnings = world.warnings().iter().map(|text| text.split(':').next().unwrap_or_default());
        assert_eq!(warnings.collect::<Vec<_>>(), ["accounts[0].vpc.eip", "accounts[0].oss", "note"]);
    }

    #[test]
    fn regions_come_from_the_items_where_they_are_not_listed() {
        let text = r#"{"accounts": [{"account_id": "1", "vpc": {"eips": [{"RegionId": "b"}]},
            "servicemesh": {"meshes": [{"ServiceMeshInfo": {"RegionId": "a"}}]}}, {"account_id": "2"}]}"#;
        let world = World::from_json("test", text).expect("a world");
        assert_eq!(world.accounts()[0].regions, ["a", "b"]);
        assert_eq!(world.accounts()[1].regions, ["cn-hangzhou"]);
    }

    #[test]
    fn an_unknown_world_names_the_shipped_ones() {
        let error = World::named("nowhere").expect_err("there is no such world").to_string();
        assert!(error.contains("demo"), "{error}");
        let error = World::open("nowhere").expect_err("there is no such world").to_string();
        assert!(error.contains("demo"), "{error}");
        assert!(matches!(World::open("no/such.json"), Err(SandboxError::ReadWorld { .. })));
    }
}
