//! An OData service over rows in memory: reads and the bodies of writes of versions 2 and 4, in the three flavours that
//! the simulated ERP systems speak. It never opens a socket and knows no system's records.

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

pub(crate) use answer::{Answer, Request, answer};
pub(crate) use body::{Draft, Purpose, as_date, read as read_body};
pub(crate) use change::{Notes, check_version, show, target};
pub(crate) use data::{Data, Row, value};
pub(crate) use model::{Access, Entity, Kind, Model};
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
}

impl Flavour {
    /// Returns whether the wire format is that of version 2.
    pub(crate) fn is_v2(self) -> bool {
        self == Self::SapV2
    }

    /// Returns whether text is compared without regard to letter case.
    pub(crate) fn ignores_case(self) -> bool {
        self == Self::Dynamics
    }

    /// Returns how many rows a page has when the client asks for no number of rows.
    pub(crate) fn default_page(self) -> usize {
        match self {
            Self::SapV2 => 1_000,
            Self::SapV4 => 100,
            Self::Dynamics => 10_000,
        }
    }

    /// Returns how many rows a page has at most.
    pub(crate) fn largest_page(self) -> usize {
        match self {
            Self::SapV2 => 1_000,
            Self::SapV4 => 5_000,
            Self::Dynamics => 10_000,
        }
    }
}

/// One OData service: its flavour, its name in links and types, and its rows.
#[derive(Debug)]
pub(crate) struct Service {
    /// The dialect spoken.
    pub(crate) flavour: Flavour,
    /// The schema namespace, as in `API_PRODUCT_SRV`.
    pub(crate) namespace: &'static str,
    /// The rows and their model.
    pub(crate) data: Data,
}
