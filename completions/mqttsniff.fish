# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mqttsniff_global_optspecs
    string join \n h/help V/version
end

function __fish_mqttsniff_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mqttsniff_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mqttsniff_using_subcommand
    set -l cmd (__fish_mqttsniff_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -s V -l version -d 'Print version'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "read" -d 'Read capture files'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "capture" -d 'Capture from network interfaces'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "flow" -d 'Show one connection frame by frame, or as a plot'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "follow" -d 'Show what both ends of one connection said'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "redact" -d 'Write a capture that can be shared'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "embed-keys" -d 'Put the keys of TLS connections into a capture'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "stats" -d 'Show what captures add up to'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "check" -d 'Check recorded traffic, for CI'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "explain" -d 'Explain a statement of the MQTT specifications, or a finding'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "diff" -d 'Compare two captures by what the clients in them do'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "fields" -d 'List the fields that filters and columns may name'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "interfaces" -d 'List the network interfaces that can be captured from'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "schema" -d 'Print the JSON Schema of the output of --json'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "completions" -d 'Print shell completions'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "man" -d 'Print the manual page'
complete -c mqttsniff -n "__fish_mqttsniff_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -s w -l write -d 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l rotate-size -d 'Begin another file before this one gets larger: 100MB, 1GiB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l rotate-time -d 'Begin another file at each multiple of this time: 15m, 1h, 1d' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l rotate-frames -d 'Begin another file after so many frames' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l keep -d 'Keep at most so many files of this run, the oldest is removed' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l after-file -d 'Run a command for each file that is complete: \'gzip -9\'' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -s Y -l filter -d 'Show only frames that satisfy this display filter: \'mqtt.qos > 0 and ip.addr == 10.0.0.0/8\'' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l fields -d 'Print these fields of each frame: frame.number,ip.src,mqtt.topic' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l columns -d 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l separator -d 'What separates the values of --fields [default: a tab]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l aggregator -d 'What separates several values of one field [default: a comma]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l occurrence -d 'Which of several values of a field to print [default: all]' -r -f -a "all\t'All, one behind the other'
first\t'The first'
last\t'The last'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l quote -d 'What stands around each value [default: nothing]' -r -f -a "none\t'Nothing'
double\t'Double quotes'
single\t'Single quotes'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l wireshark-rules -d 'By which rules to tell what Wireshark says of each TCP segment' -r -f -a "master\t'The development branch'
4.0\t'Release 4.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l cap -d 'Hold at most so much of something: flows=100000' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -s j -l jobs -d 'Share the work among this many threads [default: as many as there are cores, at most 3]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l duration -d 'Stop following after this time: 30s, 10m, 2h' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l idle -d 'Stop following when nothing was written for this time' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l show -d 'What to show, separated by commas' -r -f -a "packets\t'Every frame'
messages\t'Every MQTT message'
flows\t'TCP connections and UDP conversations'
sessions\t'MQTT sessions'
deliveries\t'The way of each MQTT message from hop to hop: acknowledgements, resends, publisher and receivers'
topics\t'What passed by topic: publishers, subscribers, counts, latency'
findings\t'What is wrong or worth knowing'
neighbours\t'Messages of the protocols around MQTT: names, addresses, clocks, pages'
summary\t'Totals and losses'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l payload -d 'As what to show the payloads of messages' -r -f -a "auto\t'As what it is: JSON, text, Sparkplug B or bytes'
text\t'As text, whatever it is'
json\t'As JSON, numbers and words as well'
hex\t'As hexadecimal digits'
base64\t'As base64'
none\t'Its length alone'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l payload-bytes -d 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l format -d 'How to write what is shown' -r -f -a "table\t'Lines and tables for people'
json\t'JSON Lines'
csv\t'Comma-separated values'
tsv\t'Values separated by tabs'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l sort -d 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l limit -d 'Show at most so many rows of each view' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l time -d 'How tables show times; --json always has both date and time' -r -f -a "relative\t'Seconds since the first frame, or the first of the flow (default when reading)'
clock\t'The time of day in UTC (default when capturing)'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json-to -d 'Write JSON Lines there as well: a file, unix:PATH or syslog' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json-show -d 'What goes to --json-to, separated by commas' -r -f -a "packets\t'Every frame'
messages\t'Every MQTT message'
flows\t'TCP connections and UDP conversations'
sessions\t'MQTT sessions'
deliveries\t'The way of each MQTT message from hop to hop: acknowledgements, resends, publisher and receivers'
topics\t'What passed by topic: publishers, subscribers, counts, latency'
findings\t'What is wrong or worth knowing'
neighbours\t'Messages of the protocols around MQTT: names, addresses, clocks, pages'
summary\t'Totals and losses'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json-rotate-size -d 'Begin another file of --json-to before this one gets larger: 100MB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json-rotate-time -d 'Begin another file of --json-to at each multiple of this time: 1h, 1d' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json-keep -d 'Keep at most so many files of each --json-to, the oldest is removed' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l header -d 'Begin with a line of the fields\' names'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l follow -d 'Read on while the capture is being written'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -l detail -d 'Show all fields of each message, and where their bytes stand'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s f -l capture-filter -d 'Capture only what this filter lets through: \'tcp port 1883\'' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s s -l snaplen -d 'Keep at most this many bytes of each frame [default: all]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l buffer -d 'The kernel\'s buffer for each interface, in MiB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l backlog -d 'How much may wait for the analysis, in MiB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s c -l count -d 'Stop after this many frames' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s d -l duration -d 'Stop after this time: 30s, 10m, 2h' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s w -l write -d 'Save the frames to a file (.pcap or .pcapng); with --filter those that it lets through' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l rotate-size -d 'Begin another file before this one gets larger: 100MB, 1GiB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l rotate-time -d 'Begin another file at each multiple of this time: 15m, 1h, 1d' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l rotate-frames -d 'Begin another file after so many frames' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l keep -d 'Keep at most so many files of this run, the oldest is removed' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l after-file -d 'Run a command for each file that is complete: \'gzip -9\'' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s Y -l filter -d 'Show only frames that satisfy this display filter: \'mqtt.qos > 0 and ip.addr == 10.0.0.0/8\'' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l fields -d 'Print these fields of each frame: frame.number,ip.src,mqtt.topic' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l columns -d 'Show these fields as columns of the packets: frame.number,From=ip.src,mqtt.topic' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l separator -d 'What separates the values of --fields [default: a tab]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l aggregator -d 'What separates several values of one field [default: a comma]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l occurrence -d 'Which of several values of a field to print [default: all]' -r -f -a "all\t'All, one behind the other'
first\t'The first'
last\t'The last'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l quote -d 'What stands around each value [default: nothing]' -r -f -a "none\t'Nothing'
double\t'Double quotes'
single\t'Single quotes'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l wireshark-rules -d 'By which rules to tell what Wireshark says of each TCP segment' -r -f -a "master\t'The development branch'
4.0\t'Release 4.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l cap -d 'Hold at most so much of something: flows=100000' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l every -d 'Tell every so often what happened: 10s, 1m' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l live -d 'Show a table that is drawn anew each second, as top does' -r -f -a "flows\t'TCP connections and UDP conversations'
sessions\t'MQTT sessions'
topics\t'Topics'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l metrics -d 'Serve metrics for Prometheus at this address: 127.0.0.1:9464' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l show -d 'What to show, separated by commas' -r -f -a "packets\t'Every frame'
messages\t'Every MQTT message'
flows\t'TCP connections and UDP conversations'
sessions\t'MQTT sessions'
deliveries\t'The way of each MQTT message from hop to hop: acknowledgements, resends, publisher and receivers'
topics\t'What passed by topic: publishers, subscribers, counts, latency'
findings\t'What is wrong or worth knowing'
neighbours\t'Messages of the protocols around MQTT: names, addresses, clocks, pages'
summary\t'Totals and losses'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l payload -d 'As what to show the payloads of messages' -r -f -a "auto\t'As what it is: JSON, text, Sparkplug B or bytes'
text\t'As text, whatever it is'
json\t'As JSON, numbers and words as well'
hex\t'As hexadecimal digits'
base64\t'As base64'
none\t'Its length alone'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l payload-bytes -d 'Bytes of each payload to show [default: 48 in lines, 4096 with --json]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l format -d 'How to write what is shown' -r -f -a "table\t'Lines and tables for people'
json\t'JSON Lines'
csv\t'Comma-separated values'
tsv\t'Values separated by tabs'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l sort -d 'Sort the rows of lists, tables and csv by a column: duration_s, client_bytes:desc' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l limit -d 'Show at most so many rows of each view' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l time -d 'How tables show times; --json always has both date and time' -r -f -a "relative\t'Seconds since the first frame, or the first of the flow (default when reading)'
clock\t'The time of day in UTC (default when capturing)'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json-to -d 'Write JSON Lines there as well: a file, unix:PATH or syslog' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json-show -d 'What goes to --json-to, separated by commas' -r -f -a "packets\t'Every frame'
messages\t'Every MQTT message'
flows\t'TCP connections and UDP conversations'
sessions\t'MQTT sessions'
deliveries\t'The way of each MQTT message from hop to hop: acknowledgements, resends, publisher and receivers'
topics\t'What passed by topic: publishers, subscribers, counts, latency'
findings\t'What is wrong or worth knowing'
neighbours\t'Messages of the protocols around MQTT: names, addresses, clocks, pages'
summary\t'Totals and losses'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json-rotate-size -d 'Begin another file of --json-to before this one gets larger: 100MB' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json-rotate-time -d 'Begin another file of --json-to at each multiple of this time: 1h, 1d' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json-keep -d 'Keep at most so many files of each --json-to, the oldest is removed' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s p -l promiscuous -d 'Also capture frames that are for other machines'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l write-all -d 'Save all frames, though --filter shows only some of them'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l header -d 'Begin with a line of the fields\' names'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -l detail -d 'Show all fields of each message, and where their bytes stand'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l stream -d 'The flow, by its number in Wireshark (tcp.stream)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l udp-stream -d 'The UDP conversation, by its number in Wireshark (udp.stream)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l client-id -d 'The flow of an MQTT or MQTT-SN client, by its client identifier' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l frames -d 'Show only these frames: 10-20, 10-, -20' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l limit -d 'Show at most so many frames' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l plot -d 'Draw a graph instead of the ladder' -r -f -a "sequence\t'Sequence numbers over time, with acknowledgements, window, SACK and what was sent again'
window\t'The advertised window and the bytes in flight'
throughput\t'Bytes a second'
rtt\t'Round trips by acknowledgement'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l from -d 'Plot what this end sends [default: whoever sent more]' -r -f -a "client\t'Who opened the connection'
server\t'Who was connected to'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l output -d 'Write the plot as SVG, to standard output with -' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l height -d 'Lines of a plot in the terminal, 10 to 200 [default: all it has, else 24]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l wireshark-rules -d 'By which rules to tell what Wireshark says of each TCP segment' -r -f -a "master\t'The development branch'
4.0\t'Release 4.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l time -d 'Show times of the clock (UTC) or seconds since the flow\'s first frame' -r -f -a "relative\t'Seconds since the first frame, or the first of the flow (default when reading)'
clock\t'The time of day in UTC (default when capturing)'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand flow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l stream -d 'The flow, by its number in Wireshark (tcp.stream)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l udp-stream -d 'The UDP conversation, by its number in Wireshark (udp.stream)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l client-id -d 'The flow of an MQTT or MQTT-SN client, by its client identifier' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l as -d 'How to show what was said [default: messages of MQTT, MQTT-SN and datagrams that are read, else text]' -r -f -a "messages\t'Messages, a line each: of MQTT, MQTT-SN and the protocols around them'
text\t'Text, line by line, with what is no text escaped'
hex\t'A dump: offsets, hexadecimal digits and characters'
raw\t'The bytes themselves, and nothing else'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l from -d 'Show only what this end sends' -r -f -a "client\t'Who opened the connection'
server\t'Who was connected to'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -s o -l output -d 'Write to a file' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l time -d 'Show times of the clock (UTC) or seconds since the flow\'s first frame' -r -f -a "relative\t'Seconds since the first frame, or the first of the flow (default when reading)'
clock\t'The time of day in UTC (default when capturing)'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand follow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -l redact-key -d 'Make the tokens with this secret: the same in every run' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -l keep-topics -d 'Leave topics and topic filters as they are'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -l keep-addresses -d 'Leave hardware and IP addresses as they are'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand redact" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand embed-keys" -l keylog -d 'The key log (SSLKEYLOGFILE) that has its keys' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand embed-keys" -s o -l output -d 'The file to write (.pcapng)' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand embed-keys" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l show -d 'What to show, separated by commas [default: all]' -r -f -a "protocols\t'Protocols, each below the one that carries it'
lengths\t'Frames by length'
io\t'Traffic over time'
endpoints\t'Addresses, the busiest first'
conversations\t'Pairs of addresses, the busiest first'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l interval -d 'Add traffic over time up over this interval: 100ms, 1s, 1m' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l limit -d 'Show at most so many rows of each [default: 50 in tables, all with --json]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -s Y -l filter -d 'Count only findings on flows of which this display filter chooses a frame' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l fail-on -d 'Fail if a finding is as bad as this, or worse' -r -f -a "error\t'Against a rule'
warning\t'Probably a mistake'
note\t'Worth knowing'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l rule -d 'Turn a rule off, or say how bad it is: mqtt.keep-alive-exceeded=error' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l assert -d 'Rules of your own: a TOML file of assertions' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l threshold -d 'Set a limit of a built-in rule: keepalive_long_s=3600' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l min-certainty -d 'How sure a finding must be to count' -r -f -a "hint\t'Something to look at'
likely\t'It rests on an assumption that is most likely true'
certain\t'The bytes prove it'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l baseline -d 'Fail only on findings that this file does not know' -r -F
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l format -d 'What to print: text for people, or JSON Lines' -r -f -a "text\t'For people'
json\t'JSON Lines'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l report -d 'Also write a report to a file: junit=out.xml' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l max-findings -d 'Tell at most so many findings of a capture one by one; all are counted' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -s j -l jobs -d 'Share the work among this many threads [default: as many as there are cores, at most 3]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l cap -d 'Hold at most so much of something: flows=100000' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l resolve -d 'Name addresses by what was captured, or not at all' -r -f -a "capture\t'By the answers of DNS in the capture'
none\t'Addresses as they are'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l merge -d 'Read the files in the order of time, as one capture'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l update-baseline -d 'Write all that is found to the file of --baseline, and call it known'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l coverage -d 'Tell how each statement of the MQTT specifications stands: passed, failed, not exercised, not provable'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l tolerance -d 'How many times as much latency, and as many retransmissions, resets and zero windows, are still the same' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l rename -d 'Replace a text in topics, topic filters and client identifiers of both: run-17=run-18' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l ignore -d 'What not to compare, separated by commas' -r -f -a "clients\t'Which clients there are'
connections\t'How often they connect, with what, and how that ends'
subscriptions\t'What they subscribe to, and what they are granted'
messages\t'What is sent, in its order, and how it is acknowledged'
topics\t'How many messages each topic has'
latency\t'How long acknowledgements take'
tcp\t'Retransmissions, resets and zero windows'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -s j -l jobs -d 'Share the work among this many threads [default: as many as there are cores, at most 3]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l cap -d 'Hold at most so much of something: flows=100000' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l decode-as -d 'Read a port as this protocol, whatever it looks like: 1884=mqtt' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l keylog -d 'Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l mqtt-version -d 'The MQTT version where no CONNECT was captured' -r -f -a "3.1\t'MQTT 3.1'
3.1.1\t'MQTT 3.1.1'
5.0\t'MQTT 5.0'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l sn-topic -d 'What a predefined topic id of MQTT-SN stands for: 5=plant/oven/temperature' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l redact-key -d 'Make the tokens with this secret, the same in every run; implies --redact' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l user -d 'The user to become, where root runs it [default: who called sudo, else nobody]' -r
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l cage -d 'Whether to confine the program to what it needs' -r -f -a "auto\t'As far as this system can, and say what is missing'
require\t'Fail where some of it is missing'
off\t'Not at all: for debuggers and the like; root and capabilities are given up all the same'"
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l payloads -d 'Compare the payloads of messages as well'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l json -d 'Print JSON Lines: one object a line'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l ignore-checksums -d 'Also read TCP segments whose checksum is wrong'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -l redact -d 'Show tokens in place of client identifiers, user names, topics and payloads'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand fields" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand interfaces" -l json -d 'Print one JSON object for each interface'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand interfaces" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand man" -s h -l help -d 'Print help'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "read" -d 'Read capture files'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "capture" -d 'Capture from network interfaces'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "flow" -d 'Show one connection frame by frame, or as a plot'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "follow" -d 'Show what both ends of one connection said'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "redact" -d 'Write a capture that can be shared'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "embed-keys" -d 'Put the keys of TLS connections into a capture'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "stats" -d 'Show what captures add up to'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "check" -d 'Check recorded traffic, for CI'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "explain" -d 'Explain a statement of the MQTT specifications, or a finding'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "diff" -d 'Compare two captures by what the clients in them do'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "fields" -d 'List the fields that filters and columns may name'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "interfaces" -d 'List the network interfaces that can be captured from'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "schema" -d 'Print the JSON Schema of the output of --json'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "completions" -d 'Print shell completions'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "man" -d 'Print the manual page'
complete -c mqttsniff -n "__fish_mqttsniff_using_subcommand help; and not __fish_seen_subcommand_from read capture flow follow redact embed-keys stats check explain diff fields interfaces schema completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
