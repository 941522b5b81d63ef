//! The AWS adapters against AWS as others understand it: MiniStack and moto.
//!
//! Our own fake at the wire is strict, but its author is also the adapters'. These two emulators
//! are independent readings of the same API, so here the adapters' requests are parsed, and their
//! answers written, by somebody else. [`contract`] holds what both emulators carry; each emulator's
//! own module adds what only it knows, and pins what it gets wrong, so that an upgrade which
//! changes that is noticed. What no emulator does (client tokens, `failures`, throttling, draining,
//! the end of tags) is tested against our own fake.
//!
//! Both come from the project's virtual environment (`make venv`), listen on 127.0.0.1 only, and
//! run once for all tests of their module, which therefore each use names of their own.

mod contract;
mod demo;
mod ministack;
mod moto;
mod patterns;
mod process;
mod session;
