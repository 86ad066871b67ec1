#!/bin/sh
# Builds hostmemd_VERSION_ARCHITECTURE.deb in out/, or in the folder that is given. Needs the .NET SDK, clang or gcc, and dpkg-deb.
# Built on Debian 12 it runs on 12 and 13: a C library as old as the builder's is enough.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
output=$(mkdir -p "${1:-$root/out}" && cd "${1:-$root/out}" && pwd)
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' "$root/Directory.Build.props")
architecture=$(dpkg --print-architecture)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

publish() { # project, program, where it goes
    dotnet publish "$root/$1" -c Release -o "$tree.publish"
    install -D -m 755 "$tree.publish/$2" "$tree$3"
    rm -rf "$tree.publish"
}
chmod 755 "$tree"
publish src/Daemon hostmemd /usr/bin/hostmemd
publish contrib/qemu-hostmem qemu-hostmem /usr/bin/qemu-hostmem
publish contrib/qmp-shell qmp-shell /usr/bin/qmp-shell
ln -s qmp-shell "$tree/usr/bin/qmp-shell-wrap"

for page in "$root"/docs/man/*.[0-9]; do
    install -d -m 755 "$tree/usr/share/man/man${page##*.}"
    gzip -9n < "$page" > "$tree/usr/share/man/man${page##*.}/$(basename "$page").gz"
done
ln -s qmp-shell.1.gz "$tree/usr/share/man/man1/qmp-shell-wrap.1.gz"
chmod 644 "$tree"/usr/share/man/man*/*
completions=$tree/usr/share/bash-completion/completions
install -D -m 644 "$root/contrib/completion/hostmemd.bash" "$completions/hostmemd"
install -D -m 644 "$root/contrib/completion/qmp-shell.bash" "$completions/qmp-shell"
ln -s qmp-shell "$completions/qemu-hostmem"
install -D -m 644 -t "$tree/usr/share/zsh/vendor-completions" "$root"/contrib/completion/_*

install -d -m 755 "$tree/etc/hostmemd"
install -D -m 644 -t "$tree/usr/lib/systemd/system" "$here/systemd/hostmemd@.service" "$here/systemd/hostmemd@.socket"
install -D -m 644 "$here/systemd/hostmemd.sysusers" "$tree/usr/lib/sysusers.d/hostmemd.conf"
documents=$tree/usr/share/doc/hostmemd
install -D -m 644 -t "$documents" "$root/README.md" "$root/THIRD-PARTY-NOTICES" "$root"/docs/*.md
gzip -9n < "$root/CHANGELOG.md" > "$documents/changelog.gz"
# The licence's own text, indented, an empty line as a dot.
sed -e '1,/^Copyright/d' -e '/./,$!d' "$root/LICENSE" | sed -e 's/^$/./' -e 's/^/ /' > "$tree.licence"
sed -e "/@LICENSE@/{r $tree.licence" -e 'd}' "$here/debian/copyright.in" > "$documents/copyright"
rm "$tree.licence"
chmod 644 "$documents"/*
install -d -m 755 "$documents/examples"
cp -p "$root"/docs/examples/* "$documents/examples"

mkdir "$tree/DEBIAN"
install -m 755 -t "$tree/DEBIAN" "$here/debian/preinst" "$here/debian/postinst" "$here/debian/prerm" "$here/debian/postrm"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$(du -ks "$tree" | cut -f1)/" \
    "$here/debian/control.in" > "$tree/DEBIAN/control"
dpkg-deb --root-owner-group --build "$tree" "$output/hostmemd_${version}_$architecture.deb"
