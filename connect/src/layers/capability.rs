//! Refuses what a connector does not offer before anything is sent.

use lineshaft_schema::{FieldIndex, TypeIndex};

use crate::{
    blueprint::{Blueprint, ResourcePlan},
    capability::Capability,
    error::{Error, ErrorKind},
};

/// Returns the plan of a type if the connector offers what is wanted of it.
pub(crate) fn require<'a>(
    blueprint: &'a Blueprint,
    kind: TypeIndex,
    what: &str,
    offers: impl FnOnce(&Capability) -> bool,
) -> Result<&'a ResourcePlan, Error> {
    match blueprint.resource(kind) {
        Some(resource) if offers(resource.capability()) => Ok(resource),
        _ => {
            let name = name_of(blueprint, kind).unwrap_or("this type");
            Err(Error::new(
                ErrorKind::NotSupported,
                format!("the connector cannot {what} {name}"),
            ))
        }
    }
}

/// Returns whether the children of many parents come by this field.
pub(crate) fn has_children_by(capability: &Capability, by: FieldIndex) -> bool {
    capability.children.contains(&by)
}

/// Returns the name of a unified type.
pub(crate) fn name_of(blueprint: &Blueprint, kind: TypeIndex) -> Option<&str> {
    blueprint.catalogue().type_at(kind).map(|def| def.name.as_str())
}
