//! Puts the codes of a customer's tables in the place of labels, in filters and in what is written.

use std::{borrow::Cow, sync::Arc};

use lineshaft_schema::{Condition, Filter, Operand, Operator, Text, Value};

use super::Connector;
use crate::{
    blueprint::{ResourcePlan, labelled::Labelled, labels::Table},
    context::CallContext,
    error::{Error, ErrorKind},
    request::ListRequest,
    write::{UserError, UserErrorCode, WriteRequest},
};

/// Most labels that a refusal names.
const MOST_TOLD: usize = 30;

type Known<'a> = (&'a Labelled, Arc<Table>);

impl Connector {
    /// Returns a list request that asks for codes instead of their labels; none when no record can match, because there
    /// are no such labels.
    pub(super) async fn with_codes<'r>(
        &self,
        context: &CallContext,
        resource: &ResourcePlan,
        request: &'r ListRequest,
    ) -> Result<Option<Cow<'r, ListRequest>>, Error> {
        let mut known: Vec<Known<'_>> = Vec::new();
        for labelled in resource.parts.labelled.iter().filter(|labelled| labelled.filters) {
            if names(&request.filter, labelled) {
                known.push((labelled, self.table(context, &labelled.of).await?));
            }
        }
        if known.is_empty() {
            return Ok(Some(Cow::Borrowed(request)));
        }
        let Some(filter) = coded(&request.filter, &known) else {
            return Ok(None);
        };
        // Whoever asked relies on what the system was said to apply.
        let is_left = |filter: &Filter| !resource.split(filter).residual.is_always();
        if is_left(&filter) && !is_left(&request.filter) {
            let message = "the system cannot be asked for all codes of this label";
            return Err(Error::new(ErrorKind::NotSupported, message));
        }
        Ok(Some(Cow::Owned(ListRequest {
            filter,
            ..request.clone()
        })))
    }

    /// Returns whether a write gives labels whose codes are written.
    pub(super) fn writes_labels(&self, request: &WriteRequest) -> bool {
        let resource = self.blueprint.resource(request.kind);
        let mut labelled = resource.into_iter().flat_map(|resource| &resource.parts.labelled);
        labelled.any(|labelled| labelled.writes && request.input.values.contains_key(&labelled.field))
    }

    /// Returns a write with codes instead of their labels, or what is wrong with them.
    pub(super) async fn with_written_codes<'r>(
        &self,
        context: &CallContext,
        request: &'r WriteRequest,
    ) -> Result<Result<Cow<'r, WriteRequest>, Vec<UserError>>, Error> {
        let mut written = Cow::Borrowed(request);
        let mut errors = Vec::new();
        let Some(resource) = self.blueprint.resource(request.kind) else {
            return Ok(Ok(written));
        };
        for labelled in resource.parts.labelled.iter().filter(|labelled| labelled.writes) {
            let Some(Value::Text(label)) = request.input.values.get(&labelled.field) else {
                continue;
            };
            let table = self.table(context, &labelled.of).await?;
            match labelled.codes(&table, label.as_str()).as_slice() {
                [code] => {
                    let values = &mut written.to_mut().input.values;
                    values.insert(labelled.field, Value::Text(Text::new(code)));
                }
                found => errors.push(UserError {
                    path: vec![labelled.name.clone()],
                    code: UserErrorCode::InvalidValue,
                    message: refusal(labelled, &table, label.as_str(), found.len()),
                    remote_code: None,
                    remote_message: None,
                }),
            }
        }
        Ok(if errors.is_empty() { Ok(written) } else { Err(errors) })
    }
}

fn refusal(labelled: &Labelled, table: &Table, label: &str, found: usize) -> String {
    if found > 1 {
        return format!("the system has {found} entries `{label}`, so that it is not clear which is meant");
    }
    let known = labelled.labels(table);
    let more = if known.len() > MOST_TOLD { ", …" } else { "" };
    let told: Vec<&str> = known.into_iter().take(MOST_TOLD).collect();
    format!("the system has no `{label}`; it has: {}{more}", told.join(", "))
}

/// Returns whether a filter speaks of a field.
fn names(filter: &Filter, labelled: &Labelled) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|part| names(part, labelled)),
        Filter::Not(part) => names(part, labelled),
        Filter::Field(condition) => condition.field == labelled.field,
    }
}

/// Returns a filter with codes; nothing when it never holds.
fn coded(filter: &Filter, known: &[Known<'_>]) -> Option<Filter> {
    match filter {
        Filter::All(parts) => Some(Filter::All(
            parts.iter().map(|part| coded(part, known)).collect::<Option<_>>()?,
        )),
        Filter::Any(parts) => {
            let possible: Vec<Filter> = parts.iter().filter_map(|part| coded(part, known)).collect();
            (parts.is_empty() || !possible.is_empty()).then_some(Filter::Any(possible))
        }
        Filter::Not(part) => Some(match coded(part, known) {
            Some(part) => Filter::Not(Box::new(part)),
            None => Filter::always(),
        }),
        Filter::Field(condition) => match known.iter().find(|(labelled, _)| labelled.field == condition.field) {
            Some((labelled, table)) => with_codes_of(condition, labelled, table).map(Filter::Field),
            None => Some(filter.clone()),
        },
    }
}

fn with_codes_of(condition: &Condition, labelled: &Labelled, table: &Table) -> Option<Condition> {
    let labels: Vec<&Value> = match (&condition.operator, &condition.operand) {
        (Operator::Eq, Operand::One(value)) => vec![value],
        (Operator::In, Operand::Many(values)) => values.iter().collect(),
        _ => return Some(condition.clone()),
    };
    let texts = labels.into_iter().filter_map(|label| match label {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let codes = texts.flat_map(|label| labelled.codes(table, label));
    let mut codes: Vec<Value> = codes.map(|code| Value::Text(Text::new(code))).collect();
    let (operator, operand) = match (codes.pop()?, codes.is_empty()) {
        (only, true) if condition.operator == Operator::Eq => (Operator::Eq, Operand::One(only)),
        (last, _) => {
            codes.push(last);
            (Operator::In, Operand::Many(codes))
        }
    };
    Some(Condition {
        field: condition.field,
        operator,
        operand,
    })
}
