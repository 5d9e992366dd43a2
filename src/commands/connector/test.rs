//! Tries a connector against the simulation of its system, with a server of its own that stores nothing for good.

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use axum::{
    Router,
    body::{Body, to_bytes},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, header};
use lineshaft_conformance::{Answer, Example, Make, Place, Stage, Subject};
use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::{Manifest, suggest},
};
use lineshaft_engine::{
    Engine, Parts,
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
    database,
    organizations::{self, NewOrganization},
    registry::Registry,
    secrets::KeyRing,
    tokens::NewToken,
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use lineshaft_sandbox::{Options, Sandbox, System};
use lineshaft_schema::{Catalogue, ConnectionId};
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::check;
use crate::{
    http::{App, router},
    output::{Output, Style},
    settings::{Settings, Source},
    start,
};

/// Most bytes of an answer.
const MOST_BYTES: usize = 256 << 20;

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
    check_types(&blueprint, &only)?;
    let subject = Subject {
        id: bench.id.clone(),
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

fn check_types(blueprint: &Blueprint, only: &[String]) -> anyhow::Result<()> {
    let known: Vec<&str> = blueprint.resources().map(|resource| resource.type_name()).collect();
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => bail!("{}", suggest::unknown("type", name, known.into_iter())),
        None => Ok(()),
    }
}

/// What all servers for the trials of one connector are made of.
struct Bench {
    id: String,
    files: Vec<(String, String)>,
    system: System,
    /// Settings besides those of the simulated system's own connection.
    settings: Map<String, Value>,
    /// What is mapped for the trials.
    example: Option<Example>,
}

impl Bench {
    fn new(path: &Path, settings: &[String]) -> anyhow::Result<Self> {
        let id = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut files = Vec::new();
        for part in ["", "mappings", "specs"] {
            read(&path.join(part), &format!("{id}/{part}"), &mut files)?;
        }
        let system = system_of(path, &id)?;
        let mut given = Map::new();
        for setting in settings {
            let (name, value) = setting
                .split_once('=')
                .with_context(|| format!("`{setting}` is not NAME=VALUE"))?;
            given.insert(name.to_owned(), value.into());
        }
        Ok(Self {
            id,
            files,
            system,
            settings: given,
            example: Example::read(path).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?,
        })
    }

    fn registry(&self) -> anyhow::Result<Registry> {
        let mut registry = Registry::new(Catalogue::unified().map_err(|problem| anyhow::anyhow!(problem))?);
        registry.add_files(self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        Ok(registry)
    }

    fn blueprint(&self) -> anyhow::Result<Arc<Blueprint>> {
        let kind = self
            .registry()?
            .get(&self.id)
            .context("the connector cannot be loaded")?;
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

/// Reads the YAML files that stand directly in a folder; one that is not there has none.
fn read(folder: &Path, below: &str, files: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            let text = fs::read_to_string(&path).with_context(|| format!("`{}` cannot be read", path.display()))?;
            files.push((format!("{}/{name}", below.trim_end_matches('/')), text));
        }
    }
    Ok(())
}

/// A server with one connection to one simulated system, gone when it is dropped.
struct Local {
    routes: Router,
    token: String,
    connection: ConnectionId,
    sandbox: Sandbox,
    background: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.background.abort();
    }
}

impl Local {
    async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("there is no place for temporary files")?;
        let settings = settings(folder.path())?;
        let database = database::connect(settings.database.url.expose_secret(), &settings.database.options()).await?;
        Migrator::up(&database, None).await?;
        let mut own = settings.engine();
        own.connector.limits.rates = !matches!(bench.system, System::Described(_));
        let engine = Arc::new(Engine::new(Parts {
            database,
            keys: Arc::new(KeyRing::generate()?),
            registry: bench.registry()?,
            wire: start::wire(&settings)?,
            settings: own,
        }));
        engine.serve_under("http://localhost".to_owned());
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let routes = router(&Arc::new(App::new(engine.clone(), settings, metrics)));
        let sandbox = Sandbox::start(bench.system, Options::default()).await?;
        sandbox.lift_limits();
        let (mut settings, credentials) = sandbox.demo_connection();
        if let Some(members) = settings.as_object_mut() {
            members.extend(bench.settings.clone());
        }
        let (token, connection) = connect(&engine, &bench.id, settings, credentials).await?;
        let worker = engine.clone();
        let background = tokio::spawn(async move { worker.run(std::future::pending()).await });
        Ok(Self {
            routes,
            token,
            connection,
            sandbox,
            background,
            _folder: folder,
        })
    }

    async fn answer(&self, text: &str, variables: Value) -> anyhow::Result<Answer> {
        let body = json!({ "query": text, "variables": variables }).to_string();
        let request = Request::post("/graphql")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::from(body))?;
        let response = self.routes.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), MOST_BYTES).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, text, body })
    }
}

impl Place for Local {
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer> {
        let unanswered = |error: anyhow::Error| Answer {
            status: 0,
            text: format!("{error:#}"),
            body: Value::Null,
        };
        self.answer(text, variables)
            .map(move |answer| answer.unwrap_or_else(unanswered))
            .boxed()
    }

    fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn sandbox(&self) -> Option<&Sandbox> {
        Some(&self.sandbox)
    }
}

/// Returns settings that reach this machine, and take as many questions at once as there are trials.
fn settings(folder: &Path) -> anyhow::Result<Settings> {
    let file = folder.join("state.db");
    let variables = [
        ("LINESHAFT_DATABASE__URL", format!("sqlite://{}", file.display())),
        ("LINESHAFT_UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
        ("LINESHAFT_GRAPHQL__OPERATIONS_PER_CALLER", "256".to_owned()),
        ("LINESHAFT_HEALTH__PROBE", "false".to_owned()),
    ];
    let source = Source {
        file: None,
        folder: None,
        variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    };
    Settings::load(&source).context("the settings cannot be used")
}

/// Makes an organization with a token and a connection.
async fn connect(
    engine: &Engine,
    connector: &str,
    settings: Value,
    credentials: Value,
) -> anyhow::Result<(String, ConnectionId)> {
    let organization = NewOrganization {
        slug: "trials".to_owned(),
        name: "Trials".to_owned(),
        credits: 1_000_000,
    };
    let organization_id = organizations::create(&engine.database, organization).await?.id;
    let token = NewToken {
        organization_id,
        connection_id: None,
        name: "trials".to_owned(),
        scopes: ["read", "write", "mappings", "passthrough"].map(str::to_owned).to_vec(),
        expires_at: None,
    };
    let token = engine.tokens.create(token).await?;
    let new = NewConnection {
        organization_id,
        customer: None,
        connector: connector.to_owned(),
        name: "Trials".to_owned(),
        deployment: Deployment::Cloud,
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let id = engine.connections.add(new).await?.id;
    engine.activate_untried(organization_id, id).await?;
    Ok((token.text.expose_secret().to_owned(), ConnectionId(id)))
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
