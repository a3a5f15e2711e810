//! Items that tests build, converted; and what other readers make of the messages.

mod common;
mod eml;
mod ics;
mod kinds;
mod msg;
mod mutations;
mod python;
mod rich;
mod samples;
mod vcf;
