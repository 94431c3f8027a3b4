//! Which host answers for a product in a region, and where to connect for it.
//!
//! The table follows the vendor's SDKs: regional products have `{product}.{region}.aliyuncs.com`,
//! central ones `{product}.aliyuncs.com`, and some regions of some products collapse to one host.
//! Within a VPC there are hosts of their own: `{product}-vpc.{region}.aliyuncs.com`, and
//! `{product}.vpc-proxy.aliyuncs.com` for central products. Signed requests go to hosts of the vendor
//! only, or to this machine.

use std::{collections::BTreeMap, net::IpAddr};

use reqwest::Url;

use super::{context::Env, error::printable, request::Product};

/// Hosts to which signed requests may go end with this.
const VENDOR_SUFFIX: &str = ".aliyuncs.com";

/// An endpoint that is refused. Nothing was contacted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Not a URL or host name at all.
    #[error("use the endpoint {endpoint:?}: {reason}; write it as https://HOST or http://127.0.0.1:PORT")]
    Malformed { endpoint: String, reason: String },
    /// A place where no signed request may go.
    #[error(
        "use the endpoint {endpoint:?}: requests carry a signature and go only to hosts under aliyuncs.com by https, \
         or to a loopback address"
    )]
    Forbidden { endpoint: String },
    /// A region that cannot be part of a host name.
    #[error("find the {product} endpoint of region {region:?}: a region's name consists of a-z, 0-9 and hyphens")]
    BadRegion { product: &'static str, region: String },
    /// A product without a host for the VPC network.
    #[error(
        "find a VPC endpoint of {product} in {region:?}: the vendor documents none; name a host in \
         ALIBABA_CLOUD_ENDPOINT_{} or under `endpoints` of the configuration, or use the public network",
        product.to_ascii_uppercase()
    )]
    NoVpcHost { product: &'static str, region: String },
    /// The VPC network was asked for, and nobody said in which region.
    #[error(
        "find the VPC endpoint of {product}: it depends on the region that this machine is in; set \
         ALIBABA_CLOUD_STS_REGION to it"
    )]
    NoHomeRegion { product: &'static str },
    /// A word for a network that is none.
    #[error("use the network {network:?} of {source_name}: write `vpc`, or `public`")]
    UnknownNetwork { network: String, source_name: String },
    /// A project of the log service that cannot be part of a host name.
    #[error("find the log project {project:?}: a project's name consists of a-z, 0-9 and hyphens")]
    BadProject { project: String },
    /// An override for something that is not a product.
    #[error("use an endpoint for {product:?}: no such product")]
    UnknownProduct { product: String },
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The real endpoint's name: the `Host` header, and what is signed.
    pub host: String,
    /// Scheme and authority to connect to, without a slash at the end.
    pub base: String,
}

/// Which of the vendor's networks to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// The internet.
    #[default]
    Public,
    /// The VPC's own hosts for the token service, the internet for everything else.
    VpcForTokens,
    /// The VPC's own hosts.
    Vpc,
}

impl Network {
    /// Reads the word of `ALIBABA_CLOUD_ENDPOINT_TYPE`, or of `endpoint_type` in a profile.
    pub(super) fn from_word(word: &str, source_name: &str) -> Result<Self, BadEndpoint> {
        match word.trim().to_ascii_lowercase().as_str() {
            "" | "public" => Ok(Self::Public),
            "vpc" => Ok(Self::Vpc),
            _ => Err(BadEndpoint::UnknownNetwork { network: printable(word), source_name: source_name.to_owned() }),
        }
    }
}

/// The endpoint table with the user's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    network: Network,
    /// Where this machine is; the VPC's hosts depend on it.
    home_region: Option<String>,
    hosts: BTreeMap<Product, String>,
    connect: BTreeMap<Product, String>,
    connect_all: Option<String>,
}

impl Endpoints {
    /// The vendor's table with the overrides of the environment: `ALIBABA_CLOUD_ENDPOINT_<PRODUCT>`, and the network
    /// that it asks for. `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED` is about the token service, as in the vendor's SDKs;
    /// `ALIBABA_CLOUD_ENDPOINT_TYPE=vpc` about every product, as in its command-line tool.
    pub fn from_env(env: &dyn Env) -> Result<Self, BadEndpoint> {
        let set = |name: &str| env.var(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let word = set(ENDPOINT_TYPE).unwrap_or_default();
        let mut network = Network::from_word(&word, ENDPOINT_TYPE)?;
        if set(VPC_FOR_TOKENS).is_some_and(|text| is_yes(&text)) {
            network = network.max(Network::VpcForTokens);
        }
        let home_region = set("ALIBABA_CLOUD_STS_REGION").or_else(|| set("ALIBABA_CLOUD_REGION_ID"));
        let mut endpoints = Self { network, home_region, ..Self::default() };
        for product in Product::ALL {
            let name = format!("ALIBABA_CLOUD_ENDPOINT_{}", product.name().to_ascii_uppercase());
            if let Some(value) = env.var(&name).filter(|value| !value.is_empty()) {
                endpoints = endpoints.with_override(product.name(), &value)?;
            }
        }
        Ok(endpoints)
    }

    /// Uses at least `network`, on a machine in `home_region` unless the environment has said where it is.
    pub fn with_network(mut self, network: Network, home_region: Option<String>) -> Self {
        self.network = self.network.max(network);
        self.home_region = self.home_region.or(home_region);
        self
    }

    /// Where this machine is, if every product is asked within its VPC: the hosts of other regions may be out of reach.
    pub fn home_of_vpc(&self) -> Option<&str> {
        self.home_region.as_deref().filter(|_| self.network == Network::Vpc)
    }

    /// Finds out beforehand whether the hosts that every command begins with can be found.
    pub fn check(&self) -> Result<(), BadEndpoint> {
        [Product::Sts, Product::Servicemesh].into_iter().try_for_each(|product| self.target(product, "").map(drop))
    }

    /// Replaces a product's host in every region. A name under aliyuncs.com takes the place of the
    /// real host; a loopback URL is connected to in its place, and the host stays the real one.
    pub fn with_override(mut self, product: &str, endpoint: &str) -> Result<Self, BadEndpoint> {
        let product =
            Product::from_name(product).ok_or_else(|| BadEndpoint::UnknownProduct { product: product.to_owned() })?;
        let url = if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") };
        let allowed = Allowed::parse(&url)?;
        if allowed.loopback {
            self.connect.insert(product, allowed.base);
        } else {
            self.hosts.insert(product, allowed.authority);
        }
        Ok(self)
    }

    /// Connects to `url` for every call, as `curl --connect-to` does: host, path and signature stay
    /// those of the real endpoint.
    pub fn with_endpoint_url(mut self, url: &str) -> Result<Self, BadEndpoint> {
        self.connect_all = Some(Allowed::parse(url)?.base);
        Ok(self)
    }

    /// True if every call goes to this machine.
    pub fn all_loopback(&self) -> bool {
        self.connect_all.as_deref().is_some_and(is_loopback_base)
    }

    /// The host and the place to connect to for `product` in `region`; the region may be empty for a
    /// central product.
    pub fn target(&self, product: Product, region: &str) -> Result<Target, BadEndpoint> {
        let central = region.is_empty() && is_central(product);
        if !(central || is_region(region)) {
            return Err(BadEndpoint::BadRegion { product: product.name(), region: region.to_owned() });
        }
        let host = match self.hosts.get(&product) {
            Some(host) => host.clone(),
            None if self.in_vpc(product) => self.vpc_host(product, region)?,
            None => vendor_host(product, region),
        };
        let connect = self.connect_all.as_ref().or_else(|| self.connect.get(&product));
        let base = connect.cloned().unwrap_or_else(|| format!("https://{host}"));
        Ok(Target { host, base })
    }

    fn in_vpc(&self, product: Product) -> bool {
        match self.network {
            Network::Public => false,
            Network::VpcForTokens => product == Product::Sts,
            Network::Vpc => true,
        }
    }

    /// The vendor's host within a VPC. Which one serves a central product depends on where this machine is.
    fn vpc_host(&self, product: Product, region: &str) -> Result<String, BadEndpoint> {
        let name = product.name();
        let home = self.home_region.as_deref().unwrap_or_default();
        let region = if region.is_empty() || one_for_all(product) { home } else { region };
        if region.is_empty() {
            return Err(BadEndpoint::NoHomeRegion { product: name });
        }
        if !is_region(region) {
            return Err(BadEndpoint::BadRegion { product: name, region: region.to_owned() });
        }
        let none = || BadEndpoint::NoVpcHost { product: name, region: region.to_owned() };
        let host = match product {
            Product::Cs => format!("cs-anony-vpc.{region}"),
            Product::Servicemesh if MESH_VPC_PROXY.contains(&region) || region.starts_with("cn-") => {
                "servicemesh.vpc-proxy".to_owned()
            }
            Product::Servicemesh if matches!(region, "us-west-1" | "us-east-1") => format!("servicemesh-vpc.{region}"),
            Product::Servicemesh | Product::Vpcpeer | Product::Resourcedirectory => return Err(none()),
            Product::Cbn => "cen.vpc-proxy".to_owned(),
            Product::Sls => format!("{region}-intranet.log"),
            Product::Resourcemanager => "resourcemanager.vpc-proxy".to_owned(),
            Product::Ecs
            | Product::Vpc
            | Product::Slb
            | Product::Nlb
            | Product::Privatelink
            | Product::Sts
            | Product::Actiontrail => format!("{name}-vpc.{region}"),
        };
        Ok(format!("{host}{VENDOR_SUFFIX}"))
    }
}

/// Regions outside China in whose VPCs the central host of Service Mesh answers.
const MESH_VPC_PROXY: &[&str] = &["ap-southeast-1", "ap-southeast-5", "eu-central-1"];

const ENDPOINT_TYPE: &str = "ALIBABA_CLOUD_ENDPOINT_TYPE";
const VPC_FOR_TOKENS: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

/// True if one host answers for every region.
fn one_for_all(product: Product) -> bool {
    is_central(product) && product != Product::Sts
}

impl Target {
    /// The host of one project of the log service.
    pub(super) fn of_project(self, project: &str) -> Result<Self, BadEndpoint> {
        if !is_region(project) {
            return Err(BadEndpoint::BadProject { project: project.to_owned() });
        }
        let host = format!("{project}.{}", self.host);
        // Where we connect elsewhere than to the real host, the project changes nothing.
        let base = if self.base == format!("https://{}", self.host) { format!("https://{host}") } else { self.base };
        Ok(Self { host, base })
    }
}

/// True if the product has one host for all regions, or has one beside its regional ones.
fn is_central(product: Product) -> bool {
    match product {
        Product::Servicemesh
        | Product::Cbn
        | Product::Vpcpeer
        | Product::Resourcemanager
        | Product::Resourcedirectory
        | Product::Sts => true,
        Product::Cs
        | Product::Ecs
        | Product::Vpc
        | Product::Slb
        | Product::Nlb
        | Product::Privatelink
        | Product::Actiontrail
        | Product::Sls => false,
    }
}

/// The vendor's public host. Source: endpoint maps of the vendor's SDKs.
fn vendor_host(product: Product, region: &str) -> String {
    let name = product.name();
    let special = region.contains("-finance") || region.contains("-gov");
    let collapsed = match product {
        // The project comes in front, see [`Target::of_project`].
        Product::Sls => return format!("{region}.log{VENDOR_SUFFIX}"),
        Product::Ecs if region == "cn-hangzhou" => return format!("ecs-cn-hangzhou{VENDOR_SUFFIX}"),
        Product::Vpc => region == "cn-hangzhou" || special,
        Product::Slb => SLB_CENTRAL.contains(&region) || special,
        // The region only tells the two sites apart.
        Product::Resourcedirectory if !region.is_empty() => return format!("{name}-intl{VENDOR_SUFFIX}"),
        Product::Sts => region.is_empty() || matches!(region, "ap-south-1" | "ap-southeast-2"),
        other => is_central(other),
    };
    if collapsed { format!("{name}{VENDOR_SUFFIX}") } else { format!("{name}.{region}{VENDOR_SUFFIX}") }
}

/// Regions in which classic load balancers answer at the central host.
const SLB_CENTRAL: &[&str] = &[
    "cn-qingdao",
    "cn-beijing",
    "cn-hangzhou",
    "cn-shanghai",
    "cn-shenzhen",
    "cn-hongkong",
    "ap-southeast-1",
    "us-east-1",
    "us-west-1",
];

/// True for a variable that says yes: `true`, `1`, `yes` or `on`, in any case.
pub(super) fn is_yes(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
}

/// True for text that can be a region's or log project's name: it becomes part of a host name, so nothing else may pass.
fn is_region(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// True for a name under the vendor's domain, by exact suffix.
pub(super) fn is_vendor_host(host: &str) -> bool {
    let Some(rest) = host.strip_suffix(VENDOR_SUFFIX) else { return false };
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// True for `localhost` and loopback addresses, also in brackets.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn is_loopback_base(base: &str) -> bool {
    Url::parse(base).ok().and_then(|url| url.host_str().map(is_loopback_host)).unwrap_or(false)
}

/// A URL that has passed the rules.
struct Allowed {
    base: String,
    authority: String,
    loopback: bool,
}

impl Allowed {
    fn parse(text: &str) -> Result<Self, BadEndpoint> {
        let malformed =
            |reason: &str| BadEndpoint::Malformed { endpoint: without_userinfo(text), reason: reason.to_owned() };
        if !text.is_ascii() {
            return Err(malformed("it has characters outside ASCII"));
        }
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(malformed("it has a user name or password"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(malformed("it has a path or a query"));
        }
        let host = url.host_str().ok_or_else(|| malformed("it has no host"))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let loopback = is_loopback_host(host);
        let allowed = match url.scheme() {
            "http" => loopback,
            "https" => loopback || is_vendor_host(host),
            _ => false,
        };
        if !allowed {
            return Err(BadEndpoint::Forbidden { endpoint: text.to_owned() });
        }
        Ok(Self { base: format!("{}://{authority}", url.scheme()), authority, loopback })
    }
}

/// What stands before the last `@` may be a password.
fn without_userinfo(text: &str) -> String {
    match text.rfind('@') {
        Some(at) => format!("…{}", &text[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn hosts_follow_the_vendors_table() {
        let endpoints = Endpoints::default();
        for (product, region, host) in [
            (Product::Servicemesh, "", "servicemesh.aliyuncs.com"),
            (Product::Servicemesh, "cn-hangzhou", "servicemesh.aliyuncs.com"),
            (Product::Cs, "cn-shanghai", "cs.cn-shanghai.aliyuncs.com"),
            (Product::Ecs, "cn-hangzhou", "ecs-cn-hangzhou.aliyuncs.com"),
            (Product::Ecs, "eu-central-1", "ecs.eu-central-1.aliyuncs.com"),
            (Product::Vpc, "cn-hangzhou", "vpc.aliyuncs.com"),
            (Product::Vpc, "cn-shanghai-finance-1", "vpc.aliyuncs.com"),
            (Product::Vpc, "cn-beijing", "vpc.cn-beijing.aliyuncs.com"),
            (Product::Slb, "cn-beijing", "slb.aliyuncs.com"),
            (Product::Slb, "eu-central-1", "slb.eu-central-1.aliyuncs.com"),
            (Product::Nlb, "cn-beijing", "nlb.cn-beijing.aliyuncs.com"),
            (Product::Vpcpeer, "cn-beijing", "vpcpeer.aliyuncs.com"),
            (Product::Cbn, "", "cbn.aliyuncs.com"),
            (Product::Privatelink, "cn-beijing", "privatelink.cn-beijing.aliyuncs.com"),
            (Product::Actiontrail, "cn-hangzhou", "actiontrail.cn-hangzhou.aliyuncs.com"),
            (Product::Sls, "cn-hangzhou", "cn-hangzhou.log.aliyuncs.com"),
            (Product::Resourcedirectory, "", "resourcedirectory.aliyuncs.com"),
            (Product::Resourcedirectory, "ap-southeast-1", "resourcedirectory-intl.aliyuncs.com"),
            (Product::Sts, "", "sts.aliyuncs.com"),
            (Product::Sts, "cn-beijing", "sts.cn-beijing.aliyuncs.com"),
            (Product::Sts, "ap-south-1", "sts.aliyuncs.com"),
        ] {
            let target = endpoints.target(product, region).unwrap();
            assert_eq!(target.host, host, "{product:?} in {region:?}");
            assert_eq!(target.base, format!("https://{host}"));
        }
    }

    #[test]
    fn within_a_vpc_every_product_has_the_host_that_the_vendor_documents_or_none() {
        let env = Vars(&[("ALIBABA_CLOUD_ENDPOINT_TYPE", "vpc"), ("ALIBABA_CLOUD_STS_REGION", "cn-beijing")]);
        let endpoints = Endpoints::from_env(&env).unwrap();
        assert_eq!(endpoints.home_of_vpc(), Some("cn-beijing"));
        for (product, region, host) in [
            (Product::Servicemesh, "", Some("servicemesh.vpc-proxy.aliyuncs.com")),
            (Product::Cs, "cn-shanghai", Some("cs-anony-vpc.cn-shanghai.aliyuncs.com")),
            (Product::Ecs, "cn-hangzhou", Some("ecs-vpc.cn-hangzhou.aliyuncs.com")),
            (Product::Vpc, "cn-hangzhou", Some("vpc-vpc.cn-hangzhou.aliyuncs.com")),
            (Product::Slb, "cn-beijing", Some("slb-vpc.cn-beijing.aliyuncs.com")),
            (Product::Nlb, "cn-beijing", Some("nlb-vpc.cn-beijing.aliyuncs.com")),
            (Product::Privatelink, "cn-beijing", Some("privatelink-vpc.cn-beijing.aliyuncs.com")),
            (Product::Actiontrail, "cn-beijing", Some("actiontrail-vpc.cn-beijing.aliyuncs.com")),
            (Product::Cbn, "", Some("cen.vpc-proxy.aliyuncs.com")),
            (Product::Resourcemanager, "", Some("resourcemanager.vpc-proxy.aliyuncs.com")),
            (Product::Sts, "", Some("sts-vpc.cn-beijing.aliyuncs.com")),
            (Product::Sts, "ap-south-1", Some("sts-vpc.ap-south-1.aliyuncs.com")),
            (Product::Vpcpeer, "", None),
            (Product::Resourcedirectory, "", None),
        ] {
            let target = endpoints.target(product, region);
            assert_eq!(target.ok().map(|target| target.host).as_deref(), host, "{product:?} in {region:?}");
        }
        let error = endpoints.target(Product::Vpcpeer, "").unwrap_err().to_string();
        for part in ["vpcpeer", "cn-beijing", "ALIBABA_CLOUD_ENDPOINT_VPCPEER", "`endpoints`"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let named = endpoints.with_override("vpcpeer", "vpcpeer.aliyuncs.com").unwrap();
        assert_eq!(named.target(Product::Vpcpeer, "").unwrap().host, "vpcpeer.aliyuncs.com");
    }

    #[test]
    fn the_host_of_service_mesh_depends_on_where_this_machine_is() {
        let mesh = |home: &str| {
            let endpoints = Endpoints::default().with_network(Network::Vpc, Some(home.to_owned()));
            (
                endpoints.check().is_ok(),
                endpoints.target(Product::Servicemesh, "cn-beijing").map(|target| target.host).ok(),
            )
        };
        assert_eq!(mesh("eu-central-1"), (true, Some("servicemesh.vpc-proxy.aliyuncs.com".to_owned())));
        assert_eq!(mesh("us-west-1"), (true, Some("servicemesh-vpc.us-west-1.aliyuncs.com".to_owned())));
        assert_eq!(mesh("ap-northeast-1"), (false, None));
        assert_eq!(mesh("cn@evil"), (false, None));
    }

    #[test]
    fn the_token_service_alone_can_be_asked_within_the_vpc() {
        let env = Vars(&[("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "True"), ("ALIBABA_CLOUD_STS_REGION", "cn-beijing")]);
        let endpoints = Endpoints::from_env(&env).unwrap();
        assert_eq!(endpoints.target(Product::Sts, "").unwrap().host, "sts-vpc.cn-beijing.aliyuncs.com");
        assert_eq!(endpoints.target(Product::Sts, "cn-hangzhou").unwrap().host, "sts-vpc.cn-hangzhou.aliyuncs.com");
        assert_eq!(endpoints.target(Product::Ecs, "cn-beijing").unwrap().host, "ecs.cn-beijing.aliyuncs.com");
        assert_eq!(endpoints.home_of_vpc(), None);

        let without_region = Endpoints::from_env(&Vars(&[("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "1")])).unwrap();
        let error = without_region.check().unwrap_err().to_string();
        assert!(error.contains("sts") && error.contains("ALIBABA_CLOUD_STS_REGION"), "{error}");
        let off = Endpoints::from_env(&Vars(&[("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "false")])).unwrap();
        assert_eq!(off.target(Product::Sts, "").unwrap().host, "sts.aliyuncs.com");
        assert!(Endpoints::from_env(&Vars(&[("ALIBABA_CLOUD_ENDPOINT_TYPE", "vcp")])).is_err());
    }

    #[test]
    fn a_log_project_stands_in_front_of_its_host() {
        let endpoints = Endpoints::default();
        let target = |project| endpoints.target(Product::Sls, "cn-hangzhou").unwrap().of_project(project);
        let host = "k8s-log-c1.cn-hangzhou.log.aliyuncs.com".to_owned();
        assert_eq!(target("k8s-log-c1"), Ok(Target { base: format!("https://{host}"), host }));
        for project in ["", "a.b", "evil.test/", "a@b", "A", "-a", "a b"] {
            assert!(target(project).is_err(), "{project:?}");
        }
        let here = endpoints.clone().with_endpoint_url("http://127.0.0.1:8080").unwrap();
        let target = here.target(Product::Sls, "cn-hangzhou").unwrap().of_project("flow").unwrap();
        assert_eq!(
            (target.host.as_str(), target.base.as_str()),
            ("flow.cn-hangzhou.log.aliyuncs.com", "http://127.0.0.1:8080")
        );
    }

    #[test]
    fn a_region_cannot_smuggle_in_a_host() {
        for region in ["", "cn-x.evil.test/", "cn hangzhou", "CN-HANGZHOU", "-cn", "cn@evil", "cn%2e"] {
            assert!(Endpoints::default().target(Product::Ecs, region).is_err(), "{region:?}");
        }
    }

    #[test]
    fn an_endpoint_url_changes_only_where_we_connect() {
        let endpoints = Endpoints::default().with_endpoint_url("http://127.0.0.1:8080").unwrap();
        let target = endpoints.target(Product::Ecs, "cn-shanghai").unwrap();
        assert_eq!(target.host, "ecs.cn-shanghai.aliyuncs.com");
        assert_eq!(target.base, "http://127.0.0.1:8080");
        assert!(endpoints.all_loopback());
    }

    #[test]
    fn signed_requests_do_not_leave_the_vendors_hosts() {
        for good in [
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:8080/",
            "http://localhost:8080",
            "https://servicemesh.vpc-proxy.aliyuncs.com",
        ] {
            assert!(Endpoints::default().with_endpoint_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://ecs.cn-hangzhou.aliyuncs.com",
            "https://169.254.169.254",
            "https://100.100.100.200",
            "http://100.100.100.200",
            "https://10.0.0.1",
            "https://8.8.8.8",
            "https://user:pw@ecs.aliyuncs.com",
            "https://ecs.aliyuncs.com.evil.test",
            "https://evilaliyuncs.com",
            "https://aliyuncs.com",
            "https://ecs.аliyuncs.com",
            "https://127.0.0.1.evil.test",
            "http://localhost.evil.test",
            "https://ecs.aliyuncs.com/path",
            "https://ecs.aliyuncs.com?x=1",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "",
        ] {
            assert!(Endpoints::default().with_endpoint_url(bad).is_err(), "{bad}");
        }
        let error = Endpoints::default().with_endpoint_url("https://user:hunter2@ecs.aliyuncs.com").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    struct Vars(&'static [(&'static str, &'static str)]);

    impl Env for Vars {
        fn var(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }

        fn home(&self) -> Option<std::path::PathBuf> {
            None
        }
    }

    #[test]
    fn the_environment_overrides_one_product() {
        let env = Vars(&[
            ("ALIBABA_CLOUD_ENDPOINT_VPC", "vpc-vpc.cn-beijing.aliyuncs.com"),
            ("ALIBABA_CLOUD_ENDPOINT_ECS", "http://127.0.0.1:9"),
        ]);
        let endpoints = Endpoints::from_env(&env).unwrap();
        let vpc = endpoints.target(Product::Vpc, "cn-beijing").unwrap();
        assert_eq!(vpc.base, "https://vpc-vpc.cn-beijing.aliyuncs.com");
        let ecs = endpoints.target(Product::Ecs, "cn-beijing").unwrap();
        assert_eq!((ecs.host.as_str(), ecs.base.as_str()), ("ecs.cn-beijing.aliyuncs.com", "http://127.0.0.1:9"));
        assert!(!endpoints.all_loopback());
        assert!(Endpoints::from_env(&Vars(&[("ALIBABA_CLOUD_ENDPOINT_VPC", "evil.test")])).is_err());
    }
}
