//! The written bytes are those of `serde_json`, except that finished JSON is copied.

use std::time::Instant;

use async_graphql::{ErrorExtensionValues, Name, PathSegment, Pos, Response, ServerError, Value, indexmap::IndexMap};
use proptest::prelude::*;

use crate::transport::{DataEntry, write_response};

fn written(response: &Response, data: DataEntry) -> String {
    let mut out = Vec::new();
    write_response(&mut out, response, data);
    String::from_utf8(out).unwrap()
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| if number.is_finite() {
            Value::from(number)
        } else {
            Value::Null
        }),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f]{0,40}".prop_map(Value::from),
        "[A-Z_]{1,12}".prop_map(|name| Value::Enum(Name::new(name))),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (Name::new(name), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn error() -> impl Strategy<Value = ServerError> {
    let segment = prop_oneof![
        any::<String>().prop_map(PathSegment::Field),
        any::<usize>().prop_map(PathSegment::Index)
    ];
    (
        any::<String>(),
        prop::collection::vec((1_usize..99, 1_usize..99), 0..3),
        prop::collection::vec(segment, 0..4),
        prop::option::of(prop::collection::vec((any::<String>(), value()), 0..3)),
    )
        .prop_map(|(message, locations, path, extensions)| {
            let mut error = ServerError::new(message, None);
            error.locations = locations.into_iter().map(Pos::from).collect();
            error.path = path;
            error.extensions = extensions.map(|entries| {
                let mut values = ErrorExtensionValues::default();
                entries.into_iter().for_each(|(name, value)| values.set(name, value));
                values
            });
            error
        })
}

proptest! {
    #[test]
    fn equals_serde_json_without_finished_json(
        data in value(),
        extensions in prop::collection::btree_map(any::<String>(), value(), 0..3),
        errors in prop::collection::vec(error(), 0..3),
    ) {
        let mut response = Response::new(data);
        response.extensions = extensions;
        response.errors = errors;
        prop_assert_eq!(written(&response, DataEntry::Present), serde_json::to_string(&response).unwrap());
    }
}

#[test]
fn finished_json_is_copied_as_it_stands() {
    let mut members = IndexMap::new();
    members.insert(Name::new("page"), Value::Binary(r#"{"nodes":[ 1 ]}"#.into()));
    members.insert(
        Name::new("list"),
        Value::List(vec![Value::Binary("null".into()), Value::from("\u{1}\"")]),
    );
    let response = Response::new(Value::Object(members));
    assert_eq!(
        written(&response, DataEntry::Present),
        r#"{"data":{"page":{"nodes":[ 1 ]},"list":[null,"\u0001\""]}}"#
    );
}

#[test]
fn data_is_left_out_when_nothing_was_executed() {
    let response = Response::from_errors(vec![ServerError::new("no", None)]);
    assert_eq!(
        written(&response, DataEntry::Absent),
        r#"{"errors":[{"message":"no"}]}"#
    );
    assert_eq!(
        written(&response, DataEntry::Present),
        r#"{"data":null,"errors":[{"message":"no"}]}"#
    );
}

#[test]
fn special_bytes_are_found_at_every_offset() {
    for length in 0..40 {
        for at in 0..length {
            for special in ['"', '\\', '\n', '\u{1f}', '\u{0}', 'é', '\u{7f}', ' '] {
                let mut text: Vec<char> = vec!['a'; length];
                text[at] = special;
                let response = Response::new(text.into_iter().collect::<String>());
                assert_eq!(
                    written(&response, DataEntry::Present),
                    serde_json::to_string(&response).unwrap()
                );
            }
        }
    }
}

/// Writing is no slower than `serde_json`, with room for a busy machine and an unoptimised build.
#[test]
fn writing_a_page_is_fast() {
    let row = |index: usize| {
        let mut members = IndexMap::new();
        members.insert(Name::new("id"), Value::from(format!("PO-{index:06}")));
        members.insert(
            Name::new("note"),
            Value::from("a note of some length without anything special in it"),
        );
        members.insert(Name::new("total"), Value::from(index));
        Value::Object(members)
    };
    let response = Response::new(Value::List((0..500).map(row).collect()));
    let fastest = |write: &dyn Fn() -> usize| {
        (0..20)
            .map(|_| {
                let start = Instant::now();
                assert!(write() > 10_000);
                start.elapsed()
            })
            .min()
            .unwrap()
    };
    let ours = fastest(&|| written(&response, DataEntry::Present).len());
    let theirs = fastest(&|| serde_json::to_vec(&response).unwrap().len());
    assert!(ours < theirs * 3, "{ours:?} against {theirs:?}");
}
