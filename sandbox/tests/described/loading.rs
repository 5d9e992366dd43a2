//! What is wrong with a description is told; those of the connectors are right.

use lineshaft_sandbox::{Description, Options, Sandbox, Size, System, World};

use super::support::{acme, start};

#[test]
fn every_described_system_computes_its_tables() {
    let faulty: Vec<String> = System::faulty().iter().map(ToString::to_string).collect();
    assert!(faulty.is_empty(), "{}", faulty.join("\n"));
    let world = World::generate(Options::default().seed, Size::Small);
    for system in System::all() {
        system.compute(&world).unwrap_or_else(|problem| panic!("{problem}"));
    }
    acme().compute(&world).unwrap_or_else(|problem| panic!("{problem}"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let text = "sandbox: 1\nconnection: {settings: {}}\ntables:\n  a:\n    of: vendors\n    rwo: {}\n    row: {id: \"=r.id +\", x: \"=nothing\"}\nendpoints:\n  - GET /a:\n      list: {table: b, page: {kind: foo, at: x}}\n  - GET b: {}\n";
    let faulty = Description::read("x", "sandbox.yaml", text).unwrap_err();
    let told = faulty.to_string();
    for expected in [
        "sandbox.yaml:6:5: unknown word `rwo`",
        "sandbox.yaml:7:15: ",
        "sandbox.yaml:7:29: unknown name `nothing`",
        "there is no table `b`",
        "kind is one of all, offset",
        "b is not a path",
    ] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
    assert!(Description::read("x", "f", "sandbox: [").is_err());
}

#[tokio::test]
async fn a_described_system_is_one_like_the_others() {
    let sandbox = start().await;
    assert_eq!((acme().id(), acme().title()), ("acme", "Acme"));
    assert_eq!(System::from_id("acme"), Some(acme()));
    let (settings, _) = sandbox.demo_connection();
    assert_eq!(settings["base_url"], format!("{}/api", sandbox.base_url()));
    let world = sandbox.world().clone();
    let orders = world
        .work_orders
        .iter()
        .filter(|order| format!("{:?}", order.kind) != "Emergency");
    assert_eq!(
        acme().expected("WorkOrder", &world).unwrap(),
        Some(orders.clone().count())
    );
    let tasks: usize = orders.map(|order| order.tasks.len()).sum();
    assert_eq!(acme().expected("WorkOrderTask", &world).unwrap(), Some(tasks));
    assert_eq!(acme().expected("Asset", &world).unwrap(), None);
    let second = Sandbox::start(acme(), Options::default()).await.unwrap();
    assert_ne!(second.base_url(), sandbox.base_url());
}
