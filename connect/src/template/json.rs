//! Templates of JSON values, such as the bodies of requests.

use serde_json::{Map, Value};

use super::{Scope, TextTemplate, text_of};

/// A JSON value with variables in its texts. A text that is nothing but one variable becomes the variable's JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonTemplate(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Constant(Value),
    Variable(Box<str>),
    Number(Box<str>),
    Optional(Box<str>),
    Unless([Box<str>; 2]),
    Marks(Box<str>, Box<[Box<str>]>),
    Text(TextTemplate),
    List(Vec<Node>),
    Object(Vec<(TextTemplate, Node)>),
    /// An object with members laid under it and over it; nothing for one that is taken out.
    Laid {
        under: Vec<(TextTemplate, Node)>,
        base: Box<Node>,
        over: Vec<(String, Option<Node>)>,
    },
}

/// The member that names the object under which the members before it are laid, and over which those after it are.
const BASE: &str = "...";

impl JsonTemplate {
    /// Parses the texts of a JSON value and the names of its members.
    ///
    /// # Errors
    /// Tells what is wrong with a text in it.
    pub fn parse(value: &Value) -> Result<Self, String> {
        Node::parse(value).map(Self)
    }

    /// Returns the names of its variables.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.variables(&mut names);
        names
    }

    /// Fills in the variables.
    ///
    /// # Errors
    /// Names the variable that is unknown or missing.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, String> {
        self.0.render(scope)
    }
}

impl Node {
    fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => {
                let template = TextTemplate::parse(text)?;
                if let Some(name) = template.only_number() {
                    return Ok(Self::Number(name.into()));
                }
                if let Some(name) = template.only_optional() {
                    return Ok(Self::Optional(name.into()));
                }
                if let Some(names) = template.only_unless() {
                    return Ok(Self::Unless(names.clone()));
                }
                if let Some((name, keep)) = template.only_marks() {
                    return Ok(Self::Marks(name.into(), keep.into()));
                }
                match template.only_variable() {
                    Some(name) => Self::Variable(name.into()),
                    None if template.as_constant().is_some() => Self::Constant(value.clone()),
                    None => Self::Text(template),
                }
            }
            Value::Array(list) => Self::List(list.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(members) if members.contains_key(BASE) => Self::parse_laid(members)?,
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| Ok((TextTemplate::parse(name)?, Self::parse(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => Self::Constant(other.clone()),
        })
    }

    fn variables<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::Variable(name) | Self::Number(name) | Self::Optional(name) | Self::Marks(name, _) => names.push(name),
            Self::Unless(both) => names.extend(both.iter().map(AsRef::as_ref)),
            Self::Text(template) => names.extend(template.variables()),
            Self::List(list) => list.iter().for_each(|node| node.variables(names)),
            Self::Object(members) => members.iter().for_each(|(name, node)| {
                names.extend(name.variables());
                node.variables(names);
            }),
            Self::Laid { under, base, over } => {
                under.iter().for_each(|(name, node)| {
                    names.extend(name.variables());
                    node.variables(names);
                });
                base.variables(names);
                over.iter()
                    .filter_map(|(_, node)| node.as_ref())
                    .for_each(|node| node.variables(names));
            }
        }
    }

    fn parse_laid(members: &Map<String, Value>) -> Result<Self, String> {
        let base = Self::parse(members.get(BASE).unwrap_or(&Value::Null))?;
        let (mut under, mut over) = (Vec::new(), Vec::new());
        let mut is_over = false;
        for (name, value) in members {
            match (name == BASE, is_over, value.is_null()) {
                (true, ..) => is_over = true,
                (_, true, true) => over.push((name.clone(), None)),
                (_, true, false) => over.push((name.clone(), Some(Self::parse(value)?))),
                (_, false, _) => under.push((TextTemplate::parse(name)?, Self::parse(value)?)),
            }
        }
        Ok(Self::Laid {
            under,
            base: Box::new(base),
            over,
        })
    }

    fn render_laid(
        under: &[(TextTemplate, Self)],
        base: &Self,
        over: &[(String, Option<Self>)],
        scope: &Scope<'_>,
    ) -> Result<Value, String> {
        let mut laid = Self::render_members(under, scope)?;
        let Value::Object(base) = base.render(scope)? else {
            return Err(format!("`{BASE}` is not an object"));
        };
        laid.extend(base);
        for (name, node) in over {
            match node {
                Some(node) if node.is_left_out(scope) => {}
                Some(node) => {
                    laid.insert(name.clone(), node.render(scope)?);
                }
                None => {
                    laid.shift_remove(name);
                }
            }
        }
        Ok(Value::Object(laid))
    }

    fn render(&self, scope: &Scope<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Variable(name) | Self::Optional(name) => scope.find(name)?.into_owned(),
            Self::Number(name) if scope.is_absent(name) => scope.find(name)?.into_owned(),
            Self::Number(name) => number_of(name, &*scope.find(name)?)?,
            Self::Unless([condition, _]) if scope.says(condition) => Value::Null,
            Self::Unless([_, name]) => scope.find(name)?.into_owned(),
            Self::Marks(name, keep) => super::marks(name, keep, scope)?,
            Self::Text(template) => Value::String(template.render(scope)?),
            Self::List(list) => {
                let present = list.iter().filter(|node| !node.is_left_out_of_list(scope));
                Value::Array(present.map(|node| node.render(scope)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => Value::Object(Self::render_members(members, scope)?),
            Self::Laid { under, base, over } => Self::render_laid(under, base, over, scope)?,
        })
    }

    fn render_members(members: &[(TextTemplate, Self)], scope: &Scope<'_>) -> Result<Map<String, Value>, String> {
        members
            .iter()
            .filter(|(_, node)| !node.is_left_out(scope))
            .map(|(name, node)| Ok((name.render(scope)?, node.render(scope)?)))
            .collect()
    }

    /// Returns whether it is nothing but a variable that has no value, or a list of nothing but objects that are left out.
    fn is_left_out(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Variable(name) | Self::Number(name) | Self::Marks(name, _) => scope.omits(name),
            Self::Optional(name) => scope.omits(name) || scope.is_empty(name),
            Self::Object(_) => self.is_all_optional(scope),
            Self::Unless([condition, name]) => scope.says(condition) || (scope.omits(name)),
            Self::List(list) => !list.is_empty() && list.iter().all(|node| node.is_left_out_of_list(scope)),
            _ => false,
        }
    }

    /// Returns whether it is an object whose variables may all be left out and are.
    fn is_all_optional(&self, scope: &Scope<'_>) -> bool {
        let mut names = Vec::new();
        self.variables(&mut names);
        !names.is_empty() && self.has_only_empty(scope)
    }

    fn has_only_empty(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Optional(_) => self.is_left_out(scope),
            Self::List(list) => list.iter().all(|node| node.has_only_empty(scope)),
            Self::Object(members) => members
                .iter()
                .all(|(name, node)| name.as_constant().is_some() && node.has_only_empty(scope)),
            _ => false,
        }
    }

    /// Returns whether it is an object with variables of which none has a value. Other elements of lists stay, since their
    /// places may mean something.
    fn is_left_out_of_list(&self, scope: &Scope<'_>) -> bool {
        let mut names = Vec::new();
        match self {
            Self::Object(_) if self.is_all_optional(scope) => return true,
            Self::Object(_) | Self::Laid { .. } => self.variables(&mut names),
            Self::Optional(_) => return self.is_left_out(scope),
            _ => return false,
        }
        !names.is_empty() && names.iter().all(|name| scope.leaves_out(name))
    }
}

/// Returns a variable as a JSON number, whatever it was kept as: secrets and session values are kept as text.
fn number_of(name: &str, value: &Value) -> Result<Value, String> {
    let text = text_of(value);
    match serde_json::from_str(text.trim()) {
        Ok(number @ Value::Number(_)) => Ok(number),
        _ => Err(format!("the variable `{name}` is not a number")),
    }
}
