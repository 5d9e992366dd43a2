//! A write while it is carried out: a copy of the plant, and what goes beside it because the plant has no place for it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::lists::{self, Row};
use super::super::problem::Problem;
use super::super::rows::{self, Dataset};
use crate::world::{LocationKind, MovementKind, StockMovement, World};
use crate::written::Written;

/// What is kept beside the plant.
pub(super) enum Note {
    Create(&'static str, String, Map<String, Value>),
    Change(&'static str, String, Map<String, Value>),
    Forget(&'static str, String),
}

/// A write while it is carried out.
pub(super) struct Draft<'a> {
    pub(super) world: World,
    /// The instant of the write.
    pub(super) at: DateTime<Utc>,
    pub(super) notes: Vec<Note>,
    pub(super) written: &'a Written,
}

impl Draft<'_> {
    /// Returns a row of a list as it stands now.
    pub(super) fn row(&self, list: &'static str, id: u32) -> Option<Row> {
        let name = lists::find(list)?.id;
        let dataset = Dataset::of(&self.world, self.written);
        let rows = dataset.rows(list);
        rows.iter().find(|row| is_id(row.get(name), id)).cloned()
    }

    /// Ends the write of one record: what the plant has no place for, or shows otherwise, is kept beside it.
    pub(super) fn finish(&mut self, list: &'static str, id: u32, wanted: Map<String, Value>, is_new: bool) {
        let shown = self.row(list, id).unwrap_or_default();
        let key = id.to_string();
        let before = self.written.row(list, &key).filter(|_| !is_new);
        let fields = wanted
            .into_iter()
            .filter(|(name, value)| {
                let is_kept = before.is_some_and(|row| row.fields.contains_key(name));
                is_kept || shown.get(name).unwrap_or(&Value::Null) != value
            })
            .collect();
        self.notes.push(if is_new {
            Note::Create(list, key, fields)
        } else {
            Note::Change(list, key, fields)
        });
    }

    /// Returns the plant's id of a location.
    pub(super) fn location(&self, id: Option<i64>) -> Result<Option<u32>, Problem> {
        let is_one = |place: &u32| {
            let found = self.world.find_location(*place);
            found.is_some_and(|location| location.kind != LocationKind::Bin)
        };
        self.reference(id, rows::LOCATION, "Location", is_one)
    }

    /// Returns the plant's id of a person.
    pub(super) fn user(&self, id: Option<i64>) -> Result<Option<u32>, Problem> {
        self.reference(id, rows::USER, "User", |id| self.world.find_user(*id).is_some())
    }

    /// Returns the plant's id of a vendor.
    pub(super) fn vendor(&self, id: Option<i64>) -> Result<Option<u32>, Problem> {
        self.reference(id, rows::VENDOR, "Vendor", |id| self.world.find_vendor(*id).is_some())
    }

    /// Returns the plant's id of an asset.
    pub(super) fn asset(&self, id: Option<i64>) -> Result<Option<u32>, Problem> {
        self.reference(id, rows::ASSET, "Asset", |id| self.world.find_asset(*id).is_some())
    }

    /// Returns the plant's id of a work order.
    pub(super) fn task(&self, id: Option<i64>) -> Result<Option<u32>, Problem> {
        self.reference(id, rows::TASK, "Task", |id| self.world.find_work_order(*id).is_some())
    }

    /// Returns the id of a reference without its range: nothing for 0, a refusal for an unknown one.
    fn reference(
        &self,
        id: Option<i64>,
        base: u32,
        noun: &str,
        is_known: impl Fn(&u32) -> bool,
    ) -> Result<Option<u32>, Problem> {
        let Some(id) = id.filter(|id| *id != 0) else {
            return Ok(None);
        };
        let found = u32::try_from(id - i64::from(base)).ok().filter(is_known);
        found.map(Some).ok_or_else(|| Problem::NotFound(format!("{noun} {id}")))
    }
}

fn is_id(value: Option<&Value>, id: u32) -> bool {
    value.and_then(Value::as_u64) == Some(u64::from(id))
}

/// Returns the id after the highest.
pub(super) fn next_id(ids: impl Iterator<Item = u32>) -> u32 {
    ids.max().unwrap_or_default() + 1
}

/// Returns the place of a record of the plant by its id in a range.
pub(super) fn own(base: u32, id: u32) -> u32 {
    id.saturating_sub(base)
}

/// Turns unix seconds into a moment; 0 stands for none.
pub(super) fn moment(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0).filter(|_| seconds != 0)
}

/// Notes a movement of stock.
pub(super) fn note_movement(world: &mut World, movement: StockMovement) {
    let id = next_id(world.stock_movements.iter().map(|movement| movement.id));
    world.stock_movements.push(StockMovement { id, ..movement });
}

/// Returns a movement that goes nowhere yet.
pub(super) fn movement(item: u32, kind: MovementKind, at: DateTime<Utc>) -> StockMovement {
    StockMovement {
        id: 0,
        item,
        kind,
        quantity: rust_decimal::Decimal::ZERO,
        from: None,
        to: None,
        at,
        work_order: None,
        purchase_order: None,
        purchase_line: None,
        lot: None,
        unit_cost: rust_decimal::Decimal::ZERO,
    }
}
