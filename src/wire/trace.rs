//! Where the layers of a frame stand, for whoever wants to change them there.

use super::Layer;

/// A layer in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which layer.
    pub layer: Layer,
    /// 0 in the frame itself, 1 in the datagram that this frame completed, and so on for datagrams in datagrams.
    pub buffer: u8,
    /// Offset of its header.
    pub start: usize,
    /// Captured bytes from there to the end of what the layers around it have for it.
    pub captured: usize,
    /// The same on the wire.
    pub length: usize,
}

/// A fragment of a datagram in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedFragment {
    /// The same for all fragments of a datagram.
    pub datagram: u64,
    /// Which buffer it stands in; see [`Placed::buffer`].
    pub buffer: u8,
    /// Where its bytes begin there.
    pub start: usize,
    /// How many they are.
    pub length: usize,
    /// Where they belong in the datagram.
    pub offset: usize,
    /// Whether it completed the datagram.
    pub completes: bool,
}

/// The places of all layers of a frame, outermost first.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The layers whose headers were read.
    pub layers: Vec<Placed>,
    /// Fragments that were put to the others of their datagram.
    pub fragments: Vec<PlacedFragment>,
    /// The outermost datagram that the frame completed.
    pub datagram: Vec<u8>,
    pub(super) buffer: u8,
}

impl Trace {
    pub(super) fn clear(&mut self) {
        self.layers.clear();
        self.fragments.clear();
        self.datagram.clear();
        self.buffer = 0;
    }
}
