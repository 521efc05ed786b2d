//! Programs: the first byte chooses the language.
#![no_main]
#[path = "../property.rs"]
mod property;

use cicerone::audit::host::Language;

libfuzzer_sys::fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let language = Language::ALL[usize::from(which) % Language::ALL.len()];
    property::with_stack(|| property::host(language, text));
});
