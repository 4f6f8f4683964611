//! The handles that name keys of Kubernetes secrets.

use std::path::Path;

use secretary_secret::Secret;

use crate::failure::Failure;
use crate::world::World;

/// A handle, and its value or the sentence that is told instead.
type Answer<'a> = (&'a str, Result<Secret, String>);

/// Reads `keys`, each a handle and what follows its prefix, with the rights of the service account in a folder.
#[cfg(feature = "kubernetes")]
pub(super) fn read<'a>(
    keys: &[(&'a str, &str)],
    service_account: &Path,
    world: &World,
) -> Result<Vec<Answer<'a>>, Failure> {
    use secretary_agent::kubernetes::KeyName;

    let mut answers = Vec::with_capacity(keys.len());
    let (mut handles, mut names) = (Vec::new(), Vec::new());
    for &(handle, name) in keys {
        match KeyName::parse(name) {
            Ok(name) => {
                handles.push(handle);
                names.push(name);
            }
            Err(error) => answers.push((handle, Err(error.to_string()))),
        }
    }
    answers.extend(handles.into_iter().zip(ask(&names, service_account, world)?));
    Ok(answers)
}

/// A client that can't be set up is what is wrong with each of the keys, and with nothing else that is asked for.
#[cfg(feature = "kubernetes")]
fn ask(
    names: &[secretary_agent::kubernetes::KeyName<'_>],
    service_account: &Path,
    world: &World,
) -> Result<Vec<Result<Secret, String>>, Failure> {
    use secretary_agent::kubernetes::{Client, Settings};

    /// As long as the image helper waits.
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

    if names.is_empty() {
        return Ok(Vec::new());
    }
    let variable = |name| world.environ.get(name).and_then(|value| value.to_str());
    let host = variable("KUBERNETES_SERVICE_HOST");
    let settings =
        Settings::of_pod(host, variable("KUBERNETES_SERVICE_PORT"), service_account, TIMEOUT);
    let answers = match settings.and_then(|settings| Client::new(&settings)) {
        Ok(client) => crate::runtime::wait_for(client.read(names))?,
        Err(error) => names.iter().map(|_| Err(error.clone())).collect(),
    };
    let in_words = |answer: Result<_, _>| {
        answer.map_err(|error: secretary_agent::kubernetes::KubernetesError| error.to_string())
    };
    Ok(answers.into_iter().map(in_words).collect())
}

/// Says that there is no such source here.
#[cfg(not(feature = "kubernetes"))]
pub(super) fn read<'a>(
    keys: &[(&'a str, &str)],
    _service_account: &Path,
    _world: &World,
) -> Result<Vec<Answer<'a>>, Failure> {
    let absent = "this secretary was built without Kubernetes".to_string();
    Ok(keys.iter().map(|(handle, _)| (*handle, Err(absent.clone()))).collect())
}
