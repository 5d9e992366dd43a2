//! Writes rows as Atom, which version 2 sends to clients that do not ask for JSON.

use std::fmt::Write as _;

use super::{
    data::{Row, value},
    model::Entity,
    render::Render,
};

/// Writes a feed of rows.
pub(crate) fn feed(render: &Render<'_>, entity: &Entity, rows: &[&Row], next: Option<&str>) -> String {
    let root = &render.request.root;
    let mut text = format!(
        "{HEAD}<feed xmlns=\"{ATOM}\" xmlns:m=\"{META}\" xmlns:d=\"{DATA}\" xml:base=\"{}\">",
        escape(root)
    );
    let _ = write!(
        text,
        "<id>{}{}</id><title type=\"text\">{}</title>",
        escape(root),
        entity.set,
        entity.set
    );
    for row in rows {
        text.push_str(&content(render, entity, row, ""));
    }
    if let Some(next) = next {
        let _ = write!(text, "<link rel=\"next\" href=\"{}\"/>", escape(next));
    }
    text.push_str("</feed>");
    text
}

/// Writes one row.
pub(crate) fn entry(render: &Render<'_>, entity: &Entity, row: &Row) -> String {
    let spaces = format!(" xmlns=\"{ATOM}\" xmlns:m=\"{META}\" xmlns:d=\"{DATA}\"");
    format!("{HEAD}{}", content(render, entity, row, &spaces))
}

fn content(render: &Render<'_>, entity: &Entity, row: &Row, spaces: &str) -> String {
    let mut text = format!("<entry{spaces}><id>{}</id>", escape(&render.address(entity, row)));
    text.push_str("<content type=\"application/xml\"><m:properties>");
    for (name, property) in &entity.properties {
        let shown = render.value(&property.kind, value(entity, row, name));
        let _ = match (&shown, shown.as_str()) {
            (serde_json::Value::Null, _) => write!(text, "<d:{name} m:null=\"true\"/>"),
            (_, Some(shown)) => write!(text, "<d:{name}>{}</d:{name}>", escape(shown)),
            (other, None) => write!(text, "<d:{name}>{other}</d:{name}>"),
        };
    }
    text.push_str("</m:properties></content></entry>");
    text
}

/// Escapes text for XML content and attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
const ATOM: &str = "http://www.w3.org/2005/Atom";
const META: &str = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata";
const DATA: &str = "http://schemas.microsoft.com/ado/2007/08/dataservices";
