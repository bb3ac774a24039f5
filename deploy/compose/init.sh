#!/bin/sh
# Makes the secrets of the compose trial, once: passwords of PostgreSQL and of the two made-up physicians. Nothing secret is printed or
# given as an argument. Hashing needs Go, or else Docker (which builds the image).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=$here/secrets
mkdir -p "$dir"
# The directory keeps other users out. The files are readable, because compose mounts them with their mode and each container has a user of its own.
chmod 0700 "$dir"
umask 022
random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -s "$dir/postgres_password" ]; then
	random 24 >"$dir/postgres_password"
	rm -f "$dir/database_dsn"
fi
if [ ! -s "$dir/database_dsn" ]; then
	# sslmode=disable: the network between the two containers exists on this machine only.
	printf 'postgres://countersign:%s@postgres:5432/countersign?sslmode=disable' "$(cat "$dir/postgres_password")" >"$dir/database_dsn"
fi
if [ ! -s "$dir/practitioners" ]; then
	random 8 >"$dir/demo_password"
	if command -v go >/dev/null; then
		hash=$(cd "$root" && go run ./cmd/countersign practitioners hash <"$dir/demo_password")
	else
		# compose wants every secret's file to exist before it runs anything
		: >"$dir/practitioners"
		(cd "$root" && docker compose build --quiet gateway)
		hash=$(cd "$root" && docker compose run --rm --no-deps -T gateway practitioners hash <"$dir/demo_password")
	fi
	case $hash in
	argon2id*) ;;
	*)
		rm -f "$dir/practitioners"
		echo "init.sh: no password hash was made: see the message above" >&2
		exit 1
		;;
	esac
	sed "s|@HASH@|$hash|" "$here/practitioners.yaml.in" >"$dir/practitioners"
fi
if [ ! -s "$dir/devices" ]; then
	random 24 >"$dir/device_token"
	hash=$(sha256sum <"$dir/device_token" | cut -d ' ' -f 1)
	printf 'devices:\n  - {id: exam-room-1, site: demo, token_sha256: %s}\n' "$hash" >"$dir/devices"
fi
echo "ready. Log in as rivera (attending) or okafor (resident); the password is in $dir/demo_password"
