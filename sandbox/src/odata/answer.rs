//! Answers a read: finds the rows of the path, applies the query options and cuts the page.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};

use super::{
    Flavour, Service, atom,
    data::{Row, value},
    evaluate::holds,
    locate::{Found, narrow, set},
    metadata,
    model::Entity,
    path::{Segment, segments},
    problem::Problem,
    query::{self, Query},
    render::Render,
};

/// A read of a service.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The absolute address of the service root, with a slash at its end.
    pub(crate) root: String,
    /// The decoded path below the root.
    pub(crate) path: String,
    /// The decoded query options in order.
    pub(crate) options: Vec<(String, String)>,
    /// The page size the client prefers.
    pub(crate) page: Option<usize>,
    /// Whether the client takes JSON.
    pub(crate) json: bool,
    /// Whether decimals are to be strings in version 4.
    pub(crate) decimals_as_text: bool,
    /// The only company whose rows are visible, if there is such a limit.
    pub(crate) company: Option<String>,
}

/// An answer without its protocol headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A JSON document.
    Json(Json),
    /// Plain text.
    Text(String),
    /// An XML document: metadata or a feed.
    Xml(String),
}

/// Answers a read.
pub(crate) fn answer(service: &Service, request: &Request) -> Result<Answer, Problem> {
    let path = segments(&request.path, service.flavour)?;
    match path.as_slice() {
        [] => Ok(Answer::Json(service_document(service, request))),
        [only] if only.name == "$metadata" => Ok(Answer::Xml(metadata::document(service))),
        [first, rest @ ..] => resource(service, request, first, rest),
    }
}

fn resource(service: &Service, request: &Request, first: &Segment, rest: &[Segment]) -> Result<Answer, Problem> {
    let mut found = set(service, request, first)?;
    for (place, segment) in rest.iter().enumerate() {
        if segment.name == "$count" && found.many {
            let query = query::read(service, found.entity, &request.options)?;
            return Ok(Answer::Text(matching(service, &found, &query).len().to_string()));
        }
        let entity = found.entity;
        let single = || Problem::segment(&segment.name);
        let row = *found.rows.first().filter(|_| !found.many).ok_or_else(single)?;
        let Some(link) = entity.navigations.get(&segment.name) else {
            return property(service, request, entity, row, rest.get(place..).unwrap_or_default());
        };
        let target = service.data.model.sets.get(&link.target).ok_or_else(single)?;
        found = Found {
            entity: target,
            rows: service.data.related(entity, row, link),
            many: link.many,
        };
        found = narrow(service, found, segment)?;
    }
    let query = query::read(service, found.entity, &request.options)?;
    if found.many {
        list(service, request, &found, &query)
    } else {
        one(service, request, &found, &query)
    }
}

fn property(
    service: &Service,
    request: &Request,
    entity: &Entity,
    row: &Row,
    path: &[Segment],
) -> Result<Answer, Problem> {
    let (name, raw) = match path {
        [only] => (&only.name, false),
        [name, last] if last.name == "$value" => (&name.name, true),
        [first, ..] => return Err(Problem::segment(&first.name)),
        [] => return Err(Problem::segment("")),
    };
    let Some(found) = entity.properties.get(name) else {
        return Err(Problem::segment(name));
    };
    let render = Render { service, request };
    let json = render.value(&found.kind, value(entity, row, name));
    if raw {
        return Ok(Answer::Text(
            json.as_str().map_or_else(|| json.to_string(), str::to_owned),
        ));
    }
    Ok(Answer::Json(match service.flavour.is_v2() {
        true => json!({"d": {name.as_str(): json}}),
        false => json!({"@odata.context": render.context(&entity.set, true), "value": json}),
    }))
}

fn one(service: &Service, request: &Request, found: &Found<'_>, query: &Query) -> Result<Answer, Problem> {
    let render = Render { service, request };
    let Some(row) = found.rows.first() else {
        return Err(Problem::no_row(&found.entity.set));
    };
    if service.flavour.is_v2() && !request.json {
        return Ok(Answer::Xml(atom::entry(&render, found.entity, row)));
    }
    let shown = render.row(found.entity, row, query);
    Ok(Answer::Json(match service.flavour.is_v2() {
        true => json!({"d": shown}),
        false => {
            let mut document = json!({"@odata.context": render.context(&found.entity.set, true)});
            if let (Some(document), Json::Object(shown)) = (document.as_object_mut(), shown) {
                document.extend(shown);
            }
            document
        }
    }))
}

fn list(service: &Service, request: &Request, found: &Found<'_>, query: &Query) -> Result<Answer, Problem> {
    let rows = matching(service, found, query);
    let (page, next) = cut(service, request, &rows, query);
    let render = Render { service, request };
    let next = next.map(|token| render.next_link(&token));
    if service.flavour.is_v2() && !request.json {
        return Ok(Answer::Xml(atom::feed(&render, found.entity, page, next.as_deref())));
    }
    let total = query.count.then_some(rows.len());
    let shown: Vec<Json> = page.iter().map(|row| render.row(found.entity, row, query)).collect();
    Ok(Answer::Json(render.page(found.entity, shown, total, next)))
}

fn matching<'a>(service: &Service, found: &Found<'a>, query: &Query) -> Vec<&'a Row> {
    let fits = |row: &Row| {
        query
            .filter
            .as_ref()
            .is_none_or(|filter| holds(service, found.entity, row, filter))
    };
    let mut rows: Vec<&Row> = found.rows.iter().copied().filter(|row| fits(row)).collect();
    sort(service, found.entity, &mut rows, &query.order);
    rows
}

/// Sorts rows; equal ones stay in the order of their keys.
pub(crate) fn sort(service: &Service, entity: &Entity, rows: &mut [&Row], order: &[(String, bool)]) {
    let ignore_case = service.flavour.ignores_case();
    rows.sort_by(|left, right| {
        for (name, down) in order {
            let found = value(entity, left, name).sort_order(value(entity, right, name), ignore_case);
            let found = if *down { found.reverse() } else { found };
            if found.is_ne() {
                return found;
            }
        }
        Ordering::Equal
    });
}

/// Cuts the page out of all rows and tells where the next one starts, if the server ended it.
fn cut<'r, 'a>(
    service: &Service,
    request: &Request,
    rows: &'r [&'a Row],
    query: &Query,
) -> (&'r [&'a Row], Option<String>) {
    let flavour = service.flavour;
    let start = query.skip.min(rows.len());
    let wanted = query.top.unwrap_or(usize::MAX).min(rows.len() - start);
    let limit = match (request.page, query.top) {
        (Some(preferred), _) => preferred.clamp(1, flavour.largest_page()),
        (None, Some(_)) => flavour.largest_page(),
        (None, None) => flavour.default_page(),
    };
    let size = wanted.min(limit);
    let page = rows.get(start..start + size).unwrap_or_default();
    let left = query.top.map(|top| top - size);
    let next = (size < wanted).then(|| query::token(start + size, left));
    (page, next)
}

fn service_document(service: &Service, request: &Request) -> Json {
    let sets = service.data.model.sets.keys();
    match service.flavour {
        flavour if flavour.is_v2() => json!({"d": {"EntitySets": sets.collect::<Vec<_>>()}}),
        Flavour::SapV4 => json!({
            "@odata.context": "$metadata",
            "@odata.metadataEtag": format!("W/\"{}\"", service.namespace.len()),
            "value": sets.map(|set| json!({"name": set, "url": set})).collect::<Vec<_>>(),
        }),
        _ => json!({
            "@odata.context": format!("{}$metadata", request.root),
            "value": sets.map(|set| json!({"name": set, "kind": "EntitySet", "url": set})).collect::<Vec<_>>(),
        }),
    }
}
