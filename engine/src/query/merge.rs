//! Takes records out of the branches: in turn when there is no order, else the smallest first.

use lineshaft_schema::{Order, Record};

use super::branch::{Branch, compare_values};

/// Returns how many records each branch should have at hand for a page.
///
/// Without an order each gives its share and one more, which tells whether there is a next page; with an order
/// any branch may have to give them all.
pub(super) fn share(order: Option<Order>, wanted: usize, branches: usize) -> usize {
    if order.is_some() {
        wanted + 1
    } else {
        wanted.div_ceil(branches.max(1)) + 1
    }
}

/// Takes at most so many records, each with the place of its branch.
pub(super) fn take(
    order: Option<Order>,
    branches: &mut [Branch],
    wanted: usize,
    mut given: impl FnMut(&mut [Branch], usize, Record),
) {
    let mut turn = 0;
    for _ in 0..wanted {
        let next = if order.is_some() {
            smallest(order, branches)
        } else {
            in_turn(branches, &mut turn)
        };
        let Some(at) = next else { return };
        let Some(record) = branches.get_mut(at).and_then(Branch::take) else {
            return;
        };
        given(branches, at, record);
    }
}

fn in_turn(branches: &[Branch], turn: &mut usize) -> Option<usize> {
    let count = branches.len();
    let next = (0..count)
        .map(|step| (*turn + step) % count)
        .find(|at| branches.get(*at).is_some_and(|branch| !branch.buffer.is_empty()))?;
    *turn = next + 1;
    Some(next)
}

fn smallest(order: Option<Order>, branches: &[Branch]) -> Option<usize> {
    let heads = branches
        .iter()
        .enumerate()
        .filter_map(|(at, branch)| branch.buffer.front().map(|record| (at, record)));
    // Keys of different connections are not compared: after the order value the connection decides.
    heads
        .min_by(|(i, a), (j, b)| compare_values(order, a, b).then_with(|| i.cmp(j)))
        .map(|(at, _)| at)
}
