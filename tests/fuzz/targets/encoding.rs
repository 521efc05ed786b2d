//! Any bytes as a text.
#![no_main]
#[path = "../property.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::encoding(bytes));
