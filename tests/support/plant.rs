//! The plant: simulated systems, the server over them on a free port as `serve` puts it together, and a token to ask it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lineshaft::{
    http::{App, router},
    settings::{Settings, Source},
    start,
};
use lineshaft_engine::{
    Engine, Parts,
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
    customers::NewCustomer,
    database,
    organizations::{self, NewOrganization},
    registry::Registry,
    secrets::KeyRing,
    tokens::NewToken,
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use lineshaft_sandbox::{Call, Options, Sandbox, Size, System, World};
use lineshaft_schema::Catalogue;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use super::Answer;

/// What a plant is made of.
pub struct Setup {
    pub systems: Vec<System>,
    /// Connectors of systems that are not simulated.
    pub connectors: Vec<&'static str>,
    /// Directories of more connectors.
    pub directories: Vec<PathBuf>,
    pub size: Size,
    /// Settings of all connections besides those of the systems' demonstrations.
    pub settings: Map<String, Value>,
    /// Whether systems and connectors keep to their limits. Suites of described systems would wait for them.
    pub limits: bool,
    /// Settings of the server that differ from the defaults, as environment variables.
    pub variables: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        let setup = Self {
            systems: System::CODED.to_vec(),
            connectors: Vec::new(),
            directories: Vec::new(),
            size: Size::Small,
            settings: Map::new(),
            limits: true,
            variables: Vec::new(),
        };
        // Trials of one test ask side by side.
        setup
            .set("UPSTREAM__ALLOW_NETWORKS", "127.0.0.0/8")
            .set("GRAPHQL__OPERATIONS_PER_CALLER", 256)
            // Calls are counted: none is to come from the server itself.
            .set("HEALTH__PROBE", false)
    }
}

impl Setup {
    /// Only these systems.
    pub fn only(systems: impl IntoIterator<Item = System>) -> Self {
        let systems: Vec<_> = systems.into_iter().collect();
        let is_described = |system: &System| matches!(system, System::Described(_));
        Self {
            limits: systems.is_empty() || !systems.iter().all(is_described),
            systems,
            ..Self::default()
        }
    }

    /// Changes a setting of the server.
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.variables.push((format!("LINESHAFT_{key}"), value.to_string()));
        self
    }

    pub async fn start(self) -> Plant {
        Plant::of(self).await
    }
}

struct Member {
    system: System,
    /// None once it was stopped.
    sandbox: Option<Sandbox>,
    connection: Uuid,
}

/// Simulated systems with the server over them.
pub struct Plant {
    pub engine: Arc<Engine>,
    pub organization: Uuid,
    pub token: String,
    pub url: String,
    members: Vec<Member>,
    client: reqwest::Client,
    server: JoinHandle<()>,
    background: JoinHandle<()>,
    folder: TempDir,
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.server.abort();
        self.background.abort();
    }
}

/// Returns the folder of the connectors.
pub fn connector_folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors"))
}

/// Loads these connectors from their folders, and no others: it is quicker.
fn registry(connectors: &[&str], directories: &[PathBuf]) -> Registry {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    let files: Vec<_> = connectors
        .iter()
        .flat_map(|id| files_below(&connector_folder().join(id)))
        .collect();
    registry.add_files(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    for directory in directories {
        registry.add_directory(directory).unwrap();
    }
    assert!(registry.rejected().is_empty(), "{:#?}", registry.rejected());
    registry
}

fn files_below(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let below = path
                .strip_prefix(connector_folder())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.push((below, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

impl Plant {
    /// Starts all systems with the server over them.
    pub async fn start() -> Self {
        Self::of(Setup::default()).await
    }

    async fn of(setup: Setup) -> Self {
        let connectors: Vec<_> = setup
            .systems
            .iter()
            .map(|system| system.id())
            .chain(setup.connectors)
            .collect();
        // Most of the time goes into reading connectors and making the world: both begin at once.
        let loading = tokio::task::spawn_blocking(move || registry(&connectors, &setup.directories));
        let options = Options {
            size: setup.size,
            ..Options::default()
        };
        let world = tokio::task::spawn_blocking(move || World::generate(options.seed, options.size));
        let folder = tempfile::tempdir().unwrap();
        let mut variables = setup.variables;
        let file = folder.path().join("state.db");
        variables.push((
            "LINESHAFT_DATABASE__URL".to_owned(),
            format!("sqlite://{}", file.display()),
        ));
        let settings = Settings::load(&Source {
            file: None,
            folder: None,
            variables,
        })
        .unwrap();
        let database = database::connect(settings.database.url.expose_secret(), &settings.database.options())
            .await
            .unwrap();
        Migrator::up(&database, None).await.unwrap();
        let mut own = settings.engine();
        own.connector.limits.rates = setup.limits;
        let engine = Arc::new(Engine::new(Parts {
            database,
            keys: Arc::new(KeyRing::generate().unwrap()),
            registry: loading.await.unwrap(),
            wire: start::wire(&settings).unwrap(),
            settings: own,
        }));
        let app = Arc::new(App::new(
            engine.clone(),
            settings,
            PrometheusBuilder::new().build_recorder().handle(),
        ));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let url = format!("{base}/graphql");
        engine.serve_under(base);
        let routes = router(&app);
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let worker = engine.clone();
        let background = tokio::spawn(async move { worker.run(std::future::pending()).await });

        let organization = new_organization(&engine, "plant").await;
        let world = world.await.unwrap();
        let mut members = Vec::new();
        for system in setup.systems {
            let sandbox = Sandbox::start_with(system, options, world.clone()).await.unwrap();
            if !setup.limits {
                sandbox.lift_limits();
            }
            let (mut settings, credentials) = sandbox.demo_connection();
            settings.as_object_mut().unwrap().extend(setup.settings.clone());
            let connection = connect(
                &engine,
                organization,
                system.id(),
                system.title(),
                None,
                settings,
                credentials,
            )
            .await;
            members.push(Member {
                system,
                sandbox: Some(sandbox),
                connection,
            });
        }
        let token = new_token(&engine, organization, None).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            engine,
            organization,
            token,
            url,
            members,
            client,
            server,
            background,
            folder,
        }
    }

    /// Asks as the organization.
    pub async fn query(&self, text: &str, variables: Value) -> Answer {
        self.query_as(&self.token, text, variables).await
    }

    /// Asks with a token.
    pub async fn query_as(&self, token: &str, text: &str, variables: Value) -> Answer {
        self.send(
            Some(token),
            json!({ "query": text, "variables": variables }).to_string(),
        )
        .await
    }

    /// Posts a body as it is.
    pub async fn send(&self, token: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// Returns the file of the database.
    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Returns all bytes of the database's files.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    pub fn systems(&self) -> impl Iterator<Item = System> {
        self.members.iter().map(|member| member.system)
    }

    pub fn sandbox(&self, system: System) -> &Sandbox {
        self.member(system)
            .sandbox
            .as_ref()
            .expect("the system was not stopped")
    }

    /// Returns the id of the connection to a system.
    pub fn connection(&self, system: System) -> String {
        self.member(system).connection.to_string()
    }

    /// Returns the calls that a system received, logins apart.
    pub fn calls(&self, system: System) -> Vec<Call> {
        self.sandbox(system)
            .calls()
            .into_iter()
            .filter(|call| !call.login)
            .collect()
    }

    /// Returns how often a system was asked to sign somebody in.
    pub fn logins(&self, system: System) -> usize {
        self.sandbox(system).calls().iter().filter(|call| call.login).count()
    }

    /// Forgets the calls that all systems received.
    pub fn clear_calls(&self) {
        self.members
            .iter()
            .filter_map(|member| member.sandbox.as_ref())
            .for_each(Sandbox::clear_calls);
    }

    /// Adds another connection to a system, of a customer.
    pub async fn connect(&self, system: System, name: &str, customer: Option<&str>) -> String {
        let (settings, credentials) = self.sandbox(system).demo_connection();
        connect(
            &self.engine,
            self.organization,
            system.id(),
            name,
            customer,
            settings,
            credentials,
        )
        .await
        .to_string()
    }

    /// Adds another connection to a system, with other credentials.
    pub async fn connect_with(&self, system: System, name: &str, credentials: Value) -> String {
        let (settings, _) = self.sandbox(system).demo_connection();
        connect(
            &self.engine,
            self.organization,
            system.id(),
            name,
            None,
            settings,
            credentials,
        )
        .await
        .to_string()
    }

    /// Adds a connection with settings and credentials of its own.
    pub async fn connect_to(&self, connector: &str, name: &str, settings: Value, credentials: Value) -> String {
        connect(
            &self.engine,
            self.organization,
            connector,
            name,
            None,
            settings,
            credentials,
        )
        .await
        .to_string()
    }

    /// Stops a system for good.
    pub async fn stop(&mut self, system: System) {
        let member = self
            .members
            .iter_mut()
            .find(|member| member.system == system)
            .expect("the system is part of the plant");
        member.sandbox.take().expect("the system was not stopped").stop().await;
    }

    /// Makes an organization with a token that sees nothing of ours.
    pub async fn stranger(&self) -> String {
        let organization = new_organization(&self.engine, "stranger").await;
        new_token(&self.engine, organization, None).await
    }

    /// Makes a token that sees one connection.
    pub async fn connection_token(&self, system: System) -> String {
        new_token(&self.engine, self.organization, Some(self.member(system).connection)).await
    }

    fn member(&self, system: System) -> &Member {
        self.members
            .iter()
            .find(|member| member.system == system)
            .expect("the system is part of the plant")
    }
}

async fn new_organization(engine: &Engine, slug: &str) -> Uuid {
    let new = NewOrganization {
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        credits: 1_000_000,
    };
    organizations::create(&engine.database, new).await.unwrap().id
}

async fn new_token(engine: &Engine, organization_id: Uuid, connection_id: Option<Uuid>) -> String {
    let scopes: &[&str] = match connection_id {
        None => &["read", "write", "mappings", "passthrough"],
        Some(_) => &["read", "write"],
    };
    let new = NewToken {
        organization_id,
        connection_id,
        name: "suite".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
    };
    let issued = engine.tokens.create(new).await.unwrap();
    issued.text.expose_secret().to_owned()
}

async fn connect(
    engine: &Engine,
    organization_id: Uuid,
    connector: &str,
    name: &str,
    customer: Option<&str>,
    settings: Value,
    credentials: Value,
) -> Uuid {
    let new = NewConnection {
        organization_id,
        customer: customer.map(|id| NewCustomer {
            external_id: id.to_owned(),
            name: id.to_owned(),
        }),
        connector: connector.to_owned(),
        name: name.to_owned(),
        deployment: Deployment::OnPremises,
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let id = engine.connections.add(new).await.unwrap().id;
    engine.activate_untried(organization_id, id).await.unwrap();
    id
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}
