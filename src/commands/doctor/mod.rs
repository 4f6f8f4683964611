//! `secretary doctor`: which keys are in reach, which belong together, what each command would use and
//! which keys open which tokens. Prints no key and no secret.

mod pairs;
mod report;
mod ring;
mod tokens;
mod uses;

use std::process::ExitCode;

use self::report::{Level, Report};
use self::ring::Ring;
use self::tokens::Trial;
use crate::Outcome;
use crate::cli::Doctor;
use crate::failure::{Code, shown};
use crate::input;
use crate::world::World;

pub(super) fn run(args: &Doctor, world: &World) -> Outcome {
    let mut report = Report::default();
    report.section("keys");
    let ring = Ring::collect(&args.path, &world.environ, &mut report);
    report.section("pairs");
    pairs::check(&ring, &mut report);
    pairs::check_who_can_decrypt(&ring, &mut report);
    report.section("commands");
    let decrypt = uses::check(&world.environ, &mut report);
    report.section("tokens");
    let trial = Trial::new(&decrypt, &ring);
    if args.file.is_empty() {
        for (name, text) in world.environ.sealed() {
            let places = text.tokens().map(|_| shown(name));
            trial.check(&text, places, &mut report);
        }
    }
    for path in &args.file {
        let input = match input::read(path, input::MAX_TEXT, world) {
            Ok(input) => input,
            Err(failure) => {
                report.failure(&failure);
                continue;
            }
        };
        let text = input.text();
        let name = input::name_of(path);
        let positions = text.positions(0..text.tokens().len());
        let places = positions.map(|(line, column)| format!("{name}:{line}:{column}"));
        trial.check(&text, places, &mut report);
    }
    let text = if args.json { report.json() } else { report.text() };
    world.print(text.as_bytes())?;
    Ok(match report.count(Level::Problem) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(Code::General as u8),
    })
}
