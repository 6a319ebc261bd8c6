//! Key logs: the secrets that clients and servers of TLS write down, read once or followed while a capture goes on.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use mqttsniff::dissect::{KeyLog, Keys};

use super::clock::now;
use super::failure::say;

/// How often a key log is looked at while it may grow.
const EVERY: Duration = Duration::from_millis(200);
/// Bytes that are read of it at a time.
const CHUNK: usize = 64 << 10;
/// The most that is read of it at once.
const MOST: u64 = 1 << 30;

/// The argument.
#[derive(Debug, Args)]
pub(super) struct KeyLogs {
    /// Decrypt TLS and QUIC with the secrets in this key log (SSLKEYLOGFILE)
    ///
    /// Clients and servers write it where they are told to, most by the environment variable SSLKEYLOGFILE. TLS 1.2 and 1.3
    /// and QUIC can be read with it from the beginning of a connection on. Keys that a pcapng file holds are used without it. No
    /// key is ever shown. It may grow while `mqttsniff capture` or `mqttsniff read --follow` goes on: it is looked at several
    /// times a second, and records wait a while for their keys.
    #[arg(long = "keylog", value_name = "FILE", value_parser = open)]
    file: Option<KeyLogFile>,

    /// What has no key log has the keys of its capture file.
    #[arg(skip)]
    own: Keys,
}

/// A key log that was opened, and read to its present end.
#[derive(Debug, Clone)]
pub(super) struct KeyLogFile {
    pub(super) keys: Keys,
    path: PathBuf,
    following: Arc<Mutex<Following>>,
}

#[derive(Debug)]
struct Following {
    file: File,
    read: u64,
    log: KeyLog,
}

/// Opens a key log and reads what is there.
pub(super) fn open(path: &str) -> Result<KeyLogFile, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file; where a client is to make it, create it empty before".to_owned(),
        _ => error.to_string(),
    })?;
    let mut following = Following { file, read: 0, log: KeyLog::default() };
    let keys = Keys::default();
    following.read_on(&keys).map_err(|error| error.to_string())?;
    Ok(KeyLogFile { keys, path: path.into(), following: Arc::new(Mutex::new(following)) })
}

impl Following {
    /// Reads what has been added.
    fn read_on(&mut self, keys: &Keys) -> io::Result<()> {
        let meta = self.file.metadata()?;
        if meta.is_file() && meta.len() < self.read {
            // It was emptied, and is written anew.
            self.file.seek(SeekFrom::Start(0))?;
            (self.read, self.log) = (0, KeyLog::default());
        }
        let mut chunk = vec![0; CHUNK];
        let mut left = MOST;
        while left > 0 {
            let count = self.file.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            self.log.push(chunk.get(..count).unwrap_or_default(), keys);
            self.read += count as u64;
            left = left.saturating_sub(count as u64);
        }
        Ok(())
    }
}

impl KeyLogFile {
    /// No more is expected: the last line counts without its end, and a file without keys is none.
    pub(super) fn finish(&self) {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        following.log.finish(&self.keys);
        let counts = following.log.counts();
        if counts.secrets == 0 {
            let what = if counts.unknown > 0 { "no line of it is one of a TLS key log" } else { "it holds no keys" };
            say(&format!("'{}': {what}", self.path.display()));
        }
        if self.keys.dropped() > 0 {
            say(&format!(
                "'{}' holds more connections than are kept; the first {} of them are left out",
                self.path.display(),
                self.keys.dropped()
            ));
        }
    }
}

impl KeyLogs {
    /// The store that connections look their secrets up in.
    pub(super) fn keys(&self) -> Keys {
        self.file.as_ref().map_or_else(
            || self.own.clone(),
            |file| {
                if !file.keys.is_growing() {
                    file.finish();
                }
                file.keys.clone()
            },
        )
    }

    /// What follows it while a capture goes on.
    pub(super) fn observer(&self) -> Option<KeyLogObserver> {
        self.file.clone().map(|file| KeyLogObserver { file, looked: now(), failed: false })
    }

    /// Says that it may grow.
    pub(super) fn expect_more(&self) {
        if let Some(file) = &self.file {
            file.keys.expect_more();
        }
    }
}

/// Looks at a key log once in a while.
pub(super) struct KeyLogObserver {
    file: KeyLogFile,
    looked: Instant,
    failed: bool,
}

impl KeyLogObserver {
    /// To be called at least ten times a second, and once when no more frames come (`is_end`), as keys may have been written
    /// down behind them; says whether there are more keys than before.
    pub(super) fn pause(&mut self, is_end: bool) -> bool {
        if self.failed || (!is_end && now().duration_since(self.looked) < EVERY) {
            return false;
        }
        self.looked = now();
        let mut following = self.file.following.lock().unwrap_or_else(PoisonError::into_inner);
        let known = following.log.counts().secrets;
        if let Err(error) = following.read_on(&self.file.keys) {
            // What was read so far is of use, and the capture goes on.
            self.failed = true;
            say(&format!("'{}' can't be read any more: {error}", self.file.path.display()));
        }
        drop(following);
        if is_end {
            self.file.finish();
        }
        let following = self.file.following.lock().unwrap_or_else(PoisonError::into_inner);
        following.log.counts().secrets != known
    }
}
