//! WebSocket as a sender makes it: heads, frames, masks, fragments and compression.

use flate2::{Compress, Compression, FlushCompress};

pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A request for the upgrade, with these lines besides those that it must have.
pub(crate) fn request(lines: &[&str]) -> Vec<u8> {
    let must = [
        "GET /mqtt HTTP/1.1",
        "Host: broker.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        &format!("Sec-WebSocket-Key: {KEY}"),
    ];
    head(&[&must, lines].concat())
}

/// The answer that grants it, likewise.
pub(crate) fn response(lines: &[&str]) -> Vec<u8> {
    let must = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        &format!("Sec-WebSocket-Accept: {ACCEPT}"),
    ];
    head(&[&must, lines].concat())
}

pub(crate) const PROTOCOL: &str = "Sec-WebSocket-Protocol: mqtt";

/// A head of these lines.
pub(crate) fn head(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"]).flatten().copied().chain(*b"\r\n").collect()
}

/// A frame that begins with this byte; masked if there is a key.
pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..0x1_0000 => {
            out.push(mask | 0x7e);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 0x7f);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key.iter().flatten());
    let at = out.len();
    out.extend(payload);
    for (byte, key) in out[at..].iter_mut().zip(key.iter().flatten().cycle()) {
        *byte ^= key;
    }
    out
}

/// A whole binary message of the client, and of the server.
pub(crate) fn client(payload: &[u8]) -> Vec<u8> {
    frame(0x82, Some([0x5a, 0, 0xff, 7]), payload)
}

pub(crate) fn server(payload: &[u8]) -> Vec<u8> {
    frame(0x82, None, payload)
}

/// Compresses the messages of one direction.
pub(crate) struct Deflater {
    state: Compress,
    keeps_window: bool,
}

impl Deflater {
    pub(crate) fn new(keeps_window: bool) -> Self {
        Self { state: Compress::new(Compression::default(), false), keeps_window }
    }

    /// A message, as its frames carry it.
    pub(crate) fn message(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() * 2 + 128);
        self.state.compress_vec(bytes, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        if !self.keeps_window {
            self.state.reset();
        }
        out
    }
}
