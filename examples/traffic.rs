//! Writes a capture of any size with generated MQTT traffic, for measuring.
//!
//! ```text
//! cargo run --release --example traffic -- --packets 1000000 --flows 2000 --seed 11 big.pcap
//! ```
//!
//! `-` is standard output. `--loss`, `--retransmission`, `--reordering` and `--duplicates` are per mille of the segments
//! with payload. The same options give the same bytes.
//!
//! `--attack NAME` writes hostile traffic instead, of about as many packets that are `--step` microseconds apart (10);
//! `--attack list` tells what there is.

#[path = "../tests/common/attack/mod.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod attack;
#[path = "../tests/common/craft.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod craft;
#[path = "../tests/common/packets.rs"]
mod packets;
#[path = "../tests/common/pcap.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod pcap;
#[path = "../tests/common/traffic.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod traffic;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use traffic::Traffic;

const USAGE: &str = "usage: traffic [--packets N] [--flows N] [--seed N] [--loss N] [--retransmission N] \
                     [--reordering N] [--duplicates N] [--attack NAME [--step N]] FILE";

fn main() -> io::Result<()> {
    let mut traffic = Traffic::default();
    let mut name = None;
    let (mut attack, mut step) = (None, 10);
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
            "--step" => &mut step,
            "--attack" => {
                attack = Some(arguments.next().ok_or_else(|| io::Error::other(USAGE))?);
                continue;
            }
            _ if name.is_none() && !argument.starts_with("--") => {
                name = Some(argument);
                continue;
            }
            _ => return Err(io::Error::other(USAGE)),
        };
        *number = arguments.next().and_then(|value| value.parse().ok()).ok_or_else(|| io::Error::other(USAGE))?;
    }
    if attack.as_deref() == Some("list") {
        for attack::Attack { name, what, .. } in attack::ATTACKS {
            println!("{name:22} {what}");
        }
        return Ok(());
    }
    let out: Box<dyn Write> = match name.as_deref() {
        None => return Err(io::Error::other(USAGE)),
        Some("-") => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create(path)?),
    };
    let mut out = BufWriter::with_capacity(1 << 18, out);
    if let Some(name) = attack {
        let known = attack::ATTACKS.iter().find(|known| known.name == name);
        let known = known.ok_or_else(|| io::Error::other("no such attack; --attack list names them"))?;
        let written = attack::write(known, traffic.packets, step, &mut out)?;
        out.flush()?;
        eprintln!("{written} packets");
        return Ok(());
    }
    let written = traffic.write(&mut out)?;
    out.flush()?;
    eprintln!("{} packets, {} connections, {} MQTT packets", written.packets, written.connections, written.messages);
    Ok(())
}
