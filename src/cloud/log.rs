//! Log queries, repeated until their results are complete, or not taken at all.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{
    api::sls::{GetLogs, MOST_ROWS},
    api::wire::Problems,
    client::{Account, Client},
    error::{CallError, Class},
    request::ReadRequest,
};

/// A query that is incomplete is asked so often in all.
const MOST_ASKED: u32 = 10;

/// The wait before the first repeat; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// All rows of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    pub rows: Vec<T>,
    /// True if there may be more: what the rows show was there, what they do not show is unknown.
    pub is_cut: bool,
}

/// Sends a query of [`super::api::sls`] until the service says that the results are complete.
///
/// # Errors
///
/// The call's failure; results that stay incomplete are one too.
pub async fn read<T: DeserializeOwned>(
    client: &Client,
    account: &Account,
    request: &ReadRequest,
) -> Result<Rows<T>, CallError> {
    let mut wait = FIRST_WAIT;
    for asked in 1..=MOST_ASKED {
        let reply = client.read(account, request).await?;
        let logs: GetLogs<T> = reply.parse()?;
        let mut problems = Problems::default();
        let meta = logs.meta.read("meta", &mut problems).unwrap_or_default();
        let limited = meta.limited.optional("meta.limited", &mut problems);
        let progress = meta.progress.required_text("meta.progress", &mut problems).unwrap_or_default();
        if !problems.is_empty() {
            return Err(reply.unlike(problems.summary()));
        }
        if progress.eq_ignore_ascii_case("complete") {
            let most = limited.filter(|limit| *limit > 0).map_or(MOST_ROWS, |limit| limit.min(MOST_ROWS));
            return Ok(Rows { is_cut: logs.data.len() as u64 >= most, rows: logs.data });
        }
        if asked < MOST_ASKED {
            client.context().clock.sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
    let reason = "the log service gives partial results only";
    Err(CallError::new(request, Class::Transient, "log-incomplete", reason)
        .with_advice("run again later, or shorten the window"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cloud::{
        api::sls::{FlowSource, Window, flow_sources},
        context::HttpResponse,
        testing::{Answer, account, client, json},
    };

    fn request() -> ReadRequest {
        let window = Window { region: "cn-hangzhou", project: "flow", logstore: "vpc-1", from: 0, to: 60 };
        flow_sources(window, "vpc-1", "203.0.113.7".parse().unwrap(), &[15011, 15012])
    }

    fn rows(progress: &str, count: usize, limited: u64) -> Answer {
        let data = vec![serde_json::json!({"source": "192.0.2.1", "records": "2"}); count];
        json(200, &serde_json::json!({"meta": {"progress": progress, "limited": limited}, "data": data}).to_string())
    }

    async fn outcome(answer: impl Fn(u64) -> Answer + Send + Sync + 'static) -> (Result<(usize, bool), String>, u64) {
        let client = client(move |number, _| answer(number));
        let outcome = read::<FlowSource>(&client, &account(), &request()).await;
        let outcome = outcome.map(|rows| (rows.rows.len(), rows.is_cut)).map_err(|error| error.code);
        (outcome, client.stats().api_calls)
    }

    #[tokio::test(start_paused = true)]
    async fn partial_results_are_never_taken() {
        assert_eq!(outcome(|_| rows("Complete", 1, 10_000)).await, (Ok((1, false)), 1));
        let late = |number| rows(if number < 3 { "Incomplete" } else { "Complete" }, 1, 0);
        assert_eq!(outcome(late).await, (Ok((1, false)), 4));
        assert_eq!(outcome(|_| rows("Incomplete", 1, 0)).await, (Err("log-incomplete".to_owned()), 10));
        assert_eq!(outcome(|_| json(200, r#"{"meta":{},"data":[]}"#)).await, (Err("schema".to_owned()), 1));
        assert_eq!(outcome(|_| json(200, r#"{"data":[]}"#)).await, (Err("schema".to_owned()), 1));
        assert_eq!(outcome(|_| json(200, r#"{"meta":{"progress":"Complete"}}"#)).await, (Err("schema".to_owned()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn rows_up_to_the_limit_may_not_be_all() {
        assert_eq!(outcome(|_| rows("Complete", 100, 100)).await, (Ok((100, true)), 1));
        assert_eq!(outcome(|_| rows("Complete", 99, 100)).await, (Ok((99, false)), 1));
        assert_eq!(outcome(|_| rows("Complete", 10_000, 0)).await, (Ok((10_000, true)), 1));
    }

    fn packed(body: &[u8], size: &str, kind: &str) -> Answer {
        let body = zstd::bulk::compress(body, 3).unwrap();
        let headers =
            vec![("x-log-compresstype".to_owned(), kind.to_owned()), ("x-log-bodyrawsize".to_owned(), size.to_owned())];
        Ok(HttpResponse { status: 200, headers, body })
    }

    #[tokio::test(start_paused = true)]
    async fn packed_bodies_are_unpacked_within_bounds() {
        const BODY: &[u8] = br#"{"meta":{"progress":"Complete"},"data":[{"source":"192.0.2.1"}]}"#;
        let size = BODY.len().to_string();
        let right = size.clone();
        assert_eq!(outcome(move |_| packed(BODY, &right, "zstd")).await.0, Ok((1, false)));
        for (size, kind) in [("1", "zstd"), ("99999999999", "zstd"), ("x", "zstd"), (size.as_str(), "lz4")] {
            let (size, kind) = (size.to_owned(), kind.to_owned());
            assert_eq!(outcome(move |_| packed(BODY, &size, &kind)).await.0, Err("schema".to_owned()));
        }
    }
}
