//! Handles that name a secret of a secrets server. All are asked for together, and each is answered for itself.

use secretary_agent::handle::Handle;
use secretary_envelope::Reference;
use secretary_secret::Secret;

use super::{Resolved, Resolver};
use crate::remote::Answer;
use crate::setec::{Flags, Getter};

impl Resolver<'_> {
    pub(super) fn ask_secrets_server<'t>(
        &self,
        handles: &[(&'t str, Handle<'t>)],
    ) -> Vec<Resolved<'t>> {
        let mut resolved = Vec::with_capacity(handles.len());
        let (mut asked, mut references) = (Vec::new(), Vec::new());
        for (text, handle) in handles {
            let Handle::Setec(name) = handle else { continue };
            match Reference::parse(name.as_bytes()) {
                Ok(reference) => {
                    asked.push(*text);
                    references.push(reference);
                }
                Err(error) => resolved.push((*text, Err(error.to_string()))),
            }
        }
        resolved.extend(asked.into_iter().zip(self.secrets(&references)));
        resolved
    }

    fn secrets(&self, references: &[Reference]) -> Vec<Result<Secret, String>> {
        if references.is_empty() {
            return Vec::new();
        }
        let keys = self.keys_in_time();
        let flags = Flags::beside_daemon(&keys.setec, &keys.daemon, &self.world.environ);
        let getter = Getter::find(flags, &self.world.environ);
        match getter.and_then(|getter| getter.get_all(references)) {
            Ok(answers) => {
                let told = |answer: Answer| answer.map_err(|denied| denied.sentence);
                answers.into_iter().map(told).collect()
            }
            // What keeps anybody from being asked is what is wrong with each of them.
            Err(failure) => references.iter().map(|_| Err(failure.message().to_string())).collect(),
        }
    }
}
