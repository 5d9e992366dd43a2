//! The fingerprint by which a cursor knows the query that it belongs to.

use lineshaft_schema::TypeDef;

use super::PageRequest;

/// Returns a fingerprint of everything that decides which records a list has, and in which order.
pub(super) fn fingerprint(def: &TypeDef, request: &PageRequest) -> u64 {
    let mut scope = request.scope.clone();
    if let Some(connections) = &mut scope.connections {
        connections.sort_unstable();
    }
    for names in [&mut scope.customers, &mut scope.connectors].into_iter().flatten() {
        names.sort_unstable();
    }
    let text = format!(
        "{}\u{0}{:?}\u{0}{:?}\u{0}{scope:?}",
        def.name, request.filter, request.order
    );
    let hash = blake3::hash(text.as_bytes());
    let (head, _) = hash.as_bytes().split_at(8);
    head.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
