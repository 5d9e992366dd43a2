//! What all requests of a connector share: their address, headers and query. Addresses of the web and of databases.

use url::Url;

use super::call::{Texts, unusable};
use crate::{
    error::{Error, ErrorKind},
    template::{Scope, TextTemplate},
};

/// What all requests of a connector share.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(super) url: TextTemplate,
    pub(super) headers: Texts,
    pub(super) query: Texts,
    /// What requests say that they accept, where that is not JSON.
    pub(super) accept: Option<&'static str>,
    /// Whether the address is that of a database.
    pub(super) is_database: bool,
}

impl Base {
    /// Parses the base address.
    pub(super) fn parse(&self, address: &str) -> Result<Url, Error> {
        if !self.is_database {
            return parse_address(address);
        }
        let url = Url::parse(address).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            plain
                && !url.host_str().unwrap_or_default().is_empty()
                && !matches!(url.scheme(), "http" | "https" | "file")
        });
        url.ok_or_else(|| Error::new(ErrorKind::InvalidSettings, "the address of the database is not one"))
    }

    /// Renders the base address, without a slash at its end.
    pub(crate) fn address(&self, scope: &Scope<'_>) -> Result<String, Error> {
        let address = self.url.render(scope).map_err(unusable)?;
        let address = address.trim_end_matches('/').to_owned();
        self.parse(&address)?;
        Ok(address)
    }
}

/// Parses an address of the web.
pub(crate) fn parse_address(address: &str) -> Result<Url, Error> {
    match Url::parse(address) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.host().is_some()
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            Ok(url)
        }
        _ => Err(Error::new(
            ErrorKind::InvalidSettings,
            "the address of the system is not a web address",
        )),
    }
}

/// Returns whether two addresses have the same scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}
