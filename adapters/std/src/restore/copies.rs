//! The copies of an item that a folder has.

/// The copies of one item in one folder.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Their number.
    pub(super) total: u64,
    /// The sizes of those that belong to no item of the archive so far.
    unclaimed: Vec<u64>,
}

impl Copies {
    /// Makes the copies with these sizes, as the server counts them.
    pub(super) fn new(sizes: Vec<u64>) -> Self {
        Self {
            total: sizes.len() as u64,
            unclaimed: sizes,
        }
    }

    /// Takes a copy of this size for an item of the archive. Returns whether there was one.
    pub(super) fn claim(&mut self, size: u64) -> bool {
        let at = self.unclaimed.iter().position(|&other| other == size);
        at.map(|at| self.unclaimed.swap_remove(at)).is_some()
    }

    /// Takes a copy of this size, or one of another size: a server may count other bytes for an item that it has stored
    /// than for the original.
    pub(super) fn claim_any(&mut self, size: u64) -> bool {
        self.claim(size) || self.unclaimed.pop().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Copies;

    #[test]
    fn each_copy_is_taken_once() {
        let mut copies = Copies::new(vec![10, 20, 10]);
        assert_eq!(copies.total, 3);
        assert!(copies.claim(10) && copies.claim(10) && !copies.claim(10));
        assert!(copies.claim_any(10));
        assert!(!copies.claim_any(20));
        assert_eq!(copies.total, 3);
    }
}
