//! What is written is read back by small readers of the languages and means the same, whatever stands in the values.

use proptest::prelude::*;

use super::{
    fixtures::{ENCODED, SQL, TREE},
    *,
};

/// A condition that was read back: joined ones, or a name, a sign and values.
#[derive(Debug)]
enum Read {
    All(Vec<Read>),
    Any(Vec<Read>),
    Is(String, String, Vec<String>),
}

type Row = [Option<String>; 3];

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

fn of<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    let at = NAMES.iter().position(|known| *known == name);
    row[at.unwrap_or_else(|| panic!("unknown name `{name}`"))].as_deref()
}

fn holds(read: &Read, row: &Row) -> bool {
    match read {
        Read::All(parts) => parts.iter().all(|part| holds(part, row)),
        Read::Any(parts) => parts.iter().any(|part| holds(part, row)),
        Read::Is(name, sign, values) => match (sign.as_str(), of(row, name)) {
            ("in", Some(value)) => values.iter().any(|known| known == value),
            ("null", value) => value.is_none(),
            ("value", value) => value.is_some(),
            ("in", None) => false,
            (sign, _) => panic!("unknown sign `{sign}`"),
        },
    }
}

fn means(expression: &Expression, row: &Row) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| means(part, row)),
        Expression::Any(parts) => parts.iter().any(|part| means(part, row)),
        Expression::Compare {
            name,
            constant: Constant::Text(text),
            ..
        } => of(row, name) == Some(text.as_str()),
        Expression::In { name, constants } => {
            of(row, name).is_some_and(|value| constants.contains(&super::text(value)))
        }
        Expression::Missing { name, missing } => of(row, name).is_none() == *missing,
        other => panic!("unknown condition {other:?}"),
    }
}

fn value() -> BoxedStrategy<String> {
    prop_oneof![
        6 => "[ab]{1,2}",
        3 => "(a|'|\"|\\\\|%|\\^|\\^OR|\\^NQ|,|\\)| OR | AND |=|beta|\\{value\\}|\\{|\u{20ac}|--){0,4}",
        1 => "\\PC{0,6}",
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<Expression> {
    let name = || prop::sample::select(NAMES.to_vec());
    let leaf = prop_oneof![
        4 => (name(), value()).prop_map(|(name, value)| eq(name, &value)),
        1 => (name(), any_flag()).prop_map(|(name, flag)| missing(name, flag)),
        2 => (name(), prop::collection::vec(value(), 2..4)).prop_map(|(name, values)| Expression::In {
            name: name.to_owned(),
            constants: values.into_iter().map(Constant::Text).collect(),
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![parts().prop_map(all), parts().prop_map(super::any)]
    })
    .boxed()
}

fn any_flag() -> BoxedStrategy<bool> {
    prop::bool::ANY.boxed()
}

/// Rows that hold the very values of a condition, and some others.
fn rows(expression: &Expression) -> Vec<Row> {
    let mut values = Vec::new();
    collect(expression, &mut values);
    values.truncate(5);
    let mut choices: Vec<Option<String>> = values.into_iter().map(Some).collect();
    choices.extend([None, Some("zz".to_owned())]);
    let mut rows = Vec::new();
    for a in &choices {
        for b in &choices {
            for c in &choices {
                rows.push([a.clone(), b.clone(), c.clone()]);
            }
        }
    }
    rows
}

fn collect(expression: &Expression, values: &mut Vec<String>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| collect(part, values)),
        Expression::Compare {
            constant: Constant::Text(text),
            ..
        } => values.push(text.clone()),
        Expression::In { constants, .. } => values.extend(constants.iter().map(Constant::text)),
        _ => {}
    }
}

/// A reader of SQL conditions: names, `=`, `IN`, `IS NULL`, quoted texts, parentheses.
struct Sql<'t>(&'t str);

impl Sql<'_> {
    fn whole(text: &str) -> Read {
        let mut reader = Sql(text);
        let read = reader.any();
        assert!(reader.0.is_empty(), "left over: {}", reader.0);
        read
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn any(&mut self) -> Read {
        let mut parts = vec![self.all()];
        while self.take(" OR ") {
            parts.push(self.all());
        }
        Read::Any(parts)
    }

    fn all(&mut self) -> Read {
        let mut parts = vec![self.one()];
        while self.take(" AND ") {
            parts.push(self.one());
        }
        Read::All(parts)
    }

    fn one(&mut self) -> Read {
        if self.take("(") {
            let read = self.any();
            assert!(self.take(")"));
            return read;
        }
        let end = self.0.find(|sign: char| !sign.is_alphanumeric()).unwrap();
        let name = self.0[..end].to_owned();
        self.0 = &self.0[end..];
        if self.take(" IS NULL") {
            return Read::Is(name, "null".to_owned(), Vec::new());
        }
        if self.take(" IS NOT NULL") {
            return Read::Is(name, "value".to_owned(), Vec::new());
        }
        let mut values = Vec::new();
        if self.take(" IN (") {
            values.push(self.quoted());
            while self.take(",") {
                values.push(self.quoted());
            }
            assert!(self.take(")"));
        } else {
            assert!(self.take(" = "), "{}", self.0);
            values.push(self.quoted());
        }
        Read::Is(name, "in".to_owned(), values)
    }

    fn quoted(&mut self) -> String {
        assert!(self.take("'"), "{}", self.0);
        let mut text = String::new();
        loop {
            let end = self.0.find('\'').unwrap();
            text.push_str(&self.0[..end]);
            self.0 = &self.0[end + 1..];
            if !self.take("'") {
                return text;
            }
            text.push('\'');
        }
    }
}

/// Reads an encoded query: `^NQ` divides queries, `^OR` binds tighter than `^`.
fn encoded(text: &str) -> Read {
    let test = |text: &str| {
        let end = text.find(|sign: char| !sign.is_ascii_lowercase()).unwrap();
        let (name, rest) = text.split_at(end);
        let (sign, values) = match rest {
            "ISEMPTY" => ("null", Vec::new()),
            "ISNOTEMPTY" => ("value", Vec::new()),
            _ => match rest.strip_prefix("IN") {
                Some(list) => ("in", list.split(',').map(str::to_owned).collect()),
                None => ("in", vec![rest.strip_prefix('=').unwrap().to_owned()]),
            },
        };
        Read::Is(name.to_owned(), sign.to_owned(), values)
    };
    let query = |text: &str| {
        let mut groups: Vec<Vec<Read>> = Vec::new();
        for part in text.split('^') {
            match part.strip_prefix("OR") {
                Some(alternative) => groups.last_mut().unwrap().push(test(alternative)),
                None => groups.push(vec![test(part)]),
            }
        }
        Read::All(groups.into_iter().map(Read::Any).collect())
    };
    Read::Any(text.split("^NQ").map(query).collect())
}

fn tree(value: &Value) -> Read {
    if let Some(parts) = value.as_array() {
        return Read::All(parts.iter().map(tree).collect());
    }
    let texts = |name: &str| -> Vec<String> {
        let list = value[name]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![value[name].clone()]);
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let parts = || value["alternatives"].as_array().unwrap().iter().map(tree).collect();
    let name = || value["field"].as_str().unwrap().to_owned();
    match value["operation"].as_str().unwrap() {
        "and" => Read::All(parts()),
        "or" => Read::Any(parts()),
        "eq" => Read::Is(name(), "in".to_owned(), texts("value")),
        "in" => Read::Is(name(), "in".to_owned(), texts("values")),
        "nu" => Read::Is(name(), "null".to_owned(), Vec::new()),
        "nn" => Read::Is(name(), "value".to_owned(), Vec::new()),
        other => panic!("unknown operation `{other}`"),
    }
}

fn same(expression: &Expression, read: &Read) -> Result<(), TestCaseError> {
    for row in rows(expression) {
        prop_assert_eq!(holds(read, &row), means(expression, &row), "{:?} {:?}", read, row);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn sql_reads_back(expression in condition()) {
        let text = own(SQL).write(&expression);
        let mut values = Vec::new();
        collect(&expression, &mut values);
        let fits = !values.iter().any(|value| value.chars().any(char::is_control));
        prop_assert_eq!(text.is_some(), fits);
        if let Some(text) = text {
            same(&expression, &Sql::whole(text.condition.as_str().unwrap()))?;
        }
    }

    #[test]
    fn encoded_queries_read_back(expression in condition()) {
        if let Some(text) = own(ENCODED).write(&expression) {
            same(&expression, &encoded(text.condition.as_str().unwrap()))?;
        }
    }

    #[test]
    fn trees_read_back(expression in condition()) {
        let condition = own(TREE).write(&expression).unwrap().condition;
        same(&expression, &tree(&condition))?;
    }

    #[test]
    fn a_text_that_is_sent_bare_has_no_sign_of_the_language(value in value()) {
        let own = own(ENCODED);
        if let Some(text) = own.write(&eq("alpha", &value)) {
            prop_assert_eq!(text.condition.as_str().unwrap(), format!("alpha={value}"));
            prop_assert!(!value.contains('^') && !value.is_empty());
        }
    }
}
