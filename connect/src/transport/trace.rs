//! Walks the way to a system step by step, for people who want to know why it cannot be reached: address, name,
//! connection, encryption. Sends no request, and goes nowhere that the guard does not admit.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::guard::{Guard, ResolveError};
use crate::error::Error;

/// Names of a certificate that are told at most.
const MOST_NAMES: usize = 5;

/// Which step of the way it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The address is one that requests may go to.
    Url,
    /// The name of the host leads to addresses.
    Dns,
    /// The host accepts a connection.
    Tcp,
    /// The connection is encrypted, and the host is who it says.
    Tls,
}

impl Stage {
    /// Returns its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "URL",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// How one step of the way went. Its texts are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which step.
    pub name: Stage,
    /// Whether it went well.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do, when it did not go well.
    pub advice: Option<String>,
    /// How long it took.
    pub latency: Duration,
}

impl Step {
    /// Makes a step that went well.
    pub fn passed(name: Stage, detail: impl Into<String>, latency: Duration) -> Self {
        Self {
            name,
            ok: true,
            detail: detail.into(),
            advice: None,
            latency,
        }
    }

    fn failed(name: Stage, detail: impl Into<String>, advice: &str, latency: Duration) -> Self {
        Self {
            name,
            ok: false,
            detail: detail.into(),
            advice: Some(advice.to_owned()),
            latency,
        }
    }
}

/// What a trace is made with: the same as the requests.
pub(super) struct Tracer<'a> {
    pub(super) guard: &'a Guard,
    pub(super) connect: Duration,
    pub(super) authorities: &'a [Vec<u8>],
}

impl Tracer<'_> {
    /// Goes the way to an address until a step fails.
    pub(super) async fn walk(&self, url: &Url) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some((host, port)) = url.host().zip(url.port_or_known_default()) else {
            steps.push(no_host());
            return steps;
        };
        let secure = url.scheme() == "https";
        if !record(&mut steps, self.address(url)) {
            return steps;
        }
        let (step, addresses) = self.name(&host, port, secure).await;
        if !record(&mut steps, step) {
            return steps;
        }
        let (step, stream) = self.connect(&addresses).await;
        if !record(&mut steps, step) {
            return steps;
        }
        if let Some(stream) = stream.filter(|_| secure) {
            steps.push(self.encrypt(&host, stream).await);
        }
        steps
    }

    fn address(&self, url: &Url) -> Step {
        match self.guard.check(url) {
            Ok(()) if url.scheme() == "https" => Step::passed(Stage::Url, "the address is fine", Duration::ZERO),
            Ok(()) => Step::passed(
                Stage::Url,
                "the address is not encrypted, which only networks that the operator allowed may have",
                Duration::ZERO,
            ),
            Err(error) => Step::failed(
                Stage::Url,
                error.message(),
                "Give the https address of the system on the internet. For a system inside a company network, the \
                 operator must allow that network (setting `upstream.allow_networks`).",
                Duration::ZERO,
            ),
        }
    }

    async fn name(&self, host: &Host<&str>, port: u16, secure: bool) -> (Step, Vec<SocketAddr>) {
        let started = Instant::now();
        let name = match host {
            Host::Domain(name) => *name,
            Host::Ipv4(address) => return literal(IpAddr::V4(*address), port),
            Host::Ipv6(address) => return literal(IpAddr::V6(*address), port),
        };
        let found = timeout(self.connect, self.guard.resolve(name, secure)).await;
        let latency = started.elapsed();
        match found {
            Ok(Ok(mut found)) => {
                found.iter_mut().for_each(|address| address.set_port(port));
                let list: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
                let detail = format!("the name `{name}` leads to {}", list.join(", "));
                (Step::passed(Stage::Dns, detail, latency), found)
            }
            Ok(Err(problem)) => (unresolved(name, problem, latency), Vec::new()),
            Err(_) => {
                let detail = format!("looking up the name `{name}` took too long");
                let advice = "Try again in a minute. If it stays so, the name server of this machine does not answer: ask \
                              the operator.";
                (Step::failed(Stage::Dns, detail, advice, latency), Vec::new())
            }
        }
    }

    /// Connects to the first address that answers.
    async fn connect(&self, addresses: &[SocketAddr]) -> (Step, Option<TcpStream>) {
        let started = Instant::now();
        let mut last = None;
        for address in addresses {
            match timeout(self.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let detail = format!("{address} accepts connections");
                    return (Step::passed(Stage::Tcp, detail, started.elapsed()), Some(stream));
                }
                Ok(Err(error)) => last = Some((address, error.kind())),
                Err(_) => last = Some((address, io::ErrorKind::TimedOut)),
            }
        }
        let (detail, advice) = match last {
            Some((address, io::ErrorKind::ConnectionRefused)) => (
                format!("{address} refuses connections"),
                "Nothing listens there: check the port of the address, and whether the system is running.",
            ),
            Some((address, io::ErrorKind::TimedOut)) => (
                format!("{address} does not answer"),
                "A firewall probably drops the connection: ask whoever runs the system to let this server in.",
            ),
            Some((address, kind)) => (
                format!("{address} cannot be reached: {kind}"),
                "There is no way to the network of the system: check the address, or ask the operator about the route.",
            ),
            None => ("there is no address to connect to".to_owned(), "Check the address."),
        };
        (Step::failed(Stage::Tcp, detail, advice, started.elapsed()), None)
    }

    async fn encrypt(&self, host: &Host<&str>, stream: TcpStream) -> Step {
        let started = Instant::now();
        let name = match host {
            Host::Domain(name) => ServerName::try_from((*name).to_owned()).ok(),
            Host::Ipv4(address) => Some(ServerName::IpAddress(IpAddr::V4(*address).into())),
            Host::Ipv6(address) => Some(ServerName::IpAddress(IpAddr::V6(*address).into())),
        };
        let (Some(name), Ok(config)) = (name, encryption(self.authorities)) else {
            return Step::failed(
                Stage::Tls,
                "the encryption cannot be set up here",
                "Ask the operator to check the certificates of authorities (setting `upstream.certificate_files`).",
                started.elapsed(),
            );
        };
        let shaken = timeout(self.connect, TlsConnector::from(config).connect(name, stream)).await;
        let latency = started.elapsed();
        match shaken {
            Ok(Ok(stream)) => {
                let version = match stream.get_ref().1.protocol_version() {
                    Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                    Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                    _ => "TLS",
                };
                let detail = format!("encrypted with {version}, and the certificate is in order");
                Step::passed(Stage::Tls, detail, latency)
            }
            Ok(Err(error)) => {
                let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                let (detail, advice) = plain_words(cause);
                Step::failed(Stage::Tls, detail, advice, latency)
            }
            Err(_) => Step::failed(
                Stage::Tls,
                "the host accepts connections, but does not answer to encryption",
                "Check the port of the address: something else than a web server may listen there.",
                latency,
            ),
        }
    }
}

/// Returns how connections are encrypted that are not HTTP: certificates are verified as those of web servers are.
///
/// # Errors
/// When the authorities of the machine cannot be read.
pub fn encryption(authorities: &[Vec<u8>]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let more = authorities
        .iter()
        .flat_map(|pem| CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Goes the way to a host that speaks another protocol than HTTP, up to where it accepts connections.
pub async fn trace_socket(guard: &Guard, connect: Duration, host: &str, port: u16) -> Vec<Step> {
    let tracer = Tracer {
        guard,
        connect,
        authorities: &[],
    };
    let mut steps = vec![Step::passed(Stage::Url, "the address is fine", Duration::ZERO)];
    let started = Instant::now();
    let (step, addresses) = match guard.addresses(host, port, true).await {
        Ok(addresses) => {
            let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let detail = format!("`{host}` leads to {}", list.join(", "));
            (Step::passed(Stage::Dns, detail, started.elapsed()), addresses)
        }
        Err(error) => {
            let advice = "Check the name of the host. If it stands in a company network, the operator must allow that network \
                          (setting `upstream.allow_networks`).";
            (
                Step::failed(Stage::Dns, error.message(), advice, started.elapsed()),
                Vec::new(),
            )
        }
    };
    if record(&mut steps, step) {
        let (step, _) = tracer.connect(&addresses).await;
        steps.push(step);
    }
    steps
}

/// Adds a step and returns whether the way goes on.
fn record(steps: &mut Vec<Step>, step: Step) -> bool {
    let goes_on = step.ok;
    steps.push(step);
    goes_on
}

fn no_host() -> Step {
    let advice = "Give the whole address, such as https://erp.example.com.";
    Step::failed(Stage::Url, "the address has no host", advice, Duration::ZERO)
}

fn literal(address: IpAddr, port: u16) -> (Step, Vec<SocketAddr>) {
    let detail = "the address is a number; there is no name to look up";
    (
        Step::passed(Stage::Dns, detail, Duration::ZERO),
        vec![SocketAddr::new(address, port)],
    )
}

/// Tells why a name gave no address. Where a forbidden name leads is not told: it may be the inside of a network.
fn unresolved(name: &str, problem: ResolveError, latency: Duration) -> Step {
    let (detail, advice) = match problem {
        ResolveError::Unknown => (
            format!("the name `{name}` cannot be found"),
            "Check the address for typing mistakes. A name that only a company's own network knows cannot be found from \
             here.",
        ),
        ResolveError::Forbidden => (
            format!("the name `{name}` leads into a network that is not allowed"),
            "If the system stands in a company network, the operator must allow that network (setting \
             `upstream.allow_networks`).",
        ),
        ResolveError::NotSecure => (
            Error::from(problem).message().to_owned(),
            "Begin the address with https://.",
        ),
    };
    Step::failed(Stage::Dns, detail, advice, latency)
}

/// Says in plain words why there is no safe connection.
fn plain_words(error: Option<&rustls::Error>) -> (String, &'static str) {
    use rustls::Error as Tls;
    match error {
        Some(Tls::InvalidCertificate(problem)) => certificate(problem),
        Some(Tls::AlertReceived(_) | Tls::PeerIncompatible(_)) => (
            "the system and this server found no encryption that both accept".to_owned(),
            "Ask whoever runs the system to offer TLS 1.2 or 1.3, also to clients without a certificate.",
        ),
        Some(Tls::InvalidMessage(_)) => (
            "what answers there does not speak encryption".to_owned(),
            "Check the port of the address: the system may be reached by https at another one.",
        ),
        _ => (
            "the host broke the encryption off".to_owned(),
            "Check the address and its port, and ask whoever runs the system to look into its log.",
        ),
    }
}

fn certificate(problem: &CertificateError) -> (String, &'static str) {
    let (detail, advice) = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the certificate of the system has expired",
            "Ask whoever runs the system to renew its certificate.",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the certificate of the system is not valid yet",
            "Check the clocks of the system and of this server.",
        ),
        CertificateError::UnknownIssuer => (
            "the certificate of the system was issued by somebody whom this server does not know",
            "If it is a certificate of a company's own, the operator can trust its authority (setting \
             `upstream.certificate_files`). Otherwise ask whoever runs the system to send the whole chain.",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "the certificate of the system is for another name",
            "Use the name that the certificate was made for in the address.",
        ),
        CertificateError::Revoked => (
            "the certificate of the system was revoked",
            "Ask whoever runs the system for a new certificate.",
        ),
        _ => (
            "the certificate of the system is not in order",
            "Ask whoever runs the system to check its certificate.",
        ),
    };
    let detail = match problem {
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<&str> = presented.iter().take(MOST_NAMES).map(|name| name_in(name)).collect();
            format!("{detail}: {}", names.join(", "))
        }
        _ => detail.to_owned(),
    };
    (detail, advice)
}

/// Returns the name in `DnsName("erp.example.com")`, as presented names are written.
fn name_in(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_certificates_are_told_in_plain_words() {
        let of = |problem| plain_words(Some(&rustls::Error::InvalidCertificate(problem)));
        for (problem, words) in [
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::UnknownIssuer, "does not know"),
            (CertificateError::NotValidForName, "another name"),
            (CertificateError::Revoked, "revoked"),
            (CertificateError::BadEncoding, "not in order"),
        ] {
            let (detail, advice) = of(problem);
            assert!(detail.contains(words) && !advice.is_empty(), "{detail}");
        }
        let presented = (1..9).map(|at| format!("DnsName(\"erp{at}.example.com\")")).collect();
        let (detail, _) = of(CertificateError::NotValidForNameContext {
            expected: ServerName::IpAddress(IpAddr::from([192, 0, 2, 1]).into()),
            presented,
        });
        assert!(detail.ends_with("erp4.example.com, erp5.example.com"), "{detail}");
    }
}
