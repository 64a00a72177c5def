#!/bin/sh
# Formats and lints the protocol definitions and regenerates the Go beside
# them. Needs Go and, the first time, the module proxy. CI runs it and fails if
# the result differs from what is committed.
set -eu
cd "$(dirname "$0")"

buf() { go run github.com/bufbuild/buf/cmd/buf@v1.75.0 "$@"; }

buf format --write
buf lint
buf generate
