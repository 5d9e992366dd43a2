//! Draws a world from a seed: people, vendors, places and items; the other lists are drawn by the
//! neighbour modules from what stands by then.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use fastrand::Rng;
use rust_decimal::Decimal;

use super::{
    Custom, CustomFields, Item, ItemStatus, ItemType, Location, LocationKind, Seed, Size, User, Vendor, VendorStatus,
    World, calibration::calibrations, maintenance, names, now, purchasing, stock, today,
};

/// How many of each list to draw.
pub(super) struct Counts {
    pub(super) users: usize,
    pub(super) vendors: usize,
    pub(super) storerooms: usize,
    pub(super) bins_per_storeroom: usize,
    pub(super) lines: usize,
    pub(super) items: usize,
    pub(super) levels: usize,
    pub(super) assets: usize,
    pub(super) work_orders: usize,
    pub(super) purchase_orders: usize,
}

impl Counts {
    fn of(size: Size) -> Self {
        let (factor, places) = match size {
            Size::Small => (1, 1),
            Size::Medium => (8, 3),
            Size::Large => (27, 6),
        };
        Self {
            users: 12 * places,
            vendors: 25 * factor,
            storerooms: 4 * places,
            bins_per_storeroom: 2,
            lines: 4 * places,
            items: 60 * factor,
            levels: 90 * factor,
            assets: 45 * factor,
            work_orders: 60 * factor,
            purchase_orders: 60 * factor,
        }
    }
}

pub(super) fn world(seed: Seed, size: Size) -> World {
    let mut rng = Rng::with_seed(seed.0);
    let counts = Counts::of(size);
    let mut world = World {
        company: "Lakeside Bottling Works".to_owned(),
        currency: "EUR".to_owned(),
        ..World::default()
    };
    world.users = users(&mut rng, counts.users);
    world.vendors = vendors(&mut rng, counts.vendors);
    world.locations = locations(&mut rng, &counts);
    world.items = items(&mut rng, counts.items, counts.vendors);
    maintenance::assets(&mut world, &mut rng, counts.assets);
    maintenance::meters(&mut world, &mut rng);
    stock::levels(&mut world, &mut rng, counts.levels);
    maintenance::work_orders(&mut world, &mut rng, counts.work_orders);
    purchasing::orders(&mut world, &mut rng, counts.purchase_orders);
    stock::movements(&mut world, &mut rng);
    world.calibrations = calibrations(&world.assets);
    world
}

/// Returns the list as ids and values: `count` records drawn by `draw`.
pub(super) fn draw<T>(count: usize, mut one: impl FnMut(u32, usize) -> T) -> Vec<T> {
    (0..count).map(|place| one(id_of(place), place)).collect()
}

/// Returns the id of the record at a place.
pub(super) fn id_of(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

/// Picks one of a list that is not empty.
pub(super) fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// Returns the entry at a place, starting over at the end.
pub(super) fn cycle<T>(from: &[T], place: usize) -> &T {
    &from[place % from.len()]
}

/// Draws an amount of money between two whole numbers, with cents.
pub(super) fn money(rng: &mut Rng, low: i64, high: i64) -> Decimal {
    Decimal::new(rng.i64(low * 100..high * 100), 2)
}

/// Draws an instant a number of days ago, at working hours, to the second.
pub(super) fn days_ago(rng: &mut Rng, days: i64) -> DateTime<Utc> {
    now() - Duration::days(days) + Duration::seconds(rng.i64(-5 * 3600..5 * 3600))
}

/// Returns the day a number of days before today.
pub(super) fn day_before(days: i64) -> NaiveDate {
    today() - Duration::days(days)
}

/// Draws when a record was made and last changed; about a third were never changed.
pub(super) fn stamps(rng: &mut Rng, oldest: i64) -> (DateTime<Utc>, DateTime<Utc>) {
    let created = rng.i64(2..oldest.max(3));
    let at = days_ago(rng, created);
    if rng.u8(..3) == 0 {
        return (at, at);
    }
    let changed = rng.i64(1..created.max(2));
    (at, days_ago(rng, changed))
}

fn users(rng: &mut Rng, count: usize) -> Vec<User> {
    draw(count, |id, place| {
        let (first, last, role, craft) = *cycle(names::PEOPLE, place);
        let round = place / names::PEOPLE.len();
        let suffix = if round == 0 {
            String::new()
        } else {
            format!(" {}", round + 1)
        };
        let login = if place == 0 {
            "admin".to_owned()
        } else {
            format!("user{id:02}")
        };
        let (created_at, updated_at) = stamps(rng, 900);
        User {
            id,
            email: format!("{login}@lakeside.example"),
            login,
            name: format!("{first} {last}{suffix}"),
            first: first.to_owned(),
            last: format!("{last}{suffix}"),
            phone: format!("+49 931 555{id:04}"),
            role: role.to_owned(),
            craft: craft.to_owned(),
            hourly_rate: if craft.is_empty() {
                Decimal::ZERO
            } else {
                money(rng, 38, 74)
            },
            active: last != "Former",
            created_at,
            updated_at,
        }
    })
}

fn vendors(rng: &mut Rng, count: usize) -> Vec<Vendor> {
    draw(count, |id, place| {
        let (name, city, region, postal_code, country, currency) = *cycle(names::VENDORS, place);
        let round = place / names::VENDORS.len();
        let name = if round == 0 {
            name.to_owned()
        } else {
            format!("{name} {}", round + 1)
        };
        let person = cycle(names::PEOPLE, place + 3);
        let (created_at, updated_at) = stamps(rng, 1200);
        Vendor {
            id,
            number: format!("V-{}", 1000 + id),
            legal_name: format!("{name} (registered)"),
            name,
            tax_number: format!("{country}{:09}", 100_000_000 + u64::from(id) * 7_919),
            email: format!("orders{id}@vendor{id}.example"),
            phone: format!("+{} {} {:06}", 30 + id % 60, 200 + id % 700, rng.u32(100_000..999_999)),
            contact_name: format!("{} {}", person.0, person.1),
            website: format!("https://vendor{id}.example"),
            street: format!("Industrial Road {}", 1 + id * 3),
            city: city.to_owned(),
            region: region.to_owned(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
            currency: currency.to_owned(),
            payment_terms: (*cycle(names::PAYMENT_TERMS, place)).to_owned(),
            status: match place % 12 {
                5 => VendorStatus::Blocked,
                10 => VendorStatus::Inactive,
                _ => VendorStatus::Active,
            },
            notes: if place.is_multiple_of(4) {
                format!("Framework contract, line 1\nSecond line for {id}")
            } else {
                String::new()
            },
            custom: vec![
                ("quality_rating", choice(rng, &["A", "B", "C"])),
                ("iso_certified", Custom::Flag(rng.bool())),
                ("annual_spend", Custom::Number(money(rng, 1_000, 250_000))),
                ("last_audit", Custom::Date(day_before(rng.i64(10..700)))),
                ("portal_code", Custom::Text(format!("PC-{id:04}"))),
            ],
            created_at,
            updated_at,
        }
    })
}

fn locations(rng: &mut Rng, counts: &Counts) -> Vec<Location> {
    let mut places: Vec<Location> = Vec::new();
    let sites = [
        ("LKS", "Lakeside plant", "Würzburg", "97080"),
        ("HAR", "Harbour depot", "Hamburg", "20457"),
    ];
    for (code, name, city, postal_code) in sites {
        let id = id_of(places.len());
        let (created_at, updated_at) = stamps(rng, 1500);
        places.push(Location {
            id,
            code: code.to_owned(),
            name: name.to_owned(),
            kind: LocationKind::Site,
            parent: None,
            street: format!("Plant Street {id}"),
            city: city.to_owned(),
            region: "Germany".to_owned(),
            postal_code: postal_code.to_owned(),
            country: "DE".to_owned(),
            active: true,
            custom: vec![("cost_center", Custom::Text(format!("CC-{}", 4000 + id)))],
            created_at,
            updated_at,
        });
    }
    let first_building = push_below(rng, &mut places, 0, LocationKind::Building, "B1", "Production hall");
    let store_building = push_below(rng, &mut places, 0, LocationKind::Building, "B2", "Stores building");
    let depot = push_below(rng, &mut places, 1, LocationKind::Building, "H1", "Depot hall");
    for line in 0..counts.lines {
        let name = format!("Bottling line {}", line + 1);
        push_below(
            rng,
            &mut places,
            first_building,
            LocationKind::ProductionLine,
            &format!("L{}", line + 1),
            &name,
        );
    }
    for room in 0..counts.storerooms {
        let below = if room % 4 == 3 { depot } else { store_building };
        let code = format!("S{:02}", room + 1);
        let room = push_below(
            rng,
            &mut places,
            below,
            LocationKind::Storeroom,
            &code,
            &format!("Storeroom {}", room + 1),
        );
        for bin in 0..counts.bins_per_storeroom {
            let name = format!("Bin {}", bin + 1);
            push_below(
                rng,
                &mut places,
                room,
                LocationKind::Bin,
                &format!("{code}-{:02}", bin + 1),
                &name,
            );
        }
    }
    places
}

fn push_below(
    rng: &mut Rng,
    places: &mut Vec<Location>,
    parent: usize,
    kind: LocationKind,
    code: &str,
    name: &str,
) -> usize {
    let above = places[parent].clone();
    let (created_at, updated_at) = stamps(rng, 1000);
    places.push(Location {
        id: id_of(places.len()),
        code: if kind == LocationKind::Bin {
            code.to_owned()
        } else {
            format!("{}-{code}", site_code(places, parent))
        },
        name: name.to_owned(),
        kind,
        parent: Some(above.id),
        created_at,
        updated_at,
        ..above
    });
    places.len() - 1
}

fn site_code(places: &[Location], place: usize) -> String {
    places[place].code.chars().take(3).collect()
}

fn items(rng: &mut Rng, count: usize, vendors: usize) -> Vec<Item> {
    draw(count, |id, place| {
        let service = place % 12 == 11;
        let (name, category, uom, lot_tracked) = if service {
            (*cycle(names::SERVICES, place / 12), "Services", "EA", false)
        } else {
            *cycle(names::ITEMS, place - place / 12)
        };
        let round = place / (names::ITEMS.len() + 2);
        let cost = money(rng, 2, 900);
        let (created_at, updated_at) = stamps(rng, 800);
        Item {
            id,
            number: format!("MAT-{:05}", 99 + id),
            name: if round == 0 {
                name.to_owned()
            } else {
                format!("{name}, type {}", round + 1)
            },
            description: format!("{name} for general use in the plant"),
            item_type: match place % 12 {
                11 => ItemType::Service,
                7 => ItemType::NonStocked,
                _ => ItemType::Stocked,
            },
            uom: uom.to_owned(),
            category: category.to_owned(),
            manufacturer: (*cycle(names::MANUFACTURERS, place)).to_owned(),
            manufacturer_part_number: format!("MPN-{}-{:04}", char::from(b'A' + (id % 26) as u8), id * 7),
            barcode: ean13(401_234_500_000 + u64::from(id)),
            standard_cost: cost,
            list_price: (cost * Decimal::new(135, 2)).round_dp(2),
            currency: "EUR".to_owned(),
            vendor: id_of(rng.usize(..vendors)),
            status: match place % 20 {
                13 => ItemStatus::PhasedOut,
                18 => ItemStatus::Inactive,
                _ => ItemStatus::Active,
            },
            lot_tracked: lot_tracked && !service,
            custom: vec![
                ("hazard_class", choice(rng, &["None", "Flammable", "Corrosive"])),
                ("shelf_life_days", Custom::Number(Decimal::from(rng.u32(90..1500)))),
                ("critical_spare", Custom::Flag(place < 4 || rng.u8(..6) == 0)),
                ("old_number", Custom::Text(format!("X{:06}", id * 13))),
            ],
            created_at,
            updated_at,
        }
    })
}

/// Adds the check digit to twelve digits.
fn ean13(twelve: u64) -> String {
    let digits = format!("{twelve:012}");
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Draws a value of a customer's choice field.
pub(super) fn choice(rng: &mut Rng, options: &'static [&'static str]) -> Custom {
    Custom::Choice {
        value: (*pick(rng, options)).to_owned(),
        options,
    }
}

/// Returns a customer's fields of a purchase order.
pub(super) fn order_fields(rng: &mut Rng, id: u32) -> CustomFields {
    vec![
        ("budget_code", Custom::Text(format!("BUD-{:03}", id % 17))),
        ("capex", Custom::Flag(rng.u8(..5) == 0)),
        ("freight_cost", Custom::Number(money(rng, 0, 300))),
        ("urgency", choice(rng, &["Normal", "Express"])),
    ]
}
