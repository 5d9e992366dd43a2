//! The rows of the upstream as typed structs, shared by the servers that are compared with.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
}

#[derive(Deserialize)]
pub struct OrderRow {
    pub id: u64,
    pub number: String,
    pub reference: String,
    pub title: String,
    pub description: String,
    pub state: String,
    pub vendor_id: u64,
    pub order_date: String,
    pub required_date: String,
    pub created_at: String,
    pub updated_at: String,
    pub currency: String,
    pub net: f64,
    pub tax: f64,
    pub gross: f64,
    pub terms: String,
    pub incoterms: String,
    pub shipping: String,
    pub notes: String,
}

#[derive(Deserialize)]
pub struct LineRow {
    pub order_id: u64,
    pub line: u64,
    pub quantity: f64,
    pub uom: String,
    pub price: f64,
    pub currency: String,
    pub item_id: u64,
}
