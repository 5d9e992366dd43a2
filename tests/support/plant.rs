//! The plant: simulated systems, the server over them on a free port, and a token to ask it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::request::Parts as Head;
use lineshaft_api::transport::{AuthError, Endpoint, Prepare, Prepared, RequestId, Settings as Transport};
use lineshaft_connect::transport::{
    Guard,
    client::{ClientSettings, HttpClient},
};
use lineshaft_engine::{
    Engine, Parts, Session, Settings,
    connections::{Deployment, NewConnection, Status, StatusChange},
    credentials::SecretFields,
    customers::NewCustomer,
    database,
    organizations::{self, NewOrganization},
    registry::Registry,
    secrets::KeyRing,
    tokens::NewToken,
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use lineshaft_sandbox::{Call, Options, Sandbox, Size, System};
use lineshaft_schema::Catalogue;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use super::Answer;

/// What a plant is made of.
pub struct Setup {
    pub systems: Vec<System>,
    pub size: Size,
    pub engine: Settings,
    pub transport: Transport,
}

impl Default for Setup {
    fn default() -> Self {
        let mut transport = Transport::default();
        // Trials of one test ask side by side.
        transport.operations_per_caller = 256;
        Self { systems: System::ALL.to_vec(), size: Size::Small, engine: Settings::default(), transport }
    }
}

impl Setup {
    /// Only these systems.
    pub fn only(systems: impl IntoIterator<Item = System>) -> Self {
        Self { systems: systems.into_iter().collect(), ..Self::default() }
    }

    /// Gives every query so much time.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.engine.query.timeout = time;
        self
    }

    pub async fn start(self) -> Plant {
        Plant::of(self).await
    }
}

struct Member {
    system: System,
    sandbox: Sandbox,
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
    _folder: TempDir,
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns the folder of the connectors.
pub fn connector_folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors"))
}

fn registry(systems: &[System]) -> Registry {
    let mut registry = Registry::new(Catalogue::unified().unwrap());
    if systems.len() == System::ALL.len() {
        registry.add_directory(&connector_folder()).unwrap();
    } else {
        // Of a part of the systems, only their connectors are read: it is quicker.
        let files: Vec<_> = systems.iter().flat_map(|system| files_below(&connector_folder().join(system.id()))).collect();
        registry.add_files(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    }
    assert!(registry.rejected().is_empty(), "{:#?}", registry.rejected());
    registry
}

fn files_below(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(connector_folder()).unwrap();
            files.push((path.to_str().unwrap().to_owned(), text));
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
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite://{}", folder.path().join("state.db").display());
        let database = database::connect(&address, &database::Settings::default()).await.unwrap();
        Migrator::up(&database, None).await.unwrap();
        let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);
        let wire = HttpClient::new(&ClientSettings { guard, ..ClientSettings::default() }).unwrap();
        let time = setup.engine.query.timeout;
        let engine = Arc::new(Engine::new(Parts {
            database,
            keys: Arc::new(KeyRing::generate().unwrap()),
            registry: registry(&setup.systems),
            wire: Arc::new(wire),
            settings: setup.engine,
        }));
        let endpoint = Endpoint::new(
            lineshaft_api::schema(engine.clone()),
            Gate { engine: engine.clone(), time },
            setup.transport,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/graphql", listener.local_addr().unwrap());
        let router = endpoint.router("/graphql");
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let organization = new_organization(&engine, "plant").await;
        let mut members = Vec::new();
        for system in setup.systems {
            let options = Options { size: setup.size, ..Options::default() };
            let sandbox = Sandbox::start(system, options).await.unwrap();
            let connection = connect(&engine, organization, &sandbox, system.title(), None).await;
            members.push(Member { system, sandbox, connection });
        }
        let token = new_token(&engine, organization, None).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { engine, organization, token, url, members, client, server, _folder: folder }
    }

    /// Asks as the organization.
    pub async fn query(&self, text: &str, variables: Value) -> Answer {
        self.query_as(&self.token, text, variables).await
    }

    /// Asks with a token.
    pub async fn query_as(&self, token: &str, text: &str, variables: Value) -> Answer {
        self.send(Some(token), json!({ "query": text, "variables": variables }).to_string()).await
    }

    /// Posts a body as it is.
    pub async fn send(&self, token: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Answer::read(request.send().await.unwrap()).await
    }

    pub fn systems(&self) -> impl Iterator<Item = System> {
        self.members.iter().map(|member| member.system)
    }

    pub fn sandbox(&self, system: System) -> &Sandbox {
        &self.member(system).sandbox
    }

    /// Returns the id of the connection to a system.
    pub fn connection(&self, system: System) -> String {
        self.member(system).connection.to_string()
    }

    /// Returns the calls that a system received, logins apart.
    pub fn calls(&self, system: System) -> Vec<Call> {
        self.sandbox(system).calls().into_iter().filter(|call| !call.login).collect()
    }

    /// Returns how often a system was asked to sign somebody in.
    pub fn logins(&self, system: System) -> usize {
        self.sandbox(system).calls().iter().filter(|call| call.login).count()
    }

    /// Forgets the calls that all systems received.
    pub fn clear_calls(&self) {
        self.members.iter().for_each(|member| member.sandbox.clear_calls());
    }

    /// Adds another connection to a system, of a customer.
    pub async fn connect(&self, system: System, name: &str, customer: Option<&str>) -> String {
        connect(&self.engine, self.organization, self.sandbox(system), name, customer).await.to_string()
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
        self.members.iter().find(|member| member.system == system).expect("the system is part of the plant")
    }
}

async fn new_organization(engine: &Engine, slug: &str) -> Uuid {
    let new = NewOrganization { slug: slug.to_owned(), name: slug.to_uppercase() };
    organizations::create(&engine.database, new).await.unwrap().id
}

async fn new_token(engine: &Engine, organization_id: Uuid, connection_id: Option<Uuid>) -> String {
    let new = NewToken {
        organization_id,
        connection_id,
        name: "suite".to_owned(),
        scopes: vec!["read".to_owned()],
        expires_at: None,
    };
    let issued = engine.tokens.create(new).await.unwrap();
    secrecy::ExposeSecret::expose_secret(&issued.text).to_owned()
}

async fn connect(engine: &Engine, organization_id: Uuid, sandbox: &Sandbox, name: &str, customer: Option<&str>) -> Uuid {
    let (settings, credentials) = sandbox.demo_connection();
    let new = NewConnection {
        organization_id,
        customer: customer.map(|id| NewCustomer { external_id: id.to_owned(), name: id.to_owned() }),
        connector: sandbox.system().id().to_owned(),
        name: name.to_owned(),
        deployment: Deployment::OnPremises,
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
    };
    let id = engine.connections.add(new).await.unwrap().id;
    let change = StatusChange { from: &[Status::Pending], to: Status::Active, reason: None };
    assert!(engine.connections.set_status(organization_id, id, change).await.unwrap());
    id
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

/// Lets callers in by their bearer tokens.
struct Gate {
    engine: Arc<Engine>,
    time: Duration,
}

impl Prepare for Gate {
    async fn prepare(&self, head: &Head) -> Result<Prepared, AuthError> {
        let refused = || AuthError::Unauthenticated("the bearer token is missing or not valid".to_owned());
        let header = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
        let token = header.strip_prefix("Bearer ").ok_or_else(refused)?;
        let verified = self.engine.tokens.verify(token).await.map_err(|error| AuthError::Internal(error.to_string()))?;
        let caller = verified.ok_or_else(refused)?;
        let id = RequestId::from_headers(&head.headers);
        let counted_for = caller.token_id.to_string();
        let time = self.time;
        let session = move || Session::start(caller.clone(), id.as_str().into(), time);
        Ok(Prepared::new().counted_for(counted_for).with_data_from(session))
    }
}
