//! Writes `$metadata`: the types, properties and navigations of a service.

use std::fmt::Write as _;

use super::{
    Service,
    model::{Access, Entity, Kind},
};

/// Returns the metadata document of the service.
pub(crate) fn document(service: &Service) -> String {
    if service.flavour.is_v2() {
        version_2(service)
    } else {
        version_4(service)
    }
}

fn version_2(service: &Service) -> String {
    let namespace = &service.namespace;
    let mut text = format!(
        "{HEAD}<edmx:Edmx Version=\"1.0\" xmlns:edmx=\"http://schemas.microsoft.com/ado/2007/06/edmx\" \
         xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
         xmlns:sap=\"http://www.sap.com/Protocols/SAPData\"><edmx:DataServices m:DataServiceVersion=\"2.0\">\
         <Schema Namespace=\"{namespace}\" xml:lang=\"en\" sap:schema-version=\"1\" \
         xmlns=\"http://schemas.microsoft.com/ado/2008/09/edm\">"
    );
    let (mut associations, mut association_sets) = (String::new(), String::new());
    for entity in service.data.model.sets.values() {
        let _ = write!(
            text,
            "<EntityType Name=\"{}\" sap:content-version=\"1\">",
            entity.type_name
        );
        properties(service, entity, &mut text);
        for (name, link) in &entity.navigations {
            let Some(target) = service.data.model.sets.get(&link.target) else {
                continue;
            };
            let association = format!("assoc_{}_{name}", entity.set);
            let _ = write!(
                text,
                "<NavigationProperty Name=\"{name}\" Relationship=\"{namespace}.{association}\" \
                 FromRole=\"FromRole_{association}\" ToRole=\"ToRole_{association}\"/>"
            );
            let many = if link.many { "*" } else { "0..1" };
            let _ = write!(
                associations,
                "<Association Name=\"{association}\" sap:content-version=\"1\">\
                 <End Type=\"{namespace}.{}\" Multiplicity=\"1\" Role=\"FromRole_{association}\"/>\
                 <End Type=\"{namespace}.{}\" Multiplicity=\"{many}\" Role=\"ToRole_{association}\"/></Association>",
                entity.type_name, target.type_name
            );
            let _ = write!(
                association_sets,
                "<AssociationSet Name=\"{association}_Set\" Association=\"{namespace}.{association}\">\
                 <End EntitySet=\"{}\" Role=\"FromRole_{association}\"/>\
                 <End EntitySet=\"{}\" Role=\"ToRole_{association}\"/></AssociationSet>",
                entity.set, target.set
            );
        }
        text.push_str("</EntityType>");
    }
    text.push_str(&associations);
    let _ = write!(
        text,
        "<EntityContainer Name=\"{namespace}_Entities\" m:IsDefaultEntityContainer=\"true\" \
         sap:supported-formats=\"atom json xlsx\">"
    );
    for entity in service.data.model.sets.values() {
        let _ = write!(
            text,
            "<EntitySet Name=\"{}\" EntityType=\"{namespace}.{}\" sap:content-version=\"1\"",
            entity.set, entity.type_name
        );
        for (is_refused, verb) in [
            (entity.refuses.create, "creatable"),
            (entity.refuses.update, "updatable"),
            (entity.refuses.delete, "deletable"),
        ] {
            if is_refused {
                let _ = write!(text, " sap:{verb}=\"false\"");
            }
        }
        text.push_str("/>");
    }
    text.push_str(&association_sets);
    text.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    text
}

fn version_4(service: &Service) -> String {
    let namespace = &service.namespace;
    let mut text = format!(
        "{HEAD}<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\
         <edmx:DataServices><Schema Namespace=\"{namespace}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">"
    );
    for (name, members) in &service.data.model.enumerations {
        let _ = write!(text, "<EnumType Name=\"{name}\">");
        for (place, member) in members.iter().enumerate() {
            let _ = write!(text, "<Member Name=\"{member}\" Value=\"{place}\"/>");
        }
        text.push_str("</EnumType>");
    }
    for entity in service.data.model.sets.values() {
        let _ = write!(text, "<EntityType Name=\"{}\">", entity.type_name);
        properties(service, entity, &mut text);
        for (name, link) in &entity.navigations {
            let Some(target) = service.data.model.sets.get(&link.target) else {
                continue;
            };
            let one = format!("{namespace}.{}", target.type_name);
            let target = if link.many { format!("Collection({one})") } else { one };
            let _ = write!(text, "<NavigationProperty Name=\"{name}\" Type=\"{target}\"/>");
        }
        text.push_str("</EntityType>");
    }
    text.push_str("<EntityContainer Name=\"Container\">");
    for entity in service.data.model.sets.values() {
        let (set, type_name) = (&entity.set, &entity.type_name);
        let _ = write!(
            text,
            "<EntitySet Name=\"{set}\" EntityType=\"{namespace}.{type_name}\">"
        );
        for (name, link) in &entity.navigations {
            let _ = write!(
                text,
                "<NavigationPropertyBinding Path=\"{name}\" Target=\"{}\"/>",
                link.target
            );
        }
        restrictions(entity, &mut text);
        text.push_str("</EntitySet>");
    }
    text.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    text
}

/// Writes what clients may not do to the rows of a set.
fn restrictions(entity: &Entity, text: &mut String) {
    for (is_refused, term, flag) in [
        (entity.refuses.create, "Insert", "Insertable"),
        (entity.refuses.update, "Update", "Updatable"),
        (entity.refuses.delete, "Delete", "Deletable"),
    ] {
        if is_refused {
            let _ = write!(
                text,
                "<Annotation Term=\"Org.OData.Capabilities.V1.{term}Restrictions\"><Record>\
                 <PropertyValue Property=\"{flag}\" Bool=\"false\"/></Record></Annotation>"
            );
        }
    }
}

fn properties(service: &Service, entity: &Entity, text: &mut String) {
    text.push_str("<Key>");
    for name in &entity.key {
        let _ = write!(text, "<PropertyRef Name=\"{name}\"/>");
    }
    text.push_str("</Key>");
    for (name, property) in &entity.properties {
        let edm = match &property.kind {
            Kind::Enumeration(name) => format!("{}.{name}", service.namespace),
            kind => kind.edm().to_owned(),
        };
        let _ = write!(text, "<Property Name=\"{name}\" Type=\"{edm}\"");
        if entity.key.contains(name) {
            text.push_str(" Nullable=\"false\"");
        }
        if let Kind::Text {
            length: Some(length), ..
        } = property.kind
        {
            let _ = write!(text, " MaxLength=\"{length}\"");
        }
        if let Some((all, after)) = property.digits {
            let _ = write!(text, " Precision=\"{all}\" Scale=\"{after}\"");
        }
        match service.flavour {
            flavour if flavour.is_v2() => {
                let _ = write!(text, " sap:label=\"{}\"", label(name));
                if property.access == Access::ReadOnly {
                    text.push_str(" sap:creatable=\"false\"");
                }
                if property.access != Access::Free {
                    text.push_str(" sap:updatable=\"false\"");
                }
                text.push_str("/>");
            }
            // Which properties are computed is told where the property stands or in annotations of their own.
            _ => match property.access {
                Access::Free => text.push_str("/>"),
                Access::Fixed => {
                    text.push_str("><Annotation Term=\"Org.OData.Core.V1.Immutable\" Bool=\"true\"/></Property>")
                }
                Access::ReadOnly => {
                    text.push_str("><Annotation Term=\"Org.OData.Core.V1.Computed\" Bool=\"true\"/></Property>");
                }
            },
        }
    }
}

/// Splits a property name into words.
fn label(name: &str) -> String {
    let mut label = String::new();
    for symbol in name.chars() {
        let new_word = symbol.is_uppercase() && label.chars().last().is_some_and(char::is_lowercase);
        if new_word {
            label.push(' ');
        }
        label.push(symbol);
    }
    label
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
