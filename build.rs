//! Supplies the `libpcap.a` that the `pcap` crate links against: a small loader that opens the
//! machine's libpcap when it is first needed. So the program builds, and reads files, without libpcap.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/capture/libpcap_loader.c");
    #[cfg(feature = "live")]
    loader();
}

#[cfg(feature = "live")]
fn loader() {
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let system = std::env::var_os("CARGO_FEATURE_LINK_SYSTEM").is_some();
    // Elsewhere libpcap is part of the system, or comes with Npcap's import library.
    if !linux || system {
        return;
    }
    cc::Build::new()
        .file("src/capture/libpcap_loader.c")
        .cargo_metadata(false)
        .std("c11")
        .warnings(true)
        .compile("pcap");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    println!("cargo:rustc-link-search=native={out}");
}
