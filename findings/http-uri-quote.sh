#!/usr/bin/env bash
# Package:   http 1.5.0 (crates.io), whose Uri hyper 1.12.0 reads each request's target into.
# Behaviour: a raw double quote is taken in a path and refused in a query, and the same Uri takes raw { } | ^ ` and any
#            byte beyond ASCII in a query.
# One would have guessed: that both parts refuse it, as RFC 3986 asks, or that both take it, as they take braces.
# Matters here: every SCIM filter has quotes, and it stands in the query. A client that does not encode them is refused by
#            hyper's server with an empty 400 before any handler runs, so the handler can neither serve it nor say why.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"
[dependencies]
http = "=1.5.0"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    for target in ["/Users/\"a\"", "/Users?filter=\"a\"", "/Users?filter={a}", "/Users?filter=a|b^c`", "/Users?filter=é"] {
        let read = target.parse::<http::Uri>();
        println!("{target} {}", if read.is_ok() { "taken" } else { "refused" });
    }
}
RUST
cargo run --quiet > seen
cat seen
diff - seen <<'SEEN'
/Users/"a" taken
/Users?filter="a" refused
/Users?filter={a} taken
/Users?filter=a|b^c` taken
/Users?filter=é taken
SEEN
echo "as it was"
