//! Turns moments into the local time of the simulated Maximo server, whose offset changes with daylight saving.

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, Utc, Weekday};

const STANDARD_HOURS: i64 = -5;
const SUMMER_HOURS: i64 = -4;

/// Writes a moment as Maximo answers it: whole seconds with the offset of that day.
pub(super) fn written(moment: DateTime<Utc>) -> String {
    let hours = offset_hours(moment.naive_utc() + Duration::hours(STANDARD_HOURS));
    match FixedOffset::east_opt((hours * 3600) as i32) {
        Some(offset) => moment.with_timezone(&offset).format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        None => moment.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
    }
}

/// Reads a local time of the server.
pub(super) fn from_local(local: NaiveDateTime) -> DateTime<Utc> {
    (local - Duration::hours(offset_hours(local))).and_utc()
}

/// Returns the offset from UTC, in hours, that holds at a local time.
fn offset_hours(local: NaiveDateTime) -> i64 {
    let year = local.year();
    let bounds = nth_sunday(year, 3, 2).zip(nth_sunday(year, 11, 1));
    match bounds {
        Some((start, end)) if local >= start + Duration::hours(2) && local < end + Duration::hours(1) => SUMMER_HOURS,
        _ => STANDARD_HOURS,
    }
}

fn nth_sunday(year: i32, month: u32, nth: u8) -> Option<NaiveDateTime> {
    NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, nth)?.and_hms_opt(0, 0, 0)
}
