//! The name of a deployment of start-engines: an account, and even a cluster, can have several.
//!
//! Must not decide which deployment a task belongs to; [`crate::decide::deployment`] does.

use std::fmt;
use std::str::FromStr;

use super::tags;

/// The value of a task's tag `start-engines:deployment`, 1 to 256 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deployment(String);

impl Deployment {
    /// The name, as in the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name cannot be the value of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 256 letters, digits, spaces and _.:/=+-@, and not begin with aws:")]
pub struct Malformed;

impl FromStr for Deployment {
    type Err = Malformed;

    /// The rules of a tag's value: it has up to 256 characters, and neither key nor value begins with `aws:`, in upper or lower case
    /// ([Tag](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html)).
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_aws = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if (1..=256).contains(&text.chars().count()) && tags::allowed(text) && !is_aws {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_named_by_what_a_tag_can_hold() {
        let longest = "x".repeat(256);
        for valid in ["start-engines", "team a/engines:2", "été", "awsome", &longest] {
            assert_eq!(valid.parse::<Deployment>().unwrap().to_string(), valid);
        }
        for bad in ["", "a,b", "a\nb", "aws:x", "AWS:x", &"x".repeat(257)] {
            assert_eq!(bad.parse::<Deployment>(), Err(Malformed), "{bad}");
        }
    }
}
