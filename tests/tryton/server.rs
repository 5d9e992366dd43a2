//! A real Tryton server: started through `start.sh`, stopped with the tests, and asked for nothing that it does not log.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use serde_json::Value;

use super::client::Client;

/// The password of the user `admin`.
pub(super) const PASSWORD: &str = "admin-Passw0rd";

pub(super) struct Server {
    pub(super) url: String,
    /// The server ends when its standard input does, which is at the latest when the tests do.
    process: Mutex<Child>,
    log: File,
    client: OnceLock<Mutex<Client>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the folder that `start.sh` installs Tryton in.
fn home() -> PathBuf {
    let own = || concat!(env!("CARGO_MANIFEST_DIR"), "/.tryton").into();
    std::env::var_os("LINESHAFT_TRYTON_DIR").unwrap_or_else(own).into()
}

fn read_all(log: &File) -> String {
    let mut bytes = vec![0; usize::try_from(log.metadata().unwrap().len()).unwrap()];
    // Other handles write to the same file: their place in it must stay.
    let length = log.read_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

impl Server {
    /// Returns the server that tests share, which the first of them starts.
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server with a fresh copy of the seeded database.
    pub(super) fn start() -> Self {
        Self::start_at("0")
    }

    /// Starts another server at the same address, with another fresh copy.
    pub(super) fn restart(&self) -> Self {
        Self::start_at(self.port())
    }

    fn start_at(port: &str) -> Self {
        let log = tempfile::tempfile().unwrap();
        let mut process = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tryton/start.sh"))
            .args(["--attached", port])
            .env("TRYTOND_LOGGING_LEVEL", "20")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(url) = line.trim().strip_prefix("ready ") else {
            panic!("no Tryton server: {}", read_all(&log));
        };
        Self {
            url: url.to_owned(),
            process: Mutex::new(process),
            log,
            client: OnceLock::new(),
        }
    }

    /// Lets Tryton's own client do something, and returns what it answers.
    #[track_caller]
    pub(super) fn tell(&self, request: &Value) -> Value {
        let client = self
            .client
            .get_or_init(|| Mutex::new(Client::start(&home().join("venv/bin/python"), &self.url)));
        let told = client
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .tell(request);
        told.unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    /// Returns the methods that were called over JSON, which Tryton's own client here does not speak, in their order.
    pub(super) fn calls(&self) -> Vec<String> {
        let log = read_all(&self.log);
        let requests = log
            .lines()
            .filter(|line| line.contains("<JSONRequest ") && line.contains("/lineshaft/rpc/"));
        requests
            .filter_map(|line| Some(line.split_once("[POST] ")?.1.split_once('>')?.0.to_owned()))
            .collect()
    }

    /// Returns how often a log-in was tried over JSON.
    pub(super) fn logins(&self) -> usize {
        self.calls()
            .iter()
            .filter(|method| *method == "common.db.login")
            .count()
    }

    /// Returns how often a password of a user was refused.
    pub(super) fn refused_logins(&self, user: &str) -> usize {
        read_all(&self.log)
            .matches(&format!("login failed for '{user}'"))
            .count()
    }

    fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    /// Holds the server still: connections to it are taken, and nothing is answered.
    pub(super) fn pause(&self) {
        let id = self.process.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    }

    /// Ends the server at once, in the middle of whatever it does.
    pub(super) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        let _gone = process.kill();
        let _status = process.wait();
    }

    /// Lets the time of all sessions run out.
    pub(super) fn age_sessions(&self) {
        let file = home()
            .join("run")
            .join(self.process.lock().unwrap().id().to_string())
            .join("lineshaft.sqlite");
        let change = "import sqlite3, sys\n\
            with sqlite3.connect(sys.argv[1], timeout=30) as database:\n    \
            database.execute(\"UPDATE ir_session SET create_date = '2020-01-01 00:00:00', write_date = NULL\")\n";
        let status = Command::new(home().join("venv/bin/python"))
            .args(["-c", change])
            .arg(file)
            .status()
            .unwrap();
        assert!(status.success());
    }
}
