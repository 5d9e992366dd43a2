//! Judges a document before it is saved: by the grammar, the unified model, the other layers of the organization, and the
//! connectors of all connections that it would hold for.

use std::{collections::HashSet, sync::Arc};

use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::overlay::{Overlay, OverlayProblem, ProblemCode, Severity},
};
use lineshaft_schema::extend::Conflict;

use super::{MappingError, Scope};
use crate::{
    Engine,
    connections::Connection,
    model::{Layer, Model},
    registry::Kind,
};

/// Most sets of layers over one connector that are tried.
const MOST_SETS: usize = 200;

/// What a document would make of one kind of connection that it holds for.
pub(super) struct Outcome {
    /// The plans that the document would lie over.
    pub(super) below: Arc<Blueprint>,
    /// The plans as they are.
    pub(super) before: Arc<Blueprint>,
    /// The plans as they would be.
    pub(super) after: Arc<Blueprint>,
}

/// What is thought of a document.
pub(super) struct Judgement {
    /// What is wrong with it, or lost by it.
    pub(super) problems: Vec<OverlayProblem>,
    /// What it would make of the connections that it holds for, each kind of them once.
    pub(super) outcomes: Vec<Outcome>,
    /// The model as it would be.
    pub(super) model: Model,
}

impl Judgement {
    pub(super) fn is_wrong(&self) -> bool {
        self.problems.iter().any(OverlayProblem::is_error)
    }
}

impl Engine {
    /// Judges a document that would take the place of a layer in a model.
    pub(super) fn judge(
        &self,
        model: &Model,
        scope: &Scope,
        overlay: &Arc<Overlay>,
        connections: &[Connection],
    ) -> Result<Judgement, MappingError> {
        let unified = self.registry.catalogue();
        let (_, mut problems) = overlay.additions(unified);
        let supposed = model.supposing(&scope.layer, overlay.clone(), &self.registry);
        let of_own = |problem: &OverlayProblem| says(overlay, problem);
        problems.extend(supposed.problems.into_iter().filter(of_own));
        let known: HashSet<String> = problems.iter().map(|problem| problem.pointer.clone()).collect();
        let present = model.conflicts();
        let is_new = |conflict: &&Conflict| !present.contains(conflict);
        // The fields of an entity that is refused fall with it, which need not be told of each.
        let whole = supposed.conflicts.iter().filter(|conflict| conflict.field.is_none());
        let refused: HashSet<&str> = whole.map(|conflict| conflict.of.as_str()).collect();
        let falls = |conflict: &&Conflict| conflict.field.is_some() && refused.contains(conflict.of.as_str());
        for conflict in supposed
            .conflicts
            .iter()
            .filter(is_new)
            .filter(|conflict| !falls(conflict))
        {
            let problem = of_conflict(conflict, overlay);
            if !known.contains(&problem.pointer) {
                problems.push(problem);
            }
        }
        let mut outcomes = Vec::new();
        for Set { base, layers, example } in self.sets(model, scope, connections)? {
            let present = || base.overlaid_leniently(&model.overlay_of(&layers), model.catalogue.clone());
            let before = match example {
                Some((connection, kind)) => model.blueprint(connection, &kind)?,
                None => Arc::new(present().0),
            };
            let joined = supposed.model.overlay_of(&layers);
            let (after, mut wrong) = base.overlaid_leniently(&joined, supposed.model.catalogue.clone());
            if wrong.iter().any(|problem| !says(overlay, problem)) {
                let (_, broken) = present();
                let is_new = |problem: &OverlayProblem| !broken.iter().any(|known| known.pointer == problem.pointer);
                wrong.retain(|problem| says(overlay, problem) || is_new(problem));
            }
            for problem in wrong.iter_mut().filter(|problem| !says(overlay, problem)) {
                // What another layer says is left out from then on, and stands again once this layer lets it.
                problem.severity = Severity::Warning;
                problem.message = format!("another layer no longer fits: {}", problem.message);
            }
            let is_refused = |problem: &OverlayProblem| problem.entity().is_some_and(|name| refused.contains(&*name));
            problems.extend(wrong.into_iter().filter(|problem| !is_refused(problem)));
            let lower: Vec<Layer> = layers
                .iter()
                .take_while(|layer| **layer != scope.layer)
                .cloned()
                .collect();
            let below = base
                .overlaid_leniently(&model.overlay_of(&lower), supposed.model.catalogue.clone())
                .0;
            outcomes.push(Outcome {
                below: Arc::new(below),
                before,
                after: Arc::new(after),
            });
        }
        Ok(Judgement {
            problems,
            outcomes,
            model: supposed.model,
        })
    }

    /// Returns the connectors that a layer lies over, each with the layers that lie over it, the judged one among them.
    fn sets<'c>(
        &self,
        model: &Model,
        scope: &Scope,
        connections: &'c [Connection],
    ) -> Result<Vec<Set<'c>>, MappingError> {
        let kind = self.registry.get(&scope.connector);
        let kind = kind.ok_or_else(|| MappingError::Scope(format!("there is no connector `{}`", scope.connector)))?;
        let mut sets: Vec<Set<'c>> = Vec::new();
        for connection in connections {
            // One whose settings do not fit its connector has no plans that could break.
            let Ok(base) = kind.blueprint_for(&connection.settings) else {
                continue;
            };
            let is_used = |layer: &Layer| *layer == scope.layer || model.layer(layer).is_some();
            let layers: Vec<Layer> = Layer::of(connection).into_iter().filter(is_used).collect();
            let is_known = |set: &Set<'_>| Arc::ptr_eq(&set.base, &base) && set.layers == layers;
            if sets.len() < MOST_SETS && !sets.iter().any(is_known) {
                let example = Some((connection, kind.clone()));
                sets.push(Set { base, layers, example });
            }
        }
        if sets.is_empty() {
            let lowest = Layer::Connector(scope.connector.clone());
            let own = (scope.layer != lowest).then(|| scope.layer.clone());
            sets.push(Set {
                base: kind.blueprint.clone(),
                layers: std::iter::once(lowest).chain(own).collect(),
                example: None,
            });
        }
        Ok(sets)
    }
}

/// Layers over one connector, and a connection that has them.
struct Set<'c> {
    base: Arc<Blueprint>,
    layers: Vec<Layer>,
    example: Option<(&'c Connection, Arc<Kind>)>,
}

/// Returns whether a document says what a problem is about.
fn says(overlay: &Overlay, problem: &OverlayProblem) -> bool {
    let Some(name) = problem.entity() else { return true };
    let Some(entity) = overlay.entities.get(&name) else {
        return false;
    };
    match problem.field() {
        Some(field) => entity.fields.contains_key(&field) || entity.custom.contains_key(&field),
        None => true,
    }
}

/// Tells what the unified model does not take, as a problem of the document if it says it.
fn of_conflict(conflict: &Conflict, overlay: &Overlay) -> OverlayProblem {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let entity = escaped(&conflict.of);
    let pointer = match &conflict.field {
        Some(field) => format!("/entities/{entity}/custom/{}", escaped(field)),
        None => format!("/entities/{entity}/entity"),
    };
    let message = &conflict.message;
    let code = if message.ends_with("is taken") || message.ends_with("already") {
        ProblemCode::NameTaken
    } else if message.ends_with("is no entity") {
        ProblemCode::UnknownEntity
    } else {
        ProblemCode::InvalidMapping
    };
    let problem = OverlayProblem::error(code, pointer, message.clone());
    match says(overlay, &problem) {
        true => problem,
        false => OverlayProblem {
            severity: Severity::Warning,
            message: format!("another layer no longer fits: {message}"),
            ..problem
        },
    }
}
