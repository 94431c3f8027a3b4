//! Which product and which region a Host header names, from the vendor's endpoint tables.

use std::net::IpAddr;

use super::reply::ErrorShape;

/// The products that the simulated cloud serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Product {
    ServiceMesh,
    Cs,
    Ecs,
    Vpc,
    VpcPeer,
    Cbn,
    Slb,
    Nlb,
    PrivateLink,
    Sts,
    ResourceManager,
    ResourceDirectory,
    ActionTrail,
    Sls,
}

impl Product {
    /// Every one of them.
    pub(super) const ALL: [Self; 14] = [
        Self::ServiceMesh,
        Self::Cs,
        Self::Ecs,
        Self::Vpc,
        Self::VpcPeer,
        Self::Cbn,
        Self::Slb,
        Self::Nlb,
        Self::PrivateLink,
        Self::Sts,
        Self::ResourceManager,
        Self::ResourceDirectory,
        Self::ActionTrail,
        Self::Sls,
    ];

    /// The product whose API has this version; the versions of the served products are all different.
    pub(super) fn from_version(version: &str) -> Option<Self> {
        Some(match version {
            "2020-01-11" => Self::ServiceMesh,
            "2015-12-15" => Self::Cs,
            "2014-05-26" => Self::Ecs,
            "2016-04-28" => Self::Vpc,
            "2022-01-01" => Self::VpcPeer,
            "2017-09-12" => Self::Cbn,
            "2014-05-15" => Self::Slb,
            "2022-04-30" => Self::Nlb,
            "2020-04-15" => Self::PrivateLink,
            "2015-04-01" => Self::Sts,
            "2020-03-31" => Self::ResourceManager,
            "2022-04-19" => Self::ResourceDirectory,
            "2020-07-06" => Self::ActionTrail,
            _ => return None,
        })
    }

    /// The name in lower case, as in the journal.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ServiceMesh => "servicemesh",
            Self::Cs => "cs",
            Self::Ecs => "ecs",
            Self::Vpc => "vpc",
            Self::VpcPeer => "vpcpeer",
            Self::Cbn => "cbn",
            Self::Slb => "slb",
            Self::Nlb => "nlb",
            Self::PrivateLink => "privatelink",
            Self::Sts => "sts",
            Self::ResourceManager => "resourcemanager",
            Self::ResourceDirectory => "resourcedirectory",
            Self::ActionTrail => "actiontrail",
            Self::Sls => "sls",
        }
    }

    /// What the audit trail calls the product.
    pub(super) fn audit_name(self) -> &'static str {
        match self {
            Self::ServiceMesh => "ServiceMesh",
            Self::Cs => "CS",
            Self::Vpc => "Vpc",
            Self::Slb => "Slb",
            other => other.name(),
        }
    }

    /// How the product shapes errors.
    pub(super) fn error_shape(self) -> ErrorShape {
        match self {
            Self::Cs => ErrorShape::Roa,
            Self::Sls => ErrorShape::Log,
            _ => ErrorShape::Rpc,
        }
    }

    /// True if an account's data is split by region. The rest answers from anywhere for everything.
    pub(super) fn is_regional(self) -> bool {
        !matches!(
            self,
            Self::ServiceMesh | Self::VpcPeer | Self::Cbn | Self::Sts | Self::ResourceManager | Self::ResourceDirectory
        )
    }
}

/// What a Host header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `None` for a loopback host, which any product may be reached through.
    pub(super) product: Option<Product>,
    /// `None` where the host serves several regions.
    pub(super) region: Option<String>,
    /// The project of the log service, which stands in its hosts.
    pub(super) project: Option<String>,
}

/// Regions whose classic load balancers answer on `slb.aliyuncs.com` only.
const SLB_SHARED_HOST: [&str; 9] = [
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

/// Resolves a Host header; `None` for a name that the vendor does not have.
pub(super) fn resolve(host: &str) -> Option<Target> {
    let host = without_port(host).to_ascii_lowercase();
    if is_loopback(&host) {
        return Some(Target { product: None, region: None, project: None });
    }
    let name = host.strip_suffix(".aliyuncs.com")?;
    if let Some(name) = name.strip_suffix(".log") {
        return log_service(name);
    }
    let (product, region) = match name.split_once('.') {
        None => shared_host(name)?,
        Some((label, region)) => (regional_host(label, region)?, Some(region)),
    };
    let region = region.filter(|_| product.is_regional()).map(str::to_owned);
    Some(Target { product: Some(product), region, project: None })
}

/// `{project}.{region}`, where the region may be the inner side of one.
fn log_service(name: &str) -> Option<Target> {
    let (project, region) = name.split_once('.')?;
    let region = region.strip_suffix("-intranet").unwrap_or(region);
    let is_plain = |text: &str| !text.is_empty() && !text.contains('.');
    (is_plain(project) && is_plain(region)).then(|| Target {
        product: Some(Product::Sls),
        region: Some(region.to_owned()),
        project: Some(project.to_owned()),
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn shared_host(name: &str) -> Option<(Product, Option<&'static str>)> {
    Some(match name {
        "servicemesh" => (Product::ServiceMesh, None),
        "cs" => (Product::Cs, None),
        "ecs" => (Product::Ecs, None),
        "ecs-cn-hangzhou" => (Product::Ecs, Some("cn-hangzhou")),
        "vpc" => (Product::Vpc, None),
        "vpcpeer" => (Product::VpcPeer, None),
        "cbn" => (Product::Cbn, None),
        "slb" => (Product::Slb, None),
        "sts" => (Product::Sts, None),
        "resourcemanager" => (Product::ResourceManager, None),
        "resourcedirectory" | "resourcedirectory-intl" => (Product::ResourceDirectory, None),
        _ => return None,
    })
}

fn regional_host(label: &str, region: &str) -> Option<Product> {
    let finance_or_gov = region.contains("-finance") || region.contains("-gov");
    Some(match label {
        "cs" | "cs-anony-vpc" => Product::Cs,
        "ecs" | "ecs-vpc" => Product::Ecs,
        "vpc" if region == "cn-hangzhou" || finance_or_gov => return None,
        "vpc" | "vpc-vpc" => Product::Vpc,
        "slb" if SLB_SHARED_HOST.contains(&region) || finance_or_gov => return None,
        "slb" | "slb-vpc" => Product::Slb,
        "nlb" | "nlb-vpc" => Product::Nlb,
        "cen" if region == "vpc-proxy" => Product::Cbn,
        "actiontrail" | "actiontrail-vpc" => Product::ActionTrail,
        "privatelink" | "privatelink-vpc" => Product::PrivateLink,
        "sts" if matches!(region, "ap-south-1" | "ap-southeast-2") => return None,
        "sts" | "sts-vpc" => Product::Sts,
        "servicemesh" if region == "vpc-proxy" => Product::ServiceMesh,
        "servicemesh-vpc" if matches!(region, "us-west-1" | "us-east-1") => Product::ServiceMesh,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, product: Product, region: Option<&str>) {
        assert_eq!(
            resolve(host),
            Some(Target { product: Some(product), region: region.map(str::to_owned), project: None }),
            "{host}"
        );
    }

    #[test]
    fn hosts_of_the_vendor() {
        check("servicemesh.aliyuncs.com", Product::ServiceMesh, None);
        check("servicemesh.vpc-proxy.aliyuncs.com", Product::ServiceMesh, None);
        check("cs.cn-shanghai.aliyuncs.com", Product::Cs, Some("cn-shanghai"));
        check("ecs-cn-hangzhou.aliyuncs.com", Product::Ecs, Some("cn-hangzhou"));
        check("ecs.eu-central-1.aliyuncs.com:80", Product::Ecs, Some("eu-central-1"));
        check("VPC.aliyuncs.com", Product::Vpc, None);
        check("slb.aliyuncs.com", Product::Slb, None);
        check("slb.eu-central-1.aliyuncs.com", Product::Slb, Some("eu-central-1"));
        check("nlb.cn-hangzhou.aliyuncs.com", Product::Nlb, Some("cn-hangzhou"));
        check("vpcpeer.aliyuncs.com", Product::VpcPeer, None);
        check("cbn.aliyuncs.com", Product::Cbn, None);
        check("privatelink.cn-shanghai.aliyuncs.com", Product::PrivateLink, Some("cn-shanghai"));
        check("sts.cn-hangzhou.aliyuncs.com", Product::Sts, None);
    }

    #[test]
    fn the_log_services_hosts_name_the_project() {
        for host in ["flow.cn-hangzhou.log.aliyuncs.com", "flow.cn-hangzhou-intranet.log.aliyuncs.com"] {
            let region = Some("cn-hangzhou".to_owned());
            let project = Some("flow".to_owned());
            assert_eq!(resolve(host), Some(Target { product: Some(Product::Sls), region, project }), "{host}");
        }
        for host in ["cn-hangzhou.log.aliyuncs.com", "a.b.cn-hangzhou.log.aliyuncs.com", ".x.log.aliyuncs.com"] {
            assert_eq!(resolve(host), None, "{host}");
        }
    }

    #[test]
    fn hosts_that_do_not_exist() {
        for host in [
            "slb.cn-hangzhou.aliyuncs.com",
            "vpc.cn-hangzhou.aliyuncs.com",
            "servicemesh.cn-hangzhou.aliyuncs.com",
            "resourcedirectorymaster.aliyuncs.com",
            "sts.ap-south-1.aliyuncs.com",
            "nlb.aliyuncs.com",
            "cbn.cn-hangzhou.aliyuncs.com",
            "vpcpeer.cn-hangzhou.aliyuncs.com",
            "privatelink.aliyuncs.com",
            "ecs.cn-hangzhou.example.com",
            "192.0.2.1",
            "",
        ] {
            assert_eq!(resolve(host), None, "{host}");
        }
    }

    #[test]
    fn loopback_serves_every_product() {
        for host in ["127.0.0.1:8080", "localhost", "[::1]:80", "::1"] {
            assert_eq!(resolve(host), Some(Target { product: None, region: None, project: None }), "{host}");
        }
    }
}
