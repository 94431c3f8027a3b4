//! The operations: which parameters they read and from where, and what they answer.
//!
//! [`find`] takes a request to its row in a product's table; a row's `answer` builds the body. What
//! several operations share is here: parameters with the vendor's errors, filters, and the paging
//! dialects of list calls ([`Listing`]).

mod cs;
mod ecs;
mod nlb;
mod resource_directory;
mod servicemesh;
mod slb;
mod sts;
mod vpc;

use std::{borrow::Cow, fmt::Write, sync::Arc};

use percent_encoding::percent_decode_str;

use super::{
    collection::{Filter, FilterForm, Kind, Wanted},
    host::Product,
    identity::{Caller, Identities},
    page::{self, Next, Page, PageFault, TokenKind},
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
    pub(super) answer: fn(&Call<'_>) -> Result<String, ApiError>,
}

/// Where a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Query,
    Form,
}

impl Operation {
    const fn new(product: Product, action: &'static str, answer: fn(&Call<'_>) -> Result<String, ApiError>) -> Self {
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
        Product::Slb => slb::OPERATIONS,
        Product::Nlb => nlb::OPERATIONS,
        Product::Sts => sts::OPERATIONS,
        Product::ResourceManager => resource_directory::MANAGER_OPERATIONS,
        Product::ResourceDirectory => resource_directory::MASTER_OPERATIONS,
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
    pub(super) identities: &'a Identities,
    pub(super) page_cap: usize,
    pub(super) page_fault: Option<PageFault>,
    /// Different for every request.
    pub(super) salt: u64,
    pub(super) request_id: &'a str,
}

impl Call<'_> {
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

    /// What the request asks of the filters of a kind.
    fn wanted(&self, kind: Kind) -> Result<Vec<Wanted>, ApiError> {
        let mut wanted = Vec::new();
        let filters = kind.spec().filters;
        for (position, filter) in filters.iter().enumerate() {
            // A second spelling of the first filter may use its index too.
            let position = if filter.paths == filters[0].paths { 0 } else { position };
            for values in self.filter_values(filter)? {
                wanted.push(Wanted { filter: position, values });
            }
        }
        Ok(wanted)
    }

    /// The sets of values of one filter, each of which must be met: none if it is not asked for,
    /// one for most, one a tag for tags.
    fn filter_values(&self, filter: &Filter) -> Result<Vec<Vec<String>>, ApiError> {
        let name = filter.parameter;
        let (values, most) = match filter.form {
            FilterForm::One => return Ok(self.param(name).map(|value| vec![value.to_owned()]).into_iter().collect()),
            FilterForm::Tags => return Ok(self.tags()),
            FilterForm::Commas(most) => {
                (self.param(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()), most)
            }
            FilterForm::Numbered(most) => {
                if self.param(name).is_some() {
                    return Err(ApiError::invalid(name, &format!("the list is written {name}.1, {name}.2 and so on")));
                }
                (Some(self.numbered(name)).filter(|values| !values.is_empty()), most)
            }
            FilterForm::JsonList(most) => {
                let parse = |text: &str| {
                    serde_json::from_str(text).map_err(|_| ApiError::invalid(name, "expected a JSON list of texts"))
                };
                (self.param(name).map(parse).transpose()?, most)
            }
        };
        let values: Option<Vec<String>> = values;
        if values.as_ref().is_some_and(|values| values.len() > most) {
            return Err(ApiError::invalid(name, &format!("at most {most} values are allowed")));
        }
        Ok(values.into_iter().collect())
    }

    fn tags(&self) -> Vec<Vec<String>> {
        let mut tags = Vec::new();
        for (name, key) in self.parameters() {
            let Some(number) = name.strip_prefix("Tag.").and_then(|rest| rest.strip_suffix(".Key")) else { continue };
            let text = match self.param(&format!("Tag.{number}.Value")) {
                Some(value) => format!("{key}={value}"),
                None => key.clone(),
            };
            tags.push(vec![text]);
        }
        tags
    }

    /// The region to look in: none for products that one host serves for all regions.
    fn scope(&self) -> Option<&str> {
        self.operation.product.is_regional().then_some(self.region)
    }

    /// Cuts a page in the dialect of page numbers.
    fn numbered_page(&self, total: usize, dialect: &Numbers) -> Result<(Page, usize, usize), ApiError> {
        if dialect.size_needs_number && self.param(dialect.size).is_some() && self.param(dialect.number).is_none() {
            return Err(ApiError::invalid(dialect.size, "it is valid together with a page number only"));
        }
        let number = self.number(dialect.number, 1, 1..=usize::MAX)?;
        let size = self.number(dialect.size, dialect.default, 1..=dialect.max)?;
        let size = self.capped(size);
        Ok((page::by_number(total, number, size, self.page_fault), number, size))
    }

    fn capped(&self, size: usize) -> usize {
        if self.page_cap == 0 { size } else { size.min(self.page_cap) }
    }

    /// Cuts a page in the dialect of tokens; the text is the next token, empty at the end.
    fn token_page(&self, total: usize, dialect: &Tokens, parts: &[&str]) -> Result<(Page, String, usize), ApiError> {
        let size = self.number(dialect.size, dialect.default, dialect.min..=dialect.max)?;
        let size = self.capped(size);
        let own = [self.operation.action, &self.account.id, self.region];
        let kind = TokenKind::new(own.into_iter().chain(parts.iter().copied()));
        let token = self.param("NextToken");
        let offset = token.map_or(Ok(0), |token| kind.offset(token))?;
        let (page, next) = page::by_token(total, offset, size, self.page_fault);
        let next = match (next, token) {
            (Next::End, _) => String::new(),
            (Next::Same, Some(token)) => token.to_owned(),
            (Next::Same, None) => kind.token(0, self.salt),
            (Next::At(offset), _) => kind.token(offset, self.salt),
        };
        Ok((page, next, size))
    }
}

fn lookup<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(given, _)| given == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The dialect of page numbers.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    number: &'static str,
    size: &'static str,
    default: usize,
    max: usize,
    size_needs_number: bool,
}

impl Numbers {
    /// `PageNumber` and `PageSize`.
    const fn usual(max: usize, default: usize) -> Self {
        Self { number: "PageNumber", size: "PageSize", default, max, size_needs_number: false }
    }
}

/// The dialect of tokens.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    size: &'static str,
    default: usize,
    min: usize,
    max: usize,
    /// True if replies count the items.
    has_total: bool,
    /// True if replies repeat the page size.
    echoes_size: bool,
}

impl Tokens {
    /// `MaxResults` and `NextToken`.
    const fn usual(min: usize, max: usize, default: usize) -> Self {
        Self { size: "MaxResults", default, min, max, has_total: false, echoes_size: false }
    }

    const fn counted(self) -> Self {
        Self { has_total: true, echoes_size: true, ..self }
    }
}

/// How an operation is paged.
#[derive(Clone, Copy, Debug)]
enum Paging {
    Numbers(Numbers),
    Tokens(Tokens),
    /// Tokens if the request has one of their parameters, page numbers otherwise.
    Both(Tokens, Numbers),
}

/// A list call over one kind of item.
#[derive(Clone, Copy, Debug)]
struct Listing {
    kind: Kind,
    /// `EipAddresses.EipAddress` for wrapped lists, `Listeners` for flat ones.
    path: &'static str,
    paging: Paging,
    /// True if the list's key is left out when there is nothing to list.
    absent_when_empty: bool,
}

impl Listing {
    const fn new(kind: Kind, path: &'static str, paging: Paging) -> Self {
        Self { kind, path, paging, absent_when_empty: false }
    }

    /// The reply, with each item's list view.
    fn answer(&self, call: &Call<'_>) -> Result<String, ApiError> {
        self.answer_with(call, Vec::new(), |text| Cow::Borrowed(text))
    }

    /// The reply, narrowed by more than the kind's filters, with items as `view` shows them.
    fn answer_with(
        &self,
        call: &Call<'_>,
        more: Vec<Wanted>,
        view: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<String, ApiError> {
        let mut wanted = call.wanted(self.kind)?;
        wanted.extend(more);
        let collection = call.account.collection(self.kind);
        let selected = collection.select(call.scope(), &wanted);
        let mut body = Body::new(call.request_id);
        let page = self.cut(call, selected.len(), &wanted, &mut body)?;
        let items = selected[page.items].iter().map(|position| view(&collection.get(*position).listed));
        if !(self.absent_when_empty && selected.is_empty()) {
            body.list(self.path, items);
        }
        Ok(body.finish())
    }

    fn cut(&self, call: &Call<'_>, total: usize, wanted: &[Wanted], body: &mut Body) -> Result<Page, ApiError> {
        match self.paging {
            Paging::Numbers(dialect) => cut_numbered(call, total, &dialect, body),
            Paging::Tokens(dialect) => cut_by_token(call, total, &dialect, wanted, body),
            Paging::Both(tokens, numbers) => {
                let asks_for_tokens =
                    call.parameters().iter().any(|(name, _)| name == tokens.size || name == "NextToken");
                if asks_for_tokens {
                    cut_by_token(call, total, &tokens, wanted, body)
                } else {
                    cut_numbered(call, total, &numbers, body)
                }
            }
        }
    }
}

fn cut_numbered(call: &Call<'_>, total: usize, dialect: &Numbers, body: &mut Body) -> Result<Page, ApiError> {
    let (page, number, size) = call.numbered_page(total, dialect)?;
    body.number("TotalCount", page.total).number("PageNumber", number).number("PageSize", size);
    Ok(page)
}

fn cut_by_token(
    call: &Call<'_>,
    total: usize,
    dialect: &Tokens,
    wanted: &[Wanted],
    body: &mut Body,
) -> Result<Page, ApiError> {
    let parts: Vec<&str> = wanted.iter().flat_map(|wanted| &wanted.values).map(String::as_str).collect();
    let (page, next, size) = call.token_page(total, dialect, &parts)?;
    body.text("NextToken", &next);
    if dialect.has_total {
        body.number("TotalCount", page.total);
    }
    if dialect.echoes_size {
        body.number("MaxResults", size);
    }
    Ok(page)
}

/// Builds the text of a JSON object from pieces that are JSON already.
#[derive(Debug)]
struct Body {
    text: String,
}

impl Body {
    /// A reply with its request id.
    fn new(request_id: &str) -> Self {
        let mut body = Self::bare();
        body.text("RequestId", request_id);
        body
    }

    /// A reply without one, as the container service's.
    fn bare() -> Self {
        Self { text: String::from("{") }
    }

    fn key(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        let _ = write!(self.text, "\"{name}\":");
    }

    /// A field that is JSON already.
    fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.key(name);
        self.text.push_str(json);
        self
    }

    /// A text field.
    fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &serde_json::Value::from(value).to_string())
    }

    /// A number field.
    fn number(&mut self, name: &str, value: usize) -> &mut Self {
        self.raw(name, &value.to_string())
    }

    /// A list, flat or within wrappers: `Outer.Inner` is `{"Outer":{"Inner":[…]}}`.
    fn list<T: AsRef<str>>(&mut self, path: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        let (outer, inner) = path.split_once('.').map_or((path, None), |(outer, inner)| (outer, Some(inner)));
        self.key(outer);
        if let Some(inner) = inner {
            let _ = write!(self.text, "{{\"{inner}\":");
        }
        self.text.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text.push_str(item.as_ref());
        }
        self.text.push(']');
        if inner.is_some() {
            self.text.push('}');
        }
        self
    }

    /// The fields of an object that is JSON already.
    fn fields_of(&mut self, object: &str) -> &mut Self {
        let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if inner.is_empty() {
            return self;
        }
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(inner);
        self
    }

    fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
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
    fn a_body_is_json() {
        let mut body = Body::new("r");
        body.list("A.B", ["1", "2"])
            .list("C", Vec::<String>::new())
            .fields_of("{}")
            .fields_of("{\"d\":{}}")
            .number("e", 3);
        assert_eq!(body.finish(), r#"{"RequestId":"r","A":{"B":[1,2]},"C":[],"d":{},"e":3}"#);
        let mut body = Body::bare();
        body.fields_of("{\"a\":1}");
        assert_eq!(body.finish(), r#"{"a":1}"#);
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
