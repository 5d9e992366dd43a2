//! Reads the body of a write: members by name, each with its type. A member that the request does not take is refused.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::problem::Problem;

/// The members of a body.
#[derive(Debug, Default)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Reads an object that may have these members only.
    pub(super) fn parse(content: &[u8], allowed: &[&str]) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(content).map_err(|error| Problem::Parameter(error.to_string()))?;
        let Value::Object(members) = value else {
            return Err(Problem::Parameter("\"value\" must be of type object".into()));
        };
        match members.keys().find(|name| !allowed.contains(&name.as_str())) {
            Some(name) => Err(Problem::Parameter(format!("\"{name}\" is not allowed"))),
            None => Ok(Self(members)),
        }
    }

    /// Returns a member as it was sent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Refuses a body that lacks a member.
    pub(super) fn require(&self, names: &[&str]) -> Result<(), Problem> {
        match names.iter().find(|name| !self.0.contains_key(**name)) {
            Some(name) => Err(Problem::Parameter(format!("\"{name}\" is required"))),
            None => Ok(()),
        }
    }

    /// Returns a text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let wrong = || Problem::Parameter(format!("\"{name}\" must be a string"));
        self.get(name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    /// Returns a text that must have letters.
    pub(super) fn name(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.text(name)? {
            Some("") => Err(Problem::Parameter(format!("\"{name}\" is not allowed to be empty"))),
            other => Ok(other),
        }
    }

    /// Returns a whole number; one in a text counts too.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let wrong = || Problem::Parameter(format!("\"{name}\" must be a number"));
        self.get(name)
            .map(|value| match value {
                Value::String(text) => text.parse().map_err(|_| wrong()),
                other => other.as_i64().ok_or_else(wrong),
            })
            .transpose()
    }

    /// Returns a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<Decimal>, Problem> {
        let wrong = || Problem::Parameter(format!("\"{name}\" must be a number"));
        self.get(name).map(|value| decimal(value).ok_or_else(wrong)).transpose()
    }

    /// Returns a unix time; 0 stands for none.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Problem> {
        match self.integer(name)? {
            Some(time) if time < 0 => Err(Problem::Parameter(format!(
                "\"{name}\" must be greater than or equal to 0"
            ))),
            other => Ok(other),
        }
    }
}

/// Reads a number from a number or a text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}
