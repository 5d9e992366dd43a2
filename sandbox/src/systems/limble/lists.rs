//! How filters, order and pages apply to the rows of Limble's lists. Unknown parameters are refused, which is stricter
//! than the vendor promises, so that a misspelt one is noticed.

use std::cmp::Ordering;
use std::collections::HashSet;

use http::HeaderName;
use serde_json::{Map, Value};

use super::catalogue::LISTS;
use super::problem::Problem;

/// A row, with fields only filters see under names that begin with `_`.
pub(super) type Row = Map<String, Value>;

/// What a parameter does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// One of a comma list of numbers.
    Ids(&'static str),
    /// One of a comma list of texts.
    Texts(&'static str),
    /// Equal, or like a pattern with `%`.
    Name(&'static str),
    Exact(&'static str),
    StartsWith(&'static str),
    /// Later than a unix time; unset dates never match.
    After(&'static str),
    /// Earlier than a unix time; unset dates never match.
    Before(&'static str),
    Tag(&'static str),
    /// With `true`: only rows that have the field.
    Having(&'static str),
}

/// One list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) filters: &'static [(&'static str, Filter)],
    pub(super) order: &'static [&'static str],
    pub(super) paging: Paging,
}

/// Which of page, cursor and limit a list takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    PageOrCursor,
    PageOnly { default: usize, maximum: usize },
    CursorOnly,
    LimitOnly,
    Whole,
}

impl Paging {
    fn has_page(self) -> bool {
        matches!(self, Self::PageOrCursor | Self::PageOnly { .. })
    }

    fn has_cursor(self) -> bool {
        matches!(self, Self::PageOrCursor | Self::CursorOnly)
    }

    fn limits(self) -> (usize, usize) {
        match self {
            Self::PageOnly { default, maximum } => (default, maximum),
            Self::Whole => (usize::MAX, usize::MAX),
            _ => (100, 1000),
        }
    }
}

/// Returns the list of a path below `/v2/`.
pub(super) fn find(path: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.path == path)
}

/// The rows of one page, and the queries of other pages by header.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) rows: Vec<Value>,
    pub(super) links: Vec<(HeaderName, String)>,
}

/// A filter with its values.
#[derive(Debug)]
enum Condition {
    OneOf(&'static str, HashSet<String>),
    Like(&'static str, String),
    Exact(&'static str, String),
    StartsWith(&'static str, String),
    After(&'static str, i64),
    Before(&'static str, i64),
    Tag(&'static str, String),
    Having(&'static str),
}

/// What a query asks of a list.
#[derive(Debug, Default)]
struct Request {
    conditions: Vec<Condition>,
    order: Option<(&'static str, bool)>,
    page: Option<usize>,
    cursor: Option<i64>,
    limit: Option<usize>,
}

impl List {
    /// Applies a query to the rows, which are in the order of their ids.
    pub(super) fn answer(&self, rows: &[Row], query: &str) -> Result<Answer, Problem> {
        let request = self.parse(query)?;
        let mut found: Vec<&Row> = rows
            .iter()
            .filter(|row| request.conditions.iter().all(|condition| condition.holds(row)))
            .collect();
        if let Some(cursor) = request.cursor {
            found.retain(|row| row.get(self.id).and_then(Value::as_i64).is_some_and(|id| id > cursor));
        }
        if let Some((field, descending)) = request.order {
            found.sort_by(|left, right| {
                let ordering = order(left.get(field), right.get(field));
                if descending { ordering.reverse() } else { ordering }
            });
        }
        let limit = request.limit.unwrap_or(self.paging.limits().0);
        let pages = found.len().div_ceil(limit.max(1));
        let links = match request.page {
            Some(page) => links(query, page, pages),
            None if self.paging.has_page() && request.cursor.is_none() => links(query, 1, pages),
            None => Vec::new(),
        };
        let start = request.page.map_or(0, |page| (page - 1).saturating_mul(limit));
        let rows = found.into_iter().skip(start).take(limit).map(visible).collect();
        Ok(Answer { rows, links })
    }

    fn parse(&self, query: &str) -> Result<Request, Problem> {
        let mut request = Request::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // Arrays are sent as name[0], name[1].
            let plain = name.split('[').next().unwrap_or_default();
            match plain {
                "limit" if self.paging != Paging::Whole => {
                    let limit = number(plain, &value)?;
                    let maximum = self.paging.limits().1;
                    if limit < 1 {
                        return Err(Problem::Parameter(
                            "\"limit\" must be greater than or equal to 1".into(),
                        ));
                    }
                    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                    if limit > maximum {
                        let text = format!("\"limit\" must be less than or equal to {maximum}");
                        return Err(Problem::Parameter(text));
                    }
                    request.limit = Some(limit);
                }
                "page" if self.paging.has_page() => {
                    let page = number(plain, &value)?;
                    if page < 1 {
                        return Err(Problem::Parameter("\"page\" must be greater than or equal to 1".into()));
                    }
                    request.page = usize::try_from(page).ok();
                }
                "cursor" if self.paging.has_cursor() => request.cursor = Some(number(plain, &value)?),
                "orderBy" if !self.order.is_empty() => request.order = Some(self.parse_order(&value)?),
                _ => self.parse_filter(plain, &value, &mut request.conditions)?,
            }
        }
        if request.cursor.is_some() && request.page.is_some() {
            return Err(Problem::Conflict("page and cursor cannot be used together"));
        }
        if request.cursor.is_some() && request.order.is_some() {
            return Err(Problem::Conflict("orderBy and cursor cannot be used together"));
        }
        Ok(request)
    }

    fn parse_order(&self, value: &str) -> Result<(&'static str, bool), Problem> {
        let (name, descending) = match value.strip_prefix('-') {
            Some(name) => (name, true),
            None => (value, false),
        };
        let field = self.order.iter().find(|field| **field == name);
        let field = field
            .ok_or_else(|| Problem::Parameter(format!("\"orderBy\" must be one of [{}]", self.order.join(", "))))?;
        Ok((field, descending))
    }

    fn parse_filter(&self, name: &str, value: &str, conditions: &mut Vec<Condition>) -> Result<(), Problem> {
        let (_, filter) = self
            .filters
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| Problem::Parameter(format!("\"{name}\" is not allowed")))?;
        let text = value.to_owned();
        let condition = match *filter {
            Filter::Ids(field) => {
                let ids: Result<HashSet<String>, Problem> = value
                    .split(',')
                    .map(|id| Ok(number(name, id.trim())?.to_string()))
                    .collect();
                Condition::OneOf(field, ids?)
            }
            Filter::Texts(field) => {
                let texts: HashSet<String> = value.split(',').map(|one| one.trim().to_owned()).collect();
                // An array sends one value a time: they add up.
                let existing = conditions.iter_mut().find_map(|condition| match condition {
                    Condition::OneOf(known, values) if *known == field => Some(values),
                    _ => None,
                });
                if let Some(values) = existing {
                    values.extend(texts);
                    return Ok(());
                }
                Condition::OneOf(field, texts)
            }
            Filter::Name(field) => Condition::Like(field, text),
            Filter::Exact(field) => Condition::Exact(field, text),
            Filter::StartsWith(field) => Condition::StartsWith(field, text),
            Filter::After(field) => Condition::After(field, number(name, value)?),
            Filter::Before(field) => Condition::Before(field, number(name, value)?),
            Filter::Tag(field) => Condition::Tag(field, text),
            Filter::Having(field) => match value {
                "true" | "1" => Condition::Having(field),
                "false" | "0" => return Ok(()),
                _ => return Err(Problem::Parameter(format!("\"{name}\" must be a boolean"))),
            },
        };
        conditions.push(condition);
        Ok(())
    }
}

fn number(name: &str, value: &str) -> Result<i64, Problem> {
    value
        .parse()
        .map_err(|_| Problem::Parameter(format!("\"{name}\" must be a number")))
}

impl Condition {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::OneOf(field, values) => match row.get(*field) {
                Some(Value::Array(several)) => several.iter().any(|value| values.contains(&text(value))),
                Some(value) => values.contains(&text(value)),
                None => false,
            },
            Self::Like(field, pattern) => row.get(*field).is_some_and(|value| is_like(&text(value), pattern)),
            Self::Exact(field, wanted) => row.get(*field).is_some_and(|value| text(value) == *wanted),
            Self::StartsWith(field, start) => row
                .get(*field)
                .is_some_and(|value| text(value).to_lowercase().starts_with(&start.to_lowercase())),
            Self::After(field, time) => date(row, field).is_some_and(|date| date > *time),
            Self::Before(field, time) => date(row, field).is_some_and(|date| date < *time),
            Self::Tag(field, tag) => {
                let stored = format!("@{};", tag.trim_start_matches('@').trim_end_matches(';'));
                row.get(*field)
                    .and_then(Value::as_array)
                    .is_some_and(|tags| tags.iter().any(|tag| *tag == stored))
            }
            Self::Having(field) => row.get(*field).is_some_and(|value| !value.is_null()),
        }
    }
}

fn date(row: &Row, field: &str) -> Option<i64> {
    row.get(field).and_then(Value::as_i64).filter(|date| *date != 0)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Matches `%` for any run of characters, without regard to case.
fn is_like(text: &str, pattern: &str) -> bool {
    let text = text.to_lowercase();
    let pattern = pattern.to_lowercase();
    let mut pieces = pattern.split('%');
    let first = pieces.next().unwrap_or_default();
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut rest: Vec<&str> = pieces.collect();
    let Some(last) = rest.pop() else { return left.is_empty() };
    for piece in rest {
        match left.find(piece) {
            Some(position) => left = left.get(position + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(last)
}

fn order(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or_default();
    number(left).cmp(&number(right))
}

fn visible(row: &Row) -> Value {
    row.iter()
        .filter(|(name, _)| !name.starts_with('_'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn links(query: &str, page: usize, pages: usize) -> Vec<(HeaderName, String)> {
    let mut links = Vec::new();
    if page > 1 {
        links.push((HeaderName::from_static("previous-page"), with_page(query, page - 1)));
    }
    if page < pages {
        links.push((HeaderName::from_static("next-page"), with_page(query, page + 1)));
        links.push((HeaderName::from_static("last-page"), with_page(query, pages)));
    }
    links
}

fn with_page(query: &str, page: usize) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page="))
        .map(str::to_owned)
        .collect();
    pairs.push(format!("page={page}"));
    pairs.join("&")
}
