//! Measures what the schemas of organizations cost: the time to build one, the time to find one that is kept, and the
//! memory of 10, 100 and 1,000 of them, each with a custom entity and 20 custom fields of its own.
//!
//! Each count is measured in a process of its own, so that what one leaves behind does not count for the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use lineshaft_api::{Schemas, Suggestions};
use lineshaft_connect::transport::{ClientSettings, HttpClient};
use lineshaft_engine::{Engine, Parts, Settings, database, model::Model, registry::Registry, secrets::KeyRing};
use lineshaft_schema::{
    Catalogue,
    extend::{AddedEntity, AddedField, AddedKind, Additions},
};

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COUNT: &str = "LINESHAFT_BENCH_COUNT";
const COUNTS: [usize; 3] = [10, 100, 1_000];
const FIELDS: usize = 20;
/// Look-ups of schemas that are kept.
const LOOK_UPS: usize = 100_000;
const PAGE: usize = 4_096;

fn main() {
    if let Ok(count) = std::env::var(COUNT) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(measure(count.parse().unwrap()));
        return;
    }
    println!(
        "organizations | build, median | build, slowest | all built | kept, each | SDL written | look-up | models, each"
    );
    for count in COUNTS {
        let status = Command::new(std::env::current_exe().unwrap())
            .env(COUNT, count.to_string())
            .status()
            .unwrap();
        assert!(status.success(), "{count} organizations: {status}");
    }
}

async fn measure(count: usize) {
    let schemas = Schemas::new(engine().await, Suggestions::On, 10_000);
    let unified = Catalogue::unified().unwrap();
    // The first build sets up what all share.
    let warm = model(&unified, usize::MAX);
    schemas.of(&warm).await.unwrap();

    let empty = resident();
    let models: Vec<Model> = (0..count).map(|number| model(&unified, number)).collect();
    let modelled = resident();
    let begun = Instant::now();
    let mut times = Vec::with_capacity(count);
    for model in &models {
        let begun = Instant::now();
        schemas.of(model).await.unwrap();
        times.push(begun.elapsed());
    }
    let built = begun.elapsed();
    let kept = resident();

    let begun = Instant::now();
    let sdl = schemas.sdl(models.first().unwrap()).await.unwrap();
    let written = begun.elapsed();
    assert!(sdl.contains("custom0"));
    let begun = Instant::now();
    for model in models.iter().cycle().take(LOOK_UPS) {
        schemas.of(model).await.unwrap();
    }
    let found = begun.elapsed() / u32::try_from(LOOK_UPS).unwrap();
    times.sort();
    let median = times.get(count / 2).unwrap();
    println!(
        "{count:>13} | {:>10.2} ms | {:>11.2} ms | {:>7.2} s | {:>6} KiB | {:>8.2} ms | {:>4} ns | {:>8} KiB",
        millis(*median),
        millis(*times.last().unwrap()),
        built.as_secs_f64(),
        kept.saturating_sub(modelled) / count / 1024,
        millis(written),
        found.as_nanos(),
        modelled.saturating_sub(empty) / count / 1024,
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Returns the bytes of memory that the process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * PAGE
}

fn model(unified: &Catalogue, number: usize) -> Model {
    let kinds = [
        AddedKind::Text,
        AddedKind::Decimal,
        AddedKind::Date,
        AddedKind::Reference("User".to_owned()),
        AddedKind::Enum(vec![
            ("HIGH".to_owned(), "High".to_owned()),
            ("LOW".to_owned(), "Low".to_owned()),
        ]),
    ];
    let owners = [
        "PurchaseOrder",
        "PurchaseOrderLine",
        "Asset",
        "WorkOrder",
        "Calibration",
    ];
    let fields = (0..FIELDS)
        .zip(kinds.iter().cycle())
        .zip(owners.iter().cycle().skip(number % owners.len()));
    let additions = Additions {
        entities: vec![AddedEntity {
            name: "Calibration".to_owned(),
            plural: "calibrations".to_owned(),
            label: "Calibration".to_owned(),
            description: "A check of an instrument.".to_owned(),
        }],
        fields: fields
            .map(|((at, kind), of)| AddedField {
                of: (*of).to_owned(),
                name: format!("custom{at}"),
                label: format!("Custom field {at}"),
                description: format!("What the organization {number} keeps in field {at}."),
                kind: kind.clone(),
                list: false,
            })
            .collect(),
    };
    let (catalogue, conflicts) = unified.extended(&additions);
    assert!(conflicts.is_empty(), "{conflicts:?}");
    Model::plain(Arc::new(catalogue))
}

async fn engine() -> Arc<Engine> {
    let database = database::connect("sqlite::memory:", &database::Settings::default())
        .await
        .unwrap();
    Arc::new(Engine::new(Parts {
        database,
        keys: Arc::new(KeyRing::generate().unwrap()),
        registry: Registry::new(Catalogue::unified().unwrap()),
        wire: Arc::new(HttpClient::new(&ClientSettings::default()).unwrap()),
        settings: Settings::default(),
    }))
}
