//! The `secretary` program. Everything it does is in the library beside it.

use std::process::ExitCode;

use secretary::world::World;

fn main() -> ExitCode {
    secretary::run(&World::real(std::env::args_os()))
}
