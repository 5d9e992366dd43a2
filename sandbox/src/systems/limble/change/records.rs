//! Writes of assets and vendors.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::problem::Problem;
use super::super::rows::{ASSET, LOCATION, VENDOR};
use super::Done;
use super::body::Body;
use super::draft::{Draft, Note, moment, next_id, own};
use crate::world::{Asset, AssetStatus, Vendor, VendorStatus, today};

pub(super) fn create_asset(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let allowed = ["name", "locationID", "parentAssetID", "hoursPerWeek", "geoLocation"];
    let body = Body::parse(content, &allowed)?;
    body.require(&["name", "locationID"])?;
    let location = draft.location(body.integer("locationID")?)?;
    let id = next_id(draft.world.assets.iter().map(|asset| asset.id));
    let asset = Asset {
        id,
        number: format!("A-{id}"),
        name: String::new(),
        description: String::new(),
        kind: String::new(),
        category: String::new(),
        parent: None,
        location: location.ok_or_else(|| Problem::Parameter("\"locationID\" is required".into()))?,
        manufacturer: String::new(),
        model: String::new(),
        serial: String::new(),
        vendor: None,
        status: AssetStatus::Operating,
        criticality: 4,
        purchase_date: today(),
        purchase_price: Decimal::ZERO,
        installed_at: today(),
        warranty_end: today(),
        spare_parts: Vec::new(),
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = Map::new();
    wanted.insert("hoursPerWeek".into(), (-1).into());
    save_asset(draft, asset, &body, wanted, true)?;
    // The vendor's own example gives this id as a text.
    let shown = (ASSET + id).to_string();
    Ok(Done::created("assets", "assets", "assetID", shown.into()))
}

pub(super) fn update_asset(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let allowed = ["name", "parentAssetID", "hoursPerWeek", "startedOn", "geoLocation"];
    let body = Body::parse(content, &allowed)?;
    let asset = find_asset(draft, id)?;
    save_asset(draft, asset, &body, Map::new(), false)?;
    Ok(Done::Empty)
}

fn find_asset(draft: &Draft<'_>, id: u32) -> Result<Asset, Problem> {
    let found = draft.world.find_asset(own(ASSET, id));
    found.cloned().ok_or_else(|| Problem::NotFound(format!("Asset {id}")))
}

fn save_asset(
    draft: &mut Draft<'_>,
    mut asset: Asset,
    body: &Body,
    mut wanted: Map<String, Value>,
    is_new: bool,
) -> Result<(), Problem> {
    if let Some(name) = body.name("name")? {
        asset.name = name.to_owned();
    }
    if let Some(parent) = body.integer("parentAssetID")? {
        let parent = draft.asset(Some(parent))?;
        let mut above = parent;
        while let Some(id) = above {
            if id == asset.id {
                return Err(Problem::Conflict("An asset cannot be its own ancestor"));
            }
            above = draft.world.find_asset(id).and_then(|asset| asset.parent);
        }
        asset.parent = parent;
    }
    if let Some(hours) = body.integer("hoursPerWeek")? {
        wanted.insert("hoursPerWeek".into(), hours.into());
    }
    if let Some(started) = body.time("startedOn")?.and_then(moment) {
        asset.created_at = started;
    }
    if let Some(place) = body.get("geoLocation") {
        wanted.insert("geoLocation".into(), place.clone());
    }
    put_asset(draft, asset, wanted, is_new);
    Ok(())
}

fn put_asset(draft: &mut Draft<'_>, asset: Asset, wanted: Map<String, Value>, is_new: bool) {
    let asset = Asset {
        updated_at: draft.at,
        ..asset
    };
    let id = asset.id;
    match draft.world.assets.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = asset,
        None => draft.world.assets.push(asset),
    }
    draft.finish("assets", ASSET + id, wanted, is_new);
}

pub(super) fn move_asset(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &["locationID", "transferParts"])?;
    body.require(&["locationID"])?;
    let asset = find_asset(draft, id)?;
    if draft.world.assets.iter().any(|other| other.parent == Some(asset.id)) {
        return Err(Problem::Conflict("A parent asset that has children cannot be moved"));
    }
    let location = draft.location(body.integer("locationID")?)?;
    let location = location.ok_or_else(|| Problem::Parameter("\"locationID\" is required".into()))?;
    let asset = Asset {
        location,
        parent: None,
        ..asset
    };
    put_asset(draft, asset, Map::new(), false);
    Ok(Done::Empty)
}

pub(super) fn delete_asset(draft: &mut Draft<'_>, id: u32) -> Result<Done, Problem> {
    let asset = find_asset(draft, id)?;
    draft.world.assets.retain(|other| other.id != asset.id);
    draft.world.meters.retain(|meter| meter.asset != asset.id);
    for other in draft
        .world
        .assets
        .iter_mut()
        .filter(|other| other.parent == Some(asset.id))
    {
        other.parent = None;
    }
    for order in draft
        .world
        .work_orders
        .iter_mut()
        .filter(|order| order.asset == Some(asset.id))
    {
        order.asset = None;
    }
    draft.notes.push(Note::Forget("assets", id.to_string()));
    Ok(Done::Empty)
}

const OF_VENDOR: [&str; 6] = ["name", "locationID", "email", "contact", "phone", "address"];

pub(super) fn create_vendor(draft: &mut Draft<'_>, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &OF_VENDOR)?;
    body.require(&["name", "locationID"])?;
    let id = next_id(draft.world.vendors.iter().map(|vendor| vendor.id));
    let vendor = Vendor {
        id,
        number: format!("V-{}", 1000 + id),
        name: String::new(),
        legal_name: String::new(),
        tax_number: String::new(),
        email: String::new(),
        phone: String::new(),
        contact_name: String::new(),
        website: String::new(),
        street: String::new(),
        city: String::new(),
        region: String::new(),
        postal_code: String::new(),
        country: String::new(),
        currency: draft.world.currency.clone(),
        payment_terms: String::new(),
        status: VendorStatus::Active,
        notes: String::new(),
        custom: Vec::new(),
        created_at: draft.at,
        updated_at: draft.at,
    };
    let mut wanted = Map::new();
    wanted.insert("address".into(), Value::Null);
    save_vendor(draft, vendor, &body, wanted, true)?;
    // The vendor's own example gives this id as a text.
    let shown = (VENDOR + id).to_string();
    Ok(Done::created("vendors", "vendors", "vendorID", shown.into()))
}

pub(super) fn update_vendor(draft: &mut Draft<'_>, id: u32, content: &[u8]) -> Result<Done, Problem> {
    let body = Body::parse(content, &OF_VENDOR)?;
    body.require(&["locationID"])?;
    let found = draft.world.find_vendor(own(VENDOR, id)).cloned();
    let vendor = found.ok_or_else(|| Problem::NotFound(format!("Vendor {id}")))?;
    save_vendor(draft, vendor, &body, Map::new(), false)?;
    Ok(Done::Empty)
}

fn save_vendor(
    draft: &mut Draft<'_>,
    mut vendor: Vendor,
    body: &Body,
    mut wanted: Map<String, Value>,
    is_new: bool,
) -> Result<(), Problem> {
    if let Some(name) = body.name("name")? {
        vendor.name = name.to_owned();
    }
    for (name, place) in [
        ("email", &mut vendor.email),
        ("phone", &mut vendor.phone),
        ("contact", &mut vendor.contact_name),
    ] {
        if let Some(text) = body.text(name)? {
            text.clone_into(place);
        }
    }
    if let Some(address) = body.text("address")? {
        address.clone_into(&mut vendor.street);
        wanted.insert("address".into(), address.into());
    }
    let location = draft.location(body.integer("locationID")?)?;
    let location = location.ok_or_else(|| Problem::Parameter("\"locationID\" is required".into()))?;
    wanted.insert("locationID".into(), (LOCATION + location).into());
    vendor.updated_at = draft.at;
    let id = vendor.id;
    match draft.world.vendors.iter_mut().find(|other| other.id == id) {
        Some(slot) => *slot = vendor,
        None => draft.world.vendors.push(vendor),
    }
    draft.finish("vendors", VENDOR + id, wanted, is_new);
    Ok(())
}

pub(super) fn delete_vendor(draft: &mut Draft<'_>, id: u32) -> Result<Done, Problem> {
    let vendor = own(VENDOR, id);
    if draft.world.find_vendor(vendor).is_none() {
        return Err(Problem::NotFound(format!("Vendor {id}")));
    }
    draft.world.vendors.retain(|other| other.id != vendor);
    draft.notes.push(Note::Forget("vendors", id.to_string()));
    Ok(Done::Empty)
}
