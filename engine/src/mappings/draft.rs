//! What somebody wants a layer to be: a text, a document, or edits of the present one.

use lineshaft_connect::manifest::overlay::{Lines, Overlay, OverlayProblem, ProblemCode};
use lineshaft_schema::Catalogue;
use serde_json::{Map, Value as Json, json};

use super::MappingError;

/// Most bytes of a document.
const MOST_BYTES: usize = 512 * 1024;

/// Most edits at once.
const MOST_EDITS: usize = 1_000;

/// What a layer is to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Draft {
    /// The whole document as YAML.
    Yaml(String),
    /// The whole document as JSON.
    Document(Json),
    /// Edits of the present document.
    Edits(Vec<Edit>),
}

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The entity.
    pub entity: String,
    /// What of it is meant.
    pub part: Part,
    /// The field, unless the entity itself is meant.
    pub field: Option<String>,
    /// What stands there now; none takes it away.
    pub set: Option<Json>,
}

/// What of an entity an edit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The mapping of a unified field.
    Field,
    /// A field of the organization's own.
    Custom,
    /// What of the system an entity of the organization's own is, or the records of a unified type that the connector
    /// does not map.
    Entity,
}

impl Draft {
    /// Reads what a caller gave.
    ///
    /// # Errors
    /// When not exactly one form is given.
    pub fn new(yaml: Option<String>, document: Option<Json>, edits: Option<Vec<Edit>>) -> Result<Self, MappingError> {
        match (yaml, document, edits) {
            (Some(yaml), None, None) => Ok(Self::Yaml(yaml)),
            (None, Some(document), None) => Ok(Self::Document(document)),
            (None, None, Some(edits)) if edits.len() > MOST_EDITS => Err(MappingError::TooMany(format!(
                "at most {MOST_EDITS} edits are made at once"
            ))),
            (None, None, Some(edits)) => Ok(Self::Edits(edits)),
            _ => Err(MappingError::Argument(
                "give exactly one of `yaml`, `document` and `edits`".to_owned(),
            )),
        }
    }

    /// Reads the document, with the lines of its text where there is one.
    pub(super) fn read(&self, present: &Overlay, unified: &Catalogue) -> Result<(Overlay, Lines), Vec<OverlayProblem>> {
        let document = match self {
            Self::Yaml(text) => return Overlay::from_yaml(text),
            Self::Document(document) => document.clone(),
            Self::Edits(edits) => edited(present.to_json(), edits, unified)?,
        };
        if document.to_string().len() > MOST_BYTES {
            let message = format!("the document is longer than {} KiB", MOST_BYTES / 1024);
            return Err(vec![OverlayProblem::error(ProblemCode::InvalidMapping, "", message)]);
        }
        Ok((Overlay::from_json(&document)?, Lines::default()))
    }
}

fn edited(mut document: Json, edits: &[Edit], unified: &Catalogue) -> Result<Json, Vec<OverlayProblem>> {
    let mut problems = Vec::new();
    if let Some(root) = document.as_object_mut() {
        let entities = root.entry("entities").or_insert_with(|| json!({}));
        if let Json::Object(entities) = entities {
            for edit in edits {
                problems.extend(apply(entities, edit, unified));
            }
            entities.retain(|_, entity| entity.as_object().is_none_or(|sections| !sections.is_empty()));
        }
    }
    match problems.is_empty() {
        true => Ok(document),
        false => Err(problems),
    }
}

/// Makes one edit; tells why it cannot be made.
fn apply(entities: &mut Map<String, Json>, edit: &Edit, unified: &Catalogue) -> Option<OverlayProblem> {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let pointer = format!("/entities/{}", escaped(&edit.entity));
    let wrong = |code, pointer: &str, message: String| Some(OverlayProblem::error(code, pointer, message));
    let section = match edit.part {
        Part::Field => "fields",
        Part::Custom => "custom",
        Part::Entity => {
            let is_unified = unified.types.contains_key(&edit.entity);
            let word = if is_unified { "from" } else { "entity" };
            let entity = entities.entry(edit.entity.clone()).or_insert_with(|| json!({}));
            match (&edit.set, entity.as_object_mut()) {
                (Some(set), Some(sections)) => {
                    sections.insert(word.to_owned(), set.clone());
                }
                // Without it nothing else of the entity means anything.
                (None, Some(sections)) if !is_unified || sections.contains_key(word) => {
                    entities.shift_remove(&edit.entity);
                }
                _ => {}
            }
            return None;
        }
    };
    let Some(field) = &edit.field else {
        let message = "an edit of a field names the field".to_owned();
        return wrong(ProblemCode::UnknownField, &pointer, message);
    };
    let entity = entities.entry(edit.entity.clone()).or_insert_with(|| json!({}));
    let sections = entity.as_object_mut()?;
    let fields = sections.entry(section).or_insert_with(|| json!({}));
    let members = fields.as_object_mut()?;
    match &edit.set {
        Some(set) => {
            members.insert(field.clone(), set.clone());
        }
        None if members.shift_remove(field).is_none() => {
            let pointer = format!("{pointer}/{section}/{}", escaped(field));
            let message = format!("the layer does not change {}.{field}", edit.entity);
            return wrong(ProblemCode::NoLongerThere, &pointer, message);
        }
        None => {}
    }
    if members.is_empty() {
        sections.shift_remove(section);
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn edit(part: Part, field: Option<&str>, set: Option<Json>) -> Edit {
        Edit {
            entity: "Vendor".to_owned(),
            part,
            field: field.map(str::to_owned),
            set,
        }
    }

    #[test]
    fn edits_set_and_take_away() {
        let unified = Catalogue::unified().unwrap();
        let set = Draft::Edits(vec![
            edit(
                Part::Custom,
                Some("zone"),
                Some(json!({"type": "string", "source": "z"})),
            ),
            edit(Part::Field, Some("name"), Some(json!("long_name"))),
        ]);
        let (both, _) = set.read(&Overlay::new(), &unified).unwrap();
        assert_eq!(both.entities["Vendor"].custom.len(), 1);
        let taken = Draft::Edits(vec![
            edit(Part::Custom, Some("zone"), None),
            edit(Part::Field, Some("name"), None),
        ]);
        assert!(taken.read(&both, &unified).unwrap().0.is_empty());
        let again = taken.read(&Overlay::new(), &unified).unwrap_err();
        assert_eq!(again.len(), 2);
        assert_eq!(again[0].code, ProblemCode::NoLongerThere);
    }

    #[test]
    fn the_entity_of_a_unified_type_is_where_its_records_come_from() {
        let unified = Catalogue::unified().unwrap();
        let set = Draft::Edits(vec![
            edit(Part::Entity, None, Some(json!({"remote": "Suppliers", "key": "id"}))),
            edit(Part::Field, Some("name"), Some(json!("SupplierName"))),
        ]);
        let (mapped, _) = set.read(&Overlay::new(), &unified).unwrap();
        assert_eq!(mapped.entities["Vendor"].remote(), Some("Suppliers"));
        let taken = Draft::Edits(vec![edit(Part::Entity, None, None)]);
        assert!(taken.read(&mapped, &unified).unwrap().0.is_empty());
    }

    #[test]
    fn a_document_that_is_too_long_is_refused() {
        let unified = Catalogue::unified().unwrap();
        let long = Draft::Document(json!({"mapping": 1, "entities": {"x".repeat(MOST_BYTES): {}}}));
        assert!(long.read(&Overlay::new(), &unified).is_err());
    }
}
