//! Checks that a world is whole: same for the same seed, every status present, all links true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

#[test]
fn the_same_seed_gives_the_same_world() {
    assert_eq!(
        World::generate(Seed(7), Size::Small),
        World::generate(Seed(7), Size::Small)
    );
    assert_ne!(
        World::generate(Seed(7), Size::Small),
        World::generate(Seed(8), Size::Small)
    );
}

#[test]
fn sizes_are_as_named() {
    let counts: Vec<usize> = [Size::Small, Size::Medium, Size::Large]
        .iter()
        .map(|size| World::generate(Seed(1), *size).record_count())
        .collect();
    assert!((250..500).contains(&counts[0]), "{counts:?}");
    assert!((2_500..4_000).contains(&counts[1]), "{counts:?}");
    assert!((9_000..12_000).contains(&counts[2]), "{counts:?}");
}

#[test]
fn every_status_occurs() {
    let world = World::generate(Seed::default(), Size::Small);
    for status in OrderStatus::ALL {
        assert!(
            world.purchase_orders.iter().any(|order| order.status == status),
            "{status:?}"
        );
    }
    for status in WorkStatus::ALL {
        assert!(
            world.work_orders.iter().any(|order| order.status == status),
            "{status:?}"
        );
    }
    for status in [
        AssetStatus::Operating,
        AssetStatus::Down,
        AssetStatus::Standby,
        AssetStatus::Decommissioned,
        AssetStatus::NotReady,
    ] {
        assert!(world.assets.iter().any(|asset| asset.status == status), "{status:?}");
    }
    for status in [VendorStatus::Active, VendorStatus::Blocked, VendorStatus::Inactive] {
        assert!(world.vendors.iter().any(|vendor| vendor.status == status), "{status:?}");
    }
}

#[test]
fn links_lead_to_records() {
    for size in [Size::Small, Size::Medium] {
        let world = World::generate(Seed::default(), size);
        for order in &world.purchase_orders {
            assert!(world.find_vendor(order.vendor).is_some() && world.find_user(order.buyer).is_some());
            for line in &order.lines {
                assert!(line.item.is_none_or(|id| world.find_item(id).is_some()));
                assert_eq!(
                    world.find_location(line.location).unwrap().kind,
                    LocationKind::Storeroom
                );
            }
        }
        for work in &world.work_orders {
            assert!(work.asset.is_none_or(|id| world.find_asset(id).is_some()));
            assert!(world.find_location(work.location).is_some());
        }
        for level in &world.stock_levels {
            assert!(level.reserved <= level.on_hand);
            assert_eq!(
                world.find_location(level.location).unwrap().kind,
                LocationKind::Storeroom
            );
        }
        for location in &world.locations {
            assert!(world.site_of(location.id).is_some());
        }
    }
}

#[test]
fn the_pump_is_everywhere() {
    let world = World::generate(Seed::default(), Size::Small);
    let pump = world.assets.iter().find(|asset| asset.number == "P-101").unwrap();
    assert!(pump.parent.is_some());
    assert!(world.assets.iter().any(|asset| asset.parent == Some(pump.id)));
    assert!(world.work_orders.iter().any(|work| work.asset == Some(pump.id)));
    for part in &pump.spare_parts {
        assert!(world.stock_levels.iter().any(|level| level.item == *part));
    }
    assert!(world.purchase_lines().any(
        |(_, line)| line.item.is_some_and(|item| pump.spare_parts.contains(&item)) && line.asset == Some(pump.id)
    ));
}

#[test]
fn a_record_is_found_after_another_was_removed() {
    let mut world = World::generate(Seed::default(), Size::Small);
    world.items.remove(3);
    assert!(world.find_item(4).is_none());
    assert_eq!(world.find_item(9).unwrap().id, 9);
}
