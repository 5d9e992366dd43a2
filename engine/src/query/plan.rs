//! Decides for each connection what it is asked for, what is applied here, and what is refused. No IO.

use lineshaft_connect::{blueprint::Blueprint, request::ListRequest};
use lineshaft_schema::{
    Catalogue, Condition, ConnectionId, ConnectionStatus, FieldIndex, FieldType, Filter, Operand, Operator, Position,
    TypeDef, Value,
};

use super::{PageRequest, SourceError, SourceStatus};

/// What to do with one connection.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Ask it.
    Read(Box<Reading>),
    /// Nothing can match, or it has already given everything: no call.
    Nothing,
    /// It cannot take part.
    Refuse(SourceStatus, SourceError),
}

/// What one connection is asked for.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The request of its first page; the limit is set when it is executed.
    pub request: ListRequest,
    /// What is checked here.
    pub residual: Filter,
    /// Whether the records are sorted here.
    pub sort_here: bool,
    /// The field `remoteId`, when records are filtered or sorted here by it: no row has it, it is the text of the key.
    pub remote_id: Option<FieldIndex>,
    /// Conditions and order that the system applies, in words.
    pub pushed_down: Vec<String>,
    /// Conditions and order that are applied here, in words.
    pub applied_here: Vec<String>,
}

/// Plans the part of one connection.
#[must_use]
pub fn plan(
    catalogue: &Catalogue,
    def: &TypeDef,
    request: &PageRequest,
    connection: ConnectionId,
    blueprint: &Blueprint,
    position: Option<&Position>,
) -> Decision {
    let Some(resource) = blueprint
        .resource(def.index)
        .filter(|resource| resource.capability().list)
    else {
        let error = SourceError::new("NOT_SUPPORTED", format!("the connector does not list {}", def.name));
        return Decision::Refuse(SourceStatus::Unsupported, error);
    };
    if position.is_some_and(|position| position.ended) {
        return Decision::Nothing;
    }
    if let Some(field) = missing_field(def, request, |field| resource.capability().fields.contains_key(&field)) {
        let error = SourceError::new(
            "NOT_SUPPORTED",
            format!("the connector does not offer {}.{field}", def.name),
        );
        return Decision::Refuse(SourceStatus::Unsupported, error);
    }
    let filter = resolve_ids(catalogue, def, &request.filter, connection);
    if filter.is_never() {
        return Decision::Nothing;
    }
    let split = resource.split(&filter);
    let order_pushed = request
        .order
        .is_some_and(|order| resource.capability().sorts_by(order.field));
    let sort_here = request.order.is_some() && !order_pushed;

    let remote_id = def.field("remoteId").map(|field| field.index);
    let mut uses_remote_id = sort_here && request.order.map(|order| order.field) == remote_id;
    split
        .residual
        .for_each_field(&mut |field| uses_remote_id |= Some(field) == remote_id);

    let mut projection = request.projection.clone();
    split.residual.for_each_field(&mut |field| projection.insert(field));
    let mut pushed_down = describe(def, &split.pushed);
    let mut applied_here = describe(def, &split.residual);
    if let Some(order) = request.order {
        projection.insert(order.field);
        let name = def.field_at(order.field).map_or("", |field| field.name.as_str());
        let words = format!("orderBy {name}");
        if order_pushed {
            pushed_down.push(words)
        } else {
            applied_here.push(words)
        }
    }
    Decision::Read(Box::new(Reading {
        request: ListRequest {
            kind: def.index,
            filter: split.pushed,
            order: request.order.filter(|_| order_pushed),
            after: position
                .filter(|position| position.key.is_some() && !sort_here)
                .cloned(),
            limit: 0,
            projection,
            count: request.count && split.residual.is_always(),
            page: None,
        },
        residual: split.residual,
        sort_here,
        remote_id: remote_id.filter(|_| uses_remote_id),
        pushed_down,
        applied_here,
    }))
}

/// Returns why a connection with this status is not asked.
pub(crate) fn unusable(status: ConnectionStatus) -> Option<SourceError> {
    let (code, message) = match status {
        status if status.is_usable() => return None,
        ConnectionStatus::ReauthRequired => (
            "REAUTH_REQUIRED",
            "the connection waits for somebody to sign in again; nothing was sent",
        ),
        ConnectionStatus::Paused => ("CONNECTION_PAUSED", "the connection is paused"),
        ConnectionStatus::Disabled => ("CONNECTION_DISABLED", "the connection is disabled"),
        _ => ("CONNECTION_DISCONNECTED", "the connection is disconnected"),
    };
    Some(SourceError::new(code, message))
}

fn missing_field(
    def: &TypeDef,
    request: &PageRequest,
    has: impl Fn(lineshaft_schema::FieldIndex) -> bool,
) -> Option<String> {
    let mut missing = None;
    let mut check = |field| {
        let computed_here = def
            .field_at(field)
            .is_some_and(|field| matches!(field.name.as_str(), "remoteId" | "isDeleted"));
        if !has(field) && !computed_here && missing.is_none() {
            missing = def.field_at(field).map(|field| field.name.clone());
        }
    };
    request.filter.for_each_field(&mut check);
    if let Some(order) = request.order {
        check(order.field);
    }
    missing
}

/// Replaces ids by the keys of the records of one connection; ids of other connections match nothing there.
fn resolve_ids(catalogue: &Catalogue, def: &TypeDef, filter: &Filter, connection: ConnectionId) -> Filter {
    match filter {
        Filter::All(parts) => Filter::All(
            parts
                .iter()
                .map(|part| resolve_ids(catalogue, def, part, connection))
                .collect(),
        ),
        Filter::Any(parts) => Filter::Any(
            parts
                .iter()
                .map(|part| resolve_ids(catalogue, def, part, connection))
                .collect(),
        ),
        Filter::Not(part) => Filter::Not(Box::new(resolve_ids(catalogue, def, part, connection))),
        Filter::Field(condition) => {
            let Operand::Ids(ids) = &condition.operand else {
                return filter.clone();
            };
            let target = def.field_at(condition.field).and_then(|field| match field.kind {
                FieldType::Reference(kind) => catalogue.type_at(kind),
                _ => None,
            });
            let keys = ids
                .iter()
                .filter(|id| id.connection == connection && target.is_some_and(|target| *target.name == *id.kind))
                .map(|id| Value::Reference(id.key.clone()))
                .collect();
            let within = Condition {
                field: condition.field,
                operator: Operator::In,
                operand: Operand::Many(keys),
            };
            match condition.operator {
                Operator::Ne => Filter::Not(Box::new(Filter::Field(within))),
                _ => Filter::Field(within),
            }
        }
    }
}

fn describe(def: &TypeDef, filter: &Filter) -> Vec<String> {
    let mut words = Vec::new();
    collect_words(def, filter, &mut words);
    words
}

fn collect_words(def: &TypeDef, filter: &Filter, words: &mut Vec<String>) {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| collect_words(def, part, words)),
        Filter::Not(part) => collect_words(def, part, words),
        Filter::Field(condition) => {
            let name = def.field_at(condition.field).map_or("", |field| field.name.as_str());
            words.push(format!("{name} {}", condition.operator.name()));
        }
    }
}
