//! The signal that the server is stopping, and the wait until all streams have ended.

use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// Tells the streams of an endpoint to end. Clones share the signal.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

/// Counts as an open stream until it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Open(watch::Receiver<bool>);

impl Stop {
    /// Returns a signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Tells all streams to end, and keeps new ones from beginning.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits until no stream is open. Their number may grow again as long as the server accepts connections.
    pub async fn drained(&self) {
        self.0.closed().await;
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    pub(super) fn enter(&self) -> Open {
        Open(self.0.subscribe())
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Open {
    /// Returns a future that is ready when the stream must end. An endpoint that is gone stops nothing.
    pub(super) fn stopped(&self) -> BoxFuture<'static, ()> {
        let mut receiver = self.0.clone();
        Box::pin(async move {
            if receiver.wait_for(|stopping| *stopping).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
