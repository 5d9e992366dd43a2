//! Hands the model that a schema is built from to the places that register it: async-graphql registers types by functions
//! without arguments.

use std::{cell::RefCell, sync::Arc};

use lineshaft_schema::Catalogue;

thread_local! {
    static MODEL: RefCell<Option<Arc<Catalogue>>> = const { RefCell::new(None) };
}

/// Puts back what was there before, also when building breaks off.
struct Restore(Option<Arc<Catalogue>>);

impl Drop for Restore {
    fn drop(&mut self) {
        MODEL.set(self.0.take());
    }
}

/// Builds something from a model, on this thread.
pub(crate) fn with<T>(catalogue: &Arc<Catalogue>, build: impl FnOnce() -> T) -> T {
    let _restore = Restore(MODEL.replace(Some(catalogue.clone())));
    build()
}

/// Returns the model that is built from: the unified model unless something else was said.
pub(crate) fn catalogue() -> Option<Arc<Catalogue>> {
    // A build whose unified model does not parse fails its tests; it never starts.
    MODEL.with_borrow(Clone::clone).or_else(|| Catalogue::unified().ok())
}
