//! Judges a document before it is saved: by the grammar, the unified model, the other layers of the organization, and the
//! connectors of all connections that it would hold for.

use std::{collections::HashSet, sync::Arc};

use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::overlay::{Overlay, OverlayProblem, ProblemCode, Severity},
};
use lineshaft_schema::extend::Conflict;
use sea_orm::DbErr;

use super::{MappingError, Scope};
use crate::{
    Engine,
    connections::Connection,
    model::{Layer, Model},
    registry::{Kind, Registry},
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

/// A document that would take the place of a layer.
#[derive(Clone)]
pub(super) struct Case {
    /// The model that it would change.
    pub(super) model: Arc<Model>,
    pub(super) scope: Scope,
    pub(super) overlay: Arc<Overlay>,
    /// The connections that it would hold for.
    pub(super) connections: Arc<[Connection]>,
    /// Whether whoever asks sees one connection only, and so nothing of what other layers say.
    pub(super) is_bound: bool,
}

impl Engine {
    /// Judges a document, away from the threads that answer: many layers and connectors are compiled for it.
    pub(super) async fn judge(&self, case: Case) -> Result<Judgement, MappingError> {
        let registry = self.registry.clone();
        away(move || case.judge(&registry)).await?
    }
}

/// Computes something away from the threads that answer.
pub(super) async fn away<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T, MappingError> {
    let computed = tokio::task::spawn_blocking(compute).await;
    computed.map_err(|error| MappingError::Database(DbErr::Custom(error.to_string())))
}

impl Case {
    fn judge(&self, registry: &Registry) -> Result<Judgement, MappingError> {
        let Self {
            model,
            scope,
            overlay,
            is_bound,
            ..
        } = self;
        let (_, mut problems) = overlay.additions(registry.catalogue());
        let supposed = model.supposing(&scope.layer, overlay.clone(), registry);
        let mut refused = supposed.refused;
        if *is_bound {
            refused.iter_mut().for_each(without_names);
        }
        let contradicted: HashSet<_> = refused
            .iter()
            .map(|problem| (problem.entity(), problem.field()))
            .collect();
        problems.extend(refused);
        let mut others: Vec<OverlayProblem> = supposed.problems;
        others.iter_mut().for_each(no_longer_fits);
        let known: HashSet<String> = problems
            .iter()
            .chain(&others)
            .map(|problem| problem.pointer.clone())
            .collect();
        let present = model.conflicts();
        let is_new = |conflict: &&Conflict| !present.contains(conflict);
        // The fields of an entity that is refused fall with it, which need not be told of each.
        let whole = supposed.conflicts.iter().filter(|conflict| conflict.field.is_none());
        let fallen: HashSet<&str> = whole.map(|conflict| conflict.of.as_str()).collect();
        let falls = |conflict: &&Conflict| conflict.field.is_some() && fallen.contains(conflict.of.as_str());
        let new = supposed.conflicts.iter().filter(is_new);
        for conflict in new.filter(|conflict| !falls(conflict)) {
            let mut problem = of_conflict(conflict);
            if known.contains(&problem.pointer) {
                continue;
            }
            if says(overlay, &problem) {
                problems.push(problem);
            } else {
                no_longer_fits(&mut problem);
                others.push(problem);
            }
        }
        let mut outcomes = Vec::new();
        for Set { base, layers, example } in self.sets(registry)? {
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
            let is_fallen = |problem: &OverlayProblem| problem.entity().is_some_and(|name| fallen.contains(&*name));
            for mut problem in wrong.into_iter().filter(|problem| !is_fallen(problem)) {
                let is_conflict = problem.code == ProblemCode::TypeConflict;
                if is_conflict && contradicted.contains(&(problem.entity(), problem.field())) {
                    continue;
                }
                // Where the type of this document holds, it is a layer above that has another one.
                let is_above = is_conflict && !matches!(scope.layer, Layer::Connection(_));
                if is_above || !says(overlay, &problem) {
                    no_longer_fits(&mut problem);
                    others.push(problem);
                } else if problem.entity().is_some() {
                    problems.push(problem);
                } else {
                    others.push(problem);
                }
            }
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
        match is_bound {
            true => problems.extend(in_one_sentence(&others)),
            false => problems.extend(others),
        }
        Ok(Judgement {
            problems,
            outcomes,
            model: supposed.model,
        })
    }

    /// Returns the connectors that a layer lies over, each with the layers that lie over it, the judged one among them.
    fn sets(&self, registry: &Registry) -> Result<Vec<Set<'_>>, MappingError> {
        let (model, scope) = (&self.model, &self.scope);
        let kind = registry.get(&scope.connector);
        let kind = kind.ok_or_else(|| MappingError::Scope(format!("there is no connector `{}`", scope.connector)))?;
        let mut sets: Vec<Set<'_>> = Vec::new();
        for connection in self.connections.iter() {
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
pub(super) fn says(overlay: &Overlay, problem: &OverlayProblem) -> bool {
    let Some(name) = problem.entity() else { return true };
    let Some(entity) = overlay.entities.get(&name) else {
        return false;
    };
    match problem.field() {
        Some(field) => entity.fields.contains_key(&field) || entity.custom.contains_key(&field),
        None => true,
    }
}

/// Marks what another layer says: it is left out from then on, and stands again once the judged one lets it.
fn no_longer_fits(problem: &mut OverlayProblem) {
    problem.severity = Severity::Warning;
    problem.message = format!("another layer no longer fits: {}", problem.message);
}

/// Tells those who see one connection that other layers and theirs do not fit, and nothing of what these say.
pub(super) fn in_one_sentence<'p>(others: impl IntoIterator<Item = &'p OverlayProblem>) -> Option<OverlayProblem> {
    let severity = others.into_iter().map(|problem| problem.severity).min()?;
    let message = "another mapping that holds for the connection does not fit, and a part of it is left out";
    Some(OverlayProblem {
        severity,
        ..OverlayProblem::error(ProblemCode::InvalidMapping, "", message)
    })
}

/// Takes what another layer calls an entity out of a problem.
fn without_names(problem: &mut OverlayProblem) {
    if let (Some(entity), None) = (problem.entity(), problem.field()) {
        problem.message = format!("`{entity}` is listed by another name elsewhere in the organization");
    }
}

/// Tells what the unified model does not take.
fn of_conflict(conflict: &Conflict) -> OverlayProblem {
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
    OverlayProblem::error(code, pointer, message.clone())
}
