//! Carries out writes: one request creates, changes or deletes one record. PUT, PATCH and DELETE are answered with an
//! empty 200, POST with 201, the new id and the address that reads the record.

mod body;
mod draft;
mod fields;
mod orders;
mod parts;
mod records;
mod tasks;

#[cfg(test)]
mod tests;

use axum::Json;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http::header::LOCATION;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use self::draft::{Draft, Note};
use super::Server;
use super::problem::Problem;

/// What a write is answered with.
enum Done {
    /// An empty 200.
    Empty,
    /// 200 with a body.
    Told(Value),
    /// 201: the address that reads the record, the name and the value of its id.
    Created(String, &'static str, Value),
}

impl Done {
    /// Tells a new record that a list finds by a parameter.
    fn created(list: &str, parameter: &str, name: &'static str, id: Value) -> Self {
        let shown = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        Self::Created(format!("{list}?{parameter}={shown}"), name, id)
    }
}

/// Answers a request that changes something; `below` is the path below `/v2/`.
pub(super) fn answer(server: &Server, method: &Method, below: &str, content: &[u8]) -> Result<Response, Problem> {
    let segments: Vec<&str> = below.split('/').collect();
    let done = {
        let mut world = server.state.world_mut();
        let mut written = server.state.written_mut();
        let mut draft = Draft {
            world: world.clone(),
            at: written.now() + TimeDelta::seconds(1),
            notes: Vec::new(),
            written: &written,
        };
        let done = route(&mut draft, method, &segments, content)?;
        let Draft {
            world: changed, notes, ..
        } = draft;
        *world = changed;
        for note in notes {
            match note {
                Note::Create(table, key, fields) => {
                    written.create(table, &key, fields);
                }
                Note::Change(table, key, fields) => {
                    written.change(table, &key, fields);
                }
                Note::Forget(table, key) => written.forget(table, &key),
            }
        }
        done
    };
    Ok(reply(server, done))
}

fn reply(server: &Server, done: Done) -> Response {
    match done {
        Done::Empty => StatusCode::OK.into_response(),
        Done::Told(body) => Json(body).into_response(),
        Done::Created(path, name, id) => {
            let address = format!("{}/v2/{path}", server.state.base_url);
            let mut response = (StatusCode::CREATED, Json(json!({name: id}))).into_response();
            if let Ok(value) = HeaderValue::try_from(address) {
                response.headers_mut().insert(LOCATION, value);
            }
            response
        }
    }
}

fn route(draft: &mut Draft<'_>, method: &Method, segments: &[&str], content: &[u8]) -> Result<Done, Problem> {
    match (method.as_str(), segments) {
        ("POST", ["tasks"]) => tasks::create(draft, content),
        ("PATCH", ["tasks", id]) if is_id(id) => tasks::update(draft, number(id)?, content),
        ("DELETE", ["tasks", id]) if is_id(id) => tasks::delete(draft, number(id)?),
        ("PUT", ["tasks", id, "parts"]) => tasks::add_part(draft, number(id)?, content),
        ("POST", ["tasks", id, "instructions"]) => tasks::add_step(draft, number(id)?, content),
        ("PATCH", ["tasks", "instructions", id]) => tasks::update_step(draft, number(id)?, content),
        ("DELETE", ["tasks", "instructions", id]) => tasks::delete_step(draft, number(id)?),
        ("DELETE", ["tasks", task, part]) => tasks::delete_part(draft, number(task)?, number(part)?),
        ("POST", ["assets"]) => records::create_asset(draft, content),
        ("PATCH", ["assets", id]) if is_id(id) => records::update_asset(draft, number(id)?, content),
        ("DELETE", ["assets", id]) if is_id(id) => records::delete_asset(draft, number(id)?),
        ("PATCH", ["assets", id, "move"]) => records::move_asset(draft, number(id)?, content),
        ("POST", ["assets", "fields", "batch", "update"]) => fields::update_many(draft, content),
        ("PATCH", [owner @ ("assets" | "parts" | "vendors"), "fields", id]) => {
            fields::update(draft, owner, number(id)?, content)
        }
        ("PUT", [owner @ ("assets" | "parts" | "vendors"), id, "fields"]) => {
            fields::attach(draft, owner, number(id)?, content)
        }
        ("POST", ["parts"]) => parts::create(draft, content),
        ("PATCH", ["parts", id]) if is_id(id) => parts::update(draft, number(id)?, content),
        ("DELETE", ["parts", id]) if is_id(id) => parts::delete(draft, number(id)?),
        ("POST", ["vendors"]) => records::create_vendor(draft, content),
        ("PATCH", ["vendors", id]) if is_id(id) => records::update_vendor(draft, number(id)?, content),
        ("DELETE", ["vendors", id]) if is_id(id) => records::delete_vendor(draft, number(id)?),
        ("POST", ["po"]) => orders::create(draft, content),
        ("PATCH", ["po", id]) if is_id(id) => orders::update(draft, number(id)?, content),
        ("DELETE", ["po", id]) if is_id(id) => orders::delete(draft, number(id)?),
        ("PATCH", ["po", id, "state"]) => orders::change_state(draft, number(id)?, content),
        ("POST", ["po", id, "items"]) => orders::add_line(draft, number(id)?, content),
        ("PATCH", ["po", id, "items", line]) => orders::update_line(draft, number(id)?, number(line)?, content),
        ("DELETE", ["po", id, "items", line]) => orders::delete_line(draft, number(id)?, number(line)?),
        ("PUT", ["po", id, "items", line]) => orders::receive(draft, number(id)?, number(line)?, content),
        _ => Err(Problem::MethodNotSupported),
    }
}

fn is_id(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(segment: &str) -> Result<u32, Problem> {
    segment.parse().map_err(|_| Problem::NotFound(segment.to_owned()))
}

/// Returns the list that a write is about, for the right to it.
pub(super) fn table_of<'a>(segments: &[&'a str]) -> &'a str {
    match segments {
        ["tasks", _, "parts"] => "tasks/parts",
        ["tasks", "instructions", ..] | ["tasks", _, "instructions"] => "tasks/instructions",
        ["tasks", task, part] if is_id(task) && is_id(part) => "tasks/parts",
        ["po", _, "items", ..] => "po/items",
        [first, ..] => first,
        [] => "",
    }
}
