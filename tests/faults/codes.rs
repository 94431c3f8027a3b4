//! Codes that read as something else than they mean.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use portcullis::cloud::{
    client::Account,
    context::{HeaderText, Http, HttpError, HttpRequest, HttpResponse},
};
use serde_json::json;

use crate::{
    harness::{Case, Cloud, Judged, block_on, fault, judge, judge_as},
    ledger::Said,
};

/// Stands before the network and answers one operation with an error.
struct Answering {
    inner: Arc<dyn Http>,
    action: &'static str,
    code: &'static str,
}

impl Http for Answering {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let is_meant = request.headers.iter().any(|(name, value)| {
            *name == "x-acs-action" && matches!(value, HeaderText::Plain(text) if text == self.action)
        });
        if !is_meant {
            return self.inner.send(request);
        }
        let body = json!({"Code": self.code, "Message": "The specified VPC is not what it was.", "RequestId": "R-1"});
        let response = HttpResponse { status: 403, headers: Vec::new(), body: body.to_string().into_bytes() };
        async move { Ok(response) }.boxed()
    }
}

async fn answered(world: &Case, action: &'static str, code: &'static str) -> Said {
    let cloud = Cloud::start_through(&world.document, |inner| Arc::new(Answering { inner, action, code }));
    let account = Account::new("sandbox", Arc::new(cloud.provider()));
    let Judged { said, .. } = judge_as(&cloud, account, &world.planted.trusted).await.unwrap();
    tokio::task::spawn_blocking(move || drop(cloud)).await.unwrap();
    said
}

/// Trap 34 of alibaba-api.md section 17: `Forbidden.VpcNotFound` says that the VPC is gone, and not that nobody may
/// look; the codes beside it say the latter.
#[test]
fn a_vpc_that_is_gone_is_not_one_that_may_not_be_read() {
    let world = Case::named("path-same-vpc");
    let under = |kind: &str| {
        let document = world.with_lasting(fault("DescribeVSwitches", kind, 0));
        block_on(judge(&document, &world.planted.trusted)).unwrap().said
    };
    let (gone, refused) = (under("not-found"), under("deny"));
    assert_ne!(gone.gaps, refused.gaps);
    assert_eq!(block_on(answered(&world, "DescribeVSwitches", "Forbidden.VpcNotFound")), gone);
    for code in ["Forbidden.RAM", "Forbidden", "Forbidden.Vpc", "StatusForbidden"] {
        assert_eq!(block_on(answered(&world, "DescribeVSwitches", code)), refused, "{code}");
    }
}
