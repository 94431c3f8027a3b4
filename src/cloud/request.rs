//! What may be asked: the products, their operations, and one request of an operation.
//!
//! An [`Operation`] is a constant of `cloud::api`. Its constructors check, while compiling, that its
//! name is that of a read (`Describe…`, `Get…`, `List…`, `Lookup…`, `Check…`, or a call of the token
//! service); so a [`ReadRequest`] can be built for nothing else.

use super::context::Method;

/// Products of the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Service Mesh (ASM).
    Servicemesh,
    /// Container Service for Kubernetes (ACK).
    Cs,
    /// Elastic Compute Service: security groups, prefix lists, interfaces.
    Ecs,
    /// Virtual Private Cloud: networks, elastic IPs.
    Vpc,
    /// VPC peering.
    Vpcpeer,
    /// Cloud Enterprise Network.
    Cbn,
    /// Classic load balancers.
    Slb,
    /// Network load balancers.
    Nlb,
    /// PrivateLink.
    Privatelink,
    /// The token service.
    Sts,
    /// Resource Management.
    Resourcemanager,
    /// Resource Directory.
    Resourcedirectory,
    /// ActionTrail.
    Actiontrail,
    /// The log service.
    Sls,
}

impl Product {
    /// Every product, in the order of the declaration.
    pub const ALL: [Self; 14] = [
        Self::Servicemesh,
        Self::Cs,
        Self::Ecs,
        Self::Vpc,
        Self::Vpcpeer,
        Self::Cbn,
        Self::Slb,
        Self::Nlb,
        Self::Privatelink,
        Self::Sts,
        Self::Resourcemanager,
        Self::Resourcedirectory,
        Self::Actiontrail,
        Self::Sls,
    ];

    /// The lower-case name, as the vendor's SDK and endpoint table spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Servicemesh => "servicemesh",
            Self::Cs => "cs",
            Self::Ecs => "ecs",
            Self::Vpc => "vpc",
            Self::Vpcpeer => "vpcpeer",
            Self::Cbn => "cbn",
            Self::Slb => "slb",
            Self::Nlb => "nlb",
            Self::Privatelink => "privatelink",
            Self::Sts => "sts",
            Self::Resourcemanager => "resourcemanager",
            Self::Resourcedirectory => "resourcedirectory",
            Self::Actiontrail => "actiontrail",
            Self::Sls => "sls",
        }
    }

    /// The product of a name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.name().eq_ignore_ascii_case(name))
    }

    /// The API version, as sent in `x-acs-version`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Servicemesh => "2020-01-11",
            Self::Cs => "2015-12-15",
            Self::Ecs => "2014-05-26",
            Self::Vpc => "2016-04-28",
            Self::Vpcpeer => "2022-01-01",
            Self::Cbn => "2017-09-12",
            Self::Slb => "2014-05-15",
            Self::Nlb => "2022-04-30",
            Self::Privatelink => "2020-04-15",
            Self::Sts => "2015-04-01",
            Self::Resourcemanager => "2020-03-31",
            Self::Resourcedirectory => "2022-04-19",
            Self::Actiontrail => "2020-07-06",
            Self::Sls => "2020-12-30",
        }
    }

    /// The first half of the product's RAM actions. CEN's and the log service's are not
    /// the product's name.
    pub const fn ram_code(self) -> &'static str {
        match self {
            Self::Cbn => "cen",
            Self::Sls => "log",
            // Its operations are granted under the older product's name.
            Self::Resourcedirectory => "resourcemanager",
            other => other.name(),
        }
    }
}

/// How an operation takes its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Path `/`, parameters in the query, empty body.
    RpcQuery,
    /// Path `/`, parameters in a form body.
    RpcForm,
    /// A path of its own; parameters in the query.
    Roa,
    /// The log service: a path of its own, a JSON body, the project in the host, another signature.
    Log,
}

/// What a whole reply must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopLevel {
    Object,
    Array,
}

/// One read operation of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    product: Product,
    action: &'static str,
    style: Style,
    method: Method,
    /// With `{name}` where a variable goes.
    path: &'static str,
    reply: TopLevel,
    signed: bool,
}

impl Operation {
    /// RPC by POST with parameters in the query: ECS, VPC, SLB, NLB, STS and most others.
    pub(in crate::cloud) const fn rpc_query(product: Product, action: &'static str) -> Self {
        Self::checked(product, action, Style::RpcQuery, Method::Post, "/")
    }

    /// RPC by GET with parameters in the query: `DescribeServiceMeshes`.
    pub(in crate::cloud) const fn rpc_get(product: Product, action: &'static str) -> Self {
        Self::checked(product, action, Style::RpcQuery, Method::Get, "/")
    }

    /// RPC by POST with parameters in a form: nearly all of Service Mesh.
    pub(in crate::cloud) const fn rpc_form(product: Product, action: &'static str) -> Self {
        Self::checked(product, action, Style::RpcForm, Method::Post, "/")
    }

    /// A GET of a path, as Container Service wants it: `/clusters/{cluster_id}`.
    pub(in crate::cloud) const fn roa_get(product: Product, action: &'static str, path: &'static str) -> Self {
        Self::checked(product, action, Style::Roa, Method::Get, path)
    }

    /// A query by POST to the log service: `/logstores/{logstore}/logs`.
    pub(in crate::cloud) const fn log_post(action: &'static str, path: &'static str) -> Self {
        Self::checked(Product::Sls, action, Style::Log, Method::Post, path)
    }

    /// The same operation, whose reply is an array at the top: `DescribeClusterResources`.
    pub(in crate::cloud) const fn replying_array(mut self) -> Self {
        self.reply = TopLevel::Array;
        self
    }

    /// The same operation, sent without a signature: `AssumeRoleWithOIDC`.
    pub(in crate::cloud) const fn anonymous(mut self) -> Self {
        self.signed = false;
        self
    }

    const fn checked(product: Product, action: &'static str, style: Style, method: Method, path: &'static str) -> Self {
        assert!(is_read(product, action), "only reads have an `Operation`");
        Self { product, action, style, method, path, reply: TopLevel::Object, signed: true }
    }

    /// The product.
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The operation's name: `DescribeEipAddresses`.
    pub const fn action(&self) -> &'static str {
        self.action
    }

    pub(in crate::cloud) const fn style(&self) -> Style {
        self.style
    }

    pub(in crate::cloud) const fn method(&self) -> Method {
        self.method
    }

    pub(in crate::cloud) const fn reply(&self) -> TopLevel {
        self.reply
    }

    pub(in crate::cloud) const fn is_signed(&self) -> bool {
        self.signed
    }

    /// The action to grant in a RAM policy: `vpc:DescribeEipAddresses`.
    pub fn ram_action(&self) -> String {
        // One permission covers both versions of the log service's operation.
        let action = if self.action == "GetLogsV2" { "GetLogStoreLogs" } else { self.action };
        format!("{}:{action}", self.product.ram_code())
    }
}

const fn is_read(product: Product, action: &str) -> bool {
    let token_service =
        matches!(product, Product::Sts) && (same(action, "AssumeRole") || same(action, "AssumeRoleWithOIDC"));
    token_service
        || starts_with(action, "Describe")
        || starts_with(action, "Get")
        || starts_with(action, "List")
        || starts_with(action, "Lookup")
        || starts_with(action, "Check")
}

const fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    if text.len() < prefix.len() {
        return false;
    }
    let mut index = 0;
    while index < prefix.len() {
        if text[index] != prefix[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && starts_with(left, right)
}

/// One read, not yet signed: it can be sent any number of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    operation: Operation,
    region: String,
    path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    project: String,
    json: Vec<u8>,
    resource: String,
}

impl ReadRequest {
    /// A read of `operation` in `region`. The region picks the host; it is empty for central hosts.
    /// It becomes no parameter by itself: where `RegionId` is wanted, add it.
    pub(in crate::cloud) fn new(operation: Operation, region: &str) -> Self {
        Self {
            operation,
            region: region.to_owned(),
            path: operation.path.to_owned(),
            query: Vec::new(),
            form: Vec::new(),
            project: String::new(),
            json: Vec::new(),
            resource: String::new(),
        }
    }

    /// Adds a parameter where the operation's style wants it: form for form style, else query.
    /// An empty value is sent as `Name=`; leave out what is not set.
    pub fn param(self, name: &str, value: impl ToString) -> Self {
        match self.operation.style {
            Style::RpcForm => self.form(name, value),
            Style::RpcQuery | Style::Roa | Style::Log => self.query(name, value),
        }
    }

    /// Adds a query parameter whatever the style: some form operations of Service Mesh take one there.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        set(&mut self.query, name, value.to_string());
        self
    }

    /// Adds a form parameter.
    pub fn form(mut self, name: &str, value: impl ToString) -> Self {
        set(&mut self.form, name, value.to_string());
        self
    }

    /// Adds a list as `Name.1=a&Name.2=b`.
    pub fn list<T: ToString>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self = self.param(&format!("{name}.{}", index + 1), value);
        }
        self
    }

    /// Fills `{name}` of the path, percent-encoded.
    pub(in crate::cloud) fn path(mut self, name: &str, value: &str) -> Self {
        self.path = self.path.replace(&format!("{{{name}}}"), &super::sign::encode(value));
        self
    }

    /// Says which project of the log service is asked; it becomes part of the host.
    pub(in crate::cloud) fn project(mut self, project: &str) -> Self {
        self.project = project.to_owned();
        self
    }

    /// Sets a JSON body.
    pub(in crate::cloud) fn json(mut self, body: &serde_json::Value) -> Self {
        self.json = body.to_string().into_bytes();
        self
    }

    /// Says which resource is asked about, for messages and the coverage ledger.
    pub fn resource(mut self, id: &str) -> Self {
        self.resource = id.to_owned();
        self
    }

    /// The operation.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The region; empty for a central host.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The resource asked about; empty for a list.
    pub fn resource_id(&self) -> &str {
        &self.resource
    }

    pub(in crate::cloud) fn encoded_path(&self) -> &str {
        &self.path
    }

    pub(in crate::cloud) fn query_params(&self) -> &[(String, String)] {
        &self.query
    }

    pub(in crate::cloud) fn project_name(&self) -> &str {
        &self.project
    }

    pub(in crate::cloud) fn json_body(&self) -> &[u8] {
        &self.json
    }

    pub(in crate::cloud) fn form_params(&self) -> &[(String, String)] {
        &self.form
    }
}

/// Sets a parameter; the later value wins, so that a page driver can turn the page.
fn set(params: &mut Vec<(String, String)>, name: &str, value: String) {
    match params.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => params.push((name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_have_no_operation() {
        for action in ["ModifyPilotEipResource", "AuthorizeSecurityGroup", "UnassociateEipAddress", "Get"] {
            assert_eq!(is_read(Product::Ecs, action), action == "Get", "{action}");
        }
        assert!(is_read(Product::Sts, "AssumeRole"));
        assert!(!is_read(Product::Ecs, "AssumeRole"));
    }

    #[test]
    fn parameters_go_where_the_style_wants_them() {
        const FORM: Operation = Operation::rpc_form(Product::Servicemesh, "DescribeServiceMeshDetail");
        const PATH: Operation = Operation::roa_get(Product::Cs, "DescribeClusterDetail", "/clusters/{cluster_id}");
        let form = ReadRequest::new(FORM, "").param("ServiceMeshId", "c1").query("Extra", 1);
        assert_eq!(form.form_params(), [("ServiceMeshId".to_owned(), "c1".to_owned())]);
        assert_eq!(form.query_params(), [("Extra".to_owned(), "1".to_owned())]);
        let path = ReadRequest::new(PATH, "cn-hangzhou").path("cluster_id", "c/a b~*中");
        assert_eq!(path.encoded_path(), "/clusters/c%2Fa%20b~%2A%E4%B8%AD");
    }

    #[test]
    fn a_parameter_set_twice_has_the_later_value() {
        const LIST: Operation = Operation::rpc_query(Product::Vpc, "DescribeVpcs");
        let request = ReadRequest::new(LIST, "cn-hangzhou").param("PageNumber", 1).param("PageNumber", 2);
        assert_eq!(request.query_params(), [("PageNumber".to_owned(), "2".to_owned())]);
    }
}
