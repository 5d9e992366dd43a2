//! What the answers to the requests of a write tell: values for later steps, refusals, the key of the record.

use lineshaft_schema::{RemoteKey, Value};
use serde_json::{Map, Value as Json};

use super::{
    Act, UserError, UserErrorCode,
    backward::wrong,
    compile_steps::{ReplyFrom, StepPlan},
    run::Run,
};
use crate::{json, transport::Response};

impl Run {
    /// Takes the answer to the request of [`Next::Send`](super::Next::Send), which was judged a success.
    ///
    /// # Errors
    /// Returns why the write is refused; with the code `InDoubt` when the answer does not tell what must be known.
    pub fn answered(&mut self, response: &Response) -> Result<(), UserError> {
        let Some(step) = self.operation.steps.get(self.at).cloned() else {
            return Ok(());
        };
        let parsed = json::parse(&response.body).ok();
        let null = json::Value::Null;
        let body = parsed.as_ref().unwrap_or(&null);
        let found = step.keep.iter();
        let found: Map<String, Json> = found
            .filter_map(|(name, path)| Some((name.clone(), plain(path.first(body)?))))
            .collect();
        if !found.is_empty() {
            self.keep_element(&step, &found);
        }
        self.kept.extend(found);
        if !step.expect.iter().all(|check| check.holds(body)) {
            let message = step.message.as_deref().unwrap_or("the system does not allow it");
            return Err(wrong(&[], UserErrorCode::BusinessRule, message));
        }
        if self.operation.reply.step == self.at {
            for path in &self.operation.reply.warnings {
                let texts = path.all(body).into_iter().filter_map(json::scalar_text);
                let texts = texts.filter(|text| !text.trim().is_empty()).map(crate::classify::clean);
                self.warnings.extend(texts);
            }
            self.take_key(response, body)?;
        }
        self.item += 1;
        if self.items(&step).is_none_or(|items| self.item >= items.len()) {
            self.at += 1;
            self.item = 0;
        }
        Ok(())
    }

    /// Keeps the element that a step was sent for, with what was kept of the answer.
    fn keep_element(&mut self, step: &StepPlan, found: &Map<String, Json>) {
        let element = self.items(step).and_then(|items| items.into_iter().nth(self.item));
        let Some(element) = element else { return };
        let mut members = match element {
            Json::Object(members) => members,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        members.extend(found.clone());
        let list = self
            .kept
            .entry(step.name.clone())
            .or_insert_with(|| Json::Array(Vec::new()));
        if let Json::Array(list) = list {
            list.push(Json::Object(members));
        }
    }

    fn take_key(&mut self, response: &Response, body: &json::Value<'_>) -> Result<(), UserError> {
        let creates = self.request.act == Act::Create;
        if !creates && !self.operation.reply.told {
            return Ok(());
        }
        let found = self.key_in(response, body);
        match found {
            Some(key) => self.key = Some(key),
            None if creates && self.key.is_none() => {
                let message = "the system answered without the key of the new record";
                return Err(wrong(&[], UserErrorCode::InDoubt, message));
            }
            None => {}
        }
        Ok(())
    }

    /// Finds the key in an answer; of records that have their key from us also in what was sent.
    fn key_in(&self, response: &Response, body: &json::Value<'_>) -> Option<RemoteKey> {
        let mapping = &self.resource()?.mapping;
        let told = match &self.operation.reply.from {
            ReplyFrom::Record(path) => path.first(body).and_then(|row| {
                let row = row.elements().map_or(Some(row), <[_]>::first)?;
                self.key_of(row)
                    .or_else(|| self.key_of(&json::Value::from(&self.with_sent(row))))
            }),
            ReplyFrom::Key(paths) => {
                let parts: Option<Vec<String>> = paths
                    .iter()
                    .map(|path| path.first(body).and_then(json::scalar_text).map(str::to_owned))
                    .collect();
                parts.and_then(|parts| mapping.key_of_parts(&parts))
            }
            ReplyFrom::Header(name, pattern) => {
                let text = response.headers.get(name)?.to_str().ok()?;
                let captures = pattern.captures(text)?;
                let parts: Option<Vec<String>> = captures
                    .iter()
                    .skip(1)
                    .map(|group| {
                        let text = group?.as_str();
                        let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
                        Some(decoded.into_owned())
                    })
                    .collect();
                parts.and_then(|parts| mapping.key_of_parts(&parts))
            }
        };
        if told.is_some() || self.operation.reply.told {
            return told;
        }
        self.key_of(&json::Value::from(&self.row))
    }

    /// Lays what an answer tells over what was sent: of keys of several parts systems tell the one that they made.
    fn with_sent(&self, told: &json::Value<'_>) -> Json {
        let mut row = self.row.clone();
        if let (Json::Object(row), Json::Object(told)) = (&mut row, plain(told)) {
            row.extend(told);
        }
        row
    }

    /// Returns the key of a row, into which the key of its owner is put where lists of rows have it.
    fn key_of(&self, row: &json::Value<'_>) -> Option<RemoteKey> {
        let resource = self.resource()?;
        let mut row = row.clone().into_owned();
        for (field, children) in &resource.parts.children {
            if let Some(Value::Reference(owner)) = self.request.input.values.get(field) {
                row = with_member(row, &children.parent_as, &owner.to_string());
            }
        }
        resource.mapping.key_of(&row)
    }
}

fn plain(value: &json::Value<'_>) -> Json {
    serde_json::from_str(&value.to_string()).unwrap_or(Json::Null)
}

fn with_member<'a>(row: json::Value<'a>, name: &str, text: &str) -> json::Value<'a> {
    match row {
        json::Value::Object(members) => {
            let others = members.into_vec().into_iter().filter(|(known, _)| known != name);
            let own = (name.to_owned().into(), json::Value::Text(text.to_owned().into()));
            json::Value::Object(others.chain([own]).collect())
        }
        other => other,
    }
}
