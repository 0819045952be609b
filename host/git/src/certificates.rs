//! Where OpenSSL finds the certificates of authorities. It never loosens what is trusted.

use std::path::Path;

/// A folder in which each certificate has its hash for a name, as `c_rehash` makes it: Debian and its kin.
const HASHED: &str = "/etc/ssl/certs";

/// Lets OpenSSL look certificates up one at a time. By default it reads all of a system's hundred and more whenever
/// libgit2 starts, which took 40 of the 70 ms that `tidegate runs list` took here, for commands that speak to nobody as
/// well. Does nothing where the environment names other certificates, or the folder is not hashed.
///
/// To be called before the process has a second thread: it changes the environment.
pub fn look_up_certificates_lazily() {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if named || !is_hashed(Path::new(HASHED)) {
        return;
    }
    #[expect(unsafe_code, reason = "there is no other thread yet that could read the environment meanwhile")]
    // A bundle that is empty, so that only the folder counts.
    unsafe {
        std::env::set_var("SSL_CERT_FILE", "/dev/null");
        std::env::set_var("SSL_CERT_DIR", HASHED);
    }
}

fn is_hashed(folder: &Path) -> bool {
    let hashed =
        |name: &str| name.len() == 10 && name.ends_with(".0") && name[..8].bytes().all(|b| b.is_ascii_hexdigit());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(hashed)).take(8).count() == 8
}
