#!/usr/bin/env bash
# package.sh PROGRAM TAG [FOLDER]: packs the program, what it is installed with, and the documents into target/package, or FOLDER,
# with checksums. The same program and commit give the same archive.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1 tag=$2
version=$("$program" --version | cut -d' ' -f2)
[ "$tag" = "v$version" ] || { echo "package: the tag $tag is not that of version $version" >&2; exit 1; }
name=sms-server-$version-$(uname -m)-linux
folder=${3:-target/package}
rm -rf "$folder"
mkdir -p "$folder/$name"
cp -r CHANGELOG.md LICENSE-APACHE LICENSE-MIT README.md README.ru.md docs deploy "$folder/$name/"
# What belongs to this checkout, or is for tests.
rm -rf "$folder/$name/deploy/secrets" "$folder/$name/deploy/compose.test.yaml" "$folder/$name/deploy/Dockerfile"
install -m 755 "$program" "$folder/$name/sms-server"
chmod -R u=rwX,go=rX "$folder/$name"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
    -C "$folder" -c "$name" | gzip -n"${LEVEL:-9}" >"$folder/$name.tar.gz"
rm -rf "${folder:?}/$name"
(cd "$folder" && sha256sum -- *.tar.gz >SHA256SUMS)
echo "$folder/$name.tar.gz"
