//! Writes of maintenance orders, their operations, components and long texts.

use rust_decimal::Decimal;

use super::{
    Writing,
    find::{self, enter},
};
use crate::{
    odata::{Draft, Entity, Problem, Row, Value, as_date, value},
    systems::sap::{
        codes::{self, LANGUAGE},
        logon,
    },
    world::{Part, Task, WorkKind, WorkOrder, WorkStatus, World},
};

const ORDERS: &str = "MaintenanceOrder";
const OPERATIONS: &str = "MaintenanceOrderOperation";
const COMPONENTS: &str = "MaintOrderOpComponent";
const TEXTS: &str = "MaintenanceOrderLongText";

/// Values that the plant has no place for.
type Rest = Vec<(String, Value)>;

/// Makes a maintenance order with everything below it.
pub(super) fn create(writing: &mut Writing<'_>, mut draft: Draft) -> Result<Vec<Value>, Problem> {
    if let Some(number) = draft.text("MaintenanceOrder") {
        let message = format!("Order number {number} is not in the external number range");
        return Err(Problem::rule("CO/042", message).at("MaintenanceOrder"));
    }
    for (property, label) in [
        ("MaintenanceOrderType", "Order Type"),
        ("MaintenanceOrderDesc", "Description"),
    ] {
        if draft.text(property).is_none() {
            return Err(enter(label, property));
        }
    }
    let operations = draft.take_children("to_MaintenanceOrderOperation");
    let texts = draft.take_children("to_MaintenanceOrderLongText");
    let mut work = empty_order(writing, &draft)?;
    let mut rest = place_all(&writing.world, &mut work, draft)?;
    rest.push(("CreatedByUser".to_owned(), logon::USER.into()));
    let number = codes::maintenance_order(work.id);
    writing.notes.create(ORDERS, number.clone(), &rest);
    for operation in operations {
        add_operation(writing, &mut work, operation)?;
    }
    for text in texts {
        put_text(&mut work, &text)?;
    }
    writing.notes.create(TEXTS, format!("{number}/AUFK/{LANGUAGE}"), &[]);
    writing.world.work_orders.push(work);
    Ok(vec![number.into()])
}

fn empty_order(writing: &Writing<'_>, draft: &Draft) -> Result<WorkOrder, Problem> {
    let world = &writing.world;
    let plant = draft
        .text("MaintenancePlanningPlant")
        .or_else(|| draft.text("MaintenancePlant"));
    let site = plant.map(|plant| find::site(world, plant)).transpose()?;
    let has_object = draft.text("Equipment").is_some() || draft.text("FunctionalLocation").is_some();
    if site.is_none() && !has_object {
        return Err(enter("Planning Plant", "MaintenancePlanningPlant"));
    }
    let id = world.work_orders.iter().map(|work| work.id).max().unwrap_or(0) + 1;
    Ok(WorkOrder {
        id,
        number: format!("WO-{}", 2000 + id),
        title: String::new(),
        description: String::new(),
        kind: WorkKind::Corrective,
        status: WorkStatus::Draft,
        hold_reason: None,
        priority: 4,
        asset: None,
        location: site.unwrap_or(1),
        assignee: None,
        requested_by: 1,
        vendor: None,
        reported_at: writing.at,
        due_at: None,
        scheduled_start: None,
        scheduled_end: None,
        actual_start: None,
        actual_end: None,
        estimated_hours: Decimal::ZERO,
        actual_hours: Decimal::ZERO,
        tasks: Vec::new(),
        parts: Vec::new(),
        labor: Vec::new(),
        failure_problem: None,
        failure_cause: None,
        failure_remedy: None,
        parent: None,
        completion_notes: None,
        custom: Vec::new(),
        created_at: writing.at,
        updated_at: writing.at,
    })
}

fn place_all(world: &World, work: &mut WorkOrder, draft: Draft) -> Result<Rest, Problem> {
    let mut rest = Rest::new();
    for (name, value) in draft.values {
        if !place(world, work, &name, &value)? {
            split_moment(&name, &value, &mut rest);
            rest.push((name, value));
        }
    }
    Ok(rest)
}

/// The start and the end of an order are shown as a point in time and as a date with a time.
fn split_moment(name: &str, value: &Value, rest: &mut Rest) {
    let Value::Instant(instant) = value else { return };
    if let Some(stem) = name
        .strip_suffix("DateTime")
        .filter(|stem| stem.starts_with("MaintOrdBasic"))
    {
        rest.push((
            format!("{stem}Date"),
            Value::DateTime(instant.date_naive().and_time(chrono::NaiveTime::MIN)),
        ));
        rest.push((format!("{stem}Time"), Value::Time(instant.time())));
    }
}

fn place(world: &World, work: &mut WorkOrder, name: &str, value: &Value) -> Result<bool, Problem> {
    let text = value.text();
    match name {
        "MaintenanceOrder" | "MaintenancePlanningPlant" | "MaintenancePlant" => {
            if name != "MaintenanceOrder" && !text.is_empty() {
                find::site(world, text)?;
            }
        }
        "MaintenanceOrderType" => {
            work.kind = match text {
                "YA01" | "PM01" => WorkKind::Corrective,
                "YA02" | "PM02" => WorkKind::Preventive,
                other => {
                    let message = format!("Order type {other} does not exist");
                    return Err(Problem::rule("IW/010", message).at(name));
                }
            };
            return Ok(!text.starts_with("PM"));
        }
        "MaintenanceOrderDesc" if text.is_empty() => return Err(enter("Description", name)),
        "MaintenanceOrderDesc" => text.clone_into(&mut work.title),
        "MaintPriority" => {
            work.priority = match text {
                "1" => 1,
                "2" => 2,
                "3" => 3,
                "4" | "" => 4,
                other => {
                    let message = format!("Priority {other} is not defined for priority type PM");
                    return Err(Problem::rule("IW/127", message).at(name));
                }
            };
        }
        "Equipment" if text.is_empty() => work.asset = None,
        "Equipment" => {
            let asset = find::asset(world, text, name)?;
            work.asset = Some(asset.id);
            work.location = asset.location;
        }
        "FunctionalLocation" if text.is_empty() => {}
        "FunctionalLocation" => {
            let place = find::functional_location(world, text, name)?;
            let is_shown = codes::functional_location(world, work.location).is_some_and(|shown| shown.id == place.id);
            if !is_shown {
                work.location = place.id;
            }
        }
        "MaintOrdPersonResponsible" if text.is_empty() => work.assignee = None,
        "MaintOrdPersonResponsible" => {
            let person = find::bare(text).parse().ok().and_then(|id| world.find_user(id));
            let message = || format!("Personnel number {text} does not exist");
            work.assignee = Some(person.ok_or_else(|| Problem::rule("PG/001", message()).at(name))?.id);
        }
        "LatestAcceptableCompletionDate" => {
            let day = as_date(value).and_then(|day| day.and_hms_opt(0, 0, 0));
            work.due_at = day.map(|moment| moment.and_utc());
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Changes an order.
pub(super) fn change(writing: &mut Writing<'_>, number: &str, draft: Draft) -> Result<(), Problem> {
    let mut work = open(writing, number)?;
    let rest = place_all(&writing.world, &mut work, draft)?;
    writing.notes.change(ORDERS, number, &rest);
    close(writing, work);
    Ok(())
}

/// Takes an order that may be changed out of the plant.
fn open(writing: &Writing<'_>, number: &str) -> Result<WorkOrder, Problem> {
    let work = find::work_order(&writing.world, number, "MaintenanceOrder")?;
    let state = match work.status {
        WorkStatus::Closed => "closed",
        WorkStatus::Canceled => "marked for deletion",
        _ => return Ok(work.clone()),
    };
    let message = format!("Order {number} is {state} and cannot be changed");
    Err(Problem::rule("IW/084", message))
}

fn close(writing: &mut Writing<'_>, mut work: WorkOrder) {
    work.updated_at = writing.at;
    if let Some(kept) = writing.world.work_orders.iter_mut().find(|kept| kept.id == work.id) {
        *kept = work;
    }
}

/// Makes an operation of an order that exists.
pub(super) fn create_operation(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("MaintenanceOrder").unwrap_or_default().to_owned();
    let mut work = open(writing, &number)?;
    // An order without operations of its own has one with its own title.
    if work.tasks.is_empty() {
        let whole = whole(writing, &work);
        work.tasks.push(whole);
    }
    let operation = add_operation(writing, &mut work, draft)?;
    writing.notes.change(ORDERS, number.clone(), &[]);
    close(writing, work);
    Ok(vec![number.into(), operation.into(), "".into()])
}

fn whole(writing: &Writing<'_>, work: &WorkOrder) -> Task {
    Task {
        id: next_task(&writing.world, work),
        seq: 10,
        title: work.title.clone(),
        done: false,
    }
}

fn next_task(world: &World, work: &WorkOrder) -> u32 {
    let all = world.work_orders.iter().chain([work]).flat_map(|work| &work.tasks);
    all.map(|task| task.id).max().unwrap_or(0) + 1
}

fn add_operation(writing: &mut Writing<'_>, work: &mut WorkOrder, mut draft: Draft) -> Result<String, Problem> {
    let seq = match draft.text("MaintenanceOrderOperation") {
        None => work.tasks.iter().map(|task| task.seq).max().unwrap_or(0) / 10 * 10 + 10,
        Some(text) => {
            let seq = text
                .parse()
                .ok()
                .filter(|seq| *seq > 0 && work.tasks.iter().all(|task| task.seq != *seq));
            let message = || format!("Operation number {text} is not possible");
            seq.ok_or_else(|| Problem::rule("CN/002", message()).at("MaintenanceOrderOperation"))?
        }
    };
    let components = draft.take_children("to_MaintOrderOpComponent");
    let title = draft
        .take("OperationDescription")
        .map(|title| title.text().to_owned())
        .filter(|title| !title.is_empty());
    let title = title.ok_or_else(|| enter("Operation Short Text", "OperationDescription"))?;
    let is_first = work.tasks.iter().all(|task| task.seq > seq);
    if is_first && let Some(Value::Number(hours)) = draft.take("MaintOrdOperationWorkDuration") {
        work.estimated_hours = hours;
    }
    check_operation(&writing.world, &draft)?;
    draft.take("MaintenanceOrder");
    draft.take("MaintenanceOrderOperation");
    work.tasks.push(Task {
        id: next_task(&writing.world, work),
        seq,
        title,
        done: false,
    });
    work.tasks.sort_by_key(|task| task.seq);
    let operation = format!("{seq:04}");
    let number = codes::maintenance_order(work.id);
    writing
        .notes
        .create(OPERATIONS, format!("{number}/{operation}/"), &draft.values);
    for component in components {
        add_component(writing, work, &operation, component)?;
    }
    Ok(operation)
}

fn check_operation(world: &World, draft: &Draft) -> Result<(), Problem> {
    if let Some(supplier) = draft.text("OperationSupplier") {
        find::vendor(world, supplier).map_err(|problem| problem.at("OperationSupplier"))?;
    }
    if let Some(equipment) = draft.text("Equipment") {
        find::asset(world, equipment, "Equipment")?;
    }
    if let Some(plant) = draft.text("Plant") {
        find::site(world, plant)?;
    }
    if let Some(hours) = draft.number("MaintOrdOperationWorkDuration")
        && hours < Decimal::ZERO
    {
        return Err(Problem::rule("CN/017", "Work must not be negative").at("MaintOrdOperationWorkDuration"));
    }
    Ok(())
}

/// Changes an operation.
pub(super) fn change_operation(
    writing: &mut Writing<'_>,
    number: &str,
    operation: &str,
    mut draft: Draft,
) -> Result<(), Problem> {
    let mut work = open(writing, number)?;
    check_operation(&writing.world, &draft)?;
    if work.tasks.is_empty() {
        let whole = whole(writing, &work);
        work.tasks.push(whole);
    }
    let is_first = work
        .tasks
        .first()
        .is_some_and(|task| format!("{:04}", task.seq) == operation);
    if is_first && let Some(Value::Number(hours)) = draft.take("MaintOrdOperationWorkDuration") {
        work.estimated_hours = hours;
    }
    let task = work
        .tasks
        .iter_mut()
        .find(|task| format!("{:04}", task.seq) == operation);
    let task = task.ok_or_else(|| Problem::no_row(OPERATIONS))?;
    if let Some(title) = draft.take("OperationDescription") {
        title.text().clone_into(&mut task.title);
    }
    writing
        .notes
        .change(OPERATIONS, format!("{number}/{operation}/"), &draft.values);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, work);
    Ok(())
}

/// Deletes an operation of an order whose work has not begun; the last one stays.
pub(super) fn delete_operation(writing: &mut Writing<'_>, number: &str, operation: &str) -> Result<(), Problem> {
    let mut work = open(writing, number)?;
    let place = work
        .tasks
        .iter()
        .position(|task| format!("{:04}", task.seq) == operation);
    let has_parts = place == Some(0) && !work.parts.is_empty();
    let has_begun = work.actual_start.is_some();
    let place = place.filter(|_| work.tasks.len() > 1 && !has_parts && !has_begun);
    let message = || format!("Operation {operation} of order {number} cannot be deleted");
    let place = place.ok_or_else(|| Problem::rule("CN/120", message()))?;
    work.tasks.remove(place);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, work);
    Ok(())
}

/// Makes a component of an operation that exists.
pub(super) fn create_component(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("MaintenanceOrder").unwrap_or_default().to_owned();
    let operation = draft.text("MaintenanceOrderOperation").unwrap_or_default().to_owned();
    let mut work = open(writing, &number)?;
    let component = add_component(writing, &mut work, &operation, draft)?;
    writing.notes.change(ORDERS, number.clone(), &[]);
    close(writing, work);
    Ok(vec![number.into(), operation.into(), "".into(), component.into()])
}

fn add_component(
    writing: &mut Writing<'_>,
    work: &mut WorkOrder,
    operation: &str,
    mut draft: Draft,
) -> Result<String, Problem> {
    let product = draft.text("Product").ok_or_else(|| enter("Component", "Product"))?;
    let item = find::item(&writing.world, product, "Product")?.clone();
    let quantity = draft.number("QuantityInUnitOfEntry");
    let quantity = quantity.ok_or_else(|| enter("Requirement Quantity", "QuantityInUnitOfEntry"))?;
    find::above_zero(quantity, "QuantityInUnitOfEntry")?;
    if let Some(unit) = draft.text("UnitOfEntry").filter(|unit| *unit != item.uom) {
        let message = format!("Unit {unit} cannot be converted to {}", item.uom);
        return Err(Problem::rule("M3/070", message).at("UnitOfEntry"));
    }
    let all = writing
        .world
        .work_orders
        .iter()
        .chain([&*work])
        .flat_map(|work| &work.parts);
    let id = all.map(|part| part.id).max().unwrap_or(0) + 1;
    work.parts.push(Part {
        id,
        item: item.id,
        planned: quantity,
        used: Decimal::ZERO,
        unit_cost: item.standard_cost,
    });
    let component = format!("{:04}", 10 * work.parts.len());
    for name in [
        "MaintenanceOrder",
        "MaintenanceOrderComponent",
        "Product",
        "QuantityInUnitOfEntry",
    ] {
        draft.take(name);
    }
    draft.set("MaintenanceOrderOperation", operation);
    let key = component_key(work, &component);
    writing.notes.create(COMPONENTS, key, &draft.values);
    Ok(component)
}

/// Returns the key under which the plant shows a component: all belong to the first operation there.
fn component_key(work: &WorkOrder, component: &str) -> String {
    let first = work.tasks.first().map_or(10, |task| task.seq);
    format!("{}/{first:04}//{component}", codes::maintenance_order(work.id))
}

fn open_component(writing: &Writing<'_>, entity: &Entity, row: &Row) -> Result<(WorkOrder, usize, String), Problem> {
    let at = |name: &str| value(entity, row, name).text();
    let work = open(writing, at("MaintenanceOrder"))?;
    let component = at("MaintenanceOrderComponent");
    let place = component
        .parse::<usize>()
        .ok()
        .and_then(|number| (number / 10).checked_sub(1));
    let place = place.filter(|place| *place < work.parts.len());
    let key = component_key(&work, component);
    Ok((work, place.ok_or_else(|| Problem::no_row(COMPONENTS))?, key))
}

/// Changes a component.
pub(super) fn change_component(
    writing: &mut Writing<'_>,
    entity: &Entity,
    row: &Row,
    mut draft: Draft,
) -> Result<(), Problem> {
    let (mut work, place, key) = open_component(writing, entity, row)?;
    if let Some(product) = draft.take("Product") {
        let item = find::item(&writing.world, product.text(), "Product")?.id;
        if work.parts.get(place).is_some_and(|part| part.item != item) {
            return Err(Problem::rule("CN/210", "The product of a component cannot be changed").at("Product"));
        }
    }
    if let Some(Value::Number(quantity)) = draft.take("QuantityInUnitOfEntry") {
        find::above_zero(quantity, "QuantityInUnitOfEntry")?;
        if let Some(part) = work.parts.get_mut(place) {
            part.planned = quantity;
        }
    }
    writing.notes.change(COMPONENTS, key, &draft.values);
    writing.notes.change(ORDERS, codes::maintenance_order(work.id), &[]);
    close(writing, work);
    Ok(())
}

/// Deletes a component of which nothing was used.
pub(super) fn delete_component(writing: &mut Writing<'_>, entity: &Entity, row: &Row) -> Result<(), Problem> {
    let (mut work, place, key) = open_component(writing, entity, row)?;
    if let Some(part) = work.parts.get_mut(place) {
        if !part.used.is_zero() {
            return Err(Problem::rule(
                "CN/211",
                "The component was withdrawn and cannot be deleted",
            ));
        }
        part.planned = Decimal::ZERO;
    }
    writing.notes.delete(COMPONENTS, key);
    writing.notes.change(ORDERS, codes::maintenance_order(work.id), &[]);
    close(writing, work);
    Ok(())
}

/// Makes the long text of an order, or replaces it.
pub(super) fn create_text(writing: &mut Writing<'_>, draft: Draft) -> Result<Vec<Value>, Problem> {
    let number = draft.text("MaintenanceOrder").unwrap_or_default().to_owned();
    change_text(writing, &number, draft)?;
    Ok(vec![number.into(), "AUFK".into(), LANGUAGE.into()])
}

/// Changes the long text of an order.
pub(super) fn change_text(writing: &mut Writing<'_>, number: &str, draft: Draft) -> Result<(), Problem> {
    let mut work = open(writing, number)?;
    put_text(&mut work, &draft)?;
    writing.notes.change(TEXTS, format!("{number}/AUFK/{LANGUAGE}"), &[]);
    writing.notes.change(ORDERS, number, &[]);
    close(writing, work);
    Ok(())
}

fn put_text(work: &mut WorkOrder, draft: &Draft) -> Result<(), Problem> {
    let wrong = |name: &str| Problem::rule("TD/600", "Only the text AUFK in the language EN is kept").at(name);
    if draft.text("TextObjectType").is_some_and(|kind| kind != "AUFK") {
        return Err(wrong("TextObjectType"));
    }
    if draft.text("Language").is_some_and(|language| language != LANGUAGE) {
        return Err(wrong("Language"));
    }
    work.completion_notes = None;
    draft
        .text("MaintenanceOrderLongText")
        .unwrap_or_default()
        .clone_into(&mut work.description);
    Ok(())
}
