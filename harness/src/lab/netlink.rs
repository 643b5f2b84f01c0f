//! The few rtnetlink requests that build the lab's network: bridge, veth pair, address, link state.
//!
//! Raw netlink instead of forking `ip`: a lab of six comes up several times as fast, and needs no package. Every
//! request is acknowledged by the kernel before the call returns. The socket belongs to the network namespace of the
//! process that opened it.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const ACKNOWLEDGED: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
const CREATE: u16 = ACKNOWLEDGED | (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
const IFF_UP: u32 = libc::IFF_UP as u32;
const HEADER_LEN: usize = 16;
const IFINFO_LEN: usize = 16;
/// `linux/if_link.h`: the nested attributes that libc does not name.
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BRPORT_STATE: u16 = 1;
const OPERSTATE_UP: u8 = 6;
const BRIDGE_PORT_FORWARDING: u8 = 3;

/// An open rtnetlink socket.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// What the lab wants to know about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkState {
    /// Interface index in its namespace.
    pub(crate) index: u32,
    /// Administratively up, with carrier.
    pub(crate) operational: bool,
    /// A bridge port that forwards frames.
    pub(crate) forwarding: bool,
}

impl Netlink {
    /// Opens a socket in the caller's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Makes a bridge and sets it up.
    pub(crate) fn add_bridge(&mut self, name: &str) -> io::Result<()> {
        let mut request = Request::link(CREATE, 0, IFF_UP);
        request.string(libc::IFLA_IFNAME, name);
        request.nested(libc::IFLA_LINKINFO, |info| info.attribute(IFLA_INFO_KIND, b"bridge"));
        self.acknowledged(request)
    }

    /// Makes a veth pair: `name` here, up and a port of the bridge with index `bridge`; `peer` in the network
    /// namespace of process `peer_pid`, with this hardware address.
    pub(crate) fn add_veth_port(
        &mut self,
        name: &str,
        bridge: u32,
        peer: &str,
        peer_pid: u32,
        hardware: [u8; 6],
    ) -> io::Result<()> {
        let mut request = Request::link(CREATE, 0, IFF_UP);
        request.string(libc::IFLA_IFNAME, name);
        request.attribute(libc::IFLA_MASTER, &bridge.to_ne_bytes());
        request.nested(libc::IFLA_LINKINFO, |info| {
            info.attribute(IFLA_INFO_KIND, b"veth");
            info.nested(IFLA_INFO_DATA, |data| {
                data.nested(VETH_INFO_PEER, |other| {
                    other.ifinfo(0, 0);
                    other.string(libc::IFLA_IFNAME, peer);
                    other.attribute(libc::IFLA_NET_NS_PID, &peer_pid.to_ne_bytes());
                    other.attribute(libc::IFLA_ADDRESS, &hardware);
                });
            });
        });
        self.acknowledged(request)
    }

    /// Sets a link up.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        self.acknowledged(Request::link(ACKNOWLEDGED, index, IFF_UP))
    }

    /// Gives a link an IPv4 address; the connected route is the only one that follows from it.
    pub(crate) fn add_address(&mut self, index: u32, address: Ipv4Addr, prefix_len: u8) -> io::Result<()> {
        let mut request = Request::new(libc::RTM_NEWADDR, CREATE);
        let mut ifaddr = [0u8; 8];
        ifaddr[0] = libc::AF_INET as u8;
        ifaddr[1] = prefix_len;
        ifaddr[4..8].copy_from_slice(&index.to_ne_bytes());
        request.raw(&ifaddr);
        request.attribute(libc::IFA_LOCAL, &address.octets());
        request.attribute(libc::IFA_ADDRESS, &address.octets());
        self.acknowledged(request)
    }

    /// Says which hardware address an IPv4 address has on a link, once for all: nobody asks for it by broadcast, and
    /// the entry does not count towards the limit that the kernel has for the neighbours of all network namespaces
    /// together.
    pub(crate) fn add_neighbour(&mut self, index: u32, address: Ipv4Addr, hardware: [u8; 6]) -> io::Result<()> {
        let mut request = Request::new(libc::RTM_NEWNEIGH, CREATE);
        // struct ndmsg
        let mut message = [0u8; 12];
        message[0] = libc::AF_INET as u8;
        message[4..8].copy_from_slice(&index.to_ne_bytes());
        message[8..10].copy_from_slice(&libc::NUD_PERMANENT.to_ne_bytes());
        request.raw(&message);
        request.attribute(libc::NDA_DST, &address.octets());
        request.attribute(libc::NDA_LLADDR, &hardware);
        self.acknowledged(request)
    }

    /// Reads the state of the link called `name`.
    pub(crate) fn link_state(&mut self, name: &str) -> io::Result<LinkState> {
        let mut request = Request::new(libc::RTM_GETLINK, libc::NLM_F_REQUEST as u16);
        request.ifinfo(0, 0);
        request.string(libc::IFLA_IFNAME, name);
        let reply = self.exchange(request)?;
        parse_link(&reply)
    }

    fn acknowledged(&mut self, request: Request) -> io::Result<()> {
        let reply = self.exchange(request)?;
        match error_of(&reply)? {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn exchange(&mut self, request: Request) -> io::Result<Vec<u8>> {
        self.sequence += 1;
        send(self.socket.as_raw_fd(), &request.finish(self.sequence), MsgFlags::empty())?;
        let mut reply = vec![0u8; 32 * 1024];
        let len = recv(self.socket.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        reply.truncate(len);
        Ok(reply)
    }
}

/// A netlink message under construction.
struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0u8; HEADER_LEN];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(bytes)
    }

    /// A request to make (`index` 0) or change a link, with the given interface flags set.
    fn link(flags: u16, index: u32, link_flags: u32) -> Self {
        let mut request = Self::new(libc::RTM_NEWLINK, flags);
        request.ifinfo(index, link_flags);
        request
    }

    /// `struct ifinfomsg`: which link, and which of its flags are set.
    fn ifinfo(&mut self, index: u32, flags: u32) {
        let mut ifinfo = [0u8; IFINFO_LEN];
        ifinfo[4..8].copy_from_slice(&index.to_ne_bytes());
        ifinfo[8..12].copy_from_slice(&flags.to_ne_bytes());
        ifinfo[12..16].copy_from_slice(&flags.to_ne_bytes());
        self.raw(&ifinfo);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.0.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.raw(value);
    }

    fn string(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        fill(self);
        let len = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&len.to_ne_bytes());
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let len = self.0.len() as u32;
        self.0[0..4].copy_from_slice(&len.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel sent a netlink message that is too short")
}

/// The error code (positive errno, 0 for success) in an `NLMSG_ERROR` message.
fn error_of(reply: &[u8]) -> io::Result<i32> {
    let code = reply.get(HEADER_LEN..HEADER_LEN + 4).ok_or_else(malformed)?;
    Ok(-i32::from_ne_bytes(code.try_into().expect("four bytes")))
}

fn parse_link(reply: &[u8]) -> io::Result<LinkState> {
    let kind = reply.get(4..6).ok_or_else(malformed)?;
    if u16::from_ne_bytes([kind[0], kind[1]]) != libc::RTM_NEWLINK {
        return Err(io::Error::from_raw_os_error(error_of(reply)?));
    }
    let index = reply.get(HEADER_LEN + 4..HEADER_LEN + 8).ok_or_else(malformed)?;
    let mut state = LinkState {
        index: u32::from_ne_bytes(index.try_into().expect("four bytes")),
        operational: false,
        forwarding: false,
    };
    let attributes = reply.get(HEADER_LEN + IFINFO_LEN..).ok_or_else(malformed)?;
    for (kind, value) in Attributes(attributes) {
        if kind == libc::IFLA_OPERSTATE {
            state.operational = value.first() == Some(&OPERSTATE_UP);
        } else if kind == libc::IFLA_LINKINFO {
            let port = Attributes(value).filter(|(kind, _)| *kind == IFLA_INFO_SLAVE_DATA);
            let mut port_attributes = port.flat_map(|(_, value)| Attributes(value));
            state.forwarding = port_attributes
                .any(|(kind, value)| kind == IFLA_BRPORT_STATE && value.first() == Some(&BRIDGE_PORT_FORWARDING));
        }
    }
    Ok(state)
}

/// Walks a sequence of netlink attributes; stops at the first malformed one.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let header = self.0.get(..4)?;
        let len = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        // The two highest bits are flags (nested, network byte order).
        let kind = u16::from_ne_bytes([header[2], header[3]]) & 0x3fff;
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_nests_and_pads_its_attributes() {
        let mut request = Request::new(libc::RTM_NEWLINK, ACKNOWLEDGED);
        request.ifinfo(7, IFF_UP);
        request.nested(libc::IFLA_LINKINFO, |info| info.attribute(IFLA_INFO_KIND, b"bridge"));
        let bytes = request.finish(3);
        assert_eq!(u32::from_ne_bytes(bytes[0..4].try_into().expect("4 bytes")) as usize, bytes.len());
        let attributes: Vec<_> = Attributes(&bytes[HEADER_LEN + IFINFO_LEN..]).collect();
        assert_eq!(attributes.len(), 1);
        assert_eq!(attributes[0].0, libc::IFLA_LINKINFO);
        assert_eq!(Attributes(attributes[0].1).collect::<Vec<_>>(), vec![(IFLA_INFO_KIND, &b"bridge"[..])]);
    }

    #[test]
    fn the_loopback_link_is_found_and_an_unknown_one_is_not() {
        let mut netlink = Netlink::open().expect("open a netlink socket");
        assert_eq!(netlink.link_state("lo").expect("lo exists").index, 1);
        assert!(netlink.link_state("no-such-link").is_err());
    }

    #[test]
    fn truncated_replies_are_errors_and_not_panics() {
        for len in 0..32 {
            assert!(parse_link(&vec![0u8; len]).is_err() || len >= 32);
        }
    }
}
