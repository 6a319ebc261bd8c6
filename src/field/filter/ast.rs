//! A filter as it was written: names and literals not yet resolved, every operand with its place.

/// Where something stands in the text, in bytes. Two trees are equal wherever their parts stood.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Place {
    pub(super) const fn new(from: usize, to: usize) -> Self {
        Self { from, to }
    }

    /// From the beginning of this to the end of `other`.
    pub(super) const fn through(self, other: Self) -> Self {
        Self { from: self.from, to: other.to }
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

/// Something that is true or false of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    /// At least two, none of them an `Or`.
    Or(Vec<Self>),
    /// At least two, none of them a `Xor`: true if an odd number of them is.
    Xor(Vec<Self>),
    /// At least two, none of them an `And`.
    And(Vec<Self>),
    Not(Box<Self>),
    /// A field that is there, or bits that are not all zero.
    Test(Operand),
    /// `a < b < c`: each pair of neighbours.
    Compare {
        quantifier: Option<Quantifier>,
        first: Operand,
        rest: Vec<(Relation, Operand)>,
    },
    /// `a in {…}`.
    Member {
        quantifier: Option<Quantifier>,
        operand: Operand,
        negated: bool,
        set: Vec<Element>,
    },
}

/// How many of the occurrences of a field have to satisfy a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

/// What is held against the right side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    /// `!=`: no occurrence is equal.
    NotEqual,
    /// `===`: every occurrence is equal.
    AllEqual,
    /// `!==`: some occurrence is not equal.
    AnyNotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Contains,
    Matches,
    /// An MQTT topic filter on the right.
    TopicMatches,
}

/// A value, a range of values: what a set has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) low: Operand,
    pub(super) high: Option<Operand>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OperandKind {
    /// A field, or a value without quotes.
    Word(String),
    /// `field#2`.
    Layered(String, Vec<Part>),
    /// A text in quotes: bytes, because escapes may make any.
    Text(Vec<u8>),
    /// A character in single quotes.
    Char(u8),
    Slice(Box<Operand>, Vec<Part>),
    Call(String, Vec<Operand>),
    Negative(Box<Operand>),
    Arithmetic(Operator, Box<Operand>, Box<Operand>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
}

impl Operator {
    /// A higher one binds more tightly.
    pub(super) const fn precedence(self) -> u8 {
        match self {
            Self::BitAnd => 0,
            Self::Add | Self::Subtract => 1,
            Self::Multiply | Self::Divide | Self::Modulo => 2,
        }
    }
}

/// One range of a slice or of layers; a negative offset counts from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: i32,
    pub(super) extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many.
    Length(u32),
    /// Up to and with this offset, which has the sign of the start.
    Through(i32),
    /// To the end.
    Rest,
}

impl Part {
    /// The range of offsets in something of this length; none where it does not lie in it as a whole.
    pub(super) fn within(self, length: usize) -> Option<std::ops::Range<usize>> {
        let offset = |at: i32| {
            let at = i64::from(at) + if at < 0 { length as i64 } else { 0 };
            usize::try_from(at).ok().filter(|&at| at < length)
        };
        let start = offset(self.start)?;
        let end = match self.extent {
            Extent::Length(many) => start.checked_add(many as usize)?,
            Extent::Through(last) => offset(last)? + 1,
            Extent::Rest => length,
        };
        (start < end && end <= length).then_some(start..end)
    }

    /// Whether a number counted from 1 lies in it, of so many.
    pub(super) fn has(self, number: u8, many: u8) -> bool {
        let many = i64::from(many);
        let place = |at: i32| i64::from(at) + if at < 0 { many + 1 } else { 0 };
        let (number, start) = (i64::from(number), place(self.start));
        start <= number
            && match self.extent {
                Extent::Length(length) => number < start + i64::from(length),
                Extent::Through(last) => number <= place(last),
                Extent::Rest => true,
            }
    }
}
