//! See `pulse_fuzz::message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pulse_fuzz::message::check(data));
