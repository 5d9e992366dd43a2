//! Subscriptions that are cut at random and go on behind the last event miss nothing and repeat nothing, whoever writes
//! meanwhile.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use lineshaft_sandbox::System;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    SOON,
    api::{Api, ROTATE, text, types},
    socket::Socket,
    sse::Stream,
};
use crate::support::{Setup, dice::Dice};

const EVENTS: &str = "subscription($after: String, $types: [String!]) { events(after: $after, types: $types) {
    id type cursor connectionId sequence } }";
const ROTATED: &str = "connection.token_rotated";

/// How long a reader stays before it is cut off.
const ROUND: Duration = Duration::from_millis(400);

/// What was seen, and over how many cuts.
type Reading = BoxFuture<'static, (Vec<Value>, usize)>;

/// Somebody who reads, is cut off and comes back until the last event was seen.
struct Reader {
    api: Api,
    types: Option<Vec<&'static str>>,
    start: String,
    last: watch::Receiver<Option<String>>,
    cuts: Vec<usize>,
}

impl Reader {
    fn is_done(&self, seen: &[Value]) -> bool {
        let last = self.last.borrow();
        last.is_some() && seen.last().map(|event| text(&event["cursor"])) == *last
    }

    fn variables(&self, after: &str) -> Value {
        json!({"after": after, "types": self.types})
    }

    /// Reads over sockets, each from the cursor that the one before saw last.
    async fn over_sockets(self) -> (Vec<Value>, usize) {
        let (mut seen, mut cuts) = (Vec::new(), 0);
        while !self.is_done(&seen) {
            let after = seen
                .last()
                .map_or(self.start.clone(), |event: &Value| text(&event["cursor"]));
            let socket = Socket::open(&self.api).await;
            socket.subscribe("1", EVENTS, self.variables(&after)).await;
            let some = self.cuts[cuts % self.cuts.len()];
            let told = socket.wait("1", ROUND, some).await;
            drop(socket);
            seen.extend(told.into_iter().map(|told| told.payload["data"]["events"].clone()));
            cuts += 1;
        }
        (seen, cuts)
    }

    /// Reads streams of events, each behind the `Last-Event-ID` of the one before.
    async fn over_streams(self) -> (Vec<Value>, usize) {
        let (mut seen, mut cuts, mut last) = (Vec::new(), 0, None::<String>);
        while !self.is_done(&seen) {
            let stream = Stream::open(&self.api, EVENTS, self.variables(&self.start), last.as_deref()).await;
            let some = self.cuts[cuts % self.cuts.len()];
            let sent = stream.wait(ROUND, some).await;
            drop(stream);
            last = sent.last().map_or(last, |sent| sent.id.clone());
            for one in sent {
                let event = one.data["data"]["events"].clone();
                assert_eq!(one.id.as_deref(), event["cursor"].as_str(), "{event}");
                seen.push(event);
            }
            cuts += 1;
        }
        (seen, cuts)
    }
}

fn cursors(events: &[Value]) -> Vec<(String, String)> {
    events
        .iter()
        .map(|event| (text(&event["cursor"]), text(&event["id"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscriptions_resumed_after_cuts_miss_nothing_and_repeat_nothing() {
    let plant = Setup::only([System::Tryton]).start().await;
    let second = plant.connect(System::Tryton, "Second", Some("c-2")).await;
    let first = plant.connection(System::Tryton);
    let api = Api::of(&plant);
    let start = api.newest().await;
    let (telling, last) = watch::channel(None::<String>);
    let mut dice = Dice::of("streams");
    let only_first = api.with(&plant.connection_token(System::Tryton).await);
    let mut readers: Vec<(&str, Reading)> = Vec::new();
    for (who, by_socket, types, reader) in [
        ("socket", true, None, &api),
        ("socket", true, None, &api),
        ("stream", false, None, &api),
        ("stream", false, None, &api),
        ("rotated, socket", true, Some(vec![ROTATED]), &api),
        ("rotated, stream", false, Some(vec![ROTATED]), &api),
        ("first, socket", true, None, &only_first),
        ("first, stream", false, None, &only_first),
    ] {
        let reader = Reader {
            api: reader.clone(),
            types,
            start: start.clone(),
            last: last.clone(),
            cuts: dice.value(&proptest::collection::vec(1_usize..12, 8)),
        };
        let reading = if by_socket {
            reader.over_sockets().boxed()
        } else {
            reader.over_streams().boxed()
        };
        readers.push((who, reading));
    }
    let names: Vec<&str> = readers.iter().map(|(who, _)| *who).collect();
    let reading: Vec<_> = readers.into_iter().map(|(_, reading)| tokio::spawn(reading)).collect();

    let connections = Arc::new([first.clone(), second.clone()]);
    let writers = (0..4_usize).map(|writer| {
        let (api, connections) = (api.clone(), connections.clone());
        async move {
            for turn in 0..20 {
                let id = &connections[(turn + writer) % 2];
                api.query(ROTATE, json!({ "id": id })).await.data();
            }
        }
    });
    let switching = async {
        for _ in 0..10 {
            api.act("pauseConnection", &second).await.data();
            api.act("resumeConnection", &second).await.data();
        }
    };
    tokio::join!(join_all(writers), switching);
    // The last event of all is one that every reader is to see.
    api.query(ROTATE, json!({ "id": first })).await.data();
    telling.send_replace(Some(api.newest().await));

    let log = api.log(&start).await;
    assert!(log.len() >= 101, "{}", log.len());
    for (who, reading) in names.into_iter().zip(reading) {
        let reading = tokio::time::timeout(SOON, reading).await;
        let (seen, cuts) = reading.unwrap_or_else(|_| panic!("{who} saw the last event")).unwrap();
        let wanted: Vec<Value> = log
            .iter()
            .filter(|event| match who.split_once(", ") {
                Some(("rotated", _)) => event["type"] == ROTATED,
                Some(("first", _)) => event["connectionId"] == first.as_str(),
                _ => true,
            })
            .cloned()
            .collect();
        assert_eq!(cursors(&seen), cursors(&wanted), "{who}: {:?}", types(&seen));
        assert!(cuts > 3, "{who} was cut {cuts} times");
    }
    for id in [&first, &second] {
        let sequences: Vec<i64> = api
            .log("0")
            .await
            .iter()
            .filter(|event| event["connectionId"] == id.as_str())
            .map(|event| event["sequence"].as_i64().unwrap())
            .collect();
        assert_eq!(
            sequences,
            (1..=i64::try_from(sequences.len()).unwrap()).collect::<Vec<_>>()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_none_is_refused_over_both_protocols() {
    let plant = Setup::only([System::Tryton]).start().await;
    let api = Api::of(&plant);
    for (after, code) in [
        ("later", "INVALID_CURSOR"),
        ("999999999", "INVALID_CURSOR"),
        ("", "INVALID_CURSOR"),
    ] {
        let socket = Socket::open(&api).await;
        socket.subscribe("1", EVENTS, json!({ "after": after })).await;
        let told = socket.wait("1", SOON, 1).await;
        let payload = &told[0].payload;
        let error = if payload.is_array() {
            &payload[0]
        } else {
            &payload["errors"][0]
        };
        assert_eq!(error["extensions"]["code"], code, "{after}: {payload}");
        assert!(socket.is_open(), "the socket goes on");
        let stream = Stream::open(
            &api,
            EVENTS,
            json!({}),
            Some(if after.is_empty() { "x" } else { after }),
        )
        .await;
        let sent = stream.wait(SOON, 2).await;
        assert_eq!(
            sent[0].data["errors"][0]["extensions"]["code"], code,
            "{after}: {sent:?}"
        );
        assert_eq!(sent[1].event, "complete");
    }
}
