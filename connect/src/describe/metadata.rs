//! Finds the entity sets in the metadata document of `OData`, and their properties. Reads tags and attributes, nothing else.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{DescribedField, MOST_OBJECTS, RemoteObject};

/// How many base types a type may have.
const MOST_BASES: usize = 10;

/// A start tag.
struct Tag<'x> {
    name: &'x str,
    attributes: HashMap<&'x str, String>,
}

/// What is known of an entity type.
#[derive(Default)]
struct EntityType {
    base: Option<String>,
    key: Vec<String>,
    fields: Vec<DescribedField>,
}

/// Returns the properties of an entity set; none when the document does not have it.
pub(super) fn odata_fields(text: &str, entity_set: &str) -> Option<IndexMap<String, DescribedField>> {
    let mut types: HashMap<String, EntityType> = HashMap::new();
    let mut current: Option<String> = None;
    let mut wanted = None;
    let mut rest = text;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        let get = |name: &str| tag.attributes.get(name).cloned();
        match tag.name {
            "EntityType" => {
                let name = get("Name").unwrap_or_default();
                let base = get("BaseType").map(|base| unqualified(&base).to_owned());
                types.entry(name.clone()).or_default().base = base;
                current = Some(name);
            }
            "/EntityType" | "ComplexType" => current = None,
            "Property" => {
                if let Some(entity) = current.as_ref().and_then(|name| types.get_mut(name)) {
                    entity.fields.extend(property(&tag));
                }
            }
            "PropertyRef" => {
                if let Some(entity) = current.as_ref().and_then(|name| types.get_mut(name)) {
                    entity.key.extend(get("Name"));
                }
            }
            "EntitySet" if get("Name").as_deref() == Some(entity_set) => wanted = get("EntityType"),
            _ => {}
        }
    }
    let wanted = wanted?;
    let mut chain = Vec::new();
    let mut name = Some(unqualified(&wanted).to_owned());
    while let Some(entity) = name.as_ref().and_then(|name| types.get(name)) {
        chain.push(entity);
        if chain.len() > MOST_BASES {
            break;
        }
        name.clone_from(&entity.base);
    }
    if chain.is_empty() {
        return None;
    }
    let is_key = |field: &DescribedField| chain.iter().any(|entity| entity.key.contains(&field.name));
    let fields = chain.iter().rev().flat_map(|entity| &entity.fields).map(|field| {
        let field = DescribedField {
            is_key: is_key(field),
            ..field.clone()
        };
        (field.name.clone(), field)
    });
    Some(fields.collect())
}

/// Returns the entity sets of a document.
pub(crate) fn odata_sets(text: &str) -> Vec<RemoteObject> {
    let mut sets = Vec::new();
    let mut rest = text;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        if tag.name != "EntitySet" || sets.len() >= MOST_OBJECTS {
            continue;
        }
        let label = tag.attributes.get("sap:label").filter(|label| !label.is_empty());
        sets.extend(tag.attributes.get("Name").map(|name| RemoteObject {
            name: name.clone(),
            label: label.cloned(),
            described_as: None,
        }));
    }
    sets
}

fn property(tag: &Tag<'_>) -> Option<DescribedField> {
    let get = |name: &str| tag.attributes.get(name).cloned();
    let is_false = |name: &str| get(name).map(|text| text == "false");
    let read_only = match (is_false("sap:creatable"), is_false("sap:updatable")) {
        (None, None) => None,
        (creatable, updatable) => Some(creatable.unwrap_or(false) && updatable.unwrap_or(false)),
    };
    Some(DescribedField {
        name: get("Name")?,
        label: get("sap:label").filter(|label| !label.is_empty()),
        kind: get("Type"),
        required: is_false("Nullable"),
        read_only,
        max_length: get("MaxLength").and_then(|text| text.parse().ok()),
        ..DescribedField::default()
    })
}

fn unqualified(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Takes the next start or end tag; comments and processing instructions are passed over.
fn next_tag(text: &str) -> Option<(Tag<'_>, &str)> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once('<')?;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let end = tag_end(after)?;
        let (inner, following) = after.split_at_checked(end)?;
        rest = following.get(1..)?;
        if inner.starts_with(['?', '!']) {
            continue;
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        // The prefix of the namespace is left out.
        let name = match name.strip_prefix('/') {
            Some(_) => name,
            None => name.rsplit(':').next().unwrap_or(name),
        };
        let tag = Tag {
            name,
            attributes: attributes_of(attributes),
        };
        return Some((tag, rest));
    }
}

/// Finds the end of a tag outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(sign),
            (Some(open), sign) if open == sign => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes_of(text: &str) -> HashMap<&str, String> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|sign| matches!(sign, '"' | '\'')) else {
            break;
        };
        let Some((value, following)) = after.get(1..).and_then(|after| after.split_once(quote)) else {
            break;
        };
        found.insert(name.trim(), unescaped(value));
        rest = following;
    }
    found
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
