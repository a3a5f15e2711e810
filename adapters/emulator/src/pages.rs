//! What IIS and ASP.NET send instead of SOAP.

pub(crate) const XML: &str = "text/xml; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The target of the redirect that exchangelib takes for a passing outage.
pub(crate) const GENERIC_ERROR: &str = "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx";

/// ASP.NET's page for an unhandled exception.
pub(crate) const SERVER_ERROR: &str = "<!DOCTYPE html>\r\n<html>\r\n    <head>\r\n        \
<title>Runtime Error</title>\r\n    </head>\r\n    <body bgcolor=\"white\">\r\n        \
<span><h1>Server Error in '/EWS' Application.<hr width=100% size=1 color=silver></h1>\r\n        \
<h2> <i>Runtime Error</i> </h2></span>\r\n    </body>\r\n</html>\r\n";
