//! Rows written in envelopes: how many leave, what is written down before, and what each answer in them means.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use lineshaft_schema::Value;
use serde_json::{Value as Json, json};

use super::{write_testing::*, *};
use crate::{
    blueprint::tests::{compile, field},
    transport::testing::{Act as Answer, Scripted, Seen, Setup, answer, answer_with, cut, fail},
    write::{Act, ChildChange, Input, Reply, UserErrorCode, WriteRequest},
};

/// Carries an envelope of `OData` out, request by request; those of one group all or not at all.
fn envelope(shop: &Shop, seen: &Seen) -> Answer {
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    let before = shop.rows.lock().unwrap().clone();
    let mut failed = false;
    let mut answers = Vec::new();
    for request in body["requests"].as_array().unwrap() {
        let is_whole = request["atomicityGroup"].is_string();
        if is_whole && failed {
            answers.push(json!({ "id": request["id"], "status": 424 }));
            continue;
        }
        let part = Seen {
            method: request["method"].as_str().unwrap().parse().unwrap(),
            url: format!("https://trial.example.com/api/{}", request["url"].as_str().unwrap()),
            body: request["body"].to_string(),
            ..seen.clone()
        };
        let Answer::Answer(_, Ok(response)) = shop.play(&part) else {
            // The system does not answer this one.
            continue;
        };
        if is_whole && response.status.as_u16() >= 400 {
            failed = true;
            shop.rows.lock().unwrap().clone_from(&before);
        }
        let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
        answers.push(json!({ "id": request["id"], "status": response.status.as_u16(), "body": body }));
    }
    answers.reverse();
    answer(200, &json!({ "responses": answers }).to_string())
}

fn setup_batched(shop: &Arc<Shop>, batch: Json) -> (Setup, Arc<Scripted>) {
    let playing = Arc::clone(shop);
    let wire = Scripted::new(move |seen| match seen.url.ends_with("/$batch") {
        true if !["PATCH", "POST", "DELETE"]
            .iter()
            .any(|method| seen.body.contains(method)) =>
        {
            envelope(&playing, seen)
        }
        true => match playing.fault_of("envelope") {
            Some(Fault::Instead(act)) => act,
            Some(Fault::After(act)) => {
                envelope(&playing, seen);
                act
            }
            None => {
                playing.log.lock().unwrap().push("envelope".to_owned());
                envelope(&playing, seen)
            }
        },
        false => playing.play(seen),
    });
    let setup = Setup::with_token(wire.clone()).patch(&patch());
    (setup.patch(&json!({ "batch": batch })), wire)
}

fn one_by_one() -> Json {
    json!({ "form": "json", "path": "/$batch", "writes": true, "max_requests": 2 })
}

fn whole() -> Json {
    json!({ "form": "json", "path": "/$batch", "writes": true, "atomic": true, "max_requests": 10 })
}

async fn write_batched(shop: &Arc<Shop>, batch: Json, request: &WriteRequest) -> Reply {
    let connector = setup_batched(shop, batch).0.connector();
    connector.write(&context(), request, &Paper::of(shop)).await
}

/// Changes the texts of lines with these ids.
fn change_lines(ids: &[&str]) -> WriteRequest {
    let mut request = request(Act::Update, Some("7"), &[]);
    let change = |id: &&str| {
        let values = [(field("PurchaseOrderLine", "description"), Value::text("changed"))];
        let input = Input {
            values: values.into_iter().collect(),
            ..Input::default()
        };
        ChildChange::Update(RemoteKey::single(*id), input)
    };
    let changes = ids.iter().map(change).collect();
    request.input.children.insert(field("PurchaseOrder", "lines"), changes);
    request
}

fn shop_with_lines(count: u32) -> Arc<Shop> {
    let shop = Shop::with_order();
    for id in 1..=count {
        let row = json!({ "id": id, "order_id": "7", "text": "old", "rev": 1 });
        shop.rows.lock().unwrap().insert(format!("lines/{id}"), row);
    }
    shop
}

fn texts(shop: &Shop) -> Vec<String> {
    let rows = shop.rows.lock().unwrap();
    let lines = rows.iter().filter(|(path, _)| path.starts_with("lines/"));
    lines.map(|(_, row)| row["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn rows_go_in_as_many_envelopes_as_they_fill_and_each_is_written_down_before_its_envelope_leaves() {
    for (count, envelopes) in [(1_usize, 0), (2, 1), (5, 2), (6, 3)] {
        let shop = Shop::new();
        let (setup, wire) = setup_batched(&shop, one_by_one());
        let lines: Vec<String> = (0..count).map(|at| format!("line {at}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let request = with_lines(create(), &lines);
        let reply = setup.connector().write(&context(), &request, &Paper::of(&shop)).await;
        done(reply);
        assert_eq!(wire.count_of("$batch"), envelopes, "{count} lines");
        // The header, the envelopes, and what is too little for one.
        assert_eq!(wire.count(), 1 + count.div_ceil(2), "{count} lines");
        assert_eq!(texts(&shop), lines);
        assert!(
            shop.row("lines/2")
                .is_none_or(|row| row["order_id"].to_string().contains('1'))
        );
        if count == 5 {
            let log = shop.log.lock().unwrap().clone();
            let expected = [
                "noted POST orders",
                "sent POST orders",
                "made 1",
                "noted lines.0POST lines",
                "noted lines.1POST lines",
                "envelope",
                "sent POST lines",
                "sent POST lines",
            ];
            assert_eq!(log[..expected.len()], expected);
            assert_eq!(log.last().unwrap(), "sent POST lines");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_word_rows_are_sent_one_by_one() {
    let shop = Shop::new();
    let batch = json!({ "form": "json", "path": "/$batch" });
    done(write_batched(&shop, batch, &with_lines(create(), &["a", "b", "c"])).await);
    assert_eq!(shop.sent(), ["POST orders", "POST lines", "POST lines", "POST lines"]);
    assert!(!shop.log.lock().unwrap().contains(&"envelope".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn each_part_that_is_refused_is_told_with_its_own_place_and_the_others_stay() {
    let shop = shop_with_lines(4);
    for line in ["PATCH lines/1", "PATCH lines/4"] {
        let refusal = answer(422, r#"{"message":"too long","field":"text"}"#);
        shop.fault(line, Fault::Instead(refusal));
    }
    let batch = json!({ "form": "json", "path": "/$batch", "writes": true });
    let (key, errors) = partly(write_batched(&shop, batch, &change_lines(&["1", "2", "3", "4"])).await);
    assert_eq!(key, Some(RemoteKey::single("7")));
    let told: Vec<_> = errors.iter().map(|error| (error.path.join("."), error.code)).collect();
    let expected = |at: u32| (format!("lines.update.{at}.description"), UserErrorCode::InvalidValue);
    assert_eq!(told, [expected(0), expected(3)]);
    assert_eq!(texts(&shop), ["old", "changed", "changed", "old"]);
    assert_eq!(shop.changes().len(), 4, "none is sent again");
}

#[tokio::test(start_paused = true)]
async fn a_refused_part_of_a_new_record_takes_the_record_back() {
    let shop = Shop::new();
    shop.fault("POST lines", Fault::Instead(answer(422, r#"{"message":"no"}"#)));
    let errors = refused(write_batched(&shop, one_by_one(), &with_lines(create(), &["a", "b"])).await);
    assert_eq!(errors[0].path, ["lines", "0"]);
    assert_eq!(
        shop.changes(),
        ["POST orders", "POST lines", "POST lines", "DELETE orders/1"]
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_whole_that_is_refused_nothing_was_carried_out() {
    let shop = shop_with_lines(3);
    let refusal = answer(422, r#"{"message":"too long","field":"text"}"#);
    shop.fault("PATCH lines/2", Fault::Instead(refusal));
    let errors = refused(write_batched(&shop, whole(), &change_lines(&["1", "2", "3"])).await);
    let told: Vec<_> = errors.iter().map(|error| error.path.join(".")).collect();
    assert_eq!(told, ["lines.update.1.description"], "what only follows is not told");
    assert_eq!(texts(&shop), ["old", "old", "old"]);
    // One answer that names its request, and nothing of the others.
    let only = json!({ "responses": [{ "id": "3", "status": 422, "body": { "message": "no" } }] });
    shop.fault("envelope", Fault::Instead(answer(200, &only.to_string())));
    let errors = refused(write_batched(&shop, whole(), &change_lines(&["1", "2", "3"])).await);
    assert_eq!(
        (errors.len(), errors[0].path.join(".")),
        (1, "lines.update.2".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn what_became_of_an_envelope_whose_answer_was_lost_is_in_doubt() {
    let lost: [fn() -> Answer; 4] = [cut, || Answer::Hang, || answer(500, "{}"), || answer(200, "not json")];
    for act in lost {
        for batch in [one_by_one(), whole()] {
            let shop = shop_with_lines(2);
            shop.fault("envelope", Fault::After(act()));
            let reply = write_batched(&shop, batch, &change_lines(&["1", "2"])).await;
            assert!(matches!(&reply, Reply::InDoubt { key: Some(_), .. }), "{reply:?}");
            assert_eq!(shop.changes().len(), 2, "it is sent once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_left_out_or_broke_off_is_in_doubt() {
    for act in [Answer::Hang, answer(500, "{}"), answer(200, r#""#)] {
        let shop = Shop::new();
        shop.fault("POST lines", Fault::After(act));
        let create = with_lines(create(), &["a", "b"]);
        let reply = write_batched(&shop, one_by_one(), &create).await;
        assert!(matches!(&reply, Reply::InDoubt { key: Some(_), .. }), "{reply:?}");
        assert!(
            !shop.changes().contains(&"DELETE orders/1".to_owned()),
            "nothing is taken back"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_did_not_leave_changed_nothing() {
    let shop = shop_with_lines(2);
    shop.fault("envelope", Fault::Instead(fail(ErrorKind::Network)));
    let reply = write_batched(&shop, one_by_one(), &change_lines(&["1", "2"])).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if error.reach() == crate::Reach::NotSent),
        "{reply:?}"
    );
    // A journal that takes no more keeps it from leaving.
    let paper = Paper {
        is_full: true,
        ..Paper::of(&shop)
    };
    let connector = setup_batched(&shop, one_by_one()).0.connector();
    let reply = connector.write(&context(), &change_lines(&["1", "2"]), &paper).await;
    assert!(matches!(&reply, Reply::Failed(_)), "{reply:?}");
    assert_eq!(texts(&shop), ["old", "old"]);
    assert!(shop.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_for_some_parts_makes_no_second_envelope() {
    let ended = || answer(401, "{}");
    // For one part: the other was carried out.
    let shop = shop_with_lines(2);
    shop.fault("PATCH lines/2", Fault::Instead(ended()));
    let (_, errors) = partly(write_batched(&shop, one_by_one(), &change_lines(&["1", "2"])).await);
    assert_eq!(errors[0].path, ["lines", "update", "1"]);
    assert_eq!(shop.changes().len(), 2);
    assert_eq!(texts(&shop), ["changed", "old"]);
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_the_system_throttles_has_failed() {
    let shop = shop_with_lines(2);
    for line in ["PATCH lines/1", "PATCH lines/2"] {
        shop.fault(line, Fault::Instead(answer(429, "{}")));
    }
    let reply = write_batched(&shop, one_by_one(), &change_lines(&["1", "2"])).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if error.kind() == ErrorKind::RateLimited),
        "{reply:?}"
    );
    assert_eq!(shop.changes().len(), 2);
}

/// Line changes that send the whole row, so that it is read before.
fn with_whole_rows() -> Json {
    json!({ "resources": { "PurchaseOrderLine": { "write": { "update": { "sends": "whole" } } } } })
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_read_before_are_read_in_envelopes_too() {
    let shop = shop_with_lines(4);
    let (setup, wire) = setup_batched(&shop, whole());
    let connector = setup.patch(&with_whole_rows()).connector();
    let request = change_lines(&["1", "2", "3", "4"]);
    done(connector.write(&context(), &request, &Paper::of(&shop)).await);
    // To whom the rows belong, what they are now, and the changes.
    assert_eq!((wire.count(), wire.count_of("$batch")), (3, 3));
    assert_eq!(texts(&shop), ["changed", "changed", "changed", "changed"]);
    // One that is gone is told before anything leaves.
    let shop = shop_with_lines(1);
    let connector = setup_batched(&shop, whole()).0.patch(&with_whole_rows()).connector();
    let reply = connector
        .write(&context(), &change_lines(&["1", "9"]), &Paper::of(&shop))
        .await;
    let errors = refused(reply);
    assert_eq!(errors[0].path, ["lines", "update", "1"]);
    assert_eq!(errors[0].code, UserErrorCode::UnknownReference);
    assert!(shop.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn change_sets_are_written_and_their_failure_told_for_the_request_that_it_names() {
    let batch = json!({ "form": "multipart_odata", "path": "/$batch", "writes": true, "atomic": true });
    let part = |id: &str, status: &str| {
        format!(
            "--c\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\nHTTP/1.1 {status}\r\n\r\n{{\"message\":\"no\",\"id\":{id}}}\r\n"
        )
    };
    let set = |parts: String| {
        let text = format!("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{parts}--c--\r\n--b--\r\n");
        answer_with(200, &[("content-type", "multipart/mixed; boundary=b")], &text)
    };
    let alone = |head: &str| {
        let text = format!(
            "--b\r\nContent-Type: application/http\r\n{head}\r\nHTTP/1.1 422 No\r\n\r\n{{\"message\":\"no\"}}\r\n--b--\r\n"
        );
        answer_with(200, &[("content-type", "multipart/mixed; boundary=b")], &text)
    };
    let shop = shop_with_lines(2);
    let (setup, wire) = setup_batched(&shop, batch.clone());
    shop.fault(
        "envelope",
        Fault::Instead(set(part("2", "200 OK") + &part("1", "201 Created"))),
    );
    let connector = setup.connector();
    let request = with_lines(request(Act::Update, Some("7"), &[]), &["a", "b"]);
    done(connector.write(&context(), &request, &Paper::of(&shop)).await);
    let text = wire.seen()[0].body.clone();
    assert_eq!(text.matches("multipart/mixed; boundary=lineshaft_changes_1").count(), 1);
    assert_eq!(text.matches("--lineshaft_changes_1\r\n").count(), 2);
    assert!(
        text.contains("Content-ID: 2\r\n\r\nPOST lines HTTP/1.1\r\n") && text.contains("\"text\":\"b\""),
        "{text}"
    );
    // One answer for the whole set, which names its request or none.
    for (head, place) in [("Content-ID: 2\r\n", vec!["lines", "create", "1"]), ("", Vec::new())] {
        shop.fault("envelope", Fault::Instead(alone(head)));
        let errors = refused(connector.write(&context(), &request, &Paper::of(&shop)).await);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, place);
    }
    // Without `atomic` each is a change set of its own.
    let mut batch = batch;
    batch["atomic"] = json!(false);
    let (setup, wire) = setup_batched(&shop, batch);
    shop.fault(
        "envelope",
        Fault::Instead(set(part("1", "200 OK") + &part("2", "200 OK"))),
    );
    done(setup.connector().write(&context(), &request, &Paper::of(&shop)).await);
    let text = wire.seen()[0].body.clone();
    assert_eq!(text.matches("multipart/mixed; boundary=lineshaft_changes_").count(), 2);
}

/// An approval that sends a request for each of three codes.
fn with_elements(keep: Json, path: &str) -> Json {
    let steps = json!([
        { "name": "codes", "request": { "path": "/orders/{{key}}", "read_only": true }, "keep": { "codes": "codes", "rev": "rev" } },
        { "name": "mark", "for_each": "kept.codes", "keep": keep,
          "request": { "method": "PATCH", "path": path, "body": { "code": "{{item}}" } } },
    ]);
    json!({ "resources": { "PurchaseOrder": { "write": { "actions": { "approve": { "request": null, "steps": steps } } } } } })
}

async fn approve(shop: &Arc<Shop>, batch: Json, more: &Json) -> (Reply, usize) {
    shop.rows.lock().unwrap().get_mut("orders/7").unwrap()["codes"] = json!(["1", "2", "3"]);
    let (setup, wire) = setup_batched(shop, batch);
    let connector = setup.patch(more).connector();
    let request = request(Act::Action("approve".to_owned()), Some("7"), &[]);
    let reply = connector.write(&context(), &request, &Paper::of(shop)).await;
    (reply, wire.count_of("$batch"))
}

#[tokio::test(start_paused = true)]
async fn a_step_for_each_element_goes_in_envelopes_unless_one_waits_for_another() {
    let each = with_elements(json!({}), "/lines/{{item}}");
    let shop = shop_with_lines(3);
    let (reply, envelopes) = approve(&shop, whole(), &each).await;
    done(reply);
    assert_eq!((envelopes, shop.changes().len()), (1, 3));
    let log = shop.log.lock().unwrap().clone();
    assert_eq!(
        log[1..5],
        [
            "noted markPATCH lines/1",
            "noted markPATCH lines/2",
            "noted markPATCH lines/3",
            "envelope"
        ]
    );
    // Two go together, and the third alone.
    let shop = shop_with_lines(3);
    let (reply, envelopes) = approve(&shop, one_by_one(), &each).await;
    done(reply);
    assert_eq!((envelopes, shop.changes().len()), (1, 3));
    // What an answer tells is needed by the next.
    let shop = shop_with_lines(3);
    let waiting = with_elements(
        json!({ "rev": "rev" }),
        "/lines/{{item}}?after={{unless kept.rev item}}",
    );
    let (reply, envelopes) = approve(&shop, whole(), &waiting).await;
    done(reply);
    assert_eq!((envelopes, shop.changes().len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn an_element_that_is_refused_ends_the_write_where_it_is() {
    let each = with_elements(json!({}), "/lines/{{item}}");
    for (batch, is_doubt) in [
        (whole(), false),
        (json!({ "form": "json", "path": "/$batch", "writes": true }), true),
    ] {
        let shop = shop_with_lines(3);
        shop.fault("PATCH lines/2", Fault::Instead(answer(422, r#"{"message":"no"}"#)));
        let (reply, _) = approve(&shop, batch, &each).await;
        // Of an action that was carried out in part only its end can be told.
        match is_doubt {
            true => assert!(matches!(&reply, Reply::InDoubt { .. }), "{reply:?}"),
            false => assert_eq!(refused(reply).len(), 1),
        }
        let last = shop.row("lines/3").unwrap();
        assert_eq!(last.get("code").is_some(), is_doubt);
    }
}

#[test]
fn a_whole_must_be_told_to_the_system() {
    let resources = || json!({ "Vendor": { "remote": "vendors", "key": "id", "fields": { "name": "name" } } });
    let problems = |batch: Json| -> Vec<String> {
        let problems = compile("json_rest", json!({ "batch": batch }), resources()).unwrap_err();
        problems.into_iter().map(|problem| problem.pointer).collect()
    };
    let silent = json!({ "form": "json", "path": "/b", "writes": true, "atomic": true, "part": "{{request.body}}" });
    assert_eq!(problems(silent), ["/batch/atomic"]);
    let reads = json!({ "form": "json", "path": "/b", "atomic": true });
    assert_eq!(problems(reads), ["/batch/atomic"]);
}

fn answers(parts: &[Json]) -> Fault {
    Fault::Instead(answer(200, &json!({ "responses": parts }).to_string()))
}

fn part(id: &str, status: u16) -> Json {
    json!({ "id": id, "status": status, "body": {} })
}

#[tokio::test(start_paused = true)]
async fn a_whole_of_which_all_requests_only_follow_has_failed_and_is_not_sent_again() {
    let follow = || answers(&[part("1", 424), part("2", 424), part("3", 424)]);
    let shop = shop_with_lines(3);
    shop.fault("envelope", follow());
    let (setup, wire) = setup_batched(&shop, whole());
    let request = change_lines(&["1", "2", "3"]);
    let reply = setup.connector().write(&context(), &request, &Paper::of(&shop)).await;
    assert!(
        matches!(&reply, Reply::Failed(error) if !error.leaves_doubt()),
        "{reply:?}"
    );
    let sent = wire.seen().into_iter().filter(|seen| seen.body.contains("PATCH"));
    assert_eq!((sent.count(), shop.changes().len()), (1, 0));
    // So it is with the elements of a step.
    let shop = shop_with_lines(3);
    shop.fault("envelope", follow());
    let (reply, envelopes) = approve(&shop, whole(), &with_elements(json!({}), "/lines/{{item}}")).await;
    assert!(matches!(&reply, Reply::Failed(_)), "{reply:?}");
    assert_eq!((envelopes, shop.changes().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_whole_that_is_told_as_carried_out_in_part_is_in_doubt() {
    let told: [&[Json]; 4] = [
        &[part("1", 200), part("2", 424), part("3", 200)],
        &[part("1", 200), part("2", 424), part("3", 424)],
        &[part("1", 424), part("2", 424)],
        &[part("1", 500), part("2", 424), part("3", 424)],
    ];
    for parts in told {
        let shop = shop_with_lines(3);
        shop.fault("envelope", answers(parts));
        let reply = write_batched(&shop, whole(), &change_lines(&["1", "2", "3"])).await;
        assert!(matches!(&reply, Reply::InDoubt { .. }), "{parts:?}: {reply:?}");
        assert!(shop.changes().is_empty(), "{parts:?}: none is sent alone");
        shop.fault("envelope", answers(parts));
        let (reply, envelopes) = approve(&shop, whole(), &with_elements(json!({}), "/lines/{{item}}")).await;
        assert!(matches!(&reply, Reply::InDoubt { .. }), "{parts:?}: {reply:?}");
        assert_eq!((envelopes, shop.changes().len()), (1, 0), "{parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_whose_part_tells_no_success_is_in_doubt() {
    let removing = json!({ "resources": {
        "PurchaseOrderLine": { "write": { "delete": { "request": { "method": "DELETE", "path": "/lines/{{key}}" } } } },
    } });
    let mut request = request(Act::Update, Some("7"), &[]);
    let changes = ["1", "2"].map(|id| ChildChange::Delete(RemoteKey::single(id)));
    request
        .input
        .children
        .insert(field("PurchaseOrder", "lines"), changes.to_vec());
    let without_status = || {
        let part = json!({ "id": "{{request.id}}", "method": "{{request.method}}", "url": "{{request.relative}}" });
        let answers = json!({ "path": "responses", "id": "id", "body": "body" });
        json!({ "form": "json", "path": "/$batch", "writes": true, "part": part, "answers": answers })
    };
    let cases = [
        (one_by_one(), json!([part("1", 204), part("2", 204)]), false),
        (one_by_one(), json!([part("1", 204), null]), true),
        (one_by_one(), json!([part("1", 204), { "id": "2" }]), true),
        (
            one_by_one(),
            json!([part("1", 204), { "id": "2", "status": null }]),
            true,
        ),
        (without_status(), json!([{ "id": "1" }, { "id": "2" }]), false),
        (without_status(), json!([{ "id": "1" }, null]), true),
        (without_status(), json!([{ "id": "1" }]), true),
    ];
    for (batch, parts, is_doubt) in cases {
        let shop = shop_with_lines(2);
        let (setup, wire) = setup_batched(&shop, batch);
        let told = answer(200, &json!({ "responses": parts }).to_string());
        shop.fault("envelope", Fault::Instead(told));
        let connector = setup.patch(&removing).connector();
        let reply = connector.write(&context(), &request, &Paper::of(&shop)).await;
        match is_doubt {
            true => assert!(matches!(&reply, Reply::InDoubt { .. }), "{parts}: {reply:?}"),
            false => drop(done(reply)),
        }
        let removed = wire.seen().into_iter().filter(|seen| seen.body.contains("DELETE"));
        assert_eq!(removed.count(), 1, "{parts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_of_which_one_answer_is_not_the_expected_one_was_carried_out_in_part() {
    let mut each = with_elements(json!({}), "/lines/{{item}}");
    let step = &mut each["resources"]["PurchaseOrder"]["write"]["actions"]["approve"]["steps"][1];
    step["expect"] = json!([{ "path": "ok", "equals": true }]);
    let told = |id: &str, ok: bool| json!({ "id": id, "status": 200, "body": { "ok": ok } });
    let shop = shop_with_lines(3);
    shop.fault(
        "envelope",
        answers(&[told("1", true), told("2", false), told("3", true)]),
    );
    let (reply, envelopes) = approve(&shop, whole(), &each).await;
    assert!(matches!(&reply, Reply::InDoubt { .. }), "{reply:?}");
    assert_eq!(envelopes, 1);
    // What the system refuses by its status clears the whole.
    shop.fault("envelope", answers(&[told("1", true), part("2", 422), told("3", true)]));
    let (reply, _) = approve(&shop, whole(), &each).await;
    assert_eq!(refused(reply).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rows_with_labels_are_sent_one_by_one_with_their_codes() {
    let labelled = json!({
        "labels": { "texts": {
            "request": { "path": "/fields" }, "records": "fields", "code": "name", "keep": { "name": "label" },
        } },
        "resources": { "PurchaseOrderLine": { "fields": {
            "description": { "path": "text", "as": { "label": { "of": "texts", "member": "name" } } },
        } } },
    });
    let shop = Shop::new();
    let connector = setup_batched(&shop, one_by_one()).0.patch(&labelled).connector();
    let request = with_lines(create(), &["Title", "Title"]);
    done(connector.write(&context(), &request, &Paper::of(&shop)).await);
    assert_eq!(texts(&shop), ["title", "title"]);
    assert_eq!(shop.changes(), ["POST orders", "POST lines", "POST lines"]);
    assert!(!shop.log.lock().unwrap().contains(&"envelope".to_owned()));
}
