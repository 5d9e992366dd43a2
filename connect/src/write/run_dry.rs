//! The requests of dry runs, and those that take back what was made.

use super::{
    backward_children::with_owner,
    compile_steps::StepPlan,
    run::{Run, has_value},
    run_scope::Item,
};
use crate::{
    error::Error,
    request::RequestPlan,
    template::{Variables, find_in},
};

impl Run {
    /// Notes that a step is not sent, so that nothing will come of it. What another step keeps under the same name wins.
    fn never_keeps(&mut self, step: &StepPlan) {
        let names = step.keep.iter().map(|(name, _)| format!("kept.{name}"));
        self.never_kept.extend(names);
    }

    /// Plans the request that takes back what was made; none when there is none.
    #[must_use]
    pub fn undo(&self, variables: &Variables<'_>) -> Option<Result<RequestPlan, Error>> {
        let resource = self.resource()?;
        self.key.as_ref()?;
        let delete = self.writes().and_then(|plan| plan.delete.as_ref());
        let single = delete.and_then(|delete| match delete.steps.as_slice() {
            [only] if !delete.reads_first => Some(&only.call),
            _ => None,
        });
        let call = self.operation.undo.as_ref().or(single)?;
        Some(self.plan_call(call, resource, None, variables, false))
    }

    /// Plans every request of a dry run, each with the name of its step; what only answers can tell stands as
    /// `{{kept.name}}` in it.
    ///
    /// # Errors
    /// Names the setting or credential that has no value.
    pub fn dry(&self, variables: &Variables<'_>) -> Result<Vec<(String, RequestPlan)>, Error> {
        let mut run = self.clone();
        let mut plans = Vec::new();
        for step in self.operation.steps.iter().filter(|_| !self.idle) {
            let own = self.values(None);
            let is_open = |name: &str| name.starts_with("kept.");
            if let Some(when) = &step.when
                && !is_open(when)
                && !find_in(&own, when).is_some_and(has_value)
            {
                run.never_keeps(step);
                continue;
            }
            if let Some(unless) = &step.unless
                && find_in(&own, unless).is_some_and(has_value)
            {
                run.never_keeps(step);
                continue;
            }
            run.never_kept.retain(|name| {
                !step
                    .keep
                    .iter()
                    .any(|(kept, _)| name.strip_prefix("kept.") == Some(kept))
            });
            let open = step.for_each.as_deref().is_some_and(is_open);
            let items = match self.items(step) {
                Some(items) if !open => {
                    let numbered = items.into_iter().zip(1..);
                    numbered.map(|(value, index)| Some(Item { value, index })).collect()
                }
                _ => vec![None],
            };
            for item in items {
                plans.push((step.name.clone(), run.plan(step, item, variables, true)?));
            }
        }
        for row in &self.later {
            let owner = self.key.clone();
            let request = with_owner(&row.request, row.owner, &owner.clone().unwrap_or_default());
            // What is wrong with rows was told before.
            let Ok(child) = Self::prepare(&self.blueprint, &request, self.now, owner.is_none()) else {
                continue;
            };
            for (step, plan) in child.dry(variables)? {
                let place = row.path.join(".");
                plans.push((
                    if step.is_empty() {
                        place
                    } else {
                        format!("{place} {step}")
                    },
                    plan,
                ));
            }
        }
        Ok(plans)
    }
}
