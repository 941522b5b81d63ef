//! Lambda: the function, its layers, its resource policy, its destination and its event source mappings.

use std::collections::BTreeMap;
use std::io::Read;

use aws_sdk_lambda::types::FunctionResponseType;
use serde_json::Value;
use start_engines_aws::error::call_error;
use start_engines_aws::signed::download;
use start_engines_core::call::{CallError, ErrorKind};

use super::{Reads, unreadable};
use crate::doctor::world::{Files, Function, Mapping};

/// The largest file of a layer that is read; a catalog of 500 services has less than a megabyte.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// A function, and where its code can be downloaded for ten minutes
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html>).
pub(crate) struct Found {
    pub(crate) function: Function,
    pub(crate) code: Option<String>,
}

impl Reads {
    pub(crate) async fn function(&self, name: &str) -> Result<Option<Found>, CallError> {
        const OPERATION: &str = "GetFunction";
        let answer = self.lambda.get_function().function_name(name).send().await;
        let answer = answer.map_err(|error| call_error(OPERATION, &error))?;
        let found = answer
            .configuration()
            .ok_or_else(|| unreadable(OPERATION, "an answer without Configuration"))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let vpc = found.vpc_config();
        // Without an environment there are no variables; with an error instead of variables they cannot be shown.
        let environment = match found.environment() {
            Some(environment) if environment.error().is_some() => None,
            Some(environment) => Some(environment.variables().into_iter().flatten().collect()),
            None => Some(BTreeMap::new()),
        };
        Ok(Some(Found {
            function: Function {
                state: text(found.state().map(|state| state.as_str())),
                state_reason: found.state_reason().map(str::to_owned),
                last_update: text(found.last_update_status().map(|status| status.as_str())),
                runtime: text(found.runtime().map(|runtime| runtime.as_str())),
                architectures: found.architectures().iter().map(|it| it.as_str().to_owned()).collect(),
                built_for: None,
                role: text(found.role()),
                environment: environment.map(|all: BTreeMap<&String, &String>| {
                    all.into_iter()
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect()
                }),
                layers: found
                    .layers()
                    .iter()
                    .filter_map(|layer| layer.arn().map(str::to_owned))
                    .collect(),
                reserved_concurrency: answer.concurrency().and_then(|it| it.reserved_concurrent_executions()),
                log_group: found.logging_config().and_then(|it| it.log_group()).map(str::to_owned),
                subnets: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
                security_groups: vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default(),
            },
            code: answer.code().and_then(|code| code.location()).map(str::to_owned),
        }))
    }

    /// The architecture that the program of a packed function was built for, as Lambda calls it.
    pub(crate) async fn built_for(&self, location: &str) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "GetFunction";
        let zip = download(&self.config, OPERATION, location).await?;
        let mut program = entry(OPERATION, &zip, "bootstrap")?.unwrap_or_default();
        program.truncate(20);
        Ok(machine(&program).map(str::to_owned))
    }

    /// The files at the top of a layer, whose texts they are. Lambda unpacks a layer to `/opt`
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html>).
    pub(crate) async fn layer(&self, arn: &str, names: &[String]) -> Result<Option<Files>, CallError> {
        const OPERATION: &str = "GetLayerVersion";
        let answer = self.lambda.get_layer_version_by_arn().arn(arn).send().await;
        let answer = answer.map_err(|error| call_error(OPERATION, &error))?;
        let location = answer.content().and_then(|content| content.location());
        let location = location.ok_or_else(|| unreadable(OPERATION, "an answer without Content.Location"))?;
        let zip = download(&self.config, OPERATION, location).await?;
        let mut files = Files::new();
        for name in names {
            if let Some(bytes) = entry(OPERATION, &zip, name)? {
                let text = String::from_utf8(bytes).map_err(|_| unreadable(OPERATION, format!("{name} is no text")))?;
                files.insert(name.clone(), text);
            }
        }
        Ok(Some(files))
    }

    /// The function's resource policy; without one Lambda answers that there is none.
    pub(crate) async fn policy(&self, name: &str) -> Result<Option<Option<Value>>, CallError> {
        const OPERATION: &str = "GetPolicy";
        let answer = self.lambda.get_policy().function_name(name).send().await;
        match answer.map_err(|error| call_error(OPERATION, &error)) {
            Ok(answer) => {
                let text = answer.policy().unwrap_or("{}");
                let policy = serde_json::from_str(text).map_err(|error| unreadable(OPERATION, error.to_string()))?;
                Ok(Some(Some(policy)))
            }
            Err(error) if error.kind == ErrorKind::ResourceNotFound => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn on_failure(&self, name: &str) -> Result<Option<Option<String>>, CallError> {
        let answer = self
            .lambda
            .get_function_event_invoke_config()
            .function_name(name)
            .send()
            .await;
        let answer = answer.map_err(|error| call_error("GetFunctionEventInvokeConfig", &error))?;
        let destination = answer.destination_config().and_then(|it| it.on_failure());
        Ok(Some(destination.and_then(|it| it.destination()).map(str::to_owned)))
    }

    pub(crate) async fn mappings(&self, name: &str) -> Result<Option<Vec<Mapping>>, CallError> {
        let mut mappings = Vec::new();
        let mut pages = self
            .lambda
            .list_event_source_mappings()
            .function_name(name)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error("ListEventSourceMappings", &error))?;
            mappings.extend(page.event_source_mappings().iter().map(|found| {
                Mapping {
                    source: found.event_source_arn().unwrap_or_default().to_owned(),
                    state: found.state().unwrap_or_default().to_owned(),
                    reports_items: found
                        .function_response_types()
                        .contains(&FunctionResponseType::ReportBatchItemFailures),
                }
            }));
        }
        Ok(Some(mappings))
    }
}

/// A file of a zip; none if it has no such file.
fn entry(operation: &'static str, zip: &[u8], name: &str) -> Result<Option<Vec<u8>>, CallError> {
    let broken = |error: &dyn std::fmt::Display| unreadable(operation, format!("the zip cannot be read: {error}"));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).map_err(|error| broken(&error))?;
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(broken(&error)),
    };
    let mut bytes = Vec::new();
    let mut file = file.take(MAX_FILE + 1);
    file.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(unreadable(operation, format!("{name} is larger than {MAX_FILE} bytes")));
    }
    Ok(Some(bytes))
}

/// `e_machine` of a 64-bit ELF program
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>).
fn machine(program: &[u8]) -> Option<&'static str> {
    let is_little_elf = program.starts_with(b"\x7fELF") && program.get(5) == Some(&1);
    let machine = [*program.get(18)?, *program.get(19)?];
    match (is_little_elf, u16::from_le_bytes(machine)) {
        (true, 62) => Some("x86_64"),
        (true, 183) => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_tells_its_machine() {
        let program = |machine: u16| {
            let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
            head.extend(machine.to_le_bytes());
            head
        };
        assert_eq!(machine(&program(62)), Some("x86_64"));
        assert_eq!(machine(&program(183)), Some("arm64"));
        assert_eq!(
            (machine(&program(3)), machine(b"#!/bin/sh\nexec sleep 1"), machine(b"")),
            (None, None, None)
        );
    }

    #[test]
    fn what_is_no_zip_is_an_error_and_what_it_lacks_is_none() {
        assert!(entry("GetLayerVersion", b"PK", "settings.json").is_err());
        // The end of an empty zip: 22 bytes.
        let empty = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        assert_eq!(entry("GetLayerVersion", &empty, "settings.json").unwrap(), None);
    }
}
