//! Counts the requests that leave for a real system, and lets no more leave than are allowed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_connect::{
    Error, ErrorKind,
    transport::{Outgoing, Response, SharedWindows, Step, Wire},
};
use url::Url;

/// How many requests have left, and how many more may.
#[derive(Debug, Default)]
pub struct Meter {
    sent: AtomicU32,
    left: AtomicU32,
    refused: AtomicBool,
}

impl Meter {
    /// Allows so many requests from now on, whatever was left before.
    pub fn allow(&self, calls: u32) {
        self.left.store(calls, Ordering::SeqCst);
        self.refused.store(false, Ordering::SeqCst);
    }

    /// Returns how many have left since the beginning.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Tells whether a request was held back because no more were allowed.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    fn take(&self) -> bool {
        let taken = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match taken {
            Ok(_) => {
                self.sent.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => self.refused.store(true, Ordering::SeqCst),
        }
        taken.is_ok()
    }
}

/// A wire that keeps to a meter.
pub struct Metered {
    within: Arc<dyn Wire>,
    meter: Arc<Meter>,
}

impl Metered {
    /// Puts a meter before a wire.
    #[must_use]
    pub fn new(within: Arc<dyn Wire>, meter: Arc<Meter>) -> Self {
        Self { within, meter }
    }
}

impl Wire for Metered {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        if self.meter.take() {
            return self.within.send(request);
        }
        // Of all kinds this one is not tried again in any way, and speaks neither against the system nor the credentials.
        let error = Error::new(ErrorKind::Conflict, "no more calls are allowed");
        std::future::ready(Err(error)).boxed()
    }

    fn notify<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.within.notify(request)
    }

    fn windows(&self) -> Option<SharedWindows> {
        self.within.windows()
    }

    fn trace<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Vec<Step>> {
        self.within.trace(url)
    }
}
