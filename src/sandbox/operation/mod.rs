//! The operations: which parameters they read and from where, and what they answer.
//!
//! [`find`] takes a request to its row in a product's table; a row's `answer` builds the body. What
//! several operations share is here: parameters with the vendor's errors, filters, and the paging
//! dialects of list calls ([`Listing`]).

mod actiontrail;
mod body;
mod cbn;
mod cs;
mod ecs;
mod listing;
mod nlb;
mod privatelink;
mod resource_directory;
mod servicemesh;
mod slb;
mod sls;
mod sts;
mod vpc;
mod vpcpeer;
mod write;

pub use self::sls::QUERIES as LOG_QUERIES;

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use self::{
    body::Body,
    listing::{Listing, Numbers, Paging, Tokens},
};
use super::{
    collection::Item,
    host::Product,
    identity::{Caller, Identities},
    kind::Kind,
    page::PageFault,
    plan::Plan,
    reply::ApiError,
    sign::Parameters,
    world::Account,
};

/// One row of a product's table.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) product: Product,
    pub(super) action: &'static str,
    /// `/` for RPC; a template such as `/clusters/{cluster_id}` for ROA.
    pub(super) path: &'static str,
    /// Where the vendor reads parameters, unless an operation says otherwise for one of them.
    pub(super) reads: Position,
    /// True if `RegionId` is mandatory even where the host names a region.
    pub(super) needs_region: bool,
    /// True if the vendor takes the request without a signature.
    pub(super) is_anonymous: bool,
    /// Code and status when the resource that is asked about does not exist.
    pub(super) not_found: (&'static str, u16),
    answer: Answer,
}

/// How an operation builds its reply.
#[derive(Debug)]
enum Answer {
    /// A list of one kind of item.
    List(Listing),
    /// One item by its id, its fields at the top or within a wrapper.
    Item { kind: Kind, parameter: &'static str, wrapper: &'static str },
    /// By a function of its own.
    Own(fn(&Call<'_>) -> Result<String, ApiError>),
    /// By planning what it changes.
    Write(write::CarryOut),
}

/// Where a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Query,
    Form,
}

impl Operation {
    const fn new(product: Product, action: &'static str, answer: fn(&Call<'_>) -> Result<String, ApiError>) -> Self {
        Self::answering(product, action, Answer::Own(answer))
    }

    const fn list(product: Product, action: &'static str, listing: Listing) -> Self {
        Self::answering(product, action, Answer::List(listing))
    }

    const fn item(product: Product, action: &'static str, kind: Kind, parameter: &'static str) -> Self {
        Self::answering(product, action, Answer::Item { kind, parameter, wrapper: "" })
    }

    /// An item whose fields are within a wrapper of the reply.
    const fn wrapped_item(
        product: Product,
        action: &'static str,
        kind: Kind,
        parameter: &'static str,
        wrapper: &'static str,
    ) -> Self {
        Self::answering(product, action, Answer::Item { kind, parameter, wrapper })
    }

    const fn answering(product: Product, action: &'static str, answer: Answer) -> Self {
        Self {
            product,
            action,
            path: "/",
            reads: Position::Query,
            needs_region: false,
            is_anonymous: false,
            not_found: ("EntityNotExist", 404),
            answer,
        }
    }

    const fn write(product: Product, action: &'static str, carry_out: write::CarryOut) -> Self {
        Self::answering(product, action, Answer::Write(carry_out))
    }

    /// True if it changes something.
    pub(super) const fn is_write(&self) -> bool {
        matches!(self.answer, Answer::Write(_))
    }

    /// Plans a write; the text is the body of the reply.
    pub(super) fn carry_out(&self, call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
        match &self.answer {
            Answer::Write(carry_out) => carry_out(call, plan),
            _ => self.answer(call),
        }
    }

    const fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    const fn reads_form(self) -> Self {
        Self { reads: Position::Form, ..self }
    }

    const fn needs_region(self) -> Self {
        Self { needs_region: true, ..self }
    }

    const fn anonymous(self) -> Self {
        Self { is_anonymous: true, ..self }
    }

    const fn not_found(self, code: &'static str, status: u16) -> Self {
        Self { not_found: (code, status), ..self }
    }

    /// The body of the reply.
    pub(super) fn answer(&self, call: &Call<'_>) -> Result<String, ApiError> {
        match &self.answer {
            Answer::List(listing) => listing.answer(call),
            Answer::Item { kind, parameter, wrapper } => {
                let item = call.item(*kind, parameter)?;
                let mut body = Body::new(call.request_id);
                if wrapper.is_empty() {
                    body.fields_of(item.detail());
                } else {
                    body.raw(wrapper, item.detail());
                }
                Ok(body.finish())
            }
            Answer::Own(answer) => answer(call),
            // What it would say; `carry_out` does it.
            Answer::Write(carry_out) => carry_out(call, &mut Plan::default()),
        }
    }

    /// The error for a resource that does not exist.
    pub(super) fn gone(&self, what: &str) -> ApiError {
        ApiError::new(self.not_found.1, self.not_found.0, format!("The specified resource {what} does not exist."))
    }
}

/// Finds the row of a request, with the variables of its path.
pub(super) fn find(
    product: Product,
    action: &str,
    method: &str,
    path: &str,
) -> Result<(&'static Operation, Parameters), ApiError> {
    let not_found = || {
        ApiError::new(
            404,
            "InvalidAction.NotFound",
            format!("Specified api {action} is not found, please check your url and method."),
        )
    };
    let operation = table(product).iter().find(|operation| operation.action == action).ok_or_else(not_found)?;
    let variables = path_variables(operation.path, path).ok_or_else(not_found)?;
    let is_allowed = match product {
        Product::Cs if operation.is_write() => method == "PUT",
        Product::Cs => method == "GET",
        // A form cannot travel in a GET.
        _ if operation.reads == Position::Form => method == "POST",
        _ => matches!(method, "GET" | "POST"),
    };
    if is_allowed {
        return Ok((operation, variables));
    }
    match product {
        Product::Cs => Err(not_found()),
        _ => Err(ApiError::new(
            405,
            "UnsupportedHTTPMethod",
            format!("This http method {method} is not supported by {action}."),
        )),
    }
}

/// Finds the row of a request that names no operation: the log service's go by method and path.
pub(super) fn find_by_path(
    product: Product,
    method: &str,
    path: &str,
) -> Result<(&'static Operation, Parameters), ApiError> {
    let rows = table(product).iter().filter(|_| method == "POST");
    let mut found = rows.filter_map(|operation| Some((operation, path_variables(operation.path, path)?)));
    found.next().ok_or_else(|| ApiError::new(404, "InvalidAPI", format!("there is no {method} {path}")))
}

/// Every operation that the simulated cloud serves, as `product/Action`.
pub fn operations() -> impl Iterator<Item = String> {
    let operations = Product::ALL.into_iter().flat_map(table);
    operations.map(|operation| format!("{}/{}", operation.product.name(), operation.action))
}

fn table(product: Product) -> &'static [Operation] {
    match product {
        Product::ServiceMesh => servicemesh::OPERATIONS,
        Product::Cs => cs::OPERATIONS,
        Product::Ecs => ecs::OPERATIONS,
        Product::Vpc => vpc::OPERATIONS,
        Product::VpcPeer => vpcpeer::OPERATIONS,
        Product::Cbn => cbn::OPERATIONS,
        Product::Slb => slb::OPERATIONS,
        Product::Nlb => nlb::OPERATIONS,
        Product::PrivateLink => privatelink::OPERATIONS,
        Product::Sts => sts::OPERATIONS,
        Product::ResourceManager => resource_directory::MANAGER_OPERATIONS,
        Product::ResourceDirectory => resource_directory::MASTER_OPERATIONS,
        Product::ActionTrail => actiontrail::OPERATIONS,
        Product::Sls => sls::OPERATIONS,
    }
}

/// The variables of a path that fits the template, decoded.
fn path_variables(template: &str, path: &str) -> Option<Parameters> {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    let mut variables = Vec::new();
    loop {
        match (template.next(), path.next()) {
            (None, None) => return Some(variables),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !given.is_empty() => {
                    let value = percent_decode_str(given).decode_utf8().ok()?;
                    variables.push((name.to_owned(), value.into_owned()));
                }
                None if wanted == given => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// A request that passed authentication.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) operation: &'static Operation,
    /// `None` for anonymous operations.
    pub(super) caller: Option<&'a Caller>,
    pub(super) account: &'a Arc<Account>,
    pub(super) region: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) form: &'a [(String, String)],
    pub(super) path: &'a [(String, String)],
    /// The project of the log service that the host names.
    pub(super) project: &'a str,
    pub(super) body: &'a [u8],
    pub(super) identities: &'a Identities,
    pub(super) page_cap: usize,
    pub(super) page_fault: Option<PageFault>,
    /// Different for every request.
    pub(super) salt: u64,
    pub(super) request_id: &'a str,
}

impl<'a> Call<'a> {
    /// The item that a parameter names, in the call's region.
    fn item(&self, kind: Kind, parameter: &str) -> Result<&'a Item, ApiError> {
        let id = self.required(parameter)?;
        let found = self.account.collection(kind).find(id, self.scope()).next();
        found.ok_or_else(|| self.operation.gone(id))
    }

    /// A parameter where this operation reads it. An empty one counts as absent.
    fn param(&self, name: &str) -> Option<&str> {
        lookup(self.parameters(), name)
    }

    fn parameters(&self) -> &[(String, String)] {
        match self.operation.reads {
            Position::Query => self.query,
            Position::Form => self.form,
        }
    }

    /// A parameter that must be there.
    fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.param(name).ok_or_else(|| ApiError::missing(name))
    }

    /// A parameter of the query, whatever the operation reads otherwise.
    fn required_in_query(&self, name: &str) -> Result<&str, ApiError> {
        lookup(self.query, name).ok_or_else(|| ApiError::missing(name))
    }

    /// A variable of the path.
    fn variable(&self, name: &str) -> &str {
        lookup(self.path, name).unwrap_or_default()
    }

    /// A number within bounds, or its default.
    fn number(&self, name: &str, default: usize, bounds: std::ops::RangeInclusive<usize>) -> Result<usize, ApiError> {
        let Some(text) = self.param(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            ApiError::invalid(name, &format!("expected a number from {} to {}", bounds.start(), bounds.end()))
        })
    }

    /// `true`/`false` in any case.
    fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.param(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(name, "expected true or false")),
        }
    }

    /// The values of `Name.1`, `Name.2`, …
    fn numbered(&self, name: &str) -> Vec<String> {
        let number = |given: &str| given.strip_prefix(name)?.strip_prefix('.')?.parse::<u32>().ok();
        let mut values: Vec<(u32, &String)> =
            self.parameters().iter().filter_map(|(given, value)| Some((number(given)?, value))).collect();
        values.sort_unstable();
        values.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// The region to look in: none for products that one host serves for all regions.
    fn scope(&self) -> Option<&str> {
        self.operation.product.is_regional().then_some(self.region)
    }
}

fn lookup<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(given, _)| given == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_whole_paths_and_decode() {
        let variables = |template, path| path_variables(template, path);
        assert_eq!(variables("/", "/"), Some(Vec::new()));
        assert_eq!(
            variables("/clusters/{id}", "/clusters/c%2Fa%20b"),
            Some(vec![("id".to_owned(), "c/a b".to_owned())])
        );
        for path in ["/clusters", "/clusters/", "/clusters/a/b", "/cluster/a", "clusters/a"] {
            assert_eq!(variables("/clusters/{id}", path), None, "{path}");
        }
    }

    #[test]
    fn methods_and_paths_are_the_vendors() {
        let code = |product, action, method, path| {
            find(product, action, method, path).map(|_| ()).map_err(|error| error.code.into_owned())
        };
        assert_eq!(code(Product::Cs, "DescribeClusterDetail", "GET", "/clusters/c1"), Ok(()));
        assert_eq!(
            code(Product::Cs, "DescribeClusterDetail", "POST", "/clusters/c1"),
            Err("InvalidAction.NotFound".to_owned())
        );
        assert_eq!(code(Product::Cs, "DescribeClusterDetail", "GET", "/"), Err("InvalidAction.NotFound".to_owned()));
        assert_eq!(code(Product::Ecs, "DescribeVpcs", "POST", "/"), Err("InvalidAction.NotFound".to_owned()));
        assert_eq!(code(Product::Vpc, "DescribeVpcs", "GET", "/"), Ok(()));
        assert_eq!(
            code(Product::ServiceMesh, "DescribeServiceMeshDetail", "GET", "/"),
            Err("UnsupportedHTTPMethod".to_owned())
        );
    }

    #[test]
    fn every_action_occurs_once() {
        for product in Product::ALL {
            let mut actions: Vec<_> = table(product).iter().map(|operation| operation.action).collect();
            assert!(table(product).iter().all(|operation| operation.product == product));
            actions.sort_unstable();
            let count = actions.len();
            actions.dedup();
            assert_eq!(actions.len(), count, "{product:?}");
        }
    }
}
