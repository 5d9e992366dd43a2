//! The simulated systems, one module each: a router, and the settings of a demo connection.

pub(crate) mod orm;
pub(crate) mod odoo;
pub(crate) mod tryton;
pub(crate) mod sap;
pub(crate) mod dynamics;
pub(crate) mod maximo;
pub(crate) mod limble;
