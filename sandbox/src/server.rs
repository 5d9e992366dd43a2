//! Starts a simulated system on a loopback port, logs its calls, applies faults and stops it at
//! once.

mod control;
mod credentials;
mod front;
mod guards;
pub(crate) mod serve;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLockReadGuard};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::account::{Account, Generation};
use crate::described::description::Description;
use crate::described::load::Faulty;
use crate::described::rows::{Plain, Rows};
use crate::described::{self, catalogue};
use crate::fault::{Fault, Intent, Kind};
use crate::state::SystemState;
use crate::systems::{dynamics, limble, maximo, odoo, sap, tryton};
use crate::world::{Seed, Size, World};

/// A kind of system that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Tryton 8.0, JSON-RPC.
    Tryton,
    /// Odoo 19.0, JSON-RPC and JSON-2.
    Odoo,
    /// SAP S/4HANA, OData.
    SapS4hana,
    /// Microsoft Dynamics 365 Finance and Operations, OData.
    Dynamics365Fo,
    /// IBM Maximo Manage, OSLC JSON.
    Maximo,
    /// Limble CMMS, REST.
    Limble,
    /// A system that a `sandbox.yaml` describes.
    Described(&'static Description),
}

impl System {
    /// The systems that are simulated by code of their own.
    pub const CODED: [Self; 6] = [
        Self::Tryton,
        Self::Odoo,
        Self::SapS4hana,
        Self::Dynamics365Fo,
        Self::Maximo,
        Self::Limble,
    ];

    /// Returns every system: those with code of their own, then the described ones that come with the product.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let described = catalogue::all().iter().map(|description| Self::Described(description));
        Self::CODED.into_iter().chain(described).collect()
    }

    /// Returns what is wrong with the descriptions that come with the product; `all` leaves those out.
    #[must_use]
    pub fn faulty() -> &'static [Faulty] {
        catalogue::faulty()
    }

    /// Loads a described system from the folder of a connector, whose name is the id. It stays for as long as the process
    /// lives; loading it again takes its place.
    ///
    /// # Errors
    /// Returns all that is wrong with its `sandbox.yaml`, each with file, line and column.
    pub fn load(folder: &Path) -> Result<Self, Faulty> {
        Ok(Self::Described(catalogue::keep(Description::load(folder)?)))
    }

    /// Returns how many records of a unified type the system shows of a world, when its description tells it.
    ///
    /// # Errors
    /// Returns what of the description cannot be computed.
    pub fn expected(self, entity: &str, world: &World) -> Result<Option<usize>, String> {
        let Self::Described(description) = self else {
            return Ok(None);
        };
        let plain = Arc::new(Plain::of(description, world));
        let rows = Arc::new(Rows::new(description, plain, Arc::default(), ""));
        rows.expected(entity)
            .map_err(|failure| format!("{}:{failure}", description.file))
    }

    /// Returns the unified types that a described system shows.
    pub fn entities(self) -> impl Iterator<Item = &'static str> {
        crate::permission::entities(self)
    }

    /// Computes every table of a described system.
    ///
    /// # Errors
    /// Returns what cannot be computed.
    pub fn compute(self, world: &World) -> Result<(), String> {
        let Self::Described(description) = self else {
            return Ok(());
        };
        let plain = Arc::new(Plain::of(description, world));
        let rows = Arc::new(Rows::new(description, plain, Arc::default(), "http://127.0.0.1"));
        for at in 0..description.tables.len() {
            rows.content(at)
                .map_err(|failure| format!("{}:{failure}", description.file))?;
        }
        Ok(())
    }

    /// Returns the id of the connector for this system.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Tryton => "tryton",
            Self::Odoo => "odoo",
            Self::SapS4hana => "sap-s4hana",
            Self::Dynamics365Fo => "dynamics-365-fo",
            Self::Maximo => "maximo",
            Self::Limble => "limble",
            Self::Described(description) => description.id,
        }
    }

    /// Returns the name people know the system by.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Tryton => "Tryton",
            Self::Odoo => "Odoo",
            Self::SapS4hana => "SAP S/4HANA",
            Self::Dynamics365Fo => "Dynamics 365 Finance and Operations",
            Self::Maximo => "IBM Maximo",
            Self::Limble => "Limble",
            Self::Described(description) => description.title,
        }
    }

    /// Returns the system with this connector id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        let coded = Self::CODED.into_iter().find(|system| system.id() == id);
        coded.or_else(|| catalogue::find(id).map(Self::Described))
    }

    /// Returns the settings and the credentials of a connection to the system at a base URL, as they are before any
    /// credentials expire.
    #[must_use]
    pub fn demo_connection(self, base_url: &str) -> (Value, Value) {
        self.connection(base_url, Account::First, Generation::default())
    }

    /// Returns the settings and the credentials of an account.
    pub(crate) fn connection(self, base_url: &str, account: Account, generation: Generation) -> (Value, Value) {
        match self {
            Self::Tryton => tryton::connection(base_url, account, generation),
            Self::Odoo => odoo::connection(base_url, account, generation),
            Self::SapS4hana => sap::connection(base_url, account, generation),
            Self::Dynamics365Fo => dynamics::connection(base_url, account, generation),
            Self::Maximo => maximo::connection(base_url, account, generation),
            Self::Limble => limble::connection(base_url, account, generation),
            Self::Described(description) => described::server::connection(description, base_url, account, generation),
        }
    }

    /// Returns the account behind the user name that a token was issued for.
    pub(crate) fn account_of(self, token_user: &str) -> Option<Account> {
        match self {
            Self::Tryton => tryton::account_of(token_user),
            Self::Odoo => odoo::account_of(token_user),
            Self::SapS4hana => sap::account_of(token_user),
            Self::Dynamics365Fo => dynamics::account_of(token_user),
            Self::Maximo => maximo::account_of(token_user),
            // Its keys are sent with every request; there are no tokens.
            Self::Limble => None,
            Self::Described(_) => Account::from_name(token_user),
        }
    }

    fn router(self, state: Arc<SystemState>) -> axum::Router {
        match self {
            Self::Tryton => tryton::router(state),
            Self::Odoo => odoo::router(state),
            Self::SapS4hana => sap::router(state),
            Self::Dynamics365Fo => dynamics::router(state),
            Self::Maximo => maximo::router(state),
            Self::Limble => limble::router(state),
            Self::Described(description) => described::server::router(description, state),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What world to show and where to listen.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Decides the world's values.
    pub seed: Seed,
    /// Decides how many records there are.
    pub size: Size,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The address; the loopback one unless told.
    pub address: IpAddr,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: Seed::default(),
            size: Size::default(),
            port: 0,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// One request a system received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The status sent; 0 when the connection was closed without an answer.
    pub status: u16,
    /// When it came.
    pub at: DateTime<Utc>,
    /// It asked for a session or a token.
    pub login: bool,
    /// What was called, when the path does not tell (RPC): `purchase.order.search_read`.
    pub operation: Option<String>,
    /// It asked for a change: creating, changing, deleting, an action.
    #[serde(default)]
    pub write: bool,
    /// The system saw it; false when a fault stood in its place.
    #[serde(default)]
    pub reached: bool,
    /// How many requests came in it, if it is an envelope.
    #[serde(default)]
    pub parts: usize,
}

/// What the front and the owner of a sandbox share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Arc<SystemState>,
    fault: Mutex<Option<Fault>>,
    calls: Mutex<Vec<Call>>,
}

impl Shared {
    /// Returns the fault that strikes a request, and counts it.
    fn take_fault(&self, path_and_query: &str, method: &str, intent: &Intent) -> Option<Kind> {
        let mut slot = lock(&self.fault);
        let fault = slot
            .as_mut()
            .filter(|fault| fault.strikes(path_and_query, method, intent))?;
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Some(fault.kind.clone())
    }

    fn set_fault(&self, fault: Option<Fault>) {
        *lock(&self.fault) = fault;
    }

    fn log(&self, call: Call) {
        lock(&self.calls).push(call);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running system. Dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a system with a world of its own.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start(system: System, options: Options) -> io::Result<Self> {
        Self::start_with(system, options, World::generate(options.seed, options.size)).await
    }

    /// Starts a system with a given world.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start_with(system: System, options: Options, world: World) -> io::Result<Self> {
        let listener = TcpListener::bind((options.address, options.port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(SystemState::new(system, format!("http://{address}"), world));
        let shared = Arc::new(Shared {
            state: Arc::clone(&state),
            fault: Mutex::default(),
            calls: Mutex::default(),
        });
        let router = system.router(state);
        let front = front::Front::new(router, Arc::clone(&shared));
        let task = tokio::spawn(serve::until_aborted(listener, front));
        Ok(Self { shared, address, task })
    }

    /// Returns the kind of system.
    #[must_use]
    pub fn system(&self) -> System {
        self.shared.state.system
    }

    /// Returns `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.state.base_url.clone()
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Locks the world for reading; the guard must not live over an await.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.shared.state.world()
    }

    /// Changes the world.
    pub fn edit<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.shared.state.world_mut())
    }

    /// Lets a described system answer however often it is asked, for trials that would wait for its limits.
    pub fn lift_limits(&self) {
        self.shared
            .state
            .without_limits
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Sets or clears the fault.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.shared.set_fault(fault);
    }

    /// Returns the calls received so far, those to `/_sandbox` left out.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Returns the calls that asked for a change and reached the system.
    #[must_use]
    pub fn writes(&self) -> Vec<Call> {
        let calls = lock(&self.shared.calls);
        calls
            .iter()
            .filter(|call| call.write && call.reached)
            .cloned()
            .collect()
    }

    /// Forgets the calls received so far.
    pub fn clear_calls(&self) {
        lock(&self.shared.calls).clear();
    }

    /// Closes the listener and all connections at once.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
