//! What differs between two versions of a layer, field by field.

use lineshaft_connect::manifest::overlay::Overlay;
use serde_json::{Map, Value as Json, json};

/// Most differences that are told.
const MOST: usize = 2_000;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The entity.
    pub entity: String,
    /// The field; none for what concerns the entity itself.
    pub field: Option<String>,
    /// JSON pointer to what differs.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// What stood there.
    pub before: Option<Json>,
    /// What stands there.
    pub after: Option<Json>,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// Tells what differs between two documents.
pub(super) fn diff(before: &Overlay, after: &Overlay) -> Vec<Change> {
    let (before, after) = (entities(before), entities(after));
    let mut told = Vec::new();
    for (entity, at) in both(&before, &after) {
        let (old, new) = (before.get(entity), after.get(entity));
        let root = format!("/entities{at}/entity");
        let own = |document: Option<&Json>| document.and_then(|document| document.get("entity")).cloned();
        compare(entity, None, &root, own(old).as_ref(), own(new).as_ref(), &mut told);
        for section in ["fields", "custom"] {
            let none = Map::new();
            let fields = |document: Option<&'_ Json>| {
                let fields = document
                    .and_then(|document| document.get(section))
                    .and_then(Json::as_object);
                fields.cloned().unwrap_or_else(|| none.clone())
            };
            let (old, new) = (fields(old), fields(new));
            for (field, below) in both(&old, &new) {
                let path = format!("/entities{at}/{section}{below}");
                compare(entity, Some(field), &path, old.get(field), new.get(field), &mut told);
            }
        }
    }
    told.truncate(MOST);
    told
}

/// Returns the entities of a document, with every mapping in its long form.
fn entities(overlay: &Overlay) -> Map<String, Json> {
    let document = overlay.to_json();
    let mut entities = match document.get("entities") {
        Some(Json::Object(entities)) => entities.clone(),
        _ => Map::new(),
    };
    let fields = |entity: &mut Json, section: &str, lengthen: &dyn Fn(&mut Json)| {
        let fields = entity.get_mut(section).and_then(Json::as_object_mut);
        fields.into_iter().flat_map(Map::values_mut).for_each(lengthen);
    };
    for entity in entities.values_mut() {
        fields(entity, "fields", &lengthen);
        fields(entity, "custom", &|custom: &mut Json| {
            if let Some(source) = custom.get_mut("source") {
                lengthen(source);
            }
        });
    }
    entities
}

fn lengthen(mapping: &mut Json) {
    if mapping.is_string() {
        *mapping = json!({"path": mapping.take()});
    }
}

/// Iterates over the names of two objects, those of the first in their order, with pointers.
fn both<'m>(before: &'m Map<String, Json>, after: &'m Map<String, Json>) -> Vec<(&'m str, String)> {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    let names = before.keys().chain(new);
    names.map(|name| (name.as_str(), escaped(name))).collect()
}

fn escaped(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn compare(
    entity: &str,
    field: Option<&str>,
    path: &str,
    before: Option<&Json>,
    after: Option<&Json>,
    told: &mut Vec<Change>,
) {
    let kind = match (before, after) {
        (None, None) => return,
        (Some(before), Some(after)) if before == after => return,
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            for (name, below) in both(before, after) {
                let path = format!("{path}{below}");
                compare(entity, field, &path, before.get(name), after.get(name), told);
            }
            return;
        }
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(_), Some(_)) => ChangeKind::Changed,
    };
    told.push(Change {
        entity: entity.to_owned(),
        field: field.map(str::to_owned),
        path: path.to_owned(),
        kind,
        before: before.cloned(),
        after: after.cloned(),
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn told(before: &str, after: &str) -> Vec<(String, ChangeKind)> {
        let read = |text: &str| Overlay::from_yaml(text).unwrap().0;
        let changes = diff(&read(before), &read(after));
        changes.into_iter().map(|change| (change.path, change.kind)).collect()
    }

    #[test]
    fn differences_are_told_where_they_are() {
        let before = "mapping: 1\nentities:\n  Vendor:\n    fields: {name: a, type: {hide: true}}\n    custom:\n      zone: {type: string, source: z}\n";
        let after = "mapping: 1\nentities:\n  Vendor:\n    fields: {name: {path: a, filter: [eq]}}\n    custom:\n      zone: {type: string, source: {path: y}}\n      risk: {type: string}\n";
        assert_eq!(
            told(before, after),
            [
                ("/entities/Vendor/fields/name/filter".to_owned(), ChangeKind::Added),
                ("/entities/Vendor/fields/type".to_owned(), ChangeKind::Removed),
                (
                    "/entities/Vendor/custom/zone/source/path".to_owned(),
                    ChangeKind::Changed
                ),
                ("/entities/Vendor/custom/risk".to_owned(), ChangeKind::Added),
            ]
        );
        assert_eq!(told(before, before), []);
    }
}
