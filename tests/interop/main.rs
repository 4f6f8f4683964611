//! Byte compatibility with the Go program, proved on what it was recorded doing.
//!
//! Each module runs all cases of one file in `tests/vectors`. A case gives exactly what the Go program
//! gave, or it stands in a table of differences with what is given instead and why. A case that does
//! neither fails, and so does a difference that is none.
//!
//! The modules that run the program are for Unix: the recorded environments have names and bytes that
//! Windows can't pass on, and the recorded files have modes.

mod vectors;

mod gob;
mod key_texts;
mod nacl;
mod texts;

#[cfg(unix)]
mod command_line;
#[cfg(unix)]
mod decrypt_stream;
#[cfg(unix)]
mod decrypt_variables;
#[cfg(all(unix, feature = "aws"))]
mod http;
#[cfg(unix)]
mod key_files;
#[cfg(all(unix, feature = "aws"))]
mod kms_cli;
#[cfg(all(unix, feature = "aws"))]
mod kms_region;
#[cfg(all(unix, feature = "aws"))]
mod kms_stub;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod shell;
