//! Finds the rows that the first part of a path names: a set, or one row by its key.

use super::{
    Flavour, Service,
    answer::Request,
    check::key_value,
    data::{Row, value},
    lexer::Literal,
    model::Entity,
    path::Segment,
    problem::Problem,
    value::Value,
};

/// What a path leads to.
pub(crate) struct Found<'a> {
    /// The entity of the rows.
    pub(crate) entity: &'a Entity,
    /// The rows, before any query option.
    pub(crate) rows: Vec<&'a Row>,
    /// Whether it is a list; else it is one row.
    pub(crate) many: bool,
}

/// Finds the rows of a set, or the one with the key.
pub(crate) fn set<'a>(service: &'a Service, request: &Request, segment: &Segment) -> Result<Found<'a>, Problem> {
    let entity = service
        .data
        .model
        .sets
        .get(&segment.name)
        .ok_or_else(|| missing(service, request, &segment.name))?;
    let visible = |row: &&Row| match (&request.company, entity.properties.contains_key(COMPANY)) {
        (Some(company), true) => value(entity, row, COMPANY).text().eq_ignore_ascii_case(company),
        _ => true,
    };
    let Some(key) = &segment.key else {
        let rows = service.data.rows(&segment.name).iter().filter(visible).collect();
        return Ok(Found {
            entity,
            rows,
            many: true,
        });
    };
    let values = key_values(service, entity, key)?;
    let values: Vec<&Value> = values.iter().collect();
    let mut rows = service.data.find(&segment.name, &entity.key, &values);
    rows.retain(visible);
    if rows.is_empty() {
        return Err(Problem::no_row(&segment.name));
    }
    Ok(Found {
        entity,
        rows,
        many: false,
    })
}

/// Picks the row of a key given after a navigation.
pub(crate) fn narrow<'a>(service: &'a Service, found: Found<'a>, segment: &Segment) -> Result<Found<'a>, Problem> {
    let Some(key) = &segment.key else { return Ok(found) };
    let values = key_values(service, found.entity, key)?;
    let fits = |row: &&Row| {
        let same = |(name, wanted): (&String, &Value)| value(found.entity, row, name) == wanted;
        found.entity.key.iter().zip(&values).all(same)
    };
    let rows: Vec<&Row> = found.rows.iter().copied().filter(|row| fits(row)).collect();
    match rows.is_empty() {
        true => Err(Problem::no_row(&segment.name)),
        false => Ok(Found {
            entity: found.entity,
            rows,
            many: false,
        }),
    }
}

/// The property by which Dynamics separates its companies.
const COMPANY: &str = "dataAreaId";

/// Brings the parts of a key into the order of the entity; all parts must be there.
fn key_values(service: &Service, entity: &Entity, key: &[(Option<String>, Literal)]) -> Result<Vec<Value>, Problem> {
    if let ([(None, literal)], [name]) = (key, entity.key.as_slice()) {
        return Ok(vec![key_value(service, entity, name, literal.clone())?]);
    }
    if key.len() != entity.key.len() {
        return Err(Problem::bad(
            "The number of key predicates does not match the number of key properties.",
        ));
    }
    let part = |name: &String| {
        let literal = key
            .iter()
            .find(|(given, _)| given.as_ref() == Some(name))
            .map(|(_, literal)| literal);
        let literal = literal.ok_or_else(|| Problem::bad(format!("The key property '{name}' is missing.")))?;
        key_value(service, entity, name, literal.clone())
    };
    entity.key.iter().map(part).collect()
}

fn missing(service: &Service, request: &Request, name: &str) -> Problem {
    match service.flavour {
        Flavour::Dynamics => {
            let mut problem = Problem::bad(format!(
                "No HTTP resource was found that matches the request URI '{}{}'.",
                request.root, request.path
            ));
            problem.status = 404;
            problem
        }
        _ => Problem::segment(name),
    }
}
