//! Measures mappings: rows that become records, against parsing and writing the same JSON with serde_json in the same
//! run; and what it costs to lay an overlay over a connector and to extend the model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark"
)]

use std::{
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use lineshaft_connect::{
    blueprint::Blueprint,
    json,
    manifest::{load, overlay::Overlay},
};
use lineshaft_schema::{Catalogue, Projection};
use serde_json::{Map, Value};

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 1_000;
const ROUNDS: usize = 9;
/// How long one round goes on at least.
const ROUND: Duration = Duration::from_millis(200);

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/odoo");
    let (manifest, _) = load::load_folder(&folder).unwrap_or_else(|problems| panic!("{problems:?}"));
    let catalogue = Catalogue::unified().unwrap();
    let base = Blueprint::compile(manifest, Arc::clone(&catalogue)).unwrap_or_else(|problems| panic!("{problems:?}"));

    println!("{ROWS} rows, one core; median of {ROUNDS} rounds\n");
    println!("| fields | expressions | records/s | MB/s | time against serde_json parse + write |");
    println!("|---|---|---|---|---|");
    for (fields, expressions) in [(20, 0), (20, 20), (80, 0), (80, 20)] {
        records(&base, &catalogue, fields, expressions);
    }

    let overlay = overlay(40, 10);
    let (additions, problems) = overlay.additions(&catalogue);
    assert!(problems.is_empty(), "{problems:?}");
    let extended = Arc::new(catalogue.extended(&additions).0);
    let laid = median(|| {
        black_box(base.overlaid(&overlay, Arc::clone(&extended)).unwrap());
    });
    let settings = Map::new();
    let bound = base.with_settings(&settings).unwrap();
    let bound = median(|| {
        black_box(bound.overlaid(&overlay, Arc::clone(&extended)).unwrap());
    });
    let built = median(|| {
        black_box(catalogue.extended(&additions));
    });
    println!("\n| what | time |\n|---|---|");
    println!(
        "| `Blueprint::overlaid`, 40 custom fields, 10 of them expressions | {} |",
        milliseconds(laid)
    );
    println!(
        "| the same for a connection with its settings | {} |",
        milliseconds(bound)
    );
    println!("| `Catalogue::extended` by 40 fields | {} |", milliseconds(built));
}

/// Maps rows with so many fields, so many of which are expressions, and compares with what serde_json needs.
fn records(base: &Blueprint, catalogue: &Catalogue, fields: usize, expressions: usize) {
    let overlay = overlay(fields, expressions);
    let (additions, problems) = overlay.additions(catalogue);
    assert!(problems.is_empty(), "{problems:?}");
    let extended = Arc::new(catalogue.extended(&additions).0);
    let blueprint = base
        .overlaid(&overlay, extended)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let def = blueprint.catalogue().type_named("Vendor").unwrap();
    let resource = blueprint.resource(def.index).unwrap();
    let mut projection = Projection::default();
    def.custom_fields().for_each(|field| projection.insert(field.index));
    let body = body(fields, expressions);
    let now = chrono::Utc::now();
    let mapped = median(|| {
        let rows = json::parse(body.as_bytes()).unwrap();
        let mapper = resource.mapping().mapper(&projection, now);
        for row in rows.elements().unwrap() {
            let record = mapper.map(row).unwrap();
            assert!(record.problems.is_empty(), "{:?}", record.problems);
            black_box(record);
        }
    });
    let plain = median(|| {
        let rows: Value = serde_json::from_str(&body).unwrap();
        black_box(serde_json::to_string(&rows).unwrap());
    });
    let seconds = mapped.as_secs_f64();
    println!(
        "| {fields} | {expressions} | {:.0} | {:.0} | {:.2}× |",
        ROWS as f64 / seconds,
        body.len() as f64 / seconds / 1e6,
        seconds / plain.as_secs_f64(),
    );
}

/// An overlay with so many custom fields, the last of which are expressions.
fn overlay(fields: usize, expressions: usize) -> Overlay {
    let mut text = "mapping: 1\nentities:\n  Vendor:\n    custom:\n".to_owned();
    for at in 0..fields {
        let line = match at % 4 {
            _ if at >= fields - expressions => {
                format!("{{type: string, source: {{expression: \"row.x_text_{at}|upper ~ '-' ~ row.id\"}}}}")
            }
            0 => format!("{{type: integer, source: {{path: x_whole_{at}, filter: [eq], write: true}}}}"),
            1 => format!("{{type: decimal, source: {{path: x_exact_{at}, filter: [eq], sort: true}}}}"),
            2 => format!("{{type: date, source: x_date_{at}}}"),
            _ => format!("{{type: string, source: {{path: x_text_{at}, filter: [eq, in], write: true}}}}"),
        };
        text.push_str(&format!("      field{at}: {line}\n"));
    }
    Overlay::from_yaml(&text)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .0
}

fn body(fields: usize, expressions: usize) -> String {
    let row = |row: usize| {
        let mut members = Map::new();
        members.insert("id".to_owned(), row.into());
        for at in 0..fields {
            match at % 4 {
                kind if kind == 3 || at >= fields - expressions => {
                    members.insert(format!("x_text_{at}"), format!("some text of {row}").into())
                }
                0 => members.insert(format!("x_whole_{at}"), (row * at).into()),
                1 => members.insert(format!("x_exact_{at}"), (row as f64 / 4.0).into()),
                _ => members.insert(format!("x_date_{at}"), "2026-11-22".into()),
            };
        }
        Value::Object(members)
    };
    serde_json::to_string(&(0..ROWS).map(row).collect::<Vec<_>>()).unwrap()
}

/// Returns the median time of one run.
fn median(mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let mut runs = 0_u32;
            while start.elapsed() < ROUND {
                run();
                runs += 1;
            }
            start.elapsed() / runs
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
