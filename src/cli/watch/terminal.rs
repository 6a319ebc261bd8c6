//! The terminal that `--live` draws on: taken over at the start, given back whatever happens.
//!
//! Pages are written by a thread of their own, one at a time: where the terminal is slow, or stopped, pages are left out and
//! the capture goes on.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::super::terminal;

/// To the alternate screen, without a cursor; lines are not broken at the edge.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";

/// Back from there. What was on the terminal before is there again.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What the terminal was like, while it is taken over. Whoever writes to it holds this, so that nothing is drawn once it
/// was given back.
static TAKEN: Mutex<Option<Saved>> = Mutex::new(None);

struct Saved {
    /// None where keys can't be read.
    modes: Option<Termios>,
}

fn taken() -> MutexGuard<'static, Option<Saved>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back, if it was taken. That it can't be written is no reason to fail otherwise.
fn give_back() {
    let mut taken = taken();
    let Some(saved) = taken.take() else { return };
    let _ = write_out(LEAVE);
    if let Some(modes) = saved.modes {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

/// Past the buffer of standard output, in which there is nothing while the terminal is taken.
fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// The terminal, taken over.
pub(super) struct Terminal {
    pages: Option<SyncSender<String>>,
    drawer: Option<JoinHandle<()>>,
    /// Whether there are keys to be read.
    keys: bool,
}

impl Terminal {
    /// Whether there is one to draw on.
    pub(super) fn is_there() -> bool {
        io::stdout().is_terminal()
    }

    /// Takes it over.
    pub(super) fn enter() -> anyhow::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // Else nobody would see what it says, and the shell would be without echo.
                give_back();
                before(panic);
            }));
        });
        let modes = if io::stdin().is_terminal() { tcgetattr(io::stdin()).ok() } else { None };
        let keys =
            modes.as_ref().is_some_and(|modes| tcsetattr(io::stdin(), OptionalActions::Now, &raw(modes)).is_ok());
        *taken() = Some(Saved { modes: modes.filter(|_| keys) });
        // From here on it is given back when this is dropped.
        let mut terminal = Self { pages: None, drawer: None, keys };
        write_out(ENTER).context("can't write to the terminal")?;
        let (pages, to_draw) = mpsc::sync_channel::<String>(1);
        let draw = move || {
            for page in to_draw {
                let taken = taken();
                if taken.is_none() || write_out(page.as_bytes()).is_err() {
                    return;
                }
            }
        };
        let drawer = thread::Builder::new().name("screen".to_owned()).spawn(draw);
        terminal.drawer = Some(drawer.context("can't start a thread to draw")?);
        terminal.pages = Some(pages);
        Ok(terminal)
    }

    /// Its columns and lines.
    pub(super) fn size() -> (usize, usize) {
        terminal::size().unwrap_or((80, 24))
    }

    /// The bytes of the keys that were pressed, as far as there are any: it never waits.
    pub(super) fn keys(&mut self) -> Vec<u8> {
        let mut bytes = [0; 64];
        if !self.keys {
            return Vec::new();
        }
        match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(count) => bytes.get(..count).unwrap_or_default().to_vec(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
            Err(_) => {
                // The terminal is gone; there are no more keys.
                self.keys = false;
                Vec::new()
            }
        }
    }

    /// Draws a page, unless the one before is not drawn yet. Says whether there is still a terminal.
    pub(super) fn draw(&self, lines: &[String]) -> bool {
        let mut page = String::from("\x1b[H");
        for (at, line) in lines.iter().enumerate() {
            page.push_str(if at == 0 { "" } else { "\r\n" });
            page.push_str(line);
            // The rest of the line, of what was there before.
            page.push_str("\x1b[0m\x1b[K");
        }
        page.push_str("\x1b[J");
        let Some(pages) = &self.pages else { return false };
        !matches!(pages.try_send(page), Err(TrySendError::Disconnected(_)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The thread ends with the page that it is at.
        self.pages = None;
        if let Some(drawer) = self.drawer.take() {
            let _ = drawer.join();
        }
        give_back();
    }
}

/// Keys come one by one, without echo and without waiting. Ctrl-C stays what it is; keys that would stop the program, and
/// with it the capture, or end it without giving the terminal back, mean nothing.
fn raw(modes: &Termios) -> Termios {
    /// No key, as POSIX has it (`_POSIX_VDISABLE`).
    const NO_KEY: u8 = if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };
    let mut raw = modes.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    raw.input_modes.remove(InputModes::IXON);
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
    raw.special_codes[SpecialCodeIndex::VQUIT] = NO_KEY;
    raw
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    /// Set for the program that is to panic with the terminal taken: these tests, once more.
    const PANICS: &str = "MQTTSNIFF_TEST_PANICS";

    #[test]
    fn a_panic_is_told_on_a_terminal_that_was_given_back() {
        if std::env::var_os(PANICS).is_some() {
            let _terminal = Terminal::enter().expect("it is a terminal");
            panic!("on purpose");
        }
        let Ok(tests) = std::env::current_exe() else { return };
        let name = "cli::watch::terminal::tests::a_panic_is_told_on_a_terminal_that_was_given_back";
        let command = format!("'{}' --exact {name} --nocapture; stty -a", tests.display());
        // util-linux's makes a terminal, and shows what is written to it.
        let Ok(output) = Command::new("script").args(["-qec", &command, "/dev/null"]).env(PANICS, "1").output() else {
            eprintln!("skipped: script is not installed");
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout);
        let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("no {text:?} in {shown}"));
        assert!(place("\x1b[?1049h") < place("\x1b[?1049l") && place("\x1b[?1049l") < place("on purpose"), "{shown}");
        assert!(!shown.contains("-icanon") && !shown.contains("-echo "), "{shown}");
        place("icanon");
    }
}
