//! Blueprints with overlays over them: only the resources that an overlay touches are compiled anew.

use std::sync::Arc;

use lineshaft_schema::Catalogue;

use super::{Blueprint, compile::recompile};
use crate::manifest::overlay::{Applied, Overlay, OverlayProblem, apply};

impl Blueprint {
    /// Returns the blueprint with an overlay over its mappings. `catalogue` is the unified model with everything that the
    /// organization adds. What the overlay does not touch is shared; settings that were filled in are filled in again.
    ///
    /// # Errors
    /// Returns everything that is wrong with the overlay, with pointers into it.
    pub fn overlaid(&self, overlay: &Overlay, catalogue: Arc<Catalogue>) -> Result<Self, Vec<OverlayProblem>> {
        let Applied {
            manifest,
            problems,
            touched,
            origins,
        } = apply(&self.manifest, overlay, &catalogue);
        let mut errors: Vec<_> = problems.into_iter().filter(OverlayProblem::is_error).collect();
        match recompile(self, manifest, catalogue, &touched) {
            Ok(blueprint) if errors.is_empty() => Ok(blueprint),
            Ok(_) => Err(errors),
            Err(problems) => {
                errors.extend(origins.told(problems, overlay));
                Err(errors)
            }
        }
    }

    /// Returns the blueprint with what of an overlay can be used, and what is wrong with the rest: a mapping that no
    /// longer compiles must not take its connection down.
    #[must_use]
    pub fn overlaid_leniently(&self, overlay: &Overlay, catalogue: Arc<Catalogue>) -> (Self, Vec<OverlayProblem>) {
        let mut overlay = overlay.clone();
        let mut told = Vec::new();
        loop {
            match self.overlaid(&overlay, Arc::clone(&catalogue)) {
                Ok(blueprint) => return (blueprint, told),
                Err(problems) => {
                    // Each round leaves out at least one thing, at last everything.
                    if !leave_out(&mut overlay, &problems) {
                        overlay = Overlay::new();
                    }
                    told.extend(problems);
                }
            }
        }
    }
}

/// Leaves out what the problems are about; tells whether there was something.
fn leave_out(overlay: &mut Overlay, problems: &[OverlayProblem]) -> bool {
    let mut changed = false;
    for problem in problems {
        let Some(name) = problem.entity() else { continue };
        let Some(entity) = overlay.entities.get_mut(&name) else {
            continue;
        };
        let section = problem.segments().nth(2);
        changed |= match (section.as_deref(), problem.field()) {
            (Some("fields"), Some(field)) => entity.fields.shift_remove(&field).is_some(),
            (Some("custom"), Some(field)) => entity.custom.shift_remove(&field).is_some(),
            _ => overlay.entities.shift_remove(&name).is_some(),
        };
    }
    changed
}
