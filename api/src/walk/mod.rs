//! The record fast path: a selection over records is compiled once, its relations are loaded level by level, and the
//! answer is written as JSON text without a value tree.

mod compile;
mod load;
mod scalar;
mod selection;
mod write;

pub(crate) use compile::{Compiler, argument, fields_of, given, response_key};
pub(crate) use load::{Holder, Loader, Node, Source, needs_loading};
pub(crate) use selection::Selection;
pub(crate) use write::{RecordProblem, Step, Writer, verbatim};
