//! When a failed delivery is tried again: the schedule with its jitter, or later if the endpoint asks for that. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Settings;

/// The longest wait that an endpoint may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns how long to wait after so many failed attempts, or `None` when the delivery is given up. `chance` lies
/// between 0 and 1 and says where in the jitter the wait falls.
pub(super) fn wait(settings: &Settings, attempts: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let planned = settings.schedule.get(index)?.as_secs_f64();
    let jitter = settings.jitter.mul_add(2.0 * chance - 1.0, 1.0);
    let seconds = (planned * settings.schedule_scale * jitter).max(0.0);
    let wait = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_ASKED);
    Some(asked.map_or(wait, |asked| wait.max(asked.min(LONGEST_ASKED))))
}

/// Reads the header `retry-after`: seconds or an HTTP date.
pub(super) fn asked(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = header.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = DateTime::parse_from_rfc2822(text).ok()?;
    Some((moment.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn waits_follow_the_schedule_with_a_fifth_of_jitter_and_end() {
        let settings = Settings::default();
        let seconds = |attempts, chance| wait(&settings, attempts, None, chance).map(|wait| wait.as_secs_f64().round());
        assert_eq!(seconds(1, 0.5), Some(5.0));
        assert_eq!((seconds(1, 0.0), seconds(1, 1.0)), (Some(4.0), Some(6.0)));
        let all: Vec<_> = (1..=10).map(|attempts| seconds(attempts, 0.5)).collect();
        let hours = |hours: f64| Some(hours * 3600.0);
        assert_eq!(all[1..4], [Some(300.0), Some(1800.0), hours(2.0)]);
        assert_eq!(
            all[4..],
            [hours(5.0), hours(10.0), hours(14.0), hours(20.0), hours(24.0), None]
        );
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_less() {
        let settings = Settings::default();
        let asked = |seconds| {
            wait(&settings, 1, Some(Duration::from_secs(seconds)), 0.5)
                .unwrap()
                .as_secs()
        };
        assert_eq!((asked(1), asked(60), asked(1_000_000)), (5, 60, 24 * 60 * 60));
        let quick = Settings {
            schedule_scale: 0.001,
            ..Settings::default()
        };
        assert_eq!(wait(&quick, 2, None, 0.5), Some(Duration::from_millis(300)));
    }

    #[test]
    fn a_wait_is_read_from_seconds_and_from_dates() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 8, 0, 0).unwrap();
        assert_eq!(asked(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(
            asked("Sun, 22 Nov 2026 08:01:00 GMT", now),
            Some(Duration::from_secs(60))
        );
        assert_eq!(asked("Sun, 22 Nov 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(asked("soon", now), None);
    }
}
