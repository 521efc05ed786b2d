//! The pieces of a script.
#![no_main]
#[path = "../property.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|text: &str| property::prepass(text));
