//! The report of a diagnosis: its steps as data, and as a text that people read.

use std::fmt;

use serde::Serialize;

/// What a diagnosis found, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// What it comes to, in one sentence.
    pub summary: String,
    /// The steps, in the order in which they were gone.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its stable name: `settings`, `url`, `dns`, `tcp`, `tls`, `sign_in` or `entity`.
    pub name: &'static str,
    /// Its name for people.
    pub label: String,
    /// How it went.
    pub state: StepState,
    /// What was found.
    pub detail: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// How long it took.
    pub latency_ms: Option<u64>,
    /// The entity that was read.
    pub entity: Option<String>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// It went well.
    Ok,
    /// The rest works without it.
    Warning,
    /// It failed.
    Failed,
    /// It was not gone, because of what came before.
    Skipped,
}

impl StepState {
    /// Returns its text in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Failed => "✗",
            Self::Skipped => "-",
        }
    }
}

impl Diagnosis {
    /// Returns whether a step failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.steps.iter().any(|step| step.state == StepState::Failed)
    }
}

impl Step {
    pub(super) fn new(name: &'static str, label: impl Into<String>, state: StepState) -> Self {
        Self {
            name,
            label: label.into(),
            state,
            detail: None,
            advice: None,
            latency_ms: None,
            entity: None,
        }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn took(mut self, time: std::time::Duration) -> Self {
        self.latency_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    pub(super) fn of_entity(mut self, entity: &str) -> Self {
        self.entity = Some(entity.to_owned());
        self
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        let width = self
            .steps
            .iter()
            .map(|step| step.label.chars().count())
            .max()
            .unwrap_or(0);
        for step in &self.steps {
            write!(f, "\n{} {:width$}", step.state.mark(), step.label)?;
            if let Some(detail) = &step.detail {
                write!(f, "  {detail}")?;
            }
            if let Some(latency) = step.latency_ms {
                write!(f, " ({latency} ms)")?;
            }
            if let Some(advice) = &step.advice {
                write!(f, "\n  {:width$}  → {advice}", "")?;
            }
        }
        Ok(())
    }
}
