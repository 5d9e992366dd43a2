//! Lets a caller tell what became of a write whose outcome is unknown.

use lineshaft_entities::write_operation::State;
use lineshaft_schema::RemoteKey;
use uuid::Uuid;

use super::{SettleError, Write, ending::Ending};
use crate::{Engine, connections::Visible, origin::Origin};

/// What a caller tells of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The system carried it out.
    Succeeded {
        /// The record, when it was made.
        key: Option<RemoteKey>,
    },
    /// Nothing was carried out; its key may be used again.
    Failed,
}

impl Engine {
    /// Settles a write whose outcome is unknown, as the caller tells.
    ///
    /// # Errors
    /// When there is no such write for the caller, or its outcome is known.
    pub async fn settle_write(
        &self,
        visible: impl Into<Visible>,
        id: Uuid,
        verdict: Verdict,
        origin: &Origin,
    ) -> Result<Write, SettleError> {
        let visible = visible.into();
        let row = self.write_row(visible, id).await?.ok_or(SettleError::NotFound(id))?;
        if row.state != State::InDoubt {
            return Err(SettleError::NotInDoubt(row.state));
        }
        let name = self.writer.actor_name(row.organization_id, origin).await?;
        let ending = match verdict {
            Verdict::Succeeded { key } => Ending::done(key, Vec::new()),
            Verdict::Failed => {
                Ending::not_carried_out("NOT_CARRIED_OUT", "the caller told that it was not carried out")
            }
        };
        let ending = ending.settled_by(name.unwrap_or_else(|| "caller".to_owned()));
        if let Some(settled) = self.writer.finish_by_caller(&row, &ending, origin).await? {
            return Ok(settled.into());
        }
        // Somebody was quicker.
        let row = self.write_row(visible, id).await?.ok_or(SettleError::NotFound(id))?;
        Err(SettleError::NotInDoubt(row.state))
    }
}
