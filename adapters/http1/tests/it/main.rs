//! Encoder and decoders, compared with tables, every cut and split, hyper, and recordings.

mod oracle;

mod hyper;
mod recorded;
mod request;
mod table;
