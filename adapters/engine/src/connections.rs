//! The number of requests at a time, which follows what the server allows.

/// The number of answered requests after which one more connection is tried.
const RAISED_AFTER: usize = 8;

/// The number of requests at a time.
///
/// A server that is busy, or that refuses a connection too many, halves it. Answers raise it again by one at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    most: usize,
    allowed: usize,
    /// The number of requests that were answered since the last change.
    answered: usize,
    /// Whether the server is known to answer. Otherwise a single request finds out.
    responds: bool,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            allowed: most,
            answered: 0,
            responds: false,
        }
    }

    /// Returns the number of requests that may be in flight now.
    pub(crate) const fn now(&self) -> usize {
        match self.responds {
            true => self.allowed,
            false => 1,
        }
    }

    /// The server has begun to answer a request with an item.
    pub(crate) fn respond(&mut self) {
        self.responds = true;
    }

    /// The server must be waited for, so a single request finds out whether it answers again.
    pub(crate) fn pause(&mut self) {
        self.responds = false;
    }

    /// The server has answered a request.
    pub(crate) fn answer(&mut self) {
        self.responds = true;
        self.answered += 1;
        if self.answered >= RAISED_AFTER && self.allowed < self.most {
            self.allowed += 1;
            self.answered = 0;
        }
    }

    /// The server is busy, or refuses a connection too many.
    pub(crate) fn throttle(&mut self) {
        self.allowed = (self.allowed / 2).max(1);
        self.answered = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_halves_them_and_answers_raise_them_slowly() {
        let mut connections = Connections::new(16);
        assert_eq!(connections.now(), 1, "the server is not known yet");
        connections.respond();
        assert_eq!(connections.now(), 16);
        for allowed in [8, 4, 2, 1, 1] {
            connections.throttle();
            assert_eq!(connections.now(), allowed);
        }
        for allowed in (1..=16).chain([16, 16]) {
            assert_eq!(connections.now(), allowed);
            (0..RAISED_AFTER).for_each(|_| connections.answer());
        }
        connections.pause();
        assert_eq!(connections.now(), 1);
        connections.answer();
        assert_eq!(connections.now(), 16);
    }
}
