//! The table of codes is complete and free of doubles.

use std::collections::HashSet;

use crate::transport::{Code, Settings};

#[test]
fn codes_are_unique_and_described() {
    let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.describe().text.ends_with('.'), "{}", code.name());
        assert!(code.status().as_u16() >= 400);
        assert_eq!(Code::from_name(code.name()), Some(code));
        let debug = format!("{code:?}").to_lowercase();
        assert_eq!(debug, code.name().replace('_', "").to_lowercase());
    }
}

#[test]
fn settings_have_defaults_and_refuse_unknown_keys() {
    let settings: Settings = serde_json::from_str(r#"{"http_status":"legacy","limits":{"depth":5}}"#).unwrap();
    assert_eq!(settings.limits.depth, 5);
    assert_eq!(settings.limits.tokens, 10_000);
    assert!(serde_json::from_str::<Settings>(r#"{"limits":{"dept":5}}"#).is_err());
}
