//! Tokens to a tree. What binds most tightly: slices and layers, a sign, `* / %`, `+ -`, `&`, comparisons, `not`, `and`,
//! `xor`, `or`.

use super::ast::{Element, Expr, Operand, OperandKind, Operator, Place, Quantifier, Relation};
use super::error::Fault;
use super::lexer::{Token, tokens};

/// How deep a filter may be nested. Checking, evaluation and printing descend the tree, so it bounds their stack.
pub(super) const DEPTH: usize = 64;
/// How many arithmetic operators and slices one comparison may have: each makes its tree deeper by one.
const OPERATORS: usize = 64;
/// How long a filter may be, in bytes.
const LENGTH: usize = 1 << 16;

/// Parses a filter without looking at what its names mean.
pub(super) fn parse(text: &str) -> Result<Expr, Fault> {
    if text.len() > LENGTH {
        return Err(Fault::new(Place::new(0, 1), "the filter is longer than 64 KiB"));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, operators: 0 };
    if parser.peek() == &Token::End {
        return Err(Fault::new(parser.place(), "the filter is empty"));
    }
    let expr = parser.or()?;
    match parser.peek() {
        Token::End => Ok(expr),
        Token::Close => Err(Fault::new(parser.place(), "no parenthesis is open here")),
        Token::Relation(_) if parser.at > 0 && parser.tokens[parser.at - 1].0 == Token::Close => {
            let fault = Fault::new(parser.place(), "what stands in parentheses is true or false and can't be compared");
            Err(fault.hint("arithmetic is grouped with braces: {a + b} * c == d"))
        }
        _ => Err(Fault::new(parser.place(), "expected \"and\", \"or\" or the end of the filter")),
    }
}

struct Parser {
    tokens: Vec<(Token, Place)>,
    at: usize,
    depth: usize,
    operators: usize,
}

impl Parser {
    /// The next token; there is always one, as the end is never passed.
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn place(&self) -> Place {
        self.tokens.get(self.at).map_or_else(Place::default, |(_, place)| *place)
    }

    fn before(&self) -> Place {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or_else(Place::default, |(_, place)| *place)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == token;
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<(), Fault> {
        if self.take(token) { Ok(()) } else { Err(Fault::new(self.place(), format!("expected {what}"))) }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEPTH {
            return Err(Fault::new(self.place(), "nested too deeply"));
        }
        self.depth += 1;
        let out = parse(self);
        self.depth -= 1;
        out
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.xor()?];
        while self.take(&Token::Or) {
            parts.push(self.xor()?);
        }
        Ok(Expr::or(parts))
    }

    fn xor(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.and()?];
        while self.take(&Token::Xor) {
            parts.push(self.and()?);
        }
        Ok(Expr::xor(parts))
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.not()?];
        while self.take(&Token::And) {
            parts.push(self.not()?);
        }
        Ok(Expr::and(parts))
    }

    fn not(&mut self) -> Result<Expr, Fault> {
        if self.take(&Token::Not) {
            return Ok(Expr::Not(Box::new(self.nested(Self::not)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.nested(Self::or)?;
            self.expect(&Token::Close, "\")\"")?;
            return Ok(inner);
        }
        self.operators = 0;
        self.test()
    }

    fn test(&mut self) -> Result<Expr, Fault> {
        let quantifier = self.quantifier();
        let first = self.operand()?;
        let negated = self.peek() == &Token::Not;
        if negated && self.tokens.get(self.at + 1).is_some_and(|(token, _)| token == &Token::In) {
            self.at += 1;
        }
        if self.take(&Token::In) {
            let set = self.set()?;
            return Ok(Expr::Member { quantifier, operand: first, negated, set });
        }
        let mut rest = Vec::new();
        while let &Token::Relation(relation) = self.peek() {
            // A chain has but one meaning where each link puts things in order.
            let searches =
                |relation| matches!(relation, Relation::Contains | Relation::Matches | Relation::TopicMatches);
            if rest.last().is_some_and(|&(last, _)| searches(last) || searches(relation)) {
                return Err(Fault::new(self.place(), "expected \"and\", \"or\" or the end of the filter"));
            }
            self.at += 1;
            if let Token::Quantifier(_) = self.peek() {
                return Err(Fault::new(self.place(), "\"any\" and \"all\" stand in front of the whole comparison"));
            }
            rest.push((relation, self.operand()?));
            if rest.len() > OPERATORS {
                return Err(Fault::new(self.place(), "too many comparisons in one chain"));
            }
        }
        match (quantifier, rest.is_empty()) {
            (None, true) => Ok(Expr::Test(first)),
            (Some(_), true) => Err(Fault::new(self.place(), "expected a comparison: \"any\" and \"all\" begin one")),
            (_, false) => Ok(Expr::Compare { quantifier, first, rest }),
        }
    }

    fn quantifier(&mut self) -> Option<Quantifier> {
        let &Token::Quantifier(quantifier) = self.peek() else { return None };
        self.at += 1;
        Some(quantifier)
    }

    fn set(&mut self) -> Result<Vec<Element>, Fault> {
        self.expect(&Token::OpenBrace, "\"{\" and the values of the set")?;
        let mut set = Vec::new();
        loop {
            self.operators = 0;
            let low = self.operand()?;
            let high = if self.take(&Token::To) { Some(self.operand()?) } else { None };
            set.push(Element { low, high });
            if self.take(&Token::CloseBrace) {
                return Ok(set);
            }
            self.expect(&Token::Comma, "\",\" or \"}\"")?;
        }
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        self.binary(0)
    }

    /// Operators of at least this precedence, from left to right.
    fn binary(&mut self, least: u8) -> Result<Operand, Fault> {
        if least > 2 {
            return self.sign();
        }
        let mut left = self.binary(least + 1)?;
        while let &Token::Operator(operator) = self.peek()
            && operator.precedence() == least
        {
            self.count()?;
            self.at += 1;
            let right = self.binary(least + 1)?;
            let place = left.place.through(right.place);
            let kind = OperandKind::Arithmetic(operator, Box::new(left), Box::new(right));
            left = Operand { kind, place };
        }
        Ok(left)
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.operators += 1;
        if self.operators > OPERATORS { Err(Fault::new(self.place(), "nested too deeply")) } else { Ok(()) }
    }

    fn sign(&mut self) -> Result<Operand, Fault> {
        let from = self.place();
        if self.take(&Token::Operator(Operator::Add)) {
            return self.primary();
        }
        if self.take(&Token::Operator(Operator::Subtract)) {
            let inner = self.primary()?;
            let place = from.through(inner.place);
            return Ok(Operand { kind: OperandKind::Negative(Box::new(inner)), place });
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Operand, Fault> {
        let place = self.place();
        let kind = match self.peek().clone() {
            Token::Word(word) => {
                self.at += 1;
                self.behind_word(word)?
            }
            Token::Text(text) => {
                self.at += 1;
                OperandKind::Text(text)
            }
            Token::Char(byte) => {
                self.at += 1;
                OperandKind::Char(byte)
            }
            Token::OpenBrace => {
                self.at += 1;
                let inner = self.nested(Self::operand)?;
                self.expect(&Token::CloseBrace, "\"}\"")?;
                inner.kind
            }
            Token::End => return Err(Fault::new(place, "the filter ends where a field or a value is expected")),
            _ => return Err(Fault::new(place, "expected a field or a value")),
        };
        let mut operand = Operand { kind, place: place.through(self.before()) };
        while let Token::Slice(parts) = self.peek().clone() {
            self.count()?;
            self.at += 1;
            let place = place.through(self.before());
            operand = Operand { kind: OperandKind::Slice(Box::new(operand), parts), place };
        }
        Ok(operand)
    }

    fn behind_word(&mut self, word: String) -> Result<OperandKind, Fault> {
        if let Token::Layers(parts) = self.peek().clone() {
            self.at += 1;
            return Ok(OperandKind::Layered(word, parts));
        }
        if !self.take(&Token::Open) {
            return Ok(OperandKind::Word(word));
        }
        let mut arguments = Vec::new();
        if !self.take(&Token::Close) {
            loop {
                arguments.push(self.nested(Self::operand)?);
                if self.take(&Token::Close) {
                    break;
                }
                self.expect(&Token::Comma, "\",\" or \")\"")?;
            }
        }
        Ok(OperandKind::Call(word, arguments))
    }
}

impl Expr {
    /// All of them, without parentheses that change nothing.
    pub(super) fn and(parts: Vec<Self>) -> Self {
        Self::join(parts, Self::And, |part| match part {
            Self::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// An odd number of them.
    pub(super) fn xor(parts: Vec<Self>) -> Self {
        Self::join(parts, Self::Xor, |part| match part {
            Self::Xor(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// Any of them.
    pub(super) fn or(parts: Vec<Self>) -> Self {
        Self::join(parts, Self::Or, |part| match part {
            Self::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }

    fn join(parts: Vec<Self>, whole: fn(Vec<Self>) -> Self, open: fn(Self) -> Result<Vec<Self>, Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(part) => flat.push(part),
            }
        }
        match <[Self; 1]>::try_from(flat) {
            Ok([one]) => one,
            Err(flat) => whole(flat),
        }
    }
}
