//! What is in `deploy/` fits together and fits the program: every object is read strictly, pods are as confined as they can
//! be, names agree across files, the policy is the one that the program prints, and every command line is run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

const BASE: &str = "deploy/kubernetes/base";
const OVERLAY: &str = "deploy/kubernetes/overlays/example";
const SHARDS: &str = "deploy/kubernetes/overlays/shards";
const APPLY: &str = "deploy/kubernetes/overlays/apply";

fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of YAML as the type it must fit, without a field too many.
fn yaml<T: DeserializeOwned>(path: impl AsRef<Path>) -> T {
    let path = path.as_ref();
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Object<T> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CronJob {
    schedule: String,
    time_zone: String,
    concurrency_policy: String,
    starting_deadline_seconds: u64,
    successful_jobs_history_limit: u64,
    failed_jobs_history_limit: u64,
    job_template: JobTemplate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobTemplate {
    spec: Job,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Job {
    completion_mode: Option<String>,
    completions: Option<u32>,
    parallelism: Option<u32>,
    backoff_limit: Option<u64>,
    backoff_limit_per_index: Option<u64>,
    pod_failure_policy: Option<FailurePolicy>,
    active_deadline_seconds: u64,
    template: PodTemplate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailurePolicy {
    rules: Vec<FailureRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FailureRule {
    action: String,
    on_exit_codes: ExitCodes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExitCodes {
    operator: String,
    values: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodTemplate {
    metadata: PodMetadata,
    spec: Pod,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodMetadata {
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pod {
    restart_policy: String,
    service_account_name: String,
    automount_service_account_token: bool,
    termination_grace_period_seconds: u64,
    security_context: PodSecurity,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PodSecurity {
    run_as_non_root: bool,
    run_as_user: u64,
    run_as_group: u64,
    fs_group: u64,
    seccomp_profile: Seccomp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seccomp {
    r#type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Container {
    name: String,
    image: String,
    args: Vec<String>,
    env: Vec<Variable>,
    env_from: Vec<EnvFrom>,
    resources: Resources,
    security_context: Security,
    volume_mounts: Vec<Mount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Variable {
    name: String,
    value: Option<String>,
    value_from: Option<ValueFrom>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ValueFrom {
    config_map_key_ref: Option<KeyRef>,
    field_ref: Option<FieldRef>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FieldRef {
    field_path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRef {
    name: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnvFrom {
    secret_ref: SecretRef,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretRef {
    name: String,
    optional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    requests: BTreeMap<String, String>,
    limits: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Security {
    allow_privilege_escalation: bool,
    read_only_root_filesystem: bool,
    capabilities: Capabilities,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capabilities {
    drop: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Mount {
    name: String,
    mount_path: String,
    #[serde(default)]
    read_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Volume {
    name: String,
    config_map: Option<ConfigMapVolume>,
    projected: Option<Projected>,
    persistent_volume_claim: Option<ClaimVolume>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMapVolume {
    name: String,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    key: String,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Projected {
    sources: Vec<ProjectedSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ProjectedSource {
    service_account_token: Token,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Token {
    audience: String,
    expiration_seconds: u64,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClaimVolume {
    claim_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfigMap {
    api_version: String,
    kind: String,
    metadata: Metadata,
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ServiceAccount {
    api_version: String,
    kind: String,
    metadata: Metadata,
    automount_service_account_token: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Namespace {
    api_version: String,
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Claim {
    access_modes: Vec<String>,
    resources: ClaimResources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimResources {
    requests: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NetworkPolicy {
    pod_selector: Selector,
    policy_types: Vec<String>,
    ingress: Vec<Value>,
    egress: Vec<Egress>,
}

/// What an overlay says of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressPatch {
    egress: Vec<Egress>,
}

/// An object of the base that an overlay does without.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Without {
    #[serde(rename = "$patch")]
    patch: String,
    api_version: String,
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Egress {
    to: Vec<Peer>,
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Peer {
    namespace_selector: Option<Selector>,
    ip_block: Option<IpBlock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IpBlock {
    cidr: ipnet::IpNet,
    #[serde(default)]
    except: Vec<ipnet::IpNet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Port {
    protocol: String,
    port: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    resources: Vec<String>,
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    patches: Vec<Patch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_name: String,
    new_tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    path: String,
}

/// What the example's patch of the job says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    schedule: String,
}

fn cron_job() -> Object<CronJob> {
    yaml(format!("{BASE}/cronjob.yaml"))
}

fn config_map(folder: &str) -> ConfigMap {
    yaml(format!("{folder}/configmap.yaml"))
}

fn service_account() -> ServiceAccount {
    yaml(format!("{BASE}/serviceaccount.yaml"))
}

#[test]
fn the_pod_can_do_nothing_but_scan() {
    let job = cron_job();
    assert_eq!((job.api_version.as_str(), job.kind.as_str()), ("batch/v1", "CronJob"));
    let spec = &job.spec;
    assert_eq!(spec.schedule.split(' ').count(), 5);
    assert_eq!((spec.time_zone.as_str(), spec.concurrency_policy.as_str()), ("Etc/UTC", "Forbid"));
    assert!(spec.starting_deadline_seconds > 100, "a shorter one can keep a job from ever starting");
    assert!(spec.successful_jobs_history_limit > 0 && spec.failed_jobs_history_limit > 0);
    let run = &spec.job_template.spec;
    assert_eq!(run.backoff_limit, Some(0), "findings do not go away by scanning again");
    assert!(run.active_deadline_seconds > 0);
    is_confined(&run.template.spec);
}

fn is_confined(pod: &Pod) {
    assert_eq!(pod.restart_policy, "Never");
    assert!(
        pod.termination_grace_period_seconds >= 60,
        "what was read is judged and kept when the pod is asked to end"
    );
    assert!(!pod.automount_service_account_token, "the cluster's own API is none of its business");
    let security = &pod.security_context;
    assert!(security.run_as_non_root && security.run_as_user > 0 && security.run_as_group > 0);
    assert_eq!(
        (security.fs_group, security.seccomp_profile.r#type.as_str()),
        (security.run_as_group, "RuntimeDefault")
    );
    let [container] = pod.containers.as_slice() else { panic!("one container") };
    let security = &container.security_context;
    assert!(!security.allow_privilege_escalation && security.read_only_root_filesystem);
    assert_eq!(security.capabilities.drop, ["ALL"]);
    assert!(container.resources.requests.contains_key("memory") && container.resources.limits.contains_key("memory"));
    assert!(!container.name.is_empty());
    let (_, tag) = container.image.rsplit_once(':').expect("a tag");
    assert_eq!(tag, env!("CARGO_PKG_VERSION"));
}

#[test]
fn names_agree() {
    let job = cron_job();
    let template = &job.spec.job_template.spec.template;
    let pod = &template.spec;
    let container = &pod.containers[0];
    let account = service_account();
    let namespace: Namespace = yaml(format!("{BASE}/namespace.yaml"));
    let claim: Object<Claim> = yaml(format!("{BASE}/volume.yaml"));
    let policy: Object<NetworkPolicy> = yaml(format!("{BASE}/networkpolicy.yaml"));
    let config = config_map(BASE);
    assert_eq!((account.api_version.as_str(), account.kind.as_str()), ("v1", "ServiceAccount"));
    assert_eq!((namespace.api_version.as_str(), namespace.kind.as_str()), ("v1", "Namespace"));
    assert_eq!((claim.api_version.as_str(), claim.kind.as_str()), ("v1", "PersistentVolumeClaim"));
    assert_eq!((policy.api_version.as_str(), policy.kind.as_str()), ("networking.k8s.io/v1", "NetworkPolicy"));
    assert_eq!((config.api_version.as_str(), config.kind.as_str()), ("v1", "ConfigMap"));
    assert_eq!(namespace.metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
    for metadata in [&job.metadata, &account.metadata, &claim.metadata, &policy.metadata, &config.metadata] {
        assert_eq!(metadata.namespace.as_deref(), Some(namespace.metadata.name.as_str()), "{}", metadata.name);
    }
    assert!(!account.automount_service_account_token);
    assert_eq!(pod.service_account_name, account.metadata.name);
    assert_eq!(claim.spec.access_modes, ["ReadWriteOnce"]);
    assert!(claim.spec.resources.requests.contains_key("storage"));

    let volumes: BTreeMap<&str, &Volume> = pod.volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect();
    let mounts: BTreeMap<&str, &Mount> =
        container.volume_mounts.iter().map(|mount| (mount.name.as_str(), mount)).collect();
    assert_eq!(volumes.keys().collect::<Vec<_>>(), mounts.keys().collect::<Vec<_>>());
    let file = volumes["config"].config_map.as_ref().unwrap();
    assert_eq!(file.name, config.metadata.name);
    assert!(file.items.iter().all(|item| config.data.contains_key(&item.key)));
    let path = format!("{}/{}", mounts["config"].mount_path, file.items[0].path);
    assert!(container.args.contains(&format!("--config={path}")), "{path}");
    assert_eq!(volumes["data"].persistent_volume_claim.as_ref().unwrap().claim_name, claim.metadata.name);
    assert!(mounts["config"].read_only && mounts["token"].read_only && !mounts["data"].read_only);
    let [source] = volumes["token"].projected.as_ref().unwrap().sources.as_slice() else { panic!("one token") };
    let token = &source.service_account_token;
    assert_eq!(token.audience, "sts.aliyuncs.com");
    assert!((600..=3600).contains(&token.expiration_seconds));

    let env: BTreeMap<&str, &Variable> = container.env.iter().map(|one| (one.name.as_str(), one)).collect();
    let path = format!("{}/{}", mounts["token"].mount_path, token.path);
    assert_eq!(env["ALIBABA_CLOUD_OIDC_TOKEN_FILE"].value.as_deref(), Some(path.as_str()));
    assert_eq!(env["ALIBABA_CLOUD_ECS_METADATA_DISABLED"].value.as_deref(), Some("true"));
    for name in ["ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"] {
        let from = env[name].value_from.as_ref().unwrap().config_map_key_ref.as_ref().unwrap();
        assert_eq!((from.name.as_str(), from.key.as_str()), (config.metadata.name.as_str(), name));
        assert!(config.data[name].starts_with("acs:ram::"), "{name}");
    }
    let secrets: Vec<&str> = container.env_from.iter().map(|one| one.secret_ref.name.as_str()).collect();
    assert_eq!(secrets, ["portcullis-notify", "portcullis-store"]);
    assert!(container.env_from.iter().all(|one| one.secret_ref.optional));

    assert!(
        policy
            .spec
            .pod_selector
            .match_labels
            .iter()
            .all(|(key, value)| template.metadata.labels.get(key) == Some(value))
    );
    assert_eq!(policy.spec.policy_types, ["Ingress", "Egress"]);
    assert!(policy.spec.ingress.is_empty());
    let server: Vec<_> =
        policy.spec.egress.iter().filter(|one| one.ports.iter().any(|port| port.port == 5432)).collect();
    let [server] = server.as_slice() else { panic!("a store on a server can be reached") };
    let private: Vec<ipnet::IpNet> =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(|block| block.parse().unwrap()).into();
    for peer in &server.to {
        let cidr = peer.ip_block.as_ref().unwrap().cidr;
        assert!(private.iter().any(|block| block.contains(&cidr)), "{cidr}");
    }
    lets_out_to(&policy.spec.egress, &[443, 5432]);
}

/// Names, these ports, and never the metadata service.
fn lets_out_to(egress: &[Egress], ports: &[u16]) {
    let metadata: ipnet::IpNet = "100.100.100.200/32".parse().unwrap();
    let is_known = |port: &Port| match port.protocol.as_str() {
        "TCP" => port.port == 53 || ports.contains(&port.port),
        "UDP" => port.port == 53,
        _ => false,
    };
    for egress in egress {
        assert!(egress.ports.iter().all(is_known));
        for peer in &egress.to {
            assert!(peer.namespace_selector.is_some() != peer.ip_block.is_some());
            assert!(peer.namespace_selector.as_ref().is_none_or(|selector| !selector.match_labels.is_empty()));
            if let Some(block) = &peer.ip_block {
                let reaches = block.cidr.contains(&metadata) && !block.except.iter().any(|not| not.contains(&metadata));
                assert!(!reaches, "the metadata service gives the node's role to whoever asks");
            }
        }
    }
}

/// The names of the YAML files of a folder, but for the kustomization itself.
fn files(folder: &str) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "kustomization.yaml").collect()
}

#[test]
fn kustomizations_name_every_file_and_patch_what_is_there() {
    let base: Kustomization = yaml(format!("{BASE}/kustomization.yaml"));
    let overlay: Kustomization = yaml(format!("{OVERLAY}/kustomization.yaml"));
    for one in [&base, &overlay] {
        assert_eq!((one.api_version.as_str(), one.kind.as_str()), ("kustomize.config.k8s.io/v1beta1", "Kustomization"));
    }
    assert_eq!(base.resources.iter().cloned().collect::<BTreeSet<_>>(), files(BASE));
    assert!(base.images.is_empty() && base.patches.is_empty());
    let namespace: Namespace = yaml(format!("{BASE}/namespace.yaml"));
    assert_eq!(base.namespace.as_deref(), Some(namespace.metadata.name.as_str()));
    assert_eq!((overlay.resources.as_slice(), overlay.namespace), (["../../base".to_owned()].as_slice(), None));
    assert_eq!(overlay.patches.iter().map(|patch| patch.path.clone()).collect::<BTreeSet<_>>(), files(OVERLAY));
    let image = &cron_job().spec.job_template.spec.template.spec.containers[0].image;
    let [replaced] = overlay.images.as_slice() else { panic!("one image") };
    assert_eq!(image.rsplit_once(':').unwrap().0, replaced.name);
    assert!(!replaced.new_name.is_empty() && replaced.new_tag == env!("CARGO_PKG_VERSION"));

    let job: Object<Schedule> = yaml(format!("{OVERLAY}/cronjob.yaml"));
    assert_eq!((job.api_version.as_str(), job.kind.as_str()), ("batch/v1", "CronJob"));
    assert_eq!((job.metadata.name, job.spec.schedule.split(' ').count()), (cron_job().metadata.name, 5));
    let (patched, config) = (config_map(OVERLAY), config_map(BASE));
    assert_eq!(patched.metadata.name, config.metadata.name);
    assert_eq!(patched.data.keys().collect::<Vec<_>>(), config.data.keys().collect::<Vec<_>>());
}

#[test]
fn the_role_is_for_one_service_account_and_may_do_what_the_program_says() {
    let printed = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(["doctor", "--policy"]).output().unwrap();
    assert_eq!(text("deploy/ram/scan-policy.json"), String::from_utf8(printed.stdout).unwrap());

    let trust: Value = serde_json::from_str(&text("deploy/ram/rrsa-trust-policy.json")).unwrap();
    let [statement] = trust["Statement"].as_array().unwrap().as_slice() else { panic!("one statement") };
    assert_eq!((&statement["Effect"], &statement["Action"]), (&"Allow".into(), &"sts:AssumeRole".into()));
    let conditions = statement["Condition"].as_object().unwrap();
    assert_eq!(conditions.keys().collect::<Vec<_>>(), ["StringEquals"], "nothing that a pattern could widen");
    let exact = &conditions["StringEquals"];
    let account = service_account();
    let subject = format!("system:serviceaccount:{}:{}", account.metadata.namespace.unwrap(), account.metadata.name);
    assert_eq!((&exact["oidc:sub"], &exact["oidc:aud"]), (&subject.into(), &"sts.aliyuncs.com".into()));
    assert!(exact["oidc:iss"].as_str().unwrap().starts_with("https://"));
    let config = config_map(BASE);
    assert_eq!(statement["Principal"]["Federated"][0], config.data["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"]);
}

#[test]
fn shards_are_one_run_and_whoever_merges_them_judges_it() {
    let kustomization: Kustomization = yaml(format!("{SHARDS}/kustomization.yaml"));
    let named = kustomization.resources.iter().chain(kustomization.patches.iter().map(|patch| &patch.path));
    let named: BTreeSet<String> = named.filter(|name| *name != "../../base").cloned().collect();
    assert_eq!(named, files(SHARDS));
    for (file, of_base) in [("without-cronjob", "cronjob"), ("without-volume", "volume")] {
        let without: Without = yaml(format!("{SHARDS}/{file}.yaml"));
        let there: Value = yaml(format!("{BASE}/{of_base}.yaml"));
        assert_eq!(without.patch, "delete");
        assert_eq!((&there["apiVersion"], &there["kind"]), (&without.api_version.into(), &without.kind.into()));
        assert_eq!(there["metadata"]["name"], without.metadata.name);
    }
    let policy: Object<EgressPatch> = yaml(format!("{SHARDS}/networkpolicy.yaml"));
    lets_out_to(&policy.spec.egress, &[443, 5432]);

    let shards: Object<Job> = yaml(format!("{SHARDS}/shards.yaml"));
    let merge: Object<Job> = yaml(format!("{SHARDS}/merge.yaml"));
    let config = config_map(SHARDS);
    for job in [&shards, &merge] {
        assert_eq!((job.api_version.as_str(), job.kind.as_str()), ("batch/v1", "Job"));
        let pod = &job.spec.template.spec;
        is_confined(pod);
        assert_eq!(pod.service_account_name, service_account().metadata.name);
        let selected = yaml::<Object<NetworkPolicy>>(format!("{BASE}/networkpolicy.yaml")).spec.pod_selector;
        assert!(
            selected.match_labels.iter().all(|(key, value)| job.spec.template.metadata.labels.get(key) == Some(value))
        );
        let run = pod.containers[0].env.iter().find(|one| one.name == "RUN").unwrap().value_from.as_ref().unwrap();
        assert!(config.data.contains_key(&run.config_map_key_ref.as_ref().unwrap().key));
        assert!(pod.containers[0].env_from.iter().any(|one| one.secret_ref.name == "portcullis-store"));
    }
    let job = &shards.spec;
    assert_eq!(job.completion_mode.as_deref(), Some("Indexed"));
    assert_eq!(job.completions, job.parallelism, "shards of one round wait for each other");
    assert!(job.backoff_limit_per_index.is_some_and(|limit| limit > 0), "a shard that dies is started again");
    let rule = &job.pod_failure_policy.as_ref().unwrap().rules[0];
    assert_eq!((rule.action.as_str(), rule.on_exit_codes.operator.as_str()), ("FailJob", "In"));
    assert_eq!(rule.on_exit_codes.values, [2, 5], "what another try does not mend");
    let index = job.template.spec.containers[0].env.iter().find(|one| one.name == "SHARD").unwrap();
    let path = &index.value_from.as_ref().unwrap().field_ref.as_ref().unwrap().field_path;
    assert_eq!(path, "metadata.annotations['batch.kubernetes.io/job-completion-index']");
    assert_eq!(merge.spec.backoff_limit, Some(0));

    // The command lines themselves, with the store in a file and the simulated cloud.
    let folder = folder("/etc/portcullis", "/data", &config.data["portcullis.yaml"]);
    let place = folder.path().join("etc/portcullis").display().to_string();
    let config_text = text(folder.path().join("etc/portcullis/portcullis.yaml"));
    fs::write(
        folder.path().join("etc/portcullis/portcullis.yaml"),
        config_text.replace("organization", "# organization"),
    )
    .unwrap();
    let run = |job: &Job, shard: u32, more: &[&str]| {
        let arguments = job.template.spec.containers[0].args.iter().map(|argument| {
            argument
                .replace("$(SHARD)", &shard.to_string())
                .replace("$(RUN)", &config.data["RUN"])
                .replace("/etc/portcullis", &place)
                .replace("--wait=120", "--wait=0")
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).arg("--store=sqlite:runs.db").args(more);
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path());
        command
    };
    let shards = job.completions.unwrap();
    let started: Vec<_> = (0..shards).map(|shard| run(job, shard, &["--sandbox", "demo"]).spawn().unwrap()).collect();
    for mut shard in started {
        assert_eq!(shard.wait().unwrap().code(), Some(0));
    }
    let merged = run(&merge.spec, 0, &[]).output().unwrap();
    assert_eq!(merged.status.code(), Some(4), "{}", String::from_utf8_lossy(&merged.stderr));
}

/// Who changes things is another one than who reads them, in the cluster and in the account, and does what the program can.
#[test]
fn remediation_has_an_account_and_a_role_of_its_own() {
    let kustomization: Kustomization = yaml(format!("{APPLY}/kustomization.yaml"));
    let named = kustomization.resources.iter().chain(kustomization.patches.iter().map(|patch| &patch.path));
    let named: BTreeSet<String> = named.filter(|name| *name != "../../base").cloned().collect();
    assert_eq!(named, files(APPLY));
    let account: ServiceAccount = yaml(format!("{APPLY}/serviceaccount.yaml"));
    assert!(!account.automount_service_account_token);
    assert_ne!(account.metadata.name, service_account().metadata.name);
    let config = config_map(APPLY);
    let of_scan: ConfigMap = yaml(format!("{APPLY}/scan-configmap.yaml"));
    assert_eq!(of_scan.metadata.name, config_map(BASE).metadata.name);
    let role = |map: &ConfigMap| map.data["ALIBABA_CLOUD_ROLE_ARN"].clone();
    assert_ne!(role(&config), role(&of_scan));
    let of_run = |map: &ConfigMap| serde_saphyr::from_str::<Value>(&map.data["portcullis.yaml"]).unwrap();
    assert_eq!(of_run(&config)["store"], of_run(&of_scan)["store"], "what was scanned is what is planned and proven");

    let (mut scan, mut apply): (Value, Value) = ["", "-apply"]
        .map(|of| serde_json::from_str(&text(format!("deploy/ram/rrsa-trust-policy{of}.json"))).unwrap())
        .into();
    for (trust, name) in [(&mut scan, service_account().metadata.name), (&mut apply, account.metadata.name.clone())] {
        let subject = &mut trust["Statement"][0]["Condition"]["StringEquals"]["oidc:sub"];
        assert_eq!(*subject, format!("system:serviceaccount:portcullis:{name}"));
        *subject = Value::Null;
    }
    assert_eq!(scan, apply, "they differ in whom they trust, and in nothing else");

    let job: Object<Job> = yaml(format!("{APPLY}/apply.yaml"));
    let cron: Object<CronJob> = yaml(format!("{APPLY}/verify.yaml"));
    assert_eq!(job.spec.backoff_limit, Some(0), "what may have been sent is not sent again by Kubernetes");
    assert_eq!(cron.spec.concurrency_policy, "Forbid");
    let folder = folder("/etc/portcullis", "/data", &config.data["portcullis.yaml"]);
    let place = folder.path().join("etc/portcullis").display().to_string();
    let mut claims = BTreeSet::new();
    for pod in [&job.spec.template, &cron.spec.job_template.spec.template] {
        assert_eq!(pod.metadata.labels["app.kubernetes.io/name"], "portcullis", "the network policy is for it too");
        let pod = &pod.spec;
        is_confined(pod);
        assert_eq!(pod.service_account_name, account.metadata.name);
        let container = &pod.containers[0];
        let env: BTreeMap<&str, &Variable> = container.env.iter().map(|one| (one.name.as_str(), one)).collect();
        assert_eq!(env["ALIBABA_CLOUD_ECS_METADATA_DISABLED"].value.as_deref(), Some("true"));
        let from = env["ALIBABA_CLOUD_ROLE_ARN"].value_from.as_ref().unwrap().config_map_key_ref.as_ref().unwrap();
        assert_eq!(from.name, config.metadata.name);
        let claim = pod.volumes.iter().find_map(|volume| volume.persistent_volume_claim.as_ref()).unwrap();
        let there: Object<Claim> =
            yaml(format!("{APPLY}/volume-{}.yaml", claim.claim_name.strip_prefix("portcullis-").unwrap()));
        assert_eq!(there.metadata.name, claim.claim_name);
        assert!(claims.insert(claim.claim_name.clone()), "whoever writes a journal locks it");
        let journal = container.args.iter().find_map(|argument| argument.strip_prefix("--journal=")).unwrap();
        assert!(container.volume_mounts.iter().any(|mount| journal.starts_with(&format!("{}/", mount.mount_path))));

        // The command line itself, with the store in a file: the plan is not there, and nothing is due.
        let store = format!("--store=sqlite:{}", folder.path().join("runs.db").display());
        let scanned = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["scan", "--sandbox", "empty", &store])
            .env_clear()
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert_eq!(scanned.status.code(), Some(0), "{}", String::from_utf8_lossy(&scanned.stderr));
        let arguments = container.args.iter().map(|argument| {
            argument
                .replace("/etc/portcullis", &place)
                .replace("/data", &folder.path().join("data").display().to_string())
        });
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .args(["--sandbox", "empty", &store])
            .env_clear()
            .env("HOME", folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        match container.args[0].as_str() {
            "apply" => {
                assert_eq!(output.status.code(), Some(6), "{told}");
                assert!(told.contains("/plan/plan.json"), "{told}");
            }
            _ => assert_eq!(output.status.code(), Some(0), "{told}"),
        }
    }
}

/// Runs a command line of a file against the simulated cloud, with its folders moved below a folder of the test's own, and
/// so is the data folder.
fn run(arguments: &[&str], moved: &[&str], data: &str, folder: &Path) {
    let moved: Vec<String> = arguments
        .iter()
        .map(|argument| {
            moved.iter().fold((*argument).to_owned(), |text, place| {
                text.replace(place, &folder.join(place.trim_start_matches('/')).display().to_string())
            })
        })
        .collect();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(&moved)
        .args(["--sandbox", "demo"])
        .env_clear()
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder.join(data.trim_start_matches('/')))
        .current_dir(folder)
        .output()
        .unwrap();
    // The demo world has findings of every severity, and not all of it can be read.
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{moved:?}: {told}");
}

/// A folder with the places that a command line writes to, and a configuration.
fn folder(config_folder: &str, data_folder: &str, config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let below = |path: &str| -> PathBuf { folder.path().join(path.trim_start_matches('/')) };
    fs::create_dir_all(below(config_folder)).unwrap();
    fs::create_dir_all(below(data_folder)).unwrap();
    fs::write(below(config_folder).join("portcullis.yaml"), config).unwrap();
    folder
}

#[test]
fn the_job_s_command_line_and_both_configurations_work() {
    let job = cron_job();
    let arguments: Vec<&str> =
        job.spec.job_template.spec.template.spec.containers[0].args.iter().map(String::as_str).collect();
    for source in [BASE, OVERLAY] {
        let folder = folder("/etc/portcullis", "/data", &config_map(source).data["portcullis.yaml"]);
        run(&arguments, &["/etc/portcullis", "/data"], "/data", folder.path());
        let report: Value = serde_json::from_str(&text(folder.path().join("data/report.json"))).unwrap();
        assert_eq!(report["schema"], "portcullis.report/v1");
        assert!(
            folder.path().join("data/portcullis/portcullis.db").is_file(),
            "on the volume, by the image's XDG_DATA_HOME"
        );
    }
    assert!(text("deploy/Containerfile").contains(" XDG_DATA_HOME=/data\n"));
}

/// Where runs are kept is the configuration's word: no command line of ours overrules it.
#[test]
fn the_configured_store_is_the_one_that_is_used() {
    let job = cron_job();
    let arguments: Vec<&str> =
        job.spec.job_template.spec.template.spec.containers[0].args.iter().map(String::as_str).collect();
    let unit = text("deploy/systemd/portcullis.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/portcullis ")).unwrap();
    for arguments in [arguments, command.split(' ').collect()] {
        let folder = folder("/etc/portcullis", "/data", "version: 1\nstore: {url: \"sqlite:chosen.db\"}\n");
        fs::create_dir_all(folder.path().join("var/lib/portcullis/metrics")).unwrap();
        run(&arguments, &["/etc/portcullis", "/data", "/var/lib/portcullis"], "/data", folder.path());
        assert!(folder.path().join("etc/portcullis/chosen.db").is_file() || folder.path().join("chosen.db").is_file());
        assert!(!folder.path().join("data/portcullis").exists());
    }
}

#[test]
fn the_service_s_command_line_works_and_the_unit_is_confined() {
    let unit = text("deploy/systemd/portcullis.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/portcullis ")).unwrap();
    let folder = folder("/etc/portcullis", "/var/lib/portcullis/metrics", "version: 1\n");
    let arguments: Vec<&str> = command.split(' ').collect();
    run(&arguments, &["/etc/portcullis", "/var/lib/portcullis"], "/var/lib", folder.path());
    let below = |name: &str| folder.path().join("var/lib/portcullis").join(name);
    assert!(below("report.json").is_file() && below("portcullis.db").is_file());
    assert!(text(below("metrics/portcullis.prom")).contains("portcullis_run_exit_code 4\n"));
    // What a dynamic user keeps is where a collector of metrics cannot look.
    assert!(!unit.contains("DynamicUser") && text("deploy/systemd/portcullis.sysusers").contains("\nu portcullis "));
    for line in
        ["User=portcullis", "StateDirectory=portcullis portcullis/metrics", "Environment=XDG_DATA_HOME=/var/lib"]
    {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    for line in ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    let timer = text("deploy/systemd/portcullis.timer");
    assert!(timer.contains("\nOnCalendar=") && timer.contains("\nPersistent=true\n"));
}

#[test]
fn the_pipelines_command_lines_work() {
    let gitlab: Value = yaml("deploy/pipelines/gitlab-ci.yml");
    let github: Value = yaml("deploy/pipelines/github-actions.yml");
    let commands = [&gitlab["portcullis"]["script"][0], &github["jobs"]["scan"]["steps"][0]["run"]];
    for command in commands {
        let command = command.as_str().unwrap().strip_prefix("portcullis ").unwrap();
        let folder = tempfile::tempdir().unwrap();
        run(&command.split(' ').collect::<Vec<_>>(), &[], "/data", folder.path());
        assert!(folder.path().join("report.json").is_file() && folder.path().join("report.csv").is_file());
    }
    assert_eq!(github["permissions"]["contents"], "read");
    assert_eq!(gitlab["portcullis"]["artifacts"]["when"], "always", "the report matters most where the job fails");
}

/// What the job of a merge request comes to: a plan that opens nothing passes, one that does fails, and one that leaves
/// open what decides ends with the code that only warns.
#[test]
fn the_pipeline_of_a_plan_fails_warns_and_passes() {
    let gitlab: Value = yaml("deploy/pipelines/gitlab-ci.yml");
    let job = &gitlab["portcullis-check"];
    let command = job["script"][0].as_str().unwrap().strip_prefix("portcullis ").unwrap();
    assert!(job["script"].as_array().unwrap().len() == 1, "the job ends as the program does");
    for (plan, code) in [("private", 0), ("nlb-hole", 1), ("known-after-apply", 3)] {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(format!("tests/plans/{plan}.json"), folder.path().join("tfplan.json")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(command.split(' '))
            .env_clear()
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{plan}: {}", String::from_utf8_lossy(&output.stderr));
        let report = job["artifacts"]["reports"]["junit"].as_str().unwrap();
        assert!(text(folder.path().join(report)).contains("<testsuites "));
        assert!(folder.path().join(job["artifacts"]["paths"][0].as_str().unwrap()).is_file());
        assert_eq!(job["allow_failure"]["exit_codes"] == code, code == 3, "{plan}");
    }
    assert_eq!(job["artifacts"]["when"], "always", "the report matters most where the job fails");
}

#[test]
fn the_image_runs_as_nobody_in_particular() {
    let file = text("deploy/Containerfile");
    let last = file.split("\nFROM ").last().unwrap();
    assert!(last.starts_with("scratch\n"), "no shell and no packages in what runs");
    let pod = cron_job().spec.job_template.spec.template.spec.security_context;
    assert!(last.contains(&format!("\nUSER {}:{}\n", pod.run_as_user, pod.run_as_group)));
    assert!(last.contains("/etc/ssl/certs/ca-certificates.crt"), "TLS is verified against the image's certificates");
    assert!(file.contains("cargo build --release --locked "));
}
