//! Builds the crate again when a file of the web UI is added or removed: the macro that embeds them
//! sees changes of files that it knows only.

fn main() {
    println!("cargo::rerun-if-changed=ui/dist");
}
