//! Datagrams of the protocols around MQTT, one by one, between any ports.

use mqttsniff::neighbour::{Datagram, Neighbour, Reading, Transfer, Value, read_datagram, read_datagram_of};
use mqttsniff::text::Escaped;

use crate::people::see;
use crate::script::Script;

const PORTS: [u16; 16] = [53, 67, 68, 69, 123, 137, 161, 514, 1900, 4011, 5353, 5355, 5683, 7000, 40_000, 50_000];

/// A line has an end, and a message so many values.
const LONGEST_LINE: usize = 4096;

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut transfer: Option<Transfer> = None;
    let mut frame = 0;
    while !script.is_over() {
        frame += 1;
        let ports = (script.pick(&PORTS), script.pick(&PORTS));
        let (length, more) = (script.word(), script.byte());
        let data = script.bytes(length.into());
        // Cut by the snap length, at times.
        let behind = if more < 200 { 0 } else { u32::from(more - 199) * 20 };
        let datagram = Datagram { ports, bytes: data, length: data.len() as u32 + behind };
        let plain = read_datagram(&datagram);
        assert_eq!(plain, read_datagram(&datagram), "the same bytes read the same");
        plain.iter().for_each(|reading| check(reading, data.len()));
        for protocol in Neighbour::ALL {
            read_datagram_of(protocol, &datagram).iter().for_each(|reading| check(reading, data.len()));
        }
        if let Some(transfer) = &mut transfer {
            transfer.read(&datagram).iter().for_each(|reading| check(reading, data.len()));
        }
        transfer = Transfer::asked(&datagram, frame).or(transfer);
    }
}

fn check(reading: &Reading, length: usize) {
    assert!(reading.info.len() <= LONGEST_LINE, "{}", reading.info.len());
    see(Escaped(reading.info.as_bytes()).to_string().as_bytes());
    assert!(reading.values.len() <= Reading::MOST_VALUES + 300, "{}", reading.values.len());
    assert_eq!(reading.values.first(), Some(&(reading.protocol.name(), Value::Present)));
    for (name, value) in &reading.values {
        if let Value::Text(bytes) | Value::Bytes(bytes) = value {
            assert!(bytes.len() <= length.max(LONGEST_LINE), "{name}: {}", bytes.len());
        }
    }
    let redacted = reading.clone().redacted();
    assert!(redacted.info.is_empty() && redacted.values.len() == 1);
}
