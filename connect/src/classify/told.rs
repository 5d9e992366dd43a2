//! What answers tell besides their meaning: texts that may be shown, and how long to wait.

use std::{sync::LazyLock, time::Duration};

use chrono::{DateTime, Utc};
use http::HeaderMap;
use regex::Regex;

use crate::manifest::WaitUnit;

static TRACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)(Traceback \(most recent call last\)|\n\s+at |\n\s*File |Stack ?[Tt]race:|--- End of ).*").ok()
});
static FILES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:[A-Za-z]:\\[^\s"']+|(?:^|[\s"'(=])/(?:[\w.@~+-]+/)+[\w.@~+-]+)"#).ok());

/// The longest wait that a system is taken at its word for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Takes stack traces, paths of files and control characters out of a text.
pub(crate) fn clean(text: &str) -> String {
    let text = TRACE
        .as_ref()
        .map_or_else(|| text.into(), |pattern| pattern.replace(text, ""));
    let text = FILES
        .as_ref()
        .map_or_else(|| text.clone(), |pattern| pattern.replace_all(&text, " …"));
    let plain: String = text
        .chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads how long the system asks to wait: seconds or an HTTP date, at most a day.
pub(super) fn retry_after(headers: &HeaderMap, more: &[String]) -> Option<Duration> {
    let names = std::iter::once("retry-after").chain(more.iter().map(String::as_str));
    let waits = names
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .filter_map(|text| wait_of(text.trim(), Utc::now()));
    waits.max().map(|wait| wait.min(LONGEST))
}

/// Reads how long a body says to wait, at most a day.
pub(super) fn wait_of_body(text: &str, unit: WaitUnit) -> Option<Duration> {
    let number = text.trim().parse::<f64>().ok()?;
    let seconds = match unit {
        WaitUnit::S => number,
        WaitUnit::Ms => number / 1000.0,
    };
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(LONGEST))
}

pub(super) fn wait_of(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let moment = DateTime::parse_from_rfc2822(text).ok()?;
    Some((moment.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO))
}
