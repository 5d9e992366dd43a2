//! What was proven on a real system, as it is written down beside what was known of it before.

use chrono::Utc;
use lineshaft_conformance::live::{LiveOutcome, Verdict};
use lineshaft_connect::manifest::trust::{READS, Verified};

/// Returns what is proven now, together with what was known of the same server. None when there is nothing to tell.
pub(super) fn of(outcome: &LiveOutcome, known: Option<&Verified>, server: String, version: String) -> Option<Verified> {
    let now = outcome.verified();
    let before = known.filter(|known| known.server == server && known.version == version);
    let mut types = before.map(|known| known.types.clone()).unwrap_or_default();
    let mut seen = before.map(|known| known.seen.clone()).unwrap_or_default();
    for own in &outcome.types {
        match own.verdict() {
            Verdict::NotTried(_) => {}
            Verdict::Fails => {
                types.shift_remove(&own.entity);
                seen.shift_remove(&own.entity);
            }
            Verdict::Holds => {
                // Writes are proven by other tests, and not disproven here.
                let writes = types.get(&own.entity).into_iter().flatten();
                let writes = writes.filter(|done| !READS.contains(&done.as_str())).cloned();
                let done = now.get(&own.entity).into_iter().flatten().cloned();
                let done = done.chain(writes.collect::<Vec<_>>()).collect();
                types.insert(own.entity.clone(), done);
                seen.shift_remove(&own.entity);
                if !own.seen.is_empty() {
                    seen.insert(own.entity.clone(), own.seen.clone());
                }
            }
        }
    }
    let changes = before.is_some_and(|known| !known.types.is_empty());
    if types.is_empty() && !changes {
        return None;
    }
    let mut verified = Verified {
        verified: 1,
        server,
        version,
        on: Utc::now().format("%Y-%m-%d").to_string(),
        types,
        seen,
    };
    // The day tells since when this is so.
    if let Some(before) = before.filter(|before| is_same(before, &verified)) {
        verified.on.clone_from(&before.on);
    }
    Some(verified)
}

fn is_same(before: &Verified, now: &Verified) -> bool {
    before.to_yaml("")
        == Verified {
            on: before.on.clone(),
            ..now.clone()
        }
        .to_yaml("")
}
