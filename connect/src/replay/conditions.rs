//! Reads the conditions of a spec, in the words of queries.

use lineshaft_schema::{Catalogue, Condition, FieldDef, Filter, Operand, Operator, TypeDef};
use serde_json::Value as Json;

use super::question::field;
use crate::{
    codec::constant,
    manifest::{load::escape, suggest},
    mapping::spec::Difference,
};

/// Reads conditions over the fields of a type.
pub(super) struct Conditions<'d> {
    pub(super) def: &'d TypeDef,
    pub(super) catalogue: &'d Catalogue,
}

impl Conditions<'_> {
    /// Reads conditions that must all hold.
    pub(super) fn all<'j>(
        &self,
        members: impl IntoIterator<Item = (&'j String, &'j Json)>,
        pointer: &str,
    ) -> Result<Filter, Difference> {
        let mut filter = Filter::always();
        for (name, written) in members {
            let pointer = format!("{pointer}/{}", escape(name));
            filter = filter.and(match name.as_str() {
                "and" => Filter::All(self.each(written, &pointer)?),
                "or" => Filter::Any(self.each(written, &pointer)?),
                "not" => Filter::Not(Box::new(self.table(written, &pointer)?)),
                name => self.of_field(name, written, &pointer)?,
            });
        }
        Ok(filter)
    }

    fn each(&self, written: &Json, pointer: &str) -> Result<Vec<Filter>, Difference> {
        let list = written
            .as_array()
            .ok_or_else(|| Difference::new(pointer, "conditions stand in a list here"))?;
        let parts = list.iter().enumerate();
        parts
            .map(|(at, part)| self.table(part, &format!("{pointer}/{at}")))
            .collect()
    }

    fn table(&self, written: &Json, pointer: &str) -> Result<Filter, Difference> {
        let members = written.as_object();
        self.all(
            members.ok_or_else(|| Difference::new(pointer, "a condition names a field"))?,
            pointer,
        )
    }

    fn of_field(&self, name: &str, written: &Json, pointer: &str) -> Result<Filter, Difference> {
        let field = field(self.def, name, pointer)?;
        let kind = field
            .comparable()
            .ok_or_else(|| Difference::new(pointer, format!("`{name}` cannot be filtered by")))?;
        let compared = FieldDef {
            kind,
            list: false,
            ..field.clone()
        };
        let operators = written
            .as_object()
            .ok_or_else(|| Difference::new(pointer, "write how it is compared, such as `{eq: …}`"))?;
        let mut filter = Filter::always();
        for (name, operand) in operators {
            let pointer = format!("{pointer}/{}", escape(name));
            let wrong = |message: String| Difference::new(pointer.as_str(), message);
            let operator = Operator::named(name).ok_or_else(|| {
                let known = Operator::ALL.iter().map(|operator| operator.name());
                wrong(suggest::unknown("operator", name, known))
            })?;
            let one = |value: &Json| constant(&compared, value, self.catalogue).map_err(wrong);
            let operand = match (operator, operand) {
                (Operator::IsNull, Json::Bool(flag)) => Operand::Flag(*flag),
                (Operator::IsNull, other) => return Err(wrong(format!("{other} is not `true` or `false`"))),
                (Operator::In, Json::Array(list)) => Operand::Many(list.iter().map(one).collect::<Result<_, _>>()?),
                (Operator::In, other) => return Err(wrong(format!("{other} is not a list"))),
                (_, value) => Operand::One(one(value)?),
            };
            filter = filter.and(Filter::Field(Condition {
                field: field.index,
                operator,
                operand,
            }));
        }
        Ok(filter)
    }
}
