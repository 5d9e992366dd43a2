//! Connectors and what they can do, as the API tells it.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use lineshaft_connect::{
    capability::{Capability, Precision},
    manifest::{
        self,
        trust::{Report, Trust},
    },
};
use lineshaft_engine::{connections, registry::Kind};
use lineshaft_schema::Catalogue;

use super::{Deployment, access, organization::CreditPrice};

/// What kind of system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum Category {
    /// Enterprise resource planning.
    Erp,
    /// Computerized maintenance management.
    Cmms,
    /// Enterprise asset management.
    Eam,
    /// Warehouse management.
    Wms,
    /// Inventory management.
    Inventory,
    /// Procurement.
    Procurement,
}

/// A kind of system that can be connected.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) Arc<Kind>);

/// A kind of system that can be connected.
#[Object]
impl Connector {
    /// The id of the connector, such as `odoo`.
    async fn id(&self) -> ID {
        ID(self.0.manifest.id.clone())
    }

    /// The name that people read.
    async fn name(&self) -> &str {
        &self.0.manifest.name
    }

    /// What the system is.
    async fn description(&self) -> &str {
        &self.0.manifest.description
    }

    /// The version of the connector.
    async fn version(&self) -> &str {
        &self.0.manifest.version
    }

    /// What kinds of system it is.
    async fn categories(&self) -> Vec<Category> {
        let one = |category: &manifest::Category| match category {
            manifest::Category::Erp => Category::Erp,
            manifest::Category::Cmms => Category::Cmms,
            manifest::Category::Eam => Category::Eam,
            manifest::Category::Wms => Category::Wms,
            manifest::Category::Inventory => Category::Inventory,
            manifest::Category::Procurement => Category::Procurement,
        };
        self.0.manifest.categories.iter().map(one).collect()
    }

    /// The price class: 1, 2 or 3.
    async fn tier(&self) -> i32 {
        self.0.manifest.tier.into()
    }

    /// Credits that a connection takes. Needs an organization's key.
    async fn credits(&self, ctx: &Context<'_>) -> async_graphql::Result<CreditPrice> {
        access::organization(ctx)?;
        let settings = &access::engine(ctx)?.settings.credits;
        let price = |deployment| settings.price(self.0.manifest.tier, deployment);
        Ok(CreditPrice {
            cloud: price(connections::Deployment::Cloud),
            on_premises: price(connections::Deployment::OnPremises),
        })
    }

    /// Where the system can run.
    async fn deployments(&self) -> Vec<Deployment> {
        let one = |deployment: &manifest::Deployment| match deployment {
            manifest::Deployment::Cloud => Deployment::Cloud,
            manifest::Deployment::OnPremises => Deployment::OnPremises,
        };
        self.0.manifest.deployments.iter().map(one).collect()
    }

    /// Where its maker documents the API.
    async fn documentation(&self) -> Option<&str> {
        self.0.manifest.documentation.as_deref()
    }

    /// The settings that a connection must be given, as fields of a form.
    async fn settings(&self) -> Vec<SettingField> {
        let fields = self.0.manifest.settings.iter();
        fields.map(|(name, field)| SettingField::of(name, field)).collect()
    }

    /// The ways to sign in, each with the credentials that it needs. One of them must be given whole.
    async fn sign_ins(&self) -> Vec<SignIn> {
        self.0.manifest.auth.iter().map(SignIn::of).collect()
    }

    /// How far it is to be trusted: that of the least trusted entity. It follows from where the connector's facts come
    /// from, and nobody sets it.
    async fn trust(&self) -> TrustLevel {
        self.0.trust().trust.into()
    }

    /// What is wrong with its folder since it was changed, one line each with file and place; it goes on as it was before.
    /// Empty when all is well. Needs an organization's key.
    async fn problems(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<String>> {
        access::organization(ctx)?;
        Ok(access::engine(ctx)?.registry.refused_change(&self.0.manifest.id))
    }

    /// What it offers, entity by entity.
    async fn entities(&self) -> Vec<EntityCapability> {
        let catalogue = &self.0.catalogue;
        let offered = self.0.blueprint.resources().map(|resource| resource.capability());
        offered
            .filter_map(|capability| EntityCapability::of(catalogue, capability, self.0.trust()))
            .collect()
    }
}

/// How far something is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Trust")]
pub(crate) enum TrustLevel {
    /// Some fact of it is recalled, or nothing tells where it comes from.
    Draft,
    /// It follows what the maker of the system has published.
    Documented,
    /// It has the shape of recorded answers of real servers.
    Recorded,
    /// A test has read it from a real server.
    Verified,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "manifest::SettingKind")]
pub(crate) enum SettingKind {
    /// A web address without trailing slash.
    Url,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// The name of a time zone, such as `Europe/Berlin`.
    TimeZone,
}

/// A setting of a connection.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct SettingField {
    /// The key in `settings`.
    name: String,
    /// Its type.
    #[graphql(name = "type")]
    kind: SettingKind,
    /// Label on forms.
    label: String,
    /// Where to find the value.
    help: Option<String>,
    /// Whether it must be given.
    required: bool,
    /// The value when none is given.
    default: Option<String>,
    /// An example.
    example: Option<String>,
    /// Regular expression that the whole value must match.
    pattern: Option<String>,
    /// The values to choose from.
    choices: Vec<String>,
}

/// One way to sign in to a system.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct SignIn {
    /// Identifier of the way within the connector.
    id: String,
    /// Label on forms.
    label: String,
    /// Steps that lead a person to the credentials.
    guide: Vec<String>,
    /// What must be given.
    credentials: Vec<CredentialField>,
}

/// A credential of a connection.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct CredentialField {
    /// The key in `credentials`.
    name: String,
    /// Label on forms.
    label: String,
    /// Whether it is entered hidden.
    secret: bool,
    /// Where to find the value.
    help: Option<String>,
    /// Regular expression that the whole value must match.
    pattern: Option<String>,
}

impl SettingField {
    fn of(name: &str, field: &manifest::SettingField) -> Self {
        Self {
            name: name.to_owned(),
            kind: field.kind.into(),
            label: field.label.clone(),
            help: field.help.clone(),
            required: field.required && field.default.is_none(),
            default: field.default.clone(),
            example: field.example.clone(),
            pattern: field.pattern.clone(),
            choices: field.choices.clone(),
        }
    }
}

impl SignIn {
    fn of(auth: &manifest::Auth) -> Self {
        let credential = |(name, field): (&String, &manifest::CredentialField)| CredentialField {
            name: name.clone(),
            label: field.label.clone(),
            secret: field.secret,
            help: field.help.clone(),
            pattern: field.pattern.clone(),
        };
        Self {
            id: auth.id.clone(),
            label: auth.label.clone(),
            guide: auth.guide.clone(),
            credentials: auth.credentials.iter().map(credential).collect(),
        }
    }
}

/// What a connector offers for one type.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct EntityCapability {
    /// The unified type.
    entity: String,
    /// Its table, model or entity set in the system.
    remote: String,
    /// Whether records can be listed on their own.
    list: bool,
    /// Most records that one look-up by keys fetches; null when records cannot be looked up.
    batch_size: Option<i32>,
    /// Whether records can be counted without reading them.
    count: bool,
    /// Whether records changed since an instant can be asked for.
    changes: bool,
    /// References by which the records of many parents come at once.
    children_by: Vec<String>,
    /// The fields that it offers.
    fields: Vec<FieldCapability>,
    /// How far it is to be trusted. It follows from where the facts come from, and nobody sets it.
    trust: TrustLevel,
    /// Why it is trusted so far and no further: what is recalled, or which sources there are.
    trust_because: Vec<String>,
}

/// What a connector offers for one field.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct FieldCapability {
    /// The unified field.
    name: String,
    /// Where it comes from, in words of the system.
    source: String,
    /// Operators that the system applies.
    filters: Vec<String>,
    /// Operators that the system applies in part; the rest is checked here.
    coarse_filters: Vec<String>,
    /// Whether the system sorts by it.
    sortable: bool,
}

impl EntityCapability {
    fn of(catalogue: &Catalogue, capability: &Capability, report: &Report) -> Option<Self> {
        let def = catalogue.type_at(capability.kind)?;
        let own = report.types.get(&def.name);
        let name = |field: &lineshaft_schema::FieldIndex| def.field_at(*field).map(|field| field.name.clone());
        let fields = capability.fields.iter().filter_map(|(index, field)| {
            let named = |precision: Precision| {
                let operators = field.filters.iter().filter(move |(_, own)| **own == precision);
                operators.map(|(operator, _)| operator.name().to_owned()).collect()
            };
            Some(FieldCapability {
                name: name(index)?,
                source: field.source.clone(),
                filters: named(Precision::Exact),
                coarse_filters: named(Precision::Coarse),
                sortable: field.sortable,
            })
        });
        Some(Self {
            entity: def.name.clone(),
            remote: capability.remote.clone(),
            list: capability.list,
            batch_size: capability.get_many.and_then(|most| i32::try_from(most).ok()),
            count: capability.count,
            changes: capability.changes,
            children_by: capability.children.iter().filter_map(name).collect(),
            fields: fields.collect(),
            trust: own.map_or(Trust::Draft, |own| own.trust).into(),
            trust_because: own.map(|own| own.because.clone()).unwrap_or_default(),
        })
    }
}

/// The fields of the query root that find connectors.
#[derive(Default)]
pub(crate) struct ConnectorQuery;

#[Object]
impl ConnectorQuery {
    /// Lists the connectors that are installed, with what each can do.
    async fn connectors(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Connector>> {
        Ok(access::engine(ctx)?.registry.all().map(Connector).collect())
    }

    /// Finds a connector by its id, such as `odoo`.
    async fn connector(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the connector.")] id: String,
    ) -> async_graphql::Result<Option<Connector>> {
        Ok(access::engine(ctx)?.registry.get(&id).map(Connector))
    }
}
