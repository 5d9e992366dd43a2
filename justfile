# Everything that a change must pass.
check: fmt clippy test doc

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo nextest run --workspace

# Adds the suites against a real Tryton server and the official webhook library, installed from PyPI on first use.
test-real:
    cargo nextest run --workspace --features tryton,standard-webhooks

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

deny:
    cargo deny check bans licenses sources

bench:
    cargo bench --bench federation

# Idle subscriptions and webhooks. With LINESHAFT_BENCH_POSTGRES set to the address of a Postgres, webhooks on that as well.
bench-streams:
    cargo bench --bench streams

# Mappings against parsing and writing the same JSON.
bench-mapping:
    cargo bench --bench mapping

# Time and memory of a start with 40 connectors.
bench-catalogue:
    cargo bench --bench catalogue

# The time from the save of a mapping to its effect, and what the schemas of organizations cost.
bench-effect:
    cargo bench --bench effect
    cargo bench --bench schemas

# Writes against posting the same requests directly to the simulated system.
bench-writes:
    cargo bench --bench writes

demo:
    cargo run -- demo

# Writes what is generated: the SDL, the manifest schema, the pages of connectors and errors, events, the grammar.
generate:
    cargo run -q -- schema > schema/lineshaft.graphql
    cargo run -q -- connector schema > connectors/manifest.schema.json
    cargo run -q -- connector pages --write docs/connectors
    cargo run -q -- errors --write docs/errors
    cargo run -q -- events > docs/events.md
    cargo run -q -- grammar > docs/mapping-grammar.md
