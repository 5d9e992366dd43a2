//! Puts the members of an answer into the order in which the document asks for them. The executor writes them in the
//! order in which they were ready.

use async_graphql::{
    Name, Value,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use indexmap::IndexMap;

/// The fields of an object by their keys in the answer, in the order of the document, each with what it selects.
type Asked<'d> = IndexMap<&'d Name, Vec<&'d SelectionSet>>;

/// Orders an answer to an operation whose root selects this.
pub(super) fn arrange(data: &mut Value, root: &SelectionSet, document: &ExecutableDocument) {
    arrange_all(vec![data], &[root], document);
}

/// Orders values of one place in the document, however many lists hold them.
fn arrange_all(values: Vec<&mut Value>, sets: &[&SelectionSet], document: &ExecutableDocument) {
    let mut objects = Vec::new();
    let mut left = values;
    while let Some(value) = left.pop() {
        match value {
            Value::Object(object) => objects.push(object),
            Value::List(list) => left.extend(list),
            _ => {}
        }
    }
    if objects.is_empty() {
        return;
    }
    let mut asked = Asked::new();
    for set in sets {
        collect(set, document, &mut asked);
    }
    for object in &mut objects {
        if !is_ordered(object, &asked) {
            let mut unordered = std::mem::take(*object);
            let known = asked
                .keys()
                .filter_map(|key| unordered.swap_remove_entry(*key))
                .collect::<Vec<_>>();
            object.extend(known);
            object.extend(unordered);
        }
    }
    for (key, sets) in &asked {
        if sets.iter().any(|set| !set.items.is_empty()) {
            let members = objects.iter_mut().filter_map(|object| object.get_mut(*key)).collect();
            arrange_all(members, sets, document);
        }
    }
}

fn is_ordered(object: &IndexMap<Name, Value>, asked: &Asked<'_>) -> bool {
    let places = object.keys().map(|key| asked.get_index_of(key));
    places.is_sorted_by(|left, right| left.is_some() && left <= right)
}

fn collect<'d>(set: &'d SelectionSet, document: &'d ExecutableDocument, asked: &mut Asked<'d>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                asked.entry(key).or_default().push(&field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, document, asked),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, asked);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use async_graphql::parser::{parse_query, types::DocumentOperations};

    use super::*;

    #[test]
    fn members_stand_as_the_document_asks_for_them() {
        let document =
            parse_query("{ b: one { z ...Rest ... on T { a } } list { y x } c } fragment Rest on T { m }").unwrap();
        let DocumentOperations::Single(operation) = &document.operations else {
            panic!()
        };
        let text = r#"{"c":1,"list":[{"x":1,"y":2},null,{"y":1,"x":2}],"b":{"a":1,"m":2,"z":3}}"#;
        let mut data = Value::from_json(serde_json::from_str(text).unwrap()).unwrap();
        arrange(&mut data, &operation.node.selection_set.node, &document);
        let ordered = r#"{"b":{"z":3,"m":2,"a":1},"list":[{"y":2,"x":1},null,{"y":1,"x":2}],"c":1}"#;
        assert_eq!(serde_json::to_string(&data).unwrap(), ordered);
    }
}
