//! Asking the processor for memory that is needed soon.
//!
//! The state of thousands of flows does not fit into a core's own cache, and each frame is of another flow than the one
//! before. Whoever knows what comes asks for it early, and works on something else until it is there.

/// Asks for the memory of a value, or the first 64 bytes of it. Nothing is read.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_index::prefetch_index(std::slice::from_ref(value), 0);
}
