//! Values that a system wraps in objects: `{"value": 5}` is read as 5 and written as that again.
//!
//! An answer is unwrapped once, right when it arrives, and a body wrapped when it is put together, so that paths, keys,
//! filters and rows know plain values only.

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use crate::{
    blueprint::Problem,
    json::{self, Value},
    manifest::{Answers, Wrapped},
};

/// How values are wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapping {
    member: Box<str>,
    plain: Box<[String]>,
}

impl Wrapping {
    pub(crate) fn compile(written: &Wrapped, answers: Answers, problems: &mut Vec<Problem>) -> Self {
        if answers == Answers::Xml {
            problems.push(Problem::new("/http/wrapped", "XML has no such objects"));
        }
        if written.member.is_empty() {
            problems.push(Problem::new("/http/wrapped/member", "the member has no name"));
        }
        if let Some(at) = written.plain.iter().position(|name| *name == written.member) {
            let message = "the member that holds the values is always plain";
            problems.push(Problem::new(format!("/http/wrapped/plain/{at}"), message));
        }
        Self {
            member: written.member.as_str().into(),
            plain: written.plain.clone().into_boxed_slice(),
        }
    }

    /// Returns an answer with plain values; nothing when it is no JSON.
    pub(crate) fn read(&self, body: &[u8]) -> Option<Bytes> {
        let plain = self.inside(json::parse(body).ok()?);
        Some(Bytes::from(plain.to_string()))
    }

    /// Returns the text of a JSON body with its values wrapped; one that is no JSON as it is.
    pub(crate) fn write(&self, body: String) -> String {
        match serde_json::from_str(&body) {
            Ok(mut value) => {
                match &mut value {
                    Json::Object(members) => self.wrap_members(members),
                    Json::Array(list) => list.iter_mut().for_each(|element| self.wrap(element)),
                    _ => {}
                }
                value.to_string()
            }
            Err(_) => body,
        }
    }

    fn is_plain(&self, name: &str) -> bool {
        self.plain.iter().any(|plain| plain == name)
    }

    /// Unwraps what is in a list or an object.
    fn inside<'v>(&self, value: Value<'v>) -> Value<'v> {
        match value {
            Value::Object(members) => {
                let unwrapped = members.into_vec().into_iter().map(|(name, value)| {
                    let value = if self.is_plain(&name) {
                        value
                    } else {
                        self.unwrapped(value)
                    };
                    (name, value)
                });
                Value::Object(unwrapped.collect())
            }
            Value::List(list) => Value::List(list.into_vec().into_iter().map(|one| self.unwrapped(one)).collect()),
            other => other,
        }
    }

    fn unwrapped<'v>(&self, value: Value<'v>) -> Value<'v> {
        let Value::Object(members) = value else {
            return self.inside(value);
        };
        match members.as_ref() {
            [] => Value::Null,
            [(name, held)] if **name == *self.member && !held.is_object() && !held.is_list() => held.clone(),
            _ => self.inside(Value::Object(members)),
        }
    }

    fn wrap_members(&self, members: &mut Map<String, Json>) {
        for (name, value) in members {
            if !self.is_plain(name) {
                self.wrap(value);
            }
        }
    }

    fn wrap(&self, value: &mut Json) {
        match value {
            // Somebody wrote it down as the system wants it, or it came so, with more beside the value.
            Json::Object(members) if members.contains_key(&*self.member) => {}
            Json::Object(members) => self.wrap_members(members),
            Json::Array(list) => list.iter_mut().for_each(|element| self.wrap(element)),
            plain => {
                let held = plain.take();
                *plain = Json::Object(Map::from_iter([(self.member.to_string(), held)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::json::tests::any_json;

    fn wrapping() -> Wrapping {
        Wrapping {
            member: "value".into(),
            plain: ["id".to_owned(), "_links".to_owned()].into(),
        }
    }

    fn read(value: &Json) -> Json {
        serde_json::from_slice(&wrapping().read(value.to_string().as_bytes()).unwrap()).unwrap()
    }

    fn written(value: &Json) -> Json {
        serde_json::from_str(&wrapping().write(value.to_string())).unwrap()
    }

    #[test]
    fn values_are_unwrapped_at_any_depth() {
        let answer = json!([{
            "id": "7f", "_links": { "self": {} },
            "OrderNbr": { "value": "PO1" }, "Hold": { "value": false }, "Terms": {}, "Note": { "value": null },
            "Details": [{ "Qty": { "value": 2.50 }, "custom": {} }, {}],
            "VendorRef": { "value": "A", "error": "cannot be found" },
            "Odd": { "value": { "value": 1 } },
        }]);
        let plain = json!([{
            "id": "7f", "_links": { "self": {} },
            "OrderNbr": "PO1", "Hold": false, "Terms": null, "Note": null,
            "Details": [{ "Qty": 2.50, "custom": null }, null],
            "VendorRef": { "value": "A", "error": "cannot be found" },
            "Odd": { "value": 1 },
        }]);
        assert_eq!(read(&answer), plain);
        let body = wrapping().read(br#"{"a":{"value":1234567890123456789.10}}"#).unwrap();
        assert_eq!(body, r#"{"a":1234567890123456789.10}"#);
        for whole in [
            json!({}),
            json!([]),
            json!({ "value": 5 }),
            json!("x"),
            json!({ "value": [{ "id": 1 }] }),
        ] {
            assert_eq!(read(&whole), whole, "the answer itself is no value");
        }
        assert_eq!(wrapping().read(b"<html>"), None);
    }

    #[test]
    fn values_are_wrapped_again_but_not_twice() {
        let row = json!({
            "id": "7f", "_links": { "self": "/7f" }, "OrderNbr": "PO1", "Terms": null,
            "Details": [{ "id": "8", "Qty": 2 }], "tags": ["a"], "parameters": {},
            "Hold": { "value": true }, "Own": { "type": "Text", "value": "x" },
        });
        let wrapped = json!({
            "id": "7f", "_links": { "self": "/7f" }, "OrderNbr": { "value": "PO1" }, "Terms": { "value": null },
            "Details": [{ "id": "8", "Qty": { "value": 2 } }], "tags": [{ "value": "a" }], "parameters": {},
            "Hold": { "value": true }, "Own": { "type": "Text", "value": "x" },
        });
        assert_eq!(written(&row), wrapped);
        assert_eq!(wrapping().write("no json".to_owned()), "no json");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_row(value in any_json()) {
            let row = json!({ "row": value });
            let again = read(&written(&row));
            prop_assert_eq!(read(&again), read(&row));
        }
    }
}
