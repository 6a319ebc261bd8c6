//! The examples at the end of each command's help.

pub(super) const TOP_EXAMPLES: &str = "\
Examples:
  mqttsniff read trace.pcap                          who connected, what went wrong
  mqttsniff read trace.pcap --json | jq -c .topic    one JSON object a line
  mqttsniff capture eth0 --write trace.pcapng        the same, live
  mqttsniff flow trace.pcap 1                        one connection, segment by segment
  mqttsniff check trace.pcap                         exit status 1 if something is wrong

Exit status: 0 fine, 1 check or diff found something, 2 bad usage, unreadable or cut-short input, or a failed \
write.";

pub(super) const READ_EXAMPLES: &str = "\
Examples:
  mqttsniff read trace.pcap
  mqttsniff read --follow trace.pcap --show messages     while it is being written
  mqttsniff read ring-*.pcapng.gz --show messages,summary
  mqttsniff read trace.pcap --filter 'mqtt.topic contains \"x\"' --write x.pcapng
  ssh host tcpdump -w - tcp port 1883 | mqttsniff read - --json";

pub(super) const CAPTURE_EXAMPLES: &str = "\
Examples:
  mqttsniff capture eth0
  mqttsniff capture any --capture-filter 'tcp port 1883' --json
  mqttsniff capture eth0 wlan0 --write trace.pcapng --duration 10m
  mqttsniff capture eth0 --write %Y%m%d-%H%M%S.pcapng.zst --rotate-size 100MB --keep 20
  mqttsniff capture eth0 --json-to log.jsonl.gz --json-rotate-time 1d --json-to syslog
  mqttsniff capture eth0 --live=sessions
  mqttsniff capture eth0 --show findings --every 1m --metrics 127.0.0.1:9464";

pub(super) const FLOW_EXAMPLES: &str = "\
Examples:
  mqttsniff flow trace.pcap 1
  mqttsniff flow trace.pcap --client-id sensor-7 --frames 100-200
  mqttsniff flow trace.pcap 1 --plot sequence
  mqttsniff flow trace.pcap 1 --plot rtt --from server --output rtt.svg";

pub(super) const REDACT_EXAMPLES: &str = "\
Examples:
  mqttsniff redact trace.pcapng shareable.pcapng
  mqttsniff redact trace.pcap shareable.pcap --keep-topics
  mqttsniff redact monday.pcap m.pcap --redact-key 'a secret'    the same tokens in every file";

pub(super) const EMBED_EXAMPLES: &str = "\
Examples:
  mqttsniff embed-keys trace.pcap --keylog keys.log -o trace-with-keys.pcapng
  mqttsniff read trace-with-keys.pcapng";

pub(super) const FOLLOW_EXAMPLES: &str = "\
Examples:
  mqttsniff follow trace.pcap 1
  mqttsniff follow trace.pcap --client-id sensor-7 --from client
  mqttsniff follow trace.pcap 1 --as hex
  mqttsniff follow trace.pcap 1 --as raw --from server --output body.bin";

pub(super) const STATS_EXAMPLES: &str = "\
Examples:
  mqttsniff stats trace.pcap
  mqttsniff stats trace.pcap --show io --interval 100ms --json";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  mqttsniff check trace.pcap
  mqttsniff check trace.pcap --fail-on warning --rule 'tcp.*=off' --rule MQTT-3.1.2-23=note
  mqttsniff check *.pcapng --report junit=out.xml --report sarif=out.sarif
  mqttsniff check trace.pcap --baseline known.json --update-baseline    what is found is known now
  mqttsniff check trace.pcap --baseline known.json                      fail on what is new";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  mqttsniff explain MQTT-3.3.2-2
  mqttsniff explain mqtt.topic-wildcard";

pub(super) const FIELDS_EXAMPLES: &str = "\
Examples:
  mqttsniff fields
  mqttsniff fields alias";

pub(super) const INTERFACES_EXAMPLES: &str = "\
Examples:
  mqttsniff interfaces
  mqttsniff interfaces --json";

pub(super) const SCHEMA_EXAMPLES: &str = "\
Example:
  mqttsniff schema > mqttsniff.schema.json";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  mqttsniff completions bash > ~/.local/share/bash-completion/completions/mqttsniff
  mqttsniff completions fish > ~/.config/fish/completions/mqttsniff.fish";

pub(super) const MAN_EXAMPLES: &str = "\
Example:
  mqttsniff man | man -l -";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  mqttsniff diff before.pcap after.pcap
  mqttsniff diff before.pcap after.pcap --payloads --ignore latency,tcp --json";
