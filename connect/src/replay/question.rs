//! Turns what a spec asks, in names and JSON, into what the connector plans: filters, orders, look-ups, writes.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use lineshaft_schema::{Direction, FieldDef, FieldType, Object, Order, Projection, RemoteKey, Text, TypeDef, Value};
use serde_json::Value as Json;

use super::{Replay, conditions::Conditions};
use crate::{
    blueprint::{Moment, Needs, ResourcePlan, SignIn},
    codec::constant,
    error::Error,
    manifest::{Key, Place, Wanted, Way, load::escape, suggest},
    mapping::spec::{Difference, project},
    request::{ListRequest, LookUp, PageState, PlannedLookUp, RequestPlan},
    template::Variables,
    write::{Act, ChildChange, Input, Next, Run, WriteRequest},
};

/// What is asked of the system, planned.
#[derive(Debug)]
pub(super) enum Asked {
    /// Nothing that could be sent; an answer is only judged.
    Nothing,
    List(Box<ResourcePlan>, ListRequest),
    LookUp(Box<ResourcePlan>, PlannedLookUp),
    Count(Box<ResourcePlan>, ListRequest),
    Probe,
    SignIn(Box<SignIn>),
    Write(Box<Run>),
}

impl Replay<'_> {
    /// Plans what the spec asks for.
    pub(super) fn ask(
        &self,
        resource: Option<&ResourcePlan>,
        differences: &mut Vec<Difference>,
    ) -> Result<Asked, Difference> {
        let asked = &self.exchange.asked;
        let unplanned = |error: Error| Difference::new("/asked", error.to_string());
        match (&self.exchange.of, resource) {
            (Wanted::Probe, _) => Ok(Asked::Probe),
            (Wanted::SignIn, _) => self.way().map(|way| Asked::SignIn(Box::new(way))),
            (_, None) => Ok(Asked::Nothing),
            (Wanted::List, Some(resource)) => {
                let request = self.list_request(resource, differences)?;
                Ok(Asked::List(Box::new(resource.clone()), request))
            }
            (Wanted::Count, Some(resource)) => {
                let request = self.list_request(resource, differences)?;
                Ok(Asked::Count(Box::new(resource.clone()), request))
            }
            (Wanted::LookUp, Some(resource)) => {
                let request = self.list_request(resource, differences)?;
                let keys: Vec<RemoteKey> = asked.keys.iter().map(key_of).collect();
                if keys.is_empty() {
                    return match self.exchange.expect.error.is_some() && self.exchange.request.is_none() {
                        true => Ok(Asked::Nothing),
                        false => Err(Difference::new("/asked", "`keys` is missing: what is looked up")),
                    };
                }
                let by = match &asked.by {
                    Some(name) => LookUp::Field(field(definition(resource)?, name, "/asked/by")?.index),
                    None => LookUp::Key,
                };
                let planned = resource.plan_look_ups(by, &keys, &request.projection, &self.variables());
                let mut planned = planned.map_err(unplanned)?;
                match (planned.pop(), planned.len()) {
                    (Some(look_up), 0) => Ok(Asked::LookUp(Box::new(resource.clone()), look_up)),
                    (_, others) => {
                        let message = format!("the keys are asked for in {} requests; show one", others + 1);
                        Err(Difference::new("/asked/keys", message))
                    }
                }
            }
            (wanted, Some(resource)) => match &asked.input {
                None if self.exchange.request.is_none() && self.exchange.expect.key.is_none() => Ok(Asked::Nothing),
                _ => self.write(resource, wanted).map(|run| Asked::Write(Box::new(run))),
            },
        }
    }

    fn list_request(
        &self,
        resource: &ResourcePlan,
        differences: &mut Vec<Difference>,
    ) -> Result<ListRequest, Difference> {
        let asked = &self.exchange.asked;
        let def = definition(resource)?;
        let catalogue = self.blueprint.catalogue();
        let mut projection = Projection::default();
        for (at, name) in asked.fields.iter().enumerate() {
            projection.insert(field(def, name, &format!("/asked/fields/{at}"))?.index);
        }
        for (at, expect) in self.exchange.expect.records.iter().flatten().enumerate() {
            let pointer = format!("/expect/records/{at}");
            project(def, expect, &pointer, &mut projection, differences);
        }
        let order = match asked.order.first() {
            None => None,
            Some((name, way)) => Some(Order {
                field: field(def, name, "/asked/order")?.index,
                direction: match way {
                    Way::Ascending => Direction::Ascending,
                    Way::Descending => Direction::Descending,
                },
            }),
        };
        let conditions = Conditions { def, catalogue };
        Ok(ListRequest {
            kind: resource.kind(),
            filter: conditions.all(&asked.filter, "/asked/filter")?,
            order,
            after: None,
            limit: asked.first.unwrap_or(resource.parts.list.page_size),
            projection,
            count: asked.count || self.exchange.expect.count.is_some(),
            page: asked.at.as_ref().and_then(page_state),
        })
    }

    /// Returns the way to sign in that is meant.
    fn way(&self) -> Result<SignIn, Difference> {
        let ways = self.blueprint.sign_ins();
        let found = match &self.exchange.asked.auth {
            Some(id) => ways.iter().find(|way| way.id() == id),
            None => ways.iter().find(|way| way.needs() != Needs::Nothing),
        };
        found
            .cloned()
            .ok_or_else(|| Difference::new("/asked/auth", "the connector has no such way to sign in"))
    }

    pub(super) fn plan_sign_in(&self, way: &SignIn, variables: &Variables<'_>) -> Result<RequestPlan, Difference> {
        let moment = Moment::at(DateTime::<Utc>::UNIX_EPOCH);
        let plan = match way.needs() {
            Needs::Nothing => Ok(None),
            Needs::Session => self.blueprint.plan_login(way, variables),
            Needs::Token(_) => self.blueprint.plan_token(way, variables, &moment),
        };
        let plan = plan.map_err(|error| Difference::new("/asked", error.to_string()))?;
        plan.ok_or_else(|| Difference::new("/asked/auth", "this way to sign in sends nothing"))
    }

    /// Starts a write and moves on to the request that changes something.
    fn write(&self, resource: &ResourcePlan, wanted: &Wanted) -> Result<Run, Difference> {
        let asked = &self.exchange.asked;
        let unplanned = |message: String| Difference::new("/asked", message);
        let (act, def) = match wanted {
            Wanted::Create => (Act::Create, definition(resource)?),
            Wanted::Update => (Act::Update, definition(resource)?),
            Wanted::Delete => (Act::Delete, definition(resource)?),
            Wanted::Action(name) => {
                let own = self.blueprint.catalogue().action(resource.type_name(), name);
                let message = || Difference::new("/of", format!("there is no action `{name}`"));
                (Act::Action(name.clone()), own.ok_or_else(message)?)
            }
            _ => return Err(unplanned("nothing is written".to_owned())),
        };
        let input = asked.input.clone().unwrap_or_default();
        let request = WriteRequest {
            kind: resource.kind(),
            act,
            key: asked.key.as_ref().map(key_of),
            input: self.input(def, &input, "/asked/input")?,
            expected_version: asked.version.as_deref().map(Text::from),
            client_reference: Text::from(""),
        };
        let run = Run::start(&self.blueprint, &request, DateTime::<Utc>::UNIX_EPOCH);
        let mut run = run.map_err(|errors| {
            let told: Vec<String> = errors
                .iter()
                .map(|error| format!("{}: {}", error.path.join("."), error.message))
                .collect();
            unplanned(told.join("; "))
        })?;
        match run.next() {
            Next::Send { .. } => Ok(run),
            Next::Read => Err(unplanned(
                "the record is read first, which a spec cannot show".to_owned(),
            )),
            Next::Write(..) | Next::Done { .. } => Err(unplanned("nothing is sent for the record itself".to_owned())),
        }
    }

    fn input(&self, def: &TypeDef, written: &IndexMap<String, Json>, pointer: &str) -> Result<Input, Difference> {
        let mut input = Input::default();
        for (name, value) in written {
            let pointer = format!("{pointer}/{}", escape(name));
            let field = field(def, name, &pointer)?;
            let rows = match (field.kind, value) {
                (FieldType::Object(kind), Json::Array(rows)) if field.list => {
                    let kind = self.blueprint.catalogue().type_at(kind);
                    kind.filter(|kind| kind.has_rows()).map(|kind| (kind, rows))
                }
                _ => None,
            };
            let Some((kind, rows)) = rows else {
                let value = self
                    .value(field, value)
                    .map_err(|message| Difference::new(pointer, message))?;
                input.values.insert(field.index, value);
                continue;
            };
            let mut changes = Vec::new();
            for (at, row) in rows.iter().enumerate() {
                let Json::Object(members) = row else {
                    return Err(Difference::new(format!("{pointer}/{at}"), format!("{row} is no row")));
                };
                let row: IndexMap<String, Json> = members.clone().into_iter().collect();
                changes.push(ChildChange::Create(self.input(
                    kind,
                    &row,
                    &format!("{pointer}/{at}"),
                )?));
            }
            input.children.insert(field.index, changes);
        }
        Ok(input)
    }

    /// Returns the value of a field, embedded ones included.
    fn value(&self, field: &FieldDef, written: &Json) -> Result<Value, String> {
        let catalogue = self.blueprint.catalogue();
        let FieldType::Object(kind) = field.kind else {
            return constant(field, written, catalogue);
        };
        let def = catalogue.type_at(kind).ok_or("the type is not in the catalogue")?;
        let object = |written: &Json| {
            let Json::Object(members) = written else {
                return Err(format!("{written} is not {}", def.name));
            };
            if let Some(name) = members.keys().find(|name| def.field(name).is_none()) {
                let known = def.fields.keys().map(String::as_str);
                return Err(suggest::unknown("field", name, known));
            }
            let slots = def.fields.iter().map(|(name, field)| match members.get(name) {
                Some(value) => self.value(field, value),
                None => Ok(Value::Null),
            });
            Ok(Value::Object(Box::new(Object {
                kind,
                slots: slots.collect::<Result<_, _>>()?,
            })))
        };
        match written {
            Json::Null => Ok(Value::Null),
            Json::Array(list) if field.list => list.iter().map(object).collect::<Result<_, _>>().map(Value::List),
            other => object(other),
        }
    }
}

fn definition(resource: &ResourcePlan) -> Result<&TypeDef, Difference> {
    let def = resource.mapping().definition();
    def.ok_or_else(|| Difference::new("/type", "the type is not in the catalogue"))
}

pub(super) fn field<'d>(def: &'d TypeDef, name: &str, pointer: &str) -> Result<&'d FieldDef, Difference> {
    def.field(name).ok_or_else(|| {
        let known = def.fields.keys().map(String::as_str);
        Difference::new(pointer, suggest::unknown("field", name, known))
    })
}

pub(super) fn key_of(key: &Key) -> RemoteKey {
    RemoteKey::from(key.text().as_str())
}

fn page_state(place: &Place) -> Option<PageState> {
    Some(match place {
        Place::End => return None,
        Place::Offset(at) => PageState::Offset(*at),
        Place::Page(at) => PageState::Page(*at),
        Place::Cursor(cursor) => PageState::Cursor(cursor.clone()),
        Place::Link(link) => PageState::Link(link.clone()),
        Place::Key(key) => PageState::Keyset(key_of(key)),
    })
}
