//! What a field of a system could be called and mapped as.

use std::{collections::HashSet, sync::Arc};

use lineshaft_connect::{
    blueprint::Blueprint,
    describe::{DescribedField, ValueKind},
    manifest::overlay::Overlay,
};
use lineshaft_schema::{Catalogue, Operator, TypeDef};
use serde_json::{Map, Value as Json, json};

/// Most choices that become the values of an enum.
const MOST_VALUES: usize = 100;

/// What people put before the names of their own fields.
const PREFIXES: &[&str] = &[
    "x_studio_",
    "x_",
    "zz1_",
    "yy1_",
    "custbody_",
    "custentity_",
    "custitem_",
    "custrecord_",
    "cf_",
    "custom_",
    "zz_",
];

/// A custom field that fits a field of the system.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Its name.
    pub name: String,
    /// Its declaration, as it stands in a document.
    pub field: Json,
}

/// What is known where a field stands.
pub(super) struct Place<'p> {
    pub(super) blueprint: &'p Blueprint,
    /// The entity whose other fields show what the system can do, with the plans that read it.
    pub(super) like: Option<(&'p Blueprint, &'p TypeDef)>,
}

/// An entity that is tried and never saved: it shows what could be done with an object that becomes one.
pub(super) struct Trial {
    blueprint: Blueprint,
    catalogue: Arc<Catalogue>,
}

impl Trial {
    const ENTITY: &str = "LineshaftTrial";

    /// Tries an object; none where the connector cannot do more than list it.
    pub(super) fn new(blueprint: &Blueprint, catalogue: &Catalogue, remote: &str) -> Option<Self> {
        let document = json!({"mapping": 1, "entities": {Self::ENTITY: {
            "entity": {"remote": remote, "plural": "lineshaftTrials", "key": "key"},
            "custom": {
                "text": {"type": "string", "source": {"path": "text", "filter": ["eq", "in"], "sort": true}},
                "number": {
                    "type": "integer",
                    "source": {"path": "number", "filter": ["eq", "gt", "gte", "lt", "lte"], "sort": true},
                },
            },
        }}});
        let overlay = Overlay::from_json(&document).ok()?;
        let (additions, _) = overlay.additions(catalogue);
        let (catalogue, _) = catalogue.extended(&additions);
        let catalogue = Arc::new(catalogue);
        let blueprint = blueprint.overlaid(&overlay, catalogue.clone()).ok()?;
        Some(Self { blueprint, catalogue })
    }

    pub(super) fn like(&self) -> Option<(&Blueprint, &TypeDef)> {
        Some((&self.blueprint, self.catalogue.type_named(Self::ENTITY)?))
    }

    /// Returns the names that every record has.
    pub(super) fn taken(&self) -> HashSet<String> {
        let def = self.catalogue.type_named(Self::ENTITY);
        let fields = def.into_iter().flat_map(|def| def.fields.values());
        let common = fields.filter(|field| field.label.is_none());
        common.map(|field| field.name.clone()).collect()
    }
}

impl Place<'_> {
    /// Suggests a custom field; its name is taken from then on.
    pub(super) fn suggest(&self, field: &DescribedField, taken: &mut HashSet<String>) -> Suggestion {
        let name = free_name(&field.name, taken);
        taken.insert(name.clone());
        let mut declared = Map::new();
        let mut source = Map::new();
        let is_pair = |sample: &Json| sample.as_array().is_some_and(|pair| pair.len() == 2);
        let path = match field.value_kind {
            Some(ValueKind::Reference) if field.samples.iter().any(is_pair) => format!("{}.0", quoted(&field.name)),
            _ => quoted(&field.name),
        };
        source.insert("path".to_owned(), path.into());
        let kind = match field.value_kind {
            Some(ValueKind::Choice) if !field.choices.is_empty() && field.choices.len() <= MOST_VALUES => {
                let (values, codec) = choices(&field.choices);
                declared.insert("values".to_owned(), values);
                source.insert("as".to_owned(), json!({"enum": codec}));
                "enum"
            }
            Some(ValueKind::Reference) => match self.target(field) {
                Some(entity) => {
                    declared.insert("to".to_owned(), entity.into());
                    "reference"
                }
                None => "string",
            },
            Some(ValueKind::Integer) => "integer",
            Some(ValueKind::Decimal) => "decimal",
            Some(ValueKind::Boolean) => "boolean",
            Some(ValueKind::Date) => "date",
            Some(ValueKind::Datetime) => "datetime",
            Some(ValueKind::Object | ValueKind::List) => "json",
            Some(ValueKind::Text | ValueKind::Choice) | None => "string",
        };
        if let Some(label) = &field.label {
            declared.insert("label".to_owned(), label.clone().into());
        }
        self.add_powers(field, kind, &mut source);
        let source = match source.len() {
            1 => source.shift_remove("path").unwrap_or_default(),
            _ => Json::Object(source),
        };
        let mut whole = Map::from_iter([("type".to_owned(), kind.into())]);
        whole.extend(declared);
        whole.insert("source".to_owned(), source);
        Suggestion {
            name,
            field: Json::Object(whole),
        }
    }

    /// Returns the entity that reads the object which a reference leads to.
    fn target(&self, field: &DescribedField) -> Option<String> {
        let relation = field.relation.as_deref()?;
        let mut resources = self.blueprint.resources();
        let resource = resources.find(|resource| resource.remote() == relation)?;
        let def = self.blueprint.catalogue().type_at(resource.kind())?;
        def.is_entity().then(|| def.name.clone())
    }

    /// Adds what the system can do with the field, as it can with the others of the entity.
    fn add_powers(&self, field: &DescribedField, kind: &str, source: &mut Map<String, Json>) {
        let Some((blueprint, def)) = self.like else { return };
        let writes = blueprint.writes(def.index);
        let is_simple = !matches!(kind, "json");
        if is_simple && field.read_only == Some(false) && writes.is_some_and(|writes| writes.update.is_some()) {
            source.insert("write".to_owned(), true.into());
        }
        let Some(capability) = blueprint.capability(def.index) else {
            return;
        };
        let wanted: &[Operator] = match kind {
            "string" | "enum" | "reference" => &[Operator::Eq, Operator::In],
            "integer" | "decimal" | "date" | "datetime" => {
                &[Operator::Eq, Operator::Gt, Operator::Gte, Operator::Lt, Operator::Lte]
            }
            _ => &[],
        };
        let applies = |operator: &&Operator| {
            capability
                .fields
                .values()
                .any(|field| field.filters.contains_key(*operator))
        };
        let filter: Vec<_> = wanted.iter().filter(applies).map(|operator| operator.name()).collect();
        if !filter.is_empty() {
            source.insert("filter".to_owned(), json!(filter));
        }
        let sorts = capability.fields.values().filter(|field| field.sortable).count() > 1;
        if sorts && matches!(kind, "string" | "integer" | "decimal" | "date" | "datetime") {
            source.insert("sort".to_owned(), true.into());
        }
    }
}

fn quoted(name: &str) -> String {
    let is_plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '$' | ':' | '/' | '.');
    match name.contains('"') || name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("\"{name}\""),
    }
}

fn choices(choices: &[(String, Option<String>)]) -> (Json, Json) {
    let mut taken = HashSet::new();
    let (mut values, mut codec) = (Map::new(), Map::new());
    for (source, label) in choices {
        let about = label.as_deref().unwrap_or(source);
        let name = constant_name(source, about, &taken);
        taken.insert(name.clone());
        values.insert(name.clone(), about.into());
        codec.insert(source.clone(), name.into());
    }
    (Json::Object(values), Json::Object(codec))
}

fn constant_name(source: &str, label: &str, taken: &HashSet<String>) -> String {
    let words = |text: &str| {
        let cut = text
            .split(|sign: char| !sign.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        cut.map(str::to_ascii_uppercase).collect::<Vec<_>>().join("_")
    };
    let starts = |text: &String| text.starts_with(|sign: char| sign.is_ascii_uppercase());
    let known = [words(source), words(label)].into_iter().find(starts);
    let base = known.unwrap_or_else(|| format!("VALUE_{}", words(source)).trim_end_matches('_').to_owned());
    numbered(&base, "_", taken)
}

/// Returns a name in GraphQL that nothing has yet.
fn free_name(path: &str, taken: &HashSet<String>) -> String {
    let lower = path.to_ascii_lowercase();
    let prefix = PREFIXES
        .iter()
        .find(|prefix| lower.starts_with(**prefix) && lower.len() > prefix.len());
    let rest = path.get(prefix.map_or(0, |prefix| prefix.len())..).unwrap_or(path);
    let mut name = String::new();
    let mut words = rest
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        let all_capitals = first.chars().all(|sign| !sign.is_ascii_lowercase());
        let mut signs = first.chars();
        match (all_capitals, signs.next()) {
            (true, _) => name.push_str(&first.to_ascii_lowercase()),
            (false, Some(sign)) => {
                name.push(sign.to_ascii_lowercase());
                name.push_str(signs.as_str());
            }
            (false, None) => {}
        }
    }
    for word in words {
        let all_capitals = word.chars().all(|sign| !sign.is_ascii_lowercase());
        let mut signs = word.chars();
        if let Some(sign) = signs.next() {
            name.push(sign.to_ascii_uppercase());
            let rest = signs.as_str();
            name.push_str(&if all_capitals {
                rest.to_ascii_lowercase()
            } else {
                rest.to_owned()
            });
        }
    }
    if !name.starts_with(|sign: char| sign.is_ascii_lowercase()) {
        name.insert_str(0, "field");
    }
    name.truncate(60);
    numbered(&name, "", taken)
}

fn numbered(base: &str, between: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(base) {
        return base.to_owned();
    }
    let mut numbers = 2_u32..;
    let free = numbers.find_map(|number| {
        let name = format!("{base}{between}{number}");
        (!taken.contains(&name)).then_some(name)
    });
    free.unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_graphql() {
        let taken = HashSet::from(["notes".to_owned()]);
        let names = [
            ("x_cost_center", "costCenter"),
            ("x_studio_risk", "risk"),
            ("ZZ1_CostCenter_PUR", "costCenterPur"),
            ("MATNR", "matnr"),
            ("customer.creditLimit", "customerCreditLimit"),
            ("notes", "notes2"),
            ("2nd", "field2nd"),
        ];
        for (path, name) in names {
            assert_eq!(free_name(path, &taken), name, "{path}");
        }
    }

    #[test]
    fn choices_become_values() {
        let (values, codec) = choices(&[
            ("1".to_owned(), Some("High risk".to_owned())),
            ("2".to_owned(), None),
            ("to-do".to_owned(), None),
        ]);
        assert_eq!(
            values,
            json!({"HIGH_RISK": "High risk", "VALUE_2": "2", "TO_DO": "to-do"})
        );
        assert_eq!(codec, json!({"1": "HIGH_RISK", "2": "VALUE_2", "to-do": "TO_DO"}));
    }
}
