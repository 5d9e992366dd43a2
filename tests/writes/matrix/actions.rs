//! What can be done with records beyond changing fields: each action from a status in which it is allowed, and what it led
//! to.

use lineshaft_schema::FieldType;
use serde_json::{Map, Value, json};

use super::Trial;
use crate::writes::{
    call::Call,
    form::{Field, Form},
    model::lower,
    stage::complaint,
};

/// How many records are tried: a system has rules besides the status.
const TRIES: usize = 6;

/// One place where an item lies.
struct Level {
    location: Value,
    bin: Value,
    lot: Value,
    on_hand: f64,
}

impl Trial<'_> {
    /// Does it with the first record that the system lets it be done with.
    pub(super) async fn act(&mut self, action: &str, form: &Form, forms: &[(String, Form)]) {
        let mut candidates = self.candidates(form).await;
        if candidates.is_empty() {
            candidates = self.reached(form, forms).await;
        }
        let mut complaints = Vec::new();
        for record in candidates.iter().take(TRIES) {
            let id = record["id"].as_str().unwrap();
            let Some((input, levels)) = self.told(action, form, record).await else {
                continue;
            };
            let call = Call::act(&self.def.name, action, id, Value::Object(input.clone()));
            let done = call.run(&self.stage.plant).await;
            if done.outcome != "SUCCEEDED" {
                complaints.push(format!(
                    "from {} with {}: {}",
                    record["status"],
                    json!(input),
                    complaint(&done)
                ));
                continue;
            }
            self.carried_out(action, &done);
            let status = done.record["status"].as_str().unwrap_or_default();
            let is_wrong = !form.leads_to.is_empty() && !form.leads_to.iter().any(|one| one == status);
            let problem = is_wrong.then(|| format!("leads to {:?}, but the status is {status}", form.leads_to));
            self.findings.check(&self.name(action), problem);
            let problem = self.not_moved(action, id, &input, &levels).await;
            self.findings.check(&self.name(action), problem);
            return;
        }
        let problem = format!(
            "no record lets it be done ({}):\n  {}",
            candidates.len(),
            complaints.join("\n  ")
        );
        self.findings.check(&self.name(action), Some(problem));
    }

    /// Returns records in a status that allows the action, a new one first.
    async fn candidates(&self, form: &Form) -> Vec<Value> {
        let stands = |record: &Value| {
            form.allowed_in.is_empty() || form.allowed_in.iter().any(|status| record["status"] == status.as_str())
        };
        let is_there = |record: &&Value| {
            let status = record["status"].as_str().unwrap_or_default();
            form.leads_to.iter().any(|one| one == status) && !form.allowed_in.iter().any(|one| one == status)
        };
        let mut records = Vec::new();
        if form.leads_to.is_empty() || !form.allowed_in.is_empty() {
            records.extend(self.new_record().await.filter(stands));
        }
        let pool = self.stage.pool.in_status(&self.def.name, &form.allowed_in);
        records.extend(pool.into_iter().filter(|record| !is_there(record)).cloned());
        records
    }

    async fn new_record(&self) -> Option<Value> {
        let creation = self.stage.creation(&self.def.name).await?;
        let done = creation.call.run(&self.stage.plant).await;
        (done.outcome == "SUCCEEDED").then_some(done.record)
    }

    /// Brings a record to a status that allows the action by another action.
    async fn reached(&self, form: &Form, forms: &[(String, Form)]) -> Vec<Value> {
        for (other, way) in forms.iter().filter(|(_, way)| way.supported) {
            if !way.leads_to.iter().any(|status| form.allowed_in.contains(status)) {
                continue;
            }
            for record in self.candidates(way).await.iter().take(TRIES) {
                let Some((input, _)) = self.told(other, way, record).await else {
                    continue;
                };
                let id = record["id"].as_str().unwrap();
                let done = Call::act(&self.def.name, other, id, Value::Object(input))
                    .run(&self.stage.plant)
                    .await;
                if done.outcome == "SUCCEEDED" {
                    return vec![done.record];
                }
            }
        }
        Vec::new()
    }

    /// Makes what the action is told; none where the record has nothing that it could be done with.
    async fn told(&self, action: &str, form: &Form, record: &Value) -> Option<(Map<String, Value>, Vec<Level>)> {
        let def = self.stage.catalogue.action(&self.def.name, action).unwrap();
        let values = self.stage.values(self.stage.round());
        let mut levels = Vec::new();
        let mut input = Map::new();
        let place = |name: &str| {
            [
                "location",
                "fromLocation",
                "toLocation",
                "bin",
                "fromBin",
                "toBin",
                "lot",
                "lines",
                "quantity",
            ]
            .contains(&name)
        };
        // Moments may lie neither before the present status nor in the future: they are left to be now.
        let is_moment = |name: &str| def.field(name).is_some_and(|known| known.kind == FieldType::DateTime);
        let fields = form.fields.iter().filter(|field| !place(&field.name));
        for field in fields.filter(|field| field.required || !is_moment(&field.name)) {
            if let Some(value) = values.field(def, field, None) {
                input.insert(field.name.clone(), value);
            }
        }
        let has = |name: &str| form.field(name).is_some();
        // Material goes to work that is under way; the first ones have been tried themselves by now.
        let under_way = ["APPROVED", "SCHEDULED", "IN_PROGRESS"].map(str::to_owned);
        let work = self.stage.pool.in_status("WorkOrder", &under_way);
        if let (true, Some(work)) = (has("workOrder"), work.last()) {
            input.insert("workOrder".to_owned(), work["id"].clone());
        }
        if def.field("quantity").is_some() {
            levels = self.levels(record["id"].as_str()?).await;
            let from = levels.iter().find(|level| level.on_hand >= 2.0)?;
            let mut put = |name: &str, value: &Value| {
                if has(name) && !value.is_null() {
                    input.insert(name.to_owned(), value.clone());
                }
            };
            put("location", &from.location);
            put("fromLocation", &from.location);
            put("bin", &from.bin);
            put("fromBin", &from.bin);
            put("lot", &from.lot);
            if def.field("toLocation").is_some() {
                let here = levels
                    .iter()
                    .map(|level| &level.location)
                    .find(|place| **place != from.location);

                let other = here.cloned().or_else(|| self.other_place(&from.location))?;
                put("toLocation", &other);
            }
            input.insert("quantity".to_owned(), json!("1"));
        }
        if has("lines") && action == "receive" {
            let lines = record["lines"].as_array()?.iter().map(|line| {
                let mut told = Map::new();
                told.insert("line".to_owned(), line["id"].clone());
                told.insert("quantity".to_owned(), json!("1"));
                let location = [&line["location"]["id"], &record["location"]["id"]];
                let takes_location = line_parts(form).is_none_or(|parts| parts.contains(&"location".to_owned()));
                if let Some(location) = location
                    .into_iter()
                    .find(|id| id.is_string())
                    .filter(|_| takes_location)
                {
                    told.insert("location".to_owned(), location.clone());
                }
                Value::Object(told)
            });
            let lines: Vec<Value> = lines.take(1).collect();
            if lines.is_empty() {
                return None;
            }
            input.insert("lines".to_owned(), json!(lines));
        }
        Some((input, levels))
    }

    fn other_place(&self, from: &Value) -> Option<Value> {
        let places = self.stage.pool.ids("Location");
        places.into_iter().map(Value::from).find(|place| place != from)
    }

    async fn levels(&self, id: &str) -> Vec<Level> {
        let text = "query($id: ID!) { inventoryItem(id: $id) { stock { location { id } bin lot onHand { value } } } }";
        let answer = self.stage.plant.query(text, json!({ "id": id })).await;
        let stock = answer.body["data"]["inventoryItem"]["stock"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        stock
            .into_iter()
            .filter(|level| level["location"]["id"].is_string() || level["bin"].is_string())
            .map(|level| Level {
                location: level["location"]["id"].clone(),
                bin: level["bin"].clone(),
                lot: level["lot"].clone(),
                on_hand: level["onHand"]["value"]
                    .as_str()
                    .and_then(|value| value.parse().ok())
                    .unwrap_or_default(),
            })
            .collect()
    }

    /// Tells what did not happen to the stock or to the order that the action was about.
    async fn not_moved(&self, action: &str, id: &str, input: &Map<String, Value>, before: &[Level]) -> Option<String> {
        if action == "receive" {
            return self.not_received(id, input).await;
        }
        if !["adjust", "transfer", "issue"].contains(&action) {
            return None;
        }
        let after = self.levels(id).await;
        let sum = |levels: &[Level], place: &Value| -> f64 {
            let here = levels.iter().filter(|level| level.location == *place);
            here.map(|level| level.on_hand).sum()
        };
        let all = |levels: &[Level]| -> f64 { levels.iter().map(|level| level.on_hand).sum() };
        let place = if action == "transfer" {
            &input["fromLocation"]
        } else {
            input.get("location").unwrap_or(&Value::Null)
        };
        let (was, is) = if place.is_null() {
            (all(before), all(&after))
        } else {
            (sum(before, place), sum(&after, place))
        };
        let expected = match action {
            "adjust" => {
                let level = before.iter().find(|level| level.on_hand >= 2.0)?;
                was - level.on_hand + 1.0
            }
            _ => was - 1.0,
        };
        if (is - expected).abs() > 1e-6 {
            return Some(format!("there were {was}, now there are {is}, not {expected}"));
        }
        if action == "transfer" {
            let (was, is) = (sum(before, &input["toLocation"]), sum(&after, &input["toLocation"]));
            return ((is - was - 1.0).abs() > 1e-6)
                .then(|| format!("there were {was} where it went, now there are {is}"));
        }
        None
    }

    async fn not_received(&self, id: &str, input: &Map<String, Value>) -> Option<String> {
        let text = format!(
            "query($id: ID!) {{ record: {}(id: $id) {{ receiptStatus receipts {{ id }} lines {{ id receivedQuantity {{ value }} }} }} }}",
            lower(&self.def.name)
        );
        let answer = self.stage.plant.query(&text, json!({ "id": id })).await;
        let record = &answer.body["data"]["record"];
        let line = input.get("lines").map_or(&Value::Null, |lines| &lines[0]["line"]);
        let lines = record["lines"].as_array().cloned().unwrap_or_default();
        let received = lines
            .iter()
            .filter(|one| line.is_null() || one["id"] == *line)
            .any(|one| {
                one["receivedQuantity"]["value"]
                    .as_str()
                    .is_some_and(|value| value.parse::<f64>().unwrap_or_default() >= 1.0)
            });
        let has_receipt = record["receipts"]
            .as_array()
            .is_some_and(|receipts| !receipts.is_empty());
        let is_told = received
            || has_receipt
            || ["PARTIAL", "FULL", "OVER"]
                .iter()
                .any(|status| record["receiptStatus"] == *status);
        (!is_told).then(|| format!("nothing was received: {record}"))
    }
}

/// Returns the parts of a line that can be told.
fn line_parts(form: &Form) -> Option<&Vec<String>> {
    form.field("lines")
        .map(|Field { parts, .. }| parts)
        .filter(|parts| !parts.is_empty())
}
