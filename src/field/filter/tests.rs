//! What the language means, one rule at a time, and what is said of a filter that has no meaning.

use super::testbed::{TestRow, table};
use super::{Filter, FilterError, parser};
use crate::field::Names;

fn row(text: &str) -> TestRow {
    table().row(text)
}

fn parsed(text: &str) -> Filter {
    Filter::parse(text, &table()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> FilterError {
    Filter::parse(text, &table()).expect_err(text)
}

#[track_caller]
fn check(row: &TestRow, matching: &[&str], others: &[&str]) {
    for text in matching {
        assert!(parsed(text).matches(row), "should match: {text}");
    }
    for text in others {
        assert!(!parsed(text).matches(row), "should not match: {text}");
    }
}

#[test]
fn one_equal_occurrence_makes_a_field_equal_and_none_may_be_for_unequal() {
    check(
        &row("tcp.port=1883 tcp.port=40000"),
        &["tcp.port == 1883", "tcp.port !== 1883", "tcp.port != 80", "tcp.port === tcp.port || tcp.port > 1883"],
        &["tcp.port != 1883", "tcp.port === 1883", "tcp.port == 80", "tcp.port === tcp.port"],
    );
    check(&row("tcp.port=80 tcp.port=80"), &["tcp.port === 80", "all tcp.port == 80"], &["tcp.port !== 80"]);
}

#[test]
fn any_and_all_go_before_what_the_operator_says() {
    check(
        &row("tcp.port=1883 tcp.port=40000"),
        &["any tcp.port != 1883", "all tcp.port > 1024", "any tcp.port in {1883}", "all tcp.port in {1..65535}"],
        &["all tcp.port == 1883", "all tcp.port != 1883", "all tcp.port in {1883}", "any tcp.port < 1883"],
    );
}

#[test]
fn no_comparison_is_true_of_a_field_that_is_not_there() {
    let none = row("frame.number=1");
    let comparisons = ["== 1", "!= 1", "!== 1", "=== 1", "> 0", "< 9", "in {1}"];
    for comparison in comparisons {
        check(&none, &[&format!("not udp.port {comparison}")], &[&format!("udp.port {comparison}")]);
        check(&none, &[], &[&format!("all udp.port {comparison}"), &format!("any udp.port {comparison}")]);
    }
    check(&none, &["!udp.port", "udp.port not in {1}", "!(udp.port == udp.srcport)"], &["udp.port == udp.port"]);
    check(&none, &[], &["count(udp.port) == 0", "udp.port + 1 == 1", "len(udp) > 0", "max(udp.port) >= 0", "udp[0]"]);
}

#[test]
fn a_truth_value_alone_asks_whether_it_is_there() {
    let syn = row("tcp.flags.syn=0");
    check(&syn, &["tcp.flags.syn", "tcp.flags.syn == 0", "tcp.flags.syn == False"], &["tcp.flags.syn == True"]);
    check(&syn, &["tcp.flags.syn == \"Not set\""], &["tcp.flags.syn == \"Set\"", "!tcp.flags.syn"]);
    check(&row("tcp.flags.syn=1"), &["tcp.flags.syn == 2", "tcp.flags.syn == 1"], &["tcp.flags.syn == 0"]);
}

#[test]
fn and_binds_before_xor_and_xor_before_or() {
    let tcp = row("tcp= tcp.port=1");
    check(
        &tcp,
        &["tcp || udp && udp", "tcp ^^ tcp && udp", "tcp || tcp ^^ tcp", "not udp && tcp", "not udp || udp"],
        &[],
    );
    check(
        &tcp,
        &[],
        &["(tcp || udp) && udp", "(tcp ^^ tcp) && tcp", "not (tcp || udp)", "tcp xor tcp", "not tcp && udp"],
    );
    check(&tcp, &["tcp xor tcp xor tcp"], &["tcp xor tcp xor udp"]);
}

#[test]
fn numbers_are_exact_over_64_bits() {
    let wide = row("test.wide=18446744073709551615 test.signed=-5");
    check(
        &wide,
        &[
            "test.wide == 18446744073709551615",
            "test.wide > 18446744073709551614",
            "test.wide - 1 == 0xfffffffffffffffe",
        ],
        &["test.wide + 1 > 0", "test.wide * 2 > 0", "test.wide < 0", "test.wide == test.signed"],
    );
    check(&wide, &["test.signed == -5", "test.signed < 0", "test.signed < test.wide", "-test.signed == 5"], &[]);
    check(
        &wide,
        &["abs(test.signed) == 5", "test.signed % 2 == -1", "test.signed / 2 == -2"],
        &["test.signed / 0 == 0"],
    );
}

#[test]
fn arithmetic_binds_as_in_c_but_for_the_bits() {
    let five = row("frame.number=5 tcp.port=10 tcp.port=20");
    check(
        &five,
        &[
            "frame.number + 2 * 3 == 11",
            "{frame.number + 2} * 3 == 21",
            "frame.number - 2 - 1 == 2",
            "frame.number - {2 - 1} == 4",
            "frame.number & 4 + 1 == 5",
            "frame.number == 10 / 2",
            "7 - 2 == frame.number",
            "frame.number & 1",
            "tcp.port + tcp.port == 30",
        ],
        &["frame.number & 2", "frame.number - 5", "tcp.port + tcp.port == 25"],
    );
    let float = row("test.float=1.5 frame.time_delta=0.25");
    check(&float, &["test.float == 1.5", "test.float * 2 == 3", "test.float > 1e-3", "test.float < 2"], &[]);
    check(&float, &["frame.time_delta + 0.75 == 1", "-frame.time_delta < 0", "abs(frame.time_delta) == 0.25s"], &[]);
}

#[test]
fn constants_may_stand_on_the_left_and_comparisons_in_a_chain() {
    let port = row("tcp.port=1883");
    check(
        &port,
        &["1883 == tcp.port", "1024 < tcp.port < 2000", "2000 >= tcp.port"],
        &["2000 < tcp.port", "1 < tcp.port < 9"],
    );
    check(&row("ip.src=10.1.2.3"), &["10.0.0.0/8 == ip.src", "9.255.255.255 < ip.src"], &["11.0.0.0/8 == ip.src"]);
}

#[test]
fn networks_hold_their_addresses() {
    let v4 = row("ip.addr=10.1.2.3");
    check(
        &v4,
        &["ip.addr == 10.1.0.0/16", "ip.addr == 10.1.2.4/29", "ip.addr == 1.2.3.4/0", "ip.addr == 10.1.2.3/32"],
        &[],
    );
    check(&v4, &["ip.addr in {10.0.0.0/8}", "ip.addr != 11.0.0.0/8", "ip.addr > 9.0.0.0/8"], &["ip.addr > 10.0.0.0/8"]);
    check(&v4, &["ip.addr & 255.0.0.0 == 10.0.0.0", "ip.addr[1] == 01", "len(ip.addr) == 4"], &["ip.addr & 0.0.0.0"]);
    let v6 = row("ipv6.addr=2001:db8::1");
    check(&v6, &["ipv6.addr == 2001:db8::/32", "ipv6.addr == ::/0", "ipv6.addr & ffff:: == 2001::"], &[]);
    check(&v6, &["ipv6.addr in {2001:db8:: .. 2001:db8::f}"], &["ipv6.addr == 2001:db9::/32", "ipv6.addr == ::1"]);
}

#[test]
fn slices_count_from_either_end_and_lie_in_the_bytes() {
    let bytes = row("tcp.payload=300a6162"); // 0 \n a b
    check(
        &bytes,
        &[
            "tcp.payload[0] == 30",
            "tcp.payload[0:2] == 30:0a",
            "tcp.payload[1-2] == 0a:61",
            "tcp.payload[2:] == \"ab\"",
            "tcp.payload[:2] == 300a",
            "tcp.payload[-2:] == 61.62",
            "tcp.payload[-3--2] == 0a:61",
            "tcp.payload[0,2:] == 30:61:62",
            "tcp.payload[1:3][1] == 'a'",
            "tcp.payload[-1] == 'b'",
            "tcp.payload[3]",
            "tcp.payload[0] & 0x10",
        ],
        &["tcp.payload[4]", "tcp.payload[0:5]", "tcp.payload[-5]", "tcp.payload[3-4]", "tcp.payload[0] & 0f"],
    );
}

#[test]
fn a_slice_beyond_the_end_is_empty_and_not_there() {
    let bytes = row("tcp.payload=300a6162");
    check(
        &bytes,
        &[
            "tcp.payload[4] == \"\"",
            "tcp.payload[4] != 01",
            "tcp.payload[4] < 00",
            "tcp.payload[0,4] == 30",
            "tcp.payload[0,4]",
            "tcp.payload[0:2][2] == \"\"",
            "tcp.payload[0:2] contains \"\"",
            "tcp.payload matches \"\"",
        ],
        &[
            "tcp.payload[4]",
            "tcp.payload[4,0]",
            "tcp.payload[4] >= 00",
            "tcp.payload[4] matches \"\"",
            "tcp.payload[4] contains \"\"",
            "tcp.payload[0:2][2]",
        ],
    );
}

#[test]
fn text_and_bytes_are_searched() {
    let text = row("mqtt.topic=6c61622f5331 mqtt.msg=00ff61"); // lab/S1
    check(
        &text,
        &[
            "mqtt.topic contains \"b/S\"",
            "mqtt.topic contains 'b'",
            "mqtt.topic matches \"^LAB/s[0-9]$\"",
            "mqtt.topic matches r\"\\d$\"",
            "mqtt.topic ~ \"(?-i)S1\"",
            "upper(mqtt.topic) == \"LAB/S1\"",
            "lower(mqtt.topic) == \"lab/s1\"",
            "mqtt.topic in {\"a\" .. \"m\"}",
            "mqtt.msg contains ff:61",
            "mqtt.msg contains \"\\xffa\"",
            "mqtt.msg matches \"^\\\\x00\\xff\"",
            "mqtt.msg[0] == 00",
        ],
        &[
            "mqtt.topic contains \"s1\"",
            "mqtt.topic contains \"\"",
            "mqtt.topic ~ \"(?-i)s1\"",
            "mqtt.msg contains ff:62",
        ],
    );
}

#[test]
fn topic_filters_are_mqtts_and_no_regular_expressions() {
    let topic = row("mqtt.topic=73656e736f72732f312f74656d70"); // sensors/1/temp
    check(
        &topic,
        &[
            "mqtt.topic topic_matches \"sensors/+/temp\"",
            "mqtt.topic topic_matches \"sensors/#\"",
            "mqtt.topic topic_matches \"$share/group/sensors/#\"",
            "!(mqtt.topic topic_matches \"sensors/+\")",
        ],
        &[
            "mqtt.topic topic_matches \"SENSORS/#\"",
            "mqtt.topic topic_matches \"sensors/+\"",
            "mqtt.topic topic_matches \"+\"",
        ],
    );
    for (text, why) in [("a/#/b", "last level"), ("a+", "alone in its level"), ("", "at least one")] {
        assert!(refused(&format!("mqtt.topic topic_matches \"{text}\"")).message().contains(why), "{text}");
    }
    assert!(refused("mqtt.topic topic_matches a").message().contains("double quotes"));
    assert!(refused("tcp.port topic_matches \"a\"").message().contains("is a number"));
}

#[test]
fn numbers_have_names() {
    let publish = row("mqtt.msgtype=3");
    check(
        &publish,
        &[
            "mqtt.msgtype == \"Publish Message\"",
            "mqtt.msgtype in {\"Publish Message\" .. \"Publish Ack\"}",
            "vals(mqtt.msgtype) contains \"Publish\"",
            "vals(mqtt.msgtype) matches \"^publish m\"",
            "string(mqtt.msgtype) == \"3\"",
        ],
        &["mqtt.msgtype == \"Connect Ack\"", "vals(mqtt.msgtype) == \"3\""],
    );
    check(&row("mqtt.msgtype=200"), &["mqtt.msgtype == 200"], &["vals(mqtt.msgtype) contains \"\""]);
    let error = refused("mqtt.msgtype == \"Publish\"");
    assert_eq!(error.message(), "\"Publish\" is not a number");
    assert!(error.hint().unwrap().contains("\"Connect Command\""), "{error}");
}

#[test]
fn functions_give_values() {
    let many = row(
        "tcp.port=10 tcp.port=20 tcp.srcport=10 ip.src=10.0.0.1 eth.src=02:00:00:00:00:01 test.frame=7 mqtt.topic=616263",
    );
    check(
        &many,
        &[
            "count(tcp.port) == 2",
            "max(tcp.port) == 20",
            "min(tcp.port, 5) == 5",
            "max(tcp.port, tcp.srcport, 3) == 20",
            "len(mqtt.topic) == 3",
            "len(mqtt.topic[1:]) == 2",
            "len(tcp.port) == 2",
            "len(test.frame) == 4",
            "string(ip.src) == \"10.0.0.1\"",
            "string(eth.src) matches \"^02:\"",
            "string(test.frame) == \"7\"",
            "upper(mqtt.topic)[0] == \"A\"",
            "len(string(tcp.srcport)) == 2",
            "abs(tcp.srcport - 30) == 20",
        ],
        &["count(tcp.port) == 1", "max(tcp.port) == 10", "min(tcp.port) == 20"],
    );
    for (text, why) in [
        ("len() > 1", "one argument"),
        ("len(mqtt.topic)", "compare what len() gives"),
        ("size(mqtt.topic) > 1", "no function size()"),
        ("upper(tcp.port) == \"A\"", "takes text"),
        ("string(mqtt.topic) == \"a\"", "takes a number"),
        ("vals(tcp.port) == \"a\"", "have no names"),
        ("max(tcp.port, ip.src) == 1", "one type"),
        ("count(tcp.port + 1) == 1", "takes a field"),
    ] {
        assert!(refused(text).message().contains(why), "{text}: {}", refused(text));
    }
}

#[test]
fn layers_count_from_the_outermost_or_backwards() {
    let tunnel = row("ip.src#1=10.0.0.1 ip.src#2=192.168.0.1");
    check(
        &tunnel,
        &["ip.src#1 == 10.0.0.1", "ip.src#2 != 10.0.0.1", "ip.src#[-1] == 192.168.0.1", "ip.src#[1-2] == 192.168.0.1"],
        &["ip.src#1 == 192.168.0.1", "ip.src#3", "ip.src#0", "ip.src#[-2] == 192.168.0.1", "ip.src#[2:] == 10.0.0.1"],
    );
    check(&tunnel, &["count(ip.src#[1:]) == 2", "ip.src#1[0] == 0a", "ip.src#[1,2] == 192.168.0.1"], &["ip.src#[3,4]"]);
}

#[test]
fn only_the_fields_that_it_reads_are_asked_for_and_each_once() {
    let table = table();
    let names = |text: &str| {
        let filter = Filter::parse(text, &table).unwrap();
        filter.fields().map(|id| table.describe(id).name).collect::<Vec<_>>()
    };
    assert_eq!(names("tcp.port == 1 || tcp.port == 2"), ["tcp.port"]);
    let mut all =
        names("mqtt.topic contains \"a\" && len(mqtt.msg) > 1 && ip.src#1 == ip.dst && frame.number in {mqtt.len}");
    all.sort_unstable();
    assert_eq!(all, ["frame.number", "ip.dst", "ip.src", "mqtt.len", "mqtt.msg", "mqtt.topic"]);
}

#[test]
fn an_error_shows_its_place() {
    let error = refused("tcp.len > 0 && tcp.prot == 1883");
    assert_eq!(error.range(), 15..23);
    let text = error.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..3],
        ["\"tcp.prot\" is no field", "  tcp.len > 0 && tcp.prot == 1883", "                 ^~~~~~~~"]
    );
    assert!(lines[3].starts_with("nearest: tcp."), "{text}");
    // The mark stands in columns, of which some characters take two.
    let text = refused("mqtt.topic == \"日本\" && foo").to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1..3], ["  mqtt.topic == \"日本\" && foo", "                          ^~~"]);
    for (text, place, message) in [
        ("", 0..0, "the filter is empty"),
        ("tcp &&", 6..6, "the filter ends where"),
        ("tcp && )", 7..8, "expected a field or a value"),
        ("tcp)", 3..4, "no parenthesis is open"),
        ("(tcp", 4..4, "expected \")\""),
        ("tcp udp", 4..7, "expected \"and\""),
        ("tcp.port == \"x\"", 12..15, "\"x\" is not a number"),
        ("tcp.port == 70000", 12..17, "too big for the field, whose values go up to 65535"),
        ("ip.src == 10.0.0.0/40", 10..21, "at most 32 bits"),
        ("ip.src == ipv6.src", 0..18, "an IPv4 address and ipv6.src is an IPv6 address"),
        ("mqtt.topic == \"a", 14..16, "closing quote is missing"),
        ("mqtt.topic == \"a\\q\"", 16..18, "no escape sequence"),
        ("mqtt.topic matches \"(\"", 19..22, "no regular expression: unclosed group"),
        ("mqtt.topic matches \"a{999}{999}{9}\"", 19..35, "too big"),
        ("tcp.port contains 1", 0..8, "looks into text or bytes"),
        ("tcp.payload[3-1]", 12..15, "ends before it begins"),
        ("tcp.port[0] == 1", 0..11, "only text, bytes"),
        ("frame.number = 5", 13..14, "has no meaning"),
        ("mqtt.topic == ü", 14..16, "has no meaning"),
        ("tcp.analysis.retransmission == 1", 0..27, "no value that could be compared"),
        ("any tcp", 7..7, "expected a comparison"),
        ("1 == 1", 0..1, "a field on one side"),
        ("tcp.port in {}", 13..14, "expected a field or a value"),
        ("frame.time > \"soon\"", 13..19, "not a point in time"),
        ("tcp.flags-1 == 1", 0..11, "is no field"),
        ("tcp.port == -\"a\"", 13..16, "is not a number"),
    ] {
        let error = refused(text);
        assert!(error.message().contains(message), "{text}: {error}");
        assert_eq!(error.range(), place, "{text}: {error}");
    }
    assert!(refused("mqtt.topic == lab/s1").hint().unwrap().contains("double quotes"));
    assert_eq!(refused("tcp.flags-1 == 1").hint(), Some("a minus sign needs a space before it: tcp.flags - …"));
}

#[test]
fn the_caret_stands_right_behind_any_characters() {
    let error = refused("mqtt.topic == \"grüße\"\n&& tcp.prot");
    let text = error.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1], "  mqtt.topic == \"grüße\" && tcp.prot");
    assert_eq!(lines[2].find('^'), Some("  mqtt.topic == \"gruse\" && ".len()));
    let long = refused(&format!("{}tcp.prot", "tcp && ".repeat(500)));
    assert!(long.to_string().lines().all(|line| line.chars().count() < 200), "{long}");
    assert!(refused("\u{1b}[31m").to_string().lines().all(|line| !line.contains('\u{1b}')));
}

#[test]
fn what_is_nested_too_deeply_is_refused_and_what_is_long_is_not() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        Filter::parse(&[&open.repeat(times), inner, &close.repeat(times)].concat(), &table()).err()
    };
    for (open, inner, close) in [
        ("(", "tcp", ")"),
        ("!", "tcp", ""),
        ("not ", "tcp", ""),
        ("{", "tcp.port", "} == 1"),
        ("len(", "mqtt", ") == 1"),
        ("", "tcp.port", " + 1"),
        ("", "mqtt", "[0:]"),
        ("-{", "tcp.port", "}"),
        ("(!", "tcp", ")"),
    ] {
        let error = deep(open, inner, close, 1_000).expect("refused");
        assert!(["nested too deeply", "one chain"].iter().any(|why| error.message().contains(why)), "{open}: {error}");
    }
    assert_eq!(deep("(", "tcp", ")", parser::DEPTH), None);
    // The deepest that is allowed is checked, printed, evaluated and dropped on the stack of a test.
    let steps = parser::DEPTH / 4;
    let deepest = [&"(!".repeat(steps), &"max(-{".repeat(steps), "tcp.port", &"} - 1)".repeat(steps), " == 1"].concat();
    let filter = parsed(&(deepest + &")".repeat(steps)));
    assert_eq!(parsed(&filter.to_string()), filter);
    assert!(filter.matches(&row("tcp.port=1")));
    assert_eq!(deep("", "tcp", " || tcp", 5_000), None);
    let set: Vec<_> = (0..10_000).map(|port| port.to_string()).collect();
    let filter = parsed(&format!("tcp.port in {{{}}}", set.join(",")));
    assert!(filter.matches(&row("tcp.port=9999")) && !filter.matches(&row("tcp.port=10000")));
    assert!(refused(&"tcp || ".repeat(20_000)).message().contains("longer than"));
}

#[test]
fn the_canonical_text_has_signs_and_no_needless_parentheses() {
    for (text, canonical) in [
        ("tcp and (udp or not mqtt)", "tcp && (udp || !mqtt)"),
        ("((tcp and udp) and mqtt)", "tcp && udp && mqtt"),
        ("not tcp.port eq 1883", "!(tcp.port == 1883)"),
        ("not (not tcp)", "!!tcp"),
        ("tcp xor udp or mqtt", "tcp ^^ udp || mqtt"),
        ("tcp.port ne 1 and tcp.port any_ne 2", "tcp.port != 1 && tcp.port !== 2"),
        ("tcp.port not in {1 ,2..3}", "tcp.port not in {1, 2 .. 3}"),
        ("all   tcp.port all_eq 1", "all tcp.port === 1"),
        ("tcp.flags bitwise_and {2+3}*4 == {{8}}", "tcp.flags & {2 + 3} * 4 == 8"),
        ("mqtt.topic ~ r\"\\d\"", "mqtt.topic matches \"\\\\d\""),
        ("mqtt[:2][0,-1,1-2,3:] == 'a'", "mqtt[0:2][0,-1,1-2,3:] == 'a'"),
        ("ip.src#[1] == 1.2.3.4", "ip.src#1 == 1.2.3.4"),
        ("mqtt.topic == \"\\x1b\\\"\u{202e}ü\"", "mqtt.topic == \"\\x1b\\\"\\xe2\\x80\\xaeü\""),
    ] {
        assert_eq!(parsed(text).to_string(), canonical);
        assert_eq!(parsed(canonical), parsed(text), "{text}");
    }
}
