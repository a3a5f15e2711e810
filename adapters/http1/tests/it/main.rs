//! The machines against tables, against every cut and split, against hyper and against recordings.

mod oracle;

mod hyper;
mod recorded;
mod request;
mod table;
