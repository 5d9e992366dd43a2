//! The methods that change records: what a client may write, and where each value goes. What the plant has a place for
//! goes into the plant, the rest is kept beside it.

mod input;
mod maintenance;
mod order;
mod partner;
mod product;
mod receipt;
mod stock;
mod transfer;

use serde_json::{Map, Value};

use super::Caller;
use super::call::ModelCall;
use super::error::OdooError;
use crate::systems::orm::{Database, Draft, Field, Kind, Table, Val};
use crate::world::calibration::empty;

pub(super) use input::LAID;

/// The models that clients may write, with the groups of people who may.
const WRITTEN: &[(&str, Who)] = &[
    ("maintenance.equipment", Who::Anyone),
    ("maintenance.request", Who::Anyone),
    ("product.product", Who::Buyers),
    ("product.template", Who::Buyers),
    ("purchase.order", Who::Buyers),
    ("purchase.order.line", Who::Buyers),
    ("res.partner", Who::Buyers),
    ("stock.move", Who::Buyers),
    ("stock.move.line", Who::Buyers),
    ("stock.picking", Who::Buyers),
    ("stock.quant", Who::Buyers),
    ("stock.warehouse.orderpoint", Who::Buyers),
    ("x_calibration", Who::Anyone),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Anyone,
    Buyers,
}

/// The buttons: methods on records that take nothing else.
const BUTTONS: &[(&str, &str)] = &[
    ("maintenance.equipment", "action_archive"),
    ("maintenance.equipment", "action_unarchive"),
    ("maintenance.request", "archive_equipment_request"),
    ("maintenance.request", "reset_equipment_request"),
    ("product.product", "action_archive"),
    ("product.product", "action_unarchive"),
    ("purchase.order", "button_approve"),
    ("purchase.order", "button_cancel"),
    ("purchase.order", "button_confirm"),
    ("purchase.order", "button_draft"),
    ("purchase.order", "button_lock"),
    ("purchase.order", "button_unlock"),
    ("res.partner", "action_archive"),
    ("res.partner", "action_unarchive"),
    ("stock.picking", "button_validate"),
    ("stock.quant", "action_apply_inventory"),
];

/// Says whether any model has a button of this name.
pub(super) fn is_button(method: &str) -> bool {
    BUTTONS.iter().any(|(_, name)| *name == method)
}

/// Says whether a model has a method that changes records.
pub(super) fn is_known(model: &str, method: &str) -> bool {
    !is_button(method) || BUTTONS.contains(&(model, method))
}

/// Returns the model's own name when the caller may write it.
fn written(caller: Caller, model: &str) -> Option<&'static str> {
    WRITTEN
        .iter()
        .find(|(name, who)| *name == model && (*who == Who::Anyone || caller.buyer))
        .map(|(name, _)| *name)
}

/// Says whether a caller may do an operation of the names that Odoo has for them.
pub(super) fn may(caller: Caller, model: &str, operation: &str) -> bool {
    let is_moved_only = matches!(
        model,
        "stock.move" | "stock.move.line" | "stock.picking" | "stock.quant" | "stock.warehouse.orderpoint"
    );
    let is_made = matches!(model, "stock.move.line" | "stock.picking" | "stock.quant");
    match operation {
        "read" => true,
        "write" => written(caller, model).is_some(),
        "create" => written(caller, model).is_some() && (!is_moved_only || is_made),
        "unlink" => written(caller, model).is_some() && !is_moved_only,
        _ => false,
    }
}

/// A call that changes records.
struct Session<'a> {
    draft: Draft<'a>,
    caller: Caller,
    context: &'a Map<String, Value>,
}

/// A value that a client gave for a field.
struct Given {
    field: Field,
    value: Val,
    /// As it is kept.
    raw: Value,
}

/// Does a call of `create`, `write`, `unlink`, `copy` or a button. Nothing (Null) is what Python calls None.
pub(super) fn run(call: &ModelCall<'_>, database: &Database, table: &Table) -> Result<Value, OdooError> {
    let operation = match call.method {
        "create" | "copy" => "create",
        "unlink" => "unlink",
        _ => "write",
    };
    let model = written(call.caller, call.model)
        .filter(|model| may(call.caller, model, operation) && !database.state.denies(model))
        .ok_or_else(|| OdooError::not_allowed(table, operation))?;
    let mut session = Session {
        draft: Draft::begin(database),
        caller: call.caller,
        context: &call.context,
    };
    let answer = session.run(call, model)?;
    session.draft.commit();
    Ok(answer)
}

impl Session<'_> {
    fn run(&mut self, call: &ModelCall<'_>, model: &'static str) -> Result<Value, OdooError> {
        match call.method {
            "create" => match call.arguments.get("vals_list") {
                Some(Value::Object(values)) => {
                    let id = self.create(model, values)?;
                    Ok(if call.lists { Value::from(vec![id]) } else { id.into() })
                }
                Some(Value::Array(all)) => all
                    .iter()
                    .map(|values| {
                        let values = values.as_object().ok_or_else(|| not_a_dictionary(values))?;
                        Ok(Value::from(self.create(model, values)?))
                    })
                    .collect(),
                Some(other) => Err(not_a_dictionary(other)),
                None => Err(OdooError::argument(format!(
                    "{model}.create() missing 1 required positional argument: 'vals_list'"
                ))),
            },
            "write" => {
                let Some(values) = call.arguments.get("vals") else {
                    return Err(OdooError::argument(format!(
                        "{model}.write() missing 1 required positional argument: 'vals'"
                    )));
                };
                let values = values.as_object().ok_or_else(|| not_a_dictionary(values))?;
                for id in self.ids(call, model, true)? {
                    self.write(model, id, values)?;
                }
                Ok(true.into())
            }
            "unlink" => {
                // Products that are gone already are passed over; of other records each must be there.
                let must_exist = !model.starts_with("product.");
                for id in self.ids(call, model, must_exist)? {
                    self.unlink(model, id)?;
                }
                Ok(true.into())
            }
            "copy" => {
                let ids = self.ids(call, model, true)?;
                if model != "purchase.order" {
                    return Err(OdooError::user("Duplicating is not allowed for this model."));
                }
                ids.into_iter()
                    .map(|id| Ok(Value::from(self.copy_order(id)?)))
                    .collect()
            }
            button => {
                let ids = self.ids(call, model, true)?;
                self.button(model, button, &ids)
            }
        }
    }

    /// Returns the ids that a call is for.
    fn ids(&self, call: &ModelCall<'_>, model: &str, must_exist: bool) -> Result<Vec<u32>, OdooError> {
        let given = match call.arguments.get("ids") {
            Some(Value::Array(ids)) => ids.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(id) => vec![id.clone()],
        };
        let mut ids = Vec::new();
        for id in given {
            let known = id.as_u64().and_then(|id| u32::try_from(id).ok());
            match known.filter(|id| self.draft.exists(model, *id)) {
                Some(id) => ids.push(id),
                None if must_exist => return Err(OdooError::missing(model, &id, self.caller.uid)),
                None => {}
            }
        }
        Ok(ids)
    }

    fn create(&mut self, model: &'static str, values: &Map<String, Value>) -> Result<u32, OdooError> {
        let given = self.given(model, values)?;
        for name in must_have(model) {
            if !given
                .iter()
                .any(|one| one.field.name == *name && one.value != Val::Null)
            {
                return Err(self.required(model, name));
            }
        }
        let id = match model {
            "res.partner" => self.make_partner(),
            "product.product" | "product.template" => self.make_product(),
            "purchase.order" => self.make_order(&given),
            "purchase.order.line" => self.make_line(&given)?,
            "maintenance.request" => self.make_request(),
            "maintenance.equipment" => self.make_equipment(),
            "x_calibration" => self.make_calibration(),
            "stock.picking" => self.make_picking(&given),
            "stock.move.line" => self.make_move_line(&given)?,
            _ => return self.make_quant(&given),
        };
        self.draft.made(model, id);
        self.put(model, id, given)?;
        self.lists(model, id, values)?;
        self.check(model, id)?;
        Ok(id)
    }

    fn make_calibration(&mut self) -> u32 {
        let highest = self.draft.world.calibrations.iter().map(|row| row.id).max();
        let id = self.draft.next_id("x_calibration", highest.unwrap_or(0));
        let row = empty(id, self.draft.at);
        self.draft.world.calibrations.push(row);
        id
    }

    fn write(&mut self, model: &'static str, id: u32, values: &Map<String, Value>) -> Result<(), OdooError> {
        let given = self.given(model, values)?;
        if let Some(empty) = given
            .iter()
            .find(|one| one.field.required && one.value == Val::Null && !one.field.is_numeric())
        {
            return Err(self.required(model, &empty.field.name));
        }
        if given.is_empty() && values.is_empty() {
            return Ok(());
        }
        self.allow(model, id, &given)?;
        self.draft.touched(model, id);
        self.put(model, id, given)?;
        self.lists(model, id, values)?;
        self.check(model, id)
    }

    /// Checks the names and values; lists are dealt with by the models that have them.
    fn given(&self, model: &'static str, values: &Map<String, Value>) -> Result<Vec<Given>, OdooError> {
        let Some(table) = self.draft.table(model) else {
            return Ok(Vec::new());
        };
        let mut given = Vec::new();
        for (name, value) in values {
            let field = table
                .field(name)
                .ok_or_else(|| OdooError::value(format!("Invalid field '{name}' in '{model}'")))?;
            let is_own = matches!(
                name.as_str(),
                "id" | "create_date" | "write_date" | "create_uid" | "write_uid"
            );
            // Values that Odoo computes itself are taken and forgotten.
            if is_own || !field.stored {
                continue;
            }
            if field.kind.is_many() {
                if field.kind == Kind::Many {
                    let ids = self.linked(field, value)?;
                    given.push(Given {
                        field: field.clone(),
                        raw: ids.clone().into(),
                        value: Val::Many(ids),
                    });
                }
                continue;
            }
            let read = input::read(model, field, value)?;
            if let (Val::One(id), Some(relation)) = (&read, field.relation)
                && !self.draft.exists(relation, *id)
            {
                return Err(OdooError::missing(relation, value, self.caller.uid));
            }
            let raw = match (&read, field.kind) {
                (Val::Text(text), Kind::Html) => text.clone().into(),
                _ => value.clone(),
            };
            given.push(Given {
                field: field.clone(),
                value: read,
                raw,
            });
        }
        Ok(given)
    }

    /// Reads the links of a many2many field: commands, or a plain list of ids.
    fn linked(&self, field: &Field, value: &Value) -> Result<Vec<u32>, OdooError> {
        let wrong = || OdooError::value(format!("Wrong value for {}: {value}", field.name));
        let commands = match value {
            Value::Array(commands) => commands,
            Value::Null | Value::Bool(false) => return Ok(Vec::new()),
            _ => return Err(wrong()),
        };
        let mut ids = Vec::new();
        let mut named = Vec::new();
        for command in commands {
            match command {
                Value::Number(_) => named.push(command.clone()),
                Value::Array(parts) => match (parts.first().and_then(Value::as_u64), parts.get(2)) {
                    (Some(6), Some(Value::Array(set))) => named.extend(set.iter().cloned()),
                    (Some(4), _) => named.extend(parts.get(1).cloned()),
                    (Some(5), _) => named.clear(),
                    _ => return Err(wrong()),
                },
                _ => return Err(wrong()),
            }
        }
        for id in named {
            let known = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let relation = field.relation.unwrap_or("");
            match known.filter(|id| self.draft.exists(relation, *id)) {
                Some(id) => ids.push(id),
                None => return Err(OdooError::missing(relation, &id, self.caller.uid)),
            }
        }
        Ok(ids)
    }

    /// Puts values where they belong.
    fn put(&mut self, model: &'static str, id: u32, given: Vec<Given>) -> Result<(), OdooError> {
        for one in given {
            let name = one.field.name.as_str();
            let is_held = match model {
                "res.partner" => partner::set(&mut self.draft, id, name, &one.value),
                "product.product" | "product.template" => product::set(&mut self.draft, id, name, &one.value),
                "purchase.order" => order::set(&mut self.draft, id, name, &one.value),
                "purchase.order.line" => order::set_line(&mut self.draft, id, name, &one.value),
                "maintenance.request" => maintenance::set_request(&mut self.draft, id, name, &one.value),
                "maintenance.equipment" => maintenance::set_equipment(&mut self.draft, id, name, &one.value),
                "stock.warehouse.orderpoint" => stock::set_rule(&mut self.draft, id, name, &one.value),
                _ => false,
            };
            for model in also(model) {
                if is_held {
                    self.draft.follow(model, id, name);
                } else {
                    self.draft.keep(model, id, name, one.raw.clone());
                }
            }
        }
        Ok(())
    }

    /// Carries out the commands of lists of own records.
    fn lists(&mut self, model: &'static str, id: u32, values: &Map<String, Value>) -> Result<(), OdooError> {
        match model {
            "purchase.order" => self.list(model, id, values, ("order_line", "purchase.order.line", "order_id")),
            "stock.picking" => {
                self.list(model, id, values, ("move_ids", "stock.move", "picking_id"))?;
                self.list(model, id, values, ("move_line_ids", "stock.move.line", "picking_id"))
            }
            _ => Ok(()),
        }
    }

    /// Carries out the commands of a list: its name, the model of its rows, and the field that leads back.
    fn list(
        &mut self,
        model: &'static str,
        id: u32,
        values: &Map<String, Value>,
        (field, child, parent): (&str, &'static str, &str),
    ) -> Result<(), OdooError> {
        let commands = match values.get(field) {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
            Some(Value::Array(commands)) => commands,
            Some(other) => return Err(OdooError::value(format!("Wrong value for {model}.{field}: {other}"))),
        };
        for command in commands {
            let wrong = || OdooError::value(format!("Wrong value for {model}.{field}: {command}"));
            let parts = command.as_array().ok_or_else(wrong)?;
            let code = parts.first().and_then(Value::as_u64).ok_or_else(wrong)?;
            let row = parts
                .get(1)
                .and_then(Value::as_u64)
                .and_then(|row| u32::try_from(row).ok());
            let row = |session: &Self| {
                row.filter(|row| session.draft.exists(child, *row))
                    .ok_or_else(|| OdooError::missing(child, parts.get(1).unwrap_or(&Value::Null), session.caller.uid))
            };
            let values = || parts.get(2).and_then(Value::as_object).ok_or_else(wrong);
            match code {
                0 if matches!(child, "purchase.order.line" | "stock.move.line") => {
                    let mut values = values()?.clone();
                    values.insert(parent.to_owned(), id.into());
                    self.create(child, &values)?;
                }
                1 => {
                    let row = row(self)?;
                    self.write(child, row, values()?)?;
                }
                2 | 3 if child == "purchase.order.line" => {
                    let row = row(self)?;
                    self.unlink(child, row)?;
                }
                4 => {}
                5 | 6 if child == "purchase.order.line" => {
                    let stay: Vec<u64> = match parts.get(2) {
                        Some(Value::Array(ids)) if code == 6 => ids.iter().filter_map(Value::as_u64).collect(),
                        _ => Vec::new(),
                    };
                    for line in self.lines_of(id) {
                        if !stay.contains(&u64::from(line)) {
                            self.unlink(child, line)?;
                        }
                    }
                }
                _ => return Err(wrong()),
            }
        }
        Ok(())
    }

    /// Refuses changes that the state of a record does not allow.
    fn allow(&self, model: &'static str, id: u32, given: &[Given]) -> Result<(), OdooError> {
        match model {
            "purchase.order.line" => self.allow_line(id, given),
            "stock.quant" => stock::allow(given),
            "stock.move" => self.allow_move(id),
            _ => Ok(()),
        }
    }

    /// Checks a record as a whole, and works out what follows from it.
    fn check(&mut self, model: &'static str, id: u32) -> Result<(), OdooError> {
        match model {
            "product.product" | "product.template" => self.check_product(id),
            "purchase.order" => {
                self.add_up(id);
                Ok(())
            }
            "purchase.order.line" => self.check_line(id),
            "maintenance.equipment" => self.check_equipment(id),
            "maintenance.request" => {
                self.settle_request(id);
                Ok(())
            }
            "stock.quant" => {
                self.counted(id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unlink(&mut self, model: &'static str, id: u32) -> Result<(), OdooError> {
        match model {
            "res.partner" => self.unlink_partner(id)?,
            "product.product" | "product.template" => self.unlink_product(id)?,
            "purchase.order" => self.unlink_order(id)?,
            "purchase.order.line" => self.unlink_line(id)?,
            "maintenance.equipment" => self.unlink_equipment(id)?,
            "x_calibration" => self.draft.world.calibrations.retain(|row| row.id != id),
            _ => self.draft.world.work_orders.retain(|work| work.id != id),
        }
        for model in also(model) {
            self.draft.gone(model, id);
        }
        Ok(())
    }

    fn button(&mut self, model: &'static str, button: &str, ids: &[u32]) -> Result<Value, OdooError> {
        let set = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        let values = match button {
            "action_archive" => set("active", false.into()),
            "action_unarchive" => set("active", true.into()),
            "archive_equipment_request" => Map::from_iter([
                ("archive".to_owned(), true.into()),
                ("recurring_maintenance".to_owned(), false.into()),
            ]),
            "reset_equipment_request" => {
                Map::from_iter([("archive".to_owned(), false.into()), ("stage_id".to_owned(), 1.into())])
            }
            "button_validate" => return self.validate(ids),
            "action_apply_inventory" => {
                for id in ids {
                    self.apply_count(*id);
                }
                return Ok(Value::Null);
            }
            _ => return self.order_button(button, ids),
        };
        for id in ids {
            self.write(model, *id, &values)?;
        }
        Ok(if button.starts_with("action_") {
            true.into()
        } else {
            Value::Null
        })
    }

    fn required(&self, model: &str, name: &str) -> OdooError {
        let table = self.draft.table(model);
        let label = table
            .as_ref()
            .and_then(|table| table.field(name))
            .map_or(name, |field| field.label.as_str());
        let title = table.as_ref().map_or("", |table| table.label);
        if model == "res.partner" && name == "name" {
            return OdooError::validation("The operation cannot be completed: Contacts require a name");
        }
        OdooError::validation(format!(
            "The operation cannot be completed: Missing required value for the field '{label}' ({name}).\nModel: '{title}' ({model})\n- create/update: a mandatory field is not set\n- delete: another model requires the record being deleted, you can archive it instead\n"
        ))
    }
}

/// Returns the fields that a new record must be given; the other required ones have defaults.
fn must_have(model: &str) -> &'static [&'static str] {
    match model {
        "purchase.order" => &["partner_id"],
        "purchase.order.line" => &["order_id"],
        "stock.quant" => &["product_id", "location_id"],
        "x_calibration" => &["x_name"],
        "stock.picking" => &["picking_type_id"],
        "stock.move.line" => &["product_id"],
        _ => &["name"],
    }
}

/// A product and its template are one record here, with the same id.
fn also(model: &'static str) -> Vec<&'static str> {
    match model {
        "product.product" | "product.template" => vec!["product.product", "product.template"],
        model => vec![model],
    }
}

fn not_a_dictionary(value: &Value) -> OdooError {
    OdooError::argument(format!("values must be a dictionary, not {value}"))
}

/// Deleting what others refer to.
fn in_use(model: &str, label: &str, user: &str, user_label: &str) -> OdooError {
    OdooError::validation(format!(
        "The operation cannot be completed: another model requires the record being deleted. If possible, archive it instead.\n\nModel: {user_label} ({user})\nRecord: {label} ({model})\n"
    ))
}
