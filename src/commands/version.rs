//! `secretary version`

use std::process::ExitCode;

use crate::Outcome;
use crate::cli::Version;
use crate::world::World;

pub(super) fn run(args: &Version, world: &World) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let text = match args.json {
        true => format!(
            "{}\n",
            serde_json::json!({
                "version": version,
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
            })
        ),
        false => format!("{version}\n"),
    };
    world.print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
