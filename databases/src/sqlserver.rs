//! SQL Server: it has no read-only transactions, so that what is not one SELECT is refused before it is sent, what passes
//! runs in a transaction that is rolled back, and accounts should have the right to read only.

mod values;

use std::net::SocketAddr;

use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem, ToSql, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use self::values::{bound, written};
use crate::{
    answer::{Row, Rows},
    bounded::{Allowance, Bounded},
    fault::{self, Fault},
    request::{Encryption, Statement},
    way::Way,
};

/// A connection to a server.
pub(crate) struct Session {
    client: Client<Compat<Bounded<TcpStream>>>,
    allowance: Allowance,
    is_broken: bool,
}

impl Session {
    pub(crate) async fn open(way: &Way, statement: &Statement, addresses: &[SocketAddr]) -> Result<Self, Fault> {
        let (target, account) = (&statement.target, &statement.account);
        let mut config = Config::new();
        config.host(target.host.trim_matches(['[', ']']));
        config.port(target.port);
        config.database(&target.name);
        config.application_name("Lineshaft");
        config.authentication(AuthMethod::sql_server(&account.user, account.password.expose_secret()));
        match statement.encryption {
            Encryption::Verified => {
                config.encryption(EncryptionLevel::Required);
                for authority in &way.authorities {
                    config.trust_cert_ca_bundle(authority.clone());
                }
            }
            Encryption::Unverified => {
                config.encryption(EncryptionLevel::Required);
                config.trust_cert();
            }
            Encryption::Off => config.encryption(EncryptionLevel::NotSupported),
        }
        let allowance = Allowance::for_sign_in();
        let stream = Bounded::counted(way.dial(addresses).await?, allowance.clone());
        let client = Box::pin(Client::connect(config, stream.compat_write())).await;
        let mut session = Self {
            client: client.map_err(|error| allowance.judge(judge(&error)))?,
            allowance: allowance.clone(),
            is_broken: false,
        };
        // A statement must not wait for others for longer than anybody waits for it.
        let setup = session.run("SET LOCK_TIMEOUT 10000").await;
        setup.map_err(|error| allowance.judge(judge(&error)))?;
        Ok(session)
    }

    /// Runs a statement of our own that answers nothing.
    async fn run(&mut self, sql: &str) -> Result<(), Error> {
        let mut items = self.client.simple_query(sql).await?;
        while items.try_next().await?.is_some() {}
        Ok(())
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.is_broken
    }

    pub(crate) async fn select(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        // Until the answer has been read to its end nobody else can use the connection.
        self.is_broken = true;
        self.allowance.begin(statement.most_bytes);
        let result = self.read(statement).await;
        let result = result.map_err(|fault| self.allowance.judge(fault));
        if matches!(result, Ok(_) | Err(Fault::Refused { .. })) {
            // Some errors end the transaction by themselves.
            self.is_broken = self.run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION").await.is_err();
        }
        result
    }

    async fn read(&mut self, statement: &Statement) -> Result<Vec<u8>, Fault> {
        let values: Option<Vec<Box<dyn ToSql>>> = statement.values.iter().map(bound).collect();
        let values = values.ok_or_else(|| {
            let message = "a number has more digits than the database can hold";
            Fault::refused(http::StatusCode::BAD_REQUEST, "values", message)
        })?;
        let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        self.run("BEGIN TRANSACTION").await.map_err(|error| judge(&error))?;
        let items = self.client.query(statement.sql.as_str(), &values).await;
        let mut items = items.map_err(|error| judge(&error))?;
        let mut answer = Rows::new(statement.most_bytes);
        while let Some(item) = items.try_next().await.map_err(|error| judge(&error))? {
            let QueryItem::Row(row) = item else { continue };
            if row.result_index() > 0 {
                return Err(Fault::malformed("the statement has more than one"));
            }
            let mut written_row = Row::default();
            for (column, value) in row.cells() {
                let value = written(column.column_type(), value);
                written_row.put(
                    column.name(),
                    &value.ok_or_else(|| Fault::malformed("a value is none of its type"))?,
                );
            }
            answer.push(&written_row.end())?;
        }
        Ok(answer.end())
    }
}

fn judge(error: &Error) -> Fault {
    match error {
        Error::Server(told) => Fault::refused(
            fault::of_sqlserver(told.code(), told.class()),
            told.code(),
            told.message(),
        ),
        Error::Tls(_) => Fault::tls(),
        Error::Protocol(words) if words.contains("ncrypt") => Fault::not_encrypted(),
        // It would lead to an address that nobody judged.
        Error::Routing { .. } => Fault::refused(
            http::StatusCode::BAD_REQUEST,
            "routing",
            "the server sends its clients on to another one: give the address of that one",
        ),
        Error::Io { .. } => Fault::Lost,
        _ => Fault::malformed("the server broke the rules of its protocol"),
    }
}
