//! The network: an HTTP client without cookies, redirects and proxies that connects only where the guard admits it.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use super::{
    Guard, Outgoing, Response, SharedWindows, Wire,
    guard::{ResolveError, Resolver},
    size,
    trace::{Step, Tracer},
};
use crate::{
    error::{Error, ErrorKind, Reach},
    request::RequestBody,
};

/// How long the body of an answer is waited for when only its status counts.
const BODY_OF_NOTICE: Duration = Duration::from_secs(1);

/// How the client connects.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Which addresses it may connect to.
    pub guard: Guard,
    /// The longest time to connect, resolving and encryption included.
    pub connect: Duration,
    /// How long a connection is kept that nobody uses.
    pub idle: Duration,
    /// Certificates of authorities to trust besides those of the machine, as PEM.
    pub authorities: Vec<Vec<u8>>,
    /// How it names itself.
    pub user_agent: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(90),
            authorities: Vec::new(),
            user_agent: concat!("Lineshaft/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The HTTP client of all connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient {
    guard: Guard,
    connect: Duration,
    authorities: Arc<[Vec<u8>]>,
    secure: reqwest::Client,
    /// For addresses without https, which only allowed networks have.
    plain: reqwest::Client,
    windows: SharedWindows,
}

impl HttpClient {
    /// Makes a client.
    ///
    /// # Errors
    /// Returns what is wrong with the settings, such as a certificate that cannot be read.
    pub fn new(settings: &ClientSettings) -> Result<Self, Error> {
        Ok(Self {
            guard: settings.guard.clone(),
            connect: settings.connect,
            authorities: settings.authorities.clone().into(),
            secure: build(settings, true)?,
            plain: build(settings, false)?,
            windows: SharedWindows::default(),
        })
    }

    /// Begins a request to an address that the guard admits. The name in it is looked up and judged when connecting.
    pub(super) fn request(&self, method: http::Method, url: Url) -> Result<reqwest::RequestBuilder, Error> {
        self.guard.check(&url)?;
        let client = if url.scheme() == "https" {
            &self.secure
        } else {
            &self.plain
        };
        Ok(client.request(method, url))
    }

    async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Response, Error> {
        let response = self.begin(outgoing).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let announced = response.content_length();
        let body = size::collect(response.bytes_stream(), announced, outgoing.most_bytes, |error| {
            classify(&error)
        })
        .await;
        match body {
            Ok(body) => Ok(Response { status, headers, body }),
            // The head of the answer is enough to know that the system refused the request.
            Err(error) if status.is_client_error() => {
                Err(error.with_status(status.as_u16()).with_reach(Reach::Answered))
            }
            Err(error) => Err(error.with_reach(Reach::Unknown)),
        }
    }

    async fn glimpse(&self, outgoing: Outgoing<'_>) -> Result<Response, Error> {
        let response = self.begin(outgoing).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = size::beginning(response.bytes_stream(), outgoing.most_bytes, BODY_OF_NOTICE).await;
        Ok(Response { status, headers, body })
    }

    /// Sends a request and returns as soon as the head of the answer is there.
    async fn begin(&self, outgoing: Outgoing<'_>) -> Result<reqwest::Response, Error> {
        let plan = outgoing.plan;
        let url = Url::parse(&plan.url).map_err(|_| {
            Error::new(
                ErrorKind::InvalidSettings,
                "the address of the system is not a web address",
            )
        })?;
        let mut request = self.request(plan.method.clone(), url)?.headers(headers_of(&outgoing)?);
        request = match &plan.body {
            RequestBody::Empty => request,
            RequestBody::Json(text) | RequestBody::Text(text) | RequestBody::Xml(text) => request.body(text.clone()),
            RequestBody::Form(fields) => request.form(fields),
        };
        request.send().await.map_err(|error| classify(&error))
    }
}

impl Wire for HttpClient {
    fn send<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.exchange(request).boxed()
    }

    fn notify<'a>(&'a self, request: Outgoing<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        self.glimpse(request).boxed()
    }

    fn windows(&self) -> Option<SharedWindows> {
        Some(self.windows.clone())
    }

    fn trace<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Vec<Step>> {
        async move {
            let tracer = Tracer {
                guard: &self.guard,
                connect: self.connect,
                authorities: &self.authorities,
            };
            tracer.walk(url).await
        }
        .boxed()
    }
}

fn build(settings: &ClientSettings, secure: bool) -> Result<reqwest::Client, Error> {
    let resolver = Resolver {
        guard: settings.guard.clone(),
        secure,
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect)
        .pool_idle_timeout(settings.idle)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .https_only(secure)
        .dns_resolver(resolver);
    for pem in &settings.authorities {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| unreadable("certificate"))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|_| unreadable("client setting"))
}

fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::InvalidSettings, format!("a {what} cannot be used"))
}

fn headers_of(outgoing: &Outgoing<'_>) -> Result<HeaderMap, Error> {
    let plan = outgoing.plan;
    let mut headers = HeaderMap::with_capacity(plan.headers.len() + outgoing.sign_in.len() + 2);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(kind) = plan.body.content_type() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &plan.headers {
        let unfit = |_| {
            Error::new(
                ErrorKind::InvalidSettings,
                format!("the header `{name}` cannot be sent"),
            )
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit(()))?;
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| unfit(()))?);
    }
    for (name, value) in outgoing.sign_in {
        headers.insert(name, value.clone());
    }
    Ok(headers)
}

/// Tells what kind of failure a client error is, and how far the request came. Its own text names addresses and is not
/// passed on.
pub(super) fn classify(error: &reqwest::Error) -> Error {
    let did_not_leave = error.is_connect()
        || error.is_builder()
        || causes(error).any(|cause| cause.downcast_ref::<ResolveError>().is_some());
    let reach = if did_not_leave { Reach::NotSent } else { Reach::Unknown };
    kind_of(error).with_reach(reach)
}

fn kind_of(error: &reqwest::Error) -> Error {
    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<ResolveError>()) {
        return (*refused).into();
    }
    if error.is_timeout() {
        let message = if error.is_connect() {
            "connecting to the system took too long"
        } else {
            "the system took too long"
        };
        return Error::new(ErrorKind::Timeout, message);
    }
    if error.is_builder() {
        return Error::new(ErrorKind::InvalidSettings, "the request to the system cannot be built");
    }
    let io = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last();
    if error.is_connect() {
        return match io {
            Some(io) if is_tls(io) => Error::new(
                ErrorKind::Tls,
                "no safe connection to the system: its certificate or encryption was refused",
            ),
            Some(io) => Error::new(
                ErrorKind::Network,
                format!("cannot connect to the system: {}", io.kind()),
            ),
            None => Error::new(ErrorKind::Network, "cannot connect to the system"),
        };
    }
    let garbled = match io {
        Some(io) => matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput),
        None => causes(error).any(|cause| cause.to_string().contains("invalid")),
    };
    if garbled {
        return Error::new(
            ErrorKind::MalformedResponse,
            "the answer breaks the rules of HTTP or of its compression",
        );
    }
    Error::new(ErrorKind::Network, "the connection to the system broke off")
}

/// Returns what an error was caused by. An io error hides what it wraps from `source`, so it is unwrapped here.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
        Some(cause)
    })
}

/// The TLS library tells its failures as invalid data, and a peer that hangs up during the handshake by name.
fn is_tls(io: &io::Error) -> bool {
    io.kind() == io::ErrorKind::InvalidData || io.to_string().contains("tls handshake")
}
