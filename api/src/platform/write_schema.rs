//! What can be written to a connection, told beforehand.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use lineshaft_connect::write::{Act, DescribedField};
use lineshaft_engine::command::{self, Description, Lock, SchemaField};
use lineshaft_schema::{Catalogue, FieldDef, FieldType, TypeDef, Value};

use super::{
    Connection,
    access::{self, refused},
    writes::{ConnectionWriteMode, connection_of, not_accepted},
};
use crate::names;

/// How an expected version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum WriteLock {
    /// The system compares it together with the write, so that nothing can come between.
    System,
    /// A fresh copy is read and compared right before anything is sent; a change in that moment goes unseen.
    Compare,
}

/// Whether the system told of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum SystemDescription {
    /// It cannot: what is told here, the connector knows.
    None,
    /// It did.
    Told,
    /// It could not be asked now; `descriptionError` has the code.
    Failed,
}

/// Who tells of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum WriteFieldOrigin {
    /// The connector's manifest.
    Manifest,
    /// The system of this very connection.
    System,
}

/// Where a field goes in the source system.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteFieldSource {
    /// Its name in the source, as a path.
    name: String,
    /// Its label there.
    label: Option<String>,
    /// Its type, in the words of the source.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// Who tells of it.
    origin: WriteFieldOrigin,
}

/// A value to choose.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WriteChoice {
    /// The value as inputs take it; null when its meaning is not known.
    value: Option<String>,
    /// The value in the words of the system.
    source: Option<String>,
    /// Its label in the system.
    label: Option<String>,
}

/// A field that an operation takes.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WritableField {
    /// Its name in the input.
    name: String,
    /// Its place in the input.
    path: Vec<String>,
    /// Its type in the input.
    #[graphql(name = "type")]
    kind: String,
    /// What it is.
    description: String,
    /// For values such as addresses, the parts that can be written; empty for all others.
    parts: Vec<String>,
    /// Whether it must be given.
    required: bool,
    /// Whether it can be written: the system may say that this account cannot.
    writable: bool,
    /// The values that can be written; empty when they are not limited.
    allowed_values: Vec<String>,
    /// The same values with what the system calls them.
    choices: Vec<WriteChoice>,
    /// Most characters.
    max_length: Option<u64>,
    /// Where it goes in the source system.
    source: WriteFieldSource,
}

/// A list whose rows can be written with their owner.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WritableChildren {
    /// The list in the input.
    field: String,
    /// The unified type of its rows.
    entity: String,
    /// Whether rows can be added.
    create: bool,
    /// Whether rows can be changed.
    update: bool,
    /// Whether rows can be removed.
    delete: bool,
    /// Whether it all happens in one request of the system, as a whole or not at all.
    atomic: bool,
    /// The fields that a new row takes.
    fields: Vec<WritableField>,
}

/// Something that can be done with records beyond changing fields.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WritableAction {
    /// Its short name.
    name: String,
    /// Values of `status` in which it is allowed; any when empty.
    allowed_in: Vec<String>,
}

/// A field of the system that no field of the model covers, for `raw`.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct SystemField {
    /// Its name.
    name: String,
    /// Its label.
    label: Option<String>,
    /// Its type, in the words of the system.
    #[graphql(name = "type")]
    kind: Option<String>,
    /// Whether a new record must have it; null when the system does not tell.
    required: Option<bool>,
    /// Most characters.
    max_length: Option<u64>,
    /// The values to choose from; empty when they are not limited.
    choices: Vec<WriteChoice>,
}

/// What can be written to a connection with one operation.
#[derive(Clone)]
pub(crate) struct WriteSchema {
    schema: Arc<command::WriteSchema>,
    catalogue: Arc<Catalogue>,
}

/// What can be written to a connection with one operation.
#[Object]
impl WriteSchema {
    /// The connection.
    async fn connection(&self) -> Connection {
        Connection(Arc::new(self.schema.connection.clone()))
    }

    /// The unified type of the record.
    async fn entity(&self) -> String {
        self.def().map(|def| def.name.clone()).unwrap_or_default()
    }

    /// The operation: `create`, `update`, `delete`, or the short name of an action.
    async fn operation(&self) -> &str {
        self.schema.act.name()
    }

    /// Whether the system has it.
    async fn supported(&self) -> bool {
        self.schema.supported
    }

    /// What serves instead, when it does not: the short name of an action, or a sentence.
    async fn alternative(&self) -> Option<&str> {
        self.schema.alternative.as_deref()
    }

    /// Whether the writes of the connection reach its system.
    async fn write_mode(&self) -> ConnectionWriteMode {
        self.schema.write_mode.into()
    }

    /// The fields that it takes.
    async fn fields(&self) -> Vec<WritableField> {
        let told = self.told();
        let fields = self.schema.fields.iter();
        fields
            .filter_map(|field| Some(self.field(field, told?.field_at(field.field)?)))
            .collect()
    }

    /// Whether customer-specific fields can be written.
    async fn custom_fields(&self) -> bool {
        self.schema.custom_fields
    }

    /// Values of `status` in which it is allowed; any when empty.
    async fn allowed_in(&self) -> Vec<String> {
        self.words(&self.schema.allowed_in)
    }

    /// Values of `status` that it leads to, as far as that is known.
    async fn leads_to(&self) -> Vec<String> {
        self.words(&self.schema.leads_to)
    }

    /// How an `expectedVersion` is compared.
    async fn lock(&self) -> WriteLock {
        match self.schema.lock {
            Lock::System => WriteLock::System,
            Lock::Compare => WriteLock::Compare,
        }
    }

    /// The field that carries a mark of ours when you leave it out, so that the record is found again after an unknown
    /// outcome. Null when the system has no such field.
    async fn client_reference(&self) -> Option<&str> {
        let field = self.def()?.field_at(self.schema.client_reference?)?;
        Some(&field.name)
    }

    /// Lists whose rows can be written with it.
    async fn children(&self) -> Vec<WritableChildren> {
        let one = |children: &command::SchemaChildren| {
            let list = &children.list;
            let rows = self.catalogue.type_at(list.kind)?;
            let fields = children.fields.iter();
            Some(WritableChildren {
                field: self.def()?.field_at(list.field)?.name.clone(),
                entity: rows.name.clone(),
                create: list.create,
                update: list.update,
                delete: list.delete,
                atomic: list.atomic,
                fields: fields
                    .filter_map(|field| Some(self.field(field, rows.field_at(field.field)?)))
                    .collect(),
            })
        };
        self.schema.children.iter().filter_map(one).collect()
    }

    /// What can be done with records of the type beyond changing fields.
    async fn actions(&self) -> Vec<WritableAction> {
        let actions = self.schema.actions.iter();
        actions
            .map(|action| WritableAction {
                name: action.name.clone(),
                allowed_in: self.words(&action.allowed_in),
            })
            .collect()
    }

    /// Fields of the system that can be written and that no field of the model covers, for `raw`.
    async fn system_fields(&self) -> Vec<SystemField> {
        self.schema.system_fields.iter().map(SystemField::from).collect()
    }

    /// Whether the system told of its fields.
    async fn description(&self) -> SystemDescription {
        match self.schema.description {
            Description::None => SystemDescription::None,
            Description::Told => SystemDescription::Told,
            Description::Failed(_) => SystemDescription::Failed,
        }
    }

    /// Why the system could not be asked: a stable code.
    async fn description_error(&self) -> Option<&str> {
        match self.schema.description {
            Description::Failed(code) => Some(code),
            Description::None | Description::Told => None,
        }
    }
}

impl WriteSchema {
    fn def(&self) -> Option<&TypeDef> {
        self.catalogue.type_at(self.schema.kind)
    }

    /// Returns the type whose fields are told: that of the record, or the action's own.
    fn told(&self) -> Option<&TypeDef> {
        match &self.schema.act {
            Act::Action(name) => self.catalogue.action(&self.def()?.name, name),
            _ => self.def(),
        }
    }

    fn field(&self, field: &SchemaField, def: &FieldDef) -> WritableField {
        let choices = field.values.iter().map(|choice| WriteChoice {
            value: choice.value.as_ref().and_then(|value| word(&self.catalogue, value)),
            source: choice.source.clone(),
            label: choice.label.clone(),
        });
        let choices: Vec<WriteChoice> = choices.collect();
        let allowed = choices
            .iter()
            .filter_map(|choice| choice.value.clone().or_else(|| choice.source.clone()));
        let described = field.described.as_ref();
        WritableField {
            name: def.name.clone(),
            path: vec![def.name.clone()],
            kind: input_type(&self.catalogue, def),
            description: def.description.clone(),
            parts: field.parts.clone(),
            required: field.required,
            writable: field.writable,
            allowed_values: allowed.collect(),
            choices,
            max_length: length(field.max_length),
            source: WriteFieldSource {
                name: described.map_or_else(|| field.target.join("."), |described| described.name.clone()),
                label: described.and_then(|described| described.label.clone()),
                kind: described.and_then(|described| described.kind.clone()),
                origin: if described.is_some() {
                    WriteFieldOrigin::System
                } else {
                    WriteFieldOrigin::Manifest
                },
            },
        }
    }

    fn words(&self, values: &[Value]) -> Vec<String> {
        values.iter().filter_map(|value| word(&self.catalogue, value)).collect()
    }
}

impl From<&DescribedField> for SystemField {
    fn from(field: &DescribedField) -> Self {
        let choice = |(source, label): &(String, Option<String>)| WriteChoice {
            value: None,
            source: Some(source.clone()),
            label: label.clone(),
        };
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            kind: field.kind.clone(),
            required: field.required,
            max_length: length(field.max_length),
            choices: field.choices.iter().map(choice).collect(),
        }
    }
}

fn length(length: Option<usize>) -> Option<u64> {
    length.and_then(|length| u64::try_from(length).ok())
}

fn input_type(catalogue: &Catalogue, field: &FieldDef) -> String {
    let name = match field.kind {
        FieldType::Reference(_) => "ID".to_owned(),
        FieldType::Object(kind) => catalogue
            .type_at(kind)
            .map(|def| names::value_input(&def.name))
            .unwrap_or_default(),
        _ => field.type_name.clone(),
    };
    if field.list { format!("[{name}!]") } else { name }
}

/// Returns a value as inputs take it.
fn word(catalogue: &Catalogue, value: &Value) -> Option<String> {
    Some(match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Enum(kind, value) => catalogue.enum_at(*kind)?.value_name(*value)?.to_owned(),
        _ => return None,
    })
}

/// The field of the query root about what can be written.
#[derive(Default)]
pub(crate) struct WriteSchemaQuery;

#[Object]
impl WriteSchemaQuery {
    /// Tells what a connection can write with an operation: what its connector says, and what the system itself tells of
    /// its fields.
    async fn write_schema(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connection. The token of a connection may leave it out.")]
        connection_id: Option<ID>,
        #[graphql(desc = "The unified type of the records, such as `PurchaseOrder`.")] entity: String,
        #[graphql(desc = "The operation: `create`, `update`, `delete`, or the short name of an action.")]
        operation: String,
    ) -> async_graphql::Result<WriteSchema> {
        let (engine, connection) = connection_of(ctx, connection_id)?;
        let session = access::session(ctx)?;
        let catalogue = &session.model.catalogue;
        let def = catalogue.type_named(&entity).filter(|def| def.is_writable());
        let def = def.ok_or_else(|| refused("INVALID_VALUE", "`entity` is not a type that can be written"))?;
        let act = match operation.as_str() {
            "create" => Act::Create,
            "update" => Act::Update,
            "delete" => Act::Delete,
            name if catalogue.action(&def.name, name).is_some() => Act::Action(operation),
            _ => {
                let message = format!("`operation` is no operation of {}", def.name);
                return Err(refused("INVALID_VALUE", message));
            }
        };
        let schema = engine
            .write_schema(session, connection, def.index, &act)
            .await
            .map_err(|error| not_accepted(&error))?;
        Ok(WriteSchema {
            schema: Arc::new(schema),
            catalogue: Arc::clone(catalogue),
        })
    }
}
