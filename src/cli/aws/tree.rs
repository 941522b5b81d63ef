//! An XML answer as a tree of elements. Must not know what any of them means.

/// An element: its name without its namespace, its text, and the elements in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    name: String,
    text: String,
    children: Vec<Node>,
}

impl Node {
    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name; none if it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(|child| child.text.trim())
            .filter(|text| !text.is_empty())
    }

    /// The items of the list of this name: EC2 calls each `item`, the others `member`.
    pub(super) fn items(&self, name: &str) -> impl Iterator<Item = &Self> {
        let children = self.child(name).into_iter().flat_map(|list| &list.children);
        children.filter(|child| matches!(child.name.as_str(), "item" | "member"))
    }

    /// The text of the element itself.
    pub(super) fn own_text(&self) -> &str {
        self.text.trim()
    }

    /// The first element of this name at any depth.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

/// Reads a whole document.
pub(super) fn parse(body: &[u8]) -> Result<Node, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|error| Unreadable(error.to_string()))?;
    let document = roxmltree::Document::parse(text).map_err(|error| Unreadable(error.to_string()))?;
    Ok(node(document.root_element()))
}

/// No XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no XML: {0}")]
pub(super) struct Unreadable(String);

/// The parser bounds how deep elements are nested.
fn node(element: roxmltree::Node<'_, '_>) -> Node {
    Node {
        name: element.tag_name().name().to_owned(),
        text: element.text().unwrap_or_default().to_owned(),
        children: element
            .children()
            .filter(roxmltree::Node::is_element)
            .map(node)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_items_or_members_and_names_have_no_namespace() {
        let body = r#"<AResponse xmlns="http://x/"><setOne><item><id> a&amp;b </id></item><item/></setOne>
            <Two><member>m</member></Two><empty/></AResponse>"#;
        let root = parse(body.as_bytes()).unwrap();
        let ids: Vec<Option<&str>> = root.items("setOne").map(|item| item.text("id")).collect();
        assert_eq!(ids, [Some("a&b"), None]);
        assert_eq!(root.items("Two").map(Node::own_text).collect::<Vec<_>>(), ["m"]);
        assert_eq!((root.text("empty"), root.items("none").count()), (None, 0));
        assert!(root.find("id").is_some() && root.child("id").is_none());
    }

    #[test]
    fn what_is_no_whole_document_is_an_error() {
        for body in [&b""[..], b"}{", b"<a><b></a>", b"<a>", b"\xff"] {
            assert!(parse(body).is_err(), "{body:?}");
        }
    }
}
