//! Compares what came with what was meant, and tells the difference in words.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Listing, Verdict};
use crate::Answer;

pub(super) fn no_errors(answer: &Answer) -> Verdict {
    if !answer.errors().is_empty() {
        let error = &answer.errors()[0];
        return Err(format!(
            "{} {} {}",
            error["extensions"]["code"], error["message"], error["extensions"]["remoteMessage"]
        ));
    }
    if answer.body["data"].is_null() {
        Err(format!("status {}: {}", answer.status, answer.text))
    } else {
        Ok(())
    }
}

pub(super) fn page_of(answer: &Answer, list: &str) -> Result<Value, String> {
    no_errors(answer)?;
    Ok(answer.body["data"][list].clone())
}

pub(super) fn same_ids(listing: &Listing, meant: &BTreeSet<String>, found: &BTreeSet<String>) -> Verdict {
    if meant == found {
        return Ok(());
    }
    let few = |ids: Vec<&String>| {
        let names: Vec<_> = ids.iter().take(4).map(|id| listing.remote_id(id)).collect();
        format!("{} ({})", ids.len(), names.join(", "))
    };
    let lacks = few(meant.difference(found).collect());
    let extra = few(found.difference(meant).collect());
    Err(format!(
        "of {} records {lacks} are missing, and {extra} are not meant",
        meant.len()
    ))
}

pub(super) fn same_record(listed: &Value, found: &Value) -> Verdict {
    if listed == found {
        return Ok(());
    }
    let (Value::Object(a), Value::Object(b)) = (listed, found) else {
        return Err(format!(
            "{} was listed, and looked up it is {found}",
            listed["remoteId"]
        ));
    };
    let differs = a.iter().find(|(name, value)| b.get(*name) != Some(value));
    let Some((name, value)) = differs else { return Ok(()) };
    Err(format!(
        "of {} the field {name} was listed as {value}, and looked up it is {}",
        listed["remoteId"], b[name]
    ))
}

pub(super) fn same_count(can_count: bool, total: &Value, number: usize) -> Verdict {
    match total {
        Value::Null if can_count => Err("the system can count, but it is null".to_owned()),
        Value::Null => Ok(()),
        total if *total == json!(number) => Ok(()),
        total => Err(format!("it is {total}, and there are {number}")),
    }
}
