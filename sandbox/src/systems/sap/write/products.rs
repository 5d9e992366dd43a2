//! Writes of products with their texts, plants, planning and valuation.

use rust_decimal::Decimal;

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, value},
    systems::sap::{
        codes::{self, LANGUAGE},
        logon,
    },
    world::{Item, ItemStatus, ItemType},
};

const PRODUCTS: &str = "A_Product";

/// The material types of this installation.
const TYPES: [&str; 12] = [
    "ERSA", "HIBE", "ROH", "HALB", "FERT", "HAWA", "VERP", "FHMI", "NLAG", "UNBW", "SERV", "DIEN",
];

/// Makes a product.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    for (property, label) in [
        ("Product", "Material"),
        ("ProductType", "Material Type"),
        ("BaseUnit", "Base Unit of Measure"),
    ] {
        if draft.text(property).is_none() {
            return Err(enter(label, property));
        }
    }
    let number = draft.text("Product").unwrap_or_default().to_owned();
    if find::item(&writing.world, &number, "Product").is_ok() {
        let message = format!("The material {number} already exists");
        return Err(Problem::rule("M3/025", message).at("Product"));
    }
    let texts = draft.take_children("to_Description");
    if texts.is_empty() {
        return Err(enter("Material Description", "to_Description"));
    }
    let long_texts = draft.take_children("to_ProductBasicText");
    let plants = draft.take_children("to_Plant");
    let valuations = draft.take_children("to_Valuation");
    let mut item = empty(writing, number.clone());
    let mut rest = Vec::new();
    draft.take("Product");
    for (name, value) in draft.values {
        if !place(writing, &mut item, &name, &value, true)? {
            rest.push((name, value));
        }
    }
    rest.push(("CreatedByUser".to_owned(), logon::USER.into()));
    writing.notes.create(PRODUCTS, number.clone(), &rest);
    writing.world.items.push(item);
    for text in texts {
        put_text(writing, &number, "A_ProductDescription", text)?;
    }
    for text in long_texts {
        put_text(writing, &number, "A_ProductBasicText", text)?;
    }
    for plant in plants {
        put_plant(writing, &number, plant)?;
    }
    for valuation in valuations {
        put_valuation(writing, &number, valuation)?;
    }
    Ok(vec![number.into()])
}

fn empty(writing: &Writing<'_>, number: String) -> Item {
    Item {
        id: writing.world.items.iter().map(|item| item.id).max().unwrap_or(0) + 1,
        number,
        name: String::new(),
        description: String::new(),
        item_type: ItemType::Stocked,
        uom: String::new(),
        category: String::new(),
        manufacturer: String::new(),
        manufacturer_part_number: String::new(),
        barcode: String::new(),
        standard_cost: Decimal::ZERO,
        list_price: Decimal::ZERO,
        currency: writing.world.currency.clone(),
        vendor: 1,
        status: ItemStatus::Active,
        lot_tracked: false,
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    }
}

fn place(writing: &Writing<'_>, item: &mut Item, name: &str, value: &Value, is_new: bool) -> Result<bool, Problem> {
    let text = value.text();
    match name {
        "ProductType" => {
            if !TYPES.contains(&text) {
                let message = format!("Material type {text} is not defined");
                return Err(Problem::rule("M3/014", message).at(name));
            }
            item.item_type = match text {
                "NLAG" => ItemType::NonStocked,
                "SERV" | "DIEN" => ItemType::Service,
                _ => ItemType::Stocked,
            };
            return Ok(false);
        }
        "BaseUnit" => {
            find::unit(&writing.world, text, name)?;
            if !is_new && text != item.uom {
                let message = "The base unit of measure cannot be changed any more";
                return Err(Problem::rule("M3/190", message).at(name));
            }
            text.clone_into(&mut item.uom);
        }
        "ProductManufacturerNumber" => text.clone_into(&mut item.manufacturer_part_number),
        "ProductStandardID" => text.clone_into(&mut item.barcode),
        "ProductGroup" => {
            text.clone_into(&mut item.category);
            return Ok(false);
        }
        "IsBatchManagementRequired" => item.lot_tracked = *value == Value::Flag(true),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Makes a name or a text in another language.
pub(super) fn create_text(writing: &mut Writing<'_>, set: &str, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft
        .text("Product")
        .ok_or_else(|| enter("Material", "Product"))?
        .to_owned();
    let language = draft.text("Language").unwrap_or_default().to_owned();
    let entity = writing.entity(set)?;
    if writing.row(entity, &[&number, &language]).is_some() {
        let message = format!("A text of {number} in language {language} already exists");
        return Err(Problem::rule("M3/026", message).at("Language"));
    }
    put_text(writing, &number, set, draft)?;
    Ok(vec![number.into(), language.into()])
}

fn put_text(writing: &mut Writing<'_>, number: &str, set: &str, mut draft: Draft) -> Result<(), Problem> {
    let language = draft
        .text("Language")
        .ok_or_else(|| enter("Language", "Language"))?
        .to_owned();
    let name = if set == "A_ProductDescription" {
        "ProductDescription"
    } else {
        "LongText"
    };
    let key = format!("{number}/{language}");
    let at = writing.at;
    let id = find::item(&writing.world, number, "Product")?.id;
    let item = writing.world.items.iter_mut().find(|item| item.id == id);
    let item = item.ok_or_else(|| Problem::no_row(set))?;
    item.updated_at = at;
    if language == LANGUAGE {
        let text = draft.take(name).unwrap_or(Value::Null);
        if set == "A_ProductDescription" {
            text.text().clone_into(&mut item.name);
        } else {
            text.text().clone_into(&mut item.description);
        }
        writing.notes.create(set, key, &[]);
        return Ok(());
    }
    draft.set("Product", number);
    writing.notes.create_own(set, key, &draft.values);
    Ok(())
}

fn put_plant(writing: &mut Writing<'_>, number: &str, mut draft: Draft) -> Result<(), Problem> {
    let plant = draft.text("Plant").ok_or_else(|| enter("Plant", "Plant"))?.to_owned();
    find::site(&writing.world, &plant)?;
    let planning = draft.take_children("to_ProductSupplyPlanning").into_iter().next();
    draft.take_children("to_StorageLocation");
    let is_first = plant == codes::plant(&writing.world, 1);
    let key = format!("{number}/{plant}");
    draft.set("Product", number);
    let planning = planning.map(|mut planning| {
        planning.set("Product", number);
        planning.set("Plant", plant.clone());
        planning.values
    });
    if is_first {
        writing.notes.create("A_ProductPlant", key.clone(), &draft.values);
        writing
            .notes
            .create("A_ProductSupplyPlanning", key, &planning.unwrap_or_default());
    } else {
        writing.notes.create_own("A_ProductPlant", key.clone(), &draft.values);
        if let Some(planning) = planning {
            writing.notes.create_own("A_ProductSupplyPlanning", key, &planning);
        }
    }
    Ok(())
}

fn put_valuation(writing: &mut Writing<'_>, number: &str, mut draft: Draft) -> Result<(), Problem> {
    let area = draft
        .text("ValuationArea")
        .ok_or_else(|| enter("Valuation Area", "ValuationArea"))?
        .to_owned();
    find::site(&writing.world, &area).map_err(|problem| problem.at("ValuationArea"))?;
    let is_first = area == codes::plant(&writing.world, 1);
    if let Some(price) = unit_price(&draft, None, None)? {
        set_cost(writing, number, price)?;
    }
    draft.set("Product", number);
    let kind = draft.text("ValuationType").unwrap_or_default().to_owned();
    let key = format!("{number}/{area}/{kind}");
    if is_first && kind.is_empty() {
        writing.notes.create("A_ProductValuation", key, &draft.values);
    } else {
        writing.notes.create_own("A_ProductValuation", key, &draft.values);
    }
    Ok(())
}

/// Returns the standard price of one unit, if the draft changes it.
fn unit_price(draft: &Draft, price: Option<Decimal>, per: Option<Decimal>) -> Result<Option<Decimal>, Problem> {
    if draft.get("StandardPrice").is_none() && draft.get("PriceUnitQty").is_none() {
        return Ok(None);
    }
    let price = draft.number("StandardPrice").or(price).unwrap_or_default();
    let per = draft.number("PriceUnitQty").or(per).unwrap_or(Decimal::ONE);
    find::above_zero(per, "PriceUnitQty")?;
    if price < Decimal::ZERO {
        return Err(Problem::rule("M3/151", "The price must not be negative").at("StandardPrice"));
    }
    Ok(Some(price / per))
}

fn set_cost(writing: &mut Writing<'_>, number: &str, cost: Decimal) -> Result<(), Problem> {
    let id = find::item(&writing.world, number, "Product")?.id;
    if let Some(item) = writing.world.items.iter_mut().find(|item| item.id == id) {
        item.standard_cost = cost;
    }
    Ok(())
}

/// Changes a product or a row below it.
pub(super) fn change(
    writing: &mut Writing<'_>,
    set: &str,
    entity: &Entity,
    row: &Row,
    draft: Draft,
) -> Result<(), Problem> {
    let at = |name: &str| value(entity, row, name).text();
    let number = at("Product").to_owned();
    let key = entity.row_key(row);
    let now = writing.at;
    let id = find::item(&writing.world, &number, "Product")?.id;
    let mut item = writing
        .world
        .find_item(id)
        .cloned()
        .ok_or_else(|| Problem::no_row(set))?;
    item.updated_at = now;
    let mut rest = Vec::new();
    let number_of = |name: &str| match value(entity, row, name) {
        Value::Number(number) => Some(*number),
        _ => None,
    };
    match set {
        PRODUCTS => {
            mark(writing, &mut item, &draft);
            for (name, value) in draft.values {
                if !place(writing, &mut item, &name, &value, false)? {
                    rest.push((name, value));
                }
            }
        }
        "A_ProductDescription" if at("Language") == LANGUAGE => {
            if let Some(name) = draft.text("ProductDescription") {
                name.clone_into(&mut item.name);
            }
        }
        "A_ProductBasicText" if at("Language") == LANGUAGE => {
            if let Some(text) = draft.get("LongText") {
                text.text().clone_into(&mut item.description);
            }
        }
        "A_ProductValuation" => {
            if let Some(price) = unit_price(&draft, number_of("StandardPrice"), number_of("PriceUnitQty"))?
                && at("InventoryValuationProcedure") == "S"
                && at("ValuationArea") == codes::plant(&writing.world, 1)
            {
                item.standard_cost = price;
            }
            rest = draft.values;
        }
        _ => rest = draft.values,
    }
    writing.notes.change(set, key, &rest);
    if set != PRODUCTS {
        writing.notes.change(PRODUCTS, number, &[]);
    }
    if let Some(kept) = writing.world.items.iter_mut().find(|kept| kept.id == id) {
        *kept = item;
    }
    Ok(())
}

/// Sets the status that the marks of a product lead to, and keeps both marks as they will be.
fn mark(writing: &mut Writing<'_>, item: &mut Item, draft: &Draft) {
    let names = ["IsMarkedForDeletion", "CrossPlantStatus"];
    if names.iter().all(|name| draft.get(name).is_none()) {
        return;
    }
    let marks = names.map(|name| {
        let value = draft.get(name).cloned();
        value.unwrap_or_else(|| writing.shown(PRODUCTS, &[&item.number], name))
    });
    item.status = match &marks {
        [Value::Flag(true), _] => ItemStatus::Inactive,
        [_, Value::Text(block)] if !block.is_empty() => ItemStatus::PhasedOut,
        _ => ItemStatus::Active,
    };
    let pairs: Vec<(String, Value)> = names.iter().map(|name| (*name).to_owned()).zip(marks).collect();
    writing.notes.change(PRODUCTS, item.number.clone(), &pairs);
}
