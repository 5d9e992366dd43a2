//! Lays an overlay over a manifest: the resources that it touches are changed, everything else stays as it is.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;
use lineshaft_schema::{Catalogue, FieldDef, FieldType, Shape, TypeDef};
use serde_json::{Map, Value as Json};

use super::{
    CustomFieldOverlay, CustomType, EntityOverlay, FieldPatch, Overlay, OverlayProblem, ProblemCode, origins::Origins,
};
use crate::manifest::{
    FieldMapping, FullMapping, Manifest, Mapping, OneOrMany, Resource, WriteField, load::escape, shape, suggest,
};

/// A manifest with an overlay over it.
pub(crate) struct Applied {
    pub(crate) manifest: Manifest,
    pub(crate) problems: Vec<OverlayProblem>,
    /// Names of the resources that differ.
    pub(crate) touched: BTreeSet<String>,
    pub(crate) origins: Origins,
}

/// Lays an overlay over a manifest; what cannot be laid is told and left out.
pub(crate) fn apply(manifest: &Manifest, overlay: &Overlay, catalogue: &Catalogue) -> Applied {
    let mut applier = Applier {
        catalogue,
        applied: Applied {
            manifest: manifest.clone(),
            problems: Vec::new(),
            touched: BTreeSet::new(),
            origins: Origins::default(),
        },
    };
    if overlay.mapping != 1 {
        let message = format!("version {} of the mapping language is not known", overlay.mapping);
        let problem = OverlayProblem::error(ProblemCode::InvalidMapping, "/mapping", message);
        applier.applied.problems.push(problem.with_help("write `mapping: 1`"));
    }
    for (name, entity) in &overlay.entities {
        applier.entity(name, entity);
    }
    applier.applied
}

impl Manifest {
    /// Returns the manifest with an overlay over it, and what of the overlay is wrong or comes to nothing; errors are
    /// left out. `catalogue` is the model with what the organization adds. Mappings are not compiled here, see
    /// [`crate::blueprint::Blueprint::overlaid`].
    #[must_use]
    pub fn overlaid(&self, overlay: &Overlay, catalogue: &Catalogue) -> (Self, Vec<OverlayProblem>) {
        let applied = apply(self, overlay, catalogue);
        (applied.manifest, applied.problems)
    }
}

/// A place where the fields of a type are mapped.
pub(super) enum Spot {
    /// In a resource of its own.
    Own,
    /// In the elements of a list in the row of an owner: the owner, its field, and the names below it.
    Inside { owner: String, list: String, way: Within },
}

/// How a list says what its elements are.
pub(super) enum Within {
    Each,
    List(usize),
    Lists(usize),
}

pub(super) struct Applier<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) applied: Applied,
}

impl Applier<'_> {
    pub(super) fn tell(&mut self, code: ProblemCode, pointer: impl Into<String>, message: impl Into<String>) {
        self.applied
            .problems
            .push(OverlayProblem::error(code, pointer, message));
    }

    pub(super) fn warn(&mut self, code: ProblemCode, pointer: impl Into<String>, message: impl Into<String>) {
        self.applied
            .problems
            .push(OverlayProblem::warning(code, pointer, message));
    }

    fn entity(&mut self, name: &str, entity: &EntityOverlay) {
        let catalogue = self.catalogue;
        let pointer = format!("/entities/{}", escape(name));
        let Some(def) = catalogue.type_named(name).filter(|def| def.has_rows()) else {
            if entity.entity.is_some() {
                let message = format!("`{name}` could not be added to the model");
                self.tell(ProblemCode::NameTaken, format!("{pointer}/entity"), message);
                return;
            }
            let known = catalogue.types.values().filter(|def| def.has_rows());
            let message = suggest::unknown("entity", name, known.map(|def| def.name.as_str()));
            self.tell(ProblemCode::UnknownEntity, pointer, message);
            return;
        };
        match self.source_of(def, entity, &pointer) {
            Ok(Some((word, source))) => {
                let origin = format!("{pointer}/{word}");
                let Some(resource) = self.custom_resource(&source, &origin) else {
                    return;
                };
                let at = format!("/resources/{}", escape(name));
                for word in ["remote", "key"] {
                    self.origin(&format!("{at}/{word}"), &format!("{origin}/{word}"));
                }
                self.origin(&format!("{at}/write"), &format!("{origin}/write"));
                self.origin(&at, &format!("{origin}/resource"));
                self.touch_referrers(def, &origin);
                self.applied.touched.insert(name.to_owned());
                let resources = &mut self.applied.manifest.resources;
                resources.insert(name.to_owned(), Arc::new(resource));
            }
            Ok(None) => self.origin(&format!("/resources/{}", escape(name)), &pointer),
            Err(problem) => {
                self.applied.problems.push(problem);
                return;
            }
        }
        let spots = self.spots(def);
        for (field, custom) in &entity.custom {
            self.custom_field(
                def,
                field,
                custom,
                &spots,
                &format!("{pointer}/custom/{}", escape(field)),
            );
        }
        for (field, overlay) in &entity.fields {
            let pointer = format!("{pointer}/fields/{}", escape(field));
            let Some(known) = def.field(field) else {
                let names = def.fields.values().filter(|field| !field.computed);
                let what = format!("field of {name}");
                let message = suggest::unknown(&what, field, names.map(|field| field.name.as_str()));
                self.applied.problems.push(
                    OverlayProblem::error(ProblemCode::UnknownField, pointer, message)
                        .with_help("fields of your own stand under `custom`"),
                );
                continue;
            };
            self.patch(def, known, &overlay.patch(), &spots, &pointer);
        }
    }

    fn origin(&mut self, at: &str, origin: &str) {
        self.applied.origins.add(at, origin);
    }

    /// Finds the places where the fields of a type are mapped.
    pub(super) fn spots(&self, def: &TypeDef) -> Vec<Spot> {
        let resources = &self.applied.manifest.resources;
        let mut spots = Vec::new();
        if resources.contains_key(&def.name) {
            spots.push(Spot::Own);
        }
        if !matches!(def.shape, Shape::Part { .. }) {
            return spots;
        }
        for (owner, resource) in resources {
            let Some(of) = self.catalogue.type_named(owner) else {
                continue;
            };
            for (list, mapping) in &resource.fields {
                let is_list = of
                    .field(list)
                    .is_some_and(|field| field.list && field.kind == FieldType::Object(def.index));
                let FieldMapping::Full(full) = mapping else { continue };
                if !is_list {
                    continue;
                }
                let mut inside = |way: Within| {
                    spots.push(Spot::Inside {
                        owner: owner.clone(),
                        list: list.clone(),
                        way,
                    });
                };
                if full.each.is_some() {
                    inside(Within::Each);
                }
                (0..full.list.iter().flatten().count()).for_each(|at| inside(Within::List(at)));
                (0..full.lists.iter().flatten().count()).for_each(|at| inside(Within::Lists(at)));
            }
        }
        spots
    }

    fn custom_field(&mut self, def: &TypeDef, name: &str, custom: &CustomFieldOverlay, spots: &[Spot], pointer: &str) {
        let Some(field) = def.field(name) else {
            let target = custom.to.as_deref();
            let unknown = target.filter(|target| self.catalogue.type_named(target).is_none_or(|def| !def.is_entity()));
            match unknown {
                Some(target) => {
                    let known = self.catalogue.entities().map(|def| def.name.as_str());
                    let message = suggest::unknown("entity", target, known);
                    self.tell(ProblemCode::UnknownEntity, format!("{pointer}/to"), message);
                }
                None => {
                    let message = format!("{}.{name} could not be added to the model", def.name);
                    self.tell(ProblemCode::TypeConflict, pointer, message);
                }
            }
            return;
        };
        if field.label.is_none() {
            let message = format!("{} has a field `{name}` in the unified model", def.name);
            self.tell(ProblemCode::NameTaken, pointer, message);
            return;
        }
        if !self.has_type(field, custom) {
            let message = format!(
                "{}.{name} is {} elsewhere in the organization",
                def.name, field.type_text
            );
            self.tell(ProblemCode::TypeConflict, format!("{pointer}/type"), message);
            return;
        }
        if let Some(source) = &custom.source {
            self.patch(def, field, &source.patch(), spots, &format!("{pointer}/source"));
        }
    }

    fn has_type(&self, field: &FieldDef, custom: &CustomFieldOverlay) -> bool {
        let same = match (custom.kind, field.kind) {
            (CustomType::String, FieldType::Text)
            | (CustomType::Integer, FieldType::Integer)
            | (CustomType::Decimal, FieldType::Decimal)
            | (CustomType::Boolean, FieldType::Boolean)
            | (CustomType::Date, FieldType::Date)
            | (CustomType::Datetime, FieldType::DateTime)
            | (CustomType::Json, FieldType::Json)
            | (CustomType::Object, FieldType::Object(_)) => true,
            (CustomType::Enum, FieldType::Enum(index)) => {
                let known = self.catalogue.enum_at(index);
                custom
                    .values
                    .keys()
                    .all(|name| known.is_some_and(|def| def.value_index(name).is_some()))
            }
            (CustomType::Reference, FieldType::Reference(_)) => custom.to.as_deref() == Some(field.type_name.as_str()),
            _ => false,
        };
        same && custom.list == field.list
    }

    /// Lays the change of a field over every place where it is mapped.
    fn patch(&mut self, def: &TypeDef, field: &FieldDef, patch: &FieldPatch, spots: &[Spot], pointer: &str) {
        if field.kind == FieldType::Platform || (field.computed && spots.iter().all(|spot| matches!(spot, Spot::Own))) {
            let message = format!("`{}` is filled by the server and cannot be mapped", field.name);
            self.tell(ProblemCode::InvalidMapping, pointer, message);
            return;
        }
        if patch.hide == Some(true) && field.required && self.is_never_null(field) {
            let message = format!("`{}` is never null and cannot be hidden", field.name);
            self.tell(ProblemCode::InvalidMapping, format!("{pointer}/hide"), message);
            return;
        }
        if !self.is_well_formed(patch, pointer) {
            return;
        }
        if spots.is_empty() {
            let message = format!("this connector does not map {}", def.name);
            let problem = OverlayProblem::error(ProblemCode::UnknownEntity, pointer, message);
            let discovery = self.applied.manifest.discovery.as_ref();
            let problem = match discovery.is_some_and(|discovery| discovery.resource.is_some()) {
                true => problem.with_help("say under `from` what of the system its records are"),
                false => problem,
            };
            self.applied.problems.push(problem);
            return;
        }
        let mut reasons = Vec::new();
        let mut laid = false;
        for spot in spots {
            match self.lay(def, field, patch, spot, pointer) {
                Ok(()) => laid = true,
                Err(message) => reasons.push(message),
            }
        }
        // A part may be mapped in one of its places only.
        if let (false, Some(message)) = (laid, reasons.into_iter().next()) {
            self.applied.problems.push(
                OverlayProblem::error(ProblemCode::InvalidMapping, pointer, message)
                    .with_help("say where the value comes from, such as with `path`"),
            );
        }
    }

    /// Returns whether nothing stands in for the value of a required field.
    fn is_never_null(&self, field: &FieldDef) -> bool {
        match field.kind {
            FieldType::Boolean => false,
            FieldType::Enum(index) => {
                let def = self.catalogue.enum_at(index);
                def.and_then(|def| def.value_index("UNKNOWN")).is_none()
            }
            _ => true,
        }
    }

    fn is_well_formed(&mut self, patch: &FieldPatch, pointer: &str) -> bool {
        let before = self.applied.problems.len();
        let words = Json::Object(patch.mapping.clone());
        let mut findings = shape::check(shape::mapping_words(), &words);
        if let Some(write) = &patch.write {
            let wrong = shape::check(shape::write_words(), write).into_iter();
            findings.extend(wrong.map(|finding| shape::Finding {
                pointer: format!("/write{}", finding.pointer),
                ..finding
            }));
        }
        for finding in findings {
            self.applied.problems.push(OverlayProblem {
                help: finding.help,
                ..OverlayProblem::error(
                    ProblemCode::InvalidMapping,
                    format!("{pointer}{}", finding.pointer),
                    finding.message,
                )
            });
        }
        self.applied.problems.len() == before
    }

    fn lay(
        &mut self,
        def: &TypeDef,
        field: &FieldDef,
        patch: &FieldPatch,
        spot: &Spot,
        pointer: &str,
    ) -> Result<(), String> {
        let (owner, list) = match spot {
            Spot::Own => (def.name.clone(), None),
            Spot::Inside { owner, list, .. } => (owner.clone(), Some(list.clone())),
        };
        let Some(shared) = self.applied.manifest.resources.get_mut(&owner) else {
            return Ok(());
        };
        let resource = Arc::make_mut(shared);
        let Some((mapping, below)) = mapping_at(resource, spot) else {
            return Ok(());
        };
        lay_mapping(mapping, &field.name, patch)?;
        let fields = match &list {
            None => resource.write.as_mut().map(|write| &mut write.fields),
            Some(list) => inline_fields(resource, list),
        };
        let is_written =
            patch.hide != Some(true) && patch.write.as_ref().is_some_and(|write| *write != Json::Bool(false));
        let lost = match fields {
            Some(fields) => {
                lay_write(fields, &field.name, patch);
                false
            }
            // A part without a `write` here may have one where it is mapped too.
            None => is_written && list.is_none(),
        };
        if let (None, Some(write)) = (&list, resource.write.as_mut()) {
            let is_gone = !write.fields.contains_key(&field.name);
            let marks = write
                .client_reference
                .as_ref()
                .map(|reference| reference.field.as_str());
            if is_gone && marks == Some(field.name.as_str()) {
                write.client_reference = None;
            }
            if patch.hide == Some(true) {
                write.children.shift_remove(&field.name);
            }
        }
        let base = format!("/resources/{}", escape(&owner));
        let name = escape(&field.name);
        if let Some(list) = &list {
            let part = format!("/entities/{}", escape(&def.name));
            let list = escape(list);
            for below in [
                String::new(),
                format!("/fields/{list}"),
                format!("/write/fields/{list}"),
            ] {
                self.applied.origins.add_fallback(format!("{base}{below}"), &part);
            }
        }
        self.applied.touched.insert(owner);
        self.origin(&format!("{base}/fields/{below}{name}"), pointer);
        let written = match &list {
            None => format!("{base}/write/fields/{name}"),
            Some(list) => format!("{base}/write/fields/{}/each/{name}", escape(list)),
        };
        self.origin(&written, &format!("{pointer}/write"));
        if lost {
            let message = format!("this connector does not write records of {}", def.name);
            self.warn(ProblemCode::NotInvertible, format!("{pointer}/write"), message);
        }
        Ok(())
    }
}

/// Returns the mapping at a place, and the names on the way to it below `fields`.
fn mapping_at<'r>(resource: &'r mut Resource, spot: &Spot) -> Option<(&'r mut Mapping, String)> {
    let Spot::Inside { list, way, .. } = spot else {
        return Some((&mut resource.fields, String::new()));
    };
    let Some(FieldMapping::Full(full)) = resource.fields.get_mut(list) else {
        return None;
    };
    let name = escape(list);
    match way {
        Within::Each => Some((full.each.as_mut()?, format!("{name}/each/"))),
        Within::List(at) => Some((full.list.as_mut()?.get_mut(*at)?, format!("{name}/list/{at}/"))),
        Within::Lists(at) => {
            let list = full.lists.as_mut()?.get_mut(*at)?;
            Some((&mut list.each, format!("{name}/lists/{at}/each/")))
        }
    }
}

/// Returns what is written of the elements of a list.
fn inline_fields<'r>(resource: &'r mut Resource, list: &str) -> Option<&'r mut IndexMap<String, WriteField>> {
    match resource.write.as_mut()?.fields.get_mut(list)? {
        WriteField::Full(full) => full.each.as_mut(),
        _ => None,
    }
}

fn lay_mapping(mapping: &mut Mapping, name: &str, patch: &FieldPatch) -> Result<(), String> {
    if patch.hide == Some(true) {
        mapping.shift_remove(name);
        return Ok(());
    }
    if patch.mapping.is_empty() {
        return Ok(());
    }
    let mut words = match mapping.get(name).filter(|_| !patch.has_source()) {
        Some(below) => words_of(below),
        None if patch.has_source() => Map::new(),
        None => {
            return Err(format!(
                "nothing is mapped to `{name}` that these words could be laid over"
            ));
        }
    };
    for (word, value) in &patch.mapping {
        match value {
            Json::Null => {
                words.shift_remove(word);
            }
            value => {
                words.insert(word.clone(), value.clone());
            }
        }
    }
    let full: FullMapping = serde_json::from_value(Json::Object(words)).map_err(|error| error.to_string())?;
    mapping.insert(name.to_owned(), FieldMapping::Full(Box::new(full)));
    Ok(())
}

/// Returns the words of a mapping that say something.
pub(crate) fn words_of(mapping: &FieldMapping) -> Map<String, Json> {
    let full = match mapping {
        FieldMapping::Path(path) => FullMapping {
            path: Some(OneOrMany::One(path.clone())),
            ..FullMapping::default()
        },
        FieldMapping::Full(full) => (**full).clone(),
    };
    let mut words = serde_json::to_value(full).unwrap_or_default();
    without_silent(&mut words);
    match words {
        Json::Object(words) => words,
        _ => Map::new(),
    }
}

/// Leaves out the members of grammar types that say nothing.
fn without_silent(words: &mut Json) {
    let Json::Object(members) = words else { return };
    let is_silent = |name: &str, value: &Json| match value {
        Json::Null => true,
        Json::Array(list) => list.is_empty() && matches!(name, "empty" | "exact" | "coarse"),
        Json::Object(members) => members.is_empty() && name == "parameters",
        Json::Bool(false) => matches!(name, "digest" | "never_null" | "recalled"),
        _ => false,
    };
    members.retain(|name, value| !is_silent(name, value));
    for name in ["object", "each"] {
        if let Some(Json::Object(fields)) = members.get_mut(name) {
            fields.values_mut().for_each(without_silent);
        }
    }
    for name in ["list", "lists"] {
        let elements = members.get_mut(name).and_then(Json::as_array_mut);
        for element in elements.into_iter().flatten() {
            let fields = match name {
                "lists" => element.get_mut("each"),
                _ => Some(element),
            };
            let fields = fields.and_then(Json::as_object_mut);
            fields
                .into_iter()
                .for_each(|fields| fields.values_mut().for_each(without_silent));
        }
    }
    for name in ["filter", "compute"] {
        if let Some(inner) = members.get_mut(name) {
            without_silent(inner);
        }
    }
}

fn lay_write(fields: &mut IndexMap<String, WriteField>, name: &str, patch: &FieldPatch) {
    if patch.hide == Some(true) {
        fields.shift_remove(name);
        return;
    }
    match patch.write_field() {
        Some(Ok(WriteField::Same(false))) => {
            fields.shift_remove(name);
        }
        Some(Ok(written)) => {
            fields.insert(name.to_owned(), written);
        }
        // What is written where it was read before would now land elsewhere than it is read.
        None if patch.has_source() => {
            fields.shift_remove(name);
        }
        // An ill-formed `write` has been told.
        Some(Err(_)) | None => {}
    }
}
