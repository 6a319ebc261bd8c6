//! What is said of traffic that keeps the rules, or breaks one of them and no other.

use mqttsniff::check::Certainty;
use mqttsniff::mqtt::Version;

use super::{Judged, wire};

/// The findings of a script that are more than hints, of MQTT alone: what each is called, its clause and its certainty.
fn found(script: &[&str]) -> Vec<(String, &'static str, Certainty)> {
    found_in(Version::V5, script)
}

fn found_in(version: Version, script: &[&str]) -> Vec<(String, &'static str, Certainty)> {
    let script: Vec<String> = script.iter().map(|step| (*step).to_owned()).collect();
    let findings = Judged::of(&wire::play(&script, version)).findings.into_iter();
    let told = findings.filter(|finding| finding.id.starts_with("mqtt.") && finding.id != "mqtt.lost-sync");
    let sure = told.filter(|finding| finding.certainty > Certainty::Hint);
    sure.map(|finding| (finding.id, finding.clause.unwrap_or_default(), finding.certainty)).collect()
}

/// The same, without how sure they are.
fn names(script: &[&str]) -> Vec<(String, &'static str)> {
    found(script).into_iter().map(|(id, clause, _)| (id, clause)).collect()
}

fn one(id: &str, clause: &'static str) -> Vec<(String, &'static str)> {
    vec![(format!("mqtt.{id}"), clause)]
}

const NOTHING: [(String, &str); 0] = [];

#[test]
fn an_end_is_known_by_what_only_it_sends_where_no_handshake_tells() {
    // The server's packet is the first that was captured.
    let by_identifier = ["port 2883", "joined", "< PUBLISH topic=t qos=1 pid=7 subscription_identifier=3 payload=1"];
    let rest =
        ["> PUBACK pid=7", "< PUBLISH topic=t qos=1 pid=8 subscription_identifier=3 payload=2", "> PUBACK pid=8"];
    assert_eq!(names(&[&by_identifier[..], &rest, &["> DISCONNECT code=4"]].concat()), NOTHING);
    let by_code = ["port 2883", "joined", "< PUBLISH topic=t qos=1 pid=7 payload=1", "> PUBACK pid=7"];
    let rest = ["> PUBLISH topic=u qos=1 pid=9 payload=2", "< PUBACK pid=9 code=0x10", "< DISCONNECT code=0x8b"];
    assert_eq!(names(&[&by_code[..], &rest].concat()), NOTHING);
    // By the port it is likely who is who, and by nothing less.
    let broken = ["joined", "> PUBLISH topic=t qos=1 pid=7 subscription_identifier=3 payload=1", "< PUBACK pid=7"];
    assert_eq!(found(&broken), [("mqtt.subscription-id-from-client".to_owned(), "MQTT-3.3.4-6", Certainty::Likely)]);
}

#[test]
fn what_an_acknowledgement_shows_to_be_lost_is_missed_by_nobody() {
    let limited = ["> CONNECT clean id=c", "< CONNACK receive_maximum=1", "> PUBLISH topic=t qos=1 pid=1 payload=1"];
    let answered = [&limited[..], &["lost < PUBACK pid=1", "> PUBLISH topic=t qos=1 pid=2 payload=2"]].concat();
    assert_eq!(names(&answered), NOTHING);
    let open = [&limited[..], &["> PUBLISH topic=t qos=1 pid=2 payload=2"]].concat();
    assert_eq!(names(&open), one("receive-maximum-exceeded", "MQTT-3.3.4-7"));
    let reused = ["connected", "> PUBLISH topic=t qos=2 pid=5 payload=1", "lost < PUBREC pid=5 code=0x97"];
    assert_eq!(names(&[&reused[..], &["> PUBLISH topic=t qos=2 pid=5 payload=2"]].concat()), NOTHING);
    let granted =
        ["connected", "> SUBSCRIBE pid=1 filter=t:0", "< SUBACK pid=1 codes=0", "lost > SUBSCRIBE pid=2 filter=t:1"];
    let sent = ["< SUBACK pid=2 codes=1", "wait 2", "< PUBLISH topic=t qos=1 pid=3 payload=1", "> PUBACK pid=3"];
    assert_eq!(names(&[&granted[..], &sent].concat()), NOTHING);
}

#[test]
fn what_an_earlier_connection_lost_is_not_known_on_the_next() {
    let first =
        ["> CONNECT id=c session_expiry_interval=100", "< CONNACK", "lost > PUBLISH topic=t qos=1 pid=9 payload=1"];
    let closed = ["< FIN", "> FIN", "b> CONNECT id=c session_expiry_interval=100", "b< CONNACK present"];
    let again = ["b> PUBLISH topic=t qos=1 pid=9 dup payload=1", "b< PUBACK pid=9"];
    assert_eq!(names(&[&first[..], &closed, &again].concat()), NOTHING);
    let first = ["> CONNECT clean id=c session_expiry_interval=100", "< CONNACK"];
    let left = ["lost > DISCONNECT code=0 session_expiry_interval=0", "< FIN", "> FIN", "wait 5"];
    let anew = ["b> CONNECT id=c session_expiry_interval=100", "b< CONNACK"];
    assert_eq!(names(&[&first[..], &left, &anew].concat()), NOTHING);
    assert_eq!(names(&[&first[..], &["> FIN", "< FIN"], &anew].concat()), one("session-lost", "MQTT-3.1.2-23"));
}

#[test]
fn a_ping_that_only_its_answer_shows_was_sent() {
    let pings = ["> CONNECT clean id=c keep=10", "< CONNACK", "wait 5", "> PINGREQ", "< PINGRESP", "wait 8"];
    let lost = [&pings[..], &["lost > PINGREQ", "< PINGRESP", "wait 8", "< PUBLISH topic=t"]].concat();
    assert!(names(&lost).iter().all(|(id, _)| id != "mqtt.keep-alive-exceeded"));
    let silent = ["> CONNECT clean id=c keep=10", "< CONNACK", "wait 15.2", "< DISCONNECT code=0x8d", "< FIN", "> FIN"];
    assert_eq!(names(&silent), one("keep-alive-exceeded", "MQTT-3.1.2-20"));
}

#[test]
fn what_a_client_sends_before_it_knows_its_connack_keeps_no_limit_of_it() {
    let connack = "< CONNACK maximum_packet_size=20 receive_maximum=1";
    let publish = "> PUBLISH topic=t qos=1 pid=1 payload=0123456789012345678901234567890123456789";
    let second = "> PUBLISH topic=t qos=1 pid=2 payload=1";
    let early = ["> CONNECT clean id=c", connack, &format!("early {publish}"), &format!("early {second}")];
    assert_eq!(names(&early), NOTHING);
    let late: Vec<_> = names(&["> CONNECT clean id=c", connack, publish, second]);
    assert_eq!(late.len(), 2, "{late:?}");
}

#[test]
fn a_wrong_step_of_one_end_is_not_held_against_the_other() {
    let unknown =
        ["connected", "> PUBREL pid=77", "wait 1", "< PUBCOMP pid=77 code=0x92", "wait 2", "> PUBLISH topic=t"];
    assert_eq!(names(&unknown), one("unsolicited", "MQTT-2.2.1-5"));
    let twice =
        ["connected", "> PUBLISH topic=t qos=2 pid=5 payload=1", "< PUBREC pid=5", "> PUBREL pid=5", "< PUBREC pid=5"];
    let answered = ["> PUBREL pid=5", "< PUBCOMP pid=5", "< PUBCOMP pid=5", "wait 2", "> PUBLISH topic=t"];
    assert_eq!(names(&[&twice[..], &answered].concat()), one("acknowledged-twice", "ACK-DUPLICATE"));
    let done = ["< PUBCOMP pid=5", "> PUBREL pid=5", "< PUBCOMP pid=5", "wait 2", "> PUBLISH topic=t"];
    assert_eq!(names(&[&twice[..], &done].concat()), one("acknowledged-twice", "ACK-DUPLICATE"));
    let reused = ["connected", "> PUBLISH topic=t qos=1 pid=5 payload=1", "> PUBLISH topic=t qos=1 pid=5 payload=2"];
    let answered = ["< PUBACK pid=5", "< PUBACK pid=5", "wait 2", "> PUBLISH topic=t"];
    assert_eq!(names(&[&reused[..], &answered].concat()), one("identifier-in-use", "MQTT-2.2.1-3"));
    let wrong =
        ["connected", "> PUBLISH topic=t qos=1 pid=5 payload=1", "< PUBREC pid=5", "> PUBREL pid=5", "< PUBCOMP pid=5"];
    assert_eq!(
        names(&[&wrong[..], &["wait 2", "> PUBLISH topic=t"]].concat()),
        one("wrong-acknowledgement", "ACK-KIND-MISMATCH")
    );
    assert_eq!(names(&["connected", "> PINGRESP", "> PUBLISH topic=t"]), one("wrong-sender", "WRONG-DIRECTION"));
}

#[test]
fn a_pubrel_without_its_pubrec_answers_nothing() {
    let begun = ["connected", "> PUBLISH topic=t qos=2 pid=5 payload=1", "wait 3", "> PUBREL pid=5", "wait 3"];
    let rest = ["< PUBREC pid=5", "> PUBREL pid=5", "< PUBCOMP pid=5", "wait 2", "> PUBLISH topic=t"];
    assert_eq!(names(&[&begun[..], &rest].concat()), one("wrong-acknowledgement", "ACK-KIND-MISMATCH"));
}

#[test]
fn of_a_version_that_there_is_not_only_the_level_is_judged() {
    let script = ["> CONNECT level=6 clean bytes=00044d5154540602003c00000161", "< CONNACK code=1"];
    let told = found_in(Version::V311, &script);
    assert_eq!(told.iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["mqtt.protocol-level"]);
}

#[test]
fn an_equal_message_of_another_client_is_not_ones_own() {
    let wants = ["connected", "bconnected", "> SUBSCRIBE pid=1 filter=t:4", "< SUBACK pid=1 codes=0"];
    let equal = ["> PUBLISH topic=t payload=on", "b> PUBLISH topic=t payload=on", "< PUBLISH topic=t payload=on"];
    assert_eq!(names(&[&wants[..], &equal, &["> PINGREQ"]].concat()), NOTHING);
    let own = ["> PUBLISH topic=t payload=on", "< PUBLISH topic=t payload=on", "> PINGREQ"];
    assert_eq!(names(&[&wants[..], &own].concat()), one("own-message", "MQTT-3.8.3-3"));
    let late = ["> PUBLISH topic=t payload=on", "wait 5", "< PUBLISH topic=t payload=on", "> PINGREQ"];
    assert_eq!(names(&[&wants[..], &late].concat()), NOTHING);
}

#[test]
fn a_message_that_waited_may_be_sent_for_a_subscription_that_is_taken_back() {
    let wants = ["connected", "bconnected", "> SUBSCRIBE pid=1 filter=t:1", "< SUBACK pid=1 codes=1"];
    let taken = ["> UNSUBSCRIBE pid=2 filter=t", "< UNSUBACK pid=2 codes=0", "wait 3"];
    let published = ["b> PUBLISH topic=t qos=1 pid=1 payload=1", "b< PUBACK pid=1"];
    let sent = ["< PUBLISH topic=t qos=1 pid=1 payload=1", "> PUBACK pid=1"];
    assert_eq!(names(&[&wants[..], &published, &taken, &sent].concat()), NOTHING);
    assert_eq!(names(&[&wants[..], &taken, &published, &sent].concat()), one("after-unsubscribe", "MQTT-3.10.4-1"));
}

#[test]
fn an_identifier_of_a_subscription_that_was_replaced_is_unknown_for_later_messages() {
    let wants =
        ["connected", "bconnected", "> SUBSCRIBE pid=1 subscription_identifier=3 filter=t:0", "< SUBACK pid=1 codes=0"];
    let renewed = ["> SUBSCRIBE pid=2 subscription_identifier=4 filter=t:0", "< SUBACK pid=2 codes=0", "wait 5"];
    let sent = ["b> PUBLISH topic=t payload=1", "< PUBLISH topic=t subscription_identifier=3 payload=1", "> PINGREQ"];
    let told = names(&[&wants[..], &renewed, &sent].concat());
    assert!(told.iter().any(|(id, _)| id == "mqtt.subscription-id-unknown"), "{told:?}");
}

#[test]
fn a_message_of_now_has_no_retain_however_new_its_subscription_is() {
    for (version, clause) in [(Version::V311, "MQTT-3.3.1-9"), (Version::V5, "MQTT-3.3.1-12")] {
        let wants = ["connected", "bconnected", "> SUBSCRIBE pid=1 filter=t:0", "< SUBACK pid=1 codes=0", "wait 2"];
        let sent = ["b> PUBLISH topic=t retain payload=1", "< PUBLISH topic=t retain payload=1", "> PINGREQ"];
        let told = found_in(version, &[&wants[..], &sent].concat());
        assert_eq!(told, [("mqtt.retain-on-live".to_owned(), clause, Certainty::Likely)]);
    }
}

#[test]
fn a_clause_is_that_of_the_step_and_of_the_end() {
    let dup = ["connected", "> PUBLISH topic=t qos=2 dup pid=9 payload=1", "< PUBREC pid=9"];
    assert_eq!(names(&dup), one("dup-on-first", "MQTT-4.3.3-2"));
    let zero = ["connected", "> SUBSCRIBE pid=1 filter=t:1", "< SUBACK pid=1 codes=1", "< PUBLISH topic=t qos=1 pid=0"];
    assert_eq!(names(&zero), one("packet-id-zero", "MQTT-2.2.1-4"));
    let twice = ["connected", "> SUBSCRIBE pid=1 filter=t:1", "< SUBACK pid=1 codes=1", "< SUBACK pid=1 codes=1"];
    assert_eq!(names(&[&twice[..], &["wait 2", "> PINGREQ"]].concat()), one("acknowledged-twice", "ACK-DUPLICATE"));
    let method = "authentication_method=X";
    let asked = format!("> CONNECT clean id=c {method}");
    let (wants, answer) = (format!("< AUTH code=0x18 {method}"), format!("> AUTH code=0x19 {method}"));
    assert_eq!(names(&[&asked, &wants, &answer, "< CONNACK code=0x82"]), one("auth-code-from-client", "MQTT-4.12.0-3"));
    let (accepted, again) = (format!("< CONNACK {method}"), format!("> AUTH code=0x18 {method}"));
    let told = names(&[&asked, &accepted, &again, "< DISCONNECT code=0x82"]);
    assert!(told.contains(&one("re-authentication", "MQTT-4.12.1-1")[0]), "{told:?}");
}

#[test]
fn what_is_known_at_one_port_is_a_hint_where_the_client_was_at_another_meanwhile() {
    let first = ["> CONNECT clean id=c session_expiry_interval=1000", "< CONNACK", "> DISCONNECT", "> FIN", "< FIN"];
    let other = ["port 8083", "b> CONNECT clean id=c", "b< CONNACK", "b> DISCONNECT", "b> FIN", "b< FIN", "port 1883"];
    let back = ["d> CONNECT id=c session_expiry_interval=1000", "d< CONNACK"];
    assert_eq!(names(&[&first[..], &other, &back].concat()), NOTHING);
}

#[test]
fn an_identifier_is_assigned_to_one_client_at_a_time() {
    let both = ["> CONNECT clean", "< CONNACK assigned_client_identifier=auto", "b> CONNECT clean"];
    let taken = [&both[..], &["b< CONNACK assigned_client_identifier=auto"]].concat();
    assert_eq!(names(&taken), one("assigned-client-id-taken", "MQTT-3.2.2-16"));
    assert_eq!(names(&[&both[..], &["b< CONNACK assigned_client_identifier=other"]].concat()), NOTHING);
}

#[test]
fn a_message_that_waited_for_its_receiver_is_no_will() {
    let waits = ["> CONNECT id=s session_expiry_interval=1000", "< CONNACK", "> SUBSCRIBE pid=1 filter=st:1"];
    let left = ["< SUBACK pid=1 codes=1", "> DISCONNECT", "> FIN", "< FIN", "b> CONNECT clean id=dev will=st:off"];
    let sent =
        ["b< CONNACK", "b> PUBLISH topic=st qos=1 pid=1 payload=off", "b< PUBACK pid=1", "wait 11", "b> DISCONNECT"];
    let back = ["b> FIN", "b< FIN", "d> CONNECT id=s session_expiry_interval=1000", "d< CONNACK present"];
    let got = ["d< PUBLISH topic=st qos=1 pid=1 payload=off", "d> PUBACK pid=1"];
    assert_eq!(names(&[&waits[..], &left, &sent, &back, &got].concat()), NOTHING);
}
