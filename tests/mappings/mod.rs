//! Mappings that organizations change: seen, saved, live with the next query, and the fields and entities of their own.

pub mod call;
mod custom;
mod guide;
mod live;
mod unmapped;
