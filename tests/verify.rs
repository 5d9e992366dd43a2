//! `lineshaft connector verify` against systems that are simulated, and asked as if they were real.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use lineshaft_connect::manifest::trust::{self, Verified};
use lineshaft_sandbox::{Options, Sandbox, System, World};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::connector_folder;

/// A system and a copy of the folder of its connector.
struct Bench {
    sandbox: Sandbox,
    folder: TempDir,
    credentials: Value,
}

/// What the command told.
pub struct Told {
    pub held: bool,
    pub text: String,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With a change to what the system has.
    async fn with(change: impl FnOnce(&mut World)) -> Self {
        let options = Options::default();
        let mut world = World::generate(options.seed, options.size);
        change(&mut world);
        let system = System::from_id("inventree").unwrap();
        let sandbox = Sandbox::start_with(system, options, world).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(&connector_folder().join("inventree"), &folder.path().join("inventree"));
        let (_, credentials) = sandbox.demo_connection();
        Self {
            sandbox,
            folder,
            credentials,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("inventree")
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs the command with the credentials on the standard input.
    async fn verify(&self, more: &[&str]) -> Told {
        self.verify_as(&self.credentials.to_string(), more).await
    }

    async fn verify_as(&self, credentials: &str, more: &[&str]) -> Told {
        let mut command = command(&self.path());
        command
            .arg("--setting")
            .arg(format!("base_url={}", self.sandbox.base_url()))
            .args(more);
        run(command, credentials).await
    }

    fn verified(&self) -> Option<Verified> {
        let text = std::fs::read_to_string(self.path().join(trust::VERIFIED)).ok()?;
        Some(trust::verified(&text).unwrap())
    }
}

/// Returns the command for a folder, with the credentials on the standard input.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineshaft"));
    // Variables that only tests know are no settings.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LINESHAFT_") {
            command.env_remove(name);
        }
    }
    command
        .args(["connector", "verify"])
        .arg(folder)
        .args(["--credentials", "-"])
        .env("LINESHAFT_UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8");
    command
}

/// Runs a command with something to read.
pub async fn run(mut command: Command, input: &str) -> Told {
    let input = input.to_owned();
    let run = move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses its options reads nothing.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Told {
            held: output.status.success(),
            text: String::from_utf8(text).unwrap(),
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Told {
    /// Returns the line that begins with a text.
    #[track_caller]
    fn line(&self, start: &str) -> &str {
        let line = self.text.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("no line begins with `{start}`:\n{}", self.text))
    }

    #[track_caller]
    fn has(&self, part: &str) {
        assert!(self.text.contains(part), "`{part}` is not told:\n{}", self.text);
    }

    /// Returns how many calls were sent for a type.
    #[track_caller]
    fn calls_of(&self, entity: &str) -> usize {
        let line = self.line(&format!("{entity}: "));
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("call")).unwrap();
        words[at - 1].trim_start_matches('(').parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_on_a_real_system_is_written_down_without_any_record() {
    let bench = Bench::new().await;
    let dry = bench.verify(&["--server-version", "1.1"]).await;
    assert!(dry.held && bench.verified().is_none(), "{}", dry.text);
    dry.has("`--write` writes this as");
    bench.sandbox.clear_calls();

    let told = bench.verify(&["--server-version", "1.1", "--write"]).await;
    assert!(told.held, "{}", told.text);
    let verified = bench.verified().unwrap();
    assert_eq!(verified.title(), "InvenTree 1.1");
    assert_eq!(verified.types["Vendor"], ["list", "get"]);
    assert_eq!(verified.types["PurchaseOrder"], ["list", "get", "load"]);
    assert!(
        verified.types["PurchaseOrderLine"].contains(&"load".to_owned()),
        "{verified:?}"
    );
    assert!(bench.sandbox.writes().is_empty());
    let calls = bench.sandbox.calls().len();
    told.has(&format!("{calls} calls in all."));

    // Neither records nor credentials stand in what is printed or written.
    let file = std::fs::read_to_string(bench.path().join(trust::VERIFIED)).unwrap();
    let names: Vec<String> = bench
        .sandbox
        .world()
        .vendors
        .iter()
        .map(|vendor| vendor.name.clone())
        .collect();
    let secrets = bench
        .credentials
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_str);
    for text in names.iter().map(String::as_str).chain(secrets) {
        assert!(!told.text.contains(text) && !file.contains(text), "{text}");
    }
    told.has("  Vendor  VERIFIED: a test on InvenTree 1.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_mapped_wrongly_is_told_by_field_and_nothing_of_that_type_is_written() {
    let bench = Bench::new().await;
    std::fs::remove_dir_all(bench.path().join("specs")).unwrap();
    bench.change("mappings/PurchaseOrder.yaml", "\"20\": SENT, ", "");
    bench.change(
        "mappings/PurchaseOrder.yaml",
        "orderDate: issue_date",
        "orderDate: reference",
    );
    bench.change(
        "mappings/Vendor.yaml",
        "eq: {name: active}",
        "eq: {name: is_manufacturer}",
    );
    let told = bench.verify(&["--write"]).await;
    assert!(!told.held, "{}", told.text);
    let status = told.line("- PurchaseOrder status: ");
    assert!(
        status.contains("is not mapped, in ") && status.contains("mappings/PurchaseOrder.yaml"),
        "{status}"
    );
    let date = told.line("- PurchaseOrder field orderDate: could not be read at `reference` of ");
    assert!(date.ends_with("the value is not a date"), "{date}");
    let filter = told.line("- Vendor filter status eq \"");
    assert!(filter.contains("missing") || filter.contains("came with"), "{filter}");
    let verified = bench.verified().unwrap();
    assert!(!verified.types.contains_key("Vendor") && !verified.types.contains_key("PurchaseOrder"));
    assert!(verified.types.contains_key("Location"), "{}", told.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_records_are_told_only_on_demand() {
    let bench = Bench::new().await;
    std::fs::remove_dir_all(bench.path().join("specs")).unwrap();
    bench.change(
        "mappings/PurchaseOrder.yaml",
        "orderDate: issue_date",
        "orderDate: reference",
    );
    let only = ["--only", "PurchaseOrder"];
    let told = bench.verify(&[&only[..], &["--show-values"]].concat()).await;
    let line = told.line("- PurchaseOrder field orderDate: ");
    assert!(
        line.contains("\" is not a date") && !line.contains("the value is"),
        "{line}"
    );
    let told = bench.verify(&only).await;
    told.has("the value is not a date");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_the_account_may_not_read_is_not_tried_and_the_others_are() {
    let bench = Bench::new().await;
    bench.sandbox.deny("Vendor").unwrap();
    let told = bench.verify(&["--write"]).await;
    assert!(told.held, "{}", told.text);
    assert!(
        told.line("Vendor: not tried: ").contains("PERMISSION_DENIED"),
        "{}",
        told.text
    );
    let verified = bench.verified().unwrap();
    assert!(!verified.types.contains_key("Vendor") && verified.types.contains_key("Location"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_end_it_at_once() {
    let bench = Bench::new().await;
    bench.sandbox.revoke_credentials();
    let told = bench.verify(&["--write"]).await;
    assert!(!told.held && bench.verified().is_none());
    told.has("The sign-in failed: INVALID_CREDENTIALS");
    assert_eq!(bench.sandbox.calls().len(), 1, "{:?}", bench.sandbox.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_without_records_is_not_tried() {
    let bench = Bench::with(|world| {
        world.purchase_orders.clear();
        world.receipts.clear();
    });
    let bench = bench.await;
    let told = bench.verify(&["--write"]).await;
    assert!(told.held, "{}", told.text);
    assert_eq!(
        told.line("PurchaseOrder: "),
        "PurchaseOrder: not tried: no records (1 call)"
    );
    told.line("PurchaseOrderLine: not tried: no record");
    assert!(!bench.verified().unwrap().types.contains_key("PurchaseOrder"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_are_sent_for_a_type_than_are_allowed() {
    let bench = Bench::new().await;
    let told = bench.verify(&["--only", "PurchaseOrder", "--most-calls", "7"]).await;
    assert!(told.held, "{}", told.text);
    assert_eq!(told.calls_of("PurchaseOrder"), 7, "{}", told.text);
    told.has("it takes more than 7 calls, which `--most-calls` raises");
    // One more proved the credentials; of those that were under way at the end some may not have arrived.
    let calls = bench.sandbox.calls().len();
    assert!((5..=8).contains(&calls), "{calls}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_and_unknown_credentials_are_told_by_name_and_nothing_is_asked() {
    let bench = Bench::new().await;
    let told = bench
        .verify_as("tokn: inv-very-secret\n", &["--setting", "url=x"])
        .await;
    assert!(!told.held);
    told.has("- credential `tokn`: the connector has no such credential, did you mean `token`?");
    told.has("- setting `url`: the connector has no such setting");
    let text = bench.verify_as("[inv-very-secret", &[]).await;
    text.has("not names with values in JSON or YAML");
    let number = bench.verify_as("token: 4711471147", &[]).await;
    number.has("the credential `token` of the standard input is not a text; put its value in quotation marks");
    for told in [&told, &text, &number] {
        assert!(
            !told.held && !told.text.contains("very-secret") && !told.text.contains("471147"),
            "{}",
            told.text
        );
    }
    assert!(bench.sandbox.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_proven_otherwise_stays_and_what_fails_now_goes() {
    let bench = Bench::new().await;
    let before = "verified: 1\nserver: InvenTree\nversion: \"1.1\"\non: \"2026-01-02\"\ntypes:\n  \
                  Location: [list, get, create]\n  User: [list]\n  Vendor: [list]\n";
    std::fs::write(bench.path().join(trust::VERIFIED), before).unwrap();
    std::fs::remove_dir_all(bench.path().join("specs")).unwrap();
    bench.change(
        "mappings/Vendor.yaml",
        "eq: {name: active}",
        "eq: {name: is_manufacturer}",
    );
    let only = [
        "--only",
        "Location",
        "--only",
        "Vendor",
        "--server-version",
        "1.1",
        "--write",
    ];
    bench.verify(&only).await;
    let types = bench.verified().unwrap().types;
    assert_eq!(types["Location"], ["list", "get", "load", "create"]);
    assert_eq!(types["User"], ["list"]);
    assert!(!types.contains_key("Vendor"));

    // Another version proves nothing of this one.
    let told = bench
        .verify(&["--only", "Location", "--server-version", "1.2", "--write"])
        .await;
    told.has("It takes the place of what is known of InvenTree 1.1.");
    let types = bench.verified().unwrap().types;
    assert_eq!(types.keys().collect::<Vec<_>>(), ["Location"]);
}
