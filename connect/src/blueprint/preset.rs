//! What a protocol means for lists when the manifest does not say otherwise.

use indexmap::IndexMap;
use serde_json::json;

use crate::manifest::{Count, Dialect, GetMany, ListOperation, Paging, Protocol, Request, Select, Strategy};

/// The defaults of a protocol.
pub(super) struct Preset {
    pub(super) dialect: Dialect,
    pub(super) list: ListOperation,
    pub(super) get_many: GetMany,
}

/// Returns the defaults of a protocol.
pub(super) fn preset(protocol: Protocol) -> Preset {
    match protocol {
        Protocol::OdataV2 => Preset {
            dialect: Dialect::OdataV2,
            list: ListOperation {
                records: Some("d.results".to_owned()),
                paging: Some(Paging::Offset {
                    first: 0,
                    more: Some("d.__next".to_owned()),
                }),
                count: Some(count("d.__count", "$inlinecount", "allpages")),
                select: Some(Select::OdataV2),
                ..odata_list()
            },
            get_many: or_chain(),
        },
        Protocol::OdataV4 => Preset {
            dialect: Dialect::OdataV4,
            list: ListOperation {
                records: Some("value".to_owned()),
                paging: Some(Paging::Offset {
                    first: 0,
                    more: Some("\"@odata.nextLink\"".to_owned()),
                }),
                count: Some(count("\"@odata.count\"", "$count", "true")),
                select: Some(Select::OdataV4),
                ..odata_list()
            },
            get_many: or_chain(),
        },
        Protocol::JsonRest | Protocol::Xml => Preset {
            dialect: Dialect::Parameters,
            list: ListOperation {
                request: Some(Request {
                    path: Some("/{{resource.remote}}".to_owned()),
                    ..Request::default()
                }),
                ..plain_list(Paging::None, Select::None)
            },
            get_many: GetMany::default(),
        },
        Protocol::Sql => Preset {
            dialect: Dialect::Parameters,
            list: ListOperation {
                records: Some("rows".to_owned()),
                max_page_size: Some(1000),
                order_separator: Some(", ".to_owned()),
                ..plain_list(Paging::Offset { first: 0, more: None }, Select::Names)
            },
            get_many: GetMany {
                via: Some(Strategy::In),
                max_keys: Some(500),
                ..GetMany::default()
            },
        },
        Protocol::JsonRpc => Preset {
            dialect: Dialect::DomainPrefix,
            list: ListOperation {
                max_page_size: Some(1000),
                ..plain_list(Paging::Offset { first: 0, more: None }, Select::Names)
            },
            get_many: GetMany {
                via: Some(Strategy::In),
                max_keys: Some(500),
                ..GetMany::default()
            },
        },
    }
}

fn plain_list(paging: Paging, select: Select) -> ListOperation {
    ListOperation {
        records: Some(String::new()),
        paging: Some(paging),
        page_size: Some(100),
        select: Some(select),
        order_separator: Some(",".to_owned()),
        ..ListOperation::default()
    }
}

fn odata_list() -> ListOperation {
    let query = [
        ("$filter", "{{where}}"),
        ("$select", "{{select}}"),
        ("$expand", "{{expand}}"),
        ("$orderby", "{{order}}"),
        ("$top", "{{limit}}"),
        ("$skip", "{{offset}}"),
    ];
    ListOperation {
        request: Some(Request {
            path: Some("/{{resource.remote}}".to_owned()),
            query: texts(&query),
            ..Request::default()
        }),
        page_size: Some(100),
        max_page_size: Some(1000),
        order_separator: Some(",".to_owned()),
        ..ListOperation::default()
    }
}

fn count(path: &str, parameter: &str, value: &str) -> Count {
    Count {
        path: Some(path.to_owned()),
        header: None,
        query: texts(&[(parameter, value)]),
        request: None,
    }
}

fn or_chain() -> GetMany {
    GetMany {
        via: Some(Strategy::OrChain),
        max_keys: Some(50),
        ..GetMany::default()
    }
}

fn texts(pairs: &[(&str, &str)]) -> IndexMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Lays one list over another: what the upper one says counts.
pub(super) fn lay_list(lower: ListOperation, upper: Option<&ListOperation>) -> ListOperation {
    let Some(upper) = upper else {
        return lower;
    };
    let page_size = upper.page_size.or(lower.page_size);
    ListOperation {
        request: lay_request(lower.request, upper.request.as_ref()),
        records: upper.records.clone().or(lower.records),
        each: upper.each.clone().or(lower.each),
        cells: upper.cells.clone().or(lower.cells),
        column: upper.column.clone().or(lower.column),
        pairs: upper.pairs.clone().or(lower.pairs),
        more: if upper.paging.is_some() {
            upper.more.clone()
        } else {
            upper.more.clone().or(lower.more)
        },
        last: if upper.paging.is_some() {
            upper.last.clone()
        } else {
            upper.last.clone().or(lower.last)
        },
        columns: lower.columns.into_iter().chain(upper.columns.clone()).collect(),
        paging: upper.paging.clone().or(lower.paging),
        // A page size of its own without a maximum is also the most that is known to work.
        max_page_size: upper.max_page_size.or(if upper.page_size.is_some() {
            page_size
        } else {
            lower.max_page_size
        }),
        page_size,
        // Rows are counted, not what stands in them.
        count: upper.count.clone().or(lower.count).filter(|_| upper.each.is_none()),
        select: upper.select.or(lower.select),
        order_separator: upper.order_separator.clone().or(lower.order_separator),
        sorts_missing: upper.sorts_missing.or(lower.sorts_missing),
        lacks: if upper.lacks.is_empty() {
            lower.lacks
        } else {
            upper.lacks.clone()
        },
        lists: if upper.lists.is_empty() {
            lower.lists
        } else {
            upper.lists.clone()
        },
    }
}

/// Lays one way to fetch by keys over another.
pub(super) fn lay_get_many(lower: GetMany, upper: Option<&GetMany>) -> GetMany {
    let Some(upper) = upper else {
        return lower;
    };
    GetMany {
        via: upper.via.or(lower.via),
        max_keys: upper.max_keys.or(lower.max_keys),
        request: lay_request(lower.request, upper.request.as_ref()),
        record: upper.record.clone().or(lower.record),
        keep_s: upper.keep_s.or(lower.keep_s),
        max_rows: upper.max_rows.or(lower.max_rows),
        batch: upper.batch.or(lower.batch),
    }
}

/// Lays one request over another; tables are joined, and bodies that are objects too.
pub(crate) fn lay_request(lower: Option<Request>, upper: Option<&Request>) -> Option<Request> {
    let (Some(mut lower), Some(upper)) = (lower.clone(), upper) else {
        return lower.or_else(|| upper.cloned());
    };
    // A GET has no body.
    if upper.method.as_deref() == Some("GET") {
        (lower.body, lower.form, lower.xml) = (None, None, None);
    }
    lower.method = upper.method.clone().or(lower.method);
    lower.path = upper.path.clone().or(lower.path);
    lower.query.extend(upper.query.clone());
    lower.repeat.extend(upper.repeat.iter().cloned());
    lower.headers.extend(upper.headers.clone());
    lower.read_only |= upper.read_only;
    if let Some(form) = &upper.form {
        lower.form.get_or_insert_with(IndexMap::new).extend(form.clone());
    }
    lower.xml = upper.xml.clone().or(lower.xml);
    lower.sql = upper.sql.clone().or(lower.sql);
    lower.values = upper.values.clone().or(lower.values);
    lower.soap_action = upper.soap_action.clone().or(lower.soap_action);
    lower.body = match (lower.body, upper.body.clone()) {
        (Some(serde_json::Value::Object(mut below)), Some(serde_json::Value::Object(above))) => {
            below.extend(above);
            Some(json!(below))
        }
        (below, above) => above.or(below),
    };
    Some(lower)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_get_leaves_the_body_of_the_request_below_behind() {
        let request = |told: serde_json::Value| serde_json::from_value::<Request>(told).unwrap();
        let search = request(json!({
            "method": "POST", "path": "/search", "query": {"all": "1"}, "body": {"size": 10},
        }));
        let by_parent = request(json!({"method": "GET", "path": "/tasks/{{key}}"}));
        let laid = lay_request(Some(search), Some(&by_parent)).unwrap();
        assert_eq!(laid.path.as_deref(), Some("/tasks/{{key}}"));
        assert!(laid.body.is_none());
        assert!(laid.query.contains_key("all"));
    }
}
