//! `docs/conformance.md` has all statements, made from the table that the program uses.
//! `UPDATE=1 cargo test --test conformance` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use mqttsniff::check::conformance::{Scope, Statement, Table};
use mqttsniff::mqtt::Version;

const INTRODUCTION: &str = "\
# The statements of MQTT, and which are judged

Made from the table that the program uses. `mqttsniff check --coverage FILE` tells how each stands in a capture, and
`mqttsniff explain ID` tells more of one. Statements without a number of the specification have a name of our own; those of
3.1, which has no numbers, begin with `V31-`.

A verdict is one of these:

- **passed**: the traffic put it to the test so many times, and it held each time;
- **failed**: it was broken, in these frames;
- **not provable**: it was put to the test, and the capture does not show whether it held: bytes are missing, the connection
  or the session is not known from its beginning, or it ended before the answer. What may be broken by no more than a hint
  is not provable either;
- **not exercised**: nothing put it to the test;
- **not judged**: it does not show on the wire, or the program does not judge it.

The scope says how much has to be seen: one packet, a session (one connection), several connections (cross), what carries the
packets (transport), or time (timing). What never shows on the wire is internal.
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for version in Version::ALL {
        let of_version = || Table::get().statements().iter().filter(move |statement| statement.version == version);
        let count = of_version().count();
        let visible = of_version().filter(|statement| statement.scope != Scope::Internal).count();
        let judged = of_version().filter(|statement| statement.is_judged()).count();
        let _ = write!(
            page,
            "\n## MQTT {version}\n\n{count} statements, of which {visible} may show on the wire and {judged} are judged.\n\n"
        );
        page.push_str("| Statement | Rule | Binds | Scope | Severity | Judged |\n|---|---|---|---|---|---|\n");
        of_version().for_each(|statement| row(statement, &mut page));
    }
    page
}

fn row(statement: &Statement, page: &mut String) {
    let judged = if statement.is_judged() { "yes" } else { "" };
    // What stands in the rule is no markup.
    let rule = statement.rule.replace('|', "\\|").replace('*', "\\*");
    let (role, scope, severity) = (statement.role, statement.scope.name(), statement.severity);
    let _ = writeln!(page, "| {} | {rule} | {role} | {scope} | {severity} | {judged} |", statement.id);
}

#[test]
fn the_page_has_all_statements() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page(), "docs/conformance.md is stale; `UPDATE=1 cargo test --test conformance` rewrites it");
}
