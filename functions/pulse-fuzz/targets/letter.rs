//! See `pulse_fuzz::letter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pulse_fuzz::letter::check(data));
