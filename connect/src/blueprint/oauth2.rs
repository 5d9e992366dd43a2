//! `OAuth` 2, compiled: the page where a person signs in, requests for tokens, and what their answers mean.

mod check;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use secrecy::SecretString;
use url::Url;

use self::check::{check_client, check_page, check_refresh_token, check_words};
use super::{
    Problem,
    assertion::Assertion,
    call::{Known, Texts, parse_address, render_texts, unusable},
    signing::Moment,
};
use crate::{
    authorization,
    classify::clean,
    error::{CredentialReason, Error, ErrorKind},
    json,
    manifest::{self, AuthKind, ClientAuth, Grant, REFRESH_TOKEN},
    request::{RequestBody, RequestPlan},
    template::{Scope, TextTemplate, Variables},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A compiled way to get tokens.
#[derive(Clone, Debug)]
pub(super) struct Oauth2 {
    grant: Grant,
    token_url: TextTemplate,
    client_id: Option<TextTemplate>,
    client_secret: Option<TextTemplate>,
    client_auth: ClientAuth,
    /// The name and the password of a service account.
    account: Option<(TextTemplate, TextTemplate)>,
    assertion: Option<Assertion>,
    scopes: Vec<TextTemplate>,
    parameters: Texts,
    page: Option<Page>,
}

/// The page where a person signs in.
#[derive(Clone, Debug)]
struct Page {
    url: TextTemplate,
    parameters: Texts,
    pkce: bool,
}

/// What a token endpoint gave.
#[derive(Debug)]
pub struct Token {
    /// The access token.
    pub access_token: SecretString,
    /// The refresh token that replaces the one that was sent.
    pub refresh_token: Option<SecretString>,
    /// How long the access token lasts, if it is told.
    pub lifetime: Option<Duration>,
}

impl Oauth2 {
    /// Compiles the kind of a way to sign in; none when it is of another kind or does not hold together.
    pub(super) fn compile(
        auth: &manifest::Auth,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let AuthKind::Oauth2 {
            grant,
            token_url,
            client_id,
            client_secret,
            client_auth,
            username,
            password,
            assertion,
            scopes,
            parameters,
            authorize_url,
            authorize_parameters,
            pkce,
        } = &auth.kind
        else {
            return None;
        };
        let kind = format!("{pointer}/kind/oauth2");
        check_refresh_token(auth, *grant, pointer, problems);
        check_client(&auth.kind, &kind, problems);
        check_words(&auth.kind, &kind, problems);
        let text =
            |text: &str, key: &str, problems: &mut Vec<Problem>| known.text(text, &format!("{kind}/{key}"), problems);
        let optional = |template: &Option<String>, key: &str, problems: &mut Vec<Problem>| match template {
            Some(template) => text(template, key, problems).map(Some),
            None => Some(None),
        };
        let account = (
            optional(username, "username", problems),
            optional(password, "password", problems),
        );
        let assertion = match assertion {
            Some(written) => Assertion::compile(written, known, &format!("{kind}/assertion"), problems).map(Some),
            None => Some(None),
        };
        let page = match (grant, authorize_url) {
            (Grant::AuthorizationCode, Some(url)) => {
                check_page(url, authorize_parameters, &kind, problems);
                if !pkce && client_secret.is_none() {
                    let problem = Problem::new(
                        format!("{kind}/pkce"),
                        "a client without secret cannot do without it: anybody could use a code that was caught",
                    );
                    problems.push(problem.with_help("leave `pkce` out"));
                }
                Some(Page {
                    url: text(url, "authorize_url", problems)?,
                    parameters: known.texts(authorize_parameters, &format!("{kind}/authorize_parameters"), problems),
                    pkce: *pkce,
                })
            }
            (Grant::AuthorizationCode, None) => {
                let problem = Problem::new(kind, "the grant `authorization_code` needs `authorize_url`");
                problems.push(problem.with_help("give the address of the page where people sign in"));
                return None;
            }
            _ => {
                let given = [
                    ("authorize_url", authorize_url.is_some()),
                    ("authorize_parameters", !authorize_parameters.is_empty()),
                ];
                for (key, _) in given.iter().filter(|(_, given)| *given) {
                    let problem = Problem::new(format!("{kind}/{key}"), "has no effect: the grant has no page");
                    problems.push(problem.with_help("write `grant: authorization_code`"));
                }
                None
            }
        };
        let scopes = scopes.iter().enumerate();
        Some(Self {
            grant: *grant,
            token_url: text(token_url, "token_url", problems)?,
            client_id: optional(client_id, "client_id", problems)?,
            client_secret: optional(client_secret, "client_secret", problems)?,
            client_auth: *client_auth,
            account: account.0?.zip(account.1?),
            assertion: assertion?,
            scopes: scopes
                .filter_map(|(at, scope)| text(scope, &format!("scopes/{at}"), problems))
                .collect(),
            parameters: known.texts(parameters, &format!("{kind}/parameters"), problems),
            page,
        })
    }

    pub(super) const fn grant(&self) -> Grant {
        self.grant
    }

    /// Returns whether the page wants the hash of a secret; nothing when there is no page.
    pub(super) fn has_pkce(&self) -> Option<bool> {
        self.page.as_ref().map(|page| page.pkce)
    }

    /// Writes the address of the page where a person signs in; none when there is no page.
    pub(super) fn page(
        &self,
        variables: &Variables<'_>,
        request: &authorization::Request,
    ) -> Option<Result<Url, Error>> {
        let page = self.page.as_ref()?;
        Some(self.page_address(page, variables, request))
    }

    fn page_address(
        &self,
        page: &Page,
        variables: &Variables<'_>,
        request: &authorization::Request,
    ) -> Result<Url, Error> {
        let scope = Scope::new(variables);
        let mut url = parse_address(&page.url.render_path(&scope).map_err(unusable)?)?;
        let client = self.client_id.as_ref().map(|template| template.render(&scope));
        let client = client.transpose().map_err(unusable)?.unwrap_or_default();
        let scopes = self.scope(&scope)?;
        let more = render_texts(&page.parameters, &scope)?;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &client)
                .append_pair("redirect_uri", &request.redirect_uri)
                .append_pair("state", &request.state);
            if !scopes.is_empty() {
                query.append_pair("scope", &scopes);
            }
            if page.pkce {
                query
                    .append_pair("code_challenge", &request.challenge)
                    .append_pair("code_challenge_method", "S256");
            }
            for (name, value) in more.iter().filter(|(_, value)| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        Ok(url)
    }

    fn scope(&self, scope: &Scope<'_>) -> Result<String, Error> {
        let scopes = self
            .scopes
            .iter()
            .map(|template| template.render(scope).map_err(unusable));
        Ok(scopes.collect::<Result<Vec<_>, _>>()?.join(" "))
    }

    /// Plans the request of the next token.
    pub(super) fn plan(&self, variables: &Variables<'_>, moment: &Moment) -> Result<RequestPlan, Error> {
        let mut form = Vec::new();
        let mut grant = |name: &str| form.push(("grant_type".to_owned(), name.to_owned()));
        match self.grant {
            Grant::ClientCredentials => grant("client_credentials"),
            Grant::Password => {
                grant("password");
                let scope = Scope::new(variables);
                let (username, password) = self.account.as_ref().ok_or_else(|| unusable("there is no account"))?;
                form.push(("username".to_owned(), username.render(&scope).map_err(unusable)?));
                form.push(("password".to_owned(), password.render(&scope).map_err(unusable)?));
            }
            Grant::JwtBearer => {
                grant(JWT_BEARER);
                form.push(("assertion".to_owned(), self.assert(variables, moment)?));
            }
            Grant::RefreshToken | Grant::AuthorizationCode => {
                grant("refresh_token");
                let token = variables
                    .credentials
                    .get(REFRESH_TOKEN)
                    .ok_or_else(|| unusable("the credential `refresh_token` is missing"))?;
                form.push((REFRESH_TOKEN.to_owned(), token.to_owned()));
            }
        }
        let scopes = self.scope(&Scope::new(variables))?;
        if !scopes.is_empty() {
            form.push(("scope".to_owned(), scopes));
        }
        self.request(form, variables, moment)
    }

    /// Plans the request that exchanges the code of a sign-in for tokens.
    pub(super) fn plan_code(
        &self,
        variables: &Variables<'_>,
        code: &authorization::Code<'_>,
        moment: &Moment,
    ) -> Result<RequestPlan, Error> {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.code.to_owned()),
            ("redirect_uri".to_owned(), code.redirect_uri.to_owned()),
        ];
        if self.has_pkce() == Some(true) {
            form.push(("code_verifier".to_owned(), code.verifier.to_owned()));
        }
        self.request(form, variables, moment)
    }

    fn token_url(&self, scope: &Scope<'_>) -> Result<String, Error> {
        let url = self.token_url.render_path(scope).map_err(unusable)?;
        parse_address(&url)?;
        Ok(url)
    }

    fn assert(&self, variables: &Variables<'_>, moment: &Moment) -> Result<String, Error> {
        let assertion = self.assertion.as_ref();
        let assertion = assertion.ok_or_else(|| unusable("there is no assertion"))?;
        assertion.write(variables, &self.token_url(&Scope::new(variables))?, moment)
    }

    fn request(
        &self,
        mut form: Vec<(String, String)>,
        variables: &Variables<'_>,
        moment: &Moment,
    ) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        let render = |template: &TextTemplate| template.render(&scope).map_err(unusable);
        let url = self.token_url(&scope)?;
        let client = self.client_id.as_ref().map(render).transpose()?;
        let secret = self.client_secret.as_ref().map(render).transpose()?;
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        match (self.client_auth, client, secret) {
            (ClientAuth::BasicPlain, Some(client), Some(secret)) => {
                headers.push(("authorization".to_owned(), basic(&client, &secret)));
            }
            (ClientAuth::Basic, Some(client), Some(secret)) => headers.push((
                "authorization".to_owned(),
                basic(&form_encoded(&client), &form_encoded(&secret)),
            )),
            (_, client, secret) => {
                form.extend(client.map(|client| ("client_id".to_owned(), client)));
                form.extend(secret.map(|secret| ("client_secret".to_owned(), secret)));
            }
        }
        if self.client_auth == ClientAuth::Jwt {
            form.push(("client_assertion_type".to_owned(), CLIENT_ASSERTION.to_owned()));
            form.push(("client_assertion".to_owned(), self.assert(variables, moment)?));
        }
        form.extend(
            render_texts(&self.parameters, &scope)?
                .into_iter()
                .filter(|(_, value)| !value.is_empty()),
        );
        Ok(RequestPlan {
            method: http::Method::POST,
            url,
            headers,
            body: RequestBody::Form(form),
            repeatable: false,
        })
    }
}

/// Reads the answer of a token endpoint. A refusal of the client or of the refresh token is `InvalidCredentials`.
///
/// # Errors
/// Returns what the answer says went wrong.
pub fn read_token(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<Token, Error> {
    let parsed = json::parse(body);
    let text = |name: &str| {
        let body = parsed.as_ref().ok()?;
        let text = body.get(name)?.as_str().filter(|text| !text.is_empty())?;
        Some(text.to_owned())
    };
    if !(200..300).contains(&status) {
        let code = text("error").map(|code| clean_code(&code));
        let description = text("error_description").unwrap_or_default();
        if (400..=403).contains(&status)
            && let Some(reason) = code.as_deref().and_then(|code| refusal(code, &description))
        {
            let error = Error::new(
                ErrorKind::InvalidCredentials,
                "the token endpoint refused the credentials",
            );
            return Err(error
                .with_status(status)
                .with_reason(Some(reason))
                .with_remote(code, None));
        }
        let error = crate::classify::built_in(status, headers, body, &[]);
        return Err(error
            .unwrap_or_else(|| Error::new(ErrorKind::MalformedResponse, "the token endpoint gave no token"))
            .with_remote(code, None));
    }
    let body = parsed.as_ref().map_err(Clone::clone)?;
    let access = text("access_token")
        .ok_or_else(|| Error::new(ErrorKind::MalformedResponse, "the token endpoint gave no token"))?;
    let lifetime = body
        .get("expires_in")
        .and_then(json::scalar_text)
        .and_then(|text| text.parse::<f64>().ok());
    Ok(Token {
        access_token: access.into(),
        refresh_token: text(REFRESH_TOKEN).map(Into::into),
        lifetime: lifetime.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// Returns what a refusal of the token endpoint says about the credentials; none when the code is no refusal of them.
fn refusal(code: &str, description: &str) -> Option<CredentialReason> {
    match code {
        "invalid_grant" | "invalid_client" | "access_denied" => {
            let description = description.to_lowercase();
            Some(
                if description.contains("revoked") || description.contains("revocation") {
                    CredentialReason::Revoked
                } else if description.contains("expired") || description.contains("expiry") {
                    CredentialReason::Expired
                } else {
                    CredentialReason::InvalidCredentials
                },
            )
        }
        "unauthorized_client" => Some(CredentialReason::InvalidCredentials),
        "invalid_scope" | "insufficient_scope" | "consent_required" => Some(CredentialReason::MissingScope),
        // The system wants to see the person again.
        "interaction_required" | "login_required" => Some(CredentialReason::Expired),
        _ => None,
    }
}

/// Leaves of a code what codes are made of.
pub(crate) fn clean_code(code: &str) -> String {
    clean(code)
        .chars()
        .filter(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.'))
        .take(100)
        .collect()
}

pub(super) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
