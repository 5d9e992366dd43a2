//! Tryton's own client as a process beside the tests: one request a line, one answer a line; see `client.py`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

pub(super) struct Client {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    process: Child,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

impl Client {
    pub(super) fn start(python: &Path, url: &str) -> Self {
        let mut process = Command::new(python)
            .args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tryton/client.py"), url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self {
            requests,
            answers,
            process,
        }
    }

    /// Lets the client do something, and returns what it answers or what went wrong.
    pub(super) fn tell(&mut self, request: &Value) -> Result<Value, String> {
        writeln!(self.requests, "{request}").map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line:?}"))?;
        match answer["error"].take() {
            Value::String(error) => Err(error),
            _ => Ok(answer["result"].take()),
        }
    }
}
