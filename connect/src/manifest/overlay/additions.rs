//! What overlays add to the unified model: fields and entities of an organization's own.

use indexmap::IndexMap;
use lineshaft_schema::{
    Catalogue,
    extend::{AddedEntity, AddedField, AddedKind, AddedPart, Additions, MOST_ENTITIES_OF_ONE, MOST_PARTS, MOST_VALUES},
};

use super::{CustomFieldOverlay, CustomType, EntityOverlay, Overlay, OverlayProblem, ProblemCode};
use crate::manifest::load::escape;

impl Overlay {
    /// Returns what it adds to the unified model, and what of that cannot be added. Whether entities that it does not
    /// define itself exist is not known here: another overlay may define them.
    #[must_use]
    pub fn additions(&self, unified: &Catalogue) -> (Additions, Vec<OverlayProblem>) {
        let (additions, mut problems) = self.read(unified);
        self.check(unified, &additions, &mut problems);
        (additions, problems)
    }

    /// Returns what it adds to the unified model, unchecked: what of it cannot be added is told by [`Catalogue::extended`].
    #[must_use]
    pub fn added(&self, unified: &Catalogue) -> Additions {
        self.read(unified).0
    }

    fn read(&self, unified: &Catalogue) -> (Additions, Vec<OverlayProblem>) {
        let mut additions = Additions::default();
        let mut problems = Vec::new();
        for (name, entity) in &self.entities {
            let pointer = format!("/entities/{}", escape(name));
            if let Some(own) = &entity.entity {
                if unified.types.contains_key(name) {
                    problems.push(
                        OverlayProblem::error(
                            ProblemCode::NameTaken,
                            format!("{pointer}/entity"),
                            format!("`{name}` is a type of the unified model"),
                        )
                        .with_help("give the entity another name"),
                    );
                } else if additions.entities.len() >= MOST_ENTITIES_OF_ONE {
                    let message = format!("a mapping adds at most {MOST_ENTITIES_OF_ONE} entities");
                    let problem =
                        OverlayProblem::error(ProblemCode::InvalidMapping, format!("{pointer}/entity"), message);
                    problems.push(problem);
                } else {
                    additions.entities.push(AddedEntity {
                        name: name.clone(),
                        plural: own.plural.clone(),
                        label: own.label.clone().unwrap_or_else(|| name.clone()),
                        description: own.description.clone().unwrap_or_default(),
                    });
                }
            }
            fields(name, entity, unified, &pointer, &mut additions, &mut problems);
        }
        (additions, problems)
    }

    /// Tells what the model itself would refuse, as far as this overlay alone can be judged.
    fn check(&self, unified: &Catalogue, additions: &Additions, problems: &mut Vec<OverlayProblem>) {
        if additions.is_empty() {
            return;
        }
        let (_, conflicts) = unified.extended(additions);
        let is_known = |name: &str| {
            unified.types.contains_key(name) || additions.entities.iter().any(|entity| entity.name == name)
        };
        for conflict in conflicts {
            let pointer = format!("/entities/{}", escape(&conflict.of));
            let Some(field) = &conflict.field else {
                let code = match conflict.message.ends_with("is taken") {
                    true => ProblemCode::NameTaken,
                    false => ProblemCode::InvalidMapping,
                };
                problems.push(OverlayProblem::error(
                    code,
                    format!("{pointer}/entity"),
                    conflict.message,
                ));
                continue;
            };
            let refers = self
                .entities
                .get(&conflict.of)
                .and_then(|entity| entity.custom.get(field));
            let target = refers.and_then(|custom| custom.to.as_deref());
            if !is_known(&conflict.of) || target.is_some_and(|target| !is_known(target)) {
                continue;
            }
            let code = match conflict.message.ends_with("is taken") {
                true => ProblemCode::NameTaken,
                false => ProblemCode::InvalidMapping,
            };
            let pointer = format!("{pointer}/custom/{}", escape(field));
            problems.push(OverlayProblem::error(code, pointer, conflict.message));
        }
    }
}

fn fields(
    of: &str,
    entity: &EntityOverlay,
    unified: &Catalogue,
    pointer: &str,
    additions: &mut Additions,
    problems: &mut Vec<OverlayProblem>,
) {
    for (name, custom) in &entity.custom {
        let pointer = format!("{pointer}/custom/{}", escape(name));
        if unified.type_named(of).is_some_and(|def| def.fields.contains_key(name)) {
            problems.push(
                OverlayProblem::error(
                    ProblemCode::NameTaken,
                    pointer,
                    format!("{of} has a field `{name}` in the unified model"),
                )
                .with_help("change its mapping under `fields`, or give the custom field another name"),
            );
            continue;
        }
        match kind_of(custom) {
            Ok(kind) => additions.fields.push(AddedField {
                of: of.to_owned(),
                name: name.clone(),
                label: custom.label.clone().unwrap_or_else(|| name.clone()),
                description: custom.description.clone().unwrap_or_default(),
                kind,
                list: custom.list,
            }),
            Err((below, message)) => {
                let pointer = format!("{pointer}{below}");
                problems.push(OverlayProblem::error(ProblemCode::InvalidMapping, pointer, message));
            }
        }
    }
}

/// Returns the type of a custom field, or what is wrong with it and where.
fn kind_of(custom: &CustomFieldOverlay) -> Result<AddedKind, (String, String)> {
    let wrong = |below: &str, message: &str| Err((below.to_owned(), message.to_owned()));
    if custom.kind != CustomType::Enum && !custom.values.is_empty() {
        return wrong("/values", "`values` belong to the type `enum`");
    }
    if custom.kind != CustomType::Reference && custom.to.is_some() {
        return wrong("/to", "`to` belongs to the type `reference`");
    }
    if custom.kind != CustomType::Object && !custom.parts.is_empty() {
        return wrong("/parts", "`parts` belong to the type `object`");
    }
    match custom.kind {
        CustomType::Reference => match &custom.to {
            Some(_) if custom.list => wrong("/list", "a field refers to one record"),
            Some(entity) => Ok(AddedKind::Reference(entity.clone())),
            None => wrong("/type", "`to` must name the entity that it refers to"),
        },
        CustomType::Object => {
            let mut parts = Vec::new();
            for (name, part) in &custom.parts {
                let below = || format!("/parts/{}/type", escape(name));
                let kind = plain_kind(part.kind, &part.values)
                    .ok_or_else(|| (below(), "a part is neither a reference nor an object".to_owned()))?;
                parts.push(AddedPart {
                    name: name.clone(),
                    description: part.description.clone().unwrap_or_else(|| name.clone()),
                    kind,
                });
            }
            match parts.is_empty() {
                true => wrong("/type", "`parts` must name the parts of the object"),
                false => Ok(AddedKind::Object(parts)),
            }
        }
        CustomType::Enum if custom.values.is_empty() => wrong("/type", "`values` must name the values of the enum"),
        kind => plain_kind(kind, &custom.values)
            .ok_or_else(|| ("/type".to_owned(), "this type needs more than its name".to_owned())),
    }
}

fn plain_kind(kind: CustomType, values: &IndexMap<String, String>) -> Option<AddedKind> {
    Some(match kind {
        CustomType::String => AddedKind::Text,
        CustomType::Integer => AddedKind::Integer,
        CustomType::Decimal => AddedKind::Decimal,
        CustomType::Boolean => AddedKind::Boolean,
        CustomType::Date => AddedKind::Date,
        CustomType::Datetime => AddedKind::DateTime,
        CustomType::Json => AddedKind::Json,
        CustomType::Enum => {
            let values = values.iter();
            AddedKind::Enum(values.map(|(name, about)| (name.clone(), about.clone())).collect())
        }
        CustomType::Reference | CustomType::Object => return None,
    })
}

/// Joins what several overlays add. The same field or entity counts once, with the words of the first that describes it;
/// enums have the values of all. Others that share a name but not their type are told, and the first one stands.
#[must_use]
pub fn merge_additions(all: impl IntoIterator<Item = Additions>) -> (Additions, Vec<OverlayProblem>) {
    let mut entities: IndexMap<String, AddedEntity> = IndexMap::new();
    let mut fields: IndexMap<(String, String), AddedField> = IndexMap::new();
    let mut problems = Vec::new();
    for Additions {
        entities: own,
        fields: more,
    } in all
    {
        for entity in own {
            let Some(known) = entities.get(&entity.name) else {
                entities.insert(entity.name.clone(), entity);
                continue;
            };
            if known.plural != entity.plural {
                let pointer = format!("/entities/{}/entity/plural", escape(&entity.name));
                let message = format!(
                    "`{}` is listed by `{}` elsewhere, not by `{}`",
                    entity.name, known.plural, entity.plural
                );
                problems.push(OverlayProblem::error(ProblemCode::TypeConflict, pointer, message));
            }
        }
        for field in more {
            let place = (field.of.clone(), field.name.clone());
            let Some(known) = fields.get_mut(&place) else {
                fields.insert(place, field);
                continue;
            };
            let joined = match known.list == field.list {
                true => joined(&mut known.kind, &field.kind),
                false => Joined::Other,
            };
            let (message, help) = match joined {
                Joined::Same => continue,
                Joined::Other => (
                    "has another type elsewhere in the organization".to_owned(),
                    "use the same type everywhere, or another name",
                ),
                Joined::Large => (
                    format!(
                        "would have more than {MOST_VALUES} values, together with those elsewhere in the organization"
                    ),
                    "leave values out, or use another name",
                ),
            };
            let pointer = format!("/entities/{}/custom/{}/type", escape(&field.of), escape(&field.name));
            let message = format!("{}.{} {message}", field.of, field.name);
            problems.push(OverlayProblem::error(ProblemCode::TypeConflict, pointer, message).with_help(help));
        }
    }
    let additions = Additions {
        entities: entities.into_values().collect(),
        fields: fields.into_values().collect(),
    };
    (additions, problems)
}

/// Whether two types could be joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    Same,
    Other,
    /// An enum would have too many values.
    Large,
}

/// Joins the values of enums; tells whether two types are the same otherwise.
fn joined(known: &mut AddedKind, other: &AddedKind) -> Joined {
    match (known, other) {
        // What is too large by itself is told when it is added.
        (AddedKind::Enum(known), AddedKind::Enum(other)) if known.len().max(other.len()) > MOST_VALUES => Joined::Large,
        (AddedKind::Enum(known), AddedKind::Enum(other)) => {
            let is_new = |(name, _): &&(String, String)| !known.iter().any(|(same, _)| same == name);
            let more: Vec<_> = other.iter().filter(is_new).cloned().collect();
            if known.len() + more.len() > MOST_VALUES {
                return Joined::Large;
            }
            known.extend(more);
            Joined::Same
        }
        (AddedKind::Object(known), AddedKind::Object(other)) if known.len().max(other.len()) > MOST_PARTS => {
            Joined::Other
        }
        (AddedKind::Object(known), AddedKind::Object(other)) => {
            let names = |parts: &[AddedPart]| parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
            if names(known) != names(other) {
                return Joined::Other;
            }
            let parts = known.iter_mut().zip(other);
            let mut parts = parts.map(|(known, other)| joined(&mut known.kind, &other.kind));
            parts.find(|joined| *joined != Joined::Same).unwrap_or(Joined::Same)
        }
        (known, other) if known == other => Joined::Same,
        _ => Joined::Other,
    }
}
