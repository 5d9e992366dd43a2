//! The variables `select` and `expand`: which fields of the source a projection needs.

use lineshaft_schema::Projection;
use serde_json::Value;

use crate::{
    blueprint::{
        PagingPlan, ResourcePlan,
        labels::{JoinPlan, MEMBER},
    },
    manifest::Select,
    mapping::Selected,
    request::{ListPage, ListRequest, PageState},
};

impl ResourcePlan {
    /// Returns whether the rows of a list lack something that a projection needs.
    #[must_use]
    pub(crate) fn lacks(&self, projection: &Projection) -> bool {
        let lacked = &self.parts.list.lacks;
        let is_lacked = |selected: &Selected| lacked.iter().any(|name| name == selected.name());
        let wants_all = projection.raw || (projection.custom && self.parts.custom.everything);
        !lacked.is_empty()
            && (wants_all || self.mapping.digests(projection) || self.mapping.selects(projection).iter().any(is_lacked))
    }

    /// Cuts a list that comes as a whole into pages where the records of a page are read again one by one.
    #[must_use]
    pub(crate) fn one_page(&self, request: &ListRequest, mut page: ListPage) -> ListPage {
        let comes_whole = matches!(self.parts.list.paging, PagingPlan::None) && page.next.is_none();
        let start = match request.page {
            None => 0,
            Some(PageState::Offset(at)) => usize::try_from(at).unwrap_or(usize::MAX),
            Some(_) => return page,
        };
        if !comes_whole || !self.lacks(&request.projection) {
            return page;
        }
        let most = usize::try_from(self.page_limit(request.limit)).unwrap_or(usize::MAX);
        let behind: Vec<_> = page.records.drain(..).skip(start).collect();
        page.next = (behind.len() > most)
            .then(|| u64::try_from(start.saturating_add(most)).unwrap_or(u64::MAX))
            .map(PageState::Offset);
        page.records = behind.into_iter().take(most).collect();
        page.rows = page.records.len();
        page
    }
}

/// The names to select and the navigations to expand.
pub(super) fn selection(resource: &ResourcePlan, projection: &Projection) -> (Value, Value) {
    let parts = &resource.parts;
    let way = parts.list.select;
    if way == Select::None {
        return (list(Vec::new()), list(Vec::new()));
    }
    let whole;
    let digests = resource.mapping.digests(projection);
    let projection = match resource.mapping.definition() {
        // The digest must be one of the same row, whatever else is asked for.
        Some(def) if digests => {
            let mut all = Projection::all(def);
            all.custom = true;
            all.raw = way != Select::NamesOnly;
            whole = all;
            &whole
        }
        Some(def) if way == Select::NamesOnly && projection.raw => {
            let mut all = Projection::all(def);
            all.custom = projection.custom;
            whole = all;
            &whole
        }
        _ => projection,
    };
    let mut tree = resource.mapping.selects(projection);
    // What the request itself puts into rows is not asked for.
    tree.retain(|selected| {
        parts
            .children
            .values()
            .all(|children| children.parent_as != selected_name(selected))
    });
    put_codes(&mut tree, &parts.joins, None);
    if projection.custom {
        tree.extend(parts.custom.names.iter().map(|name| Selected::Name(name.clone())));
    }
    let everything = way != Select::NamesOnly && (projection.raw || (projection.custom && parts.custom.everything));
    let (mut select, expand) = match way {
        Select::None => (Vec::new(), Vec::new()),
        Select::Names | Select::NamesOnly => (
            tree.iter().map(|selected| selected_name(selected).to_owned()).collect(),
            Vec::new(),
        ),
        Select::Braces => (braces(&tree, everything), Vec::new()),
        Select::OdataV2 => (version_2(&tree, ""), navigations(&tree, "")),
        Select::OdataV4 => (plain_names(&tree), tree.iter().filter_map(version_4).collect()),
    };
    if everything && way != Select::Braces {
        select.clear();
    }
    if everything && way == Select::OdataV2 && !expand.is_empty() {
        select = once(expand.iter().map(|name| format!("{name}/*")));
        select.insert(0, "*".to_owned());
    }
    let column = |name: String| parts.list.columns.get(&name).cloned().unwrap_or(name);
    let select = once(select.into_iter().map(column));
    let select = match &parts.list.column {
        Some(form) => Value::Array(select.iter().map(|name| written(form, name)).collect()),
        None => list(select),
    };
    (select, list(once(expand)))
}

/// Asks for the codes of entries instead of the entries, which are joined here.
fn put_codes(tree: &mut Vec<Selected>, joins: &[JoinPlan], within: Option<&str>) {
    let before = tree.len();
    tree.retain(|selected| joins.is_empty() || selected.name() != MEMBER);
    if tree.len() < before {
        let here = joins.iter().map(JoinPlan::needs).filter(|(list, _)| *list == within);
        for (_, code) in here {
            if tree.iter().all(|selected| selected.name() != code) {
                tree.push(Selected::Name(code.to_owned()));
            }
        }
    }
    for selected in tree {
        if let Selected::Expand { name, fields } | Selected::Braces { name, fields } = selected {
            put_codes(fields, joins, Some(name));
        }
    }
}

/// Writes a name in the form that the system takes.
fn written(form: &Value, name: &str) -> Value {
    match form {
        Value::String(text) => Value::String(text.replace("{name}", name)),
        Value::Array(elements) => elements.iter().map(|element| written(element, name)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(member, value)| (member.clone(), written(value, name)))
            .collect(),
        other => other.clone(),
    }
}

fn list(names: Vec<String>) -> Value {
    Value::Array(names.into_iter().map(Value::String).collect())
}

fn once(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names
        .into_iter()
        .collect::<indexmap::IndexSet<_>>()
        .into_iter()
        .collect()
}

/// Returns the name of what is selected.
pub(crate) fn selected_name(selected: &Selected) -> &str {
    selected.name()
}

/// Annotations come with every row and cannot be selected.
fn is_annotation(name: &str) -> bool {
    name.starts_with('@') || name.starts_with("__")
}

fn plain_names(tree: &[Selected]) -> Vec<String> {
    let names = tree
        .iter()
        .filter(|selected| !matches!(selected, Selected::Expand { .. }))
        .map(selected_name);
    names.filter(|name| !is_annotation(name)).map(str::to_owned).collect()
}

fn version_2(tree: &[Selected], before: &str) -> Vec<String> {
    let mut names = Vec::new();
    for selected in tree {
        match selected {
            Selected::Expand { name, fields } => {
                let inner = version_2(fields, &format!("{before}{name}/"));
                if inner.is_empty() {
                    names.push(format!("{before}{name}"));
                }
                names.extend(inner);
            }
            other if is_annotation(selected_name(other)) => {}
            // Version 2 wraps the rows of a navigation in `results`, which is no field of theirs.
            other if !before.is_empty() && selected_name(other) == "results" => {}
            other => names.push(format!("{before}{}", selected_name(other))),
        }
    }
    names
}

fn navigations(tree: &[Selected], before: &str) -> Vec<String> {
    let mut names = Vec::new();
    for selected in tree {
        if let Selected::Expand { name, fields } = selected {
            names.push(format!("{before}{name}"));
            names.extend(navigations(fields, &format!("{before}{name}/")));
        }
    }
    names
}

fn version_4(selected: &Selected) -> Option<String> {
    let Selected::Expand { name, fields } = selected else {
        return None;
    };
    let mut options = Vec::new();
    let names = once(plain_names(fields));
    if !names.is_empty() {
        options.push(format!("$select={}", names.join(",")));
    }
    let inner: Vec<String> = once(fields.iter().filter_map(version_4));
    if !inner.is_empty() {
        options.push(format!("$expand={}", inner.join(",")));
    }
    Some(if options.is_empty() {
        name.clone()
    } else {
        format!("{name}({})", options.join(";"))
    })
}

fn braces(tree: &[Selected], everything: bool) -> Vec<String> {
    let mut names = if everything { vec!["*".to_owned()] } else { Vec::new() };
    for selected in tree {
        match selected {
            Selected::Name(_) if everything => {}
            Selected::Name(name) => names.push(name.clone()),
            Selected::Expand { name, fields } | Selected::Braces { name, fields } => {
                let inner = once(braces(fields, everything));
                // Without braces a system sends only an address of the children.
                names.push(if inner.is_empty() {
                    format!("{name}{{*}}")
                } else {
                    format!("{name}{{{}}}", inner.join(","))
                });
            }
        }
    }
    names
}
