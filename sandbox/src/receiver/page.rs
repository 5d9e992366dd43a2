//! The page for a person: what came, the latest first, with headers and body to unfold.

use super::{Received, Verdict};
use crate::html::escape;

/// How many requests the page shows.
const SHOWN: usize = 100;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #c8cdd5; --soft: #5a6575; --good: #17703c; --bad: #a3211b }
@media (prefers-color-scheme: dark) { :root { --line: #3f4857; --soft: #a4aebd; --good: #6fd39a; --bad: #ff9d96 } }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.3rem } .soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
details { border: 1px solid var(--line); border-radius: 8px; padding: .5rem .75rem; margin-bottom: .5rem }
summary { cursor: pointer } summary b { margin-right: .5rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0; font: 13px/1.45 ui-monospace, monospace }
";

/// Writes the page.
pub(super) fn write(received: &[Received]) -> String {
    let shown: String = received.iter().rev().take(SHOWN).map(entry).collect();
    let count = match received.len() {
        0 => "Nothing was received yet.".to_owned(),
        1 => "One request.".to_owned(),
        number => format!("{number} requests, the latest first."),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Webhook receiver</title>\
         <style>{STYLE}</style></head><body><main><h1>Webhook receiver</h1>\
         <p class=\"soft\">{count} As JSON: <a href=\"/_received\">/_received</a></p>{shown}</main></body></html>\n"
    )
}

fn entry(one: &Received) -> String {
    let document = one.json();
    let kind = document.get("type").and_then(serde_json::Value::as_str);
    let headers: String = one
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", escape(value)))
        .collect();
    let body = match &document {
        serde_json::Value::Null => one.body.clone(),
        document => serde_json::to_string_pretty(document).unwrap_or_default(),
    };
    let answered = match one.status {
        0 => "<span class=\"bad\">never answered</span>".to_owned(),
        status @ 200..=299 => format!("answered with {status}"),
        status => format!("<span class=\"bad\">answered with {status}</span>"),
    };
    format!(
        "<details><summary><b>{number}</b>{kind} <span class=\"soft\">{method} {path} · {at} · {answered} · \
         {signature}</span></summary><pre class=\"soft\">{headers}</pre><pre>{body}</pre></details>",
        number = one.number,
        kind = escape(kind.unwrap_or("request")),
        method = escape(&one.method),
        path = escape(&one.path),
        at = one.at.format("%H:%M:%S%.3f UTC"),
        signature = signature(&one.signature),
        body = escape(&body),
    )
}

fn signature(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Unchecked => "signature not checked".to_owned(),
        Verdict::Valid => "<span class=\"good\">signature valid</span>".to_owned(),
        Verdict::Invalid(reason) => format!("<span class=\"bad\">signature invalid: {}</span>", escape(reason)),
    }
}
