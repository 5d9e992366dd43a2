//! Names of fields in conditions and sorts.

use super::labels;
use crate::{dialect::Language, path::Path};

/// Returns the name that a path has in filters; nothing when that does not follow from the path.
pub(super) fn filter_name(path: &Path, language: &Language) -> Option<String> {
    if path.levels_up() > 0 || path.text().contains('[') || path.root() == labels::MEMBER {
        return None;
    }
    if language.quotes_names() {
        // What stands within a column has no name of its own.
        let mut names = path.names();
        let only = names.next().filter(|name| can_stand(name, language))?;
        return names.next().is_none().then(|| only.to_owned());
    }
    let names: Vec<&str> = path
        .names()
        .take_while(|name| name.parse::<usize>().is_err())
        .map(|name| name.strip_suffix('.').unwrap_or(name))
        .collect();
    let can_stand = !names.is_empty() && names.iter().all(|name| can_stand(name, language));
    can_stand.then(|| names.join(language.path()))
}

/// Returns whether a name may stand in conditions, sorts and lists of names.
pub(super) fn can_stand(name: &str, language: &Language) -> bool {
    (language.quotes_names() || is_safe_name(name)) && language.is_name(name)
}

/// Names go into filters as they are, so they must not look like anything else.
pub(super) fn is_safe_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '/' | '-' | '$' | '@' | ':'))
}
