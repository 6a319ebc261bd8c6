//! The text of a filter, cut into tokens.

use super::ast::{Extent, Operator, Part, Place, Quantifier, Relation};
use super::error::Fault;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a value without quotes.
    Word(String),
    Text(Vec<u8>),
    Char(u8),
    /// `[…]`, read as a whole: inside, `-` and `:` mean something else.
    Slice(Vec<Part>),
    /// `#1` or `#[…]`.
    Layers(Vec<Part>),
    Relation(Relation),
    Operator(Operator),
    Quantifier(Quantifier),
    And,
    Or,
    Xor,
    Not,
    In,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    /// `..`
    To,
    End,
}

/// All tokens of a text, the last one being [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Place)>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut out = Vec::new();
    loop {
        lexer.skip_space();
        let from = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        out.push((token, Place::new(from, lexer.at)));
        if end {
            return Ok(out);
        }
    }
}

/// The symbols; where one begins with another, the longer one stands first.
const SYMBOLS: [(&str, Token); 26] = [
    ("===", Token::Relation(Relation::AllEqual)),
    ("!==", Token::Relation(Relation::AnyNotEqual)),
    ("==", Token::Relation(Relation::Equal)),
    ("!=", Token::Relation(Relation::NotEqual)),
    ("~=", Token::Relation(Relation::AnyNotEqual)),
    (">=", Token::Relation(Relation::GreaterEqual)),
    ("<=", Token::Relation(Relation::LessEqual)),
    ("&&", Token::And),
    ("||", Token::Or),
    ("^^", Token::Xor),
    ("..", Token::To),
    (">", Token::Relation(Relation::Greater)),
    ("<", Token::Relation(Relation::Less)),
    ("~", Token::Relation(Relation::Matches)),
    ("!", Token::Not),
    ("&", Token::Operator(Operator::BitAnd)),
    ("+", Token::Operator(Operator::Add)),
    ("-", Token::Operator(Operator::Subtract)),
    ("*", Token::Operator(Operator::Multiply)),
    ("/", Token::Operator(Operator::Divide)),
    ("%", Token::Operator(Operator::Modulo)),
    ("(", Token::Open),
    (")", Token::Close),
    ("{", Token::OpenBrace),
    ("}", Token::CloseBrace),
    (",", Token::Comma),
];

fn keyword(word: &str) -> Option<Token> {
    Some(match word {
        "eq" | "any_eq" => Token::Relation(Relation::Equal),
        "ne" | "all_ne" => Token::Relation(Relation::NotEqual),
        "all_eq" => Token::Relation(Relation::AllEqual),
        "any_ne" => Token::Relation(Relation::AnyNotEqual),
        "gt" => Token::Relation(Relation::Greater),
        "ge" => Token::Relation(Relation::GreaterEqual),
        "lt" => Token::Relation(Relation::Less),
        "le" => Token::Relation(Relation::LessEqual),
        "contains" => Token::Relation(Relation::Contains),
        "matches" => Token::Relation(Relation::Matches),
        "topic_matches" => Token::Relation(Relation::TopicMatches),
        "bitwise_and" => Token::Operator(Operator::BitAnd),
        "any" => Token::Quantifier(Quantifier::Any),
        "all" => Token::Quantifier(Quantifier::All),
        "and" => Token::And,
        "or" => Token::Or,
        "xor" => Token::Xor,
        "not" => Token::Not,
        "in" => Token::In,
        _ => return None,
    })
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            '"' => return self.quoted().map(Token::Text),
            'r' | 'R' if rest[1..].starts_with('"') => return self.raw().map(Token::Text),
            '\'' => return self.character().map(Token::Char),
            '[' => return self.parts().map(Token::Slice),
            '#' => return self.layers().map(Token::Layers),
            _ => {}
        }
        if let Some(word) = self.word() {
            return Ok(keyword(word).unwrap_or_else(|| Token::Word(word.to_owned())));
        }
        if let Some((symbol, token)) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            self.at += symbol.len();
            return Ok(token.clone());
        }
        let fault =
            Fault::new(Place::new(self.at, self.at + first.len_utf8()), format!("\"{first}\" has no meaning here"));
        Err(match first {
            '=' => fault.hint("equality is written =="),
            '|' => fault.hint("\"or\" is written || or or"),
            '^' => fault.hint("\"either, but not both\" is written ^^ or xor"),
            '$' => fault.hint("references to the selected frame (${…}) are of a program with a window"),
            '@' => fault.hint("raw bytes of a field (@…) are not offered; slices of its protocol are"),
            _ if !first.is_ascii() => fault.hint("text stands in double quotes"),
            _ => fault,
        })
    }

    /// A name, a number, an address: letters, digits, `_`, and inside it `-`, `.` and `:`, but not `..`.
    fn word(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        if rest.starts_with("..") {
            return None;
        }
        let starts = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':');
        if !bytes.first().is_some_and(|&byte| starts(byte)) {
            return None;
        }
        let inside = |at: usize, byte: u8| (starts(byte) || byte == b'-') && !rest[at..].starts_with("..");
        let mut end =
            (1..bytes.len()).find(|&at| !(bytes[at].is_ascii() && inside(at, bytes[at]))).unwrap_or(bytes.len());
        // A prefix length belongs to the address before it; behind anything else `/` divides.
        if bytes.get(end) == Some(&b'/') && is_address(&rest[..end]) {
            let digits = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            end += if digits > 0 { digits + 1 } else { 0 };
        }
        self.at += end;
        rest.get(..end)
    }

    /// A text in double quotes, with escapes.
    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        let from = self.at;
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => return Err(Fault::new(Place::new(from, self.at), "the closing quote is missing")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => self.escape(&mut out)?,
                Some(byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// A raw text: a backslash is a backslash, and keeps a quote from ending it.
    fn raw(&mut self) -> Result<Vec<u8>, Fault> {
        let from = self.at;
        self.at += 2;
        let mut out = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(out),
                b'\\' if self.peek() == Some(b'"') => {
                    out.extend(b"\\\"");
                    self.at += 1;
                }
                _ => out.push(byte),
            }
        }
        Err(Fault::new(Place::new(from, self.at), "the closing quote is missing"))
    }

    fn character(&mut self) -> Result<u8, Fault> {
        let from = self.at;
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => return Err(Fault::new(Place::new(from, self.at), "the closing single quote is missing")),
                Some(b'\'') => break,
                Some(b'\\') => self.escape(&mut out)?,
                Some(byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let fault = |why| Fault::new(Place::new(from, self.at), why).hint("text stands in double quotes");
        match out[..] {
            [byte] => Ok(byte),
            [] => Err(fault("a character is missing between the single quotes")),
            _ => Err(fault("single quotes hold one character of one byte")),
        }
    }

    /// An escape, which begins at a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let from = self.at;
        let rest = self.rest();
        let digits = |skip: usize, most: usize, radix: u32| {
            let digits = rest.get(skip..).unwrap_or_default();
            let many = digits.bytes().take(most).take_while(|byte| char::from(*byte).is_digit(radix)).count();
            (skip + many, u32::from_str_radix(&digits[..many], radix).ok(), many)
        };
        let fault = |length: usize, why: &str| {
            Err(Fault::new(Place::new(from, from + length), why).hint(r#"a raw text, r"…", keeps its backslashes"#))
        };
        let simple = match rest.as_bytes().get(1) {
            Some(quoted @ (b'\'' | b'"' | b'\\')) => *quoted,
            Some(b'a') => 0x07,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(b'x') => {
                let (length, Some(value), _) = digits(2, 2, 16) else {
                    return fault(2, "\\x needs hexadecimal digits");
                };
                out.push(value as u8);
                self.at += length;
                return Ok(());
            }
            Some(b'0'..=b'7') => {
                let (length, value, _) = digits(1, 3, 8);
                let Some(byte) = value.and_then(|value| u8::try_from(value).ok()) else {
                    return fault(length, "an octal escape goes up to \\377");
                };
                out.push(byte);
                self.at += length;
                return Ok(());
            }
            Some(kind @ (b'u' | b'U')) => {
                let wanted = if *kind == b'u' { 4 } else { 8 };
                let (length, value, many) = digits(2, wanted, 16);
                let Some(c) = value.filter(|_| many == wanted).and_then(char::from_u32) else {
                    return fault(length, "no character of Unicode: \\u takes four hexadecimal digits, \\U eight");
                };
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
                self.at += length;
                return Ok(());
            }
            Some(_) => return fault(2, "no escape sequence"),
            None => return fault(1, "the text ends in a backslash"),
        };
        out.push(simple);
        self.at += 2;
        Ok(())
    }

    fn layers(&mut self) -> Result<Vec<Part>, Fault> {
        let from = self.at;
        self.at += 1;
        if self.peek() == Some(b'[') {
            return self.parts();
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest()[..digits].parse().ok();
        self.at += digits;
        let Some(start) = number else {
            let fault = Fault::new(Place::new(from, self.at), "# needs the number of a layer, or a range in brackets");
            return Err(fault.hint("such as #2, #[-1] or #[2-4]"));
        };
        Ok(vec![Part { start, extent: Extent::Length(1) }])
    }

    /// `[a:b,c-d,…]`
    fn parts(&mut self) -> Result<Vec<Part>, Fault> {
        let from = self.at;
        let Some(length) = self.rest().find(']') else {
            return Err(Fault::new(Place::new(from, self.text.len()), "the closing bracket is missing"));
        };
        self.at += length + 1;
        let mut at = from + 1;
        let mut out = Vec::new();
        for piece in self.text[from + 1..self.at - 1].split(',') {
            let part = part(piece).map_err(|why| {
                let place = Place::new(at, (at + piece.len()).max(at + 1));
                Fault::new(place, why).hint("a range is [start:length], [first-last], [start:], [:length] or [offset]")
            })?;
            out.push(part);
            at += piece.len() + 1;
        }
        Ok(out)
    }
}

/// One range: `3`, `3:4`, `3-4`, `3:`, `:4`, `:`.
fn part(text: &str) -> Result<Part, &'static str> {
    let text = text.trim();
    if let Some(length) = text.strip_prefix(':') {
        return extent(0, length.trim());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = text.len() - digits.len() + digits.find([':', '-']).unwrap_or(digits.len());
    let (start, rest) = text.split_at(end);
    let start = offset(start.trim())?;
    if let Some(length) = rest.strip_prefix(':') {
        return extent(start, length.trim());
    }
    let Some(last) = rest.strip_prefix('-') else { return Ok(Part { start, extent: Extent::Length(1) }) };
    let last = offset(last.trim())?;
    if (start < 0) != (last < 0) {
        return Err("a range counts both ends from the same end");
    }
    if start >= last {
        return Err("the range ends before it begins");
    }
    Ok(Part { start, extent: Extent::Through(last) })
}

fn extent(start: i32, length: &str) -> Result<Part, &'static str> {
    if length.is_empty() {
        return Ok(Part { start, extent: Extent::Rest });
    }
    match offset(length)? {
        length @ 1.. => Ok(Part { start, extent: Extent::Length(length as u32) }),
        _ => Err("a length is at least 1"),
    }
}

fn offset(text: &str) -> Result<i32, &'static str> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = integer(digits).map_err(|_| "no number")?;
    let value = i32::try_from(value).map_err(|_| "the number is too big")?;
    Ok(if negative { -value } else { value })
}

/// Why a word is no integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoInteger {
    Form,
    TooBig,
}

/// An integer as C has it: decimal, `0x…`, `0b…`, or octal with a `0` in front.
pub(super) fn integer(word: &str) -> Result<u64, NoInteger> {
    let (digits, radix) = match word.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&word[2..], 16),
        [b'0', b'b' | b'B', ..] => (&word[2..], 2),
        [b'0', _, ..] => (&word[1..], 8),
        _ => (word, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(NoInteger::Form);
    }
    u64::from_str_radix(digits, radix).map_err(|_| NoInteger::TooBig)
}

fn is_address(word: &str) -> bool {
    word.parse::<std::net::IpAddr>().is_ok()
}
