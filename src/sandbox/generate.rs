//! Worlds of any size, from a few numbers and a seed. The same numbers give the same world.

mod network;

use std::str::FromStr;

use serde_json::{Value, json};

use super::{
    collection::Child,
    error::SandboxError,
    fault::Fault,
    kind::Kind,
    page::mix,
    world::{AccessKey, Account, Behaviour, World},
};

/// How much of everything. Numbers are for the whole world and spread over its regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Members of one resource directory, the managing account included, over which everything is spread.
    pub accounts: usize,
    pub meshes: usize,
    pub clusters: usize,
    /// EIPs beyond those that exposed control planes use.
    pub eips: usize,
    /// Security groups; meshes and clusters share them in turn.
    pub groups: usize,
    /// Rules over all groups.
    pub rules: usize,
    pub regions: usize,
    /// VPCs with vSwitches, routes and transit routers, in which the clusters belong to the meshes.
    /// Without any, all of a region are in one VPC of which nothing more can be read.
    pub vpcs: usize,
    /// So many of a hundred meshes and clusters have a public endpoint.
    pub exposed_percent: usize,
    /// The account with this number, counted from 1, may do nothing; 0 for none.
    pub denied: usize,
    pub seed: u64,
    /// Copied to the world's behaviour.
    pub latency_ms: u64,
    pub jitter_ms: u64,
    pub qps_per_account_api: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            accounts: 1,
            meshes: 10,
            clusters: 20,
            eips: 50,
            groups: 10,
            rules: 100,
            regions: 2,
            vpcs: 0,
            exposed_percent: 20,
            denied: 0,
            seed: 1,
            latency_ms: 0,
            jitter_ms: 0,
            qps_per_account_api: 0,
        }
    }
}

/// `meshes=5000,clusters=20000,…`; what is not named keeps its default.
impl FromStr for Size {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, SandboxError> {
        let fail = |problem: String| SandboxError::Generate { text: text.to_owned(), problem };
        let mut size = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| fail(format!("\"{part}\" is not name=number")))?;
            let number: usize = value.parse().map_err(|_| fail(format!("\"{value}\" is not a number")))?;
            match name {
                "accounts" => size.accounts = number,
                "meshes" => size.meshes = number,
                "clusters" => size.clusters = number,
                "eips" => size.eips = number,
                "groups" => size.groups = number,
                "rules" => size.rules = number,
                "regions" => size.regions = number,
                "vpcs" => size.vpcs = number,
                "exposed" => size.exposed_percent = number,
                "denied" => size.denied = number,
                "seed" => size.seed = number as u64,
                "latency_ms" => size.latency_ms = number as u64,
                "jitter_ms" => size.jitter_ms = number as u64,
                "qps" => size.qps_per_account_api = number,
                _ => {
                    let known = "accounts, meshes, clusters, eips, groups, rules, regions, vpcs, exposed, denied, seed, latency_ms, jitter_ms, qps";
                    return Err(fail(format!("\"{name}\" is not one of {known}")));
                }
            }
        }
        if !(1..=REGIONS.len()).contains(&size.regions) {
            return Err(fail(format!("regions must be from 1 to {}", REGIONS.len())));
        }
        if !(1..=MOST_ACCOUNTS).contains(&size.accounts) {
            return Err(fail(format!("accounts must be from 1 to {MOST_ACCOUNTS}")));
        }
        if size.accounts > 1 && size.vpcs > 0 {
            return Err(fail("vpcs are made in one account only".to_owned()));
        }
        let most = network::MOST_PER_REGION * size.regions;
        if size.vpcs > 0 && !(size.regions..=most).contains(&size.vpcs) {
            return Err(fail(format!("vpcs must be 0, or from 1 to {} for each region", network::MOST_PER_REGION)));
        }
        if size.exposed_percent > 100 {
            return Err(fail("exposed is a percentage".to_owned()));
        }
        Ok(size)
    }
}

/// Accounts that a directory can have.
const MOST_ACCOUNTS: usize = 20_000;

fn account_id(index: usize) -> String {
    format!("{}", 1_000_000_000_000_001 + index)
}

const REGIONS: [&str; 10] = [
    "cn-hangzhou",
    "cn-shanghai",
    "cn-beijing",
    "cn-shenzhen",
    "ap-southeast-1",
    "eu-central-1",
    "us-west-1",
    "us-east-1",
    "cn-hongkong",
    "cn-zhangjiakou",
];

impl Size {
    /// The world of this size.
    pub fn world(&self) -> World {
        let mut accounts: Vec<Account> = (0..self.accounts).map(|index| self.account(index)).collect();
        if let [account] = &mut accounts[..]
            && self.vpcs > 0
        {
            self.push_networks(account);
        }
        (0..self.groups).for_each(|index| self.push_group(&mut accounts[self.account_of(index)], index));
        (0..self.meshes).for_each(|index| self.push_mesh(&mut accounts[self.account_of(index)], index));
        (0..self.clusters).for_each(|index| self.push_cluster(&mut accounts[self.account_of(index)], index));
        (0..self.eips).for_each(|index| accounts[self.account_of(index)].push(Kind::Eip, self.spare_eip(index)));
        let world = World::from_accounts(accounts).with_behaviour(Behaviour {
            latency_ms: self.latency_ms,
            jitter_ms: self.jitter_ms,
            qps_per_account_api: u32::try_from(self.qps_per_account_api).unwrap_or(u32::MAX),
            seed: self.seed,
            ..Behaviour::default()
        });
        match self.denied {
            0 => world,
            number => world.with_fault(Fault::denying(account_id(number - 1))),
        }
    }

    /// An account with nothing but its networks; the first one has the key and manages the directory.
    fn account(&self, index: usize) -> Account {
        let mut account = Account {
            id: account_id(index),
            roles: vec!["portcullis-audit".to_owned()],
            regions: REGIONS[..self.regions.min(REGIONS.len())].iter().map(|&region| region.to_owned()).collect(),
            ..Account::default()
        };
        if index == 0 {
            account.keys =
                vec![AccessKey { access_key_id: "testid".to_owned(), access_key_secret: "testsecret".to_owned() }];
            account.has_directory = self.accounts > 1;
            (1..self.accounts).for_each(|member| account.push(Kind::Member, listed_member(member)));
        }
        if self.vpcs == 0 {
            for (region, name) in REGIONS.iter().take(self.regions).enumerate() {
                let cell = index * self.regions + region;
                account.push(Kind::Vpc, json!({"VpcId": format!("vpc-{cell}"), "RegionId": name, "CidrBlock": "10.0.0.0/8", "Status": "Available"}));
            }
        }
        account
    }

    /// A region of an account: what has an index is in one of them.
    fn cell(&self, index: usize) -> usize {
        index % (self.regions * self.accounts)
    }

    fn account_of(&self, index: usize) -> usize {
        self.cell(index) / self.regions
    }

    fn draw(&self, purpose: u64, index: usize) -> u64 {
        mix(mix(self.seed ^ (purpose << 56)) ^ index as u64)
    }

    fn is_exposed(&self, purpose: u64, index: usize) -> bool {
        self.draw(purpose, index) % 100 < self.exposed_percent as u64
    }

    fn region(&self, index: usize) -> usize {
        index % self.regions
    }

    /// Where a mesh, or a cluster, has its nodes and its private entrance.
    fn place(&self, block: usize, index: usize) -> Place {
        if self.vpcs == 0 {
            let cell = self.cell(index);
            let (vpc, switch) = (format!("vpc-{cell}"), format!("vsw-{cell}"));
            return Place { vpc, switch, address: private_address(block, index) };
        }
        let vpc = if block == MESHES { self.vpc_of(index) } else { self.vpc_of_cluster(index) };
        Place {
            vpc: network::vpc_id(vpc),
            switch: network::switch_id(vpc, 0),
            address: self.address_in(vpc, index / self.vpcs),
        }
    }

    /// A group of the account and region that `index` is in, so that the balancer and its group are together.
    fn group_of(&self, index: usize) -> String {
        let (cell, cells) = (self.cell(index), self.regions * self.accounts);
        let groups_here = (self.groups + cells - 1 - cell) / cells;
        match groups_here {
            0 => String::new(),
            count => group_id(cell + (index / cells) % count * cells),
        }
    }

    fn push_group(&self, account: &mut Account, index: usize) {
        let cell = self.cell(index);
        let first = self.rules * index / self.groups;
        let last = self.rules * (index + 1) / self.groups;
        let group = json!({
            "SecurityGroupId": group_id(index), "SecurityGroupName": format!("group-{index}"), "SecurityGroupType": "normal",
            "VpcId": format!("vpc-{cell}"), "InnerAccessPolicy": "Drop", "Description": "", "ServiceManaged": false,
        });
        let inside = (self.vpcs > 0).then(|| network::rule_for_vpcs(index));
        let rules = (first..last).map(|rule| self.rule(rule)).chain(inside);
        let rules = rules.map(|rule| Child { json: rule.into(), is_egress: false });
        account.push_with_children(Kind::SecurityGroup, group, rules.collect());
    }

    /// Text at once: rules are by far the most numerous.
    fn rule(&self, index: usize) -> String {
        let draw = self.draw(1, index);
        let address = format!("{}.{}.{}.0/24", 1 + draw % 9, (draw >> 8) % 256, (draw >> 16) % 256);
        let port = [6443, 15011, 15012, 443][(draw >> 24) as usize % 4];
        let policy = if (draw >> 32).is_multiple_of(8) { "Drop" } else { "Accept" };
        let priority = 1 + (draw >> 40) % 100;
        format!(
            r#"{{"SecurityGroupRuleId":"sgr-{index:08}","Direction":"ingress","Policy":"{policy}","Priority":"{priority}","IpProtocol":"TCP","PortRange":"{port}/{port}","SourceCidrIp":"{address}",{UNUSED_RULE_FIELDS}}}"#
        )
    }

    fn push_mesh(&self, account: &mut Account, index: usize) {
        let region = self.region(index);
        let exposed = self.is_exposed(2, index);
        let (pilot, api) = (balancer_id('p', index), balancer_id('a', index));
        let (eip, address) = (eip_id('p', index), public_address(0, index));
        let place = self.place(MESHES, index);
        let private = &place.address;
        let shown = |text: String| if exposed { text } else { String::new() };
        account.push(
            Kind::Mesh,
            json!({
                "ServiceMeshInfo": {"ServiceMeshId": mesh_id(index), "Name": format!("mesh-{index}"), "RegionId": REGIONS[region],
                    "State": "running", "Profile": "Default", "Version": "v1.22.6.71", "CreationTime": "2025-01-01T00:00:00Z",
                    "UpdateTime": "2025-01-01T00:00:00Z", "ErrorMessage": ""},
                "OwnerId": account_id(self.account_of(index)), "OwnerType": "", "ClusterSpec": "enterprise", "Clusters": [],
                "Endpoints": {"IntranetPilotEndpoint": format!("{private}:15011"), "PublicPilotEndpoint": shown(format!("{address}:15011")),
                    "IntranetApiServerEndpoint": format!("https://{private}:6443"), "PublicApiServerEndpoint": "",
                    "IntranetCanaryPilotEndpoint": "", "PublicCanaryPilotEndpoint": ""},
                "Spec": {
                    "LoadBalancer": {"PilotPublicEip": exposed, "PilotPublicEipId": shown(eip.clone()), "PilotPublicLoadbalancerId": pilot.clone(),
                        "ApiServerPublicEip": false, "ApiServerPublicEipId": "", "ApiServerLoadbalancerId": api,
                        "CanaryPilotPublicEipId": "", "CanaryPilotLoadBalancerId": ""},
                    "Network": {"VpcId": place.vpc, "VSwitches": [place.switch], "SecurityGroupId": self.group_of(index)},
                    "MeshConfig": {"Audit": {"Enabled": true, "Project": format!("mesh-log-{index}"), "AuditProjectStatus": "audit_project_exist"}},
                },
            }),
        );
        if exposed {
            account.push(Kind::Eip, bound_eip(&eip, &address, region, self.cell(index), &pilot));
        }
        account.push(Kind::Clb, balancer(&pilot, &place, region));
        account.push(Kind::ClbListener, listener(&pilot, 15011));
    }

    fn push_cluster(&self, account: &mut Account, index: usize) {
        let region = self.region(index);
        let exposed = self.is_exposed(3, index);
        let id = cluster_id(index);
        let balancer_id = balancer_id('k', index);
        let (eip, address) = (eip_id('k', index), public_address(1, index));
        let place = self.place(CLUSTERS, index);
        let private = &place.address;
        let public = if exposed { format!("https://{address}:6443") } else { String::new() };
        let urls =
            json!({"api_server_endpoint": public, "intranet_api_server_endpoint": format!("https://{private}:6443")});
        account.push(
            Kind::Cluster,
            json!({
                "cluster_id": id, "name": format!("cluster-{index}"), "region_id": REGIONS[region], "state": "running",
                "cluster_type": "ManagedKubernetes", "cluster_spec": "ack.pro.small", "profile": "Default",
                "current_version": "1.32.1-aliyun.1", "created": "2025-01-01T00:00:00Z", "updated": "2025-01-01T00:00:00Z",
                "vpc_id": place.vpc, "vswitch_ids": [place.switch], "security_group_id": self.group_of(index),
                "master_url": urls.to_string(), "meta_data": json!({"Capabilities": {"PublicSLB": exposed}}).to_string(),
                "external_loadbalancer_id": "", "ip_stack": "ipv4", "container_cidr": "", "tags": [],
            }),
        );
        let resource = json!({
            "cluster_id": id, "created": "2025-01-01T00:00:00Z", "instance_id": balancer_id, "resource_type": "SLB", "state": "CREATE_COMPLETE",
            "resource_info": json!({"Id": "k8s_master_slb"}).to_string(), "auto_create": 1, "creator_type": "system", "dependencies": [],
        });
        account.cluster_resources.insert(id, vec![resource.to_string().into()]);
        if exposed {
            account.push(Kind::Eip, bound_eip(&eip, &address, region, self.cell(index), &balancer_id));
        }
        account.push(Kind::Clb, balancer(&balancer_id, &place, region));
        account.push(Kind::ClbListener, listener(&balancer_id, 6443));
    }

    fn spare_eip(&self, index: usize) -> Value {
        let region = self.region(index);
        let mut eip = bound_eip(
            &eip_id('s', index),
            &public_address(2, index),
            region,
            self.cell(index),
            &format!("i-{index:08x}"),
        );
        eip["InstanceType"] = "EcsInstance".into();
        eip
    }
}

/// What a rule has that restricts no further.
const UNUSED_RULE_FIELDS: &str = r#""PortRangeListId":"","PortRangeListName":"","Ipv6SourceCidrIp":"","SourceGroupId":"","SourceGroupName":"","SourceGroupOwnerAccount":"","SourcePrefixListId":"","SourcePrefixListName":"","SourcePortRange":"-1/-1","DestCidrIp":"","Ipv6DestCidrIp":"","DestGroupId":"","DestGroupName":"","DestGroupOwnerAccount":"","DestPrefixListId":"","DestPrefixListName":"","NicType":"intranet","CreateTime":"2025-01-01T00:00:00Z","Description":"""#;

/// Which kind of control plane an address is of.
const MESHES: usize = 0;
const CLUSTERS: usize = 1;

/// Where a control plane is.
struct Place {
    vpc: String,
    switch: String,
    address: String,
}

fn mesh_id(index: usize) -> String {
    format!("m{index:032x}")
}

fn cluster_id(index: usize) -> String {
    format!("c{index:032x}")
}

fn group_id(index: usize) -> String {
    format!("sg-{index:08x}")
}

fn balancer_id(kind: char, index: usize) -> String {
    format!("lb-{kind}{index:08x}")
}

fn eip_id(kind: char, index: usize) -> String {
    format!("eip-{kind}{index:08x}")
}

/// Addresses of 39.0.0.0/8 and up, 4 million to a block.
fn public_address(block: usize, index: usize) -> String {
    format!("{}.{}.{}.{}", 39 + block, index >> 16 & 255, index >> 8 & 255, index & 255)
}

fn private_address(block: usize, index: usize) -> String {
    format!("10.{}.{}.{}", (block * 64 + (index >> 16)) & 255, index >> 8 & 255, index & 255)
}

fn bound_eip(id: &str, address: &str, region: usize, cell: usize, instance: &str) -> Value {
    json!({
        "AllocationId": id, "IpAddress": address, "RegionId": REGIONS[region], "Status": "InUse", "InstanceId": instance,
        "InstanceType": "SlbInstance", "InstanceRegionId": REGIONS[region], "VpcId": format!("vpc-{cell}"), "Mode": "NAT",
        "ServiceManaged": 0, "Bandwidth": "5", "EipBandwidth": "5", "BusinessStatus": "Normal", "Netmode": "public", "ISP": "BGP",
        "ChargeType": "PostPaid", "InternetChargeType": "PayByTraffic", "Name": "", "Description": "",
    })
}

fn balancer(id: &str, place: &Place, region: usize) -> Value {
    json!({
        "LoadBalancerId": id, "LoadBalancerName": id, "Address": place.address, "AddressType": "intranet", "AddressIPVersion": "ipv4",
        "NetworkType": "vpc", "LoadBalancerStatus": "active", "VpcId": place.vpc, "VSwitchId": place.switch,
        "RegionId": REGIONS[region], "LoadBalancerSpec": "slb.s2.small", "PayType": "PayOnDemand",
    })
}

/// One folder for a hundred accounts.
fn listed_member(index: usize) -> Value {
    let (id, folder) = (account_id(index), format!("fd-{}", index / 100));
    json!({
        "AccountId": id, "DisplayName": format!("member-{index}"), "AccountName": format!("{id}@example.com"), "Type": "CloudAccount",
        "Status": "CreateSuccess", "FolderId": folder, "ResourceDirectoryId": "rd-1", "ResourceDirectoryPath": format!("rd-1/r-1/{folder}/{id}"),
        "JoinMethod": "created", "JoinTime": "2024-01-01T00:00:00Z", "ModifyTime": "2024-01-01T00:00:00Z",
        "Tags": {"Tag": [{"Key": "env", "Value": if index.is_multiple_of(2) { "prod" } else { "dev" }}]},
    })
}

fn listener(balancer: &str, port: u16) -> Value {
    json!({
        "LoadBalancerId": balancer, "ListenerPort": port, "ListenerProtocol": "tcp", "Status": "running", "BackendServerPort": port,
        "AclStatus": "off", "AclType": "", "AclId": "", "AclIds": [], "VServerGroupId": "", "Description": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_sets_what_it_names() {
        let size: Size = "meshes=5000,regions=3,seed=9".parse().expect("a size");
        assert_eq!(size, Size { meshes: 5000, regions: 3, seed: 9, ..Size::default() });
        for text in ["meshes", "meshes=x", "mesh=1", "regions=0", "regions=99", "exposed=101"] {
            assert!(matches!(text.parse::<Size>(), Err(SandboxError::Generate { .. })), "{text}");
        }
    }

    #[test]
    fn what_belongs_together_is_in_one_account() {
        let size: Size = "accounts=4,meshes=9,clusters=26,groups=17,regions=3,exposed=100".parse().expect("a size");
        let world = size.world();
        let members = world.accounts()[0].collection(Kind::Member).iter().count();
        let clusters: Vec<usize> =
            world.accounts().iter().map(|account| account.collection(Kind::Cluster).iter().count()).collect();
        assert_eq!((members, clusters.iter().sum::<usize>()), (3, 26));
        assert!(clusters.iter().all(|count| *count > 0), "{clusters:?}");
        for index in 0..30 {
            let account = &world.accounts()[size.account_of(index)];
            let region = Some(REGIONS[size.region(index)]);
            let group = size.group_of(index);
            let found = account.collection(Kind::SecurityGroup).find(&group, region).next();
            assert!(found.is_some() || group.is_empty(), "{index}");
        }
    }

    #[test]
    fn the_numbers_are_met_and_groups_are_where_they_are_used() {
        let size: Size =
            "meshes=7,clusters=11,eips=13,groups=5,rules=23,regions=3,exposed=100".parse().expect("a size");
        let world = size.world();
        let account = &world.accounts()[0];
        let count = |kind| account.collection(kind).iter().count();
        assert_eq!(
            [count(Kind::Mesh), count(Kind::Cluster), count(Kind::Eip), count(Kind::SecurityGroup)],
            [7, 11, 31, 5]
        );
        let groups = account.collection(Kind::SecurityGroup);
        let rules: Vec<&Child> = groups.iter().flat_map(|group| &group.children).collect();
        assert_eq!(rules.len(), 23);
        assert!(rules.iter().all(|rule| serde_json::from_str::<Value>(&rule.json).is_ok()));
        for index in 0..20 {
            let group = groups.find(&size.group_of(index), Some(REGIONS[size.region(index)])).next();
            assert!(group.is_some(), "{index}");
        }
    }
}
