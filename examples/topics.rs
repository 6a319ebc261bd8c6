//! What was published to each topic of a capture: a source goes in, results come out.

use std::collections::BTreeMap;

use mqttsniff::{Analysis, Output};

fn main() {
    let file = std::env::args().nth(1).unwrap_or_else(|| "fixtures/mqtt5_qos.pcap".into());
    let mut analysis = Analysis::open(&[file]).expect("a capture file");
    let mut topics: BTreeMap<String, usize> = BTreeMap::new();
    let summary = analysis.run(&mut |output: &Output<'_>| {
        // With MQTT 5.0 the topic may be an alias: this is the one that it stands for.
        if let Output::Message(_, message) = output
            && let Some(topic) = message.topic
        {
            *topics.entry(String::from_utf8_lossy(topic).into_owned()).or_default() += 1;
        }
    });
    for (topic, messages) in &topics {
        println!("{messages:>6}  {topic}");
    }
    println!("{:>6}  MQTT control packets in all", summary.engine.messages);
}
