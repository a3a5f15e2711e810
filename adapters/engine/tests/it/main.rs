//! Whole runs of the engine against a simulated server and clock.

mod night;
mod properties;
mod rules;
mod sim;
