//! Refusals that name the fields that are wrong as the members of an object, each with what is wrong with it.

use super::{clean, parse_path, parse_pattern};
use crate::{
    blueprint::Problem,
    error::WrongField,
    json::Value,
    manifest::{BusinessRule, FieldKeys},
    path::Path,
    pattern::Pattern,
};

/// Most fields of one refusal that are told.
const MOST: usize = 50;

/// How deep objects may stand in objects: rows, and parts of them.
const DEEPEST: usize = 4;

/// Where the members stand, and what their texts mean.
#[derive(Clone, Debug)]
pub(super) struct FieldKeysPlan {
    path: Path,
    rules: Vec<(BusinessRule, Pattern)>,
    except: Vec<String>,
}

impl FieldKeysPlan {
    pub(super) fn compile(keys: &FieldKeys, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let path = parse_path(&keys.path, &format!("{pointer}/path"), problems);
        let mut rules = Vec::with_capacity(keys.rules.len());
        for (rule, pattern) in &keys.rules {
            let name = serde_json::to_value(rule).unwrap_or_default();
            let pointer = format!("{pointer}/rules/{}", name.as_str().unwrap_or_default());
            rules.extend(parse_pattern(pattern, &[], &pointer, problems).map(|pattern| (*rule, pattern)));
        }
        Some(Self {
            path: path?,
            rules,
            except: keys.except.clone(),
        })
    }

    /// Returns the fields that a body names, in its order.
    pub(super) fn read(&self, body: &Value<'_>) -> Vec<WrongField> {
        let mut fields = Vec::new();
        let members = self.path.first(body).and_then(Value::members).unwrap_or_default();
        for (name, value) in members
            .iter()
            .filter(|(name, _)| !self.except.iter().any(|known| known == name))
        {
            self.add(name, value, DEEPEST, &mut fields);
        }
        fields
    }

    fn add(&self, name: &str, value: &Value<'_>, depth: usize, fields: &mut Vec<WrongField>) {
        if fields.len() >= MOST || depth == 0 {
            return;
        }
        if let Some(members) = value.members() {
            for (inner, value) in members {
                self.add(&format!("{name}.{inner}"), value, depth - 1, fields);
            }
            return;
        }
        let elements = value.elements().unwrap_or(std::slice::from_ref(value));
        let texts: Vec<String> = elements.iter().filter_map(Value::as_str).map(clean).collect();
        for (at, row) in elements.iter().enumerate().filter(|(_, element)| element.is_object()) {
            self.add(&format!("{name}.{at}"), row, depth - 1, fields);
        }
        let message = texts.join(" ");
        if !message.is_empty() {
            let rule = self.rules.iter().find(|(_, pattern)| pattern.is_match(&message));
            fields.push(WrongField {
                name: name.to_owned(),
                rule: rule.map(|(rule, _)| *rule),
                message,
            });
        }
    }
}
