//! A small messenger.
mod clock;
mod name;
mod random;
mod span;

mod request;
mod frame;

mod relay;

fn main() {
    relay::run("127.0.0.1:0", std::path::Path::new("/tmp/x"), relay::Log::Printed).unwrap();
}
