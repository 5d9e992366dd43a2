//! Checks which fields can be written and compiles where their values go in a row.

use indexmap::IndexMap;
use lineshaft_schema::{FieldDef, FieldIndex, FieldType, TypeDef, TypeIndex, Value};
use serde_json::Map;

use super::{
    WritableField,
    compile::{InlinePlan, Place, owned, path_to},
};
use crate::{
    blueprint::{Problem, escape_pointer, labels},
    codec::{CompiledCodec, constant},
    dialect::LiteralKind,
    manifest::{FullWriteField, Occasion, WriteField, suggest},
    mapping::{Backward, CompiledField},
    path::Path,
};

/// Where and how one field is written.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) field: FieldIndex,
    pub(super) name: Box<str>,
    pub(super) way: Way,
    pub(super) on: Occasion,
    pub(super) required: bool,
    pub(super) default: Option<Default>,
    pub(super) values: Vec<Value>,
    pub(super) max_length: Option<usize>,
    pub(super) clear: serde_json::Value,
    pub(super) number: bool,
    /// What else goes into the row with it.
    pub(super) beside: Vec<(Vec<String>, serde_json::Value)>,
}

/// What goes into the row for one value: places and what stands there.
pub(super) type Case = (Value, Vec<(Vec<String>, serde_json::Value)>);

/// The value of a new record that does not give one.
#[derive(Clone, Debug)]
pub(super) enum Default {
    Value(Value),
    Now,
    Today,
}

/// How values stand in a row.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// At one place.
    One(Vec<String>, Box<CompiledCodec>),
    /// The parts of a key; none for one that is not sent.
    Key(Vec<Option<KeyTarget>>, Box<CompiledCodec>),
    /// The fields of an embedded value, each at its own place in the row.
    Object(Vec<Target>),
    /// Several places, by value.
    Cases(Vec<Case>),
    /// A list of objects, each with members that are the same in all.
    Each(Vec<String>, Vec<Target>, Map<String, serde_json::Value>),
}

/// Where a part of a key goes, and its type in the source.
#[derive(Clone, Debug)]
pub(super) struct KeyTarget {
    pub(super) to: Vec<String>,
    pub(super) kind: Option<LiteralKind>,
}

type Reading<'r> = dyn Fn(FieldIndex) -> Option<&'r CompiledField> + 'r;

impl Target {
    /// Returns whether it can be given for a new record.
    pub(super) fn on_create(&self) -> bool {
        self.on != Occasion::Update
    }

    /// Returns whether it can be changed later.
    pub(super) fn on_update(&self) -> bool {
        self.on != Occasion::Create
    }

    /// Returns what is told of it.
    pub(super) fn capability(&self, creates: bool) -> WritableField {
        let parts = match &self.way {
            Way::Object(fields) | Way::Each(_, fields, _) => {
                fields.iter().map(|field| field.name.to_string()).collect()
            }
            _ => Vec::new(),
        };
        WritableField {
            field: self.field,
            parts,
            required: creates && self.required && self.default.is_none(),
            values: self.values.clone(),
            max_length: self.max_length,
            target: self.places(),
        }
    }

    /// Returns where it goes, in words of the source system.
    pub(super) fn places(&self) -> Vec<String> {
        match &self.way {
            Way::One(to, _) | Way::Each(to, ..) => vec![to.join(".")],
            Way::Key(parts, _) => parts.iter().flatten().map(|part| part.to.join(".")).collect(),
            Way::Object(fields) => fields.iter().flat_map(Self::places).collect(),
            Way::Cases(cases) => {
                let places = cases.iter().flat_map(|(_, places)| places);
                let mut names: Vec<String> = places.map(|(to, _)| to.join(".")).collect();
                names.sort_unstable();
                names.dedup();
                names
            }
        }
    }

    /// Returns the member of the row in which its only value stands.
    pub(super) fn member(&self) -> Option<&str> {
        match &self.way {
            Way::One(to, _) => to.first().map(String::as_str),
            _ => None,
        }
    }

    /// Returns whether settings are filled into its codecs.
    pub(super) fn takes_settings(&self) -> bool {
        match &self.way {
            Way::One(_, codec) | Way::Key(_, codec) => !codec.variables().is_empty(),
            Way::Object(fields) | Way::Each(_, fields, _) => fields.iter().any(Self::takes_settings),
            Way::Cases(_) => false,
        }
    }

    /// Fills settings into its codecs.
    pub(super) fn bind(&mut self, settings: &Map<String, serde_json::Value>) -> Result<(), String> {
        match &mut self.way {
            Way::One(_, codec) | Way::Key(_, codec) => **codec = codec.with_settings(settings)?,
            Way::Object(fields) | Way::Each(_, fields, _) => {
                fields.iter_mut().try_for_each(|field| field.bind(settings))?;
            }
            Way::Cases(_) => {}
        }
        Ok(())
    }
}

impl InlinePlan {
    /// Returns what is told of the list of these rows.
    pub(super) fn capability(&self, field: FieldIndex) -> WritableField {
        WritableField {
            field,
            parts: self.fields.iter().map(|target| target.name.to_string()).collect(),
            required: false,
            values: Vec::new(),
            max_length: None,
            target: self.fields.iter().flat_map(Target::places).collect(),
        }
    }
}

impl Place<'_> {
    /// Compiles the writable fields of a type; `marked` says that the unified model must allow it.
    pub(super) fn targets<'w, 'r>(
        &self,
        def: &TypeDef,
        fields: impl Iterator<Item = (&'w String, &'w WriteField)>,
        reading: &Reading<'r>,
        marked: bool,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Target> {
        let mut targets = Vec::new();
        for (name, written) in fields {
            let pointer = format!("{pointer}/{}", escape_pointer(name));
            let Some(field) = def.field(name) else {
                let known = def.fields.keys().map(String::as_str);
                problems.push(Problem::new(
                    pointer,
                    suggest::unknown(&format!("field of {}", def.name), name, known),
                ));
                continue;
            };
            let is_owner = def
                .owner_field(self.context.catalogue)
                .is_some_and(|owner| owner.index == field.index);
            if marked && !field.writable.on_create() && !is_owner {
                problems.push(Problem::new(
                    pointer,
                    format!("`{name}` is not a writable field of the unified model"),
                ));
                continue;
            }
            let full = match written {
                WriteField::Same(false) => continue,
                WriteField::Same(true) => FullWriteField::default(),
                WriteField::To(path) => FullWriteField {
                    to: Some(crate::manifest::OneOrMany::One(path.clone())),
                    ..FullWriteField::default()
                },
                WriteField::Full(full) => full.as_ref().clone(),
            };
            let only_first = marked && !field.writable.on_update();
            if only_first && full.on == Occasion::Update {
                let message = format!("`{name}` is written only when a record is made");
                problems.push(Problem::new(format!("{pointer}/on"), message));
            }
            let on = if only_first { Occasion::Create } else { full.on };
            targets.extend(self.target(field, &full, on, reading(field.index), &pointer, problems));
        }
        targets
    }

    fn target(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        on: Occasion,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Target> {
        let fits_object = matches!(field.kind, FieldType::Object(_)) && !field.list;
        let fits_each = matches!(field.kind, FieldType::Object(_)) && field.list;
        let additions = [
            ("object", full.object.is_some(), fits_object),
            ("each", full.each.is_some(), fits_each),
            ("constants", !full.constants.is_empty(), fits_each),
            ("to", full.to.is_some(), !fits_object),
            ("as", full.codec.is_some(), !fits_object && !fits_each),
            (
                "number",
                full.number,
                !fits_object && !fits_each && full.cases.is_none(),
            ),
            ("to", full.to.is_some(), full.cases.is_none()),
            ("as", full.codec.is_some(), full.cases.is_none()),
            (
                "cases",
                full.cases.is_some(),
                matches!(field.kind, FieldType::Enum(_) | FieldType::Boolean) && !field.list,
            ),
        ];
        for (name, given, fits) in additions {
            if given && !fits {
                problems.push(Problem::new(
                    format!("{pointer}/{name}"),
                    format!("`{name}` has no meaning for {}", field.type_text),
                ));
            }
        }
        let way = match field.kind {
            FieldType::Platform => {
                problems.push(Problem::new(pointer, "the server fills it itself"));
                None
            }
            FieldType::Object(kind) if field.list => self.each(kind, full, read, pointer, problems),
            FieldType::Object(kind) => self.object(kind, full, read, pointer, problems),
            _ if full.cases.is_some() => self.cases(field, full, pointer, problems),
            FieldType::Reference(kind) if !field.list => self.key(field, kind, full, read, pointer, problems),
            _ => self.one(field, full, read, pointer, problems),
        }?;
        let values = self.values(field, full, &way, pointer, problems);
        if full.max_length.is_some() && field.kind != FieldType::Text {
            problems.push(Problem::new(
                format!("{pointer}/max_length"),
                "only texts have a length",
            ));
        }
        Some(Target {
            field: field.index,
            name: field.name.as_str().into(),
            way,
            on,
            required: full.required,
            default: self.default_of(field, full, pointer, problems),
            values,
            max_length: full.max_length,
            clear: full.clear.clone().unwrap_or(serde_json::Value::Null),
            number: full.number,
            beside: rows(&full.beside, &format!("{pointer}/beside"), problems),
        })
    }

    fn cases(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Way> {
        let mut cases = Vec::new();
        for (name, row) in full.cases.iter().flatten() {
            let here = format!("{pointer}/cases/{}", escape_pointer(name));
            let written = match (field.kind, name.as_str()) {
                (FieldType::Boolean, "true") => true.into(),
                (FieldType::Boolean, "false") => false.into(),
                (_, name) => name.into(),
            };
            match constant(field, &written, self.context.catalogue) {
                Ok(value) => cases.push((value, rows(row, &here, problems))),
                Err(message) => problems.push(Problem::new(here, message)),
            }
        }
        if cases.is_empty() {
            problems.push(Problem::new(format!("{pointer}/cases"), "there is no value"));
            return None;
        }
        Some(Way::Cases(cases))
    }

    fn default_of(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Default> {
        let written = full.default.as_ref()?;
        match (field.kind, written.as_str()) {
            (FieldType::DateTime, Some("now")) => return Some(Default::Now),
            (FieldType::Date, Some("today")) => return Some(Default::Today),
            _ => {}
        }
        match constant(field, written, self.context.catalogue) {
            Ok(value) => Some(Default::Value(value)),
            Err(message) => {
                problems.push(Problem::new(format!("{pointer}/default"), message));
                None
            }
        }
    }

    /// Returns the values that can be written: those that the manifest lists, else of an enum those that some word of the
    /// source means; none when all can.
    fn values(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        way: &Way,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Value> {
        if !full.values.is_empty() {
            let mut values = Vec::new();
            for (at, name) in full.values.iter().enumerate() {
                let element = FieldDef {
                    list: false,
                    ..field.clone()
                };
                match constant(&element, &name.as_str().into(), self.context.catalogue) {
                    Ok(value) => values.push(value),
                    Err(message) => problems.push(Problem::new(format!("{pointer}/values/{at}"), message)),
                }
            }
            return values;
        }
        match (field.kind, way) {
            (_, Way::Cases(cases)) => cases.iter().map(|(value, _)| value.clone()).collect(),
            (FieldType::Enum(_), Way::One(_, codec)) => codec.writable_values().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Returns the codec: the one of the manifest, else the one that reads the field, else what its type says.
    fn codec(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Box<CompiledCodec>> {
        let own = read.map(CompiledField::backward).filter(|_| full.codec.is_none());
        if let Some(Backward::One(_, codec) | Backward::Keys(_, codec) | Backward::Form(codec)) = own {
            return Some(Box::new(codec.clone()));
        }
        let codec = CompiledCodec::for_field(field, full.codec.as_ref(), self.context.catalogue, &[], None);
        match codec {
            Ok(codec) => {
                self.context
                    .known
                    .check(codec.variables().into_iter(), &format!("{pointer}/as"), problems);
                Some(Box::new(codec))
            }
            Err(message) => {
                problems.push(Problem::new(format!("{pointer}/as"), message));
                None
            }
        }
    }

    fn one(
        &self,
        field: &FieldDef,
        full: &FullWriteField,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Way> {
        let own = match read.map(CompiledField::backward) {
            Some(Backward::One(path, _)) => std::slice::from_ref(path),
            _ => &[],
        };
        let to = self.places(full, own, read, 1, pointer, problems)?;
        let codec = self.codec(field, full, read, pointer, problems)?;
        if let Err(message) = codec.writes() {
            problems.push(Problem::new(pointer, message).with_help("say with `as` how the value is written"));
            return None;
        }
        Some(Way::One(to.into_iter().next().flatten()?, codec))
    }

    fn key(
        &self,
        field: &FieldDef,
        kind: TypeIndex,
        full: &FullWriteField,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Way> {
        let own = match read.map(CompiledField::backward) {
            Some(Backward::One(path, _)) => std::slice::from_ref(path),
            Some(Backward::Keys(paths, _)) => paths,
            _ => &[],
        };
        let target = self.context.catalogue.type_at(kind);
        let parts = target.and_then(|def| self.context.keys.get(&def.name));
        let is_part = target.is_some_and(|def| !def.is_entity());
        let count = match (parts, &full.to) {
            (Some(parts), _) => parts.len(),
            (None, Some(to)) => to.as_slice().len(),
            (None, None) => own.len(),
        };
        // Parts without a resource of their own have the key of their owner and one part more.
        if parts.is_none() && !is_part && target.is_some() {
            let name = target.map(|def| def.name.as_str()).unwrap_or_default();
            problems.push(Problem::new(
                pointer,
                format!("{name} is not mapped, so that nobody can name one"),
            ));
            return None;
        }
        let to = self.places(full, own, read, count, pointer, problems)?;
        let codec = self.codec(field, full, read, pointer, problems)?;
        let kinds = (0..count).map(|at| parts.and_then(|parts| parts.get(at)?.kind.clone()));
        let targets = to
            .into_iter()
            .zip(kinds)
            .map(|(to, kind)| Some(KeyTarget { to: to?, kind }));
        let targets: Vec<_> = targets.collect();
        if targets.iter().all(Option::is_none) {
            problems.push(Problem::new(format!("{pointer}/to"), "no part of the key is sent"));
            return None;
        }
        Some(Way::Key(targets, codec))
    }

    fn object(
        &self,
        kind: TypeIndex,
        full: &FullWriteField,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Way> {
        let def = self.context.catalogue.type_at(kind)?;
        let inner = match read.map(CompiledField::backward) {
            Some(Backward::Object(fields)) => fields,
            _ => &[],
        };
        let reading = |index: FieldIndex| inner.iter().find(|field| field.index() == index);
        let fields = match &full.object {
            Some(fields) => self.targets(
                def,
                fields.iter(),
                &reading,
                false,
                &format!("{pointer}/object"),
                problems,
            ),
            None => {
                // Of the parts that are read, those that can be written backwards.
                let mut fields = Vec::new();
                for part in inner {
                    let mut quiet = Vec::new();
                    let field = def
                        .field_at(part.index())
                        .filter(|_| !read.is_some_and(CompiledField::navigates));
                    let none = FullWriteField::default();
                    let target =
                        field.and_then(|field| self.target(field, &none, full.on, Some(part), pointer, &mut quiet));
                    fields.extend(target.filter(|_| quiet.is_empty()));
                }
                fields
            }
        };
        if fields.is_empty() {
            problems.push(
                Problem::new(pointer, "no part of it can be written backwards").with_help("name its parts in `object`"),
            );
            return None;
        }
        Some(Way::Object(fields))
    }

    fn each(
        &self,
        kind: TypeIndex,
        full: &FullWriteField,
        read: Option<&CompiledField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Way> {
        let def = self.context.catalogue.type_at(kind)?;
        let (own, inner): (&[Path], &[CompiledField]) = match read.map(CompiledField::backward) {
            Some(Backward::Each(path, fields)) => (std::slice::from_ref(path), fields),
            _ => (&[], &[]),
        };
        let to = self
            .places(full, own, read, 1, pointer, problems)?
            .into_iter()
            .next()
            .flatten()?;
        let Some(fields) = &full.each else {
            problems.push(Problem::new(pointer, "`each` must say how an element is written"));
            return None;
        };
        let reading = |index: FieldIndex| inner.iter().find(|field| field.index() == index);
        let fields = self.targets(
            def,
            fields.iter(),
            &reading,
            false,
            &format!("{pointer}/each"),
            problems,
        );
        Some(Way::Each(to, fields, full.constants.clone()))
    }

    /// Returns the places of a value: those that the manifest names, else those where it is read.
    fn places(
        &self,
        full: &FullWriteField,
        own: &[Path],
        read: Option<&CompiledField>,
        count: usize,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<Option<Vec<String>>>> {
        if let Some(to) = &full.to {
            let texts = to.as_slice();
            if texts.len() != count {
                let message = format!("the value has {count} parts, but here are {}", texts.len());
                problems.push(Problem::new(format!("{pointer}/to"), message));
                return None;
            }
            let several = texts.len() > 1;
            let place = |text: &String| {
                if text.is_empty() && several {
                    return Some(None);
                }
                path_to(text, &format!("{pointer}/to"), problems).map(Some)
            };
            return texts.iter().map(place).collect();
        }
        let follows = |path: &Path| {
            let members = path.members()?;
            let is_plain = members
                .iter()
                .all(|name| !name.ends_with('.') && name.parse::<usize>().is_err());
            // What is joined into rows is no part of them.
            let is_joined = path.root() == labels::MEMBER;
            (is_plain && !is_joined).then(|| Some(owned(members)))
        };
        let places: Option<Vec<_>> = own.iter().map(follows).collect();
        let places = places.filter(|places| places.len() == count && count > 0);
        if places.is_none() || read.is_some_and(CompiledField::navigates) {
            problems.push(
                Problem::new(pointer, "the place to write to does not follow from how it is read")
                    .with_help("give `to`"),
            );
            return None;
        }
        places
    }
}

/// Returns what goes into a row, by path.
fn rows(
    written: &IndexMap<String, serde_json::Value>,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(Vec<String>, serde_json::Value)> {
    let place = |(text, json): (&String, &serde_json::Value)| {
        let pointer = format!("{pointer}/{}", escape_pointer(text));
        Some((path_to(text, &pointer, problems)?, json.clone()))
    };
    written.iter().filter_map(place).collect()
}
