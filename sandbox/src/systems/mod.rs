//! The simulated systems, one module each: a router, and the settings of a demo connection.

pub(crate) mod dynamics;
pub(crate) mod limble;
pub(crate) mod maximo;
pub(crate) mod odoo;
pub(crate) mod orm;
pub(crate) mod sap;
pub(crate) mod tryton;
