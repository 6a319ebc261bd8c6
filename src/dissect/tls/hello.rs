//! What both ends say first: ClientHello and ServerHello (RFC 5246, section 7.4.1; RFC 8446, section 4.1).

use super::bytes::Fields;
use super::keylog::Random;
use crate::text::kept_name;

/// The random bytes of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3).
const RETRY: Random = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Names that are kept of a list, more are of no use to anyone.
const NAMES: usize = 16;

/// Numbers of extensions.
pub(in crate::dissect) mod extension {
    pub(crate) const SERVER_NAME: u16 = 0;
    pub(crate) const GROUPS: u16 = 10;
    pub(crate) const POINT_FORMATS: u16 = 11;
    pub(crate) const SIGNATURES: u16 = 13;
    pub(crate) const ALPN: u16 = 16;
    pub(crate) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(crate) const PRE_SHARED_KEY: u16 = 41;
    pub(crate) const EARLY_DATA: u16 = 42;
    pub(crate) const VERSIONS: u16 = 43;
    pub(crate) const TRANSPORT_PARAMETERS: u16 = 57;
}

/// Whether a number is there only to see that unknown ones are passed over (RFC 8701).
pub(in crate::dissect) const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// A ClientHello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientHello {
    /// The version in its old place, where 1.3 says 1.2.
    pub version: u16,
    pub(in crate::dissect) random: Random,
    pub(in crate::dissect) session: Box<[u8]>,
    /// The suites that it offers.
    pub suites: Vec<u16>,
    /// Its extensions, in their order.
    pub extensions: Vec<u16>,
    /// The groups that it can use.
    pub groups: Vec<u16>,
    /// Its formats of points.
    pub point_formats: Vec<u8>,
    /// The signatures that it accepts.
    pub signatures: Vec<u16>,
    /// The versions that it offers.
    pub versions: Vec<u16>,
    /// The name of the server that it looks for.
    pub server_name: Option<Box<[u8]>>,
    /// The protocols that it offers to speak.
    pub alpn: Vec<Box<[u8]>>,
    /// It sends data before anything was agreed on.
    pub early_data: bool,
    /// What a client of QUIC says of its transport (RFC 9001, section 8.2).
    pub(in crate::dissect) transport: Option<Box<[u8]>>,
}

/// A ServerHello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerHello {
    /// The version that is spoken.
    pub version: u16,
    pub(in crate::dissect) random: Random,
    pub(in crate::dissect) session: Box<[u8]>,
    /// The suite that was chosen.
    pub suite: u16,
    /// Its extensions, in their order.
    pub extensions: Vec<u16>,
    /// The protocol that was chosen, up to TLS 1.2.
    pub alpn: Option<Box<[u8]>>,
}

impl ServerHello {
    /// Whether it asks for another ClientHello.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    pub(in crate::dissect) fn has(&self, extension: u16) -> bool {
        self.extensions.contains(&extension)
    }
}

/// Extensions one by one.
fn extensions<'a>(fields: &mut Fields<'a>, take: &mut dyn FnMut(u16, Fields<'a>)) {
    // A hello may end before them.
    let Some(mut all) = fields.vector(2) else { return };
    while let (Some(kind), Some(data)) = (all.u16(), all.vector(2)) {
        take(kind, data);
    }
}

/// The protocols of an extension (RFC 7301, section 3.1).
fn protocols(mut data: Fields<'_>) -> Vec<Box<[u8]>> {
    let mut list = data.vector(2).unwrap_or_default();
    std::iter::from_fn(|| list.vector(1)).take(NAMES).map(|name| name.0.into()).collect()
}

/// Reads the body of a ClientHello.
pub(in crate::dissect) fn client(body: &[u8]) -> Option<ClientHello> {
    let mut fields = Fields(body);
    let mut hello = ClientHello {
        version: fields.u16()?,
        random: *fields.take(32)?.first_chunk()?,
        session: fields.vector(1)?.0.into(),
        suites: fields.vector(2)?.numbers(),
        ..ClientHello::default()
    };
    fields.vector(1)?;
    extensions(&mut fields, &mut |kind, mut data| {
        hello.extensions.push(kind);
        match kind {
            extension::SERVER_NAME => {
                // A list of names, each with a kind, of which there is only one (RFC 6066, section 3).
                let mut list = data.vector(2).unwrap_or_default();
                hello.server_name = list.u8().and_then(|_| list.vector(2)).map(|name| kept_name(name.0).into());
            }
            extension::GROUPS => hello.groups = data.vector(2).unwrap_or_default().numbers(),
            extension::POINT_FORMATS => hello.point_formats = data.vector(1).unwrap_or_default().0.to_vec(),
            extension::SIGNATURES => hello.signatures = data.vector(2).unwrap_or_default().numbers(),
            extension::ALPN => hello.alpn = protocols(data),
            extension::VERSIONS => hello.versions = data.vector(1).unwrap_or_default().numbers(),
            extension::EARLY_DATA => hello.early_data = true,
            extension::TRANSPORT_PARAMETERS => hello.transport = Some(data.0.into()),
            _ => {}
        }
    });
    Some(hello)
}

/// Reads the body of a ServerHello.
pub(in crate::dissect) fn server(body: &[u8]) -> Option<ServerHello> {
    let mut fields = Fields(body);
    let mut hello = ServerHello {
        version: fields.u16()?,
        random: *fields.take(32)?.first_chunk()?,
        session: fields.vector(1)?.0.into(),
        suite: fields.u16()?,
        ..ServerHello::default()
    };
    fields.u8()?;
    extensions(&mut fields, &mut |kind, mut data| {
        hello.extensions.push(kind);
        match kind {
            extension::VERSIONS => hello.version = data.u16().unwrap_or(hello.version),
            extension::ALPN => hello.alpn = protocols(data).into_iter().next(),
            _ => {}
        }
    });
    Some(hello)
}

/// What the extensions of TLS 1.3 that are sent encrypted say (RFC 8446, section 4.3.1).
#[derive(Debug, Default)]
pub(in crate::dissect) struct EncryptedExtensions {
    /// The protocol that was chosen.
    pub(in crate::dissect) alpn: Option<Box<[u8]>>,
    /// Whether early data is accepted.
    pub(in crate::dissect) early: bool,
    /// What a server of QUIC says of its transport.
    pub(in crate::dissect) transport: Option<Box<[u8]>>,
}

/// Reads them.
pub(in crate::dissect) fn encrypted_extensions(body: &[u8]) -> EncryptedExtensions {
    let mut said = EncryptedExtensions::default();
    extensions(&mut Fields(body), &mut |kind, data| match kind {
        extension::ALPN => said.alpn = protocols(data).into_iter().next(),
        extension::EARLY_DATA => said.early = true,
        extension::TRANSPORT_PARAMETERS => said.transport = Some(data.0.into()),
        _ => {}
    });
    said
}

/// The first certificate of a Certificate message, which is that of its sender.
pub(in crate::dissect) fn first_certificate(body: &[u8], is_modern: bool) -> Option<&[u8]> {
    let mut fields = Fields(body);
    if is_modern {
        fields.vector(1)?;
    }
    let mut list = fields.vector(3)?;
    list.vector(3).map(|certificate| certificate.0).filter(|certificate| !certificate.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grease_is_what_has_the_same_nibble_twice() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301) && !is_grease(0x0a0b));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (client(&bytes), server(&bytes), encrypted_extensions(&bytes));
            let _ = (first_certificate(&bytes, true), first_certificate(&bytes, false));
        }

        #[test]
        fn a_hello_that_is_cut_says_no_more_than_the_whole(cut in 0usize..60) {
            let mut body = vec![3, 3];
            body.extend([9; 32]);
            body.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
            body.extend([0, 9, 0, 0, 0, 5, 0, 3, 0, 0, 0]);
            let whole = client(&body).expect("it is whole");
            if let Some(part) = client(body.get(..cut.min(body.len())).unwrap()) {
                prop_assert_eq!(part.suites, whole.suites);
            }
        }
    }
}
