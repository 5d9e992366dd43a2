//! Assets, locations, people and meter readings.

use serde_json::{Value, json};

use super::work::craft_code;
use super::{
    ADMINISTRATOR, FIRST_SITE, ITEM_SET, ORGANIZATION, company_code, day, item_name, item_number, location_code,
    moment, number, person_id, rich_text, site, text, vendor_number, with_custom,
};
use crate::world::{Asset, AssetStatus, Location, LocationKind, Meter, MeterKind, User, World};

pub(super) fn assets(world: &World) -> Vec<Value> {
    world
        .assets
        .iter()
        .map(|asset| with_custom(asset_row(asset, world), &asset.custom))
        .collect()
}

pub(super) fn asset_row(asset: &Asset, world: &World) -> Value {
    let parent = asset.parent.and_then(|id| world.find_asset(id));
    let meters = world
        .meters
        .iter()
        .filter(|meter| meter.asset == asset.id)
        .map(asset_meter)
        .collect();
    let status = match asset.status {
        AssetStatus::Operating => "OPERATING",
        AssetStatus::Down => "BROKEN",
        AssetStatus::Standby => "INACTIVE",
        AssetStatus::Decommissioned => "DECOMMISSIONED",
        AssetStatus::NotReady => "NOT READY",
    };
    let mut row = json!({
        "assetnum": asset.number,
        "siteid": site(world, asset.location),
        "orgid": ORGANIZATION,
        "assetuid": asset.id,
        "description": text(&asset.name),
        "description_longdescription": rich_text(&asset.description),
        "status": status,
        "statusdate": moment(asset.updated_at),
        "assettype": asset.kind.to_uppercase(),
        "location": location_code(world, asset.location),
        "parent": parent.map(|parent| parent.number.as_str()),
        "haschildren": world.assets.iter().any(|other| other.parent == Some(asset.id)),
        "serialnum": text(&asset.serial),
        "vendor": asset.vendor.map(|id| vendor_number(world, id)),
        "manufacturer": company_code(&asset.manufacturer),
        "installdate": day(asset.installed_at),
        "warrantyexpdate": day(asset.warranty_end),
        "priority": asset.criticality,
        "purchaseprice": number(asset.purchase_price),
        "totdowntime": 0.0,
        "isrunning": asset.status != AssetStatus::Down,
        "disabled": asset.status == AssetStatus::Decommissioned,
        "classstructureid": text(&asset.category.to_uppercase()),
        "changedate": moment(asset.updated_at),
        "changeby": ADMINISTRATOR,
    });
    if let Some(values) = row.as_object_mut() {
        values.insert("assetmeter".into(), Value::Array(meters));
        values.insert("assetspec".into(), specification(asset));
        values.insert("sparepart".into(), Value::Array(spare_parts(asset, world)));
    }
    row
}

fn asset_meter(meter: &Meter) -> Value {
    let last = meter.readings.last();
    json!({
        "assetmeterid": meter.id,
        "metername": meter_name(meter),
        "meter.metertype": meter_type(meter),
        "measureunitid": measure_unit(meter),
        "lastreading": last.map(|(_, value)| value.to_string()),
        "lastreadingdate": last.map(|(at, _)| moment(*at)),
        "lastreadinginspctr": last.map(|_| ADMINISTRATOR),
        "active": true,
    })
}

pub(in super::super) fn meter_name(meter: &Meter) -> String {
    let name: String = meter
        .name
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .take(10)
        .collect();
    name.to_uppercase()
}

fn meter_type(meter: &Meter) -> &'static str {
    match meter.kind {
        MeterKind::Continuous => "CONTINUOUS",
        MeterKind::Gauge => "GAUGE",
    }
}

fn measure_unit(meter: &Meter) -> String {
    match meter.uom.as_str() {
        "h" => "HOURS".to_owned(),
        "°C" => "DEG C".to_owned(),
        other => other.to_uppercase(),
    }
}

fn specification(asset: &Asset) -> Value {
    json!([
        {"assetspecid": asset.id * 2, "assetattrid": "MODEL", "alnvalue": text(&asset.model)},
        {"assetspecid": asset.id * 2 + 1, "assetattrid": "CATEGORY", "alnvalue": text(&asset.category)},
    ])
}

fn spare_parts(asset: &Asset, world: &World) -> Vec<Value> {
    asset
        .spare_parts
        .iter()
        .zip(1_u32..)
        .map(|(item, place)| {
            json!({
                "sparepartid": asset.id * 100 + place,
                "itemnum": item_number(world, *item),
                "itemsetid": ITEM_SET,
                "description": item_name(world, *item),
                "quantity": 1.0,
            })
        })
        .collect()
}

/// Returns the locations; bins are no locations here but names within a storeroom.
pub(super) fn locations(world: &World) -> Vec<Value> {
    world
        .locations
        .iter()
        .filter(|location| location.kind != LocationKind::Bin)
        .map(|location| with_custom(location_row(location, world), &location.custom))
        .collect()
}

pub(super) fn location_row(location: &Location, world: &World) -> Value {
    let parent = location.parent.map(|id| location_code(world, id));
    let has_children = world
        .locations
        .iter()
        .any(|other| other.parent == Some(location.id) && other.kind != LocationKind::Bin);
    json!({
        "location": location.code,
        "siteid": site(world, location.id),
        "orgid": ORGANIZATION,
        "locationsid": location.id,
        "description": text(&location.name),
        "type": if location.kind == LocationKind::Storeroom { "STOREROOM" } else { "OPERATING" },
        "status": if location.active { "OPERATING" } else { "DECOMMISSIONED" },
        "statusdate": moment(location.updated_at),
        "parent": parent,
        "systemid": "PRIMARY",
        "haschildren": has_children,
        "disabled": !location.active,
        "changedate": moment(location.updated_at),
        "changeby": ADMINISTRATOR,
        "lochierarchy": [{
            "lochierarchyid": location.id,
            "location": location.code,
            "parent": parent,
            "systemid": "PRIMARY",
            "children": has_children,
        }],
        "serviceaddress": [{
            "addresscode": location.code,
            "formattedaddress": format!("{}, {} {}", location.street, location.postal_code, location.city),
            "streetaddress": text(&location.street),
            "city": text(&location.city),
            "stateprovince": text(&location.region),
            "postalcode": text(&location.postal_code),
            "country": text(&location.country),
        }],
    })
}

pub(super) fn people(world: &World) -> Vec<Value> {
    world.users.iter().map(person_row).collect()
}

fn person_row(user: &User) -> Value {
    let id = person_id(&user.login);
    let status = if user.active { "ACTIVE" } else { "INACTIVE" };
    let crafts = if user.craft.is_empty() {
        json!([])
    } else {
        json!([{
            "laborcode": id,
            "craft": craft_code(&user.craft),
            "rate": number(user.hourly_rate),
            "defaultcraft": true,
        }])
    };
    let labor = if user.craft.is_empty() {
        json!([])
    } else {
        json!([{"laborcode": id, "status": status, "worksite": FIRST_SITE}])
    };
    json!({
        "personid": id,
        "personuid": user.id,
        "displayname": text(&user.name),
        "firstname": text(&user.first),
        "lastname": text(&user.last),
        "status": status,
        "statusdate": moment(user.updated_at),
        "title": text(&user.role),
        "primaryemail": text(&user.email),
        "primaryphone": text(&user.phone),
        "locationsite": FIRST_SITE,
        "locationorg": ORGANIZATION,
        "language": "EN",
        "email": [{"emailaddress": text(&user.email), "type": "WORK", "isprimary": true}],
        "phone": [{"phonenum": text(&user.phone), "type": "WORK", "isprimary": true}],
        "labor": labor,
        "laborcraftrate": crafts,
    })
}

pub(super) fn readings(world: &World) -> Vec<Value> {
    world
        .meters
        .iter()
        .flat_map(|meter| readings_of(meter, world))
        .collect()
}

fn readings_of(meter: &Meter, world: &World) -> Vec<Value> {
    let asset = world.find_asset(meter.asset);
    let mut before = None;
    meter
        .readings
        .iter()
        .zip(1_u32..)
        .map(|((at, value), place)| {
            let delta = before.replace(*value).map(|earlier| number(*value - earlier));
            json!({
                "meterreadingid": meter.id * 100 + place,
                "assetnum": asset.map(|asset| asset.number.as_str()),
                "siteid": asset.map(|asset| site(world, asset.location)),
                "orgid": ORGANIZATION,
                "metername": meter_name(meter),
                "measureunitid": measure_unit(meter),
                "reading": value.to_string(),
                "delta": delta,
                "readingdate": moment(*at),
                "inspector": ADMINISTRATOR,
            })
        })
        .collect()
}
