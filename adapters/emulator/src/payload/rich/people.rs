//! Group 1 and 2: senders and recipients, and the headers that a mail arrived with.

use super::super::stream::{one_off, Stream};

const ORG: &str = "/O=EXAMPLE/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN=";

impl Stream {
    /// A group of properties of an Exchange user: name, type, address.
    fn user(&mut self, [name, kind, address]: [u16; 3], display: &str, alias: &str) {
        self.string(name, display);
        self.string(kind, "EX");
        self.string(address, &format!("{ORG}{alias}"));
    }
}

/// An assistant sends for her manager, to users of Exchange whose SMTP addresses are in the item.
pub(super) fn exchange_users(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.string(0x0037, "For Kim");
    it.at(0x0039, 1_772_442_000);
    it.user([0x0042, 0x0064, 0x0065], "Kim Manager", "KIM");
    it.string(0x5D02, "kim@example.test");
    it.user([0x0C1A, 0x0C1E, 0x0C1F], "Alex Assistant", "ALEX");
    it.string(0x5D01, "alex@example.test");
    it.string(0x1000, "Hello\r\n");
    for (kind, name, alias, object) in [
        (1, "Ann", "ann", 6),
        (1, "Everyone", "all", 8), // a distribution list
        (2, "Bo, Jr.", "bo", 6),
        (3, "Cy", "cy", 6),
        (0x1000_0001, "Resent", "resent", 6), // got it already
    ] {
        it.addressee(kind, |it| {
            it.user([0x3001, 0x3002, 0x3003], name, &alias.to_uppercase());
            it.string(0x39FE, &format!("{alias}@example.test"));
            it.int(0x0FFE, object);
        });
    }
}

/// Users of Exchange whose SMTP addresses are not in the item.
pub(super) fn unresolved_users(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.string(0x0037, "Unresolved");
    it.at(0x0039, 1_772_442_000);
    it.user([0x0042, 0x0064, 0x0065], "Kim Manager", "KIM");
    it.user([0x0C1A, 0x0C1E, 0x0C1F], "Kim Manager", "KIM");
    it.string(0x1000, "Hello\r\n");
    it.addressee(1, |it| {
        it.user([0x3001, 0x3002, 0x3003], "Ann Lee", "ANN LEE");
    });
}

/// Addresses that are in EntryIDs only.
pub(super) fn entry_ids(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.string(0x0037, "EntryIDs");
    it.at(0x0039, 1_772_442_000);
    it.binary(0x0041, &one_off("Pat Ü", "pat@example.test"));
    it.string(0x1000, "Hello\r\n");
    it.addressee(1, |it| {
        it.binary(0x0FFF, &one_off("Ann", "ann@example.test"));
    });
}

/// Headers with folded lines and a Content-Type that is not that of the item.
pub(super) fn received(it: &mut Stream) {
    it.mail("Edited later");
    it.string(
        0x007D,
        "Received: from a.example.test by b.example.test\r\n\twith ESMTPS id 1;\r\n\tMon, 2 Mar 2026 10:00:05 +0100\r\n\
         Subject: As it arrived\r\nFrom: \"Pat, Sr.\" <pat@example.test>\r\nTo: ann@example.test\r\n\
         Date: Mon, 2 Mar 2026 10:00:00 +0100\r\nMessage-ID: <original@example.test>\r\n\
         DKIM-Signature: v=1; a=rsa-sha256; d=example.test;\r\n\tb=abc\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"stale\"\r\n\r\n--stale\r\n",
    );
    it.at(0x0E06, 1_772_442_005);
}

/// A mail that was sent from here: it has no such headers.
pub(super) fn sent(it: &mut Stream) {
    it.mail("Grüße 山田");
    it.int(0x0017, 2);
    it.int(0x0036, 2);
    it.string(0x1042, "<0@example.test>");
    it.string(0x1039, "<00@example.test> <0@example.test>");
    it.truth(0x0029);
    it.int(0x0E07, 1);
}
