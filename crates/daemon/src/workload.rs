//! What the cluster says of a workload, and what that grants.

use std::collections::HashSet;
use std::sync::OnceLock;

use secretary_envelope::{PublicKey, SecretKey, Token};
use secretary_secret::Secret;

use crate::channel::{Channel, Layer};
use crate::refusal::Refusal;
use crate::token_id::{PREFIX, TokenId};

/// A running workload, as somebody said who may be believed.
#[derive(Debug)]
pub struct Workload {
    /// What its requests are sealed with.
    pub deploy: PublicKey,
    /// The second key, of its image or node, if it has one.
    pub service: Option<PublicKey>,
    /// What it may have.
    pub grants: Grants,
    /// Its channels with each master key, as far as they were needed.
    channels: OnceLock<Box<[OnceLock<Option<Channel>>]>>,
}

/// What a workload may have.
#[derive(Debug)]
pub enum Grants {
    /// These tokens, whatever name they are asked for by: a Marathon app's environment.
    Tokens(HashSet<TokenId>),
    /// The tokens whose identities start so, whatever name they are asked for by: a list in a file. 128 bits are
    /// enough, because who wants another token than the listed one has no choice of what to find.
    Starts(HashSet<[u8; PREFIX]>),
    /// Variables of these names: a Mesos task's label. Which token is in one, nothing says, unless there is a
    /// list of those, too.
    Variables {
        /// The names; `None` when the task has no such label.
        names: Option<HashSet<String>>,
        /// Starts of the tokens' identities; `None` when the task has no such label.
        tokens: Option<HashSet<[u8; PREFIX]>>,
    },
}

/// One secret that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name of the variable that it is in, or nothing.
    pub key: &'a str,
    /// The token.
    pub token: Token<'a>,
}

/// Whether variables alone, without a list of tokens, are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenList {
    /// They are.
    Optional,
    /// They are not.
    Required,
}

/// Proof that a workload may have a token. Only [`Workload::grant`] makes it.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a>(Token<'a>);

impl<'a> Granted<'a> {
    /// The token that it is about.
    pub fn token(&self) -> Token<'a> {
        self.0
    }
}

impl Workload {
    /// A workload with these keys and rights.
    pub fn new(deploy: PublicKey, service: Option<PublicKey>, grants: Grants) -> Self {
        Self { deploy, service, grants, channels: OnceLock::new() }
    }

    /// What it has sealed into `envelope`, and which of the `masters`, which are always the same, it was sealed for.
    ///
    /// # Errors
    ///
    /// [`Refusal::DeployBox`] or [`Refusal::ServiceBox`].
    pub fn open(&self, masters: &[SecretKey], envelope: &[u8]) -> Result<(usize, Secret), Refusal> {
        let mut refusal = Refusal::DeployBox;
        for number in 0..masters.len() {
            match self.channel(masters, number).map(|channel| channel.open(envelope)) {
                Some(Ok(message)) => return Ok((number, message)),
                Some(Err(Layer::Service)) => refusal = Refusal::ServiceBox,
                Some(Err(Layer::Deploy)) | None => {}
            }
        }
        Err(refusal)
    }

    /// The channel with one of the `masters`, unless this workload's keys are weak ones. The keys are agreed upon once.
    pub(crate) fn channel(&self, masters: &[SecretKey], number: usize) -> Option<&Channel> {
        let all = self.channels.get_or_init(|| masters.iter().map(|_| OnceLock::new()).collect());
        let agree = || {
            let channel = Channel::of_daemon(&masters[number], &self.deploy, self.service.as_ref());
            channel.ok()
        };
        all.get(number)?.get_or_init(agree).as_ref()
    }

    /// Whether it may have what is `wanted`.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub fn grant<'a>(&self, wanted: Wanted<'a>, list: TokenList) -> Result<Granted<'a>, Refusal> {
        let token = TokenId::of(&wanted.token);
        match &self.grants {
            Grants::Tokens(tokens) if tokens.contains(&token) => {}
            Grants::Starts(starts) if starts.contains(&token.prefix()) => {}
            Grants::Tokens(_) | Grants::Starts(_) => return Err(Refusal::NotInApp),
            Grants::Variables { names, tokens } => {
                if wanted.key.is_empty() {
                    return Err(Refusal::NoVariable);
                }
                let names = names.as_ref().ok_or(Refusal::NoVariablesLabel)?;
                if !names.contains(wanted.key) {
                    return Err(Refusal::NotInVariables);
                }
                match tokens {
                    Some(tokens) if !tokens.contains(&token.prefix()) => {
                        return Err(Refusal::NotInTokenList);
                    }
                    None if list == TokenList::Required => return Err(Refusal::NoTokenList),
                    _ => {}
                }
            }
        }
        Ok(Granted(wanted.token))
    }
}
