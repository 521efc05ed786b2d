//! Generic plans of an entry's queries, none of them executed.
//!
//! One way for all versions: PREPARE, then EXPLAIN EXECUTE with nulls under `plan_cache_mode = force_generic_plan`. It gives
//! the plan that EXPLAIN (GENERIC_PLAN) of 16 gives (measured 12-18), and unlike that it goes by the extended protocol, which
//! takes exactly one statement: a query of a registry cannot bring a second one along.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::error::PgError;
use super::link::Link;
use super::session::Session;
use crate::domain::event::{PlanReading, PlannedQuery, UsesIndex};
use crate::domain::failure::Failure;
use crate::domain::id::QualifiedName;
use crate::ports::{ExplainRequest, Explainer};
use crate::sql::quote_ident;

const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the planner of one target.
#[derive(Clone)]
pub struct PgExplainer {
    link: Link,
}

impl PgExplainer {
    /// Nothing is sent yet.
    pub fn new(link: Link) -> Self {
        Self { link }
    }
}

#[async_trait]
impl Explainer for PgExplainer {
    async fn explain(&self, requests: &[ExplainRequest]) -> Vec<Result<Vec<PlanReading>, Failure>> {
        let mut session = None;
        let mut answers = Vec::new();
        for request in requests {
            let answer = self.answer(&mut session, request).await;
            if answer.is_err() {
                // Whatever the session is by now, the next request begins with a new one.
                session = None;
            }
            answers.push(answer);
        }
        answers
    }
}

impl PgExplainer {
    async fn answer(
        &self,
        session: &mut Option<Session>,
        request: &ExplainRequest,
    ) -> Result<Vec<PlanReading>, Failure> {
        let session = match session {
            Some(session) => session,
            None => session.insert(self.link.reader("explain").await?),
        };
        let mut readings = Vec::new();
        for query in &request.queries {
            let reading = match best(session, query, &request.index).await {
                Ok(planned) => planned.ok_or_else(|| Failure::refused("the plan has no cost")),
                Err(PgError::Server(error)) => Err(Failure::from(*error)),
                Err(other) => return Err(other.into()),
            };
            readings.push(PlanReading { query: query.clone(), reading });
        }
        Ok(readings)
    }
}

/// The plan as it is; when it leaves the index out only because the table is small, the plan that uses it, and says so.
async fn best(
    session: &Session,
    query: &str,
    index: &QualifiedName,
) -> Result<Option<PlannedQuery>, PgError> {
    let usual = planned(&plan(session, query, &index.schema, SeqScan::Allowed).await?, index);
    if usual.as_ref().is_none_or(|usual| usual.uses == UsesIndex::Yes) {
        return Ok(usual);
    }
    let without = planned(&plan(session, query, &index.schema, SeqScan::Avoided).await?, index);
    match (usual, without) {
        (Some(usual), Some(other)) if other.uses == UsesIndex::Yes => {
            let node = format!("{} ({} is cheaper at this size)", other.node, usual.node);
            Ok(Some(PlannedQuery { node, ..other }))
        }
        (usual, _) => Ok(usual),
    }
}

/// Whether the planner may read a whole table when it likes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SeqScan {
    Allowed,
    Avoided,
}

/// The plan in a transaction that is rolled back whatever happens.
async fn plan(session: &Session, query: &str, schema: &str, scan: SeqScan) -> Result<Value, PgError> {
    run(session, "BEGIN READ ONLY").await?;
    let plan = plan_in_transaction(session, query, schema, scan).await;
    run(session, "ROLLBACK").await?;
    // A prepared statement is no part of the transaction; a refused PREPARE left none.
    run(session, "DEALLOCATE ALL").await?;
    plan
}

async fn plan_in_transaction(
    session: &Session,
    query: &str,
    schema: &str,
    scan: SeqScan,
) -> Result<Value, PgError> {
    // Registry queries name their tables as the application does: by its own path.
    run(session, &format!("SET LOCAL search_path = {}, public, pg_temp", quote_ident(schema))).await?;
    run(session, "SET LOCAL plan_cache_mode = force_generic_plan").await?;
    if scan == SeqScan::Avoided {
        run(session, "SET LOCAL enable_seqscan = off").await?;
    }
    run(session, &format!("PREPARE cicerone_generic AS {query}")).await?;
    let sql = include_str!("queries/prepared_parameters.sql");
    let parameters: i32 = session.one("prepared_parameters", sql, &[]).await?.get("parameters")?;
    let nulls = vec!["NULL"; usize::try_from(parameters).unwrap_or(0)].join(", ");
    let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE cicerone_generic{nulls}");
    session.one("explain", &explain, &[]).await?.get("QUERY PLAN")
}

async fn run(session: &Session, statement: &str) -> Result<(), PgError> {
    session.execute("explain", statement, DEADLINE).await
}

fn planned(explained: &Value, index: &QualifiedName) -> Option<PlannedQuery> {
    let top = explained.get(0)?.get("Plan")?;
    let cost = top.get("Total Cost")?.as_f64()?;
    let mut nodes = Vec::new();
    flatten(top, &mut nodes);
    let with_index = nodes.iter().find(|node| text(node, "Index Name") == Some(&index.name));
    // Without the index the table's own node is not known for sure: the dearest scan is the one that it is for.
    let scans = nodes.iter().filter(|node| node.get("Relation Name").is_some());
    let dearest = scans.max_by(|a, b| own_cost(a).total_cmp(&own_cost(b)));
    let node = with_index.or(dearest).and_then(|node| text(node, "Node Type")).unwrap_or("no scan");
    let uses = if with_index.is_some() { UsesIndex::Yes } else { UsesIndex::No };
    Some(PlannedQuery { uses, node: node.to_owned(), cost })
}

fn flatten<'a>(node: &'a Value, into: &mut Vec<&'a Value>) {
    into.push(node);
    for child in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        flatten(child, into);
    }
}

fn own_cost(node: &Value) -> f64 {
    node.get("Total Cost").and_then(Value::as_f64).unwrap_or(0.0)
}

fn text<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(plan: &Value) -> PlannedQuery {
        planned(plan, &QualifiedName::new("public", "ix")).unwrap()
    }

    #[test]
    fn an_index_below_a_bitmap_scan_is_found() {
        let plan = json!([{"Plan": {"Node Type": "Limit", "Total Cost": 9.5, "Plans": [
            {"Node Type": "Bitmap Heap Scan", "Relation Name": "t", "Total Cost": 9.0, "Plans": [
                {"Node Type": "Bitmap Index Scan", "Index Name": "ix", "Total Cost": 4.0}]}]}}]);
        let read = read(&plan);
        assert_eq!((read.uses, read.node.as_str()), (UsesIndex::Yes, "Bitmap Index Scan"));
        assert!((read.cost - 9.5).abs() < 1e-9);
    }

    #[test]
    fn without_it_the_dearest_scan_is_named() {
        let plan = json!([{"Plan": {"Node Type": "Hash Join", "Total Cost": 50.0, "Plans": [
            {"Node Type": "Index Scan", "Index Name": "other", "Relation Name": "u", "Total Cost": 8.0},
            {"Node Type": "Seq Scan", "Relation Name": "t", "Total Cost": 40.0}]}}]);
        let read = read(&plan);
        assert_eq!((read.uses, read.node.as_str()), (UsesIndex::No, "Seq Scan"));
    }
}
