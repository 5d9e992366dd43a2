//! Overlays, until they are compiled.

use std::sync::Arc;

use lineshaft_schema::{Catalogue, extend::Additions};

use super::{Blueprint, Problem};
use crate::manifest::overlay::Overlay;

impl Blueprint {
    /// Lays an overlay over the plans.
    #[must_use]
    pub fn overlaid_leniently(&self, overlay: &Overlay, catalogue: Arc<Catalogue>) -> (Self, Vec<Problem>) {
        let _ = (overlay, catalogue);
        (self.clone(), Vec::new())
    }
}

/// Returns what overlays add.
pub fn additions<'o>(overlays: impl Iterator<Item = &'o Overlay>, catalogue: &Catalogue) -> (Additions, Vec<Problem>) {
    let _ = (overlays.count(), catalogue);
    (Additions::default(), Vec::new())
}
