//! Connectors and what they can do, as the API tells it.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use lineshaft_connect::{
    capability::{Capability, Precision},
    manifest,
};
use lineshaft_engine::registry::Kind;
use lineshaft_schema::Catalogue;

use super::Deployment;

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

    /// The price class: 1, 2 or 3 credits for a connection, doubled on-premises.
    async fn tier(&self) -> i32 {
        self.0.manifest.tier.into()
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

    /// What it offers, entity by entity.
    async fn entities(&self) -> Vec<EntityCapability> {
        let catalogue = &self.0.catalogue;
        let offered = self.0.blueprint.resources().map(|resource| resource.capability());
        offered
            .filter_map(|capability| EntityCapability::of(catalogue, capability))
            .collect()
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
    fn of(catalogue: &Catalogue, capability: &Capability) -> Option<Self> {
        let def = catalogue.type_at(capability.kind)?;
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
        })
    }
}
