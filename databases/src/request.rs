//! Reads what is wanted from a request: which database, as whom, which statement with which values. No IO.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use lineshaft_connect::{
    error::{Error, ErrorKind},
    request::{RequestBody, RequestPlan},
    transport::Outgoing,
};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The header of the plan that says how the connection is encrypted.
const ENCRYPTION: &str = "encryption";

/// A kind of database, by the scheme of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Database {
    Postgres,
    /// `MySQL` and `MariaDB`.
    Mysql,
    SqlServer,
}

impl Database {
    /// Returns the kind of database that an address belongs to; none for those of other systems.
    pub(crate) fn of_address(address: &str) -> Option<Self> {
        match address.split_once("://")?.0 {
            "postgres" => Some(Self::Postgres),
            "mysql" => Some(Self::Mysql),
            "sqlserver" => Some(Self::SqlServer),
            _ => None,
        }
    }

    const fn usual_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::SqlServer => 1433,
        }
    }
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encryption {
    /// The certificate of the server is verified.
    Verified,
    /// It is not, so that anybody between can read: only in networks that the operator allowed.
    Unverified,
    /// Not at all: only in networks that the operator allowed.
    Off,
}

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) database: Database,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The name of the database in the server.
    pub(crate) name: String,
}

impl Target {
    /// Reads the address of a database; nothing when it is not one.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let database = Database::of_address(url.as_str())?;
        let name = percent_decode_str(url.path().trim_matches('/')).decode_utf8().ok()?;
        Some(Self {
            database,
            host: url.host_str()?.to_owned(),
            port: url.port().unwrap_or(database.usual_port()),
            name: name.into_owned(),
        })
    }
}

/// A user of a database. Printed, it shows nothing.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: SecretString,
    /// Tells accounts apart without keeping the password twice.
    pub(crate) digest: [u8; 32],
}

impl Account {
    /// Reads the header by which requests are signed in with a name and a password.
    fn read(sign_in: &HeaderMap) -> Option<Self> {
        let header = sign_in.get(AUTHORIZATION)?.to_str().ok()?;
        let decoded = STANDARD.decode(header.strip_prefix("Basic ")?.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned().into(),
            digest: *blake3::hash(text.as_bytes()).as_bytes(),
        })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account")
    }
}

/// A statement with its values, and where it goes.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) target: Target,
    pub(crate) encryption: Encryption,
    pub(crate) account: Account,
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    pub(crate) most_bytes: usize,
    pub(crate) time: Duration,
}

#[cfg(test)]
impl Statement {
    /// Returns a statement for tests.
    #[allow(clippy::unwrap_used, reason = "tests")]
    pub(crate) fn trial(address: &str, user: &str) -> Self {
        Self {
            target: Target::of(&Url::parse(address).unwrap()).unwrap(),
            encryption: Encryption::Off,
            account: Account {
                user: user.to_owned(),
                password: String::new().into(),
                digest: *blake3::hash(user.as_bytes()).as_bytes(),
            },
            sql: "SELECT 1".to_owned(),
            values: Vec::new(),
            most_bytes: 1_000,
            time: Duration::from_secs(5),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sql: String,
    #[serde(default)]
    values: Vec<Value>,
}

impl Statement {
    /// Reads a request.
    pub(crate) fn read(outgoing: &Outgoing<'_>) -> Result<Self, Error> {
        let plan = outgoing.plan;
        let invalid = |message: &str| Error::new(ErrorKind::InvalidSettings, message);
        let url = Url::parse(&plan.url).ok();
        let target = url.as_ref().and_then(Target::of);
        let target = target.ok_or_else(|| invalid("the address of the database is not one"))?;
        let account = Account::read(outgoing.sign_in);
        let account = account.ok_or_else(|| invalid("databases are signed in to with a name and a password"))?;
        let RequestBody::Json(body) = &plan.body else {
            return Err(invalid("the request has no statement"));
        };
        let body: Body = serde_json::from_str(body).map_err(|_| invalid("the request has no statement"))?;
        Ok(Self {
            target,
            encryption: encryption(plan).ok_or_else(|| invalid("the kind of encryption is not known"))?,
            account,
            sql: body.sql,
            values: body.values,
            most_bytes: outgoing.most_bytes,
            time: outgoing.time,
        })
    }
}

fn encryption(plan: &RequestPlan) -> Option<Encryption> {
    let mut headers = plan.headers.iter();
    let word = headers.find(|(name, _)| name.eq_ignore_ascii_case(ENCRYPTION));
    match word.map_or("verified", |(_, word)| word.as_str()) {
        "verified" => Some(Encryption::Verified),
        "unverified" => Some(Encryption::Unverified),
        "off" => Some(Encryption::Off),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn target(address: &str) -> Option<Target> {
        Target::of(&Url::parse(address).unwrap())
    }

    #[test]
    fn addresses_of_databases_are_told_from_others() {
        let found = target("postgres://db.example.com/plant").unwrap();
        assert_eq!((found.database, found.port), (Database::Postgres, 5432));
        assert_eq!(target("mysql://[fd00::1]:3307/a%20b").unwrap().name, "a b");
        assert_eq!(target("sqlserver://10.0.0.1/x").unwrap().host, "10.0.0.1");
        assert_eq!(target("https://db.example.com/postgres://x"), None);
        assert_eq!(Database::of_address("oracle://x/y"), None);
    }

    #[test]
    fn a_request_is_read_and_shows_no_password() {
        let plan = RequestPlan {
            method: http::Method::POST,
            url: "postgres://db.example.com:5433/plant".to_owned(),
            headers: vec![("encryption".to_owned(), "off".to_owned())],
            body: RequestBody::Json(json!({"sql": "SELECT $1", "values": ["a", 1]}).to_string()),
            repeatable: true,
        };
        let header = format!("Basic {}", STANDARD.encode("reader:p:w"));
        let sign_in = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
        let outgoing = Outgoing {
            plan: &plan,
            sign_in: &sign_in,
            most_bytes: 10,
            time: Duration::from_secs(1),
        };
        let read = Statement::read(&outgoing).unwrap();
        assert_eq!(read.account.user, "reader");
        assert_eq!(read.account.password.expose_secret(), "p:w");
        assert_eq!(read.values, [json!("a"), json!(1)]);
        assert_eq!(read.encryption, Encryption::Off);
        assert!(!format!("{read:?}").contains("p:w"));
        let none = HeaderMap::new();
        assert!(
            Statement::read(&Outgoing {
                sign_in: &none,
                ..outgoing
            })
            .is_err()
        );
    }
}
