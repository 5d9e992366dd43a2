//! Refusals of a system in the words of the input.

use super::{BusinessRule, UserError, UserErrorCode, backward::Source, run::Run, spoken_of};
use crate::error::{Error, ErrorKind, Reach};

impl Run {
    /// Returns a refusal of the system in the words of the input.
    #[must_use]
    pub fn user_error(&self, error: &Error) -> UserError {
        let expects = self.request.expected_version.is_some();
        let field = error
            .remote_field()
            .map(|field| (self.path_of(field), code_of(error, expects)));
        let record = || spoken_of::place_of(&self.blueprint, &self.request, error.spoken_of()?);
        let (path, code) = field
            .or_else(record)
            .unwrap_or_else(|| (Vec::new(), code_of(error, expects)));
        UserError {
            path,
            code,
            message: error.remote_message().unwrap_or_else(|| error.message()).to_owned(),
            remote_code: error.remote_code().map(str::to_owned),
            remote_message: error.remote_message().map(str::to_owned),
        }
    }

    /// Returns a refusal of the system in the words of the input, each field that it found wrong by itself.
    pub(crate) fn user_errors(&self, error: &Error) -> Vec<UserError> {
        let fields = error.wrong_fields();
        if fields.is_empty() {
            return vec![self.user_error(error)];
        }
        let expects = self.request.expected_version.is_some();
        let told = fields.iter().map(|field| UserError {
            path: self.path_of(&field.name),
            code: code_of(&error.clone().with_rule(field.rule.or(error.rule()), None), expects),
            message: field.message.clone(),
            remote_code: error.remote_code().map(str::to_owned),
            remote_message: Some(field.message.clone()),
        });
        told.collect()
    }

    /// Finds the field of the input from which a field of the system came; empty when none did.
    fn path_of(&self, field: &str) -> Vec<String> {
        let parts = field.split(['.', '/']).filter(|name| !name.is_empty());
        // Places in lists are no names: they tell which of several rows it is.
        let (places, names): (Vec<&str>, Vec<&str>) =
            parts.partition(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(last) = names.last() else { return Vec::new() };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let is_whole = |source: &&Source| {
            source.remote.len() == names.len() && source.remote.iter().zip(&names).all(|(a, b)| same(a, b))
        };
        let is_last = |source: &&Source| source.remote.last().is_some_and(|name| same(name, last));
        let is_first =
            |source: &&Source| names.len() == 1 && source.remote.first().is_some_and(|name| same(name, last));
        let is_there = |source: &&Source| places.iter().all(|place| source.input.iter().any(|part| part == place));
        let mut sources = self.sources.iter();
        let found = sources.clone().filter(is_whole).find(is_there);
        let found = found.or_else(|| sources.clone().find(is_whole));
        let found = found.or_else(|| sources.clone().filter(is_last).find(is_there));
        let found = found.or_else(|| sources.clone().find(is_last));
        let found = found.or_else(|| sources.find(is_first));
        if let Some(source) = found {
            return source.input.clone();
        }
        let raw = self.request.input.raw.keys().find(|name| same(name, last));
        raw.map(|name| vec!["raw".to_owned(), name.clone()]).unwrap_or_default()
    }
}

/// Returns the code of a refusal; `expects` says that the write named the version that it expects.
pub(crate) fn code_of(error: &Error, expects: bool) -> UserErrorCode {
    if let Some(rule) = error.rule() {
        return match rule {
            BusinessRule::Required => UserErrorCode::Required,
            BusinessRule::InvalidValue => UserErrorCode::InvalidValue,
            BusinessRule::UnknownReference => UserErrorCode::UnknownReference,
            BusinessRule::Duplicate | BusinessRule::Repeated => UserErrorCode::Duplicate,
            BusinessRule::StatusForbids => UserErrorCode::StatusForbids,
            BusinessRule::PeriodClosed => UserErrorCode::PeriodClosed,
            BusinessRule::Locked => UserErrorCode::Locked,
            BusinessRule::VersionConflict => UserErrorCode::VersionConflict,
            BusinessRule::ApprovalRequired => UserErrorCode::ApprovalRequired,
            BusinessRule::Quantity => UserErrorCode::Quantity,
            BusinessRule::Other => UserErrorCode::BusinessRule,
        };
    }
    match error.kind() {
        ErrorKind::InvalidRequest => UserErrorCode::BusinessRule,
        ErrorKind::Conflict if expects => UserErrorCode::VersionConflict,
        ErrorKind::Conflict => UserErrorCode::Locked,
        ErrorKind::NotFound => UserErrorCode::NotFound,
        ErrorKind::PermissionDenied => UserErrorCode::PermissionDenied,
        ErrorKind::NotSupported => UserErrorCode::OperationNotSupported,
        ErrorKind::RateLimited => UserErrorCode::RateLimited,
        _ if error.reach() == Reach::Unknown => UserErrorCode::InDoubt,
        _ if error.reach() == Reach::NotSent => UserErrorCode::NotSent,
        _ => UserErrorCode::BusinessRule,
    }
}
