//! From a packet to a name and its addresses. Total: what is malformed or of no interest is `None`.

use std::collections::HashSet;
use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use scope_shared::report::SmolStr;

use crate::netlink::read_be16;

const PORT: u16 = 53;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;

/// What somebody asked for and got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name in the question, without the dot at the end.
    pub name: SmolStr,
    /// The addresses it was answered with, directly or through aliases.
    pub addresses: Vec<IpAddr>,
}

/// The payload of a UDP packet from port 53; `packet` begins with the IP header. IPv6 extension headers are not followed.
#[must_use]
pub fn udp_payload(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let udp = match first >> 4 {
        4 if *packet.get(9)? == UDP => packet.get(usize::from(first & 0xf) * 4..)?,
        6 if *packet.get(6)? == UDP => packet.get(IPV6_HEADER..)?,
        _ => return None,
    };
    (read_be16(udp, 0)? == PORT).then_some(())?;
    udp.get(UDP_HEADER..usize::from(read_be16(udp, 4)?).min(udp.len()))
}

/// Reads a DNS answer to one question for addresses. Names of aliases count for the name that was asked for.
#[must_use]
pub fn parse_answer(message: &[u8]) -> Option<Answer> {
    let message = Message::from_vec(message).ok()?;
    let good = message.metadata.message_type == MessageType::Response && message.metadata.response_code == ResponseCode::NoError;
    let [question] = message.queries.as_slice() else {
        return None;
    };
    let addresses_asked = matches!(question.query_type(), RecordType::A | RecordType::AAAA);
    if !good || !addresses_asked || question.query_class() != DNSClass::IN {
        return None;
    }
    let records = || message.answers.iter().chain(&message.additionals);
    let mut names: HashSet<&Name> = HashSet::from([question.name()]);
    for record in records() {
        if let RData::CNAME(target) = &record.data {
            names.insert(&target.0);
        }
    }
    let mut addresses: Vec<IpAddr> = records()
        .filter(|record| names.contains(&record.name))
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0).to_canonical()),
            _ => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let name = question.name().to_ascii();
    let name = name.trim_end_matches('.');
    (!addresses.is_empty() && !name.is_empty()).then(|| Answer {
        name: name.into(),
        addresses,
    })
}
