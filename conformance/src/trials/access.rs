//! What connections may not do: a right that is taken away is told for its type alone, and refused credentials are told,
//! change the state of the connection and are never sent again.

use lineshaft_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{Listing, Trials, Verdict};
use crate::{Place, answer::word};

impl Trials {
    /// Takes the right to read each type away in turn, and then refuses the credentials.
    pub(super) async fn access(&self, listings: &[&Listing]) {
        let place = match self.stage.apart().await {
            Ok(place) => place,
            Err(problem) => return self.check("", "another simulated system", Err(problem)),
        };
        let Some(sandbox) = place.sandbox() else { return };
        for listing in listings
            .iter()
            .filter(|listing| self.subject.tries(&listing.shape.entity))
        {
            // Some types have no table of their own whose rights could be taken away.
            if sandbox.deny(&listing.shape.entity).is_ok() {
                let outcome = denied(&*place, listing).await;
                self.check(&listing.shape.entity, "without the right to read it", outcome);
                let allowed = sandbox.allow(&listing.shape.entity);
                self.check(
                    &listing.shape.entity,
                    "with the right again",
                    allowed.map_err(|error| error.to_string()),
                );
            }
        }
        if let Some(first) = listings.first() {
            let outcome = refused(&*place, sandbox, first).await;
            self.check("", "refused credentials", outcome);
        }
    }
}

fn text_of(listing: &Listing) -> String {
    let list = &listing.shape.list;
    format!(
        "{{ {list}(first: 3) {{ nodes {{ id {} }} sources {{ upstreamCalls }} }} }}",
        plain_field(listing)
    )
}

/// Returns a field that every list must fetch, so that something is asked for.
fn plain_field(listing: &Listing) -> String {
    let column = listing
        .shape
        .columns
        .iter()
        .find(|column| column.name != "remoteId" && column.name != "isDeleted");
    column.map_or_else(|| "remoteId".to_owned(), |column| column.selection())
}

async fn denied(place: &dyn Place, listing: &Listing) -> Verdict {
    let answer = place.ask(&text_of(listing), json!({})).await;
    if answer.codes() != ["PERMISSION_DENIED"] {
        return Err(format!(
            "PERMISSION_DENIED was to be told, and it is {}",
            told(&answer.body)
        ));
    }
    match status(place).await {
        status if status == "REAUTH_REQUIRED" => {
            Err("a missing right is no reason to ask for new credentials".to_owned())
        }
        _ => Ok(()),
    }
}

async fn refused(place: &dyn Place, sandbox: &Sandbox, listing: &Listing) -> Verdict {
    sandbox.revoke_credentials();
    let text = text_of(listing);
    let answer = place.ask(&text, json!({})).await;
    if answer.codes() != ["INVALID_CREDENTIALS"] {
        return Err(format!(
            "INVALID_CREDENTIALS was to be told, and it is {}",
            told(&answer.body)
        ));
    }
    let status = status(place).await;
    if status != "REAUTH_REQUIRED" {
        return Err(format!("the connection was to be REAUTH_REQUIRED, and it is {status}"));
    }
    sandbox.clear_calls();
    let answer = place.ask(&text, json!({})).await;
    if answer.codes() != ["REAUTH_REQUIRED"] {
        return Err(format!(
            "REAUTH_REQUIRED was to be told, and it is {}",
            told(&answer.body)
        ));
    }
    match sandbox.calls().len() {
        0 => Ok(()),
        calls => Err(format!("refused credentials were sent again in {calls} calls")),
    }
}

async fn status(place: &dyn Place) -> String {
    let text = "query($id: ID!) { connection(id: $id) { status } }";
    let answer = place.ask(text, json!({ "id": place.connection().to_string() })).await;
    word(&answer.body["data"]["connection"]["status"]).to_owned()
}

fn told(body: &Value) -> String {
    match &body["errors"] {
        Value::Null => "no error".to_owned(),
        errors => errors.to_string(),
    }
}
