//! The demo's organization with its customers and a connection to each simulated system. Another run in the same folder
//! finds them again, and starts the systems on the ports that the connections know.

use anyhow::Context as _;
use lineshaft_connect::manifest;
use lineshaft_engine::{
    Engine,
    connections::{Connection, Deployment, Filter, NewConnectionRequest, Status},
    credentials::SecretFields,
    customers::NewCustomer,
    organizations::{self, NewOrganization},
    origin::Origin,
};
use lineshaft_sandbox::{Options, Sandbox, Size, System, World};
use serde_json::{Map, Value};
use uuid::Uuid;

const SLUG: &str = "demo";

/// The customers and the systems that they run.
const CUSTOMERS: [(&str, &str, [System; 2]); 3] = [
    ("north-mill", "North Mill", [System::Tryton, System::Odoo]),
    (
        "harbor-foods",
        "Harbor Foods",
        [System::SapS4hana, System::Dynamics365Fo],
    ),
    ("alpine-works", "Alpine Works", [System::Maximo, System::Limble]),
];

/// Returns the demo's organization, made if it is not there.
pub(super) async fn organization(engine: &Engine) -> anyhow::Result<Uuid> {
    if let Some(found) = organizations::find_by_slug(&engine.database, SLUG).await? {
        return Ok(found.id);
    }
    let new = NewOrganization {
        slug: SLUG.to_owned(),
        name: "Demo".to_owned(),
        credits: 100,
    };
    Ok(organizations::create(&engine.database, new).await?.id)
}

/// Starts every system and returns each with its connection, or why it has none.
pub(super) async fn start(
    engine: &Engine,
    organization: Uuid,
    size: Size,
) -> anyhow::Result<Vec<(Sandbox, Result<Connection, String>)>> {
    let known = engine
        .connections
        .list(organization, &Filter::default(), None, 100)
        .await?
        .connections;
    let options = Options {
        size,
        ..Options::default()
    };
    let world = World::generate(options.seed, options.size);
    let mut started = Vec::with_capacity(System::CODED.len());
    for (external_id, name, systems) in CUSTOMERS {
        for system in systems {
            let present = known
                .iter()
                .find(|one| one.connector == system.id() && one.status != Status::Disconnected);
            let port = present.and_then(port_of).unwrap_or(0);
            let sandbox = Sandbox::start_with(system, Options { port, ..options }, world.clone()).await;
            let sandbox = sandbox.with_context(|| match port {
                0 => format!("{} cannot be started", system.title()),
                port => format!(
                    "{} cannot be started on port {port}, which its connection knows",
                    system.title()
                ),
            })?;
            let connection = match present {
                Some(present) => Ok(present.clone()),
                None => {
                    let customer = NewCustomer {
                        external_id: external_id.to_owned(),
                        name: name.to_owned(),
                    };
                    add(engine, organization, customer, &sandbox)
                        .await
                        .map_err(|error| format!("{error:#}"))
                }
            };
            started.push((sandbox, connection));
        }
    }
    Ok(started)
}

async fn add(
    engine: &Engine,
    organization_id: Uuid,
    customer: NewCustomer,
    sandbox: &Sandbox,
) -> anyhow::Result<Connection> {
    let system = sandbox.system();
    let kind = engine
        .registry
        .get(system.id())
        .with_context(|| missing_connector(engine, system))?;
    let (settings, credentials) = sandbox.demo_connection();
    let on_premises = kind.manifest.deployments.contains(&manifest::Deployment::OnPremises);
    let request = NewConnectionRequest {
        organization_id,
        name: Some(format!("{} {}", customer.name, system.title())),
        customer: Some(customer),
        connector: system.id().to_owned(),
        deployment: on_premises.then_some(Deployment::OnPremises),
        settings: object(settings),
        credentials: SecretFields::new(object(credentials)),
        credentials_expire_at: None,
        verify: false,
    };
    let created = engine.create_connection(request, &Origin::operator(), |_| {}).await?;
    Ok(created.connection)
}

fn missing_connector(engine: &Engine, system: System) -> String {
    let rejected = engine
        .registry
        .rejected()
        .iter()
        .find(|rejected| rejected.folder == system.id());
    match rejected.and_then(|rejected| rejected.problems.first()) {
        Some(problem) => format!("its connector has errors: {problem}"),
        None => "there is no connector for it".to_owned(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Returns the port in the address of a connection to a simulated system.
fn port_of(connection: &Connection) -> Option<u16> {
    let address = connection.settings.get("base_url")?.as_str()?;
    address.parse::<http::Uri>().ok()?.port_u16()
}
