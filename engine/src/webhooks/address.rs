//! Decides early whether an address can be one of an endpoint. What counts is the guard of the client when it sends.

use std::time::Duration;

use url::Url;

use super::{Error, Settings};

const LONGEST: usize = 2000;
/// A name server that does not answer says nothing against an address.
const NAME_LOOK_UP: Duration = Duration::from_secs(2);

/// Checks the address of an endpoint.
pub(super) async fn check(text: &str, settings: &Settings) -> Result<(), Error> {
    let url = parse(text, settings)?;
    let checked = settings.guard.check_resolved(&url);
    match tokio::time::timeout(NAME_LOOK_UP, checked).await {
        Ok(Err(error)) => Err(Error::InvalidUrl(error.message().to_owned())),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

fn parse(text: &str, settings: &Settings) -> Result<Url, Error> {
    let refused = |why: &str| Err(Error::InvalidUrl(why.to_owned()));
    if text.chars().count() > LONGEST {
        return refused("it has more than 2,000 characters");
    }
    if text
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return refused("it has blanks or control characters");
    }
    let Ok(url) = Url::parse(text) else {
        return refused("it is not a web address such as https://example.com/hooks");
    };
    match url.scheme() {
        "https" => {}
        "http" if settings.allow_http => {}
        "http" => return refused("it must begin with https:"),
        _ => return refused("it must be a web address that begins with https:"),
    }
    Ok(url)
}
