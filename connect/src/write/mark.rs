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
        if request.act != Act::Create || !is_free || mark.is_empty() {
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
}
