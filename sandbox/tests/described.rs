//! Checks systems that a file describes: the ones of the connectors, and a small one that has every word.

mod lists;
mod loading;
mod signing_in;
mod support;
mod wrapping;
mod writing;
