//! The names that the API itself has: what an organization adds must not be called the same.

use std::{collections::HashSet, sync::LazyLock};

/// The whole schema as it is served to those who add nothing. A test keeps it up to date.
const SERVED: &str = include_str!("../lineshaft.graphql");

/// The names of its types, and those of the fields of its roots.
struct Names {
    types: HashSet<&'static str>,
    roots: HashSet<&'static str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| read(SERVED));

/// Returns whether a type has this name.
pub(crate) fn is_type(name: &str) -> bool {
    NAMES.types.contains(name)
}

/// Returns whether a query, mutation or subscription has this name.
pub(crate) fn is_root(name: &str) -> bool {
    NAMES.roots.contains(name)
}

fn read(text: &'static str) -> Names {
    let mut names = Names {
        types: ["Int", "Float", "String", "Boolean", "ID"].into(),
        roots: HashSet::new(),
    };
    let (mut described, mut in_root) = (false, false);
    for line in text.lines() {
        if line.trim() == "\"\"\"" {
            described = !described;
            continue;
        }
        if described {
            continue;
        }
        if let Some(field) = line.strip_prefix('\t') {
            let end = field
                .find(['(', ':'])
                .filter(|_| in_root && !field.starts_with(['\t', ')']));
            names.roots.extend(end.and_then(|end| field.get(..end)));
            continue;
        }
        let mut words = line.split([' ', '{']);
        let kind = words.next().unwrap_or_default();
        if ["type", "input", "enum", "interface", "scalar", "union"].contains(&kind)
            && let Some(name) = words.next()
        {
            names.types.insert(name);
            in_root = ["Query", "Mutation", "Subscription"].contains(&name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_and_roots_are_found() {
        for name in [
            "Connection",
            "PageInfo",
            "VendorFilter",
            "UnifiedRecord",
            "Decimal",
            "WriteOutcome",
        ] {
            assert!(is_type(name), "{name}");
        }
        for name in [
            "node",
            "connections",
            "vendor",
            "writeBatch",
            "createConnection",
            "events",
        ] {
            assert!(is_root(name), "{name}");
        }
        assert!(!is_root("first") && !is_root("id") && !is_type("Calibration"));
    }
}
