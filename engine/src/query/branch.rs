//! Reads one connection's part of a list, a page at a time, and keeps what passes the residual filter.

use std::{cmp::Ordering, collections::VecDeque, sync::Arc, time::Duration};

use lineshaft_connect::{
    Error, ErrorKind,
    connector::Connector,
    context::CallContext,
    request::{ListRequest, PageState},
};
use lineshaft_schema::{
    Direction, FieldIndex, Filter, Order, Position, Record, Value, filter::number_of, value::Scalar,
};

use super::{SourceError, plan::Reading};

/// Rows asked for at once when part of them will not pass a filter.
const FEWEST_FILTERED: u32 = 100;
const MOST_FILTERED: u32 = 1_000;

/// One connection's part of a list while it is executed.
pub(super) struct Branch {
    /// The place of its connection in the page.
    pub(super) connection: usize,
    connector: Arc<Connector>,
    context: CallContext,
    request: ListRequest,
    residual: Filter,
    order: Option<Order>,
    sort_here: bool,
    remote_id: Option<FieldIndex>,
    after: Option<Position>,
    state: State,
    scanned: u32,
    /// Whether the list has come behind the position of the cursor.
    passed: bool,
    /// Records that may come before that position.
    held: Vec<Record>,
    /// Whether the record before had no value to sort by.
    had_no_value: bool,
    /// Records that were read and not yet given out.
    pub(super) buffer: VecDeque<Record>,
    /// Why it ended early.
    pub(super) error: Option<SourceError>,
    /// Whether the error says that the credentials are dead.
    pub(super) refused_credentials: bool,
    /// The number of all records, when the system told it.
    pub(super) total: Option<u64>,
    /// The last record that was given out or skipped.
    pub(super) position: Position,
    /// How long it took so far.
    pub(super) latency: Duration,
    /// Conditions and order that the system applied.
    pub(super) pushed_down: Vec<String>,
    /// Conditions and order that were applied here.
    pub(super) applied_here: Vec<String>,
}

#[derive(Debug)]
enum State {
    More(Option<PageState>),
    Ended,
}

impl Branch {
    pub(super) fn new(
        connection: usize,
        connector: Arc<Connector>,
        context: CallContext,
        order: Option<Order>,
        position: Option<Position>,
        reading: Reading,
    ) -> Self {
        Self {
            connection,
            connector,
            context,
            request: reading.request,
            residual: reading.residual,
            order,
            sort_here: reading.sort_here,
            remote_id: reading.remote_id,
            after: position.clone().filter(|position| position.key.is_some()),
            state: State::More(None),
            scanned: 0,
            passed: false,
            held: Vec::new(),
            had_no_value: false,
            buffer: VecDeque::new(),
            error: None,
            refused_credentials: false,
            total: None,
            position: position.unwrap_or(Position {
                key: None,
                order: None,
                given: 0,
                ended: false,
            }),
            latency: Duration::ZERO,
            pushed_down: reading.pushed_down,
            applied_here: reading.applied_here,
        }
    }

    /// Returns whether nothing more can come from the system.
    pub(super) const fn ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Returns whether records may follow behind the page. A connection that failed does not count: a client that pages
    /// to the end must come to an end.
    pub(super) fn goes_on(&self) -> bool {
        !self.buffer.is_empty() || !self.ended()
    }

    /// Returns how many requests were sent.
    pub(super) fn calls(&self) -> u32 {
        self.context.calls()
    }

    /// Reads until so many records are buffered, the list ends, or a bound is reached.
    pub(super) async fn fill(&mut self, wanted: usize, most_scanned: u32) {
        let started = tokio::time::Instant::now();
        while self.buffer.len() < wanted || self.sort_here {
            let State::More(page) = &mut self.state else { break };
            let page = page.take();
            if self.scanned >= most_scanned {
                self.reach_bound(page, most_scanned);
                break;
            }
            if !self.read_page(page, wanted).await {
                break;
            }
        }
        self.latency += started.elapsed();
    }

    async fn read_page(&mut self, page: Option<PageState>, wanted: usize) -> bool {
        let mut request = self.request.clone();
        request.page = page;
        let missing = wanted.saturating_sub(self.buffer.len());
        let missing = u32::try_from(missing.max(1)).unwrap_or(u32::MAX);
        request.limit = if self.sort_here {
            u32::MAX
        } else if self.residual.is_always() {
            missing
        } else {
            // Part of the rows will not pass: ask for more than are wanted.
            missing.saturating_mul(2).clamp(FEWEST_FILTERED, MOST_FILTERED)
        };
        // A count that comes with a page would leave out what lies before its beginning.
        request.count = self.request.count && self.scanned == 0 && request.after.is_none();
        let counts = self.request.count && self.scanned == 0;
        match self.connector.list(&self.context, request).await {
            Ok(page) => {
                self.scanned = self
                    .scanned
                    .saturating_add(u32::try_from(page.rows).unwrap_or(u32::MAX));
                if counts {
                    self.total = match page.total {
                        Some(total) => Some(total),
                        None => self
                            .connector
                            .count(&self.context, &self.request)
                            .await
                            .unwrap_or_default(),
                    };
                }
                let sought = page.sought;
                self.state = page.next.map_or(State::Ended, |next| State::More(Some(next)));
                self.keep(page.records, sought);
                true
            }
            Err(error) => {
                self.fail(&error);
                false
            }
        }
    }

    fn keep(&mut self, records: Vec<Record>, sought: bool) {
        self.passed |= sought || self.after.is_none();
        for mut record in records {
            if let Some(field) = self.remote_id {
                record.set(field, Value::text(&record.key.to_string()));
            }
            if !self.sort_here && self.breaks_order(&record) {
                self.fail(&misplaced());
                return;
            }
            if self.sort_here {
                if !self.was_given(&record) {
                    self.accept(record);
                }
            } else if self.passed {
                self.accept(record);
            } else {
                self.seek(record);
            }
        }
        if self.ended() {
            if !self.passed {
                self.pass();
            }
            if self.sort_here {
                let order = self.order;
                self.buffer.make_contiguous().sort_by(|a, b| compare(order, a, b));
            }
        }
    }

    /// Returns whether a record with a value comes behind one without: pages that go on by the last value given would
    /// begin anew, again and again.
    fn breaks_order(&mut self, record: &Record) -> bool {
        let Some(order) = self.order else { return false };
        let has_value = !number_of(record.get(order.field)).is_null();
        // One page alone goes on by nothing; and a value that could not be read is no missing one.
        let matters = self.after.is_some() || !self.ended();
        let breaks = has_value && self.had_no_value && matters;
        self.had_no_value = !has_value && record.problems.is_empty();
        breaks
    }

    fn accept(&mut self, record: Record) {
        if self.residual.matches(&record) {
            self.buffer.push_back(record);
        } else if !self.sort_here && self.buffer.is_empty() {
            self.advance(&record, false);
        }
    }

    /// Looks for the last record given in a list that starts before it. The system decides the order of keys, so
    /// what comes before it is told by its place: records are held back until it is found.
    fn seek(&mut self, record: Record) {
        match self.against_position(&record) {
            Ordering::Less => {}
            Ordering::Equal
                if self
                    .after
                    .as_ref()
                    .is_some_and(|after| after.key.as_ref() == Some(&record.key)) =>
            {
                self.held.clear();
                self.passed = true;
            }
            Ordering::Equal => self.held.push(record),
            Ordering::Greater => {
                self.pass();
                self.accept(record);
            }
        }
    }

    /// Goes on though the last record given is gone: of those that were held back, the ones with a greater key are new.
    fn pass(&mut self) {
        self.passed = true;
        for record in std::mem::take(&mut self.held) {
            if !self.was_given(&record) {
                self.accept(record);
            }
        }
    }

    /// Compares a record with the position of the cursor by the order alone.
    fn against_position(&self, record: &Record) -> Ordering {
        let last = self.after.as_ref().and_then(|after| after.order.clone());
        let (Some(order), Some(last)) = (self.order, last) else {
            return Ordering::Equal;
        };
        let (own, last) = (number_of(record.get(order.field)), last.into_value());
        directed(order.direction, own.compare(&last), own.is_null() || last.is_null())
    }

    /// Returns whether a record comes at or before the position of the cursor, in our order of keys.
    fn was_given(&self, record: &Record) -> bool {
        let Some(key) = self.after.as_ref().and_then(|after| after.key.as_ref()) else {
            return false;
        };
        self.against_position(record)
            .then_with(|| record.key.compare(key))
            .is_le()
    }

    fn reach_bound(&mut self, page: Option<PageState>, most_scanned: u32) {
        let message = if self.sort_here {
            self.buffer.clear();
            format!(
                "the system cannot sort by this field, and more than {most_scanned} records would have to be read to sort them here"
            )
        } else {
            format!(
                "the system cannot apply this filter; {} records were read, and the cursor goes on behind them",
                self.scanned
            )
        };
        self.error = Some(SourceError::new("SCAN_LIMIT_REACHED", message));
        self.state = if self.sort_here {
            State::Ended
        } else {
            State::More(page)
        };
    }

    /// Ends it with an error of the system.
    pub(super) fn fail(&mut self, error: &Error) {
        self.refused_credentials = super::is_about_credentials(error);
        self.error = Some(SourceError::from(error));
        self.state = State::Ended;
        if self.sort_here {
            self.buffer.clear();
        }
    }

    /// Takes the next record and moves the position behind it.
    pub(super) fn take(&mut self) -> Option<Record> {
        let record = self.buffer.pop_front()?;
        self.advance(&record, true);
        Some(record)
    }

    fn advance(&mut self, record: &Record, given: bool) {
        self.position.key = Some(record.key.clone());
        self.position.order = self.order.map(|order| Scalar::of(number_of(record.get(order.field))));
        self.position.given += u64::from(given);
    }

    /// Returns where the connection stands after the page.
    pub(super) fn final_position(&self) -> Position {
        Position {
            ended: self.ended() && self.buffer.is_empty() && self.error.is_none(),
            ..self.position.clone()
        }
    }
}

fn misplaced() -> Error {
    Error::new(
        ErrorKind::MalformedResponse,
        "the system puts records without a value first, though its connector says that it sorts by this field: it must be sorted here",
    )
}

/// Compares two records of one connection: by the order, then by key.
fn compare(order: Option<Order>, a: &Record, b: &Record) -> Ordering {
    compare_values(order, a, b).then_with(|| a.key.compare(&b.key))
}

/// Compares two records by the order alone.
pub(super) fn compare_values(order: Option<Order>, a: &Record, b: &Record) -> Ordering {
    order.map_or(Ordering::Equal, |order| {
        let (x, y) = (number_of(a.get(order.field)), number_of(b.get(order.field)));
        directed(order.direction, x.compare(y), x.is_null() || y.is_null())
    })
}

/// Turns an order around for descending lists; missing values stay last.
fn directed(direction: Direction, order: Ordering, missing: bool) -> Ordering {
    if direction == Direction::Descending && !missing {
        order.reverse()
    } else {
        order
    }
}
