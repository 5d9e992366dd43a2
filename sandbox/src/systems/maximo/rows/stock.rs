//! Items, storeroom inventory and balances.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    FIRST_SITE, ITEM_SET, ORGANIZATION, company_code, item_number, location_code, midnight, moment, number, rich_text,
    site, text, vendor_number, with_custom,
};
use crate::world::{Item, ItemStatus, ItemType, MovementKind, StockLevel, StockMovement, World};

pub(super) fn items(world: &World) -> Vec<Value> {
    world
        .items
        .iter()
        .map(|item| with_custom(item_row(item, world), &item.custom))
        .collect()
}

pub(super) fn item_row(item: &Item, world: &World) -> Value {
    let mut vendor = item_vendor(item, world);
    if let Some(values) = vendor.as_object_mut() {
        values.insert("lastprice".into(), number(item.list_price));
        values.insert("siteid".into(), FIRST_SITE.into());
        values.insert("orgid".into(), ORGANIZATION.into());
    }
    json!({
        "itemnum": item.number,
        "itemsetid": ITEM_SET,
        "itemid": item.id,
        "description": text(&item.name),
        "description_longdescription": rich_text(&item.description),
        "itemtype": if item.item_type == ItemType::Service { "STDSERVICE" } else { "ITEM" },
        "status": item_status(item),
        "statusdate": moment(item.updated_at),
        "issueunit": item.uom,
        "orderunit": item.uom,
        "commoditygroup": text(&commodity_group(&item.category)),
        "rotating": false,
        "lottype": if item.lot_tracked { "LOT" } else { "NOLOT" },
        "conditionenabled": false,
        "iskit": false,
        "capitalized": false,
        "inspectionrequired": false,
        "invvendor": [vendor],
    })
}

fn item_status(item: &Item) -> &'static str {
    match item.status {
        ItemStatus::Active => "ACTIVE",
        ItemStatus::PhasedOut => "PENDOBS",
        ItemStatus::Inactive => "OBSOLETE",
    }
}

fn item_vendor(item: &Item, world: &World) -> Value {
    json!({
        "invvendorid": item.id,
        "vendor": vendor_number(world, item.vendor),
        "manufacturer": text(&company_code(&item.manufacturer)),
        "modelnum": text(&item.manufacturer_part_number),
        "catalogcode": text(&item.manufacturer_part_number),
        "lastcost": number(item.standard_cost),
        "orderunit": item.uom,
        "isdefault": true,
    })
}

/// The levels of one item in one storeroom.
struct Holding<'a> {
    first: &'a StockLevel,
    levels: Vec<&'a StockLevel>,
}

impl Holding<'_> {
    fn sum(&self, of: impl Fn(&StockLevel) -> Decimal) -> Decimal {
        self.levels.iter().map(|level| of(level)).sum()
    }
}

fn holdings(world: &World) -> Vec<Holding<'_>> {
    let mut holdings: indexmap::IndexMap<(u32, u32), Holding<'_>> = indexmap::IndexMap::new();
    for level in &world.stock_levels {
        holdings
            .entry((level.item, level.location))
            .or_insert_with(|| Holding {
                first: level,
                levels: Vec::new(),
            })
            .levels
            .push(level);
    }
    holdings.into_values().collect()
}

/// The movements of each item.
type Movements<'a> = HashMap<u32, Vec<&'a StockMovement>>;

pub(super) fn inventory(world: &World) -> Vec<Value> {
    let mut movements = Movements::new();
    for movement in &world.stock_movements {
        movements.entry(movement.item).or_default().push(movement);
    }
    holdings(world)
        .iter()
        .filter_map(|holding| inventory_row(holding, &movements, world))
        .collect()
}

fn inventory_row(holding: &Holding<'_>, movements: &Movements<'_>, world: &World) -> Option<Value> {
    let first = holding.first;
    let item = world.find_item(first.item)?;
    let storeroom = first.location;
    let all = movements.get(&item.id).map(Vec::as_slice).unwrap_or_default();
    let here = all
        .iter()
        .filter(|movement| movement.from == Some(storeroom) || movement.to == Some(storeroom));
    let (uses, transfers): (Vec<&StockMovement>, Vec<&StockMovement>) =
        here.copied().partition(|movement| movement.kind == MovementKind::Issue);
    Some(json!({
        "inventoryid": first.id,
        "itemnum": item.number,
        "itemsetid": ITEM_SET,
        "location": location_code(world, storeroom),
        "siteid": site(world, storeroom),
        "orgid": ORGANIZATION,
        "category": "STK",
        "status": item_status(item),
        "statusdate": moment(item.updated_at),
        "curbaltotal": number(holding.sum(|level| level.on_hand)),
        "avblbalance": number(holding.sum(StockLevel::available)),
        "reservedqty": number(holding.sum(|level| level.reserved)),
        "minlevel": number(first.reorder_point),
        "maxlevel": number(first.max),
        "orderqty": number(first.reorder_qty),
        "reorder": true,
        "issueunit": item.uom,
        "orderunit": item.uom,
        "binnum": first.bin.map(|bin| location_code(world, bin)),
        "vendor": vendor_number(world, item.vendor),
        "manufacturer": text(&company_code(&item.manufacturer)),
        "modelnum": text(&item.manufacturer_part_number),
        "deliverytime": 7,
        "lastissuedate": uses.last().map(|movement| moment(movement.at)),
        "invbalances": holding.levels.iter().map(|level| balance(level, world)).collect::<Vec<_>>(),
        "invcost": [{
            "invcostid": first.id,
            "avgcost": number(first.unit_cost),
            "stdcost": number(item.standard_cost),
            "lastcost": number(first.unit_cost),
        }],
        "invvendor": [item_vendor(item, world)],
        "matusetrans": uses.iter().map(|movement| issue(movement, world)).collect::<Vec<_>>(),
        "matrectrans": transfers.iter().map(|movement| transfer(movement, world)).collect::<Vec<_>>(),
    }))
}

fn balance(level: &StockLevel, world: &World) -> Value {
    json!({
        "invbalancesid": level.id,
        "binnum": level.bin.map(|bin| location_code(world, bin)),
        "lotnum": level.lot,
        "curbal": number(level.on_hand),
        "physcnt": number(level.on_hand),
        "physcntdate": midnight(level.last_counted),
        "stagingbin": false,
        "reconciled": true,
    })
}

fn issue(movement: &StockMovement, world: &World) -> Value {
    let order = movement.work_order.and_then(|id| world.find_work_order(id));
    json!({
        "matusetransid": movement.id,
        "issuetype": if movement.quantity.is_sign_negative() { "RETURN" } else { "ISSUE" },
        "quantity": number(-movement.quantity),
        "storeloc": movement.from.map(|id| location_code(world, id)),
        "refwo": order.map(|order| order.number.as_str()),
        "unitcost": number(movement.unit_cost),
        "linecost": number(movement.quantity * movement.unit_cost),
        "transdate": moment(movement.at),
        "actualdate": moment(movement.at),
    })
}

fn transfer(movement: &StockMovement, world: &World) -> Value {
    let order = movement.purchase_order.and_then(|id| world.find_purchase_order(id));
    let kind = match movement.kind {
        MovementKind::Receipt => "RECEIPT",
        MovementKind::Transfer => "TRANSFER",
        MovementKind::Adjustment => "CURBALADJ",
        MovementKind::Issue => "ISSUE",
    };
    json!({
        "matrectransid": movement.id,
        "issuetype": kind,
        "quantity": number(movement.quantity),
        "fromstoreloc": movement.from.map(|id| location_code(world, id)),
        "tostoreloc": movement.to.map(|id| location_code(world, id)),
        "ponum": order.map(|order| order.number.as_str()),
        "unitcost": number(movement.unit_cost),
        "linecost": number(movement.quantity * movement.unit_cost),
        "transdate": moment(movement.at),
        "actualdate": moment(movement.at),
    })
}

pub(super) fn balances(world: &World) -> Vec<Value> {
    world
        .stock_levels
        .iter()
        .map(|level| {
            let mut row = balance(level, world);
            if let Some(values) = row.as_object_mut() {
                values.insert("itemnum".into(), item_number(world, level.item));
                values.insert("itemsetid".into(), ITEM_SET.into());
                values.insert("location".into(), location_code(world, level.location));
                values.insert("siteid".into(), site(world, level.location).into());
                values.insert("orgid".into(), ORGANIZATION.into());
            }
            row
        })
        .collect()
}

/// Commodity groups have eight letters at most.
fn commodity_group(category: &str) -> String {
    let letters = category.chars().filter(|letter| !letter.is_whitespace());
    letters.take(8).collect::<String>().to_uppercase()
}
