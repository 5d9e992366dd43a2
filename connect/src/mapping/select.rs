//! What the source must be asked for, so that a field can be read.

use lineshaft_schema::Projection;

use super::field::{CompiledField, ObjectMapping, Source};
use crate::path::Path;

/// What the source must be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// A member of the row.
    Name(String),
    /// A navigation that must be expanded.
    Expand {
        /// Its name.
        name: String,
        /// What is needed of it; empty when it is not known.
        fields: Vec<Selected>,
    },
    /// A list inside the row.
    Braces {
        /// Its name.
        name: String,
        /// What is needed of its elements.
        fields: Vec<Selected>,
    },
}

impl Selected {
    /// Returns the name in the row.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Expand { name, .. } | Self::Braces { name, .. } => name,
        }
    }

    /// Adds it to a list in which every name stands once.
    pub fn merge_into(self, list: &mut Vec<Self>) {
        let Some(known) = list.iter_mut().find(|known| known.name() == self.name()) else {
            list.push(self);
            return;
        };
        match (known, self) {
            (Self::Expand { fields, .. }, Self::Expand { fields: more, .. } | Self::Braces { fields: more, .. })
            | (Self::Braces { fields, .. }, Self::Braces { fields: more, .. }) => {
                more.into_iter().for_each(|field| field.merge_into(fields));
            }
            (known @ Self::Braces { .. }, Self::Expand { name, fields: more }) => {
                let old = std::mem::replace(known, Self::Expand { name, fields: more });
                if let (Self::Braces { fields: old, .. }, Self::Expand { fields, .. }) = (old, known) {
                    old.into_iter().for_each(|field| field.merge_into(fields));
                }
            }
            (known @ Self::Name(_), more) => *known = more,
            (_, Self::Name(_)) => {}
        }
    }
}

/// A need of a field before its own `select` and `expand` have been heard.
enum Part {
    /// A member, and the member below it on the way.
    Plain(String, Option<String>),
    Done(Selected),
}

impl CompiledField {
    /// Returns what the source must be asked for: for the whole field, or for some of its elements' fields.
    #[must_use]
    pub fn selects(&self, nested: Option<&Projection>) -> Vec<Selected> {
        let mut list = Vec::new();
        for part in self.parts(nested, &mut Vec::new()) {
            part.into_selected().merge_into(&mut list);
        }
        list
    }

    /// Collects the needs in the row of the field; paths that start further out are added to `outer`.
    fn parts<'a>(&'a self, nested: Option<&Projection>, outer: &mut Vec<(u8, &'a Path)>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |path: &'a Path, parts: &mut Vec<Part>| match path.levels_up() {
            0 => parts.extend(Part::of(path)),
            levels => outer.push((levels, path)),
        };
        match &self.source {
            Source::Constant(_) | Source::Digest => {}
            Source::Expression(expression, _) => {
                let paths = expression.members().unwrap_or_default();
                paths.iter().for_each(|path| add(path, &mut parts));
            }
            Source::Paths(paths, _) | Source::Keys(paths, _) => paths.iter().for_each(|path| add(path, &mut parts)),
            Source::Cases(cases, ..) => {
                let paths = cases
                    .iter()
                    .flat_map(|(tests, _)| tests)
                    .flat_map(super::test::Condition::paths);
                paths.for_each(|path| add(path, &mut parts));
            }
            Source::Computed(computation, _) => {
                let (own, inner) = computation.paths();
                own.iter().for_each(|path| add(path, &mut parts));
                let root = own.first().map(|path| path.root().to_owned()).unwrap_or_default();
                for path in inner {
                    match path.levels_up() {
                        0 if root.is_empty() => {}
                        0 => parts.push(Part::Done(Selected::Braces {
                            name: root.clone(),
                            fields: Part::of(path).map(Part::into_selected).into_iter().collect(),
                        })),
                        1 => parts.extend(Part::of(path)),
                        levels => outer.push((levels - 1, path)),
                    }
                }
            }
            Source::Object(object) => object
                .fields
                .iter()
                .for_each(|field| parts.extend(field.parts(None, outer))),
            Source::List(objects) => {
                let fields = objects.iter().flat_map(|object| &object.fields);
                fields.for_each(|field| parts.extend(field.parts(None, outer)));
            }
            Source::Each(paths, object) => Self::element_parts(paths, object, nested, outer, &mut parts),
            Source::Lists(paths, objects) => {
                for (path, object) in paths.iter().zip(objects) {
                    Self::element_parts(std::slice::from_ref(path), object, nested, outer, &mut parts);
                }
            }
        }
        self.as_told(parts)
    }

    /// Collects the needs of the elements of a list.
    fn element_parts<'a>(
        paths: &'a [Path],
        object: &'a ObjectMapping,
        nested: Option<&Projection>,
        outer: &mut Vec<(u8, &'a Path)>,
        parts: &mut Vec<Part>,
    ) {
        let mut further = Vec::new();
        let fields = object.needs(nested, &mut further);
        for path in paths {
            match path.levels_up() {
                0 if path.root().is_empty() => {}
                0 => parts.push(Part::Done(Selected::Braces {
                    name: path.root().to_owned(),
                    fields: fields.clone(),
                })),
                levels => outer.push((levels, path)),
            }
        }
        for (levels, path) in further {
            match levels {
                1 => parts.extend(Part::of(path)),
                levels => outer.push((levels - 1, path)),
            }
        }
    }

    /// Applies the field's own `select` and `expand`.
    fn as_told(&self, parts: Vec<Part>) -> Vec<Part> {
        if self.select.is_none() && self.expand.is_empty() {
            return parts;
        }
        let expands = |name: &str| self.expand.iter().any(|expand| expand == name);
        let mut told = Vec::new();
        for name in &self.expand {
            told.push(Part::Done(Selected::Expand {
                name: name.clone(),
                fields: Vec::new(),
            }));
        }
        for part in parts {
            match part {
                Part::Plain(name, below) if expands(&name) => {
                    let fields = below.into_iter().map(Selected::Name).collect();
                    told.push(Part::Done(Selected::Expand { name, fields }));
                }
                Part::Done(Selected::Braces { name, fields }) if expands(&name) => {
                    told.push(Part::Done(Selected::Expand { name, fields }));
                }
                other if self.select.is_none() => told.push(other),
                Part::Done(expand @ Selected::Expand { .. }) => told.push(Part::Done(expand)),
                _ => {}
            }
        }
        told.extend(self.select.iter().flatten().map(|name| Part::Plain(name.clone(), None)));
        told
    }
}

impl ObjectMapping {
    /// Returns what is needed of an element; paths that start further out are added to `outer`.
    fn needs<'a>(&'a self, nested: Option<&Projection>, outer: &mut Vec<(u8, &'a Path)>) -> Vec<Selected> {
        let mut list = Vec::new();
        let wanted = |field: &CompiledField| nested.is_none_or(|nested| field.computed || nested.contains(field.index));
        for field in self.fields.iter().filter(|field| wanted(field)) {
            for part in field.parts(nested.and_then(|nested| nested.nested(field.index)), outer) {
                part.into_selected().merge_into(&mut list);
            }
        }
        list
    }
}

impl Part {
    /// Returns the need of a path; a path without names needs nothing.
    fn of(path: &Path) -> Option<Self> {
        let mut names = path.names();
        let root = names.next().filter(|root| *root == path.root())?;
        if let Some(members) = path.members_of_elements() {
            let fields = members.map(|name| Selected::Name(name.to_owned())).collect();
            return Some(Self::Done(Selected::Braces {
                name: root.to_owned(),
                fields,
            }));
        }
        Some(Self::Plain(root.to_owned(), names.next().map(str::to_owned)))
    }

    fn into_selected(self) -> Selected {
        match self {
            Self::Plain(name, _) => Selected::Name(name),
            Self::Done(selected) => selected,
        }
    }
}
