//! Target information: a list of `AV_PAIR` (MS-NLMP 2.2.2.1).

/// Ids of pairs (`AvId`).
pub(crate) mod id {
    pub(crate) const EOL: u16 = 0;
    pub(crate) const FLAGS: u16 = 6;
    pub(crate) const TIMESTAMP: u16 = 7;
    pub(crate) const TARGET_NAME: u16 = 9;
    pub(crate) const CHANNEL_BINDINGS: u16 = 10;
}

/// `MsvAvFlags`: the AUTHENTICATE message has a MIC.
pub(crate) const MIC_PROVIDED: u32 = 2;

/// One `AV_PAIR` of the server's target information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvPair<'a> {
    /// `AvId`: 1 is the server's NetBIOS name, 2 its NetBIOS domain, 3 its DNS name, 4 its DNS
    /// domain, 7 its clock; see MS-NLMP 2.2.2.1 for the others.
    pub id: u16,
    /// The value as it was sent; names are UTF-16LE.
    pub value: &'a [u8],
}

/// The pairs of a challenge, in the server's order, without the one that ends the list.
#[derive(Clone, Debug)]
pub struct AvPairs<'a> {
    rest: &'a [u8],
}

impl<'a> AvPairs<'a> {
    pub(crate) const fn new(target_info: &'a [u8]) -> Self {
        Self { rest: target_info }
    }

    /// Returns the next pair, `MsvAvEOL` included; `None` where the bytes end inside a pair.
    pub(crate) fn next_raw(&mut self) -> Option<AvPair<'a>> {
        let (id, rest) = self.rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        self.rest = rest;
        let id = u16::from_le_bytes(*id);
        Some(AvPair { id, value })
    }
}

impl<'a> Iterator for AvPairs<'a> {
    type Item = AvPair<'a>;

    fn next(&mut self) -> Option<AvPair<'a>> {
        let pair = self.next_raw().filter(|pair| pair.id != id::EOL);
        if pair.is_none() {
            self.rest = &[];
        }
        pair
    }
}
