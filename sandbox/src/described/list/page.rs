//! How a list is cut into pages, and what is told about the page and the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use super::order::{Key, Place};
use super::{From, Look, Stop};
use crate::described::load::Loader;
use crate::described::problem::{Kind, Problem};
use crate::described::request::Request;
use crate::described::rows::{Row, key_text};
use crate::described::yaml::Node;

/// How a list is cut.
#[derive(Debug)]
pub(crate) struct Page {
    kind: Pages,
    at: Option<From>,
    size: Option<From>,
    default: usize,
    max: Option<usize>,
    refuses_more: bool,
    /// The number of the first row or page.
    first: Option<usize>,
    holds_offset: bool,
    /// The key that is sent is that of the first row wanted, not of the last one seen.
    from_at: bool,
    field: Option<String>,
    idle: Option<Duration>,
}

/// The kinds of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    All,
    Offset,
    Number,
    Cursor,
    StartKey,
    Range,
    ServerCursor,
}

const KINDS: &[(&str, Pages)] = &[
    ("all", Pages::All),
    ("offset", Pages::Offset),
    ("page", Pages::Number),
    ("cursor", Pages::Cursor),
    ("start_key", Pages::StartKey),
    ("range", Pages::Range),
    ("server_cursor", Pages::ServerCursor),
];

impl Default for Page {
    fn default() -> Self {
        Self {
            kind: Pages::All,
            at: None,
            size: None,
            default: 100,
            max: None,
            refuses_more: false,
            first: None,
            holds_offset: false,
            from_at: false,
            field: None,
            idle: None,
        }
    }
}

/// The cursors that a system keeps.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    count: u64,
    cursors: HashMap<String, Cursor>,
}

#[derive(Debug)]
struct Cursor {
    rows: Vec<Arc<Row>>,
    at: usize,
    size: usize,
    used_at: Instant,
}

impl Cursors {
    /// Ends all of them.
    pub(crate) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cursors.clear();
    }
}

/// The rows of a page and what is told about it.
pub(crate) struct Paged {
    pub(crate) rows: Vec<Arc<Row>>,
    pub(crate) page: Json,
}

/// Where a page begins and how long it is.
struct Cut {
    from: usize,
    size: usize,
}

impl Page {
    pub(crate) fn read(loader: &mut Loader, node: &Node) -> Self {
        let mut fields = loader.fields(node, "page");
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let page = Self {
            kind: fields
                .require(loader, "kind")
                .and_then(|node| loader.word(node, "kind", KINDS))
                .unwrap_or(Pages::All),
            at: fields.take("at").and_then(|node| From::read(loader, node)),
            size: fields.take("size").and_then(|node| From::read(loader, node)),
            default: fields.number(loader, "default").map_or(100, count),
            max: fields.number(loader, "max").map(count),
            refuses_more: fields
                .word(loader, "over_max", &[("refuse", true), ("clamp", false)])
                .unwrap_or(false),
            first: fields.number(loader, "first").map(count),
            holds_offset: fields
                .word(loader, "holds", &[("offset", true), ("row", false)])
                .unwrap_or(false),
            from_at: fields
                .word(loader, "from", &[("at", true), ("behind", false)])
                .unwrap_or(false),
            field: fields.text(loader, "field"),
            idle: fields.number(loader, "idle_s").map(Duration::from_secs),
        };
        if page.kind != Pages::All && page.at.is_none() {
            loader.wrong(node.place, "page needs `at`");
        }
        fields.finish(loader);
        page
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        let both = [&self.at, &self.size];
        both.into_iter()
            .filter_map(|from| from.as_ref().and_then(From::parameter))
    }

    /// Cuts the page out that a request asks for.
    pub(crate) fn cut(
        &self,
        look: &Look<'_>,
        rows: Vec<Arc<Row>>,
        keys: &[Key],
        own: &[String],
        cursors: &Cursors,
    ) -> Result<Paged, Stop> {
        let total = rows.len();
        let at = match &self.at {
            Some(from) => from.text(look.request, look.scope)?.filter(|text| !text.is_empty()),
            None => None,
        };
        let size = self.asked_size(look)?;
        match self.kind {
            Pages::All => {
                let cut = Cut { from: 0, size: total };
                Ok(self.paged(look, rows, &cut, None))
            }
            Pages::Offset => {
                let from = self.whole(at.as_deref(), self.first.unwrap_or(0))?;
                let from = from.saturating_sub(self.first.unwrap_or(0));
                let next = json!(from + size + self.first.unwrap_or(0));
                Ok(self.paged(look, rows, &Cut { from, size }, Some(next)))
            }
            Pages::Number => {
                let first = self.first.unwrap_or(1);
                let number = self.whole(at.as_deref(), first)?;
                let from = number.saturating_sub(first).saturating_mul(size);
                Ok(self.paged(look, rows, &Cut { from, size }, Some(json!(number + 1))))
            }
            Pages::Cursor => self.cut_by_cursor(look, rows, at.as_deref(), size, keys, own),
            Pages::StartKey => self.cut_by_key(look, rows, at.as_deref(), size, own),
            Pages::Range => {
                let (from, size) = match at {
                    None => (0, size),
                    Some(text) => self.range(&text)?,
                };
                Ok(self.paged(look, rows, &Cut { from, size }, Some(json!(from + size))))
            }
            Pages::ServerCursor => self.cut_by_server_cursor(look, rows, at.as_deref(), size, cursors),
        }
    }

    fn asked_size(&self, look: &Look<'_>) -> Result<usize, Stop> {
        let asked = match &self.size {
            Some(from) => from.text(look.request, look.scope)?.filter(|text| !text.is_empty()),
            None => None,
        };
        let Some(asked) = asked else {
            return Ok(self.bounded(self.default));
        };
        let name = self.size.as_ref().and_then(From::parameter).unwrap_or("size");
        let wrong = || Problem::wrong_type(name, format!("{name}: {asked:?} is not a whole number"));
        let size: usize = asked.parse().map_err(|_| wrong())?;
        if self.refuses_more
            && let Some(max) = self.max
            && size > max
        {
            return Err(Problem::new(Kind::NotAllowed, format!("{name} is at most {max}"))
                .of(name)
                .into());
        }
        Ok(self.bounded(size))
    }

    fn bounded(&self, size: usize) -> usize {
        self.max.map_or(size, |max| size.min(max))
    }

    fn whole(&self, text: Option<&str>, first: usize) -> Result<usize, Problem> {
        let name = self.at.as_ref().and_then(From::parameter).unwrap_or("the page");
        let wrong = |text: &str| Problem::wrong_type(name, format!("{name}: {text:?} is not a whole number"));
        match text {
            None => Ok(first),
            Some(text) => text.trim().parse().map_err(|_| wrong(text)),
        }
    }

    /// Reads `items=0-24` or `0-24`.
    fn range(&self, text: &str) -> Result<(usize, usize), Stop> {
        let wrong = || Problem::malformed(format!("{text:?} is not a range"));
        let numbers = text.rsplit('=').next().unwrap_or(text);
        let (from, to) = numbers.trim().split_once('-').ok_or_else(wrong)?;
        let from: usize = from.trim().parse().map_err(|_| wrong())?;
        let to: usize = to.trim().parse().map_err(|_| wrong())?;
        if to < from {
            return Err(wrong().into());
        }
        let size = to - from + 1;
        if self.refuses_more
            && let Some(max) = self.max
            && size > max
        {
            return Err(Problem::new(Kind::NotAllowed, format!("at most {max} rows")).into());
        }
        Ok((from, self.bounded(size)))
    }

    fn cut_by_cursor(
        &self,
        look: &Look<'_>,
        rows: Vec<Arc<Row>>,
        at: Option<&str>,
        size: usize,
        keys: &[Key],
        own: &[String],
    ) -> Result<Paged, Stop> {
        let name = self.at.as_ref().and_then(From::parameter).unwrap_or("cursor");
        let wrong = || Problem::malformed("the cursor is not valid").of(name);
        let held = match at {
            None => None,
            Some(text) => {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
                Some(serde_json::from_slice::<Json>(&bytes).map_err(|_| wrong())?)
            }
        };
        let case = look.rules.case;
        let place = |row: &Arc<Row>| Place::of(&row.map, keys, own, case);
        // Without an order the rows stand as the table has them, and the key finds the last one again.
        let from = match held {
            None => 0,
            Some(Json::Number(offset)) => offset.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(0),
            Some(Json::Array(values)) if keys.is_empty() => {
                let is_last = |row: &Arc<Row>| place(row).values() == values;
                rows.iter().position(is_last).map_or(rows.len(), |at| at + 1)
            }
            Some(Json::Array(values)) => match rows.first() {
                Some(first) => {
                    let last = place(first).like(values);
                    rows.partition_point(|row| place(row) <= last)
                }
                None => 0,
            },
            Some(_) => return Err(wrong().into()),
        };
        let last = rows.get((from + size).saturating_sub(1));
        let next = match (self.holds_offset, last) {
            (true, _) => json!(from + size),
            (false, Some(row)) => Json::Array(place(row).values()),
            (false, None) => Json::Null,
        };
        let next = URL_SAFE_NO_PAD.encode(next.to_string());
        Ok(self.paged(look, rows, &Cut { from, size }, Some(json!(next))))
    }

    fn cut_by_key(
        &self,
        look: &Look<'_>,
        mut rows: Vec<Arc<Row>>,
        at: Option<&str>,
        size: usize,
        own: &[String],
    ) -> Result<Paged, Stop> {
        let field = self
            .field
            .as_deref()
            .or_else(|| own.first().map(String::as_str))
            .unwrap_or("id");
        let by = [Key {
            field: field.to_owned(),
            is_descending: false,
        }];
        let case = look.rules.case;
        super::order::sort(&mut rows, &by, own, case);
        let place = |row: &Arc<Row>| Place::of(&row.map, &by, &[], case);
        let from = match (at, rows.first()) {
            (Some(text), Some(first)) => {
                let kind = look.columns.find(field).unwrap_or(crate::described::columns::Type::Any);
                let value = crate::described::columns::read_as(kind, field, text)?;
                let sent = place(first).like(vec![value]);
                rows.partition_point(|row| match self.from_at {
                    true => place(row) < sent,
                    false => place(row) <= sent,
                })
            }
            _ => 0,
        };
        let marker = match self.from_at {
            true => rows.get(from + size),
            false => rows.get((from + size).saturating_sub(1)),
        };
        let next = marker.map(|row| super::order::sort_value(&row.map, field));
        Ok(self.paged(look, rows, &Cut { from, size }, next))
    }

    fn cut_by_server_cursor(
        &self,
        look: &Look<'_>,
        rows: Vec<Arc<Row>>,
        at: Option<&str>,
        size: usize,
        cursors: &Cursors,
    ) -> Result<Paged, Stop> {
        let mut kept = cursors.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, mut cursor) = match at {
            None => {
                kept.count += 1;
                let id = format!("{:016x}{:04x}", fastrand::u64(..), kept.count);
                let cursor = Cursor {
                    rows,
                    at: 0,
                    size,
                    used_at: Instant::now(),
                };
                (id, cursor)
            }
            Some(id) => {
                let expired = || {
                    Stop::Problem(
                        "cursor_expired".to_owned(),
                        Problem::malformed("the cursor has expired"),
                    )
                };
                let cursor = kept.cursors.remove(id).ok_or_else(expired)?;
                if self.idle.is_some_and(|idle| cursor.used_at.elapsed() >= idle) {
                    return Err(expired());
                }
                (id.to_owned(), cursor)
            }
        };
        let cut = Cut {
            from: cursor.at,
            size: cursor.size,
        };
        let all = cursor.rows.clone();
        cursor.at += cursor.size;
        cursor.used_at = Instant::now();
        if cursor.at < cursor.rows.len() {
            kept.cursors.insert(id.clone(), cursor);
        }
        Ok(self.paged(look, all, &cut, Some(json!(id))))
    }

    fn paged(&self, look: &Look<'_>, rows: Vec<Arc<Row>>, cut: &Cut, next: Option<Json>) -> Paged {
        let total = rows.len();
        let chosen: Vec<Arc<Row>> = rows.into_iter().skip(cut.from).take(cut.size).collect();
        let more = cut.from.saturating_add(chosen.len()) < total && cut.size > 0;
        let next = next.filter(|_| more).unwrap_or_default();
        let number = cut.from.checked_div(cut.size).unwrap_or(0);
        let pages = if cut.size == 0 { 0 } else { total.div_ceil(cut.size) };
        let place_of = |at: usize| match self.kind {
            Pages::Offset => Some(json!(at + self.first.unwrap_or(0))),
            Pages::Number => Some(json!(at.checked_div(cut.size).unwrap_or(0) + self.first.unwrap_or(1))),
            _ => None,
        };
        let address = |at: Option<Json>| at.and_then(|at| self.address(look.request, &at));
        let next_url = address(Some(next.clone()).filter(|next| !next.is_null()));
        let previous_url = (cut.from > 0)
            .then(|| address(place_of(cut.from.saturating_sub(cut.size))))
            .flatten();
        let first_url = address(place_of(0));
        let last_url = address(place_of(pages.saturating_sub(1) * cut.size));
        let mut links = Vec::new();
        for (name, url) in [
            ("next", &next_url),
            ("prev", &previous_url),
            ("first", &first_url),
            ("last", &last_url),
        ] {
            links.extend(url.as_ref().map(|url| format!("<{url}>; rel=\"{name}\"")));
        }
        let last = (cut.from + chosen.len()).saturating_sub(1);
        let content_range = match chosen.is_empty() {
            true => format!("items */{total}"),
            false => format!("items {}-{last}/{total}", cut.from),
        };
        let page = json!({
            "next": next,
            "more": more,
            "count": chosen.len(),
            "total": total,
            "size": cut.size,
            "offset": cut.from,
            "number": number + self.first.unwrap_or(1),
            "pages": pages,
            "first": cut.from,
            "last": last,
            "content_range": content_range,
            "next_url": next_url,
            "previous_url": previous_url,
            "first_url": first_url,
            "last_url": last_url,
            "link": (!links.is_empty()).then(|| links.join(", ")),
        });
        Paged { rows: chosen, page }
    }

    /// Returns the address of this list at another place, with all other parameters as they were sent.
    fn address(&self, request: &Request, at: &Json) -> Option<String> {
        let name = self.at.as_ref()?.parameter()?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (known, value) in request.query.iter().filter(|(known, _)| known != name) {
            query.append_pair(known, value);
        }
        query.append_pair(name, &key_text(at));
        Some(format!("{}{}?{}", request.base_url, request.path, query.finish()))
    }
}
