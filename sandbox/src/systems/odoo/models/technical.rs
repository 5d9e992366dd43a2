//! The models that describe models.

use super::{MODELS, ordinary};
use crate::systems::odoo::values::type_name;
use crate::systems::orm::{Builder, Field, Table};
use crate::world::World;

fn tables(world: &World) -> impl Iterator<Item = (u32, Table)> {
    (1..)
        .zip(MODELS)
        .filter_map(|(id, model)| Some((id, ordinary(world, model)?)))
}

pub(super) fn models(world: &World) -> Table {
    Builder::new("ir.model", "Models", "model")
        .char("name", "Model Description", |(_, table): &(u32, Table)| table.label)
        .char("display_name", "Display Name", |(_, table)| table.label)
        .char("model", "Model", |(_, table)| table.model)
        .select(
            "state",
            "Type",
            &[("manual", "Custom Object"), ("base", "Base Object")],
            |(_, table)| {
                if table.model.starts_with("x_") {
                    "manual"
                } else {
                    "base"
                }
            },
        )
        .bool("transient", "Transient Model", |_| false)
        .char("modules", "In Apps", |(_, table)| {
            table.model.split('.').next().unwrap_or("")
        })
        .build(tables(world), |(id, _)| *id)
}

struct Described {
    id: u32,
    model_id: u32,
    model: &'static str,
    field: Field,
}

pub(super) fn fields(world: &World) -> Table {
    let all = tables(world).flat_map(|(model_id, table)| {
        let model = table.model;
        table.fields.into_iter().map(move |field| (model_id, model, field))
    });
    let rows = (1..).zip(all).map(|(id, (model_id, model, field))| Described {
        id,
        model_id,
        model,
        field,
    });
    Builder::new("ir.model.fields", "Fields", "name, id")
        .char("name", "Field Name", |row: &Described| row.field.name.clone())
        .char("display_name", "Display Name", |row| {
            format!("{} ({})", row.field.label, row.model)
        })
        .char("field_description", "Field Label", |row| row.field.label.clone())
        .char("model", "Model Name", |row| row.model)
        .one("model_id", "Model", "ir.model", |row| row.model_id)
        .char("ttype", "Field Type", |row| type_name(row.field.kind))
        .char("relation", "Related Model", |row| row.field.relation)
        .select(
            "state",
            "Type",
            &[("manual", "Custom Field"), ("base", "Base Field")],
            |row| {
                if row.field.custom { "manual" } else { "base" }
            },
        )
        .bool("required", "Required", |row| row.field.required)
        .bool("readonly", "Readonly", |row| !row.field.stored)
        .bool("store", "Stored", |row| row.field.stored)
        .build(rows, |row| row.id)
}
