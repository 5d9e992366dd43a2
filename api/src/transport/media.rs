//! Reads `Accept` and `Content-Type`: which media type the answer has, and whether a body is JSON.

use http::{HeaderMap, header};

/// The media type of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, for clients that do not ask for more.
    #[default]
    Json,
    /// `application/graphql-response+json`.
    GraphqlResponse,
}

impl Media {
    /// Returns the value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// Chooses the media type by `Accept`; `None` when neither is acceptable.
    ///
    /// A client that names `application/graphql-response+json` gets it unless it prefers JSON; one
    /// that sends only wildcards, or nothing, is taken for an older client.
    #[must_use]
    pub fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let (mut json, mut graphql) = (Weight::default(), Weight::default());
        let mut is_given = false;
        for value in headers.get_all(header::ACCEPT) {
            is_given = true;
            for range in value.to_str().unwrap_or_default().split(',') {
                let Some((essence, quality)) = parse_range(range) else {
                    continue;
                };
                match essence.as_str() {
                    "application/json" => json.offer(3, quality),
                    "application/graphql-response+json" => graphql.offer(3, quality),
                    "application/*" => {
                        json.offer(2, quality);
                        graphql.offer(2, quality);
                    }
                    "*/*" => {
                        json.offer(1, quality);
                        graphql.offer(1, quality);
                    }
                    _ => {}
                }
            }
        }
        if !is_given {
            return Some(Self::Json);
        }
        let prefers_graphql = graphql.specificity == 3 && graphql.quality >= json.quality;
        match (graphql.quality, json.quality) {
            (0, 0) => None,
            (0, _) => Some(Self::Json),
            (_, 0) => Some(Self::GraphqlResponse),
            _ if prefers_graphql => Some(Self::GraphqlResponse),
            _ => Some(Self::Json),
        }
    }
}

/// The media type of server-sent events.
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// Says whether `Accept` names server-sent events; wildcards do not ask for them.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .filter_map(parse_range)
        .any(|(essence, quality)| essence == EVENT_STREAM && quality > 0)
}

/// The weight of the most specific range that matched, in thousandths.
#[derive(Clone, Copy, Default)]
struct Weight {
    specificity: u8,
    quality: u16,
}

impl Weight {
    fn offer(&mut self, specificity: u8, quality: u16) {
        if specificity > self.specificity || (specificity == self.specificity && quality > self.quality) {
            *self = Self { specificity, quality };
        }
    }
}

fn parse_range(range: &str) -> Option<(String, u16)> {
    let mut parts = range.split(';');
    let essence = parts.next()?.trim().to_ascii_lowercase();
    let mut quality = 1000;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = parse_quality(value.trim())?,
            "charset" if !is_utf8(value) => return None,
            _ => {}
        }
    }
    Some((essence, quality))
}

fn parse_quality(text: &str) -> Option<u16> {
    let quality: f32 = text.parse().ok()?;
    if !(0.0..=1.0).contains(&quality) {
        return None;
    }
    // Between 0 and 1000 by the check above.
    Some((quality * 1000.0).round() as u16)
}

fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Says whether the headers announce uncompressed JSON in UTF-8.
pub(super) fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let mut parts = value.to_str().unwrap_or_default().split(';');
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    let is_readable = parts
        .filter_map(|part| part.split_once('='))
        .all(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value));
    let is_uncompressed = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    is_json && is_readable && is_uncompressed
}
