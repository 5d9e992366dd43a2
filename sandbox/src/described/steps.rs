//! Carries out the steps of a request: all of them, or none.

use std::sync::Arc;

use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::condition::Case;
use super::condition::order_of;
use super::endpoint::{Action, Change, Endpoint, Find, Step};
use super::envelope;
use super::form::{Failure, Form, Scope, members_json, row_value, to_value};
use super::list::Stop;
use super::problem::{Kind, Problem};
use super::protocol::batch::{Part, PartAnswer};
use super::protocol::statement;
use super::request::Request;
use super::rows::{Overlay, Row, Rows, key_from, key_of, shown_row};
use super::server::Server;
use super::table::{Demand, Denied, Table, Unknown};
use super::token::{Signed, authorize};
use crate::account::Account;

/// A request on its way through its steps.
pub(crate) struct Run<'a> {
    pub(crate) server: &'a Server,
    pub(crate) request: &'a Request,
    pub(crate) account: Account,
    pub(crate) scopes: &'a [(Account, Scope)],
    /// The rows as the steps so far left them.
    pub(crate) rows: Arc<Rows>,
    /// What is known beside the world and the tables: the request, the account, results of steps.
    pub(crate) names: Vec<(String, Value)>,
    pub(crate) is_single: bool,
    /// The answer is complete, whatever else is described.
    pub(crate) ready: Option<Ready>,
    /// How many requests came in the envelope.
    pub(crate) parts: usize,
}

/// An answer that no description tells.
pub(crate) enum Ready {
    Page(String),
    Redirect(String),
    /// A token, which `answer` may tell otherwise.
    Token(Json),
    /// Why there is no token.
    NoToken(Json),
}

fn refused(name: &str, problem: Problem) -> Stop {
    Stop::Problem(name.to_owned(), problem)
}

impl Run<'_> {
    /// Returns the scope with everything that is known by now.
    pub(crate) fn scope(&self) -> Scope {
        self.rows.scope().with_all(self.names.clone())
    }

    fn name(&mut self, name: &str, value: Value) {
        self.names.retain(|(known, _)| known != name);
        self.names.push((name.to_owned(), value));
    }

    /// Carries out all steps of an endpoint.
    pub(crate) fn all(&mut self, endpoint: &Endpoint) -> Result<(), Stop> {
        self.steps(&endpoint.steps)
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for step in steps {
            if let Some(when) = &step.when
                && !when.is_true(&self.scope())?
            {
                continue;
            }
            self.step(step)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Stop> {
        let named = step.name.as_deref();
        match &step.action {
            Action::List(list) => {
                let is_hidden = match list.table {
                    Some(at) => self.check_right(at)?,
                    None => false,
                };
                let scope = self.scope();
                let cursors = &self.server.cursors;
                let (rows, page) = list.answer(&self.rows, self.request, &scope, cursors, is_hidden)?;
                self.name(named.unwrap_or("rows"), to_value(&Json::Array(rows)));
                self.name("page", to_value(&page));
            }
            Action::Get(change) => {
                let found = self.find(change)?;
                let value = match (found, change.optional) {
                    (Some(row), _) => self.presented(change, &row)?,
                    (None, true) => Value::from(()),
                    (None, false) => return Err(self.missing(change)),
                };
                self.name(named.unwrap_or("row"), value);
            }
            Action::Create(change) => {
                let row = self.create(change)?;
                let value = self.presented(change, &row)?;
                self.name(named.unwrap_or("row"), value);
            }
            Action::Update(change) => {
                let Some(row) = self.update(change)? else {
                    return Err(self.missing(change));
                };
                let value = self.presented(change, &row)?;
                self.name(named.unwrap_or("row"), value);
            }
            Action::Delete(change) => {
                let Some(row) = self.delete(change)? else {
                    return Err(self.missing(change));
                };
                let value = self.presented(change, &row)?;
                self.name(named.unwrap_or("row"), value);
            }
            Action::Set(members) => {
                for (name, form) in members {
                    let value = form.value_or_null(&self.scope())?;
                    self.name(name, to_value(&value));
                }
            }
            Action::Require(demand) => check(demand, &self.scope())?,
            Action::Each(code, steps) => {
                let Json::Array(elements) = code.json(&self.scope())? else {
                    return Ok(());
                };
                for element in elements {
                    self.name(named.unwrap_or("r"), to_value(&element));
                    self.steps(steps)?;
                }
            }
            Action::Login(login) => self.login(login)?,
            Action::Statement(text) => {
                let text = text.text(&self.scope())?.unwrap_or_default();
                let may_read = |at: usize| matches!(self.check_right(at), Ok(false));
                let found = statement::answer(&text, &self.rows, &may_read).map_err(|stop| match stop {
                    statement::Stop::Failure(failure) => Stop::Failure(failure),
                    statement::Stop::Problem(problem) => Stop::from(problem),
                })?;
                self.name(named.unwrap_or("rows"), to_value(&Json::Array(found)));
            }
            Action::Envelope(envelope) => {
                let scope = self.scope();
                let parts = envelope.parts(&scope)?;
                let fails = |part: &Part, answer: &PartAnswer| envelope.has_failed(&scope, part, answer);
                let answered = self.server.parts(self.request, parts, self.account, "", &fails)?;
                let shown = answered
                    .iter()
                    .map(|(part, answer)| envelope::shown(part, answer))
                    .collect();
                self.parts = answered.len();
                self.name(named.unwrap_or("parts"), to_value(&Json::Array(shown)));
            }
            Action::Logout => self.server.end_session(self.request, &self.scope())?,
            Action::Token(token) => {
                let answered = token.answer(&self.server.state, self.request, self.scopes)?;
                self.ready = Some(match answered {
                    Ok(document) => {
                        self.name("token", to_value(&document));
                        Ready::Token(document)
                    }
                    Err(error) => Ready::NoToken(error),
                });
            }
            Action::Authorize => {
                let token = self.server.token();
                let signed = authorize(token, &self.server.state, self.request, self.scopes)?;
                self.ready = Some(match signed {
                    Signed::Page(text) => Ready::Page(text),
                    Signed::Redirect(target) => Ready::Redirect(target),
                });
            }
        }
        Ok(())
    }

    fn login(&mut self, login: &super::token::Login) -> Result<(), Stop> {
        let mut who = None;
        for (account, scope) in self.scopes {
            if let Some(when) = &login.when
                && when.is_true(scope)?
            {
                who = Some(*account);
                break;
            }
        }
        let state = &self.server.state;
        let token = who.and_then(|account| self.server.sessions.begin(state, account, login));
        state.counters.login(token.is_some());
        let wrong = || refused("login", Problem::new(Kind::Condition, "the login is wrong"));
        let (account, token) = who.zip(token).ok_or_else(wrong)?;
        self.account = account;
        let own = self.scopes.iter().find(|(known, _)| *known == account);
        if let Some(value) = own.and_then(|(_, scope)| scope.get("account")) {
            self.name("account", value);
        }
        self.name("session", to_value(&serde_json::json!({"token": token})));
        Ok(())
    }

    fn table(&self, at: usize) -> Result<(&'static str, &'static Table), Stop> {
        let found = self.rows.description.tables.get_index(at);
        let missing = || refused("invalid", Problem::malformed("no such table"));
        found.map(|(name, table)| (name.as_str(), table)).ok_or_else(missing)
    }

    /// Says whether the rows of a table are hidden from the caller, or refuses to show them.
    pub(crate) fn check_right(&self, at: usize) -> Result<bool, Stop> {
        let (name, table) = self.table(at)?;
        let description = self.rows.description;
        let is_withheld = self.account == Account::Limited && description.withheld.iter().any(|table| table == name);
        if !is_withheld && !self.server.state.denies(name) {
            return Ok(false);
        }
        let problem = || Problem::new(Kind::NotAllowed, format!("no right to {name}")).of(name);
        match table.denied {
            Denied::Forbidden => Err(refused("forbidden", problem())),
            Denied::NotFound => Err(refused("not_found", problem())),
            Denied::Empty => Ok(true),
        }
    }

    fn missing(&self, change: &Change) -> Stop {
        let name = self.table(change.table).map_or("", |(name, _)| name);
        refused(
            "not_found",
            Problem::new(Kind::Missing, format!("no such record in {name}")).of(name),
        )
    }

    /// Returns the row as expressions and answers see it.
    fn presented(&self, change: &Change, row: &Arc<Row>) -> Result<Value, Stop> {
        let (_, table) = self.table(change.table)?;
        if let Some(shape) = &change.shape {
            let shown = shape.value_or_null(&self.scope().with("r", row.value()))?;
            return Ok(to_value(&shown));
        }
        Ok(match self.is_single {
            true => row_value(&shown_row(table, &row.map)),
            false => row.value(),
        })
    }

    fn find(&self, change: &Change) -> Result<Option<Arc<Row>>, Stop> {
        if self.check_right(change.table)? {
            return Ok(None);
        }
        let content = self.rows.content(change.table)?;
        let scope = self.scope();
        match &change.find {
            Find::None => Ok(None),
            Find::Key(forms) => {
                let mut parts = Vec::with_capacity(forms.len());
                for form in forms {
                    parts.push(form.value_or_null(&scope)?);
                }
                if let [Json::Array(elements)] = parts.as_slice() {
                    parts = elements.clone();
                }
                Ok(content.find(&key_from(&parts)).cloned())
            }
            Find::By(members) => {
                let wanted = members_json(members, &scope)?;
                let fits = |row: &&Arc<Row>| {
                    wanted.iter().all(|(name, value)| {
                        let own = row.map.get(name).unwrap_or(&Json::Null);
                        own == value
                            || (!own.is_null()
                                && !value.is_null()
                                && order_of(own, value, Case::Sensitive) == Some(std::cmp::Ordering::Equal))
                    })
                };
                Ok(content.rows.iter().find(fits).cloned())
            }
        }
    }

    fn values(&self, change: &Change) -> Result<Map<String, Json>, Stop> {
        match change.values.value_or_null(&self.scope())? {
            Json::Object(map) => Ok(map),
            Json::Null => Ok(Map::new()),
            _ => Err(refused("invalid", Problem::malformed("an object is expected"))),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Overlay)) {
        let mut overlay = (*self.rows.overlay).clone();
        change(&mut overlay);
        self.rows = self.server.rows_with(&self.rows, overlay);
    }

    pub(crate) fn create(&mut self, change: &Change) -> Result<Arc<Row>, Stop> {
        self.check_right(change.table)?;
        let (_, table) = self.table(change.table)?;
        let sent = self.values(change)?;
        let mut values = match change.unchecked {
            true => sent.clone(),
            false => self.accepted(change.table, table, sent.clone(), true)?,
        };
        let next = self.rows.next_number(change.table)?;
        let mut row = Map::new();
        for (name, _) in &table.row {
            row.insert(name.clone(), Json::Null);
        }
        row.extend(std::mem::take(&mut values));
        let scope = self.scope().with_all(vec![
            ("next_id".to_owned(), Value::from(next)),
            ("values".to_owned(), row_value(&sent)),
            ("old".to_owned(), Value::from(())),
        ]);
        fill(&mut row, &table.write.on_create, &scope)?;
        if let Some(last) = table.key.last()
            && row.get(last).is_none_or(Json::is_null)
        {
            row.insert(last.clone(), Json::from(next));
        }
        let key = key_of(table, &row);
        if self.rows.content(change.table)?.find(&key).is_some() {
            let text = format!("there is a record {key} already");
            let field = table.key.last().cloned().unwrap_or_default();
            return Err(refused("conflict", Problem::new(Kind::NotAllowed, text).of(field)));
        }
        if !change.unchecked {
            check_rules(table, "create", &scope, &row, &Map::new())?;
        }
        let is_number = table.key.last().and_then(|name| row.get(name)).and_then(Json::as_i64);
        self.change(|overlay| overlay.create(change.table, &key, row, is_number));
        self.row(change.table, &key)
    }

    pub(crate) fn update(&mut self, change: &Change) -> Result<Option<Arc<Row>>, Stop> {
        let Some(old) = self.find(change)? else { return Ok(None) };
        let (_, table) = self.table(change.table)?;
        let key = key_of(table, &old.map);
        self.check_lock(table, &old)?;
        let sent = self.values(change)?;
        let mut values = match change.unchecked {
            true => sent.clone(),
            false => self.accepted(change.table, table, sent.clone(), false)?,
        };
        if change.replaces {
            for (name, _) in &table.row {
                let is_kept = table.key.contains(name) || table.write.read_only.contains(name) || !table.shows(name);
                if !is_kept && !values.contains_key(name) {
                    values.insert(name.clone(), Json::Null);
                }
            }
        }
        let mut row = old.map.clone();
        row.extend(values.clone());
        let scope = self.scope().with_all(vec![
            ("values".to_owned(), row_value(&sent)),
            ("old".to_owned(), old.value()),
        ]);
        fill(&mut row, &table.write.on_update, &scope)?;
        for (name, _) in &table.write.on_update {
            if let Some(value) = row.get(name) {
                values.insert(name.clone(), value.clone());
            }
        }
        if !change.unchecked {
            check_rules(table, "update", &scope, &row, &old.map)?;
        }
        self.change(|overlay| overlay.change(change.table, &key, values));
        self.row(change.table, &key).map(Some)
    }

    pub(crate) fn delete(&mut self, change: &Change) -> Result<Option<Arc<Row>>, Stop> {
        let Some(old) = self.find(change)? else { return Ok(None) };
        let (_, table) = self.table(change.table)?;
        self.check_lock(table, &old)?;
        if !change.unchecked {
            let scope = self.scope().with("old", old.value());
            check_rules(table, "delete", &scope, &old.map, &old.map)?;
        }
        let key = key_of(table, &old.map);
        self.change(|overlay| overlay.delete(change.table, &key));
        Ok(Some(old))
    }

    fn row(&self, at: usize, key: &str) -> Result<Arc<Row>, Stop> {
        let found = self.rows.content(at)?.find(key).cloned();
        found.ok_or_else(|| {
            refused(
                "not_found",
                Problem::new(Kind::Missing, "the record has another key now"),
            )
        })
    }

    fn check_lock(&self, table: &Table, row: &Row) -> Result<(), Stop> {
        let names = row.map.values().filter_map(super::condition::text_of);
        for text in std::iter::once(key_of(table, &row.map)).chain(names) {
            if let Some(user) = self.server.state.guards.user_of(&text) {
                let message = format!("{text} is locked by {user}");
                return Err(refused("locked", Problem::new(Kind::Condition, message).of(text)));
            }
        }
        Ok(())
    }

    /// Checks what a client sent and returns what is stored of it.
    fn accepted(
        &self,
        at: usize,
        table: &Table,
        sent: Map<String, Json>,
        is_new: bool,
    ) -> Result<Map<String, Json>, Stop> {
        let write = &table.write;
        let content = self.rows.content(at)?;
        let columns = content.columns(table);
        let mut accepted = Map::new();
        for (name, mut value) in sent {
            let is_listed = |list: &[String]| list.contains(&name);
            if is_listed(&write.ignored) {
                continue;
            }
            if is_listed(&write.read_only) {
                let text = format!("{name} cannot be written");
                return Err(refused("invalid", Problem::new(Kind::ReadOnly, text).of(name)));
            }
            let is_member = table.row.iter().any(|(known, _)| *known == name)
                || (table.row.is_empty() && columns.find(&name).is_some());
            if !is_member && !is_listed(&write.accepts) {
                match write.unknown {
                    Unknown::Refuse => return Err(refused("invalid", Problem::unknown_field(&name))),
                    Unknown::Ignore => continue,
                    Unknown::Keep => {}
                }
            }
            let kind = match table.types.get(&name) {
                Some(declared) => *declared,
                // That all rows have whole numbers does not mean that others are wrong.
                None => columns.find(&name).unwrap_or(super::columns::Type::Any).widened(),
            };
            if write.coerces
                && let Json::String(text) = &value
            {
                let read = super::columns::read_as(kind, &name, text);
                value = read.map_err(|problem| refused("invalid", problem))?;
            }
            if write.checks_types && !kind.fits(&value) {
                let text = format!("{name} is of type {}", kind.word());
                return Err(refused("invalid", Problem::wrong_type(&name, text)));
            }
            if let Some(allowed) = write.values.get(&name)
                && !value.is_null()
                && !allowed.contains(&value)
            {
                let text = format!("{name} cannot be {value}");
                return Err(refused("invalid", Problem::new(Kind::NotAllowed, text).of(name)));
            }
            accepted.insert(name, value);
        }
        if is_new {
            let is_missing = |name: &&String| accepted.get(*name).is_none_or(|value| value.is_null() || *value == "");
            if let Some(name) = write.required.iter().find(is_missing) {
                let text = format!("{name} is required");
                return Err(refused("invalid", Problem::new(Kind::Missing, text).of(name.clone())));
            }
        }
        for (name, other) in &write.references {
            let Some(value) = accepted.get(name).filter(|value| !value.is_null()) else {
                continue;
            };
            let Some(other_at) = self.rows.place(other) else {
                continue;
            };
            if self
                .rows
                .content(other_at)?
                .find(&key_from(std::slice::from_ref(value)))
                .is_none()
            {
                let text = format!("{name}: there is no {value} in {other}");
                return Err(refused(
                    "invalid",
                    Problem::new(Kind::NotAllowed, text).of(name.clone()),
                ));
            }
        }
        Ok(accepted)
    }
}

/// Sets the members that the system fills; each sees those before it.
fn fill(row: &mut Map<String, Json>, members: &[(String, Form)], scope: &Scope) -> Result<(), Failure> {
    for (name, form) in members {
        let scope = scope.with("r", row_value(row));
        if let Some(value) = form.json(&scope)? {
            row.insert(name.clone(), value);
        }
    }
    Ok(())
}

fn check_rules(
    table: &Table,
    on: &str,
    scope: &Scope,
    row: &Map<String, Json>,
    old: &Map<String, Json>,
) -> Result<(), Stop> {
    let scope = scope.with_all(vec![
        ("r".to_owned(), row_value(row)),
        ("old".to_owned(), row_value(old)),
    ]);
    let rules = table.write.require.iter();
    for rule in rules.filter(|rule| rule.on.is_empty() || rule.on.iter().any(|word| word == on)) {
        check(&rule.demand, &scope)?;
    }
    Ok(())
}

/// Refuses the request unless something is true.
fn check(demand: &Demand, scope: &Scope) -> Result<(), Stop> {
    let Some(that) = &demand.that else { return Ok(()) };
    if that.is_true(scope)? {
        return Ok(());
    }
    let message = demand
        .message
        .text(scope)?
        .unwrap_or_else(|| "the request is refused".to_owned());
    let mut problem = Problem::new(Kind::Condition, message);
    problem.field = demand.field.text(scope)?;
    Err(refused(&demand.refuse, problem))
}
