//! The last step of a trace against real encryption: certificates in order, unknown, out of date and for another name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{net::SocketAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{ClientSettings, Guard, HttpClient, Stage, Step, Wire as _};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Serves a certificate of an authority for a name.
async fn serve(authority: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> SocketAddr {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

/// Returns how the encryption went for a client that trusts these authorities.
async fn encryption(authorities: Vec<Vec<u8>>, host: &str, address: SocketAddr) -> Step {
    let client = HttpClient::new(&ClientSettings {
        guard: Guard::new(&["127.0.0.0/8".parse().unwrap()]),
        authorities,
        ..ClientSettings::default()
    });
    let url = format!("https://{host}:{}/", address.port()).parse().unwrap();
    let step = client.unwrap().trace(&url).await.pop().unwrap();
    assert_eq!(step.name, Stage::Tls, "{step:?}");
    step
}

#[tokio::test]
async fn the_encryption_is_told_in_plain_words() {
    let authority = authority();
    let trusted = vec![authority.pem().into_bytes()];
    let good = serve(&authority, "localhost", |_| {}).await;
    let step = encryption(trusted.clone(), "localhost", good).await;
    assert!(step.ok && step.detail.contains("TLS 1.3"), "{step:?}");
    let step = encryption(Vec::new(), "localhost", good).await;
    assert!(!step.ok && step.detail.contains("does not know"), "{step:?}");
    let step = encryption(trusted.clone(), "127.0.0.1", good).await;
    assert!(!step.ok && step.detail.ends_with("another name: localhost"), "{step:?}");
    let old = serve(&authority, "localhost", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    })
    .await;
    let step = encryption(trusted, "localhost", old).await;
    assert!(!step.ok && step.detail.contains("expired"), "{step:?}");
    assert!(step.advice.unwrap().contains("renew"));
}
