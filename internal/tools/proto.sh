#!/bin/sh
# Generates and checks the contracts in proto/. Needs Go and a Go module proxy, nothing else: every plug-in is local.
#
#   proto.sh generate          lint, then write the Go and OpenAPI files beside the .proto files (the default)
#   proto.sh lint              only lint
#   proto.sh verify            generate, then fail if a file differs from what Git has staged or committed
#   proto.sh breaking [REF]    compare with the .proto files of REF (default HEAD)
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$tools/../.." && pwd)
export GOWORK=off
unset GOFLAGS || true

# build installs buf and the plug-ins into internal/tools/bin. Go's build cache makes a repeated call cheap.
build() {
	GOBIN="$tools/bin" CGO_ENABLED=0 go -C "$tools" install -mod=readonly -buildvcs=false tool
	PATH="$tools/bin:$PATH"
	export PATH
}

# same MODULE: the plug-in must have the version of the runtime that the generated code is compiled against.
same() {
	gateway=$(sed -n "s|^[[:space:]]*$1 \(v[^ ]*\).*|\1|p" "$root/go.mod")
	plugin=$(sed -n "s|^[[:space:]]*$1 \(v[^ ]*\).*|\1|p" "$tools/go.mod")
	if [ "$gateway" != "$plugin" ]; then
		echo "proto.sh: $1 is $gateway in go.mod but $plugin in internal/tools/go.mod; make them equal" >&2
		exit 1
	fi
}

generate() {
	same google.golang.org/protobuf
	same github.com/grpc-ecosystem/grpc-gateway/v2
	build
	cd "$root"
	buf lint
	# A message that was removed must not leave its generated file behind. Files written by hand have other names.
	rm -f proto/countersign/v1/*.pb.go proto/countersign/v1/*.pb.gw.go proto/countersign/v1/*.swagger.json
	buf generate
}

case "${1:-generate}" in
generate)
	generate
	;;
lint)
	build
	cd "$root"
	buf lint
	;;
verify)
	generate
	git diff --exit-code -- proto
	untracked=$(git ls-files --others --exclude-standard -- proto)
	if [ -n "$untracked" ]; then
		echo "proto.sh: generated but not committed:" >&2
		echo "$untracked" >&2
		exit 1
	fi
	;;
breaking)
	build
	cd "$root"
	buf breaking --against ".git#ref=${2:-HEAD}"
	;;
*)
	sed -n '2,7p' "$0" >&2
	exit 2
	;;
esac
