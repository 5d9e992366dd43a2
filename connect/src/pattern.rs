//! Regular expressions of connectors: checked when a connector is loaded, compiled when one is first needed.

use std::sync::OnceLock;

use regex::{Captures, Regex};

/// A regular expression that is known to be one. Compiled ones take some thirty kilobytes, and most wait for a failure that
/// never comes.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Checks a text that has these groups.
    ///
    /// # Errors
    /// Tells what is wrong with it, or returns the group that it lacks.
    pub(crate) fn new<'g>(text: &str, groups: &[&'g str]) -> Result<Self, Wrong<'g>> {
        let regex = Regex::new(text).map_err(|error| Wrong::Text(error.to_string()))?;
        let has = |group: &str| regex.capture_names().flatten().any(|name| name == group);
        match groups.iter().find(|group| !has(group)) {
            Some(group) => Err(Wrong::Lacks(group)),
            None => Ok(Self {
                text: text.into(),
                compiled: OnceLock::new(),
            }),
        }
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }

    /// Returns whether a text holds a match.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// Returns what the groups of the first match hold.
    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }
}

/// Why a text is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong<'g> {
    /// It is no regular expression.
    Text(String),
    /// A group is not there.
    Lacks(&'g str),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn it_is_checked_before_it_is_compiled() {
        assert!(matches!(Pattern::new("a(", &[]), Err(Wrong::Text(_))));
        let lacks = Pattern::new("(?<key>[0-9]+)", &["key", "remote"]).unwrap_err();
        assert_eq!(lacks, Wrong::Lacks("remote"));
        let pattern = Pattern::new("^order (?<key>[0-9]+)$", &["key"]).unwrap();
        assert!(pattern.compiled.get().is_none());
        assert_eq!(&pattern.captures("order 17").unwrap()["key"], "17");
        assert!(pattern.clone().is_match("order 18") && !pattern.is_match("order"));
    }
}
