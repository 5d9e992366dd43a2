//! XML as values: reads a document into objects, texts and lists, and writes such a tree as a document. It knows neither
//! schemas nor entities other than the five of XML itself.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// How deeply elements may nest.
const DEEPEST: usize = 100;

/// Reads a document. An element is an object of its attributes (`@name`), its elements and its text (`#text`), or only its
/// text if there is nothing else; elements with one name are a list; prefixes of namespaces are left out.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    reader.skip_prolog()?;
    let (name, value) = reader.element()?;
    reader.skip_comments()?;
    match reader.rest.trim() {
        "" => Ok(json!({name: value})),
        _ => Err("there is text behind the document".to_owned()),
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn skip_prolog(&mut self) -> Result<(), String> {
        self.rest = self.rest.trim_start_matches('\u{feff}');
        self.skip_comments()?;
        match self.rest.starts_with("<!") {
            true => Err("document types are not read".to_owned()),
            false => Ok(()),
        }
    }

    /// Skips spaces, comments and instructions.
    fn skip_comments(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            let end = match self.rest {
                rest if rest.starts_with("<!--") => "-->",
                rest if rest.starts_with("<?") => "?>",
                _ => return Ok(()),
            };
            self.until(end)?;
        }
    }

    /// Takes everything up to a mark, and the mark.
    fn until(&mut self, mark: &str) -> Result<&'a str, String> {
        let (before, after) = self.rest.split_once(mark).ok_or_else(|| format!("{mark} is missing"))?;
        self.rest = after;
        Ok(before)
    }

    fn take(&mut self, mark: &str) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | ':');
        let end = self.rest.find(|sign| !is_part(sign)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        match name {
            "" => Err(format!("a name is missing near {:?}", near(self.rest))),
            name => {
                self.rest = rest;
                Ok(name)
            }
        }
    }

    fn element(&mut self) -> Result<(String, Value), String> {
        if !self.take("<") {
            return Err(format!("an element is missing near {:?}", near(self.rest)));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("elements nest too deeply".to_owned());
        }
        let name = self.name()?;
        let mut members = Map::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.take("/>") {
                self.depth -= 1;
                return Ok((local(name).to_owned(), finished(members, String::new())));
            }
            if self.take(">") {
                break;
            }
            let (attribute, value) = self.attribute()?;
            if attribute != "xmlns" && !attribute.starts_with("xmlns:") {
                members.insert(format!("@{}", local(attribute)), Value::String(value));
            }
        }
        let text = self.content(name, &mut members)?;
        self.depth -= 1;
        Ok((local(name).to_owned(), finished(members, text)))
    }

    fn attribute(&mut self) -> Result<(&'a str, String), String> {
        let name = self.name()?;
        self.rest = self.rest.trim_start();
        if !self.take("=") {
            return Err(format!("the attribute {name} has no value"));
        }
        self.rest = self.rest.trim_start();
        let quote = if self.take("\"") {
            "\""
        } else if self.take("'") {
            "'"
        } else {
            return Err(format!("the value of {name} is not quoted"));
        };
        Ok((name, unescaped(self.until(quote)?)?))
    }

    /// Reads what stands in an element up to its end.
    fn content(&mut self, name: &str, members: &mut Map<String, Value>) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let place = self.rest.find('<').ok_or_else(|| format!("{name} has no end"))?;
            let (before, rest) = self.rest.split_at(place);
            text.push_str(&unescaped(before)?);
            self.rest = rest;
            if self.take("</") {
                let end = self.name()?;
                self.rest = self.rest.trim_start();
                return match end == name && self.take(">") {
                    true => Ok(text),
                    false => Err(format!("{name} ends with {end}")),
                };
            }
            if self.take("<![CDATA[") {
                text.push_str(self.until("]]>")?);
            } else if self.rest.starts_with("<!--") {
                self.until("-->")?;
            } else if self.rest.starts_with("<?") {
                self.until("?>")?;
            } else {
                let (name, value) = self.element()?;
                add(members, name, value);
            }
        }
    }
}

fn near(text: &str) -> String {
    text.chars().take(20).collect()
}

/// Returns a name without the prefix of its namespace.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Adds an element; a second one of the same name makes a list.
fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None => {
            members.insert(name, value);
        }
    }
}

fn finished(mut members: Map<String, Value>, text: String) -> Value {
    if members.is_empty() {
        return Value::String(text);
    }
    let text = text.trim();
    if !text.is_empty() {
        members.insert("#text".to_owned(), Value::from(text));
    }
    Value::Object(members)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, after) = after
            .split_once(';')
            .ok_or_else(|| "a reference has no end".to_owned())?;
        let number = name
            .strip_prefix('#')
            .and_then(|number| match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            });
        plain.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            name => number
                .and_then(char::from_u32)
                .ok_or_else(|| format!("the reference {name} is not known"))?,
        });
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// Writes a tree as a document: the names of members are those of elements, with whatever prefix they have, lists repeat
/// the element, and members that are null are left out.
pub(crate) fn write(tree: &Value) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
    write_members(tree, &mut text);
    text
}

fn write_members(tree: &Value, text: &mut String) {
    let Value::Object(members) = tree else { return };
    for (name, value) in members.iter().filter(|(name, _)| !name.starts_with(['@', '#'])) {
        match value {
            Value::Array(list) => list.iter().for_each(|one| write_element(name, one, text)),
            one => write_element(name, one, text),
        }
    }
}

fn write_element(name: &str, value: &Value, text: &mut String) {
    if value.is_null() {
        return;
    }
    let _ = write!(text, "<{name}");
    let attributes = value.as_object().into_iter().flatten();
    for (name, value) in attributes.filter_map(|(name, value)| Some((name.strip_prefix('@')?, value))) {
        if !value.is_null() {
            let _ = write!(text, " {name}=\"{}\"", escaped(&plain(value)));
        }
    }
    let start = text.len();
    text.push('>');
    match value {
        Value::Object(members) => {
            text.push_str(&escaped(&members.get("#text").map(plain).unwrap_or_default()));
            write_members(value, text);
        }
        value => text.push_str(&escaped(&plain(value))),
    }
    if text.len() == start + 1 {
        text.truncate(start);
        text.push_str("/>");
    } else {
        let _ = write!(text, "</{name}>");
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // No other control character may stand in a document.
            sign if sign.is_control() && !matches!(sign, '\t' | '\n' | '\r') => {}
            sign => escaped.push(sign),
        }
    }
    escaped
}

/// The versions of SOAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soap {
    /// Version 1.1, with `faultcode`.
    One,
    /// Version 1.2, with `Code` and `Reason`.
    Two,
}

/// Puts a tree into the envelope of a SOAP answer. A tree whose only member is `fault` becomes a fault, with its `code`,
/// `message` and `detail`.
pub(crate) fn envelope(tree: &Value, version: Soap) -> Value {
    let namespace = match version {
        Soap::One => "http://schemas.xmlsoap.org/soap/envelope/",
        Soap::Two => "http://www.w3.org/2003/05/soap-envelope",
    };
    let body = match (tree.get("fault"), version) {
        (Some(fault), Soap::One) => json!({"soap:Fault": {
            "faultcode": fault.get("code").filter(|code| !code.is_null()).cloned().unwrap_or_else(|| json!("soap:Server")),
            "faultstring": fault.get("message"),
            "detail": fault.get("detail"),
        }}),
        (Some(fault), Soap::Two) => json!({"soap:Fault": {
            "soap:Code": {
                "soap:Value": fault.get("code").filter(|code| !code.is_null()).cloned().unwrap_or_else(|| json!("soap:Receiver")),
            },
            "soap:Reason": {"soap:Text": {"@xml:lang": "en", "#text": fault.get("message")}},
            "soap:Detail": fault.get("detail"),
        }}),
        (None, _) => tree.clone(),
    };
    json!({"soap:Envelope": {"@xmlns:soap": namespace, "soap:Body": body}})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::{Soap, envelope, read, write};

    #[test]
    fn a_document_is_read_without_its_namespaces() {
        let text = "\u{feff}<?xml version='1.0'?><!-- x --><s:Envelope xmlns:s=\"urn:s\"><s:Body><a:find b:max='5' \
                    xmlns:a=\"urn:a\"><line>1 &lt; 2</line><line><![CDATA[<x>]]></line><none/>\n <one>&#228;&amp;</one>\
                    </a:find></s:Body></s:Envelope>\n";
        let expected = json!({"Envelope": {"Body": {"find": {
            "@max": "5", "line": ["1 < 2", "<x>"], "none": "", "one": "ä&"}}}});
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("<a b='1'>x</a>").unwrap(), json!({"a": {"@b": "1", "#text": "x"}}));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let texts = [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a b=1/>",
            "<a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<a><!-- </a>",
            "<a>&</a>",
        ];
        for text in texts {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"<a>".repeat(10_000)).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let tree = json!({"r:answer": {"@xmlns:r": "urn:r", "@n": 2, "row": [{"id": "1", "t": "a<b>&\"c"}, {"id": "2"}], "gone": null, "empty": ""}});
        let text = write(&tree);
        assert!(
            text.contains("<r:answer xmlns:r=\"urn:r\" n=\"2\"><row><id>1</id>"),
            "{text}"
        );
        let expected = json!({"answer": {"@n": "2", "row": [{"id": "1", "t": "a<b>&\"c"}, {"id": "2"}], "empty": ""}});
        assert_eq!(read(&text).unwrap(), expected);
    }

    #[test]
    fn faults_have_the_form_of_their_version() {
        let fault = json!({"fault": {"code": "soap:Client", "message": "No such <order>", "detail": {"errorcode": 7}}});
        let one = read(&write(&envelope(&fault, Soap::One))).unwrap();
        let expected =
            json!({"faultcode": "soap:Client", "faultstring": "No such <order>", "detail": {"errorcode": "7"}});
        assert_eq!(one.pointer("/Envelope/Body/Fault"), Some(&expected));
        let two = read(&write(&envelope(&fault, Soap::Two))).unwrap();
        assert_eq!(
            two.pointer("/Envelope/Body/Fault/Reason/Text/#text"),
            Some(&json!("No such <order>"))
        );
        let plain = read(&write(&envelope(&json!({"found": {"n": 1}}), Soap::Two))).unwrap();
        assert_eq!(plain.pointer("/Envelope/Body/found/n"), Some(&json!("1")));
    }

    #[test]
    fn no_text_makes_the_reader_fail() {
        const PIECES: [&str; 16] = [
            "<",
            "</",
            ">",
            "/>",
            "a",
            "a:b",
            " x='",
            "\"",
            "&",
            ";",
            "&#x",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "ä",
        ];
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let count = random.usize(0..14);
            let text: String = (0..count)
                .map(|_| PIECES.get(random.usize(0..PIECES.len())).copied().unwrap_or_default())
                .collect();
            let _ = read(&text);
        }
    }
}
