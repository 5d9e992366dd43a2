//! The seam to whoever knows callers: turns the head of a request into what resolvers may use, or
//! says why the caller is turned away.

use std::{any::Any, fmt, future::Future, sync::Arc, time::Duration};

use async_graphql::Data;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, request::Parts};
use uuid::Uuid;

use super::{Code, Refusal};

/// Authenticates a request by its head, before its body is read.
pub trait Prepare: Send + Sync + 'static {
    /// Returns what the request may use.
    fn prepare(&self, parts: &Parts) -> impl Future<Output = Result<Prepared, AuthError>> + Send;
}

type Insert = Box<dyn Fn(&mut Data) + Send + Sync>;
type Found = Box<dyn FnOnce(&mut Data) + Send>;
type Find = Box<dyn Fn() -> BoxFuture<'static, Result<Found, AuthError>> + Send + Sync>;
type Watch = Box<dyn Fn() -> BoxFuture<'static, EndReason> + Send + Sync>;

/// Why a caller's streams end while they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The token was revoked.
    Revoked,
    /// The token has expired.
    Expired,
}

impl EndReason {
    /// Returns what the caller is told.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Revoked => "the token was revoked",
            Self::Expired => "the token has expired",
        }
    }
}

/// What the resolvers of a request find in their context.
#[derive(Default)]
pub struct Prepared {
    caller: Option<Arc<str>>,
    inserts: Vec<Insert>,
    finds: Vec<Find>,
    watch: Option<Watch>,
}

impl Prepared {
    /// Returns a request of nobody in particular, without data.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the operations of this request against this caller, best a token's id.
    #[must_use]
    pub fn counted_for(mut self, caller: impl Into<Arc<str>>) -> Self {
        self.caller = Some(caller.into());
        self
    }

    /// Gives each operation of the request a copy of this value.
    #[must_use]
    pub fn with_data<D: Any + Clone + Send + Sync>(self, value: D) -> Self {
        self.with_data_from(move || value.clone())
    }

    /// Gives each operation of the request a value of its own, such as loaders.
    #[must_use]
    pub fn with_data_from<D: Any + Send + Sync>(mut self, make: impl Fn() -> D + Send + Sync + 'static) -> Self {
        self.inserts.push(Box::new(move |data| data.insert(make())));
        self
    }

    /// Gives each operation of the request a value that is found when it starts: a socket lives longer than what its
    /// caller may use stays the same.
    #[must_use]
    pub fn with_data_found<D, F>(mut self, find: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        D: Any + Send + Sync,
        F: Future<Output = Result<D, AuthError>> + Send + 'static,
    {
        let find = move || {
            let found = find();
            let insert = async move {
                let value = found.await?;
                let insert: Found = Box::new(move |data| data.insert(value));
                Ok(insert)
            };
            insert.boxed()
        };
        self.finds.push(Box::new(find));
        self
    }

    /// Ends the streams of this request when the future is ready. It is made once for each socket or event stream, and
    /// dropped with it.
    #[must_use]
    pub fn ending_when(mut self, watch: impl Fn() -> BoxFuture<'static, EndReason> + Send + Sync + 'static) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Returns a future that is ready when the streams of this request must end; `None` when they need not.
    #[must_use]
    pub fn ended(&self) -> Option<BoxFuture<'static, EndReason>> {
        self.watch.as_ref().map(|watch| watch())
    }

    /// Returns whom the operations are counted for.
    #[must_use]
    pub fn caller(&self) -> Option<&Arc<str>> {
        self.caller.as_ref()
    }

    /// Puts the values into the data of one operation.
    ///
    /// # Errors
    /// When a value is not found.
    pub async fn insert_into(&self, data: &mut Data) -> Result<(), AuthError> {
        for insert in &self.inserts {
            insert(data);
        }
        for find in &self.finds {
            let insert = find().await?;
            insert(data);
        }
        Ok(())
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Prepared")
            .field("inserts", &self.inserts.len())
            .finish_non_exhaustive()
    }
}

/// Why a caller is turned away. Messages are shown to the caller, except that of `Internal`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Who is calling is unknown: 401.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller is known and may not: 403.
    #[error("{0}")]
    Forbidden(String),
    /// The caller asks too often: 429.
    #[error("too many requests; wait {} s", .retry_after.as_secs())]
    TooManyRequests {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Callers cannot be checked at the moment: 503.
    #[error("requests cannot be authenticated at the moment")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Checking the caller failed; logged, not shown: 500.
    #[error("{0}")]
    Internal(String),
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        match error {
            AuthError::Unauthenticated(_) => Self::new(Code::Unauthenticated, message),
            AuthError::Forbidden(_) => Self::new(Code::Forbidden, message),
            AuthError::TooManyRequests { retry_after } => {
                Self::new(Code::TooManyRequests, message).retry_after(retry_after)
            }
            AuthError::Unavailable { retry_after } => Self::new(Code::Overloaded, message).retry_after(retry_after),
            AuthError::Internal(_) => Self::new(Code::Internal, message),
        }
    }
}

/// The id under which a request is found in logs; resolvers find it in their context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The header that carries the id in both directions.
    pub const HEADER: &str = "x-request-id";

    /// Takes the caller's id if it is short and plain, else makes one.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let plain = |id: &&str| {
            (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        let given = headers
            .get(Self::HEADER)
            .and_then(|value| value.to_str().ok())
            .filter(plain);
        Self(given.map_or_else(|| Uuid::now_v7().to_string().into(), Arc::from))
    }

    /// Returns the id of one of several operations that share a socket.
    pub(super) fn numbered(&self, operation: u64) -> Self {
        Self(format!("{}.{operation}", self.0).into())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        any::TypeId,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn each_operation_gets_what_is_found_when_it_starts() {
        let count = Arc::new(AtomicU32::new(0));
        let prepared = Prepared::new().with_data("as before").with_data_found(move || {
            let found = count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(match found {
                2 => Err(AuthError::Internal("gone".to_owned())),
                number => Ok(number),
            })
        });
        for number in 0..2_u32 {
            let mut data = Data::default();
            prepared.insert_into(&mut data).await.unwrap();
            let found = data.get(&TypeId::of::<u32>()).and_then(|found| found.downcast_ref());
            assert_eq!(found, Some(&number));
            assert!(data.contains_key(&TypeId::of::<&str>()));
        }
        assert!(prepared.insert_into(&mut Data::default()).await.is_err());
    }
}
