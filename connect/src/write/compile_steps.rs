//! Checks the requests of an operation and compiles them: steps, conditions, what answers tell.

use std::collections::BTreeSet;

use http::HeaderName;
use lineshaft_schema::Value;
use regex::Regex;

use super::compile::Place;
use crate::{
    blueprint::{Call, Known, Problem, escape_pointer, lay_request},
    classify::{BodyCheck, parse_path},
    manifest::{self, Request, Sends, WriteOperation, WriteStep, load::merge},
    path::Path,
    template::TextTemplate,
};

/// One way to write, compiled.
#[derive(Clone, Debug)]
pub(super) struct OperationPlan {
    pub(super) steps: Vec<StepPlan>,
    pub(super) reply: ReplyPlan,
    pub(super) sends: Sends,
    pub(super) allowed_in: Vec<Value>,
    pub(super) leads_to: Vec<Value>,
    pub(super) native_lock: bool,
    /// Whether the record is read in any case.
    pub(super) reads_first: bool,
    /// Lists whose rows the requests place themselves.
    pub(super) places_children: BTreeSet<String>,
    pub(super) uses_owner: bool,
    pub(super) undo: Option<Call>,
}

/// One request of an operation.
#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) name: String,
    pub(super) call: Call,
    /// The request when a version is expected.
    pub(super) versioned: Option<Call>,
    pub(super) when: Option<String>,
    pub(super) unless: Option<String>,
    pub(super) for_each: Option<String>,
    pub(super) keep: Vec<(String, Path)>,
    pub(super) expect: Vec<BodyCheck>,
    pub(super) message: Option<String>,
}

/// Where an answer tells the key of the record.
#[derive(Clone, Debug)]
pub(super) struct ReplyPlan {
    /// The step whose answer it is.
    pub(super) step: usize,
    pub(super) from: ReplyFrom,
    /// Whether the manifest says so.
    pub(super) told: bool,
    pub(super) warnings: Vec<Path>,
}

/// What of the answer is the key.
#[derive(Clone, Debug)]
pub(super) enum ReplyFrom {
    Record(Path),
    Key(Vec<Path>),
    Header(HeaderName, Regex),
}

const VARIABLES: &[&str] = &[
    "resource.remote",
    "resource.at",
    "row",
    "key",
    "owner",
    "version",
    "current",
    "current_version",
    "client_reference",
    "now",
    "today",
];
const NEW_VARIABLES: &[&str] = &["resource.remote", "row", "owner", "client_reference", "now", "today"];
const NEW_VARIABLES_WITH_KEY: &[&str] = &[
    "resource.remote",
    "row",
    "key",
    "owner",
    "client_reference",
    "now",
    "today",
];
const UNDO_VARIABLES: &[&str] = &["resource.remote", "key", "owner"];
const OPEN: &[&str] = &["row", "current"];
const NEW_OPEN: &[&str] = &["row"];
const OPEN_WITH_ITEM: &[&str] = &["row", "current", "item", "item_index"];
const NEW_OPEN_WITH_ITEM: &[&str] = &["row", "item", "item_index"];

/// Lays an operation of a type over what all types have in common.
pub(super) fn lay_operation(lower: Option<&WriteOperation>, upper: &WriteOperation) -> WriteOperation {
    let Some(lower) = lower else { return upper.clone() };
    let (request, steps) = match (&upper.request, upper.steps.is_empty()) {
        (own, false) => (own.clone(), upper.steps.clone()),
        (own, true) if lower.request.is_some() || own.is_some() => {
            (lay_request(lower.request.clone(), own.as_ref()), Vec::new())
        }
        _ => (None, lower.steps.clone()),
    };
    let first = |upper: &Vec<String>, lower: &Vec<String>| if upper.is_empty() { lower.clone() } else { upper.clone() };
    WriteOperation {
        request,
        steps,
        versioned: upper.versioned.clone().or_else(|| lower.versioned.clone()),
        reply: upper.reply.clone().or_else(|| lower.reply.clone()),
        sends: if upper.sends == Sends::Changes {
            lower.sends
        } else {
            upper.sends
        },
        allowed_in: first(&upper.allowed_in, &lower.allowed_in),
        undo: lay_request(lower.undo.clone(), upper.undo.as_ref()),
    }
}

impl Place<'_> {
    /// Compiles an operation; `name` is `create`, `update`, `delete`, `soft_delete` or that of an action.
    pub(super) fn operation(
        &self,
        name: &str,
        written: &WriteOperation,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<OperationPlan> {
        if written.request.is_some() && !written.steps.is_empty() {
            problems.push(Problem::new(pointer, "give `request` or `steps`, not both"));
        }
        let only;
        let steps = match &written.request {
            Some(request) => {
                only = [WriteStep {
                    request: request.clone(),
                    ..WriteStep::default()
                }];
                &only[..]
            }
            None if written.steps.is_empty() => {
                problems.push(Problem::new(pointer, "there is no request: give `request` or `steps`"));
                return None;
            }
            None => &written.steps,
        };
        let creates = name == "create";
        let reply_at = self.reply_step(written, steps, pointer, problems);
        let mut kept: BTreeSet<String> = BTreeSet::new();
        let mut names = BTreeSet::new();
        let mut plans = Vec::new();
        let mut is_versioned = false;
        for (at, step) in steps.iter().enumerate() {
            let is_only = written.request.is_some();
            let here = if is_only {
                pointer.to_owned()
            } else {
                format!("{pointer}/steps/{at}")
            };
            if !is_only && (step.name.trim().is_empty() || !names.insert(step.name.as_str())) {
                problems.push(Problem::new(
                    format!("{here}/name"),
                    "every step needs a name of its own",
                ));
            }
            let has_key = !creates || at > reply_at;
            let plan = self.step(step, has_key, creates, &kept, &here, problems);
            kept.extend(step.keep.keys().map(|name| format!("kept.{name}")));
            if step.keeps_elements() {
                kept.insert(format!("kept.{}", step.name));
            }
            let Some(mut plan) = plan else { continue };
            if let Some(patch) = &written.versioned
                && plan.call.changes()
                && !is_versioned
            {
                is_versioned = true;
                if step.when.is_some() || step.for_each.is_some() {
                    problems.push(
                        Problem::new(
                            format!("{pointer}/versioned"),
                            format!(
                                "`{}` is not always sent just once: the version would not be compared",
                                step.name
                            ),
                        )
                        .with_help("put first what is always sent, or leave `versioned` out"),
                    );
                }
                plan.versioned =
                    self.versioned(&step.request, patch, step.for_each.is_some(), &kept, pointer, problems);
            }
            plans.push(plan);
        }
        if plans.len() != steps.len() {
            return None;
        }
        if creates && written.versioned.is_some() {
            problems.push(Problem::new(
                format!("{pointer}/versioned"),
                "a new record has no version yet",
            ));
        }
        if !plans.iter().any(|plan| plan.call.changes()) {
            problems
                .push(Problem::new(pointer, "no request changes anything").with_help("name the HTTP method that does"));
        }
        let until_key = plans
            .iter()
            .take(reply_at + 1)
            .filter(|plan| plan.call.changes())
            .count();
        if creates && until_key > 1 {
            problems.push(Problem::new(
                format!("{pointer}/reply/step"),
                "what was made before the key is known could not be taken back",
            ));
        }
        check_kept(steps, pointer, problems);
        let undo = written.undo.as_ref().and_then(|undo| {
            let known = self.context.known.with(UNDO_VARIABLES);
            Call::compile(undo, false, &known, &format!("{pointer}/undo"), problems)
        });
        let calls = || {
            plans
                .iter()
                .flat_map(|plan| std::iter::once(&plan.call).chain(&plan.versioned))
        };
        let conditions = || {
            plans
                .iter()
                .flat_map(|plan| plan.when.iter().chain(&plan.unless).chain(&plan.for_each))
        };
        let uses = |variable: &str| {
            calls().any(|call| call.uses_below(variable))
                || conditions().any(|name| name == variable || name.split('.').next() == Some(variable))
        };
        let lists = |name: &str| name.strip_prefix("children.").map(str::to_owned);
        let mut places_children: BTreeSet<String> = calls().flat_map(Call::variables).filter_map(lists).collect();
        places_children.extend(conditions().filter_map(|name| lists(name)));
        let uses_owner = uses("owner");
        if uses_owner && self.def.owner_field(self.context.catalogue).is_none() {
            problems.push(Problem::new(pointer, format!("{} belongs to no record", self.def.name)));
        }
        Some(OperationPlan {
            reads_first: !creates
                && (written.sends == Sends::Whole || uses("current") || uses("current_version") || uses_owner),
            reply: self.reply(written, reply_at, pointer, problems)?,
            sends: written.sends,
            allowed_in: self.statuses(&written.allowed_in, &format!("{pointer}/allowed_in"), problems),
            leads_to: Vec::new(),
            native_lock: plans.iter().any(|plan| plan.versioned.is_some()),
            places_children,
            uses_owner,
            undo,
            steps: plans,
        })
    }

    fn known(&self, has_key: bool, creates: bool, kept: &BTreeSet<String>, has_item: bool) -> Known {
        let own = match (creates, has_key) {
            (false, _) => VARIABLES,
            (true, true) => NEW_VARIABLES_WITH_KEY,
            (true, false) => NEW_VARIABLES,
        };
        let open = match (creates, has_item) {
            (false, false) => OPEN,
            (false, true) => OPEN_WITH_ITEM,
            (true, false) => NEW_OPEN,
            (true, true) => NEW_OPEN_WITH_ITEM,
        };
        let children = self.write.children.keys().map(|name| format!("children.{name}"));
        self.context
            .known
            .with_open(own, kept.iter().cloned().chain(children).collect(), open)
    }

    fn step(
        &self,
        step: &WriteStep,
        has_key: bool,
        creates: bool,
        kept: &BTreeSet<String>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<StepPlan> {
        let outside = self.known(has_key, creates, kept, false);
        for (name, variable) in [
            ("when", &step.when),
            ("unless", &step.unless),
            ("for_each", &step.for_each),
        ] {
            let Some(variable) = variable else { continue };
            let here = format!("{pointer}/{name}");
            if !outside.is_own(variable) && variable.split('.').next().is_some_and(is_of_connection) {
                problems.push(Problem::new(here, "only variables of the write count here"));
            } else {
                outside.check(std::iter::once(variable.as_str()), &here, problems);
            }
        }
        let known = self.known(has_key, creates, kept, step.for_each.is_some());
        let call = Call::compile(&step.request, false, &known, &format!("{pointer}/request"), problems);
        let keep = step.keep.iter().filter_map(|(name, path)| {
            let here = format!("{pointer}/keep/{}", escape_pointer(name));
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if !is_name {
                problems.push(Problem::new(here.clone(), format!("`{name}` is not a name")));
            }
            Some((name.clone(), parse_path(path, &here, problems)?))
        });
        let keep = keep.collect();
        let expect = BodyCheck::compile(&step.expect, &format!("{pointer}/expect"), problems);
        if step.expect.is_empty() && step.message.is_some() {
            problems.push(Problem::new(
                format!("{pointer}/message"),
                "is never told: there is no `expect`",
            ));
        }
        Some(StepPlan {
            name: step.name.clone(),
            call: call?,
            versioned: None,
            when: step.when.clone(),
            unless: step.unless.clone(),
            for_each: step.for_each.clone(),
            keep,
            expect,
            message: step.message.clone(),
        })
    }

    /// Returns whether the system has a mark of its own for the version of a record.
    pub(super) fn has_native_version(&self) -> bool {
        let version = self.def.field("version");
        let version = version.and_then(|field| self.mapping.field(field.index));
        version.is_some_and(|field| !field.is_digest())
    }

    fn versioned(
        &self,
        request: &Request,
        patch: &serde_json::Value,
        has_item: bool,
        kept: &BTreeSet<String>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Call> {
        let pointer = format!("{pointer}/versioned");
        let mut whole = serde_json::to_value(request).unwrap_or_default();
        merge(&mut whole, patch);
        let request: Request = match serde_json::from_value(whole) {
            Ok(request) => request,
            Err(error) => {
                problems.push(Problem::new(pointer, format!("the request is none any more: {error}")));
                return None;
            }
        };
        let call = Call::compile(
            &request,
            false,
            &self.known(true, false, kept, has_item),
            &pointer,
            problems,
        )?;
        if !call.uses("version") {
            problems.push(Problem::new(pointer.clone(), "does not use `{{version}}`"));
        }
        if !self.has_native_version() {
            problems.push(Problem::new(pointer, "`version` is not a mark of the system's own"));
        }
        Some(call)
    }

    /// Returns the step whose answer tells the key.
    fn reply_step(
        &self,
        written: &WriteOperation,
        steps: &[WriteStep],
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> usize {
        let named = written.reply.as_ref().and_then(|reply| reply.step.as_ref());
        if let Some(name) = named {
            match steps.iter().position(|step| step.name == *name) {
                Some(at) => return at,
                None => problems.push(Problem::new(
                    format!("{pointer}/reply/step"),
                    format!("there is no step `{name}`"),
                )),
            }
        }
        let changes = |request: &Request| {
            let has_body = request.body.is_some() || request.form.is_some() || request.xml.is_some();
            let reads = matches!(request.method.as_deref(), Some("GET" | "HEAD"));
            !request.read_only && !reads && (request.method.is_some() || has_body)
        };
        steps.iter().position(|step| changes(&step.request)).unwrap_or_default()
    }

    fn reply(
        &self,
        written: &WriteOperation,
        step: usize,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<ReplyPlan> {
        let pointer = format!("{pointer}/reply");
        let none = manifest::Reply::default();
        let reply = written.reply.as_ref().unwrap_or(&none);
        let given = [reply.record.is_some(), reply.key.is_some(), reply.header.is_some()];
        let count = given.iter().filter(|given| **given).count();
        if count > 1 {
            problems.push(Problem::new(
                pointer.clone(),
                "`record`, `key` and `header` exclude each other",
            ));
        }
        let parts = self.resource.key.as_slice().len();
        let from = if let Some(paths) = &reply.key {
            let paths = paths.as_slice();
            if paths.len() != parts {
                let message = format!("the key has {parts} parts, but here are {}", paths.len());
                problems.push(Problem::new(format!("{pointer}/key"), message));
            }
            let parsed: Option<Vec<_>> = paths
                .iter()
                .map(|path| parse_path(path, &format!("{pointer}/key"), problems))
                .collect();
            ReplyFrom::Key(parsed?)
        } else if let Some(header) = &reply.header {
            let name = header.name.parse::<HeaderName>();
            let pattern = Regex::new(&header.pattern);
            match (name, pattern) {
                (Ok(name), Ok(pattern)) if pattern.captures_len() == parts + 1 => ReplyFrom::Header(name, pattern),
                (Ok(_), Ok(pattern)) => {
                    let groups = pattern.captures_len() - 1;
                    let message = format!("the key has {parts} parts, but the pattern has {groups} groups");
                    problems.push(Problem::new(format!("{pointer}/header/pattern"), message));
                    return None;
                }
                (Err(_), _) => {
                    let message = format!("`{}` is not the name of a header", header.name);
                    problems.push(Problem::new(format!("{pointer}/header/name"), message));
                    return None;
                }
                (_, Err(_)) => {
                    problems.push(Problem::new(
                        format!("{pointer}/header/pattern"),
                        format!("`{}` is not a regular expression", header.pattern),
                    ));
                    return None;
                }
            }
        } else {
            let record = reply.record.as_deref().unwrap_or_default();
            ReplyFrom::Record(parse_path(record, &format!("{pointer}/record"), problems)?)
        };
        let warnings = reply.warnings.iter().enumerate();
        let warnings =
            warnings.filter_map(|(at, path)| parse_path(path, &format!("{pointer}/warnings/{at}"), problems));
        Some(ReplyPlan {
            step,
            from,
            told: count > 0,
            warnings: warnings.collect(),
        })
    }
}

/// Reports values of answers that may be missing where they must not be: in paths, and as elements of lists, where null
/// would be sent.
fn check_kept(steps: &[WriteStep], pointer: &str, problems: &mut Vec<Problem>) {
    for (at, step) in steps.iter().enumerate() {
        let path = step.request.path.iter().flat_map(|path| variables_of(path));
        let mut used: Vec<String> = path.collect();
        if let Some(body) = &step.request.body {
            elements_of(body, false, &mut used);
        }
        for variable in used {
            let Some(name) = variable.strip_prefix("kept.") else {
                continue;
            };
            let name = name.split('.').next().unwrap_or(name);
            let Some(source) = steps
                .iter()
                .take(at)
                .rev()
                .find(|source| source.keep.contains_key(name))
            else {
                continue;
            };
            let own = step.when.as_deref();
            let is_asked = own == Some(variable.as_str())
                || own.and_then(|own| own.strip_prefix("kept.")) == Some(name)
                || own == source.when.as_deref();
            if source.when.is_some() && source.expect.is_empty() && !is_asked {
                problems.push(
                    Problem::new(
                        format!("{pointer}/steps/{at}/request"),
                        format!("`{variable}` has no value when `{}` is not sent", source.name),
                    )
                    .with_help(format!("say `when: kept.{name}`, or `expect` it in `{}`", source.name)),
                );
            }
        }
    }
}

fn variables_of(text: &str) -> Vec<String> {
    let parsed = TextTemplate::parse(text);
    parsed
        .map(|template| template.variables().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Collects the variables in elements of lists.
fn elements_of(value: &serde_json::Value, is_element: bool, used: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if is_element => used.extend(variables_of(text)),
        serde_json::Value::Array(list) => list.iter().for_each(|element| elements_of(element, true, used)),
        serde_json::Value::Object(members) => members.values().for_each(|member| elements_of(member, false, used)),
        _ => {}
    }
}

fn is_of_connection(first: &str) -> bool {
    matches!(first, "settings" | "credentials" | "session")
}
