//! The operator's own applications at systems where people sign in: given once for all customers, who are not asked for
//! them, and never stored with a connection.

use std::{collections::HashMap, sync::Arc};

use lineshaft_connect::{
    manifest::{AuthKind, Manifest},
    template::SecretMap,
};
use secrecy::{ExposeSecret as _, SecretString};

/// An application as its system knows it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its identifier.
    pub client_id: String,
    /// Its secret; public applications have none.
    pub client_secret: Option<SecretString>,
}

/// The applications by connector.
#[derive(Clone, Debug, Default)]
pub struct Applications(Arc<HashMap<String, Application>>);

impl Applications {
    /// Makes the set of applications.
    #[must_use]
    pub fn new(applications: impl IntoIterator<Item = (String, Application)>) -> Self {
        Self(Arc::new(applications.into_iter().collect()))
    }

    /// Returns the credentials that the application of a connector fills: those that its manifest marks so and that its
    /// ways to sign in use as identifier or secret of the client.
    #[must_use]
    pub fn of(&self, manifest: &Manifest) -> SecretMap {
        let mut filled = SecretMap::new();
        let Some(application) = self.0.get(&manifest.id) else {
            return filled;
        };
        for way in &manifest.auth {
            let (client_id, client_secret) = match &way.kind {
                AuthKind::Oauth2 {
                    client_id,
                    client_secret,
                    ..
                } => (client_id.as_ref(), client_secret.as_ref()),
                AuthKind::Oauth1 {
                    consumer_key,
                    consumer_secret,
                    ..
                } => (Some(consumer_key), Some(consumer_secret)),
                _ => continue,
            };
            for name in way
                .credentials
                .iter()
                .filter(|(_, field)| field.application)
                .map(|(name, _)| name)
            {
                let place = format!("credentials.{name}");
                if client_id.is_some_and(|template| template.contains(&place)) {
                    filled.insert(name.clone(), application.client_id.clone());
                } else if let Some(secret) = &application.client_secret
                    && client_secret.is_some_and(|template| template.contains(&place))
                {
                    filled.insert(name.clone(), secret.clone());
                }
            }
        }
        filled
    }

    /// Iterates over the connectors that have an application.
    pub fn connectors(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Application {
    /// Returns whether it has what it needs to be used.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !self.client_id.is_empty()
            && self
                .client_secret
                .as_ref()
                .is_none_or(|secret| !secret.expose_secret().is_empty())
    }
}

/// Fills in what the application gives. What is stored with the connection counts more.
pub(crate) fn complete(mut stored: SecretMap, application: &SecretMap) -> SecretMap {
    for (name, value) in application.iter() {
        if !stored.contains(name) {
            stored.insert(name, value.to_owned());
        }
    }
    stored
}
