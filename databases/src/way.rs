//! The way to a server: its name is looked up and judged once, and the connection goes to a judged address.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use lineshaft_connect::{
    error::{Error, ErrorKind},
    transport::{ClientSettings, Guard, encryption},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    fault::Fault,
    request::{Encryption, Target},
};

mod unverified;

/// How databases are connected to.
pub(crate) struct Way {
    pub(crate) guard: Guard,
    pub(crate) connect: Duration,
    pub(crate) authorities: Vec<Vec<u8>>,
    verified: OnceLock<Option<Arc<ClientConfig>>>,
    machine: OnceLock<Vec<Vec<u8>>>,
}

impl Way {
    pub(crate) fn new(settings: &ClientSettings) -> Self {
        Self {
            guard: settings.guard.clone(),
            connect: settings.connect,
            authorities: settings.authorities.clone(),
            verified: OnceLock::new(),
            machine: OnceLock::new(),
        }
    }

    /// Returns the addresses of a server that connections may go to. What is not verified counts as not encrypted.
    pub(crate) async fn addresses(&self, target: &Target, encryption: Encryption) -> Result<Vec<SocketAddr>, Fault> {
        let secure = encryption == Encryption::Verified;
        let found = self.guard.addresses(&target.host, target.port, secure);
        let found = timeout(self.connect, found).await.map_err(|_| slow())?;
        found.map_err(Fault::Failed)
    }

    /// Connects to the first address that answers.
    pub(crate) async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
        let mut last = None;
        for address in addresses {
            match timeout(self.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it small packets wait for each other; nothing depends on it.
                    let _set = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Some(unreachable(&error)),
                Err(_) => last = Some(slow()),
            }
        }
        Err(last.unwrap_or_else(|| unreachable(&io::ErrorKind::NotFound.into())))
    }

    /// Returns how a connection is encrypted, or nothing when it is not.
    pub(crate) fn tls(&self, encryption: Encryption) -> Result<Option<Arc<ClientConfig>>, Fault> {
        match encryption {
            Encryption::Off => Ok(None),
            Encryption::Unverified => unverified::config().map(Some).ok_or_else(Fault::tls),
            Encryption::Verified => {
                let config = self.verified.get_or_init(|| encryption_of(&self.authorities));
                config.clone().map(Some).ok_or_else(Fault::tls)
            }
        }
    }

    /// Returns the certificates of the authorities to trust, for libraries that verify by themselves.
    pub(crate) fn trusted(&self) -> Vec<Vec<u8>> {
        let of_machine = self.machine.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs().certs;
            found
                .into_iter()
                .map(|certificate| certificate.as_ref().to_vec())
                .collect()
        });
        of_machine.iter().chain(&self.authorities).cloned().collect()
    }
}

fn encryption_of(authorities: &[Vec<u8>]) -> Option<Arc<ClientConfig>> {
    encryption(authorities).ok()
}

/// Returns the name that a certificate must be for.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

pub(crate) fn slow() -> Fault {
    Fault::Failed(Error::new(
        ErrorKind::Timeout,
        "connecting to the database took too long",
    ))
}

pub(crate) fn unreachable(error: &io::Error) -> Fault {
    let message = format!("cannot connect to the database: {}", error.kind());
    Fault::Failed(Error::new(ErrorKind::Network, message))
}
