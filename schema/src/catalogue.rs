//! The parsed unified model: every type, field and enum, addressed by index.

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use crate::sdl;

/// Index of a type in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeIndex(pub u16);

/// Index of a field within its type; also the slot of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldIndex(pub u16);

/// Index of an enum in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnumIndex(pub u16);

/// What role a type plays in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A record with an id of its own that can be listed and fetched.
    Entity {
        /// Name of the root field that lists it, such as `purchaseOrders`.
        plural: String,
    },
    /// A row of its own that belongs to one entity, such as an order line.
    Part {
        /// The entity that it belongs to.
        of: String,
    },
    /// A value inside a record, such as `Money`.
    Embedded,
    /// What is told for an action on an entity; there are no records of it.
    Action {
        /// The entity that is acted on.
        of: String,
        /// Short name of the action, such as `submit`.
        name: String,
    },
    /// A value that stands only in inputs.
    Input,
}

/// The type of a field, lists aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `String` and every scalar that is carried as text (`URL`, `CurrencyCode`, `CountryCode`, `Duration`).
    Text,
    /// `ID`.
    Id,
    /// `Int`.
    Integer,
    /// `Boolean`.
    Boolean,
    /// `Decimal`, exact.
    Decimal,
    /// `Date`.
    Date,
    /// `DateTime`, UTC.
    DateTime,
    /// `JSON`, passed on as it came.
    Json,
    /// An enum of the catalogue.
    Enum(EnumIndex),
    /// An entity: the field holds the key of another record.
    Reference(TypeIndex),
    /// A part or an embedded value.
    Object(TypeIndex),
    /// A type that the platform declares, such as `Connection`.
    Platform,
}

/// When clients may write a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// Never.
    Never,
    /// Only when the record is made.
    OnCreate,
    /// When the record is made and later.
    Always,
}

impl Writable {
    /// Returns whether it may be given for a new record.
    #[must_use]
    pub const fn on_create(self) -> bool {
        !matches!(self, Self::Never)
    }

    /// Returns whether it may be changed later.
    #[must_use]
    pub const fn on_update(self) -> bool {
        matches!(self, Self::Always)
    }
}

/// One field of a type.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// Its name in GraphQL.
    pub name: String,
    /// Its place in the type.
    pub index: FieldIndex,
    /// Its description from the SDL.
    pub description: String,
    /// Its type without list and non-null marks.
    pub kind: FieldType,
    /// The name of that type in GraphQL.
    pub type_name: String,
    /// The whole type as written in the SDL, such as `[PurchaseOrderLine!]`.
    pub type_text: String,
    /// Whether it is a list.
    pub list: bool,
    /// Whether it may not be null.
    pub required: bool,
    /// The reference field of the element type that points back to this record.
    pub reverse: Option<String>,
    /// Whether the server fills it itself.
    pub computed: bool,
    /// When clients may write it (still subject to what a connector can do).
    pub writable: Writable,
    /// Whether clients may filter by it (still subject to what a connector can do).
    pub filterable: bool,
    /// Arguments as written in the SDL: name, type, description.
    pub arguments: Vec<(String, String, String)>,
    /// What people call it, for a field that an organization added.
    pub label: Option<String>,
}

impl FieldDef {
    /// Returns the type of what filters and sorts compare: for `Money` and `Quantity` their number.
    #[must_use]
    pub fn comparable(&self) -> Option<FieldType> {
        let kind = if matches!(self.kind, FieldType::Object(_)) {
            FieldType::Decimal
        } else {
            self.kind
        };
        self.filterable.then_some(kind)
    }

    /// Returns whether a list may be sorted by this field.
    #[must_use]
    pub fn sortable(&self) -> bool {
        !self.list
            && self.comparable().is_some_and(|kind| {
                matches!(
                    kind,
                    FieldType::Text
                        | FieldType::Integer
                        | FieldType::Decimal
                        | FieldType::Date
                        | FieldType::DateTime
                        | FieldType::Enum(_)
                )
            })
    }
}

/// One object type of the unified model.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// Its name.
    pub name: String,
    /// Its place in the catalogue.
    pub index: TypeIndex,
    /// Its description from the SDL.
    pub description: String,
    /// Its role.
    pub shape: Shape,
    /// Interfaces that it implements.
    pub interfaces: Vec<String>,
    /// What people call it, for a type that an organization added.
    pub label: Option<String>,
    /// Its fields in the order of the SDL.
    pub fields: IndexMap<String, FieldDef>,
}

impl TypeDef {
    /// Iterates over the fields that an organization added.
    pub fn custom_fields(&self) -> impl Iterator<Item = &FieldDef> {
        self.fields.values().filter(|field| field.label.is_some())
    }

    /// Finds a field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldDef> {
        self.fields.get(name)
    }

    /// Returns the field at an index.
    #[must_use]
    pub fn field_at(&self, index: FieldIndex) -> Option<&FieldDef> {
        self.fields.get_index(usize::from(index.0)).map(|(_, field)| field)
    }

    /// Returns whether it is an entity.
    #[must_use]
    pub fn is_entity(&self) -> bool {
        matches!(self.shape, Shape::Entity { .. })
    }

    /// Returns whether rows of it can be loaded on their own: entities and parts.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        matches!(self.shape, Shape::Entity { .. } | Shape::Part { .. })
    }

    /// Returns whether it stands only in inputs: actions and their values.
    #[must_use]
    pub fn is_input_only(&self) -> bool {
        matches!(self.shape, Shape::Action { .. } | Shape::Input)
    }

    /// Returns whether records of it can be written by some connector.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.has_rows() && self.fields.values().any(|field| field.writable != Writable::Never)
    }

    /// Returns, for a part, the field that refers to its owner.
    #[must_use]
    pub fn owner_field(&self, catalogue: &Catalogue) -> Option<&FieldDef> {
        let Shape::Part { of } = &self.shape else { return None };
        let owner = catalogue.type_named(of)?.index;
        self.fields
            .values()
            .find(|field| field.kind == FieldType::Reference(owner) && !field.list)
    }
}

/// One enum of the unified model.
#[derive(Clone, Debug)]
pub struct EnumDef {
    /// Its name.
    pub name: String,
    /// Its place in the catalogue.
    pub index: EnumIndex,
    /// Its description.
    pub description: String,
    /// Its values with their descriptions, in order.
    pub values: IndexMap<String, String>,
}

impl EnumDef {
    /// Finds the index of a value by name.
    #[must_use]
    pub fn value_index(&self, name: &str) -> Option<u16> {
        self.values.get_index_of(name).and_then(|at| u16::try_from(at).ok())
    }

    /// Returns the name of the value at an index.
    #[must_use]
    pub fn value_name(&self, index: u16) -> Option<&str> {
        self.values.get_index(usize::from(index)).map(|(name, _)| name.as_str())
    }
}

/// A scalar that the SDL declares.
#[derive(Clone, Debug)]
pub struct ScalarDef {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The address of its specification.
    pub specified_by: Option<String>,
}

/// The whole unified model. Models that extend it share what they leave as it is.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Object types by name.
    pub types: IndexMap<String, Arc<TypeDef>>,
    /// Enums by name.
    pub enums: IndexMap<String, Arc<EnumDef>>,
    /// Scalars by name.
    pub scalars: IndexMap<String, ScalarDef>,
    /// Interfaces by name: description and fields.
    pub interfaces: IndexMap<String, Arc<TypeDef>>,
}

static UNIFIED: LazyLock<Result<Arc<Catalogue>, String>> =
    LazyLock::new(|| sdl::parse(sdl::UNIFIED_FILES).map(Arc::new));

impl Catalogue {
    /// Returns the unified model that this build carries.
    ///
    /// # Errors
    /// Returns what is wrong with the embedded SDL; a test keeps it right.
    pub fn unified() -> Result<Arc<Self>, String> {
        UNIFIED.clone()
    }

    /// Parses a catalogue from SDL texts, each with a name for errors.
    ///
    /// # Errors
    /// Returns every problem found, one a line.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, String> {
        sdl::parse(files)
    }

    /// Finds a type by name.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<&TypeDef> {
        self.types.get(name).map(Arc::as_ref)
    }

    /// Returns the type at an index.
    #[must_use]
    pub fn type_at(&self, index: TypeIndex) -> Option<&TypeDef> {
        self.types.get_index(usize::from(index.0)).map(|(_, def)| def.as_ref())
    }

    /// Returns the enum at an index.
    #[must_use]
    pub fn enum_at(&self, index: EnumIndex) -> Option<&EnumDef> {
        self.enums.get_index(usize::from(index.0)).map(|(_, def)| def.as_ref())
    }

    /// Iterates over the entities.
    pub fn entities(&self) -> impl Iterator<Item = &TypeDef> {
        self.types.values().map(Arc::as_ref).filter(|def| def.is_entity())
    }

    /// Iterates over the actions on an entity: their short names and what they are told.
    pub fn actions_of<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = (&'a str, &'a TypeDef)> {
        self.types.values().filter_map(move |def| match &def.shape {
            Shape::Action { of, name } if of == entity => Some((name.as_str(), def.as_ref())),
            _ => None,
        })
    }

    /// Finds an action on an entity by its short name.
    #[must_use]
    pub fn action(&self, entity: &str, name: &str) -> Option<&TypeDef> {
        self.types
            .values()
            .map(Arc::as_ref)
            .find(|def| matches!(&def.shape, Shape::Action { of, name: known } if of == entity && known == name))
    }

    /// Finds the entity that a root list field names.
    #[must_use]
    pub fn entity_with_plural(&self, name: &str) -> Option<&TypeDef> {
        self.types
            .values()
            .map(Arc::as_ref)
            .find(|def| matches!(&def.shape, Shape::Entity { plural } if plural == name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_embedded_model_parses() {
        let catalogue = Catalogue::unified().unwrap();
        let order = catalogue.type_named("PurchaseOrder").unwrap();
        assert!(order.is_entity());
        assert_eq!(
            catalogue.entity_with_plural("purchaseOrders").unwrap().name,
            "PurchaseOrder"
        );
        let vendor = order.field("vendor").unwrap();
        assert_eq!(
            vendor.kind,
            FieldType::Reference(catalogue.type_named("Vendor").unwrap().index)
        );
        assert_eq!(order.field("lines").unwrap().reverse.as_deref(), Some("purchaseOrder"));
    }

    #[test]
    fn every_type_field_argument_and_enum_value_is_described() {
        let catalogue = Catalogue::unified().unwrap();
        let mut bare = Vec::new();
        for def in catalogue.types.values().chain(catalogue.interfaces.values()) {
            if def.description.is_empty() {
                bare.push(def.name.clone());
            }
            for field in def.fields.values() {
                if field.description.is_empty() {
                    bare.push(format!("{}.{}", def.name, field.name));
                }
                for (name, _, description) in &field.arguments {
                    if description.is_empty() {
                        bare.push(format!("{}.{}({name})", def.name, field.name));
                    }
                }
            }
        }
        for def in catalogue.enums.values() {
            for (name, description) in &def.values {
                if description.is_empty() || def.description.is_empty() {
                    bare.push(format!("{}.{name}", def.name));
                }
            }
        }
        assert!(bare.is_empty(), "without description: {bare:?}");
    }

    #[test]
    fn problems_in_sdl_are_told_with_the_file() {
        let error = Catalogue::parse(&[("a.graphql", "type A { b: Nope }")]).unwrap_err();
        assert!(error.contains("a.graphql") && error.contains("Nope"), "{error}");
    }
}
