//! The program itself as processes over one database: started, asked at the command line, and killed.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::api::{Api, eventually, text};

/// A folder with a database and keys, and the settings of all processes over it.
pub struct Stage {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// The organization's key.
    pub token: String,
    started: std::sync::atomic::AtomicUsize,
}

/// One server. Dropped, it is killed.
pub struct Process {
    child: Child,
    pub base: String,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    /// Ends it at once, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Stage {
    /// Makes a stage over SQLite with an organization and its key.
    pub fn new(credits: i64, settings: &[(&str, &str)]) -> Self {
        Self::over(None, credits, settings)
    }

    /// Makes a stage over a schema of its own in Postgres, if `LINESHAFT_TEST_POSTGRES_URL` names a database.
    pub async fn on_postgres(credits: i64, settings: &[(&str, &str)]) -> Option<Self> {
        let address = std::env::var("LINESHAFT_TEST_POSTGRES_URL").ok()?;
        let schema = format!("life_{}", uuid::Uuid::now_v7().simple());
        let mut database = PgConnection::connect(&address).await.unwrap();
        let sql = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(sql).execute(&mut database).await.unwrap();
        let separator = if address.contains('?') { '&' } else { '?' };
        let address = format!("{address}{separator}options[search_path]={schema}");
        Some(Self::over(Some(address), credits, settings))
    }

    fn over(database: Option<String>, credits: i64, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut variables = vec![
            (
                "DATABASE__URL".to_owned(),
                database.unwrap_or_else(|| format!("sqlite://{}", path("state.db"))),
            ),
            ("SECRETS__KEY_FILE".to_owned(), path("keys")),
            ("UPSTREAM__ALLOW_NETWORKS".to_owned(), "127.0.0.0/8".to_owned()),
            ("WEBHOOKS__ALLOW_HTTP".to_owned(), "true".to_owned()),
            ("GRAPHQL__OPERATIONS_PER_CALLER".to_owned(), "512".to_owned()),
            ("HEALTH__PROBE".to_owned(), "false".to_owned()),
            ("LOG__FORMAT".to_owned(), "json".to_owned()),
        ];
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        variables.extend(settings);
        let mut stage = Self {
            folder,
            variables,
            token: String::new(),
            started: std::sync::atomic::AtomicUsize::default(),
        };
        stage.run(&["organization", "create", "acme", "--credits", &credits.to_string()]);
        stage.token = stage.new_token("acme");
        stage
    }

    /// Makes a key of an organization at the command line.
    pub fn new_token(&self, organization: &str) -> String {
        let made = self.run(&[
            "token",
            "create",
            "--organization",
            organization,
            "--name",
            "suite",
            "--json",
        ]);
        let made: Value = serde_json::from_str(&made).unwrap();
        text(&made["token"])
    }

    /// Runs a command that must do well, and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {printed}{complaints}");
        printed
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lineshaft"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LINESHAFT_")) {
            command.env_remove(name);
        }
        for (key, value) in &self.variables {
            command.env(format!("LINESHAFT_{key}"), value);
        }
        command
    }

    /// Starts a server and waits until it serves.
    pub async fn serve(&self) -> Process {
        let number = self.started.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = self.folder.path().join(format!("server-{number}.log"));
        let file = File::create(&log).unwrap();
        let child = self
            .command()
            .args(["serve", "--bind", "127.0.0.1:0"])
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut process = Process {
            child,
            base: String::new(),
            log,
        };
        let log = process.log.clone();
        process.base = eventually(Duration::from_secs(60), "the server serves", || async {
            let told = std::fs::read_to_string(&log).unwrap();
            assert!(!told.contains("cannot run"), "{told}");
            told.lines().find_map(address)
        })
        .await;
        process
    }

    /// Asks a server as the organization.
    pub fn api(&self, process: &Process) -> Api {
        Api::new(&process.base, &self.token)
    }

    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Returns all bytes of the database's files.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("state.db"))
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect()
    }

    /// Returns what all servers have logged.
    pub fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }
}

/// Reads the address from the line of the log that tells it.
fn address(line: &str) -> Option<String> {
    let told: Value = serde_json::from_str(line).ok()?;
    let fields = if told["fields"].is_object() {
        &told["fields"]
    } else {
        &told
    };
    (fields["message"] == "serving").then(|| format!("http://{}", text(&fields["address"])))
}
