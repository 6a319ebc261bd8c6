//! What the ends of an AMQP connection prove themselves with: methods of 0-9-1 and frames of 1.0, found by walking from frame to
//! frame.

use super::MASK;

/// Connection.Start-Ok, Secure and Secure-Ok (AMQP 0-9-1, section 1.4), and RabbitMQ's Update-Secret.
const CONNECTION: u16 = 10;
const PROVE: [u16; 4] = [11, 20, 21, 70];

/// Connection.Open and Open-Ok: all is proved.
const OPEN: [u16; 2] = [40, 41];

/// The type of frames of SASL (AMQP 1.0, part 5.3.1).
const SASL: u8 = 1;

/// Walks through what one end sends.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// It is 1.0.
    modern: bool,
    /// The begin of a frame, as far as it came.
    head: Vec<u8>,
    /// What is left of the frame.
    left: u64,
    hides: bool,
    /// Nobody knows where the next frame begins.
    astray: bool,
    /// The connection is open, so that nothing more is to be proved.
    is_open: bool,
}

impl Frames {
    pub(super) fn hide(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.astray {
                if !self.is_open {
                    rest.fill(MASK);
                }
                return;
            }
            if self.left > 0 {
                let (front, behind) =
                    rest.split_at_mut(rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
                if self.hides {
                    front.fill(MASK);
                }
                self.left -= front.len() as u64;
                rest = behind;
                continue;
            }
            let Some((byte, behind)) = rest.split_first_mut() else { return };
            self.head.push(*byte);
            rest = behind;
            self.begun();
        }
    }

    /// Looks whether it is known what frame it is.
    fn begun(&mut self) {
        let (left, hides) = match *self.head {
            [b'A', b'M', b'Q', b'P', layer, major, minor, revision] => {
                self.modern = (major, minor, revision) == (1, 0, 0);
                // What is not SASL or TLS comes behind them (AMQP 1.0, part 5.1).
                self.is_open = self.modern && layer == 0;
                (0, false)
            }
            // An old one has no type of that number.
            [b'A', ..] if self.head.len() < 8 => return,
            [a, b, c, d, _, kind] if self.modern => {
                let size = u32::from_be_bytes([a, b, c, d]);
                self.astray = size < 8;
                (u64::from(size).saturating_sub(6), kind == SASL)
            }
            // A frame without arguments ends with one byte (section 2.3.5).
            [_, _, _, a, b, c, d] if u32::from_be_bytes([a, b, c, d]) < 4 && !self.modern => {
                (u64::from(u32::from_be_bytes([a, b, c, d])) + 1, false)
            }
            [kind, _, _, a, b, c, d, class, class_low, method, method_low] => {
                let (class, method) =
                    (u16::from_be_bytes([class, class_low]), u16::from_be_bytes([method, method_low]));
                let size = u32::from_be_bytes([a, b, c, d]);
                self.is_open |= kind == 1 && class == CONNECTION && OPEN.contains(&method);
                (u64::from(size).saturating_sub(3), kind == 1 && class == CONNECTION && PROVE.contains(&method))
            }
            _ => return,
        };
        self.head.clear();
        (self.left, self.hides) = (left, hides);
    }

    pub(super) fn lost(&mut self, length: Option<u64>) {
        match length.filter(|length| *length <= self.left) {
            Some(length) => self.left -= length,
            None => self.astray = true,
        }
    }
}
