//! A build without the client of secrets servers says so, and what to enable, when a secret of one is needed.

use secretary_envelope::Reference;

use super::{Flags, no_server, url};
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::remote::Answer;

/// Nobody: it can't be made.
pub enum SecretsServer {}

impl SecretsServer {
    /// Says that this can't be done.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn find(flags: Flags<'_>, process: &Environ) -> Result<Self, Failure> {
        let Some((place, _)) = url(flags.server, process)? else { return Err(no_server()) };
        let message = format!(
            "{place} is set, and this secretary was built without the part that asks a secrets server"
        );
        Err(Failure::new(Code::Configuration, message)
            .hint("use the full build, which has the feature `setec`"))
    }

    /// Nothing is asked.
    pub fn asked(&self) -> Vec<String> {
        match *self {}
    }
}

/// Nobody, for who opens tokens or answers an agent.
pub enum Getter {}

impl Getter {
    /// Says that this can't be done, whether or not a server is set: none would be of use.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn find(_: Flags<'_>, _: &Environ) -> Result<Self, Failure> {
        let message = "this secretary was built without the part that asks a secrets server";
        Err(Failure::new(Code::Configuration, message)
            .hint("use the full build, which has the feature `setec`"))
    }

    /// Gets nothing.
    ///
    /// # Errors
    ///
    /// None: there is nobody to ask.
    pub fn get_all(&self, _: &[Reference]) -> Result<Vec<Answer>, Failure> {
        match *self {}
    }

    /// Nothing is asked.
    pub fn asked(&self) -> Vec<String> {
        match *self {}
    }
}
