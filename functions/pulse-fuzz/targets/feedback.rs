//! See `pulse_fuzz::feedback`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pulse_fuzz::feedback::check(data));
