//! Paths of clients' own, made clean before they are compared with what is allowed, and the patterns that they are
//! compared with.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Most bytes of a path.
const MOST_BYTES: usize = 4_000;

/// Most segments of a path.
const MOST_SEGMENTS: usize = 50;

/// What stays as it is in a segment. Whatever an address would read as something else is escaped.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// A path without anything that could lead elsewhere than it seems to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CleanPath {
    encoded: String,
    segments: Vec<String>,
}

impl CleanPath {
    /// Makes a path clean, or tells why it cannot be used.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        if path.len() > MOST_BYTES {
            return Err(format!("the path has more than {MOST_BYTES} bytes"));
        }
        let below = path.strip_prefix('/').ok_or("the path does not start with `/`")?;
        if below.contains(['?', '#']) {
            return Err("the path has a query or a fragment; parameters go into `query`".to_owned());
        }
        let is_folder = below.ends_with('/');
        let below = below.strip_suffix('/').unwrap_or(below);
        let mut segments = Vec::new();
        if !below.is_empty() {
            for segment in below.split('/') {
                segments.push(clean(segment)?);
            }
        }
        if segments.len() > MOST_SEGMENTS {
            return Err(format!("the path has more than {MOST_SEGMENTS} parts"));
        }
        let mut encoded = String::new();
        for segment in &segments {
            encoded.push('/');
            encoded.extend(utf8_percent_encode(segment, SEGMENT));
        }
        if is_folder || segments.is_empty() {
            encoded.push('/');
        }
        Ok(Self { encoded, segments })
    }

    /// Returns the path as it is sent.
    pub(super) fn encoded(&self) -> &str {
        &self.encoded
    }

    /// Returns its parts with escapes undone.
    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }
}

/// Undoes the escapes of a segment. What is escaped twice is refused: who undoes it once more would read another path.
fn clean(segment: &str) -> Result<String, String> {
    let bytes: Vec<u8> = percent_decode_str(segment).collect();
    let text = String::from_utf8(bytes).map_err(|_| "the path is not UTF-8 text")?;
    if has_escape(&text) {
        return Err("the path has escapes within escapes".to_owned());
    }
    if text
        .chars()
        .any(|sign| sign.is_control() || matches!(sign, '/' | '\\' | '\u{2028}' | '\u{2029}'))
    {
        return Err("the path has control characters or escaped slashes".to_owned());
    }
    if cut_off(&text).is_empty() {
        return Err("the path has an empty part or one of dots only".to_owned());
    }
    Ok(text)
}

fn has_escape(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|part| matches!(part, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

/// A pattern of paths: `*` is any text within a segment, `**` any number of segments, `{name}` a segment that is a plain
/// name.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Any,
    /// Letters, digits and underscores only.
    Name,
    /// The texts between the asterisks.
    One(Vec<String>),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Self {
        let parts = text.split('/').filter(|part| !part.is_empty());
        let parts = parts.map(|part| match part {
            "**" => Part::Any,
            NAME => Part::Name,
            part => Part::One(part.split('*').map(str::to_owned).collect()),
        });
        Self(parts.collect())
    }

    /// Returns what is wrong with the words of a pattern.
    pub(super) fn problem(text: &str) -> Option<String> {
        let mut parts = text.split('/');
        let strange = parts.find(|part| *part != NAME && part.contains(['{', '}']))?;
        Some(format!("`{strange}` is no part of a pattern; a plain name is `{NAME}`"))
    }

    pub(super) fn matches(&self, segments: &[String]) -> bool {
        self.matches_by(segments, fits)
    }

    fn matches_by(&self, segments: &[String], fits: impl Fn(&[String], &str) -> bool) -> bool {
        // Which numbers of segments the parts so far can stand for.
        let mut reached = vec![false; segments.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for part in &self.0 {
            let mut next = vec![false; segments.len() + 1];
            match part {
                Part::Any => {
                    let from = reached.iter().position(|reached| *reached).unwrap_or(next.len());
                    next.iter_mut().skip(from).for_each(|next| *next = true);
                }
                Part::Name | Part::One(_) => {
                    for ((next, before), segment) in next.iter_mut().skip(1).zip(&reached).zip(segments) {
                        *next = *before
                            && match part {
                                Part::One(texts) => fits(texts, segment),
                                _ => is_name(segment),
                            };
                    }
                }
            }
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }

    /// The same, whatever the case of letters, for the path as it stands and for what servers make of it.
    pub(super) fn may_mean(&self, segments: &[String]) -> bool {
        let lower = |text: &String| text.to_lowercase();
        let parts = self.0.iter().map(|part| match part {
            Part::Any => Part::Any,
            Part::Name => Part::Name,
            Part::One(texts) => Part::One(texts.iter().map(lower).collect()),
        });
        let segments: Vec<String> = segments.iter().map(lower).collect();
        Self(parts.collect()).matches_by(&segments, |texts, segment| {
            fits(texts, segment) || fits(texts, cut_off(segment))
        })
    }
}

/// The part of a pattern that is a plain name.
const NAME: &str = "{name}";

fn is_name(segment: &str) -> bool {
    !segment.is_empty() && segment.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}

/// Returns what some servers read of a segment: neither what follows a semicolon nor blanks around it nor dots at its
/// end.
fn cut_off(segment: &str) -> &str {
    let name = segment.split(';').next().unwrap_or_default();
    name.trim_start()
        .trim_end_matches(|sign: char| sign.is_whitespace() || sign == '.')
}

fn fits(texts: &[String], segment: &str) -> bool {
    let [first, between @ .., last] = texts else {
        return texts.first().is_some_and(|only| only == segment);
    };
    let Some(mut rest) = segment.strip_prefix(first.as_str()) else {
        return false;
    };
    for text in between {
        match rest.find(text.as_str()) {
            Some(at) => rest = rest.get(at + text.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}
