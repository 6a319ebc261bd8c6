//! What most connections have nothing of, and which costs them a pointer.

use std::ops::{Deref, DerefMut};

use crate::flow::Durations;
use crate::time::Span;

/// A value as it is before anything has changed it.
pub trait Blank: Default + 'static {
    /// One for all who have none of their own.
    fn blank() -> &'static Self;
}

/// A value that is made when something first changes it; until then it reads as blank.
#[derive(Debug, Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    /// None yet.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// The value, if anything has changed it.
    pub(super) fn made(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T: Blank> Rare<T> {
    /// The value, out of its place.
    pub(super) fn take(self) -> T {
        self.0.map(|value| *value).unwrap_or_default()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self::none()
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::blank())
    }
}

impl<T: Blank> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

/// Makes a type one that can be rare.
macro_rules! blank {
    ($($name:ty),*) => {$(
        impl $crate::session::rare::Blank for $name {
            fn blank() -> &'static Self {
                static BLANK: std::sync::LazyLock<$name> = std::sync::LazyLock::new(Default::default);
                &BLANK
            }
        }
    )*};
}
pub(super) use blank;

blank!(Durations);

/// Durations, of which there most often is one at most.
#[derive(Debug, Clone, Default)]
pub enum FewDurations {
    /// None was noted.
    #[default]
    None,
    /// One was.
    One(Span),
    /// Several were.
    Many(Box<Durations>),
}

impl FewDurations {
    /// Notes a duration.
    pub(super) fn record(&mut self, span: Span) {
        match self {
            Self::None => *self = Self::One(span),
            Self::One(first) => {
                let mut all = Box::<Durations>::default();
                all.record(*first);
                all.record(span);
                *self = Self::Many(all);
            }
            Self::Many(all) => all.record(span),
        }
    }

    /// All of them.
    pub fn all(&self) -> std::borrow::Cow<'_, Durations> {
        match self {
            Self::None => std::borrow::Cow::Borrowed(Durations::blank()),
            Self::One(span) => {
                let mut all = Durations::default();
                all.record(*span);
                std::borrow::Cow::Owned(all)
            }
            Self::Many(all) => std::borrow::Cow::Borrowed(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_makes_nothing_and_changing_does() {
        let mut rare = Rare::<Durations>::default();
        assert_eq!(rare.count(), 0);
        assert!(rare.made().is_none());
        rare.record(Span::from_millis(1));
        assert_eq!((rare.count(), rare.made().map(|all| all.count())), (1, Some(1)));
        assert_eq!(Rare::<Durations>::default().count(), 0, "the blank one is nobody's");
    }

    #[test]
    fn few_durations_add_up_as_all_do() {
        let (mut few, mut all) = (FewDurations::default(), Durations::default());
        for millis in [3, -1, 5, 9] {
            few.record(Span::from_millis(millis));
            all.record(Span::from_millis(millis));
            assert_eq!((few.all().count(), few.all().max(), few.all().mean()), (all.count(), all.max(), all.mean()));
        }
    }
}
