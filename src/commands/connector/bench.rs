//! What connectors are tried with from the command line: the files of a folder, and a server of its own that stores nothing
//! for good.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Request, header};
use lineshaft_conformance::Answer;
use lineshaft_connect::{blueprint::Blueprint, manifest::suggest, transport::Wire};
use lineshaft_engine::{
    Engine, Parts, database,
    organizations::{self, NewOrganization},
    registry::{Kind, Registry},
    secrets::KeyRing,
    tokens::NewToken,
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use lineshaft_schema::Catalogue;
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{
    http::{App, router},
    settings::Settings,
};

/// Most bytes of an answer.
const MOST_BYTES: usize = 256 << 20;

/// The files of one connector.
pub(super) struct Folder {
    /// Its id.
    pub(super) id: String,
    files: Vec<(String, String)>,
}

impl Folder {
    /// Reads the folder of a connector.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let id = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut files = Vec::new();
        for part in ["", "mappings", "specs"] {
            read(&path.join(part), &format!("{id}/{part}"), &mut files)?;
        }
        Ok(Self { id, files })
    }

    /// Returns a registry with nothing but the connector.
    pub(super) fn registry(&self) -> anyhow::Result<Registry> {
        let mut registry = Registry::new(Catalogue::unified().map_err(|problem| anyhow::anyhow!(problem))?);
        registry.add_files(self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        Ok(registry)
    }

    /// Returns the connector.
    pub(super) fn kind(&self) -> anyhow::Result<Arc<Kind>> {
        self.registry()?.get(&self.id).context("the connector cannot be loaded")
    }

    /// Returns the files with their places within the folder.
    pub(super) fn within(&self) -> impl Iterator<Item = (&str, &str)> {
        let below = self.id.len() + 1;
        let files = self.files.iter();
        files.filter_map(move |(path, text)| Some((path.get(below..)?, text.as_str())))
    }
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

/// Refuses types that the connector does not map.
pub(super) fn check_types(blueprint: &Blueprint, only: &[String]) -> anyhow::Result<()> {
    let known: Vec<&str> = blueprint.resources().map(|resource| resource.type_name()).collect();
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => anyhow::bail!("{}", suggest::unknown("type", name, known.into_iter())),
        None => Ok(()),
    }
}

/// Returns the settings of a connection that stand on the command line.
pub(super) fn given(settings: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut given = Map::new();
    for setting in settings {
        let (name, value) = setting
            .split_once('=')
            .with_context(|| format!("`{setting}` is not NAME=VALUE"))?;
        given.insert(name.to_owned(), value.into());
    }
    Ok(given)
}

/// A server with one organization, gone when it is dropped.
pub(super) struct Server {
    pub(super) engine: Arc<Engine>,
    pub(super) organization: Uuid,
    routes: Router,
    token: String,
    background: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.background.abort();
    }
}

impl Server {
    /// Starts a server with these connectors and a token that may do so much. `make` puts its settings together for the
    /// file that it keeps its state in, the key to whose secrets is in memory alone.
    pub(super) async fn start(
        registry: Registry,
        scopes: &[&str],
        make: impl FnOnce(&str) -> anyhow::Result<(Settings, lineshaft_engine::Settings, Arc<dyn Wire>)>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("there is no place for temporary files")?;
        let file = folder.path().join("state.db");
        let (settings, own, wire) = make(&format!("sqlite://{}", file.display()))?;
        let database = database::connect(settings.database.url.expose_secret(), &settings.database.options()).await?;
        Migrator::up(&database, None).await?;
        let engine = Arc::new(Engine::new(Parts {
            database,
            keys: Arc::new(KeyRing::generate()?),
            registry,
            wire,
            settings: own,
        }));
        engine.serve_under("http://localhost".to_owned());
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let routes = router(&Arc::new(App::new(engine.clone(), settings, metrics)));
        let (organization, token) = organization(&engine, scopes).await?;
        let worker = engine.clone();
        let background = tokio::spawn(async move { worker.run(std::future::pending()).await });
        Ok(Self {
            engine,
            organization,
            routes,
            token,
            background,
            _folder: folder,
        })
    }

    /// Asks as the organization. What does not get through is an answer without a status.
    pub(super) async fn ask(&self, text: &str, variables: Value) -> Answer {
        self.answer(text, variables).await.unwrap_or_else(|error| Answer {
            status: 0,
            text: format!("{error:#}"),
            body: Value::Null,
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

/// Makes an organization with a token.
async fn organization(engine: &Engine, scopes: &[&str]) -> anyhow::Result<(Uuid, String)> {
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
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
    };
    let token = engine.tokens.create(token).await?;
    Ok((organization_id, token.text.expose_secret().to_owned()))
}
