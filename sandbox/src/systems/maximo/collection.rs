//! Answers for object structures: a collection with its filters, order and pages, one record, the children of a record.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Parameters;
use super::change::next_statuses;
use super::dataset::{Dataset, Row};
use super::evaluate::{is_like, satisfies, sort};
use super::problem::Problem;
use super::query::{Selection, parse_order, parse_select, parse_where};
use super::structures::Structure;
use super::write::{self, Style};

/// The server's maximum page size (`mxe.oslc.maxpagesize`), and the size of pages nobody asked for.
const MAXIMUM_PAGE_SIZE: u64 = 1000;
/// How long a server-side cursor lives without being used.
const CURSOR_LIFE: Duration = Duration::from_secs(300);

/// What is asked for.
pub(super) struct Target<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) structure: &'a Structure,
    /// Leaves storerooms out, as the operating locations do.
    pub(super) only_operating: bool,
    /// The address of the structure.
    pub(super) address: String,
    /// The query as it was sent, for links to other pages.
    pub(super) sent: &'a str,
    pub(super) parameters: &'a Parameters,
}

impl Target<'_> {
    fn style(&self) -> Style {
        Style {
            lean: self.parameters.is_on("lean"),
            keep_nulls: self.parameters.get("_dropnulls") == Some("0"),
            internal_values: self.parameters.is_on("internalvalues"),
            collection_references: !self.parameters.is_on("ignorecollectionref"),
        }
    }

    fn selection(&self) -> Result<Option<Selection>, Problem> {
        let Some(clause) = self.parameters.get("oslc.select").filter(|clause| !clause.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(parse_select(
            clause,
            &self.structure.shape,
            &self.dataset.catalogue,
        )?))
    }

    fn find(&self, id: &str) -> Result<&Row, Problem> {
        self.dataset
            .table(self.structure)
            .find(id)
            .ok_or_else(|| Problem::not_found(id))
    }
}

/// The server-side cursors of `stablepaging`: forward only, dead after five idle minutes.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    open: Mutex<HashMap<u64, Cursor>>,
}

#[derive(Debug)]
struct Cursor {
    ids: Vec<String>,
    next_page: u64,
    used_at: Instant,
}

impl Cursors {
    fn open(&self, ids: Vec<String>) -> u64 {
        let mut cursors = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let id = loop {
            let id = fastrand::u64(100_000..1_000_000_000);
            if !cursors.contains_key(&id) {
                break id;
            }
        };
        cursors.insert(
            id,
            Cursor {
                ids,
                next_page: 2,
                used_at: Instant::now(),
            },
        );
        id
    }

    fn advance(&self, id: u64, page: u64) -> Result<Vec<String>, Problem> {
        let mut cursors = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.retain(|_, cursor| cursor.used_at.elapsed() < CURSOR_LIFE);
        let cursor = cursors.get_mut(&id).filter(|cursor| cursor.next_page == page);
        let cursor = cursor.ok_or_else(Problem::cursor_gone)?;
        cursor.next_page += 1;
        cursor.used_at = Instant::now();
        Ok(cursor.ids.clone())
    }
}

/// Answers a collection.
pub(super) fn list(target: &Target<'_>, cursors: &Cursors) -> Result<Value, Problem> {
    let parameters = target.parameters;
    let size = parameters.number("oslc.pageSize")?.unwrap_or(MAXIMUM_PAGE_SIZE);
    if size > MAXIMUM_PAGE_SIZE {
        return Err(Problem::page_too_large(size, MAXIMUM_PAGE_SIZE));
    }
    let size = size.max(1);
    let page = parameters.number("pageno")?.unwrap_or(1).max(1);
    let selection = target.selection()?;
    let (rows, stable_id) = match parameters.number("stableid")? {
        Some(id) => {
            let ids = cursors.advance(id, page)?;
            let table = target.dataset.table(target.structure);
            (ids.iter().filter_map(|id| table.find(id)).collect(), Some(id))
        }
        None => {
            let rows = matching(target)?;
            let is_stable = parameters.is_on("stablepaging");
            let id = is_stable.then(|| cursors.open(rows.iter().map(|row| row.id.clone()).collect()));
            (rows, id)
        }
    };
    if parameters.is_on("count") {
        return Ok(json!({"totalCount": rows.len()}));
    }
    let start = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let count = usize::try_from(size).unwrap_or(usize::MAX);
    let style = target.style();
    let members: Vec<Value> = rows
        .iter()
        .skip(start)
        .take(count)
        .map(|row| {
            let shape = &target.structure.shape;
            write::record(row, shape, selection.as_ref(), &style, target.dataset, &target.address)
        })
        .collect();
    let has_next = rows.len() > start.saturating_add(count);
    let info = page_information(target, &style, rows.len(), page, size, has_next, stable_id);
    let mut body = Map::new();
    if style.lean {
        body.insert("member".into(), members.into());
        body.insert("href".into(), target.address.clone().into());
        body.insert("responseInfo".into(), info);
    } else {
        body.insert("prefixes".into(), prefixes());
        body.insert("rdfs:member".into(), members.into());
        body.insert("rdf:about".into(), target.address.clone().into());
        body.insert("oslc:responseInfo".into(), info);
    }
    Ok(Value::Object(body))
}

fn prefixes() -> Value {
    json!({
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "oslc": "http://open-services.net/ns/core#",
        "spi": "http://jazz.net/ns/ism/asset/smarter_physical_infrastructure#",
    })
}

fn matching<'a>(target: &Target<'a>) -> Result<Vec<&'a Row>, Problem> {
    let shape = &target.structure.shape;
    let catalogue = &target.dataset.catalogue;
    let conditions = match target.parameters.get("oslc.where") {
        Some(clause) if !clause.trim().is_empty() => parse_where(clause, shape, catalogue)?,
        _ => Vec::new(),
    };
    let orders = match target.parameters.get("oslc.orderBy") {
        Some(clause) if !clause.is_empty() => parse_order(clause, shape)?,
        _ => Vec::new(),
    };
    let internal = target.parameters.get("domaininternalwhere").map(InternalValues::parse);
    let terms = target.parameters.get("oslc.searchTerms").map(search_terms);
    let mut rows: Vec<&Row> = target
        .dataset
        .table(target.structure)
        .rows
        .iter()
        .filter(|row| !target.only_operating || row.values.get("type") == Some(&Value::from("OPERATING")))
        .filter(|row| satisfies(row, &conditions, shape, target.dataset))
        .filter(|row| internal.as_ref().is_none_or(|values| values.hold(row)))
        .filter(|row| terms.as_ref().is_none_or(|terms| is_found(row, terms)))
        .collect();
    sort(&mut rows, &orders);
    Ok(rows)
}

/// A filter by internal synonym values, such as `status=APPR,INPRG`.
struct InternalValues {
    attribute: String,
    negated: bool,
    values: Vec<String>,
}

impl InternalValues {
    fn parse(clause: &str) -> Self {
        let (attribute, values) = clause.split_once('=').unwrap_or((clause, ""));
        Self {
            negated: attribute.ends_with('!'),
            attribute: attribute.trim_end_matches('!').trim().to_owned(),
            values: values.split(',').map(|value| value.trim().to_owned()).collect(),
        }
    }

    fn hold(&self, row: &Row) -> bool {
        let value = row.values.get(&self.attribute).and_then(Value::as_str);
        value.is_some_and(|value| self.values.iter().any(|one| one == value)) != self.negated
    }
}

fn search_terms(clause: &str) -> Vec<String> {
    clause
        .split(',')
        .map(|term| format!("%{}%", term.trim().trim_matches('"')))
        .collect()
}

fn is_found(row: &Row, terms: &[String]) -> bool {
    terms.iter().all(|term| {
        row.values
            .values()
            .filter_map(Value::as_str)
            .any(|text| is_like(text, term))
    })
}

fn page_information(
    target: &Target<'_>,
    style: &Style,
    total: usize,
    page: u64,
    size: u64,
    has_next: bool,
    stable_id: Option<u64>,
) -> Value {
    let counts = target.parameters.is_on("collectioncount");
    let link = |page: u64| format!("{}?{}", link_address(target), link_query(target.sent, page, stable_id));
    let mut info = Map::new();
    let prefix = if style.lean { "" } else { "oslc:" };
    if has_next {
        let href = link(page + 1);
        let next = if style.lean {
            json!({"href": href})
        } else {
            json!({"rdf:resource": href})
        };
        info.insert(format!("{prefix}nextPage"), next);
    }
    if page > 1 && stable_id.is_none() {
        let href = link(page - 1);
        let previous = if style.lean {
            json!({"href": href})
        } else {
            json!({"rdf:resource": href})
        };
        info.insert(format!("{prefix}previousPage"), previous);
    }
    if counts {
        let pages = u64::try_from(total).unwrap_or(u64::MAX).div_ceil(size);
        info.insert(format!("{prefix}totalCount"), total.into());
        info.insert(format!("{prefix}totalPages"), pages.into());
    }
    info.insert("pagenum".into(), page.into());
    let own = match target.sent {
        "" => link_address(target),
        query => format!("{}?{query}", link_address(target)),
    };
    info.insert(style.address().to_owned(), own.into());
    Value::Object(info)
}

fn link_address(target: &Target<'_>) -> String {
    if !target.parameters.is_on("relativeuri") {
        return target.address.clone();
    }
    match url::Url::parse(&target.address) {
        Ok(address) => address.path().to_owned(),
        Err(_) => target.address.clone(),
    }
}

/// Returns the query of another page: the parameters as they were sent, with another page number.
fn link_query(sent: &str, page: u64, stable_id: Option<u64>) -> String {
    let mut pairs: Vec<String> = sent
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("pageno=") && !pair.starts_with("stableid="))
        .map(str::to_owned)
        .collect();
    if let Some(id) = stable_id {
        pairs.push(format!("stableid={id}"));
    }
    pairs.push(format!("pageno={page}"));
    pairs.join("&")
}

/// Answers one record by the tail of its href.
pub(super) fn one(target: &Target<'_>, id: &str) -> Result<Value, Problem> {
    let row = target.find(id)?;
    let selection = target.selection()?.unwrap_or_else(Selection::everything);
    let shape = &target.structure.shape;
    Ok(write::record(
        row,
        shape,
        Some(&selection),
        &target.style(),
        target.dataset,
        &target.address,
    ))
}

/// Answers the children of a record, or the codes one of its attributes may take (`getlist~status`).
pub(super) fn children(target: &Target<'_>, id: &str, name: &str) -> Result<Value, Problem> {
    let row = target.find(id)?;
    if let Some(attribute) = name.strip_prefix("getlist~") {
        return codes(target, row, attribute);
    }
    let child = target
        .structure
        .shape
        .child(name)
        .ok_or_else(|| Problem::not_found(name))?;
    let nothing = Vec::new();
    let rows = row.values.get(name).and_then(Value::as_array).unwrap_or(&nothing);
    let selection = match target.parameters.get("oslc.select") {
        Some(clause) => parse_select(clause, &child.shape, &target.dataset.catalogue)?,
        None => Selection::everything(),
    };
    let address = format!("{}/{id}/{name}", target.address);
    let style = target.style();
    let members = write::children(rows, &child.shape, &selection, &style, &address);
    let name = if style.lean { "member" } else { "rdfs:member" };
    let mut body = Map::new();
    body.insert(name.into(), members);
    body.insert(style.address().into(), address.into());
    Ok(Value::Object(body))
}

fn codes(target: &Target<'_>, row: &Row, name: &str) -> Result<Value, Problem> {
    let attribute = target
        .structure
        .shape
        .attribute(name)
        .filter(|attribute| attribute.domain);
    let attribute = attribute.ok_or_else(|| Problem::not_found(name))?;
    let mut codes: Vec<&str> = target
        .dataset
        .table(target.structure)
        .rows
        .iter()
        .filter_map(|row| row.values.get(&attribute.name)?.as_str())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    if attribute.name == "status"
        && let Some(next) = next_statuses(&target.structure.name, row)
    {
        codes = next.to_vec();
    }
    let members: Vec<Value> = codes
        .into_iter()
        .map(|code| json!({"value": code, "maxvalue": code}))
        .collect();
    Ok(json!({"member": members}))
}
