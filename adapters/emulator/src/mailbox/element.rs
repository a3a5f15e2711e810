//! The body of a request as a tree.

/// An element of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// The local name.
    pub name: String,
    /// The attributes in order, by their qualified names.
    pub attributes: Vec<(String, String)>,
    /// The children in order.
    pub children: Vec<Element>,
    /// The text between the children, joined.
    pub text: String,
}

impl Element {
    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let attribute = self.attributes.iter().find(|(known, _)| known == name);
        attribute.map(|(_, value)| value.as_str())
    }

    /// Returns the first child with this local name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the text of the first child with this local name, without surrounding white space.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }

    /// Returns the first descendant with this local name, in the order of the document.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| {
            if child.name == name {
                Some(child)
            } else {
                child.find(name)
            }
        })
    }
}

/// A request for an operation other than `ExportItems`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `ExchangeImpersonation`: the kind of id, such as `PrimarySmtpAddress`, and the id.
    pub impersonation: Option<(String, String)>,
    /// The element of the operation, such as `FindItem`.
    pub body: Element,
}
