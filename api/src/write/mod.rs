//! Writes: the mutations that follow from the unified model, from their arguments to what they answer.
#![allow(dead_code)]

mod input;
mod offer;
mod register;
