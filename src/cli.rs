//! The command line: what can be asked for, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

/// One GraphQL API over the ERP, CMMS, EAM and WMS systems of your customers.
#[derive(Debug, Parser)]
#[command(name = "lineshaft", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Start with `lineshaft demo`: it needs nothing and asks nothing.")]
pub struct Cli {
    /// File with settings; `lineshaft.toml` in this folder is read without being named.
    #[arg(long, global = true, env = "LINESHAFT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Serve),
    /// Try everything at once: a server with simulated systems, connections to all of them, and a playground.
    Demo(Demo),
    /// Bring the server's own database up to date.
    Migrate {
        /// What to do; `up` unless said otherwise.
        #[command(subcommand)]
        action: Option<Migrate>,
    },
    /// Print the schema of the API.
    Schema {
        /// Print that of this organization, with its custom fields and entities.
        #[arg(long, value_name = "SLUG")]
        organization: Option<String>,
        /// Compare it with this file instead, and fail when they differ.
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
    /// Make, list and revoke the tokens that callers of the API carry.
    #[command(subcommand)]
    Token(Token),
    /// Create and list organizations, the owners of connections and tokens.
    #[command(subcommand)]
    Organization(Organization),
    /// Add, list and test connections to customers' systems.
    #[command(subcommand)]
    Connection(Box<Connection>),
    /// See what connectors offer, and make new ones.
    #[command(subcommand)]
    Connector(Connector),
    /// List and change the keys that seal stored secrets, while servers run.
    #[command(subcommand)]
    Keys(Keys),
    /// Print the manual of error codes.
    Errors(Errors),
    /// Print the reference of events and of the reasons of a status.
    Events {
        /// Compare this file instead, and fail when it differs.
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
    /// Print the reference of the grammar of mappings.
    Grammar {
        /// Compare this file instead, and fail when it differs.
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
    /// Run the simulated systems alone, to try connections against.
    #[command(subcommand)]
    Sandbox(Sandbox),
}

/// Run the server.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Address and port to listen on, instead of the setting `server.bind`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub bind: Option<String>,
}

/// Try everything at once.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// How many records the simulated systems have.
    #[arg(long, value_enum, default_value_t = Size::Small)]
    pub size: Size,
    /// Port of the server. Without it 8080, or a free one when 8080 is taken.
    #[arg(long)]
    pub port: Option<u16>,
    /// Keep the data in this folder and go on with it next time, instead of starting afresh.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "lineshaft-demo")]
    pub keep: Option<PathBuf>,
}

/// How many records the simulated systems have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// About 300.
    Small,
    /// About 3,000.
    Medium,
    /// About 10,000.
    Large,
}

/// What to do with the database.
#[derive(Clone, Debug, Subcommand)]
pub enum Migrate {
    /// Apply what is missing.
    Up,
    /// Take the last steps back. Data of what they made is lost.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Tell which steps are applied.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Whose things a command is about.
#[derive(Clone, Debug, Args)]
pub struct Owner {
    /// The organization, by its short name. May be left out when there is only one.
    #[arg(long, short, value_name = "SLUG")]
    pub organization: Option<String>,
}

/// Tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum Token {
    /// Make a token. It is shown once.
    Create {
        /// The organization.
        #[command(flatten)]
        owner: Owner,
        /// What it is for, for people.
        #[arg(long)]
        name: String,
        /// Let it see this connection only.
        #[arg(long, value_name = "ID")]
        connection: Option<Uuid>,
        /// Let it do this, besides reading; give it several times for several. Without it the key of an organization may do
        /// everything, and the token of a connection may write its records.
        #[arg(long = "scope", value_name = "SCOPE", value_parser = ["write", "mappings", "passthrough"])]
        scopes: Vec<String>,
        /// Let it end after so many days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires_in_days: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the tokens of an organization; their texts are not kept.
    List {
        /// The organization.
        #[command(flatten)]
        owner: Owner,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a token useless, within seconds on every server.
    Revoke {
        /// The id, as `token list` shows it.
        id: Uuid,
        /// The organization.
        #[command(flatten)]
        owner: Owner,
    },
}

/// Keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// List the keys by their ids, with what still needs each of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a new key in front of the key file and seal everything anew with it. Servers take it over within seconds.
    Rotate,
    /// Take a key out of the key file, if nothing needs it any more.
    Drop {
        /// The id, as `keys list` shows it.
        id: String,
    },
}

/// Organizations.
#[derive(Clone, Debug, Subcommand)]
pub enum Organization {
    /// Create an organization.
    Create {
        /// Its short name: lower-case letters, digits and hyphens.
        slug: String,
        /// Its name, for people; the short name unless said otherwise.
        #[arg(long)]
        name: Option<String>,
        /// Credits that it begins with, instead of the setting `credits.initial`.
        #[arg(long)]
        credits: Option<i64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give an organization more credits, or take some back.
    Grant {
        /// The organization.
        #[command(flatten)]
        owner: Owner,
        /// How many; negative to take back.
        #[arg(allow_negative_numbers = true)]
        amount: i64,
        /// Why, for the ledger.
        #[arg(long)]
        note: Option<String>,
    },
    /// List all organizations.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Connections.
#[derive(Clone, Debug, Subcommand)]
pub enum Connection {
    /// Add a connection and try it.
    ///
    /// `lineshaft connector show ID` tells which settings and credentials a connector asks for.
    #[command(
        after_help = "Example:\n  lineshaft connection add --connector odoo --name \"Mill ERP\" \\\n    \
        --setting base_url=https://mill.odoo.com --setting database=mill --credential -"
    )]
    Add(AddConnection),
    /// List the connections of an organization.
    List {
        /// The organization.
        #[command(flatten)]
        owner: Owner,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try the credentials of a connection now.
    Test(OneConnection),
    /// Tell how a connection fares.
    Status {
        /// Which one.
        #[command(flatten)]
        one: OneConnection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Find out step by step why a connection does not work, and what to do.
    Diagnose {
        /// Which one.
        #[command(flatten)]
        one: OneConnection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing more to a system until the connection is resumed.
    Pause(OneConnection),
    /// Go on with a paused connection.
    Resume(OneConnection),
    /// Switch a connection off; its organization cannot switch it on again.
    Disable(OneConnection),
    /// Switch a connection on again.
    Enable(OneConnection),
    /// Disconnect for good: the credentials are wiped, the tokens revoked, the credits given back.
    Disconnect(OneConnection),
    /// Disconnect and erase all but the id, which its events and the ledger keep.
    Delete(OneConnection),
}

/// One connection.
#[derive(Clone, Debug, Args)]
pub struct OneConnection {
    /// The id, as `connection list` shows it.
    pub id: Uuid,
    /// The organization.
    #[command(flatten)]
    pub owner: Owner,
}

/// A connection to add.
#[derive(Clone, Debug, Args)]
pub struct AddConnection {
    /// The organization.
    #[command(flatten)]
    pub owner: Owner,
    /// The kind of system, as `connector list` shows it.
    #[arg(long, value_name = "ID")]
    pub connector: String,
    /// Its name, for people.
    #[arg(long)]
    pub name: String,
    /// Where the system runs; what the connector names first unless said otherwise.
    #[arg(long, value_enum)]
    pub deployment: Option<Deployment>,
    /// A setting; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub setting: Vec<(String, String)>,
    /// A credential; may be repeated. `-` reads a JSON object from the standard input, or asks on a terminal:
    /// what stands on a command line can be seen by others.
    #[arg(long, value_name = "KEY=VALUE | -", value_parser = pair_or_dash)]
    pub credential: Vec<Credential>,
    /// The customer whose system it is, by your own id; made when there is none.
    #[arg(long, value_name = "EXTERNAL_ID")]
    pub customer: Option<String>,
    /// The customer's name, when it is made.
    #[arg(long, value_name = "NAME", requires = "customer")]
    pub customer_name: Option<String>,
    /// Do not try it.
    #[arg(long)]
    pub no_test: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where a system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deployment {
    /// Run by its maker or in a public cloud.
    Cloud,
    /// Run by the customer.
    OnPremises,
}

/// A credential on the command line.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Given there.
    Pair(String, String),
    /// To be read.
    Read,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pair(name, _) => formatter.debug_tuple("Pair").field(name).finish_non_exhaustive(),
            Self::Read => formatter.write_str("Read"),
        }
    }
}

/// Connectors.
#[derive(Clone, Debug, Subcommand)]
pub enum Connector {
    /// List the connectors of this server.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what a connector asks for and offers.
    Show {
        /// Its id.
        id: String,
    },
    /// Check the folder of a connector and tell every problem with its place.
    Check {
        /// The folder with its `manifest.yaml`.
        path: PathBuf,
    },
    /// Make the folder of a new connector that passes `check` and `test`, to go on from.
    New {
        /// Its id: lower-case letters, digits and hyphens.
        id: String,
        /// Where to make the folder.
        #[arg(long, value_name = "FOLDER", default_value = "connectors")]
        directory: PathBuf,
    },
    /// Print the JSON Schema of the files of a connector, for editors.
    Schema {
        /// Of which file.
        #[arg(value_enum, default_value_t = SchemaOf::Manifest)]
        of: SchemaOf,
    },
    /// Try everything that a connector says it can do against a simulated system, and tell what does not hold.
    Test {
        /// The folder with its `manifest.yaml`, and the `sandbox.yaml` that describes the system.
        path: PathBuf,
        /// Try this unified type only; may be given several times.
        #[arg(long, value_name = "TYPE")]
        only: Vec<String>,
        /// A setting of the connection besides those that `sandbox.yaml` gives; may be given several times.
        #[arg(long = "setting", value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Hold a connector to its word against a real system of yours, and write down what was proven.
    ///
    /// The system is only read: lists, look-ups, relations, statuses, raw rows, counts, orders, filters, on the records that
    /// are there. A type without records is not tried. What is printed names records by their keys and tells no values of
    /// theirs, apart from the words of enums. Networks that are not public are reached as the setting upstream.allow_networks
    /// says, as the server does.
    #[command(after_help = "Example:\n  lineshaft connector verify connectors/netsuite \\\n    \
        --setting base_url=https://1234567-sb1.suitetalk.api.netsuite.com --setting account=1234567_SB1 \\\n    \
        --credentials netsuite-sandbox.yaml --server \"NetSuite sandbox\" --server-version 2026.1 --write")]
    Verify(Verify),
    /// Print the manual of the built-in connectors: one page for each, and one over all.
    Pages(Pages),
}

/// A connector to hold to its word against a real system.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The folder with its `manifest.yaml`.
    pub path: PathBuf,
    /// A setting of the connection; may be given several times.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// File with the credentials, names with values in JSON or YAML; `-` reads the standard input.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Try this unified type only; may be given several times.
    #[arg(long, value_name = "TYPE")]
    pub only: Vec<String>,
    /// Most requests to the system for each type.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub most_calls: u32,
    /// Name of the system, as it is written down; that of the connector unless said otherwise.
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// Version of the system, as it is written down.
    #[arg(long, value_name = "VERSION")]
    pub server_version: Option<String>,
    /// Tell values of records in what does not hold.
    #[arg(long)]
    pub show_values: bool,
    /// Write `verified.yaml` into the folder instead of printing it.
    #[arg(long)]
    pub write: bool,
}

/// The manual of connectors.
#[derive(Clone, Debug, Args)]
pub struct Pages {
    /// Compare the pages in this folder, and fail when they differ.
    #[arg(long, value_name = "FOLDER", conflicts_with = "write")]
    pub check: Option<PathBuf>,
    /// Write the pages into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub write: Option<PathBuf>,
}

/// A file of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `manifest.yaml`.
    Manifest,
    /// `mappings/*.yaml`.
    Mapping,
}

/// The manual of error codes.
#[derive(Clone, Debug, Args)]
pub struct Errors {
    /// Compare the pages in this folder, and fail when they differ.
    #[arg(long, value_name = "FOLDER", conflicts_with = "write")]
    pub check: Option<PathBuf>,
    /// Write the pages into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub write: Option<PathBuf>,
}

/// Simulated systems.
#[derive(Clone, Debug, Subcommand)]
pub enum Sandbox {
    /// Start simulated systems and print how to connect to them.
    Start {
        /// Which ones; all unless said otherwise.
        #[arg(long = "system", value_name = "ID")]
        systems: Vec<String>,
        /// How many records they have.
        #[arg(long, value_enum, default_value_t = Size::Small)]
        size: Size,
        /// Port of the first; the others follow. Free ones are taken unless said otherwise.
        #[arg(long)]
        port: Option<u16>,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

fn pair_or_dash(text: &str) -> Result<Credential, String> {
    if text == "-" {
        return Ok(Credential::Read);
    }
    // The message must not repeat what may be a secret.
    pair(text)
        .map(|(name, value)| Credential::Pair(name, value))
        .map_err(|_| "expected KEY=VALUE or -".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("lineshaft").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_asks_nothing() {
        let Command::Demo(demo) = parse("demo").unwrap().command else {
            panic!("another command")
        };
        assert_eq!((demo.size, demo.port, demo.keep), (Size::Small, None, None));
        let Command::Demo(demo) = parse("demo --keep --size large --port 9").unwrap().command else {
            panic!("another command")
        };
        assert_eq!(
            (demo.size, demo.port, demo.keep),
            (Size::Large, Some(9), Some("lineshaft-demo".into()))
        );
    }

    #[test]
    fn settings_and_credentials_are_pairs() {
        let line = "connection add --connector odoo --name x --setting base_url=https://a/?b=c --credential key=a=b --credential -";
        let Command::Connection(connection) = parse(line).unwrap().command else {
            panic!("another command")
        };
        let Connection::Add(add) = *connection else {
            panic!("another command")
        };
        assert_eq!(add.setting, [("base_url".to_owned(), "https://a/?b=c".to_owned())]);
        assert_eq!(
            add.credential,
            [Credential::Pair("key".to_owned(), "a=b".to_owned()), Credential::Read]
        );
        assert!(!format!("{add:?}").contains("a=b"));
        assert!(parse("connection add --connector odoo --name x --setting base_url").is_err());
    }

    #[test]
    fn migrate_goes_up_unless_told_otherwise() {
        assert!(matches!(
            parse("migrate").unwrap().command,
            Command::Migrate { action: None }
        ));
        assert!(matches!(
            parse("migrate down --steps 2").unwrap().command,
            Command::Migrate {
                action: Some(Migrate::Down { steps: 2 })
            }
        ));
    }

    #[test]
    fn a_settings_file_is_named_anywhere() {
        assert_eq!(parse("serve --config a.toml").unwrap().config, Some("a.toml".into()));
        assert_eq!(parse("--config a.toml serve").unwrap().config, Some("a.toml".into()));
    }
}
