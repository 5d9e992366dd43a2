//! Reads the query options of a request against the entity they are about.

use super::{
    Flavour, Service,
    check::check,
    filter::{self, Expression},
    model::Entity,
    path::split,
    problem::Problem,
};

/// The query options of a request or of one expanded navigation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// The properties to show; all when nothing was selected.
    pub(crate) select: Option<Vec<String>>,
    /// The navigations to follow.
    pub(crate) expand: Vec<(String, Query)>,
    /// The condition rows fulfil.
    pub(crate) filter: Option<Expression>,
    /// Properties to sort by, and whether downwards.
    pub(crate) order: Vec<(String, bool)>,
    /// How many rows are wanted.
    pub(crate) top: Option<usize>,
    /// How many rows to leave out first.
    pub(crate) skip: usize,
    /// Whether the number of all rows is wanted.
    pub(crate) count: bool,
}

/// Reads the options of a request.
pub(crate) fn read(service: &Service, entity: &Entity, options: &[(String, String)]) -> Result<Query, Problem> {
    let mut query = Query::default();
    let mut selected = None;
    for (name, value) in options {
        if name == "$select" {
            selected = Some(names(value));
        } else {
            option(service, entity, &mut query, name, value)?;
        }
    }
    if let Some(selected) = selected {
        select(service, entity, &mut query, &selected)?;
    }
    if let Some(token) = options.iter().find(|(name, _)| name == "$skiptoken") {
        resume(&mut query, &token.1)?;
    }
    Ok(query)
}

/// Writes the place where the next page starts, with how many rows are wanted from there on.
pub(crate) fn token(offset: usize, wanted: Option<usize>) -> String {
    wanted.map_or_else(|| offset.to_string(), |wanted| format!("{offset}-{wanted}"))
}

fn resume(query: &mut Query, token: &str) -> Result<(), Problem> {
    let (offset, wanted) = token
        .split_once('-')
        .map_or((token, None), |(offset, wanted)| (offset, Some(wanted)));
    query.skip = number("$skiptoken", offset)?;
    query.top = wanted.map(|wanted| number("$skiptoken", wanted)).transpose()?;
    Ok(())
}

fn option(service: &Service, entity: &Entity, query: &mut Query, name: &str, value: &str) -> Result<(), Problem> {
    let is_v2 = service.flavour.is_v2();
    match name {
        "$filter" if value.trim().is_empty() => {}
        "$filter" => {
            let parsed = filter::parse(value, service.flavour)?;
            let is_narrow = matches!(service.flavour, Flavour::Standard(standard) if standard.keeps_or_to_one_field);
            if is_narrow && parsed.mixes_fields() {
                return Err(Problem::bad(
                    "The 'OR' operator is not supported on distinct fields on an OData filter.",
                ));
            }
            query.filter = Some(check(service, entity, parsed)?);
        }
        "$orderby" => query.order = order(service, entity, value)?,
        "$top" => query.top = Some(number(name, value)?),
        "$skip" => query.skip = number(name, value)?,
        "$expand" if is_v2 => expand_paths(service, entity, query, value)?,
        "$expand" => expand(service, entity, query, value)?,
        "$inlinecount" if is_v2 => query.count = value == "allpages",
        "$count" if !is_v2 => query.count = value == "true",
        "$format" if value.contains("json") || value == "xml" || value == "atom" => {}
        "$skiptoken" => {}
        other if other.starts_with('$') => {
            return Err(Problem::bad(format!("The query option '{other}' is not supported.")));
        }
        _ => {}
    }
    Ok(())
}

fn order(service: &Service, entity: &Entity, value: &str) -> Result<Vec<(String, bool)>, Problem> {
    let mut order = Vec::new();
    for part in value.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        let (name, down) = match words.as_slice() {
            [name] | [name, "asc"] => (*name, false),
            [name, "desc"] => (*name, true),
            _ => return Err(Problem::bad(format!("Invalid $orderby expression '{value}'."))),
        };
        property(service, entity, name)?;
        order.push((name.to_owned(), down));
    }
    Ok(order)
}

/// Keeps the selected properties; in version 2 paths select inside expanded navigations, and an
/// expanded navigation must be selected too.
fn select(service: &Service, entity: &Entity, query: &mut Query, selected: &[String]) -> Result<(), Problem> {
    let mut own = Vec::new();
    let mut below: Vec<(&str, Vec<String>)> = Vec::new();
    for path in selected {
        let (first, rest) = path
            .split_once('/')
            .map_or((path.as_str(), None), |(first, rest)| (first, Some(rest)));
        if entity.navigations.contains_key(first) {
            match below.iter_mut().find(|(name, _)| *name == first) {
                Some((_, paths)) => paths.extend(rest.map(str::to_owned)),
                None => below.push((first, rest.map(str::to_owned).into_iter().collect())),
            }
        } else if first == "*" {
            own.extend(entity.properties.keys().cloned());
        } else {
            property(service, entity, first)?;
            own.push(first.to_owned());
        }
    }
    if service.flavour.is_v2() {
        query
            .expand
            .retain(|(name, _)| below.iter().any(|(selected, _)| selected == name));
        for (name, inner) in &mut query.expand {
            let paths = below
                .iter()
                .find(|(selected, _)| selected == name)
                .map(|(_, paths)| paths);
            let paths = paths.filter(|paths| !paths.is_empty());
            if let (Some(target), Some(paths)) = (target(service, entity, name), paths) {
                select(service, target, inner, paths)?;
            }
        }
    }
    query.select = Some(own);
    Ok(())
}

/// Reads the paths of version 2: `to_A,to_A/to_B`.
fn expand_paths(service: &Service, entity: &Entity, query: &mut Query, value: &str) -> Result<(), Problem> {
    for path in names(value) {
        expand_path(service, entity, query, &path)?;
    }
    Ok(())
}

fn expand_path(service: &Service, entity: &Entity, query: &mut Query, path: &str) -> Result<(), Problem> {
    let (name, rest) = path
        .split_once('/')
        .map_or((path, None), |(name, rest)| (name, Some(rest)));
    let target = target(service, entity, name).ok_or_else(|| no_property(service, entity, name))?;
    if !query.expand.iter().any(|(found, _)| found == name) {
        query.expand.push((name.to_owned(), Query::default()));
    }
    match (rest, query.expand.iter_mut().find(|(found, _)| found == name)) {
        (Some(rest), Some((_, inner))) => expand_path(service, target, inner, rest),
        _ => Ok(()),
    }
}

/// Reads the form of version 4: `A($select=X;$filter=Y),B`.
fn expand(service: &Service, entity: &Entity, query: &mut Query, value: &str) -> Result<(), Problem> {
    for part in split(value, ',') {
        let part = part.trim();
        let (name, options) = match part.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')')),
            None => (part, Some("")),
        };
        let options = options.ok_or_else(|| Problem::bad(format!("Invalid $expand expression '{part}'.")))?;
        if service.flavour == Flavour::Dynamics && (!options.is_empty() || name.contains('/')) {
            return Err(Problem::bad(
                "Only the first level of $expand is supported, without nested options.",
            ));
        }
        let target = target(service, entity, name).ok_or_else(|| no_property(service, entity, name))?;
        let options: Vec<(String, String)> = split(options, ';')
            .into_iter()
            .filter_map(|option| option.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
            .collect();
        query.expand.push((name.to_owned(), read(service, target, &options)?));
    }
    Ok(())
}

fn target<'a>(service: &'a Service, entity: &Entity, name: &str) -> Option<&'a Entity> {
    entity
        .navigations
        .get(name)
        .and_then(|link| service.data.model.sets.get(&link.target))
}

fn property(service: &Service, entity: &Entity, name: &str) -> Result<(), Problem> {
    match entity.properties.contains_key(name) {
        true => Ok(()),
        false => Err(no_property(service, entity, name)),
    }
}

fn no_property(service: &Service, entity: &Entity, name: &str) -> Problem {
    Problem::property(name, &format!("{}.{}", service.namespace, entity.type_name))
}

fn names(value: &str) -> Vec<String> {
    value
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn number(name: &str, value: &str) -> Result<usize, Problem> {
    value
        .trim()
        .parse()
        .map_err(|_| Problem::bad(format!("Invalid value '{value}' for {name}.")))
}
