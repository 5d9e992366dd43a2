//! What the writes of all services share: where a write goes, which version it means, and how a row that was made is
//! shown.

use serde_json::{Map, Value as Json, json};

use super::{
    Service,
    answer::Request,
    body::{Draft, kept},
    data::{Row, value},
    locate::{Found, narrow, set},
    model::Entity,
    overlay::{GONE, OWN},
    path::segments,
    problem::Problem,
    query::Query,
    render::Render,
    value::Value,
};
use crate::written::Written;

/// Where a write goes.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// The set of the row.
    pub(crate) entity: &'a Entity,
    /// The row, unless one is to be made.
    pub(crate) row: Option<&'a Row>,
    /// Values that a row made here has because of the row above it.
    pub(crate) given: Vec<(String, Value)>,
    /// Whether the address led through another row.
    pub(crate) is_below: bool,
}

/// Finds out where a write goes.
pub(crate) fn target<'a>(service: &'a Service, request: &Request) -> Result<Target<'a>, Problem> {
    let path = segments(&request.path, service.flavour)?;
    let Some((first, rest)) = path.split_first() else {
        return Err(Problem::method());
    };
    let mut found = set(service, request, first)?;
    let mut given = Vec::new();
    for segment in rest {
        let entity = found.entity;
        let row = *found
            .rows
            .first()
            .filter(|_| !found.many)
            .ok_or_else(|| Problem::segment(&segment.name))?;
        let link = entity.navigations.get(&segment.name);
        let link = link.ok_or_else(|| Problem::segment(&segment.name))?;
        let target = service.data.model.sets.get(&link.target);
        let target = target.ok_or_else(|| Problem::segment(&segment.name))?;
        given = link
            .on
            .iter()
            .map(|(own, other)| (other.clone(), value(entity, row, own).clone()))
            .collect();
        found = Found {
            entity: target,
            rows: service.data.related(entity, row, link),
            many: link.many,
        };
        found = narrow(service, found, segment)?;
    }
    let row = match (found.many, found.rows.first()) {
        (true, _) => None,
        (false, Some(row)) => Some(*row),
        (false, None) => return Err(Problem::no_row(&found.entity.set)),
    };
    Ok(Target {
        entity: found.entity,
        row,
        given,
        is_below: !rest.is_empty(),
    })
}

/// Compares the version that the client means with the one there is.
pub(crate) fn check_version(
    service: &Service,
    request: &Request,
    target: &Target<'_>,
    wanted: Option<&str>,
    is_required: bool,
) -> Result<(), Problem> {
    let Some(row) = target.row else { return Ok(()) };
    let wanted = match wanted.map(str::trim) {
        None if is_required => return Err(Problem::version_missing()),
        None | Some("*") => return Ok(()),
        Some(wanted) => wanted,
    };
    let present = Render { service, request }.etag(target.entity, row);
    let is_present = wanted.split(',').any(|tag| tag.trim() == present);
    if is_present {
        Ok(())
    } else {
        Err(Problem::version_differs())
    }
}

/// A row that was made, as it is shown.
#[derive(Debug)]
pub(crate) struct Made {
    /// The document.
    pub(crate) document: Json,
    /// The address of the row.
    pub(crate) address: String,
    /// Its version.
    pub(crate) etag: String,
}

/// Shows the row with a key, together with the rows below it that a draft had.
pub(crate) fn show(service: &Service, request: &Request, set: &str, key: &[Value], draft: &Draft) -> Option<Made> {
    let entity = service.data.model.sets.get(set)?;
    let values: Vec<&Value> = key.iter().collect();
    let row = *service.data.find(set, &entity.key, &values).first()?;
    let render = Render { service, request };
    let shown = render.row(entity, row, &shape(draft));
    let document = if service.flavour.is_v2() {
        json!({"d": shown})
    } else {
        let mut document = Map::new();
        document.insert("@odata.context".to_owned(), json!(render.context(set, true)));
        if let Json::Object(shown) = shown {
            document.extend(shown);
        }
        Json::Object(document)
    };
    Some(Made {
        document,
        address: render.address(entity, row),
        etag: render.etag(entity, row),
    })
}

/// Returns the query that expands what a draft had below it.
fn shape(draft: &Draft) -> Query {
    let expand = draft.children.iter().map(|(name, rows)| {
        let inner = rows.first().map_or_else(Query::default, shape);
        (name.clone(), inner)
    });
    Query {
        expand: expand.collect(),
        ..Query::default()
    }
}

/// What a write leaves besides its changes of the plant, in order.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    all: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    table: String,
    key: String,
    fields: Map<String, Json>,
    is_new: bool,
}

impl Notes {
    /// Notes that a row of the plant was made, with the values that the plant has no place for.
    pub(crate) fn create(&mut self, table: &str, key: impl Into<String>, values: &[(String, Value)]) {
        self.push(table, key.into(), kept(values), true);
    }

    /// Notes that a row was made that the plant knows nothing of; the values hold its key.
    pub(crate) fn create_own(&mut self, table: &str, key: impl Into<String>, values: &[(String, Value)]) {
        let mut fields = kept(values);
        fields.insert(OWN.to_owned(), Json::Bool(true));
        self.push(table, key.into(), fields, true);
    }

    /// Notes that a row was changed.
    pub(crate) fn change(&mut self, table: &str, key: impl Into<String>, values: &[(String, Value)]) {
        self.push(table, key.into(), kept(values), false);
    }

    /// Notes that a row is not shown any more.
    pub(crate) fn delete(&mut self, table: &str, key: impl Into<String>) {
        let mut fields = Map::new();
        fields.insert(GONE.to_owned(), Json::Bool(true));
        self.push(table, key.into(), fields, false);
    }

    fn push(&mut self, table: &str, key: String, fields: Map<String, Json>, is_new: bool) {
        let table = table.to_owned();
        self.all.push(Note {
            table,
            key,
            fields,
            is_new,
        });
    }

    /// Puts the notes where they are kept.
    pub(crate) fn keep(self, written: &mut Written) {
        for note in self.all {
            if note.is_new {
                written.create(&note.table, &note.key, note.fields);
            } else {
                written.change(&note.table, &note.key, note.fields);
            }
        }
    }
}
