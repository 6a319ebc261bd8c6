//! Runs the targets over their corpus, then over changes of it by chance: `replay --help`.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mqttsniff_fuzz::mutate::{Chance, mutate};
use mqttsniff_fuzz::script::Script;
use mqttsniff_fuzz::{TARGETS, Target, packets, run, target};

const HELP: &str = "\
replay [OPTIONS]                    the corpus, then changes of it by chance
replay --target NAME FILE...        these inputs alone
replay --target NAME --least FILE   the least part of an input that still fails
replay --target NAME --pcap FILE...  what scripts of engine and redact make, each as FILE.pcapng
replay --target NAME --words        what often stands in inputs, as a dictionary of libFuzzer

  --target NAME     this target alone; may be repeated
  --seconds N       how long to change inputs, over all targets (0)
  --seed N          where chance begins (1)
  --slowest N       the most seconds that one input may take (1)
  --corpus DIR      where each target has a directory of inputs (fuzz/corpus)
  --finds DIR       where inputs go that fail (fuzz/finds)

It ends with 1 where an input has failed. A target that hangs, or overflows its stack, ends the program at once; its
input is the file `running` among the finds.
";

/// Characters of what is wrong that are told.
const TOLD: usize = 1000;

/// An input that takes longer hangs.
const HANGS: Duration = Duration::from_secs(30);

struct Arguments {
    targets: Vec<&'static Target>,
    files: Vec<PathBuf>,
    seconds: f64,
    seed: u64,
    slowest: Duration,
    corpus: PathBuf,
    finds: PathBuf,
    least: bool,
    pcap: bool,
    words: bool,
}

fn arguments() -> Result<Arguments, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Arguments {
        targets: Vec::new(),
        files: Vec::new(),
        seconds: 0.0,
        seed: 1,
        slowest: Duration::from_secs(1),
        corpus: package.join("corpus"),
        finds: package.join("finds"),
        least: false,
        pcap: false,
        words: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{argument} wants a value"));
        let number = |text: String| text.parse::<f64>().map_err(|_| format!("'{text}' is no number"));
        match argument.as_str() {
            "--target" => {
                let name = value()?;
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                let found = target(&name).ok_or_else(|| format!("there are {}; not '{name}'", names.join(", ")))?;
                out.targets.push(found);
            }
            "--seconds" => out.seconds = number(value()?)?,
            "--seed" => out.seed = number(value()?)? as u64,
            "--slowest" => out.slowest = Duration::from_secs_f64(number(value()?)?.max(0.001)),
            "--corpus" => out.corpus = value()?.into(),
            "--finds" => out.finds = value()?.into(),
            "--least" => out.least = true,
            "--pcap" => out.pcap = true,
            "--words" => out.words = true,
            "--help" => return Err(HELP.to_owned()),
            option if option.starts_with('-') => return Err(format!("there is no option {option}\n\n{HELP}")),
            file => out.files.push(file.into()),
        }
    }
    let alone = !out.files.is_empty() || out.least || out.words;
    if alone && out.targets.len() != 1 {
        return Err("name one target: --target NAME".to_owned());
    }
    if out.targets.is_empty() {
        out.targets = TARGETS.iter().collect();
    }
    Ok(out)
}

/// What is being run, for the one that watches.
type Running = Arc<Mutex<Option<Instant>>>;

/// Ends the program where an input hangs.
fn watch(running: &Running, at: PathBuf) {
    let running = Arc::clone(running);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(200));
            let began = *running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if began.is_some_and(|began| began.elapsed() > HANGS) {
                eprintln!("FOUND: an input hangs: {}", at.display());
                std::process::exit(1);
            }
        }
    });
}

/// Runs inputs, and keeps those that fail.
struct Runner {
    running: Running,
    finds: PathBuf,
    slowest: Duration,
    found: u64,
}

/// What one target did.
#[derive(Default)]
struct Count {
    runs: u64,
    slowest: Duration,
}

impl Runner {
    /// What is wrong with an input, if anything is.
    fn fault(&self, target: &Target, input: &[u8], count: &mut Count) -> Option<String> {
        let mut took = Duration::MAX;
        // A machine that is busy with something else makes nothing slow three times.
        for _ in 0..3 {
            let began = Instant::now();
            self.set(Some(began));
            let ended = catch_unwind(AssertUnwindSafe(|| run(target, input)));
            self.set(None);
            count.runs += 1;
            if let Err(panic) = ended {
                return Some(told(&*panic));
            }
            took = took.min(began.elapsed());
            if took <= self.slowest {
                break;
            }
        }
        count.slowest = count.slowest.max(took);
        (took > self.slowest).then(|| format!("it takes {:.1} s", took.as_secs_f64()))
    }

    fn set(&self, began: Option<Instant>) {
        *self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = began;
    }

    /// Runs an input; `name` is where it stands, if it does.
    fn run(&mut self, target: &Target, input: &[u8], name: Option<&Path>, count: &mut Count) -> io::Result<()> {
        fs::write(self.finds.join("running"), input)?;
        let Some(fault) = self.fault(target, input, count) else { return Ok(()) };
        self.found += 1;
        let place = match name {
            Some(name) => name.to_owned(),
            None => {
                let place = self.finds.join(format!("{}-{:016x}", target.name, digest(input)));
                fs::write(&place, input)?;
                place
            }
        };
        println!("FOUND {}: {}: {fault}", target.name, place.display());
        Ok(())
    }
}

/// What a panic says.
fn told(panic: &dyn std::any::Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").chars().take(TOLD).collect()
}

/// A number for bytes (FNV-1a), the same in every release.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(text) => {
            eprint!("{}", text.trim_end_matches('\n').to_owned() + "\n");
            return ExitCode::from(2);
        }
    };
    match replay(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(found) => {
            println!("{found} inputs failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(arguments: &Arguments) -> io::Result<u64> {
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("panic at {place}: {}", told(panic.payload()));
        }
    }));
    fs::create_dir_all(&arguments.finds)?;
    let running = Running::default();
    watch(&running, arguments.finds.join("running"));
    let (finds, slowest) = (arguments.finds.clone(), arguments.slowest);
    let mut runner = Runner { running, finds, slowest, found: 0 };
    if arguments.words {
        arguments.targets.iter().flat_map(|target| target.words).for_each(|word| println!("{}", quoted(word)));
        return Ok(0);
    }
    if let ([target], false) = (&arguments.targets[..], arguments.files.is_empty()) {
        for file in &arguments.files {
            let input = fs::read(file)?;
            if arguments.pcap {
                let mut script = Script::new(&input);
                packets::setting(&mut script);
                packets::traffic(&mut script).save(&file.with_extension("pcapng"))?;
            } else if arguments.least {
                least(&mut runner, target, input, file)?;
            } else {
                runner.run(target, &input, Some(file), &mut Count::default())?;
            }
        }
        return Ok(runner.found);
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    for (at, target) in arguments.targets.iter().enumerate() {
        let mut count = Count::default();
        let mut corpus = Vec::new();
        let start = Instant::now();
        let mut all = files(&arguments.corpus.join(target.name))?;
        if target.captures {
            all.extend(files(&fixtures.join("formats"))?);
            all.extend(files(&fixtures.join("vectors"))?);
        }
        for file in all {
            let input = fs::read(&file)?;
            runner.run(target, &input, Some(&file), &mut count)?;
            corpus.push(input);
        }
        let inputs = count.runs;
        let share = Duration::from_secs_f64(arguments.seconds.max(0.0) / arguments.targets.len() as f64);
        let began = Instant::now();
        let mut chance = Chance::new(arguments.seed.wrapping_mul(0x1_0000).wrapping_add(at as u64));
        while began.elapsed() < share {
            let mut input = corpus.get(chance.below(corpus.len())).cloned().unwrap_or_default();
            mutate(&mut input, &corpus, target.words, target.longest, &mut chance);
            runner.run(target, &input, None, &mut count)?;
        }
        let more = count.runs - inputs;
        println!(
            "{:10} {inputs:5} inputs, {more:8} changed, {:7.1?} at most, {:.1?} in all",
            target.name,
            count.slowest,
            start.elapsed()
        );
    }
    fs::remove_file(arguments.finds.join("running"))?;
    Ok(runner.found)
}

/// The files of a directory, in the order of their names; none where it is missing.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> = match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.sort();
    Ok(files)
}

/// Takes parts away for as long as the rest fails in the same way, and writes what is left beside the input.
fn least(runner: &mut Runner, target: &Target, mut input: Vec<u8>, file: &Path) -> io::Result<()> {
    let mut count = Count::default();
    let Some(fault) = runner.fault(target, &input, &mut count) else {
        println!("{} does not fail", file.display());
        return Ok(());
    };
    // What differs from input to input is numbers.
    let kind = |fault: &str| fault.chars().filter(|c| !c.is_ascii_digit()).take(40).collect::<String>();
    let mut part = input.len().next_power_of_two() / 2;
    while part > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + part).min(input.len()));
            if runner.fault(target, &less, &mut count).is_some_and(|other| kind(&other) == kind(&fault)) {
                input = less;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    let place = file.with_extension("least");
    fs::write(&place, &input)?;
    runner.found += 1;
    println!("{} bytes: {}: {fault}", input.len(), place.display());
    Ok(())
}

/// A word as libFuzzer's dictionaries have it.
fn quoted(word: &str) -> String {
    let escaped = word.bytes().map(|byte| match byte {
        b' '..=b'~' if byte != b'"' && byte != b'\\' => char::from(byte).to_string(),
        other => format!("\\x{other:02x}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
