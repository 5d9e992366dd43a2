//! The model methods a client may call. Parameters are positional and the last one is the context.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::domain::{self, Dotted};
use super::error::TrytonError;
use super::{account_of, models, values, write};
use crate::systems::orm::{Database, Query, Table, Val, select};

type Context = Map<String, Value>;

/// Calls `model.<name>.<method>` for a user.
pub(super) fn run(database: &Database, user: &str, method: &str, parameters: &[Value]) -> Result<Value, TrytonError> {
    let called = method.strip_prefix("model.").unwrap_or(method);
    let Some((model, method)) = called.rsplit_once('.') else {
        return Err(TrytonError::key(called));
    };
    let table = database.table(model).ok_or_else(|| TrytonError::key(model))?;
    let exported = [
        "read",
        "search",
        "search_read",
        "search_count",
        "fields_get",
        "get_preferences",
    ];
    let changes = write::is_known(model, method);
    if !(changes || exported.contains(&method)) || (method == "get_preferences" && model != "res.user") {
        let text = "You don't have the permission to access the requested resource. It is either read-protected or not readable by the server.";
        return Err(TrytonError::Page(StatusCode::FORBIDDEN, text));
    }
    let Some((Value::Object(context), given)) = parameters.split_last() else {
        return Err(TrytonError::Page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Missing context argument",
        ));
    };
    if method == "get_preferences" {
        return Ok(preferences(database, user));
    }
    if changes {
        return write::run(database, user, &table, method, given, context);
    }
    if method == "fields_get" {
        return Ok(values::describe(&table, &names(given.first())));
    }
    let may_read = account_of(user).is_some() || model.starts_with("res.");
    if !may_read || database.state.denies(model) {
        return Err(TrytonError::not_allowed(table.label));
    }
    let table = models::in_context(database, table, context);
    let nothing = Value::Null;
    let given = |place: usize| given.get(place).unwrap_or(&nothing);
    match method {
        "read" => read(database, &table, given(0), &names(Some(given(1)))),
        "search_count" => Ok(
            find(database, &table, [given(0), given(1), given(2), &Value::Null], context)?
                .len()
                .into(),
        ),
        "search" => {
            let rows = find(database, &table, [given(0), given(1), given(2), given(3)], context)?;
            Ok(rows.iter().map(|row| Value::from(Table::id_of(row))).collect())
        }
        _ => {
            let rows = find(database, &table, [given(0), given(1), given(2), given(3)], context)?;
            Ok(values::rows(database, &table, &rows, &names(Some(given(4))))?.into())
        }
    }
}

fn find<'t>(
    database: &Database,
    table: &'t Arc<Table>,
    [domain, offset, limit, order]: [&Value; 4],
    context: &Context,
) -> Result<Vec<&'t [Val]>, TrytonError> {
    let keys = domain::order(order)?;
    let query = Query {
        domain: domain::parse(domain)?,
        order: if keys.is_empty() {
            domain::default_order(table.order)
        } else {
            keys
        },
        offset: number(offset)?.unwrap_or(0),
        limit: number(limit)?,
        active_only: context.get("active_test") != Some(&Value::Bool(false)),
    };
    let places = select::<Dotted>(database, table, &query).map_err(TrytonError::from_failure)?;
    Ok(places
        .into_iter()
        .filter_map(|place| table.rows.get(place))
        .map(Vec::as_slice)
        .collect())
}

/// Reads rows by id in the order asked; one missing id fails the whole read.
fn read(database: &Database, table: &Table, ids: &Value, fields: &[String]) -> Result<Value, TrytonError> {
    let ids = ids
        .as_array()
        .ok_or_else(|| TrytonError::Python(format!("Invalid ids: {ids}")))?;
    let found: Vec<Option<&[Val]>> = ids
        .iter()
        .map(|id| {
            id.as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .and_then(|id| table.row(id))
        })
        .collect();
    let missing: Vec<String> = ids
        .iter()
        .zip(&found)
        .filter(|(_, row)| row.is_none())
        .map(|(id, _)| id.to_string())
        .collect();
    if !missing.is_empty() {
        return Err(TrytonError::User(format!(
            "You are trying to read records \"{}\" of \"{}\" that don't exist.",
            missing.join(", "),
            table.label
        )));
    }
    let rows: Vec<&[Val]> = found.into_iter().flatten().collect();
    Ok(values::rows(database, table, &rows, fields)?.into())
}

fn number(value: &Value) -> Result<Option<usize>, TrytonError> {
    match value {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| TrytonError::Python(format!("Invalid number: {value}"))),
    }
}

fn names(value: Option<&Value>) -> Vec<String> {
    let names = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn preferences(database: &Database, user: &str) -> Value {
    let world = database.state.world();
    let id = world.users.iter().find(|one| one.login == user).map_or(1, |one| one.id);
    json!({
        "company_filter": "one",
        "employee": id,
        "employee.rec_name": world.find_user(id).map(|user| user.name.clone()),
        "company": 1,
        "company.rec_name": world.company,
        "language": "en",
        "language_direction": "ltr",
        "groups": if account_of(user).is_some() { json!([1, 2, 3, 4]) } else { json!([]) },
        "locale": {
            "date": "%m/%d/%Y",
            "grouping": [3, 3, 0],
            "decimal_point": ".",
            "thousands_sep": ",",
        },
    })
}
