//! One direction of a pipe: a bounded queue of messages between whoever writes and the newest reader.
//!
//! A writer waits while the queue is full: back-pressure reaches the shell through both sockets. A message counts as read only once its
//! socket took it; what a socket that broke had not taken goes to the next one, so a reconnection loses nothing that was not on the wire.
//! With several readers (a terminal popped out) the newest one gets what comes; when it leaves, the one before it goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Messages that may wait in one direction, in bytes: a screenful of output many times over, and small against a socket's own buffers.
pub(super) const CAPACITY: usize = 256 << 10;
/// An empty message costs memory as well.
const OVERHEAD: usize = 64;

/// How a stream ended, for the WebSocket's close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The close code.
    pub(crate) code: u16,
    /// The reason, at most 123 bytes.
    pub(crate) reason: String,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A message; to be acknowledged with [`Reader::delivered`].
    Message(Bytes),
    /// Nothing more will come.
    End(End),
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Stream {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    bytes: usize,
    /// The message that a reader took and has not acknowledged.
    in_flight: Option<(u64, Bytes)>,
    /// Readers, the newest last.
    readers: Vec<u64>,
    counter: u64,
    end: Option<End>,
}

impl Stream {
    /// Waits for room and queues a message. `false`: the stream has ended and the message is dropped.
    pub(super) async fn write(&self, message: Bytes) -> bool {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.end.is_some() {
                    return false;
                }
                if state.bytes == 0 || state.bytes + message.len() <= CAPACITY {
                    state.bytes += message.len() + OVERHEAD;
                    state.queue.push_back(message);
                    break;
                }
            }
            changed.await;
        }
        self.changed.notify_waiters();
        true
    }

    /// Ends the stream: what is queued is still read, nothing more is written. The first end counts.
    pub(super) fn end(&self, end: End) {
        self.state.lock().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    /// A new reader, which gets what comes from now on and what nobody has taken yet.
    pub(super) fn attach(self: &Arc<Self>) -> Reader {
        let mut state = self.state.lock();
        state.counter += 1;
        let id = state.counter;
        state.readers.push(id);
        Reader {
            stream: Arc::clone(self),
            id,
        }
    }

    /// Whether everything written has been read.
    #[cfg(test)]
    pub(super) fn is_drained(&self) -> bool {
        let state = self.state.lock();
        state.queue.is_empty() && state.in_flight.is_none()
    }
}

/// A socket's hold on a stream. Dropping it hands on what it had not delivered.
pub(super) struct Reader {
    stream: Arc<Stream>,
    id: u64,
}

impl Reader {
    /// Waits for the next message. Cancelling the wait loses nothing.
    pub(super) async fn next(&self) -> Item {
        loop {
            let changed = self.stream.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.stream.state.lock();
                let newest = state.readers.last() == Some(&self.id);
                if newest
                    && state.in_flight.is_none()
                    && let Some(message) = state.queue.pop_front()
                {
                    state.in_flight = Some((self.id, message.clone()));
                    return Item::Message(message);
                }
                if let Some(end) = state.end.clone().filter(|_| state.queue.is_empty() && state.in_flight.is_none()) {
                    return Item::End(end);
                }
            }
            changed.await;
        }
    }

    /// The message last taken is on its way; the next one may be taken.
    pub(super) fn delivered(&self) {
        {
            let mut state = self.stream.state.lock();
            if let Some((_, message)) = state.in_flight.take_if(|(reader, _)| *reader == self.id) {
                state.bytes = state.bytes.saturating_sub(message.len() + OVERHEAD);
            }
        }
        self.stream.changed.notify_waiters();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        {
            let mut state = self.stream.state.lock();
            state.readers.retain(|id| *id != self.id);
            if let Some((_, message)) = state.in_flight.take_if(|(reader, _)| *reader == self.id) {
                state.queue.push_front(message);
            }
        }
        self.stream.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    fn stream() -> Arc<Stream> {
        Arc::default()
    }

    fn write(stream: &Stream, text: &'static str) {
        assert_eq!(stream.write(Bytes::from_static(text.as_bytes())).now_or_never(), Some(true));
    }

    fn read(reader: &Reader) -> Option<Item> {
        reader.next().now_or_never()
    }

    fn message(text: &'static str) -> Option<Item> {
        Some(Item::Message(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn what_a_broken_reader_did_not_deliver_goes_to_the_next_one_in_order() {
        let stream = stream();
        let first = stream.attach();
        for text in ["a", "b", "c"] {
            write(&stream, text);
        }
        assert_eq!(read(&first), message("a"));
        first.delivered();
        assert_eq!(read(&first), message("b"));
        drop(first);
        let second = stream.attach();
        assert_eq!(read(&second), message("b"));
        second.delivered();
        assert_eq!(read(&second), message("c"));
    }

    #[test]
    fn a_full_stream_makes_its_writer_wait_until_something_is_read() {
        let stream = stream();
        let reader = stream.attach();
        assert_eq!(stream.write(Bytes::from(vec![0; CAPACITY])).now_or_never(), Some(true));
        let mut waiting = Box::pin(stream.write(Bytes::from_static(b"more")));
        assert_eq!((&mut waiting).now_or_never(), None);
        assert!(matches!(read(&reader), Some(Item::Message(_))));
        assert_eq!((&mut waiting).now_or_never(), None, "taken is not delivered");
        reader.delivered();
        assert_eq!(waiting.now_or_never(), Some(true));
    }

    #[test]
    fn the_newest_reader_gets_the_output_and_the_one_before_goes_on_after_it() {
        let stream = stream();
        let (page, popup) = (stream.attach(), stream.attach());
        write(&stream, "x");
        assert_eq!(read(&page), None);
        assert_eq!(read(&popup), message("x"));
        popup.delivered();
        drop(popup);
        write(&stream, "y");
        assert_eq!(read(&page), message("y"));
    }

    #[test]
    fn the_end_comes_after_what_was_written_and_frees_a_waiting_writer() {
        let stream = stream();
        let reader = stream.attach();
        assert_eq!(stream.write(Bytes::from(vec![0; CAPACITY])).now_or_never(), Some(true));
        let mut waiting = Box::pin(stream.write(Bytes::from_static(b"more")));
        assert_eq!((&mut waiting).now_or_never(), None);
        let end = End {
            code: 1000,
            reason: "exited 0".to_owned(),
        };
        stream.end(end.clone());
        assert_eq!(waiting.now_or_never(), Some(false));
        assert!(matches!(read(&reader), Some(Item::Message(_))));
        reader.delivered();
        assert_eq!(read(&reader), Some(Item::End(end)));
        assert!(stream.is_drained());
    }
}
