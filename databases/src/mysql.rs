//! `MySQL` and `MariaDB`: statements run in read-only transactions, prepared by the server, with bound values.

mod values;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, Params, SslOpts, prelude::Queryable as _};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use self::values::{bound, written};
use crate::{
    answer::{Row, Rows},
    fault::{self, Fault},
    request::{Encryption, Statement},
    way::{Way, slow},
};

/// How long a connection that is not used any more may take to say so.
const CLOSING: Duration = Duration::from_secs(1);

/// How many idle seconds the library expects connections to last. Told, it need not ask; pools are kept elsewhere.
const LASTING: usize = 28_800;

/// What a packet may hold besides the values of a row.
const BESIDES: usize = 64 * 1024;

/// Tells the product, and one server from others that answer at the same address.
const WHO: &str = "SELECT VERSION(), CONCAT(@@hostname, ':', @@port, '/', @@server_id)";

/// A connection to a server.
pub(crate) struct Session {
    connection: Closing,
    is_mariadb: bool,
    /// Which of the servers of an address it is.
    server: Option<String>,
    /// The time that statements may take, as it was set last.
    time: Duration,
    opts: Opts,
}

/// A connection that is closed in bounded time. Dropped as it is, it would first read what is still to come, however
/// much that is.
struct Closing(Option<Conn>);

impl Closing {
    fn open(&mut self) -> Result<&mut Conn, Fault> {
        self.0.as_mut().ok_or(Fault::Lost)
    }

    async fn run(&mut self, sql: &str) -> Result<(), Fault> {
        self.open()?.query_drop(sql).await.map_err(|error| judge(&error))
    }

    async fn who(&mut self) -> Result<(Option<String>, Option<String>), Fault> {
        let told = self.open()?.query_first(WHO).await;
        Ok(told.map_err(|error| judge(&error))?.unwrap_or_default())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let (Some(connection), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(timeout(CLOSING, connection.disconnect()));
        }
    }
}

impl Session {
    pub(crate) async fn open(way: &Way, statement: &Statement, addresses: &[SocketAddr]) -> Result<Self, Fault> {
        let (mut connection, opts) = connect(way, statement, addresses).await?;
        let (version, server) = connection.who().await?;
        let is_mariadb = version.unwrap_or_default().contains("MariaDB");
        let setup = "SET SESSION time_zone = '+00:00', SESSION transaction_isolation = 'READ-COMMITTED'";
        let setup = if is_mariadb {
            setup.replace("transaction_isolation", "tx_isolation")
        } else {
            setup.to_owned()
        };
        connection.run(&setup).await?;
        Ok(Self {
            connection,
            is_mariadb,
            server,
            time: Duration::ZERO,
            opts,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        let connection = self.connection.0.as_ref();
        connection.is_some_and(|connection| !connection.is_disconnected())
    }

    pub(crate) async fn select(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        let result = self.read(statement).await;
        if matches!(result, Ok(_) | Err(Fault::Refused { .. })) {
            self.connection.run("ROLLBACK").await?;
        }
        result
    }

    async fn read(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        self.limit(statement.time).await?;
        self.connection.run("START TRANSACTION READ ONLY").await?;
        let connection = self.connection.open()?;
        let prepared = connection.prep(statement.sql.as_str()).await;
        let prepared = prepared.map_err(|error| judge(&error))?;
        let (wanted, given) = (usize::from(prepared.num_params()), statement.values.len());
        if wanted != given {
            return Err(Fault::unfit(wanted, given));
        }
        let values = match given {
            0 => Params::Empty,
            _ => Params::Positional(statement.values.iter().map(bound).collect()),
        };
        let result = connection.exec_iter(prepared, values).await;
        let mut result = result.map_err(|error| judge(&error))?;
        let mut answer = Rows::new(statement.most_bytes);
        while let Some(row) = result.next().await.map_err(|error| judge(&error))? {
            let mut written_row = Row::default();
            let columns = row.columns();
            for (column, value) in columns.iter().zip(row.unwrap()) {
                written_row.put(&column.name_str(), &written(column, &value));
            }
            answer.push(&written_row.end())?;
        }
        Ok(answer.end())
    }

    /// Bounds the time of statements, which the products call by different names.
    async fn limit(&mut self, time: Duration) -> Result<(), Fault> {
        let time = time.clamp(Duration::from_millis(1), Duration::from_secs(3_600));
        if time == self.time {
            return Ok(());
        }
        let set = if self.is_mariadb {
            format!("SET SESSION max_statement_time = {}", time.as_secs_f64())
        } else {
            format!("SET SESSION max_execution_time = {}", time.as_millis())
        };
        self.connection.run(&set).await?;
        self.time = time;
        Ok(())
    }

    /// Returns what stops the statement of this connection, over one of its own to the same server: others number their
    /// connections alike.
    pub(crate) fn cancellation(&self, way: Arc<Way>) -> BoxFuture<'static, ()> {
        let (opts, server) = (self.opts.clone(), self.server.clone());
        let id = self.connection.0.as_ref().map(Conn::id);
        async move {
            let stop = async {
                let mut other = Closing(Some(Conn::new(opts).await.map_err(|error| judge(&error))?));
                let (_, told) = other.who().await?;
                if let (Some(id), true) = (id, told == server) {
                    other.run(&format!("KILL QUERY {id}")).await?;
                }
                Ok::<_, Fault>(())
            };
            let _over = timeout(way.connect, stop).await;
        }
        .boxed()
    }
}

/// Connects to the first address that answers, and returns the options that lead to it alone.
async fn connect(way: &Way, statement: &Statement, addresses: &[SocketAddr]) -> Result<(Closing, Opts), Fault> {
    let mut last = None;
    for address in addresses {
        let opts = options(way, statement, *address);
        match timeout(way.connect, Conn::new(opts.clone())).await {
            Ok(Ok(connection)) => return Ok((Closing(Some(connection)), opts)),
            Ok(Err(error)) => {
                let fault = judge(&error);
                if !matches!(&error, Error::Io(IoError::Io(_))) || matches!(fault, Fault::Refused { .. }) {
                    return Err(fault);
                }
                last = Some(fault);
            }
            Err(_) => last = Some(slow()),
        }
    }
    Err(last.unwrap_or(Fault::Lost))
}

fn options(way: &Way, statement: &Statement, address: SocketAddr) -> Opts {
    let (target, account) = (&statement.target, &statement.account);
    OptsBuilder::default()
        .ip_or_hostname(target.host.trim_matches(['[', ']']))
        .tcp_port(address.port())
        .resolved_ips(Some(vec![address.ip()]))
        .user(Some(account.user.clone()))
        .pass(Some(account.password.expose_secret().to_owned()))
        .db_name(Some(target.name.clone()))
        .ssl_opts(encryption(way, statement.encryption))
        // A socket would go by the judged address.
        .prefer_socket(false)
        .stmt_cache_size(16)
        .tcp_nodelay(true)
        // Otherwise the server would say how large a row may be. Small numbers are wider there than in JSON.
        .max_allowed_packet(Some(statement.most_bytes.saturating_mul(2).saturating_add(BESIDES)))
        .wait_timeout(Some(LASTING))
        .into()
}

fn encryption(way: &Way, encryption: Encryption) -> Option<SslOpts> {
    match encryption {
        Encryption::Off => None,
        Encryption::Unverified => Some(
            SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        ),
        Encryption::Verified => {
            let trusted = way.trusted().into_iter().map(Into::into).collect();
            Some(
                SslOpts::default()
                    .with_root_certs(trusted)
                    .with_disable_built_in_roots(true),
            )
        }
    }
}

fn judge(error: &Error) -> Fault {
    match error {
        Error::Server(told) => match fault::of_mysql(told.code, &told.state) {
            Some(status) => Fault::refused(status, told.code, told.message.as_str()),
            None => Fault::timeout(),
        },
        Error::Io(IoError::Tls(_)) => Fault::tls(),
        // A handshake that fails is told as an error of the stream.
        Error::Io(IoError::Io(error)) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Fault::tls()
        }
        Error::Io(IoError::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            crate::way::unreachable(error)
        }
        // The library tells only by its words that a packet is longer than it may be.
        Error::Io(IoError::Io(error))
            if error
                .get_ref()
                .is_some_and(|inner| inner.to_string().contains("max_allowed_packet")) =>
        {
            Fault::row_too_large()
        }
        Error::Driver(DriverError::NoClientSslFlagFromServer) => Fault::not_encrypted(),
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => Fault::sign_in_not_supported(),
        Error::Driver(DriverError::PacketTooLarge) => Fault::row_too_large(),
        Error::Driver(DriverError::UnexpectedPacket { .. }) => Fault::malformed("a packet is not one"),
        _ => Fault::Lost,
    }
}
