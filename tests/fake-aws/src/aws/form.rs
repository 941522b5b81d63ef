//! The query protocol's form body (`Targets.member.1.Id=...`) into JSON, by the
//! operation's shape. Reading only: what is allowed is `shapes`' business.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::service::ApiError;
use super::shapes::Shape;

/// A form's fields as a tree, by the dots in their names.
#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Reads a body. Fields that the shape does not know stay in, as text, to be refused and
/// recorded later. `shape` is `None` for an operation that this fake does not have.
pub(super) fn parse(body: &[u8], shape: Option<&Shape>) -> Result<Value, ApiError> {
    let mut root = Node::default();
    for (name, text) in form_urlencoded::parse(body) {
        if name == "Action" || name == "Version" {
            continue;
        }
        let mut node = &mut root;
        for part in name.split('.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        if node.text.replace(text.into_owned()).is_some() {
            let message = format!("{name} is given twice");
            return Err(ApiError::new("MalformedQueryString", message));
        }
    }
    Ok(value(&root, shape))
}

fn value(node: &Node, shape: Option<&Shape>) -> Value {
    match shape {
        Some(Shape::Record(members)) => {
            let mut record = Map::new();
            for (name, child) in &node.children {
                let member = members.iter().find(|member| member.name == name);
                record.insert(name.clone(), value(child, member.map(|member| &member.shape)));
            }
            Value::Object(record)
        }
        Some(Shape::List(item)) => list(node, item),
        Some(Shape::FlatList(item)) => numbered(node, node, item),
        Some(Shape::Integer { .. }) => text(node, |text| text.parse::<i64>().ok().map(Value::from)),
        Some(Shape::Number) => text(node, |text| text.parse::<f64>().ok().map(Value::from)),
        Some(Shape::Boolean) => text(node, |text| text.parse::<bool>().ok().map(Value::from)),
        Some(Shape::Any | Shape::Text | Shape::OneOf(_)) | None if node.children.is_empty() => text(node, |_| None),
        Some(Shape::Any | Shape::Text | Shape::OneOf(_)) | None => {
            let children = node.children.iter();
            children
                .map(|(name, child)| (name.clone(), value(child, None)))
                .collect()
        }
    }
}

/// `.member.1`, `.member.2`..., without a gap. An empty list is an empty field.
fn list(node: &Node, item: &Shape) -> Value {
    let Some(members) = node.children.get("member") else {
        return match node.text.as_deref() {
            Some("") => Value::Array(Vec::new()),
            _ => value(node, None),
        };
    };
    numbered(node, members, item)
}

/// `.1`, `.2`..., without a gap, right below `members`.
fn numbered(node: &Node, members: &Node, item: &Shape) -> Value {
    let mut items = Vec::new();
    while let Some(child) = members.children.get(&(items.len() + 1).to_string()) {
        items.push(value(child, Some(item)));
    }
    if items.len() == members.children.len() {
        Value::Array(items)
    } else {
        // Numbered with a gap: left as it came, so that the type check refuses it.
        value(node, None)
    }
}

/// What does not parse stays text, so that the type check refuses it.
fn text(node: &Node, parse: impl Fn(&str) -> Option<Value>) -> Value {
    let text = node.text.as_deref().unwrap_or_default();
    parse(text).unwrap_or_else(|| Value::from(text))
}
