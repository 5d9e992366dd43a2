//! Takes writes: checks the token, the version, locks and the body, lets the handler of the set do the work on a copy of
//! the plant, and keeps the result only when nothing was refused.

mod find;
mod functions;
mod items;
mod maintenance;
mod objects;
mod orders;
mod own;
mod partners;
mod products;
mod stock;

#[cfg(test)]
mod tests;

use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{Sap, calibrations, logon, mark_version, problem, respond};
use crate::{
    odata::{
        Draft, Entity, Notes, Problem, Purpose, Request, Row, Service, Value, check_version, read_body, show, target,
        value,
    },
    state::SystemState,
    world::World,
};

/// One write on its way: a copy of the plant and what is kept besides.
pub(super) struct Writing<'a> {
    pub(super) world: World,
    pub(super) notes: Notes,
    /// When the write happens.
    pub(super) at: DateTime<Utc>,
    /// The first day that may be posted to, if one was set.
    pub(super) open_from: Option<chrono::NaiveDate>,
    /// What the handlers of the system share.
    pub(super) state: &'a SystemState,
    service: &'a Service,
}

impl<'a> Writing<'a> {
    /// Returns the value that a row shows now, with what was written to it.
    pub(super) fn shown(&self, set: &str, key: &[&str], property: &str) -> Value {
        let Some(entity) = self.service.data.model.sets.get(set) else {
            return Value::Null;
        };
        self.row(entity, key)
            .map_or(Value::Null, |row| value(entity, row, property).clone())
    }

    /// Returns the row with a key whose parts are texts.
    pub(super) fn row(&self, entity: &Entity, key: &[&str]) -> Option<&'a Row> {
        let values: Vec<Value> = entity
            .key
            .iter()
            .zip(key)
            .filter_map(|(name, part)| Some(entity.properties.get(name)?.kind.store(Value::from(*part))))
            .collect();
        let values: Vec<&Value> = values.iter().collect();
        self.service
            .data
            .find(&entity.set, &entity.key, &values)
            .first()
            .copied()
    }

    /// Returns the entity of a set of the service.
    pub(super) fn entity(&self, set: &str) -> Result<&'a Entity, Problem> {
        self.service.data.model.sets.get(set).ok_or_else(Problem::method)
    }
}

/// What a write came to.
enum Outcome {
    /// A row was made.
    Created { set: String, key: Vec<Value>, draft: Draft },
    /// A function returns a row.
    Returned { set: String, key: Vec<Value> },
    /// There is nothing to tell.
    Done,
}

/// Answers a write.
pub(super) fn answer(
    sap: &Sap,
    root: &str,
    service: &Service,
    method: &Method,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Response {
    if !sap.logon.knows_write_token(&sap.state, headers) {
        return logon::token_required();
    }
    let set = request.path.split(['/', '(']).next().unwrap_or_default();
    if sap.state.denies(set) {
        return problem(&Problem::denied(service.flavour, set), service);
    }
    match perform(sap, root, method, headers, request, body) {
        Ok(outcome) => tell(sap, root, request, outcome),
        Err(found) => problem(&found, service),
    }
}

/// Does a write while no other one is done, so that two clients cannot change the same version.
fn perform(
    sap: &Sap,
    root: &str,
    method: &Method,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Result<Outcome, Problem> {
    let _turn = sap.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let services = sap.services();
    let service = services.find(root).ok_or_else(Problem::method)?;
    let mut writing = Writing {
        world: sap.state.world().clone(),
        notes: Notes::default(),
        at: sap.state.written().now() + TimeDelta::seconds(1),
        open_from: sap.state.guards.first_open_day(),
        state: &sap.state,
        service,
    };
    let outcome = dispatch(sap, &mut writing, &verb(method, headers), headers, request, body)?;
    let mut world = sap.state.world_mut();
    *world = writing.world;
    writing.notes.keep(&mut sap.state.written_mut());
    Ok(outcome)
}

/// Returns the method that is meant; it may be tunnelled through a POST.
fn verb(method: &Method, headers: &HeaderMap) -> String {
    let tunnelled = headers.get("x-http-method").and_then(|value| value.to_str().ok());
    match tunnelled {
        Some(tunnelled) if method == Method::POST => tunnelled.to_uppercase(),
        _ => method.to_string(),
    }
}

fn dispatch(
    sap: &Sap,
    writing: &mut Writing<'_>,
    verb: &str,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Result<Outcome, Problem> {
    let service = writing.service;
    if verb == "POST" && functions::has(&service.namespace, &request.path) {
        let parameters = parameters(request)?;
        if let Some((_, number)) = parameters.first() {
            refuse_locked(sap, &request.path, number)?;
        }
        let (set, key) = functions::call(writing, &request.path, &parameters)?;
        return Ok(Outcome::Returned { set, key });
    }
    let target = target(service, request)?;
    let if_match = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let set = target.entity.set.clone();
    let refuses = target.entity.refuses;
    match (verb, target.row) {
        ("POST", None) if !refuses.create || target.is_below => {
            let mut draft = read(service, target.entity, headers, body, Purpose::Create)?;
            for (name, value) in &target.given {
                draft.set(name, value.clone());
            }
            if let Some(number) = document(&set, |name| draft.text(name).map(str::to_owned)) {
                refuse_locked(sap, &set, &number)?;
            }
            let key = create(writing, &set, draft.clone())?;
            Ok(Outcome::Created { set, key, draft })
        }
        ("PATCH" | "MERGE" | "PUT", Some(row)) if !refuses.update => {
            check_version(service, request, &target, if_match, true)?;
            refuse_locked_row(sap, &set, target.entity, row)?;
            let draft = read(service, target.entity, headers, body, Purpose::Change)?;
            change(writing, &set, target.entity, row, draft)?;
            Ok(Outcome::Done)
        }
        ("DELETE", Some(row)) if !refuses.delete => {
            check_version(service, request, &target, if_match, true)?;
            refuse_locked_row(sap, &set, target.entity, row)?;
            delete(writing, &set, target.entity, row)?;
            Ok(Outcome::Done)
        }
        _ => Err(Problem::method()),
    }
}

fn read(
    service: &Service,
    entity: &Entity,
    headers: &HeaderMap,
    body: &[u8],
    purpose: Purpose,
) -> Result<Draft, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().to_lowercase();
    if !kind.starts_with("application/json") {
        return Err(Problem::media_type());
    }
    read_body(service, entity, body, purpose, kind.contains("ieee754compatible=true"))
}

/// Reads the parameters of a function import, which stand in the query as literals.
fn parameters(request: &Request) -> Result<Vec<(String, String)>, Problem> {
    let own = request
        .options
        .iter()
        .filter(|(name, _)| !name.starts_with('$') && !name.starts_with("sap-"));
    own.map(|(name, literal)| {
        let text = literal.find('\'').and_then(|start| literal.get(start + 1..));
        let text = match text {
            Some(text) => text
                .strip_suffix('\'')
                .ok_or_else(|| Problem::bad(format!("Invalid parameter '{name}' of the function import")))?,
            None => literal,
        };
        Ok((name.clone(), text.replace("''", "'")))
    })
    .collect()
}

fn create(writing: &mut Writing<'_>, set: &str, draft: Draft) -> Result<Vec<Value>, Problem> {
    match set {
        "A_PurchaseOrder" | "PurchaseOrder" => orders::create(writing, draft),
        "A_PurchaseOrderItem" | "PurchaseOrderItem" => items::create_item(writing, draft),
        "A_PurOrdAccountAssignment" | "PurchaseOrderAccountAssignment" => items::create_assignment(writing, draft),
        "A_PurchaseOrderNote" | "PurchaseOrderNote" => orders::create_note(writing, draft),
        "A_MaterialDocumentHeader" => stock::post(writing, draft),
        "A_BusinessPartner" => partners::create(writing, draft),
        "A_Product" => products::create(writing, draft),
        "A_ProductDescription" | "A_ProductBasicText" => products::create_text(writing, set, draft),
        "MaintenanceOrder" => maintenance::create(writing, draft),
        "MaintenanceOrderOperation" => maintenance::create_operation(writing, draft),
        "MaintOrderOpComponent" => maintenance::create_component(writing, draft),
        "MaintenanceOrderLongText" => maintenance::create_text(writing, draft),
        "Equipment" => objects::create(writing, draft),
        calibrations::SET => own::create(writing, draft),
        _ => Err(Problem::method()),
    }
}

fn change(writing: &mut Writing<'_>, set: &str, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    let at = |name: &str| value(entity, row, name).text();
    match set {
        "A_PurchaseOrder" | "PurchaseOrder" => orders::change(writing, at("PurchaseOrder"), draft),
        "A_PurchaseOrderItem" | "PurchaseOrderItem" => items::change_item(
            writing,
            at("PurchaseOrder"),
            at("PurchaseOrderItem"),
            entity,
            row,
            draft,
        ),
        "A_PurchaseOrderScheduleLine" => {
            items::change_schedule(writing, at("PurchasingDocument"), at("PurchasingDocumentItem"), draft)
        }
        "PurchaseOrderScheduleLine" => {
            items::change_schedule(writing, at("PurchaseOrder"), at("PurchaseOrderItem"), draft)
        }
        "A_PurOrdAccountAssignment" | "PurchaseOrderAccountAssignment" => {
            items::change_assignment(writing, at("PurchaseOrder"), at("PurchaseOrderItem"), draft)
        }
        "A_PurchaseOrderNote" | "PurchaseOrderNote" => {
            let key = (at("PurchaseOrder"), at("TextObjectType"), at("Language"));
            orders::change_note(writing, key, draft)
        }
        "MaintenanceOrder" => maintenance::change(writing, at("MaintenanceOrder"), draft),
        "MaintenanceOrderOperation" => {
            maintenance::change_operation(writing, at("MaintenanceOrder"), at("MaintenanceOrderOperation"), draft)
        }
        "MaintOrderOpComponent" => maintenance::change_component(writing, entity, row, draft),
        "MaintenanceOrderLongText" => maintenance::change_text(writing, at("MaintenanceOrder"), draft),
        "Equipment" | "EquipmentLongText" => {
            objects::change(writing, set, at("Equipment"), &entity.row_key(row), draft)
        }
        "A_Product"
        | "A_ProductDescription"
        | "A_ProductBasicText"
        | "A_ProductPlant"
        | "A_ProductSupplyPlanning"
        | "A_ProductStorageLocation"
        | "A_ProductValuation" => products::change(writing, set, entity, row, draft),
        calibrations::SET => own::change(writing, entity, row, draft),
        _ if partners::SETS.contains(&set) => partners::change(writing, set, entity, row, draft),
        _ => Err(Problem::method()),
    }
}

fn delete(writing: &mut Writing<'_>, set: &str, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let at = |name: &str| value(entity, row, name).text();
    match set {
        "A_PurchaseOrder" | "PurchaseOrder" => orders::delete(writing, at("PurchaseOrder")),
        "A_PurchaseOrderItem" | "PurchaseOrderItem" => {
            items::delete_item(writing, at("PurchaseOrder"), at("PurchaseOrderItem"))
        }
        "A_PurchaseOrderNote" | "PurchaseOrderNote" => {
            orders::delete_note(writing, at("PurchaseOrder"), at("TextObjectType"), at("Language"))
        }
        "MaintenanceOrderOperation" => {
            maintenance::delete_operation(writing, at("MaintenanceOrder"), at("MaintenanceOrderOperation"))
        }
        "MaintOrderOpComponent" => maintenance::delete_component(writing, entity, row),
        calibrations::SET => {
            own::delete(writing, entity, row);
            Ok(())
        }
        _ => Err(Problem::method()),
    }
}

/// Returns the number of the document that a row belongs to, which is what users lock.
fn document(set: &str, at: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names: &[&str] = match set {
        _ if set.contains("Purch") || set.starts_with("A_PurOrd") => &["PurchaseOrder", "PurchasingDocument"],
        _ if set.starts_with("Maint") => &["MaintenanceOrder"],
        _ if set.starts_with("Equipment") => &["Equipment"],
        _ if set.starts_with("A_Product") => &["Product"],
        calibrations::SET => &["Certificate"],
        _ => &["BusinessPartner", "Supplier"],
    };
    names
        .iter()
        .find_map(|name| at(name))
        .filter(|number| !number.is_empty())
}

fn refuse_locked_row(sap: &Sap, set: &str, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let number = document(set, |name| {
        let has = entity.properties.contains_key(name);
        has.then(|| value(entity, row, name).text().to_owned())
    });
    number.map_or(Ok(()), |number| refuse_locked(sap, set, &number))
}

fn refuse_locked(sap: &Sap, set: &str, number: &str) -> Result<(), Problem> {
    let guards = &sap.state.guards;
    let Some(user) = guards.user_of(number).or_else(|| guards.user_of(find::bare(number))) else {
        return Ok(());
    };
    let is_purchasing = set.contains("Purchase") || set.starts_with("A_PurOrd");
    Err(if is_purchasing {
        Problem::rule(
            "ME/006",
            format!("Purchasing document {number} is currently being processed by user {user}"),
        )
    } else {
        Problem::rule(
            "MC/601",
            format!("Object {number} requested is currently locked by user {user}"),
        )
    })
}

fn tell(sap: &Sap, root: &str, request: &Request, outcome: Outcome) -> Response {
    let services = sap.services();
    let Some(service) = services.find(root) else {
        return respond(StatusCode::NO_CONTENT, "", String::new());
    };
    let is_v2 = service.flavour.is_v2();
    let (status, set, key, draft) = match outcome {
        Outcome::Created { set, key, draft } => (StatusCode::CREATED, set, key, draft),
        Outcome::Returned { set, key } => (StatusCode::OK, set, key, Draft::default()),
        Outcome::Done => {
            let mut response = Response::new(axum::body::Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            mark_version(&mut response, is_v2);
            return response;
        }
    };
    let Some(made) = show(service, request, &set, &key, &draft) else {
        return problem(&Problem::no_row(&set), service);
    };
    let kind = if is_v2 {
        "application/json"
    } else {
        "application/json; odata.metadata=minimal; charset=utf-8"
    };
    let mut response = respond(status, kind, made.document.to_string());
    mark_version(&mut response, is_v2);
    for (name, text) in [(header::LOCATION, &made.address), (header::ETAG, &made.etag)] {
        if let Ok(text) = HeaderValue::from_str(text)
            && (status == StatusCode::CREATED || name == header::ETAG)
        {
            response.headers_mut().insert(name, text);
        }
    }
    response
}

/// Returns the name under which the written values of a set are kept: both versions of a service share them.
pub(super) fn table(set: &str) -> &str {
    match set {
        "PurchaseOrder" => "A_PurchaseOrder",
        "PurchaseOrderItem" => "A_PurchaseOrderItem",
        "PurchaseOrderScheduleLine" => "A_PurchaseOrderScheduleLine",
        "PurchaseOrderAccountAssignment" => "A_PurOrdAccountAssignment",
        "PurchaseOrderNote" => "A_PurchaseOrderNote",
        other => other,
    }
}
