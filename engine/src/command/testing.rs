//! A scripted system that writes go to. It can hold a write at any step, as a process does that is killed there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use indexmap::IndexMap;
use lineshaft_connect::{
    Error, ErrorKind, Reach,
    context::CallContext,
    write::{
        Act, Described, Input, Journal, OperationCapability, Reply, Settled, ShownRequest, UserError, UserErrorCode,
        WritableField, WriteCapability, WriteRequest,
    },
};
use lineshaft_entities::write_operation::{self, Model};
use lineshaft_schema::{Catalogue, FieldIndex, Record, RemoteKey, TypeIndex, Value};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Mode, Settings, WriteCommand, WriteError, WriteResult,
    target::{Rehearsal, Target},
};
use crate::{
    Session,
    database::testing::Stores,
    lifecycle::testing::World,
    origin::Origin,
    tokens::{Caller, Scope},
};

/// A step of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The row is claimed; nothing was noted.
    Claimed,
    /// The request was noted; it has not left.
    Noted,
    /// The system carried it out; the answer was not read.
    Applied,
    /// The key was noted; the outcome was not.
    Made,
}

/// How the system answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It carries writes out.
    Well,
    /// It refuses them.
    Refuses(UserErrorCode),
    /// It cannot be reached.
    Gone,
    /// It carries them out, and the answer is lost.
    Lost,
    /// The answer is lost, and nothing was carried out.
    Swallowed,
    /// It carries a part of them out, and says so although the key cannot be noted any more.
    Partly,
}

/// A system whose behaviour is told to it.
pub(super) struct Fake {
    catalogue: Arc<Catalogue>,
    capability: WriteCapability,
    pub(super) answer: Mutex<Answer>,
    /// Where writes are held until they are let go.
    pub(super) holds: Mutex<Option<Step>>,
    /// Rung when a write is held.
    pub(super) held: Notify,
    let_go: Notify,
    /// How long each write takes.
    pub(super) slow: Mutex<Duration>,
    /// The marks of what was carried out, in order, with the operation.
    pub(super) applied: Mutex<Vec<(String, String)>>,
    pub(super) look_ups: AtomicUsize,
    under_way: AtomicUsize,
    pub(super) most_under_way: AtomicUsize,
    /// Whether it can tell what came of a write.
    pub(super) tells: Mutex<bool>,
    pub(super) described: Mutex<Option<Described>>,
    /// The record that is read, if there is one.
    pub(super) present: Mutex<Option<Arc<Record>>>,
}

impl Fake {
    pub(super) fn new() -> Arc<Self> {
        let catalogue = Catalogue::unified().unwrap();
        let vendor = catalogue.type_named("Vendor").unwrap();
        let writable = |name: &str, required| WritableField {
            field: vendor.field(name).unwrap().index,
            parts: Vec::new(),
            required,
            values: Vec::new(),
            max_length: Some(80),
            target: vec![format!("{name}_")],
        };
        let operation = OperationCapability {
            fields: vec![writable("name", true), writable("type", false)],
            ..OperationCapability::default()
        };
        let capability = WriteCapability {
            create: Some(operation.clone()),
            update: Some(operation.clone()),
            soft_delete: Some(OperationCapability::default()),
            actions: IndexMap::from([("block".to_owned(), OperationCapability::default())]),
            instead: IndexMap::from([("unblock".to_owned(), "ask its buyer".to_owned())]),
            described: true,
            ..WriteCapability::default()
        };
        Arc::new(Self {
            catalogue,
            capability,
            answer: Mutex::new(Answer::Well),
            holds: Mutex::new(None),
            held: Notify::new(),
            let_go: Notify::new(),
            slow: Mutex::new(Duration::ZERO),
            applied: Mutex::default(),
            look_ups: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            tells: Mutex::new(true),
            described: Mutex::new(None),
            present: Mutex::new(None),
        })
    }

    pub(super) fn be(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn hold(&self, step: impl Into<Option<Step>>) {
        *self.holds.lock().unwrap() = step.into();
    }

    /// Lets the write go on that is held, and holds no more.
    pub(super) fn let_go(&self) {
        self.hold(None);
        self.let_go.notify_one();
    }

    pub(super) fn applied(&self) -> usize {
        self.applied.lock().unwrap().len()
    }

    async fn reach(&self, step: Step) {
        let holds = *self.holds.lock().unwrap() == Some(step);
        if holds {
            self.held.notify_one();
            self.let_go.notified().await;
        }
    }

    fn key_of(reference: &str) -> RemoteKey {
        RemoteKey::single(format!("V-{reference}"))
    }

    async fn carry_out(&self, request: &WriteRequest, journal: &dyn Journal) -> Reply {
        self.reach(Step::Claimed).await;
        let answer = self.answer.lock().unwrap().clone();
        if let Answer::Refuses(code) = answer {
            return Reply::Refused(vec![wrong(code)]);
        }
        let shown = ShownRequest {
            step: String::new(),
            method: "POST".to_owned(),
            url: "https://erp.example/Vendors".to_owned(),
            headers: vec![("authorization".to_owned(), "…".to_owned())],
            body: Some(serde_json::json!({"ref": request.client_reference.as_str()})),
        };
        if let Err(error) = journal.sending(&shown).await {
            return Reply::Failed(error);
        }
        self.reach(Step::Noted).await;
        let slow = *self.slow.lock().unwrap();
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        let lost = Error::new(ErrorKind::Timeout, "no answer came").with_reach(Reach::Unknown);
        match answer {
            Answer::Gone => return Reply::Failed(Error::new(ErrorKind::Network, "nobody answers")),
            Answer::Swallowed => return Reply::InDoubt { error: lost, key: None },
            _ => {}
        }
        let what = (request.client_reference.to_string(), request.act.name().to_owned());
        self.applied.lock().unwrap().push(what);
        self.reach(Step::Applied).await;
        if matches!(answer, Answer::Lost) {
            return Reply::InDoubt { error: lost, key: None };
        }
        let key = request
            .key
            .clone()
            .unwrap_or_else(|| Self::key_of(&request.client_reference));
        if matches!(answer, Answer::Partly) {
            return Reply::Done {
                key: Some(key),
                warnings: Vec::new(),
                refused: vec![wrong(UserErrorCode::Partly), wrong(UserErrorCode::Quantity)],
            };
        }
        if let Err(error) = journal.made(&key).await {
            return Reply::InDoubt { error, key: Some(key) };
        }
        self.reach(Step::Made).await;
        Reply::Done {
            key: Some(key),
            warnings: vec!["a remark".to_owned()],
            refused: Vec::new(),
        }
    }
}

fn wrong(code: UserErrorCode) -> UserError {
    UserError {
        path: vec!["name".to_owned()],
        code,
        message: "it is wrong".to_owned(),
        remote_code: Some("E1".to_owned()),
        remote_message: None,
    }
}

impl Target for Fake {
    fn capability(&self, kind: TypeIndex) -> Option<&WriteCapability> {
        let def = self.catalogue.type_at(kind)?;
        (def.name == "Vendor").then_some(&self.capability)
    }

    fn write<'a>(
        &'a self,
        _: &'a CallContext,
        request: &'a WriteRequest,
        journal: &'a dyn Journal,
    ) -> BoxFuture<'a, Reply> {
        async move {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_under_way.fetch_max(now, Ordering::SeqCst);
            let reply = self.carry_out(request, journal).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            reply
        }
        .boxed()
    }

    fn rehearse<'a>(
        &'a self,
        _: &'a CallContext,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Rehearsal, Error>> {
        let answer = self.answer.lock().unwrap().clone();
        let shown = ShownRequest {
            step: String::new(),
            method: "POST".to_owned(),
            url: "https://erp.example/Vendors".to_owned(),
            headers: Vec::new(),
            body: Some(request.client_reference.as_str().into()),
        };
        let rehearsal = match answer {
            Answer::Refuses(code) => Ok(Err(vec![wrong(code)])),
            Answer::Gone => Err(Error::new(ErrorKind::Network, "nobody answers")),
            _ => Ok(Ok(vec![shown])),
        };
        std::future::ready(rehearsal).boxed()
    }

    fn settle<'a>(
        &'a self,
        _: &'a CallContext,
        request: &'a WriteRequest,
        _: Option<&'a str>,
        _: DateTime<Utc>,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        self.look_ups.fetch_add(1, Ordering::SeqCst);
        let reference = request.client_reference.as_str();
        let done = self.applied.lock().unwrap().iter().any(|(mark, _)| mark == reference);
        let settled = match (*self.tells.lock().unwrap(), done) {
            (false, _) => Settled::Unknown,
            (true, true) => Settled::Done(Some(request.key.clone().unwrap_or_else(|| Self::key_of(reference)))),
            (true, false) => Settled::NotDone,
        };
        std::future::ready(Ok(settled)).boxed()
    }

    fn describe<'a>(&'a self, _: &'a CallContext, _: TypeIndex) -> BoxFuture<'a, Result<Option<Described>, Error>> {
        std::future::ready(Ok(self.described.lock().unwrap().clone())).boxed()
    }

    fn read<'a>(
        &'a self,
        _: &'a CallContext,
        _: TypeIndex,
        _: &'a RemoteKey,
    ) -> BoxFuture<'a, Result<Option<Arc<Record>>, Error>> {
        std::future::ready(Ok(self.present.lock().unwrap().clone())).boxed()
    }

    fn meaning(&self, kind: TypeIndex, field: FieldIndex, value: &str) -> Option<Value> {
        let def = self.catalogue.type_at(kind)?;
        let lineshaft_schema::FieldType::Enum(index) = def.field_at(field)?.kind else {
            return None;
        };
        let value = match value {
            "A" => "SUPPLIER",
            "B" => "CARRIER",
            _ => return None,
        };
        let words = self.catalogue.enum_at(index)?;
        Some(Value::Enum(index, words.value_index(value)?))
    }
}

/// An engine whose writes go to a scripted system.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) fake: Arc<Fake>,
}

impl Desk {
    pub(super) fn over(stores: &Stores) -> Self {
        Self::with(stores, Fake::new())
    }

    /// Another server over the same database and the same system.
    pub(super) fn with(stores: &Stores, fake: Arc<Fake>) -> Self {
        Self::with_settings(stores, fake, Settings::default())
    }

    pub(super) fn with_settings(stores: &Stores, fake: Arc<Fake>, writes: Settings) -> Self {
        let settings = crate::Settings {
            writes,
            ..crate::Settings::default()
        };
        let world = World::with_settings(stores, settings);
        assert!(world.engine.writer.script.set(fake.clone()).is_ok());
        Self { world, fake }
    }

    pub(super) fn kind(&self) -> TypeIndex {
        self.world.engine.catalogue.type_named("Vendor").unwrap().index
    }

    pub(super) fn field(&self, name: &str) -> FieldIndex {
        let def = self.world.engine.catalogue.type_named("Vendor").unwrap();
        def.field(name).unwrap().index
    }

    /// A new vendor of this name.
    pub(super) fn create(&self, connection: Uuid, name: &str, key: Option<&str>) -> WriteCommand {
        WriteCommand {
            connection_id: connection,
            kind: self.kind(),
            act: Act::Create,
            key: None,
            input: Input {
                values: IndexMap::from([(self.field("name"), Value::text(name))]),
                ..Input::default()
            },
            expected_version: None,
            idempotency_key: key.map(str::to_owned),
            mode: Mode::Sync,
        }
    }

    pub(super) fn update(&self, connection: Uuid, record: &str, name: &str) -> WriteCommand {
        WriteCommand {
            act: Act::Update,
            key: Some(RemoteKey::single(record)),
            ..self.create(connection, name, None)
        }
    }

    pub(super) fn session_of(&self, connection: Uuid) -> Session {
        let caller = Caller {
            organization_id: self.world.acme,
            token_id: Uuid::nil(),
            scope: Scope::Connection(connection),
            scopes: [].into(),
        };
        Session::start(
            caller,
            self.world.engine.models.plain().clone(),
            "test".into(),
            Duration::from_secs(10),
        )
    }

    pub(super) async fn write(&self, command: WriteCommand) -> Result<WriteResult, WriteError> {
        let session = self.world.session();
        self.world.engine.write(&session, command, &session.origin()).await
    }

    /// Asks for a write in a request that has only so much time.
    pub(super) async fn write_within(&self, time: Duration, command: WriteCommand) -> Result<WriteResult, WriteError> {
        let session = Session::start(
            self.world.session().caller,
            self.world.engine.models.plain().clone(),
            "test".into(),
            time,
        );
        self.world.engine.write(&session, command, &session.origin()).await
    }

    pub(super) async fn write_by(&self, connection: Uuid, command: WriteCommand) -> Result<WriteResult, WriteError> {
        let session = self.session_of(connection);
        self.world.engine.write(&session, command, &session.origin()).await
    }

    /// Begins a write that is held somewhere, and waits until it is.
    pub(super) async fn begin(&self, command: WriteCommand) -> tokio::task::JoinHandle<()> {
        let (engine, session) = (self.world.engine.clone(), self.world.session());
        let begun = tokio::spawn(async move {
            drop(engine.write(&session, command, &Origin::server()).await);
        });
        self.fake.held.notified().await;
        begun
    }

    /// The rows, the oldest first.
    pub(super) async fn rows(&self) -> Vec<Model> {
        write_operation::Entity::for_organization(self.world.acme)
            .order_by_asc(write_operation::Column::Id)
            .all(&self.world.engine.database)
            .await
            .unwrap()
    }

    pub(super) async fn row(&self, id: Uuid) -> Model {
        write_operation::Entity::for_organization(self.world.acme)
            .filter(write_operation::Column::Id.eq(id))
            .one(&self.world.engine.database)
            .await
            .unwrap()
            .unwrap()
    }

    /// The kinds and data of the events of writes.
    pub(super) async fn events(&self, connection: Uuid) -> Vec<(String, serde_json::Value)> {
        let events = self.world.events(connection).await;
        let writes = events.into_iter().filter(|event| event.kind.starts_with("write."));
        writes.map(|event| (event.kind, event.data)).collect()
    }
}

/// Returns the code of a refused write.
pub(super) fn code(result: Result<WriteResult, WriteError>) -> &'static str {
    result.unwrap_err().code()
}
