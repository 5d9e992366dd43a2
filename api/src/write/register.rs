//! Registers what writes follow from the unified model with the GraphQL schema: inputs, payloads and mutations.

use std::collections::HashSet;

use async_graphql::registry::{MetaField, MetaInputValue, Registry};
use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef};

use super::offer::{Occasion, Offer, Verb, fields_on, offers, rows};
use crate::{
    names,
    register::{field, first_sentence, input, insert_choice, insert_input, insert_object},
};

/// The name of the input that holds one operation of a batch.
pub(crate) const OPERATION_INPUT: &str = "WriteOperationInput";
/// The name of the input of customer-specific fields.
const CUSTOM_INPUT: &str = "CustomFieldInput";
/// The name of the input of deletions.
const DELETE_INPUT: &str = "DeleteInput";

type Inputs = Vec<(String, MetaInputValue)>;

/// Registers the inputs and payloads of all mutations, and returns the mutations.
pub(crate) fn mutations(catalogue: &Catalogue, registry: &mut Registry) -> IndexMap<String, MetaField> {
    let offers = offers(catalogue);
    let mut inputs = Registered {
        catalogue,
        registry,
        done: HashSet::new(),
    };
    inputs.common();
    let mut fields = IndexMap::new();
    let mut operations = Inputs::new();
    for offer in &offers {
        inputs.of_offer(offer);
        let mut arguments = arguments(offer);
        let operation = format!("{}Operation", upper_first(&offer.name));
        let about = format!("One `{}` in a batch.", offer.name);
        insert_input(inputs.registry, &operation, &about, arguments.clone());
        operations.push(input(
            &offer.name,
            &operation,
            &first_sentence(&about_offer(offer)),
            None,
        ));
        arguments.extend(manner("The write"));
        let payload = names::payload(offer.def);
        fields.insert(
            offer.name.clone(),
            field(&offer.name, &payload, &about_offer(offer), arguments),
        );
    }
    let about = "One operation of a batch: exactly one of these.";
    insert_choice(inputs.registry, OPERATION_INPUT, about, operations);
    for def in catalogue.types.values().filter(|def| def.is_writable()) {
        payload(def, inputs.registry);
    }
    let batch = batch();
    fields.insert(batch.name.clone(), batch);
    fields
}

fn batch() -> MetaField {
    let list = format!("[{OPERATION_INPUT}!]!");
    let about = "The operations, at most 100. Those of one connection are carried out in their order, a few at a time.";
    let mut arguments = vec![input("operations", &list, about, None)];
    arguments.extend(manner("Every operation"));
    let about = "Carries out up to 100 writes to one or more connections. Each has its own outcome: one that fails does not \
                 stop the others, and nothing is taken back. An operation without an `idempotencyKey` of its own gets \
                 `<key>/<index>` when the request has the header `Idempotency-Key`. Null when the batch as a whole was \
                 refused; `errors` tells why, and nothing was carried out.";
    field("writeBatch", "WriteBatchPayload", about, arguments)
}

struct Registered<'a, 'r> {
    catalogue: &'a Catalogue,
    registry: &'r mut Registry,
    done: HashSet<String>,
}

impl<'a> Registered<'a, '_> {
    fn common(&mut self) {
        let custom = [
            input(
                "key",
                "String!",
                "Key of the field, as `customFields { key }` tells it.",
                None,
            ),
            input(
                "value",
                "JSON",
                "The value in its natural JSON type; null clears it.",
                None,
            ),
        ];
        let about = "The value of one field that a customer added to the source system.";
        insert_input(self.registry, CUSTOM_INPUT, about, custom);
        let mode = input(
            "mode",
            "DeleteMode",
            "Whether the record is removed for good, or in the system's own way.",
            Some("PERMANENT"),
        );
        insert_input(self.registry, DELETE_INPUT, "How a record is removed.", [mode]);
    }

    fn of_offer(&mut self, offer: &Offer<'a>) {
        let def = offer.def;
        match offer.verb {
            Verb::Create(_) => self.create(def),
            Verb::Update => self.update(def),
            Verb::Delete => {}
            Verb::Action(_, told) => {
                let fields = self.fields(told, Occasion::Told);
                let about = format!("What is told for `{}`.", offer.name);
                insert_input(self.registry, &names::value_input(&told.name), &about, fields);
            }
        }
    }

    fn create(&mut self, def: &'a TypeDef) {
        let name = names::create_input(def);
        if !self.done.insert(name.clone()) {
            return;
        }
        let mut inputs = self.fields(def, Occasion::Create);
        inputs.extend(beyond());
        let about = format!(
            "A new record of the type `{}`. Which fields a connection takes and which it must have, `writeSchema` tells.",
            def.name
        );
        insert_input(self.registry, &name, &about, inputs);
    }

    fn update(&mut self, def: &'a TypeDef) {
        let mut inputs = self.fields(def, Occasion::Update);
        inputs.extend(beyond());
        let about = format!(
            "Changes to a record of the type `{}`. A field that is left out stays as it is; null clears it.",
            def.name
        );
        insert_input(self.registry, &names::update_input(def), &about, inputs);
    }

    /// Registers the changes to the rows of a list, and returns the name of the input.
    fn changes(&mut self, def: &'a TypeDef) -> String {
        let name = names::changes_input(def);
        if !self.done.insert(name.clone()) {
            return name;
        }
        self.create(def);
        let change = names::change_input(def);
        let mut inputs = vec![input("id", "ID!", "The id of the row.", None)];
        inputs.extend(self.fields(def, Occasion::Update));
        inputs.extend(beyond());
        let about = format!(
            "Changes to one record of the type `{}` that belongs to another. A field that is left out stays as it is; null \
             clears it.",
            def.name
        );
        insert_input(self.registry, &change, &about, inputs);
        let create = format!("[{}!]", names::create_input(def));
        let inputs = [
            input("create", &create, "Rows to add.", None),
            input("update", &format!("[{change}!]"), "Rows to change.", None),
            input("delete", "[ID!]", "The ids of rows to remove.", None),
        ];
        let about = format!(
            "Changes to records of the type `{}` together with the record that they belong to. Rows that are not named stay as \
             they are.",
            def.name
        );
        insert_input(self.registry, &name, &about, inputs);
        name
    }

    fn fields(&mut self, def: &'a TypeDef, occasion: Occasion) -> Inputs {
        let mut inputs = Inputs::new();
        for field in fields_on(def, occasion) {
            if let Some(kind) = self.kind(field, occasion) {
                inputs.push(input(&field.name, &kind, &field.description, None));
            }
        }
        inputs
    }

    /// Returns the type of a field in an input.
    fn kind(&mut self, field: &'a FieldDef, occasion: Occasion) -> Option<String> {
        if let Some(row) = rows(self.catalogue, field) {
            return Some(match occasion {
                Occasion::Update => self.changes(row),
                Occasion::Create | Occasion::Told => {
                    self.create(row);
                    format!("[{}!]", names::create_input(row))
                }
            });
        }
        let name = match field.kind {
            FieldType::Reference(_) => "ID".to_owned(),
            FieldType::Object(kind) => self.value(self.catalogue.type_at(kind)?),
            FieldType::Platform => return None,
            _ => field.type_name.clone(),
        };
        let whole = field.type_text.replacen(&field.type_name, &name, 1);
        // What a record always has, a system may fill by itself: only values within inputs keep the mark.
        Some(match occasion {
            Occasion::Told => whole,
            Occasion::Create | Occasion::Update => whole.strip_suffix('!').unwrap_or(&whole).to_owned(),
        })
    }

    /// Registers the input of an embedded value, and returns its name.
    fn value(&mut self, def: &'a TypeDef) -> String {
        let name = names::value_input(&def.name);
        if self.done.insert(name.clone()) {
            let inputs = self.fields(def, Occasion::Told);
            insert_input(self.registry, &name, &def.description, inputs);
        }
        name
    }
}

/// Returns what every input for records has besides the fields of the model.
fn beyond() -> Inputs {
    let custom = "Fields that the customer added to the source system, by their keys.";
    let raw = "Members of the source's own row that the model does not have, in the words of the source; they win over what \
               the fields say. `writeSchema { systemFields }` tells what the system knows.";
    vec![
        input("customFields", &format!("[{CUSTOM_INPUT}!]"), custom, None),
        input("raw", "JSON", raw, None),
    ]
}

/// Returns the arguments of a mutation that say what is written, as an operation of a batch has them.
fn arguments(offer: &Offer<'_>) -> Inputs {
    let def = offer.def;
    let mut inputs = Inputs::new();
    match offer.verb {
        Verb::Create(Some(owner)) => {
            inputs.push(input(
                &owner.name,
                "ID!",
                "The id of the record that it is to belong to.",
                None,
            ));
        }
        Verb::Create(None) => {
            let about = "The id of the connection. The token of a connection may leave it out.";
            inputs.push(input("connectionId", "ID", about, None));
        }
        Verb::Update | Verb::Delete | Verb::Action(..) => {
            inputs.push(input("id", "ID!", "The id of the record.", None));
        }
    }
    let (kind, about) = match offer.verb {
        Verb::Create(_) => (format!("{}!", names::create_input(def)), "The values."),
        Verb::Update => (format!("{}!", names::update_input(def)), "What changes."),
        Verb::Delete => (
            DELETE_INPUT.to_owned(),
            "How it is removed; for good unless it is said.",
        ),
        Verb::Action(_, told) => {
            let needed = told.fields.values().any(|field| field.required);
            let mark = if needed { "!" } else { "" };
            (
                format!("{}{mark}", names::value_input(&told.name)),
                "What is told for it.",
            )
        }
    };
    inputs.push(input("input", &kind, about, None));
    if !matches!(offer.verb, Verb::Create(_)) {
        let about = "The `version` of the record that you have seen. When the record has another by now, nothing is changed and \
                     the code is `VERSION_CONFLICT`.";
        inputs.push(input("expectedVersion", "String", about, None));
    }
    let about = "A key of your own for this write, 1 to 255 printable ASCII characters. Sent again with the same key, it is not \
                 carried out again: the first outcome is told. For a request with one mutation, the header \
                 `Idempotency-Key` serves as well.";
    inputs.push(input("idempotencyKey", "String", about, None));
    inputs
}

/// Returns the arguments that say how something is carried out.
fn manner(what: &str) -> Inputs {
    let dry = format!(
        "{what} is checked and mapped, and the exact requests are shown; nothing that changes anything is sent, and nothing is \
         stored."
    );
    let mode = "Whether the answer waits for the outcome.";
    vec![
        input("dryRun", "Boolean", &dry, Some("false")),
        input("mode", "WriteMode", mode, Some("SYNC")),
    ]
}

fn about_offer(offer: &Offer<'_>) -> String {
    let what = noun(&offer.def.name);
    let refused = "Null when the request was not accepted, or the write is still under way; `errors` tells which.";
    let told = match offer.verb {
        Verb::Create(None) => format!("Creates {}.", article(&what)),
        Verb::Create(Some(owner)) => format!("Creates {} of {}.", article(&what), article(&noun(&owner.type_name))),
        Verb::Update => {
            format!(
                "Changes {}. Fields that are left out stay as they are; null clears.",
                article(&what)
            )
        }
        Verb::Delete => format!(
            "Removes {}. Where the system does not remove records, the error `OPERATION_NOT_SUPPORTED` names what serves \
             instead; with `mode: SYSTEM_DEFAULT` it does what the system does itself, such as archiving or blocking.",
            article(&what)
        ),
        Verb::Action(_, told) => told.description.replace('\n', " "),
    };
    format!("{told} {refused}")
}

/// Turns `PurchaseOrderLine` into `purchase order line`.
fn noun(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}

fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn payload(def: &TypeDef, registry: &mut Registry) {
    let name = names::payload(def);
    let single = names::single(def);
    let record = "The record as read back from the system after the write. Null when it is gone, when nothing was carried out, \
                  or when that is not known.";
    let fields = [
        field(&single, &def.name, record, []),
        field("outcome", "WriteOutcome!", "What came of it.", []),
        field(
            "userErrors",
            "[UserError!]!",
            "Why nothing was carried out, as far as the caller can mend it; all that is known at once.",
            [],
        ),
        field(
            "warnings",
            "[String!]!",
            "What the system remarked, and what could not be done to the end.",
            [],
        ),
        field(
            "operation",
            "WriteOperation",
            "The entry in the log of writes; null for a dry run and for what was wrong at first sight.",
            [],
        ),
        field(
            "requests",
            "[WriteRequest!]!",
            "The requests of a dry run, without secrets; for others, see `operation`.",
            [],
        ),
        field(
            "replayed",
            "Boolean!",
            "Whether this is the stored outcome of an earlier request with the same key.",
            [],
        ),
    ];
    let fields = fields.into_iter().map(|field| (field.name.clone(), field)).collect();
    let about = format!("What came of a write to {}.", article(&noun(&def.name)));
    insert_object(registry, &name, &about, fields);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;
    use async_graphql::registry::MetaType;

    fn registered() -> (Registry, IndexMap<String, MetaField>) {
        let catalogue = Catalogue::unified().unwrap();
        let mut registry = Registry::default();
        let fields = mutations(&catalogue, &mut registry);
        (registry, fields)
    }

    fn fields_of<'r>(registry: &'r Registry, name: &str) -> &'r IndexMap<String, MetaInputValue> {
        match registry.types.get(name) {
            Some(MetaType::InputObject { input_fields, .. }) => input_fields,
            _ => panic!("{name} is not there"),
        }
    }

    #[test]
    fn everything_is_described() {
        let (registry, fields) = registered();
        let mut bare = Vec::new();
        let mut note = |place: String, about: &Option<String>| {
            if about.as_deref().is_none_or(|text| text.trim().is_empty()) {
                bare.push(place);
            }
        };
        for (name, field) in &fields {
            note(name.clone(), &field.description);
            field
                .args
                .values()
                .for_each(|input| note(format!("{name}({})", input.name), &input.description));
        }
        for (name, kind) in &registry.types {
            if let MetaType::InputObject {
                description,
                input_fields,
                ..
            } = kind
            {
                note(name.clone(), description);
                input_fields
                    .values()
                    .for_each(|input| note(format!("{name}.{}", input.name), &input.description));
            }
        }
        assert!(bare.is_empty(), "without description: {bare:?}");
    }

    #[test]
    fn inputs_hold_what_may_be_written_then() {
        let (registry, fields) = registered();
        let create = fields_of(&registry, "CreatePurchaseOrderInput");
        assert_eq!(create["vendor"].ty, "ID");
        assert_eq!(create["lines"].ty, "[CreatePurchaseOrderLineInput!]");
        assert_eq!(create["shipTo"].ty, "AddressInput");
        assert!(create.contains_key("number") && !create.contains_key("netTotal"));
        let update = fields_of(&registry, "UpdatePurchaseOrderInput");
        assert_eq!(update["lines"].ty, "PurchaseOrderLineChanges");
        assert!(!update.contains_key("number"));
        assert_eq!(fields_of(&registry, "MoneyInput")["amount"].ty, "Decimal!");
        assert_eq!(fields_of(&registry, "UpdateVendorInput")["type"].ty, "VendorType");
        assert_eq!(fields_of(&registry, "ReceivedLineInput")["line"].ty, "ID!");
        assert_eq!(fields["adjustStock"].args["input"].ty, "AdjustStockInput!");
        assert_eq!(
            fields["submitPurchaseOrder"].args["input"].ty,
            "SubmitPurchaseOrderInput"
        );
        assert_eq!(fields["createPurchaseOrderLine"].args["purchaseOrder"].ty, "ID!");
        assert!(
            fields["deleteVendor"]
                .description
                .as_deref()
                .unwrap()
                .starts_with("Removes a vendor.")
        );
    }

    #[test]
    fn a_batch_takes_every_mutation() {
        let (registry, fields) = registered();
        let operations = fields_of(&registry, OPERATION_INPUT);
        for name in fields.keys().filter(|name| *name != "writeBatch") {
            let operation = fields_of(&registry, &operations[name].ty);
            let mutation = &fields[name].args;
            for argument in mutation
                .keys()
                .filter(|name| !["dryRun", "mode"].contains(&name.as_str()))
            {
                assert_eq!(operation[argument].ty, mutation[argument].ty, "{name}({argument})");
            }
        }
    }
}
