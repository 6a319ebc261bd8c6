//! The examples of the statements, as people read them.

/// An example of a statement: a conversation line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// What obeys the statement.
    pub obeying: Vec<&'static str>,
    /// What breaks it.
    pub breaking: Vec<&'static str>,
}

/// The example of a statement in a version, `3.1.1` say; nothing where there is none.
pub fn example(id: &str, version: &str) -> Option<Example> {
    let mut lines = TEXTS.iter().flat_map(|text| text.lines());
    lines.by_ref().find(|line| {
        let head = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
        let parts = head.and_then(|head| head.split_once(" in "));
        parts.is_some_and(|(name, versions)| name == id && versions.split(' ').any(|named| named == version))
    })?;
    let mut example = Example::default();
    for line in lines.take_while(|line| !line.is_empty() && !line.starts_with('[')) {
        let Some(step) = line.get(1..).map(str::trim) else { continue };
        match line.as_bytes().first() {
            Some(b'=') => {
                example.obeying.push(step);
                example.breaking.push(step);
            }
            Some(b'+') => example.obeying.push(step),
            Some(b'-') => example.breaking.push(step),
            _ => {}
        }
    }
    Some(example)
}

/// What one packet shows, a connection, and several connections.
const TEXTS: &[&str] = &[
    include_str!("examples/packet.txt"),
    include_str!("examples/connection.txt"),
    include_str!("examples/several.txt"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_found_by_name_and_version() {
        let found = example("MQTT-3.3.1-2", "5.0").unwrap();
        assert_eq!(found.obeying.len(), found.breaking.len());
        assert_eq!(found.obeying.first(), Some(&"connected"));
        assert!(found.breaking.last().is_some_and(|step| step.starts_with("> PUBLISH") && step.contains(" dup")));
        assert_eq!(example("MQTT-3.3.1-2", "3.1"), None);
    }
}
