//! Templates of XML bodies: text whose variables are written so that no value can change the form of the body.

use serde_json::Value;

use super::{Absent, Part, Scope, TextTemplate, text_of};
use crate::xml;

/// An XML document with variables.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlTemplate(Box<[Piece]>);

/// Why a body cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A variable is unknown or missing.
    Variable(String),
    /// A value has no form in XML.
    Value(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// Markup and text as they are.
    Plain(String),
    /// A variable, written as its place demands.
    Filled(TextTemplate, Place),
    /// An element that is nothing but one variable: left out when that is empty, repeated when it is a list.
    Element {
        open: Vec<Piece>,
        content: TextTemplate,
        close: Vec<Piece>,
    },
}

/// Where a variable stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Content,
    Attribute,
    Name,
}

/// A part of the document between two borders of tags.
enum Token {
    Open(Vec<Piece>),
    Close(Vec<Piece>),
    Other(Piece),
}

impl XmlTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// Tells what is wrong with the text, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let template = TextTemplate::parse(text)?;
        xml::parse_text(&sample(text)).map_err(|wrong| format!("the body {wrong}"))?;
        let mut scanner = Scanner::default();
        for part in &template.0 {
            match part {
                Part::Text(text) => scanner.text(text),
                other => scanner.variable(TextTemplate(Box::new([other.clone()])))?,
            }
        }
        Ok(Self(fold(scanner.finish()).into()))
    }

    /// Iterates over the names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        fn of<'t>(pieces: &'t [Piece], names: &mut Vec<&'t str>) {
            for piece in pieces {
                match piece {
                    Piece::Plain(_) => {}
                    Piece::Filled(template, _) => names.extend(template.variables()),
                    Piece::Element { open, content, close } => {
                        of(open, names);
                        names.extend(content.variables());
                        of(close, names);
                    }
                }
            }
        }
        let mut names = Vec::new();
        of(&self.0, &mut names);
        names.into_iter()
    }

    /// Fills in the variables.
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<String, Unfit> {
        let mut filled = String::new();
        render(&self.0, scope, &mut filled)?;
        Ok(filled)
    }
}

/// Returns a document of the same length whose variables are plain names, to see whether it is XML.
fn sample(text: &str) -> String {
    let mut sample = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        sample.push_str(before);
        let (inner, after) = after.split_once("}}").unwrap_or((after, ""));
        sample.push_str(&"x".repeat(inner.chars().count() + 4));
        rest = after;
    }
    sample.push_str(rest);
    sample
}

/// Cuts a document at the borders of its tags.
#[derive(Default)]
struct Scanner {
    tokens: Vec<Token>,
    /// The tag, comment or text that is not over yet.
    pieces: Vec<Piece>,
    plain: String,
    within: Within,
}

/// What the scanner stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Content,
    Tag,
    Quotes(char),
    /// A comment, a declaration or what is taken as it is, up to these signs.
    Fixed(&'static str),
}

impl Scanner {
    fn text(&mut self, text: &str) {
        for sign in text.chars() {
            if self.within == Within::Content && sign == '<' {
                self.cut();
            }
            self.plain.push(sign);
            match (self.within, sign) {
                (Within::Content, '<') => self.within = Within::Tag,
                (Within::Tag, '"' | '\'') => self.within = Within::Quotes(sign),
                (Within::Quotes(quote), sign) if sign == quote => self.within = Within::Tag,
                (Within::Tag, '>') => self.end_of_tag(),
                (Within::Tag, _) if self.pieces.is_empty() => self.within = fixed(&self.plain).unwrap_or(self.within),
                (Within::Fixed(end), '>') if self.plain.ends_with(end) => {
                    self.cut();
                    self.within = Within::Content;
                }
                _ => {}
            }
        }
    }

    fn variable(&mut self, template: TextTemplate) -> Result<(), String> {
        let place = match self.within {
            Within::Content => Place::Content,
            Within::Tag => Place::Name,
            Within::Quotes(_) => Place::Attribute,
            Within::Fixed(_) => {
                return Err("comments, declarations and CDATA have no variables; text is escaped by itself".to_owned());
            }
        };
        self.flush();
        self.pieces.push(Piece::Filled(template, place));
        if place == Place::Content {
            self.cut();
        }
        Ok(())
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.pieces.push(Piece::Plain(std::mem::take(&mut self.plain)));
        }
    }

    /// Ends a piece that is no tag.
    fn cut(&mut self) {
        self.flush();
        self.tokens.extend(self.pieces.drain(..).map(Token::Other));
    }

    fn end_of_tag(&mut self) {
        let closes_itself = self.plain.ends_with("/>");
        self.flush();
        self.within = Within::Content;
        let pieces = std::mem::take(&mut self.pieces);
        let closes = matches!(pieces.first(), Some(Piece::Plain(text)) if text.starts_with("</"));
        match (closes, closes_itself) {
            (true, _) => self.tokens.push(Token::Close(pieces)),
            (false, false) => self.tokens.push(Token::Open(pieces)),
            (false, true) => self.tokens.extend(pieces.into_iter().map(Token::Other)),
        }
    }

    fn finish(mut self) -> Vec<Token> {
        self.cut();
        self.tokens
    }
}

fn fixed(tag: &str) -> Option<Within> {
    [("<?", "?>"), ("<!--", "-->"), ("<![CDATA[", "]]>")]
        .into_iter()
        .find(|(start, _)| *start == tag)
        .map(|(_, end)| Within::Fixed(end))
}

/// Finds the elements that are nothing but one variable.
fn fold(tokens: Vec<Token>) -> Vec<Piece> {
    let is_blank = |token: &Token| matches!(token, Token::Other(Piece::Plain(text)) if text.trim().is_empty());
    let mut pieces = Vec::new();
    let mut tokens = tokens.into_iter().collect::<std::collections::VecDeque<_>>();
    while let Some(token) = tokens.pop_front() {
        let open = match token {
            Token::Open(open) => open,
            Token::Close(close) => {
                pieces.extend(close);
                continue;
            }
            Token::Other(piece) => {
                pieces.push(piece);
                continue;
            }
        };
        let before = tokens.iter().take_while(|token| is_blank(token)).count();
        let is_variable = |token: &Token| matches!(token, Token::Other(Piece::Filled(_, Place::Content)));
        let after = before + 1;
        let after = after + tokens.iter().skip(after).take_while(|token| is_blank(token)).count();
        let alone = tokens.get(before).is_some_and(is_variable) && matches!(tokens.get(after), Some(Token::Close(_)));
        if !alone {
            pieces.extend(open);
            continue;
        }
        let mut taken: Vec<Token> = tokens.drain(..=after).collect();
        let close = taken.pop();
        let content = taken.into_iter().find(is_variable);
        if let (Some(Token::Close(close)), Some(Token::Other(Piece::Filled(content, _)))) = (close, content) {
            pieces.push(Piece::Element { open, content, close });
        }
    }
    pieces
}

fn render(pieces: &[Piece], scope: &Scope<'_>, into: &mut String) -> Result<(), Unfit> {
    for piece in pieces {
        match piece {
            Piece::Plain(text) => into.push_str(text),
            Piece::Filled(template, place) => {
                let value = value_of(template, scope)?;
                let written = match place {
                    Place::Content => xml::elements(&value, into),
                    Place::Attribute => xml::text_of(&value)
                        .and_then(|text| xml::escape(&text).map(std::borrow::Cow::into_owned))
                        .map(|text| into.push_str(&text)),
                    Place::Name => xml::text_of(&value)
                        .and_then(|name| xml::check_name(&name).map(|()| name))
                        .map(|name| into.push_str(&name)),
                };
                written.map_err(|wrong| of_value(template, &wrong))?;
            }
            Piece::Element { open, content, close } => {
                if is_left_out(content, scope) {
                    continue;
                }
                match value_of(content, scope)? {
                    Value::Array(list) => {
                        for value in &list {
                            render_element(open, content, value, close, scope, into)?;
                        }
                    }
                    value => render_element(open, content, &value, close, scope, into)?,
                }
            }
        }
    }
    Ok(())
}

fn render_element(
    open: &[Piece],
    content: &TextTemplate,
    value: &Value,
    close: &[Piece],
    scope: &Scope<'_>,
    into: &mut String,
) -> Result<(), Unfit> {
    render(open, scope, into)?;
    let attributes = xml::attributes_of(value).map_err(|wrong| of_value(content, &wrong))?;
    if !attributes.is_empty() && into.ends_with('>') {
        into.pop();
        into.push_str(&attributes);
        into.push('>');
    }
    xml::elements(value, into).map_err(|wrong| of_value(content, &wrong))?;
    render(close, scope, into)
}

/// Returns the value of a variable, with its lists and objects.
fn value_of(template: &TextTemplate, scope: &Scope<'_>) -> Result<Value, Unfit> {
    if let Some((name, keep)) = template.only_marks() {
        return super::marks(name, keep, scope).map_err(Unfit::Variable);
    }
    match template.only_variable() {
        Some(name) => scope.find(name).map(std::borrow::Cow::into_owned),
        None => template.render(scope).map(Value::String),
    }
    .map_err(Unfit::Variable)
}

/// Returns whether an element with nothing but this is left out: a variable without a value, as in JSON. Requests that
/// write nothing leave out what is empty as well.
fn is_left_out(template: &TextTemplate, scope: &Scope<'_>) -> bool {
    if let Some([condition, name]) = template.only_unless() {
        return scope.says(condition) || scope.omits(name);
    }
    if let [Part::Number(name)] = template.0.as_ref()
        && scope.omits(name)
    {
        return true;
    }
    let Some(name) = template.only_variable().or(template.only_marks().map(|(name, _)| name)) else {
        let is_empty = || template.render(scope).is_ok_and(|text| text.is_empty());
        return scope.absent == Absent::Refused && is_empty();
    };
    let is_empty = || scope.find(name).is_ok_and(|value| text_of(&value).is_empty());
    scope.omits(name) || (scope.absent == Absent::Refused && is_empty())
}

fn of_value(template: &TextTemplate, wrong: &str) -> Unfit {
    let names: Vec<&str> = template.variables().collect();
    Unfit::Value(format!("`{}` {wrong}", names.join("`, `")))
}
