//! What the functions of expressions do.

use std::borrow::Cow;

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};

use super::{Function, Node, Pattern, dates::Moment, evaluate::Budget, item::Item};
use crate::json::Value;

/// Most elements of a list that a function makes.
const MOST_ELEMENTS: usize = 10_000;

/// The greatest width that texts are filled up to.
const MOST_WIDTH: i64 = 1_000;

type Result<T> = std::result::Result<T, String>;

impl Budget {
    pub(super) fn call<'a>(
        &mut self,
        function: Function,
        arguments: &'a [Node],
        pattern: Option<&'a Pattern>,
        row: &'a Value<'a>,
    ) -> Result<Item<'a>> {
        if matches!(function, Function::Default | Function::Coalesce) {
            for node in arguments {
                let item = self.item(node, row)?;
                if !item.is_empty() {
                    return Ok(item);
                }
            }
            return Ok(Item::Null);
        }
        let mut items = Vec::with_capacity(arguments.len());
        for node in arguments {
            items.push(self.item(node, row)?);
        }
        let mut rest = items.into_iter();
        let first = rest.next().unwrap_or(Item::Null);
        match function {
            Function::Least | Function::Greatest | Function::Sum => return self.fold(function, first, rest),
            Function::Length => return self.length(&first),
            Function::Contains => {
                let part = rest.next().unwrap_or(Item::Null);
                return self.contains(&first, &part).map(Item::Boolean);
            }
            _ if first.is_null() && function != Function::Lookup => return Ok(Item::Null),
            _ => {}
        }
        let (second, third) = (rest.next(), rest.next());
        match function {
            Function::Round | Function::Integer | Function::Number | Function::Absolute => {
                self.number(function, &first, second.as_ref())
            }
            Function::First | Function::Last => {
                let Some(length) = first.len() else { return Ok(first) };
                self.memory(length.saturating_mul(64))?;
                let mut elements = first.into_elements().into_iter();
                let found = match function {
                    Function::First => elements.next(),
                    _ => elements.next_back(),
                };
                Ok(found.unwrap_or(Item::Null))
            }
            Function::Join => self.join(first, second.as_ref()),
            Function::Lookup => {
                let found = match second {
                    Some(key) => self.at(first, &key, row)?,
                    None => Item::Null,
                };
                Ok(if found.is_null() {
                    third.unwrap_or(Item::Null)
                } else {
                    found
                })
            }
            Function::DateFormat | Function::DateParse | Function::DateAdd | Function::DaysBetween => {
                self.date(function, &first, second.as_ref(), third.as_ref())
            }
            Function::Matches | Function::Extract => self.search(function, &first, pattern),
            _ => self.texts(function, &first, second.as_ref(), third.as_ref()),
        }
    }

    fn fold<'a>(
        &mut self,
        function: Function,
        first: Item<'a>,
        rest: impl Iterator<Item = Item<'a>>,
    ) -> Result<Item<'a>> {
        let mut result: Option<Decimal> = None;
        for item in std::iter::once(first).chain(rest) {
            let elements = match item.len() {
                Some(length) => {
                    self.memory(length.saturating_mul(64))?;
                    item.into_elements()
                }
                None => vec![item],
            };
            for element in elements {
                let Some(number) = element.number()? else { continue };
                result = Some(match (result, function) {
                    (None, _) => number,
                    (Some(known), Function::Least) => known.min(number),
                    (Some(known), Function::Greatest) => known.max(number),
                    (Some(known), _) => known.checked_add(number).ok_or("the number has too many digits")?,
                });
            }
        }
        Ok(result.map_or(Item::Null, Item::Number))
    }

    fn length<'a>(&mut self, item: &Item<'_>) -> Result<Item<'a>> {
        let length = match item {
            Item::Null => 0,
            Item::Text(text) => {
                self.work(text.len())?;
                text.chars().count()
            }
            Item::Table(entries) => entries.len(),
            Item::Row(value) if value.is_object() => value.members().map_or(0, <[_]>::len),
            other => match other.len() {
                Some(length) => length,
                None => return Err(format!("{} has no length", other.kind())),
            },
        };
        Ok(Item::Number(Decimal::from(length)))
    }

    fn number<'a>(&mut self, function: Function, item: &Item<'_>, places: Option<&Item<'_>>) -> Result<Item<'a>> {
        let number = match item {
            Item::Boolean(value) => Some(Decimal::from(u8::from(*value))),
            other => other.number()?,
        };
        let Some(number) = number else { return Ok(Item::Null) };
        Ok(Item::Number(match function {
            Function::Integer => number.trunc(),
            Function::Absolute => number.abs(),
            Function::Round => {
                let places = match places {
                    Some(places) => places.number()?.and_then(|places| places.to_u32()),
                    None => Some(0),
                };
                let places = places.filter(|places| *places <= Decimal::MAX_SCALE);
                let places = places.ok_or("`round` takes 0 to 28 places")?;
                number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
            }
            _ => number,
        }))
    }

    fn join<'a>(&mut self, list: Item<'_>, separator: Option<&Item<'_>>) -> Result<Item<'a>> {
        let separator = match separator {
            Some(separator) => self.text(separator)?,
            None => Cow::Borrowed(""),
        };
        let Some(length) = list.len() else {
            let text = self.text(&list)?.into_owned();
            self.memory(text.len())?;
            return Ok(Item::Text(text.into()));
        };
        self.memory(length.saturating_mul(64))?;
        let mut joined = String::new();
        for element in list.into_elements() {
            let text = self.text(&element)?;
            if text.is_empty() {
                continue;
            }
            if !joined.is_empty() {
                self.memory(separator.len())?;
                joined.push_str(&separator);
            }
            self.memory(text.len())?;
            joined.push_str(&text);
        }
        Ok(Item::Text(joined.into()))
    }

    fn date<'a>(
        &mut self,
        function: Function,
        item: &Item<'_>,
        second: Option<&Item<'_>>,
        third: Option<&Item<'_>>,
    ) -> Result<Item<'a>> {
        if item.is_empty() {
            return Ok(Item::Null);
        }
        let nothing = Item::Null;
        let second = second.unwrap_or(&nothing);
        let text = self.text(item)?.into_owned();
        self.work(1_000)?;
        if function == Function::DateParse {
            let format = self.text(second)?;
            return Ok(Item::Text(Moment::read(&text, &format)?.iso().into()));
        }
        let moment = Moment::parse(&text)?;
        let made = match function {
            Function::DateFormat => {
                let format = self.text(second)?;
                moment.format(&format)?
            }
            Function::DateAdd => {
                let amount = second.number()?.and_then(|amount| amount.to_i64());
                let amount = amount.ok_or("`date_add` needs a whole number")?;
                let unit = self.text(third.unwrap_or(&nothing))?;
                moment.later(amount, &unit)?.iso()
            }
            _ => {
                if second.is_empty() {
                    return Ok(Item::Null);
                }
                let other = Moment::parse(&self.text(second)?)?;
                let days = other.day().signed_duration_since(moment.day()).num_days();
                return Ok(Item::Number(days.into()));
            }
        };
        self.memory(made.len())?;
        Ok(Item::Text(made.into()))
    }

    fn search<'a>(&mut self, function: Function, item: &Item<'_>, pattern: Option<&Pattern>) -> Result<Item<'a>> {
        let pattern = pattern.ok_or("there is no regular expression")?;
        let text = self.text(item)?;
        self.work(text.len().saturating_mul(pattern.cost))?;
        if function == Function::Matches {
            return Ok(Item::Boolean(pattern.regex.is_match(&text)));
        }
        let found = pattern.regex.captures(&text);
        let part = found.and_then(|found| {
            found
                .get(1)
                .or_else(|| found.get(0))
                .map(|part| part.as_str().to_owned())
        });
        let Some(part) = part else { return Ok(Item::Null) };
        self.memory(part.len())?;
        Ok(Item::Text(part.into()))
    }

    fn texts<'a>(
        &mut self,
        function: Function,
        item: &Item<'_>,
        second: Option<&Item<'_>>,
        third: Option<&Item<'_>>,
    ) -> Result<Item<'a>> {
        let text = self.text(item)?;
        let other = match second {
            Some(second) => self.text(second)?,
            None => Cow::Borrowed(""),
        };
        self.work(text.len().saturating_add(other.len()))?;
        let made = match function {
            Function::StartsWith => return Ok(Item::Boolean(text.starts_with(other.as_ref()))),
            Function::EndsWith => return Ok(Item::Boolean(text.ends_with(other.as_ref()))),
            Function::Split => return self.split(&text, &other),
            // The other case of a letter may be three letters.
            Function::Upper | Function::Lower | Function::Capitalize => {
                self.memory(text.len().saturating_mul(3))?;
                match function {
                    Function::Upper => text.to_uppercase(),
                    Function::Lower => text.to_lowercase(),
                    _ => {
                        let mut signs = text.chars();
                        let first = signs.next().into_iter().flat_map(char::to_uppercase);
                        first.chain(signs.as_str().to_lowercase().chars()).collect()
                    }
                }
            }
            Function::Trim => {
                let text = text.trim();
                self.memory(text.len())?;
                text.to_owned()
            }
            Function::Replace => {
                let new = match third {
                    Some(third) => self.text(third)?,
                    None => Cow::Borrowed(""),
                };
                self.replace(&text, &other, &new)?
            }
            Function::PadStart | Function::PadEnd => {
                let sign = match third {
                    Some(third) => self.text(third)?.chars().next(),
                    None => None,
                };
                let width = second
                    .map(Item::number)
                    .transpose()?
                    .flatten()
                    .and_then(|width| width.to_i64());
                let width = width.filter(|width| (0..=MOST_WIDTH).contains(width));
                let width = width.ok_or_else(|| format!("the width is 0 to {MOST_WIDTH}"))?;
                let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
                self.memory(text.len().saturating_add(missing.saturating_mul(4)))?;
                match function {
                    Function::PadStart => format!("{}{text}", sign.unwrap_or('0').to_string().repeat(missing)),
                    _ => format!("{text}{}", sign.unwrap_or(' ').to_string().repeat(missing)),
                }
            }
            _ => {
                self.memory(text.len())?;
                text.into_owned()
            }
        };
        Ok(Item::Text(made.into()))
    }

    fn split<'a>(&mut self, text: &str, separator: &str) -> Result<Item<'a>> {
        if separator.is_empty() {
            return Err("`split` needs a separator".to_owned());
        }
        let mut parts = Vec::new();
        for part in text.split(separator) {
            if parts.len() >= MOST_ELEMENTS {
                return Err(format!("`split` gives at most {MOST_ELEMENTS} parts"));
            }
            self.memory(part.len().saturating_add(64))?;
            parts.push(Item::Text(part.to_owned().into()));
        }
        Ok(Item::List(parts))
    }

    /// Replaces every occurrence; what comes out is paid for before it is made.
    fn replace(&mut self, text: &str, old: &str, new: &str) -> Result<String> {
        if old.is_empty() {
            return Err("`replace` needs something to replace".to_owned());
        }
        let mut made = String::new();
        let mut from = 0;
        for (at, _) in text.match_indices(old) {
            let kept = text.get(from..at).unwrap_or_default();
            self.memory(kept.len().saturating_add(new.len()))?;
            made.push_str(kept);
            made.push_str(new);
            from = at + old.len();
        }
        let kept = text.get(from..).unwrap_or_default();
        self.memory(kept.len())?;
        made.push_str(kept);
        Ok(made)
    }
}
