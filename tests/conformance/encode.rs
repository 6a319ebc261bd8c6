//! Control packets from words: `PUBLISH topic=a qos=1 pid=1 payload=x topic_alias=3`.
//!
//! Each property has its name; those of the will begin with `will.`. `\xHH` stands for a byte. What shall be wrong is
//! said by `first` (the first byte), `flags`, `length` (the bytes of the remaining length), `cut` (bytes missing at the
//! end), `trail` (bytes too many at the end, in hex) and `bytes` (all of the body, in hex); `raw` is all of a packet.

use mqttsniff::mqtt::{PropertyId, PropertyKind, Version};

struct Words<'a>(Vec<(&'a str, &'a str)>);

impl Words<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(word, _)| *word == name).map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn number(&self, name: &str, otherwise: u32) -> u32 {
        self.get(name).map_or(otherwise, number)
    }

    fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.0.iter().filter(move |(word, _)| *word == name).map(|(_, value)| *value)
    }
}

fn number(text: &str) -> u32 {
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
    parsed.unwrap_or_else(|_| panic!("{text} is no number"))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect(text)).collect()
}

/// Text with `\xHH` for bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.extend(before.as_bytes());
        out.extend(hex(&after[..2]));
        rest = &after[2..];
    }
    out.extend(rest.as_bytes());
    out
}

fn text(value: &str) -> Vec<u8> {
    let bytes = bytes(value);
    [&(bytes.len() as u16).to_be_bytes(), bytes.as_slice()].concat()
}

fn variable(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let more = value > 0x7f;
        out.push(value as u8 & 0x7f | if more { 0x80 } else { 0 });
        value >>= 7;
        if !more {
            return out;
        }
    }
}

/// The properties among the words that have this prefix, behind their length.
fn properties(words: &Words<'_>, prefix: &str, version: Version) -> Vec<u8> {
    if version != Version::V5 {
        return Vec::new();
    }
    let mut block = Vec::new();
    for (word, value) in &words.0 {
        let Some(name) = word.strip_prefix(prefix).filter(|name| !prefix.is_empty() || !name.starts_with("will."))
        else {
            continue;
        };
        if name == "property" {
            block.extend(hex(value));
            continue;
        }
        let Some(id) = PropertyId::ALL.into_iter().find(|id| id.name() == name) else { continue };
        block.extend(variable(id.code()));
        match id.kind() {
            PropertyKind::Byte => block.push(number(value) as u8),
            PropertyKind::TwoByteInteger => block.extend((number(value) as u16).to_be_bytes()),
            PropertyKind::FourByteInteger => block.extend(number(value).to_be_bytes()),
            PropertyKind::VariableInteger => block.extend(variable(number(value))),
            PropertyKind::Text | PropertyKind::Binary => block.extend(text(value)),
            PropertyKind::Pair => {
                let (name, value) = value.split_once(':').expect("name:value");
                block.extend(text(name));
                block.extend(text(value));
            }
        }
    }
    let length = match words.get(&format!("{prefix}properties_length")) {
        Some("none") => return Vec::new(),
        Some(bytes) => hex(bytes),
        None => variable(block.len() as u32),
    };
    [length, block].concat()
}

/// The bytes of a packet.
pub(crate) fn packet(line: &str, version: Version) -> Vec<u8> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next().expect("a packet");
    let words = Words(words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect());
    if name == "raw" {
        return hex(words.0.first().expect("bytes").0);
    }
    let id = || (words.number("pid", 1) as u16).to_be_bytes().to_vec();
    let props = || properties(&words, "", version);
    let codes =
        || words.get("codes").map_or(Vec::new(), |codes| codes.split(',').map(|code| number(code) as u8).collect());
    let is_5 = version == Version::V5;
    // A code, and properties where there are any, as 5.0 has them behind acknowledgements.
    let with_code = |mut body: Vec<u8>| {
        let block = props();
        if is_5 && (words.has("code") || block.len() > 1) {
            body.push(words.number("code", 0) as u8);
            if block.len() > 1 || words.has("properties_length") || name == "AUTH" {
                body.extend(block);
            }
        }
        body
    };
    let (first, body) = match name {
        "CONNECT" => (0x10, connect(&words, version)),
        "CONNACK" => {
            let flags = words.number("flags", u32::from(words.has("present"))) as u8;
            (0x20, [vec![flags, words.number("code", 0) as u8], props()].concat())
        }
        "PUBLISH" => {
            let qos = words.number("qos", 0);
            let first = 0x30 | u8::from(words.has("dup")) << 3 | (qos as u8) << 1 | u8::from(words.has("retain"));
            let id = if qos > 0 { id() } else { Vec::new() };
            let payload = bytes(words.get("payload").unwrap_or_default());
            (first, [text(words.get("topic").unwrap_or_default()), id, props(), payload].concat())
        }
        "PUBACK" => (0x40, with_code(id())),
        "PUBREC" => (0x50, with_code(id())),
        "PUBREL" => (0x62, with_code(id())),
        "PUBCOMP" => (0x70, with_code(id())),
        "SUBSCRIBE" => {
            let filters = words.all("filter").flat_map(|filter| {
                let (filter, options) = filter.rsplit_once(':').expect("filter:options");
                [text(filter), vec![number(options) as u8]].concat()
            });
            (0x82, [id(), props(), filters.collect()].concat())
        }
        "SUBACK" => (0x90, [id(), props(), codes()].concat()),
        "UNSUBSCRIBE" => (0xa2, [id(), props(), words.all("filter").flat_map(text).collect()].concat()),
        "UNSUBACK" => (0xb0, [id(), props(), if is_5 { codes() } else { Vec::new() }].concat()),
        "PINGREQ" => (0xc0, Vec::new()),
        "PINGRESP" => (0xd0, Vec::new()),
        "DISCONNECT" => (0xe0, with_code(Vec::new())),
        "AUTH" => (0xf0, with_code(Vec::new())),
        _ => panic!("there is no packet {name}"),
    };
    let mut body = words.get("bytes").map_or(body, hex);
    body.truncate(body.len() - words.number("cut", 0) as usize);
    body.extend(words.get("trail").map(hex).unwrap_or_default());
    let length = words.get("length").map_or_else(|| variable(body.len() as u32), hex);
    [vec![words.number("first", first.into()) as u8], length, body].concat()
}

fn connect(words: &Words<'_>, version: Version) -> Vec<u8> {
    let (name, level) = match version {
        Version::V31 => ("MQIsdp", 3),
        Version::V311 => ("MQTT", 4),
        Version::V5 => ("MQTT", 5),
    };
    let will = words.get("will").map(|will| will.split_once(':').expect("topic:payload"));
    let bit = |set: bool, at: u8| u8::from(set) << at;
    let flags = bit(words.has("clean"), 1)
        | bit(will.is_some(), 2)
        | (words.number("willqos", 0) as u8) << 3
        | bit(words.has("willretain"), 5)
        | bit(words.has("password"), 6)
        | bit(words.has("user"), 7);
    let mut body = text(words.get("name").unwrap_or(name));
    body.push(words.number("level", level) as u8);
    body.push(words.number("flags", u32::from(flags)) as u8);
    body.extend((words.number("keep", 0) as u16).to_be_bytes());
    body.extend(properties(words, "", version));
    body.extend(text(words.get("id").unwrap_or_default()));
    if let Some((topic, payload)) = will {
        body.extend(properties(words, "will.", version));
        body.extend(text(topic));
        body.extend(text(payload));
    }
    body.extend(words.get("user").map(text).unwrap_or_default());
    body.extend(words.get("password").map(text).unwrap_or_default());
    body
}
