//! Our mark on records that a write makes.

use lineshaft_schema::{FieldIndex, Text};

use super::{Act, WriteRequest};
use crate::blueprint::ResourcePlan;

impl ResourcePlan {
    /// Returns the field and the value by which a record that a write made is found again; none when the system carries
    /// no mark, or when the caller used the field.
    #[must_use]
    pub fn mark(&self, request: &WriteRequest) -> Option<(FieldIndex, Text)> {
        let reference = self.write_plan()?.reference.as_ref()?;
        let is_free = request
            .input
            .values
            .get(&reference.field)
            .is_none_or(lineshaft_schema::Value::is_null);
        let mark = request.client_reference.as_str();
        if request.act != Act::Create || !is_free || mark.is_empty() || self.overwrites_mark(request) {
            return None;
        }
        // The end of a mark is the part that chance made.
        let start = match reference.most {
            Some(most) => mark
                .char_indices()
                .rev()
                .nth(most.saturating_sub(1))
                .map_or(0, |(at, _)| at),
            None => 0,
        };
        Some((reference.field, mark.get(start..).unwrap_or(mark).into()))
    }

    /// Returns whether members that the caller named himself lie over the place where the mark stands.
    fn overwrites_mark(&self, request: &WriteRequest) -> bool {
        let place = || {
            let plan = self.write_plan()?;
            let reference = plan.reference.as_ref()?;
            let target = plan.fields.iter().find(|target| target.field == reference.field)?;
            Some((target.member()?, plan.custom.as_ref()))
        };
        let Some((member, custom)) = place() else { return false };
        let is_it = |name: &String| name.eq_ignore_ascii_case(member);
        let input = &request.input;
        let rows = custom
            .and_then(|custom| custom.rows.as_ref())
            .and_then(|(to, ..)| to.first());
        input.raw.keys().any(is_it)
            || input.custom.keys().any(is_it)
            || (!input.custom.is_empty() && rows.is_some_and(is_it))
    }
}
