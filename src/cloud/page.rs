//! Lists, page by page, read whole or not at all.
//!
//! A list that changes while it is read shows by itself: totals move, ids come twice, a page that was
//! promised is empty, a token returns. Then, and only then, the list is read again, up to three times
//! in all. A pass in which everything fits is accepted; so are two passes in a row that hold the same
//! ids, as many as the last total says. Otherwise the read fails: a list with a hole in it is not a list.

use std::collections::{BTreeSet, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use super::{
    client::{Account, Client, Reply},
    error::{CallError, Class},
    request::ReadRequest,
};

/// How a list is cut into pages. The names differ by operation: a dialect is data, not code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// The reply is the whole list.
    Whole,
    /// Pages by number from 1; the reply must carry the total.
    Numbered {
        /// `PageNumber`, `Page`, `page_number`, `PageNum`.
        number: &'static str,
        /// `PageSize` or `page_size`.
        size: &'static str,
        /// Items a page, the operation's maximum.
        per_page: u32,
    },
    /// Windows by offset from 0; the reply must carry the total.
    Offset {
        /// `Offset`.
        offset: &'static str,
        /// `Limit`.
        size: &'static str,
        /// Items a page.
        per_page: u32,
    },
    /// The next page by a token; a total is checked where there is one.
    Token {
        /// `NextToken` or `next_token`.
        token: &'static str,
        /// `MaxResults`, or `MaxResult` in `DescribeRouteEntryList`.
        size: &'static str,
        /// Items a page, the operation's maximum.
        per_page: u32,
    },
}

impl Paging {
    /// `PageNumber` and `PageSize`, as VPC, SLB and most RPC products have them.
    pub const fn page_number(per_page: u32) -> Self {
        Self::Numbered { number: "PageNumber", size: "PageSize", per_page }
    }

    /// `NextToken` and `MaxResults`.
    pub const fn next_token(per_page: u32) -> Self {
        Self::Token { token: "NextToken", size: "MaxResults", per_page }
    }
}

/// One page's reply, as a type of `cloud::api`.
pub trait Page: DeserializeOwned + Send {
    /// What is listed.
    type Item: Send;
    /// What the reply says beside the list, taken from the first page: a security group's policy.
    type Head: Send;

    /// What tells two items of the list apart.
    fn id(item: &Self::Item) -> String;

    /// How many items there are in all: `TotalCount`, `TotalAclEntry`, `page_info.total_count`.
    fn total(&self) -> Option<u64> {
        None
    }

    /// The next page's token; `""` and absence both mean the end.
    fn next_token(&self) -> Option<&str> {
        None
    }

    /// Takes the page apart.
    fn split(self) -> (Self::Head, Vec<Self::Item>);

    /// Adds what a further page says beside its list to the first page's. By default the first page's
    /// stands alone.
    fn join(_head: &mut Self::Head, _further: Self::Head) {}
}

/// A whole list.
#[derive(Clone, Debug)]
pub struct Listing<P: Page> {
    /// Of the first page, and of the others as [`Page::join`] adds them.
    pub head: P::Head,
    /// In the order of the pages, each once.
    pub items: Vec<P::Item>,
}

/// Most pages of one list; more are taken for an endless one.
const MOST_PAGES: u64 = 1_000;

/// Passes over a list that does not hold still.
const MOST_PASSES: u32 = 3;

/// Numbered pages read at a time, once the first has told how many there are.
const PAGES_AT_ONCE: usize = 8;

/// Reads every page of `request`.
pub async fn read<P: Page>(
    client: &Client,
    account: &Account,
    request: &ReadRequest,
    paging: Paging,
) -> Result<Listing<P>, CallError> {
    let mut pages = Pages::<P> { head: None, items: Vec::new() };
    let source = Source { client, account, request };
    source.read(paging, &mut pages).await?;
    match pages.head {
        Some(head) => Ok(Listing { head, items: pages.items }),
        None => Err(failed(request, Trouble::EmptyPage)),
    }
}

/// What did not fit in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Fewer or more items than the total.
    TotalOff,
    /// The total changed between two pages.
    TotalMoved,
    /// An id came twice.
    Repeated,
    /// A page that was promised holds nothing.
    EmptyPage,
    /// A token came twice.
    TokenRepeated,
    /// More pages than any list has.
    Endless,
}

fn failed(request: &ReadRequest, trouble: Trouble) -> CallError {
    let (code, reason) = match trouble {
        Trouble::TotalOff => ("total-mismatch", "the pages hold another number of items than the total says"),
        Trouble::TotalMoved => ("total-moved", "the total changes while the pages are read"),
        Trouble::Repeated => ("repeated-item", "the same item comes twice"),
        Trouble::EmptyPage => ("missing-page", "a page that was promised is empty"),
        Trouble::TokenRepeated => ("repeated-token", "the token of the next page comes twice"),
        Trouble::Endless => ("endless-pages", "the pages do not end"),
    };
    CallError::new(request, Class::Pages, code, reason)
        .with_advice("run again when the account is quieter; if it stays, report it".to_owned())
}

/// What a page says of its list.
struct Facts {
    /// How many items it holds.
    items: usize,
    total: Option<u64>,
    /// Of the next page; never empty.
    next_token: Option<String>,
}

/// Where pages go. The reading itself knows no type of reply: it would be compiled once for each.
trait Gather: Send {
    /// Drops what an earlier pass brought.
    fn start(&mut self);

    /// Takes a page, of its items those that are not among `known`, and adds these to it.
    fn take(&mut self, reply: &Reply, known: &mut BTreeSet<String>) -> Result<Facts, CallError>;
}

/// The pages of one pass.
struct Pages<P: Page> {
    head: Option<P::Head>,
    items: Vec<P::Item>,
}

impl<P: Page> Gather for Pages<P> {
    fn start(&mut self) {
        self.head = None;
        self.items.clear();
    }

    fn take(&mut self, reply: &Reply, known: &mut BTreeSet<String>) -> Result<Facts, CallError> {
        let page: P = reply.parse()?;
        let total = page.total();
        let next_token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        let (head, items) = page.split();
        match &mut self.head {
            Some(first) => P::join(first, head),
            None => self.head = Some(head),
        }
        let facts = Facts { items: items.len(), total, next_token };
        self.items.extend(items.into_iter().filter(|item| known.insert(P::id(item))));
        Ok(facts)
    }
}

/// A pass in the making.
struct Pass<'a> {
    pages: &'a mut dyn Gather,
    ids: BTreeSet<String>,
    total: Option<u64>,
    trouble: Option<Trouble>,
}

/// How a pass ended.
struct Ended {
    ids: BTreeSet<String>,
    trouble: Option<Trouble>,
    /// There is a total, and as many different ids.
    adds_up: bool,
}

impl<'a> Pass<'a> {
    /// Starts with the first page.
    fn new(pages: &'a mut dyn Gather, reply: &Reply) -> Result<(Self, Facts), CallError> {
        pages.start();
        let mut pass = Self { pages, ids: BTreeSet::new(), total: None, trouble: None };
        let facts = pass.take(reply)?;
        pass.total = facts.total;
        Ok((pass, facts))
    }

    /// Adds a further page.
    fn add(&mut self, reply: &Reply) -> Result<Facts, CallError> {
        let facts = self.take(reply)?;
        if facts.total.is_some() && facts.total != self.total {
            self.trouble(Trouble::TotalMoved);
            self.total = facts.total;
        }
        Ok(facts)
    }

    fn take(&mut self, reply: &Reply) -> Result<Facts, CallError> {
        let before = self.ids.len();
        let facts = self.pages.take(reply, &mut self.ids)?;
        if self.ids.len() - before < facts.items {
            self.trouble(Trouble::Repeated);
        }
        Ok(facts)
    }

    /// How many different items there are so far.
    fn held(&self) -> u64 {
        self.ids.len() as u64
    }

    /// The first trouble is the one that is told.
    fn trouble(&mut self, trouble: Trouble) {
        self.trouble.get_or_insert(trouble);
    }

    fn finish(mut self) -> Ended {
        let adds_up = self.total == Some(self.held());
        if self.total.is_some() && !adds_up {
            self.trouble(Trouble::TotalOff);
        }
        Ended { ids: self.ids, trouble: self.trouble, adds_up }
    }

    fn endless(mut self) -> Ended {
        self.trouble = Some(Trouble::Endless);
        self.finish()
    }
}

struct Source<'a> {
    client: &'a Client,
    account: &'a Account,
    request: &'a ReadRequest,
}

impl Source<'_> {
    /// Reads the list until a pass of it is to be believed, which is then in `pages`.
    async fn read(&self, paging: Paging, pages: &mut dyn Gather) -> Result<(), CallError> {
        let mut previous: Option<BTreeSet<String>> = None;
        let mut trouble = None;
        for _ in 0..MOST_PASSES {
            let pass = match paging {
                Paging::Whole => self.whole(pages).await?,
                Paging::Numbered { number, size, per_page } => self.numbered(number, size, per_page, pages).await?,
                Paging::Offset { offset, size, per_page } => self.by_offset(offset, size, per_page, pages).await?,
                Paging::Token { token, size, per_page } => self.by_token(token, size, per_page, pages).await?,
            };
            let Some(found) = pass.trouble else { return Ok(()) };
            if found == Trouble::Endless {
                return Err(failed(self.request, found));
            }
            if pass.adds_up && previous.as_ref() == Some(&pass.ids) {
                return Ok(());
            }
            previous = pass.adds_up.then_some(pass.ids);
            trouble = Some(found);
        }
        Err(failed(self.request, trouble.unwrap_or(Trouble::TotalOff)))
    }

    async fn page(&self, request: &ReadRequest) -> Result<Reply, CallError> {
        self.client.read(self.account, request).await
    }

    async fn whole(&self, pages: &mut dyn Gather) -> Result<Ended, CallError> {
        let reply = self.page(self.request).await?;
        Ok(Pass::new(pages, &reply)?.0.finish())
    }

    async fn numbered(
        &self,
        number: &str,
        size: &str,
        per_page: u32,
        pages: &mut dyn Gather,
    ) -> Result<Ended, CallError> {
        let request = |page: u64| self.request.clone().param(number, page).param(size, per_page);
        let reply = self.page(&request(1)).await?;
        let (mut pass, first) = Pass::new(pages, &reply)?;
        let Some(total) = first.total else {
            return Err(reply.unlike("the total of the list is missing"));
        };
        // The server may cut pages shorter than asked: what the first one holds is what counts.
        let held = pass.held();
        let expected = if held == 0 { 1 } else { total.div_ceil(held) };
        if expected > MOST_PAGES {
            return Ok(pass.endless());
        }
        let mut rest = stream::iter(2..=expected)
            .map(|page| {
                let request = request(page);
                async move { self.page(&request).await }
            })
            .buffered(PAGES_AT_ONCE);
        while let Some(reply) = rest.try_next().await? {
            if pass.add(&reply)?.items == 0 {
                pass.trouble(Trouble::EmptyPage);
            }
        }
        // A page may have been shorter than the first.
        let mut next = expected + 1;
        while pass.trouble.is_none() && pass.held() < total {
            if next > MOST_PAGES {
                return Ok(pass.endless());
            }
            let reply = self.page(&request(next)).await?;
            if pass.add(&reply)?.items == 0 {
                break;
            }
            next += 1;
        }
        if held == 0 && total > 0 {
            pass.trouble(Trouble::EmptyPage);
        }
        Ok(pass.finish())
    }

    async fn by_offset(
        &self,
        offset: &str,
        size: &str,
        per_page: u32,
        pages: &mut dyn Gather,
    ) -> Result<Ended, CallError> {
        let request = |from: u64| self.request.clone().param(offset, from).param(size, per_page);
        let reply = self.page(&request(0)).await?;
        let (mut pass, first) = Pass::new(pages, &reply)?;
        let Some(total) = first.total else {
            return Err(reply.unlike("the total of the list is missing"));
        };
        let mut count = 1;
        while pass.trouble.is_none() && pass.held() < total {
            count += 1;
            if count > MOST_PAGES {
                return Ok(pass.endless());
            }
            let reply = self.page(&request(pass.held())).await?;
            if pass.add(&reply)?.items == 0 {
                pass.trouble(Trouble::EmptyPage);
            }
        }
        Ok(pass.finish())
    }

    async fn by_token(
        &self,
        token: &str,
        size: &str,
        per_page: u32,
        pages: &mut dyn Gather,
    ) -> Result<Ended, CallError> {
        let mut request = self.request.clone().param(size, per_page);
        let reply = self.page(&request).await?;
        let mut seen = HashSet::new();
        let (mut pass, first) = Pass::new(pages, &reply)?;
        let mut next = first.next_token;
        if next.is_some() && pass.held() == 0 {
            pass.trouble(Trouble::EmptyPage);
        }
        let mut count = 1;
        while let Some(value) = next {
            count += 1;
            if count > MOST_PAGES {
                return Ok(pass.endless());
            }
            if !seen.insert(value.clone()) {
                pass.trouble(Trouble::TokenRepeated);
                break;
            }
            request = request.param(token, value);
            let reply = self.page(&request).await?;
            let facts = pass.add(&reply)?;
            next = facts.next_token;
            // NOTE: an empty page after a promise may also be the end of a list that fills its pages
            // exactly. It cannot be told from a page that was lost, so it is not taken for the end.
            if facts.items == 0 {
                pass.trouble(Trouble::EmptyPage);
            }
        }
        Ok(pass.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use serde::Deserialize;

    use super::*;
    use crate::cloud::{
        api::wire::Field,
        testing::{Answer, account, client, json, list, query},
    };

    #[derive(Deserialize)]
    struct Reply {
        #[serde(default, rename = "TotalCount")]
        total: Option<u64>,
        #[serde(default, rename = "NextToken")]
        token: Field<String>,
        #[serde(rename = "Ids")]
        ids: Vec<u32>,
    }

    impl Page for Reply {
        type Item = u32;
        type Head = ();

        fn id(item: &u32) -> String {
            item.to_string()
        }

        fn total(&self) -> Option<u64> {
            self.total
        }

        fn next_token(&self) -> Option<&str> {
            self.token.value().map(String::as_str)
        }

        fn split(self) -> ((), Vec<u32>) {
            ((), self.ids)
        }
    }

    /// Reads a list whose pages come from `page`, given the call's number, the page and its token.
    async fn outcome(
        paging: Paging,
        page: impl Fn(u64, u32, &str) -> Answer + Send + Sync + 'static,
    ) -> (Result<Vec<u32>, String>, u64) {
        let client = client(move |call, request| {
            let number = query(request, "PageNumber").and_then(|text| text.parse().ok()).unwrap_or(1);
            page(call, number, query(request, "NextToken").as_deref().unwrap_or_default())
        });
        let outcome = read::<Reply>(&client, &account(), &list(), paging).await;
        (outcome.map(|listing| listing.items).map_err(|error| error.code), client.stats().api_calls)
    }

    const NUMBERED: Paging = Paging::page_number(10);
    const TOKEN: Paging = Paging::next_token(10);

    fn numbered_page(total: u32, ids: Range<u32>) -> Answer {
        let ids: Vec<u32> = ids.collect();
        json(200, &format!(r#"{{"TotalCount":{total},"Ids":{ids:?}}}"#))
    }

    /// Page `number` of `total` ids in tens.
    fn tens(total: u32, number: u32) -> Answer {
        numbered_page(total, (total.min((number - 1) * 10))..(total.min(number * 10)))
    }

    fn token_page(ids: Range<u32>, next: &str) -> Answer {
        let ids: Vec<u32> = ids.collect();
        json(200, &format!(r#"{{"NextToken":"{next}","Ids":{ids:?}}}"#))
    }

    fn all(count: u32) -> Result<Vec<u32>, String> {
        Ok((0..count).collect())
    }

    fn fails(code: &str) -> Result<Vec<u32>, String> {
        Err(code.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_lists_are_read_once() {
        for (total, calls) in [(0, 1), (1, 1), (10, 1), (11, 2), (95, 10), (200, 20)] {
            assert_eq!(outcome(NUMBERED, move |_, page, _| tens(total, page)).await, (all(total), calls), "{total}");
        }
        let pages = |_, _, token: &str| match token {
            "" => token_page(0..10, "a%2B"),
            "a%252B" => token_page(10..20, "b"),
            _ => token_page(20..25, ""),
        };
        assert_eq!(outcome(TOKEN, pages).await, (all(25), 3));
        assert_eq!(outcome(TOKEN, |_, _, _| json(200, r#"{"Ids":[]}"#)).await, (all(0), 1));
        assert_eq!(outcome(Paging::Whole, |_, _, _| token_page(0..3, "")).await, (all(3), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn pages_cut_shorter_than_asked_are_all_read() {
        let threes = |_, page: u32, _: &str| numbered_page(10, ((page - 1) * 3)..(10.min(page * 3)));
        assert_eq!(outcome(NUMBERED, threes).await, (all(10), 4));
        // The second page is shorter than the first.
        let uneven = |_, page: u32, _: &str| match page {
            1 => numbered_page(12, 0..6),
            2 => numbered_page(12, 6..9),
            _ => numbered_page(12, 9..12),
        };
        assert_eq!(outcome(NUMBERED, uneven).await, (all(12), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn windows_by_offset_are_all_read() {
        const OFFSET: Paging = Paging::Offset { offset: "NextToken", size: "Limit", per_page: 10 };
        let window = |total: u32| {
            move |_: u64, _: u32, from: &str| {
                let from = from.parse().unwrap_or(0);
                numbered_page(total, from..total.min(from + 10))
            }
        };
        for (total, calls) in [(0, 1), (10, 1), (11, 2), (25, 3)] {
            assert_eq!(outcome(OFFSET, window(total)).await, (all(total), calls), "{total}");
        }
        let hole = |_: u64, _: u32, from: &str| numbered_page(25, if from == "0" { 0..10 } else { 0..0 });
        assert_eq!(outcome(OFFSET, hole).await, (fails("missing-page"), 6));
        assert_eq!(outcome(OFFSET, |_, _, _| json(200, r#"{"Ids":[1]}"#)).await, (fails("schema"), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hole_is_read_again_and_then_a_failure() {
        let once = |call, page, _: &str| if call == 2 { numbered_page(25, 0..0) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, once).await, (all(25), 6));
        let always = |_, page, _: &str| if page == 3 { numbered_page(25, 0..0) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, always).await, (fails("missing-page"), 9));
        let first = |_, _, _: &str| numbered_page(25, 0..0);
        assert_eq!(outcome(NUMBERED, first).await.0, fails("missing-page"));
        let promised = |_, _, token: &str| if token.is_empty() { token_page(0..10, "a") } else { token_page(0..0, "") };
        assert_eq!(outcome(TOKEN, promised).await, (fails("missing-page"), 6));
        let skipped = |call, _, token: &str| match (call, token) {
            (1, _) => token_page(0..0, "b"),
            (_, "") => token_page(0..10, "a"),
            (_, "a") => token_page(10..20, "b"),
            _ => token_page(20..21, ""),
        };
        assert_eq!(outcome(TOKEN, skipped).await, (all(21), 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_total_has_to_be_there_and_to_fit() {
        assert_eq!(outcome(NUMBERED, |_, _, _| json(200, r#"{"Ids":[1]}"#)).await, (fails("schema"), 1));
        assert_eq!(outcome(NUMBERED, |_, _, _| json(200, r#"{"TotalCount":0}"#)).await, (fails("schema"), 1));
        let more = |_, _, _: &str| numbered_page(3, 0..5);
        assert_eq!(outcome(NUMBERED, more).await, (fails("total-mismatch"), 3));
        let fewer = |_, page: u32, _: &str| if page == 1 { numbered_page(7, 0..5) } else { numbered_page(7, 0..0) };
        assert_eq!(outcome(NUMBERED, fewer).await.0, fails("missing-page"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_shifts_is_read_until_it_settles() {
        // Another item appears while page 2 is read.
        let grown = |call, page, _: &str| if call == 0 { tens(24, page) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, grown).await, (all(25), 6));
        // The list moves by one within the first pass: an id comes twice.
        let moved = |call, page, _: &str| if call == 1 { numbered_page(25, 9..19) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, moved).await, (all(25), 6));
        let never = |_, page: u32, _: &str| if page == 2 { numbered_page(25, 9..19) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, never).await, (fails("repeated-item"), 9));
        // The total of a later page is always another one, but both passes hold the same ids.
        let odd = |_, page: u32, _: &str| if page == 1 { numbered_page(26, 0..10) } else { tens(25, page) };
        assert_eq!(outcome(NUMBERED, odd).await, (all(25), 6));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_and_pages_do_not_go_round() {
        let round = |call: u64, _, _: &str| token_page((call as u32 * 10)..(call as u32 * 10 + 10), "same");
        assert_eq!(outcome(TOKEN, round).await, (fails("repeated-token"), 6));
        let again = |call, _, token: &str| match (call, token) {
            (2, _) => token_page(10..20, "b"),
            (_, "") => token_page(0..10, "a"),
            (_, "a") => token_page(10..20, "b"),
            _ => token_page(20..21, ""),
        };
        assert_eq!(outcome(TOKEN, again).await.0, all(21));
        let endless = |call: u64, _, _: &str| token_page((call as u32)..(call as u32 + 1), &format!("t{call}"));
        assert_eq!(outcome(TOKEN, endless).await, (fails("endless-pages"), 1_000));
        let claimed = |_, _, _: &str| numbered_page(10_001, 0..10);
        assert_eq!(outcome(NUMBERED, claimed).await, (fails("endless-pages"), 1));
    }
}
