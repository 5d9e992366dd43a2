//! What the suite stands on: a plant of simulated systems behind the server, answers that are easy to ask, and the
//! meaning of filters and orders as the manual tells it.

mod answer;
pub mod dice;
pub mod meaning;
mod plant;

pub use answer::Answer;
pub use plant::{Plant, Setup, connector_folder};
