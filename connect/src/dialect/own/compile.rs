//! Compiles what a manifest says of a language, and tells what is wrong with it.

use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use super::{
    Form, JsonForm, Own,
    fill::words_of_json,
    literal::{Kinds, is_pattern},
    text::{Joint, TextForm},
};
use crate::{
    blueprint::Problem,
    manifest::{
        Escape, FilterLanguage, Flat, Forms, IdentifierQuote, JsonLanguage, Junction, LiteralForm, Literals, Quote,
        Search, TextLanguage,
    },
};

impl Own {
    /// Compiles a language. What is wrong with it is told, and something is returned all the same, so that what uses it is
    /// checked too.
    pub(crate) fn compile(written: &FilterLanguage, pointer: &str, problems: &mut Vec<Problem>) -> Arc<Self> {
        Arc::new(match written {
            FilterLanguage::Text(language) => {
                Checker::new(format!("{pointer}/text"), problems).text(language.as_ref().clone())
            }
            FilterLanguage::Json(language) => {
                Checker::new(format!("{pointer}/json"), problems).json(language.as_ref().clone())
            }
        })
    }
}

struct Checker<'p> {
    pointer: String,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Checker<'p> {
    fn new(pointer: String, problems: &'p mut Vec<Problem>) -> Self {
        Self { pointer, problems }
    }

    fn tell(&mut self, key: &str, message: impl Into<String>) {
        self.problems
            .push(Problem::new(format!("{}/{key}", self.pointer), message.into()));
    }

    /// Reports words that a form needs or does not know.
    fn form(&mut self, key: &str, form: &Value, needed: &[&str], known: &[&str]) {
        let words: Vec<&str> = words_of_json(form)
            .into_iter()
            .map(|word| word.strip_suffix("...").unwrap_or(word))
            .collect();
        for word in needed.iter().filter(|word| !words.contains(word)) {
            self.tell(key, format!("does not have `{{{word}}}`"));
        }
        let all: Vec<String> = needed.iter().chain(known).map(|word| format!("`{{{word}}}`")).collect();
        for word in words
            .iter()
            .filter(|word| !needed.contains(word) && !known.contains(word))
        {
            let problem = Problem::new(
                format!("{}/{key}", self.pointer),
                format!("there is no `{{{word}}}` here"),
            );
            self.problems
                .push(problem.with_help(format!("there are: {}", all.join(", "))));
        }
    }

    fn optional(&mut self, key: &str, form: Option<&Value>, needed: &[&str], known: &[&str]) {
        if let Some(form) = form {
            self.form(key, form, needed, known);
        }
    }

    fn text(mut self, language: TextLanguage) -> Own {
        let compare = text_forms(language.compare);
        self.forms(&compare, &[]);
        let (one_of, missing, present, order) = (
            language.one_of.map(Value::from),
            language.missing.map(Value::from),
            language.present.map(Value::from),
            language.order.map(Value::from),
        );
        self.common(
            one_of.as_ref(),
            missing.as_ref(),
            present.as_ref(),
            order.as_ref(),
            &language.search,
            &[],
        );
        let order_text = language.order_text.map(Value::from);
        let order_key = language.order_key.map(Value::from);
        for (key, form) in [("order_text", &order_text), ("order_key", &order_key)] {
            self.optional(key, form.as_ref(), &["name"], &["direction"]);
        }
        let and = self.joint("and", language.and);
        let or = language.or.map(|or| self.joint("or", or));
        if let Some(group) = &language.group {
            self.form("group", &group.as_str().into(), &["parts"], &[]);
            if language.or_binds_tighter {
                self.tell(
                    "or_binds_tighter",
                    "has no effect beside `group`, which keeps parts together",
                );
            }
        }
        if language.alternatives.as_deref().is_some_and(str::is_empty) {
            self.tell("alternatives", "must not be empty");
        }
        self.quote(language.quote.as_ref());
        let parameter = language.parameters.map(|parameters| parameters.sign);
        if let Some(sign) = &parameter {
            self.form("parameters/sign", &sign.as_str().into(), &[], &["number"]);
            if sign.is_empty() {
                self.tell("parameters/sign", "must not be empty");
            }
        }
        self.identifier(language.identifier.as_ref());
        let can_quote = language.quote.is_some() || parameter.is_some();
        self.literals(&language.literals, true, can_quote);
        if language.tells_empty && !(can_quote && language.literals.string.quoted.unwrap_or(true)) {
            self.tell(
                "tells_empty",
                "an empty text can be written only where texts are quoted",
            );
        }
        let names = self.names(language.names.as_deref());
        Own {
            form: Form::Text(TextForm {
                and,
                or,
                or_binds_tighter: language.or_binds_tighter,
                alternatives: language.alternatives,
                group: language.group,
                quote: language.quote,
                parameter,
            }),
            path: language.path.unwrap_or_else(|| ".".to_owned()),
            names,
            identifier: language.identifier,
            collates: language.collates,
            forbid: self.forbid(&language.forbid),
            search: language.search,
            kinds: Kinds::new(&language.literals, can_quote),
            compare,
            one_of,
            in_separator: language.in_separator.or_else(|| Some(",".to_owned())),
            missing,
            present,
            tells_empty: language.tells_empty,
            order,
            order_text,
            order_key,
            ascending: language.ascending.unwrap_or_else(|| "asc".to_owned()),
            descending: language.descending.unwrap_or_else(|| "desc".to_owned()),
        }
    }

    fn json(mut self, language: JsonLanguage) -> Own {
        const FLAT: &[&str] = &["index", "joiner", "open", "close"];
        let more = if language.flat.is_some() { FLAT } else { &[] };
        self.forms(&language.compare, more);
        self.common(
            language.one_of.as_ref(),
            language.missing.as_ref(),
            language.present.as_ref(),
            language.order.as_ref(),
            &language.search,
            more,
        );
        for (key, form) in [("and", &language.and), ("or", &language.or), ("top", &language.top)] {
            self.optional(key, form.as_ref(), &["parts"], &[]);
        }
        match &language.flat {
            Some(flat) => self.flat(flat, language.and.is_some() || language.or.is_some()),
            None if language.and.is_none() && language.top.is_none() => {
                self.tell("compare", "conditions cannot be joined: give `and`, `top` or `flat`");
            }
            None => {}
        }
        self.literals(&language.literals, false, true);
        let quotes = self.quoted_values(&language);
        let names = self.names(language.names.as_deref());
        Own {
            form: Form::Json(JsonForm {
                and: language.and,
                or: language.or,
                top: language.top,
                flat: language.flat,
                quotes,
            }),
            path: language.path.unwrap_or_else(|| ".".to_owned()),
            names,
            identifier: None,
            collates: false,
            forbid: self.forbid(&language.forbid),
            search: language.search,
            kinds: Kinds::new(&language.literals, true),
            compare: language.compare,
            one_of: language.one_of,
            in_separator: language.in_separator,
            missing: language.missing,
            present: language.present,
            tells_empty: language.tells_empty,
            order: language.order,
            order_text: None,
            order_key: None,
            ascending: language.ascending.unwrap_or_else(|| "asc".to_owned()),
            descending: language.descending.unwrap_or_else(|| "desc".to_owned()),
        }
    }

    /// Reports quotes that a value could leave, and returns whether forms have any: what is JSON escapes its texts, but
    /// not what is written within them.
    fn quoted_values(&mut self, language: &JsonLanguage) -> bool {
        let mut forms: Vec<(String, &Value)> = forms_of(&language.compare)
            .into_iter()
            .filter_map(|(key, form)| Some((format!("compare/{key}"), form?)))
            .collect();
        forms.extend(language.one_of.as_ref().map(|form| ("in".to_owned(), form)));
        let text = language.literals.string.form.as_ref();
        forms.extend(text.map(|form| ("literals/string/form".to_owned(), form)));
        let mut quotes = false;
        for (key, form) in forms {
            let mut signs = Vec::new();
            quotes_around(form, &mut signs);
            quotes |= !signs.is_empty();
            for sign in signs {
                if !language.forbid.iter().any(|forbidden| forbidden.chars().eq([sign])) {
                    let pointer = format!("{}/{key}", self.pointer);
                    let problem = Problem::new(pointer, format!("a value with `{sign}` would leave its quotes"));
                    self.problems
                        .push(problem.with_help(format!("write the sign under `forbid`: [\"{sign}\"]")));
                }
            }
        }
        quotes
    }

    fn forms(&mut self, compare: &Forms<Value>, more: &[&str]) {
        for (key, form) in forms_of(compare) {
            self.optional(&format!("compare/{key}"), form, &["name", "value"], more);
        }
    }

    fn common(
        &mut self,
        one_of: Option<&Value>,
        missing: Option<&Value>,
        present: Option<&Value>,
        order: Option<&Value>,
        search: &Search,
        more: &[&str],
    ) {
        self.optional("in", one_of, &["name", "values"], more);
        self.optional("missing", missing, &["name"], more);
        self.optional("present", present, &["name"], more);
        self.optional("order", order, &["name"], &["direction"]);
        for (key, form) in [("contains", &search.contains), ("starts_with", &search.starts_with)] {
            let Some(form) = form else { continue };
            let key = format!("search/{key}");
            self.form(&key, &form.as_str().into(), &[], &["text", "like"]);
            match (form.contains("{text}"), form.contains("{like}")) {
                (false, false) => self.tell(&key, "has neither `{text}` nor `{like}`"),
                (false, true) if search.wildcards.is_empty() => {
                    self.tell(&key, "`{like}` needs `wildcards`, the signs that it escapes");
                }
                _ => {}
            }
        }
        if search.escape.is_some() && search.wildcards.is_empty() {
            self.tell("search/escape", "needs `wildcards`, the signs that it escapes");
        }
        if search.escape.as_ref().is_some_and(|sign| sign.chars().count() != 1) {
            self.tell("search/escape", "must be one sign");
        }
    }

    fn joint(&mut self, key: &str, junction: Junction) -> Joint {
        match junction {
            Junction::Sign(sign) => {
                if sign.is_empty() {
                    self.tell(key, "must not be empty");
                }
                Joint {
                    between: sign,
                    around: None,
                }
            }
            Junction::Form(form) => {
                self.form(&format!("{key}/around"), &form.around.as_str().into(), &["parts"], &[]);
                Joint {
                    between: form.between,
                    around: Some(form.around),
                }
            }
        }
    }

    fn quote(&mut self, quote: Option<&Quote>) {
        let Some(quote) = quote else { return };
        let is_one = quote.sign.chars().count() == 1 && !quote.sign.contains(char::is_alphanumeric);
        let is_none = quote.sign.is_empty() && quote.escape == Escape::Xml;
        if !is_one && !is_none {
            self.tell("quote/sign", "must be one sign, or empty beside `escape: xml`");
        }
    }

    fn identifier(&mut self, quote: Option<&IdentifierQuote>) {
        let Some(quote) = quote else { return };
        for (key, sign) in [("open", &quote.open), ("close", &quote.close)] {
            if sign.chars().count() != 1
                || sign.contains(|sign: char| sign.is_alphanumeric() || matches!(sign, '.' | ' '))
            {
                self.tell(&format!("identifier/{key}"), "must be one sign");
            }
        }
    }

    fn names(&mut self, pattern: Option<&str>) -> Option<Regex> {
        match Regex::new(&format!("^(?:{})$", pattern?)) {
            Ok(names) => Some(names),
            Err(error) => {
                self.tell("names", format!("not a regular expression: {error}"));
                None
            }
        }
    }

    fn forbid(&mut self, signs: &[String]) -> Vec<String> {
        for (at, _) in signs.iter().enumerate().filter(|(_, sign)| sign.is_empty()) {
            self.tell(&format!("forbid/{at}"), "must not be empty");
        }
        let signs = signs.iter().filter(|sign| !sign.is_empty());
        signs.map(|sign| sign.to_lowercase()).collect()
    }

    fn literals(&mut self, literals: &Literals, is_text: bool, quotes: bool) {
        if !matches!(literals.boolean.len(), 0 | 2) {
            self.tell("literals/boolean", "needs two: what stands for true, and for false");
        }
        let forms: [(&str, Option<&LiteralForm>, bool); 6] = [
            ("string", Some(&literals.string), false),
            ("number", Some(&literals.number), false),
            ("date", Some(&literals.date), true),
            ("datetime", Some(&literals.datetime), true),
            ("datetimeoffset", literals.datetimeoffset.as_ref(), true),
            ("guid", literals.guid.as_ref(), false),
        ];
        for (name, form, is_moment) in forms {
            let Some(form) = form else { continue };
            let key = format!("literals/{name}");
            if form.quoted == Some(true) && !quotes {
                self.tell(&format!("{key}/quoted"), "needs `quote`");
            }
            if form.format.is_some() && form.unix.is_some() {
                self.tell(&key, "give `format` or `unix`, not both");
            }
            if !is_moment && (form.format.is_some() || form.unix.is_some()) {
                self.tell(&key, "`format` and `unix` belong to dates and moments");
            }
            if let Some(format) = form
                .format
                .as_deref()
                .filter(|format| !is_pattern(format, name == "date"))
            {
                self.tell(
                    &format!("{key}/format"),
                    format!("`{format}` is not a pattern of such values"),
                );
            }
            if let Some(around) = &form.form {
                self.form(&format!("{key}/form"), around, &["value"], &[]);
                if is_text && !around.is_string() {
                    self.tell(&format!("{key}/form"), "must be text in a language of text");
                }
            }
        }
    }

    fn flat(&mut self, flat: &Flat, has_tree: bool) {
        if has_tree {
            self.tell(
                "flat",
                "comparisons are joined by `flat` or by `and` and `or`, not by both",
            );
        }
        if flat.expression.is_some() && flat.joiner.is_some() {
            self.tell("flat", "give `expression` or `joiner`, not both");
        }
        if flat.open.is_some() != flat.close.is_some() {
            self.tell("flat", "`open` and `close` belong together");
        }
        if let Some(expression) = &flat.expression {
            self.form(
                "flat/expression/group",
                &expression.group.as_str().into(),
                &["parts"],
                &[],
            );
        }
    }
}

fn forms_of(compare: &Forms<Value>) -> [(&'static str, Option<&Value>); 8] {
    [
        ("eq", Some(&compare.eq)),
        ("ne", compare.ne.as_ref()),
        ("gt", compare.gt.as_ref()),
        ("gte", compare.gte.as_ref()),
        ("lt", compare.lt.as_ref()),
        ("lte", compare.lte.as_ref()),
        ("contains", compare.contains.as_ref()),
        ("starts_with", compare.starts_with.as_ref()),
    ]
}

/// Collects the quotes within the texts of a form that stand right around a value.
fn quotes_around(form: &Value, signs: &mut Vec<char>) {
    match form {
        Value::String(text) => {
            for word in ["{value}", "{values}"] {
                for (at, _) in text.match_indices(word) {
                    let before = text.get(..at).and_then(|text| text.chars().next_back());
                    let behind = text.get(at + word.len()..).and_then(|text| text.chars().next());
                    let is_quote = |sign: &char| matches!(sign, '\'' | '"' | '`');
                    let found = [before, behind].into_iter().flatten().filter(is_quote);
                    found.for_each(|sign| {
                        if !signs.contains(&sign) {
                            signs.push(sign);
                        }
                    });
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|element| quotes_around(element, signs)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            quotes_around(&Value::from(name.as_str()), signs);
            quotes_around(value, signs);
        }),
        _ => {}
    }
}

fn text_forms(forms: Forms<String>) -> Forms<Value> {
    Forms {
        eq: forms.eq.into(),
        ne: forms.ne.map(Value::from),
        gt: forms.gt.map(Value::from),
        gte: forms.gte.map(Value::from),
        lt: forms.lt.map(Value::from),
        lte: forms.lte.map(Value::from),
        contains: forms.contains.map(Value::from),
        starts_with: forms.starts_with.map(Value::from),
    }
}
