//! `MySQL` and `MariaDB`: statements run in read-only transactions, prepared by the server, with bound values.

mod values;

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
    way::Way,
};

/// A connection to a server.
pub(crate) struct Session {
    connection: Conn,
    is_mariadb: bool,
    /// The time that statements may take, as it was set last.
    time: Duration,
    opts: Opts,
}

impl Session {
    pub(crate) async fn open(way: &Way, statement: &Statement, addresses: &[SocketAddr]) -> Result<Self, Fault> {
        let (target, account) = (&statement.target, &statement.account);
        let opts: Opts = OptsBuilder::default()
            .ip_or_hostname(target.host.trim_matches(['[', ']']))
            .tcp_port(target.port)
            .resolved_ips(Some(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>()))
            .user(Some(account.user.clone()))
            .pass(Some(account.password.expose_secret().to_owned()))
            .db_name(Some(target.name.clone()))
            .ssl_opts(encryption(way, statement.encryption))
            // A socket would go by the judged address.
            .prefer_socket(false)
            .stmt_cache_size(16)
            .tcp_nodelay(true)
            .into();
        let mut connection = Conn::new(opts.clone()).await.map_err(|error| judge(&error))?;
        let version: Option<String> = connection
            .query_first("SELECT VERSION()")
            .await
            .map_err(|error| judge(&error))?;
        let is_mariadb = version.unwrap_or_default().contains("MariaDB");
        let setup = "SET SESSION time_zone = '+00:00', SESSION transaction_isolation = 'READ-COMMITTED'";
        let setup = if is_mariadb {
            setup.replace("transaction_isolation", "tx_isolation")
        } else {
            setup.to_owned()
        };
        connection.query_drop(setup).await.map_err(|error| judge(&error))?;
        Ok(Self {
            connection,
            is_mariadb,
            time: Duration::ZERO,
            opts,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.connection.is_disconnected()
    }

    pub(crate) async fn select(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        let result = self.read(statement).await;
        if matches!(result, Ok(_) | Err(Fault::Refused { .. })) {
            let ended = self.connection.query_drop("ROLLBACK").await;
            ended.map_err(|error| judge(&error))?;
        }
        result
    }

    async fn read(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        self.limit(statement.time).await?;
        let begin = "START TRANSACTION READ ONLY";
        self.connection.query_drop(begin).await.map_err(|error| judge(&error))?;
        let prepared = self.connection.prep(statement.sql.as_str()).await;
        let prepared = prepared.map_err(|error| judge(&error))?;
        let (wanted, given) = (usize::from(prepared.num_params()), statement.values.len());
        if wanted != given {
            return Err(Fault::unfit(wanted, given));
        }
        let values = match given {
            0 => Params::Empty,
            _ => Params::Positional(statement.values.iter().map(bound).collect()),
        };
        let result = self.connection.exec_iter(prepared, values).await;
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
        self.connection.query_drop(set).await.map_err(|error| judge(&error))?;
        self.time = time;
        Ok(())
    }

    /// Returns what stops the statement of this connection, over one of its own.
    pub(crate) fn cancellation(&self, way: Arc<Way>) -> BoxFuture<'static, ()> {
        let (opts, id) = (self.opts.clone(), self.connection.id());
        async move {
            let stop = async {
                let mut other = Conn::new(opts).await?;
                other.query_drop(format!("KILL QUERY {id}")).await?;
                other.disconnect().await
            };
            let _over = timeout(way.connect, stop).await;
        }
        .boxed()
    }
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
        Error::Driver(DriverError::NoClientSslFlagFromServer) => Fault::not_encrypted(),
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => Fault::sign_in_not_supported(),
        Error::Driver(DriverError::PacketTooLarge | DriverError::UnexpectedPacket { .. }) => {
            Fault::malformed("a packet is not one")
        }
        _ => Fault::Lost,
    }
}
