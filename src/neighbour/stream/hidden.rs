//! Where secrets stand in the bytes of a connection, for whoever shows these: what readings leave out, and rather more.
//!
//! It is decided as the bytes come, so that none of them waits for others. Mails and bodies of HTTP are left as they are.

mod frames;
mod lines;

use crate::flow::{Direction, PerDirection};
use crate::neighbour::Neighbour;
use frames::Frames;
use lines::Lines;

/// Stands for each byte of a secret.
const MASK: u8 = b'*';

/// Writes secrets over in what both ends of a connection send, byte by byte, so that lengths and places stay.
///
/// ```
/// use mqttsniff::flow::Direction;
/// use mqttsniff::neighbour::Neighbour;
/// use mqttsniff::neighbour::stream::HiddenBytes;
///
/// let mut hidden = HiddenBytes::of(Neighbour::Ftp);
/// let mut bytes = *b"USER joe\r\nPASS ge";
/// hidden.hide(Direction::ToServer, &mut bytes);
/// assert_eq!(&bytes, b"USER joe\r\nPASS **");
/// let mut bytes = *b"heim\r\nPWD\r\n";
/// hidden.hide(Direction::ToServer, &mut bytes);
/// assert_eq!(&bytes, b"****\r\nPWD\r\n");
/// ```
#[derive(Debug)]
pub struct HiddenBytes(Kind);

#[derive(Debug)]
enum Kind {
    /// Nothing of it is hidden.
    Open,
    Lines(Lines),
    Frames(PerDirection<Frames>),
    /// What a user types at a terminal: passwords are among it.
    Typed(Typed),
}

impl HiddenBytes {
    /// For a connection of this protocol, from its beginning.
    pub fn of(protocol: Neighbour) -> Self {
        Self(match protocol {
            Neighbour::Http => Kind::Lines(Lines::of(lines::Of::Http)),
            Neighbour::Ftp => Kind::Lines(Lines::of(lines::Of::Ftp)),
            Neighbour::Smtp => Kind::Lines(Lines::of(lines::Of::Smtp)),
            Neighbour::Lines => Kind::Lines(Lines::of(lines::Of::Text)),
            Neighbour::Length16 | Neighbour::Length16Le | Neighbour::Length32 | Neighbour::Length32Le => {
                Kind::Lines(Lines::of(lines::Of::Messages))
            }
            Neighbour::Amqp => Kind::Frames(PerDirection::default()),
            Neighbour::Telnet => Kind::Typed(Typed::default()),
            Neighbour::Ntp
            | Neighbour::Dns
            | Neighbour::Mdns
            | Neighbour::Llmnr
            | Neighbour::Dhcp
            | Neighbour::Tftp
            | Neighbour::Coap
            | Neighbour::Arp
            | Neighbour::Rarp
            | Neighbour::Icmp
            | Neighbour::Icmpv6
            | Neighbour::FtpData => Kind::Open,
        })
    }

    /// Writes over what is secret in the next bytes of this direction.
    pub fn hide(&mut self, direction: Direction, bytes: &mut [u8]) {
        match &mut self.0 {
            Kind::Lines(lines) => lines.hide(direction, bytes),
            Kind::Frames(frames) => frames[direction].hide(bytes),
            Kind::Typed(typed) if direction == Direction::ToServer => typed.hide(bytes),
            Kind::Open | Kind::Typed(_) => {}
        }
    }

    /// Bytes of this direction are missing: so many, if that is known.
    pub fn lost(&mut self, direction: Direction, length: Option<u64>) {
        match &mut self.0 {
            Kind::Lines(lines) => lines.lost(direction),
            Kind::Frames(frames) => frames[direction].lost(length),
            Kind::Open | Kind::Typed(_) => {}
        }
    }
}

/// What a client of Telnet sends (RFC 854): its commands stay.
#[derive(Debug, Default)]
struct Typed {
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy)]
enum Command {
    /// Behind IAC.
    Begun,
    /// Behind one that an option follows.
    Option,
}

impl Typed {
    fn hide(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.command = match (self.command.take(), *byte) {
                (None, 255) => Some(Command::Begun),
                (Some(Command::Begun), 250..=254) => Some(Command::Option),
                (Some(_), _) => None,
                (None, typed) => {
                    if !typed.is_ascii_control() {
                        *byte = MASK;
                    }
                    None
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use Direction::{ToClient, ToServer};

    use super::*;

    /// What is shown of what both ends send, whole and in pieces of any length.
    fn shown(protocol: Neighbour, said: &[(Direction, &[u8])]) -> Vec<String> {
        let with_pieces = |most: usize| {
            let mut hidden = HiddenBytes::of(protocol);
            let mut out = Vec::new();
            for (direction, bytes) in said {
                let mut bytes = bytes.to_vec();
                bytes.chunks_mut(most).for_each(|piece| hidden.hide(*direction, piece));
                out.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            out
        };
        let whole = with_pieces(usize::MAX);
        for most in 1..40 {
            // In pieces it may be more that is hidden, never less.
            for (piece, whole) in with_pieces(most).iter().zip(&whole) {
                assert_eq!(piece.len(), whole.len(), "in pieces of {most}: {piece}");
                let is_kept = |(piece, whole): (char, char)| piece == whole || piece == '*';
                assert!(piece.chars().zip(whole.chars()).all(is_kept), "in pieces of {most}: {piece}");
                assert_eq!(piece.lines().count(), whole.lines().count(), "in pieces of {most}: {piece}");
            }
        }
        whole
    }

    #[test]
    fn heads_of_http_lose_what_opens_doors_and_bodies_nothing() {
        let request =
            b"POST http://joe:pw@host/login?id=1&token=abc HTTP/1.1\r\nHost: host\r\nCookie: a=b;\r\n c=d\r\n\
            Authorization:Basic dTpw\r\nReferer: http://host/?key=5\r\nX: y\r\n\r\nuser=joe&password=open\r\n";
        let response = b"HTTP/1.1 200 OK\r\nset-cookie: sid=5\r\nContent-Length: 9\r\n\r\n{\"key\":5}";
        let shown = shown(Neighbour::Http, &[(ToServer, request), (ToClient, response)]);
        assert_eq!(
            shown[0],
            "POST http://******@host/login?id=1&token=*** HTTP/1.1\r\nHost: host\r\nCookie: ****\r\n ***\r\n\
             Authorization:**********\r\nReferer: http://host/?key=*\r\nX: y\r\n\r\nuser=joe&password=open\r\n"
        );
        assert_eq!(shown[1], "HTTP/1.1 200 OK\r\nset-cookie: *****\r\nContent-Length: 9\r\n\r\n{\"key\":5}");
    }

    #[test]
    fn passwords_of_ftp_are_hidden() {
        let said: &[u8] = b"USER joe\r\npass geheim und lang\r\nACCT x\r\nRETR pass word\r\nPASS\r\n";
        let shown = shown(Neighbour::Ftp, &[(ToServer, said), (ToClient, b"331 PASS please\r\n")]);
        assert_eq!(
            shown,
            ["USER joe\r\npass ***************\r\nACCT *\r\nRETR pass word\r\nPASS\r\n", "331 PASS please\r\n"]
        );
    }

    #[test]
    fn exchanges_of_credentials_in_smtp_are_hidden_and_mails_are_not() {
        let shown = shown(
            Neighbour::Smtp,
            &[
                (ToServer, b"EHLO a\r\nAUTH LOGIN am9l\r\n"),
                (ToClient, b"334 UGFzc3dvcmQ6\r\n"),
                (ToServer, b"Z2VoZWlt\r\n"),
                (ToClient, b"235 ok\r\n"),
                (ToServer, b"MAIL FROM:<a@b>\r\nDATA\r\n"),
                (ToClient, b"354 go\r\n"),
                (ToServer, b"AUTH is said\r\nwhere mails are read\r\n.\r\nQUIT\r\n"),
            ],
        );
        assert_eq!(
            shown,
            [
                "EHLO a\r\nAUTH LOGIN ****\r\n",
                "334 ************\r\n",
                "********\r\n",
                "235 ok\r\n",
                "MAIL FROM:<a@b>\r\nDATA\r\n",
                "354 go\r\n",
                "AUTH is said\r\nwhere mails are read\r\n.\r\nQUIT\r\n"
            ]
        );
    }

    #[test]
    fn of_texts_what_names_itself_a_secret_is_hidden() {
        let shown =
            shown(Neighbour::Lines, &[(ToServer, b"temperature 21.5\n{\"token\": \"abc\", \"n\": 1}\nlogin\n")]);
        assert_eq!(shown, ["temperature 21.5\n{\"token\": \"***\", \"n\": 1}\nlogin\n"]);
    }

    #[test]
    fn what_is_typed_is_hidden_and_commands_are_not() {
        let mut hidden = HiddenBytes::of(Neighbour::Telnet);
        let mut typed = *b"\xff\xfb\x18\xff\xf1joe\r\ngeheim\r\n";
        hidden.hide(ToServer, &mut typed);
        assert_eq!(&typed, b"\xff\xfb\x18\xff\xf1***\r\n******\r\n");
        let mut answered = *b"login: ";
        hidden.hide(ToClient, &mut answered);
        assert_eq!(&answered, b"login: ");
    }

    #[test]
    fn credentials_of_amqp_are_hidden() {
        // Connection.Start-Ok, and a heartbeat behind it.
        let old: &[u8] = b"AMQP\0\0\x09\x01\x01\0\0\0\0\0\x1c\0\x0a\0\x0b\0\0\0\0\x05PLAIN\0\0\0\x08\0joe\0pwd\x02en\xce\x08\0\0\0\0\0\0\xce";
        let hides = |said: &[u8], most: usize| {
            let (mut hidden, mut bytes) = (HiddenBytes::of(Neighbour::Amqp), said.to_vec());
            bytes.chunks_mut(most).for_each(|piece| hidden.hide(ToServer, piece));
            bytes
        };
        // SASL of 1.0, and a frame of AMQP behind it.
        let new: &[u8] = b"AMQP\x03\x01\0\0\0\0\0\x10\x02\x01\0\0\0SA\xa3pass\0\0\0\x0a\x02\0\0\0ok";
        for most in 1..old.len() {
            let shown = hides(old, most);
            assert_eq!(shown.len(), old.len());
            assert!(!shown.windows(3).any(|part| part == b"pwd"), "in pieces of {most}");
            assert!(shown.starts_with(&old[..19]) && shown.ends_with(b"\xce\x08\0\0\0\0\0\0\xce"), "{shown:?}");
            let shown = hides(new, most);
            assert!(!shown.windows(4).any(|part| part == b"pass") && shown.ends_with(b"\0\0ok"), "in pieces of {most}");
        }
    }

    #[test]
    fn what_long_lines_and_messages_with_a_length_hide() {
        let long = format!("GET /cb?state={}&access_token=xyz HTTP/1.1\r\nX-Api-Key: xyz\r\n\r\n", "s".repeat(4100));
        assert!(!shown(Neighbour::Http, &[(ToServer, long.as_bytes())])[0].contains("xyz"));
        let long = format!("{{\"a\":\"{}\",\"password\":\"xyz\"}}\n", "s".repeat(5000));
        assert!(!shown(Neighbour::Lines, &[(ToServer, long.as_bytes())])[0].contains("xyz"));
        let many: Vec<u8> = (0..500).flat_map(|_| b"\0\x0f{\"token\":\"xyz\"}\0\x08PASS xyz".to_owned()).collect();
        let text = &shown(Neighbour::Length16, &[(ToServer, &many)])[0];
        assert!(!text.contains("xyz") && text.ends_with("PASS ***"), "{text}");
        let body = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 5000], b" token=5\r\n"].concat();
        assert!(shown(Neighbour::Http, &[(ToClient, &body)])[0].ends_with("x token=5\r\n"));
    }

    #[test]
    fn behind_a_hole_rather_too_much_is_hidden() {
        let mut hidden = HiddenBytes::of(Neighbour::Ftp);
        hidden.hide(ToServer, &mut b"PASS gehe".to_vec());
        hidden.lost(ToServer, Some(1));
        let mut rest = *b"m\r\nPWD\r\n";
        hidden.hide(ToServer, &mut rest);
        assert_eq!(&rest, b"*\r\nPWD\r\n");
        let behind = |protocol, before: &[u8], rest: &[u8]| {
            let (mut hidden, mut rest) = (HiddenBytes::of(protocol), rest.to_vec());
            hidden.hide(ToServer, &mut before.to_vec());
            hidden.lost(ToServer, Some(3));
            hidden.hide(ToServer, &mut rest);
            String::from_utf8(rest).unwrap()
        };
        assert_eq!(
            behind(Neighbour::Http, b"Authorization: Basic dX", b"NlcjpwYXNz\r\nA: b\r\n"),
            "**********\r\nA: b\r\n"
        );
        assert_eq!(behind(Neighbour::Http, b"HTTP/1.1 200 OK\r\n\r\nbody", b"and body\r\n"), "and body\r\n");
        assert_eq!(behind(Neighbour::Lines, b"{\"password\":\"ab", b"cd\"}\n"), "****\n");
        // The client's header is missing.
        let proof = b"\x01\0\0\0\0\0\x1c\0\x0a\0\x0b\0\0\0\0\x05PLAIN\0\0\0\x08\0joe\0pwd\x02en\xce";
        let mut hidden = HiddenBytes::of(Neighbour::Amqp);
        hidden.lost(ToServer, Some(8));
        let mut said = proof.to_vec();
        hidden.hide(ToServer, &mut said);
        assert!(!said.windows(3).any(|part| part == b"pwd"), "{said:?}");
        // What the server asks for is answered, whatever came before.
        let mut hidden = HiddenBytes::of(Neighbour::Smtp);
        hidden.hide(ToServer, &mut b"FOO\r\nAUTH\tLOGIN\r\n".to_vec());
        hidden.hide(ToClient, &mut b"500 what\r\n334 VXNlcm5hbWU6\r\n".to_vec());
        let mut said = *b"Z2VoZWlt\r\n";
        hidden.hide(ToServer, &mut said);
        assert_eq!(&said, b"********\r\n");
    }
}
