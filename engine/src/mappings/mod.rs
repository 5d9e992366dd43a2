//! What organizations change about mappings: seen, tried, saved, and what it does to the connections that it holds for.

mod scope;

mod change;
mod problem;

mod draft;
mod judge;
mod save;
mod versions;

mod copy;

mod effect;
mod known;
mod show;
mod suggest;

mod preview;
mod remote;
mod see;

pub mod drift;
mod raw;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use change::{Change, ChangeKind};
pub use copy::{Copied, CopyMapping, RollBackMapping};
pub use draft::{Draft, Edit, Part};
pub use drift::{Affected, SchemaChange, SchemaChangeKind, SchemaCheck};
pub use effect::{FilterEffect, WriteEffect};
pub use preview::{MappingPreview, PreviewMapping, PreviewRecord, RecordProblem};
pub use problem::{MappingError, Problem, Severity};
pub use raw::{RawAnswer, RawCall};
pub use remote::{RemoteField, RemoteObject, RemoteObjectPage, RemoteTarget};
pub use save::{SaveMapping, Saved};
pub use scope::{Place, Scope, ScopeKind};
pub use see::{
    DescribedBy, EntityMapping, FieldMapping, FieldSample, FieldState, LayerInfo, MappedEntity, MappedSample,
    MappingOrigin,
};
pub use suggest::Suggestion;
pub use versions::{LayerView, Version, VersionPage};
