//! The queries that the demo prints and the playground opens.

use serde::{Serialize, Serializer};

/// A query to try.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// The document, without an empty line at its end.
    #[serde(serialize_with = "trimmed")]
    pub query: &'static str,
}

/// The examples; the first is the one that the playground shows first.
pub const EXAMPLES: [Example; 3] = [
    Example {
        title: "Purchase orders of every system, with vendor, lines, items and their stock",
        query: include_str!("../console/examples/purchase-orders.graphql"),
    },
    Example {
        title: "Open work orders of every system, last changed first, with their assets",
        query: include_str!("../console/examples/work-orders.graphql"),
    },
    Example {
        title: "The connections, and what their connectors offer",
        query: include_str!("../console/examples/connections.graphql"),
    },
];

fn trimmed<S: Serializer>(query: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(query.trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn every_example_is_one_named_query_that_fits_the_schema() {
        let schema = lineshaft_api::sdl();
        for example in EXAMPLES {
            let document = async_graphql::parser::parse_query(example.query).unwrap();
            assert_eq!(document.operations.iter().count(), 1, "{}", example.title);
            assert!(example.query.starts_with("query "), "{}", example.title);
            for word in example.query.split(|letter: char| !letter.is_alphanumeric()) {
                let is_field = word.chars().next().is_some_and(char::is_lowercase) && word != "query";
                assert!(!is_field || schema.contains(word), "{word} is not in the schema");
            }
        }
    }
}
