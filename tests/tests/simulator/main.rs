//! The promises, held against whole months of faults on the real stage code.

mod arithmetic;
mod audit;
mod bugs;
mod campaigns;
mod digests;
mod endpoints;
mod enrolment;
mod feedback;
mod lanes;
mod mutants;
mod orders;
mod outages;
mod seeds;
