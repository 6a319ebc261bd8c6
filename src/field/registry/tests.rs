use super::*;

#[test]
fn each_field_is_there_once_and_is_found_by_its_name() {
    assert!(Registry::fields().count() > 350);
    for (id, field) in Registry::fields() {
        assert_eq!(Registry::find(field.name).map(|(found, _)| found), Some(id), "{}", field.name);
        assert_eq!(Registry.describe(id).name, field.name);
        assert!(!field.label.is_empty(), "{}", field.name);
    }
    assert!(Registry::find("tcp.").is_none());
    assert!(Registry::find("").is_none());
}

#[test]
fn descriptions_are_sentences() {
    for (_, field) in Registry::fields() {
        let text = field.description;
        assert!(text.is_empty() || text.ends_with('.'), "{}: {text}", field.name);
        assert_eq!(text.trim(), text, "{}", field.name);
    }
}

#[test]
fn a_wrong_name_leads_to_the_right_one() {
    assert_eq!(Registry.nearest("mqtt.client")[0], "mqtt.clientid");
    assert_eq!(Registry.nearest("tcp.analysis.retransmision")[0], "tcp.analysis.retransmission");
    assert!(Registry.nearest("topic_alias").contains(&"mqtt.property.topic_alias"));
}
