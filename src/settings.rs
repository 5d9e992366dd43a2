//! The settings of the server as typed values. `config/default.toml` documents each of them.

mod load;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use lineshaft_api::transport;
use lineshaft_connect::{
    connector,
    layers::breaker,
    transport::{ClientSettings, Guard, Limits, Network, retry},
};
use lineshaft_engine::{
    applications::{Application, Applications},
    command, credits, database, events, lifecycle, links, mappings, query, registry, tokens, webhooks,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

pub use load::{Error, Source};

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: Server,
    /// The server's own database.
    pub database: Database,
    /// The keys that seal credentials.
    pub secrets: Secrets,
    /// GraphQL over HTTP.
    pub graphql: transport::Settings,
    /// Queries.
    pub query: Query,
    /// Requests to systems.
    pub upstream: Upstream,
    /// What connections cost.
    pub credits: Credits,
    /// How events are handed on and kept.
    pub events: Events,
    /// How events are delivered to webhooks.
    pub webhooks: Webhooks,
    /// Links to the hosted pages.
    pub links: Links,
    /// API tokens.
    pub tokens: Tokens,
    /// The operator's applications at systems where people sign in, by connector.
    pub oauth: HashMap<String, OauthApplication>,
    /// How the health of connections is watched.
    pub health: Health,
    /// How writes are carried out and kept.
    pub writes: Writes,
    /// How systems are asked again for the fields that mappings read.
    pub discovery: Discovery,
    /// Where connectors come from.
    pub connectors: Connectors,
    /// The log.
    pub log: Log,
    /// Metrics.
    pub metrics: Metrics,
}

/// The HTTP server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub bind: String,
    /// The address under which people reach the server; empty for the one it listens on.
    pub public_url: String,
    /// Whether the playground is served.
    pub playground: bool,
    /// Milliseconds that requests under way have to end.
    pub shutdown_grace_ms: u64,
    /// Milliseconds within which headers must arrive.
    pub header_timeout_ms: u64,
    /// Connections that may be open at once.
    pub max_connections: usize,
}

/// The server's own database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The address; it may hold a password.
    pub url: SecretString,
    /// Connections that may be open at once.
    pub max_connections: u32,
    /// Milliseconds that a statement waits for a connection.
    pub acquire_timeout_ms: u64,
    /// Milliseconds that a statement waits for a lock.
    pub lock_timeout_ms: u64,
    /// Milliseconds that a starting server waits for the database.
    pub wait_ms: u64,
    /// Whether the database is brought up to date at the start.
    pub migrate: bool,
}

/// The keys that seal credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The file that holds them.
    pub key_file: PathBuf,
    /// The keys instead of a file.
    pub keys: Vec<SecretString>,
}

/// Limits of queries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Records of a page when a query does not say.
    pub default_page_size: u32,
    /// Most records of a page.
    pub max_page_size: u32,
    /// Most records of one connection that are read to filter or sort them here.
    pub max_scanned: u32,
    /// Most connections of one query.
    pub max_connections: u32,
    /// Milliseconds that a query has.
    pub timeout_ms: u64,
}

/// Requests to systems.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Networks besides the public internet.
    pub allow_networks: Vec<String>,
    /// Files with certificates of more authorities.
    pub certificate_files: Vec<PathBuf>,
    /// Milliseconds to connect.
    pub connect_timeout_ms: u64,
    /// Milliseconds of one request.
    pub attempt_timeout_ms: u64,
    /// Milliseconds that an unused connection is kept.
    pub idle_timeout_ms: u64,
    /// Bytes of an answer.
    pub max_response_bytes: usize,
    /// Requests under way at once, for one connection.
    pub max_in_flight: usize,
    /// Nested records that one operation reads from one connection.
    pub max_children: usize,
    /// How requests are repeated.
    pub retry: Retry,
    /// When calls are held back.
    pub breaker: Breaker,
}

/// How requests to systems are repeated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Times that a request is sent again.
    pub max: u32,
    /// Share of a connection's requests that may be sent again.
    pub budget: f32,
    /// Milliseconds before the first repetition.
    pub first_wait_ms: u64,
    /// Milliseconds of the longest wait.
    pub longest_wait_ms: u64,
}

/// When calls to a system are held back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// Faults in a row.
    pub faults_in_a_row: u32,
    /// Share of faults among the calls of the window.
    pub share_of_faults: f32,
    /// Milliseconds of the window.
    pub window_ms: u64,
    /// Fewest calls in the window for the share to count.
    pub fewest_calls: u32,
    /// Milliseconds until the first try.
    pub first_open_ms: u64,
    /// Milliseconds at most until the next try.
    pub longest_open_ms: u64,
}

/// What connections cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credits {
    /// Credits of a connection by the tier of its connector.
    pub tiers: [i64; 3],
    /// What these are multiplied by when the customer runs the system.
    pub on_premises_factor: i64,
    /// Credits of a new organization.
    pub initial: i64,
    /// Share of all credits at which a warning is told.
    pub low_share: f64,
}

/// How events are handed on and kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Milliseconds between two looks for what other processes wrote.
    pub poll_ms: u64,
    /// Days that events are kept.
    pub keep_days: u32,
}

/// How events are delivered to webhooks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether addresses may begin with http:.
    pub allow_http: bool,
    /// Milliseconds of one attempt.
    pub timeout_ms: u64,
    /// Seconds to wait after each failed attempt.
    pub schedule_s: Vec<u64>,
    /// Share by which the waits vary.
    pub jitter: f64,
    /// What the waits are multiplied by.
    pub schedule_scale: f64,
    /// Days of nothing but failures after which an endpoint is switched off.
    pub disable_after_days: u32,
    /// Attempts under way at once.
    pub concurrency: usize,
    /// Days that finished deliveries are kept.
    pub keep_days: u32,
}

/// Links to the hosted pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Seconds that a link works unless it is said.
    pub ttl_s: u64,
    /// How often credentials may be tried with a link.
    pub tries: u32,
    /// Seconds that a one-time code works.
    pub code_ttl_s: u64,
}

/// API tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Seconds that older tokens of a connection still work once it has a new one.
    pub grace_s: u64,
}

/// The operator's application at a system where people sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthApplication {
    /// Its identifier.
    pub client_id: String,
    /// Its secret; public applications have none.
    #[serde(default)]
    pub client_secret: SecretString,
}

/// How systems are asked again for the fields that mappings read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// Hours between two looks at a connection; 0 for none.
    pub repeat_hours: u32,
}

/// How the health of connections is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Whether connections are tried without being asked.
    pub probe: bool,
    /// Seconds between two trials of a connection that is used.
    pub check_every_s: u64,
    /// Seconds between two trials of a connection that nobody uses.
    pub idle_check_every_s: u64,
    /// Seconds between two trials of a connection that does not work.
    pub unreachable_check_every_s: u64,
    /// Share by which these times vary.
    pub jitter: f64,
    /// Connections that are tried at the same time.
    pub parallel: usize,
    /// Share of failed calls above which a connection counts as degraded.
    pub degraded_share: f64,
    /// Days before their end at which it is told that credentials end.
    pub expiry_warning_days: u32,
}

/// How writes are carried out and kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writes {
    /// Milliseconds that a write has.
    pub timeout_ms: u64,
    /// Milliseconds beyond that until another server takes a write over.
    pub slack_ms: u64,
    /// Days that idempotency keys are kept.
    pub key_days: u32,
    /// Days that the log is kept.
    pub keep_days: u32,
    /// Writes to one connection at once, of one batch and of those that are queued.
    pub batch_width: usize,
    /// Queued writes that are carried out at once.
    pub workers: usize,
    /// Milliseconds until an unknown outcome is first looked up.
    pub settle_after_ms: u64,
    /// Seconds of the longest wait between two such looks.
    pub settle_longest_s: u64,
    /// Seconds after which it is looked up no more.
    pub settle_for_s: u64,
    /// Seconds after its last request until a new record or an action that no look finds counts as not carried out.
    pub not_done_after_s: u64,
    /// Writes to one connection, whose callers wait, that are under way at once.
    pub sync_per_connection: usize,
    /// Writes to one connection that may be queued or under way.
    pub queued_per_connection: u64,
    /// Which connections may simulate writes.
    pub simulate: Simulate,
}

/// Which connections may simulate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Simulate {
    /// All.
    Any,
    /// Those whose system runs on the machine of the server.
    Loopback,
}

/// Where connectors come from besides the built-in ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    /// Folders of connectors.
    pub directories: Vec<PathBuf>,
    /// Milliseconds between two looks whether they were changed.
    pub look_ms: u64,
}

/// The log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Its format.
    pub format: LogFormat,
    /// What is logged.
    pub filter: String,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Where metrics are served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// An address of their own; empty for none.
    pub bind: String,
    /// The token that they ask for; empty for none.
    pub token: SecretString,
}

impl Settings {
    /// Returns the settings of the engine.
    #[must_use]
    pub fn engine(&self) -> lineshaft_engine::Settings {
        lineshaft_engine::Settings {
            query: query::Settings {
                default_page_size: self.query.default_page_size,
                max_page_size: self.query.max_page_size,
                max_scanned: self.query.max_scanned,
                max_connections: self.query.max_connections,
                timeout: Duration::from_millis(self.query.timeout_ms),
            },
            connector: self.upstream.options(),
            credits: self.credits.options(),
            events: self.events.options(),
            webhooks: self.webhooks.options(&self.events, &self.upstream),
            links: links::Settings {
                ttl: Duration::from_secs(self.links.ttl_s),
                tries: self.links.tries,
                code_ttl: Duration::from_secs(self.links.code_ttl_s),
            },
            tokens: tokens::Settings {
                grace: Duration::from_secs(self.tokens.grace_s),
            },
            applications: self.applications(),
            health: self.health.options(),
            writes: self.writes.options(),
            discovery: mappings::drift::Settings {
                repeat: Duration::from_secs(u64::from(self.discovery.repeat_hours) * 3600),
            },
            registry: registry::Settings {
                look: Duration::from_millis(self.connectors.look_ms),
            },
        }
    }

    fn applications(&self) -> Applications {
        let given = self.oauth.iter().map(|(connector, application)| {
            let secret = &application.client_secret;
            let application = Application {
                client_id: application.client_id.clone(),
                client_secret: Some(secret.clone()).filter(|secret| !secret.expose_secret().is_empty()),
            };
            (connector.clone(), application)
        });
        Applications::new(given)
    }

    /// Returns the address under which people reach the server, without a slash at its end.
    #[must_use]
    pub fn public_url(&self, listening: std::net::SocketAddr) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{listening}"),
            url => url.to_owned(),
        }
    }
}

impl Credits {
    fn options(&self) -> credits::Settings {
        credits::Settings {
            tiers: self.tiers,
            on_premises_factor: self.on_premises_factor,
            initial: self.initial,
            low_share: self.low_share,
        }
    }
}

impl Events {
    fn options(&self) -> events::Settings {
        events::Settings {
            poll: Duration::from_millis(self.poll_ms),
            keep_days: self.keep_days,
        }
    }
}

impl Webhooks {
    /// Time beyond that of an attempt until a delivery that a killed process was sending is sent again.
    const LEASE_BEYOND: Duration = Duration::from_secs(20);

    fn options(&self, events: &Events, upstream: &Upstream) -> webhooks::Settings {
        let timeout = Duration::from_millis(self.timeout_ms);
        webhooks::Settings {
            // The networks were checked when the settings were loaded; without them the guard allows less.
            guard: Guard::new(&upstream.networks().unwrap_or_default()),
            allow_http: self.allow_http,
            timeout,
            lease: timeout + Self::LEASE_BEYOND,
            schedule: self.schedule_s.iter().copied().map(Duration::from_secs).collect(),
            jitter: self.jitter,
            schedule_scale: self.schedule_scale,
            disable_after_days: self.disable_after_days,
            concurrency: self.concurrency,
            keep_days: self.keep_days,
            poll: Duration::from_millis(events.poll_ms),
        }
    }
}

impl Health {
    fn options(&self) -> lifecycle::Settings {
        lifecycle::Settings {
            probe: self.probe,
            check_every: Duration::from_secs(self.check_every_s),
            idle_check_every: Duration::from_secs(self.idle_check_every_s),
            unreachable_check_every: Duration::from_secs(self.unreachable_check_every_s),
            jitter: self.jitter,
            parallel: self.parallel,
            degraded_share: self.degraded_share,
            expiry_warning: Duration::from_secs(u64::from(self.expiry_warning_days) * 86_400),
        }
    }
}

impl Writes {
    fn options(&self) -> command::Settings {
        command::Settings {
            timeout: Duration::from_millis(self.timeout_ms),
            slack: Duration::from_millis(self.slack_ms),
            key_days: self.key_days,
            keep_days: self.keep_days,
            batch_width: self.batch_width,
            workers: self.workers,
            settle_after: Duration::from_millis(self.settle_after_ms),
            settle_longest: Duration::from_secs(self.settle_longest_s),
            settle_for: Duration::from_secs(self.settle_for_s),
            not_done_after: Duration::from_secs(self.not_done_after_s),
            sync_per_connection: self.sync_per_connection,
            queued_per_connection: self.queued_per_connection,
            simulate: match self.simulate {
                Simulate::Any => command::Simulate::Any,
                Simulate::Loopback => command::Simulate::Loopback,
            },
        }
    }
}

impl Database {
    /// Returns how the database is used.
    #[must_use]
    pub fn options(&self) -> database::Settings {
        database::Settings {
            max_connections: self.max_connections,
            acquire_timeout: Duration::from_millis(self.acquire_timeout_ms),
            lock_timeout: Duration::from_millis(self.lock_timeout_ms),
        }
    }
}

impl Upstream {
    /// Returns how the HTTP client of all connections connects.
    ///
    /// # Errors
    /// When a network is none, or a certificate cannot be read.
    pub fn client(&self) -> Result<ClientSettings, Error> {
        let mut authorities = Vec::with_capacity(self.certificate_files.len());
        for path in &self.certificate_files {
            let pem = std::fs::read(path).map_err(|source| Error::Unreadable {
                path: path.clone(),
                source,
            })?;
            authorities.push(pem);
        }
        Ok(ClientSettings {
            guard: Guard::new(&self.networks()?),
            connect: Duration::from_millis(self.connect_timeout_ms),
            idle: Duration::from_millis(self.idle_timeout_ms),
            authorities,
            ..ClientSettings::default()
        })
    }

    fn networks(&self) -> Result<Vec<Network>, Error> {
        let network = |text: &String| {
            text.parse()
                .map_err(|error: lineshaft_connect::transport::InvalidNetwork| {
                    Error::invalid("upstream.allow_networks", error.to_string())
                })
        };
        self.allow_networks.iter().map(network).collect()
    }

    fn options(&self) -> connector::Options {
        let (retry, breaker) = (&self.retry, &self.breaker);
        connector::Options {
            limits: Limits {
                attempt: Duration::from_millis(self.attempt_timeout_ms),
                most_bytes: self.max_response_bytes,
                in_flight: self.max_in_flight,
                rates: true,
            },
            retry: retry::Settings {
                most: retry.max,
                budget: retry.budget,
                first_wait: Duration::from_millis(retry.first_wait_ms),
                longest_wait: Duration::from_millis(retry.longest_wait_ms),
            },
            breaker: breaker::Settings {
                faults_in_a_row: breaker.faults_in_a_row,
                window: Duration::from_millis(breaker.window_ms),
                fewest_calls: breaker.fewest_calls,
                share_of_faults: breaker.share_of_faults,
                first_open: Duration::from_millis(breaker.first_open_ms),
                longest_open: Duration::from_millis(breaker.longest_open_ms),
            },
            most_children: self.max_children,
        }
    }
}

impl Metrics {
    /// Returns the token, if one is set.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        Some(self.token.expose_secret()).filter(|token| !token.is_empty())
    }
}
