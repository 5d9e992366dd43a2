//! Takes writes: checks the version, locks and the body, lets the handler of the set do the work on a copy of the plant,
//! and keeps the result only when nothing was refused.

mod assets;
mod find;
mod orders;
mod own;
mod products;
mod vendors;
mod work;

#[cfg(test)]
mod tests;

use std::sync::PoisonError;

use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{Dynamics, JSON, calibrations, codes::COMPANY, respond};
use crate::{
    odata::{
        Draft, Entity, Notes, Problem, Purpose, Request, Row, Service, Value, check_version, read_body, show, target,
        value,
    },
    world::World,
};

/// Values that the plant has no place for.
type Rest = Vec<(String, Value)>;

/// One write on its way: a copy of the plant and what is kept besides.
struct Writing<'a> {
    world: World,
    notes: Notes,
    /// When the write happens.
    at: DateTime<Utc>,
    service: &'a Service,
}

impl<'a> Writing<'a> {
    /// Returns the row of the company with a number.
    fn row(&self, set: &str, company: &str, number: &str) -> Option<(&'a Entity, &'a Row)> {
        let entity = self.service.data.model.sets.get(set)?;
        let key = [Value::from(company), Value::from(number)];
        let row = *self
            .service
            .data
            .find(set, &entity.key, &key.iter().collect::<Vec<_>>())
            .first()?;
        Some((entity, row))
    }
}

/// What a write came to.
enum Outcome {
    /// A row was made.
    Created { set: String, key: Vec<Value> },
    /// There is nothing to tell.
    Done,
}

/// Answers a write.
pub(super) fn answer(
    dynamics: &Dynamics,
    method: &Method,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Result<Response, Problem> {
    let outcome = perform(dynamics, method, headers, request, body)?;
    let service = dynamics.service();
    let Outcome::Created { set, key } = outcome else {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    };
    let made = show(&service, request, &set, &key, &Draft::default()).ok_or_else(|| Problem::no_row(&set))?;
    let mut response = respond(StatusCode::CREATED, JSON, made.document.to_string());
    for (name, text) in [(header::LOCATION, &made.address), (header::ETAG, &made.etag)] {
        if let Ok(text) = HeaderValue::from_str(text) {
            response.headers_mut().insert(name, text);
        }
    }
    Ok(response)
}

/// Does a write while no other one is done, so that two clients cannot change the same version.
fn perform(
    dynamics: &Dynamics,
    method: &Method,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Result<Outcome, Problem> {
    let _turn = dynamics.writing.lock().unwrap_or_else(PoisonError::into_inner);
    let service = dynamics.service();
    let mut writing = Writing {
        world: dynamics.state.world().clone(),
        notes: Notes::default(),
        at: dynamics.state.written().now() + TimeDelta::seconds(1),
        service: &service,
    };
    let outcome = dispatch(dynamics, &mut writing, method, headers, request, body)?;
    let mut world = dynamics.state.world_mut();
    *world = writing.world;
    writing.notes.keep(&mut dynamics.state.written_mut());
    Ok(outcome)
}

fn dispatch(
    dynamics: &Dynamics,
    writing: &mut Writing<'_>,
    method: &Method,
    headers: &HeaderMap,
    request: &Request,
    body: &[u8],
) -> Result<Outcome, Problem> {
    let service = writing.service;
    let target = target(service, request)?;
    let entity = target.entity;
    let if_match = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let in_entity = |problem: Problem| problem.in_entity(table(&entity.set));
    match (method.as_str(), target.row) {
        ("POST", None) if !entity.refuses.create => {
            let mut draft = read(service, entity, headers, body, Purpose::Create)?;
            for (name, value) in &target.given {
                draft.set(name, value.clone());
            }
            company(&mut draft).map_err(in_entity)?;
            refuse_locked(
                dynamics,
                draft.text("PurchaseOrderNumber").or(draft.text("WorkOrderId")),
            )
            .map_err(in_entity)?;
            let key = create(writing, &entity.set, draft).map_err(in_entity)?;
            let set = entity.set.clone();
            Ok(Outcome::Created { set, key })
        }
        ("PATCH", Some(row)) if !entity.refuses.update => {
            check_version(service, request, &target, if_match, false)?;
            refuse_locked(dynamics, number(entity, row)).map_err(in_entity)?;
            let draft = read(service, entity, headers, body, Purpose::Change)?;
            change(writing, entity, row, draft).map_err(in_entity)?;
            Ok(Outcome::Done)
        }
        ("DELETE", Some(row)) if !entity.refuses.delete => {
            check_version(service, request, &target, if_match, false)?;
            refuse_locked(dynamics, number(entity, row)).map_err(in_entity)?;
            delete(writing, entity, row).map_err(in_entity)?;
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

/// Brings the company of a new row to its usual form; only one company is set up to be written to.
fn company(draft: &mut Draft) -> Result<(), Problem> {
    let given = draft.text("dataAreaId").unwrap_or(COMPANY).to_owned();
    if !given.eq_ignore_ascii_case(COMPANY) {
        return Err(find::log(format!(
            "The number sequences of company '{given}' are not set up."
        )));
    }
    draft.take("dataAreaId");
    Ok(())
}

/// Returns the number by which a row is locked.
fn number<'a>(entity: &'a Entity, row: &'a Row) -> Option<&'a str> {
    let name = entity.key.get(1)?;
    Some(value(entity, row, name).text())
}

fn refuse_locked(dynamics: &Dynamics, number: Option<&str>) -> Result<(), Problem> {
    let user = number.and_then(|number| dynamics.state.guards.user_of(number));
    match user {
        Some(user) => Err(find::log(format!(
            "The record is locked by user {user}. Try again later."
        ))),
        None => Ok(()),
    }
}

fn create(writing: &mut Writing<'_>, set: &str, draft: Draft) -> Result<Vec<Value>, Problem> {
    match set {
        "PurchaseOrderHeadersV2" => orders::create(writing, draft),
        "PurchaseOrderLinesV2" => orders::create_line(writing, draft),
        "VendorsV2" => vendors::create(writing, draft),
        "AssetMaintenanceAssetsV3" => assets::create(writing, draft),
        "AssetMaintenanceWorkOrderTablesV2" => work::create(writing, draft),
        "AssetMaintenanceWorkOrderLinesV2" => work::create_line(writing, draft),
        calibrations::SET => own::create(writing, draft),
        _ => Err(Problem::method()),
    }
}

fn change(writing: &mut Writing<'_>, entity: &Entity, row: &Row, draft: Draft) -> Result<(), Problem> {
    // The other company has copies of a few records; what is written to them stays with the copies.
    if !value(entity, row, "dataAreaId").text().eq_ignore_ascii_case(COMPANY) {
        writing.notes.change(&entity.set, entity.row_key(row), &draft.values);
        return Ok(());
    }
    match entity.set.as_str() {
        "PurchaseOrderHeadersV2" => orders::change(writing, entity, row, draft),
        "PurchaseOrderLinesV2" => orders::change_line(writing, entity, row, draft),
        "VendorsV2" => vendors::change(writing, entity, row, draft),
        "ReleasedProductsV2" => products::change(writing, entity, row, draft),
        "AssetMaintenanceAssetsV3" => assets::change(writing, entity, row, draft),
        "AssetMaintenanceWorkOrderTablesV2" => work::change(writing, entity, row, draft),
        "AssetMaintenanceWorkOrderLinesV2" => work::change_line(writing, entity, row, draft),
        calibrations::SET => own::change(writing, entity, row, draft),
        _ => Err(Problem::method()),
    }
}

fn delete(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    if !value(entity, row, "dataAreaId").text().eq_ignore_ascii_case(COMPANY) {
        writing.notes.delete(&entity.set, entity.row_key(row));
        return Ok(());
    }
    match entity.set.as_str() {
        "PurchaseOrderHeadersV2" => orders::delete(writing, entity, row),
        "PurchaseOrderLinesV2" => orders::delete_line(writing, entity, row),
        "VendorsV2" => vendors::delete(writing, entity, row),
        "AssetMaintenanceAssetsV3" => assets::delete(writing, entity, row),
        "AssetMaintenanceWorkOrderTablesV2" => work::delete(writing, entity, row),
        calibrations::SET => {
            writing.notes.delete(&entity.set, entity.row_key(row));
            Ok(())
        }
        _ => Err(Problem::method()),
    }
}

/// Returns the name of the entity behind a set, as the system's log writes it.
fn table(set: &str) -> &'static str {
    match set {
        "PurchaseOrderHeadersV2" => "PurchPurchaseOrderHeaderV2Entity",
        "PurchaseOrderLinesV2" => "PurchPurchaseOrderLineV2Entity",
        "VendorsV2" => "VendVendorV2Entity",
        "ReleasedProductsV2" => "EcoResReleasedProductV2Entity",
        "AssetMaintenanceAssetsV3" => "EntAssetObjectTableEntity",
        "AssetMaintenanceWorkOrderTablesV2" => "EntAssetWorkOrderTableEntity",
        "AssetMaintenanceWorkOrderLinesV2" => "EntAssetWorkOrderLineEntity",
        _ => "CommonEntity",
    }
}
