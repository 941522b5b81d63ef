#![doc = include_str!("../../../docs/safety.md")]
