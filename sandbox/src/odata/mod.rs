//! An OData service over rows in memory: reads and the bodies of writes of versions 2 and 4, in the flavours that the
//! simulated ERP systems speak, and in that of the standard for described systems. It never opens a socket and knows no system's records.

mod answer;
mod atom;
mod body;
mod change;
mod check;
mod data;
mod evaluate;
mod filter;
mod lexer;
mod locate;
mod metadata;
mod model;
mod overlay;
mod path;
mod problem;
mod query;
mod render;
mod snapshot;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use answer::{Answer, Request, answer};
pub(crate) use body::{Draft, Purpose, as_date, read as read_body, restore};
pub(crate) use change::{Notes, check_version, show, target};
pub(crate) use data::{Data, Row, value};
pub(crate) use model::{Access, Entity, Kind, Model, Navigation, Refuses};
pub(crate) use overlay::lay_over;
pub(crate) use problem::Problem;
pub(crate) use snapshot::Snapshot;
pub(crate) use value::Value;

/// Which dialect of OData a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// SAP Gateway, version 2: `d.results`, typed literals, decimals as strings.
    SapV2,
    /// SAP RAP, version 4: pages of 100, relative next links.
    SapV4,
    /// Dynamics 365 Finance and Operations: version 4 with wildcards, without functions.
    Dynamics,
    /// The standard, with what a description says of it.
    Standard(Standard),
}

/// What a described service makes of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standard {
    /// The wire format is that of version 2.
    pub(crate) is_v2: bool,
    /// Text is compared without regard to letter case.
    pub(crate) ignores_case: bool,
    /// Conditions know the operator `in`.
    pub(crate) has_lists: bool,
    /// Conditions on different fields cannot be joined by `or`.
    pub(crate) keeps_or_to_one_field: bool,
    /// Rows below a row are made and changed together with it.
    pub(crate) takes_children: bool,
    /// How many rows a page has when the client asks for no number.
    pub(crate) default_page: usize,
    /// How many rows a page has at most.
    pub(crate) largest_page: usize,
}

impl Flavour {
    /// Returns whether the wire format is that of version 2.
    pub(crate) fn is_v2(self) -> bool {
        match self {
            Self::SapV2 => true,
            Self::Standard(standard) => standard.is_v2,
            Self::SapV4 | Self::Dynamics => false,
        }
    }

    /// Returns whether text is compared without regard to letter case.
    pub(crate) fn ignores_case(self) -> bool {
        match self {
            Self::Dynamics => true,
            Self::Standard(standard) => standard.ignores_case,
            Self::SapV2 | Self::SapV4 => false,
        }
    }

    /// Returns how many rows a page has when the client asks for no number of rows.
    pub(crate) fn default_page(self) -> usize {
        match self {
            Self::SapV2 => 1_000,
            Self::SapV4 => 100,
            Self::Dynamics => 10_000,
            Self::Standard(standard) => standard.default_page,
        }
    }

    /// Returns how many rows a page has at most.
    pub(crate) fn largest_page(self) -> usize {
        match self {
            Self::SapV2 => 1_000,
            Self::SapV4 => 5_000,
            Self::Dynamics => 10_000,
            Self::Standard(standard) => standard.largest_page,
        }
    }
}

/// One OData service: its flavour, its name in links and types, and its rows.
#[derive(Debug)]
pub(crate) struct Service {
    /// The dialect spoken.
    pub(crate) flavour: Flavour,
    /// The schema namespace, as in `API_PRODUCT_SRV`.
    pub(crate) namespace: Cow<'static, str>,
    /// The rows and their model.
    pub(crate) data: Data,
}
