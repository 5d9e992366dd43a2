//! Rows that are text: cut into members at the places that the answer tells.

use crate::{
    blueprint::CellsPlan,
    json::{self, Value},
};

/// Members that the rows of one answer are cut into at most: an answer of a few hundred kilobytes could ask for billions.
const MOST_CELLS: usize = 2_000_000;

/// One column: its name, where it begins and how many signs it has.
struct Column<'v> {
    name: &'v str,
    offset: usize,
    length: usize,
}

impl CellsPlan {
    /// Cuts rows; those that do not have the text stay as they are. Tells what is missing when the answer does not say
    /// where to cut.
    pub(super) fn cut<'b>(&self, body: &'b Value<'b>, rows: &'b [Value<'b>]) -> Result<Vec<Value<'b>>, String> {
        if rows.iter().all(|row| row.get(&self.text).is_none()) {
            return Ok(rows.to_vec());
        }
        let listed = self.columns.first(body).and_then(Value::elements).unwrap_or_default();
        let columns: Option<Vec<Column<'b>>> = listed.iter().map(|column| self.column(column)).collect();
        let columns = columns
            .filter(|columns| !columns.is_empty())
            .ok_or_else(|| format!("the answer does not tell its columns at `{}`", self.columns.text()))?;
        if columns.len().saturating_mul(rows.len()) > MOST_CELLS {
            return Err(format!(
                "the answer has {} columns in {} rows, which is more than is read",
                columns.len(),
                rows.len()
            ));
        }
        let cut = |row: &Value<'b>| match row.get(&self.text) {
            Some(Value::Text(text)) => {
                let member = |column: &Column<'b>| (column.name.into(), cell(text, column));
                Value::Object(columns.iter().map(member).collect())
            }
            _ => row.clone(),
        };
        Ok(rows.iter().map(cut).collect())
    }

    fn column<'v>(&self, column: &'v Value<'v>) -> Option<Column<'v>> {
        let number = |name: &str| column.get(name).and_then(json::scalar_text)?.trim().parse().ok();
        Some(Column {
            name: column.get(&self.name).and_then(Value::as_str)?.trim(),
            offset: number(&self.offset)?,
            length: number(&self.length)?,
        })
    }
}

/// Returns what stands in a column, without the blanks around it; null when there is nothing.
fn cell<'v>(text: &str, column: &Column<'_>) -> Value<'v> {
    let cell: String = text.chars().skip(column.offset).take(column.length).collect();
    match cell.trim() {
        "" => Value::Null,
        cell => Value::Text(cell.to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::path::Path;

    fn plan() -> CellsPlan {
        CellsPlan {
            text: "WA".to_owned(),
            columns: Path::parse("F").unwrap(),
            name: "N".to_owned(),
            offset: "O".to_owned(),
            length: "L".to_owned(),
        }
    }

    #[test]
    fn a_row_is_cut_where_the_answer_says() {
        let body = br#"{"F": [{"N": "ID", "O": "000000", "L": "000003"}, {"N": "TEXT", "O": "000004", "L": "000006"},
            {"N": "NUM", "O": "000011", "L": "000005"}], "D": [{"WA": "007|A|B \u00e4c|  1.5"}, {"WA": "008"}, {"X": 1}]}"#;
        let body = json::parse(body).unwrap();
        let rows = body.get("D").and_then(Value::elements).unwrap();
        let cut = plan().cut(&body, rows).unwrap();
        let shown: Vec<String> = cut.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "{\"ID\":\"007\",\"TEXT\":\"A|B äc\",\"NUM\":\"1.5\"}",
                "{\"ID\":\"008\",\"TEXT\":null,\"NUM\":null}",
                "{\"X\":1}"
            ]
        );
    }

    #[test]
    fn an_answer_with_more_cells_than_anybody_reads_is_refused() {
        let columns: Vec<String> = (0..2_000)
            .map(|at| format!(r#"{{"N": "C{at}", "O": "0", "L": "1"}}"#))
            .collect();
        let text = format!(
            r#"{{"F": [{}], "D": [{}]}}"#,
            columns.join(","),
            vec![r#"{"WA": "x"}"#; 2_000].join(",")
        );
        let body = json::parse(text.as_bytes()).unwrap();
        let rows = body.get("D").and_then(Value::elements).unwrap();
        assert!(plan().cut(&body, rows).unwrap_err().contains("more than is read"));
    }

    #[test]
    fn columns_that_are_not_told_are_an_error() {
        let body = json::parse(br#"{"D": [{"WA": "007"}]}"#).unwrap();
        let rows = body.get("D").and_then(Value::elements).unwrap();
        assert!(plan().cut(&body, rows).is_err());
        assert!(plan().cut(&body, &[]).unwrap().is_empty());
        let others = json::parse(br#"{"D": [{"X": 1}]}"#).unwrap();
        let rows = others.get("D").and_then(Value::elements).unwrap();
        assert_eq!(plan().cut(&others, rows).unwrap().len(), 1);
    }
}
