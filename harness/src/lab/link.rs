//! Typed messages between the lab's processes: one JSON value per packet of a Unix `SOCK_SEQPACKET` socket, with file
//! descriptors where needed. A packet arrives whole or not at all, so several threads may send on one link.

use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, setsockopt,
    socketpair, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The kernel's limit of descriptors in one packet (`SCM_MAX_FD`).
const MAX_DESCRIPTORS: usize = 253;
/// More than a sender can put into one packet with the default socket buffer.
const MAX_PACKET: usize = 256 * 1024;

/// One end of a link: sends `S`, receives `R`.
#[derive(Debug)]
pub(crate) struct Link<S, R> {
    socket: OwnedFd,
    messages: PhantomData<fn(S) -> R>,
}

/// What came over a link.
#[derive(Debug)]
pub(crate) struct Received<R> {
    /// The message.
    pub(crate) message: R,
    /// The descriptors that came with it, closed on exec.
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl<S, R> Link<S, R> {
    /// Takes over a socket that came from another process.
    pub(crate) fn from_socket(socket: OwnedFd) -> Self {
        Self { socket, messages: PhantomData }
    }
}

impl<S: Serialize, R: DeserializeOwned> Link<S, R> {
    /// Makes both ends of a link.
    pub(crate) fn pair() -> io::Result<(Link<S, R>, Link<R, S>)> {
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Link::from_socket(one), Link::from_socket(other)))
    }

    /// Limits how long [`Link::receive`] waits; then it fails with `WouldBlock`.
    pub(crate) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        let time = TimeVal::milliseconds(patience.as_millis() as i64);
        Ok(setsockopt(&self.socket, sockopt::ReceiveTimeout, &time)?)
    }

    /// Sends one message, with descriptors of which the receiver gets copies.
    pub(crate) fn send(&self, message: &S, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights[..] };
        loop {
            let sent =
                sendmsg::<()>(self.socket.as_raw_fd(), &[IoSlice::new(&bytes)], control, MsgFlags::MSG_NOSIGNAL, None);
            match sent {
                Ok(_) => return Ok(()),
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for one message; `None` when the other end is closed.
    pub(crate) fn receive(&self) -> io::Result<Option<Received<R>>> {
        let mut bytes = vec![0u8; MAX_PACKET];
        let mut descriptors = Vec::new();
        let mut control = cmsg_space!([RawFd; MAX_DESCRIPTORS]);
        let len = loop {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC;
            match recvmsg::<()>(self.socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
                Ok(received) => {
                    for message in received.cmsgs()? {
                        if let ControlMessageOwned::ScmRights(raw) = message {
                            for fd in raw {
                                // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
                                descriptors.push(unsafe { OwnedFd::from_raw_fd(fd) });
                            }
                        }
                    }
                    break received.bytes;
                }
                Err(nix::Error::EINTR) => {}
                Err(nix::Error::ECONNRESET) => break 0,
                Err(error) => return Err(error.into()),
            }
        };
        if len == 0 {
            return Ok(None);
        }
        let message = serde_json::from_slice(&bytes[..len])?;
        Ok(Some(Received { message, descriptors }))
    }
}

impl<S, R> AsFd for Link<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S, R> From<Link<S, R>> for OwnedFd {
    fn from(link: Link<S, R>) -> Self {
        link.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_descriptors_arrive_and_closing_is_seen() {
        let (left, right) = Link::<String, u32>::pair().expect("make a link");
        let (reader, writer) = nix::unistd::pipe().expect("make a pipe");
        left.send(&"hello".into(), &[reader.as_fd()]).expect("send");
        let received = right.receive().expect("receive").expect("a message");
        assert_eq!(received.message, "hello");
        nix::unistd::write(&writer, b"x").expect("write");
        let mut byte = [0u8];
        assert_eq!(nix::unistd::read(&received.descriptors[0], &mut byte), Ok(1));
        right.send(&7, &[]).expect("send back");
        assert_eq!(left.receive().expect("receive").expect("a message").message, 7);
        drop(right);
        assert!(left.receive().expect("end of the link").is_none());
    }
}
