//! Reads answers: rows become records, and the place where the next page starts is found.

use std::{borrow::Cow, sync::Arc};

use chrono::{DateTime, Utc};
use http::HeaderMap;
use lineshaft_schema::{KeySet, Projection, Record, Value};

use super::{ListPage, ListRequest, LookUp, PageState, PlannedLookUp};
use crate::{
    blueprint::{
        CountPlan, PagingPlan, ResourcePlan,
        labels::{MEMBER, Tables},
    },
    error::{Error, ErrorKind},
    json,
    manifest::RowPairs,
    mapping::Selected,
};

/// Values that the rows of one page are repeated into at most, where their lists are read element by element.
const MOST_REPEATED: usize = 4_000_000;

impl ResourcePlan {
    /// Reads a page of a list. The answer has been judged by `Blueprint::classify` before.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when the rows are not where they should be.
    pub fn read_page(&self, request: &ListRequest, body: &[u8], headers: &HeaderMap) -> Result<ListPage, Error> {
        self.read_page_with(request, body, headers, &Tables::default())
    }

    /// The same with tables of codes, whose entries are joined into the rows.
    pub(crate) fn read_page_with(
        &self,
        request: &ListRequest,
        body: &[u8],
        headers: &HeaderMap,
        tables: &Tables,
    ) -> Result<ListPage, Error> {
        let body = self.parse(body)?;
        let rows = self.rows(&body)?;
        self.read_rows(request, &body, &rows, headers, tables)
    }

    /// Returns whether tables of codes must be joined into rows for a projection.
    pub(crate) fn needs_labels(&self, projection: &Projection) -> bool {
        let reads = || {
            let selected = self.mapping.selects(projection);
            fn has_member(selected: &[Selected]) -> bool {
                selected.iter().any(|selected| match selected {
                    Selected::Name(name) => name == MEMBER,
                    Selected::Expand { name, fields } | Selected::Braces { name, fields } => {
                        name == MEMBER || has_member(fields)
                    }
                })
            }
            has_member(&selected) || self.mapping.digests(projection)
        };
        !self.parts.joins.is_empty() && reads()
    }

    /// Maps a row that was kept as text. None when it is not one of those that the type means.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when the row cannot be read.
    pub(crate) fn map_kept(
        &self,
        row: &str,
        projection: &Projection,
        fetched_at: DateTime<Utc>,
        tables: &Tables,
    ) -> Result<Option<Record>, Error> {
        let mut value = json::parse(row.as_bytes())?;
        tables.join(&self.parts.joins, &mut value);
        if !self.mapping.keeps(&value) {
            return Ok(None);
        }
        let mapped = self.mapping.map_row(&value, projection, fetched_at);
        let mut record = mapped.map_err(|_| malformed(format!("the row of `{}` has no key", self.remote())))?;
        if projection.raw {
            record.raw = Some(row.into());
        }
        Ok(Some(record))
    }

    /// Reads the rows of a page as they are, at most so many.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when the rows are not where they should be.
    pub(crate) fn read_raw(&self, body: &[u8], most: usize) -> Result<Vec<Arc<str>>, Error> {
        let body = self.parse(body)?;
        let rows = self.rows(&body)?;
        let within: Vec<json::Value<'_>>;
        let shown = match &self.parts.list.each {
            Some(name) => {
                check_repeated(&rows, name)?;
                within = rows.iter().flat_map(|row| elements_of(row, name)).collect();
                &within[..]
            }
            None => &rows[..],
        };
        let kept = shown.iter().filter(|row| self.mapping.keeps(row)).take(most);
        Ok(kept.map(|row| row.to_string().into()).collect())
    }

    /// Reads the rows of one parent, whose key is put into each of them.
    fn read_children(
        &self,
        look_up: &PlannedLookUp,
        parent_as: &str,
        body: &[u8],
        headers: &HeaderMap,
        tables: &Tables,
    ) -> Result<ListPage, Error> {
        let body = self.parse(body)?;
        let mut rows = self.rows(&body)?.into_owned();
        let parent = look_up.keys.first().map(ToString::to_string).unwrap_or_default();
        for row in &mut rows {
            row.insert(parent_as, json::Value::Text(parent.as_str().into()));
        }
        self.read_rows(&look_up.request, &body, &rows, headers, tables)
    }

    fn read_rows(
        &self,
        request: &ListRequest,
        body: &json::Value<'_>,
        rows: &[json::Value<'_>],
        headers: &HeaderMap,
        tables: &Tables,
    ) -> Result<ListPage, Error> {
        let mapper = self.mapping.mapper(&request.projection, Utc::now());
        let within: Vec<json::Value<'_>>;
        let shown = match &self.parts.list.each {
            Some(name) => {
                check_repeated(rows, name)?;
                within = rows.iter().flat_map(|row| elements_of(row, name)).collect();
                &within
            }
            None => rows,
        };
        let shown = self.without_start(request, shown);
        let mut records: Vec<Record> = Vec::with_capacity(shown.len());
        let mut has_rows = false;
        for row in shown {
            let joined = self.joined(row, tables);
            if !self.mapping.keeps(&joined) {
                continue;
            }
            has_rows = true;
            records.extend(mapper.map(&joined).map(|record| with_own_row(record, row, &joined)));
        }
        if records.is_empty() && has_rows {
            return Err(malformed(format!("no row of `{}` has a key", self.remote())));
        }
        let total = match self.counts_in_list() {
            Some(count) if request.count => read_number(count, body, headers),
            _ => None,
        };
        Ok(ListPage {
            next: self.next(request, body, rows, headers)?,
            rows: rows.len(),
            records,
            total,
            sought: self.sought_key(request).is_some(),
        })
    }

    /// Leaves out the record with which the page starts, where it was read before.
    fn without_start<'r, 'v>(&self, request: &ListRequest, rows: &'r [json::Value<'v>]) -> &'r [json::Value<'v>] {
        if !matches!(self.parts.list.paging, PagingPlan::StartKey { inclusive: true }) {
            return rows;
        }
        match (rows.split_first(), self.start_key(request)) {
            (Some((first, others)), Some(start)) if self.mapping.key_of(first).as_ref() == Some(start) => others,
            _ => rows,
        }
    }

    /// Tells whether more follows, when the answer says so.
    fn told_more(&self, body: &json::Value<'_>) -> Option<bool> {
        let list = &self.parts.list;
        let flag = |value: &json::Value<'_>| match value.as_bool() {
            Some(flag) => Some(flag),
            None => match json::scalar_text(value)? {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
        };
        if let Some(is_last) = list.last.as_ref().and_then(|path| flag(path.first(body)?)) {
            return Some(!is_last);
        }
        // Where it stands without a value, such as an address of the next page that is null, nothing follows.
        let value = list.more.as_ref()?.first(body)?;
        Some(flag(value).unwrap_or_else(|| !json::is_blank(value)))
    }

    /// Reads an answer to a look-up. Records that were not asked for are left out: some systems ignore conditions that
    /// they do not know.
    ///
    /// # Errors
    /// As `read_page`.
    pub fn read_look_up(&self, look_up: &PlannedLookUp, body: &[u8], headers: &HeaderMap) -> Result<ListPage, Error> {
        self.read_look_up_with(look_up, body, headers, &Tables::default())
    }

    /// The same with tables of codes, whose entries are joined into the rows.
    pub(crate) fn read_look_up_with(
        &self,
        look_up: &PlannedLookUp,
        body: &[u8],
        headers: &HeaderMap,
        tables: &Tables,
    ) -> Result<ListPage, Error> {
        let children = match look_up.by {
            LookUp::Field(field) => self.parts.children.get(&field),
            LookUp::Key => None,
        };
        let mut page = match children {
            Some(children) => self.read_children(look_up, &children.parent_as, body, headers, tables)?,
            None if look_up.single => self.read_one(look_up, body, tables)?,
            None => self.read_page_with(&look_up.request, body, headers, tables)?,
        };
        let asked: KeySet<'_> = look_up.keys.iter().collect();
        page.records.retain(|record| match look_up.by {
            LookUp::Key => asked.contains(&record.key),
            LookUp::Field(field) => matches!(record.get(field), Value::Reference(key) if asked.contains(key)),
        });
        if look_up.by == LookUp::Key && page.records.len() >= look_up.keys.len() {
            page.next = None;
        }
        Ok(page)
    }

    /// Reads an answer to `plan_count`.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when there is no number.
    pub fn read_count(&self, body: &[u8], headers: &HeaderMap) -> Result<u64, Error> {
        let count = self
            .parts
            .list
            .count
            .as_ref()
            .ok_or_else(|| malformed("the system cannot count".to_owned()))?;
        let missing = || malformed("the answer has no number of records".to_owned());
        if count.path.is_none() {
            return header_number(count, headers).ok_or_else(missing);
        }
        read_number(count, &self.parse(body)?, headers).ok_or_else(missing)
    }

    fn read_one(&self, look_up: &PlannedLookUp, body: &[u8], tables: &Tables) -> Result<ListPage, Error> {
        let body = self.parse(body)?;
        let get_many = self
            .parts
            .get_many
            .as_ref()
            .ok_or_else(|| malformed("records are not fetched by key".to_owned()))?;
        let found = get_many.record.first(&body).filter(|row| !row.is_null());
        if self.parts.list.each.is_some() {
            // What is asked for is one of the elements within; the others are left out by their keys.
            let rows: Vec<json::Value<'_>> = match found.map(|row| (row, row.elements())) {
                Some((_, Some(list))) => list.to_vec(),
                Some((row, None)) => vec![row.clone()],
                None => Vec::new(),
            };
            let page = self.read_rows(&look_up.request, &body, &rows, &HeaderMap::new(), tables)?;
            return Ok(ListPage { next: None, ..page });
        }
        // Some systems answer with a list of at most one record.
        let row = found.and_then(|row| match row.elements() {
            Some(list) => list.first(),
            None => Some(row),
        });
        let joined = row.map(|row| self.joined(row, tables));
        let records = match row.zip(joined.as_deref()) {
            Some((row, joined)) if row.is_object() && !self.mapping.keeps(joined) => Vec::new(),
            Some((row, joined)) if row.is_object() => {
                let mapped = self.mapping.map_row(joined, &look_up.request.projection, Utc::now());
                let mapped = mapped.map_err(|_| malformed(format!("the row of `{}` has no key", self.remote())))?;
                vec![with_own_row(mapped, row, joined)]
            }
            Some(_) => return Err(malformed(format!("the answer has no row of `{}`", self.remote()))),
            None => Vec::new(),
        };
        Ok(ListPage {
            rows: records.len(),
            records,
            next: None,
            total: None,
            sought: false,
        })
    }

    /// Parses an answer, with lists for what of it is one.
    fn parse<'b>(&self, body: &'b [u8]) -> Result<json::Value<'b>, Error> {
        let mut value = json::parse(body)?;
        self.parts.list.lists.apply(&mut value);
        Ok(value)
    }

    /// Gives a row the entries of its codes.
    fn joined<'r, 'b>(&self, row: &'r json::Value<'b>, tables: &Tables) -> Cow<'r, json::Value<'b>> {
        if self.parts.joins.is_empty() {
            return Cow::Borrowed(row);
        }
        let mut row = row.clone();
        tables.join(&self.parts.joins, &mut row);
        Cow::Owned(row)
    }

    fn rows<'b>(&self, body: &'b json::Value<'b>) -> Result<Cow<'b, [json::Value<'b>]>, Error> {
        let path = &self.parts.list.records;
        let rows = path.first(body).and_then(|rows| rows.elements());
        let rows = rows.ok_or_else(|| {
            let place = if path.is_empty() {
                String::new()
            } else {
                format!(" at `{}`", path.text())
            };
            malformed(format!("the answer has no list of rows{place}"))
        })?;
        let list = &self.parts.list;
        Ok(match (&list.cells, &list.pairs) {
            (Some(cells), _) => Cow::Owned(cells.cut(body, rows).map_err(malformed)?),
            (None, Some(pairs)) => rows.iter().map(|row| members_of(row, pairs)).collect(),
            (None, None) => Cow::Borrowed(rows),
        })
    }

    fn next(
        &self,
        request: &ListRequest,
        body: &json::Value<'_>,
        rows: &[json::Value<'_>],
        headers: &HeaderMap,
    ) -> Result<Option<PageState>, Error> {
        let full = rows.len() >= usize::try_from(self.page_limit(request.limit)).unwrap_or(usize::MAX);
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let told = self.told_more(body);
        if told == Some(false) {
            return Ok(None);
        }
        // A page without rows cannot be believed to have more behind it.
        let full = full || (told == Some(true) && count > 0);
        Ok(match &self.parts.list.paging {
            PagingPlan::None => None,
            PagingPlan::Offset { first, more } => {
                let follows = more
                    .as_ref()
                    .and_then(|path| path.first(body))
                    .is_some_and(|value| !json::is_blank(value));
                let at = match &request.page {
                    Some(PageState::Offset(at)) => *at,
                    _ => *first,
                };
                (count > 0 && (full || follows)).then(|| PageState::Offset(at.saturating_add(count)))
            }
            PagingPlan::Page { first } => {
                let at = match &request.page {
                    Some(PageState::Page(at)) => *at,
                    _ => *first,
                };
                full.then(|| PageState::Page(at.saturating_add(1)))
            }
            PagingPlan::Cursor { next } => {
                let text = next
                    .first(body)
                    .filter(|value| !json::is_blank(value) && value.as_bool() != Some(false))
                    .and_then(json::scalar_text);
                let next = text.map(|text| PageState::Cursor(text.to_owned()));
                moved(next, request)?
            }
            PagingPlan::Link { body: path, header } => {
                let in_body = path
                    .as_ref()
                    .and_then(|path| path.first(body)?.as_str().map(str::to_owned));
                let link = in_body.or_else(|| header.as_ref().and_then(|header| link_in(headers, header)));
                moved(
                    link.filter(|link| !link.trim().is_empty()).map(PageState::Link),
                    request,
                )?
            }
            PagingPlan::Keyset | PagingPlan::StartKey { .. } if full => {
                let last = rows.iter().rev().find_map(|row| self.mapping.key_of(row));
                moved(last.map(PageState::Keyset), request)?
            }
            PagingPlan::Range { first, header } => {
                let at = match &request.page {
                    Some(PageState::Offset(at)) => *at,
                    _ => *first,
                };
                let next = at.saturating_add(count);
                let follows = match range_of(headers, header) {
                    Some((end, Some(total))) => end.saturating_add(1).saturating_sub(*first) < total,
                    _ => full,
                };
                (count > 0 && follows).then_some(PageState::Offset(next))
            }
            PagingPlan::ServerCursor { next, .. } => {
                let (before, from) = match &request.page {
                    Some(PageState::Held { last, from, .. }) => (last.clone(), from.clone()),
                    _ => (None, None),
                };
                let last = rows.iter().rev().find_map(|row| self.mapping.key_of(row));
                let cursor = next
                    .first(body)
                    .filter(|value| !json::is_blank(value) && value.as_bool() != Some(false))
                    .and_then(json::scalar_text);
                // Some systems name the same cursor on every page and move it themselves.
                cursor.filter(|_| count > 0).map(|cursor| PageState::Held {
                    cursor: cursor.to_owned(),
                    last: last.or(before),
                    from,
                })
            }
            PagingPlan::LastRow(path) if full => {
                let last = rows.last().and_then(|row| json::scalar_text(path.first(row)?));
                moved(last.map(|text| PageState::Cursor(text.to_owned())), request)?
            }
            PagingPlan::Keyset | PagingPlan::StartKey { .. } | PagingPlan::LastRow(_) => None,
        })
    }
}

/// Reads the place of the last record and the number of all from a header such as `items 0-49/200`.
fn range_of(headers: &HeaderMap, name: &str) -> Option<(u64, Option<u64>)> {
    let text = headers.get(name)?.to_str().ok()?;
    let (range, total) = text.split_once('/')?;
    let (_, end) = range.rsplit_once('-')?;
    Some((end.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Keeps the row as the system sent it, without what was joined: a write may send it back.
fn with_own_row(mut record: Record, row: &json::Value<'_>, joined: &json::Value<'_>) -> Record {
    if record.raw.is_some() && !std::ptr::eq(row, joined) {
        record.raw = Some(row.to_string().into());
    }
    record
}

/// Returns a row once for each element of one of its lists, with the element in the place of the list. The list is a
/// member, or a member of a member: `POITEM.item`.
fn elements_of<'v>(row: &json::Value<'v>, name: &'v str) -> Vec<json::Value<'v>> {
    if let Some((outer, inner)) = name.split_once('.').filter(|_| row.get(name).is_none()) {
        let within = row
            .get(outer)
            .map(|within| elements_of(within, inner))
            .unwrap_or_default();
        let rest = without(row, outer);
        return within
            .into_iter()
            .map(|within| with_member(&rest, outer, within))
            .collect();
    }
    let elements = row.get(name).and_then(json::Value::elements).unwrap_or_default();
    let rest = without(row, name);
    elements
        .iter()
        .map(|element| with_member(&rest, name, element.clone()))
        .collect()
}

/// Returns a row without one of its members.
fn without<'v>(row: &json::Value<'v>, name: &str) -> json::Value<'v> {
    let others = row.members().unwrap_or_default().iter();
    json::Value::Object(others.filter(|(own, _)| own != name).cloned().collect())
}

fn with_member<'v>(row: &json::Value<'v>, name: &'v str, value: json::Value<'v>) -> json::Value<'v> {
    let mut row = row.clone();
    row.insert(name, value);
    row
}

/// Refuses rows that would be repeated too often: each element of a list carries the rest of its row.
fn check_repeated(rows: &[json::Value<'_>], name: &str) -> Result<(), Error> {
    let outer = name.split_once('.').map_or(name, |(outer, _)| outer);
    let mut values = 0_usize;
    for row in rows {
        let own = row.get(name).and_then(json::Value::elements);
        let inner = || row.get(outer)?.get(name.split_once('.')?.1)?.elements();
        let elements = own.or_else(inner).map_or(0, <[_]>::len);
        let members = row.members().unwrap_or_default().iter();
        let rest = members
            .filter(|(own, _)| own != outer && own != name)
            .map(|(_, value)| size_of(value));
        values = values.saturating_add(elements.saturating_mul(rest.sum::<usize>().saturating_add(1)));
    }
    if values > MOST_REPEATED {
        return Err(malformed(format!("the lists at `{name}` are longer than is read")));
    }
    Ok(())
}

/// Returns of how many values a value is made.
fn size_of(value: &json::Value<'_>) -> usize {
    let elements = value.elements().unwrap_or_default().iter().map(size_of);
    let members = value
        .members()
        .unwrap_or_default()
        .iter()
        .map(|(_, value)| size_of(value));
    1 + elements.sum::<usize>() + members.sum::<usize>()
}

/// Returns a row of names and values with a member for each name; its other members stay.
fn members_of<'v>(row: &json::Value<'v>, pairs: &RowPairs) -> json::Value<'v> {
    let elements = row.get(&pairs.of).and_then(json::Value::elements).unwrap_or_default();
    let others = row.members().unwrap_or_default().iter();
    let mut members: Vec<_> = others.filter(|(name, _)| name != &pairs.of).cloned().collect();
    for element in elements {
        if let Some(name) = element.get(&pairs.name).and_then(json::scalar_text) {
            let value = element.get(&pairs.value).cloned().unwrap_or(json::Value::Null);
            members.push((name.to_owned().into(), value));
        }
    }
    json::Value::Object(members.into())
}

/// Refuses a next page that is the one just read, which would be read for ever.
fn moved(next: Option<PageState>, request: &ListRequest) -> Result<Option<PageState>, Error> {
    if next.is_some() && next == request.page {
        return Err(malformed("the system gives the same page again and again".to_owned()));
    }
    Ok(next)
}

/// Finds the address of the next page in a header; in `Link` the one with `rel="next"`.
fn link_in(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    if !name.eq_ignore_ascii_case("link") {
        return values.next().map(|value| value.trim().to_owned());
    }
    let parse = |value: &str| {
        let mut rest = value;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, after) = after.split_once('>')?;
            let end = after.find('<').unwrap_or(after.len());
            let (parameters, following) = after.split_at(end);
            let is_next = parameters.split(';').any(|parameter| {
                let parameter = parameter.trim().trim_end_matches(',').trim().to_ascii_lowercase();
                let rel = parameter
                    .strip_prefix("rel")
                    .map(str::trim_start)
                    .and_then(|rest| rest.strip_prefix('='));
                rel.is_some_and(|rel| {
                    rel.trim()
                        .trim_matches('"')
                        .split_whitespace()
                        .any(|word| word == "next")
                })
            });
            if is_next {
                return Some(target.trim().to_owned());
            }
            rest = following;
        }
        None
    };
    values.find_map(parse)
}

fn read_number(count: &CountPlan, body: &json::Value<'_>, headers: &HeaderMap) -> Option<u64> {
    let in_body = count
        .path
        .as_ref()
        .and_then(|path| path.first(body))
        .and_then(json::scalar_text)
        .and_then(|text| text.trim().parse().ok());
    in_body.or_else(|| header_number(count, headers))
}

/// Reads a number from a header; of a range such as `records 0-2/10` what follows the slash.
fn header_number(count: &CountPlan, headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(count.header.as_deref()?)?.to_str().ok()?;
    text.rsplit('/').next()?.trim().parse().ok()
}

fn malformed(message: String) -> Error {
    Error::new(ErrorKind::MalformedResponse, message)
}
