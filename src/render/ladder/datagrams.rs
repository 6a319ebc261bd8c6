//! What stands above and below the rungs of a UDP conversation: what QUIC tells of its connection, how much was sent, and how
//! sessions ended. There is no state and no window of it.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Ladder;
use super::margin::Sheet;
use crate::dissect::{Conversation, Protocol, Quic, QuicClose, QuicCloseKind, QuicFacts, Unread, quic_error_name};
use crate::flow::{Direction, Flow, Role};
use crate::render::width::{Bytes, Color, Duration};
use crate::text::Escaped;

/// The facts of a QUIC connection.
fn quic_of(flow: &Flow<Conversation>) -> Option<&QuicFacts> {
    flow.app.protocol()?;
    flow.app.quic().map(Quic::facts)
}

/// What both ends of a QUIC connection have said; of other conversations there is nothing.
pub(super) fn head_of_datagrams(flow: &Flow<Conversation>, sheet: &mut Sheet<'_, impl Write>) -> io::Result<()> {
    let Some(facts) = quic_of(flow) else { return Ok(()) };
    let tls = &facts.tls;
    sheet.colored("", "client", "server", Some(Color::Title))?;
    let id = |direction| facts.ids[direction].as_ref().map(ToString::to_string);
    let [client, server] = Direction::BOTH.map(|direction| match id(direction) {
        Some(id) if id.is_empty() => "none".to_owned(),
        Some(id) => id,
        None => "not captured".to_owned(),
    });
    sheet.row("connection id", &client, &server)?;
    let [client, server] =
        Direction::BOTH.map(|direction| facts.idle_timeout[direction].map(|span| Duration(span).to_string()));
    if client.is_some() || server.is_some() {
        let said = |end: Option<String>| end.unwrap_or_else(|| "not known".to_owned());
        sheet.row("idle time-out", &said(client), &said(server))?;
    }
    if let Some(name) = &tls.server_name {
        sheet.wide("server name", &Escaped(name).to_string())?;
    }
    let offered: Vec<_> = tls.alpn_offered.iter().map(|name| Escaped(name).to_string()).collect();
    match &tls.alpn {
        Some(chosen) => sheet.wide("protocol", &Escaped(chosen).to_string())?,
        None if !offered.is_empty() => sheet.wide("protocol", &format!("offered: {}", offered.join(", ")))?,
        None => {}
    }
    let mut text = match facts.handshake() {
        Some(span) => format!("took {}", Duration(span)),
        None if facts.is_from_start() => "not complete".to_owned(),
        None => "its beginning was not captured".to_owned(),
    };
    if let Some(span) = facts.answer_time() {
        let _ = write!(text, ", first answer after {}", Duration(span));
    }
    if facts.retry {
        text.push_str(", with a Retry");
    }
    if tls.resumed {
        text.push_str(", resumed");
    }
    sheet.wide("handshake", &text)?;
    for migration in &facts.migrations {
        sheet.wide("client goes on", &format!("from {} with frame {}", migration.client, migration.at.frame))?;
    }
    if let Some(why) = facts.unread.filter(|_| flow.app.protocol() == Some(Protocol::Quic) || !facts.decrypted) {
        sheet.wide("not decrypted", &unread_text(why))?;
    }
    writeln!(sheet.out)
}

/// Why packets could not be opened, and what helps.
fn unread_text(why: Unread) -> String {
    match why {
        Unread::NoKeys => "there are no keys of it; --keylog names a file that has some".to_owned(),
        other => super::row::plain(other.name()),
    }
}

impl Ladder {
    /// What both ends sent, how it ended as far as there is an end, and the findings.
    pub(super) fn foot_of_datagrams(&self, flow: &Flow<Conversation>, out: &mut impl Write) -> io::Result<()> {
        let mut sheet = Sheet { style: self.style, width: self.style.table_width(), out };
        writeln!(sheet.out)?;
        sheet.colored("", "from client", "from server", Some(Color::Title))?;
        let [client, server] = Direction::BOTH.map(|direction| {
            let counters = flow.counters(direction);
            (format!("{} ({})", counters.packets, Bytes(counters.bytes)), Bytes(counters.payload_bytes).to_string())
        });
        sheet.row("datagrams", &client.0, &server.0)?;
        sheet.row("payload", &client.1, &server.1)?;
        if let Some(facts) = quic_of(flow) {
            quic_counts(facts, &mut sheet)?;
        }
        for ended in &self.sessions {
            sheet.wide("session", ended)?;
        }
        if let Some(close) = quic_of(flow).and_then(|facts| facts.close.as_ref()) {
            sheet.wide("end", &closed(close))?;
        }
        self.findings(&mut sheet)
    }
}

/// Packets of QUIC: a datagram may hold several.
fn quic_counts(facts: &QuicFacts, sheet: &mut Sheet<'_, impl Write>) -> io::Result<()> {
    let [client, server] = Direction::BOTH.map(|direction| &facts.sides[direction]);
    sheet.row("packets", &client.packets().to_string(), &server.packets().to_string())?;
    let counts = [
        ("  opened", client.opened_packets, server.opened_packets),
        ("  not opened", client.unread_packets, server.unread_packets),
        ("  twice", client.duplicates, server.duplicates),
        ("never captured", client.missing_packets, server.missing_packets),
    ];
    for (name, client, server) in counts {
        if client + server > 0 {
            sheet.row(name, &client.to_string(), &server.to_string())?;
        }
    }
    if client.stream_bytes + server.stream_bytes > 0 {
        let [client, server] = [client, server].map(|side| Bytes(side.stream_bytes).to_string());
        sheet.row("in streams", &client, &server)?;
    }
    Ok(())
}

/// How a connection was closed, and by whom.
fn closed(close: &QuicClose) -> String {
    let by = match close.by {
        Role::Client => "client",
        Role::Server => "server",
    };
    let mut text = match close.kind {
        QuicCloseKind::StatelessReset => return format!("the {by} knows nothing of the connection (stateless reset)"),
        QuicCloseKind::Transport(_) => match quic_error_name(close.code) {
            Some(name) => format!("closed by the {by}: {name}"),
            None => format!("closed by the {by}: error {}", close.code),
        },
        QuicCloseKind::Application => format!("closed by the {by}, code {}", close.code),
    };
    if !close.reason.is_empty() {
        let _ = write!(text, " \"{}\"", Escaped(&close.reason));
    }
    text
}
