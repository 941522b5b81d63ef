//! [DescribeInstances](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html) of one EC2
//! instance: its private addresses.

use aws_smithy_xml::decode::{ScopedDecoder, XmlDecodeError, try_data};
use start_engines_core::domain::instance::Ec2Instance;
use start_engines_core::domain::task::Addresses;

use super::xml::{each, root};
use super::{DESCRIBE_INSTANCES, form};

#[expect(clippy::ptr_arg, reason = "the input of the operation")]
pub(super) fn request(id: &String) -> String {
    form(DESCRIBE_INSTANCES, |writer| writer.prefix("InstanceId.1").string(id))
}

/// Reads `reservationSet/item/instancesSet/item`, of which there is at most one.
pub(super) fn read(body: &[u8]) -> Result<Option<Ec2Instance>, XmlDecodeError> {
    root(DESCRIBE_INSTANCES, body, |root| {
        let mut found = None;
        each(root, "reservationSet", |reservations| {
            each(reservations, "item", |reservation| {
                each(reservation, "instancesSet", |instances| {
                    each(instances, "item", |instance| {
                        found = one_instance(instance)?;
                        Ok(())
                    })
                })
            })
        })?;
        Ok(found)
    })
}

fn one_instance(instance: &mut ScopedDecoder<'_, '_>) -> Result<Option<Ec2Instance>, XmlDecodeError> {
    let mut addresses = Addresses {
        complete: true,
        ..Addresses::default()
    };
    let mut lives = true;
    while let Some(mut field) = instance.next_tag() {
        match field.start_el().local() {
            "privateIpAddress" => addresses.ipv4 = try_data(&mut field)?.parse().ok(),
            "ipv6Address" => addresses.ipv6 = addresses.ipv6.or(try_data(&mut field)?.parse().ok()),
            "instanceState" => each(&mut field, "name", |name| {
                lives = !matches!(try_data(name)?.as_ref(), "shutting-down" | "terminated");
                Ok(())
            })?,
            "networkInterfaceSet" => each(&mut field, "item", |interface| {
                each(interface, "ipv6AddressesSet", |set| {
                    each(set, "item", |item| {
                        each(item, "ipv6Address", |address| {
                            addresses.ipv6 = addresses.ipv6.or(try_data(address)?.parse().ok());
                            Ok(())
                        })
                    })
                })
            })?,
            _ => {}
        }
    }
    Ok(addresses
        .each()
        .next()
        .is_some()
        .then_some(Ec2Instance { addresses, lives }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <reservationSet><item><reservationId>r-1</reservationId><groupSet/><instancesSet><item>
    <instanceId>i-0123456789abcdef0</instanceId>
    <instanceState><code>16</code><name>running</name></instanceState>
    <privateIpAddress>10.0.2.7</privateIpAddress>
    <networkInterfaceSet><item>
      <privateIpAddress>10.0.2.7</privateIpAddress>
      <ipv6AddressesSet><item><ipv6Address>2001:db8::7</ipv6Address></item></ipv6AddressesSet>
    </item><item>
      <privateIpAddress>10.0.9.9</privateIpAddress>
      <ipv6AddressesSet><item><ipv6Address>2001:db8::9</ipv6Address></item></ipv6AddressesSet>
    </item></networkInterfaceSet>
  </item></instancesSet></item></reservationSet>
</DescribeInstancesResponse>"#;

    #[test]
    fn an_instance_has_its_primary_addresses() {
        let instance = read(ANSWER.as_bytes()).unwrap().unwrap();
        assert_eq!(instance.addresses.ipv4, Some([10, 0, 2, 7].into()));
        assert_eq!(instance.addresses.ipv6, "2001:db8::7".parse().ok());
        assert!(instance.lives);
    }

    #[test]
    fn an_instance_that_ends_lives_no_more_and_one_without_an_address_is_none() {
        let ending = ANSWER.replace("<name>running<", "<name>shutting-down<");
        assert!(!read(ending.as_bytes()).unwrap().unwrap().lives);
        let terminated = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceState>\
            <name>terminated</name></instanceState></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
        assert_eq!(read(terminated.as_bytes()).unwrap(), None);
        let empty = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
        assert_eq!(read(empty.as_bytes()).unwrap(), None);
    }

    #[test]
    fn an_unreadable_answer_does_not_make_an_instance_count_as_gone() {
        for body in [
            "",
            "}{",
            "<html></html>",
            "<DescribeInstancesResponse><reservationSet><item>",
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn an_instance_is_asked_for_by_its_id_alone() {
        assert_eq!(
            request(&"i-1&Action=TerminateInstances".to_owned()),
            "Action=DescribeInstances&Version=2016-11-15&IncludeManagedResources=true\
             &InstanceId.1=i-1%26Action%3DTerminateInstances"
        );
    }
}
