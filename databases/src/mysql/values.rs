//! Values of `MySQL` and `MariaDB`: what is bound, and columns as JSON without loss.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mysql_async::{
    Column, Value,
    consts::{ColumnFlags, ColumnType},
};
use serde_json::value::RawValue;

use crate::answer::{float, number, text};

/// The character set of columns that hold bytes.
const BINARY: u16 = 63;

/// Returns a value as it is bound.
pub(super) fn bound(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::NULL,
        serde_json::Value::Bool(flag) => Value::Int((*flag).into()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            _ => Value::Bytes(number.to_string().into_bytes()),
        },
        serde_json::Value::String(text) => Value::Bytes(text.clone().into_bytes()),
        other => Value::Bytes(other.to_string().into_bytes()),
    }
}

/// Writes the value of a column as JSON.
pub(super) fn written(column: &Column, value: &Value) -> String {
    match value {
        Value::NULL => "null".to_owned(),
        Value::Int(value @ (0 | 1)) if is_truth(column) => (*value == 1).to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => value.to_string(),
        Value::Float(value) => float((*value).into(), value.to_string()),
        Value::Double(value) => float(*value, value.to_string()),
        Value::Date(year, month, day, hour, minute, second, micros) => moment(
            column.column_type(),
            [*year, (*month).into(), (*day).into()],
            [*hour, *minute, *second],
            *micros,
        ),
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let (sign, hours) = (if *negative { "-" } else { "" }, days * 24 + u32::from(*hours));
            text(&format!(
                "{sign}{hours:02}:{minutes:02}:{seconds:02}{}",
                fraction(*micros)
            ))
        }
        Value::Bytes(bytes) => written_bytes(column, bytes),
    }
}

/// Truth values are numbers of one digit.
fn is_truth(column: &Column) -> bool {
    column.column_type() == ColumnType::MYSQL_TYPE_TINY
        && column.column_length() == 1
        && !column.flags().contains(ColumnFlags::UNSIGNED_FLAG)
}

fn moment(kind: ColumnType, [year, month, day]: [u16; 3], [hour, minute, second]: [u8; 3], micros: u32) -> String {
    // The zero date stands for none.
    if month == 0 || day == 0 {
        return "null".to_owned();
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}{}", fraction(micros));
    match kind {
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => text(&date),
        // These are moments, and the session is in UTC.
        ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => text(&format!("{date}T{time}Z")),
        _ => text(&format!("{date}T{time}")),
    }
}

fn fraction(micros: u32) -> String {
    match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    }
}

fn written_bytes(column: &Column, bytes: &[u8]) -> String {
    let encoded = || text(&STANDARD.encode(bytes));
    match column.column_type() {
        ColumnType::MYSQL_TYPE_BIT if bytes.len() <= 8 => {
            let bits = bytes.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
            match (column.column_length(), bits) {
                (1, bits) => (bits == 1).to_string(),
                (_, bits) => bits.to_string(),
            }
        }
        ColumnType::MYSQL_TYPE_GEOMETRY => encoded(),
        kind => match std::str::from_utf8(bytes) {
            Ok(shown) => match kind {
                ColumnType::MYSQL_TYPE_DECIMAL
                | ColumnType::MYSQL_TYPE_NEWDECIMAL
                | ColumnType::MYSQL_TYPE_LONGLONG
                | ColumnType::MYSQL_TYPE_LONG
                | ColumnType::MYSQL_TYPE_YEAR => number(shown),
                ColumnType::MYSQL_TYPE_JSON => match serde_json::from_str::<&RawValue>(shown) {
                    Ok(json) => json.get().to_owned(),
                    Err(_) => text(shown),
                },
                _ if column.character_set() == BINARY && is_text_or_bytes(kind) => encoded(),
                _ => text(shown),
            },
            Err(_) => encoded(),
        },
    }
}

const fn is_text_or_bytes(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::MYSQL_TYPE_STRING
            | ColumnType::MYSQL_TYPE_VAR_STRING
            | ColumnType::MYSQL_TYPE_VARCHAR
            | ColumnType::MYSQL_TYPE_BLOB
            | ColumnType::MYSQL_TYPE_TINY_BLOB
            | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
            | ColumnType::MYSQL_TYPE_LONG_BLOB
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shown(column: Column, value: Value) -> String {
        written(&column, &value)
    }

    fn bytes(text: &str) -> Value {
        Value::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn columns_become_json_without_loss() {
        use ColumnType::*;
        let text_column = |kind| Column::new(kind).with_character_set(45);
        for (column, value, json) in [
            (
                Column::new(MYSQL_TYPE_TINY).with_column_length(1),
                Value::Int(1),
                "true",
            ),
            (Column::new(MYSQL_TYPE_TINY).with_column_length(1), Value::Int(2), "2"),
            (Column::new(MYSQL_TYPE_TINY).with_column_length(4), Value::Int(1), "1"),
            (
                Column::new(MYSQL_TYPE_LONGLONG),
                Value::UInt(u64::MAX),
                "18446744073709551615",
            ),
            (
                Column::new(MYSQL_TYPE_NEWDECIMAL),
                bytes("12345678901234567890.10"),
                "12345678901234567890.10",
            ),
            (Column::new(MYSQL_TYPE_FLOAT), Value::Float(0.1), "0.1"),
            (
                Column::new(MYSQL_TYPE_BIT).with_column_length(1),
                Value::Bytes(vec![1]),
                "true",
            ),
            (
                Column::new(MYSQL_TYPE_BIT).with_column_length(9),
                Value::Bytes(vec![1, 2]),
                "258",
            ),
            (
                Column::new(MYSQL_TYPE_DATE),
                Value::Date(2026, 1, 2, 0, 0, 0, 0),
                "\"2026-01-02\"",
            ),
            (Column::new(MYSQL_TYPE_DATE), Value::Date(0, 0, 0, 0, 0, 0, 0), "null"),
            (
                Column::new(MYSQL_TYPE_DATETIME),
                Value::Date(2026, 1, 2, 3, 4, 5, 60),
                "\"2026-01-02T03:04:05.000060\"",
            ),
            (
                Column::new(MYSQL_TYPE_TIMESTAMP),
                Value::Date(2026, 1, 2, 3, 4, 5, 0),
                "\"2026-01-02T03:04:05Z\"",
            ),
            (
                Column::new(MYSQL_TYPE_TIME),
                Value::Time(true, 1, 2, 3, 4, 0),
                "\"-26:03:04\"",
            ),
            (Column::new(MYSQL_TYPE_JSON), bytes("{\"a\": 1.10}"), "{\"a\": 1.10}"),
            (text_column(MYSQL_TYPE_VAR_STRING), bytes("a\"b"), "\"a\\\"b\""),
            (
                Column::new(MYSQL_TYPE_BLOB).with_character_set(BINARY),
                bytes("ab"),
                "\"YWI=\"",
            ),
            (text_column(MYSQL_TYPE_STRING), Value::Bytes(vec![0xff]), "\"/w==\""),
            (text_column(MYSQL_TYPE_STRING), Value::NULL, "null"),
        ] {
            assert_eq!(shown(column, value), json);
        }
    }

    #[test]
    fn values_keep_their_types() {
        assert_eq!(bound(&json!("1; DROP")), bytes("1; DROP"));
        assert_eq!(bound(&json!(-5)), Value::Int(-5));
        assert_eq!(bound(&json!(u64::MAX)), Value::UInt(u64::MAX));
        assert_eq!(bound(&json!(true)), Value::Int(1));
        assert_eq!(bound(&json!(null)), Value::NULL);
    }

    proptest! {
        #[test]
        fn every_value_is_json(kind in prop::sample::select(vec![
            ColumnType::MYSQL_TYPE_NEWDECIMAL, ColumnType::MYSQL_TYPE_JSON, ColumnType::MYSQL_TYPE_VAR_STRING,
            ColumnType::MYSQL_TYPE_BIT, ColumnType::MYSQL_TYPE_YEAR, ColumnType::MYSQL_TYPE_BLOB,
        ]), bytes in any::<Vec<u8>>(), set in prop::sample::select(vec![BINARY, 45])) {
            let shown = shown(Column::new(kind).with_character_set(set), Value::Bytes(bytes));
            prop_assert!(serde_json::from_str::<&RawValue>(&shown).is_ok(), "{}", shown);
        }
    }
}
