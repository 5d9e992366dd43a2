//! What axum and async-graphql give out of the box: sockets with the buffers they come with, async-graphql's own state
//! machine for the protocol, and a broadcast channel. It knows no tokens, keeps no events and sends no pings.

use async_graphql::{
    Context, EmptyMutation, Object, Schema, SimpleObject, Subscription,
    http::{WebSocket as Protocol, WebSocketProtocols, WsMessage},
};
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    routing::{get, post},
};
use futures_util::{Stream, StreamExt as _, future, stream};
use tokio::{net::TcpListener, sync::broadcast};

#[derive(Clone, SimpleObject)]
struct Event {
    id: String,
    #[graphql(name = "type")]
    kind: String,
    cursor: String,
}

struct Query;

#[Object]
impl Query {
    async fn is_alive(&self) -> bool {
        true
    }
}

struct Events;

#[Subscription]
impl Events {
    async fn events(&self, ctx: &Context<'_>) -> impl Stream<Item = Event> {
        let receiver = ctx.data_unchecked::<broadcast::Sender<Event>>().subscribe();
        stream::unfold(receiver, async |mut receiver| {
            let event = receiver.recv().await.ok()?;
            Some((event, receiver))
        })
    }
}

type Plain = Schema<Query, EmptyMutation, Events>;

/// Serves subscriptions, and sends an event to all when `/event` is asked. Tells its address, then a line with the moment
/// of each event.
pub async fn serve() {
    let (sender, _) = broadcast::channel::<Event>(16);
    let schema = Schema::build(Query, EmptyMutation, Events)
        .data(sender.clone())
        .finish();
    let mut position = 0;
    let numbers = std::sync::Mutex::new(move || {
        position += 1;
        position
    });
    let numbers = std::sync::Arc::new(numbers);
    let tell = move || {
        let position: u64 = (numbers.lock().unwrap())();
        let event = Event {
            id: uuid::Uuid::now_v7().to_string(),
            kind: "connection.token_rotated".to_owned(),
            cursor: position.to_string(),
        };
        println!("{}", crate::now_us());
        let _ = sender.send(event);
        future::ready("")
    };
    let router = Router::new()
        .route("/graphql", get(upgrade))
        .route("/event", post(tell))
        .with_state(schema);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{} none none", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn upgrade(State(schema): State<Plain>, upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade
        .protocols(["graphql-transport-ws"])
        .on_upgrade(move |socket| run(socket, schema))
}

async fn run(socket: WebSocket, schema: Plain) {
    let (sink, stream) = socket.split();
    let input = stream
        .take_while(|message| future::ready(message.is_ok()))
        .filter_map(|message| {
            let text = match message {
                Ok(Message::Text(text)) => Some(text.as_str().to_owned()),
                _ => None,
            };
            future::ready(text)
        });
    let output = Protocol::new(schema, input, WebSocketProtocols::GraphQLWS).map(|message| {
        Ok(match message {
            WsMessage::Text(text) => Message::Text(text.into()),
            WsMessage::Close(code, reason) => Message::Close(Some(CloseFrame {
                code,
                reason: reason.into(),
            })),
        })
    });
    // A client that has gone away ends the task.
    let _ = output.forward(sink).await;
}
