//! Ends an attempt that takes too long, and tells whose fault that is.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Reach};

/// Runs one attempt for at most `limit` and never beyond the deadline of the query.
///
/// A system that had at least half of the limit is told to be slow even if the query ended first, so that it is
/// noticed by queries with little time, too. Whatever was sent by then may have arrived.
pub(crate) async fn limit<T>(
    limit: Duration,
    deadline: Instant,
    attempt: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let started = Instant::now();
    let end = started + limit;
    match timeout_at(end.min(deadline), attempt).await {
        Ok(result) => result,
        Err(_) if end <= deadline || started.elapsed() * 2 >= limit => Err(Error::new(
            ErrorKind::Timeout,
            format!("the system did not answer within {} ms", started.elapsed().as_millis()),
        )
        .with_reach(Reach::Unknown)),
        Err(_) => Err(Error::new(
            ErrorKind::DeadlineExceeded,
            "the query's time was up before the system answered",
        )
        .with_reach(Reach::Unknown)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::future::pending;

    use super::*;

    async fn kind_after(limit_ms: u64, deadline_ms: u64) -> ErrorKind {
        let deadline = Instant::now() + Duration::from_millis(deadline_ms);
        let never = pending::<Result<(), Error>>();
        limit(Duration::from_millis(limit_ms), deadline, never)
            .await
            .unwrap_err()
            .kind()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_system_is_told_from_an_impatient_query() {
        assert_eq!(kind_after(1000, 5000).await, ErrorKind::Timeout);
        assert_eq!(kind_after(1000, 600).await, ErrorKind::Timeout);
        assert_eq!(kind_after(1000, 100).await, ErrorKind::DeadlineExceeded);
    }
}
