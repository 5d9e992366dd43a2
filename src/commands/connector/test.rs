//! Tries a connector against the simulation of its system.

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_conformance::{Answer, Example, Make, Place, Stage, Subject};
use lineshaft_connect::{blueprint::Blueprint, manifest::Manifest};
use lineshaft_engine::{
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
};
use lineshaft_sandbox::{Options, Sandbox, System};
use lineshaft_schema::ConnectionId;
use serde_json::{Map, Value};

use super::{
    bench::{self, Folder, Server},
    check,
};
use crate::{
    output::{Output, Style},
    settings::{Settings, Source},
    start,
};

/// Checks the folder, runs all trials, and prints what failed.
pub(super) async fn run(
    path: &Path,
    only: Vec<String>,
    settings: &[String],
    out: &mut Output,
) -> anyhow::Result<ExitCode> {
    let path = path
        .canonicalize()
        .with_context(|| format!("`{}` is not there", path.display()))?;
    if check::check(&path, out)? != ExitCode::SUCCESS {
        out.line("Nothing was tried yet: the trials need a connector that passes the check.")?;
        return Ok(ExitCode::FAILURE);
    }
    let bench = Arc::new(Bench::new(&path, settings)?);
    let blueprint = bench.blueprint()?;
    bench::check_types(&blueprint, &only)?;
    let subject = Subject {
        id: bench.folder.id.clone(),
        blueprint,
        readme: fs::read_to_string(path.join("README.md")).unwrap_or_default(),
        only,
    };
    let most_calls = most_calls(bench.system, subject.blueprint.manifest());
    let make: Make = Box::new(move || {
        let bench = bench.clone();
        async move {
            let place = Local::start(&bench).await.map_err(|error| format!("{error:#}"))?;
            if let Some(example) = &bench.example {
                example.save(&place).await?;
            }
            Ok(Arc::new(place) as Arc<dyn Place>)
        }
        .boxed()
    });
    let stage = Stage::start(make, most_calls)
        .await
        .map_err(|problem| anyhow::anyhow!(problem))?;
    let outcome = lineshaft_conformance::run(subject, stage).await;
    let holds = outcome.failures.is_empty() && !outcome.listed.is_empty();
    let style = if holds { Style::Good } else { Style::Bad };
    let told = out.styled(style, &outcome.to_string());
    out.line(&told)?;
    if outcome.listed.is_empty() {
        out.line("No type could be listed.")?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns after how many calls a simulated system is replaced by a fresh one, so that trials do not wait for the windows
/// of its rates. Those of described systems are lifted.
fn most_calls(system: System, manifest: &Manifest) -> Option<usize> {
    if matches!(system, System::Described(_)) {
        return None;
    }
    let windows = manifest.limits.rates.iter().filter(|rate| rate.per_s >= 30);
    let fewest = windows.map(|rate| rate.calls).min()?;
    usize::try_from(fewest).ok().map(|calls| calls * 5 / 9)
}

/// What all servers for the trials of one connector are made of.
struct Bench {
    folder: Folder,
    system: System,
    /// Settings besides those of the simulated system's own connection.
    settings: Map<String, Value>,
    /// What is mapped for the trials.
    example: Option<Example>,
}

impl Bench {
    fn new(path: &Path, settings: &[String]) -> anyhow::Result<Self> {
        let folder = Folder::read(path)?;
        Ok(Self {
            system: system_of(path, &folder.id)?,
            folder,
            settings: bench::given(settings)?,
            example: Example::read(path).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?,
        })
    }

    fn blueprint(&self) -> anyhow::Result<Arc<Blueprint>> {
        let kind = self.folder.kind()?;
        let blueprint = kind
            .blueprint_for(&self.settings)
            .map_err(|problem| anyhow::anyhow!(problem))?;
        match &self.example {
            Some(example) => {
                let laid = example.over(&blueprint);
                Ok(Arc::new(laid.map_err(|problems| anyhow::anyhow!(problems.join("\n")))?))
            }
            None => Ok(blueprint),
        }
    }
}

/// Returns the system that the folder describes, or the one that is simulated by code of its own.
fn system_of(path: &Path, id: &str) -> anyhow::Result<System> {
    if path.join("sandbox.yaml").is_file() {
        return System::load(path).map_err(|faulty| anyhow::anyhow!("{faulty}"));
    }
    let coded = System::CODED.into_iter().find(|system| system.id() == id);
    coded.with_context(|| format!("`{}` has no sandbox.yaml that describes its system", path.display()))
}

/// A server with one connection to one simulated system.
struct Local {
    server: Server,
    connection: ConnectionId,
    sandbox: Sandbox,
}

impl Local {
    async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let is_described = matches!(bench.system, System::Described(_));
        let scopes = ["read", "write", "mappings", "passthrough"];
        let server = Server::start(bench.folder.registry()?, &scopes, |database| {
            let settings = settings(database)?;
            let mut own = settings.engine();
            own.connector.limits.rates = !is_described;
            let wire = start::wire(&settings)?;
            Ok((settings, own, wire))
        });
        let server = server.await?;
        let sandbox = Sandbox::start(bench.system, Options::default()).await?;
        sandbox.lift_limits();
        let (mut settings, credentials) = sandbox.demo_connection();
        if let Some(members) = settings.as_object_mut() {
            members.extend(bench.settings.clone());
        }
        let connection = connect(&server, &bench.folder.id, settings, credentials).await?;
        Ok(Self {
            server,
            connection,
            sandbox,
        })
    }
}

impl Place for Local {
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer> {
        self.server.ask(text, variables).boxed()
    }

    fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn sandbox(&self) -> Option<&Sandbox> {
        Some(&self.sandbox)
    }
}

/// Returns settings that reach this machine, and take as many questions at once as there are trials.
fn settings(database: &str) -> anyhow::Result<Settings> {
    let variables = [
        ("LINESHAFT_DATABASE__URL", database),
        ("LINESHAFT_UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8"),
        ("LINESHAFT_GRAPHQL__OPERATIONS_PER_CALLER", "256"),
        ("LINESHAFT_HEALTH__PROBE", "false"),
    ];
    let source = Source {
        file: None,
        folder: None,
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    };
    Settings::load(&source).context("the settings cannot be used")
}

/// Makes a connection of the server's organization.
async fn connect(
    server: &Server,
    connector: &str,
    settings: Value,
    credentials: Value,
) -> anyhow::Result<ConnectionId> {
    let new = NewConnection {
        organization_id: server.organization,
        customer: None,
        connector: connector.to_owned(),
        name: "Trials".to_owned(),
        deployment: Deployment::Cloud,
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let id = server.engine.connections.add(new).await?.id;
    server.engine.activate_untried(server.organization, id).await?;
    Ok(ConnectionId(id))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use std::{
        io::{self, Write},
        path::PathBuf,
        sync::Mutex,
    };

    use tempfile::TempDir;

    use super::*;
    use crate::commands::connector::new;

    /// What a command prints.
    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A new connector in a folder of its own.
    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            new::make("acme-erp", folder.0.path(), &mut Output::to(io::sink())).unwrap();
            folder
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("acme-erp")
        }

        fn change(&self, file: &str, from: &str, to: &str) {
            let path = self.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{file} has {from}");
            fs::write(path, text.replace(from, to)).unwrap();
        }

        async fn tried(&self) -> (ExitCode, String) {
            let printed = Printed::default();
            let code = run(&self.path(), Vec::new(), &[], &mut Output::to(printed.clone())).await;
            let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
            (code.unwrap(), text)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_new_connector_passes_all_trials() {
        let (code, told) = Folder::new().tried().await;
        assert!(
            code == ExitCode::SUCCESS && told.contains("trials hold, of Vendor"),
            "{told}"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_system_does_otherwise_is_told_in_words() {
        let folder = Folder::new();
        folder.change("sandbox.yaml", "at: offset", "at: skip");
        let (code, told) = folder.tried().await;
        assert!(code == ExitCode::FAILURE, "{told}");
        assert!(told.contains("- Vendor is listed page by page: "), "{told}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_folder_with_errors_is_not_tried() {
        let folder = Folder::new();
        folder.change("sandbox.yaml", "    entity: Vendor", "    entitty: Vendor");
        let (code, told) = folder.tried().await;
        assert!(
            code == ExitCode::FAILURE && told.contains("Nothing was tried yet"),
            "{told}"
        );
        assert!(told.contains("sandbox.yaml:17:5: "), "{told}");
    }
}
