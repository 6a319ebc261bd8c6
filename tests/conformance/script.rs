//! The examples, read: which statement, in which versions, what obeys it and what breaks it.

use mqttsniff::mqtt::Version;

/// An example of a statement.
pub(crate) struct Example {
    pub(crate) id: String,
    pub(crate) versions: Vec<Version>,
    /// The lines of both scripts.
    pub(crate) obeying: Vec<String>,
    pub(crate) breaking: Vec<String>,
}

/// Where they stand: what one packet shows, a connection, and several connections.
const FILES: [&str; 3] = ["packet", "connection", "several"];

/// All examples.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut text = String::new();
    for name in FILES {
        let path = format!("{}/src/check/conformance/examples/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        text.push_str(&std::fs::read_to_string(&path).expect(&path));
    }
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(head) = line.strip_prefix('[') {
            let (id, versions) = head.trim_end_matches(']').split_once(" in ").expect(line);
            let versions = versions.split(' ').map(version).collect();
            examples.push(Example { id: id.to_owned(), versions, obeying: Vec::new(), breaking: Vec::new() });
            continue;
        }
        let example = examples.last_mut().expect("an example begins with [ID in VERSION]");
        let (sign, rest) = line.split_at(1);
        let step = rest.trim().to_owned();
        match sign {
            "=" => {
                example.obeying.push(step.clone());
                example.breaking.push(step);
            }
            "+" => example.obeying.push(step),
            "-" => example.breaking.push(step),
            _ => panic!("{line}"),
        }
    }
    examples
}

fn version(name: &str) -> Version {
    match name {
        "3.1" => Version::V31,
        "3.1.1" => Version::V311,
        "5.0" => Version::V5,
        _ => panic!("there is no version {name}"),
    }
}
