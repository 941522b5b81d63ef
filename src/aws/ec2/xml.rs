//! The form of EC2's answers and errors.

use std::fmt;

use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

/// Reads the element of a whole answer.
pub(super) fn root<T>(
    operation: &str,
    body: &[u8],
    read: impl FnOnce(&mut ScopedDecoder<'_, '_>) -> Result<T, XmlDecodeError>,
) -> Result<T, XmlDecodeError> {
    // The reader accepts a truncated body, and half an answer must not make what it lacks count as gone.
    let end = format!("</{operation}Response>");
    if !body.trim_ascii_end().ends_with(end.as_bytes()) {
        return Err(XmlDecodeError::custom("the answer is truncated"));
    }
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    if !root.start_el().matches(&format!("{operation}Response")) {
        return Err(XmlDecodeError::custom(format!("expected {operation}Response")));
    }
    read(&mut root)
}

/// Calls `read` for every child with this name.
pub(super) fn each<'inp>(
    parent: &mut ScopedDecoder<'inp, '_>,
    name: &str,
    mut read: impl FnMut(&mut ScopedDecoder<'inp, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    while let Some(mut child) = parent.next_tag() {
        if child.start_el().local() == name {
            read(&mut child)?;
        }
    }
    Ok(())
}

/// Reads `Response/Errors/Error`, the form of errors of EC2 alone.
pub(super) fn read_error(body: &[u8]) -> Result<Ec2Error, XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    let mut error = ErrorMetadata::builder();
    each(&mut root, "Errors", |errors| {
        each(errors, "Error", |found| {
            while let Some(mut field) = found.next_tag() {
                let mut taken = std::mem::take(&mut error);
                match field.start_el().local() {
                    "Code" => taken = taken.code(try_data(&mut field)?),
                    "Message" => taken = taken.message(try_data(&mut field)?),
                    _ => {}
                }
                error = taken;
            }
            Ok(())
        })
    })?;
    Ok(Ec2Error(error.build()))
}

/// An error that EC2 has answered.
#[derive(Debug)]
pub(super) struct Ec2Error(ErrorMetadata);

impl Ec2Error {
    pub(super) fn is_unknown_instance(&self) -> bool {
        self.0.code() == Some("InvalidInstanceID.NotFound")
    }
}

impl fmt::Display for Ec2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ec2Error {}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_an_element_of_their_own() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
            <RequestID>r</RequestID></Response>";
        let error = read_error(body.as_bytes()).unwrap();
        assert_eq!(
            (error.0.code(), error.0.message()),
            (Some("UnauthorizedOperation"), Some("no"))
        );
    }
}
