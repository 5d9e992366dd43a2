//! What sealing promises, told as tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

fn binding() -> Binding {
    Binding {
        organization_id: Uuid::from_u128(1),
        connection_id: Uuid::from_u128(2),
        purpose: "credential",
    }
}

#[test]
fn what_was_sealed_opens_again_and_never_looks_the_same_twice() {
    let keys = KeyRing::generate().unwrap();
    let first = keys.seal(&binding(), b"open sesame").unwrap();
    let second = keys.seal(&binding(), b"open sesame").unwrap();
    assert_ne!(first.nonce, second.nonce);
    assert_ne!(first.ciphertext, second.ciphertext);
    assert_eq!(keys.open(&binding(), &first).unwrap().as_slice(), b"open sesame");
    assert_eq!(keys.open(&binding(), &second).unwrap().as_slice(), b"open sesame");
    assert_eq!(
        keys.open(&binding(), &keys.seal(&binding(), b"").unwrap())
            .unwrap()
            .as_slice(),
        b""
    );
}

#[test]
fn a_sealed_text_opens_for_its_own_binding_only() {
    let keys = KeyRing::generate().unwrap();
    let sealed = keys.seal(&binding(), b"open sesame").unwrap();
    for other in [
        Binding {
            organization_id: Uuid::from_u128(9),
            ..binding()
        },
        Binding {
            connection_id: Uuid::from_u128(9),
            ..binding()
        },
        Binding {
            purpose: "session",
            ..binding()
        },
    ] {
        assert!(matches!(keys.open(&other, &sealed), Err(Error::Tampered)), "{other:?}");
    }
}

#[test]
fn any_changed_byte_is_noticed() {
    let keys = KeyRing::generate().unwrap();
    let sealed = keys.seal(&binding(), b"open sesame").unwrap();
    for position in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext[position] ^= 1;
        assert!(matches!(keys.open(&binding(), &changed), Err(Error::Tampered)));
    }
    let mut changed = sealed.clone();
    changed.nonce[0] ^= 1;
    assert!(matches!(keys.open(&binding(), &changed), Err(Error::Tampered)));
    changed.nonce.clear();
    assert!(matches!(keys.open(&binding(), &changed), Err(Error::Tampered)));
    let empty = Sealed {
        ciphertext: Vec::new(),
        ..sealed
    };
    assert!(matches!(keys.open(&binding(), &empty), Err(Error::Tampered)));
}

#[test]
fn after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() {
    let (old, new) = (new_entry().unwrap(), new_entry().unwrap());
    let before = KeyRing::parse([&old]).unwrap();
    let sealed = before.seal(&binding(), b"open sesame").unwrap();
    let during = KeyRing::parse([&new, &old]).unwrap();
    assert_eq!(during.open(&binding(), &sealed).unwrap().as_slice(), b"open sesame");
    assert_eq!(during.seal(&binding(), b"x").unwrap().key_id, during.current_id());
    assert_ne!(during.current_id(), sealed.key_id);
    let after = KeyRing::parse([&new]).unwrap();
    assert!(matches!(after.open(&binding(), &sealed), Err(Error::UnknownKey(id)) if id == sealed.key_id));
}

#[test]
fn a_malformed_key_is_refused_and_never_repeated() {
    let long = STANDARD.encode([7; 33]);
    let good = STANDARD.encode([7; 32]);
    let cases = [
        (vec![good.clone()], "it is not `id:base64`"),
        (
            vec![format!(":{good}")],
            "its identifier is not 1 to 64 letters, digits, `-` or `_`",
        ),
        (
            vec![format!("a b:{good}")],
            "its identifier is not 1 to 64 letters, digits, `-` or `_`",
        ),
        (vec!["a:*hunter2*".to_owned()], "it is not base64"),
        (vec![format!("a:{long}")], "it is not 32 bytes long"),
        (
            vec![format!("a:{good}"), format!("a:{good}")],
            "its identifier was used before",
        ),
    ];
    for (entries, expected) in cases {
        let secrets: Vec<SecretString> = entries.iter().map(|entry| entry.as_str().into()).collect();
        let error = KeyRing::parse(&secrets).unwrap_err();
        assert!(
            matches!(error, Error::MalformedKey { problem, .. } if problem == expected),
            "{error}"
        );
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&good) && !shown.contains("hunter2"), "{shown}");
    }
    assert!(matches!(KeyRing::parse([]), Err(Error::NoKey)));
}

#[test]
fn a_key_ring_shows_its_identifiers_and_no_key() {
    let entry = SecretString::from(format!("first:{}", STANDARD.encode([7; 32])));
    assert_eq!(
        format!("{:?}", KeyRing::parse([&entry]).unwrap()),
        r#"KeyRing(["first"])"#
    );
}

#[test]
fn the_same_token_hashes_differently_under_another_key() {
    let (old, new) = (new_entry().unwrap(), new_entry().unwrap());
    let rotated = KeyRing::parse([&new, &old]).unwrap();
    let hashes = rotated.token_hashes("lsk_x");
    assert_ne!(hashes[0], hashes[1]);
    assert_eq!(KeyRing::parse([&old]).unwrap().token_hashes("lsk_x"), [hashes[1]]);
}

#[test]
fn a_key_file_is_made_once_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/keys");
    let sealed = KeyRing::load_or_create(&path)
        .unwrap()
        .seal(&binding(), b"open sesame")
        .unwrap();
    let opened = KeyRing::load_or_create(&path)
        .unwrap()
        .open(&binding(), &sealed)
        .unwrap();
    assert_eq!(opened.as_slice(), b"open sesame");
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "the draft is gone"
    );
}

#[test]
fn servers_that_start_at_once_agree_on_one_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let ids: std::collections::HashSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| KeyRing::load_or_create(&path).unwrap().current_id().to_owned()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_key_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    KeyRing::load_or_create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(KeyRing::load_or_create(&path), Err(Error::FilePermissions(_))));
}

#[test]
fn a_ring_from_a_file_follows_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let server = KeyRing::load_or_create(&path).unwrap();
    let old = server.current_id();
    let before = server.seal(&binding(), b"before").unwrap();
    let new = rotate(&path).unwrap();
    let other = KeyRing::load_or_create(&path).unwrap();
    assert_eq!(other.ids(), [new.clone(), old.clone()]);
    let sealed = other.seal(&binding(), b"after").unwrap();
    assert_eq!(sealed.key_id, new);
    assert_eq!(
        server.open(&binding(), &sealed).unwrap().as_slice(),
        b"after",
        "noticed at once"
    );
    assert_eq!(server.current_id(), new);
    assert_eq!(server.open(&binding(), &before).unwrap().as_slice(), b"before");
    drop_key(&path, &old).unwrap();
    let mut look = server.ids();
    while look.len() > 1 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        look = server.ids();
    }
    assert!(matches!(server.open(&binding(), &before), Err(Error::UnknownKey(id)) if id == old));
}

#[test]
fn a_rotation_keeps_the_file_whole_and_its_owners_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let first = KeyRing::load_or_create(&path).unwrap().current_id();
    let text = std::fs::read_to_string(&path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| rotate(&path).unwrap());
        }
    });
    let ids = KeyRing::load_or_create(&path).unwrap().ids();
    assert_eq!((ids.len(), ids.last()), (9, Some(&first)), "no rotation is lost");
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.lines().all(|line| after.contains(line)),
        "what stood there still does"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(matches!(drop_key(&path, &ids[0]), Err(Error::CurrentKey(_))));
    assert!(matches!(drop_key(&path, "nobody"), Err(Error::NoSuchKey(_))));
    std::fs::write(&path, "nonsense").unwrap();
    assert!(matches!(rotate(&path), Err(Error::MalformedKey { .. })));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "nonsense",
        "what is broken is left as it is"
    );
}

#[test]
fn a_file_that_breaks_under_a_running_server_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let server = KeyRing::load_or_create(&path).unwrap();
    let sealed = server.seal(&binding(), b"x").unwrap();
    std::fs::write(&path, "nonsense").unwrap();
    let foreign = Sealed {
        key_id: "other".to_owned(),
        ..sealed.clone()
    };
    assert!(matches!(server.open(&binding(), &foreign), Err(Error::UnknownKey(_))));
    assert_eq!(server.open(&binding(), &sealed).unwrap().as_slice(), b"x");
}
