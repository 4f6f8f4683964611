//! `secretary man`: the manual pages, made from the same texts as `--help`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man as Page;

use crate::Outcome;
use crate::cli::{Cli, Man};
use crate::failure::{Code, Failure, shown};
use crate::output::{Existing, write_file};
use crate::world::World;

pub(super) fn run(args: &Man, world: &World) -> Outcome {
    let mut program = Cli::command();
    program.build();
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::io("make the folder", &shown(folder), &error))?;
        write(folder, &program)?;
        return Ok(ExitCode::SUCCESS);
    }
    let command = args.command.iter().try_fold(&program, |command, name| {
        command.find_subcommand(name).ok_or_else(|| {
            Failure::new(Code::Usage, format!("there is no command {}", shown(name)))
                .hint("`secretary --help` lists the commands")
        })
    })?;
    world.print(&render(command)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The page of a command, and of each command below it.
fn write(folder: &Path, command: &clap::Command) -> Result<(), Failure> {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write(folder, below)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = render(command)?;
    let path = folder.join(format!("{name}.1"));
    write_file(&path, 0o644, Existing::Replace, |file| file.write_all(&page))
}

fn render(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let command = command.clone().version(env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    let rendered = Page::new(command).manual("Secretary").render(&mut page);
    rendered.map_err(|error| Failure::io("make", "the manual page", &error))?;
    Ok(page)
}
