//! Ends an operation when the query's time is up.

use tokio::time::{Instant, timeout_at};

use crate::{
    context::CallContext,
    error::{Error, ErrorKind},
};

/// Runs an operation until the deadline; nothing is started when it has passed already.
pub(crate) async fn keep<T>(
    context: &CallContext,
    operation: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if Instant::now() >= context.deadline() {
        return Err(exceeded());
    }
    timeout_at(context.deadline(), operation)
        .await
        .unwrap_or_else(|_| Err(exceeded()))
}

fn exceeded() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the query's time is up")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_operation_ends_with_the_query_and_does_not_begin_after_it() {
        let context = CallContext::within(Duration::from_secs(1), "r");
        let slow = async {
            sleep(Duration::from_secs(5)).await;
            Ok(())
        };
        assert_eq!(
            keep(&context, slow).await.unwrap_err().kind(),
            ErrorKind::DeadlineExceeded
        );
        let late = async { panic!("must not start") };
        assert_eq!(
            keep::<()>(&context, late).await.unwrap_err().kind(),
            ErrorKind::DeadlineExceeded
        );
    }
}
