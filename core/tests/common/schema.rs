//! Microsoft's schema, by xmllint.

use std::path::Path;
use std::process::Command;

pub(crate) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
pub(crate) const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";

/// Whether xmllint finds each of `documents`, requests of `operation`, valid, and what it says.
pub(crate) fn xmllint(
    operation: &str,
    documents: &[String],
    messages_xsd: &Path,
) -> Option<(bool, String)> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schema-{operation}"));
    std::fs::create_dir_all(&dir).expect("a directory for the documents");
    // The envelope with exactly the headers that the WSDL binds to the operation, in our order.
    let schema = format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"
    targetNamespace="{SOAP}" elementFormDefault="qualified">
  <xs:import namespace="{MESSAGES}" schemaLocation="{messages}"/>
  <xs:import namespace="{TYPES}" schemaLocation="{types}"/>
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header"><xs:complexType><xs:sequence>
      <xs:element ref="t:RequestServerVersion"/>
      <xs:element ref="t:ExchangeImpersonation" minOccurs="0"/>
      <xs:element ref="t:MailboxCulture" minOccurs="0"/>
      <xs:element ref="t:ManagementRole" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType><xs:sequence>
      <xs:element ref="m:{operation}"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#,
        messages = messages_xsd.display(),
        types = messages_xsd.with_file_name("types.patched.xsd").display(),
    );
    std::fs::write(dir.join("envelope.xsd"), schema).expect("the schema is written");
    let names = (0..documents.len()).map(|index| format!("{index}.xml"));
    for (name, document) in names.clone().zip(documents) {
        std::fs::write(dir.join(name), document).expect("a document is written");
    }
    match Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", "envelope.xsd"])
        .args(names)
        .current_dir(&dir)
        .output()
    {
        Ok(output) => Some((
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Err(error) => {
            crate::common::data::skip_without(&format!("xmllint: {error}"));
            None
        }
    }
}
