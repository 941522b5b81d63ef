//! JSON values as the XML of the AWS query protocol. Rendering only.

use serde_json::Value;

use super::service::ApiError;

const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// A whole answer of an operation.
pub(super) fn answer(operation: &str, result: &Value, request_id: &str) -> String {
    let mut out = format!("<{operation}Response xmlns=\"{NAMESPACE}\">");
    element(&mut out, &format!("{operation}Result"), result);
    out.push_str("<ResponseMetadata>");
    element(&mut out, "RequestId", &Value::from(request_id));
    out.push_str(&format!("</ResponseMetadata></{operation}Response>"));
    out
}

/// A whole error answer.
pub(super) fn error(error: &ApiError, request_id: &str) -> String {
    let kind = if error.status < 500 { "Sender" } else { "Receiver" };
    let mut out = format!("<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>");
    element(&mut out, "Type", &Value::from(kind));
    element(&mut out, "Code", &Value::from(error.code.as_str()));
    element(&mut out, "Message", &Value::from(error.message.as_str()));
    out.push_str("</Error>");
    element(&mut out, "RequestId", &Value::from(request_id));
    out.push_str("</ErrorResponse>");
    out
}

/// A whole answer of an operation of EC2, which has no element around its result.
pub(super) fn ec2_answer(operation: &str, result: &Value, request_id: &str) -> String {
    let mut out = format!("<{operation}Response xmlns=\"{EC2_NAMESPACE}\">");
    element(&mut out, "requestId", &Value::from(request_id));
    for (name, member) in result.as_object().into_iter().flatten() {
        listed(&mut out, name, member, "item");
    }
    out.push_str(&format!("</{operation}Response>"));
    out
}

/// A whole error answer of EC2.
pub(super) fn ec2_error(error: &ApiError, request_id: &str) -> String {
    let mut out = "<Response><Errors><Error>".to_owned();
    element(&mut out, "Code", &Value::from(error.code.as_str()));
    element(&mut out, "Message", &Value::from(error.message.as_str()));
    out.push_str("</Error></Errors>");
    element(&mut out, "RequestID", &Value::from(request_id));
    out.push_str("</Response>");
    out
}

fn element(out: &mut String, name: &str, value: &Value) {
    listed(out, name, value, "member");
}

/// An element whose lists have items of this name.
fn listed(out: &mut String, name: &str, value: &Value, item_name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push_str(&flag.to_string()),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => escape(out, text),
        Value::Array(items) => {
            for item in items {
                listed(out, item_name, item, item_name);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                listed(out, name, member, item_name);
            }
        }
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}
