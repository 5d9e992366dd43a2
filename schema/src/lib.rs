//! The words of Lineshaft: the unified model as data, its records, filters, ids and cursors. No IO.

pub mod catalogue;
pub mod cursor;
pub mod extend;
pub mod filter;
pub mod json;
pub mod key;
pub mod order;
pub mod projection;
pub mod record;
pub mod status;
pub mod value;

mod reserved;
mod sdl;

pub use catalogue::{Catalogue, EnumDef, FieldDef, FieldIndex, FieldType, Shape, TypeDef, TypeIndex, Writable};
pub use cursor::{Cursor, Position};
pub use filter::{Condition, Filter, Operand, Operator};
pub use key::{ConnectionId, GlobalId, KeyHash, KeyMap, KeySet, OrganizationId, RemoteKey};
pub use order::{Direction, Order};
pub use projection::Projection;
pub use record::{CustomField, Fields, Layout, Problem, Record};
pub use status::ConnectionStatus;
pub use value::{Object, Text, Value};
