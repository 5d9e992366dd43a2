//! What rows have besides the mapped fields: entries of tables that are joined, and customer-specific fields.

use lineshaft_schema::Projection;

use super::{
    Problem,
    labels::{self, JoinPlan},
    resource::CustomSelect,
};
use crate::{manifest::Resource, mapping::CompiledMapping, path::Path};

/// Reports paths to entries that are not joined.
pub(super) fn check_labels(mapping: &CompiledMapping, joins: &[JoinPlan], pointer: &str, problems: &mut Vec<Problem>) {
    let mut all = mapping.definition().map(Projection::all).unwrap_or_default();
    all.custom = true;
    if joins.is_empty()
        && mapping
            .selects(&all)
            .iter()
            .any(|selected| selected.name() == labels::MEMBER)
    {
        let problem = Problem::new(
            format!("{pointer}/labels"),
            "mappings read `_labels`, but no table is joined",
        );
        problems.push(problem.with_help("write `labels: {<name>: {of: <table>, by: <path of the code>}}`"));
    }
}

/// Returns what lists ask for because of the customer-specific fields.
pub(super) fn custom_select(resource: &Resource) -> CustomSelect {
    let Some(custom) = &resource.custom_fields else {
        return CustomSelect::default();
    };
    let mut names = custom.select.clone();
    let rows = custom.rows.as_ref().map(|rows| &rows.path);
    for text in rows.into_iter().chain(&custom.object) {
        if let Ok(path) = Path::parse(text)
            && !path.root().is_empty()
        {
            names.push(path.root().to_owned());
        }
    }
    CustomSelect {
        everything: custom.pattern.is_some() && custom.select.is_empty(),
        names,
    }
}
