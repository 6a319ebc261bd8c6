//! Writes a capture of any size with generated MQTT traffic, for measuring.
//!
//! ```text
//! cargo run --release --example traffic -- --packets 1000000 --flows 2000 --seed 11 big.pcap
//! ```
//!
//! `-` is standard output. `--loss`, `--retransmission`, `--reordering` and `--duplicates` are per mille of the segments
//! with payload. The same options give the same bytes.

#[path = "../tests/common/packets.rs"]
mod packets;
#[path = "../tests/common/traffic.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod traffic;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use traffic::Traffic;

const USAGE: &str = "usage: traffic [--packets N] [--flows N] [--seed N] [--loss N] [--retransmission N] \
                     [--reordering N] [--duplicates N] FILE";

fn main() -> io::Result<()> {
    let mut traffic = Traffic::default();
    let mut name = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = match argument.as_str() {
            "--packets" => &mut traffic.packets,
            "--flows" => &mut traffic.connections,
            "--seed" => &mut traffic.seed,
            "--loss" => &mut traffic.loss,
            "--retransmission" => &mut traffic.retransmission,
            "--reordering" => &mut traffic.reordering,
            "--duplicates" => &mut traffic.duplicates,
            _ if name.is_none() && !argument.starts_with("--") => {
                name = Some(argument);
                continue;
            }
            _ => return Err(io::Error::other(USAGE)),
        };
        *number = arguments.next().and_then(|value| value.parse().ok()).ok_or_else(|| io::Error::other(USAGE))?;
    }
    let out: Box<dyn Write> = match name.as_deref() {
        None => return Err(io::Error::other(USAGE)),
        Some("-") => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create(path)?),
    };
    let mut out = BufWriter::with_capacity(1 << 18, out);
    let written = traffic.write(&mut out)?;
    out.flush()?;
    eprintln!("{} packets, {} connections, {} MQTT packets", written.packets, written.connections, written.messages);
    Ok(())
}
