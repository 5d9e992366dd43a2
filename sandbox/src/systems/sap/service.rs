//! The services the system offers: where each one is, and its rows, built on first use.

use std::sync::OnceLock;

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{calibrations, movements, objects, orders, partners, products, purchasing, respond, write};
use crate::{
    odata::{Data, Flavour, Model, Row, Service, lay_over},
    world::World,
    written::Written,
};

/// Where the services of version 2 are.
const VERSION_2: &str = "/sap/opu/odata/sap/";
/// Where the services of version 4 are.
const VERSION_4: &str = "/sap/opu/odata4/sap/";
/// Where the purchase order service of version 4 is.
const PURCHASE_ORDER_4: &str = "/sap/opu/odata4/sap/api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001";

/// The rows of one set.
pub(super) type Set = (&'static str, Vec<Row>);

/// How a service is made.
struct Offer {
    /// The last part of the address.
    name: &'static str,
    flavour: Flavour,
    namespace: &'static str,
    model: &'static str,
    /// Adds the customer's own properties to the model.
    extend: fn(&mut Model, &World),
    rows: fn(&World) -> Vec<Set>,
}

const OFFERS: [Offer; 10] = [
    Offer {
        name: "API_PURCHASEORDER_PROCESS_SRV",
        flavour: Flavour::SapV2,
        namespace: "API_PURCHASEORDER_PROCESS_SRV",
        model: include_str!("model/purchase_order.txt"),
        extend: purchasing::extend_version_2,
        rows: purchasing::version_2,
    },
    Offer {
        name: "API_BUSINESS_PARTNER",
        flavour: Flavour::SapV2,
        namespace: "API_BUSINESS_PARTNER",
        model: include_str!("model/business_partner.txt"),
        extend: partners::extend,
        rows: partners::rows,
    },
    Offer {
        name: "API_PRODUCT_SRV",
        flavour: Flavour::SapV2,
        namespace: "API_PRODUCT_SRV",
        model: include_str!("model/product.txt"),
        extend: products::extend,
        rows: products::rows,
    },
    Offer {
        name: "API_MATERIAL_STOCK_SRV",
        flavour: Flavour::SapV2,
        namespace: "API_MATERIAL_STOCK_SRV",
        model: include_str!("model/material_stock.txt"),
        extend: no_own_properties,
        rows: products::stock,
    },
    Offer {
        name: "API_MATERIAL_DOCUMENT_SRV",
        flavour: Flavour::SapV2,
        namespace: "API_MATERIAL_DOCUMENT_SRV",
        model: include_str!("model/material_document.txt"),
        extend: no_own_properties,
        rows: movements::rows,
    },
    Offer {
        name: "API_MAINTENANCEORDER",
        flavour: Flavour::SapV2,
        namespace: "cds_api_maintenanceorder",
        model: include_str!("model/maintenance_order.txt"),
        extend: orders::extend,
        rows: orders::rows,
    },
    Offer {
        name: "API_EQUIPMENT",
        flavour: Flavour::SapV2,
        namespace: "cds_api_equipment",
        model: include_str!("model/equipment.txt"),
        extend: objects::extend,
        rows: objects::equipment,
    },
    Offer {
        name: "API_FUNCTIONALLOCATION",
        flavour: Flavour::SapV2,
        namespace: "cds_api_functionallocation",
        model: include_str!("model/functional_location.txt"),
        extend: objects::extend,
        rows: objects::functional_locations,
    },
    Offer {
        name: "ZCALIBRATION_SRV",
        flavour: Flavour::SapV2,
        namespace: "ZCALIBRATION_SRV",
        model: include_str!("model/calibration.txt"),
        extend: no_own_properties,
        rows: calibrations::rows,
    },
    Offer {
        name: PURCHASE_ORDER_4,
        flavour: Flavour::SapV4,
        namespace: "com.sap.gateway.srvd_a2x.api_purchaseorder_2.v0001",
        model: include_str!("model/purchase_order_v4.txt"),
        extend: purchasing::extend_version_4,
        rows: purchasing::version_4,
    },
];

fn no_own_properties(_: &mut Model, _: &World) {}

/// All services over one state of the world.
#[derive(Debug)]
pub(super) struct Services {
    world: World,
    written: Written,
    built: [OnceLock<Service>; OFFERS.len()],
}

impl Services {
    /// Returns the services over a world and what was written besides; each is built when it is first asked for.
    pub(super) fn new(world: World, written: Written) -> Self {
        Self {
            world,
            written,
            built: Default::default(),
        }
    }

    /// Returns the service whose address starts with `root`.
    pub(super) fn find(&self, root: &str) -> Option<&Service> {
        let name = root.strip_prefix(VERSION_2).unwrap_or(root);
        let name = name.split_once(";v=").map_or(name, |(name, _)| name);
        let place = OFFERS.iter().position(|offer| offer.name == name)?;
        Some(self.built.get(place)?.get_or_init(|| self.build(OFFERS.get(place))))
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Service> {
        OFFERS.iter().filter_map(|offer| self.find(offer.name))
    }

    fn build(&self, offer: Option<&Offer>) -> Service {
        let offer = offer.unwrap_or(&OFFERS[0]);
        let mut model = Model::parse(offer.model);
        (offer.extend)(&mut model, &self.world);
        let mut sets = (offer.rows)(&self.world);
        for (set, rows) in &mut sets {
            if let Some(entity) = model.sets.get(*set) {
                *rows = lay_over(entity, write::table(set), std::mem::take(rows), &self.written);
            }
        }
        let data = Data::new(model, offer.flavour, sets);
        Service {
            flavour: offer.flavour,
            namespace: offer.namespace.into(),
            data,
        }
    }
}

/// Splits a path into the root of a service and what follows its slash, if there is one.
pub(super) fn split(path: &str) -> Option<(&str, Option<&str>)> {
    if path.starts_with(VERSION_4) {
        let Some(rest) = path.strip_prefix(PURCHASE_ORDER_4) else {
            return Some((path, Some("")));
        };
        let rest = if rest.is_empty() {
            None
        } else {
            Some(rest.strip_prefix('/')?)
        };
        return Some((PURCHASE_ORDER_4, rest));
    }
    let below = path.strip_prefix(VERSION_2).filter(|below| !below.is_empty())?;
    let end = below.find('/').map(|place| place + VERSION_2.len());
    match end.and_then(|end| path.split_at_checked(end)) {
        Some((root, rest)) => Some((root, rest.strip_prefix('/'))),
        None => Some((path, None)),
    }
}

/// Returns the answer for a service that is not active: forbidden, not missing.
pub(super) fn unknown(root: &str) -> Response {
    let name = root.rsplit('/').next().unwrap_or_default();
    let message = format!("No service found for namespace '', name '{name}', version '0001'");
    let code = "/IWFND/MED/170";
    let body = json!({"error": {
        "code": code,
        "message": {"lang": "en", "value": message},
        "innererror": {"errordetails": []},
    }});
    respond(StatusCode::FORBIDDEN, "application/json", body.to_string())
}
