//! Trials that are made from what a connector says it can do, and that hold it to its word against a simulated system:
//! lists, look-ups, filters, orders, counts, relations, statuses, raw rows, refused credentials, missing rights.
//!
//! They ask over GraphQL, and do not know how the server is put together: a [`Place`] answers. [`live`] holds a connector to
//! its word against a real system, by reading what is there.

mod answer;
mod conditions;
pub mod dice;
mod example;
mod expected;
pub mod live;
pub mod meaning;
mod shape;
mod stage;
mod trials;

pub use answer::Answer;
pub use example::Example;
pub use shape::{List, lists};
pub use stage::{Make, Place, Stage, rebased};
pub use trials::{Outcome, Subject, run};
