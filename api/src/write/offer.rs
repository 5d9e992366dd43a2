//! The mutations that follow from the unified model: what each is called, what it does to records of which type.

use lineshaft_connect::write::Act;
use lineshaft_schema::{Catalogue, FieldDef, Shape, TypeDef, catalogue::Writable};

use crate::names;

/// One mutation of the unified model.
#[derive(Clone, Debug)]
pub(crate) struct Offer<'a> {
    /// Its name.
    pub(crate) name: String,
    /// The type of the records.
    pub(crate) def: &'a TypeDef,
    /// What is done to them.
    pub(crate) verb: Verb<'a>,
}

/// What a mutation does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb<'a> {
    /// Makes a record; for parts, with the field that refers to their owner.
    Create(Option<&'a FieldDef>),
    /// Changes a record.
    Update,
    /// Removes a record.
    Delete,
    /// Acts on a record: the short name of the action and what is told for it.
    Action(&'a str, &'a TypeDef),
}

impl Verb<'_> {
    /// Returns what is asked of the engine. Deletions are for good unless the caller says otherwise.
    pub(crate) fn act(&self) -> Act {
        match self {
            Self::Create(_) => Act::Create,
            Self::Update => Act::Update,
            Self::Delete => Act::Delete,
            Self::Action(name, _) => Act::Action((*name).to_owned()),
        }
    }
}

/// Returns all mutations of a model, type by type.
pub(crate) fn offers(catalogue: &Catalogue) -> Vec<Offer<'_>> {
    catalogue
        .types
        .values()
        .filter(|def| def.is_writable())
        .flat_map(|def| of_type(catalogue, def))
        .collect()
}

/// Finds a mutation by its name.
pub(crate) fn offer<'a>(catalogue: &'a Catalogue, name: &str) -> Option<Offer<'a>> {
    offers(catalogue).into_iter().find(|offer| offer.name == name)
}

fn of_type<'a>(catalogue: &'a Catalogue, def: &'a TypeDef) -> Vec<Offer<'a>> {
    let named = |name: String, verb| Offer { name, def, verb };
    let mut offers = vec![named(
        format!("create{}", def.name),
        Verb::Create(def.owner_field(catalogue)),
    )];
    if def.fields.values().any(|field| field.writable.on_update()) {
        offers.push(named(format!("update{}", def.name), Verb::Update));
    }
    offers.push(named(format!("delete{}", def.name), Verb::Delete));
    let actions = catalogue.actions_of(&def.name);
    offers.extend(actions.map(|(short, told)| named(names::lower_first(&told.name), Verb::Action(short, told))));
    offers
}

/// Returns the fields of a type that stand in an input, with the lists of rows that are written with their owner.
pub(crate) fn fields_on(def: &TypeDef, occasion: Occasion) -> impl Iterator<Item = &FieldDef> {
    def.fields.values().filter(move |field| match occasion {
        Occasion::Create => field.writable.on_create(),
        Occasion::Update => field.writable.on_update(),
        Occasion::Told => !field.computed,
    })
}

/// For what an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A new record.
    Create,
    /// A change of a record.
    Update,
    /// An action, or a value within another input: all fields, and those that are required must be there.
    Told,
}

/// Returns the type of the rows of a list that is written with its owner.
pub(crate) fn rows<'a>(catalogue: &'a Catalogue, field: &FieldDef) -> Option<&'a TypeDef> {
    if field.writable == Writable::Never || field.reverse.is_none() {
        return None;
    }
    catalogue
        .type_named(&field.type_name)
        .filter(|def| matches!(def.shape, Shape::Part { .. }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_writable_type_has_its_mutations() {
        let catalogue = Catalogue::unified().unwrap();
        let names: Vec<String> = offers(&catalogue).into_iter().map(|offer| offer.name).collect();
        for def in catalogue.types.values().filter(|def| def.is_writable()) {
            for verb in ["create", "delete"] {
                assert!(names.contains(&format!("{verb}{}", def.name)), "{verb}{}", def.name);
            }
        }
        for def in catalogue.types.values() {
            if matches!(def.shape, Shape::Action { .. }) {
                assert!(names.contains(&names::lower_first(&def.name)), "{}", def.name);
            }
        }
        for name in [
            "updateVendor",
            "submitPurchaseOrder",
            "adjustStock",
            "createMeterReading",
            "decommissionAsset",
        ] {
            assert!(offer(&catalogue, name).is_some(), "{name}");
        }
        assert!(
            offer(&catalogue, "updateMeterReading").is_none(),
            "nothing of a reading changes"
        );
        assert!(offer(&catalogue, "createLocation").is_none());
    }

    #[test]
    fn no_two_mutations_share_a_name() {
        let catalogue = Catalogue::unified().unwrap();
        let mut names: Vec<String> = offers(&catalogue).into_iter().map(|offer| offer.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn parts_are_made_with_their_owner() {
        let catalogue = Catalogue::unified().unwrap();
        let owner = |name: &str| match offer(&catalogue, name).unwrap().verb {
            Verb::Create(owner) => owner.map(|field| field.name.clone()),
            _ => None,
        };
        assert_eq!(owner("createPurchaseOrderLine").as_deref(), Some("purchaseOrder"));
        assert_eq!(owner("createWorkOrderTask").as_deref(), Some("workOrder"));
        assert_eq!(owner("createMeterReading").as_deref(), Some("meter"));
        assert_eq!(owner("createVendor"), None);
    }
}
