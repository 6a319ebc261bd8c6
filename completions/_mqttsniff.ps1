
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mqttsniff' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mqttsniff'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mqttsniff' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('read', 'read', [CompletionResultType]::ParameterValue, 'Read capture files')
            [CompletionResult]::new('capture', 'capture', [CompletionResultType]::ParameterValue, 'Capture from network interfaces')
            [CompletionResult]::new('flow', 'flow', [CompletionResultType]::ParameterValue, 'Show one connection frame by frame, or as a plot')
            [CompletionResult]::new('follow', 'follow', [CompletionResultType]::ParameterValue, 'Show what both ends of one connection said')
            [CompletionResult]::new('redact', 'redact', [CompletionResultType]::ParameterValue, 'Write a capture that can be shared')
            [CompletionResult]::new('embed-keys', 'embed-keys', [CompletionResultType]::ParameterValue, 'Put the keys of TLS connections into a capture')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show what captures add up to')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check recorded traffic, for CI')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a statement of the MQTT specifications, or a finding')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Compare two captures by what the clients in them do')
            [CompletionResult]::new('fields', 'fields', [CompletionResultType]::ParameterValue, 'List the fields that filters and columns may name')
            [CompletionResult]::new('interfaces', 'interfaces', [CompletionResultType]::ParameterValue, 'List the network interfaces that can be captured from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the output of --json')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print shell completions')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mqttsniff;read' {
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through')
            [CompletionResult]::new('--rotate-size', '--rotate-size', [CompletionResultType]::ParameterName, 'Begin another file before this one gets larger: 100MB, 1GiB')
            [CompletionResult]::new('--rotate-time', '--rotate-time', [CompletionResultType]::ParameterName, 'Begin another file at each multiple of this time: 15m, 1h, 1d')
            [CompletionResult]::new('--rotate-frames', '--rotate-frames', [CompletionResultType]::ParameterName, 'Begin another file after so many frames')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Keep at most so many files of this run, the oldest is removed')
            [CompletionResult]::new('--after-file', '--after-file', [CompletionResultType]::ParameterName, 'Run a command for each file that is complete: ''gzip -9''')
            [CompletionResult]::new('-Y', '-Y ', [CompletionResultType]::ParameterName, 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8''')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8''')
            [CompletionResult]::new('--fields', '--fields', [CompletionResultType]::ParameterName, 'Print these fields of each frame: frame.number,ip.src,mqtt.topic')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic')
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'What separates the values of --fields [default: a tab]')
            [CompletionResult]::new('--aggregator', '--aggregator', [CompletionResultType]::ParameterName, 'What separates several values of one field [default: a comma]')
            [CompletionResult]::new('--occurrence', '--occurrence', [CompletionResultType]::ParameterName, 'Which of several values of a field to print [default: all]')
            [CompletionResult]::new('--quote', '--quote', [CompletionResultType]::ParameterName, 'What stands around each value [default: nothing]')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--wireshark-rules', '--wireshark-rules', [CompletionResultType]::ParameterName, 'By which rules to tell what Wireshark says of each TCP segment')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--cap', '--cap', [CompletionResultType]::ParameterName, 'Hold at most so much of something: flows=100000')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Stop following after this time: 30s, 10m, 2h')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'Stop following when nothing was written for this time')
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'What to show, separated by commas')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'As what to show the payloads of messages')
            [CompletionResult]::new('--payload-bytes', '--payload-bytes', [CompletionResultType]::ParameterName, 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write what is shown')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most so many rows of each view')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'How tables show times; --json always has both date and time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json-to', '--json-to', [CompletionResultType]::ParameterName, 'Write JSON Lines there as well: a file, unix:PATH or syslog')
            [CompletionResult]::new('--json-show', '--json-show', [CompletionResultType]::ParameterName, 'What goes to --json-to, separated by commas')
            [CompletionResult]::new('--json-rotate-size', '--json-rotate-size', [CompletionResultType]::ParameterName, 'Begin another file of --json-to before this one gets larger: 100MB')
            [CompletionResult]::new('--json-rotate-time', '--json-rotate-time', [CompletionResultType]::ParameterName, 'Begin another file of --json-to at each multiple of this time: 1h, 1d')
            [CompletionResult]::new('--json-keep', '--json-keep', [CompletionResultType]::ParameterName, 'Keep at most so many files of each --json-to, the oldest is removed')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Begin with a line of the fields'' names')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Read on while the capture is being written')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('--detail', '--detail', [CompletionResultType]::ParameterName, 'Show all fields of each message, and where their bytes stand')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;capture' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Capture only what this filter lets through: ''tcp port 1883''')
            [CompletionResult]::new('--capture-filter', '--capture-filter', [CompletionResultType]::ParameterName, 'Capture only what this filter lets through: ''tcp port 1883''')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Keep at most this many bytes of each frame [default: all]')
            [CompletionResult]::new('--snaplen', '--snaplen', [CompletionResultType]::ParameterName, 'Keep at most this many bytes of each frame [default: all]')
            [CompletionResult]::new('--buffer', '--buffer', [CompletionResultType]::ParameterName, 'The kernel''s buffer for each interface, in MiB')
            [CompletionResult]::new('--backlog', '--backlog', [CompletionResultType]::ParameterName, 'How much may wait for the analysis, in MiB')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Stop after this many frames')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after this many frames')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Stop after this time: 30s, 10m, 2h')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Stop after this time: 30s, 10m, 2h')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through')
            [CompletionResult]::new('--rotate-size', '--rotate-size', [CompletionResultType]::ParameterName, 'Begin another file before this one gets larger: 100MB, 1GiB')
            [CompletionResult]::new('--rotate-time', '--rotate-time', [CompletionResultType]::ParameterName, 'Begin another file at each multiple of this time: 15m, 1h, 1d')
            [CompletionResult]::new('--rotate-frames', '--rotate-frames', [CompletionResultType]::ParameterName, 'Begin another file after so many frames')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Keep at most so many files of this run, the oldest is removed')
            [CompletionResult]::new('--after-file', '--after-file', [CompletionResultType]::ParameterName, 'Run a command for each file that is complete: ''gzip -9''')
            [CompletionResult]::new('-Y', '-Y ', [CompletionResultType]::ParameterName, 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8''')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8''')
            [CompletionResult]::new('--fields', '--fields', [CompletionResultType]::ParameterName, 'Print these fields of each frame: frame.number,ip.src,mqtt.topic')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic')
            [CompletionResult]::new('--separator', '--separator', [CompletionResultType]::ParameterName, 'What separates the values of --fields [default: a tab]')
            [CompletionResult]::new('--aggregator', '--aggregator', [CompletionResultType]::ParameterName, 'What separates several values of one field [default: a comma]')
            [CompletionResult]::new('--occurrence', '--occurrence', [CompletionResultType]::ParameterName, 'Which of several values of a field to print [default: all]')
            [CompletionResult]::new('--quote', '--quote', [CompletionResultType]::ParameterName, 'What stands around each value [default: nothing]')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--wireshark-rules', '--wireshark-rules', [CompletionResultType]::ParameterName, 'By which rules to tell what Wireshark says of each TCP segment')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--cap', '--cap', [CompletionResultType]::ParameterName, 'Hold at most so much of something: flows=100000')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Tell every so often what happened: 10s, 1m')
            [CompletionResult]::new('--live', '--live', [CompletionResultType]::ParameterName, 'Show a table that is drawn anew each second, as top does')
            [CompletionResult]::new('--metrics', '--metrics', [CompletionResultType]::ParameterName, 'Serve metrics for Prometheus at this address: 127.0.0.1:9464')
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'What to show, separated by commas')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'As what to show the payloads of messages')
            [CompletionResult]::new('--payload-bytes', '--payload-bytes', [CompletionResultType]::ParameterName, 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write what is shown')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most so many rows of each view')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'How tables show times; --json always has both date and time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json-to', '--json-to', [CompletionResultType]::ParameterName, 'Write JSON Lines there as well: a file, unix:PATH or syslog')
            [CompletionResult]::new('--json-show', '--json-show', [CompletionResultType]::ParameterName, 'What goes to --json-to, separated by commas')
            [CompletionResult]::new('--json-rotate-size', '--json-rotate-size', [CompletionResultType]::ParameterName, 'Begin another file of --json-to before this one gets larger: 100MB')
            [CompletionResult]::new('--json-rotate-time', '--json-rotate-time', [CompletionResultType]::ParameterName, 'Begin another file of --json-to at each multiple of this time: 1h, 1d')
            [CompletionResult]::new('--json-keep', '--json-keep', [CompletionResultType]::ParameterName, 'Keep at most so many files of each --json-to, the oldest is removed')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Also capture frames that are for other machines')
            [CompletionResult]::new('--promiscuous', '--promiscuous', [CompletionResultType]::ParameterName, 'Also capture frames that are for other machines')
            [CompletionResult]::new('--write-all', '--write-all', [CompletionResultType]::ParameterName, 'Save all frames, though --filter shows only some of them')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Begin with a line of the fields'' names')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('--detail', '--detail', [CompletionResultType]::ParameterName, 'Show all fields of each message, and where their bytes stand')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;flow' {
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'The flow, by its number in Wireshark (tcp.stream)')
            [CompletionResult]::new('--udp-stream', '--udp-stream', [CompletionResultType]::ParameterName, 'The UDP conversation, by its number in Wireshark (udp.stream)')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'The flow of an MQTT or MQTT-SN client, by its client identifier')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--frames', '--frames', [CompletionResultType]::ParameterName, 'Show only these frames: 10-20, 10-, -20')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most so many frames')
            [CompletionResult]::new('--plot', '--plot', [CompletionResultType]::ParameterName, 'Draw a graph instead of the ladder')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Plot what this end sends [default: whoever sent more]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the plot as SVG, to standard output with -')
            [CompletionResult]::new('--height', '--height', [CompletionResultType]::ParameterName, 'Lines of a plot in the terminal, 10 to 200 [default: all it has, else 24]')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--wireshark-rules', '--wireshark-rules', [CompletionResultType]::ParameterName, 'By which rules to tell what Wireshark says of each TCP segment')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Show times of the clock (UTC) or seconds since the flow''s first frame')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;follow' {
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'The flow, by its number in Wireshark (tcp.stream)')
            [CompletionResult]::new('--udp-stream', '--udp-stream', [CompletionResultType]::ParameterName, 'The UDP conversation, by its number in Wireshark (udp.stream)')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'The flow of an MQTT or MQTT-SN client, by its client identifier')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'How to show what was said [default: messages of MQTT, MQTT-SN and datagrams that are read, else text]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Show only what this end sends')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Show times of the clock (UTC) or seconds since the flow''s first frame')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;redact' {
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret: the same in every run')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--keep-topics', '--keep-topics', [CompletionResultType]::ParameterName, 'Leave topics and topic filters as they are')
            [CompletionResult]::new('--keep-addresses', '--keep-addresses', [CompletionResultType]::ParameterName, 'Leave hardware and IP addresses as they are')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;embed-keys' {
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'The key log (SSLKEYLOGFILE) that has its keys')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write (.pcapng)')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write (.pcapng)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;stats' {
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'What to show, separated by commas [default: all]')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'Add traffic over time up over this interval: 100ms, 1s, 1m')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most so many rows of each [default: 50 in tables, all with --json]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;check' {
            [CompletionResult]::new('-Y', '-Y ', [CompletionResultType]::ParameterName, 'Count only findings on flows of which this display filter chooses a frame')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Count only findings on flows of which this display filter chooses a frame')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Fail if a finding is as bad as this, or worse')
            [CompletionResult]::new('--rule', '--rule', [CompletionResultType]::ParameterName, 'Turn a rule off, or say how bad it is: mqtt.keep-alive-exceeded=error')
            [CompletionResult]::new('--assert', '--assert', [CompletionResultType]::ParameterName, 'Rules of your own: a TOML file of assertions')
            [CompletionResult]::new('--threshold', '--threshold', [CompletionResultType]::ParameterName, 'Set a limit of a built-in rule: keepalive_long_s=3600')
            [CompletionResult]::new('--min-certainty', '--min-certainty', [CompletionResultType]::ParameterName, 'How sure a finding must be to count')
            [CompletionResult]::new('--baseline', '--baseline', [CompletionResultType]::ParameterName, 'Fail only on findings that this file does not know')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'What to print: text for people, or JSON Lines')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Also write a report to a file: junit=out.xml')
            [CompletionResult]::new('--max-findings', '--max-findings', [CompletionResultType]::ParameterName, 'Tell at most so many findings of a capture one by one; all are counted')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--cap', '--cap', [CompletionResultType]::ParameterName, 'Hold at most so much of something: flows=100000')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Name addresses by what was captured, or not at all')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--merge', '--merge', [CompletionResultType]::ParameterName, 'Read the files in the order of time, as one capture')
            [CompletionResult]::new('--update-baseline', '--update-baseline', [CompletionResultType]::ParameterName, 'Write all that is found to the file of --baseline, and call it known')
            [CompletionResult]::new('--coverage', '--coverage', [CompletionResultType]::ParameterName, 'Tell how each statement of the MQTT specifications stands: passed, failed, not exercised, not provable')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;diff' {
            [CompletionResult]::new('--tolerance', '--tolerance', [CompletionResultType]::ParameterName, 'How many times as much latency, and as many retransmissions, resets and zero windows, are still the same')
            [CompletionResult]::new('--rename', '--rename', [CompletionResultType]::ParameterName, 'Replace a text in topics, topic filters and client identifiers of both: run-17=run-18')
            [CompletionResult]::new('--ignore', '--ignore', [CompletionResultType]::ParameterName, 'What not to compare, separated by commas')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Share the work among this many threads [default: as many as there are cores, at most 3]')
            [CompletionResult]::new('--cap', '--cap', [CompletionResultType]::ParameterName, 'Hold at most so much of something: flows=100000')
            [CompletionResult]::new('--decode-as', '--decode-as', [CompletionResultType]::ParameterName, 'Read a port as this protocol, whatever it looks like: 1884=mqtt')
            [CompletionResult]::new('--keylog', '--keylog', [CompletionResultType]::ParameterName, 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)')
            [CompletionResult]::new('--mqtt-version', '--mqtt-version', [CompletionResultType]::ParameterName, 'The MQTT version where no CONNECT was captured')
            [CompletionResult]::new('--sn-topic', '--sn-topic', [CompletionResultType]::ParameterName, 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature')
            [CompletionResult]::new('--redact-key', '--redact-key', [CompletionResultType]::ParameterName, 'Make the tokens with this secret, the same in every run; implies --redact')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user to become, where root runs it [default: who called sudo, else nobody]')
            [CompletionResult]::new('--cage', '--cage', [CompletionResultType]::ParameterName, 'Whether to confine the program to what it needs')
            [CompletionResult]::new('--payloads', '--payloads', [CompletionResultType]::ParameterName, 'Compare the payloads of messages as well')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON Lines: one object a line')
            [CompletionResult]::new('--ignore-checksums', '--ignore-checksums', [CompletionResultType]::ParameterName, 'Also read TCP segments whose checksum is wrong')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Show tokens in place of client identifiers, user names, topics and payloads')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;fields' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;interfaces' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object for each interface')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mqttsniff;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mqttsniff;help' {
            [CompletionResult]::new('read', 'read', [CompletionResultType]::ParameterValue, 'Read capture files')
            [CompletionResult]::new('capture', 'capture', [CompletionResultType]::ParameterValue, 'Capture from network interfaces')
            [CompletionResult]::new('flow', 'flow', [CompletionResultType]::ParameterValue, 'Show one connection frame by frame, or as a plot')
            [CompletionResult]::new('follow', 'follow', [CompletionResultType]::ParameterValue, 'Show what both ends of one connection said')
            [CompletionResult]::new('redact', 'redact', [CompletionResultType]::ParameterValue, 'Write a capture that can be shared')
            [CompletionResult]::new('embed-keys', 'embed-keys', [CompletionResultType]::ParameterValue, 'Put the keys of TLS connections into a capture')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show what captures add up to')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check recorded traffic, for CI')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a statement of the MQTT specifications, or a finding')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Compare two captures by what the clients in them do')
            [CompletionResult]::new('fields', 'fields', [CompletionResultType]::ParameterValue, 'List the fields that filters and columns may name')
            [CompletionResult]::new('interfaces', 'interfaces', [CompletionResultType]::ParameterValue, 'List the network interfaces that can be captured from')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of the output of --json')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print shell completions')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mqttsniff;help;read' {
            break
        }
        'mqttsniff;help;capture' {
            break
        }
        'mqttsniff;help;flow' {
            break
        }
        'mqttsniff;help;follow' {
            break
        }
        'mqttsniff;help;redact' {
            break
        }
        'mqttsniff;help;embed-keys' {
            break
        }
        'mqttsniff;help;stats' {
            break
        }
        'mqttsniff;help;check' {
            break
        }
        'mqttsniff;help;explain' {
            break
        }
        'mqttsniff;help;diff' {
            break
        }
        'mqttsniff;help;fields' {
            break
        }
        'mqttsniff;help;interfaces' {
            break
        }
        'mqttsniff;help;schema' {
            break
        }
        'mqttsniff;help;completions' {
            break
        }
        'mqttsniff;help;man' {
            break
        }
        'mqttsniff;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
