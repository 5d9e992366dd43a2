//! Products: templates and their one variant each, for items and for equipment. A product of
//! equipment has the equipment's id plus 500,000.

use rust_decimal::Decimal;

use super::OWN;
use super::party::{changed, party_of_vendor};
use super::small::{category_words, currency_words, id_in, unit_id};
use crate::systems::orm::{Builder, Table, plant};
use crate::world::{Asset, CustomFields, Item, ItemStatus, ItemType, World};

pub(super) fn product_of_asset(asset: u32) -> u32 {
    asset + 500_000
}

enum Product<'a> {
    Item(&'a Item),
    Asset(&'a Asset),
}

const TYPES: &[(&str, &str)] = &[("goods", "Goods"), ("assets", "Assets"), ("service", "Service")];

impl Product<'_> {
    fn id(&self) -> u32 {
        match self {
            Self::Item(item) => item.id,
            Self::Asset(asset) => product_of_asset(asset.id),
        }
    }

    fn code(&self) -> String {
        match self {
            Self::Item(item) => item.number.clone(),
            Self::Asset(asset) => asset.number.clone(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Item(item) => item.name.clone(),
            Self::Asset(asset) => asset.name.clone(),
        }
    }

    fn rec_name(&self) -> String {
        match self.code() {
            code if code.is_empty() => self.name(),
            code => format!("[{code}] {}", self.name()),
        }
    }

    fn item(&self) -> Option<&Item> {
        match self {
            Self::Item(item) => Some(item),
            Self::Asset(_) => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self.item().map(|item| item.item_type) {
            None => "assets",
            Some(ItemType::Service) => "service",
            Some(_) => "goods",
        }
    }

    fn unit(&self) -> u32 {
        self.item().map_or(1, |item| unit_id(&item.uom))
    }

    fn active(&self) -> bool {
        self.item().is_none_or(|item| item.status != ItemStatus::Inactive)
    }

    fn stamps(&self) -> (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) {
        match self {
            Self::Item(item) => (item.created_at, item.updated_at),
            Self::Asset(asset) => (asset.created_at, asset.updated_at),
        }
    }

    fn cost(&self) -> Decimal {
        self.item().map_or(Decimal::ZERO, |item| item.standard_cost)
    }

    fn list_price(&self) -> Option<Decimal> {
        self.item().map(|item| item.list_price)
    }

    fn custom(&self) -> Option<CustomFields> {
        self.item().map(|item| item.custom.clone())
    }
}

fn all(world: &World) -> impl Iterator<Item = Product<'_>> {
    world
        .items
        .iter()
        .map(Product::Item)
        .chain(world.assets.iter().map(Product::Asset))
}

pub(super) fn templates(world: &World) -> Table {
    let categories = category_words(world);
    Builder::new("product.template", "Product Template", "rec_name, id")
        .char("name", "Name", Product::name)
        .required()
        .char("rec_name", "Record Name", Product::name)
        .char("code", "Code", |_| "")
        .select("type", "Type", TYPES, Product::kind)
        .required()
        .bool("active", "Active", Product::active)
        .bool("consumable", "Consumable", |product| {
            product
                .item()
                .is_some_and(|item| item.item_type == ItemType::NonStocked)
        })
        .bool("purchasable", "Purchasable", |product| {
            product.item().is_some_and(|item| item.status == ItemStatus::Active)
        })
        .bool("depreciable", "Depreciable", |product| product.item().is_none())
        .one("default_uom", "Default UoM", "product.uom", Product::unit)
        .required()
        .one("purchase_uom", "Purchase UoM", "product.uom", Product::unit)
        .money("list_price", "List Price", |product| {
            product.list_price().map(four_digits)
        })
        .money("cost_price", "Cost Price", |product| four_digits(product.cost()))
        .computed()
        .select(
            "cost_price_method",
            "Cost Price Method",
            &[("fixed", "Fixed"), ("average", "Average")],
            |_| "fixed",
        )
        .required()
        .many("categories", "Categories", "product.category", move |product| {
            product
                .item()
                .and_then(|item| id_in(&categories, &item.category))
                .into_iter()
                .collect()
        })
        .children("products", "Variants", "product.product", |product| vec![product.id()])
        .children(
            "product_suppliers",
            "Suppliers",
            "purchase.product_supplier",
            |product| {
                product
                    .item()
                    .filter(|item| item.vendor != 0)
                    .map(|item| item.id)
                    .into_iter()
                    .collect()
            },
        )
        .moment("create_date", "Created at", |product| product.stamps().0)
        .moment("write_date", "Edited at", |product| {
            let (created, updated) = product.stamps();
            changed(created, updated)
        })
        .build(all(world), Product::id)
}

pub(super) fn products(world: &World) -> Table {
    let own = plant::usual().items.first().map(|item| &item.custom);
    Builder::new("product.product", "Product", "rec_name, id")
        .one("template", "Product Template", "product.template", Product::id)
        .required()
        .char("rec_name", "Record Name", Product::rec_name)
        .char("name", "Name", Product::name)
        .required()
        .char("code", "Code", Product::code)
        .char("suffix_code", "Suffix Code", Product::code)
        .char("prefix_code", "Prefix Code", |_| "")
        .computed()
        .select("type", "Type", TYPES, Product::kind)
        .required()
        .bool("active", "Active", Product::active)
        .bool("purchasable", "Purchasable", |product| {
            product.item().is_some_and(|item| item.status == ItemStatus::Active)
        })
        .one("default_uom", "Default UoM", "product.uom", Product::unit)
        .required()
        .text("description", "Description", |product| match product {
            Product::Item(item) => item.description.clone(),
            Product::Asset(asset) => asset.description.clone(),
        })
        // Prices of a variant are empty unless they differ from the template's.
        .money("list_price", "List Price", |_| None::<Decimal>)
        .money("list_price_used", "List Price", |product| {
            product.list_price().map(four_digits)
        })
        .computed()
        .money("cost_price", "Cost Price", |product| four_digits(product.cost()))
        .float("quantity", "Quantity", |_| Decimal::ZERO)
        .float("forecast_quantity", "Forecast Quantity", |_| Decimal::ZERO)
        .money("cost_value", "Cost Value", |_| None::<Decimal>)
        .computed()
        .children(
            "product_suppliers",
            "Suppliers",
            "purchase.product_supplier",
            |product| {
                product
                    .item()
                    .filter(|item| item.vendor != 0)
                    .map(|item| item.id)
                    .into_iter()
                    .collect()
            },
        )
        .children("order_points", "Order Points", "stock.order_point", |product| {
            let Some(item) = product.item() else { return Vec::new() };
            world
                .stock_levels
                .iter()
                .filter(|level| level.item == item.id)
                .map(|level| level.id)
                .collect()
        })
        .moment("create_date", "Created at", |product| product.stamps().0)
        .moment("write_date", "Edited at", |product| {
            let (created, updated) = product.stamps();
            changed(created, updated)
        })
        .char("x_manufacturer", "Manufacturer", |product| {
            product.item().map(|item| item.manufacturer.clone())
        })
        .own()
        .char("x_mpn", "Manufacturer part number", |product| {
            product.item().map(|item| item.manufacturer_part_number.clone())
        })
        .own()
        .char("x_barcode", "Barcode", |product| {
            product.item().map(|item| item.barcode.clone())
        })
        .own()
        .custom(OWN, own, Product::custom)
        .build(all(world), Product::id)
        .read_only(&[
            "name",
            "type",
            "purchasable",
            "default_uom",
            "code",
            "quantity",
            "forecast_quantity",
        ])
}

/// Prices carry four digits after the point.
pub(super) fn four_digits(mut price: Decimal) -> Decimal {
    price.rescale(4);
    price
}

pub(super) fn suppliers(world: &World) -> Table {
    let currencies = currency_words(world);
    Builder::new("purchase.product_supplier", "Product Supplier", "id")
        .one("template", "Product", "product.template", |item: &&Item| item.id)
        .one("product", "Variant", "product.product", |item| item.id)
        .one("party", "Supplier", "party.party", |item| party_of_vendor(item.vendor))
        .required()
        .char("rec_name", "Record Name", |item| {
            format!("[{}] {}", item.manufacturer_part_number, item.name)
        })
        .char("code", "Code", |item| item.manufacturer_part_number.clone())
        .char("name", "Name", |item| item.name.clone())
        .span("lead_time", "Lead Time", |item| {
            Some(i64::from(3 + item.id % 20) * 86_400)
        })
        .one("currency", "Currency", "currency.currency", move |item| {
            id_in(&currencies, &item.currency)
        })
        .one("company", "Company", "company.company", |_| 1)
        .moment("create_date", "Created at", |item| item.created_at)
        .moment("write_date", "Edited at", |item| {
            changed(item.created_at, item.updated_at)
        })
        .build(world.items.iter().filter(|item| item.vendor != 0), |item| item.id)
}
