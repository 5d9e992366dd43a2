//! The documents that the demo prints and the playground opens.

use serde::{Serialize, Serializer};

/// Something to try.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// The document, without an empty line at its end.
    #[serde(serialize_with = "trimmed")]
    pub query: &'static str,
}

/// The examples; the first is the one that the playground shows first.
pub const EXAMPLES: [Example; 5] = [
    Example {
        title: "Purchase orders of every system, with vendor, lines, items and their stock",
        query: include_str!("../console/examples/purchase-orders.graphql"),
    },
    Example {
        title: "Open work orders of every system, with their assets",
        query: include_str!("../console/examples/work-orders.graphql"),
    },
    Example {
        title: "The connections, and what their connectors offer",
        query: include_str!("../console/examples/connections.graphql"),
    },
    Example {
        title: "A first write, dry: what would be sent to make a vendor",
        query: include_str!("../console/examples/first-write.graphql"),
    },
    Example {
        title: "The log of writes",
        query: include_str!("../console/examples/writes.graphql"),
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
    fn every_example_is_one_named_operation_that_fits_the_schema() {
        let schema = lineshaft_api::sdl();
        for example in EXAMPLES {
            let document = async_graphql::parser::parse_query(example.query).unwrap();
            assert_eq!(document.operations.iter().count(), 1, "{}", example.title);
            let told = |line: &&str| !line.starts_with('#');
            let query: String = example.query.lines().filter(told).collect::<Vec<_>>().join("\n");
            let is_named = ["query ", "mutation "].iter().any(|kind| query.starts_with(kind));
            assert!(is_named, "{}", example.title);
            // Words of the client's own: the kind of operation, texts, variables.
            let own = ["query", "mutation", "connection"];
            for word in query
                .split('"')
                .step_by(2)
                .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()))
            {
                let is_field = word.chars().next().is_some_and(char::is_lowercase) && !own.contains(&word);
                assert!(!is_field || schema.contains(word), "{word} is not in the schema");
            }
        }
    }
}
