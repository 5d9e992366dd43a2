//! Look-ups on the records that are there: by id they give what the list gives, and nothing for a key that does not exist.

use lineshaft_schema::{GlobalId, RemoteKey};
use serde_json::{Value, json};

use super::{End, Stop, Tried, first, reading::Case};
use crate::{
    answer::{items, word},
    conditions::missing,
};

/// Records that are looked up.
const LOOKED_UP: usize = 5;

impl Case<'_> {
    /// Looks records up by their ids, and one that does not exist.
    pub(super) async fn look_ups(&mut self) -> Result<(), End> {
        if !self.shape.looks_up {
            return Ok(());
        }
        let text = format!(
            "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {} {{ {} }} }} }}",
            self.shape.entity, self.shape.selection
        );
        let step = (self.nodes.len() / LOOKED_UP).max(1);
        let sample: Vec<Value> = self.nodes.iter().step_by(step).take(LOOKED_UP).cloned().collect();
        let ids: Vec<&Value> = sample.iter().map(|node| &node["id"]).collect();
        let found = self.run.ask(&text, json!({ "ids": ids }), &self.teller).await;
        let tried = match found {
            Ok(data) => self.same(&sample, items(&data["nodes"])).await,
            Err(stop) => Err(stop),
        };
        if tried.is_ok() {
            self.outcome.operations.insert("get");
        }
        self.settle("looked up by id", tried)?;
        let Some(id) = sample.first().and_then(|node| word(&node["id"]).parse().ok()) else {
            return Ok(());
        };
        let ghost = like_missing(&id);
        let text = format!("query($id: ID!) {{ {}(id: $id) {{ remoteId }} }}", self.shape.single);
        let found = self
            .run
            .ask(&text, json!({ "id": ghost.to_string() }), &self.teller)
            .await;
        let tried = found.and_then(|data| match word(&data[&self.shape.single]["remoteId"]) {
            "" => Ok(()),
            // Somebody may have a record with this key after all.
            found if found == ghost.key.to_string() => Ok(()),
            found => Err(Stop::Wrong(format!(
                "asked for the key {}, it gives {found}",
                ghost.key
            ))),
        });
        self.settle("look-up of a record that does not exist", tried)
    }

    /// Holds records that were looked up against the list. Those that somebody has changed meanwhile are listed again.
    async fn same(&self, sample: &[Value], found: &[Value]) -> Tried {
        let differs = |listed: &[Value]| {
            listed
                .iter()
                .zip(found)
                .find_map(|(listed, found)| self.difference(listed, found))
        };
        if differs(sample).is_none() {
            return Ok(());
        }
        let page = self.page(&self.shape.selection, first(self.nodes.len())).await?;
        let again = sample.iter().map(|node| {
            let now = items(&page["nodes"]).iter().find(|now| now["id"] == node["id"]);
            now.unwrap_or(node).clone()
        });
        match differs(&again.collect::<Vec<_>>()) {
            Some(difference) => Err(Stop::Wrong(difference)),
            None => Ok(()),
        }
    }

    fn difference(&self, listed: &Value, found: &Value) -> Option<String> {
        let record = word(&listed["remoteId"]);
        let (Value::Object(a), Value::Object(b)) = (listed, found) else {
            return Some(format!("{record} was listed, and is not found"));
        };
        let (name, value) = a.iter().find(|(name, value)| b.get(*name) != Some(value))?;
        let sort = self.sort_of(name);
        let told = |value: &Value| self.teller.value(sort, value);
        Some(format!(
            "of {record} the field {name} was listed as {}, and looked up it is {}",
            told(value),
            told(&b[name])
        ))
    }
}

/// Returns the id of a record that hardly exists, whose key has the form of one that does: systems refuse other forms.
fn like_missing(id: &GlobalId) -> GlobalId {
    let far = missing(id);
    let like = |letter: char| match letter {
        letter if letter.is_ascii_digit() => '9',
        letter if letter.is_lowercase() => 'f',
        letter if letter.is_uppercase() => 'F',
        letter => letter,
    };
    let parts = id.key.parts().iter().zip(far.key.parts().iter());
    let parts = parts.map(|(part, far)| match far.bytes().all(|byte| byte.is_ascii_digit()) {
        true => far.to_string(),
        false => part.chars().map(like).collect(),
    });
    GlobalId {
        key: RemoteKey::composite(parts.collect::<Vec<String>>()),
        ..far.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use lineshaft_schema::ConnectionId;

    use super::*;

    #[test]
    fn a_key_that_hardly_exists_has_the_form_of_one_that_does() {
        for (known, expected) in [
            ("4711", "999999"),
            ("PO-1001/b", "FF-9999/f"),
            (
                "0190a3f2-7c1e-7d4b-9f00-1c2d3e4f5a6b",
                "9999f9f9-9f9f-9f9f-9f99-9f9f9f9f9f9f",
            ),
        ] {
            let id = GlobalId {
                connection: ConnectionId(uuid::Uuid::nil()),
                kind: "Vendor".into(),
                key: RemoteKey::composite([known]),
            };
            assert_eq!(like_missing(&id).key.parts()[0].to_string(), expected);
        }
    }
}
