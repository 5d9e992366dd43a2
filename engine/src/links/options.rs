//! What a page offers and how it looks, checked when the link is made, because the link is made by the organization and
//! shown to its customers.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;

use super::{Failure, LONGEST, LinkError, Settings};

const LONGEST_URL: usize = 2_000;
const MOST_ORIGINS: usize = 10;
const MOST_LOGO_BYTES: usize = 32 * 1024;
const LONGEST_NAME: usize = 100;

/// How the page of a link looks and behaves.
#[derive(Clone, Debug, Default)]
pub struct PageOptions {
    /// Where the customer is sent at the end, with `code` added.
    pub redirect_url: Option<String>,
    /// How long the link works.
    pub ttl: Option<Duration>,
    /// The language of the page, such as `de` or `pt-BR`.
    pub locale: Option<String>,
    /// Name, colour and logo.
    pub branding: Branding,
    /// The pages that may show the page in a frame, such as `https://app.example.com`.
    pub frame_origins: Vec<String>,
}

/// Whose page it seems to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branding {
    /// The name in the head of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The colour, as `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// The logo as a `data:` URL of a PNG, JPEG or WebP image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// What is stored with a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    pub connector: Option<String>,
    pub allowed_connectors: Option<Vec<String>>,
    pub redirect_url: Option<String>,
    pub locale: String,
    pub branding: Branding,
    pub frame_origins: Vec<String>,
    pub allow_account_change: bool,
    /// How the last sign-in elsewhere failed.
    pub failure: Option<Failure>,
    /// The code that the link led to, sealed.
    pub done: Option<SealedCode>,
    /// The tokens that the page of a settings link was given and that may still work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub page_tokens: Vec<Uuid>,
    /// How many tokens it was given in all.
    #[serde(skip_serializing_if = "is_zero")]
    pub entered: u32,
}

/// A sealed code, as text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SealedCode {
    pub key_id: String,
    pub nonce: String,
    pub ciphertext: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Stored {
    /// Reads what this server wrote; what cannot be read offers nothing.
    pub(super) fn read(stored: &Value) -> Self {
        serde_json::from_value(stored.clone()).unwrap_or_else(|_| Self {
            allowed_connectors: Some(Vec::new()),
            ..Self::default()
        })
    }

    pub(super) fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Returns whether the link offers a connector.
    pub(super) fn offers(&self, connector: &str) -> bool {
        let is_fixed = self.connector.as_ref().is_none_or(|fixed| fixed == connector);
        let allowed = self.allowed_connectors.as_ref();
        is_fixed && allowed.is_none_or(|allowed| allowed.iter().any(|one| one == connector))
    }
}

impl PageOptions {
    /// Checks the options and returns them as they are stored, with how long the link works.
    pub(super) fn check(self, settings: &Settings) -> Result<(Stored, Duration), LinkError> {
        let ttl = self.ttl.unwrap_or(settings.ttl);
        if ttl.is_zero() || ttl > LONGEST {
            return Err(invalid(
                "ttlSeconds",
                format!("it must be between 1 and {}", LONGEST.as_secs()),
            ));
        }
        if self.frame_origins.len() > MOST_ORIGINS {
            return Err(invalid("frameOrigins", format!("there are more than {MOST_ORIGINS}")));
        }
        let origins = self.frame_origins.iter().map(|text| check_origin(text));
        let stored = Stored {
            redirect_url: self.redirect_url.map(|url| check_redirect(&url)).transpose()?,
            locale: check_locale(self.locale)?,
            branding: check_branding(self.branding)?,
            frame_origins: origins.collect::<Result<_, _>>()?,
            ..Stored::default()
        };
        Ok((stored, ttl))
    }
}

/// Adds a parameter to the address that the customer is sent to.
pub(super) fn redirect_with(url: &str, name: &str, value: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.query_pairs_mut().append_pair(name, value);
    Some(url.into())
}

fn invalid(option: &'static str, problem: impl Into<String>) -> LinkError {
    LinkError::InvalidOption {
        option,
        problem: problem.into(),
    }
}

fn check_redirect(text: &str) -> Result<String, LinkError> {
    let refused = |problem| Err(LinkError::InvalidRedirectUrl(problem));
    if text.len() > LONGEST_URL {
        return refused("it is longer than 2000 bytes");
    }
    let Ok(url) = Url::parse(text.trim()) else {
        return refused("it is no web address");
    };
    if !is_secure(&url) {
        return refused("it does not begin with https:// (http:// is for localhost only)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("user names do not belong into it");
    }
    if url.fragment().is_some() {
        return refused("it must end before `#`");
    }
    if url.query_pairs().any(|(name, _)| name == "code" || name == "error") {
        return refused("the parameters `code` and `error` are added to it and must not be in it");
    }
    Ok(url.into())
}

fn is_secure(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

fn check_origin(text: &str) -> Result<String, LinkError> {
    // A star would be a pattern in the policy that the page is sent with.
    let origin = Url::parse(text)
        .ok()
        .filter(|url| is_secure(url) && !text.contains('*'))
        .map(|url| url.origin().ascii_serialization());
    let shown: String = text.chars().take(100).collect();
    origin.filter(|origin| origin == text).ok_or_else(|| {
        invalid(
            "frameOrigins",
            format!("`{shown}` is no origin such as https://app.example.com"),
        )
    })
}

/// Checks the shape of a language tag (BCP 47): letters, then parts of up to eight letters and digits.
fn check_locale(locale: Option<String>) -> Result<String, LinkError> {
    let Some(locale) = locale else {
        return Ok("en".to_owned());
    };
    let mut parts = locale.split('-');
    let language = parts.next().unwrap_or_default();
    let fits = locale.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match fits {
        true => Ok(locale),
        false => Err(invalid("locale", "it is no language tag such as `de` or `pt-BR`")),
    }
}

fn check_branding(branding: Branding) -> Result<Branding, LinkError> {
    if let Some(name) = &branding.name
        && (name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control))
    {
        return Err(invalid(
            "branding.name",
            format!("it must have 1 to {LONGEST_NAME} characters"),
        ));
    }
    if let Some(color) = &branding.color {
        let digits = color.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid("branding.color", "it is no colour such as #0a6cff"));
        }
    }
    if let Some(logo) = &branding.logo {
        check_logo(logo).map_err(|problem| invalid("branding.logo", problem))?;
    }
    Ok(branding)
}

/// SVG is refused: it is a document that may hold scripts.
fn check_logo(logo: &str) -> Result<(), &'static str> {
    if logo.len() > MOST_LOGO_BYTES {
        return Err("it is longer than 32768 bytes");
    }
    let (head, body) = logo
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
        .ok_or("it is no data: URL with base64")?;
    let bytes = STANDARD.decode(body).map_err(|_| "it is not base64")?;
    let fits = match head {
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" => bytes.starts_with(b"\xff\xd8\xff"),
        "image/webp" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        _ => return Err("it is no PNG, JPEG or WebP image"),
    };
    match fits {
        true => Ok(()),
        false => Err("it is not the image that it says it is"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    fn check(options: PageOptions) -> Result<(Stored, Duration), LinkError> {
        options.check(&Settings::default())
    }

    fn code(options: PageOptions) -> &'static str {
        check(options).unwrap_err().code()
    }

    fn redirect(url: &str) -> PageOptions {
        PageOptions {
            redirect_url: Some(url.to_owned()),
            ..PageOptions::default()
        }
    }

    fn branded(branding: Branding) -> PageOptions {
        PageOptions {
            branding,
            ..PageOptions::default()
        }
    }

    #[test]
    fn addresses_to_go_back_to_are_safe_ones() {
        for good in [
            "https://app.example.com/done?tenant=7",
            "http://localhost:3000/back",
            "http://127.0.0.1/",
            "http://[::1]:8080/x",
        ] {
            check(redirect(good)).unwrap();
        }
        let long = format!("https://x.example/{}", "a".repeat(2_000));
        for bad in [
            "http://app.example.com/",
            "https://user@app.example.com/",
            "https://user:secret@app.example.com/",
            "https://app.example.com/#part",
            "https://app.example.com/?code=mine",
            "javascript:alert(1)",
            "//app.example.com",
            "https://",
            "ftp://app.example.com/",
            "http://localhost.example.com/",
            "",
            long.as_str(),
        ] {
            assert_eq!(code(redirect(bad)), "INVALID_REDIRECT_URL", "{bad}");
        }
        assert_eq!(
            redirect_with("https://a.example/x?b=1", "code", "lsx_1").unwrap(),
            "https://a.example/x?b=1&code=lsx_1"
        );
    }

    #[test]
    fn links_work_for_half_an_hour_at_most() {
        let lasting = |seconds| PageOptions {
            ttl: Some(Duration::from_secs(seconds)),
            ..PageOptions::default()
        };
        assert_eq!(check(PageOptions::default()).unwrap().1, LONGEST);
        assert_eq!(check(lasting(60)).unwrap().1.as_secs(), 60);
        for bad in [0, 1801, u64::MAX] {
            assert_eq!(code(lasting(bad)), "INVALID_LINK_OPTION");
        }
    }

    #[test]
    fn frames_are_allowed_by_exact_origins_only() {
        let framed = |origin: &str| PageOptions {
            frame_origins: vec![origin.to_owned()],
            ..PageOptions::default()
        };
        for good in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
        ] {
            check(framed(good)).unwrap();
        }
        for bad in [
            "https://app.example.com/",
            "https://*.example.com",
            "*",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://a.example https://b.example",
            "https://a.example; script-src *",
            "https://user@a.example",
            "data:text/html,x",
            "null",
        ] {
            assert_eq!(code(framed(bad)), "INVALID_LINK_OPTION", "{bad}");
        }
    }

    #[test]
    fn looks_are_checked() {
        let png = format!("data:image/png;base64,{}", STANDARD.encode(b"\x89PNG\r\n\x1a\n...."));
        let good = Branding {
            name: Some("Northwind".to_owned()),
            color: Some("#0A6cff".to_owned()),
            logo: Some(png),
        };
        check(branded(good.clone())).unwrap();
        let huge = format!("data:image/png;base64,{}", "A".repeat(MOST_LOGO_BYTES));
        let disguised = format!("data:image/png;base64,{}", STANDARD.encode("<svg onload=x>"));
        for logo in [
            "https://example.com/logo.png",
            "data:image/svg+xml;base64,PHN2Zy8+",
            "data:text/html;base64,PHN2Zy8+",
            "data:image/png,raw",
            "data:image/png;base64,%%%",
            disguised.as_str(),
            huge.as_str(),
        ] {
            let bad = Branding {
                logo: Some(logo.to_owned()),
                ..good.clone()
            };
            assert_eq!(code(branded(bad)), "INVALID_LINK_OPTION", "{logo:.60}");
        }
        for color in ["red", "#fff", "#12345g", "#1234567", "url(x)"] {
            let bad = Branding {
                color: Some(color.to_owned()),
                ..good.clone()
            };
            assert_eq!(code(branded(bad)), "INVALID_LINK_OPTION", "{color}");
        }
        for locale in ["", "e", "de_DE", "de-", "x".repeat(36).as_str(), "de-toolongpart"] {
            let bad = PageOptions {
                locale: Some(locale.to_owned()),
                ..PageOptions::default()
            };
            assert_eq!(code(bad), "INVALID_LINK_OPTION", "{locale}");
        }
    }
}
