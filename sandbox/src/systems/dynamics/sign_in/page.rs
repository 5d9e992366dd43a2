//! The HTML of the sign-in page: two accounts to choose from, a password, and a way to say no.

use crate::{account::Account, html::escape};

use super::super::{directory, problem::Problem};

/// What the page shows.
pub(super) struct Page<'a> {
    pub(super) chosen: Account,
    /// The host of the application, which is what a person can check.
    pub(super) host: &'a str,
    /// The application keeps access after the person has left.
    pub(super) stays: bool,
    pub(super) problem: Option<&'a Problem>,
}

const STYLE: &str = "
:root { color-scheme: light dark; --line: #c8cdd5; --ink: #1c232e; --soft: #5a6575; --paper: #fff; --back: #eef1f5; --act: #1f5fa8; --bad: #a3211b }
@media (prefers-color-scheme: dark) { :root { --line: #3f4857; --ink: #e8ebf0; --soft: #a4aebd; --paper: #1d232d; --back: #12161d; --act: #6aa9f0; --bad: #ff9d96 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 26rem; background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 2rem }
h1 { font-size: 1.35rem; margin: 0 0 .25rem }
p { margin: 0 0 1rem } .soft { color: var(--soft); font-size: .9rem } .bad { color: var(--bad); border-left: 3px solid; padding-left: .75rem }
fieldset { border: 0; margin: 0 0 1rem; padding: 0 } legend { font-weight: 600; padding: 0; margin-bottom: .5rem }
.choice { display: flex; gap: .75rem; align-items: center; border: 1px solid var(--line); border-radius: 8px; padding: .6rem .75rem; margin-bottom: .5rem; cursor: pointer }
.choice small { display: block; color: var(--soft) }
.word { display: block; font-weight: 600; margin-bottom: .25rem }
input[type=password] { width: 100%; font: inherit; color: inherit; background: transparent; padding: .6rem .75rem; border: 1px solid var(--line); border-radius: 8px; margin-bottom: 1.25rem }
.note { margin: 1.5rem 0 0 } a { color: var(--act) }
.acts { display: flex; gap: .75rem; justify-content: flex-end }
button { font: inherit; padding: .55rem 1.1rem; border-radius: 8px; border: 1px solid var(--line); background: transparent; color: inherit; cursor: pointer }
button.main { background: var(--act); border-color: var(--act); color: var(--paper); font-weight: 600 }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
";

impl Page<'_> {
    /// Writes the page. Its form goes to the address of the page itself, which carries the request.
    pub(super) fn write(&self) -> String {
        let problem = self.problem.map(|problem| {
            let text = escape(&problem.description());
            format!("<p class=\"bad\" role=\"alert\" id=\"problem\">{text}</p>")
        });
        let choices: String = Account::ALL.into_iter().map(|account| self.choice(account)).collect();
        let stays = if self.stays {
            ", and to keep that access when you are not there"
        } else {
            ""
        };
        let body = format!(
            "<h1>Sign in to Lakeside</h1>\
             <p class=\"soft\">This is a simulated sign-in page. <strong>{host}</strong> asks to read the records of \
             Finance and Operations in your name{stays}.</p>{problem}\
             <form method=\"post\"><fieldset><legend>Account</legend>{choices}</fieldset>\
             <label class=\"word\" for=\"password\">Password</label>\
             <input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" required>\
             <div class=\"acts\">\
             <button name=\"action\" value=\"accept\" class=\"main\">Sign in and accept</button>\
             <button name=\"action\" value=\"deny\" formnovalidate>Decline</button>\
             </div></form>\
             <p class=\"soft note\">The present passwords are at \
             <a href=\"/_sandbox/credentials\">/_sandbox/credentials</a>.</p>",
            host = escape(self.host),
            problem = problem.unwrap_or_default(),
        );
        document("Sign in to Lakeside", &body)
    }

    fn choice(&self, account: Account) -> String {
        let person = directory::person(account);
        let checked = if account == self.chosen { " checked" } else { "" };
        format!(
            "<label class=\"choice\"><input type=\"radio\" name=\"account\" value=\"{username}\"{checked} required>\
             <span>{name}<small>{username}</small></span></label>",
            username = person.username,
            name = person.name,
        )
    }
}

/// Returns the page for a request that cannot be sent back to an application.
pub(super) fn refusal(problem: &Problem) -> String {
    let text = escape(&problem.description());
    let body = format!(
        "<h1>Sorry, you cannot be signed in</h1><p class=\"bad\" role=\"alert\">{text}</p>\
         <p class=\"soft\">Go back to the application and begin again.</p>"
    );
    document("Sign-in failed", &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
}
