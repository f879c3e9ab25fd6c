#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::logged_words(data));
