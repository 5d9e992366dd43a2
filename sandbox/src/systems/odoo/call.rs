//! The model methods a client may call, with named or positional arguments.

use serde_json::{Map, Value, json};

use super::Caller;
use super::domain::{self, Odoo};
use super::error::OdooError;
use super::values::{self, Links};
use super::write;
use crate::systems::orm::{Database, Query, Table, Val, select};

/// The named arguments of a call.
pub(super) type Arguments = Map<String, Value>;

/// A call of a model's method.
pub(super) struct ModelCall<'a> {
    pub(super) caller: Caller,
    pub(super) model: &'a str,
    pub(super) method: &'a str,
    pub(super) arguments: Arguments,
    pub(super) context: Map<String, Value>,
    /// Made records are always told as a list.
    pub(super) lists: bool,
}

/// Returns the names of a method's parameters in order; none when there is no such method.
pub(super) fn parameters(method: &str) -> Option<&'static [&'static str]> {
    Some(match method {
        "search_read" => &["domain", "fields", "offset", "limit", "order", "load"],
        "search" => &["domain", "offset", "limit", "order"],
        "search_count" => &["domain", "limit"],
        "read" => &["ids", "fields", "load"],
        "fields_get" => &["allfields", "attributes"],
        "name_search" => &["name", "domain", "operator", "limit"],
        "web_search_read" => &["domain", "specification", "offset", "limit", "order", "count_limit"],
        "web_read" => &["ids", "specification"],
        "exists" => &["ids"],
        "check_access_rights" => &["operation", "raise_exception"],
        "has_access" => &["ids", "operation"],
        "context_get" => &[],
        "create" => &["vals_list"],
        "write" => &["ids", "vals"],
        "unlink" | "copy" => &["ids"],
        button if write::is_button(button) => &["ids"],
        _ => return None,
    })
}

/// Turns positional and named arguments into named ones.
pub(super) fn named(method: &str, positional: &[Value], mut given: Arguments) -> Result<Arguments, OdooError> {
    let names = parameters(method).unwrap_or(&[]);
    if positional.len() > names.len() {
        return Err(OdooError::argument(format!(
            "{method}() takes from 1 to {} positional arguments but {} were given",
            names.len() + 1,
            positional.len() + 1
        )));
    }
    for (name, value) in names.iter().zip(positional) {
        given.insert((*name).to_owned(), value.clone());
    }
    if let Some(name) = given.keys().find(|name| !names.contains(&name.as_str())) {
        let function = if method == "search_read" {
            "BaseModel._read_format".to_owned()
        } else {
            method.to_owned()
        };
        return Err(OdooError::argument(format!(
            "{function}() got an unexpected keyword argument '{name}'"
        )));
    }
    Ok(given)
}

impl ModelCall<'_> {
    /// Does the call.
    pub(super) fn run(&self, database: &Database) -> Result<Value, OdooError> {
        if self.method.starts_with('_') {
            return Err(OdooError::access(format!(
                "Private methods (such as '{}.{}') cannot be called remotely.",
                self.model, self.method
            )));
        }
        let table = database
            .table(self.model)
            .ok_or_else(|| OdooError::user(format!("Object {} doesn't exist", self.model)))?;
        let is_context = self.method == "context_get" && self.model == "res.users";
        let is_known = parameters(self.method).is_some() && write::is_known(self.model, self.method);
        if !is_known || (self.method == "context_get" && !is_context) {
            return Err(OdooError::attribute(format!(
                "The method '{}.{}' does not exist",
                self.model, self.method
            )));
        }
        let has_role = self.caller.buyer || !self.model.starts_with("purchase.");
        let may_read = has_role && !database.state.denies(self.model);
        match self.method {
            "context_get" => return Ok(json!({"lang": "en_US", "tz": "Europe/Berlin", "uid": self.caller.uid})),
            "check_access_rights" | "has_access" => {
                return Ok(json!(
                    may_read && write::may(self.caller, self.model, self.text("operation").unwrap_or("read"))
                ));
            }
            "fields_get" => {
                return Ok(values::describe(
                    &table,
                    &self.names("allfields")?,
                    &self.names("attributes")?,
                ));
            }
            "create" | "write" | "unlink" | "copy" => return write::run(self, database, &table),
            button if write::is_button(button) => return write::run(self, database, &table),
            _ => {}
        }
        if !may_read {
            return Err(OdooError::not_allowed(&table, "access"));
        }
        match self.method {
            "search_read" => {
                let rows = self.rows_found(database, &table)?;
                Ok(values::rows(database, &table, &rows, &self.names("fields")?, self.links())?.into())
            }
            "search" => Ok(self
                .rows_found(database, &table)?
                .iter()
                .map(|row| Value::from(Table::id_of(row)))
                .collect()),
            "search_count" => Ok(self.rows_found(database, &table)?.len().into()),
            "read" => {
                let rows = self.rows_named(&table)?;
                Ok(values::rows(database, &table, &rows, &self.names("fields")?, self.links())?.into())
            }
            "exists" => Ok(self
                .rows_named(&table)?
                .iter()
                .map(|row| Value::from(Table::id_of(row)))
                .collect()),
            "name_search" => self.name_search(database, &table),
            "web_read" => nested(
                database,
                &table,
                &self.rows_named(&table)?,
                self.arguments.get("specification"),
            ),
            _ => self.web_search_read(database, &table),
        }
    }

    fn rows_found<'t>(
        &self,
        database: &Database,
        table: &'t std::sync::Arc<Table>,
    ) -> Result<Vec<&'t [Val]>, OdooError> {
        let query = Query {
            domain: domain::parse(self.arguments.get("domain").unwrap_or(&Value::Null))?,
            order: domain::order(self.text("order").unwrap_or(table.order))?,
            offset: self.number("offset")?.unwrap_or(0),
            // A limit of 0 is no limit, as in Odoo.
            limit: self.number("limit")?.filter(|limit| *limit > 0),
            active_only: self.context.get("active_test") != Some(&Value::Bool(false)),
        };
        let places = select::<Odoo>(database, table, &query).map_err(OdooError::from_failure)?;
        Ok(places
            .into_iter()
            .filter_map(|place| table.rows.get(place))
            .map(Vec::as_slice)
            .collect())
    }

    /// Returns the rows of the ids asked for; ids without a record are left out silently.
    fn rows_named<'t>(&self, table: &'t Table) -> Result<Vec<&'t [Val]>, OdooError> {
        let ids = match self.arguments.get("ids") {
            Some(Value::Number(id)) => vec![Value::Number(id.clone())],
            Some(Value::Array(ids)) => ids.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(other) => return Err(OdooError::argument(format!("ids must be a list, not {other}"))),
        };
        Ok(ids
            .iter()
            .filter_map(Value::as_u64)
            .filter_map(|id| u32::try_from(id).ok())
            .filter_map(|id| table.row(id))
            .collect())
    }

    fn name_search(&self, database: &Database, table: &std::sync::Arc<Table>) -> Result<Value, OdooError> {
        let mut terms = match self.arguments.get("domain") {
            Some(Value::Array(terms)) => terms.clone(),
            _ => Vec::new(),
        };
        if let Some(name) = self.text("name").filter(|name| !name.is_empty()) {
            terms.push(json!(["display_name", self.text("operator").unwrap_or("ilike"), name]));
        }
        let mut arguments = self.arguments.clone();
        arguments.insert("domain".to_owned(), terms.into());
        arguments.entry("limit".to_owned()).or_insert(100.into());
        let search = ModelCall {
            arguments,
            context: self.context.clone(),
            ..*self
        };
        let rows = search.rows_found(database, table)?;
        Ok(rows
            .iter()
            .map(|row| {
                let id = Table::id_of(row);
                json!([id, values::name_of(database, self.model, id)])
            })
            .collect())
    }

    fn web_search_read(&self, database: &Database, table: &std::sync::Arc<Table>) -> Result<Value, OdooError> {
        let mut arguments = self.arguments.clone();
        arguments.remove("limit");
        arguments.remove("offset");
        let whole = ModelCall {
            arguments,
            context: self.context.clone(),
            ..*self
        };
        let length = whole.rows_found(database, table)?.len();
        let rows = self.rows_found(database, table)?;
        let records = nested(database, table, &rows, self.arguments.get("specification"))?;
        Ok(json!({"length": length, "records": records}))
    }

    fn links(&self) -> Links {
        match self.arguments.get("load") {
            Some(Value::String(load)) if load == "_classic_read" => Links::Pairs,
            Some(_) => Links::Ids,
            None => Links::Pairs,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<usize>, OdooError> {
        match self.arguments.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| OdooError::value(format!("invalid literal for int() with base 10: {value}"))),
        }
    }

    fn names(&self, name: &str) -> Result<Vec<String>, OdooError> {
        match self.arguments.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(Vec::new()),
            Some(Value::Array(names)) => Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            Some(other) => Err(OdooError::argument(format!("{name} must be a list, not {other}"))),
        }
    }
}

/// Returns rows as a specification asks: `{"partner_id": {"fields": {"display_name": {}}}}`.
fn nested(
    database: &Database,
    table: &Table,
    rows: &[&[Val]],
    specification: Option<&Value>,
) -> Result<Value, OdooError> {
    let empty = Map::new();
    let wanted = specification.and_then(Value::as_object).unwrap_or(&empty);
    let names: Vec<String> = if wanted.is_empty() {
        vec!["id".to_owned()]
    } else {
        wanted.keys().cloned().collect()
    };
    let mut records = values::rows(database, table, rows, &names, Links::Ids)?;
    for (record, row) in records.iter_mut().zip(rows) {
        for (name, inner) in wanted {
            let Some(fields) = inner.get("fields") else { continue };
            let target = table
                .field(name)
                .and_then(|field| field.relation)
                .and_then(|model| database.table(model));
            let Some(target) = target else { continue };
            record[name] = match table.value(row, name) {
                Val::One(id) => {
                    let inner: Vec<&[Val]> = target.row(*id).into_iter().collect();
                    nested(database, &target, &inner, Some(fields))?
                        .get(0)
                        .cloned()
                        .unwrap_or(Value::Bool(false))
                }
                Val::Many(ids) => {
                    let inner: Vec<&[Val]> = ids.iter().filter_map(|id| target.row(*id)).collect();
                    nested(database, &target, &inner, Some(fields))?
                }
                _ => Value::Bool(false),
            };
        }
    }
    Ok(records.into())
}
