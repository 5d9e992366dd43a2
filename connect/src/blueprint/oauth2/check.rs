//! Checks of what a manifest says about `OAuth` 2: what the grant needs, what has no effect with it, what is not safe.

use indexmap::IndexMap;

use crate::{
    blueprint::{Problem, call::escape_pointer},
    manifest::{self, AuthKind, ClientAuth, Grant, REFRESH_TOKEN},
};

/// Parameters of the page that the sign-in itself sets.
const OWN_PARAMETERS: &[&str] = &[
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

pub(super) fn check_refresh_token(auth: &manifest::Auth, grant: Grant, pointer: &str, problems: &mut Vec<Problem>) {
    if !matches!(grant, Grant::RefreshToken | Grant::AuthorizationCode) {
        return;
    }
    match auth.credentials.get(REFRESH_TOKEN) {
        None => {
            let problem = Problem::new(
                format!("{pointer}/credentials"),
                "the credential `refresh_token` is missing",
            );
            problems.push(problem.with_help(match grant {
                Grant::AuthorizationCode => "add `refresh_token: {label: Refresh token}`; the sign-in fills it",
                _ => "add `refresh_token: {label: Refresh token}`",
            }));
        }
        Some(field) if field.application || !field.secret => {
            let problem = Problem::new(
                format!("{pointer}/credentials/{REFRESH_TOKEN}"),
                "a refresh token is a secret of the customer",
            );
            problems.push(problem.with_help("leave `application` and `secret` out"));
        }
        Some(_) => {}
    }
}

/// Reports a client that cannot prove itself.
pub(super) fn check_client(kind: &AuthKind, pointer: &str, problems: &mut Vec<Problem>) {
    let AuthKind::Oauth2 {
        grant,
        client_id,
        client_secret,
        client_auth,
        ..
    } = kind
    else {
        return;
    };
    let by_assertion = *client_auth == ClientAuth::Jwt;
    let needs_id = match grant {
        Grant::JwtBearer => client_secret.is_some(),
        Grant::AuthorizationCode => true,
        Grant::ClientCredentials | Grant::RefreshToken | Grant::Password => !by_assertion,
    };
    if client_id.is_none() && needs_id {
        let problem = Problem::new(pointer, "the client has no `client_id`");
        problems.push(problem.with_help("only clients that prove themselves by an assertion can do without"));
    }
    if client_secret.is_some() {
        if by_assertion {
            let problem = Problem::new(
                format!("{pointer}/client_secret"),
                "has no effect: the client proves itself by an assertion",
            );
            problems.push(problem.with_help("leave it out, or write another `client_auth` than `jwt`"));
        }
        return;
    }
    if *grant == Grant::ClientCredentials && !by_assertion {
        let problem = Problem::new(pointer, "the grant `client_credentials` needs `client_secret`");
        problems.push(problem.with_help(
            "only people who sign in, accounts with a password and assertions can do without a secret of the client",
        ));
    }
    if matches!(client_auth, ClientAuth::Basic | ClientAuth::BasicPlain) {
        let problem = Problem::new(
            format!("{pointer}/client_auth"),
            "a client without secret has nothing to prove itself with",
        );
        problems.push(problem.with_help("leave `client_auth` out, or give `client_secret`"));
    }
}

/// Reports words that the grant needs, and those that have no effect with it.
pub(super) fn check_words(kind: &AuthKind, pointer: &str, problems: &mut Vec<Problem>) {
    let AuthKind::Oauth2 {
        grant,
        client_auth,
        username,
        password,
        assertion,
        ..
    } = kind
    else {
        return;
    };
    let is_password = *grant == Grant::Password;
    for (key, is_given) in [("username", username.is_some()), ("password", password.is_some())] {
        if is_password && !is_given {
            problems.push(Problem::new(pointer, format!("the grant `password` needs `{key}`")));
        } else if is_given && !is_password {
            let problem = Problem::new(format!("{pointer}/{key}"), "has no effect: the grant takes no account");
            problems.push(problem.with_help("write `grant: password`"));
        }
    }
    match (*grant == Grant::JwtBearer, *client_auth == ClientAuth::Jwt) {
        (true, true) => {
            let problem = Problem::new(
                format!("{pointer}/client_auth"),
                "one assertion cannot be both the grant and the proof of the client",
            );
            problems.push(problem.with_help("leave `client_auth` out, or write another grant"));
        }
        (false, false) if assertion.is_some() => {
            let problem = Problem::new(format!("{pointer}/assertion"), "has no effect: nothing is asserted");
            problems.push(problem.with_help("write `grant: jwt_bearer` or `client_auth: jwt`"));
        }
        (true, false) if assertion.is_none() => {
            problems.push(Problem::new(pointer, "the grant `jwt_bearer` needs `assertion`"));
        }
        (false, true) if assertion.is_none() => {
            problems.push(Problem::new(pointer, "`client_auth: jwt` needs `assertion`"));
        }
        _ => {}
    }
}

pub(super) fn check_page(url: &str, parameters: &IndexMap<String, String>, kind: &str, problems: &mut Vec<Problem>) {
    if !url.starts_with("https://") && !url.starts_with("{{") {
        let problem = Problem::new(
            format!("{kind}/authorize_url"),
            "people must not enter passwords at an address without https",
        );
        problems.push(problem.with_help("begin it with `https://` or with a setting"));
    }
    for name in parameters.keys().filter(|name| OWN_PARAMETERS.contains(&name.as_str())) {
        problems.push(Problem::new(
            format!("{kind}/authorize_parameters/{}", escape_pointer(name)),
            format!("`{name}` is set by the sign-in itself"),
        ));
    }
}
