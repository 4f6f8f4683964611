//! The `secretary` program. Everything it does is in the library beside it.

use std::process::ExitCode;

use secretary::world::World;

fn main() -> ExitCode {
    secretary::run(std::env::args_os(), World::real())
}
