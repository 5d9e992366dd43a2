//! What came out, type by type, in words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lineshaft_connect::manifest::trust::READS;

/// Failures of one type that are told one by one.
const TOLD: usize = 20;
/// Letters of a failure that are told.
const LETTERS: usize = 700;

/// How it went with a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that could be tried holds.
    Holds,
    /// Something does not hold.
    Fails,
    /// It could not be tried, for this reason.
    NotTried(String),
}

/// What came out of the trials of one type. Shows in words.
#[derive(Clone, Debug)]
pub struct TypeOutcome {
    /// The type.
    pub entity: String,
    /// How many records were read.
    pub records: usize,
    /// How many trials there were.
    pub trials: usize,
    /// Requests that were sent for it.
    pub calls: u32,
    /// What does not hold.
    pub failures: Vec<String>,
    /// What could not be tried, with the reason.
    pub untried: Vec<String>,
    /// What people should look at, though it does not speak against the connector.
    pub notes: Vec<String>,
    /// What the mapping marks as recalled, and was there.
    pub seen: Vec<String>,
    /// The operations that were tried.
    pub(super) operations: BTreeSet<&'static str>,
    /// Why nothing at all was tried.
    pub(super) nothing: Option<String>,
}

/// What came out of all trials.
#[derive(Clone, Debug)]
pub struct LiveOutcome {
    /// The types, in the order of their names.
    pub types: Vec<TypeOutcome>,
    /// Why the system was not asked any more.
    pub over: Option<String>,
}

impl TypeOutcome {
    pub(super) fn new(entity: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            records: 0,
            trials: 0,
            calls: 0,
            failures: Vec::new(),
            untried: Vec::new(),
            notes: Vec::new(),
            seen: Vec::new(),
            operations: BTreeSet::new(),
            nothing: None,
        }
    }

    pub(super) fn untried(entity: &str, why: &str) -> Self {
        Self {
            nothing: Some(why.to_owned()),
            ..Self::new(entity)
        }
    }

    /// Returns how it went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.nothing {
            _ if !self.failures.is_empty() => Verdict::Fails,
            Some(why) => Verdict::NotTried(why.clone()),
            None => Verdict::Holds,
        }
    }

    /// Returns the operations that were tried and hold; none when anything of the type does not.
    #[must_use]
    pub fn verified(&self) -> Vec<String> {
        if self.verdict() != Verdict::Holds {
            return Vec::new();
        }
        let done = READS.iter().filter(|operation| self.operations.contains(**operation));
        done.map(|operation| (*operation).to_owned()).collect()
    }

    pub(super) fn fail(&mut self, trial: &str, problem: &str) {
        self.trials += 1;
        self.failures.push(format!("{trial}: {problem}"));
    }
}

impl LiveOutcome {
    /// Tells whether something could be tried, and nothing failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        let mut verdicts = self.types.iter().map(TypeOutcome::verdict);
        let any = verdicts.any(|verdict| verdict == Verdict::Holds);
        any && self.over.is_none() && self.types.iter().all(|own| own.verdict() != Verdict::Fails)
    }

    /// Returns what holds, by type: the operations.
    #[must_use]
    pub fn verified(&self) -> BTreeMap<String, Vec<String>> {
        let types = self.types.iter().map(|own| (own.entity.clone(), own.verified()));
        types.filter(|(_, done)| !done.is_empty()).collect()
    }
}

impl fmt::Display for TypeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entity, trials, failed) = (&self.entity, self.trials, self.failures.len());
        let calls = match self.calls {
            0 => "no calls of its own".to_owned(),
            calls => counted(usize::try_from(calls).unwrap_or(usize::MAX), "call"),
        };
        match self.verdict() {
            Verdict::NotTried(why) => {
                write!(f, "{entity}: not tried: {why}")?;
                if self.calls > 0 {
                    write!(f, " ({calls})")?;
                }
            }
            Verdict::Holds => {
                let trials = counted(trials, "trial");
                let records = counted(self.records, "record");
                write!(f, "{entity}: {trials} held on {records}, {calls}")?;
            }
            Verdict::Fails => write!(f, "{entity}: {failed} of {} failed, {calls}", counted(trials, "trial"))?,
        }
        for failure in self.failures.iter().take(TOLD) {
            write!(f, "\n- {entity} {}", failure.chars().take(LETTERS).collect::<String>())?;
        }
        match failed.saturating_sub(TOLD) {
            0 => {}
            more => write!(f, "\n- and {more} more")?,
        }
        for untried in &self.untried {
            write!(f, "\n  not tried: {untried}")?;
        }
        for note in &self.notes {
            write!(f, "\n  note: {note}")?;
        }
        Ok(())
    }
}

/// Returns a number of things, in words.
#[must_use]
pub fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
