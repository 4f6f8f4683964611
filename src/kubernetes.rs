//! Keys of Kubernetes secrets, as whoever answers an agent asks for them: by handle, each for itself.

use std::path::Path;
use std::time::Duration;

use secretary_secret::Secret;

use crate::environ::Environ;

/// A handle, and its value or the sentence that is told instead.
pub type Answer<'a> = (&'a str, Result<Secret, String>);

/// Reads `keys`, each a handle and what follows its prefix, with the rights of the service account in a folder. All
/// are asked for at once, and together for no longer than `timeout`.
#[cfg(feature = "kubernetes")]
pub fn read<'a>(
    keys: &[(&'a str, &str)],
    service_account: &Path,
    timeout: Duration,
    environ: &Environ,
) -> Vec<Answer<'a>> {
    use secretary_agent::kubernetes::{KeyName, Settings};

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
    let variable = |name| environ.get(name).and_then(|value| value.to_str());
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"));
    let settings = Settings::of_pod(host, port, service_account, timeout);
    let values = match settings {
        Ok(settings) => ask(&names, &settings),
        Err(error) => Err(error.to_string()),
    };
    // What keeps anybody from being asked is what is wrong with each of them.
    let values = values.unwrap_or_else(|error| names.iter().map(|_| Err(error.clone())).collect());
    answers.extend(handles.into_iter().zip(values));
    answers
}

#[cfg(feature = "kubernetes")]
fn ask(
    names: &[secretary_agent::kubernetes::KeyName<'_>],
    settings: &secretary_agent::kubernetes::Settings,
) -> Result<Vec<Result<Secret, String>>, String> {
    use secretary_agent::kubernetes::Client;

    if names.is_empty() {
        return Ok(Vec::new());
    }
    let client = Client::new(settings).map_err(|error| error.to_string())?;
    let values = crate::runtime::wait_for(client.read(names));
    let values = values.map_err(|failure| failure.message().to_string())?;
    Ok(values.into_iter().map(|value| value.map_err(|error| error.to_string())).collect())
}

/// Says that there is no such source here.
#[cfg(not(feature = "kubernetes"))]
pub fn read<'a>(
    keys: &[(&'a str, &str)],
    _service_account: &Path,
    _timeout: Duration,
    _environ: &Environ,
) -> Vec<Answer<'a>> {
    let absent = "this secretary was built without Kubernetes".to_string();
    keys.iter().map(|(handle, _)| (*handle, Err(absent.clone()))).collect()
}
