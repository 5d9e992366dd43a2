//! Refuses rules whose parts do not go together.

use super::is_about_credentials;
use crate::{
    blueprint::Problem,
    error::{ErrorKind, speaks_of_credentials},
    manifest::{ErrorRule, OneOrMany},
};

/// Returns whether a rule tells the end of a session by status 500, as some systems do: then it names that status, and
/// says by what else the answer is told from an outage. What refuses credentials never does.
pub(super) fn tells_end_at(rule: &ErrorRule, status: u16) -> bool {
    let named = rule.when.status.as_ref().map_or(&[][..], OneOrMany::as_slice);
    let tells_more = !rule.when.body.is_empty() || !rule.when.headers.is_empty();
    status == 500 && named.contains(&status) && tells_more && rule.kind == ErrorKind::SessionExpired
}

/// Reports reasons beside other kinds, and rules that take a busy or broken system for a word about credentials.
pub(super) fn check_reason(rule: &ErrorRule, pointer: &str, problems: &mut Vec<Problem>) {
    if rule.reason.is_some() && !matches!(rule.kind, ErrorKind::InvalidCredentials | ErrorKind::PermissionDenied) {
        let problem = Problem::new(
            format!("{pointer}/reason"),
            "says something about credentials, the kind does not",
        );
        problems.push(problem.with_help("write `kind: invalid_credentials` or `kind: permission_denied`"));
    }
    let statuses = rule.when.status.as_ref().map_or(&[][..], OneOrMany::as_slice);
    let is_silent = |status: &&u16| !speaks_of_credentials(**status) && !tells_end_at(rule, **status);
    let Some(status) = statuses.iter().find(is_silent) else {
        return;
    };
    if is_about_credentials(rule.kind, rule.reason) {
        let problem = Problem::new(
            format!("{pointer}/when/status"),
            format!("the status {status} is that of a busy or broken system and says nothing about credentials"),
        );
        problems.push(problem.with_help("write `kind: unavailable` or `kind: rate_limited`"));
    }
}

/// Reports rules of the business beside kinds that refuse nothing.
pub(super) fn check_business(rule: &ErrorRule, pointer: &str, problems: &mut Vec<Problem>) {
    let refuses = matches!(
        rule.kind,
        ErrorKind::InvalidRequest | ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::PermissionDenied
    );
    if rule.field_keys.is_some() && !refuses {
        let message = "no field is wrong in a failure of this kind";
        problems.push(Problem::new(format!("{pointer}/field_keys"), message));
    }
    if rule.field_keys.is_some() && rule.field.is_some() {
        let message = "the fields are told by `field_keys` already";
        problems.push(Problem::new(format!("{pointer}/field"), message));
    }
    if rule.rule.is_some() && !refuses {
        let problem = Problem::new(
            format!("{pointer}/rule"),
            "says why the business refuses a write, the kind says that something else is wrong",
        );
        problems
            .push(problem.with_help("write `kind: invalid_request`, `conflict`, `not_found` or `permission_denied`"));
    }
}

/// Reports waits of failures after which nobody waits.
pub(super) fn check_wait(rule: &ErrorRule, pointer: &str, problems: &mut Vec<Problem>) {
    if rule.wait.is_some() && !matches!(rule.kind, ErrorKind::RateLimited | ErrorKind::Unavailable) {
        let problem = Problem::new(format!("{pointer}/wait"), "nobody waits after a failure of this kind");
        problems.push(problem.with_help("write it beside `kind: rate_limited` or `kind: unavailable`"));
    }
}
