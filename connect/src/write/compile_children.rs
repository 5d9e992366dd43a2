//! Checks how rows are written that belong to a record.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use lineshaft_schema::{FieldDef, FieldIndex, TypeDef};

use super::compile::{ChildPlan, EmbedPlan, InlinePlan, Place, WayPlan, child_kind, owned, path_to};
use crate::{
    blueprint::{Problem, escape_pointer},
    manifest::{self, ChildrenWay},
    mapping::Backward,
    template::JsonTemplate,
};

const CHILD_VARIABLES: &[&str] = &["resource.remote", "row", "key"];

impl Place<'_> {
    pub(super) fn children(
        &self,
        inline: &IndexMap<&String, &manifest::WriteField>,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<FieldIndex, ChildPlan> {
        let mut plans = BTreeMap::new();
        for (name, written) in &self.write.children {
            let here = format!("{pointer}/children/{}", escape_pointer(name));
            let Some((field, kind)) = self.def.field(name).and_then(|field| Some((field, child_kind(field)?))) else {
                let lists = self.def.fields.values().filter(|field| child_kind(field).is_some());
                let names: Vec<&str> = lists.map(|field| field.name.as_str()).collect();
                problems.push(
                    Problem::new(
                        here,
                        format!("`{name}` is no list of rows that belong to {}", self.def.name),
                    )
                    .with_help(format!("there are: {}", names.join(", "))),
                );
                continue;
            };
            let Some(child) = self.context.catalogue.type_at(kind) else {
                continue;
            };
            let resource = self.context.manifest.resources.get(&child.name);
            let fields_pointer = format!("{pointer}/fields/{}", escape_pointer(name));
            let own = inline
                .get(name)
                .map(|written| self.inline(field, child, written, &fields_pointer, problems));
            if own.is_none() && resource.is_none_or(|resource| resource.write.is_none()) {
                let message = format!("nothing says which fields of {} can be written", child.name);
                problems.push(
                    Problem::new(here.clone(), message)
                        .with_help("give `write` in its own mapping, or `each` beside the list under `fields`"),
                );
            }
            let mut way = |way: Option<&ChildrenWay>, occasion: &str| {
                let here = format!("{here}/{occasion}");
                match way? {
                    ChildrenWay::Each => {
                        let writes = resource.and_then(|resource| resource.write.as_ref());
                        let can = writes.is_some_and(|write| {
                            let removes = write.delete.is_some() || write.soft_delete.is_some();
                            write.create.is_some() || (occasion == "update" && (write.update.is_some() || removes))
                        });
                        if !can {
                            let message = format!("{} has no operations of its own", child.name);
                            problems.push(Problem::new(here, message));
                        }
                        Some(WayPlan::Each)
                    }
                    ChildrenWay::Embed(embed) => self.embed(embed, occasion == "create", &here, problems),
                }
            };
            let create = way(written.create.as_ref(), "create");
            let update = way(written.update.as_ref(), "update");
            plans.insert(
                field.index,
                ChildPlan {
                    kind,
                    inline: own,
                    create,
                    update,
                },
            );
        }
        plans
    }

    fn inline(
        &self,
        field: &FieldDef,
        child: &TypeDef,
        written: &manifest::WriteField,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> InlinePlan {
        let elements = match self.mapping.field(field.index).map(|read| read.backward()) {
            Some(Backward::Each(_, fields)) => fields,
            _ => &[],
        };
        let read = |index: FieldIndex| elements.iter().find(|field| field.index() == index);
        let none = IndexMap::new();
        let (fields, pointer) = match written {
            manifest::WriteField::Full(full) if full.each.is_some() => {
                (full.each.as_ref().unwrap_or(&none), format!("{pointer}/each"))
            }
            _ => {
                let message = "rows without a resource of their own need `each`: which of their fields can be written";
                problems.push(Problem::new(pointer, message));
                (&none, pointer.to_owned())
            }
        };
        let key = child
            .field("remoteId")
            .and_then(|own| match read(own.index)?.backward() {
                Backward::One(path, _) => path.members().map(owned),
                _ => None,
            });
        InlinePlan {
            fields: self.targets(child, fields.iter(), &read, true, &pointer, problems),
            key,
        }
    }

    fn embed(
        &self,
        embed: &manifest::EmbedChildren,
        creates: bool,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<WayPlan> {
        let pointer = format!("{pointer}/embed");
        let to = path_to(&embed.to, &format!("{pointer}/to"), problems);
        let known = self.context.known.with_open(CHILD_VARIABLES, BTreeSet::new(), &["row"]);
        let mut template =
            |value: Option<&serde_json::Value>, name: &str| known.json(value?, &format!("{pointer}/{name}"), problems);
        let create = match &embed.create {
            Some(_) => template(embed.create.as_ref(), "create"),
            None => JsonTemplate::parse(&"{{row}}".into()).ok(),
        };
        let update = template(embed.update.as_ref(), "update");
        let delete = template(embed.delete.as_ref(), "delete");
        if creates && (update.is_some() || delete.is_some()) {
            problems.push(Problem::new(pointer, "new records have no rows to change or remove"));
        }
        Some(WayPlan::Embed(Box::new(EmbedPlan {
            to: to?,
            create,
            update,
            delete,
            settings: serde_json::Map::new(),
        })))
    }
}
