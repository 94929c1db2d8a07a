#!/usr/bin/env bash
# Builds the last stage of the Dockerfile around an executable that is there already, and runs it (container.py).
#
#   run.sh EXECUTABLE DEMO      DEMO is the example `demo`, which serves the in-process Kinesis
#
# The base is made here, of the libraries that the default base has and nothing else, so no registry is asked. All of it
# happens in namespaces of its own: no network but loopback, and no mount that stays. Needs root, buildah, runc, kubectl.
set -euo pipefail
if [[ ${TRAILRISK_IN_NAMESPACE:-} != yes ]]; then
  exec env TRAILRISK_IN_NAMESPACE=yes unshare --net --mount --pid --fork --kill-child --mount-proc -- "$0" "$@"
fi
unset TRAILRISK_IN_NAMESPACE
ip link set lo up

executable=$(realpath "$1")
demo=$(realpath "$2")
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
# What still runs after a failure ends with the namespace.
trap 'umount --lazy "$scratch" && rmdir "$scratch"' EXIT
mount -t tmpfs -o size=1g,mode=0755 trailrisk "$scratch"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }

# gcr.io/distroless/cc-debian12 has glibc, libgcc, libstdc++ and the authorities of TLS, without which the AWS SDK panics,
# and no shell. What else the executable asks for would be missing there.
mkdir -p "$scratch/base" "$scratch/builder/build/target/release" "$scratch/builder/state"
while read -r library; do
  case ${library##*/} in
    libc.so.6 | libm.so.6 | libgcc_s.so.1 | ld-linux-*.so.*) cp --parents --dereference "$library" "$scratch/base" ;;
    *) echo "the default base of the image has no $library" >&2 && exit 1 ;;
  esac
done < <(ldd "$executable" | grep -o '/[^ ]*')
cp --parents --dereference /etc/ssl/certs/ca-certificates.crt "$scratch/base"
strip --output-file="$scratch/builder/build/target/release/trailrisk" "$executable"

# The last stage as it stands; `builder`, whose two folders it copies, is a folder here.
# shellcheck disable=SC2016 # these are the Dockerfile's own words
sed -n '/^ARG RUNTIME=/p; /^FROM \${RUNTIME}/,$p' Dockerfile >"$scratch/Dockerfile"
printf 'FROM scratch\nCOPY . /\n' >"$scratch/base.Dockerfile"
buildah build --quiet --network none --tag base --file "$scratch/base.Dockerfile" "$scratch/base" >/dev/null
buildah build --quiet --network none --format docker --build-context "builder=$scratch/builder" \
  --build-arg RUNTIME=localhost/base --build-arg REVISION=0ebccac --build-arg CREATED=2026-01-31T12:00:00Z \
  --tag trailrisk --file "$scratch/Dockerfile" . >/dev/null
container=$(buildah from --pull-never localhost/trailrisk)
root=$(buildah mount "$container")
buildah inspect --type image localhost/trailrisk >"$scratch/image.json"

# runc knows no host whose cgroups are of both versions at once; here it has a hierarchy of its own.
umount --recursive /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"${PYTHON:-python3}" tests/image/container.py "$scratch/image.json" "$root" "$demo" "$scratch"
