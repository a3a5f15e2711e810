//! Pages that IIS, ASP.NET and load balancers send instead of SOAP.

pub(crate) const XML: &str = "text/xml; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The page of IIS for a 401.
pub(crate) const UNAUTHORIZED: &str =
    "<!DOCTYPE html><html><head><title>401 - Unauthorized: Access is denied \
     due to invalid credentials.</title></head><body><h1>Server Error</h1></body></html>\r\n";

/// The target of a redirect that exchangelib treats as a temporary outage.
pub(crate) const GENERIC_ERROR: &str = "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx";

/// The page of ASP.NET for an unhandled exception.
pub(crate) const SERVER_ERROR: &str = "<!DOCTYPE html>\r\n<html>\r\n    <head>\r\n        \
<title>Runtime Error</title>\r\n    </head>\r\n    <body bgcolor=\"white\">\r\n        \
<span><h1>Server Error in '/EWS' Application.<hr width=100% size=1 color=silver></h1>\r\n        \
<h2> <i>Runtime Error</i> </h2></span>\r\n    </body>\r\n</html>\r\n";

/// A page that a load balancer appends to a response.
pub(crate) const LOAD_BALANCER: &str = "<html><head><title>Request served</title></head>\
<body><p>This page was added on the way.</p></body></html>\r\n";

/// The response that load balancers send on an idle connection before they close it.
pub(crate) const LATE_408: &str = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\
Connection: close\r\nCache-Control: no-cache\r\n\r\n";
