//! Fields that are read as the label of a code and written as the code of that label.
//!
//! `as: {label: …}` is short for a table that is joined into rows, a path that leads to the label in it, and a write to
//! the path of the code. Reading needs nothing more; filters and writes have their labels replaced before they are
//! planned, since the table has to be read for that.

use std::sync::Arc;

use indexmap::IndexMap;
use lineshaft_schema::{FieldIndex, TypeDef};

use super::{
    Problem,
    call::escape_pointer,
    labels::{MEMBER, Table},
};
use crate::{
    json,
    manifest::{
        Codec, FieldFilter, FieldMapping, FullFilter, FullMapping, FullWriteField, LabelOf, Labels, LabelsJoin,
        Manifest, OneOrMany, Resource, WriteField,
    },
};

/// A field whose texts are labels of codes.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) field: FieldIndex,
    /// Name of the field.
    pub(crate) name: String,
    /// The table.
    pub(crate) of: String,
    member: String,
    /// Whether filters are asked by the code.
    pub(crate) filters: bool,
    /// Whether the code is written.
    pub(crate) writes: bool,
}

impl Labelled {
    /// Returns the codes of a label. Systems may have several entries with one label.
    pub(crate) fn codes<'t>(&self, table: &'t Table, label: &str) -> Vec<&'t str> {
        let entries = table.iter().filter(|(_, entry)| self.label(entry) == Some(label));
        let mut codes: Vec<&str> = entries.map(|(code, _)| code.as_str()).collect();
        codes.sort_unstable();
        codes
    }

    /// Returns the labels of a table in order.
    pub(crate) fn labels<'t>(&self, table: &'t Table) -> Vec<&'t str> {
        let mut labels: Vec<&str> = table.values().filter_map(|entry| self.label(entry)).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    fn label<'t>(&self, entry: &'t json::Value<'static>) -> Option<&'t str> {
        json::scalar_text(entry.get(&self.member)?)
    }
}

/// Spells out what `as: {label: …}` is short for.
pub(super) fn spell_out(manifest: &mut Manifest, problems: &mut Vec<Problem>) {
    for (name, resource) in &mut manifest.resources {
        let is_label = |mapping: &FieldMapping| matches!(mapping, FieldMapping::Full(full) if matches!(full.codec, Some(Codec::Label(_))));
        if resource.fields.values().any(is_label) {
            spell_out_resource(Arc::make_mut(resource), &manifest.labels, name, problems);
        }
    }
}

/// The same for one resource.
pub(super) fn spell_out_resource(
    resource: &mut Resource,
    tables: &IndexMap<String, Labels>,
    name: &str,
    problems: &mut Vec<Problem>,
) {
    let Resource {
        fields, labels, write, ..
    } = resource;
    for (field, mapping) in fields {
        let FieldMapping::Full(full) = mapping else { continue };
        let Some(Codec::Label(label)) = full.codec.clone() else {
            continue;
        };
        let pointer = format!("/resources/{}/fields/{}", escape_pointer(name), escape_pointer(field));
        let path = match full.path.as_ref().map(OneOrMany::as_slice) {
            Some([path]) => path.clone(),
            _ => {
                problems.push(Problem::new(pointer, "`label` is for a code at one path"));
                continue;
            }
        };
        // What was spelled out before is not touched again.
        if path.starts_with(&format!("{MEMBER}.")) || !check(&label, tables, &format!("{pointer}/as/label"), problems) {
            continue;
        }
        let join = LabelsJoin {
            of: label.of.clone(),
            by: path.clone(),
            within: None,
        };
        if labels.insert(field.clone(), join).is_some() {
            let message = format!("`labels` of the type has a `{field}` already, which the field takes for itself");
            problems.push(Problem::new(pointer.clone(), message));
        }
        full.path = Some(OneOrMany::One(format!(
            "{MEMBER}.{}.{}",
            quoted(field),
            quoted(&label.member)
        )));
        if let Some(filter) = full.filter.take() {
            full.filter = Some(by_code(full, filter, &path, &pointer, problems));
        }
        let written = write.as_mut().and_then(|write| write.fields.get_mut(field));
        if let Some(written) = written {
            write_code(written, &path, label);
        }
    }
}

fn quoted(name: &str) -> String {
    if name.contains(['.', '[', ' ']) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

/// Returns the filter with the name of the code. Only a whole label has a code.
fn by_code(
    full: &FullMapping,
    filter: FieldFilter,
    path: &str,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> FieldFilter {
    let mut filter = match filter {
        FieldFilter::Operators(exact) => FullFilter {
            exact,
            ..FullFilter::default()
        },
        FieldFilter::Full(filter) => *filter,
    };
    let named = filter
        .exact
        .iter()
        .chain(&filter.coarse)
        .chain(filter.parameters.keys());
    if let Some(operator) = named
        .into_iter()
        .find(|operator| !matches!(operator.as_str(), "eq" | "in"))
    {
        let message = format!("`{operator}` cannot be asked of a label; there are: eq, in");
        problems.push(Problem::new(format!("{pointer}/filter"), message));
    }
    if full.default.is_some() {
        let message = "rows with the default have no code that could be asked for";
        problems.push(Problem::new(format!("{pointer}/filter"), message));
    }
    if filter.by.is_none() && filter.parameters.is_empty() {
        filter.by = Some(OneOrMany::One(path.to_owned()));
    }
    FieldFilter::Full(Box::new(filter))
}

fn write_code(written: &mut WriteField, path: &str, label: LabelOf) {
    let mut full = match written {
        WriteField::Same(true) => FullWriteField::default(),
        WriteField::Same(false) => return,
        WriteField::To(to) => FullWriteField {
            to: Some(OneOrMany::One(to.clone())),
            ..FullWriteField::default()
        },
        WriteField::Full(full) => FullWriteField::clone(full),
    };
    full.to.get_or_insert_with(|| OneOrMany::One(path.to_owned()));
    full.codec.get_or_insert(Codec::String);
    full.label.get_or_insert(label);
    *written = WriteField::Full(Box::new(full));
}

/// Reports a table or a member that is not there.
fn check(label: &LabelOf, tables: &IndexMap<String, Labels>, pointer: &str, problems: &mut Vec<Problem>) -> bool {
    let Some(table) = tables.get(&label.of) else {
        let names: Vec<&str> = tables.keys().map(String::as_str).collect();
        let problem = Problem::new(format!("{pointer}/of"), format!("there is no table `{}`", label.of));
        problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
        return false;
    };
    if !table.keep.contains_key(&label.member) {
        let names: Vec<&str> = table.keep.keys().map(String::as_str).collect();
        let message = format!("`{}` keeps no `{}`", label.of, label.member);
        let problem = Problem::new(format!("{pointer}/member"), message);
        problems.push(problem.with_help(format!("there are: {}", names.join(", "))));
        return false;
    }
    true
}

/// Returns the fields of a resource whose texts are labels.
pub(super) fn compile(
    def: &TypeDef,
    resource: &Resource,
    tables: &IndexMap<String, Labels>,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Labelled> {
    let mut labelled = Vec::new();
    let mut add = |name: &str, label: &LabelOf, filters: bool, writes: bool| {
        labelled.extend(def.field(name).map(|field| Labelled {
            field: field.index,
            name: name.to_owned(),
            of: label.of.clone(),
            member: label.member.clone(),
            filters,
            writes,
        }));
    };
    for (name, mapping) in &resource.fields {
        if let FieldMapping::Full(full) = mapping
            && let Some(Codec::Label(label)) = &full.codec
            && full.filter.is_some()
        {
            add(name, label, true, false);
        }
    }
    let written = resource.write.iter().flat_map(|write| &write.fields);
    for (name, written) in written {
        if let WriteField::Full(full) = written
            && let Some(label) = &full.label
            && check(
                label,
                tables,
                &format!("{pointer}/write/fields/{}/label", escape_pointer(name)),
                problems,
            )
        {
            add(name, label, false, true);
        }
    }
    labelled
}
