//! Members of a body whose names differ only in case from one that counts: systems that know no case may read either.

use serde_json::Value;

/// What spreads the members of a value into a table.
const SPREAD: &str = "...";

/// Names that count in the body of a client, each with the place of the table in which it stands.
#[derive(Debug, Default)]
pub(super) struct Counted(Vec<(Vec<String>, String)>);

impl Counted {
    /// Adds a member whose value tells what is called, such as `object.class`, and all on the way to it.
    pub(super) fn add_place(&mut self, place: &str) {
        let names: Vec<&str> = place.split('.').collect();
        for (at, name) in names.iter().enumerate() {
            let above = names.iter().take(at).map(|name| (*name).to_owned());
            self.0.push((above.collect(), (*name).to_owned()));
        }
    }

    /// Adds the members that an envelope has beside those of the client.
    pub(super) fn add_envelope(&mut self, envelope: &Value) {
        match envelope {
            Value::Object(members) => {
                let spread = members.get(SPREAD).and_then(Value::as_str).and_then(place_in_body);
                if let Some(place) = spread {
                    let own = members.keys().filter(|name| *name != SPREAD);
                    self.0.extend(own.map(|name| (place.clone(), name.clone())));
                }
                members.values().for_each(|value| self.add_envelope(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.add_envelope(value)),
            _ => {}
        }
    }

    /// Returns a member of a body that is not one of those but may be taken for it.
    pub(super) fn taken_for_one<'b>(&self, body: &'b Value) -> Option<&'b str> {
        self.0.iter().find_map(|(place, name)| {
            let table = place.iter().try_fold(body, |value, name| value.get(name))?;
            let folded = fold(name);
            let mut others = table.as_object()?.keys().filter(|other| *other != name);
            others.find(|other| fold(other) == folded).map(String::as_str)
        })
    }
}

/// Returns the place in the body of the client that a template hands on; the whole body is at none.
fn place_in_body(template: &str) -> Option<Vec<String>> {
    let (_, rest) = template.split_once("raw.body")?;
    let is_of_place = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.');
    let end = rest.find(|sign| !is_of_place(sign)).unwrap_or(rest.len());
    let names = rest.get(..end)?.split('.').filter(|name| !name.is_empty());
    Some(names.map(str::to_owned).collect())
}

/// Makes names alike that differ only in case; signs such as `ſ` have one in one direction only.
fn fold(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}
