//! Names of files that are made one after the other: from the time of what is first in them, and by number.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Packing;
use crate::time::Timestamp;

/// A file name with what stands for times and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    parts: Vec<Part>,
    /// What comes behind a number that tells names apart: `.pcap.gz`.
    end: OsString,
}

/// What a file name is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(OsString),
    /// Digits of the time, by where they stand in its RFC 3339 form.
    Time(usize, usize),
    /// The number of the file.
    Number,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A letter that stands for nothing.
    #[error("'%{0}' in the file's name stands for nothing")]
    Unknown(char),
    /// A percent sign with nothing behind it.
    #[error("the '%' at the end of the file's name stands for nothing")]
    Bare,
    /// No name at all.
    #[error("'{0}' names no file")]
    NoName(String),
}

impl PatternError {
    /// The way out.
    pub const HINT: &str =
        "%Y %m %d %H %M %S are the time (UTC) of the first frame in the file, %n is its number, and %% a percent sign";
}

impl Pattern {
    /// Reads a path. Only its last part, the file's name, may have patterns; one that is not UTF-8 stands for itself.
    pub fn parse(path: &Path) -> Result<Self, PatternError> {
        let Some(name) = path.file_name() else { return Err(PatternError::NoName(path.display().to_string())) };
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let Some(text) = name.to_str() else {
            return Ok(Self { folder, parts: vec![Part::Text(name.to_owned())], end: OsString::new() });
        };
        // `.gz` belongs to the extension; a name that begins with its only dot has none.
        let (_, plain) = Packing::of_name(text);
        let at = plain.rfind('.').filter(|at| *at > 0).unwrap_or(plain.len());
        let (stem, end) = text.split_at(at);
        let (mut parts, rest) = (parts_of(stem)?, parts_of(end)?);
        // Digits behind the dot are no end of a name.
        let end = match rest.as_slice() {
            [] => OsString::new(),
            [Part::Text(end)] => end.clone(),
            _ => {
                parts.extend(rest);
                OsString::new()
            }
        };
        Ok(Self { folder, parts, end })
    }

    /// The folder that the files are made in; empty for the current one.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it always gives the same name.
    pub fn is_fixed(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Time(..) | Part::Number))
    }

    /// Whether the number of the file is in the name.
    pub fn is_numbered(&self) -> bool {
        self.parts.contains(&Part::Number)
    }

    /// The name of the file with this number whose first frame has this time; `apart` is put in before the extension.
    pub fn name(&self, time: Timestamp, number: u64, apart: Option<u64>) -> PathBuf {
        let time = time.rfc3339();
        let mut name = OsString::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push(text),
                Part::Time(from, to) => {
                    name.push(std::str::from_utf8(time.get(*from..*to).unwrap_or_default()).unwrap_or_default());
                }
                Part::Number => name.push(format!("{number:05}")),
            }
        }
        if let Some(apart) = apart {
            let mut digits = String::new();
            let _ = write!(digits, "_{apart:05}");
            name.push(digits);
        }
        name.push(&self.end);
        self.folder.join(name)
    }
}

fn parts_of(text: &str) -> Result<Vec<Part>, PatternError> {
    let (mut parts, mut plain) = (Vec::new(), String::new());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        let part = match rest.next() {
            Some('%') => {
                plain.push('%');
                continue;
            }
            // 2026-11-22T10:11:12.…
            Some('Y') => Part::Time(0, 4),
            Some('m') => Part::Time(5, 7),
            Some('d') => Part::Time(8, 10),
            Some('H') => Part::Time(11, 13),
            Some('M') => Part::Time(14, 16),
            Some('S') => Part::Time(17, 19),
            Some('n') => Part::Number,
            Some(other) => return Err(PatternError::Unknown(other)),
            None => return Err(PatternError::Bare),
        };
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain).into()));
        }
        parts.push(part);
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain.into()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2009-02-13 23:31:30 UTC.
    const TIME: Timestamp = Timestamp::from_secs_nanos(1_234_567_890, 999_999_999);

    fn name(pattern: &str, number: u64, apart: Option<u64>) -> String {
        Pattern::parse(Path::new(pattern)).unwrap().name(TIME, number, apart).to_str().unwrap().to_owned()
    }

    #[test]
    fn times_and_numbers_are_put_in() {
        assert_eq!(name("a/%Y%m%d-%H%M%S.pcap", 1, None), "a/20090213-233130.pcap");
        assert_eq!(name("%n.pcapng", 7, None), "00007.pcapng");
        assert_eq!(name("%n.pcapng", 123_456, None), "123456.pcapng");
        assert_eq!(name("100%%-%Y", 1, None), "100%-2009");
        assert_eq!(name("plain.pcap", 1, None), "plain.pcap");
        assert_eq!(name("/cap/ring.%H", 1, None), "/cap/ring.23");
    }

    #[test]
    fn what_tells_names_apart_stands_before_the_extension() {
        assert_eq!(name("x/cap.pcap", 1, Some(2)), "x/cap_00002.pcap");
        assert_eq!(name("cap.pcap.gz", 1, Some(2)), "cap_00002.pcap.gz");
        assert_eq!(name("cap.jsonl.ZST", 1, Some(2)), "cap_00002.jsonl.ZST");
        assert_eq!(name("cap-%H.pcapng", 1, Some(100_000)), "cap-23_100000.pcapng");
        assert_eq!(name("cap", 1, Some(1)), "cap_00001");
        assert_eq!(name(".cap", 1, Some(1)), ".cap_00001");
        assert_eq!(name("cap.%H", 1, Some(1)), "cap.23_00001");
        assert_eq!(name("a.b/cap", 1, Some(1)), "a.b/cap_00001");
    }

    #[test]
    fn what_stands_for_nothing_is_told() {
        let error = |pattern: &str| Pattern::parse(Path::new(pattern)).unwrap_err();
        assert_eq!(error("a%q.pcap"), PatternError::Unknown('q'));
        assert_eq!(error("a.%"), PatternError::Bare);
        assert_eq!(error("/"), PatternError::NoName("/".into()));
        assert_eq!(error(".."), PatternError::NoName("..".into()));
        // Folders stand as they are.
        assert_eq!(name("%q/a", 1, None), "%q/a");
    }

    #[test]
    fn what_a_pattern_depends_on_is_known() {
        let of = |pattern: &str| {
            let pattern = Pattern::parse(Path::new(pattern)).unwrap();
            (pattern.is_fixed(), pattern.is_numbered())
        };
        assert_eq!(of("a%%.pcap"), (true, false));
        assert_eq!(of("a%H.pcap"), (false, false));
        assert_eq!(of("a%n.pcap"), (false, true));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_stands_for_itself() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a%Y\xff.pcap"));
        let pattern = Pattern::parse(path).unwrap();
        assert!(pattern.is_fixed());
        assert_eq!(pattern.name(TIME, 1, None), path);
    }
}
