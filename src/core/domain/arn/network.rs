//! Subnets, security groups, VPCs, network interfaces and ports.

use std::fmt;
use std::str::FromStr;

use super::form::{Malformed, text_type};

text_type! {
    /// The id of a subnet, `subnet-` and 8 to 32 characters.
    SubnetId
}

impl FromStr for SubnetId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "subnet-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a subnet id (subnet-...)"))
        }
    }
}

text_type! {
    /// The id of a security group, `sg-` and 8 to 32 characters.
    SecurityGroupId
}

impl FromStr for SecurityGroupId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "sg-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a security group id (sg-...)"))
        }
    }
}

text_type! {
    /// The id of a VPC, `vpc-` and 8 to 32 characters.
    VpcId
}

impl FromStr for VpcId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "vpc-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a VPC id (vpc-...)"))
        }
    }
}

text_type! {
    /// The id of a network interface, `eni-` and 8 to 32 characters.
    InterfaceId
}

impl FromStr for InterfaceId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if has_id(text, "eni-") {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("must be a network interface id (eni-...)"))
        }
    }
}

fn has_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (8..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// A port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(u16);

impl Port {
    /// The port as a number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<i64> for Port {
    type Error = Malformed;

    fn try_from(number: i64) -> Result<Self, Malformed> {
        match u16::try_from(number) {
            Ok(number @ 1..) => Ok(Self(number)),
            _ => Err(Malformed("must be a whole number from 1 to 65535")),
        }
    }
}

impl FromStr for Port {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        // Rust parses `+80` and `080` too, but start-engines never writes a port like that.
        let canonical = !text.starts_with(['+', '0']);
        text.parse::<i64>()
            .ok()
            .filter(|_| canonical)
            .map_or_else(|| Self::try_from(0), Self::try_from)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
