//! The encrypted stream of Postgres connections.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};

use crate::bounded::{Allowance, Bounded};

/// How a connection becomes encrypted; without a configuration it does not.
#[derive(Clone)]
pub(super) struct Encrypt {
    pub(super) config: Option<Arc<ClientConfig>>,
    pub(super) name: Option<ServerName<'static>>,
    pub(super) allowance: Allowance,
}

impl Encrypt {
    /// Bounds what the server sends.
    pub(super) fn bound(&self, stream: TcpStream) -> Bounded<TcpStream> {
        let allowance = self.allowance.clone();
        match self.config {
            Some(_) => Bounded::counted(stream, allowance),
            None => Bounded::messages(stream, allowance),
        }
    }
}

/// The encryption could not be made.
#[derive(Debug)]
pub(super) struct Unsafe;

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no safe connection")
    }
}

impl std::error::Error for Unsafe {}

impl TlsConnect<Bounded<TcpStream>> for Encrypt {
    type Stream = Encrypted;
    type Error = Unsafe;
    type Future = BoxFuture<'static, Result<Encrypted, Unsafe>>;

    fn connect(self, stream: Bounded<TcpStream>) -> Self::Future {
        async move {
            let (Some(config), Some(name)) = (self.config, self.name) else {
                return Err(Unsafe);
            };
            let stream = TlsConnector::from(config).connect(name, stream).await;
            let stream = stream.map_err(|_| Unsafe)?;
            Ok(Encrypted(Bounded::messages_within(stream, self.allowance)))
        }
        .boxed()
    }
}

/// An encrypted stream.
pub(super) struct Encrypted(Bounded<client::TlsStream<Bounded<TcpStream>>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
