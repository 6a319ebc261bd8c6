//! What few of many need: allocated when it is first written, and until then read as its default.

use std::ops::{Deref, DerefMut};

/// A value with a default that can be borrowed for ever.
pub trait Blank: Default + 'static {
    /// The default.
    fn blank() -> &'static Self;
}

/// A part that is made when it is first changed, so that what never needs it pays for a pointer only.
///
/// Reading never makes it; borrowing it mutably does.
#[derive(Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    /// One that is not made yet.
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// Whether it was made.
    #[inline]
    pub(crate) const fn is_made(&self) -> bool {
        self.0.is_some()
    }

    /// The part to be changed, if it was made already.
    #[inline]
    pub(crate) fn made(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// The part, if it was made already.
    #[inline]
    pub(crate) fn boxed(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// What it is, out of its place.
    pub(crate) fn into_inner(self) -> T
    where
        T: Default,
    {
        self.0.map(|made| *made).unwrap_or_default()
    }

    /// Takes it out; it is as new.
    pub(crate) fn take(&mut self) -> Option<Box<T>> {
        self.0.take()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::blank())
    }
}

#[cold]
fn make<T: Default>(none: &mut Option<Box<T>>) -> &mut T {
    none.get_or_insert_default()
}

impl<T: Blank> DerefMut for Rare<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some(made) => made,
            none => make(none),
        }
    }
}

impl<T: Blank + std::fmt::Debug> std::fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// Makes types rare whose default is no constant.
macro_rules! blank {
    ($($name:ty),*) => {$(
        impl $crate::rare::Blank for $name {
            fn blank() -> &'static Self {
                static BLANK: std::sync::LazyLock<$name> = std::sync::LazyLock::new(Default::default);
                &BLANK
            }
        }
    )*};
}
pub(crate) use blank;

#[cfg(test)]
mod tests {
    use super::*;

    impl Blank for [u64; 8] {
        fn blank() -> &'static Self {
            &[0; 8]
        }
    }

    #[test]
    fn reading_makes_nothing_and_writing_does() {
        let mut rare: Rare<[u64; 8]> = Rare::new();
        assert_eq!((rare[3], rare.is_made()), (0, false));
        rare[3] = 7;
        assert_eq!((rare[3], rare.is_made()), (7, true));
        assert_eq!(rare.take().map(|made| made[3]), Some(7));
        assert!(rare.made().is_none());
        assert_eq!(rare[3], 0, "the default is nobody's");
    }
}
