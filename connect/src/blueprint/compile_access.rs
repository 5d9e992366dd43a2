//! Compiles how the rows of a resource are reached: lists and their pages, look-ups by key, rows of one parent, scopes
//! and seeks.

use std::{collections::BTreeMap, time::Duration};

use lineshaft_schema::{FieldIndex, FieldType, Operator, TypeDef};

use super::{
    Problem,
    call::{Call, Known, escape_pointer},
    compile::Compiler,
    filters::KeyPart,
    key_groups::group_rows,
    names::{can_stand, is_safe_name},
    preset::lay_request,
    resource::{CellsPlan, ChildrenPlan, CountPlan, GetManyPlan, KeptList, ListPlan, PagingPlan, ScopePlan, SeekPlan},
};
use crate::{
    classify::parse_path,
    codec::Literal,
    dialect::{Constant, Expression, Language, LiteralKind},
    manifest::{GetMany, ListOperation, Paging, Resource, Select, Strategy},
    path::Path,
    xml::{Lists, Reading},
};

const LIST_VARIABLES: &[&str] = &[
    "resource.remote",
    "select",
    "expand",
    "where",
    "where_values",
    "where_expression",
    "order",
    "order_name",
    "order_direction",
    "limit",
    "offset",
    "last",
    "page",
    "cursor",
];
const KEYS_VARIABLES: &[&str] = &[
    "resource.remote",
    "select",
    "expand",
    "where",
    "where_values",
    "where_expression",
    "order",
    "order_name",
    "order_direction",
    "limit",
    "offset",
    "last",
    "page",
    "cursor",
    "keys",
];
const CHILDREN_VARIABLES: &[&str] = &[
    "resource.remote",
    "select",
    "expand",
    "where",
    "where_values",
    "where_expression",
    "order",
    "order_name",
    "order_direction",
    "limit",
    "offset",
    "last",
    "page",
    "cursor",
    "key",
];
const KEY_VARIABLES: &[&str] = &["resource.remote", "select", "expand", "key"];

impl Compiler<'_> {
    /// Returns what of the answers is a list however often it comes; JSON tells that itself.
    fn lists(&self, list: &ListOperation, records: Option<&Path>, pointer: &str, problems: &mut Vec<Problem>) -> Lists {
        let lists = Lists::compile(&list.lists, &format!("{pointer}/lists"), problems);
        match records {
            Some(records) if self.is_xml() => lists.with(records),
            Some(_) if !list.lists.is_empty() && !self.is_xml() => {
                let problem = Problem::new(format!("{pointer}/lists"), "JSON has lists of its own");
                problems.push(problem.with_help("write `answers: xml` in `http` if the system answers with XML"));
                lists
            }
            _ => lists,
        }
    }

    fn is_xml(&self) -> bool {
        Reading::compile(self.manifest, &mut Vec::new()).is_xml()
    }

    /// `filled` has the variables of what overlays may change too.
    pub(super) fn list(
        &self,
        list: &ListOperation,
        filled: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<ListPlan> {
        let pointer = format!("{pointer}/list");
        let Some(request) = &list.request else {
            problems.push(Problem::new(pointer, "there is no request to list records with"));
            return None;
        };
        let known = self.known.with(LIST_VARIABLES);
        let call = Call::compile(request, true, &known, &format!("{pointer}/request"), problems);
        let count = match &list.count {
            Some(count) => {
                let pointer = format!("{pointer}/count");
                if count.path.is_none() && count.header.is_none() {
                    problems.push(Problem::new(
                        pointer.clone(),
                        "says neither a path nor a header of the number",
                    ));
                }
                let own = count.request.as_ref();
                Some(CountPlan {
                    path: count
                        .path
                        .as_ref()
                        .and_then(|path| parse_path(path, &format!("{pointer}/path"), problems)),
                    header: count.header.clone(),
                    query: filled
                        .with(LIST_VARIABLES)
                        .texts(&count.query, &format!("{pointer}/query"), problems),
                    call: own.and_then(|request| {
                        Call::compile(request, true, &known, &format!("{pointer}/request"), problems)
                    }),
                })
            }
            None => None,
        };
        let page_size = list.page_size.unwrap_or(100);
        let max_page_size = list.max_page_size.unwrap_or(page_size);
        if page_size == 0 || max_page_size < page_size {
            problems.push(Problem::new(
                format!("{pointer}/page_size"),
                "must be at least 1 and at most `max_page_size`",
            ));
        }
        let paging = paging(list.paging.as_ref(), &pointer, problems);
        let records = parse_path(
            list.records.as_deref().unwrap_or_default(),
            &format!("{pointer}/records"),
            problems,
        );
        let lists = self.lists(list, records.as_ref(), &pointer, problems);
        let call = call?;
        if let PagingPlan::StartKey { inclusive: true } = paging
            && max_page_size < 2
        {
            problems.push(Problem::new(
                format!("{pointer}/max_page_size"),
                "must be at least 2 where pages begin with the record before",
            ));
        }
        let uses_part = |variable: &str| variable == "cursor" && (0..8_u8).any(|at| call.uses(&format!("cursor.{at}")));
        if let Some((paging, variable)) = needed_variable(&paging)
            && !call.uses(variable)
            && !uses_part(variable)
        {
            let problem = Problem::new(
                format!("{pointer}/paging"),
                format!("`{paging}` needs `{{{{{variable}}}}}` in the request"),
            );
            problems.push(problem);
        }
        let is_fixed = !matches!(paging, PagingPlan::None) && !call.uses("limit") && !call.uses("last");
        Some(ListPlan {
            is_fixed,
            call,
            records: records?,
            each: list.each.clone(),
            cells: list.cells.as_ref().and_then(|cells| {
                Some(CellsPlan {
                    columns: parse_path(&cells.columns, &format!("{pointer}/cells/columns"), problems)?,
                    text: cells.text.clone(),
                    name: cells.name.clone(),
                    offset: cells.offset.clone(),
                    length: cells.length.clone(),
                })
            }),
            column: list.column.clone(),
            pairs: list.pairs.clone(),
            paging,
            more: list
                .more
                .as_ref()
                .and_then(|path| parse_path(path, &format!("{pointer}/more"), problems)),
            last: list
                .last
                .as_ref()
                .and_then(|path| parse_path(path, &format!("{pointer}/last"), problems)),
            columns: list.columns.clone(),
            page_size,
            max_page_size,
            count,
            select: list.select.unwrap_or(Select::None),
            order_separator: list.order_separator.clone().unwrap_or_else(|| ",".to_owned()),
            lacks: list.lacks.clone(),
            lists,
        })
    }

    pub(super) fn get_many(
        &self,
        get_many: &GetMany,
        list: &ListOperation,
        key: &[KeyPart],
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<GetManyPlan> {
        let via = get_many.via.filter(|via| *via != Strategy::None)?;
        let pointer = format!("{pointer}/get_many");
        if get_many.max_keys == Some(0) {
            problems.push(Problem::new(format!("{pointer}/max_keys"), "must be at least 1"));
        }
        let record = parse_path(
            get_many.record.as_deref().unwrap_or_default(),
            &format!("{pointer}/record"),
            problems,
        )?;
        let request_pointer = format!("{pointer}/request");
        let by_parameter = language.is_parameters();
        let call = match (via, &get_many.request) {
            (Strategy::Each, Some(request)) => {
                let known = self.known.with(KEY_VARIABLES);
                let call = Call::compile(request, true, &known, &request_pointer, problems)?;
                let uses_part = (0..8_u8).any(|at| call.uses(&format!("key.{at}")));
                if !call.uses("key") && !uses_part {
                    problems.push(Problem::new(request_pointer, "does not use `{{key}}`"));
                }
                Some(call)
            }
            (Strategy::In, Some(_)) if by_parameter => {
                let known = self.known.with(KEYS_VARIABLES);
                let request = lay_request(list.request.clone(), get_many.request.as_ref())?;
                let call = Call::compile(&request, true, &known, &request_pointer, problems)?;
                if !call.uses("keys") {
                    problems.push(Problem::new(request_pointer, "does not use `{{keys}}`"));
                }
                Some(call)
            }
            (Strategy::Each, None) => {
                problems.push(Problem::new(pointer, "`each` needs a request"));
                return None;
            }
            (Strategy::In | Strategy::OrChain, _) if by_parameter => {
                problems.push(Problem::new(
                    pointer,
                    "with query parameters, keys are fetched `in` a request with `{{keys}}`, or `each`",
                ));
                return None;
            }
            (Strategy::OrChain, _) if !language.has_or() => {
                problems.push(Problem::new(
                    format!("{pointer}/via"),
                    "the dialect has no `or`; use `in`",
                ));
                return None;
            }
            (Strategy::In, _) if key.len() == 1 && !language.has_in() => {
                problems.push(Problem::new(
                    format!("{pointer}/via"),
                    "the language has neither `in` nor `or`; use `each`",
                ));
                return None;
            }
            (Strategy::In | Strategy::OrChain, _)
                if get_many.max_keys != Some(1) && key.len() > 1 && !can_ask_for_two(key, language) =>
            {
                let message = "the language cannot ask for several keys of more than one part";
                let problem = Problem::new(format!("{pointer}/via"), message);
                problems.push(problem.with_help("give a form for `in`, use `each`, or write `max_keys: 1`"));
                return None;
            }
            (Strategy::In | Strategy::OrChain, Some(_)) => {
                let problem = Problem::new(
                    request_pointer,
                    "has no effect: keys are fetched with the request of the list",
                );
                problems.push(problem);
                None
            }
            (Strategy::List, Some(_)) => {
                let message = "has no effect: the list is read with its own request";
                problems.push(Problem::new(request_pointer, message));
                None
            }
            (Strategy::In | Strategy::OrChain | Strategy::List | Strategy::None, _) => None,
        };
        let of_list = [("keep_s", get_many.keep_s), ("max_rows", get_many.max_rows)];
        for (name, number) in of_list {
            match number {
                Some(0) => problems.push(Problem::new(format!("{pointer}/{name}"), "must be at least 1")),
                Some(_) if via != Strategy::List && self.manifest.get_many.is_none() => {
                    problems.push(Problem::new(format!("{pointer}/{name}"), "belongs to `via: list`"));
                }
                _ => {}
            }
        }
        let kept = KeptList {
            time: Duration::from_secs(get_many.keep_s.unwrap_or(300).into()),
            most: usize::try_from(get_many.max_rows.unwrap_or(2000)).unwrap_or(2000),
        };
        Some(GetManyPlan {
            via,
            call,
            record,
            kept,
        })
    }

    /// Compiles the requests for the rows of one parent.
    pub(super) fn children(
        &self,
        def: &TypeDef,
        resource: &Resource,
        list: &ListOperation,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<FieldIndex, ChildrenPlan> {
        let mut plans = BTreeMap::new();
        for (name, children) in &resource.children {
            let pointer = format!("{pointer}/children/{}", escape_pointer(name));
            let target = def.field(name).and_then(|field| match field.kind {
                FieldType::Reference(target) if !field.list => Some((field.index, self.catalogue.type_at(target)?)),
                _ => None,
            });
            let Some((index, target)) = target else {
                problems.push(Problem::new(
                    pointer,
                    format!("`{name}` is no reference of {} to a parent", def.name),
                ));
                continue;
            };
            let key = self.keys.get(&target.name).cloned().unwrap_or_default();
            if key.len() != 1 {
                problems.push(Problem::new(
                    pointer,
                    format!("{} must be mapped, with a key of one part", target.name),
                ));
                continue;
            }
            if !is_safe_name(&children.parent_as) || children.parent_as.contains('.') {
                problems.push(Problem::new(
                    format!("{pointer}/parent_as"),
                    format!("`{}` is not a name", children.parent_as),
                ));
            }
            let request_pointer = format!("{pointer}/request");
            let Some(request) = lay_request(list.request.clone(), Some(&children.request)) else {
                continue;
            };
            let known = self.known.with(CHILDREN_VARIABLES);
            let Some(call) = Call::compile(&request, true, &known, &request_pointer, problems) else {
                continue;
            };
            if !call.uses("key") {
                problems.push(Problem::new(request_pointer, "does not use `{{key}}`"));
            }
            plans.insert(
                index,
                ChildrenPlan {
                    call,
                    parent_as: children.parent_as.clone(),
                    key,
                },
            );
        }
        plans
    }

    pub(super) fn scope(
        &self,
        resource: &Resource,
        language: &Language,
        filled: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> ScopePlan {
        let pointer = format!("{pointer}/scope");
        let mut condition = |value: &Option<serde_json::Value>, key: &str| {
            let value = value.as_ref()?;
            let pointer = format!("{pointer}/{key}");
            if language.is_parameters() {
                let problem = Problem::new(pointer, "there are no conditions in the dialect of parameters");
                problems.push(problem.with_help("use `query` or `list_query`"));
                return None;
            }
            let fits = if language.quotes_names() {
                // As text it could say anything.
                value.is_object()
            } else if language.is_text() {
                value.is_string()
            } else {
                value.is_array() || (value.is_object() && language.own().is_some())
            };
            if !fits {
                let problem = Problem::new(pointer, "is not written in the language of the resource's filters");
                problems.push(match language.quotes_names() {
                    true => problem.with_help("give fields and their values: `{company: A, status: [open, done]}`"),
                    false => problem,
                });
                return None;
            }
            filled.json(value, &pointer, problems)
        };
        let (always, list) = (
            condition(&resource.scope.always, "always"),
            condition(&resource.scope.list, "list"),
        );
        ScopePlan {
            always,
            list,
            query: filled.texts(&resource.scope.query, &format!("{pointer}/query"), problems),
            list_query: filled.texts(&resource.scope.list_query, &format!("{pointer}/list_query"), problems),
        }
    }

    pub(super) fn seek(
        &self,
        resource: &Resource,
        key: &[KeyPart],
        language: &Language,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<SeekPlan> {
        let seek = resource.seek.as_ref()?;
        let pointer = format!("{pointer}/seek");
        if seek.parameter.is_none() && !language.has(Operator::Gt, false) {
            problems.push(Problem::new(pointer, "the language has no form for `gt`"));
            return None;
        }
        match (&seek.by, &seek.parameter) {
            (Some(_), Some(_)) => problems.push(Problem::new(pointer, "give `by` or `parameter`, not both")),
            (None, Some(parameter)) => return Some(SeekPlan::Parameter(parameter.clone())),
            (Some(_), None) if language.is_parameters() => {
                problems.push(Problem::new(
                    format!("{pointer}/by"),
                    "needs a dialect with comparisons; use `parameter`",
                ));
            }
            (Some(by), None) => {
                if !can_stand(by, language) {
                    problems.push(Problem::new(
                        format!("{pointer}/by"),
                        format!("`{by}` is not the name of a field"),
                    ));
                }
                let written = resource.key.as_slice();
                let named = key.iter().position(|part| part.name == *by);
                let Some(part) = named.or_else(|| written.iter().position(|path| path == by)) else {
                    // What is compared is the key of the last record: with another field the list would not end.
                    let problem = Problem::new(format!("{pointer}/by"), format!("`{by}` is not a part of the key"));
                    problems.push(problem.with_help(format!("the key is: {}", written.join(", "))));
                    return None;
                };
                let known = key.get(part).and_then(|part| part.kind.clone());
                let kind = known.or(seek.numeric.then_some(LiteralKind::Number));
                return Some(SeekPlan::By {
                    name: by.clone(),
                    kind,
                    part,
                });
            }
            (None, None) if language.has_or_of_all() || (key.len() == 1 && !language.is_parameters()) => {
                return Some(SeekPlan::Key);
            }
            (None, None) => problems.push(Problem::new(pointer, "needs `by` or `parameter` in this dialect")),
        }
        None
    }
}

/// Returns whether the language can ask for two keys that differ in their last part. Keys that differ in more are asked
/// for apart where they have to be.
fn can_ask_for_two(key: &[KeyPart], language: &Language) -> bool {
    let constant = |part: &KeyPart, text: &str| Constant::of(Literal::Text(text.to_owned()), part.kind.as_ref());
    let row = |last: &str| {
        let parts = key.iter().enumerate();
        let texts = parts.map(|(at, part)| constant(part, if at + 1 == key.len() { last } else { "1" }));
        texts.collect::<Option<Vec<_>>>()
    };
    // Of a key that is no number nothing is known here.
    let (Some(first), Some(second)) = (row("1"), row("2")) else {
        return true;
    };
    let groups = group_rows(key.len(), vec![first, second]);
    let both: Option<Vec<Expression>> = groups.iter().map(|group| group.expression(key)).collect();
    let both = both.and_then(Expression::any);
    both.is_some_and(|both| language.widened(&both).is_some())
}

fn paging(paging: Option<&Paging>, pointer: &str, problems: &mut Vec<Problem>) -> PagingPlan {
    let pointer = format!("{pointer}/paging");
    match paging {
        None | Some(Paging::None) => PagingPlan::None,
        Some(Paging::Offset { first, more }) => PagingPlan::Offset {
            first: *first,
            more: more
                .as_ref()
                .and_then(|path| parse_path(path, &format!("{pointer}/offset/more"), problems)),
        },
        Some(Paging::Page { first }) => PagingPlan::Page { first: *first },
        Some(Paging::Cursor { next }) => match parse_path(next, &format!("{pointer}/cursor/next"), problems) {
            Some(next) => PagingPlan::Cursor { next },
            None => PagingPlan::None,
        },
        Some(Paging::Link { body, header }) => {
            if body.is_none() == header.is_none() {
                problems.push(Problem::new(format!("{pointer}/link"), "give `body` or `header`"));
            }
            PagingPlan::Link {
                body: body
                    .as_ref()
                    .and_then(|path| parse_path(path, &format!("{pointer}/link/body"), problems)),
                header: header.clone(),
            }
        }
        Some(Paging::Keyset) => PagingPlan::Keyset,
        Some(Paging::LastRow(path)) => match parse_path(path, &format!("{pointer}/last_row"), problems) {
            Some(path) => PagingPlan::LastRow(path),
            None => PagingPlan::None,
        },
        Some(Paging::StartKey { inclusive }) => PagingPlan::StartKey { inclusive: *inclusive },
        Some(Paging::Range { first, header }) => {
            let header = header.as_deref().unwrap_or("content-range");
            if header.parse::<http::HeaderName>().is_err() {
                problems.push(Problem::new(
                    format!("{pointer}/range/header"),
                    format!("`{header}` is not the name of a header"),
                ));
            }
            PagingPlan::Range {
                first: *first,
                header: header.to_owned(),
            }
        }
        Some(Paging::ServerCursor { next, expired }) => {
            match parse_path(next, &format!("{pointer}/server_cursor/next"), problems) {
                Some(next) => PagingPlan::ServerCursor {
                    next,
                    expired: *expired,
                },
                None => PagingPlan::None,
            }
        }
    }
}

const fn needed_variable(paging: &PagingPlan) -> Option<(&'static str, &'static str)> {
    match paging {
        PagingPlan::Offset { .. } => Some(("offset", "offset")),
        PagingPlan::Page { .. } => Some(("page", "page")),
        PagingPlan::Cursor { .. } => Some(("cursor", "cursor")),
        PagingPlan::Keyset => Some(("keyset", "cursor")),
        PagingPlan::LastRow(_) => Some(("last_row", "cursor")),
        PagingPlan::StartKey { .. } => Some(("start_key", "cursor")),
        PagingPlan::Range { .. } => Some(("range", "offset")),
        PagingPlan::ServerCursor { .. } => Some(("server_cursor", "cursor")),
        PagingPlan::None | PagingPlan::Link { .. } => None,
    }
}
