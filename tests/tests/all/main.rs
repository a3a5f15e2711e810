//! The tests of the whole: `core` against the testkit's oracles.

mod support;
mod survivors;

mod checklist_data;
mod checklist_policy;
mod checklist_soap;
mod checklist_xml;
mod codes;
mod cuts;
mod exchangelib;
mod foreign;
mod ntlm;
mod positions;
mod precedence;
mod replay;
mod requirements;
mod round_trip;
mod scale;
mod scripts;
mod upload;
mod words;
