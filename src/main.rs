use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::main_impl()
}
