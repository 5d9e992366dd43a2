//! What becomes of connections to servers that do not keep to the rules.

#![allow(clippy::unwrap_used, reason = "tests")]

use lineshaft_connect::transport::{ClientSettings, Guard};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;

/// A server at an address of its own that signs everybody in and answers the first statement without an end.
async fn endless() -> (SocketAddr, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = b"\x0a5.7.0\0\x01\0\0\0saltsalt\0".to_vec();
        // What it can do: protocol 4.1, databases, transactions, ways of signing in.
        greeting.extend([0x08, 0xa2, 33, 2, 0, 0x08, 0, 21]);
        greeting.extend([0; 10]);
        greeting.extend(b"saltsaltsalt\0mysql_native_password\0");
        write(&mut stream, 0, &greeting).await.unwrap();
        hear(&mut stream).await;
        write(&mut stream, 2, &[0, 0, 0, 2, 0, 0, 0]).await.unwrap();
        hear(&mut stream).await;
        write(&mut stream, 1, &[2]).await.unwrap();
        let column = b"\x03def\0\0\0\x01a\0\x0c\x21\0\xff\0\0\0\xfd\0\0\0\0\0";
        write(&mut stream, 2, column).await.unwrap();
        write(&mut stream, 3, column).await.unwrap();
        write(&mut stream, 4, &[0xfe, 0, 0, 2, 0]).await.unwrap();
        for number in 5_u8..=u8::MAX {
            write(&mut stream, number, b"\x01x\x01y").await.unwrap();
        }
        for number in (0_u8..=u8::MAX).cycle() {
            if write(&mut stream, number, b"\x01x\x01y").await.is_err() {
                break;
            }
        }
        true
    });
    (address, server)
}

async fn write(stream: &mut TcpStream, number: u8, payload: &[u8]) -> std::io::Result<()> {
    let length = u8::try_from(payload.len()).unwrap();
    stream.write_all(&[&[length, 0, 0, number], payload].concat()).await
}

async fn hear(stream: &mut TcpStream) {
    let mut heard = [0; 4_096];
    assert!(stream.read(&mut heard).await.unwrap() > 4);
}

fn way() -> Way {
    Way::new(&ClientSettings {
        guard: Guard::new(&["127.0.0.0/8".parse().unwrap()]),
        ..ClientSettings::default()
    })
}

#[tokio::test]
async fn an_endless_answer_is_not_read_on() {
    let (address, server) = endless().await;
    let (way, statement) = (way(), Statement::trial("mysql://127.0.0.1/x", "reader"));
    let addresses = [address];
    let opened = Session::open(&way, &statement, &addresses);
    let opened = timeout(Duration::from_millis(300), opened);
    assert!(opened.await.is_err());
    let left = timeout(CLOSING * 5, server).await;
    assert!(left.unwrap().unwrap());
}

#[tokio::test]
async fn the_next_address_is_tried_and_remembered() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (address, server) = endless().await;
    let (way, statement) = (way(), Statement::trial("mysql://127.0.0.1/x", "reader"));
    let (connection, opts) = connect(&way, &statement, &[closed, address]).await.ok().unwrap();
    assert_eq!(opts.tcp_port(), address.port());
    assert_eq!(opts.resolved_ips().as_deref(), Some([address.ip()].as_slice()));
    drop(connection);
    server.abort();
}
