//! How many requests that change something a write has, as far as that can be told before their answers are there.

use super::run::{Run, has_value};
use crate::{manifest::Sends, template::find_in};

/// The requests of a write that change something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Whether there is one at most.
    pub(crate) single: bool,
    /// The step of the last one, where no other request has the same name.
    pub(crate) last: Option<String>,
}

impl Extent {
    /// Returns whether nothing was to follow the request of a step; of a step that is not known, whether there is only
    /// one request.
    pub(crate) fn ends_with(&self, step: Option<&str>) -> bool {
        match step {
            Some(step) => self.last.as_deref() == Some(step),
            None => self.single,
        }
    }
}

impl Run {
    /// Returns which requests the write has.
    pub(crate) fn extent(&self) -> Extent {
        if !self.later.is_empty() {
            return Extent::default();
        }
        let own = self.values(None);
        let mut is_certain = true;
        let mut steps: Vec<(&str, usize)> = Vec::new();
        for step in self.operation.steps.iter().filter(|step| step.call.changes()) {
            match &step.when {
                Some(when) if self.is_open(when) => is_certain = false,
                Some(when) if !find_in(&own, when).is_some_and(has_value) => continue,
                _ => {}
            }
            let count = match &step.for_each {
                Some(list) if self.is_open(list) => usize::MAX,
                Some(_) => self.items(step).map_or(1, |items| items.len()),
                None => 1,
            };
            if count > 0 {
                steps.push((&step.name, count));
            }
        }
        Extent {
            single: is_certain && matches!(steps.as_slice(), [] | [(_, 1)]),
            last: match steps.last() {
                Some((name, 1)) => Some((*name).to_owned()),
                _ => None,
            },
        }
    }

    /// Returns whether a variable has its value only from answers.
    fn is_open(&self, name: &str) -> bool {
        match name.split('.').next() {
            Some("row") => self.operation.sends == Sends::Whole,
            Some("kept" | "current" | "current_version" | "key") => true,
            _ => false,
        }
    }
}
