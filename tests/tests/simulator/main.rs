//! The promises, held against whole months of faults on the real stage code.

mod arithmetic;
mod audit;
mod bugs;
mod digests;
mod enrolment;
mod mutants;
mod outages;
mod seeds;
