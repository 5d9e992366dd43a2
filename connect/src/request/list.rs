//! Plans the pages of lists and their counts.

use lineshaft_schema::{Condition, Direction, FieldIndex, FieldType, Operand, Operator, Order, Position, RemoteKey};
use serde_json::Value;
use url::Url;

use super::{ListRequest, PageState, RequestPlan, select::selection};
use crate::{
    blueprint::{CountPlan, FilterRule, PagingPlan, ResourcePlan, SeekPlan, parse_address, same_origin, unusable},
    capability::Precision,
    codec::Literal,
    dialect::{Comparison, Constant, Expression, SortTerm, SortedBy, Written},
    error::{Error, ErrorKind},
    manifest::{Expired, Select},
    template::{JsonTemplate, Scope, Variables},
};

/// Names of the variables of the parts of the key behind which a page starts.
const CURSOR_NAMES: [&str; 8] = [
    "cursor.0", "cursor.1", "cursor.2", "cursor.3", "cursor.4", "cursor.5", "cursor.6", "cursor.7",
];

/// What a look-up asks for besides what the list request says.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The condition on keys.
    pub(super) condition: Option<Expression>,
    /// The variable `keys`.
    pub(super) keys: Option<Value>,
    /// Whether rows are asked for by their own keys.
    pub(super) by_key: bool,
    /// The reference field and the key of the parent whose rows alone are asked for.
    pub(super) parent: Option<(FieldIndex, Value)>,
}

impl ResourcePlan {
    /// Plans one page of a list. Of the filter, what the system cannot apply is left out; `split` tells what that is.
    ///
    /// # Errors
    /// Returns `NotSupported` when the type cannot be listed or sorted so, `MalformedResponse` when the link to the next
    /// page leads elsewhere, `InvalidSettings` when a template cannot be filled in.
    pub fn plan_list(&self, request: &ListRequest, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        if self.parts.children_only {
            let message = format!("{} cannot be listed on its own in this system", self.parts.type_name);
            return Err(Error::new(ErrorKind::NotSupported, message));
        }
        self.plan_page(request, Asked::default(), variables)
    }

    /// Plans the request that counts the records of a list without reading them; none when the system cannot count.
    ///
    /// # Errors
    /// As `plan_list`.
    pub fn plan_count(&self, request: &ListRequest, variables: &Variables<'_>) -> Result<Option<RequestPlan>, Error> {
        if self.parts.list.count.is_none() || self.parts.children_only {
            return Ok(None);
        }
        let request = ListRequest {
            order: None,
            after: None,
            limit: 1,
            count: true,
            page: None,
            ..request.clone()
        };
        self.plan_request(&request, Asked::default(), true, variables).map(Some)
    }

    pub(super) fn plan_page(
        &self,
        request: &ListRequest,
        asked: Asked,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        if let Some(PageState::Link(link)) = &request.page {
            let first = ListRequest {
                page: None,
                ..request.clone()
            };
            return follow(self.plan_request(&first, asked, false, variables)?, link);
        }
        self.plan_request(request, asked, false, variables)
    }

    /// Returns how many rows a page has at most. It must not change from page to page when pages are counted.
    pub(super) fn page_limit(&self, wanted: u32) -> u32 {
        match self.parts.list.paging {
            PagingPlan::Page { .. } => self.parts.list.page_size,
            // The system alone says how many.
            _ if self.parts.list.is_fixed => self.parts.list.page_size,
            // The record that was read before comes again.
            PagingPlan::StartKey { inclusive: true } => {
                wanted.saturating_add(1).clamp(2, self.parts.list.max_page_size.max(2))
            }
            _ => wanted.clamp(1, self.parts.list.max_page_size),
        }
    }

    fn plan_request(
        &self,
        request: &ListRequest,
        mut asked: Asked,
        counts: bool,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        let parts = &self.parts;
        let base_scope = Scope::new(variables);
        let moved;
        let request = match &request.page {
            Some(PageState::Held { from: Some(key), .. }) => {
                moved = behind(request, key);
                &moved
            }
            _ => request,
        };
        let Written {
            condition,
            parameters: filters,
            values,
            expression,
        } = self.condition(request, &mut asked, &base_scope)?;
        let (select, expand) = selection(self, &request.projection);
        let limit = self.page_limit(request.limit);
        let (offset, page, cursor) = self.place(request);
        let last = offset
            .as_u64()
            .map(|first| first.saturating_add(u64::from(limit)).saturating_sub(1));
        let terms = self.order(request.order)?;
        let (order_name, order_direction) = match terms.first() {
            Some(term) => (term.name.as_str(), parts.language.direction(term.direction)),
            None => ("", ""),
        };
        let (remote, select) = self.named(select);
        let mut scope = Scope::new(variables)
            .with("resource.remote", remote)
            .with("select", select)
            .with("expand", expand)
            .with("where", condition)
            .with("where_values", values)
            .with("where_expression", expression)
            .with("order", parts.language.write_order(&terms, &parts.list.order_separator))
            .with("order_name", order_name)
            .with("order_direction", order_direction)
            .with("limit", limit)
            .with("offset", offset)
            .with("last", last.map_or(Value::Null, Value::from))
            .with("page", page)
            .with("cursor", cursor);
        if matches!(parts.list.paging, PagingPlan::Keyset | PagingPlan::StartKey { .. }) {
            let key = self.start_key(request);
            for (at, name) in CURSOR_NAMES.iter().enumerate().take(parts.key.len()) {
                let part = key.and_then(|key| key.part(at));
                scope = scope.with(name, part.map_or(Value::Null, Value::from));
            }
        }
        let get_many = asked.keys.as_ref().and(parts.get_many.as_ref());
        let own_call = get_many.and_then(|get_many| get_many.call.as_ref());
        if let Some(keys) = asked.keys {
            scope = scope.with("keys", keys);
        }
        let mut query = render(&parts.scope.query, &scope)?;
        if !asked.by_key {
            query.extend(render(&parts.scope.list_query, &scope)?);
        }
        query.extend(filters);
        let (count_call, count_query) = match &parts.list.count {
            Some(CountPlan { call: Some(call), .. }) if counts => (Some(call), None),
            Some(CountPlan { call: None, query, .. }) if counts || request.count => (None, Some(query)),
            _ => (None, None),
        };
        if let Some(texts) = count_query {
            query.extend(render(texts, &scope)?);
        }
        if !asked.by_key
            && let (Some(SeekPlan::Parameter(name)), Some(key)) = (&parts.seek, self.sought_key(request))
        {
            query.push((name.clone(), key_text(key)));
        }
        let mut call = count_call.or(own_call).unwrap_or(&parts.list.call);
        if let Some((field, key)) = asked.parent
            && let Some(children) = parts.children.get(&field)
        {
            scope = scope.with("key", key);
            call = &children.call;
        }
        let mut plan = call.plan(&parts.base, &scope, &scope, query)?;
        complete_headers(&mut plan);
        Ok(plan)
    }

    /// Returns the values of `resource.remote` and `select`, quoted where the language quotes names.
    fn named(&self, select: Value) -> (String, Value) {
        let remote = &self.parts.capability.remote;
        let own = self.parts.language.own().filter(|own| own.quotes_names());
        let (Some(own), Value::Array(names)) = (own, &select) else {
            return (remote.clone(), select);
        };
        let names: Vec<String> = names
            .iter()
            .filter_map(Value::as_str)
            .map(|name| own.name(name))
            .collect();
        let list = if names.is_empty() {
            "*".to_owned()
        } else {
            names.join(", ")
        };
        (own.object(remote), list.into())
    }

    /// Returns the values of `offset`, `page` and `cursor`.
    fn place(&self, request: &ListRequest) -> (Value, Value, Value) {
        let (mut offset, mut page, mut cursor) = (Value::Null, Value::Null, Value::Null);
        match (&self.parts.list.paging, &request.page) {
            (PagingPlan::Offset { .. } | PagingPlan::Range { .. }, Some(PageState::Offset(at))) => {
                offset = Value::from(*at);
            }
            (PagingPlan::Offset { first, .. } | PagingPlan::Range { first, .. }, _) => offset = Value::from(*first),
            (PagingPlan::Page { .. }, Some(PageState::Page(at))) => page = Value::from(*at),
            (PagingPlan::Page { first }, _) => page = Value::from(*first),
            (PagingPlan::Cursor { .. } | PagingPlan::LastRow(_), Some(PageState::Cursor(text))) => {
                cursor = Value::from(text.as_str())
            }
            (PagingPlan::ServerCursor { .. }, Some(PageState::Held { cursor: text, .. })) => {
                cursor = Value::from(text.as_str());
            }
            (PagingPlan::Keyset | PagingPlan::StartKey { .. }, _) => {
                cursor = self
                    .start_key(request)
                    .map_or(Value::Null, |key| Value::from(key_text(key)));
            }
            _ => {}
        }
        (offset, page, cursor)
    }

    /// Returns the key of the record behind which, or with which, a page starts.
    pub(super) fn start_key<'r>(&self, request: &'r ListRequest) -> Option<&'r RemoteKey> {
        match &request.page {
            Some(PageState::Keyset(key)) => Some(key),
            _ => self.sought_key(request),
        }
    }

    /// Returns the request that reads what is left of a list whose cursor the system forgot, where it can be asked for
    /// what is behind the last record.
    pub(crate) fn go_on_behind(&self, request: &ListRequest, last: &RemoteKey) -> Option<ListRequest> {
        let PagingPlan::ServerCursor {
            expired: Expired::Seek, ..
        } = &self.parts.list.paging
        else {
            return None;
        };
        let request = behind(request, last);
        self.sought_key(&request)?;
        Some(ListRequest { page: None, ..request })
    }

    /// Returns the key behind which the request itself starts, when it starts exactly behind it.
    pub(super) fn sought_key<'r>(&self, request: &'r ListRequest) -> Option<&'r RemoteKey> {
        let key = request.after.as_ref()?.key.as_ref()?;
        if request.order.is_some() || key.parts().len() != self.parts.key.len() {
            return None;
        }
        match &self.parts.seek {
            Some(SeekPlan::Parameter(_)) => Some(key),
            Some(_) => self.seek_condition(key).map(|_| key),
            None => matches!(self.parts.list.paging, PagingPlan::Keyset | PagingPlan::StartKey { .. }).then_some(key),
        }
    }

    /// Writes "behind this key"; nothing when the language cannot say so.
    fn seek_condition(&self, key: &RemoteKey) -> Option<Expression> {
        let behind = self.behind_key(key)?;
        let widened = self.parts.language.widened(&behind)?;
        (!widened).then_some(behind)
    }

    fn behind_key(&self, key: &RemoteKey) -> Option<Expression> {
        let constant = |at: usize, kind: Option<&_>| Constant::of(Literal::Text(key.part(at)?.to_owned()), kind);
        match self.parts.seek.as_ref()? {
            SeekPlan::Parameter(_) => None,
            SeekPlan::By { name, kind, part } => Some(Expression::compare(
                name,
                Comparison::Gt,
                constant(*part, kind.as_ref())?,
            )),
            SeekPlan::Key => {
                // Behind (a, b): a is greater, or a is equal and b is greater.
                let mut any = Vec::new();
                for (at, last) in self.parts.key.iter().enumerate() {
                    let mut all = Vec::new();
                    for (before, part) in self.parts.key.iter().enumerate().take(at) {
                        all.push(Expression::compare(
                            &part.name,
                            Comparison::Eq,
                            constant(before, part.kind.as_ref())?,
                        ));
                    }
                    all.push(Expression::compare(
                        &last.name,
                        Comparison::Gt,
                        constant(at, last.kind.as_ref())?,
                    ));
                    any.push(Expression::all(all));
                }
                Expression::any(any)
            }
        }
    }

    fn condition(&self, request: &ListRequest, asked: &mut Asked, scope: &Scope<'_>) -> Result<Written, Error> {
        let parts = &self.parts;
        let mut all = Vec::new();
        let scopes = [
            parts.scope.always.as_ref(),
            parts.scope.list.as_ref().filter(|_| !asked.by_key),
        ];
        for template in scopes.into_iter().flatten() {
            all.extend(if parts.language.quotes_names() {
                fixed(template, scope)?
            } else {
                native(template, scope)?
            });
        }
        all.extend(asked.condition.take());
        all.extend(self.lowering().filter(&self.split(&request.filter).pushed));
        if !asked.by_key {
            if let Some(key) = self.sought_key(request) {
                all.extend(self.seek_condition(key));
            }
            if let (Some(order), Some(after)) = (request.order, &request.after) {
                all.extend(self.at_or_behind(order, after));
            }
        }
        let together = Expression::all(all);
        Ok(if together == Expression::All(Vec::new()) && parts.language.is_text() {
            Written {
                condition: Value::String(String::new()),
                ..Written::default()
            }
        } else {
            let unwritten = || {
                Error::new(
                    ErrorKind::NotSupported,
                    "the system's language cannot say this condition",
                )
            };
            parts.language.write(&together).ok_or_else(unwritten)?
        })
    }

    /// Writes "at or behind the last record in this order". Records without a value may come before or behind those
    /// with one, so they are let through; where that cannot be said, nothing is.
    fn at_or_behind(&self, order: Order, after: &Position) -> Option<Expression> {
        if self.parts.language.is_parameters() {
            return None;
        }
        let value = after.order.clone()?.into_value();
        let operator = match order.direction {
            Direction::Ascending => Operator::Gte,
            Direction::Descending => Operator::Lte,
        };
        if value.is_null() {
            return None;
        }
        let exact = |operator, operand| {
            let condition = Condition {
                field: order.field,
                operator,
                operand,
            };
            let (expression, precision) = self.lowering().condition(&condition)?;
            (precision == Precision::Exact).then_some(expression)
        };
        let behind = exact(operator, Operand::One(value))?;
        if self.parts.filters.get(&order.field).is_some_and(FilterRule::never_null) {
            return Some(behind);
        }
        let missing = exact(Operator::IsNull, Operand::Flag(true))?;
        if self.parts.language.has_or() {
            Expression::any([behind, missing]).filter(|any| self.parts.language.widened(any).is_some())
        } else {
            None
        }
    }

    fn order(&self, order: Option<Order>) -> Result<Vec<SortTerm>, Error> {
        let parts = &self.parts;
        let mut terms = Vec::new();
        if let Some(order) = order {
            let name = parts
                .sorts
                .get(&order.field)
                .ok_or_else(|| Error::new(ErrorKind::NotSupported, "the system cannot sort by this field"))?;
            let field = self.mapping.definition().and_then(|def| def.field_at(order.field));
            terms.push(SortTerm {
                name: name.clone(),
                direction: order.direction,
                by: match field.is_some_and(|field| field.kind == FieldType::Text) {
                    true => SortedBy::Text,
                    false => SortedBy::Field,
                },
            });
        }
        // Rows are put in order, not what stands in them.
        let is_within = |name: &str| {
            let rest = parts.list.each.as_deref().and_then(|each| name.strip_prefix(each));
            rest.is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        if !parts.language.is_parameters() {
            let by = match &parts.seek {
                Some(SeekPlan::By { name, .. }) => vec![name.clone()],
                _ => parts.key.iter().map(|part| part.name.clone()).collect(),
            };
            for name in by.into_iter().filter(|name| !is_within(name)) {
                if terms.iter().all(|term| term.name != name) {
                    terms.push(SortTerm {
                        name,
                        direction: Direction::Ascending,
                        by: SortedBy::Key,
                    });
                }
            }
        }
        Ok(terms)
    }

    /// Returns the number that a list's own answer or an answer to `plan_count` tells.
    pub(super) fn counts_in_list(&self) -> Option<&CountPlan> {
        self.parts.list.count.as_ref().filter(|count| count.call.is_none())
    }

    /// Returns whether fields are selected at all.
    #[must_use]
    pub fn selects_fields(&self) -> bool {
        self.parts.list.select != Select::None
    }
}

/// Returns the request for what is behind a record.
fn behind(request: &ListRequest, key: &RemoteKey) -> ListRequest {
    ListRequest {
        after: Some(Position {
            key: Some(key.clone()),
            order: None,
            given: 0,
            ended: false,
        }),
        ..request.clone()
    }
}

fn native(template: &JsonTemplate, scope: &Scope<'_>) -> Result<Option<Expression>, Error> {
    let condition = template.render(scope).map_err(unusable)?;
    let empty = match &condition {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => true,
    };
    Ok((!empty).then_some(Expression::Native(condition)))
}

/// Returns the condition that fields have certain values.
fn fixed(template: &JsonTemplate, scope: &Scope<'_>) -> Result<Option<Expression>, Error> {
    let condition = template.render(scope).map_err(unusable)?;
    let Value::Object(fields) = condition else {
        return Ok(None);
    };
    let constant = |value: &Value| match value {
        Value::Null => Some(Constant::Null),
        Value::Bool(flag) => Some(Constant::Boolean(*flag)),
        Value::Number(number) => Some(Constant::Number(number.to_string())),
        Value::String(text) => Some(Constant::Text(text.clone())),
        _ => None,
    };
    let mut all = Vec::new();
    for (name, value) in &fields {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let constants: Option<Vec<_>> = values.iter().map(constant).collect();
        let condition = constants.and_then(|constants| Expression::one_of(name, constants));
        all.push(
            condition.ok_or_else(|| unusable(format!("the scope says nothing of `{name}` that can be asked for")))?,
        );
    }
    Ok(Some(Expression::all(all)))
}

fn render(
    texts: &[(String, crate::template::TextTemplate)],
    scope: &Scope<'_>,
) -> Result<Vec<(String, String)>, Error> {
    texts
        .iter()
        .map(|(name, template)| Ok((name.clone(), template.render(scope).map_err(unusable)?)))
        .collect()
}

/// Returns the text of a key where a system takes it as one value.
pub(super) fn key_text(key: &RemoteKey) -> String {
    match key.parts() {
        [only] => only.to_string(),
        _ => key.to_string(),
    }
}

/// Asks for JSON unless the manifest says otherwise, and names the type of a body that is text.
pub(crate) fn complete_headers(plan: &mut RequestPlan) {
    let has = |plan: &RequestPlan, wanted: &str| plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !has(plan, "accept") {
        plan.headers.push(("accept".to_owned(), "application/json".to_owned()));
    }
    if let Some(kind) = plan.body.content_type()
        && !has(plan, "content-type")
    {
        plan.headers.push(("content-type".to_owned(), kind.to_owned()));
    }
}

/// Follows a link to the next page, which must lead to where the first page came from. A list that is asked for by POST is
/// so to its end, with the same body.
fn follow(first: RequestPlan, link: &str) -> Result<RequestPlan, Error> {
    let elsewhere = || {
        Error::new(
            ErrorKind::MalformedResponse,
            "the link to the next page leads elsewhere",
        )
    };
    let from = parse_address(&first.url)?;
    let target = from.join(link).map_err(|_| elsewhere())?;
    let clean = target.username().is_empty() && target.password().is_none();
    if !clean || !same_origin(&from, &target) {
        return Err(elsewhere());
    }
    // An absolute link is followed as it was written: some systems cannot read it when it is written anew.
    let url = if Url::parse(link).is_ok() && link.is_ascii() {
        link.to_owned()
    } else {
        target.to_string()
    };
    Ok(RequestPlan { url, ..first })
}
