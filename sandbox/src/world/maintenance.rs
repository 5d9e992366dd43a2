//! Draws the equipment, its meters and the maintenance work.

use chrono::Duration;
use fastrand::Rng;
use rust_decimal::Decimal;

use super::generate::{choice, cycle, day_before, days_ago, id_of, money, pick, stamps};
use super::{
    Asset, AssetStatus, Custom, Labor, LocationKind, Meter, MeterKind, Part, Task, WorkKind, WorkOrder, WorkStatus,
    World, names, now,
};

/// Draws lines, machines on the lines and motors of the machines. Pump P-101 is the first machine.
pub(super) fn assets(world: &mut World, rng: &mut Rng, count: usize) {
    let lines: Vec<u32> = world
        .locations
        .iter()
        .filter(|place| place.kind == LocationKind::ProductionLine)
        .map(|place| place.id)
        .collect();
    let mut tops = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let number = format!("LINE-{}", place + 1);
        let name = format!("Bottling line {}", place + 1);
        tops.push(push_asset(
            world,
            rng,
            Draft {
                number,
                name,
                kind: "Production line",
                category: "Lines",
                parent: None,
                location: *line,
                spares: Vec::new(),
            },
        ));
    }
    let mut machine = 0;
    while world.assets.len() < count {
        let (kind, letter, category, name) = *cycle(names::MACHINES, machine);
        let top = *cycle(&tops, machine);
        let location = world.find_asset(top).map_or(1, |asset| asset.location);
        let number = 101 + machine / names::MACHINES.len();
        let pump = kind == "Pump";
        let spares = if machine == 0 {
            vec![1, 2, 3, 4]
        } else {
            spare_parts(world, rng)
        };
        let id = push_asset(
            world,
            rng,
            Draft {
                number: format!("{letter}-{number}"),
                name: format!("{name} {letter}-{number}"),
                kind,
                category,
                parent: Some(top),
                location,
                spares,
            },
        );
        if (pump || machine % 3 == 1) && world.assets.len() < count {
            push_asset(
                world,
                rng,
                Draft {
                    number: format!("M-{letter}{number}"),
                    name: format!("Motor of {letter}-{number}"),
                    kind: "Motor",
                    category: "Electrical",
                    parent: Some(id),
                    location,
                    spares: vec![2, 10],
                },
            );
        }
        machine += 1;
    }
}

struct Draft {
    number: String,
    name: String,
    kind: &'static str,
    category: &'static str,
    parent: Option<u32>,
    location: u32,
    spares: Vec<u32>,
}

fn push_asset(world: &mut World, rng: &mut Rng, draft: Draft) -> u32 {
    let place = world.assets.len();
    let id = id_of(place);
    let bought = rng.i64(200..4000);
    let (created_at, updated_at) = stamps(rng, 900);
    let maker = (*cycle(names::MANUFACTURERS, place * 3)).to_owned();
    let is_pump = draft.number == "P-101";
    world.assets.push(Asset {
        id,
        description: format!("{} ({}) in service since day {bought}", draft.name, draft.kind),
        number: draft.number,
        name: draft.name,
        kind: draft.kind.to_owned(),
        category: draft.category.to_owned(),
        parent: draft.parent,
        location: draft.location,
        model: format!(
            "{}-{}",
            maker.chars().take(2).collect::<String>().to_uppercase(),
            100 + id * 5
        ),
        manufacturer: maker,
        serial: format!("SN{:07}", 1_000_000 + id * 911),
        vendor: (place % 4 != 3).then(|| id_of(rng.usize(..world.vendors.len()))),
        status: match place % 9 {
            _ if is_pump => AssetStatus::Operating,
            2 => AssetStatus::Down,
            4 => AssetStatus::Standby,
            6 => AssetStatus::Decommissioned,
            8 => AssetStatus::NotReady,
            _ => AssetStatus::Operating,
        },
        criticality: if is_pump { 1 } else { 1 + (place % 4) as u8 },
        purchase_date: day_before(bought),
        purchase_price: money(rng, 900, 90_000),
        installed_at: day_before(bought - 30),
        warranty_end: day_before(bought - 730),
        spare_parts: draft.spares,
        custom: vec![
            ("cost_center", Custom::Text(format!("CC-{}", 4100 + id % 9))),
            ("energy_class", choice(rng, &["IE2", "IE3", "IE4"])),
            ("weight_kg", Custom::Number(Decimal::new(rng.i64(50..40_000), 1))),
            ("last_audit", Custom::Date(day_before(rng.i64(5..600)))),
            ("leased", Custom::Flag(rng.u8(..8) == 0)),
        ],
        created_at,
        updated_at,
    });
    id
}

fn spare_parts(world: &World, rng: &mut Rng) -> Vec<u32> {
    let count = rng.usize(0..4);
    let mut parts: Vec<u32> = (0..count).map(|_| id_of(rng.usize(..world.items.len()))).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// Draws running hours and temperature for every other machine.
pub(super) fn meters(world: &mut World, rng: &mut Rng) {
    let assets: Vec<u32> = world
        .assets
        .iter()
        .filter(|asset| asset.parent.is_some())
        .map(|asset| asset.id)
        .collect();
    for asset in assets.into_iter().step_by(2) {
        for (name, uom, kind) in [
            ("Running hours", "h", MeterKind::Continuous),
            ("Bearing temperature", "°C", MeterKind::Gauge),
        ] {
            let mut value = money(rng, 30, 60);
            let readings = (0..6)
                .map(|step| {
                    value += if kind == MeterKind::Continuous {
                        money(rng, 20, 160)
                    } else {
                        money(rng, -3, 4)
                    };
                    (days_ago(rng, 36 - step * 7), value)
                })
                .collect();
            world.meters.push(Meter {
                id: id_of(world.meters.len()),
                asset,
                name: name.to_owned(),
                uom: uom.to_owned(),
                kind,
                readings,
            });
        }
    }
}

/// The running ids of the lists inside work orders.
#[derive(Default)]
struct Inner {
    tasks: u32,
    parts: u32,
    labor: u32,
}

/// Draws work orders; every status occurs, and every sixth is on P-101.
pub(super) fn work_orders(world: &mut World, rng: &mut Rng, count: usize) {
    let pump = world
        .assets
        .iter()
        .find(|asset| asset.number == "P-101")
        .map_or(1, |asset| asset.id);
    let technicians: Vec<u32> = world
        .users
        .iter()
        .filter(|user| !user.craft.is_empty() && user.active)
        .map(|user| user.id)
        .collect();
    let mut inner = Inner::default();
    for place in 0..count {
        let order = work_order(world, rng, place, pump, &technicians, &mut inner);
        world.work_orders.push(order);
    }
}

fn work_order(
    world: &World,
    rng: &mut Rng,
    place: usize,
    pump: u32,
    technicians: &[u32],
    inner: &mut Inner,
) -> WorkOrder {
    let id = id_of(place);
    let status = *cycle(&WorkStatus::ALL, place);
    let kind = *cycle(
        &[
            WorkKind::Corrective,
            WorkKind::Preventive,
            WorkKind::Corrective,
            WorkKind::Inspection,
            WorkKind::Emergency,
        ],
        place,
    );
    let planned_work = matches!(kind, WorkKind::Preventive | WorkKind::Inspection);
    let (fault, problem, cause, remedy) = *cycle(names::FAULTS, place);
    let asset_id = match place % 6 {
        0 => Some(pump),
        5 => None,
        _ => Some(id_of(rng.usize(..world.assets.len()))),
    };
    let asset = asset_id.and_then(|id| world.find_asset(id));
    let title = if planned_work {
        (*cycle(names::ROUTINES, place)).to_owned()
    } else {
        fault.to_owned()
    };
    let started = matches!(
        status,
        WorkStatus::InProgress | WorkStatus::OnHold | WorkStatus::Completed | WorkStatus::Closed
    );
    let ended = matches!(status, WorkStatus::Completed | WorkStatus::Closed);
    let planned = started || status == WorkStatus::Scheduled;
    let age = if ended { rng.i64(25..120) } else { rng.i64(1..25) };
    let reported_at = days_ago(rng, age);
    let scheduled_start = planned.then(|| reported_at + Duration::days(3));
    let actual_start = started.then(|| reported_at + Duration::days(3) + Duration::minutes(rng.i64(0..240)));
    let assignee = (planned || status == WorkStatus::Approved).then(|| *pick(rng, technicians));
    let estimated_hours = Decimal::new(rng.i64(2..32) * 5, 1);
    let labor = labor(world, rng, actual_start, assignee, ended, inner);
    let actual_hours = labor.iter().map(|entry| entry.hours).sum();
    WorkOrder {
        id,
        number: format!("WO-{}", 2000 + id),
        title: asset.map_or_else(|| title.clone(), |asset| format!("{title}: {}", asset.number)),
        description: format!("{title}.\nReported by the shift, see log {}.", 700 + id),
        kind,
        status,
        hold_reason: (status == WorkStatus::OnHold).then(|| (*cycle(names::HOLD_REASONS, place / 9)).to_owned()),
        priority: if kind == WorkKind::Emergency {
            1
        } else {
            1 + (place % 4) as u8
        },
        asset: asset_id,
        location: asset.map_or(3, |asset| asset.location),
        assignee,
        requested_by: id_of(rng.usize(..world.users.len())),
        vendor: (place % 7 == 3).then(|| id_of(rng.usize(..world.vendors.len()))),
        reported_at,
        due_at: (place % 5 != 4).then(|| reported_at + Duration::days(14)),
        scheduled_start,
        scheduled_end: scheduled_start.map(|start| start + Duration::hours(8)),
        actual_start,
        actual_end: actual_start
            .filter(|_| ended)
            .map(|start| start + Duration::hours(rng.i64(2..30))),
        estimated_hours,
        actual_hours,
        tasks: tasks(rng, ended, inner),
        parts: parts(world, rng, asset, ended, inner),
        labor,
        failure_problem: (!planned_work).then(|| problem.to_owned()),
        failure_cause: (!planned_work && ended).then(|| cause.to_owned()),
        failure_remedy: (!planned_work && ended).then(|| remedy.to_owned()),
        parent: (place % 11 == 10).then(|| id_of(place - 10)),
        completion_notes: ended.then(|| format!("Done, machine runs. Note {id}")),
        custom: vec![
            ("permit_required", Custom::Flag(rng.bool())),
            ("shutdown_code", Custom::Text(format!("SD-{:02}", id % 13))),
            ("downtime_hours", Custom::Number(Decimal::new(rng.i64(0..400), 1))),
            ("audit_date", Custom::Date(day_before(rng.i64(1..90)))),
            ("origin", choice(rng, &["Operator", "Sensor", "Round"])),
        ],
        created_at: reported_at,
        updated_at: if place.is_multiple_of(4) {
            reported_at
        } else {
            reported_at + Duration::seconds((now() - reported_at).num_seconds() * rng.i64(0..97) / 100)
        },
    }
}

fn tasks(rng: &mut Rng, ended: bool, inner: &mut Inner) -> Vec<Task> {
    let count = rng.usize(0..5);
    (0..count)
        .map(|place| {
            inner.tasks += 1;
            Task {
                id: inner.tasks,
                seq: 10 * id_of(place),
                title: (*cycle(names::STEPS, place + count)).to_owned(),
                done: ended || rng.u8(..4) == 0,
            }
        })
        .collect()
}

fn parts(world: &World, rng: &mut Rng, asset: Option<&Asset>, ended: bool, inner: &mut Inner) -> Vec<Part> {
    let spares = asset.map(|asset| asset.spare_parts.clone()).unwrap_or_default();
    spares
        .iter()
        .take(2)
        .map(|item| {
            inner.parts += 1;
            let planned = Decimal::from(rng.u32(1..5));
            Part {
                id: inner.parts,
                item: *item,
                planned,
                used: if ended { planned } else { Decimal::ZERO },
                unit_cost: world.find_item(*item).map_or(Decimal::ONE, |item| item.standard_cost),
            }
        })
        .collect()
}

fn labor(
    world: &World,
    rng: &mut Rng,
    start: Option<chrono::DateTime<chrono::Utc>>,
    assignee: Option<u32>,
    ended: bool,
    inner: &mut Inner,
) -> Vec<Labor> {
    let (Some(start), Some(user)) = (start, assignee.and_then(|id| world.find_user(id))) else {
        return Vec::new();
    };
    let count = if ended { 2 } else { 1 };
    (0..count)
        .map(|place| {
            inner.labor += 1;
            Labor {
                id: inner.labor,
                user: user.id,
                craft: user.craft.clone(),
                hours: Decimal::new(rng.i64(2..16) * 5, 1),
                rate: user.hourly_rate,
                started_at: start + Duration::hours(place * 24),
            }
        })
        .collect()
}
