//! Looks whether a write was carried out whose outcome is unknown. Changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use lineshaft_schema::{Condition, FieldIndex, Filter, Object, Operand, Operator, Projection, Record, Text, Value};

use super::{Connector, page::Asked};
use crate::{
    context::CallContext,
    error::{Error, ErrorKind},
    layers::capability,
    request::ListRequest,
    store::Operation,
    transport::Access,
    write::{Act, Extent, OperationCapability, Run, Settled, WriteRequest},
};

/// What is known besides what the system shows now.
#[derive(Clone, Copy)]
struct Known<'a> {
    request: &'a WriteRequest,
    operation: &'a OperationCapability,
    /// The version of the record before the write.
    version: Option<&'a str>,
    /// Whether the request cannot be on its way any more.
    is_over: bool,
    /// Whether the write has no more than one request that changes something.
    is_single: bool,
    /// Whether nothing was to follow the request whose answer is missing.
    is_last: bool,
}

impl Known<'_> {
    /// What is not there has not been done, once the request cannot be on its way any more.
    const fn not_done(&self) -> Settled {
        if self.is_over {
            Settled::NotDone
        } else {
            Settled::Unknown
        }
    }

    /// The same by what one record shows: of several requests, the first may have been carried out all the same.
    const fn single_not_done(&self) -> Settled {
        if self.is_single {
            self.not_done()
        } else {
            Settled::Unknown
        }
    }
}

impl Connector {
    /// Looks whether a write was carried out. `sent_at` is when its last request left, `known_version` the version of the
    /// record before it.
    ///
    /// # Errors
    /// Returns why the system could not be asked; nothing is known then.
    pub async fn settle(
        &self,
        context: &CallContext,
        request: &WriteRequest,
        sent_at: DateTime<Utc>,
        known_version: Option<&str>,
    ) -> Result<Settled, Error> {
        self.settle_at(context, request, None, sent_at, known_version).await
    }

    /// Looks whether a write was carried out, like [`Connector::settle`]. `step` is the one that was under way, as the
    /// journal was told of it: of a write of several requests it tells whether others were to follow.
    ///
    /// # Errors
    /// Returns why the system could not be asked; nothing is known then.
    pub async fn settle_at(
        &self,
        context: &CallContext,
        request: &WriteRequest,
        step: Option<&str>,
        sent_at: DateTime<Utc>,
        known_version: Option<&str>,
    ) -> Result<Settled, Error> {
        // Which row of an owner a write was about nobody can tell.
        if self.blueprint.written_in(request.kind).is_some() {
            return Ok(Settled::Unknown);
        }
        let Some(operation) = self
            .writes(request.kind)
            .and_then(|writes| writes.operation(&request.act))
        else {
            return Ok(Settled::Unknown);
        };
        let attempt = TimeDelta::from_std(self.transport.line().attempt_time()).unwrap_or(TimeDelta::MAX);
        let extent = Run::start(&self.blueprint, request, self.clock.now())
            .map_or_else(|_| Extent::default(), |run| run.extent());
        let known = Known {
            request,
            operation,
            version: known_version.or(request.expected_version.as_deref()),
            is_over: self.clock.now().signed_duration_since(sent_at) >= attempt,
            is_single: extent.single,
            is_last: extent.ends_with(step),
        };
        let look = async |context: &CallContext| match &request.act {
            Act::Create => self.settle_create(context, known).await,
            _ => self.settle_change(context, known).await,
        };
        self.operate(context, Operation::Write, Some(request.kind), look).await
    }

    /// Looks for the record that carries our mark.
    async fn settle_create(&self, context: &CallContext, known: Known<'_>) -> Result<Settled, Error> {
        let kind = known.request.kind;
        let has_parts = known
            .operation
            .children
            .iter()
            .any(|children| !children.atomic && known.request.input.children.contains_key(&children.field));
        let resource = capability::require(&self.blueprint, kind, "list", |_| true)?;
        let Some((field, mark)) = resource.mark(known.request) else {
            return Ok(Settled::Unknown);
        };
        let wanted = Value::Text(mark.clone());
        let has = |operator| resource.capability().filter(field, operator).is_some();
        let (operator, operand) = match (has(Operator::Eq), has(Operator::In)) {
            (true, _) => (Operator::Eq, Operand::One(wanted)),
            (false, true) => (Operator::In, Operand::Many(vec![wanted])),
            (false, false) => return Ok(Settled::Unknown),
        };
        if !resource.capability().list {
            return Ok(Settled::Unknown);
        }
        let mut projection = Projection::default();
        projection.insert(field);
        let condition = Condition {
            field,
            operator,
            operand,
        };
        let request = ListRequest {
            kind,
            filter: Filter::Field(condition),
            order: None,
            after: None,
            limit: resource.capability().page_size,
            projection,
            count: false,
            page: None,
        };
        self.transport.forget_reads();
        let access = self.access(context).await?;
        let plan = |access: &Access| resource.plan_list(&request, &access.variables());
        let page = self.page(context, access, plan, Asked::List(&request)).await?;
        let mut marked = page.records.iter().filter(|record| carries(record.get(field), &mark));
        Ok(match (marked.next(), marked.next()) {
            (Some(_), Some(_)) => Settled::Unknown,
            // Its rows, or what later requests were to do, may be missing still.
            (Some(_), None) if has_parts || !known.is_last => Settled::Unknown,
            (Some(record), None) => Settled::Done(Some(record.key.clone())),
            (None, _) if page.next.is_some() => Settled::Unknown,
            (None, _) => known.not_done(),
        })
    }

    /// Looks at the record itself.
    async fn settle_change(&self, context: &CallContext, known: Known<'_>) -> Result<Settled, Error> {
        let request = known.request;
        let Some(key) = &request.key else {
            return Ok(Settled::Unknown);
        };
        let Some(def) = self.blueprint.catalogue().type_at(request.kind) else {
            return Err(Error::new(ErrorKind::Internal, "the type is not known"));
        };
        let mut projection = Projection::default();
        let own = ["version", "isDeleted", "status"].map(|name| def.field(name).map(|field| field.index));
        own.into_iter().flatten().for_each(|field| projection.insert(field));
        if request.act == Act::Update {
            request.input.values.keys().for_each(|field| projection.insert(*field));
        }
        let found = self.read_fresh(context, request.kind, key, &projection).await?;
        let record = found.map(|(_, record)| record);
        let [version, is_deleted, status] = own.map(|field| {
            field
                .and_then(|field| Some(record.as_ref()?.get(field).clone()))
                .unwrap_or_default()
        });
        let is_gone = record.is_none() || is_deleted == Value::Boolean(true);
        let is_unchanged = known
            .version
            .map(|before| matches!(&version, Value::Text(now) if now.as_str() == before));
        Ok(match (&request.act, record) {
            (Act::Delete, _) if is_gone => Settled::Done(None),
            (Act::Delete, _) => known.single_not_done(),
            (Act::SoftDelete, None) => Settled::Done(None),
            (Act::SoftDelete, Some(_)) if is_gone => Settled::Done(Some(key.clone())),
            (Act::SoftDelete, Some(_)) if !self.has_own_way(request) || is_deleted == Value::Boolean(false) => {
                known.single_not_done()
            }
            (_, None) => Settled::Unknown,
            (Act::Update, Some(record)) if has_written(known, self.read_back(request), &record, is_unchanged) => {
                Settled::Done(Some(key.clone()))
            }
            (Act::Action(_), Some(_)) => settle_action(known, &status, is_unchanged),
            // Rows that were written one by one leave no trace in the version of their owner.
            (_, Some(_)) if is_unchanged == Some(true) && !writes_parts(known) => known.single_not_done(),
            _ => Settled::Unknown,
        })
    }

    /// Returns whether the system has a way of its own instead of removing records.
    fn has_own_way(&self, request: &WriteRequest) -> bool {
        self.writes(request.kind)
            .is_some_and(|writes| writes.soft_delete.is_some())
    }

    /// Returns which of the written fields the system shows.
    fn read_back<'r>(&self, request: &'r WriteRequest) -> Vec<(FieldIndex, &'r Value)> {
        let shown = self.capabilities(request.kind).map(|capability| &capability.fields);
        let values = request.input.values.iter();
        values
            .filter(|(field, _)| shown.is_some_and(|shown| shown.contains_key(*field)))
            .map(|(field, value)| (*field, value))
            .collect()
    }
}

/// Judges by the status and the version of the record whether an action was done.
///
/// A version alone proves nothing: stock is issued and goods are received by records of their own, which leave the one that
/// the action names as it was.
fn settle_action(known: Known<'_>, status: &Value, is_unchanged: Option<bool>) -> Settled {
    let is_in = |values: &[Value]| values.contains(status);
    let (before, after) = (&known.operation.allowed_in, &known.operation.leads_to);
    if is_in(after) {
        // A status that the record may have had before tells nothing, and the first of several requests may have led to it.
        return if !is_in(before) && known.is_last {
            Settled::Done(known.request.key.clone())
        } else {
            Settled::Unknown
        };
    }
    let is_as_before = match is_unchanged {
        Some(true) => before.is_empty() || is_in(before),
        Some(false) => false,
        None => is_in(before),
    };
    if is_as_before && !after.is_empty() {
        known.single_not_done()
    } else {
        Settled::Unknown
    }
}

/// Returns whether a record shows everything that was written to it. What cannot be compared counts as written only when
/// the version shows that the record has changed.
fn has_written(
    known: Known<'_>,
    written: Vec<(FieldIndex, &Value)>,
    record: &Record,
    is_unchanged: Option<bool>,
) -> bool {
    let input = &known.request.input;
    let has_more = !input.raw.is_empty()
        || !input.custom.is_empty()
        || !input.children.is_empty()
        || written.len() < input.values.len();
    !written.is_empty()
        && !writes_parts(known)
        && (!has_more || (is_unchanged == Some(false) && known.is_last))
        && written.iter().all(|(field, value)| covers(record.get(*field), value))
}

/// Returns whether rows that belong to the record were to be written by requests of their own.
fn writes_parts(known: Known<'_>) -> bool {
    let children = known.request.input.children.keys();
    children.into_iter().any(|field| {
        let mut of = known
            .operation
            .children
            .iter()
            .filter(|children| children.field == *field);
        of.any(|children| !children.atomic)
    })
}

/// Returns whether a value that was read is the one that was written; parts that were not written do not count.
fn covers(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => parts_cover(read, written),
        (Value::List(read), Value::List(written)) => {
            read.len() == written.len() && read.iter().zip(written).all(|(read, written)| covers(read, written))
        }
        (Value::Integer(a), Value::Decimal(b)) | (Value::Decimal(b), Value::Integer(a)) => {
            *b == rust_decimal::Decimal::from(*a)
        }
        // Systems put blanks around texts, and take empty ones for none.
        (Value::Text(read), Value::Text(written)) => read.trim() == written.trim(),
        (Value::Null, Value::Text(written)) => written.trim().is_empty(),
        (Value::Text(read), Value::Null) => read.trim().is_empty(),
        _ => read == written,
    }
}

fn parts_cover(read: &Object, written: &Object) -> bool {
    read.kind == written.kind
        && written
            .slots
            .iter()
            .enumerate()
            .filter(|(_, written)| !written.is_null())
            .all(|(at, written)| read.slots.get(at).is_some_and(|read| covers(read, written)))
}

/// Returns whether a value is our mark; some systems write texts in capitals.
fn carries(value: &Value, mark: &Text) -> bool {
    matches!(value, Value::Text(text) if text.trim().eq_ignore_ascii_case(mark))
}
