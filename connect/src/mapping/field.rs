//! One compiled field: its source, and what filters and sorts mean by it.

use lineshaft_schema::{FieldIndex, TypeIndex, Value};
use serde_json::Map;

use super::{compute::Computation, expression::Expression, test::Condition};
use crate::{
    codec::CompiledCodec,
    manifest::{FieldFilter, Normalization, SortBy, load::escape},
    path::Path,
};

/// Where one unified field comes from.
#[derive(Clone, Debug)]
pub struct CompiledField {
    pub(super) index: FieldIndex,
    pub(super) name: Box<str>,
    /// Whether the server fills it itself; inside lists it may be mapped and is then always read.
    pub(super) computed: bool,
    /// Whether it is a whole number.
    pub(super) whole: bool,
    pub(super) fallback: Value,
    /// The type of the record that a reference leads to.
    pub(super) target: Option<TypeIndex>,
    /// How the parts of its key are made comparable; empty when they are as they come.
    pub(super) normalize: Vec<Option<Normalization>>,
    pub(super) source: Source,
    pub(super) select: Option<Vec<String>>,
    pub(super) expand: Vec<String>,
    pub(super) filter: Option<FieldFilter>,
    pub(super) sort: Option<SortBy>,
}

/// What gives the value.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The first path with a value.
    Paths(Vec<Path>, Box<CompiledCodec>),
    /// The parts of the key of another record.
    Keys(Vec<Path>, Box<CompiledCodec>),
    /// A fixed value.
    Constant(Value),
    /// The first case that holds, or a default; with the codec that writes it in filters.
    Cases(Vec<(Vec<Condition>, Value)>, Value, Option<Box<CompiledCodec>>),
    /// A digest of the whole row.
    Digest,
    /// A number.
    Computed(Box<Computation>, Value),
    /// An expression over the row.
    Expression(Box<Expression>, Box<CompiledCodec>),
    /// An embedded value.
    Object(ObjectMapping),
    /// Several embedded values of one row.
    List(Vec<ObjectMapping>),
    /// One value for each element of a list in the row.
    Each(Vec<Path>, ObjectMapping),
    /// One value for each element of several lists in the row, each with its own mapping.
    Lists(Vec<Path>, Vec<ObjectMapping>),
}

/// The mappings of the fields of an embedded value or of a part.
#[derive(Clone, Debug)]
pub(super) struct ObjectMapping {
    pub(super) kind: TypeIndex,
    /// Whether it is a part: it has an id made of its place, and is kept even when it is empty.
    pub(super) is_part: bool,
    pub(super) fields: Vec<CompiledField>,
    pub(super) fallbacks: Vec<Value>,
    /// Fields without which an embedded value says nothing.
    pub(super) required: Vec<FieldIndex>,
}

/// What can be said of writing a field from how it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backward<'f> {
    /// It has one place.
    One(&'f Path, &'f CompiledCodec),
    /// Each part of its key has one place.
    Keys(&'f [Path], &'f CompiledCodec),
    /// It is made of fields.
    Object(&'f [CompiledField]),
    /// Each element of a list is made of fields.
    Each(&'f Path, &'f [CompiledField]),
    /// Its form is known, its place is not.
    Form(&'f CompiledCodec),
    /// Nothing.
    Nothing,
}

impl CompiledField {
    /// Returns what can be said of writing it.
    pub(crate) fn backward(&self) -> Backward<'_> {
        match &self.source {
            Source::Paths(paths, codec) => match paths.as_slice() {
                [path] => Backward::One(path, codec),
                _ => Backward::Form(codec),
            },
            Source::Keys(paths, codec) => Backward::Keys(paths, codec),
            Source::Cases(_, _, Some(codec)) => Backward::Form(codec),
            Source::Object(object) => Backward::Object(&object.fields),
            Source::Each(paths, object) => match paths.as_slice() {
                [path] => Backward::Each(path, &object.fields),
                _ => Backward::Nothing,
            },
            _ => Backward::Nothing,
        }
    }

    /// Returns whether a navigation must be expanded for it, so that it stands in another table.
    pub(crate) fn navigates(&self) -> bool {
        !self.expand.is_empty()
    }

    /// Returns whether it is a digest of the whole row.
    pub(crate) fn is_digest(&self) -> bool {
        matches!(self.source, Source::Digest)
    }

    /// Returns whether it reads the whole row.
    pub(crate) fn reads_all(&self) -> bool {
        match &self.source {
            Source::Digest => true,
            Source::Expression(expression, _) => expression.members().is_none(),
            _ => self.inner().any(Self::reads_all),
        }
    }

    /// Returns its place in its type.
    #[must_use]
    pub fn index(&self) -> FieldIndex {
        self.index
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the field that filters and sorts mean: for an embedded value its first field.
    fn meant(&self) -> Option<&Self> {
        match &self.source {
            Source::Object(object) => object.fields.iter().find(|field| field.index == FieldIndex(0)),
            _ => Some(self),
        }
    }

    /// Returns the paths of the value that filters and sorts mean; none when it is computed. Of several the first
    /// with a value counts, so that only a single path can be filtered exactly.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        match self.meant().map(|field| &field.source) {
            Some(Source::Paths(paths, _)) => paths,
            _ => &[],
        }
    }

    /// Returns the codec of the value that filters mean.
    #[must_use]
    pub fn codec(&self) -> Option<&CompiledCodec> {
        match &self.meant()?.source {
            Source::Paths(_, codec)
            | Source::Keys(_, codec)
            | Source::Cases(_, _, Some(codec))
            | Source::Expression(_, codec) => Some(codec),
            _ => None,
        }
    }

    /// Returns, for references, the paths of the parts of the key: several for `keys`, one for a single path.
    #[must_use]
    pub fn key_paths(&self) -> &[Path] {
        match &self.source {
            Source::Keys(paths, _) => paths,
            Source::Paths(paths, _) if paths.len() == 1 => paths,
            _ => &[],
        }
    }

    /// Returns whether its records or values come inside the row, by `list`, `each` or `lists`.
    #[must_use]
    pub fn is_inline_list(&self) -> bool {
        matches!(self.source, Source::List(_) | Source::Each(..) | Source::Lists(..))
    }

    /// Returns the value, when it is the same for every row.
    #[must_use]
    pub fn constant(&self) -> Option<&Value> {
        match &self.source {
            Source::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the fields of its elements or of its embedded value.
    pub fn inner(&self) -> impl Iterator<Item = &Self> {
        let objects: &[ObjectMapping] = match &self.source {
            Source::Object(object) | Source::Each(_, object) => std::slice::from_ref(object),
            Source::List(objects) | Source::Lists(_, objects) => objects,
            _ => &[],
        };
        objects.iter().flat_map(|object| &object.fields)
    }

    /// Returns whether tests decide the value that filters mean, so that it can be one that its codec does not write.
    pub(crate) fn is_decided(&self) -> bool {
        self.meant()
            .is_some_and(|meant| matches!(meant.source, Source::Cases(..)))
    }

    /// Returns what the manifest says of its filters.
    #[must_use]
    pub fn filter(&self) -> Option<&FieldFilter> {
        self.filter.as_ref()
    }

    /// Returns what the manifest says of its sorting.
    #[must_use]
    pub fn sort(&self) -> Option<&SortBy> {
        self.sort.as_ref()
    }

    /// Tells in a few words where the field comes from.
    #[must_use]
    pub fn describe(&self) -> String {
        let texts = |paths: &[Path], between: &str| paths.iter().map(Path::text).collect::<Vec<_>>().join(between);
        match &self.source {
            Source::Paths(paths, _) => texts(paths, ", else "),
            Source::Keys(paths, _) => texts(paths, " | "),
            Source::Constant(_) => "constant".to_owned(),
            Source::Digest => "digest of the row".to_owned(),
            Source::Cases(cases, ..) => {
                let mut paths: Vec<_> = cases
                    .iter()
                    .flat_map(|(tests, _)| tests)
                    .flat_map(Condition::paths)
                    .map(Path::text)
                    .collect();
                let mut seen = std::collections::HashSet::new();
                paths.retain(|path| seen.insert(*path));
                format!("by {}", paths.join(", "))
            }
            Source::Computed(computation, _) => computation.describe(),
            Source::Expression(expression, _) => expression.text().to_owned(),
            Source::Object(_) => self.inner().map(Self::describe).collect::<Vec<_>>().join(", "),
            Source::List(_) => format!("[{}]", self.inner().map(Self::describe).collect::<Vec<_>>().join(", ")),
            Source::Each(paths, _) => format!("each of {}", texts(paths, ", else ")),
            Source::Lists(paths, _) => format!("each of {}", texts(paths, " and ")),
        }
    }

    /// Adds the names of the variables that its codecs use.
    pub(super) fn variables<'a>(&'a self, names: &mut Vec<&'a str>) {
        if let Source::Paths(_, codec) | Source::Keys(_, codec) | Source::Expression(_, codec) = &self.source {
            names.extend(codec.variables());
        }
        self.inner().for_each(|field| field.variables(names));
    }

    /// Returns whether settings are filled into its codecs.
    pub(super) fn takes_settings(&self) -> bool {
        let mut names = Vec::new();
        self.variables(&mut names);
        !names.is_empty()
    }

    /// Returns whether it, or a field inside it, evaluates an expression.
    pub(super) fn evaluates(&self) -> bool {
        matches!(self.source, Source::Expression(..)) || self.inner().any(Self::evaluates)
    }

    /// Makes the keys in references comparable like those of the records that they lead to.
    pub(super) fn normalize_references(&mut self, of: &dyn Fn(TypeIndex) -> Vec<Option<Normalization>>) {
        if let Some(target) = self.target {
            let normalize = of(target);
            self.normalize = if normalize.iter().any(Option::is_some) {
                normalize
            } else {
                Vec::new()
            };
        }
        let objects: &mut [ObjectMapping] = match &mut self.source {
            Source::Object(object) | Source::Each(_, object) => std::slice::from_mut(object),
            Source::List(objects) => objects,
            _ => &mut [],
        };
        let fields = objects.iter_mut().flat_map(|object| &mut object.fields);
        fields.for_each(|field| field.normalize_references(of));
    }

    /// Returns the place, as a part of a pointer, of a field into which settings cannot be filled: this one, or one inside.
    pub(super) fn unbound(&self, settings: &Map<String, serde_json::Value>) -> Option<String> {
        let own = escape(&self.name);
        let inside = |object: &ObjectMapping, way: &str| {
            let place = object.fields.iter().find_map(|field| field.unbound(settings))?;
            Some(format!("{own}/{way}/{place}"))
        };
        match &self.source {
            Source::Paths(_, codec) | Source::Keys(_, codec) | Source::Expression(_, codec) => {
                codec.with_settings(settings).is_err().then_some(own)
            }
            Source::Object(object) => inside(object, "object"),
            Source::Each(_, object) => inside(object, "each"),
            Source::List(objects) => (0..)
                .zip(objects)
                .find_map(|(at, object): (usize, _)| inside(object, &format!("list/{at}"))),
            Source::Lists(_, objects) => (0..)
                .zip(objects)
                .find_map(|(at, object): (usize, _)| inside(object, &format!("lists/{at}/each"))),
            Source::Constant(_) | Source::Digest | Source::Cases(..) | Source::Computed(..) => None,
        }
    }

    /// Fills settings into its codecs.
    pub(super) fn bind(&mut self, settings: &Map<String, serde_json::Value>) -> Result<(), String> {
        let objects: &mut [ObjectMapping] = match &mut self.source {
            Source::Paths(_, codec) | Source::Keys(_, codec) | Source::Expression(_, codec) => {
                **codec = codec.with_settings(settings)?;
                &mut []
            }
            Source::Object(object) | Source::Each(_, object) => std::slice::from_mut(object),
            Source::List(objects) | Source::Lists(_, objects) => objects,
            Source::Constant(_) | Source::Digest | Source::Cases(..) | Source::Computed(..) => &mut [],
        };
        objects
            .iter_mut()
            .flat_map(|object| &mut object.fields)
            .try_for_each(|field| field.bind(settings))
    }
}
