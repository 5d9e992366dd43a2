//! This server: engine, API and transport as `serve` puts them together, on a database in memory.

use std::sync::Arc;

use http::request::Parts as Head;
use lineshaft_api::transport::{AuthError, Endpoint, Prepare, Prepared, Settings as Transport};
use lineshaft_connect::transport::{ClientSettings, Guard, HttpClient};
use lineshaft_engine::{
    Engine, Parts, Session, Settings,
    connections::{Deployment, NewConnection},
    credentials::SecretFields,
    customers::NewCustomer,
    database, organizations,
    registry::Registry,
    secrets::KeyRing,
    tokens::{Caller, NewToken},
};
use lineshaft_migrations::{Migrator, MigratorTrait as _};
use serde_json::json;

struct Everyone {
    caller: Caller,
    engine: Arc<Engine>,
}

impl Prepare for Everyone {
    async fn prepare(&self, _: &Head) -> Result<Prepared, AuthError> {
        // As in the program, each request asks whether mappings were changed.
        let model = self.engine.models.current(&self.caller).await.unwrap();
        let caller = self.caller.clone();
        let time = std::time::Duration::from_secs(30);
        let session = move || Session::start(caller.clone(), model.clone(), "bench".into(), time);
        Ok(Prepared::new().with_data_from(session))
    }
}

pub async fn serve() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite://{}", folder.path().join("bench.db").display());
    let database = database::connect(&address, &database::Settings::default())
        .await
        .unwrap();
    Migrator::up(&database, None).await.unwrap();
    let mut registry = Registry::new(lineshaft_schema::Catalogue::unified().unwrap());
    let connectors = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/federation/connectors");
    registry.add_directory(std::path::Path::new(connectors)).unwrap();
    assert!(registry.rejected().is_empty(), "{:?}", registry.rejected());
    let guard = Guard::new(&["127.0.0.0/8".parse().unwrap()]);
    let wire = HttpClient::new(&ClientSettings {
        guard,
        ..ClientSettings::default()
    })
    .unwrap();
    let mut settings = Settings::default();
    settings.connector.limits.in_flight = 512;
    let keys = Arc::new(KeyRing::generate().unwrap());
    let engine = Arc::new(Engine::new(Parts {
        database,
        keys,
        registry,
        wire: Arc::new(wire),
        settings,
    }));
    let caller = fill(&engine).await;
    let schema = lineshaft_api::schema(engine.clone(), lineshaft_api::Suggestions::Off);
    let endpoint = Endpoint::new(schema, Everyone { caller, engine }, Transport::default());
    crate::announce(endpoint.router("/graphql")).await;
    drop(folder);
}

/// Adds 1, 5 and 20 connections, each set as a customer of its own.
async fn fill(engine: &Engine) -> Caller {
    let new = organizations::NewOrganization {
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        credits: 100,
    };
    let organization = organizations::create(&engine.database, new).await.unwrap();
    for count in [1, 5, 20] {
        for at in 0..count {
            let settings = json!({ "base_url": format!("http://{}/c{at}", crate::upstream_address()) });
            let new = NewConnection {
                organization_id: organization.id,
                customer: Some(NewCustomer {
                    external_id: count.to_string(),
                    name: format!("{count} connections"),
                }),
                connector: "bench".to_owned(),
                name: format!("Upstream {at} of {count}"),
                deployment: Deployment::OnPremises,
                settings: settings.as_object().unwrap().clone(),
                credentials: SecretFields::new(json!({ "key": "k" }).as_object().unwrap().clone()),
            };
            engine.connections.add(new).await.unwrap();
        }
    }
    let new = NewToken {
        organization_id: organization.id,
        connection_id: None,
        name: "bench".to_owned(),
        scopes: vec!["read".to_owned()],
        expires_at: None,
    };
    let issued = engine.tokens.create(new).await.unwrap();
    let text = secrecy::ExposeSecret::expose_secret(&issued.text).to_owned();
    engine.tokens.verify(&text).await.unwrap().unwrap()
}
