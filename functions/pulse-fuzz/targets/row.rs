//! See `pulse_fuzz::row`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pulse_fuzz::row::check(data));
