//! Writes decimals, days and instants as JSON strings, in their common forms without the general formatting.

use std::io::Write as _;

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Timelike as _, Utc};
use rust_decimal::Decimal;

/// Writes a decimal with all of its places.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: &Decimal) {
    let scale = usize::try_from(number.scale()).unwrap_or(usize::MAX);
    let digits = u64::try_from(number.mantissa().unsigned_abs())
        .ok()
        .filter(|digits| *digits > 0);
    out.push(b'"');
    match digits {
        Some(mut digits) if scale < 19 => {
            if number.is_sign_negative() {
                out.push(b'-');
            }
            // The digits are found from the last one; a number below one has zeros in front.
            let mut text = [b'0'; 20 + 1];
            let mut start = text.len();
            let mut places = 0;
            while digits > 0 || places <= scale {
                if places == scale && scale > 0 {
                    start -= 1;
                    set(&mut text, start, b'.');
                }
                start -= 1;
                set(&mut text, start, digit(digits % 10));
                digits /= 10;
                places += 1;
            }
            out.extend_from_slice(text.get(start..).unwrap_or_default());
        }
        _ => {
            // Writing to memory cannot fail.
            let _ = write!(out, "{number}");
        }
    }
    out.push(b'"');
}

fn set(text: &mut [u8], at: usize, byte: u8) {
    if let Some(slot) = text.get_mut(at) {
        *slot = byte;
    }
}

fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or_default()
}

/// Writes a day.
pub(crate) fn write_date(out: &mut Vec<u8>, date: NaiveDate) {
    out.push(b'"');
    put_date(out, date);
    out.push(b'"');
}

/// Writes an instant in UTC, with as many digits of a second as it has.
pub(crate) fn write_instant(out: &mut Vec<u8>, at: DateTime<Utc>) {
    out.push(b'"');
    let nanos = at.nanosecond();
    if nanos == 0 && (0..10_000).contains(&at.year()) {
        put_date(out, at.date_naive());
        let mut mark = b'T';
        for part in [at.hour(), at.minute(), at.second()] {
            out.push(mark);
            put_pair(out, part);
            mark = b':';
        }
        out.push(b'Z');
    } else {
        out.extend_from_slice(at.to_rfc3339_opts(SecondsFormat::AutoSi, true).as_bytes());
    }
    out.push(b'"');
}

fn put_date(out: &mut Vec<u8>, date: NaiveDate) {
    match u32::try_from(date.year()) {
        Ok(year) if year < 10_000 => {
            put_pair(out, year / 100);
            put_pair(out, year % 100);
            out.push(b'-');
            put_pair(out, date.month());
            out.push(b'-');
            put_pair(out, date.day());
        }
        _ => {
            let _ = write!(out, "{date}");
        }
    }
}

/// Writes two digits.
fn put_pair(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&[digit(u64::from(number / 10)), digit(u64::from(number))]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_below_one_zeros_and_long_ones_are_written() {
        for text in [
            "0",
            "0.00",
            "-0.5",
            "0.005",
            "10",
            "1234.50",
            "18446744073709551615",
            "1.8446744073709551615",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "0.000000000000000001",
            "-100",
        ] {
            let number: Decimal = text.parse().unwrap();
            assert_eq!(written(|out| write_decimal(out, &number)), format!("\"{text}\""));
        }
    }

    proptest! {
        #[test]
        fn decimals_are_written_as_the_type_writes_them(digits in any::<i64>(), scale in 0_u32..28) {
            for digits in [digits, digits % 1000] {
                let number = Decimal::from_i128_with_scale(digits.into(), scale);
                prop_assert_eq!(written(|out| write_decimal(out, &number)), format!("\"{number}\""));
            }
        }

        #[test]
        fn instants_are_written_as_the_type_writes_them(seconds in -99_999_999_999_i64..400_000_000_000, nanos in 0..3_u32) {
            let at = DateTime::from_timestamp(seconds, nanos * 1_500_000).unwrap();
            let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            prop_assert_eq!(written(|out| write_instant(out, at)), format!("\"{text}\""));
            let date = at.date_naive();
            prop_assert_eq!(written(|out| write_date(out, date)), format!("\"{date}\""));
        }
    }
}
