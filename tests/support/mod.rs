//! What the suite stands on: a plant of simulated systems behind the server, answers that are easy to ask, and the
//! meaning of filters and orders as the manual tells it.

mod answer;
mod plant;
mod trials;

pub use answer::Answer;
pub use lineshaft_conformance::{dice, meaning};
pub use plant::{Plant, Setup, connector_folder};
pub use trials::{Trials, Word};
