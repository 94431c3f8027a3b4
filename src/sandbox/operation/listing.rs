//! List calls: what a request filters by, and the vendor's paging dialects.

use std::borrow::Cow;

use super::{Body, Call};
use crate::sandbox::{
    collection::Wanted,
    kind::{Filter, FilterForm, Kind},
    page::{self, Next, Page, TokenKind},
    reply::ApiError,
};

impl Call<'_> {
    /// What the request asks of the filters of a kind.
    pub(super) fn wanted(&self, kind: Kind) -> Result<Vec<Wanted>, ApiError> {
        self.check_keys(kind)?;
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
            FilterForm::OneOrAll(all) => {
                let value = self.param(name).filter(|value| *value != all);
                return Ok(value.map(|value| vec![value.to_owned()]).into_iter().collect());
            }
            FilterForm::Tags => return Ok(self.tags()),
            FilterForm::Keyed => return Ok(self.keyed(name)),
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

    /// The values of `Filter.N.Value.M` where `Filter.N.Key` is `name`.
    fn keyed(&self, name: &str) -> Vec<Vec<String>> {
        let numbers = self.parameters().iter().filter(|(_, key)| key == name);
        let numbers = numbers.filter_map(|(given, _)| given.strip_prefix("Filter.")?.strip_suffix(".Key"));
        numbers.map(|number| self.numbered(&format!("Filter.{number}.Value"))).collect()
    }

    /// A key of `Filter.N` that the operation does not know narrows nothing for the vendor's
    /// caller without a word, so it is refused here.
    fn check_keys(&self, kind: Kind) -> Result<(), ApiError> {
        let filters = kind.spec().filters;
        if filters.iter().all(|filter| filter.form != FilterForm::Keyed) {
            return Ok(());
        }
        let mut keys =
            self.parameters().iter().filter(|(name, _)| name.starts_with("Filter.") && name.ends_with(".Key"));
        let is_known =
            |key: &str| filters.iter().any(|filter| filter.form == FilterForm::Keyed && filter.parameter == key);
        match keys.find(|(_, key)| !is_known(key)) {
            Some((name, key)) => Err(ApiError::invalid(name, &format!("there is no filter {key}"))),
            None => Ok(()),
        }
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

    /// Cuts a page in the dialect of page numbers.
    pub(super) fn numbered_page(&self, total: usize, dialect: &Numbers) -> Result<(Page, usize, usize), ApiError> {
        if dialect.size_needs_number && self.param(dialect.size).is_some() && self.param(dialect.number).is_none() {
            return Err(ApiError::invalid(dialect.size, "it is valid together with a page number only"));
        }
        let number = self.number(dialect.number, 1, 1..=usize::MAX)?;
        let size = self.number(dialect.size, dialect.default, 1..=dialect.max)?;
        let size = self.capped(size);
        Ok((page::by_number(total, number, size, self.page_fault), number, size))
    }

    pub(super) fn capped(&self, size: usize) -> usize {
        if self.page_cap == 0 { size } else { size.min(self.page_cap) }
    }

    /// Cuts a page in the dialect of tokens; the text is the next token, empty at the end.
    pub(super) fn token_page(
        &self,
        total: usize,
        dialect: &Tokens,
        parts: &[&str],
    ) -> Result<(Page, String, usize), ApiError> {
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

/// The dialect of page numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) number: &'static str,
    pub(super) size: &'static str,
    pub(super) default: usize,
    pub(super) max: usize,
    pub(super) size_needs_number: bool,
    /// True if replies write their numbers as text.
    pub(super) writes_text: bool,
}

impl Numbers {
    /// `PageNumber` and `PageSize`.
    pub(super) const fn usual(max: usize, default: usize) -> Self {
        Self { number: "PageNumber", size: "PageSize", default, max, size_needs_number: false, writes_text: false }
    }
}

/// The dialect of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    pub(super) size: &'static str,
    pub(super) default: usize,
    pub(super) min: usize,
    pub(super) max: usize,
    /// True if replies count the items.
    pub(super) has_total: bool,
    /// True if replies repeat the page size.
    pub(super) echoes_size: bool,
}

impl Tokens {
    /// `MaxResults` and `NextToken`.
    pub(super) const fn usual(min: usize, max: usize, default: usize) -> Self {
        Self { size: "MaxResults", default, min, max, has_total: false, echoes_size: false }
    }

    pub(super) const fn counted(self) -> Self {
        Self { has_total: true, echoes_size: true, ..self }
    }
}

/// How an operation is paged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paging {
    Numbers(Numbers),
    Tokens(Tokens),
    /// Tokens if the request has one of their parameters, page numbers otherwise.
    Both(Tokens, Numbers),
}

/// A list call over one kind of item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    pub(super) kind: Kind,
    /// `EipAddresses.EipAddress` for wrapped lists, `Listeners` for flat ones.
    pub(super) path: &'static str,
    pub(super) paging: Paging,
    /// True if the list's key is left out when there is nothing to list.
    pub(super) absent_when_empty: bool,
    /// What the request has to name.
    pub(super) parent: Parent,
    /// Fields that every reply has besides.
    pub(super) says: &'static [(&'static str, &'static str)],
}

/// What a list call is about, where it is not about everything.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parent {
    None,
    /// The parameter must name an item that exists.
    Existing(Kind, &'static str),
    /// One of the parameters must be there; the first is named where none is.
    AnyOf(&'static [&'static str]),
}

impl Parent {
    fn check(self, call: &Call<'_>) -> Result<(), ApiError> {
        match self {
            Self::None => Ok(()),
            Self::Existing(kind, parameter) => call.item(kind, parameter).map(|_| ()),
            Self::AnyOf(parameters) if parameters.iter().any(|name| call.param(name).is_some()) => Ok(()),
            Self::AnyOf(parameters) => Err(ApiError::missing(parameters.first().copied().unwrap_or_default())),
        }
    }
}

impl Listing {
    pub(super) const fn new(kind: Kind, path: &'static str, paging: Paging) -> Self {
        Self { kind, path, paging, absent_when_empty: false, parent: Parent::None, says: &[] }
    }

    /// By `PageNumber` and `PageSize`, at most and by default so many a page.
    pub(super) const fn numbered(kind: Kind, path: &'static str, max: usize, default: usize) -> Self {
        Self::new(kind, path, Paging::Numbers(Numbers::usual(max, default)))
    }

    /// By `NextToken` and `MaxResults`, with a total.
    pub(super) const fn by_token(kind: Kind, path: &'static str, max: usize, default: usize) -> Self {
        Self::new(kind, path, Paging::Tokens(Tokens::usual(1, max, default).counted()))
    }

    /// About an item that must exist.
    pub(super) const fn of(self, kind: Kind, parameter: &'static str) -> Self {
        Self { parent: Parent::Existing(kind, parameter), ..self }
    }

    /// About what at least one of the parameters names.
    pub(super) const fn any_of(self, parameters: &'static [&'static str]) -> Self {
        Self { parent: Parent::AnyOf(parameters), ..self }
    }

    /// Leaves the list's key out when there is nothing to list.
    pub(super) const fn absent_when_empty(self) -> Self {
        Self { absent_when_empty: true, ..self }
    }

    /// The reply, with each item's list view.
    pub(super) fn answer(&self, call: &Call<'_>) -> Result<String, ApiError> {
        self.answer_with(call, Vec::new(), |text| Cow::Borrowed(text))
    }

    /// The reply, narrowed by more than the kind's filters, with items as `view` shows them.
    pub(super) fn answer_with(
        &self,
        call: &Call<'_>,
        more: Vec<Wanted>,
        view: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<String, ApiError> {
        self.parent.check(call)?;
        let mut wanted = call.wanted(self.kind)?;
        wanted.extend(more);
        let collection = call.account.collection(self.kind);
        let selected = collection.select(call.scope(), &wanted);
        let mut body = Body::new(call.request_id);
        for (name, text) in self.says {
            body.text(name, text);
        }
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
    for (name, value) in [("TotalCount", page.total), ("PageNumber", number), ("PageSize", size)] {
        if dialect.writes_text {
            body.text(name, &value.to_string());
        } else {
            body.number(name, value);
        }
    }
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
