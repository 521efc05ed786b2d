//! Waiting for what must come true, with a limit and without a fixed sleep.

use std::time::Duration;

/// Longest wait for anything on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns as soon as `condition` holds; fails the test after half a minute.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "still waiting until {what}");
}

/// Returns as soon as `sql` answers true; fails the test after half a minute.
pub(crate) async fn until(session: &tokio_postgres::Client, sql: &str) {
    let wait = async {
        while !session.query_one(sql, &[]).await.expect("a condition").get::<_, bool>(0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "still waiting until {sql}");
}
