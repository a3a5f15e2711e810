//! Items that tests build, converted; and what other readers make of the messages.

mod common;
mod eml;
mod ics;
mod kinds;
mod msg;
mod python;
mod rich;
mod vcf;
