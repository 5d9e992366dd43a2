//! Refuses what a spec says but nothing is compared with: it would look checked and never be.

use serde_json::Value as Json;

use super::Wanted;
use crate::blueprint::Problem;

/// Returns what `asked` and `expect` have that this kind of question does not use or its answer does not tell.
pub(super) fn check(of: &Wanted, is_of_type: bool, spec: &Json) -> Vec<Problem> {
    let mut problems = Vec::new();
    let given = |part: &str| -> Vec<String> {
        let members = spec.get(part).and_then(Json::as_object).into_iter().flatten();
        let given = members.filter(|(_, value)| !value.is_null());
        given.map(|(name, _)| name.clone()).collect()
    };
    let expected = given("expect");
    let has_error = expected.iter().any(|name| name == "error");
    let told = tells(of);
    for name in expected.iter().filter(|name| *name != "error") {
        let message = if has_error {
            "is not compared beside `error`: a refusal tells nothing else".to_owned()
        } else if !told.contains(&name.as_str()) {
            format!("is not compared: the answer to this question tells {}", list(told))
        } else {
            continue;
        };
        problems.push(Problem::new(format!("/expect/{name}"), message));
    }
    let used = if is_of_type { uses(of) } else { uses_without_type(of) };
    for name in given("asked").iter().filter(|name| !used.contains(&name.as_str())) {
        let message = format!("changes nothing: this question has {}", list(used));
        problems.push(Problem::new(format!("/asked/{name}"), message));
    }
    let order = spec.pointer("/asked/order").and_then(Json::as_object);
    if order.is_some_and(|order| order.len() > 1) {
        problems.push(Problem::new("/asked/order", "a list is sorted by one field"));
    }
    if spec.pointer("/asked/at").is_some_and(|at| at == "end") {
        problems.push(Problem::new("/asked/at", "no page starts at the end"));
    }
    let body = spec.pointer("/request/body");
    if body.is_some_and(Json::is_null) {
        let message = "is not compared where it is null; leave it out, or name its members";
        problems.push(Problem::new("/request/body", message));
    }
    problems
}

/// Returns what answers tell besides a refusal.
const fn tells(of: &Wanted) -> &'static [&'static str] {
    match of {
        Wanted::List | Wanted::LookUp => &["records", "next", "count"],
        Wanted::Count => &["count"],
        Wanted::Probe => &["account"],
        Wanted::SignIn => &["session"],
        Wanted::Create | Wanted::Update | Wanted::Delete | Wanted::Action(_) => &["key"],
    }
}

/// Returns what a question has.
const fn uses(of: &Wanted) -> &'static [&'static str] {
    match of {
        Wanted::List => &["filter", "order", "first", "fields", "at", "count"],
        Wanted::LookUp => &["keys", "by", "fields"],
        Wanted::Count => &["filter"],
        Wanted::Create | Wanted::Update | Wanted::Delete | Wanted::Action(_) => &["key", "input", "version"],
        Wanted::Probe | Wanted::SignIn => uses_without_type(of),
    }
}

const fn uses_without_type(of: &Wanted) -> &'static [&'static str] {
    match of {
        Wanted::SignIn => &["auth"],
        _ => &[],
    }
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("only {}", names.join(", "))
        }
    }
}
