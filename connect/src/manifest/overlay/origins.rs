//! Where in an overlay what stands in a manifest comes from, so that problems are told at the place that made them.

use serde_json::Value as Json;

use super::{Overlay, OverlayProblem, ProblemCode};
use crate::blueprint::Problem;

/// Pointers into a manifest, and where in the overlay what stands there comes from.
#[derive(Default)]
pub(crate) struct Origins(Vec<(String, String)>);

impl Origins {
    /// Adds the origin of a place and of what stands below it.
    pub(super) fn add(&mut self, at: &str, origin: &str) {
        self.0.push((at.to_owned(), origin.to_owned()));
    }

    /// Adds an origin that counts where nothing else is said of the place.
    pub(super) fn add_fallback(&mut self, at: String, origin: &str) {
        let fallback = (at, origin.to_owned());
        if !self.0.contains(&fallback) {
            self.0.insert(0, fallback);
        }
    }

    /// Tells problems of the manifest as those of the overlay that it comes from.
    pub(crate) fn told(&self, problems: Vec<Problem>, overlay: &Overlay) -> Vec<OverlayProblem> {
        let document = serde_json::to_value(overlay).unwrap_or_default();
        let told = problems.into_iter().map(|problem| {
            let (pointer, rest) = self.origin(&problem.pointer);
            OverlayProblem {
                help: problem.help,
                ..OverlayProblem::error(
                    code_of(&pointer, rest, &problem.message),
                    existing(&document, &format!("{pointer}{rest}")),
                    problem.message,
                )
            }
        });
        told.collect()
    }

    /// Returns the place in the overlay from which a place in the manifest comes, and the rest of the way.
    fn origin<'p>(&self, pointer: &'p str) -> (String, &'p str) {
        let below = |(at, origin): &(String, String)| {
            let rest = pointer.strip_prefix(at.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (at.len(), origin.clone(), rest))
        };
        match self.0.iter().filter_map(below).max_by_key(|(length, ..)| *length) {
            Some((_, origin, rest)) => (origin, rest),
            None => (String::new(), ""),
        }
    }
}

/// Returns the pointer up to where the document goes on.
fn existing(document: &Json, pointer: &str) -> String {
    let mut known = String::new();
    for name in pointer.split('/').skip(1) {
        let longer = format!("{known}/{name}");
        if document.pointer(&longer).is_none() {
            break;
        }
        known = longer;
    }
    known
}

/// Returns what kind of problem of a manifest it is.
fn code_of(origin: &str, rest: &str, message: &str) -> ProblemCode {
    let below = |name: &str| rest == name || rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    if below("/expression") {
        ProblemCode::InvalidExpression
    } else if message.starts_with("unknown field") {
        ProblemCode::UnknownField
    } else if origin.ends_with("/write") || below("/write") {
        ProblemCode::NotInvertible
    } else if message.contains("does not give") || below("/as") || below("/default") || below("/constant") {
        ProblemCode::WrongType
    } else {
        ProblemCode::InvalidMapping
    }
}
