//! Writes of assets, of operating locations, and of meter readings.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::dataset::Row;
use super::super::problem::Problem;
use super::super::query::parse_moment;
use super::super::rows::{self, places};
use super::draft::{
    Draft, Note, day, find_asset, find_location, find_vendor, given_site, next_id, next_number, number, samples,
    site_location, text, unknown, without_markup,
};
use super::payload::Given;
use super::stock;
use crate::world::{Asset, AssetStatus, Location, LocationKind, MeterKind, World, today};

const ASSET: &str = "ASSET";
const LOCATIONS: &str = "LOCATIONS";

pub(super) fn create_asset(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    let site = given_site(values);
    let place = site_location(&draft.world, &site);
    if place.is_none() {
        draft.invalid(ASSET, "siteid", &site);
    }
    let number = match text(values, "assetnum") {
        Some(number) if !number.is_empty() => number.to_owned(),
        _ => next_number("", draft.world.assets.iter().map(|asset| asset.number.as_str()), 1000),
    };
    let asset = Asset {
        id: next_id(draft.world.assets.iter().map(|asset| asset.id)),
        number,
        name: String::new(),
        description: String::new(),
        kind: String::new(),
        category: String::new(),
        parent: None,
        location: place.unwrap_or(1),
        manufacturer: String::new(),
        model: String::new(),
        serial: String::new(),
        vendor: None,
        status: AssetStatus::NotReady,
        criticality: 0,
        purchase_date: today(),
        purchase_price: Decimal::ZERO,
        installed_at: today(),
        warranty_end: today(),
        spare_parts: Vec::new(),
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = values.clone();
    for name in [
        "location",
        "assettype",
        "manufacturer",
        "installdate",
        "warrantyexpdate",
        "priority",
        "classstructureid",
    ] {
        wanted.entry(name.to_owned()).or_insert(Value::Null);
    }
    wanted.insert("assetspec".into(), Value::Array(Vec::new()));
    save_asset(draft, asset, None, given, true, wanted, batch)
}

pub(super) fn update_asset(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let number = text(&row.values, "assetnum").unwrap_or_default();
    let asset = find_asset(&draft.world, number)
        .and_then(|id| draft.world.find_asset(id))
        .cloned();
    let asset = asset.ok_or_else(|| Problem::not_found(number))?;
    save_asset(draft, asset, Some(row), given, merge, given.values.clone(), batch)
}

fn save_asset(
    draft: &mut Draft<'_>,
    mut asset: Asset,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    let values = &given.values;
    let site = rows::site(&draft.world, asset.location);
    if let Some(Some(location)) = draft.look_up(ASSET, values, "location", find_location) {
        if rows::site(&draft.world, location) == site {
            asset.location = location;
        } else {
            let code = text(values, "location").unwrap_or_default().to_owned();
            draft.faults.push(unknown(ASSET, "location", &code));
        }
    }
    if let Some(parent) = draft.look_up(ASSET, values, "parent", find_asset) {
        if parent == Some(asset.id) {
            draft.invalid(ASSET, "parent", &asset.number);
        }
        asset.parent = parent;
    }
    if let Some(vendor) = draft.look_up(ASSET, values, "vendor", find_vendor) {
        asset.vendor = vendor;
    }
    set_asset(&mut asset, values);
    if let Some(status) = &given.status {
        match status.as_str() {
            "OPERATING" | "ACTIVE" => asset.status = AssetStatus::Operating,
            "BROKEN" => asset.status = AssetStatus::Down,
            "INACTIVE" => asset.status = AssetStatus::Standby,
            "DECOMMISSIONED" => asset.status = AssetStatus::Decommissioned,
            "NOT READY" => asset.status = AssetStatus::NotReady,
            "MISSING" | "SEALED" | "LIMITEDUSE" => {}
            other => draft.invalid(ASSET, "status", other),
        }
        wanted.insert("status".into(), status.as_str().into());
    } else if let Some(dated) = before.and_then(|row| row.values.get("statusdate").cloned()) {
        wanted.insert("statusdate".into(), dated);
    }
    for (name, rows) in &given.children {
        if name == "assetmeter" {
            for row in rows {
                take_reading(
                    draft,
                    "ASSETMETER",
                    asset.id,
                    &row.values,
                    ["newreading", "newreadingdate"],
                );
                keep_inspector(draft, asset.id, &row.values);
            }
        }
    }
    stock::keep_children(draft, &asset.id, before, given, merge, &mut wanted);
    wanted.remove("assetmeter");
    let known = samples(draft.world.assets.iter().map(|asset| &asset.custom));
    draft.customize(&mut asset.custom, &known, values);
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    asset.updated_at = draft.at;
    wanted.insert("changeby".into(), draft.user.as_str().into());
    let id = asset.id;
    match draft.world.assets.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = asset,
        None => draft.world.assets.push(asset),
    }
    let row = rows::one("mxapiasset", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, before.is_none()))
}

fn set_asset(asset: &mut Asset, values: &Map<String, Value>) {
    let set = |name: &str, place: &mut String| {
        if let Some(value) = text(values, name) {
            value.clone_into(place);
        }
    };
    set("description", &mut asset.name);
    set("serialnum", &mut asset.serial);
    set("assettype", &mut asset.kind);
    set("manufacturer", &mut asset.manufacturer);
    set("classstructureid", &mut asset.category);
    if let Some(description) = text(values, "description_longdescription") {
        asset.description = without_markup(description);
    }
    if let Some(date) = day(values, "installdate") {
        asset.installed_at = date;
    }
    if let Some(date) = day(values, "warrantyexpdate") {
        asset.warranty_end = date;
    }
    if let Some(price) = number(values, "purchaseprice") {
        asset.purchase_price = price;
    }
    if let Some(priority) = values.get("priority").and_then(Value::as_u64) {
        asset.criticality = u8::try_from(priority).unwrap_or(u8::MAX);
    }
}

pub(super) fn delete_asset(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    let number = text(&row.values, "assetnum").unwrap_or_default();
    let id = find_asset(&draft.world, number).ok_or_else(|| Problem::not_found(number))?;
    let world = &draft.world;
    let is_used = world.assets.iter().any(|asset| asset.parent == Some(id))
        || world.work_orders.iter().any(|order| order.asset == Some(id))
        || world.purchase_lines().any(|(_, line)| line.asset == Some(id))
        || world.meters.iter().any(|meter| meter.asset == id);
    if is_used {
        return Err(Problem::stays(&format!("Asset {number}"), "other records refer to it"));
    }
    draft.world.assets.retain(|asset| asset.id != id);
    Ok(())
}

pub(super) fn create_location(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    let values = &given.values;
    draft.require(LOCATIONS, values, &["location"]);
    let site = given_site(values);
    let place = site_location(&draft.world, &site);
    if place.is_none() {
        draft.invalid(LOCATIONS, "siteid", &site);
    }
    let kind = match text(values, "type") {
        None | Some("" | "OPERATING") => LocationKind::Building,
        Some("STOREROOM") => LocationKind::Storeroom,
        Some(other) => {
            draft.invalid(LOCATIONS, "type", other);
            LocationKind::Building
        }
    };
    let location = Location {
        id: next_id(draft.world.locations.iter().map(|location| location.id)),
        code: text(values, "location").unwrap_or_default().to_owned(),
        name: String::new(),
        kind,
        parent: place,
        street: String::new(),
        city: String::new(),
        region: String::new(),
        postal_code: String::new(),
        country: String::new(),
        active: true,
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    save_location(draft, location, None, given, true, values.clone(), batch)
}

pub(super) fn update_location(
    draft: &mut Draft<'_>,
    row: &Row,
    given: &Given,
    merge: bool,
    batch: bool,
) -> Result<String, Problem> {
    let code = text(&row.values, "location").unwrap_or_default();
    let found = find_location(&draft.world, code)
        .and_then(|id| draft.world.find_location(id))
        .cloned();
    let location = found.ok_or_else(|| Problem::not_found(code))?;
    save_location(draft, location, Some(row), given, merge, given.values.clone(), batch)
}

fn save_location(
    draft: &mut Draft<'_>,
    mut location: Location,
    before: Option<&Row>,
    given: &Given,
    merge: bool,
    mut wanted: Map<String, Value>,
    batch: bool,
) -> Result<String, Problem> {
    if let Some(name) = text(&given.values, "description") {
        location.name = name.to_owned();
    }
    if let Some(status) = &given.status {
        match status.as_str() {
            "OPERATING" | "ACTIVE" => location.active = true,
            "DECOMMISSIONED" | "INACTIVE" => location.active = false,
            "NOT READY" => {}
            other => draft.invalid(LOCATIONS, "status", other),
        }
        wanted.insert("status".into(), status.as_str().into());
    } else if let Some(dated) = before.and_then(|row| row.values.get("statusdate").cloned()) {
        wanted.insert("statusdate".into(), dated);
    }
    stock::keep_children(draft, &location.id, before, given, merge, &mut wanted);
    let known = samples(draft.world.locations.iter().map(|location| &location.custom));
    draft.customize(&mut location.custom, &known, &given.values);
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    location.updated_at = draft.at;
    wanted.insert("changeby".into(), draft.user.as_str().into());
    let id = location.id;
    match draft.world.locations.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = location,
        None => draft.world.locations.push(location),
    }
    let row = rows::one("mxapilocations", &draft.world, id).unwrap_or(Value::Null);
    Ok(draft.finish(row, wanted, before.is_none()))
}

/// Takes a reading of a meter: later than the last one, and no less where the meter only counts up.
fn take_reading(
    draft: &mut Draft<'_>,
    object: &str,
    asset: u32,
    values: &Map<String, Value>,
    [reading, date]: [&str; 2],
) {
    if values.get(reading).is_none_or(Value::is_null) {
        return;
    }
    let name = text(values, "metername").unwrap_or_default().to_owned();
    let Some(value) = number(values, reading) else {
        draft.invalid(object, reading, text(values, reading).unwrap_or_default());
        return;
    };
    let at = text(values, date).and_then(parse_moment).unwrap_or(draft.at);
    let is_meant = |world: &World| {
        let mut meters = world.meters.iter();
        meters.position(|meter| meter.asset == asset && places::meter_name(meter) == name)
    };
    let Some(place) = is_meant(&draft.world) else {
        draft.invalid(object, "metername", &name);
        return;
    };
    let (is_late, now) = (at > draft.at, draft.at);
    let Some(meter) = draft.world.meters.get_mut(place) else {
        return;
    };
    let last = meter.readings.last().copied();
    let goes_back = last.is_some_and(|(_, last)| meter.kind == MeterKind::Continuous && value < last);
    if goes_back {
        draft.invalid(object, reading, &value.to_string());
        return;
    }
    if is_late || last.is_some_and(|(last, _)| at < last) {
        draft.invalid(object, date, &at.to_rfc3339());
        return;
    }
    meter.readings.push((at, value));
    if let Some(asset) = draft.world.assets.iter_mut().find(|one| one.id == asset) {
        asset.updated_at = now;
    }
}

/// Notes who took the newest reading of a meter.
fn keep_inspector(draft: &mut Draft<'_>, asset: u32, values: &Map<String, Value>) {
    let (Some(name), Some(inspector)) = (text(values, "metername"), values.get("inspector")) else {
        return;
    };
    let mut meters = draft.world.meters.iter();
    let Some(meter) = meters.find(|meter| meter.asset == asset && places::meter_name(meter) == name) else {
        return;
    };
    let mut kept = Map::new();
    kept.insert("inspector".into(), inspector.clone());
    let mut key = Map::new();
    let number = meter.id * 100 + u32::try_from(meter.readings.len()).unwrap_or_default();
    key.insert("meterreadingid".into(), number.into());
    let id = super::super::dataset::id_of(&["meterreadingid".to_owned()], &key);
    draft.notes.push(Note::Create("mxapimeterreading".into(), id, kept));
}

pub(super) fn create_reading(draft: &mut Draft<'_>, given: &Given, batch: bool) -> Result<String, Problem> {
    const OBJECT: &str = "METERREADING";
    let values = &given.values;
    draft.require(OBJECT, values, &["assetnum", "metername", "reading"]);
    let asset = draft.look_up(OBJECT, values, "assetnum", find_asset).flatten();
    let mut shown = None;
    if let Some(asset) = asset {
        take_reading(draft, OBJECT, asset, values, ["reading", "readingdate"]);
        let name = text(values, "metername").unwrap_or_default();
        let meter = draft
            .world
            .meters
            .iter()
            .find(|meter| meter.asset == asset && places::meter_name(meter) == name);
        shown = meter.map(|meter| meter.id * 100 + u32::try_from(meter.readings.len()).unwrap_or_default());
    }
    Problem::of_all(std::mem::take(&mut draft.faults), batch)?;
    let number = shown.ok_or_else(|| Problem::bad_body("nothing to write"))?;
    let mut key = Map::new();
    key.insert("meterreadingid".into(), number.into());
    let id = super::super::dataset::id_of(&draft.structure.id, &key);
    let kept = values
        .get("inspector")
        .map(|value| ("inspector".to_owned(), value.clone()));
    draft.notes.push(Note::Create(
        draft.structure.name.clone(),
        id.clone(),
        kept.into_iter().collect(),
    ));
    Ok(id)
}
