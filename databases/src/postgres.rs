//! Postgres: statements run in read-only transactions, values are bound as texts that the server reads as the types of
//! their places, and rows come as the JSON that the server itself makes of them.

mod encrypted;

use std::{error::Error as StdError, net::SocketAddr, sync::Arc};

use futures_util::{FutureExt as _, TryStreamExt as _, future::BoxFuture};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_postgres::{
    CancelToken, Client, Config,
    config::SslMode,
    types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use self::encrypted::Encrypt;
use crate::{
    answer::Rows,
    bounded::{Allowance, Bounded},
    fault::{self, Fault},
    request::Statement,
    way::{Way, server_name},
};

/// Ends a statement. Nothing that it set is kept, and locks of the session, which outlive transactions, are given back.
const END: &str = "ROLLBACK; SELECT pg_advisory_unlock_all()";

/// A connection to a Postgres server.
pub(crate) struct Session {
    client: Client,
    work: JoinHandle<()>,
    addresses: Vec<SocketAddr>,
    encrypt: Encrypt,
}

impl Drop for Session {
    fn drop(&mut self) {
        // It would go on until a statement that is still running ends.
        self.work.abort();
    }
}

impl Session {
    pub(crate) async fn open(way: &Way, statement: &Statement, addresses: &[SocketAddr]) -> Result<Self, Fault> {
        let tls = way.tls(statement.encryption)?;
        let mut config = Config::new();
        config
            .user(&statement.account.user)
            .password(statement.account.password.expose_secret())
            .dbname(&statement.target.name)
            .application_name("Lineshaft")
            .ssl_mode(if tls.is_some() {
                SslMode::Require
            } else {
                SslMode::Disable
            });
        let encrypt = Encrypt {
            config: tls,
            name: server_name(&statement.target.host),
            allowance: Allowance::for_sign_in(),
        };
        let stream = encrypt.bound(way.dial(addresses).await?);
        let (client, connection) = config
            .connect_raw::<Bounded<TcpStream>, Encrypt>(stream, encrypt.clone())
            .await
            .map_err(|error| encrypt.allowance.judge(judge(&error)))?;
        let work = tokio::spawn(async move {
            // What breaks it is told to the statement that waits.
            let _ended = connection.await;
        });
        Ok(Self {
            client,
            work,
            addresses: addresses.to_vec(),
            encrypt,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    pub(crate) async fn select(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        self.encrypt.allowance.begin(statement.most_bytes);
        let result = self.read(statement).await;
        let result = result.map_err(|fault| self.encrypt.allowance.judge(fault));
        // After other faults rows may still be on their way, and the connection is not used again.
        if matches!(result, Ok(_) | Err(Fault::Refused { .. })) && self.client.batch_execute(END).await.is_err() {
            self.work.abort();
        }
        result
    }

    async fn read(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL standard_conforming_strings = on",
            statement.time.as_millis().clamp(1, 3_600_000),
        );
        let sql = format!("SELECT row_to_json(_row)::text FROM ({}) AS _row", statement.sql);
        // Both are sent at once, and answered in order.
        let (begun, prepared) = tokio::join!(self.client.batch_execute(&begin), self.client.prepare(&sql));
        begun.map_err(|error| judge(&error))?;
        let prepared = prepared.map_err(|error| judge(&error))?;
        let (wanted, given) = (prepared.params().len(), statement.values.len());
        if wanted != given {
            return Err(Fault::unfit(wanted, given));
        }
        let values = statement.values.iter().map(Bound::of);
        let rows = self.client.query_raw(&prepared, values).await;
        let mut rows = std::pin::pin!(rows.map_err(|error| judge(&error))?);
        let mut answer = Rows::new(statement.most_bytes);
        while let Some(row) = rows.try_next().await.map_err(|error| judge(&error))? {
            let row = row
                .try_get::<_, &str>(0)
                .map_err(|_| Fault::malformed("a row is no text"))?;
            answer.push(row)?;
        }
        Ok(answer.end())
    }

    /// Returns what asks the server, over a connection of its own, to stop the statement of this one.
    pub(crate) fn cancellation(&self, way: Arc<Way>) -> BoxFuture<'static, ()> {
        let (token, addresses) = (self.client.cancel_token(), self.addresses.clone());
        let encrypt = Encrypt {
            allowance: Allowance::for_sign_in(),
            ..self.encrypt.clone()
        };
        async move {
            let limit = way.connect;
            let _over = timeout(limit, cancel(&way, token, &addresses, encrypt)).await;
        }
        .boxed()
    }
}

async fn cancel(way: &Way, token: CancelToken, addresses: &[SocketAddr], encrypt: Encrypt) {
    if let Ok(stream) = way.dial(addresses).await {
        // The server says nothing to it.
        let _sent = token.cancel_query_raw(encrypt.bound(stream), encrypt).await;
    }
}

/// A value as a text, which the server reads as the type of the place where it stands.
#[derive(Debug)]
struct Bound(Option<String>);

impl Bound {
    fn of(value: &Value) -> Self {
        Self(match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        })
    }
}

impl ToSql for Bound {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        Ok(match &self.0 {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn judge(error: &tokio_postgres::Error) -> Fault {
    if let Some(told) = error.as_db_error() {
        let state = told.code().code();
        return match fault::of_state(state) {
            Some(status) => Fault::refused(status, state, told.message()),
            None => Fault::timeout(),
        };
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<encrypted::Unsafe>() || inner.is::<rustls::Error>() {
            return Fault::tls();
        }
        cause = inner.source();
    }
    let words = error.to_string();
    if words.contains("TLS") {
        return Fault::not_encrypted();
    }
    if words.contains("authentication") || words.contains("password") {
        return Fault::sign_in_not_supported();
    }
    Fault::Lost
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use lineshaft_connect::{
        error::ErrorKind,
        transport::{ClientSettings, Guard},
    };
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_server_that_announces_too_much_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"S\x7f\xff\xff\xff").await.unwrap();
            // Until the other side leaves.
            let mut heard = Vec::new();
            let _left = stream.read_to_end(&mut heard).await;
        });
        let way = Way::new(&ClientSettings {
            guard: Guard::new(&["127.0.0.0/8".parse().unwrap()]),
            ..ClientSettings::default()
        });
        let statement = Statement {
            most_bytes: 1_000_000_000,
            ..Statement::trial("postgres://127.0.0.1/x", "reader")
        };
        let opened = Session::open(&way, &statement, &[address]).await.err();
        assert!(
            matches!(&opened, Some(Fault::Failed(error)) if error.kind() == ErrorKind::MalformedResponse),
            "{opened:?}"
        );
        server.await.unwrap();
    }

    #[test]
    fn values_are_bound_digit_for_digit() {
        let bound = |value| Bound::of(&value).0;
        assert_eq!(bound(json!("x'; DROP")), Some("x'; DROP".to_owned()));
        assert_eq!(
            bound(json!(9_007_199_254_740_993_i64)),
            Some("9007199254740993".to_owned())
        );
        assert_eq!(bound(json!(true)), Some("true".to_owned()));
        assert_eq!(bound(json!(null)), None);
    }
}
