//! The page of the manual over all connectors: what they are, one matrix of what each offers, and what trust means.

use std::sync::Arc;

use lineshaft_connect::manifest::trust::Trust;
use lineshaft_engine::registry::Kind;
use lineshaft_schema::{Catalogue, TypeDef};

use super::MARK;
use crate::commands::connector::{
    coverage::{code, line},
    words, writes,
};

const TRUST: &str = "\n## How far to trust them\n\n\
    Nobody sets the level of a connector: it follows from where its facts come from, type by type. Each spec, a row \
    or an answer of the system and what becomes of it, names its source; mappings mark what somebody only remembers; \
    and what was read and written on a real server is kept, by a test or by [`lineshaft connector \
    verify`](../writing-a-connector.md#5-verify-it-on-a-real-system). A type is a **DRAFT** as soon as anything of \
    it is recalled, one field, one status, one way to write, unless it was seen on such a server, or when no spec \
    shows a row of it. Refusals count for the type that their specs name, and not at all where they name none. \
    Otherwise it is **VERIFIED** if a real server was asked for it, and else the weakest of its specs decides: \
    **RECORDED** when all of them have the shape of recorded answers of real servers, **DOCUMENTED** when one of \
    them follows what the maker has published. A connector is worth as much as the least of its types; \
    behind the level stands of how many types it is the level, where others are above it. A draft may \
    well be right; what of it is recalled stands on the connector's page, and that is what to look at before relying \
    on it.\n\n\
    `connectors { trust entities { entity trust trustBecause } }` tells the same over the API, and \
    `lineshaft connector show ID` on the command line.\n";

const LEGEND: &str = "\n## How to read the pages\n\n\
    - **Read**: `list` reads pages; `get 500` looks up 500 records at once by key; `by purchaseOrder` reads the rows of \
    many parents at once; `count` counts without reading; `seek` goes on behind a known record; `changes` asks for what \
    changed since a moment.\n\
    - **Filters** that the system applies itself. In *italics*: it lets through more, the rest is checked here. What is \
    not named is applied here, up to the limit of scanned records.\n\
    - **Sorted**: the system sorts by the field.\n\
    - **Fields** that can be written: **bold** ones are needed for a new record; of embedded values the parts that can be \
    written stand in parentheses.\n\
    - **Rows** that belong to a record are written *with it*, in one request that is carried out as a whole or not at \
    all, or *after it*, one by one.\n\
    - **Lock**: how `expectedVersion` is compared: by the *system*, or *here* with a fresh copy right before the write.\n\
    - **Mark**: the field that carries our own mark, by which a new record is found again when no answer came.\n\n\
    `writeSchema` tells of one connection what can be written, with what the system itself adds.\n";

/// Returns the page.
pub(super) fn page(kinds: &[Arc<Kind>], catalogue: &Catalogue) -> String {
    let mut page = format!(
        "{MARK}\n# Connectors\n\n\
         {} systems are built in. Each is a folder of YAML in `connectors/`, and no code: \
         [more can be written](../writing-a-connector.md), also for yourself alone.\n",
        kinds.len()
    );
    line(
        &mut page,
        "\n## Systems\n\n| system | id | kind | runs | tier | trust |\n|---|---|---|---|---|---|",
    );
    for kind in kinds {
        let manifest = &kind.manifest;
        line(
            &mut page,
            &format!(
                "| {} | {} | {} | {} | {} | {} |",
                link(kind),
                code(&manifest.id),
                words(&manifest.categories),
                words(&manifest.deployments),
                manifest.tier,
                kind.trust().in_words()
            ),
        );
    }
    matrix(&mut page, kinds, catalogue);
    page.push_str(TRUST);
    page.push_str(LEGEND);
    page
}

/// Writes one row for each system and one column for each entity that any of them has.
fn matrix(page: &mut String, kinds: &[Arc<Kind>], catalogue: &Catalogue) {
    let is_offered = |def: &&TypeDef| kinds.iter().any(|kind| cell(kind, def).is_some());
    let columns: Vec<&TypeDef> = catalogue.entities().filter(is_offered).collect();
    let names: String = columns.iter().map(|def| format!(" {} |", spaced(&def.name))).collect();
    line(
        page,
        &format!(
            "\n## What each offers\n\n\
             **r** is read, **w** is written, in whatever way. Behind it how far to trust that: **V** verified, \
             **R** recorded, **D** documented, and **~** a draft. An empty cell is what the system does not have, or \
             what the connector does not read.\n\n| |{names}\n|---|{}",
            ":-:|".repeat(columns.len())
        ),
    );
    for kind in kinds {
        let cells = columns
            .iter()
            .map(|def| format!(" {} |", cell(kind, def).unwrap_or_default()));
        line(page, &format!("| {} |{}", link(kind), cells.collect::<String>()));
    }
}

fn cell(kind: &Kind, def: &TypeDef) -> Option<String> {
    let is_read = kind.blueprint.capability(def.index).is_some();
    let written = kind.blueprint.writes(def.index);
    let is_written = written.is_some_and(|written| !writes::operations(written).is_empty());
    let operations = match (is_read, is_written) {
        (true, true) => "rw",
        (true, false) => "r",
        (false, true) => "w",
        (false, false) => return None,
    };
    let trust = kind.trust().types.get(&def.name).map(|own| match own.trust {
        Trust::Verified => " V",
        Trust::Recorded => " R",
        Trust::Documented => " D",
        Trust::Draft => " ~",
    });
    Some(format!("{operations}{}", trust.unwrap_or_default()))
}

fn link(kind: &Kind) -> String {
    format!("[{}]({}.md)", kind.manifest.name, kind.manifest.id)
}

/// Returns a name as words, so that columns of tables can be narrow.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
