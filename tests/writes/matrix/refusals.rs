//! What a system does not declare: operations and fields, each refused with nothing sent.

use lineshaft_schema::{FieldType, Shape};
use serde_json::{Value, json};

use super::Trial;
use crate::writes::{
    call::Call,
    form::Form,
    stage::{complaint, create},
};

impl Trial<'_> {
    /// Holds that what the system does not have is refused, with nothing sent.
    pub(super) async fn refusals(&mut self, forms: &[(String, Form)]) {
        let kind = &self.def.name;
        let id = self.stage.pool.any_id(kind);
        for (operation, form) in forms.iter().filter(|(_, form)| !form.supported) {
            let call = match operation.as_str() {
                "create" => match &self.def.shape {
                    Shape::Part { of } => Call::create_part(kind, &self.stage.pool.any_id(of), json!({})),
                    _ => Call::create(kind, &self.stage.connection, json!({})),
                },
                "update" => Call::update(kind, &id, json!({})),
                "delete" => Call::delete(kind, &id),
                action => Call::act(kind, action, &id, self.least(action)),
            };
            self.stage.plant.clear_calls();
            let done = call.run(&self.stage.plant).await;
            let calls = self.stage.sandbox().calls();
            let problem = (done.codes() != ["OPERATION_NOT_SUPPORTED"] || !calls.is_empty())
                .then(|| format!("{} with {} upstream calls: {calls:?}", complaint(&done), calls.len()));
            self.findings
                .check(&self.name(&format!("{operation} is not declared and")), problem);
            // Whoever is refused a removal is told what serves instead.
            let is_mute = operation == "delete" && form.alternative.is_none() && self.has_way_out(forms);
            let problem = is_mute.then(|| format!("no alternative is told: {}", form.text));
            self.findings.check(&self.name(operation), problem);
        }
    }

    fn has_way_out(&self, forms: &[(String, Form)]) -> bool {
        let ways = ["cancel", "block", "decommission", "close"];
        forms
            .iter()
            .any(|(name, form)| form.supported && ways.contains(&name.as_str()))
    }

    /// Returns the least that an action must be told.
    fn least(&self, action: &str) -> Value {
        let def = self.stage.catalogue.action(&self.def.name, action).unwrap();
        let required = def.fields.values().filter(|field| field.required);
        let values = required.map(|field| {
            let value = match field.kind {
                FieldType::Reference(target) => {
                    let target = self.stage.catalogue.type_at(target).unwrap();
                    json!(self.stage.pool.any_id(&target.name))
                }
                _ => json!("1"),
            };
            (field.name.clone(), value)
        });
        Value::Object(values.collect())
    }

    /// Holds that fields that are not declared are refused by name, with nothing changed.
    pub(super) async fn undeclared_fields(&mut self, form: &Form, owner: Option<&str>) {
        let (mut input, _) = self.stage.new_input(&self.def.name, form, self.stage.round(), true);
        let undeclared: Vec<_> = self
            .def
            .fields
            .values()
            .filter(|field| field.writable.on_create() && field.reverse.is_none() && form.field(&field.name).is_none())
            .filter(|field| !form.closed.contains(&field.name))
            .filter(|field| {
                matches!(
                    field.kind,
                    FieldType::Text | FieldType::Boolean | FieldType::Date | FieldType::DateTime
                )
            })
            .filter(|field| {
                !field.list && !["CurrencyCode", "CountryCode", "Duration", "URL"].contains(&field.type_name.as_str())
            })
            .collect();
        for field in &undeclared {
            let value = match field.kind {
                FieldType::Boolean => json!(true),
                FieldType::Date => json!("2026-12-01"),
                FieldType::DateTime => json!("2026-12-01T08:00:00Z"),
                _ => json!("x"),
            };
            input.insert(field.name.clone(), value);
        }
        if undeclared.is_empty() {
            return;
        }
        self.stage.plant.clear_calls();
        let call = create(&self.def.name, &self.stage.connection, owner, Value::Object(input));
        let done = call.run(&self.stage.plant).await;
        for field in undeclared {
            let is_told = done
                .user_errors
                .iter()
                .any(|error| error["code"] == "NOT_WRITABLE" && error["path"][0] == field.name.as_str());
            let problem = (!is_told).then(|| format!("not refused by name: {}", complaint(&done)));
            self.findings
                .check(&self.name(&format!("create with {}", field.name)), problem);
        }
        let attempts = self.stage.attempts();
        let problem = (!attempts.is_empty()).then(|| format!("{attempts:?}"));
        self.findings
            .check(&self.name("create with undeclared fields sends nothing"), problem);
    }
}
