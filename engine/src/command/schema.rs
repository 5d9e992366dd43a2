//! What can be written, as plain data: what the connector knows with what the system itself tells laid over it.

use lineshaft_connect::write::{
    Act, DescribedField, OperationCapability, WritableChildren, WritableField, WriteCapability,
};
use lineshaft_schema::{FieldIndex, TypeDef, TypeIndex, Value, Writable};

use super::{WriteMode, submit::alternative};
use crate::connections::Connection;

/// What can be written with one operation.
#[derive(Clone, Debug)]
pub struct WriteSchema {
    /// The connection.
    pub connection: Connection,
    /// The unified type of the record.
    pub kind: TypeIndex,
    /// The operation.
    pub act: Act,
    /// Whether the system has it.
    pub supported: bool,
    /// Whether writes reach the system.
    pub write_mode: WriteMode,
    /// What serves instead, when it does not.
    pub alternative: Option<String>,
    /// The fields that it takes.
    pub fields: Vec<SchemaField>,
    /// Whether customer-specific fields can be written.
    pub custom_fields: bool,
    /// Values of `status` in which it is allowed; any when empty.
    pub allowed_in: Vec<Value>,
    /// Values of `status` that tell that it was done.
    pub leads_to: Vec<Value>,
    /// How an expected version is compared.
    pub lock: Lock,
    /// The field that carries our mark, by which a record is found again.
    pub client_reference: Option<FieldIndex>,
    /// Lists whose rows can be written with it.
    pub children: Vec<SchemaChildren>,
    /// What can be done with records beyond changing fields.
    pub actions: Vec<SchemaAction>,
    /// What the system tells of fields that no unified field covers and that can be written, for `raw`.
    pub system_fields: Vec<DescribedField>,
    /// Whether the system told of its fields.
    pub description: Description,
}

/// A field that an operation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaField {
    /// The field: of the record's type, or of the action's own.
    pub field: FieldIndex,
    /// Its name.
    pub name: String,
    /// For embedded values, the parts that can be written; empty for all others.
    pub parts: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it can be written: the system may say that it cannot.
    pub writable: bool,
    /// The values to choose from; empty when they are not limited.
    pub values: Vec<SchemaValue>,
    /// Most characters.
    pub max_length: Option<usize>,
    /// Where it goes, in the words of the source system.
    pub target: Vec<String>,
    /// What the system tells of it.
    pub described: Option<DescribedField>,
}

/// A list whose rows can be written with their owner.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaChildren {
    /// The list, and what can be done with its rows.
    pub list: WritableChildren,
    /// The fields that a new row takes.
    pub fields: Vec<SchemaField>,
}

/// A value to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaValue {
    /// In the words of the unified model, where that is known.
    pub value: Option<Value>,
    /// In the words of the system.
    pub source: Option<String>,
    /// Its label in the system.
    pub label: Option<String>,
}

/// Something that can be done with records.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaAction {
    /// Its short name.
    pub name: String,
    /// Values of `status` in which it is allowed; any when empty.
    pub allowed_in: Vec<Value>,
}

/// How an expected version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The system compares it with the request.
    System,
    /// A fresh copy is read and compared right before anything is sent.
    Compare,
}

/// Whether the system told of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Description {
    /// It cannot.
    None,
    /// It did.
    Told,
    /// It could not be asked now.
    Failed(&'static str),
}

/// What the fields of a type mean in the words of the system.
pub(super) type Meaning<'a> = &'a dyn Fn(FieldIndex, &str) -> Option<Value>;

impl WriteSchema {
    /// Makes what the connector alone knows.
    pub(super) fn new(
        connection: Connection,
        kind: TypeIndex,
        act: &Act,
        def: &TypeDef,
        capability: Option<&WriteCapability>,
    ) -> Self {
        let operation = capability.and_then(|capability| capability.operation(act));
        let actions = capability.into_iter().flat_map(|capability| &capability.actions);
        let actions = actions.map(|(name, action)| SchemaAction {
            name: name.clone(),
            allowed_in: action.allowed_in.clone(),
        });
        let lock = match operation {
            Some(operation) if operation.native_lock => Lock::System,
            _ => Lock::Compare,
        };
        let own = |list: fn(&OperationCapability) -> &Vec<Value>| operation.map(list).cloned().unwrap_or_default();
        Self {
            write_mode: connection.write_mode,
            connection,
            kind,
            act: act.clone(),
            supported: operation.is_some(),
            alternative: capability
                .filter(|_| operation.is_none())
                .and_then(|capability| alternative(capability, act)),
            fields: operation
                .map(|operation| fields(def, &operation.fields))
                .unwrap_or_default(),
            custom_fields: operation.is_some()
                && capability.is_some_and(|capability| capability.custom)
                && matches!(act, Act::Create | Act::Update),
            allowed_in: own(|operation| &operation.allowed_in),
            leads_to: own(|operation| &operation.leads_to),
            lock,
            client_reference: capability.and_then(|capability| capability.client_reference),
            children: Vec::new(),
            actions: actions.collect(),
            system_fields: Vec::new(),
            description: Description::None,
        }
    }

    /// Adds the lists whose rows can be written with their owner; `of_type` tells what can be written of a type.
    pub(super) fn add_children(
        &mut self,
        operation: Option<&OperationCapability>,
        of_type: &dyn Fn(TypeIndex) -> Option<(TypeDef, Vec<WritableField>)>,
    ) {
        let children = operation.into_iter().flat_map(|operation| &operation.children);
        self.children = children
            .map(|list| {
                let (def, own) = of_type(list.kind).unzip();
                let told = if list.fields.is_empty() {
                    own.unwrap_or_default()
                } else {
                    list.fields.clone()
                };
                SchemaChildren {
                    list: list.clone(),
                    fields: def.map(|def| fields(&def, &told)).unwrap_or_default(),
                }
            })
            .collect();
        // The rows are told with their list, not as parts of a field.
        self.fields
            .retain(|field| !self.children.iter().any(|children| children.list.field == field.field));
    }

    /// Lays what the system tells over it. Where the two differ, the stricter one counts.
    pub(super) fn lay_over<'d>(
        &mut self,
        described: impl IntoIterator<Item = (&'d String, &'d DescribedField)>,
        meaning: Meaning<'_>,
    ) {
        self.description = Description::Told;
        let mut described: indexmap::IndexMap<&str, &DescribedField> = described
            .into_iter()
            .map(|(name, field)| (name.as_str(), field))
            .collect();
        let of_records = matches!(self.act, Act::Create | Act::Update);
        if !of_records {
            return;
        }
        let is_new = self.act == Act::Create;
        let mut covered = Vec::new();
        for field in &mut self.fields {
            let Some(known) = names_of(&field.target).find_map(|name| described.get(name.as_str()).copied()) else {
                continue;
            };
            covered.push(known.name.as_str());
            field.required |= is_new && known.required == Some(true);
            field.writable &= known.read_only != Some(true);
            field.max_length = [field.max_length, known.max_length].into_iter().flatten().min();
            if !known.choices.is_empty() {
                let read = |choice: &str| meaning(field.field, choice);
                field.values = choices(&field.values, &known.choices, read);
            }
            field.described = Some(known.clone());
        }
        described.retain(|name, field| {
            let is_covered = covered.contains(&field.name.as_str()) || covered.contains(name);
            !is_covered && field.read_only != Some(true)
        });
        self.system_fields = described.into_values().cloned().collect();
    }
}

fn fields(def: &TypeDef, writable: &[WritableField]) -> Vec<SchemaField> {
    let fields = writable.iter().filter_map(|writable| {
        let field = def.field_at(writable.field)?;
        // What a row belongs to is said by where it is made.
        if def.has_rows() && field.writable == Writable::Never {
            return None;
        }
        let value = |value: &Value| SchemaValue {
            value: Some(value.clone()),
            source: None,
            label: None,
        };
        Some(SchemaField {
            field: writable.field,
            name: field.name.clone(),
            parts: writable.parts.clone(),
            required: writable.required,
            writable: true,
            values: writable.values.iter().map(value).collect(),
            max_length: writable.max_length,
            target: writable.target.clone(),
            described: None,
        })
    });
    fields.collect()
}

/// Returns the names under which a system may tell of what is written to a path.
fn names_of(target: &[String]) -> impl Iterator<Item = String> + '_ {
    let whole = [".", "/"].into_iter().map(|separator| target.join(separator));
    whole.chain(target.iter().take(1).cloned())
}

/// Returns the choices of the system that the connector can write; those whose meaning is not known as they are.
fn choices(
    known: &[SchemaValue],
    choices: &[(String, Option<String>)],
    meaning: impl Fn(&str) -> Option<Value>,
) -> Vec<SchemaValue> {
    let told = choices.iter().map(|(source, label)| SchemaValue {
        value: meaning(source),
        source: Some(source.clone()),
        label: label.clone(),
    });
    let told: Vec<SchemaValue> = told.collect();
    if known.is_empty() {
        return told;
    }
    let both: Vec<SchemaValue> = told
        .into_iter()
        .filter(|choice| known.iter().any(|known| known.value == choice.value))
        .collect();
    // Nothing in common says that the words of the system were not understood, not that nothing may be written.
    if both.is_empty() { known.to_vec() } else { both }
}
