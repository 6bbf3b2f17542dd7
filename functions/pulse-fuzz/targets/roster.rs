//! See `pulse_fuzz::roster`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pulse_fuzz::roster::check(data));
