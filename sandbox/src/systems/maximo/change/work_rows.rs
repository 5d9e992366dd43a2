//! Child rows of work orders: tasks, planned materials, and what is booked at once: labor, issues and returns.

use rust_decimal::Decimal;
use serde_json::Value;

use super::super::problem::Problem;
use super::super::rows::work;
use super::children::RowChange;
use super::draft::{Draft, find_item, find_person, find_storeroom, moment, next_id, number, stamp, text};
use super::payload::GivenRow;
use super::stock;
use crate::world::{Labor, MovementKind, Part, Task, WorkOrder, World};

/// Returns the attributes that find a row of a child object.
pub(super) fn keys_of(child: &str) -> &'static [&'static str] {
    match child {
        "woactivity" => &["workorderid", "wonum", "taskid"],
        "wpmaterial" => &["wpitemid"],
        "labtrans" => &["labtransid"],
        "matusetrans" => &["matusetransid"],
        _ => &[],
    }
}

/// Writes the tasks of an order.
pub(super) fn set_tasks(draft: &mut Draft<'_>, order: &mut WorkOrder, changes: &[RowChange<'_>]) {
    let all = |world: &World, order: &WorkOrder| {
        let others = world.work_orders.iter().flat_map(|order| &order.tasks);
        next_id(others.chain(&order.tasks).map(|task| task.id))
    };
    for change in changes {
        match change {
            RowChange::Add(row) => {
                let id = all(&draft.world, order);
                let last = order.tasks.iter().map(|task| task.seq).max().unwrap_or_default();
                let given = row.values.get("taskid").and_then(Value::as_u64);
                let task = Task {
                    id,
                    seq: given.and_then(|seq| u32::try_from(seq).ok()).unwrap_or(last + 10),
                    title: text(&row.values, "description").unwrap_or_default().to_owned(),
                    done: false,
                };
                order.tasks.push(task);
                draft.keep_child(
                    "woactivity",
                    work::FIRST_TASK + id,
                    &row.values,
                    &["estdur", "wosequence"],
                );
            }
            RowChange::Change(id, row) => {
                let Some(task) = order.tasks.iter_mut().find(|task| work::FIRST_TASK + task.id == *id) else {
                    continue;
                };
                if let Some(title) = text(&row.values, "description") {
                    task.title = title.to_owned();
                }
                draft.keep_child("woactivity", *id, &row.values, &["estdur", "wosequence"]);
            }
            RowChange::Delete(id) => order.tasks.retain(|task| work::FIRST_TASK + task.id != *id),
        }
    }
}

fn next_part(world: &World, order: &WorkOrder) -> u32 {
    let others = world.work_orders.iter().flat_map(|order| &order.parts);
    next_id(others.chain(&order.parts).map(|part| part.id))
}

/// Writes the materials planned for an order.
pub(super) fn set_parts(draft: &mut Draft<'_>, order: &mut WorkOrder, changes: &[RowChange<'_>]) {
    const CHILD: &str = "WPMATERIAL";
    for change in changes {
        match change {
            RowChange::Add(row) => {
                draft.require(CHILD, &row.values, &["itemnum", "itemqty"]);
                let Some(Some(item)) = draft.look_up(CHILD, &row.values, "itemnum", find_item) else {
                    continue;
                };
                draft.look_up(CHILD, &row.values, "location", find_storeroom);
                let cost = draft
                    .world
                    .find_item(item)
                    .map_or(Decimal::ZERO, |item| item.standard_cost);
                let id = next_part(&draft.world, order);
                order.parts.push(Part {
                    id,
                    item,
                    planned: number(&row.values, "itemqty").unwrap_or_default(),
                    used: Decimal::ZERO,
                    unit_cost: number(&row.values, "unitcost").unwrap_or(cost),
                });
                draft.keep_child(
                    "wpmaterial",
                    id,
                    &row.values,
                    &["description", "location", "storelocsite", "orderunit"],
                );
            }
            RowChange::Change(id, row) => {
                let item = draft.look_up(CHILD, &row.values, "itemnum", find_item).flatten();
                let Some(part) = order.parts.iter_mut().find(|part| part.id == *id) else {
                    continue;
                };
                part.item = item.unwrap_or(part.item);
                part.planned = number(&row.values, "itemqty").unwrap_or(part.planned);
                part.unit_cost = number(&row.values, "unitcost").unwrap_or(part.unit_cost);
                draft.keep_child(
                    "wpmaterial",
                    *id,
                    &row.values,
                    &["description", "location", "storelocsite", "orderunit"],
                );
            }
            RowChange::Delete(id) => {
                // What was issued for the plan stays booked.
                for part in order.parts.iter_mut().filter(|part| part.id == *id) {
                    part.planned = Decimal::ZERO;
                }
                order.parts.retain(|part| part.id != *id || !part.used.is_zero());
            }
        }
    }
}

/// Books hours at once; what was booked is neither changed nor deleted.
pub(super) fn book_labor(draft: &mut Draft<'_>, order: &mut WorkOrder, changes: &[RowChange<'_>]) {
    const CHILD: &str = "LABTRANS";
    for change in changes {
        let row = match change {
            RowChange::Add(row) => row,
            RowChange::Change(_, row) if row.values.len() <= 1 => continue,
            RowChange::Change(..) | RowChange::Delete(_) => {
                draft.faults.push(booked());
                continue;
            }
        };
        draft.require(CHILD, &row.values, &["laborcode", "regularhrs"]);
        let Some(Some(user)) = draft.look_up(CHILD, &row.values, "laborcode", find_person) else {
            continue;
        };
        let Some(person) = draft.world.find_user(user).cloned() else {
            continue;
        };
        if person.craft.is_empty() {
            draft.invalid(CHILD, "laborcode", text(&row.values, "laborcode").unwrap_or_default());
            continue;
        }
        let others = draft.world.work_orders.iter().flat_map(|order| &order.labor);
        let id = next_id(others.chain(&order.labor).map(|entry| entry.id));
        let hours = number(&row.values, "regularhrs").unwrap_or_default();
        order.labor.push(Labor {
            id,
            user,
            craft: person.craft,
            hours,
            rate: person.hourly_rate,
            started_at: ["starttime", "startdate"]
                .into_iter()
                .find_map(|name| moment(&row.values, name).flatten())
                .unwrap_or(draft.at),
        });
        order.actual_hours += hours;
        draft.keep_child("labtrans", id, &row.values, &["transtype"]);
    }
}

/// Books issues and returns at once. Issues lessen the stock of the storeroom, returns bring it back.
pub(super) fn book_material(draft: &mut Draft<'_>, order: &mut WorkOrder, changes: &[RowChange<'_>]) {
    const CHILD: &str = "MATUSETRANS";
    for change in changes {
        let row: &GivenRow = match change {
            RowChange::Add(row) => row,
            RowChange::Change(_, row) if row.values.len() <= 1 => continue,
            RowChange::Change(..) | RowChange::Delete(_) => {
                draft.faults.push(booked());
                continue;
            }
        };
        draft.require(CHILD, &row.values, &["itemnum", "storeloc"]);
        let item = draft.look_up(CHILD, &row.values, "itemnum", find_item).flatten();
        let room = draft.look_up(CHILD, &row.values, "storeloc", find_storeroom).flatten();
        let (Some(item), Some(room)) = (item, room) else {
            continue;
        };
        let given = number(&row.values, "quantity").or_else(|| number(&row.values, "positivequantity"));
        let Some(quantity) = given
            .map(|quantity| quantity.abs())
            .filter(|quantity| !quantity.is_zero())
        else {
            draft.faults.push(Problem::required(CHILD, "quantity"));
            continue;
        };
        let quantity = match text(&row.values, "issuetype").unwrap_or("ISSUE") {
            "ISSUE" | "" => quantity,
            "RETURN" => -quantity,
            other => {
                draft.invalid(CHILD, "issuetype", other);
                continue;
            }
        };
        let cost = draft
            .world
            .find_item(item)
            .map_or(Decimal::ZERO, |item| item.standard_cost);
        let id = next_part(&draft.world, order);
        order.parts.push(Part {
            id,
            item,
            planned: Decimal::ZERO,
            used: quantity,
            unit_cost: cost,
        });
        let at = draft.at;
        stock::move_stock(&mut draft.world, item, room, -quantity, None, at);
        let movement = stock::Movement {
            item,
            kind: MovementKind::Issue,
            quantity,
            from: Some(room),
            to: None,
            work_order: Some(order.id),
            purchase: None,
            unit_cost: cost,
        };
        stock::note_movement(&mut draft.world, &movement, at);
        let mut shown = row.values.clone();
        shown.insert("transdate".into(), stamp(at));
        shown.entry("actualdate".to_owned()).or_insert_with(|| stamp(at));
        draft.keep_child(
            "matusetrans",
            id,
            &shown,
            &["transdate", "actualdate", "storeloc", "binnum", "lotnum"],
        );
    }
}

fn booked() -> Problem {
    Problem::rule(
        "BMXAA1872E",
        "A transaction that was booked cannot be changed or deleted",
    )
}
