//! A process that plays one part: it tells its address in its first line, then answers a line with a line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

/// Names the part that a child process plays.
pub const ROLE: &str = "LINESHAFT_BENCH_ROLE";
/// The receiver of webhooks, for those that send.
pub const RECEIVER: &str = "LINESHAFT_BENCH_RECEIVER";
/// The database of the process; a new SQLite file unless it is said.
pub const DATABASE: &str = "LINESHAFT_BENCH_DATABASE";

/// The longest that any answer may take.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Process {
    child: Child,
    orders: ChildStdin,
    lines: UnboundedReceiver<String>,
    /// The words of the first line: the address, then whatever the part adds.
    pub greeting: Vec<String>,
}

impl Process {
    pub async fn start(role: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut process = Self {
            child,
            orders,
            lines,
            greeting: Vec::new(),
        };
        process.greeting = process.line().await.split(' ').map(str::to_owned).collect();
        process
    }

    pub fn address(&self) -> &str {
        &self.greeting[0]
    }

    /// Returns the next line that the process writes.
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        line.expect("the process answers in time").expect("the process lives")
    }

    pub async fn ask(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        self.line().await
    }

    /// Returns the processor time used so far, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        (ticks * 10_000) as f64
    }

    /// Returns the resident memory in kilobytes.
    pub fn memory_kb(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
