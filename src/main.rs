use std::process::ExitCode;

fn main() -> ExitCode {
    gatebook::commands::run()
}
