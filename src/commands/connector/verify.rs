//! Holds a connector to its word against a real system, and writes down in its folder what was proven. The system is only
//! read. Neither what is printed nor what is written repeats a credential.

mod credentials;
mod evidence;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use futures_util::{FutureExt as _, future::BoxFuture};
use lineshaft_conformance::{
    Answer, Place,
    live::{self, LiveOutcome, LiveSubject, Meter, Metered, TypeOutcome, Verdict},
};
use lineshaft_connect::manifest::trust::{self, VERIFIED};
use lineshaft_engine::{
    connections::{CreateError, NewConnectionRequest},
    credentials::SecretFields,
    origin::Origin,
    query::SourceError,
};
use lineshaft_sandbox::Sandbox;
use lineshaft_schema::ConnectionId;
use serde_json::{Map, Value};

use super::{
    bench::{self, Folder, Server},
    check,
};
use crate::{
    cli::Verify,
    commands::operator,
    output::{Output, Style},
    settings::{Settings, Source},
    start,
};

/// Who writes the file.
const BY: &str = "`lineshaft connector verify`";
/// Most requests for signing in, and for the request that proves it.
const SIGN_IN_CALLS: u32 = 6;
/// Records that are read at most to filter or sort them here.
const MOST_SCANNED: u32 = 500;
/// The time of one question. Calls may have to wait for the rates of the connector.
const TIME: Duration = Duration::from_secs(150);

/// Checks the folder, asks the system, prints what came out, and writes the evidence when that is asked for.
pub(super) async fn run(settings: Settings, options: Verify, out: &mut Output) -> anyhow::Result<ExitCode> {
    let path = options
        .path
        .canonicalize()
        .with_context(|| format!("`{}` is not there", options.path.display()))?;
    let credentials = credentials::read(options.credentials.as_deref())?;
    if check::check(&path, out)? != ExitCode::SUCCESS {
        out.line("Nothing was asked yet: only a connector that passes the check is tried.")?;
        return Ok(ExitCode::FAILURE);
    }
    let folder = Folder::read(&path)?;
    let given = bench::given(&options.settings)?;
    let blueprint = folder.kind()?.blueprint_for(&given);
    let blueprint = blueprint.map_err(|problem| anyhow::anyhow!(problem))?;
    bench::check_types(&blueprint, &options.only)?;
    if blueprint.resources().next().is_none() {
        bail!("the connector maps no type by itself, so that there is nothing to verify");
    }
    let mut printer = Printer {
        secrets: credentials::secrets(&credentials, &folder.kind()?.manifest),
        out,
    };
    let meter = Arc::new(Meter::default());
    let server = Server::start(folder.registry()?, &["read"], |database| {
        let settings = own_settings(&settings, database)?;
        let wire = Arc::new(Metered::new(start::wire(&settings)?, meter.clone()));
        Ok((settings.clone(), settings.engine(), wire))
    });
    let Some(real) = Real::connect(server.await?, &folder, given, credentials, &mut printer).await? else {
        return Ok(ExitCode::FAILURE);
    };
    let code = real.verify(&path, &folder, &options, &meter, &mut printer).await;
    // Sessions that the system counts are given up.
    meter.allow(SIGN_IN_CALLS);
    let (engine, origin) = (&real.server.engine, Origin::operator());
    let gone = engine.disconnect(real.server.organization, real.connection.0, &origin);
    gone.await.context("the connection cannot be removed")?;
    code
}

/// Returns settings that reach what the server of this machine may reach, and as it does.
fn own_settings(given: &Settings, database: &str) -> anyhow::Result<Settings> {
    let time = TIME.as_millis().to_string();
    let longer = (TIME + Duration::from_secs(10)).as_millis().to_string();
    let scanned = MOST_SCANNED.to_string();
    let variables = [
        ("LINESHAFT_DATABASE__URL", database),
        ("LINESHAFT_HEALTH__PROBE", "false"),
        ("LINESHAFT_DISCOVERY__REPEAT_HOURS", "0"),
        ("LINESHAFT_QUERY__TIMEOUT_MS", &time),
        ("LINESHAFT_QUERY__MAX_SCANNED", &scanned),
        ("LINESHAFT_GRAPHQL__QUERY_TIMEOUT_MS", &longer),
    ];
    let source = Source {
        file: None,
        folder: None,
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    };
    let mut settings = Settings::load(&source).context("the settings cannot be used")?;
    settings.upstream = given.upstream.clone();
    settings.oauth = given.oauth.clone();
    Ok(settings)
}

/// Prints without the credentials, which a system may repeat in its messages.
struct Printer<'o> {
    out: &'o mut Output,
    secrets: Vec<String>,
}

impl Printer<'_> {
    fn line(&mut self, style: Style, text: &str) -> std::io::Result<()> {
        let text = self
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        // Only the first line has the style: what follows are its details.
        let (first, rest) = text
            .split_once('\n')
            .map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
        let first = self.out.styled(style, first);
        self.out.line(&first)?;
        rest.map_or(Ok(()), |rest| self.out.line(rest))
    }
}

/// A server with one connection to one real system.
struct Real {
    server: Server,
    connection: ConnectionId,
    settings: Map<String, Value>,
}

impl Place for Real {
    fn ask<'a>(&'a self, text: &'a str, variables: Value) -> BoxFuture<'a, Answer> {
        self.server.ask(text, variables).boxed()
    }

    fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn sandbox(&self) -> Option<&Sandbox> {
        None
    }
}

impl Real {
    /// Makes the connection; none when settings or credentials are missing or unknown, which is then told.
    async fn connect(
        server: Server,
        folder: &Folder,
        settings: Map<String, Value>,
        credentials: Map<String, Value>,
        printer: &mut Printer<'_>,
    ) -> anyhow::Result<Option<Self>> {
        let request = NewConnectionRequest {
            organization_id: server.organization,
            customer: None,
            connector: folder.id.clone(),
            deployment: None,
            name: Some(folder.kind()?.manifest.name.clone()),
            settings,
            credentials: SecretFields::new(credentials),
            credentials_expire_at: None,
            verify: false,
        };
        let origin = Origin::operator();
        let created = server.engine.create_connection(request, &origin, |_| {});
        match created.await {
            Ok(created) => Ok(Some(Self {
                connection: ConnectionId(created.connection.id),
                settings: created.connection.settings,
                server,
            })),
            Err(CreateError::InvalidForm(problems)) => {
                printer.line(
                    Style::Bad,
                    "The system was not asked: settings or credentials do not fit.",
                )?;
                for problem in problems {
                    printer.line(Style::Plain, &format!("- {problem}"))?;
                }
                let how = "`--setting NAME=VALUE` gives settings, `--credentials FILE` the credentials by their names.";
                printer.line(Style::Plain, how)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Signs in, tries all types, and tells what came out.
    async fn verify(
        &self,
        path: &Path,
        folder: &Folder,
        options: &Verify,
        meter: &Meter,
        printer: &mut Printer<'_>,
    ) -> anyhow::Result<ExitCode> {
        let kind = folder.kind()?;
        let blueprint = kind
            .blueprint_for(&self.settings)
            .map_err(|problem| anyhow::anyhow!(problem))?;
        meter.allow(SIGN_IN_CALLS);
        let engine = &self.server.engine;
        let session = operator(engine, self.server.organization).await?;
        let report = engine.probe(&session, self.connection).await?;
        if let Some(error) = &report.error {
            printer.line(Style::Bad, &format!("The sign-in failed: {}", told(error)))?;
            return Ok(ExitCode::FAILURE);
        }
        let account = report
            .identity
            .map(|account| format!(" as {account}"))
            .unwrap_or_default();
        let signed_in = format!("Signed in{account}, {}. The system is only read.", calls(meter.sent()));
        printer.line(Style::Plain, &signed_in)?;
        let subject = LiveSubject {
            blueprint,
            readme: fs::read_to_string(path.join("README.md")).unwrap_or_default(),
            only: options.only.clone(),
            most_calls: options.most_calls,
            show_values: options.show_values,
        };
        let mut printed = Ok(());
        let mut tell = |own: &TypeOutcome| {
            if printed.is_ok() {
                printed = printer.line(style(own), &own.to_string());
            }
        };
        let outcome = live::verify(&subject, self, meter, &mut tell).await;
        printed?;
        self.tell(path, folder, options, (&outcome, meter.sent()), printer)
    }

    /// Tells the whole, and writes the evidence or tells what would be written.
    fn tell(
        &self,
        path: &Path,
        folder: &Folder,
        options: &Verify,
        (outcome, sent): (&LiveOutcome, u32),
        printer: &mut Printer<'_>,
    ) -> anyhow::Result<ExitCode> {
        if let Some(why) = &outcome.over {
            printer.line(Style::Bad, &format!("The system was not asked any further: {why}"))?;
        }
        let number = |verdict: fn(&Verdict) -> bool| outcome.types.iter().filter(|own| verdict(&own.verdict())).count();
        let held = number(|verdict| *verdict == Verdict::Holds);
        let failed = number(|verdict| *verdict == Verdict::Fails);
        let rest = outcome.types.len() - held - failed;
        let style = if outcome.holds() { Style::Good } else { Style::Bad };
        printer.line(Style::Plain, "")?;
        let summary = format!(
            "Of {} {held} held, {failed} failed, {rest} not tried; {} in all.",
            live::counted(outcome.types.len(), "type"),
            calls(sent)
        );
        printer.line(style, &summary)?;
        printer.line(Style::Dim, &format!("Left out: {}.", live::LEFT_OUT))?;

        let kind = folder.kind()?;
        let file = path.join(VERIFIED);
        let known = fs::read_to_string(&file)
            .ok()
            .and_then(|text| trust::verified(&text).ok());
        let server = options.server.clone().unwrap_or_else(|| kind.manifest.name.clone());
        let version = options.server_version.clone().unwrap_or_default();
        let Some(verified) = evidence::of(outcome, known.as_ref(), server, version) else {
            printer.line(Style::Plain, &format!("There is nothing to write into {VERIFIED}."))?;
            return Ok(ExitCode::FAILURE);
        };
        let text = verified.to_yaml(BY);
        if let Some(known) = known.filter(|known| known.title() != verified.title()) {
            let told = format!("It takes the place of what is known of {}.", known.title());
            printer.line(Style::Plain, &told)?;
        }
        match options.write {
            true => {
                fs::write(&file, &text).with_context(|| format!("`{}` cannot be written", file.display()))?;
                printer.line(Style::Plain, &format!("Wrote {}:", shown(&options.path)))?;
            }
            false => printer.line(
                Style::Plain,
                &format!("`--write` writes this as {}:", shown(&options.path)),
            )?,
        }
        printer.line(Style::Plain, text.trim_end())?;
        printer.line(Style::Plain, "\nHow far each type is then to be trusted:")?;
        let files = folder.within().filter(|(path, _)| *path != VERIFIED);
        let report = trust::report(&kind.manifest, files.chain([(VERIFIED, text.as_str())]));
        for own in &outcome.types {
            if let Some(level) = report.types.get(&own.entity) {
                let line = format!("  {}  {}: {}", own.entity, level.trust.name(), level.because.join("; "));
                printer.line(Style::Plain, &line)?;
            }
        }
        Ok(if outcome.holds() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn calls(sent: u32) -> String {
    live::counted(usize::try_from(sent).unwrap_or(usize::MAX), "call")
}

fn shown(folder: &Path) -> String {
    let file: PathBuf = folder.join(VERIFIED);
    format!("`{}`", file.display())
}

fn style(own: &TypeOutcome) -> Style {
    match own.verdict() {
        Verdict::Holds => Style::Good,
        Verdict::Fails => Style::Bad,
        Verdict::NotTried(_) => Style::Dim,
    }
}

/// Tells why the sign-in failed, in the words of the API, and what to do where that is for the operator.
fn told(error: &SourceError) -> String {
    let mut told = format!("{} {}", error.code, error.message);
    if let Some(says) = &error.remote_message {
        told.push_str(&format!("; the system says: {says}"));
    }
    if error.message.contains("is not allowed") {
        told.push_str(
            "\n  The setting upstream.allow_networks, or LINESHAFT_UPSTREAM__ALLOW_NETWORKS=10.20.0.0/16, lets requests into \
             a private network.",
        );
    }
    told
}
