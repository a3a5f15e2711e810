//! What an error means, and what to do next.

use exportitems::Response;

/// Of an item, by the names of its error and disposition.
pub(crate) fn of_item(error: &str, disposition: Option<&str>) -> &'static str {
    match error {
        "unrequested" => {
            "a message that nobody asked for; check that --items is the number of ids of the request"
        }
        "not-answered" => "the response holds no message for it; export it again",
        "refused" => of_refusal(disposition),
        "truncated" => {
            "the server gave up while it wrote this item; export it again later, alone, \
             and after 8 hours without success open a case with Microsoft"
        }
        "malformed" => {
            "the XML broke inside it or behind it; export it again, \
             and if that repeats look for a proxy that alters responses"
        }
        "cut" => "the response ended before the item was known to be whole; export it again",
        "duplicate" => "its message holds more than one Data element; export it alone",
        "base64" => "its data are not strict base64, so they are damaged; export it again",
        "too-large" => "it is larger than the limit",
        "contradiction" => {
            "its response class and code contradict each other; export it again, alone"
        }
        "missing-data" => "a success without Data; export it again, alone",
        "empty-data" => "a success with nothing in Data; export it again later",
        "payload" => {
            "its payload is cut or damaged although the response calls it a success; \
             export it again later, alone"
        }
        "write" => "it could not be written here; see the error, then run again",
        _ => "export it again",
    }
}

fn of_refusal(disposition: Option<&str>) -> &'static str {
    match disposition {
        Some("permanent") => {
            "asking again does not help; check the id, its change key and the mailbox"
        }
        Some("auth") => "you may not; check the account, its rights and the impersonation",
        Some("throttled") => "the server is busy; export it again later",
        Some("version") => "the server wants another request; try another --server-version",
        _ => "it may be over in a moment; export it again",
    }
}

/// Of a response that is not complete.
pub(crate) const fn of_response(response: Response) -> &'static str {
    match response {
        Response::Complete => "nothing",
        Response::Truncated => "export what is missing later, in smaller batches",
        Response::Cut => "export what is missing again; a server stops a batch after one minute, so make it smaller",
        Response::Fault => "see its code; nothing of this request was exported",
        Response::Malformed => "export what is missing again; if that repeats, look for a proxy that alters responses",
        Response::NotSoap => "check the URL and the credentials; a proxy or a login page may have answered",
        _ => "see the documentation of this response",
    }
}

/// What a file is that is no response, by its first bytes.
pub(crate) fn of_file(head: &[u8]) -> Option<&'static str> {
    let starts = |with: &[u8]| {
        head.get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    if starts(b"HTTP/") {
        Some("the file begins with HTTP headers; save the body alone (curl without -i)")
    } else if starts(&[0x1f, 0x8b]) {
        Some("the file is compressed; decompress it first (gzip -d)")
    } else if starts(&[0xff, 0xfe]) || starts(&[0xfe, 0xff]) {
        Some("the file is UTF-16; save the response as it came, in UTF-8")
    } else if starts(b"<!doctype html") || starts(b"<html") {
        Some("the file is an HTML page, as proxies and login forms send it")
    } else {
        None
    }
}
