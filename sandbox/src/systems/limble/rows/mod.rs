//! Shows the plant's records as rows of Limble's lists, built once per state of the world.

mod fields;
pub(super) mod parts;
pub(super) mod purchasing;
pub(super) mod tasks;

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use self::parts::Shelf;
use super::lists::{self, Row};
use crate::world::{LocationKind, User, World};
use crate::written::Written;

pub(super) const ASSET: u32 = 10_000;
pub(super) const LOCATION: u32 = 100;
pub(super) const PURCHASE: u32 = 70_000;
pub(super) const PURCHASE_LINE: u32 = 300_000;
const REGION: u32 = 10;
pub(super) const TASK: u32 = 40_000;
/// The hidden member that tells which suggested fields were attached to a record that a client made.
pub(super) const ATTACHED: &str = "_attached";
const TEMPLATE: u32 = 90_000;
pub(super) const USER: u32 = 200;
pub(super) const VENDOR: u32 = 5_000;

/// All lists of one state of the world, built when first asked for.
#[derive(Debug)]
pub(super) struct Dataset {
    world: World,
    shelf: Shelf,
    written: Written,
    lists: HashMap<&'static str, OnceLock<Vec<Row>>>,
}

const PATHS: [&str; 23] = [
    "tasks",
    "tasks/parts",
    "tasks/labor",
    "tasks/instructions",
    "assets",
    "assets/fields",
    "parts",
    "parts/fields",
    "parts/vendors/associations",
    "parts/categories",
    "parts/usage",
    "po",
    "po/items",
    "vendors",
    "vendors/fields",
    "locations",
    "users",
    "teams",
    "statuses",
    "priorities",
    "uom",
    "bills",
    "bills/transactions",
];

impl Dataset {
    pub(super) fn of(world: &World, written: &Written) -> Self {
        Self {
            world: world.clone(),
            shelf: Shelf::of(world),
            written: written.clone(),
            lists: PATHS.into_iter().map(|path| (path, OnceLock::new())).collect(),
        }
    }

    /// Returns the rows of a list in the order of their ids.
    pub(super) fn rows(&self, path: &str) -> &[Row] {
        match self.lists.get(path) {
            Some(list) => list.get_or_init(|| self.written_rows(path)),
            None => &[],
        }
    }

    /// Returns the rows with what clients wrote laid over them.
    fn written_rows(&self, path: &str) -> Vec<Row> {
        let mut rows = objects(self.build(path));
        if path.ends_with("/fields") {
            rows.retain(|row| self.is_attached(path, row));
        }
        let Some(id) = lists::find(path).map(|list| list.id) else {
            return rows;
        };
        for row in &mut rows {
            if let Some(key) = row.get(id).map(Value::to_string) {
                self.written.lay_over(path, &key, row);
            }
        }
        rows
    }

    /// Says whether a record has a field: one that a client made has only those that were attached to it.
    fn is_attached(&self, path: &str, row: &Row) -> bool {
        let (owner, name) = match path {
            "assets/fields" => ("assets", "assetID"),
            "parts/fields" => ("parts", "partID"),
            _ => ("vendors", "vendorID"),
        };
        let key = row.get(name).map(Value::to_string).unwrap_or_default();
        let Some(written) = self.written.row(owner, &key).filter(|row| row.created_at.is_some()) else {
            return true;
        };
        let attached = written.fields.get(ATTACHED).and_then(Value::as_array);
        attached.is_some_and(|fields| row.get("fieldID").is_some_and(|field| fields.contains(field)))
    }

    fn build(&self, path: &str) -> Vec<Value> {
        let world = &self.world;
        match path {
            "tasks" => tasks::tasks(world),
            "tasks/parts" => tasks::parts(world, &self.shelf),
            "tasks/labor" => tasks::labor(world),
            "tasks/instructions" => tasks::instructions(world),
            "assets" => assets(world),
            "assets/fields" => fields::of_assets(world),
            "parts" => parts::parts(world, &self.shelf),
            "parts/fields" => fields::of_parts(world, &self.shelf),
            "parts/vendors/associations" => parts::associations(world, &self.shelf),
            "parts/categories" => parts::categories(world),
            "parts/usage" => tasks::usage(world, &self.shelf),
            "po" => purchasing::orders(world),
            "po/items" => purchasing::lines(world, &self.shelf),
            "vendors" => purchasing::vendors(world),
            "vendors/fields" => fields::of_vendors(world),
            "locations" => locations(world),
            "users" => world.users.iter().map(user).collect(),
            "teams" => teams(world),
            "statuses" => tasks::statuses(),
            "priorities" => tasks::priorities(),
            "uom" => parts::units(),
            "bills" => purchasing::bills(world),
            "bills/transactions" => purchasing::transactions(world),
            _ => Vec::new(),
        }
    }
}

/// Returns all fields that records could have, attached or not.
pub(super) fn all_fields(world: &World, path: &str) -> Vec<Row> {
    let shelf = Shelf::of(world);
    objects(match path {
        "assets/fields" => fields::of_assets(world),
        "parts/fields" => fields::of_parts(world, &shelf),
        _ => fields::of_vendors(world),
    })
}

fn objects(rows: Vec<Value>) -> Vec<Row> {
    rows.into_iter()
        .filter_map(|row| match row {
            Value::Object(row) => Some(row),
            _ => None,
        })
        .collect()
}

pub(super) fn number(value: Decimal) -> Value {
    if value.is_integer() {
        return value.to_i64().map_or(Value::Null, Value::from);
    }
    value.to_f64().map_or(Value::Null, Value::from)
}

/// Writes a moment in unix seconds; 0 stands for none.
fn unix(value: Option<DateTime<Utc>>) -> i64 {
    value.map_or(0, |moment| moment.timestamp())
}

fn unix_day(day: NaiveDate) -> i64 {
    day.and_hms_opt(0, 0, 0)
        .map_or(0, |moment| moment.and_utc().timestamp())
}

/// Returns an id moved into its own range; 0 stands for none.
fn moved(base: u32, id: Option<u32>) -> u32 {
    id.map_or(0, |id| base + id)
}

fn text(value: &str) -> Value {
    if value.is_empty() { Value::Null } else { value.into() }
}

/// Returns the location a record of no certain place is bound to.
fn first_location(world: &World) -> u32 {
    world.locations.first().map_or(0, |location| LOCATION + location.id)
}

/// Returns the locations; bins are texts of parts and no locations here.
fn locations(world: &World) -> Vec<Value> {
    world
        .locations
        .iter()
        .filter(|location| location.kind != LocationKind::Bin)
        .map(|location| {
            json!({
                "locationID": LOCATION + location.id,
                "name": location.name,
                "regionID": moved(REGION, world.site_of(location.id).map(|site| site.id)),
                "timezone": "Europe/Berlin",
                "weeklyOperationHours": 40,
                "address": format!("{}, {} {}", location.street, location.postal_code, location.city),
                "address2": null,
                "phone": null,
                "metaField1": location.code,
                "metaField2": null,
                "metaField3": null,
                "geoLocation": null,
                "workRequestPortal": format!("https://app.limble.example/loc-problem/{}", LOCATION + location.id),
                "currencyCode": world.currency,
            })
        })
        .collect()
}

fn assets(world: &World) -> Vec<Value> {
    world
        .assets
        .iter()
        .map(|asset| {
            let id = ASSET + asset.id;
            let location = LOCATION + asset.location;
            json!({
                "assetID": id,
                "name": asset.name,
                "startedOn": asset.created_at.timestamp(),
                "lastEdited": asset.updated_at.timestamp(),
                "parentAssetID": moved(ASSET, asset.parent),
                "locationID": location,
                "hoursPerWeek": if asset.id % 3 == 0 { 60 } else { -1 },
                "meta": {
                    "fields": format!("/v2/assets/fields/?assets={id}"),
                    "tasks": format!("/v2/tasks/?assets={id}"),
                },
                "workRequestPortal": format!("https://app.limble.example/problem/{location}/{id}"),
                "image": [],
            })
        })
        .collect()
}

/// Returns a person; whether it is active is told by a text.
fn user(user: &User) -> Value {
    let location = LOCATION + 1;
    let (team, role) = if user.craft.is_empty() { (436, 321) } else { (437, 322) };
    json!({
        "userID": USER + user.id,
        "username": user.login,
        "email": user.email,
        "phone": user.phone,
        "firstName": user.first,
        "lastName": user.last,
        "wage": number(user.hourly_rate),
        "active": if user.active { "true" } else { "false" },
        "emailNotificationActive": "false",
        "pushNotificationActive": "false",
        "workdayHours": 8,
        "dateAdded": user.created_at.timestamp(),
        "teams": [{"teamID": team, "locationID": location, "name": team_name(team)}],
        "roles": [{"roleID": role, "locationID": location, "name": user.role}],
        "_name": format!("{} {}", user.first, user.last),
        "_roleID": role,
        "_teamID": team,
    })
}

fn team_name(team: u32) -> &'static str {
    if team == 436 { "Office" } else { "Technicians" }
}

fn teams(world: &World) -> Vec<Value> {
    [436, 437]
        .into_iter()
        .map(|team| {
            json!({
                "teamID": team,
                "name": team_name(team),
                "locationID": first_location(world),
                "automaticallyCreated": 0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::world::{Seed, Size};

    #[test]
    fn every_list_has_rows_in_the_order_of_their_ids() {
        let world = World::generate(Seed::default(), Size::Small);
        let dataset = Dataset::of(&world, &Written::default());
        for path in PATHS {
            assert!(!dataset.rows(path).is_empty(), "{path}");
            assert!(lists::find(path).is_some(), "{path}");
        }
        for (path, id) in [
            ("tasks", "taskID"),
            ("parts", "partID"),
            ("po/items", "poItemID"),
            ("tasks/labor", "taskID"),
        ] {
            assert!(
                dataset.rows(path).is_sorted_by_key(|row| row[id].as_u64().unwrap()),
                "{path}"
            );
        }
    }
}
