//! Names to fields, literals to values of the type that is wanted, and types that fit each other.

use super::ast::{Element, Expr, Operand, OperandKind, Operator, Part, Place, Quantifier, Relation};
use super::error::Fault;
use super::eval::{Function, Node, Order, Plan, Right, Test};
use super::function;
use super::types::{Class, Target, Typed};
use super::{convert, pattern};
use crate::field::{FieldId, Names};

/// A filter that can be evaluated, or why it makes no sense.
pub(super) fn check(expr: &Expr, names: &dyn Names) -> Result<Plan, Fault> {
    Checker { names }.expr(expr)
}

pub(super) struct Checker<'n> {
    pub(super) names: &'n dyn Names,
}

impl Checker<'_> {
    fn expr(&self, expr: &Expr) -> Result<Plan, Fault> {
        let all = |parts: &[Expr]| parts.iter().map(|part| self.expr(part)).collect::<Result<Box<[_]>, _>>();
        Ok(match expr {
            Expr::Or(parts) => Plan::Or(all(parts)?),
            Expr::Xor(parts) => Plan::Xor(all(parts)?),
            Expr::And(parts) => Plan::And(all(parts)?),
            Expr::Not(inner) => Plan::Not(Box::new(self.expr(inner)?)),
            Expr::Test(operand) => self.test(operand)?,
            Expr::Compare { quantifier, first, rest } => {
                let mut left = first;
                let mut links = Vec::with_capacity(rest.len());
                for (relation, right) in rest {
                    links.push(self.compare(*quantifier, left, *relation, right)?);
                    left = right;
                }
                match <[Plan; 1]>::try_from(links) {
                    Ok([one]) => one,
                    Err(links) => Plan::And(links.into()),
                }
            }
            Expr::Member { quantifier, operand, negated, set } => {
                let found = self.member(*quantifier, operand, set)?;
                if *negated { Plan::Not(Box::new(found)) } else { found }
            }
        })
    }

    fn test(&self, operand: &Operand) -> Result<Plan, Fault> {
        let Some(typed) = self.infer(operand)? else { return Err(self.no_field(operand)) };
        match &operand.kind {
            OperandKind::Word(_) | OperandKind::Layered(..) | OperandKind::Slice(..) => Ok(Plan::Present(typed.node)),
            OperandKind::Negative(_) | OperandKind::Arithmetic(..) => Ok(Plan::NonZero(typed.node)),
            OperandKind::Call(name, _) => {
                let fault = Fault::new(operand.place, format!("a function has a value: compare what {name}() gives"));
                Err(fault.hint(format!("such as {operand} == …")))
            }
            OperandKind::Text(_) | OperandKind::Char(_) => Err(self.no_field(operand)),
        }
    }

    /// What an operand is that ought to be a field, or made of fields, and is not.
    fn no_field(&self, operand: &Operand) -> Fault {
        match &operand.kind {
            OperandKind::Word(word) | OperandKind::Layered(word, _) => self.unknown(word, operand.place),
            _ => Fault::new(operand.place, "expected a field, and this is a value"),
        }
    }

    pub(super) fn unknown(&self, word: &str, place: Place) -> Fault {
        let fault = Fault::new(place, format!("\"{word}\" is no field"));
        if let Some((name, _)) = word.split_once('-')
            && self.names.field(name).is_some()
        {
            return fault.hint(format!("a minus sign needs a space before it: {name} - …"));
        }
        match self.names.nearest(word)[..] {
            [] => fault,
            ref near => fault.hint(format!("nearest: {}", near.join(", "))),
        }
    }

    fn compare(
        &self,
        quantifier: Option<Quantifier>,
        left: &Operand,
        relation: Relation,
        right: &Operand,
    ) -> Result<Plan, Fault> {
        let order = match relation {
            Relation::Equal | Relation::AllEqual => Order::Equal,
            Relation::NotEqual | Relation::AnyNotEqual => Order::NotEqual,
            Relation::Greater => Order::Greater,
            Relation::GreaterEqual => Order::GreaterEqual,
            Relation::Less => Order::Less,
            Relation::LessEqual => Order::LessEqual,
            Relation::Contains | Relation::Matches | Relation::TopicMatches => {
                return self.search(quantifier, left, relation, right);
            }
        };
        let all = quantifier.map_or(matches!(relation, Relation::NotEqual | Relation::AllEqual), |quantifier| {
            quantifier == Quantifier::All
        });
        let sides = (self.infer(left)?, self.infer(right)?);
        for (side, operand) in [(&sides.0, left), (&sides.1, right)] {
            if side.as_ref().is_some_and(|side| side.class == Class::Label) {
                let message = format!("{operand} has no value that could be compared");
                return Err(Fault::new(operand.place, message).hint("its name alone asks whether it is there"));
            }
        }
        let (node, order, right) = match sides {
            (None, None) => {
                let named = |side: &&Operand| matches!(&side.kind, OperandKind::Word(word) if is_name(word));
                return Err(match [left, right].into_iter().find(named) {
                    Some(operand) => self.no_field(operand),
                    None => Fault::new(left.place, "a comparison needs a field on one side at least"),
                });
            }
            (Some(typed), None) => {
                let constant = self.convert(right, typed.target())?;
                (typed.node, order, constant)
            }
            (None, Some(typed)) => {
                let constant = self.convert(left, typed.target())?;
                (typed.node, order.mirrored(), constant)
            }
            (Some(left_typed), Some(right_typed)) => {
                let right = fit(&left_typed, left, right_typed, right)?;
                (left_typed.node, order, Right::Node(right))
            }
        };
        Ok(Plan::Compare { all, left: node, test: Test::Order(order, right) })
    }

    fn search(
        &self,
        quantifier: Option<Quantifier>,
        left: &Operand,
        relation: Relation,
        right: &Operand,
    ) -> Result<Plan, Fault> {
        let Some(typed) = self.infer(left)? else { return Err(self.no_field(left)) };
        let wanted = match relation {
            Relation::TopicMatches => matches!(typed.class, Class::Text | Class::Bytes),
            _ => matches!(typed.class, Class::Text | Class::Bytes | Class::Protocol | Class::Ethernet),
        };
        if !wanted {
            let fault =
                Fault::new(left.place, format!("{left} is {}: \"{relation}\" looks into text or bytes", typed.class));
            return Err(if typed.class.has_text() {
                fault.hint(format!("string({left}) makes text of it"))
            } else {
                fault
            });
        }
        let test = match relation {
            Relation::Matches => Test::Matches(pattern::regex(right)?),
            Relation::TopicMatches => Test::Topic(pattern::topic(right)?),
            // All bytes contain none, if there are any; text and protocols do not: as in Wireshark.
            Relation::Contains
                if typed.class == Class::Bytes && matches!(&right.kind, OperandKind::Text(text) if text.is_empty()) =>
            {
                Test::Order(Order::NotEqual, self.convert(right, typed.target())?)
            }
            _ => Test::Contains(match self.infer(right)? {
                // A part of an address is no address.
                None if typed.class == Class::Ethernet && matches!(right.kind, OperandKind::Word(_)) => {
                    self.convert(right, Target { class: Class::Bytes, field: None, operand: false })?
                }
                None => self.convert(right, typed.target())?,
                Some(right_typed) => Right::Node(fit(&typed, left, right_typed, right)?),
            }),
        };
        Ok(Plan::Compare { all: quantifier == Some(Quantifier::All), left: typed.node, test })
    }

    fn member(&self, quantifier: Option<Quantifier>, operand: &Operand, set: &[Element]) -> Result<Plan, Fault> {
        let Some(typed) = self.infer(operand)? else { return Err(self.no_field(operand)) };
        if typed.class == Class::Label {
            return Err(Fault::new(operand.place, format!("{operand} has no value that could be in a set")));
        }
        let right = |value: &Operand| match self.infer(value)? {
            None => self.convert(value, typed.target()),
            Some(other) => fit(&typed, operand, other, value).map(Right::Node),
        };
        let mut members = Vec::with_capacity(set.len());
        for Element { low, high } in set {
            members.push((right(low)?, high.as_ref().map(right).transpose()?));
        }
        let all = quantifier == Some(Quantifier::All);
        Ok(Plan::Compare { all, left: typed.node, test: Test::Member(members.into()) })
    }

    fn convert(&self, operand: &Operand, target: Target) -> Result<Right, Fault> {
        convert::convert(operand, target, self.names)
    }

    fn convert_value(&self, operand: &Operand, target: Target) -> Result<Node, Fault> {
        convert::single(operand, target, self.names).map(Node::Constant)
    }

    /// The type of an operand; none for a literal, which takes the type that is wanted.
    pub(super) fn infer(&self, operand: &Operand) -> Result<Option<Typed>, Fault> {
        Ok(match &operand.kind {
            OperandKind::Text(_) | OperandKind::Char(_) => None,
            OperandKind::Word(word) => match word.strip_prefix('.') {
                // A dot in front says that it is a name.
                Some(name) => Some(self.field(name, operand.place)?),
                None => self.names.field(word).map(|(id, field)| Typed::field(id, field)),
            },
            OperandKind::Layered(word, parts) => {
                let typed = self.field(word.strip_prefix('.').unwrap_or(word), operand.place)?;
                Some(layered(typed, parts))
            }
            OperandKind::Slice(of, parts) => {
                let Some(typed) = self.infer(of)? else { return Err(self.no_field(of)) };
                if !typed.class.has_bytes() {
                    let message =
                        format!("{of} is {}: only text, bytes, addresses and protocols have slices", typed.class);
                    return Err(Fault::new(operand.place, message));
                }
                Some(Typed::new(Class::Bytes, Node::Slice(Box::new(typed.node), parts.clone().into())))
            }
            OperandKind::Negative(of) => match self.infer(of)? {
                None => None,
                Some(typed) => {
                    if !matches!(typed.class, Class::Integer | Class::Float | Class::Duration) {
                        return Err(Fault::new(of.place, format!("{of} is {}, which has no sign", typed.class)));
                    }
                    Some(Typed::new(typed.class, Node::Negative(Box::new(typed.node))))
                }
            },
            OperandKind::Arithmetic(operator, left, right) => self.arithmetic(*operator, left, right)?,
            OperandKind::Call(name, arguments) => Some(function::call(self, operand.place, name, arguments)?),
        })
    }

    pub(super) fn field(&self, name: &str, place: Place) -> Result<Typed, Fault> {
        match self.names.field(name) {
            Some((id, field)) => Ok(Typed::field(id, field)),
            None => Err(self.unknown(name, place)),
        }
    }

    fn arithmetic(&self, operator: Operator, left: &Operand, right: &Operand) -> Result<Option<Typed>, Fault> {
        let allowed = |typed: &Typed, operand: &Operand| {
            if typed.class.allows(operator) {
                return Ok(());
            }
            Err(Fault::new(operand.place, format!("{operand} is {}, which has no \"{operator}\"", typed.class)))
        };
        let (class, left, right) = match (self.infer(left)?, self.infer(right)?) {
            (None, None) => return Ok(None),
            (Some(typed), None) => {
                allowed(&typed, left)?;
                let constant = self.convert_value(right, typed.operand_target())?;
                (typed.class, typed.node, constant)
            }
            (None, Some(typed)) => {
                allowed(&typed, right)?;
                let constant = self.convert_value(left, typed.operand_target())?;
                (typed.class, constant, typed.node)
            }
            (Some(left_typed), Some(right_typed)) => {
                allowed(&left_typed, left)?;
                let class = left_typed.class;
                let node = fit(&left_typed, left, right_typed, right)?;
                (class, left_typed.node, node)
            }
        };
        Ok(Some(Typed::new(class, Node::Arithmetic(operator, Box::new(left), Box::new(right)))))
    }

    /// One value made from the value of an operand.
    pub(super) fn mapped(class: Class, function: Function, of: Typed) -> Typed {
        Typed::new(class, Node::Map(function, Box::new(of.node)))
    }

    pub(super) fn values(&self, field: FieldId) -> &'static [(u64, &'static str)] {
        self.names.values(field)
    }
}

fn layered(typed: Typed, parts: &[Part]) -> Typed {
    match typed.node {
        Node::Field(id) => Typed { node: Node::Layers(id, parts.into()), ..typed },
        node => Typed { node, ..typed },
    }
}

/// The right side, if it can be compared with the left one.
fn fit(left: &Typed, left_operand: &Operand, right: Typed, right_operand: &Operand) -> Result<Node, Fault> {
    let sliced = |operand: &Operand| matches!(operand.kind, OperandKind::Slice(..));
    let bytes = (sliced(left_operand) || sliced(right_operand)) && left.class.has_bytes() && right.class.has_bytes();
    let addresses =
        matches!((left.class, right.class), (Class::Bytes, Class::Ethernet) | (Class::Ethernet, Class::Bytes));
    if left.class == right.class || bytes || addresses {
        return Ok(right.node);
    }
    let message = format!("{left_operand} is {} and {right_operand} is {}", left.class, right.class);
    Err(Fault::new(left_operand.place.through(right_operand.place), message).hint("both sides need the same type"))
}

/// Whether a word reads as a name rather than as a value.
fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.') && super::literal::bytes(word).is_none()
}
