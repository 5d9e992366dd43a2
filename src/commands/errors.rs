//! `lineshaft errors`: the manual of error codes, one page for each, generated from the codes of the API and of its
//! transport.

use std::{collections::BTreeMap, process::ExitCode};

use lineshaft_api::{error::CODES, transport::Code};

use super::pages;
use crate::{cli, output::Output};

/// Runs the command.
pub(super) fn run(options: &cli::Errors, out: &mut Output) -> anyhow::Result<ExitCode> {
    let pages = manual();
    if let Some(folder) = &options.check {
        return pages::compare_all(folder, &pages, "lineshaft errors", out);
    }
    let Some(folder) = &options.write else {
        out.text(pages.get(INDEX).map_or("", String::as_str))?;
        for (_, text) in pages.iter().filter(|(name, _)| *name != INDEX) {
            out.text("\n")?;
            out.text(text)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    pages::write_all(folder, &pages, out)
}

/// What one code means where it occurs.
struct Meaning {
    place: &'static str,
    status: Option<u16>,
    retryable: bool,
    text: &'static str,
}

/// The file name of the page that leads to the others.
const INDEX: &str = "README.md";
const OF_REQUEST: &str = "of the request as a whole";
const OF_CONNECTION: &str = "of a query or of one connection";
const BESIDE_DATA: &str = "The rest of the answer stands: HTTP status 200, or 294 for clients that accept \
    `application/graphql-response+json`. When nothing is left of the answer, as with a bad cursor, the status is 422. \
    `NOT_SUPPORTED` of one connection of a list is told in `sources` only.";
const INSTEAD_OF_DATA: &str = "Nothing was executed, or everything was stopped. Limits are named as in the section \
    `[graphql]` of the settings.";

/// Returns all pages by file name.
fn manual() -> BTreeMap<String, String> {
    let mut codes: BTreeMap<&str, Vec<Meaning>> = BTreeMap::new();
    for description in CODES {
        let meaning = Meaning {
            place: OF_CONNECTION,
            status: None,
            retryable: description.retryable,
            text: description.about,
        };
        codes.entry(description.code).or_default().push(meaning);
    }
    for code in Code::ALL {
        let about = code.describe();
        let retryable = matches!(about.status, 408 | 429 | 503);
        let meaning = Meaning {
            place: OF_REQUEST,
            status: Some(about.status),
            retryable,
            text: about.text,
        };
        codes.entry(about.name).or_default().push(meaning);
    }
    let mut pages = BTreeMap::new();
    pages.insert(INDEX.to_owned(), index(&codes));
    for (code, meanings) in &codes {
        pages.insert(format!("{code}.md"), page(code, meanings));
    }
    pages
}

fn index(codes: &BTreeMap<&str, Vec<Meaning>>) -> String {
    let mut text = String::from(
        "# Error codes\n\n\
         Every error of the API has a stable code in `extensions.code`, or in `sources { error { code } }` for one \
         connection of a list. Messages may change; codes do not. `retryable` says whether asking again later may help.\n\n\
         HTTP statuses are those of the setting `graphql.http_status = \"draft\"`.\n\n\
         This folder is written by `lineshaft errors --write docs/errors`.\n",
    );
    text.push_str(&format!("\n## Errors of a query or a connection\n\n{BESIDE_DATA}\n\n"));
    text.push_str("| code | retry | meaning |\n|---|---|---|\n");
    for (code, meaning) in rows(codes, OF_CONNECTION) {
        let retry = retry(meaning);
        text.push_str(&format!("| [{code}]({code}.md) | {retry} | {} |\n", meaning.text));
    }
    text.push_str(&format!("\n## Errors of a whole request\n\n{INSTEAD_OF_DATA}\n\n"));
    text.push_str("| code | HTTP status | retry | meaning |\n|---|---|---|---|\n");
    for (code, meaning) in rows(codes, OF_REQUEST) {
        let (status, retry) = (meaning.status.unwrap_or_default(), retry(meaning));
        text.push_str(&format!(
            "| [{code}]({code}.md) | {status} | {retry} | {} |\n",
            meaning.text
        ));
    }
    text
}

fn rows<'a>(codes: &'a BTreeMap<&str, Vec<Meaning>>, place: &'a str) -> impl Iterator<Item = (&'a str, &'a Meaning)> {
    let meanings = codes
        .iter()
        .flat_map(|(code, meanings)| meanings.iter().map(move |meaning| (*code, meaning)));
    meanings.filter(move |(_, meaning)| meaning.place == place)
}

const fn retry(meaning: &Meaning) -> &'static str {
    if meaning.retryable { "yes" } else { "no" }
}

fn page(code: &str, meanings: &[Meaning]) -> String {
    let mut text = format!("# {code}\n");
    for meaning in meanings {
        if meanings.len() > 1 {
            text.push_str(&format!("\n## As an error {}\n", meaning.place));
        }
        text.push_str(&format!("\n{}\n\n", meaning.text));
        let place = match meaning.status {
            Some(status) => format!("The whole request fails, with HTTP status {status}"),
            None => {
                "In `errors` and, if it is of one connection, in its `sources { error }`; the rest of the answer stands"
                    .to_owned()
            }
        };
        text.push_str(&format!("- Where: {place}.\n"));
        text.push_str(match meaning.retryable {
            true => "- Retry: asking again later may help.\n",
            false => "- Retry: asking again without a change does not help.\n",
        });
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn every_code_has_a_page_and_a_row() {
        let pages = manual();
        let index = pages.get(INDEX).unwrap();
        for code in CODES.iter().map(|code| code.code).chain(Code::ALL.map(Code::name)) {
            assert!(pages.contains_key(&format!("{code}.md")), "{code}");
            assert!(index.contains(&format!("[{code}]")), "{code}");
        }
    }

    #[test]
    fn written_pages_pass_the_check_until_one_changes() {
        let folder = tempfile::tempdir().unwrap();
        let sink = || Output::to(std::io::sink());
        let write = cli::Errors {
            check: None,
            write: Some(folder.path().to_owned()),
        };
        run(&write, &mut sink()).unwrap();
        let check = cli::Errors {
            check: Some(folder.path().to_owned()),
            write: None,
        };
        assert_eq!(run(&check, &mut sink()).unwrap(), ExitCode::SUCCESS);
        std::fs::write(folder.path().join("TIMEOUT.md"), "other").unwrap();
        assert_eq!(run(&check, &mut sink()).unwrap(), ExitCode::FAILURE);
    }
}
