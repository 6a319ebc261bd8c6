//! What the README and the pages in docs/ show is true: every command in a `sh` block is run, and a `text` block below it is
//! what the last one prints. `UPDATE=1 cargo test --test readme` writes the outputs and the examples' sources anew.
//!
//! A line that ends in a comment `# needs …` (rights, libpcap), and a line that does not run the program, are only
//! checked for their form: known words, options that exist.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::folder_for_all;

/// How lines begin that are not run here.
const NOT_RUN: [&str; 7] = [
    "sudo apt-get install -y ",
    "sudo setcap ",
    "rustup default ",
    "cargo test",
    "cargo install ",
    "cargo fmt",
    "UPDATE=1 cargo test",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A fenced block of a page: its language, where its text begins and ends.
#[derive(Debug)]
struct Block {
    language: String,
    text: std::ops::Range<usize>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        let end = at + line.len();
        if let Some(language) = line.strip_prefix("```") {
            match open.take() {
                None => open = Some((language.trim().to_owned(), end)),
                Some((language, start)) => blocks.push(Block { language, text: start..at }),
            }
        }
        at = end;
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// A folder in which commands may write what they like: the fixtures are there, and nothing else of the repository.
fn playground() -> tempfile::TempDir {
    let folder = folder_for_all();
    for part in ["fixtures", "fixtures/lab"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(root().join(part)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

/// The folders of PATH, with the one of the program under test before them.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_mqttsniff")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&others))).unwrap()
}

fn exists(program: &str) -> bool {
    std::env::split_paths(&path()).any(|folder: PathBuf| folder.join(program).is_file())
}

/// What became of a line.
enum Done {
    /// It was run, and printed this.
    Printed(String),
    /// It is not run here.
    Passed,
}

/// Runs a line, or checks its form.
fn run(line: &str, folder: &Path) -> Done {
    let line = line.replace("cargo run --release -- ", "mqttsniff ");
    let (command, needs) = match line.split_once(" # needs ") {
        Some((command, needs)) => (command.trim_end(), Some(needs)),
        None => (line.as_str(), None),
    };
    assert_options_exist(command);
    if needs.is_some() || NOT_RUN.iter().any(|begin| command.starts_with(begin)) {
        return Done::Passed;
    }
    assert!(command.contains("mqttsniff "), "neither a command of mqttsniff nor known: {line}");
    if command.contains("jq ") && !exists("jq") {
        let _ = writeln!(std::io::stderr(), "skipped: a command of the README, since there is no jq: {line}");
        return Done::Passed;
    }
    let output = Command::new("sh")
        .args(["-c", command])
        .env("PATH", path())
        .env_remove("COLUMNS")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{line}: {}\n{errors}", output.status);
    Done::Printed(String::from_utf8(output.stdout).unwrap())
}

/// The long options behind `mqttsniff COMMAND` must be in the command's help.
fn assert_options_exist(line: &str) {
    for part in line.split(['|', ';']) {
        let Some((_, arguments)) = part.split_once("mqttsniff ") else { continue };
        let mut words = arguments.split_whitespace();
        let Some(command) = words.next().filter(|word| word.chars().all(char::is_alphabetic)) else { continue };
        let help = Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args([command, "--help"]).output().unwrap();
        assert!(help.status.success(), "there is no command {command}: {line}");
        let help = String::from_utf8(help.stdout).unwrap();
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{command} has no option {option}: {line}");
        }
    }
}

/// Runs a page's commands, and gives the page with the outputs as they are now.
fn played(page: &str) -> String {
    let folder = playground();
    let mut fresh = String::new();
    let mut copied = 0;
    let mut printed: Option<String> = None;
    for block in blocks(page) {
        let text = &page[block.text.clone()];
        match block.language.as_str() {
            "sh" => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    printed = match run(line, folder.path()) {
                        Done::Printed(output) => Some(output),
                        Done::Passed => None,
                    };
                }
            }
            "text" => {
                if let Some(output) = printed.take() {
                    fresh.push_str(&page[copied..block.text.start]);
                    fresh.push_str(&trimmed(&output));
                    copied = block.text.end;
                }
            }
            "rust" => {
                // The link above a block names its source.
                let above = &page[..block.text.start];
                let name = above.rsplit_once("examples/").unwrap().1.split_once(')').unwrap().0;
                let source = std::fs::read_to_string(root().join("examples").join(name)).unwrap();
                fresh.push_str(&page[copied..block.text.start]);
                fresh.push_str(&source);
                copied = block.text.end;
            }
            "json" | "toml" | "yaml" | "python" => {}
            other => panic!("a block in {other:?}: commands stand in sh, outputs in text"),
        }
    }
    fresh.push_str(&page[copied..]);
    fresh
}

/// Without spaces at the ends of lines, which a page does not keep, and empty lines at the end.
fn trimmed(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[track_caller]
fn assert_page_is_true(name: &str) {
    let file = root().join(name);
    let page = std::fs::read_to_string(&file).unwrap();
    let fresh = played(&page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, fresh).unwrap();
        return;
    }
    for (number, (old, new)) in (1..).zip(page.lines().zip(fresh.lines())) {
        assert_eq!(old, new, "{name}, line {number}: `UPDATE=1 cargo test --test readme` rewrites it");
    }
    assert_eq!(page, fresh, "{name}: `UPDATE=1 cargo test --test readme` rewrites it");
}

#[test]
fn the_readme_is_true() {
    assert_page_is_true("README.md");
}

#[test]
fn the_page_on_json_is_true() {
    assert_page_is_true("docs/json.md");
}

#[test]
fn the_page_on_tcp_is_true() {
    assert_page_is_true("docs/tcp.md");
    assert_page_is_true("docs/mqtt.md");
}

#[test]
fn the_page_on_checks_is_true() {
    assert_page_is_true("docs/check.md");
}

/// Commands in the recipes of a page: lines of YAML, and lists of words in Python.
fn recipes(page: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for block in blocks(page) {
        let lines = page[block.text.clone()].lines().map(str::trim);
        match block.language.as_str() {
            "yaml" => {
                for line in lines {
                    let command = line.trim_start_matches("- ").trim_start_matches("run: ");
                    if command.starts_with("mqttsniff ") {
                        found.push(command.split(' ').skip(1).map(str::to_owned).collect());
                    }
                }
            }
            "python" => {
                for line in lines.filter(|line| line.contains("[\"mqttsniff\"")) {
                    let words = line.split('"').skip(1).step_by(2).skip(1);
                    found.push(words.map(str::to_owned).collect());
                }
            }
            _ => {}
        }
    }
    found
}

/// The commands are run where there is no capture: then all that may be wrong is that.
#[test]
fn commands_in_the_recipes_are_understood() {
    for (name, expected) in [("README.md", 3), ("docs/check.md", 3)] {
        let page = std::fs::read_to_string(root().join(name)).unwrap();
        let recipes = recipes(&page);
        assert_eq!(recipes.len(), expected, "{name}: {recipes:?}");
        for words in recipes {
            let folder = folder_for_all();
            let run = |words: &[String]| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
                command.args(words).current_dir(folder.path()).output().unwrap()
            };
            let missing = run(&words);
            let errors = String::from_utf8_lossy(&missing.stderr).into_owned();
            assert!(errors.starts_with("mqttsniff: traffic.pcapng: no such file"), "{name}: {words:?}: {errors}");
            std::fs::copy(root().join("fixtures/mqtt5_qos.pcap"), folder.path().join("traffic.pcapng")).unwrap();
            let found = run(&words);
            assert_eq!(found.status.code(), Some(0), "{name}: {words:?}");
        }
    }
}

#[test]
fn the_page_on_diff_is_true() {
    assert_page_is_true("docs/diff.md");
}

#[test]
fn the_page_on_long_runs_is_true() {
    assert_page_is_true("docs/long-runs.md");
}

#[test]
fn the_page_on_files_is_true() {
    assert_page_is_true("docs/files.md");
}

/// The pages in docs/.
fn pages() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages = entries.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"));
    let mut pages: Vec<_> = pages.map(|name| format!("docs/{}", name.to_str().unwrap())).collect();
    pages.sort();
    pages
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// What a command's help has between two texts.
fn in_help(command: &str, from: &str, to: &str) -> String {
    let help = Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args([command, "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    help.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned()
}

/// The captures that these pages name are the reader's own: that they are missing has to be all that is wrong.
#[test]
fn commands_on_captures_that_are_not_shipped_are_understood() {
    let folder = folder_for_all();
    let mut tried = 0;
    for name in ["docs/mqtt-sn.md", "docs/neighbours.md", "docs/quic.md", "docs/tls.md"] {
        let page = read(name);
        let lines = blocks(&page).into_iter().filter(|block| block.language == "sh");
        let lines: Vec<_> = lines.flat_map(|block| page[block.text].lines()).collect();
        for line in lines.into_iter().filter(|line| line.starts_with("mqttsniff ")) {
            let command = line.split(['|', '#']).next().unwrap();
            let output =
                Command::new("sh").args(["-c", command]).env("PATH", path()).current_dir(folder.path()).output();
            let errors = String::from_utf8(output.unwrap().stderr).unwrap();
            assert!(errors.contains("no such file"), "{name}: {line}: {errors}");
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried} commands were tried");
}

#[test]
fn the_readme_leads_to_each_page() {
    let readme = read("README.md");
    for page in pages() {
        assert!(readme.contains(&format!("({page}")), "README.md has no link to {page}");
    }
}

#[test]
fn the_readme_names_each_view() {
    let readme = read("README.md");
    let told = readme.split_once("`--show` chooses among ").unwrap().1.split_once(':').unwrap().0;
    let values = in_help("read", "--show <WHAT>", "\n      --json");
    let values: Vec<_> = values.lines().filter_map(|line| line.trim().strip_prefix("- ")?.split_once(':')).collect();
    assert!(values.len() > 5, "{values:?}");
    for (view, _) in values {
        assert!(told.contains(&format!("`{view}`")), "README.md lacks {view} among what --show knows");
    }
}

#[test]
fn the_page_on_hostile_traffic_has_each_cap() {
    let page = read("docs/hostile-traffic.md");
    let refused = Command::new(env!("CARGO_BIN_EXE_mqttsniff")).args(["read", "--cap", "x=1", "x"]).output().unwrap();
    let errors = String::from_utf8(refused.stderr).unwrap();
    let caps = errors.split_once("there are ").unwrap().1.lines().next().unwrap();
    assert!(caps.contains("flows, "), "{errors}");
    for cap in caps.split(", ") {
        assert!(page.contains(&format!("`{cap}`")), "docs/hostile-traffic.md lacks the cap {cap}");
    }
}

#[test]
fn the_page_on_long_runs_has_the_defaults_of_the_buffers() {
    let page = read("docs/long-runs.md");
    for option in ["--backlog", "--buffer"] {
        let default = in_help("capture", &format!("{option} <MIB>"), "]");
        let default = default.split_once("[default: ").unwrap().1.to_owned();
        assert!(
            [format!("(`{option}`, {default} MiB"), format!("`{option}` ({default} MiB")]
                .iter()
                .any(|it| page.contains(it)),
            "docs/long-runs.md has another default of {option} than {default}"
        );
    }
}

#[test]
fn links_in_the_pages_lead_somewhere() {
    let mut names = pages();
    names.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "fuzz/README.md"].map(str::to_owned));
    for name in names {
        let file = root().join(&name);
        let page = std::fs::read_to_string(&file).unwrap();
        for link in page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let to = link.split('#').next().unwrap();
            if !to.is_empty() && !to.contains("://") {
                assert!(file.parent().unwrap().join(to).exists(), "{name} links to {to}, which is not there");
            }
        }
    }
}

/// `cargo test` builds the examples before it runs the tests; `cargo test --test readme` alone does not.
#[test]
fn the_examples_run() {
    let tests = std::env::current_exe().unwrap();
    let examples = tests.parent().unwrap().with_file_name("examples");
    for (name, expected) in
        [("topics", "lab/s1/q2"), ("own_frames", "10.0.0.2:1883"), ("no_errors", "malformed.pcap has 12 errors")]
    {
        let program = examples.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        if !program.exists() {
            let _ = writeln!(std::io::stderr(), "skipped: example {name}: it is built by `cargo test` without --test");
            continue;
        }
        let output = Command::new(program).current_dir(root()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains(expected), "{name}: {printed}");
    }
}
