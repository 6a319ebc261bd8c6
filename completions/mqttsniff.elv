
use builtin;
use str;

set edit:completion:arg-completer[mqttsniff] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mqttsniff'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mqttsniff'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand read 'Read capture files'
            cand capture 'Capture from network interfaces'
            cand flow 'Show one connection frame by frame, or as a plot'
            cand follow 'Show what both ends of one connection said'
            cand redact 'Write a capture that can be shared'
            cand embed-keys 'Put the keys of TLS connections into a capture'
            cand stats 'Show what captures add up to'
            cand check 'Check recorded traffic, for CI'
            cand explain 'Explain a statement of the MQTT specifications, or a finding'
            cand diff 'Compare two captures by what the clients in them do'
            cand fields 'List the fields that filters and columns may name'
            cand interfaces 'List the network interfaces that can be captured from'
            cand schema 'Print the JSON Schema of the output of --json'
            cand completions 'Print shell completions'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mqttsniff;read'= {
            cand -w 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through'
            cand --write 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through'
            cand --rotate-size 'Begin another file before this one gets larger: 100MB, 1GiB'
            cand --rotate-time 'Begin another file at each multiple of this time: 15m, 1h, 1d'
            cand --rotate-frames 'Begin another file after so many frames'
            cand --keep 'Keep at most so many files of this run, the oldest is removed'
            cand --after-file 'Run a command for each file that is complete: ''gzip -9'''
            cand -Y 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8'''
            cand --filter 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8'''
            cand --fields 'Print these fields of each frame: frame.number,ip.src,mqtt.topic'
            cand --columns 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic'
            cand --separator 'What separates the values of --fields [default: a tab]'
            cand --aggregator 'What separates several values of one field [default: a comma]'
            cand --occurrence 'Which of several values of a field to print [default: all]'
            cand --quote 'What stands around each value [default: nothing]'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --wireshark-rules 'By which rules to tell what Wireshark says of each TCP segment'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --cap 'Hold at most so much of something: flows=100000'
            cand -j 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --jobs 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --duration 'Stop following after this time: 30s, 10m, 2h'
            cand --idle 'Stop following when nothing was written for this time'
            cand --show 'What to show, separated by commas'
            cand --payload 'As what to show the payloads of messages'
            cand --payload-bytes 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]'
            cand --format 'How to write what is shown'
            cand --sort 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc'
            cand --limit 'Show at most so many rows of each view'
            cand --time 'How tables show times; --json always has both date and time'
            cand --color 'Use colours'
            cand --json-to 'Write JSON Lines there as well: a file, unix:PATH or syslog'
            cand --json-show 'What goes to --json-to, separated by commas'
            cand --json-rotate-size 'Begin another file of --json-to before this one gets larger: 100MB'
            cand --json-rotate-time 'Begin another file of --json-to at each multiple of this time: 1h, 1d'
            cand --json-keep 'Keep at most so many files of each --json-to, the oldest is removed'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --header 'Begin with a line of the fields'' names'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand --follow 'Read on while the capture is being written'
            cand --json 'Print JSON Lines: one object a line'
            cand --detail 'Show all fields of each message, and where their bytes stand'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;capture'= {
            cand -f 'Capture only what this filter lets through: ''tcp port 1883'''
            cand --capture-filter 'Capture only what this filter lets through: ''tcp port 1883'''
            cand -s 'Keep at most this many bytes of each frame [default: all]'
            cand --snaplen 'Keep at most this many bytes of each frame [default: all]'
            cand --buffer 'The kernel''s buffer for each interface, in MiB'
            cand --backlog 'How much may wait for the analysis, in MiB'
            cand -c 'Stop after this many frames'
            cand --count 'Stop after this many frames'
            cand -d 'Stop after this time: 30s, 10m, 2h'
            cand --duration 'Stop after this time: 30s, 10m, 2h'
            cand -w 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through'
            cand --write 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through'
            cand --rotate-size 'Begin another file before this one gets larger: 100MB, 1GiB'
            cand --rotate-time 'Begin another file at each multiple of this time: 15m, 1h, 1d'
            cand --rotate-frames 'Begin another file after so many frames'
            cand --keep 'Keep at most so many files of this run, the oldest is removed'
            cand --after-file 'Run a command for each file that is complete: ''gzip -9'''
            cand -Y 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8'''
            cand --filter 'Show only frames that satisfy this display filter: ''mqtt.qos > 0 and ip.addr == 10.0.0.0/8'''
            cand --fields 'Print these fields of each frame: frame.number,ip.src,mqtt.topic'
            cand --columns 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic'
            cand --separator 'What separates the values of --fields [default: a tab]'
            cand --aggregator 'What separates several values of one field [default: a comma]'
            cand --occurrence 'Which of several values of a field to print [default: all]'
            cand --quote 'What stands around each value [default: nothing]'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --wireshark-rules 'By which rules to tell what Wireshark says of each TCP segment'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --cap 'Hold at most so much of something: flows=100000'
            cand --every 'Tell every so often what happened: 10s, 1m'
            cand --live 'Show a table that is drawn anew each second, as top does'
            cand --metrics 'Serve metrics for Prometheus at this address: 127.0.0.1:9464'
            cand --show 'What to show, separated by commas'
            cand --payload 'As what to show the payloads of messages'
            cand --payload-bytes 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]'
            cand --format 'How to write what is shown'
            cand --sort 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc'
            cand --limit 'Show at most so many rows of each view'
            cand --time 'How tables show times; --json always has both date and time'
            cand --color 'Use colours'
            cand --json-to 'Write JSON Lines there as well: a file, unix:PATH or syslog'
            cand --json-show 'What goes to --json-to, separated by commas'
            cand --json-rotate-size 'Begin another file of --json-to before this one gets larger: 100MB'
            cand --json-rotate-time 'Begin another file of --json-to at each multiple of this time: 1h, 1d'
            cand --json-keep 'Keep at most so many files of each --json-to, the oldest is removed'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand -p 'Also capture frames that are for other machines'
            cand --promiscuous 'Also capture frames that are for other machines'
            cand --write-all 'Save all frames, though --filter shows only some of them'
            cand --header 'Begin with a line of the fields'' names'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand --json 'Print JSON Lines: one object a line'
            cand --detail 'Show all fields of each message, and where their bytes stand'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;flow'= {
            cand --stream 'The flow, by its number in Wireshark (tcp.stream)'
            cand --udp-stream 'The UDP conversation, by its number in Wireshark (udp.stream)'
            cand --client-id 'The flow of an MQTT or MQTT-SN client, by its client identifier'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --frames 'Show only these frames: 10-20, 10-, -20'
            cand --limit 'Show at most so many frames'
            cand --plot 'Draw a graph instead of the ladder'
            cand --from 'Plot what this end sends [default: whoever sent more]'
            cand --output 'Write the plot as SVG, to standard output with -'
            cand --height 'Lines of a plot in the terminal, 10 to 200 [default: all it has, else 24]'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --wireshark-rules 'By which rules to tell what Wireshark says of each TCP segment'
            cand --time 'Show times of the clock (UTC) or seconds since the flow''s first frame'
            cand --color 'Use colours'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand --json 'Print JSON Lines: one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;follow'= {
            cand --stream 'The flow, by its number in Wireshark (tcp.stream)'
            cand --udp-stream 'The UDP conversation, by its number in Wireshark (udp.stream)'
            cand --client-id 'The flow of an MQTT or MQTT-SN client, by its client identifier'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --as 'How to show what was said [default: messages of MQTT, MQTT-SN and datagrams that are read, else text]'
            cand --from 'Show only what this end sends'
            cand -o 'Write to a file'
            cand --output 'Write to a file'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --time 'Show times of the clock (UTC) or seconds since the flow''s first frame'
            cand --color 'Use colours'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --json 'Print JSON Lines: one object a line'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;redact'= {
            cand --redact-key 'Make the tokens with this secret: the same in every run'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --keep-topics 'Leave topics and topic filters as they are'
            cand --keep-addresses 'Leave hardware and IP addresses as they are'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;embed-keys'= {
            cand --keylog 'The key log (SSLKEYLOGFILE) that has its keys'
            cand -o 'The file to write (.pcapng)'
            cand --output 'The file to write (.pcapng)'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;stats'= {
            cand --show 'What to show, separated by commas [default: all]'
            cand --interval 'Add traffic over time up over this interval: 100ms, 1s, 1m'
            cand --limit 'Show at most so many rows of each [default: 50 in tables, all with --json]'
            cand --color 'Use colours'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --json 'Print JSON Lines: one object a line'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;check'= {
            cand -Y 'Count only findings on flows of which this display filter chooses a frame'
            cand --filter 'Count only findings on flows of which this display filter chooses a frame'
            cand --fail-on 'Fail if a finding is as bad as this, or worse'
            cand --rule 'Turn a rule off, or say how bad it is: mqtt.keep-alive-exceeded=error'
            cand --assert 'Rules of your own: a TOML file of assertions'
            cand --threshold 'Set a limit of a built-in rule: keepalive_long_s=3600'
            cand --min-certainty 'How sure a finding must be to count'
            cand --baseline 'Fail only on findings that this file does not know'
            cand --format 'What to print: text for people, or JSON Lines'
            cand --report 'Also write a report to a file: junit=out.xml'
            cand --max-findings 'Tell at most so many findings of a capture one by one; all are counted'
            cand --color 'Use colours'
            cand -j 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --jobs 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --cap 'Hold at most so much of something: flows=100000'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --resolve 'Name addresses by what was captured, or not at all'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --merge 'Read the files in the order of time, as one capture'
            cand --update-baseline 'Write all that is found to the file of --baseline, and call it known'
            cand --coverage 'Tell how each statement of the MQTT specifications stands: passed, failed, not exercised, not provable'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;explain'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;diff'= {
            cand --tolerance 'How many times as much latency, and as many retransmissions, resets and zero windows, are still the same'
            cand --rename 'Replace a text in topics, topic filters and client identifiers of both: run-17=run-18'
            cand --ignore 'What not to compare, separated by commas'
            cand --color 'Use colours'
            cand -j 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --jobs 'Share the work among this many threads [default: as many as there are cores, at most 3]'
            cand --cap 'Hold at most so much of something: flows=100000'
            cand --decode-as 'Read a port as this protocol, whatever it looks like: 1884=mqtt'
            cand --keylog 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)'
            cand --mqtt-version 'The MQTT version where no CONNECT was captured'
            cand --sn-topic 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature'
            cand --redact-key 'Make the tokens with this secret, the same in every run; implies --redact'
            cand --user 'The user to become, where root runs it [default: who called sudo, else nobody]'
            cand --cage 'Whether to confine the program to what it needs'
            cand --payloads 'Compare the payloads of messages as well'
            cand --json 'Print JSON Lines: one object a line'
            cand --ignore-checksums 'Also read TCP segments whose checksum is wrong'
            cand --redact 'Show tokens in place of client identifiers, user names, topics and payloads'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;fields'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;interfaces'= {
            cand --json 'Print one JSON object for each interface'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;schema'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;completions'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mqttsniff;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mqttsniff;help'= {
            cand read 'Read capture files'
            cand capture 'Capture from network interfaces'
            cand flow 'Show one connection frame by frame, or as a plot'
            cand follow 'Show what both ends of one connection said'
            cand redact 'Write a capture that can be shared'
            cand embed-keys 'Put the keys of TLS connections into a capture'
            cand stats 'Show what captures add up to'
            cand check 'Check recorded traffic, for CI'
            cand explain 'Explain a statement of the MQTT specifications, or a finding'
            cand diff 'Compare two captures by what the clients in them do'
            cand fields 'List the fields that filters and columns may name'
            cand interfaces 'List the network interfaces that can be captured from'
            cand schema 'Print the JSON Schema of the output of --json'
            cand completions 'Print shell completions'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mqttsniff;help;read'= {
        }
        &'mqttsniff;help;capture'= {
        }
        &'mqttsniff;help;flow'= {
        }
        &'mqttsniff;help;follow'= {
        }
        &'mqttsniff;help;redact'= {
        }
        &'mqttsniff;help;embed-keys'= {
        }
        &'mqttsniff;help;stats'= {
        }
        &'mqttsniff;help;check'= {
        }
        &'mqttsniff;help;explain'= {
        }
        &'mqttsniff;help;diff'= {
        }
        &'mqttsniff;help;fields'= {
        }
        &'mqttsniff;help;interfaces'= {
        }
        &'mqttsniff;help;schema'= {
        }
        &'mqttsniff;help;completions'= {
        }
        &'mqttsniff;help;man'= {
        }
        &'mqttsniff;help;help'= {
        }
    ]
    $completions[$command]
}
