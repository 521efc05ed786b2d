//! A series in two files.
#![no_main]
#[path = "../property.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|text: &str| property::with_stack(|| property::inventory(text)));
