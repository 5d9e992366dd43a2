//! The methods that change records: create, write, delete, copy and the buttons. What the plant has a place for goes into
//! the plant, the rest is kept beside it.

mod input;
mod party;
mod purchase;
mod rules;
mod shipment;
mod things;
mod transfer;

pub(super) use self::rules::has_setter;

use serde_json::{Map, Value};

use self::rules::{has_no_setter, in_use, must_have};
use super::error::TrytonError;
use super::{account_of, values};
use crate::systems::orm::{Database, Draft, Field, Table, Val};
use crate::world::calibration::empty;

/// The models that clients may write.
const WRITTEN: &[&str] = &[
    "account.asset",
    "party.address",
    "party.contact_mechanism",
    "party.identifier",
    "party.party",
    "product.product",
    "product.template",
    "project.work",
    "purchase.line",
    "purchase.purchase",
    "stock.inventory",
    "stock.inventory.line",
    "stock.move",
    "stock.shipment.in",
    "stock.shipment.internal",
    "x.calibration",
];

/// The buttons of each model, with the states in which they are shown.
const BUTTONS: &[(&str, &str, &[&str])] = &[
    ("account.asset", "close", &["running"]),
    ("account.asset", "run", &["draft"]),
    ("purchase.purchase", "cancel", &["draft", "quotation"]),
    ("purchase.purchase", "confirm", &["quotation"]),
    ("purchase.purchase", "draft", &["cancelled", "quotation", "confirmed"]),
    ("purchase.purchase", "process", &["confirmed", "processing", "done"]),
    ("purchase.purchase", "quote", &["draft"]),
    ("stock.inventory", "cancel", &["draft"]),
    ("stock.inventory", "confirm", &["draft"]),
    ("stock.shipment.in", "cancel", &["draft"]),
    ("stock.shipment.in", "do", &["received"]),
    ("stock.shipment.in", "receive", &["draft"]),
    ("stock.shipment.internal", "assign_try", &["waiting"]),
    ("stock.shipment.internal", "cancel", &["draft", "waiting", "assigned"]),
    ("stock.shipment.internal", "do", &["assigned"]),
    ("stock.shipment.internal", "wait", &["draft"]),
];

/// Lists of own records: model, field, model of the rows, field that leads back.
const LISTS: &[(&str, &str, &str, &str)] = &[
    ("party.party", "addresses", "party.address", "party"),
    ("party.party", "contact_mechanisms", "party.contact_mechanism", "party"),
    ("party.party", "identifiers", "party.identifier", "party"),
    ("product.template", "products", "product.product", "template"),
    ("purchase.purchase", "lines", "purchase.line", "purchase"),
    ("stock.inventory", "lines", "stock.inventory.line", "inventory"),
    ("stock.shipment.in", "incoming_moves", "stock.move", "shipment"),
    ("stock.shipment.in", "moves", "stock.move", "shipment"),
    ("stock.shipment.internal", "moves", "stock.move", "shipment"),
];

/// Says whether a method of a model changes records.
pub(super) fn is_known(model: &str, method: &str) -> bool {
    matches!(method, "create" | "write" | "delete" | "copy")
        || BUTTONS
            .iter()
            .any(|(known, button, _)| *known == model && *button == method)
}

struct Session<'a> {
    draft: Draft<'a>,
    /// The id of the user and of its employee.
    user: u32,
}

/// A value that a client gave for a field.
struct Given {
    field: Field,
    value: Val,
    raw: Value,
}

/// Does a call that changes records.
pub(super) fn run(
    database: &Database,
    user: &str,
    table: &Table,
    method: &str,
    parameters: &[Value],
    context: &Map<String, Value>,
) -> Result<Value, TrytonError> {
    let model = WRITTEN.iter().find(|known| **known == table.model);
    let (Some(_), Some(model)) = (account_of(user), model) else {
        return Err(TrytonError::not_allowed(table.label));
    };
    if database.state.denies(model) {
        return Err(TrytonError::not_allowed(table.label));
    }
    let draft = Draft::begin(database);
    let user = draft
        .world
        .users
        .iter()
        .find(|one| one.login == user)
        .map_or(1, |one| one.id);
    let mut session = Session { draft, user };
    let nothing = Value::Null;
    let given = |place: usize| parameters.get(place).unwrap_or(&nothing);
    let answer = match method {
        "create" => {
            let all = given(0).as_array().ok_or_else(|| input::wrong(given(0)))?;
            let ids: Result<Vec<u32>, _> = all.iter().map(|values| session.create(model, values)).collect();
            Value::from(ids?)
        }
        "write" => {
            // Pairs of ids and values may follow each other.
            for pair in parameters.chunks(2) {
                let ids = session.ids(model, pair.first().unwrap_or(&nothing), "write to")?;
                session.check_stamps(model, &ids, context)?;
                for id in ids {
                    session.write(model, id, pair.get(1).unwrap_or(&nothing))?;
                }
            }
            Value::Null
        }
        "delete" => {
            let is_lenient = !matches!(*model, "purchase.purchase" | "stock.shipment.in" | "stock.inventory");
            let ids = if is_lenient {
                session.there(model, given(0))
            } else {
                session.ids(model, given(0), "read")?
            };
            session.check_stamps(model, &ids, context)?;
            for id in ids {
                session.delete(model, id)?;
            }
            Value::Null
        }
        "copy" => {
            let ids = session.ids(model, given(0), "read")?;
            let copies: Result<Vec<u32>, _> = ids.into_iter().map(|id| session.copy(model, id)).collect();
            Value::from(copies?)
        }
        button => {
            let ids = session.ids(model, given(0), "read")?;
            session.check_stamps(model, &ids, context)?;
            for id in ids {
                session.button(model, button, id)?;
            }
            Value::Null
        }
    };
    session.draft.commit();
    Ok(answer)
}

impl Session<'_> {
    fn label(&self, model: &str) -> &'static str {
        self.draft.table(model).map_or("", |table| table.label)
    }

    /// Returns the ids of a call; one that is missing fails the whole call.
    fn ids(&self, model: &str, given: &Value, verb: &str) -> Result<Vec<u32>, TrytonError> {
        let given = given.as_array().ok_or_else(|| input::wrong(given))?;
        let known = |id: &Value| {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok())?;
            Some(id).filter(|id| self.draft.exists(model, *id))
        };
        let missing: Vec<String> = given
            .iter()
            .filter(|id| known(id).is_none())
            .map(Value::to_string)
            .collect();
        if missing.is_empty() {
            return Ok(given.iter().filter_map(known).collect());
        }
        Err(TrytonError::User(format!(
            "You are trying to {verb} records \"{}\" of \"{}\" that don't exist.",
            missing.join(", "),
            self.label(model)
        )))
    }

    fn there(&self, model: &str, given: &Value) -> Vec<u32> {
        let ids = given.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        ids.filter_map(Value::as_u64)
            .filter_map(|id| u32::try_from(id).ok())
            .filter(|id| self.draft.exists(model, *id))
            .collect()
    }

    /// The optimistic lock: a record that changed after the mark in the context is not written.
    fn check_stamps(&self, model: &str, ids: &[u32], context: &Map<String, Value>) -> Result<(), TrytonError> {
        let Some(marks) = context.get("_timestamp").and_then(Value::as_object) else {
            return Ok(());
        };
        let Some(table) = self.draft.table(model) else {
            return Ok(());
        };
        let number = |mark: &Value| {
            mark.as_str()
                .and_then(|text| text.parse::<f64>().ok())
                .or(mark.as_f64())
        };
        for id in ids {
            let given = marks.get(&format!("{model},{id}")).and_then(number);
            let now = table.row(*id).and_then(|row| number(&values::stamp(&table, row)));
            if let (Some(given), Some(now)) = (given, now)
                && now > given
            {
                return Err(TrytonError::Concurrency);
            }
        }
        Ok(())
    }

    /// How a record is called in messages.
    fn name(&self, model: &'static str, id: u32) -> String {
        if model == "purchase.purchase" {
            return self.purchase_name(id);
        }
        match self.draft.value(model, id, "rec_name") {
            Val::Text(name) => name,
            _ => id.to_string(),
        }
    }

    fn required(&self, model: &'static str, field: &str, record: &str) -> TrytonError {
        let table = self.draft.table(model);
        let label = table
            .as_ref()
            .and_then(|table| table.field(field))
            .map_or(field, |field| field.label.as_str());
        TrytonError::User(format!(
            "A value is required for field \"{label}\" in record \"{record}\" of \"{}\".",
            self.label(model)
        ))
    }

    fn invalid(&self, model: &'static str, value: &str, field: &str, record: &str) -> TrytonError {
        let table = self.draft.table(model);
        let label = table
            .as_ref()
            .and_then(|table| table.field(field))
            .map_or(field, |field| field.label.as_str());
        TrytonError::User(format!(
            "The value \"{value}\" for field \"{label}\" in record \"{record}\" of \"{}\" is not valid according to its domain.",
            self.label(model)
        ))
    }

    fn create(&mut self, model: &'static str, values: &Value) -> Result<u32, TrytonError> {
        let given = self.given(model, None, values)?;
        let has = |name: &str| given.iter().any(|one| one.field.name == name && one.value != Val::Null);
        let reference = given
            .iter()
            .find(|one| one.field.name == "reference")
            .and_then(|one| one.value.text());
        let record = reference.map_or_else(|| "None".to_owned(), |text| format!("[{text}]"));
        for name in must_have(model) {
            if !has(name) {
                return Err(self.required(model, name, &record));
            }
        }
        let id = match model {
            "party.party" => self.make_party(),
            "party.address" | "party.contact_mechanism" | "party.identifier" => self.make_detail(model, &given)?,
            "product.template" => self.make_template(),
            "product.product" => self.make_product(&given)?,
            "project.work" => self.make_work(&given),
            "account.asset" => self.make_asset(),
            "purchase.purchase" => self.make_purchase(),
            "purchase.line" => self.make_line(&given)?,
            "stock.inventory" => self.make_inventory(),
            "stock.inventory.line" => self.make_inventory_line(&given),
            "stock.move" => self.make_move(&given),
            "stock.shipment.in" => self.make_shipment(),
            "stock.shipment.internal" => self.make_transfer(),
            "x.calibration" => self.make_calibration(),
            _ => return Err(TrytonError::not_allowed(self.label(model))),
        };
        self.draft.made(model, id);
        self.put(model, id, given)?;
        self.lists(model, id, values)?;
        self.check(model, id)?;
        Ok(id)
    }

    fn make_calibration(&mut self) -> u32 {
        let highest = self.draft.world.calibrations.iter().map(|row| row.id).max();
        let id = self.draft.next_id("x.calibration", highest.unwrap_or(0));
        let row = empty(id, self.draft.at);
        self.draft.world.calibrations.push(row);
        id
    }

    fn write(&mut self, model: &'static str, id: u32, values: &Value) -> Result<(), TrytonError> {
        let given = self.given(model, Some(id), values)?;
        self.allow(model, id)?;
        for one in &given {
            if one.field.required && one.value == Val::Null {
                let record = self.name(model, id);
                return Err(self.required(model, &one.field.name, &record));
            }
        }
        self.draft.touched(model, id);
        self.put(model, id, given)?;
        self.lists(model, id, values)?;
        self.check(model, id)
    }

    /// Checks names and values; lists are dealt with apart.
    fn given(&self, model: &'static str, id: Option<u32>, values: &Value) -> Result<Vec<Given>, TrytonError> {
        let values = values.as_object().ok_or_else(|| input::wrong(values))?;
        let Some(table) = self.draft.table(model) else {
            return Ok(Vec::new());
        };
        let record = || id.map_or_else(|| "None".to_owned(), |id| self.name(model, id));
        let mut given = Vec::new();
        for (name, value) in values {
            if LISTS.iter().any(|(of, field, ..)| *of == model && field == name) {
                continue;
            }
            let field = table.field(name).ok_or_else(|| TrytonError::key(name))?;
            if matches!(name.as_str(), "id" | "create_date" | "write_date" | "create_uid") {
                continue;
            }
            if (!field.stored && !has_setter(model, name)) || has_no_setter(model, name) {
                return Err(TrytonError::Python(format!(
                    "Missing setter function for field \"{}\" in \"{}\".",
                    field.label, table.label
                )));
            }
            let read = input::read(field, value)?;
            if let (Some(relation), wanted) = (field.relation, &read) {
                let ids: Vec<u32> = wanted.id().into_iter().chain(wanted.ids().iter().copied()).collect();
                if let Some(unknown) = ids.iter().find(|id| !self.draft.exists(relation, **id)) {
                    return Err(self.invalid(model, &unknown.to_string(), name, &record()));
                }
            }
            if let Val::Text(text) = &read
                && !field.selection.is_empty()
                && !field.selection.iter().any(|(key, _)| key == text)
            {
                return Err(TrytonError::User(format!(
                    "The value \"{text}\" for field \"{}\" in record \"{}\" of \"{}\" is not one of the allowed options.",
                    field.label,
                    record(),
                    table.label
                )));
            }
            if let Some(shown) = input::too_fine(field, value, &read) {
                return Err(TrytonError::User(format!(
                    "The number of digits in the value \"'{shown}'\" for field \"{}\" in record \"{}\" of \"{}\" exceeds the limit of \"(None, 4)\".",
                    field.label,
                    record(),
                    table.label
                )));
            }
            let raw = match &read {
                Val::Many(ids) => ids.clone().into(),
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

    fn put(&mut self, model: &'static str, id: u32, mut given: Vec<Given>) -> Result<(), TrytonError> {
        if model == "purchase.line" && !self.edits_date(id, &given) {
            given.retain(|one| one.field.name != "delivery_date");
        }
        for one in given {
            let name = one.field.name.as_str();
            let draft = &mut self.draft;
            let is_held = !draft.is_beside(model, id)
                && match model {
                    "party.party" => party::set(draft, id, name, &one.value),
                    "party.address" | "party.contact_mechanism" | "party.identifier" => {
                        party::set_detail(draft, model, id, name, &one.value)
                    }
                    "product.product" | "product.template" => things::set_product(draft, model, id, name, &one.value),
                    "project.work" => things::set_work(draft, id, name, &one.value),
                    "account.asset" => things::set_asset(draft, id, name, &one.value),
                    "purchase.purchase" => purchase::set(draft, id, name, &one.value),
                    "purchase.line" => purchase::set_line(draft, id, name, &one.value),
                    _ => false,
                };
            if is_held {
                self.draft.follow(model, id, name);
            } else {
                self.draft.keep(model, id, name, one.raw);
            }
        }
        Ok(())
    }

    /// Carries out the commands of lists: `["create", [..]]`, `["write", [ids], {..}]`, `["delete", [ids]]`,
    /// `["add", [ids]]`.
    fn lists(&mut self, model: &'static str, id: u32, values: &Value) -> Result<(), TrytonError> {
        for (_, field, child, back) in LISTS.iter().filter(|(of, ..)| *of == model) {
            let Some(commands) = values.get(*field).filter(|commands| !commands.is_null()) else {
                continue;
            };
            let commands = commands.as_array().ok_or_else(|| input::wrong(commands))?;
            for command in commands {
                let word = command.get(0).and_then(Value::as_str).unwrap_or("");
                let operand = command.get(1).unwrap_or(&Value::Null);
                match word {
                    "create" => {
                        for values in operand.as_array().ok_or_else(|| input::wrong(command))? {
                            let mut values = values.as_object().cloned().ok_or_else(|| input::wrong(values))?;
                            let owner = match *child {
                                "stock.move" => Value::from(format!("{model},{id}")),
                                _ => id.into(),
                            };
                            values.insert((*back).to_owned(), owner);
                            self.create(child, &Value::Object(values))?;
                        }
                    }
                    "write" => {
                        for pair in command
                            .as_array()
                            .and_then(|parts| parts.get(1..))
                            .unwrap_or_default()
                            .chunks(2)
                        {
                            for row in self.ids(child, pair.first().unwrap_or(&Value::Null), "write to")? {
                                self.write(child, row, pair.get(1).unwrap_or(&Value::Null))?;
                            }
                        }
                    }
                    "delete" => {
                        for row in self.there(child, operand) {
                            self.delete(child, row)?;
                        }
                    }
                    "add" if *child == "stock.move" => {
                        let rows = self.ids(child, operand, "write to")?;
                        self.add_moves(id, &rows);
                    }
                    "add" => {}
                    _ => return Err(input::wrong(command)),
                }
            }
        }
        Ok(())
    }

    /// Keeps the list of a record when one of its rows comes or goes.
    fn relist(&mut self, model: &'static str, id: u32, field: &str, row: u32, is_there: bool) {
        let mut ids: Vec<u32> = self.draft.value(model, id, field).ids().to_vec();
        ids.retain(|known| *known != row);
        if is_there {
            ids.push(row);
        }
        self.draft.keep(model, id, field, ids);
    }

    fn allow(&self, model: &'static str, id: u32) -> Result<(), TrytonError> {
        let name = || self.name(model, id);
        match model {
            "stock.move" if self.draft.world.find_stock_movement(id).is_some() => Err(TrytonError::User(format!(
                "You cannot modify stock move \"{}\" because it is done.",
                name()
            ))),
            _ => Ok(()),
        }
    }

    fn check(&mut self, model: &'static str, id: u32) -> Result<(), TrytonError> {
        match model {
            "party.party" => self.check_party(id),
            "purchase.purchase" => self.check_purchase(id),
            "purchase.line" => self.check_line(id),
            "project.work" => self.check_work(id),
            "account.asset" => self.check_asset(id),
            "stock.inventory.line" => self.check_inventory_line(id),
            "stock.shipment.internal" => self.check_transfer(id),
            _ => Ok(()),
        }
    }

    fn delete(&mut self, model: &'static str, id: u32) -> Result<(), TrytonError> {
        match model {
            "party.party" => self.delete_party(id)?,
            "party.address" | "party.contact_mechanism" | "party.identifier" => self.delete_detail(model, id),
            "product.product" | "product.template" => self.delete_product(model, id)?,
            "project.work" => self
                .draft
                .world
                .work_orders
                .retain(|work| super::models::work::work_id(work.id) != id),
            "account.asset" => self.delete_asset(id)?,
            "purchase.purchase" => self.delete_purchase(id)?,
            "purchase.line" => self.delete_line(id)?,
            "stock.inventory" | "stock.shipment.in" => self.delete_document(model, id)?,
            "x.calibration" => self.draft.world.calibrations.retain(|row| row.id != id),
            _ => {}
        }
        self.draft.gone(model, id);
        Ok(())
    }

    fn copy(&mut self, model: &'static str, id: u32) -> Result<u32, TrytonError> {
        match model {
            "purchase.purchase" => self.copy_purchase(id),
            _ => Err(TrytonError::not_allowed(self.label(model))),
        }
    }

    fn button(&mut self, model: &'static str, button: &str, id: u32) -> Result<(), TrytonError> {
        let shown = BUTTONS
            .iter()
            .find(|(known, name, _)| *known == model && *name == button);
        let state = self.draft.value(model, id, "state");
        let is_shown = shown.is_some_and(|(_, _, states)| states.contains(&state.text().unwrap_or("")));
        if !is_shown || !self.is_ready(model, button, id) {
            return Err(TrytonError::User(format!(
                "You can not call \"{button}\" on \"{}\" of \"{}\".",
                self.name(model, id),
                self.label(model)
            )));
        }
        self.draft.touched(model, id);
        match (model, button) {
            ("purchase.purchase", _) => self.purchase_button(button, id),
            ("account.asset", _) => {
                self.asset_button(button, id);
                Ok(())
            }
            ("stock.inventory", "confirm") => self.confirm_inventory(id),
            ("stock.shipment.in", "receive") => {
                self.receive(id);
                Ok(())
            }
            ("stock.shipment.internal", "wait") => {
                self.draft.keep(model, id, "state", "waiting");
                Ok(())
            }
            ("stock.shipment.internal", "assign_try") => {
                self.assign(id);
                Ok(())
            }
            (_, "do") => {
                if model == "stock.shipment.internal" {
                    self.transfer(id);
                }
                self.draft.keep(model, id, "state", "done");
                let day = self.draft.at.format("%Y-%m-%d").to_string();
                self.draft.keep(model, id, "effective_date", day);
                Ok(())
            }
            _ => {
                self.draft.keep(model, id, "state", "cancelled");
                Ok(())
            }
        }
    }

    fn is_ready(&self, model: &str, button: &str, id: u32) -> bool {
        let quotes = model == "purchase.purchase" && button == "quote";
        let order = self.draft.world.find_purchase_order(id);
        !quotes || order.is_some_and(|order| !order.lines.is_empty())
    }
}
