# An arm64 root made fast on another machine: downloads, unpacks and compiles natively, emulates maintainer scripts only.
# shellcheck shell=bash
#
# Whole emulation takes 20 minutes; most of it is apt, dpkg, xz and Python's byte-compiler, which do not care on which
# processor they run. What must run inside (preinst, postinst) does, under qemu-user.

# Programs the maintainer scripts call over and over and whose work is done once, natively, in finish_install.
# (ssh-keygen's host keys would be deleted again, and an initramfs is made when the stage says so.)
DIVERTED=(/usr/bin/py3compile /usr/bin/systemd-hwdb /usr/sbin/depmod /usr/sbin/update-initramfs
    /usr/sbin/update-ca-certificates /usr/bin/ssh-keygen)

# qemu-aarch64 for every arm64 program of this machine, opened now (flag F), so that it needs nothing inside a root.
register_emulator() {
    local registry=/proc/sys/fs/binfmt_misc tools=$BUILD/root-tools
    [ -e $registry/register ] || mount -t binfmt_misc binfmt_misc $registry
    if grep -qsx 'flags:.*F.*' $registry/qemu-aarch64 $registry/otppi-aarch64; then return; fi
    sed "s|^:qemu-|:otppi-|; s|:/usr/libexec/|:$tools/usr/libexec/|" "$tools/usr/lib/binfmt.d/qemu-aarch64.conf" \
        >$registry/register
}

# foreign_install ROOT RECOMMENDS PACKAGES...: as "apt-get install" inside, RECOMMENDS true or false.
foreign_install() {
    local root=$1 recommends=$2 configuration=$1.apt.conf file name
    shift 2
    native_apt_configuration "$root" "$recommends" >"$configuration"
    mkdir -p "$root/var/cache/apt/archives/partial"
    # The root may come from a cache of two weeks ago, or a stage before has cleaned up.
    APT_CONFIG=$configuration apt-get -qq -o Acquire::Retries=3 update >&2
    APT_CONFIG=$configuration apt-get -qq -y -o Acquire::Retries=3 install --download-only "$@" >&2
    say "downloaded $(du -sh "$root/var/cache/apt/archives" | cut -f1)"

    for file in "${DIVERTED[@]}"; do divert "$root" "$file"; done
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
    # In apt's order: a preinst may call a program of the package before it (linux-image wants linux-base).
    APT_CONFIG=$configuration apt-get -s install "$@" | awk '/^Inst/ { print $2 }' >"$root.order"
    while read -r name; do echo "$root/var/cache/apt/archives/$name"_*.deb; done <"$root.order" |
        DEBIAN_FRONTEND=noninteractive xargs -r dpkg --root="$root" --force-architecture --force-depends \
            --force-unsafe-io --log="$root/var/log/dpkg.log" "${DPKG_EXCLUDES[@]/#/--}" --unpack >"$root.unpack.log" 2>&1 ||
        { tail -n 30 "$root.unpack.log" >&2 && die "unpacking failed"; }
    say "unpacked"
    for file in "${DIVERTED[@]}"; do divert "$root" "$file"; done # those that came with these packages
    # Python's own postinst calls its compiler past py3compile.
    for file in "$root"/usr/lib/python3.*/py_compile.py; do
        if [ -e "$file" ]; then mv "$file" "$file.real" && : >"$file"; fi
    done
    on_chroot <<<'dpkg --force-unsafe-io --configure -a' >"$root.configure.log" 2>&1 ||
        { tail -n 30 "$root.configure.log" >&2 && die "configuring failed"; }
    say "configured"
    for file in "$root"/usr/lib/python3.*/py_compile.py.real; do
        if [ -e "$file" ]; then mv "$file" "${file%.real}"; fi
    done
    for file in "${DIVERTED[@]}"; do undivert "$root" "$file"; done
    rm -f "$root"/usr/sbin/policy-rc.d "$root"/var/cache/apt/archives/*.deb
    finish_install "$root"
}

native_apt_configuration() {
    cat <<END
Dir "$1";
Dir::Bin::dpkg "/usr/bin/dpkg"; Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::solvers:: "/usr/lib/apt/solvers"; Dir::Bin::planners:: "/usr/lib/apt/planners";
Dir::State::status "$1/var/lib/dpkg/status";
APT::Architecture "arm64"; APT::Architectures { "arm64"; }; APT::Install-Recommends "$2";
APT::Sandbox::User "root"; Acquire::Languages "none";
END
}

# A program that is not there yet is diverted all the same: dpkg then unpacks it under the other name.
divert() {
    if [ -L "$1$2" ] && [ "$(readlink "$1$2")" = /bin/true ]; then return; fi
    dpkg-divert --root "$1" --quiet --local --rename --divert "$2.real" --add "$2"
    mkdir -p "$(dirname "$1$2")"
    ln -s /bin/true "$1$2"
}
undivert() {
    rm -f "$1$2"
    dpkg-divert --root "$1" --quiet --local --rename --divert "$2.real" --remove "$2"
}

# What the diverted programs would have done, by programs of the tools root on this processor.
finish_install() {
    local root=$1 kernel folder folders=()
    for folder in "$root"/usr/lib/python3/dist-packages "$root"/usr/lib/python3.*; do
        if [ -d "$folder" ]; then folders+=("$folder"); fi
    done
    if [ ${#folders[@]} != 0 ]; then
        "$TREE/scripts/tool" python3 -m compileall -q -s "$root" -p / -x '/lib2to3/tests|/bad_' "${folders[@]}" >&2 ||
            say "some Python files were not byte-compiled (named above); they will be when first used"
    fi
    for kernel in "$root"/usr/lib/modules/*; do
        if [ -d "$kernel" ]; then "$TREE/scripts/tool" depmod -b "$root/usr" "${kernel##*/}"; fi
    done
    if [ -d "$root/usr/lib/udev/hwdb.d" ]; then "$TREE/scripts/tool" systemd-hwdb --root="$root" --usr update; fi
    if [ -e "$root/etc/ca-certificates.conf" ]; then cp -a "$BUILD/root-tools/etc/ssl/certs/." "$root/etc/ssl/certs/"; fi
    say "byte-compiled; modules, hardware and certificates indexed"
}
