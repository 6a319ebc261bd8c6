//! Any text parses or is refused at a place in it, and what a filter prints is the same filter.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::Filter;
use super::ast::{Element, Expr, Extent, Operand, OperandKind, Operator, Part, Place, Quantifier, Relation};
use super::parser::parse;
use super::testbed::{Table, table};
use crate::field::{Names, Registry};

fn operand(kind: OperandKind) -> Operand {
    Operand { kind, place: Place::default() }
}

fn part() -> impl Strategy<Value = Part> {
    let length = (-9..20_i32, 1..9_u32).prop_map(|(start, length)| Part { start, extent: Extent::Length(length) });
    let from_start =
        (0..20_i32, 1..9_i32).prop_map(|(start, more)| Part { start, extent: Extent::Through(start + more) });
    let from_end = (2..20_i32).prop_map(|start| Part { start: -start, extent: Extent::Through(1 - start) });
    let rest = (-9..20_i32).prop_map(|start| Part { start, extent: Extent::Rest });
    prop_oneof![length, from_start, from_end, rest]
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "tcp.port",
        "mqtt",
        "mqtt.topic",
        "ip.addr",
        "1883",
        "0x1f",
        "aa:bb:cc",
        "10.0.0.0/8",
        "::1",
        "2001:db8::/32",
        "0.5",
        "True",
        ".tcp",
        ":ff",
        "aa-bb",
        "2026-11-21",
        "nosuch.field",
        "anything",
        "r",
        "tcp.flags-1",
    ])
    .prop_map(str::to_owned)
}

fn operands() -> impl Strategy<Value = Operand> {
    let operator = prop::sample::select(vec![
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Modulo,
        Operator::BitAnd,
    ]);
    let leaf = prop_oneof![
        4 => word().prop_map(OperandKind::Word),
        1 => (word(), vec(part(), 1..3)).prop_map(|(word, parts)| OperandKind::Layered(word, parts)),
        1 => vec(any::<u8>(), 0..6).prop_map(OperandKind::Text),
        1 => "\\PC{0,8}".prop_map(|text| OperandKind::Text(text.into_bytes())),
        1 => any::<u8>().prop_map(OperandKind::Char),
    ];
    leaf.prop_map(operand).prop_recursive(4, 12, 3, move |inner| {
        let boxed = inner.clone().prop_map(Box::new).boxed();
        let names = prop::sample::select(vec!["len", "max", "upper", "nosuch"]);
        prop_oneof![
            (boxed.clone(), vec(part(), 1..3)).prop_map(|(of, parts)| OperandKind::Slice(of, parts)),
            (names, vec(inner, 0..3)).prop_map(|(name, of)| OperandKind::Call(name.to_owned(), of)),
            boxed.clone().prop_map(OperandKind::Negative),
            (operator.clone(), boxed.clone(), boxed)
                .prop_map(|(o, left, right)| OperandKind::Arithmetic(o, left, right)),
        ]
        .prop_map(operand)
    })
}

fn exprs() -> impl Strategy<Value = Expr> {
    let orders = prop::sample::select(vec![
        Relation::Equal,
        Relation::NotEqual,
        Relation::AllEqual,
        Relation::AnyNotEqual,
        Relation::Greater,
        Relation::GreaterEqual,
        Relation::Less,
        Relation::LessEqual,
    ]);
    let searches = prop::sample::select(vec![Relation::Contains, Relation::Matches, Relation::TopicMatches]);
    let quantifier = || prop::option::of(prop::sample::select(vec![Quantifier::Any, Quantifier::All]));
    let element = (operands(), prop::option::of(operands())).prop_map(|(low, high)| Element { low, high });
    let leaf = prop_oneof![
        operands().prop_map(Expr::Test),
        (quantifier(), operands(), vec((orders, operands()), 1..3))
            .prop_map(|(quantifier, first, rest)| Expr::Compare { quantifier, first, rest }),
        (quantifier(), operands(), (searches, operands())).prop_map(|(quantifier, first, link)| Expr::Compare {
            quantifier,
            first,
            rest: vec![link]
        }),
        (quantifier(), operands(), any::<bool>(), vec(element, 1..4))
            .prop_map(|(quantifier, operand, negated, set)| Expr::Member { quantifier, operand, negated, set }),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Expr::or),
            vec(inner.clone(), 2..4).prop_map(Expr::xor),
            vec(inner.clone(), 2..4).prop_map(Expr::and),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

/// The filters of the comparisons with Wireshark, of which a third is refused.
fn known() -> Vec<&'static str> {
    let lists = [include_str!("../../../tests/filters/list.txt"), include_str!("../../../tests/filters/used.txt")];
    lists.into_iter().flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

/// Looks at what must hold of a text, whatever it is, with the fields of the tests and with those of the program; whether
/// it is a filter.
fn holds(text: &str) -> bool {
    static TABLE: LazyLock<Table> = LazyLock::new(table);
    let table = &*TABLE;
    // That it can be evaluated is enough, whatever it says.
    let rows = [
        table.row("tcp.port=1883 tcp.port=40000 tcp= mqtt=3001 mqtt.topic=6c6162 mqtt.msgtype=3 ip.addr=10.0.0.1"),
        table.row("ip.src#1=10.0.0.1 ip.src#2=192.168.0.1 tcp.payload=300a6162 frame.time_delta=0.25"),
    ];
    let good = holds_with(text, table, |filter| {
        for row in &rows {
            filter.matches(row);
        }
    });
    holds_with(text, &Registry, |_| {});
    good
}

fn holds_with(text: &str, names: &dyn Names, evaluate: impl Fn(&Filter)) -> bool {
    match Filter::parse(text, names) {
        Ok(filter) => {
            let printed = filter.to_string();
            let again = Filter::parse(&printed, names).unwrap_or_else(|error| panic!("{text}\n{error}"));
            assert_eq!(again, filter, "{text}");
            evaluate(&filter);
            evaluate(&again);
            true
        }
        Err(error) => {
            assert!(text.get(error.range()).is_some(), "{text}: {:?}", error.range());
            assert!(error.to_string().contains('^'), "{error}");
            false
        }
    }
}

proptest! {
    #[test]
    fn a_printed_filter_parses_to_itself(expr in exprs()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text).map_err(|fault| fault.message), Ok(expr), "{}", text);
    }

    #[test]
    fn any_text_is_a_filter_or_is_refused_at_a_place(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn any_tokens_are_a_filter_or_are_refused_at_a_place(
        tokens in vec(prop::sample::select(vec![
            "tcp", "mqtt.topic", "tcp.port", "ip.addr", "mqtt", "1883", "10.0.0.0/8", "\"a\"", "'a'", "==", "!=", ">", "in",
            "not", "{", "}", "(", ")", ",", "..", "[0:2]", "[1-", "#1", "+", "-", "*", "/", "&", "&&", "or", "any", "all",
            "len(", "max(", "vals(", "contains", "matches", "topic_matches", "r\"\\", "\\x", "~", " ", "é", "===", "!==", "xor",
            "%", "0b1", "017", "\"Publish Message\"", "Set", "frame.time", "\"2026-11-21\"", "mqtt.msgtype", "[-4:2]", "[:4]",
            "[1,3-4]", "#[-1]", "udp.payload", "ipv6.addr", "2001:db8::/32", "eth.src", "02:00:00:00:00:01", "-1", "0.5",
        ]), 0..12)
    ) {
        holds(&tokens.join(" "));
        holds(&tokens.concat());
    }

    #[test]
    fn a_changed_filter_is_a_filter_or_is_refused_at_a_place(
        text in prop::sample::select(known()),
        at in any::<prop::sample::Index>(),
        remove in 0..4_usize,
        insert in "[ -~é]{0,3}",
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let end = (at + remove).min(characters.len());
        characters.splice(at..end, insert.chars());
        holds(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn every_beginning_of_a_known_filter_is_a_filter_or_is_refused_at_a_place() {
    let mut good = 0;
    for text in known() {
        good += text.char_indices().filter(|&(end, _)| holds(&text[..end])).count();
    }
    assert!(good > 1000, "{good} beginnings are filters");
}
