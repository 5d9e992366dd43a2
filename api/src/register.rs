//! Registers the unified model and everything that follows from it (filters, orders, pages, root fields) with the
//! GraphQL schema.

use async_graphql::registry::{MetaEnumValue, MetaField, MetaInputValue, MetaType, Registry};
use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldDef, Shape, TypeDef};

use crate::names;

/// Registers every type of the unified model.
pub(crate) fn types(catalogue: &Catalogue, registry: &mut Registry) {
    for scalar in catalogue.scalars.values() {
        let meta = MetaType::Scalar {
            name: scalar.name.clone(),
            description: Some(scalar.description.clone()),
            is_valid: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            specified_by_url: scalar.specified_by.clone(),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        };
        registry.types.insert(scalar.name.clone(), meta);
    }
    for def in catalogue.enums.values() {
        let values = def.values.iter().map(|(name, about)| (name.as_str(), about.as_str()));
        insert_enum(registry, &def.name, &def.description, values);
    }
    for interface in catalogue.interfaces.values() {
        let implementers = catalogue
            .types
            .values()
            .filter(|def| def.interfaces.contains(&interface.name));
        let meta = MetaType::Interface {
            name: interface.name.clone(),
            description: Some(interface.description.clone()),
            fields: fields(interface),
            possible_types: implementers.map(|def| def.name.clone()).collect(),
            extends: false,
            inaccessible: false,
            tags: Vec::new(),
            keys: None,
            visible: None,
            rust_typename: None,
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        };
        registry.types.insert(interface.name.clone(), meta);
    }
    for def in catalogue.types.values().filter(|def| !def.is_input_only()) {
        insert_object(registry, &def.name, &def.description, fields(def));
        for interface in &def.interfaces {
            registry.add_implements(&def.name, interface);
        }
    }
    operators(catalogue, registry);
    custom_page(registry);
    for def in catalogue.entities() {
        lists(catalogue, def, registry);
    }
}

/// Returns the root fields of every entity.
pub(crate) fn root_fields(catalogue: &Catalogue) -> IndexMap<String, MetaField> {
    let mut root = IndexMap::new();
    for def in catalogue.entities() {
        let Shape::Entity { plural } = &def.shape else { continue };
        let arguments = [
            input(
                "first",
                "Int",
                "How many records: 1 up to the server's limit, 250 unless it says otherwise.",
                Some("50"),
            ),
            input(
                "after",
                "String",
                "The cursor behind which the page begins: `pageInfo.endCursor` of the page before.",
                None,
            ),
            input(
                "filter",
                &names::filter(def),
                "Which records. All conditions must hold.",
                None,
            ),
            input(
                "orderBy",
                &names::order(def),
                "In which order. Without it the records of all connections come in turn.",
                None,
            ),
            input("connections", "[ID!]", "Only these connections.", None),
            input(
                "customers",
                "[String!]",
                "Only connections of these customers, by your own ids of them.",
                None,
            ),
            input(
                "connectors",
                "[String!]",
                "Only connections of these connectors, such as `odoo`.",
                None,
            ),
        ];
        let about = format!(
            "Lists records of the type `{}` over all connections in scope. {} What goes wrong with one connection is told in `sources` \
             and in `errors`; the others' records arrive.",
            def.name,
            first_sentence(&def.description)
        );
        root.insert(
            plural.clone(),
            field(plural, &format!("{}!", names::page(def)), &about, arguments),
        );
        let single = names::single(def);
        let about = format!(
            "Finds one `{}` by its id; null when the system has no such record.",
            def.name
        );
        let id = input("id", "ID!", "The id of the record.", None);
        root.insert(single.clone(), field(&single, &def.name, &about, [id]));
    }
    let custom = custom_records();
    root.insert(custom.name.clone(), custom);
    let id = input("id", "ID!", "The id of any record.", None);
    root.insert(
        "node".to_owned(),
        field("node", "UnifiedRecord", "Finds any record by its id.", [id]),
    );
    let ids = input("ids", "[ID!]!", "Ids of any records, at most 250.", None);
    let about = "Finds records by their ids, in the order of the ids; null for each that does not exist.";
    root.insert("nodes".to_owned(), field("nodes", "[UnifiedRecord]!", about, [ids]));
    root
}

/// Returns the root field that lists records of an entity which an argument names.
fn custom_records() -> MetaField {
    let arguments = [
        input(
            "entity",
            "String!",
            "The name of the entity, such as `Calibration`: one of your own, or of the unified model.",
            None,
        ),
        input("connectionId", "ID!", "The id of the connection.", None),
        input(
            "filter",
            "JSON",
            "Which records, in the form of the filter that the entity's own list takes, such as `{dueOn: {lt: \"2026-12-01\"}}`. \
             What does not fit it has the code `INVALID_VALUE`, with its place.",
            None,
        ),
        input(
            "orderBy",
            "[JSON!]",
            "In which order, such as `[{field: \"dueOn\", direction: \"DESC\"}]`; one field at most.",
            None,
        ),
        input(
            "first",
            "Int",
            "How many records: 1 up to the server's limit, 250 unless it says otherwise.",
            Some("50"),
        ),
        input(
            "after",
            "String",
            "The cursor behind which the page begins: `pageInfo.endCursor` of the page before.",
            None,
        ),
    ];
    let about = "Lists records of an entity that is named by an argument: for programs that get to know your custom entities \
                 only when they run. Typed programs use the list that the entity has in your schema (`GET /v1/schema.graphql`).";
    field("customRecords", &format!("{}!", names::CUSTOM_PAGE), about, arguments)
}

fn custom_page(registry: &mut Registry) {
    let page = [
        field("nodes", "[UnifiedRecord!]!", "The records.", []),
        field("pageInfo", "PageInfo!", "Whether and where the list goes on.", []),
        field(
            "totalCount",
            "Int",
            "The number of all records; null when the system cannot count, or they have to be filtered here.",
            [],
        ),
        field(
            "sources",
            "[Source!]!",
            "What the connection contributed, and what went wrong with it.",
            [],
        ),
    ];
    let about = "A page of records of an entity that an argument names.";
    insert_object(registry, names::CUSTOM_PAGE, about, named(page));
}

fn fields(def: &TypeDef) -> IndexMap<String, MetaField> {
    let one = |field: &FieldDef| {
        let arguments = field
            .arguments
            .iter()
            .map(|(name, kind, about)| input(name, kind, about, None));
        self::field(&field.name, &field.type_text, &field.description, arguments)
    };
    def.fields
        .values()
        .map(|field| (field.name.clone(), one(field)))
        .collect()
}

fn operators(catalogue: &Catalogue, registry: &mut Registry) {
    let scalars: [(&str, &str, &[&str]); 6] = [
        (
            "StringFilter",
            "String",
            &["eq", "ne", "in", "contains", "startsWith", "isNull"],
        ),
        (
            "IntFilter",
            "Int",
            &["eq", "ne", "in", "gt", "gte", "lt", "lte", "isNull"],
        ),
        (
            "DecimalFilter",
            "Decimal",
            &["eq", "ne", "in", "gt", "gte", "lt", "lte", "isNull"],
        ),
        ("BooleanFilter", "Boolean", &["eq", "ne", "isNull"]),
        (
            "DateFilter",
            "Date",
            &["eq", "ne", "in", "gt", "gte", "lt", "lte", "isNull"],
        ),
        (
            "DateTimeFilter",
            "DateTime",
            &["eq", "ne", "in", "gt", "gte", "lt", "lte", "isNull"],
        ),
    ];
    for (name, value, operators) in scalars {
        let about = format!("Conditions on a field of the type `{value}`. All that are given must hold.");
        insert_input(
            registry,
            name,
            &about,
            operators.iter().map(|operator| operator_input(operator, value)),
        );
    }
    let about = "Conditions on a reference to another record. All that are given must hold.";
    let reference = ["eq", "ne", "in", "isNull"].map(|operator| operator_input(operator, "ID"));
    insert_input(registry, "ReferenceFilter", about, reference);
    for def in catalogue.enums.values() {
        let about = format!(
            "Conditions on a field of the type `{}`. All that are given must hold.",
            def.name
        );
        let operators = ["eq", "ne", "in", "isNull"].map(|operator| operator_input(operator, &def.name));
        insert_input(registry, &names::enum_filter(&def.name), &about, operators);
    }
}

fn operator_input(operator: &str, value: &str) -> (String, MetaInputValue) {
    let (kind, about) = match operator {
        "eq" => (value.to_owned(), "Is exactly this."),
        "ne" => (value.to_owned(), "Is not this, or is missing."),
        "in" => (format!("[{value}!]"), "Is one of these; an empty list matches nothing."),
        "gt" => (value.to_owned(), "Is greater, or later, than this."),
        "gte" => (value.to_owned(), "Is this, greater or later."),
        "lt" => (value.to_owned(), "Is less, or earlier, than this."),
        "lte" => (value.to_owned(), "Is this, less or earlier."),
        "contains" => (value.to_owned(), "Contains this text, without regard to case."),
        "startsWith" => (value.to_owned(), "Starts with this text, without regard to case."),
        _ => ("Boolean".to_owned(), "Is missing (`true`) or present (`false`)."),
    };
    input(operator, &kind, about, None)
}

fn lists(catalogue: &Catalogue, def: &TypeDef, registry: &mut Registry) {
    let filter = names::filter(def);
    let mut inputs = vec![
        input("and", &format!("[{filter}!]"), "All of these must hold.", None),
        input("or", &format!("[{filter}!]"), "At least one of these must hold.", None),
        input("not", &filter, "This must not hold.", None),
    ];
    for field in def.fields.values() {
        if let Some(kind) = names::field_filter(catalogue, field) {
            inputs.push(input(&field.name, &kind, &first_sentence(&field.description), None));
        }
    }
    let about = format!(
        "Which records of the type `{}`. All conditions that are given must hold.",
        def.name
    );
    insert_input(registry, &filter, &about, inputs);

    let sortable: Vec<_> = def.fields.values().filter(|field| field.sortable()).collect();
    let values = sortable
        .iter()
        .map(|field| (names::order_value(&field.name), first_sentence(&field.description)));
    let values: Vec<_> = values.collect();
    let about = format!("Fields by which records of the type `{}` can be sorted.", def.name);
    insert_enum(
        registry,
        &names::order_field(def),
        &about,
        values.iter().map(|(name, about)| (name.as_str(), about.as_str())),
    );
    let order = [
        input("field", &format!("{}!", names::order_field(def)), "The field.", None),
        input("direction", "OrderDirection", "Which way.", Some("ASC")),
    ];
    let about = format!(
        "In which order records of the type `{}` come; ties are broken by their keys.",
        def.name
    );
    insert_input(registry, &names::order(def), &about, order);

    let edge = [
        field("cursor", "String!", "The cursor behind this record.", []),
        field("node", &format!("{}!", def.name), "The record.", []),
    ];
    insert_object(
        registry,
        &names::edge(def),
        &format!("A record of the type `{}` in a list.", def.name),
        named(edge),
    );
    let page = [
        field("nodes", &format!("[{}!]!", def.name), "The records.", []),
        field(
            "edges",
            &format!("[{}!]!", names::edge(def)),
            "The records with their cursors.",
            [],
        ),
        field("pageInfo", "PageInfo!", "Whether and where the list goes on.", []),
        field(
            "totalCount",
            "Int",
            "The number of all records; null when a system cannot count, or has to be filtered here.",
            [],
        ),
        field(
            "sources",
            "[Source!]!",
            "What each connection contributed, and what went wrong with it.",
            [],
        ),
    ];
    insert_object(
        registry,
        &names::page(def),
        &format!("A page of records of the type `{}`.", def.name),
        named(page),
    );
}

fn named<const N: usize>(fields: [MetaField; N]) -> IndexMap<String, MetaField> {
    fields.into_iter().map(|field| (field.name.clone(), field)).collect()
}

/// Makes a field.
pub(crate) fn field(
    name: &str,
    kind: &str,
    about: &str,
    arguments: impl IntoIterator<Item = (String, MetaInputValue)>,
) -> MetaField {
    MetaField {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        args: arguments.into_iter().collect(),
        ty: kind.to_owned(),
        deprecation: Default::default(),
        cache_control: Default::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: Vec::new(),
        override_from: None,
        compute_complexity: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// Makes an argument or a field of an input.
pub(crate) fn input(name: &str, kind: &str, about: &str, default: Option<&str>) -> (String, MetaInputValue) {
    let meta = MetaInputValue {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        ty: kind.to_owned(),
        deprecation: Default::default(),
        default_value: default.map(str::to_owned),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        is_secret: false,
        directive_invocations: Vec::new(),
    };
    (name.to_owned(), meta)
}

/// Registers an object type.
pub(crate) fn insert_object(registry: &mut Registry, name: &str, about: &str, fields: IndexMap<String, MetaField>) {
    registry
        .types
        .insert(name.to_owned(), object(name, about, fields, None));
}

/// Makes an object type; `rust` is the name of the Rust type that stands behind it, if one does.
pub(crate) fn object(
    name: &str,
    about: &str,
    fields: IndexMap<String, MetaField>,
    rust: Option<&'static str>,
) -> MetaType {
    MetaType::Object {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        fields,
        cache_control: Default::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: Vec::new(),
        is_subscription: false,
        rust_typename: rust,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// Registers an input type.
pub(crate) fn insert_input(
    registry: &mut Registry,
    name: &str,
    about: &str,
    inputs: impl IntoIterator<Item = (String, MetaInputValue)>,
) {
    insert_any_input(registry, name, about, inputs, false);
}

/// Registers an input type of which exactly one field is given.
pub(crate) fn insert_choice(
    registry: &mut Registry,
    name: &str,
    about: &str,
    inputs: impl IntoIterator<Item = (String, MetaInputValue)>,
) {
    insert_any_input(registry, name, about, inputs, true);
}

fn insert_any_input(
    registry: &mut Registry,
    name: &str,
    about: &str,
    inputs: impl IntoIterator<Item = (String, MetaInputValue)>,
    oneof: bool,
) {
    let meta = MetaType::InputObject {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        input_fields: inputs.into_iter().collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        oneof,
        directive_invocations: Vec::new(),
    };
    registry.types.insert(name.to_owned(), meta);
}

fn insert_enum<'v>(
    registry: &mut Registry,
    name: &str,
    about: &str,
    values: impl IntoIterator<Item = (&'v str, &'v str)>,
) {
    let value = |(name, about): (&str, &str)| {
        let meta = MetaEnumValue {
            name: name.to_owned(),
            description: Some(about.to_owned()),
            deprecation: Default::default(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        (name.to_owned(), meta)
    };
    let meta = MetaType::Enum {
        name: name.to_owned(),
        description: Some(about.to_owned()),
        enum_values: values.into_iter().map(value).collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    registry.types.insert(name.to_owned(), meta);
}

/// Returns the first sentence of a description.
pub(crate) fn first_sentence(text: &str) -> String {
    let line = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match line.find(". ") {
        Some(end) => line.get(..=end).unwrap_or_default().to_owned(),
        None => line,
    }
}
