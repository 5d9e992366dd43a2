//! The model that describes models.

use super::{MODELS, ordinary};
use crate::systems::orm::{Builder, Table};
use crate::world::World;

pub(super) fn models(world: &World) -> Table {
    let tables = (1..)
        .zip(MODELS)
        .filter_map(|(id, model)| Some((id, ordinary(world, model)?)));
    Builder::new("ir.model", "Model", "name")
        .char("name", "Name", |(_, table): &(u32, Table)| table.model)
        .required()
        .char("string", "String", |(_, table)| table.label)
        .char("rec_name", "Record Name", |(_, table)| table.label)
        .char("module", "Module", |(_, table)| match table.model.split('.').next() {
            Some("account") => "account_asset",
            Some(module) => module,
            None => "",
        })
        .build(tables, |(id, _)| *id)
}
