//! One write under way: which request follows, what the answers mean, what is done at the end. Pure; no IO.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lineshaft_schema::{Projection, Record, RemoteKey};

use super::{UserError, WriteRequest};
use crate::{blueprint::Blueprint, error::Error, request::RequestPlan, template::Variables, transport::Response};

/// What comes next in a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The record is read freshly, with [`Run::projection`], and handed to [`Run::read`].
    Read,
    /// A request is sent: [`Run::request`], then [`Run::answered`].
    Send {
        /// Name of the step; empty when there is only one.
        step: String,
        /// Whether it changes something.
        changes: bool,
    },
    /// A row that belongs to the record is written by a write of its own, then [`Run::wrote`]. With the place of the row
    /// in the input, which is put before the paths of its errors.
    Write(Box<WriteRequest>, Vec<String>),
    /// Everything is done.
    Done {
        /// The record; none when it is gone.
        key: Option<RemoteKey>,
        /// What the system remarked.
        warnings: Vec<String>,
    },
}

/// One write under way.
#[derive(Clone, Debug)]
pub struct Run {
    #[expect(dead_code, reason = "shape")]
    request: WriteRequest,
}

#[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "shape")]
impl Run {
    /// Checks and maps a write. Nothing is sent yet.
    ///
    /// # Errors
    /// Returns everything that is wrong with it.
    pub fn start(
        _blueprint: &Arc<Blueprint>,
        request: &WriteRequest,
        _now: DateTime<Utc>,
    ) -> Result<Self, Vec<UserError>> {
        Ok(Self {
            request: request.clone(),
        })
    }

    /// Makes it a dry run: the record is read first whatever the requests need, and its status is checked against those
    /// in which the system allows it. After [`Next::Read`] was dealt with, [`Run::dry`] gives the requests.
    pub fn rehearse(&mut self) {}

    /// Returns what comes next; the same until it was dealt with.
    #[must_use]
    pub fn next(&mut self) -> Next {
        Next::Read
    }

    /// Returns what [`Next::Read`] reads: the raw row and the fields that are compared.
    #[must_use]
    pub fn projection(&self) -> Projection {
        Projection::default()
    }

    /// Plans the request of [`Next::Send`]; it may be planned again with another session.
    ///
    /// # Errors
    /// Names the variable that has no value.
    pub fn request(&self, _variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        Err(Error::new(crate::error::ErrorKind::Internal, "nothing is to be sent"))
    }

    /// Takes the answer to the request of [`Next::Send`], which was judged a success.
    ///
    /// # Errors
    /// Returns why the write is refused; with the code `InDoubt` when the answer does not tell what must be known.
    pub fn answered(&mut self, _response: &Response) -> Result<(), UserError> {
        Ok(())
    }

    /// Takes the record as it was read for [`Next::Read`]; none when there is no such record.
    ///
    /// # Errors
    /// Returns that it does not exist, has another version than was expected, or (in dry runs) does not allow the write.
    pub fn read(&mut self, _row: Option<(serde_json::Value, Arc<Record>)>) -> Result<(), UserError> {
        Ok(())
    }

    /// Takes note that the row of [`Next::Write`] was written.
    pub fn wrote(&mut self, _key: Option<RemoteKey>) {}

    /// Returns whether a request that changes something was answered.
    #[must_use]
    pub fn changed(&self) -> bool {
        false
    }

    /// Returns the key of the record, as soon as it is known.
    #[must_use]
    pub fn key(&self) -> Option<&RemoteKey> {
        None
    }

    /// Plans the request that takes back what was made; none when there is none.
    #[must_use]
    pub fn undo(&self, _variables: &Variables<'_>) -> Option<Result<RequestPlan, Error>> {
        None
    }

    /// Returns a refusal of the system in the words of the input.
    #[must_use]
    pub fn user_error(&self, error: &Error) -> UserError {
        UserError {
            path: Vec::new(),
            code: super::UserErrorCode::BusinessRule,
            message: error.message().to_owned(),
            remote_code: None,
            remote_message: None,
        }
    }

    /// Plans every request of a dry run, each with the name of its step; what only answers can tell stands as
    /// `{{kept.name}}` in it.
    ///
    /// # Errors
    /// Names the setting or credential that has no value.
    pub fn dry(&self, _variables: &Variables<'_>) -> Result<Vec<(String, RequestPlan)>, Error> {
        Ok(Vec::new())
    }
}
