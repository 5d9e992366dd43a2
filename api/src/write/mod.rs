//! Writes: the mutations that follow from the unified model, from their arguments to what they answer.

mod root;

mod asked;
mod batch;
mod input;
mod offer;
mod payload;
mod record;
mod register;

pub(crate) use record::{AnyRecord, Written};
pub(crate) use root::Mutation;
