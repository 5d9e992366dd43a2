//! The bodies that faults send.

use axum::body::Bytes;
use futures_util::stream;
use serde_json::Value;
use std::convert::Infallible;

pub(super) const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\" action=\"/login\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>";

/// Returns lists in lists, this many levels deep.
pub(super) fn deep(levels: usize) -> String {
    let mut text = "[".repeat(levels);
    text.push_str(&"]".repeat(levels));
    text
}

/// Streams a JSON object with one string, this many bytes in all.
pub(super) fn huge(bytes: u64) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    const BLOCK: u64 = 64 * 1024;
    let filler = bytes.saturating_sub(12);
    let block = Bytes::from(vec![b'x'; 64 * 1024]);
    let blocks = (0..filler.div_ceil(BLOCK)).map(move |place| {
        let left = filler - place * BLOCK;
        let size = usize::try_from(left.min(BLOCK)).unwrap_or(0);
        Ok(block.slice(..size))
    });
    let head = std::iter::once(Ok(Bytes::from_static(b"{\"value\":\"")));
    stream::iter(
        head.chain(blocks)
            .chain(std::iter::once(Ok(Bytes::from_static(b"\"}")))),
    )
}

/// Replaces every text by a number, every number by a text and every yes/no by a text.
pub(super) fn wrong_types(body: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    swap(&mut value);
    serde_json::to_vec(&value).unwrap_or_default()
}

fn swap(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Bool(_) => *value = Value::from("maybe"),
        Value::Number(_) => *value = Value::from("not a number"),
        Value::String(_) => *value = Value::from(7),
        Value::Array(values) => values.iter_mut().for_each(swap),
        Value::Object(members) => members.values_mut().for_each(swap),
    }
}

/// Packs zeros as gzip by hand: one literal zero, then copies of 258 bytes at distance one, in a
/// block with the fixed codes of RFC 1951. About 160 bytes of zeros for each byte sent.
pub(super) fn gzip_of_zeros(bytes: u64) -> Vec<u8> {
    let bytes = bytes.max(1);
    let mut bits = Bits {
        out: gzip_head(),
        buffer: 0,
        count: 0,
    };
    bits.push(0b1, 1); // last block
    bits.push(0b01, 2); // fixed codes
    bits.code(0b0011_0000, 8);
    let copies = (bytes - 1) / 258;
    for _ in 0..copies {
        bits.code(0b1100_0101, 8); // length 258
        bits.code(0, 5); // distance 1
    }
    for _ in 0..(bytes - 1) % 258 {
        bits.code(0b0011_0000, 8);
    }
    bits.code(0, 7); // end of block
    let mut out = bits.finish();
    out.extend_from_slice(&crc_of_zeros(bytes).to_le_bytes());
    out.extend_from_slice(&u32::try_from(bytes % (1 << 32)).unwrap_or(0).to_le_bytes());
    out
}

fn gzip_head() -> Vec<u8> {
    vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
}

/// Wraps bytes as gzip without packing them (stored blocks), which every client can undo.
pub(crate) fn gzip_stored(content: &[u8]) -> Vec<u8> {
    let mut out = gzip_head();
    let mut blocks = content.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let sum = !content.iter().fold(u32::MAX, |sum, byte| crc_step(sum, *byte));
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(&u32::try_from(content.len() % (1 << 32)).unwrap_or(0).to_le_bytes());
    out
}

/// Bits are packed from the low end; Huffman codes enter with their high bit first.
struct Bits {
    out: Vec<u8>,
    buffer: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.buffer |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push((self.buffer & 0xff) as u8);
            self.buffer >>= 8;
            self.count -= 8;
        }
    }

    fn code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push((self.buffer & 0xff) as u8);
        }
        self.out
    }
}

fn crc_step(sum: u32, byte: u8) -> u32 {
    (0..8).fold(sum ^ u32::from(byte), |sum, _| {
        if sum & 1 == 1 {
            (sum >> 1) ^ 0xedb8_8320
        } else {
            sum >> 1
        }
    })
}

fn crc_of_zeros(bytes: u64) -> u32 {
    let table: Vec<u32> = (0..=255_u8).map(|byte| crc_step(0, byte)).collect();
    let mut sum = u32::MAX;
    for _ in 0..bytes {
        sum = table.get((sum & 0xff) as usize).copied().unwrap_or(0) ^ (sum >> 8);
    }
    !sum
}
