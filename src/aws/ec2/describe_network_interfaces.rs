//! [DescribeNetworkInterfaces](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html):
//! who has an address.

use std::net::IpAddr;

use aws_smithy_query::QueryWriter;
use aws_smithy_types::Number;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_smithy_xml::decode::{ScopedDecoder, XmlDecodeError, try_data};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::timestamp::Timestamp;

use super::xml::{each, root};
use super::{DESCRIBE_NETWORK_INTERFACES, InterfacesInput, form};

/// Maximum `MaxResults`.
const PAGE: u64 = 1000;

/// One page.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) interfaces: Vec<NetworkInterface>,
    pub(super) next: Option<String>,
}

/// By filters also where ids are given: an id that EC2 does not know is then left out, and no error for the others.
pub(super) fn request((query, page): &InterfacesInput) -> String {
    form(DESCRIBE_NETWORK_INTERFACES, |writer| {
        writer.prefix("MaxResults").number(Number::PosInt(PAGE));
        if let Some(page) = page {
            writer.prefix("NextToken").string(page);
        }
        match query {
            InterfaceQuery::Addresses { vpc, addresses } => {
                // EC2 compares as text. IPv6 addresses are displayed in canonical form (RFC 5952).
                let name = match addresses.first() {
                    Some(IpAddr::V6(_)) => "ipv6-addresses.ipv6-address",
                    Some(IpAddr::V4(_)) | None => "addresses.private-ip-address",
                };
                filter(writer, ["Filter.1.Name", "Filter.1.Value"], name, addresses);
                filter(writer, ["Filter.2.Name", "Filter.2.Value"], "vpc-id", vpc);
            }
            InterfaceQuery::Ids(ids) => {
                filter(writer, ["Filter.1.Name", "Filter.1.Value"], "network-interface-id", ids);
            }
        }
    })
}

/// A filter; none without values.
fn filter<'v, V: ToString + 'v>(
    writer: &mut QueryWriter<'_>,
    [name_field, value_field]: [&'static str; 2],
    name: &str,
    values: impl IntoIterator<Item = &'v V>,
) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return;
    }
    writer.prefix(name_field).string(name);
    let mut list = writer.prefix(value_field).start_list(true, None);
    for value in values {
        list.entry().string(&value.to_string());
    }
    list.finish();
}

pub(super) fn read(body: &[u8]) -> Result<Page, XmlDecodeError> {
    root(DESCRIBE_NETWORK_INTERFACES, body, |root| {
        let mut page = Page {
            interfaces: Vec::new(),
            next: None,
        };
        while let Some(mut field) = root.next_tag() {
            match field.start_el().local() {
                "networkInterfaceSet" => each(&mut field, "item", |item| {
                    page.interfaces.push(one_interface(item)?);
                    Ok(())
                })?,
                "nextToken" => {
                    let token = try_data(&mut field)?;
                    page.next = Some(token.into_owned()).filter(|token| !token.is_empty());
                }
                _ => {}
            }
        }
        Ok(page)
    })
}

/// An interface without a valid id is an error: without it nobody can tell whose it is.
fn one_interface(item: &mut ScopedDecoder<'_, '_>) -> Result<NetworkInterface, XmlDecodeError> {
    let mut id = None;
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut attached_at = None;
    while let Some(mut field) = item.next_tag() {
        match field.start_el().local() {
            "networkInterfaceId" => id = try_data(&mut field)?.parse().ok(),
            "privateIpAddress" => add(&mut field, &mut addresses)?,
            "privateIpAddressesSet" => each(&mut field, "item", |item| {
                each(item, "privateIpAddress", |address| add(address, &mut addresses))
            })?,
            "ipv6AddressesSet" => each(&mut field, "item", |item| {
                each(item, "ipv6Address", |address| add(address, &mut addresses))
            })?,
            "attachment" => each(&mut field, "attachTime", |time| {
                attached_at = DateTime::from_str(&try_data(time)?, Format::DateTime)
                    .ok()
                    .and_then(|time| time.to_millis().ok())
                    .map(Timestamp::from_millis);
                Ok(())
            })?,
            _ => {}
        }
    }
    let id = id.ok_or_else(|| XmlDecodeError::custom("an interface without a networkInterfaceId"))?;
    Ok(NetworkInterface {
        id,
        addresses,
        attached_at,
    })
}

fn add(field: &mut ScopedDecoder<'_, '_>, addresses: &mut Vec<IpAddr>) -> Result<(), XmlDecodeError> {
    // Left out, it would count as free.
    let text = try_data(field)?;
    let address = text
        .trim()
        .parse()
        .map_err(|_| XmlDecodeError::custom(format!("{text:?} is no address")))?;
    if !addresses.contains(&address) {
        addresses.push(address);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_in_their_vpc_with_managed_interfaces() {
        let query = InterfaceQuery::Addresses {
            vpc: "vpc-0123456789abcdef0".parse().ok(),
            addresses: vec![[10, 0, 1, 17].into(), [10, 0, 1, 18].into()],
        };
        assert_eq!(
            request(&(query, None)),
            "Action=DescribeNetworkInterfaces&Version=2016-11-15&IncludeManagedResources=true&MaxResults=1000\
             &Filter.1.Name=addresses.private-ip-address&Filter.1.Value.1=10.0.1.17&Filter.1.Value.2=10.0.1.18\
             &Filter.2.Name=vpc-id&Filter.2.Value.1=vpc-0123456789abcdef0"
        );
        let ipv6 = InterfaceQuery::Addresses {
            vpc: None,
            addresses: vec!["2001:DB8:0::1".parse().unwrap()],
        };
        let form = request(&(ipv6, Some("a&b".to_owned())));
        let end = "&NextToken=a%26b&Filter.1.Name=ipv6-addresses.ipv6-address&Filter.1.Value.1=2001%3Adb8%3A%3A1";
        assert!(form.ends_with(end), "{form}");
        let ids = InterfaceQuery::Ids(vec!["eni-0c1d2e3f4a5b60718".parse().unwrap()]);
        let form = request(&(ids, None));
        let end = "&Filter.1.Name=network-interface-id&Filter.1.Value.1=eni-0c1d2e3f4a5b60718";
        assert!(form.ends_with(end), "{form}");
    }

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <networkInterfaceSet><item>
    <networkInterfaceId>eni-0c1d2e3f4a5b60718</networkInterfaceId>
    <status>in-use</status>
    <privateIpAddress>10.0.1.17</privateIpAddress>
    <attachment><attachmentId>ela-attach-0</attachmentId><attachTime>2026-11-20T07:00:00.000Z</attachTime></attachment>
    <privateIpAddressesSet><item><privateIpAddress>10.0.1.17</privateIpAddress><primary>true</primary></item>
      <item><privateIpAddress>10.0.1.99</privateIpAddress><primary>false</primary></item></privateIpAddressesSet>
    <ipv6AddressesSet><item><ipv6Address>2001:db8::7</ipv6Address></item></ipv6AddressesSet>
  </item><item>
    <networkInterfaceId>eni-0aaaaaaaaaaaaaaaa</networkInterfaceId>
    <privateIpAddress>10.0.1.17</privateIpAddress>
  </item></networkInterfaceSet>
  <nextToken>more</nextToken>
</DescribeNetworkInterfacesResponse>"#;

    #[test]
    fn an_interface_has_all_its_addresses_and_the_time_of_its_attachment_if_any() {
        let page = read(ANSWER.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("more"));
        let [one, other] = page.interfaces.try_into().unwrap();
        let addresses = ["10.0.1.17", "10.0.1.99", "2001:db8::7"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(one.addresses, addresses);
        assert_eq!(one.attached_at, Timestamp::parse("2026-11-20T07:00:00Z"));
        assert_eq!((other.id.as_str(), other.attached_at), ("eni-0aaaaaaaaaaaaaaaa", None));
    }

    #[test]
    fn an_unreadable_answer_does_not_make_an_address_count_as_free() {
        let without_id = ANSWER.replace("networkInterfaceId>", "interface>");
        let truncated = &ANSWER[..ANSWER.len() - 10];
        let odd = ANSWER.replace("10.0.1.99", "ten");
        for body in ["", "}{", "<html></html>", truncated, &without_id, &odd] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        let empty = "<DescribeNetworkInterfacesResponse><networkInterfaceSet/></DescribeNetworkInterfacesResponse>";
        let none = Page {
            interfaces: Vec::new(),
            next: None,
        };
        assert_eq!(read(empty.as_bytes()).unwrap(), none);
    }
}
