# pi-gen at one commit, fetched into build/; it never enters this tree.
# shellcheck shell=bash disable=SC2034  # the name is for the scripts that source this

# The arm64 branch of 16 June 2026: Debian 13, release of that day. A newer one is a decision, with a test on a Pi.
PI_GEN_COMMIT=ca8aeed0ae300c2a89f55ce9617d5f96a27e99e5
PI_GEN=$BUILD/pi-gen

# PI_GEN_SOURCE names a clone that is here already. Fails when there is none and none can be fetched.
fetch_pi_gen() {
    local source=${PI_GEN_SOURCE:-https://github.com/RPi-Distro/pi-gen.git}
    if [ "$(git -C "$PI_GEN" rev-parse HEAD 2>/dev/null)" = $PI_GEN_COMMIT ]; then return; fi
    rm -rf "$PI_GEN"
    git init -q "$PI_GEN" &&
        git -C "$PI_GEN" fetch -q --depth 1 "$source" $PI_GEN_COMMIT &&
        git -C "$PI_GEN" -c advice.detachedHead=false checkout -q FETCH_HEAD
}
