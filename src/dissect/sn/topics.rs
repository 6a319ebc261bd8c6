//! Which topics the ids of MQTT-SN stand for (sections 6.5, 6.7, 6.9 and 6.10).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::{KnownTopic, TopicKnownBy};
use crate::capture::FrameNo;
use crate::flow::Direction;
use crate::mqttsn::{Body, Datagram, Kind, ReturnCode, TopicIdType, TopicRef};

/// How many requests of a client wait for their answers. There should be one of each kind (section 6.5, 6.9).
const ASKED: usize = 16;

/// How many clients are known.
const CLIENTS: usize = 65_536;

/// How many ends of conversations are known to speak it.
const ENDS: usize = 4096;

/// What a name costs beside its bytes.
const NAME_COST: usize = 64;

/// Longer names of clients and nodes are not remembered: 23 characters are allowed for a client (section 5.3.1).
const LONGEST_NAME: usize = 128;

/// A client: its conversation, and the node behind a forwarder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientPlace {
    /// The conversation.
    pub flow: FrameNo,
    /// The gateway's end of it.
    pub gateway: SocketAddr,
    /// The node; empty without a forwarder.
    pub node: Box<[u8]>,
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
struct Asked {
    kind: Kind,
    by: Direction,
    message_id: u16,
    name: Box<[u8]>,
}

/// What is known of a client's topics.
#[derive(Debug, Default)]
struct Client {
    id: Option<Box<[u8]>>,
    /// A CONNECT that waits for its answer asked for this.
    clean: Option<bool>,
    names: BTreeMap<u16, (Box<[u8]>, TopicKnownBy)>,
    asked: VecDeque<Asked>,
    /// What names take.
    bytes: usize,
}

/// What a name takes.
const fn cost(name: &[u8]) -> usize {
    name.len() + NAME_COST
}

impl Client {
    fn ask(&mut self, asked: Asked) {
        // What is sent again asks for the same.
        let same = |old: &Asked| old.kind == asked.kind && old.by == asked.by && old.message_id == asked.message_id;
        let place = self.asked.iter().position(same).or((self.asked.len() >= ASKED).then_some(0));
        if let Some(old) = place.and_then(|place| self.asked.remove(place)) {
            self.bytes -= cost(&old.name);
        }
        self.bytes += cost(&asked.name);
        self.asked.push_back(asked);
    }

    /// What was asked for, by the other side.
    fn asked(&self, kind: Kind, answer_by: Direction, message_id: u16) -> Option<&Asked> {
        self.asked.iter().find(|asked| asked.kind == kind && asked.by != answer_by && asked.message_id == message_id)
    }

    fn name(&mut self, id: u16, name: &[u8], by: TopicKnownBy) {
        // What was said first says more than that it was told again.
        let by = self.names.get(&id).filter(|(old, _)| **old == *name).map_or(by, |(_, old)| *old);
        self.forget(id);
        self.bytes += cost(name);
        self.names.insert(id, (name.into(), by));
    }

    fn forget(&mut self, id: u16) {
        if let Some((name, _)) = self.names.remove(&id) {
            self.bytes -= cost(&name);
        }
    }

    fn forget_all(&mut self) {
        self.names.clear();
        self.asked.clear();
        self.bytes = 0;
    }

    /// Takes in what a message says of topics; names are only kept where there is room for so many bytes. Gives whether
    /// there was.
    fn take(&mut self, direction: Direction, datagram: &Datagram<'_>, room: usize) -> bool {
        let packet = &datagram.packet;
        let kind = packet.header.kind;
        let fits = |name: &[u8]| cost(name) * 2 <= room;
        let ask = |message_id: u16, name: &[u8]| Asked { kind, by: direction, message_id, name: name.into() };
        match packet.body {
            Body::Answer(ReturnCode::ACCEPTED) if kind == Kind::ConnAck && self.clean.take() == Some(true) => {
                self.forget_all();
            }
            Body::Register { topic_id, message_id, topic } if packet.missing == 0 => {
                if !fits(topic) {
                    self.forget(topic_id);
                    return false;
                }
                self.ask(ask(message_id, topic));
                // The gateway tells an id, and uses it once it is accepted.
                if topic_id != 0 && direction == Direction::ToClient {
                    self.name(topic_id, topic, TopicKnownBy::Registration);
                }
            }
            Body::Subscribe { message_id, topic: TopicRef::Name(name), .. } if packet.missing == 0 => {
                if !fits(name) {
                    return false;
                }
                self.ask(ask(message_id, name));
            }
            Body::TopicAnswer { topic_id, message_id, code } if kind == Kind::RegAck => {
                let Some(asked) = self.asked(Kind::Register, direction, message_id) else { return true };
                let name = asked.name.clone();
                if code != ReturnCode::ACCEPTED {
                    if direction == Direction::ToServer {
                        self.forget(topic_id);
                    }
                } else if fits(&name) {
                    self.name(topic_id, &name, TopicKnownBy::Registration);
                } else {
                    self.forget(topic_id);
                    return false;
                }
            }
            Body::SubAck { topic_id, message_id, code: ReturnCode::ACCEPTED, .. } if topic_id != 0 => {
                let asked = self.asked(Kind::Subscribe, direction, message_id);
                // An id for a filter with wildcards would be the gateway's mistake.
                let name = asked.map(|asked| asked.name.clone()).filter(|name| !has_wildcard(name));
                match name {
                    Some(name) if fits(&name) => self.name(topic_id, &name, TopicKnownBy::Subscription),
                    Some(_) => {
                        self.forget(topic_id);
                        return false;
                    }
                    None => {}
                }
            }
            _ => {}
        }
        true
    }
}

/// The topics of all clients, up to a limit of bytes.
#[derive(Debug)]
pub struct SnTopics {
    clients: BTreeMap<ClientPlace, Client>,
    /// Where each client of a gateway was seen last, by its identifier.
    places: BTreeMap<(SocketAddr, Box<[u8]>), ClientPlace>,
    ends: BTreeSet<SocketAddr>,
    /// Ids that both sides know beforehand, as the user has told them.
    predefined: Vec<(u16, Vec<u8>)>,
    bytes: usize,
    limit: usize,
    refused: u64,
}

impl SnTopics {
    /// No topics yet but those that the user has told, and room for so many bytes of names.
    pub fn new(predefined: &[(u16, Vec<u8>)], limit: usize) -> Self {
        Self {
            clients: BTreeMap::new(),
            places: BTreeMap::new(),
            ends: BTreeSet::new(),
            predefined: predefined.to_vec(),
            bytes: 0,
            limit,
            refused: 0,
        }
    }

    /// How many names were not kept, because there were too many.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many bytes names take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether somebody speaks it at this end.
    pub fn knows(&self, end: &SocketAddr) -> bool {
        self.ends.contains(end)
    }

    /// A gateway is at this end.
    pub fn note_end(&mut self, end: SocketAddr) {
        if self.ends.len() < ENDS && !end.ip().is_multicast() {
            self.ends.insert(end);
        }
    }

    /// The conversation is over, and with it what was said in it.
    pub fn forget(&mut self, flow: FrameNo) {
        let gateway = SocketAddr::from(([0; 4], 0));
        let first = ClientPlace { flow, gateway, node: Box::default() };
        while let Some((place, _)) = self.clients.range(&first..).next().filter(|(place, _)| place.flow == flow) {
            let place = place.clone();
            self.drop_client(&place);
        }
    }

    fn drop_client(&mut self, place: &ClientPlace) {
        let Some(client) = self.clients.remove(place) else { return };
        self.bytes -= client.bytes;
        if let Some(id) = client.id {
            let key = (place.gateway, id);
            if self.places.get(&key) == Some(place) {
                self.places.remove(&key);
            }
        }
    }

    /// Takes in what a message says of topics.
    pub fn take(&mut self, place: &ClientPlace, direction: Direction, datagram: &Datagram<'_>) {
        let packet = &datagram.packet;
        if !self.clients.contains_key(place) {
            // What only asks for a gateway, or publishes without a connection, is no client yet.
            if place.node.len() > LONGEST_NAME || !begins_a_client(packet.body) {
                return;
            }
            if self.clients.len() >= CLIENTS
                && let Some(oldest) = self.clients.keys().next().cloned()
            {
                self.refused += 1;
                self.drop_client(&oldest);
            }
            self.clients.insert(place.clone(), Client::default());
        }
        match packet.body {
            Body::Connect { client_id, flags, .. } if packet.missing == 0 && client_id.len() <= LONGEST_NAME => {
                self.connects(place, client_id, flags.clean_session());
            }
            Body::PingReq(Some(client_id)) => self.moves(place, client_id),
            _ => {
                let room = self.limit.saturating_sub(self.bytes);
                let Some(client) = self.clients.get_mut(place) else { return };
                let before = client.bytes;
                if !client.take(direction, datagram, room) {
                    self.refused += 1;
                }
                self.bytes = self.bytes + client.bytes - before;
            }
        }
    }

    /// The topic that a message is about.
    pub fn topic<'a>(
        &'a self,
        place: &ClientPlace,
        direction: Direction,
        datagram: &Datagram<'a>,
        short: &'a [u8],
    ) -> Option<KnownTopic<'a>> {
        let packet = &datagram.packet;
        let client = self.clients.get(place);
        let registered = |id: u16| {
            let (name, by) = client?.names.get(&id)?;
            Some(KnownTopic { name, by: *by })
        };
        let asked = |kind: Kind, message_id: u16| {
            let name = &client?.asked(kind, direction, message_id)?.name;
            Some(KnownTopic { name, by: TopicKnownBy::Message })
        };
        let predefined = |id: u16| {
            let (_, name) = self.predefined.iter().find(|(known, _)| *known == id)?;
            Some(KnownTopic { name, by: TopicKnownBy::Option })
        };
        let itself = |name: &'a [u8]| Some(KnownTopic { name, by: TopicKnownBy::Message });
        match packet.body {
            Body::Publish { flags, topic_id, .. } => match flags.topic_id_type() {
                TopicIdType::Normal => registered(topic_id),
                TopicIdType::Predefined => predefined(topic_id),
                TopicIdType::Short => itself(short),
                TopicIdType::Reserved => None,
            },
            Body::Register { topic, .. }
            | Body::Subscribe { topic: TopicRef::Name(topic), .. }
            | Body::WillTopic(Some((_, topic))) => itself(topic),
            Body::Subscribe { topic: TopicRef::Short(_), .. } => itself(short),
            Body::Subscribe { topic: TopicRef::Id(id), .. } => predefined(id),
            Body::TopicAnswer { message_id, .. } if packet.header.kind == Kind::RegAck => {
                asked(Kind::Register, message_id)
            }
            Body::SubAck { message_id, .. } => asked(Kind::Subscribe, message_id),
            Body::MessageId(message_id) if packet.header.kind == Kind::UnsubAck => asked(Kind::Unsubscribe, message_id),
            _ => None,
        }
    }

    fn connects(&mut self, place: &ClientPlace, id: &[u8], clean: bool) {
        if !clean {
            self.moves(place, id);
        }
        let Some(client) = self.clients.get_mut(place) else { return };
        client.clean = Some(clean);
        if client.id.as_deref() != Some(id) {
            client.id = Some(id.into());
        }
        if self.places.len() < CLIENTS {
            self.places.insert((place.gateway, id.into()), place.clone());
        }
    }

    /// A client that the gateway knows may have another address now, and keeps its topics.
    fn moves(&mut self, place: &ClientPlace, id: &[u8]) {
        let Some(old) = self.places.get(&(place.gateway, id.into())).filter(|old| *old != place).cloned() else {
            return;
        };
        let Some(before) = self.clients.remove(&old) else { return };
        if let Some(replaced) = self.clients.insert(place.clone(), before) {
            self.bytes -= replaced.bytes;
        }
        self.places.insert((place.gateway, id.into()), place.clone());
    }
}

/// Whether whoever sends or gets this has topics that are worth to be known.
const fn begins_a_client(body: Body<'_>) -> bool {
    matches!(body, Body::Connect { .. } | Body::Register { .. } | Body::Subscribe { .. } | Body::PingReq(Some(_)))
}

/// Whether it is a filter for several topics.
fn has_wildcard(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'+' | b'#'))
}
